package pyvalue

import (
	"path"
	"slices"
	"strings"
)

// call is a call: of the function that is asked for, of one of the module, or of one that is known.
func (m *machine) call(e *expr, s *scope) Value {
	at := m.at(e.line)
	fn := e.kids[0]
	name := fn.name
	if fn.op != "name" && fn.op != "attr" {
		name = ""
	}
	args, named, spread := m.arguments(e.args, s)
	if name == m.wanted && !m.isOwn(fn, s) {
		m.calls = append(m.calls, Call{Line: e.line, Args: args, Named: named, Spread: spread})
		return None{}
	}
	switch f := m.eval(fn, s).(type) {
	case *function:
		return m.invoke(f, args, named, at)
	case native:
		return f(m, at, args, named)
	case Unknown:
		return Unknown{at, strings.TrimSuffix(f.Why, "(…)") + "(…)"}
	}
	return unknown(at, "a call of what cannot be told")
}

// isOwn tells whether a name is a function of the module.
func (m *machine) isOwn(fn *expr, s *scope) bool {
	if fn.op != "name" {
		return false
	}
	v, ok := s.get(fn.name)
	_, own := v.(*function)
	return ok && own
}

func (m *machine) arguments(list []argument, s *scope) (args []Value, named map[string]Value, spread []Unknown) {
	named = map[string]Value{}
	for _, a := range list {
		v := m.eval(a.x, s)
		switch a.name {
		case "":
			args = append(args, v)
		case "*":
			if items, ok := m.items(v); ok {
				if m.memory += 16 * len(items); m.memory > maxText {
					items = []Value{unknown(m.at(a.x.line), "too many arguments")}
				}
				args = append(args, items...)
			} else {
				args = append(args, unknown(m.at(a.x.line), "arguments that cannot be told"))
			}
		case "**":
			d, ok := v.(*Dict)
			if !ok {
				spread = append(spread, unknown(m.at(a.x.line), "a dictionary that cannot be told"))
				continue
			}
			for i, k := range d.Keys {
				if key, ok := k.(Str); ok {
					named[key.S] = d.Vals[i]
				} else {
					spread = append(spread, unknown(m.at(a.x.line), "a key that cannot be told"))
				}
			}
		default:
			named[a.name] = v
		}
	}
	return args, named, spread
}

// invoke runs a function of the module.
func (m *machine) invoke(f *function, args []Value, named map[string]Value, at Place) Value {
	if m.depth++; m.depth > maxCalls*4 {
		m.depth--
		return unknown(at, "functions call each other too deep")
	}
	defer func() { m.depth-- }()
	s := &scope{names: map[string]Value{}, outer: f.outer}
	if f.expr != nil {
		for i, key := range f.expr.keys {
			if s.names[key] = (unknown(at, "an argument")); i < len(args) {
				s.names[key] = args[i]
			}
		}
		return m.eval(f.expr.kids[0], s)
	}
	for i, p := range f.s.params {
		switch {
		case strings.HasPrefix(p.name, "**"):
			d := &Dict{}
			for _, key := range sortedKeys(named) {
				if !slices.ContainsFunc(f.s.params, func(q parameter) bool { return q.name == key }) {
					d.set(Str{S: key, At: at}, named[key])
				}
			}
			s.names[p.name[2:]] = d
		case strings.HasPrefix(p.name, "*"):
			l := &List{At: at}
			if i < len(args) {
				l.Items = append(l.Items, args[i:]...)
			}
			s.names[p.name[1:]] = l
		case named[p.name] != nil:
			s.names[p.name] = named[p.name]
		case i < len(args):
			s.names[p.name] = args[i]
		case p.x != nil:
			s.names[p.name] = m.eval(p.x, f.outer)
		default:
			s.names[p.name] = unknown(at, "the argument %s", p.name)
		}
	}
	outer := m.yields
	defer func() { m.yields = outer }()
	if m.yields = nil; collects(f.s.body) {
		m.yields = &List{At: at}
	}
	m.result = None{}
	m.run(f.s.body, s)
	v := m.result
	m.result = None{}
	if m.yields != nil {
		return m.bounded(m.yields)
	}
	return v
}

// collects tells whether a function is a generator.
func collects(body []stmt) bool {
	for _, st := range body {
		if st.kind == "yield" || st.kind == "yield from" || st.kind != "def" && (collects(st.body) || collects(st.more) || collects(st.final)) {
			return true
		}
	}
	return false
}

// path of a file that the module names, relative to the project.
func (m *machine) resolve(name string) string { return path.Join(m.dir, name) }

// read gives a file's text.
func (m *machine) read(name string, at Place) Value {
	if path.IsAbs(name) || strings.Contains(name, "\\") {
		return unknown(at, "the file %s", name)
	}
	whole := m.resolve(name)
	data, err := m.open(whole)
	if err != nil {
		return unknown(at, "the file %s, which cannot be read", name)
	}
	if m.memory += len(data); m.memory > maxText {
		return unknown(at, "the file %s, which is too long", name)
	}
	return Str{S: strings.ReplaceAll(strings.TrimPrefix(string(data), "\ufeff"), "\r\n", "\n"), At: Place{whole, 1}}
}

// lines are those of an open file, with their places; with ends as readlines gives them.
func (m *machine) lines(f *file, ends bool) Value {
	v := m.read(f.name, Place{m.file, 0})
	text, ok := v.(Str)
	if !ok {
		return v
	}
	return m.splitLines(text, ends)
}

func (m *machine) splitLines(text Str, ends bool) Value {
	l := &List{At: text.At}
	for i, line := range strings.SplitAfter(text.S, "\n") {
		if line == "" {
			continue
		}
		if !ends {
			line = strings.TrimSuffix(line, "\n")
		}
		one := text
		one.S = line
		one.At.Line += i
		l.Items = append(l.Items, one)
	}
	m.memory += len(text.S)
	return m.bounded(l)
}

// attribute is x.name.
func (m *machine) attribute(x Value, name string, at Place, e *expr) Value {
	switch x := x.(type) {
	case Str:
		if f := textMethod(x, name); f != nil {
			return f
		}
		switch name {
		case "req", "requirement", "name":
			return x
		case "parent":
			return m.str(dirOf(x.S), x)
		}
	case *List:
		if f := listMethod(x, name); f != nil {
			return f
		}
	case *Dict:
		if f := dictMethod(x, name); f != nil {
			return f
		}
	case *file:
		if f := fileMethod(x, name); f != nil {
			return f
		}
	case *match:
		if f := matchMethod(x, name); f != nil {
			return f
		}
	case thing:
		if x.what == "version_info" {
			switch name {
			case "major":
				return Int(3)
			case "minor":
				return thing{"minor"}
			}
		}
	case Unknown:
		return m.dotted(x, name, at)
	}
	return Unknown{at, describe(e)}
}

// describe is a name with dots as it was written.
func describe(e *expr) string {
	switch e.op {
	case "name":
		return e.name
	case "attr":
		return describe(e.kids[0]) + "." + e.name
	case "call":
		return describe(e.kids[0]) + "(…)"
	}
	return "…"
}

// dotted is an attribute of a module, by whatever name the module was imported.
func (m *machine) dotted(x Unknown, name string, at Place) Value {
	whole := x.Why + "." + name
	if v, ok := m.known(whole); ok {
		return v
	}
	return Unknown{at, whole}
}

func dirOf(p string) string {
	return path.Dir(p)
}
