package pubgrub

import (
	"fmt"
	"strings"
)

// words turns single nodes of a proof into clauses.
type words[P comparable, S Algebra[S]] struct {
	subject, object func(P, S) string
	own             func(*Incompatibility[P, S]) string
	root            P
	failure         string
}

func newWords[P comparable, S Algebra[S]](f Formatter[P, S], root P) words[P, S] {
	w := words[P, S]{subject: f.Subject, object: f.Object, own: f.Fact, root: root, failure: f.Failure}
	named := func(p P, s S, all string) string {
		switch {
		case p == root:
			return fmt.Sprint(p)
		case s.Complement().IsEmpty():
			return all + fmt.Sprint(p)
		case s.IsEmpty():
			return "no version of " + fmt.Sprint(p)
		}
		return fmt.Sprint(p) + " " + s.String()
	}
	if w.subject == nil {
		w.subject = func(p P, s S) string { return named(p, s, "every version of ") }
	}
	if w.object == nil {
		w.object = func(p P, s S) string { return named(p, s, "") }
	}
	if w.own == nil {
		w.own = func(*Incompatibility[P, S]) string { return "" }
	}
	if w.failure == "" {
		w.failure = "no solution exists"
	}
	return w
}

// fact words one that is not derived.
func (w words[P, S]) fact(f *Incompatibility[P, S]) string {
	if s := w.own(f); s != "" {
		return s
	}
	reason := ""
	if f.Reason != nil {
		reason = fmt.Sprintf(" (%v)", f.Reason)
	}
	switch f.Kind {
	case Dependency:
		return w.subject(f.Package, f.Set) + " depends on " + w.object(f.Dep.Package, f.Dep.Set)
	case Constraint:
		if f.Dep.Set.IsEmpty() {
			return w.subject(f.Package, f.Set) + " allows " + w.object(f.Dep.Package, f.Dep.Set)
		}
		return w.subject(f.Package, f.Set) + " allows only " + w.object(f.Dep.Package, f.Dep.Set)
	case NoVersions:
		return "there is no version of " + w.object(f.Package, f.Set) + reason
	case Unavailable:
		return w.object(f.Package, f.Set) + " cannot be used" + reason
	}
	return w.derived(f)
}

// facts words two facts as one clause.
func (w words[P, S]) facts(a, b *Incompatibility[P, S]) string {
	if w.own(a) == "" && w.own(b) == "" {
		for _, p := range [][2]*Incompatibility[P, S]{{a, b}, {b, a}} {
			if s := w.joined(p[0], p[1]); s != "" {
				return s
			}
		}
	}
	return w.fact(a) + " and " + w.fact(b)
}

// joined words b as an addition to a, or is "" if that is not possible.
func (w words[P, S]) joined(a, b *Incompatibility[P, S]) string {
	if a.Kind != Dependency {
		return ""
	}
	if b.Kind == Dependency && a.Package == b.Package && a.Set.Equal(b.Set) {
		return fmt.Sprintf("%s depends on both %s and %s", w.subject(a.Package, a.Set), w.object(a.Dep.Package, a.Dep.Set), w.object(b.Dep.Package, b.Dep.Set))
	}
	if a.Dep.Package != b.Package || a.Dep.Set.IsEmpty() || !a.Dep.Set.SubsetOf(b.Set) {
		return ""
	}
	switch {
	case b.Kind == Dependency:
		return w.fact(a) + " which depends on " + w.object(b.Dep.Package, b.Dep.Set)
	case b.Kind == NoVersions && b.Reason == nil:
		return w.fact(a) + ", of which there is no version"
	}
	return ""
}

// derived words what follows from others.
func (w words[P, S]) derived(n *Incompatibility[P, S]) string {
	var yes, no []string // what is selected, and what is not
	subject := ""
	for _, t := range n.Terms {
		if t.Positive {
			yes = append(yes, w.object(t.Package, t.Set))
			subject = w.subject(t.Package, t.Set)
		} else {
			no = append(no, w.object(t.Package, t.Set))
		}
	}
	switch {
	case len(n.Terms) == 0, len(n.Terms) == 1 && n.Terms[0].Package == w.root:
		return w.failure
	case len(no) == 0 && len(yes) == 1:
		return yes[0] + " cannot be used"
	case len(no) == 0 && len(yes) == 2:
		return yes[0] + " is incompatible with " + yes[1]
	case len(no) == 0:
		return list(yes, "and") + " cannot be used together"
	case len(yes) == 0:
		return list(no, "or") + " is required"
	case len(yes) == 1:
		return subject + " requires " + list(no, "or")
	}
	return list(yes, "and") + " together require " + list(no, "or")
}

// list joins at least one word: "a, b and c".
func list(words []string, conjunction string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " " + conjunction + " " + words[last]
}
