package maintscript

import (
	"strings"
)

// Script is a maintainer script that was read.
type Script struct {
	list       []node
	generators map[int]string // by line, of the parts that debhelper added
}

// walker follows a script.
type walker struct {
	system    System
	script    *Script
	vars      map[string]Arg
	args      []Arg
	functions map[string]node
	umask     uint32
	dir       string // the current folder; "" if it is not known
	certain   bool
	stdin     *Arg
	output    *Outcome
	captured  *strings.Builder // of a command substitution; nil outside
	lost      bool             // something of the captured output is not known
	steps     int
	copied    int  // bytes of text and of variables
	traps     bool // inside a trap's text
	told      bool // that the walk was too long
	line      int  // of the last command
	depth     int
	stop      stopKind
	mayExit   bool   // an unknown condition may have ended the script
	status    Status // of the last command, `$?`
}

type stopKind byte

const (
	running stopKind = iota
	breaking
	continuing
	returning
	exiting
)

// Bounds of a walk: commands, bytes that are copied in all, bytes of a text that is followed, and words of
// a command.
const (
	maxSteps  = 50_000
	maxCopied = 64 << 20
	maxText   = 64 << 10
	maxWords  = 8192
)

// spend counts bytes that are copied, and tells whether there may be more.
func (w *walker) spend(bytes int) bool {
	w.copied += bytes
	return w.copied <= maxCopied
}

// tired tells whether the walk has come to its bound, and says so once.
func (w *walker) tired() bool {
	if w.steps <= maxSteps && w.copied <= maxCopied {
		return false
	}
	if !w.told {
		w.told = true
		w.system.Run(Call{Line: max(w.line, 1), Args: []Arg{{Text: "*"}}})
	}
	return true
}

// Walk follows the script as it would be started with the arguments in the environment, and tells the
// system of its commands.
func (s *Script) Walk(system System, args []string, env map[string]string) {
	w := &walker{system: system, script: s, umask: 0o022, vars: map[string]Arg{}, functions: map[string]node{}, certain: true, status: Yes}
	for k, v := range env {
		w.vars[k] = Arg{v, true}
	}
	for _, a := range args {
		w.args = append(w.args, Arg{a, true})
	}
	w.list(s.list)
}

func (w *walker) list(all []node) Status {
	status := Yes
	for _, n := range all {
		if w.stop != running || w.tired() {
			break
		}
		status = w.node(n)
		w.status = status
	}
	return status
}

func (w *walker) node(n node) Status {
	if w.steps++; w.tired() {
		w.stop = exiting
		return Maybe
	}
	switch n := n.(type) {
	case simple:
		return w.simple(n)
	case pipeline:
		return w.pipeline(n)
	case andOr:
		return w.andOr(n)
	case ifNode:
		return w.branches(w.list(n.cond), func() Status { return w.list(n.then) }, func() Status { return w.list(n.other) })
	case caseNode:
		return w.cases(n)
	case forNode:
		return w.forLoop(n)
	case whileNode:
		return w.whileLoop(n)
	case function:
		w.functions[n.name] = n.body
		return Yes
	case group:
		return w.group(n)
	}
	return Maybe
}

func (w *walker) andOr(n andOr) Status {
	left := w.node(n.left)
	if w.stop != running {
		return left
	}
	w.status = left
	if n.or {
		return w.branches(left, func() Status { return Yes }, func() Status { return w.node(n.right) })
	}
	return w.branches(left, func() Status { return w.node(n.right) }, func() Status { return No })
}

// branches takes the way that a condition says, or both, after which only what they agree on is known.
func (w *walker) branches(cond Status, yes, no func() Status) Status {
	if w.stop != running {
		return cond
	}
	switch cond {
	case Yes:
		return yes()
	case No:
		return no()
	}
	certain := w.certain
	w.certain = false
	before := w.clone(w.vars)
	a := yes()
	stopA, after := w.stop, w.vars
	w.vars, w.stop = before, running
	b := no()
	stopB := w.stop
	w.mayExit = w.mayExit || stopA == exiting || stopB == exiting
	switch {
	case stopA != running && stopB != running:
		w.certain, w.stop = certain, min(stopA, stopB)
		return Maybe
	case stopA != running: // only the other way goes on, if any does
		w.stop = running
		return b
	case stopB != running:
		w.vars, w.stop = after, running
		return a
	}
	w.certain = certain
	w.vars = w.merged(after, w.vars)
	if a == b {
		return a
	}
	return Maybe
}

// variableSize is about what a variable takes in a copy of all.
const variableSize = 64

