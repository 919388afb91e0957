package resolver

import (
	"context"
	"errors"
	"math/rand"
	"slices"
	"testing"

	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pubgrub"
)

// failureOf solves for one platform without a word of explanation; nil: there is an answer.
func failureOf(t *testing.T, w *world, m *manifest.Manifest, platform string) (*provider, *noSolution) {
	t.Helper()
	target, err := newTarget(lockfile.Target{Platform: platform, Python: "3.11.2", Glibc: "2.36"})
	if err != nil {
		t.Fatal(err)
	}
	lock := &lockfile.Lock{Project: lockfile.Project{AsOf: m.AsOf.Instant(published)}}
	c, err := newCatalogue(target, w, newPolicies(m, lock, Options{Now: published}))
	if err != nil {
		t.Fatal(err)
	}
	p, err := newProvider(c, m, preferences{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = pubgrub.Solve(context.Background(), pubgrub.Provider[pkg, pep440.Version, pep440.Set](p), root, rootVersion)
	p.ahead.stop()
	e := (*noSolution)(nil)
	if err != nil && !errors.As(err, &e) {
		t.Fatal(err)
	}
	return p, e
}

// TestFactsOfExplanations: what an explanation states is true of the index, and by itself rules out every selection of
// versions.
func TestFactsOfExplanations(t *testing.T) {
	n, failures, told := 600, 0, 0
	if testing.Short() {
		n = 100
	}
	for seed := range n {
		r := rand.New(rand.NewSource(int64(seed)))
		w, m := randomCase(r)
		if seed%2 == 0 {
			randomPolicies(r, w, m)
		}
		for _, platform := range m.Platforms {
			p, e := failureOf(t, w, m, platform)
			if e == nil {
				continue
			}
			failures++
			facts := p.facts(context.Background(), e)
			for _, f := range facts {
				if why := untrue(t, p, f); why != "" {
					t.Errorf("seed %d: %s: %s", seed, said(p, e, facts), why)
				}
			}
			if chosen, ok := obeys(w, facts); ok {
				t.Errorf("seed %d: %s: all of this is true of %v", seed, said(p, e, facts), chosen)
			}
			for i := range facts {
				if pubgrub.Contradictory(root, slices.Delete(slices.Clone(facts), i, i+1)) {
					t.Errorf("seed %d: %s: fact %d is not needed", seed, said(p, e, facts), i)
				}
			}
			if a, u := newAccount(facts); u != nil {
				told++
				if used := oneVersion(a.used(u)); !pubgrub.Contradictory(root, used) {
					t.Errorf("seed %d: %s: what is told would allow something", seed, said(p, e, facts))
				}
			}
		}
	}
	t.Logf("%d of %d failures are told without cases", told, failures)
	if told < failures*95/100 {
		t.Errorf("only %d of %d failures are told without cases", told, failures)
	}
}

// used are the facts that an account tells: those of a project that is out of versions, and whatever leads to them.
func (a *account) used(u *unmet) []*step {
	var out []*step
	add := func(f *step) bool {
		if slices.Contains(out, f) {
			return false
		}
		out = append(out, f)
		return true
	}
	var unmets func(u *unmet)
	var grounds func(list []*ground)
	parts := func(list []*part) {
		for _, p := range list {
			add(p.fact)
			if p.unmet != nil {
				unmets(p.unmet)
			}
		}
	}
	grounds = func(list []*ground) {
		for _, g := range list {
			if g.part != nil {
				parts([]*part{g.part})
			} else if add(g.fact) && g.fact.Package != root {
				grounds(a.because(g.fact))
			}
		}
	}
	unmets = func(u *unmet) {
		grounds(u.demands)
		parts(u.parts)
	}
	unmets(u)
	for _, f := range a.facts {
		if _, missing := f.Reason.(*noProject); f.Kind == pubgrub.NoVersions && !missing {
			add(f) // what does not exist goes without saying
		}
	}
	return out
}

// oneVersion is the same facts about projects instead of their extras, which have one version.
func oneVersion(facts []*step) []*step {
	var out []*step
	for _, f := range facts {
		c := *f
		c.Terms = nil
		for _, t := range f.Terms {
			t.Package.extra = ""
			if n := len(c.Terms); n > 0 && c.Terms[n-1].Package == t.Package {
				c.Terms[n-1].Set = c.Terms[n-1].Set.Minus(t.Set)
				continue
			}
			c.Terms = append(c.Terms, t)
		}
		out = append(out, &c)
	}
	return out
}

// untrue says what is wrong about a fact, by the index's own files; "" for nothing.
func untrue(t *testing.T, p *provider, f *step) string {
	if f.Package == root {
		for _, list := range [][]manifest.Requirement{p.m.Requirements, p.m.Constraints} {
			for _, r := range list {
				r.Requirement, _ = p.policies.bounds(r.Requirement)
				if ok, err := p.target.applies(r.Marker, ""); err == nil && ok && r.Name == f.Dep.Package.name && pep440.FromSpecifiers(r.Specifiers).SubsetOf(f.Dep.Set) {
					return ""
				}
			}
		}
		return "the manifest does not say " + f.Dep.Package.String()
	}
	r, err := p.release(context.Background(), f.Package.name)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.candidates {
		if !f.Set.Contains(c.version) {
			continue
		}
		why := p.unusable(r, c, f.Package.name)
		switch f.Kind {
		case pubgrub.NoVersions:
			return "there is " + f.Package.String() + " " + c.version.String()
		case pubgrub.Unavailable:
			if why.kind == usable {
				return f.Package.String() + " " + c.version.String() + " can be used"
			}
		case pubgrub.Dependency:
			if why.kind == usable && !needs(t, p, r, f, c) {
				return f.Package.String() + " " + c.version.String() + " does not need that"
			}
		}
	}
	return ""
}

// needs tells whether the metadata of a version says what a fact says of it.
func needs(t *testing.T, p *provider, of *release, f *step, c *candidate) bool {
	if f.Dep.Package == (pkg{name: f.Package.name}) && f.Dep.Set.Contains(c.version) {
		return true // an extra needs its project
	}
	meta, err := p.metadataOf(context.Background(), of, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range meta.Requires {
		r, _ = p.policies.bounds(r)
		ok, err := p.target.applies(r.Marker, f.Package.extra)
		if err != nil || !ok || r.Name != f.Dep.Package.name || f.Dep.Package.extra != "" && !slices.Contains(r.Extras, f.Dep.Package.extra) {
			continue
		}
		s := pep440.FromSpecifiers(r.Specifiers)
		if r.Name == f.Package.name { // of its own version
			s = s.Intersect(pep440.Singleton(c.version))
		}
		if s.SubsetOf(f.Dep.Set) {
			return true
		}
	}
	return false
}

// obeys looks for versions that obey all facts, by trying every one there is, and none.
func obeys(w *world, facts []*step) (map[pkg]pep440.Version, bool) {
	var packages []pkg
	for _, f := range facts {
		for _, q := range []pkg{f.Package, f.Dep.Package} {
			if q != root && !slices.Contains(packages, q) {
				packages = append(packages, q)
			}
		}
	}
	chosen := map[pkg]pep440.Version{}
	done := map[pkg]bool{root: true}
	is := func(q pkg, s pep440.Set) bool { v, ok := chosen[q]; return q == root || ok && s.Contains(v) }
	violated := func() bool {
		for _, f := range facts {
			if !done[f.Package] || !is(f.Package, f.Set) {
				continue
			}
			switch {
			case f.Kind == pubgrub.Unavailable || f.Kind == pubgrub.NoVersions:
				return true
			case !done[f.Dep.Package]:
			case f.Kind == pubgrub.Dependency && !is(f.Dep.Package, f.Dep.Set), f.Kind == pubgrub.Constraint && is(f.Dep.Package, f.Dep.Set.Complement()):
				return true
			}
		}
		return false
	}
	var try func(i int) bool
	try = func(i int) bool {
		if violated() {
			return false
		}
		if i == len(packages) {
			return true
		}
		q := packages[i]
		done[q] = true
		if try(i + 1) {
			return true
		}
		if project := w.projects[q.name]; project != nil {
			for _, f := range project.Files {
				text, _ := index.VersionText(f.Filename)
				if chosen[q] = pep440.MustParse(text); try(i + 1) {
					return true
				}
			}
		}
		delete(chosen, q)
		delete(done, q)
		return false
	}
	ok := try(0)
	return chosen, ok
}

func said(p *provider, e *noSolution, facts []*step) string {
	err, _ := p.explain(e, facts)
	return err.Error()
}
