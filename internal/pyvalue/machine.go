package pyvalue

import (
	"fmt"
	"path"
	"strings"
)

// Call is a call of the function that was asked for.
type Call struct {
	Line  int
	Args  []Value
	Named map[string]Value
	// Spread are values of ** that cannot be told.
	Spread []Unknown
}

// Bounds of the work.
const (
	maxSteps = 200_000
	maxItems = 20_000
	maxText  = 4 << 20
	maxCalls = 40 // of functions in each other
)

// function is one of the module.
type function struct {
	s     stmt
	outer *scope
	expr  *expr // of a lambda
}

// native is a function or method that is known here.
type native func(m *machine, at Place, args []Value, named map[string]Value) Value

// file is an open file.
type file struct{ name string }

// scope is the names of a module or function.
type scope struct {
	names map[string]Value
	outer *scope
}

func (s *scope) get(name string) (Value, bool) {
	for ; s != nil; s = s.outer {
		if v, ok := s.names[name]; ok {
			return v, true
		}
	}
	return nil, false
}

// signal is how a statement ends its block.
type signal int

const (
	onward signal = iota
	returned
	broken
	continued
)

type machine struct {
	file   string
	dir    string
	open   func(name string) ([]byte, error)
	wanted string
	calls  []Call
	own    map[string]Value // lists and dictionaries of Python's modules, which the module may change
	steps  int
	memory int
	depth  int
	result Value // of return
	yields *List // of the generator that is run; nil for none
}

// Calls gives the calls of a function, by the last part of its name, that a module makes when it is run as a script: "setup" finds setup(…) and
// setuptools.setup(…). name is the module's file, relative to the project; open gives other files by such names.
//
// The error is a *pysource.SyntaxError where the file stops being Python; the calls before that come with it.
func Calls(name string, data []byte, wanted string, open func(name string) ([]byte, error)) (calls []Call, err error) {
	body, err := parse(name, data)
	m := &machine{file: name, dir: path.Dir(name), open: open, wanted: wanted, own: map[string]Value{}}
	top := &scope{names: map[string]Value{
		"__file__": Str{S: path.Base(name), At: Place{name, 1}}, "__name__": Str{S: "__main__", At: Place{name, 1}},
	}}
	m.run(body, top)
	return m.calls, err
}

// known is what Python's library has under a name.
func (m *machine) known(name string) (Value, bool) {
	if v, ok := m.own[name]; ok {
		return v, true
	}
	v, ok := builtins[name]
	switch v.(type) {
	case *Dict, *List:
		v = m.copyValue(v, map[any]Value{}, 0)
		m.own[name] = v
	}
	return v, ok
}

func (m *machine) at(line int) Place { return Place{m.file, line} }

// tired tells whether the bounds are reached.
func (m *machine) tired() bool {
	m.steps++
	return m.steps > maxSteps || m.memory > maxText
}

// room tells whether a text of n bytes may be made, before it is: a line of a program can ask for more than there is memory. What asks
// for too much ends the run, as what made it would.
func (m *machine) room(n int) bool {
	if n > maxText-m.memory {
		m.memory = maxText + 1
		return false
	}
	return true
}

func tooMuch(at Place) Value { return unknown(at, "too much text") }

// str makes a text, whose length counts. What is longer than the texts that it is made of asks for room first.
func (m *machine) str(s string, like Str) Value {
	if m.memory += len(s); m.memory > maxText {
		return tooMuch(like.At)
	}
	like.S = s
	return like
}

func (m *machine) run(body []stmt, s *scope) signal {
	for i := range body {
		if m.tired() {
			return returned
		}
		if sig := m.statement(&body[i], s); sig != onward {
			return sig
		}
	}
	return onward
}

func (m *machine) statement(st *stmt, s *scope) signal {
	switch st.kind {
	case "expr":
		m.eval(st.x, s)
	case "assign":
		v := m.eval(st.x, s)
		for _, t := range st.targets {
			m.assign(t, v, s)
		}
	case "augment":
		old := m.eval(st.targets[0], s)
		v := m.binary(st.name, old, m.eval(st.x, s), m.at(st.line))
		if l, ok := old.(*List); ok && st.name == "+" { // in place
			if more, ok := v.(*List); ok {
				l.Items = more.Items
				v = l
			}
		}
		m.assign(st.targets[0], v, s)
	case "if":
		return m.branch(st, s)
	case "for":
		return m.loop(st, s)
	case "with":
		for i := range st.final {
			m.statement(&st.final[i], s)
		}
		return m.run(st.body, s)
	case "try":
		return m.try(st, s)
	case "def":
		s.names[st.name] = &function{s: *st, outer: s}
	case "yield", "yield from":
		v := m.eval(st.x, s)
		if m.yields == nil || len(m.yields.Items) > maxItems {
			break
		}
		items := []Value{v}
		if st.kind == "yield from" {
			if all, ok := m.items(v); ok {
				items = all
			}
		}
		m.yields.Items = append(m.yields.Items, items...)
	case "return":
		m.result = None{}
		if st.x != nil {
			m.result = m.eval(st.x, s)
		}
		return returned
	case "break":
		return broken
	case "continue":
		return continued
	}
	return onward
}

