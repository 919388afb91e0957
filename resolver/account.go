package resolver

import (
	"slices"

	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pubgrub"
)

// account draws a failure's conclusion from its facts in the direction in which people read requirements: from the
// manifest through what is needed to the project of which no version is left. An extra and its project, which have one
// version, are one thing to it.
//
// It does not take cases apart ("either a 1.0, and then …"), which few failures need; these are told by the solver's proof.
type account struct {
	facts    []*step
	required map[pkg]bool         // what the manifest needs, whatever is chosen
	grounds  map[string][]*ground // by project, what narrows its versions, in the order in which it was found
	open     map[string]bool      // projects whose versions are being ruled out; a loop rules out nothing
}

// ground is something that narrows the versions of a project.
type ground struct {
	fact *step
	part *part      // nil: the fact asks for the project; else versions that are ruled out
	left pep440.Set // what may still be chosen after it
}

// part is a set of a project's versions that cannot be chosen because of a fact, and, if that is a dependency, why it
// cannot be met.
type part struct {
	fact  *step
	set   pep440.Set
	unmet *unmet

	pythons []pythonNeed // if these versions need other Pythons: which do, the newest first
}

// unmet are versions of a project of which none can be chosen: the grounds that what is known leaves none of them, or that
// each is ruled out.
type unmet struct {
	name    string
	set     pep440.Set
	demands []*ground
	parts   []*part
}

// newAccount gives nil if the facts need cases.
func newAccount(facts []*step) (*account, *unmet) {
	a := &account{facts: facts, required: map[pkg]bool{root: true}, grounds: map[string][]*ground{}, open: map[string]bool{}}
	for {
		for a.forward() {
		}
		if u := a.contested(); u != nil {
			return a, u
		}
		if !a.narrow() {
			return nil, nil
		}
	}
}

// left are the versions of a project that may still be chosen.
func (a *account) left(name string) pep440.Set {
	if g := a.grounds[name]; len(g) > 0 {
		return g[len(g)-1].left
	}
	return pep440.Full()
}

// holds tells whether a fact's package is needed, and all that may be chosen of it is in the fact.
func (a *account) holds(f *step) bool {
	return a.required[f.Package] && (f.Package == root || a.left(f.Package.name).Minus(a.absent(f.Package.name)).SubsetOf(f.Set))
}

// absent are versions of a project that do not exist, which needs no word as long as others do.
func (a *account) absent(name string) pep440.Set {
	s := pep440.Empty()
	for _, f := range a.facts {
		if f.Kind == pubgrub.NoVersions && f.Package.name == name {
			if _, missing := f.Reason.(*noProject); !missing {
				s = s.Union(f.Set)
			}
		}
	}
	return s
}

// forward adds what the facts ask for that hold; it reports whether that was anything.
func (a *account) forward() (more bool) {
	for _, f := range a.facts {
		if f.Kind != pubgrub.Dependency && f.Kind != pubgrub.Constraint || !a.holds(f) {
			continue
		}
		q := f.Dep.Package
		first := f.Kind == pubgrub.Dependency && !a.required[q]
		if first {
			a.required[q] = true
		}
		to := f.Dep.Set
		if q.name == f.Package.name { // an extra of its own, at its own version
			to = pep440.Full()
		}
		more = a.add(q.name, &ground{fact: f}, to, first) || more
	}
	return more
}

// add narrows a project to a set; it reports whether it is narrower than before, or asked for first.
func (a *account) add(name string, g *ground, to pep440.Set, first bool) bool {
	was := a.left(name)
	g.left = was.Intersect(to)
	if !first && g.left.Equal(was) {
		return false
	}
	a.grounds[name] = append(a.grounds[name], g)
	return true
}

// names are the projects that the manifest needs, in the order of the facts.
func (a *account) names() []string {
	var out []string
	for _, f := range a.facts {
		for _, q := range []pkg{f.Package, f.Dep.Package} {
			if q != root && a.required[q] && !slices.Contains(out, q.name) {
				out = append(out, q.name)
			}
		}
	}
	return out
}

// contested is the needed project of which no version is left, where that is told most shortly; nil: there is none.
func (a *account) contested() *unmet {
	var best *unmet
	for _, name := range a.names() {
		if u := a.refute(name, pep440.Full()); u != nil && (best == nil || u.size() < best.size()) {
			best = u
		}
	}
	if best != nil && !slices.ContainsFunc(best.demands, (*ground).asks) {
		i := slices.IndexFunc(a.grounds[best.name], (*ground).asks)
		best.demands = append([]*ground{a.grounds[best.name][i]}, best.demands...)
	}
	return best
}

// asks tells whether a ground is that something needs the project, and not only bounds it.
func (g *ground) asks() bool { return g.part == nil && g.fact.Kind == pubgrub.Dependency }

// size is how much there is to tell.
func (u *unmet) size() int {
	n := len(u.demands) + 2*len(u.parts)
	for _, p := range u.parts {
		if p.unmet != nil {
			n += p.unmet.size()
		}
	}
	return n
}

