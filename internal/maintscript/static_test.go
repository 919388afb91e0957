package maintscript

// Unreproduced names the commands of a postinst or preinst whose effects nobody reproduces on a first
// installation, from the script alone. See [Effect] for what counts.
func Unreproduced(script string) []Finding {
	s, finding := Read(script)
	if finding != nil {
		return []Finding{*finding}
	}
	r := &static{}
	s.Walk(r, []string{"configure", ""}, nil)
	return Unique(r.found)
}

// static is a System of which nothing is known.
type static struct{ found []Finding }

func (*static) Stat(string, bool) About      { return About{} }
func (*static) Glob(string) ([]string, bool) { return nil, false }

// Read gives no file.
func (*static) Read(string) (string, bool)    { return "", false }
func (*static) Answer(string, Arg)            {}
func (*static) Default(string) (string, bool) { return "", false }
func (s *static) Run(c Call) Result {
	effect := EffectOf(c)
	switch {
	case effect == Harmless:
	case effect == Reproducible && c.Known() && (c.Output == nil || c.Output.File.Known):
	default:
		s.found = append(s.found, c.Finding(""))
	}
	return Result{}
}
