package resolver

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pubgrub"
)

// line is a line of an explanation, and those that belong to it.
type line struct {
	text string
	sub  []line
}

// teller words an account.
type teller struct {
	p *provider
	a *account
}

// tell words that no version of a project is left: every fact once, and nothing that follows from others.
func (t *teller) tell(u *unmet) string {
	parts := t.parts(u.parts)
	switch {
	case len(u.demands) == 1 && len(parts) == 0:
		text, notes := t.clause(u.demands[0])
		return t.withNotes(line{text: upper(text) + ", which contradicts itself: " + t.contradiction(u.demands[0].fact) + "."}, notes)
	case len(u.demands) == 1 && len(parts) == 1 && (u.demands[0].fact.Package != root || u.parts[0].unmet == nil):
		text, notes := t.clause(u.demands[0])
		one := line{upper(text) + ", but " + parts[0].text, parts[0].sub}
		if refused, ok := (&unmet{name: u.name, parts: u.parts}).refusal(); ok {
			one.text = upper(text) + ", which " + refused
		}
		if one.sub == nil {
			one.text += "."
		}
		return t.withNotes(one, notes)
	case len(u.demands) == 1 && u.demands[0].fact.Package == root:
		return render([]line{{"No version of " + t.asked(u.demands[0]) + " can be used:", parts}}, "")
	case len(u.demands) == 1:
		text, notes := t.clause(u.demands[0])
		return t.withNotes(line{upper(text) + ", of which no version can be used:", parts}, notes)
	}
	head := line{text: "No version of " + u.name + " satisfies all of these:"}
	if slices.ContainsFunc(u.parts, func(p *part) bool { return p.fact.Kind != pubgrub.NoVersions || t.p.met[u.name].isMissing() }) {
		head.text = "No version of " + u.name + " can be used:"
	} else {
		parts = nil // there is no such version: that is what the head says
	}
	slices.SortStableFunc(u.demands, func(a, b *ground) int { return comparePlaces(t.origin(a), t.origin(b)) })
	for _, g := range u.demands {
		head.sub = append(head.sub, t.demand(g))
	}
	head.sub = append(head.sub, parts...)
	return render([]line{head}, "")
}

// withNotes tells a line, and after it why other versions than it speaks of cannot be meant.
func (t *teller) withNotes(one line, notes []line) string {
	lines := []line{one}
	if len(notes) > 0 {
		lines = append(lines, line{"Other versions are ruled out:", notes})
	}
	return render(lines, "")
}

// contradiction says that no version meets the bounds of one requirement: the two of them that exclude each other, or
// all of them if no two do.
func (t *teller) contradiction(f *step) string {
	specs, err := pep440.ParseSpecifiers(t.p.written[f.Dep.Package.name+"\x00"+f.Dep.Set.Key()])
	if err != nil {
		return "no version is all of that"
	}
	all := specs.All()
	var texts []string
	for i, a := range all {
		texts = append(texts, a.String())
		for _, b := range all[i+1:] {
			if pair, err := pep440.ParseSpecifiers(a.String() + "," + b.String()); err == nil && pep440.FromSpecifiers(pair).IsEmpty() {
				if a.Op() == pep440.Less || a.Op() == pep440.LessEqual {
					a, b = b, a
				}
				return fmt.Sprintf("no version is both %s and %s", a, b)
			}
		}
	}
	return "no version is all of " + strings.Join(texts, ", ")
}

// upper begins a sentence.
func upper(text string) string {
	for _, word := range []string{"every ", "no ", "there ", "the "} {
		if strings.HasPrefix(text, word) {
			return strings.ToUpper(text[:1]) + text[1:]
		}
	}
	return text // a name stays as it is
}

func render(lines []line, indent string) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(indent + l.text + "\n")
		b.WriteString(render(l.sub, indent+"  "))
	}
	return b.String()
}

// origin is where the requirement of the manifest stands that a ground goes back to first.
func (t *teller) origin(g *ground) diag.Position {
	for g.fact.Package != root && g.part == nil {
		first := t.a.because(g.fact)
		if len(first) == 0 {
			break
		}
		g = first[0]
	}
	r, _ := g.fact.Dep.Reason.(*manifest.Requirement)
	if r == nil {
		return diag.Position{File: "\xff"} // what is ruled out comes last
	}
	return r.Pos
}

func comparePlaces(a, b diag.Position) int {
	return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Col-b.Col)
}

// asked names what a requirement of the manifest asks for, and where that stands.
func (t *teller) asked(g *ground) string {
	return t.p.object(g.fact.Dep.Package, g.fact.Dep.Set) + place(g.fact)
}

// place is where a requirement of the manifest stands, in parentheses; "" for another fact.
func place(f *step) string {
	if r, ok := f.Dep.Reason.(*manifest.Requirement); ok && !r.Pos.IsZero() {
		return " (" + r.Pos.String() + ")"
	}
	return ""
}

// demand words a ground as a line.
func (t *teller) demand(g *ground) line {
	if g.part != nil {
		return t.parts([]*part{g.part})[0]
	}
	text, notes := t.clause(g)
	if len(notes) > 0 {
		text += ", since other versions are ruled out:"
	}
	return line{text, notes}
}

