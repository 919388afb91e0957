package maintscript

import "strings"

// trap walks what a script does at its end. What is done when it is interrupted does not happen.
func (w *walker) trap(c Call) Status {
	args := c.Args[1:]
	if len(args) > 0 && args[0].Text == "--" {
		args = args[1:]
	}
	if len(args) < 2 || args[0].Known && (args[0].Text == "-" || args[0].Text == "") {
		return Yes
	}
	for _, signal := range args[1:] {
		if name := strings.ToUpper(signal.Text); signal.Known && name != "EXIT" && name != "0" {
			continue
		}
		inner := *w // nothing of what it sets is seen by the script
		list, err := parse(args[0].Text)
		if w.traps || err != nil || !args[0].Known && strings.HasPrefix(args[0].Text, "*") {
			w.run(c)
			return Yes
		}
		inner.vars, inner.functions = w.clone(w.vars), make(map[string]node, len(w.functions))
		for name, body := range w.functions {
			inner.functions[name] = body
		}
		inner.system, inner.traps, inner.certain = atEnd{w.system, c.Line}, true, false
		inner.captured, inner.stdin, inner.output, inner.stop = nil, nil, nil, running
		inner.script = &Script{}
		if inner.depth++; inner.depth < maxDepth {
			inner.list(list)
		}
		w.steps, w.copied, w.told = inner.steps, inner.copied, w.told || inner.told
		return Yes
	}
	return Yes
}

// atEnd passes on what a trap does that would change an image, but lets nothing be carried out: it is not
// the time yet.
type atEnd struct {
	System
	line int
}

// Run implements System.
func (s atEnd) Run(c Call) Result {
	c.Line = s.line
	switch EffectOf(c) {
	case Harmless:
		return Result{}
	case Reproducible:
		if n := c.Name(); (n == "rm" || n == "rmdir") && c.temporary() {
			return Result{}
		}
	}
	c.Args = append([]Arg{{"trap", true}}, c.Args...)
	s.System.Run(c)
	return Result{}
}

// Answer implements System: it changes no answer.
func (s atEnd) Answer(string, Arg) {}

// temporary tells whether no word is a path that stays.
func (c Call) temporary() bool {
	for _, a := range c.Args[1:] {
		if a.Known && strings.HasPrefix(a.Text, "/") && (!strings.HasPrefix(a.Text, "/tmp/") || strings.Contains(a.Text, "/..")) || !a.Known && strings.HasPrefix(a.Text, "/") {
			return false
		}
	}
	return true
}