// refute shows that no version of a project in a set can be chosen, nil if it may be.
func (a *account) refute(name string, s pep440.Set) *unmet {
	u := &unmet{name: name, set: s}
	rest := s
	for _, g := range a.grounds[name] {
		u.demands = append(u.demands, g)
		if rest = s.Intersect(g.left); rest.IsEmpty() {
			return u.least(a)
		}
	}
	if a.open[name] {
		return nil
	}
	a.open[name] = true
	defer delete(a.open, name)
	for _, f := range a.facts {
		if f.Package.name != name || f.Package == root || f.Set.Disjoint(rest) || f.Package.extra != "" && !a.required[f.Package] {
			continue
		}
		if p := a.ruledOut(f, rest); p != nil {
			u.parts = append(u.parts, p)
			if rest = rest.Minus(p.set); rest.IsEmpty() {
				return u.least(a)
			}
		}
	}
	return nil
}

// ruledOut shows that the versions of a set that a fact is about cannot be chosen, nil if they may be.
func (a *account) ruledOut(f *step, s pep440.Set) *part {
	p := &part{fact: f, set: f.Set.Intersect(s)}
	switch {
	case f.Kind == pubgrub.Unavailable || f.Kind == pubgrub.NoVersions:
		return p
	case f.Kind == pubgrub.Constraint && !a.required[f.Dep.Package]:
		return nil
	case f.Dep.Package.name == f.Package.name: // another version of itself
		if p.set = p.set.Intersect(p.all()); p.set.IsEmpty() {
			return nil
		}
		return p
	}
	if p.unmet = a.refute(f.Dep.Package.name, f.Dep.Set); p.unmet == nil {
		return nil
	}
	return p
}

// least leaves out of u what it holds without.
func (u *unmet) least(a *account) *unmet {
	enough := func() bool {
		rest := u.set
		for _, g := range u.demands {
			rest = rest.Intersect(g.allows())
		}
		for _, p := range u.parts {
			rest = rest.Minus(p.all())
		}
		return rest.IsEmpty()
	}
	for i := len(u.demands) - 1; i >= 0; i-- {
		all := u.demands
		if u.demands = slices.Delete(slices.Clone(all), i, i+1); !enough() {
			u.demands = all
		}
	}
	for i := len(u.parts) - 1; i >= 0; i-- {
		all := u.parts
		if u.parts = slices.Delete(slices.Clone(all), i, i+1); !enough() {
			u.parts = all
		}
	}
	for _, p := range u.parts {
		asks := func(g *ground) bool { return g.asks() && g.fact.Dep.Package == p.fact.Package }
		if p.fact.Package.extra == "" || slices.ContainsFunc(u.demands, asks) {
			continue
		}
		if i := slices.IndexFunc(a.grounds[u.name], asks); i >= 0 {
			u.demands = append(u.demands, a.grounds[u.name][i])
		}
	}
	return u
}

// all are the versions that are ruled out, also those that need not be.
func (p *part) all() pep440.Set {
	// What needs another version of itself cannot be met by any; an extra's project may be of the version that it needs.
	if len(p.fact.Terms) == 2 && p.fact.Dep.Package.name == p.fact.Package.name {
		return p.fact.Set.Minus(p.fact.Dep.Set)
	}
	return p.fact.Set
}

// allows are the versions that a ground by itself leaves.
func (g *ground) allows() pep440.Set {
	if g.part != nil {
		return g.part.all().Complement()
	}
	if g.fact.Package.name == g.fact.Dep.Package.name && g.fact.Package != root {
		return pep440.Full()
	}
	return g.fact.Dep.Set
}

// narrow rules versions of a needed project out; it reports whether there were any.
func (a *account) narrow() bool {
	for _, name := range a.names() {
		left := a.left(name)
		for _, f := range a.facts {
			if f.Package.name != name || f.Set.Disjoint(left) || f.Package.extra != "" && !a.required[f.Package] {
				continue
			}
			a.open[name] = true
			p := a.ruledOut(f, left)
			delete(a.open, name)
			if p != nil && a.add(name, &ground{fact: f, part: p}, p.all().Complement(), false) {
				return true
			}
		}
	}
	return false
}

// because are the grounds that make a fact hold: the fewest of a project's grounds that leave nothing but what the fact
// is about, what asks for it first.
func (a *account) because(f *step) []*ground {
	enough := func(list []*ground) bool {
		rest, asked := pep440.Full(), false
		for _, g := range list {
			rest = rest.Intersect(g.allows())
			asked = asked || g.asks() && (f.Package.extra == "" || g.fact.Dep.Package == f.Package)
		}
		return asked && rest.Minus(a.absent(f.Package.name)).SubsetOf(f.Set)
	}
	var out []*ground
	for _, g := range a.grounds[f.Package.name] {
		if out = append(out, g); enough(out) {
			break
		}
	}
	for i := len(out) - 1; i >= 0; i-- {
		if less := slices.Delete(slices.Clone(out), i, i+1); enough(less) {
			out = less
		}
	}
	slices.SortStableFunc(out, func(x, y *ground) int { return x.weight() - y.weight() })
	return out
}

// weight puts what asks for a project before what only bounds it.
func (g *ground) weight() int {
	switch {
	case g.part != nil:
		return 2
	case g.fact.Kind == pubgrub.Constraint:
		return 1
	}
	return 0
}