// clause words that something is asked for, and apart from it what rules out other versions of what asks.
func (t *teller) clause(g *ground) (text string, notes []line) {
	f := g.fact
	switch {
	case f.Package == root && supposed(f.Dep.Reason):
		return t.p.object(f.Dep.Package, f.Dep.Set) + " is what is tried", nil
	case f.Package == root && f.Kind == pubgrub.Constraint && asked(f.Dep.Reason):
		return t.asked(g), nil
	case f.Package == root && f.Kind == pubgrub.Constraint:
		return "the constraint is " + t.asked(g), nil
	case f.Package == root:
		return t.asked(g) + " is required", nil
	}
	return t.chain(f)
}

// chain words how the manifest comes to need what a fact asks for. What rules out versions on the way is told in lines of
// its own.
func (t *teller) chain(f *step) (text string, notes []line) {
	grounds := t.a.because(f)
	verb := " needs "
	if f.Kind == pubgrub.Constraint {
		verb = " allows only "
	}
	wanted := t.p.object(f.Dep.Package, f.Dep.Set)
	if len(grounds) == 0 {
		return t.p.subject(f.Package, f.Set) + verb + wanted, nil
	}
	first := grounds[0]
	switch {
	case slices.ContainsFunc(grounds, func(g *ground) bool { return g.part == nil && supposed(g.fact.Dep.Reason) }):
		return t.p.subject(f.Package, f.Set) + verb + wanted, nil // the versions are those that are asked about
	case first.fact.Package != root || first.part != nil:
		if first.part != nil {
			return t.p.subject(f.Package, f.Set) + verb + wanted, nil
		}
		text, notes = t.chain(first.fact)
		text += ", which" + verb + wanted
	case first.fact.Dep.Set.IsFull() && len(grounds) == 1:
		text = t.p.subject(f.Package, first.fact.Dep.Set) + place(first.fact) + verb + wanted
	default:
		text = t.asked(first) + verb + wanted
	}
	for _, g := range grounds[1:] {
		notes = append(notes, t.demand(g))
	}
	return text, notes
}

// parts words versions that are ruled out, the newest first, those of one kind of reason together.
func (t *teller) parts(list []*part) []line {
	merged := t.merge(list)
	if some := slices.DeleteFunc(slices.Clone(merged), func(p *part) bool { return p.fact.Kind == pubgrub.NoVersions }); len(some) > 0 {
		merged = some // what does not exist is of interest only if nothing does
	}
	var out []line
	for _, p := range merged {
		f := *p.fact
		f.Set = p.set
		if p.unmet == nil {
			text := t.p.fact(&f)
			switch {
			case len(p.pythons) > 1:
				text = t.pythons(f.Package.name, p.pythons)
			case f.Kind != pubgrub.Dependency:
			case newestIn(t.p.met[f.Package.name], f.Set) == nil:
				f.Kind = pubgrub.NoVersions
				text = t.p.fact(&f)
			default:
				text = t.p.subject(f.Package, f.Set) + " needs another version of itself, " + t.p.object(f.Dep.Package, f.Dep.Set)
			}
			out = append(out, line{text: text})
			continue
		}
		verb := " needs "
		if f.Kind == pubgrub.Constraint {
			verb = " allows only "
		}
		text := t.p.subject(f.Package, f.Set) + verb + t.p.object(f.Dep.Package, f.Dep.Set)
		why := t.reasons(p.unmet)
		if refused, ok := p.unmet.refusal(); ok {
			out = append(out, line{text: text + ", which " + refused})
			continue
		}
		if len(why) == 1 {
			out = append(out, line{text + ", but " + why[0].text, why[0].sub})
			continue
		}
		out = append(out, line{text + ", and no version of that can be used:", why})
	}
	return out
}

func (t *teller) reasons(u *unmet) []line {
	var out []line
	for _, g := range u.demands {
		out = append(out, t.demand(g))
	}
	return append(out, t.parts(u.parts)...)
}

// merge unites parts whose reasons are of one kind, and puts the newest versions first. The reason that is told is that of
// the newest.
func (t *teller) merge(list []*part) []*part {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b *part) int { return t.newest(b).Compare(t.newest(a)) })
	var out []*part
next:
	for _, p := range list {
		why, ok := p.fact.Reason.(reason)
		for _, q := range out {
			if other, same := q.fact.Reason.(reason); ok && same && why.kind == other.kind && (why.kind != otherCUDA && why.kind != noKernels || why == other) && p.fact.Kind == pubgrub.Unavailable && q.fact.Kind == p.fact.Kind {
				q.set = q.set.Union(p.set)
				q.addPython(why, p.set)
				continue next
			}
		}
		c := *p
		if c.addPython(why, p.set); p.fact.Kind != pubgrub.Unavailable {
			c.pythons = nil
		}
		out = append(out, &c)
	}
	return out
}

func (t *teller) newest(p *part) pep440.Version {
	if c := newestIn(t.p.met[p.fact.Package.name], p.set); c != nil {
		return c.version
	}
	return pep440.Version{}
}