func (w *walker) clone(m map[string]Arg) map[string]Arg {
	w.spend(len(m) * variableSize)
	c := make(map[string]Arg, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}

func (w *walker) merged(a, b map[string]Arg) map[string]Arg {
	w.spend((len(a) + len(b)) * variableSize)
	c := map[string]Arg{}
	for k, v := range a {
		if b[k] != v {
			v = Arg{Text: "*"}
		}
		c[k] = v
	}
	for k := range b {
		if _, there := a[k]; !there {
			c[k] = Arg{Text: "*"}
		}
	}
	return c
}

func (w *walker) cases(n caseNode) Status {
	subject := w.text(n.subject)
	return w.casesFrom(subject, n.items)
}

func (w *walker) casesFrom(subject Arg, items []caseItem) Status {
	if w.steps++; len(items) == 0 || w.tired() {
		return Yes
	}
	match := No
	for _, p := range items[0].patterns {
		pattern := w.pattern(p)
		switch {
		case pattern.Known && pattern.Text == "*":
			match = Yes
		case !pattern.Known || !subject.Known:
			if match == No {
				match = Maybe
			}
		case w.spend(len(subject.Text)*(1+len(pattern.Text)/8)) && matchPattern(pattern.Text, subject.Text):
			match = Yes
		}
	}
	return w.branches(match, func() Status { return w.list(items[0].body) }, func() Status { return w.casesFrom(subject, items[1:]) })
}

// group walks a list of its own: what a subshell sets is gone afterwards.
func (w *walker) group(n group) Status {
	restore := w.redirect(n.redirects)
	defer restore()
	if !n.subshell {
		return w.list(n.body)
	}
	vars := w.clone(w.vars)
	status := w.list(n.body)
	w.vars = vars
	w.stop = running
	return status
}

// pipeline walks its commands, each with what is known of the output of the one before.
func (w *walker) pipeline(n pipeline) Status {
	if len(n.nodes) == 1 {
		return w.node(n.nodes[0]).not()
	}
	stdin, output := w.stdin, w.output
	status := Maybe
	vars := w.clone(w.vars)
	for i, c := range n.nodes {
		if i < len(n.nodes)-1 {
			text, known := w.printed([]node{c})
			w.stdin = &Arg{text, known}
			continue
		}
		status = w.node(c)
		if w.stop != running {
			w.stop = running // of the pipe's own shell
		}
	}
	w.vars, w.stdin, w.output = vars, stdin, output
	if n.negate {
		return status.not()
	}
	return status
}

// capture walks a list and gives its output without the line ends at its end.
func (w *walker) capture(body []node) (string, bool) {
	text, known := w.printed(body)
	return strings.TrimRight(text, "\n"), known
}

// printed walks a list and gives its output.
func (w *walker) printed(body []node) (string, bool) {
	captured, lost, output := w.captured, w.lost, w.output
	var b strings.Builder
	w.captured, w.lost, w.output = &b, false, nil
	vars, stop := w.clone(w.vars), w.stop
	if w.depth++; w.depth < maxDepth {
		w.list(body)
	} else {
		w.lost = true
	}
	w.depth--
	known := !w.lost
	w.captured, w.lost, w.output, w.vars, w.stop = captured, lost, output, vars, stop
	return b.String(), known
}

// redirect sets where input comes from and output goes to, and gives back how to undo it.
func (w *walker) redirect(all []*redirect) func() {
	stdin, output, captured, lost := w.stdin, w.output, w.captured, w.lost
	moved := false
	for _, r := range all {
		switch {
		case strings.HasPrefix(r.op, "<<"):
			text := w.text(r.target)
			w.stdin = &text
		case r.op == "<":
			w.stdin = &Arg{Text: "*"}
		case (r.op == ">" || r.op == ">>" || r.op == ">|") && (r.fd == "" || r.fd == "1"):
			w.output = &Outcome{w.text(r.target), r.op == ">>"}
			w.captured, moved = nil, true
			if w.output.File.Known && w.output.File.Text == "/dev/null" {
				w.output = nil
			}
		case r.op == ">" || r.op == ">>" || r.op == ">|" || r.op == "<>":
			w.opens(r)
		case r.op == ">&" && (r.fd == "" || r.fd == "1"):
			w.output, w.captured, moved = nil, nil, true
		}
	}
	return func() {
		now := w.lost
		w.stdin, w.output, w.captured = stdin, output, captured
		if w.lost = now; moved {
			w.lost = lost
		}
	}
}

// opens is told of a file that other than standard output goes to, such as `2>file` or `exec 3>file`.
func (w *walker) opens(r *redirect) {
	file := w.text(r.target)
	if c := (Outcome{File: file}); !deviceOutput(&c) {
		w.system.Run(Call{Line: max(w.line, 1), Certain: w.certain, Args: []Arg{{"exec", true}, {r.fd + r.op, true}, file}})
	}
}

func (w *walker) print(text string, known bool) {
	if w.captured == nil {
		return
	}
	if !known || w.captured.Len()+len(text) > maxText || !w.spend(len(text)) {
		w.lost = true
		return
	}
	w.captured.WriteString(text)
}
