package pubgrub

import (
	"fmt"
	"strings"
)

// Formatter words an explanation. Every field may be left zero, which gives the default wording.
type Formatter[P comparable, S any] struct {
	// Subject names versions of a package where they are said to do something: by default "every version of a" for the
	// set of all versions, else "a >=1.0" (P by fmt.Sprint, S by its String). For the root, say "your project".
	Subject func(p P, s S) string

	// Object names versions of a package where something is said about them ("depends on a >=1.0", "a >=1.0 cannot be
	// used"): by default "a" for the set of all versions, else "a >=1.0".
	Object func(p P, s S) string

	// Fact words a fact that is not Derived as a clause without a full stop ("a 1.0 requires Python >=3.12, but 3.11
	// is targeted"), or returns "" for the default wording. A fact that it words is not joined with others ("a depends on
	// both b and c").
	Fact func(f *Incompatibility[P, S]) string

	// Failure is the final conclusion, a clause: by default "no solution exists".
	Failure string
}

// Explain renders the proof in e as sentences, one a line, the last without a newline. Each says why one thing follows from
// others. A line that later ones refer to ends with a number in parentheses. The same proof gives the same text.
func Explain[P comparable, S Algebra[S]](e *NoSolutionError[P, S], f Formatter[P, S]) string {
	n := simplify(e.Root, e.RootPackage)
	x := &explainer[P, S]{
		words:  newWords(f, e.RootPackage),
		root:   n,
		uses:   countUses(n),
		number: map[*Incompatibility[P, S]]int{},
	}
	if n.Kind != Derived {
		x.write(n, "because "+x.words.fact(n))
	} else {
		x.then(func() { x.visit(n) })
	}
	for len(x.tasks) > 0 {
		t := x.tasks[len(x.tasks)-1]
		x.tasks = x.tasks[:len(x.tasks)-1]
		t()
	}
	return strings.Join(x.lines, "\n")
}

// explainer writes the lines of an explanation, causes before what follows from them.
type explainer[P comparable, S Algebra[S]] struct {
	words  words[P, S]
	root   *Incompatibility[P, S]
	uses   map[*Incompatibility[P, S]]int // how many others each derived node is a cause of
	number map[*Incompatibility[P, S]]int // of the line that concludes a node
	lines  []string
	// tasks is what remains to be done, the next last. A stack of its own because a proof may be deeper than ours.
	tasks []func()
}

// then schedules tasks, to be done in this order before anything that is scheduled already.
func (x *explainer[P, S]) then(tasks ...func()) {
	for i := len(tasks) - 1; i >= 0; i-- {
		x.tasks = append(x.tasks, tasks[i])
	}
}

// visit schedules the lines that conclude n, which is derived and has no number yet.
func (x *explainer[P, S]) visit(n *Incompatibility[P, S]) {
	a, b := n.Causes[0], n.Causes[1]
	switch {
	case a.Kind == Derived && b.Kind == Derived:
		x.visitBranches(n, a, b)
	case a.Kind == Derived:
		x.visitChain(n, a, b)
	case b.Kind == Derived:
		x.visitChain(n, b, a)
	default:
		x.write(n, "because "+x.words.facts(a, b))
	}
}

// visitBranches is visit for two derived causes.
func (x *explainer[P, S]) visitBranches(n, a, b *Incompatibility[P, S]) {
	switch {
	case x.number[a] > 0 && x.number[b] > 0:
		x.write(n, "because "+x.cite(a)+" and "+x.cite(b))
	case x.number[a] > 0:
		x.then(func() { x.visit(b) }, func() { x.write(n, "and because "+x.cite(a)) })
	case x.number[b] > 0:
		x.then(func() { x.visit(a) }, func() { x.write(n, "and because "+x.cite(b)) })
	case isLeafPair(a) || isLeafPair(b):
		// A cause that takes one line needs no number to be referred to.
		long, short := a, b
		if !isLeafPair(b) {
			long, short = b, a
		}
		x.then(func() { x.visit(long) }, func() {
			if x.number[short] > 0 { // it was needed for the long one
				x.write(n, "and because "+x.cite(short))
				return
			}
			x.then(func() { x.visit(short) }, func() { x.write(n, "") })
		})
	default:
		x.then(func() { x.visit(a) }, func() {
			x.setNumber(a)
			if x.number[b] > 0 {
				x.write(n, "because "+x.cite(a)+" and "+x.cite(b))
				return
			}
			x.lines = append(x.lines, "")
			x.then(func() { x.visit(b) }, func() { x.write(n, "and because "+x.cite(a)) })
		})
	}
}

// visitChain is visit for a derived cause d and an external one e.
func (x *explainer[P, S]) visitChain(n, d, e *Incompatibility[P, S]) {
	if x.number[d] > 0 {
		x.write(n, "because "+x.words.fact(e)+" and "+x.cite(d))
		return
	}
	// Two steps of a chain fit into one sentence, if nothing else refers to the first.
	if x.uses[d] == 1 {
		dd, de := d.Causes[0], d.Causes[1]
		if dd.Kind != Derived {
			dd, de = de, dd
		}
		if dd.Kind == Derived && de.Kind != Derived && x.number[dd] == 0 {
			x.then(func() { x.visit(dd) }, func() { x.write(n, "and because "+x.words.facts(de, e)) })
			return
		}
	}
	x.then(func() { x.visit(d) }, func() { x.write(n, "and because "+x.words.fact(e)) })
}

// write adds the line that concludes n for a reason; with none, because of the lines before it.
func (x *explainer[P, S]) write(n *Incompatibility[P, S], reason string) {
	conclusion := x.words.derived(n)
	if n == x.root {
		conclusion = x.words.failure
		if rest, ok := strings.CutPrefix(reason, "and "); ok {
			reason = "so, " + rest
		}
	}
	line := "Thus, " + conclusion + "."
	if reason != "" {
		line = strings.ToUpper(reason[:1]) + reason[1:] + ", " + conclusion + "."
	}
	x.lines = append(x.lines, line)
	if x.uses[n] > 1 {
		x.setNumber(n)
	}
}

// setNumber gives n's conclusion, which is the line written last, a number.
func (x *explainer[P, S]) setNumber(n *Incompatibility[P, S]) {
	if x.number[n] == 0 {
		x.number[n] = len(x.number) + 1
		x.lines[len(x.lines)-1] += fmt.Sprintf(" (%d)", x.number[n])
	}
}

// cite repeats a conclusion and says where it was drawn.
func (x *explainer[P, S]) cite(n *Incompatibility[P, S]) string {
	return fmt.Sprintf("%s (%d)", x.words.derived(n), x.number[n])
}

// isLeafPair reports whether n follows from two facts.
func isLeafPair[P comparable, S any](n *Incompatibility[P, S]) bool {
	return n.Causes[0].Kind != Derived && n.Causes[1].Kind != Derived
}

// countUses counts for each derived node of a proof how many others it is a cause of.
func countUses[P comparable, S any](root *Incompatibility[P, S]) map[*Incompatibility[P, S]]int {
	uses := map[*Incompatibility[P, S]]int{}
	stack := []*Incompatibility[P, S]{root}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if n.Kind != Derived {
			continue
		}
		for _, c := range n.Causes {
			if c.Kind != Derived {
				continue
			}
			uses[c]++
			if uses[c] == 1 {
				stack = append(stack, c)
			}
		}
	}
	return uses
}
