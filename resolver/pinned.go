package resolver

import (
	"slices"

	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pubgrub"
)

// pinned tells a failure by the manifest's own bounds where the solver has ruled versions out by hashes: hashes stand beside pins,
// so that of all other versions nothing needs to be said.
func (p *provider) pinned(facts []*step) []*step {
	byHash := func(f *step) bool {
		why, _ := f.Reason.(reason)
		return f.Kind == pubgrub.Unavailable && why.kind == otherHash
	}
	asks := slices.IndexFunc(facts, func(f *step) bool { return f.Kind == pubgrub.Dependency && f.Package == root })
	deps, err := p.rootDependencies()
	if asks < 0 || err != nil || !slices.ContainsFunc(facts, byHash) {
		return facts
	}
	var all []*step
	for _, d := range deps.Depends {
		if !slices.ContainsFunc(facts, func(f *step) bool { return byHash(f) && f.Package.name == d.Package.name }) {
			continue
		}
		f := *facts[asks]
		f.Dep, f.Terms = d, slices.Clone(f.Terms)
		for i := range f.Terms {
			if f.Terms[i].Package != root {
				f.Terms[i] = pubgrub.Term[pkg, pep440.Set]{Package: d.Package, Set: d.Set}
			}
		}
		all = append(all, &f)
		for _, by := range facts {
			if q := by.Package; byHash(by) && d.Package == (pkg{name: q.name}) && q.extra != "" {
				all = append(all, ownVersions(q, d.Set.Complement()))
			}
		}
	}
	all = append(all, facts...)
	if rest := slices.DeleteFunc(slices.Clone(all), byHash); pubgrub.Contradictory(root, rest) {
		all = rest
	} else {
		return facts
	}
	for i := len(all) - 1; i >= 0; i-- {
		if rest := slices.Delete(slices.Clone(all), i, i+1); pubgrub.Contradictory(root, rest) {
			all = rest
		}
	}
	return all
}

// ownVersions says of several versions of an extra at once that each needs its project at the same version.
func ownVersions(q pkg, s pep440.Set) *step {
	of := pkg{name: q.name}
	return &step{
		Kind: pubgrub.Dependency, Package: q, Set: s, Dep: dep{Package: of, Set: s},
		Terms: []pubgrub.Term[pkg, pep440.Set]{{Package: q, Positive: true, Set: s}, {Package: of, Set: s}},
	}
}