func (m *machine) assign(t *expr, v Value, s *scope) {
	switch t.op {
	case "name":
		s.names[t.name] = v
	case "index":
		switch x := m.eval(t.kids[0], s).(type) {
		case *Dict:
			if len(x.Keys) < maxItems {
				x.set(m.eval(t.kids[1], s), v)
			}
		case *List:
			if i, ok := m.eval(t.kids[1], s).(Int); ok && i >= 0 && int(i) < len(x.Items) {
				x.Items[i] = v
			}
		}
	case "list":
		items, ok := m.items(v)
		for i, k := range t.kids {
			switch {
			case k.op == "star":
				m.assign(k.kids[0], unknown(m.at(t.line), "a part of a list"), s)
			case ok && len(items) == len(t.kids):
				m.assign(k, items[i], s)
			default:
				m.assign(k, unknown(m.at(t.line), "a part of what cannot be told"), s)
			}
		}
	}
}

// items are those of what can be gone through.
func (m *machine) items(v Value) ([]Value, bool) {
	switch v := v.(type) {
	case *List:
		return v.Items, true
	case *Dict:
		return v.Keys, true
	case *file:
		return m.items(m.lines(v, true))
	}
	return nil, false
}

func (m *machine) loop(st *stmt, s *scope) signal {
	items, ok := m.items(m.eval(st.x, s))
	if !ok {
		m.assign(st.targets[0], unknown(m.at(st.line), "each of what cannot be told"), s)
		m.fork(nil, st.body, nil, s, "", fmt.Sprintf("a loop on line %d, whose list cannot be told", st.line))
		return onward
	}
	for _, item := range append([]Value(nil), items...) {
		if m.tired() {
			return returned
		}
		m.assign(st.targets[0], item, s)
		switch m.run(st.body, s) {
		case returned:
			return returned
		case broken:
			return onward
		}
	}
	return m.run(st.more, s)
}

// try goes through what is tried. What follows a failure is done as well where the try is about an import, which fails
// where the package is not there, and then what it adds is in doubt.
func (m *machine) try(st *stmt, s *scope) signal {
	onlyImports := len(st.body) > 0
	what := ""
	for i := range st.body {
		if st.body[i].kind != "import" {
			onlyImports = false
		} else if what == "" {
			what = st.body[i].name
		}
	}
	if onlyImports && len(st.more) > 0 && !plainLibrary(what) {
		m.fork(nil, nil, st.more, s, "", what+" cannot be imported")
	} else if sig := m.run(st.body, s); sig != onward {
		return sig
	}
	return m.run(st.final, s)
}

// plainLibrary tells whether a module is of Python itself, or of the tools that a setup.py is run by.
func plainLibrary(module string) bool {
	first, _, _ := strings.Cut(module, ".")
	switch first {
	case "setuptools", "distutils", "pip", "wheel", "pkg_resources", "os", "sys", "re", "io", "codecs", "ast", "pathlib", "json", "subprocess", "platform", "shutil",
		"ConfigParser", "configparser", "urllib", "urllib2", "StringIO", "cStringIO", "__builtin__", "builtins", "importlib", "typing", "glob":
		return true
	}
	return false
}

func (m *machine) branch(st *stmt, s *scope) signal {
	c := m.eval(st.x, s)
	if truth, ok := truthOf(c); ok {
		if truth {
			return m.run(st.body, s)
		}
		return m.run(st.more, s)
	}
	marker, doubt := "", ""
	if cond, ok := c.(condition); ok {
		marker = cond.marker
	} else {
		doubt = fmt.Sprintf("a condition on line %d", st.line)
		if u, ok := c.(Unknown); ok && u.Why != "" {
			doubt += ": " + u.Why
		}
	}
	return m.fork(c, st.body, st.more, s, marker, doubt)
}
