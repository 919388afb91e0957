package pubgrub_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/resolver/pubgrub"
)

// randomUniverse has a few packages of a few versions that depend on each other wildly.
func randomUniverse(seed uint64) *universe {
	r := rand.New(rand.NewPCG(seed, 7))
	u := newUniverse()
	packages, versions, most := 2+r.IntN(8), 1+r.IntN(6), 1+r.IntN(3)
	name := func() string { return string(rune('a' + r.IntN(packages))) }
	// Half of the universes are dense: nothing is missing, and requirements exclude about a third. These need search.
	dense := r.IntN(2) == 0
	if dense {
		packages, versions, most = 5+r.IntN(6), 3+r.IntN(3), 3
	}
	requirements := func(n int) (out []dep) {
		for range n {
			if dense {
				s := all
				for v := range versions {
					if r.IntN(3) == 0 {
						s = s.Intersect(between(v, v+1).Complement())
					}
				}
				out = append(out, dep{Package: name(), Set: s})
				continue
			}
			from := r.IntN(versions + 1)
			s := between(from, from+1+r.IntN(versions))
			switch r.IntN(6) {
			case 0:
				s = all
			case 1:
				s = s.Complement()
			case 2:
				s = s.Union(between(0, 1))
			}
			out = append(out, dep{Package: name(), Set: s})
		}
		return out
	}
	u.add("root", 0, deps{Depends: requirements(1 + r.IntN(3)), Constrains: requirements(r.IntN(2))})
	for i := range packages {
		p := string(rune('a' + i))
		if !dense && r.IntN(20) == 0 {
			continue // does not exist
		}
		for v := range versions {
			if !dense && r.IntN(5) == 0 {
				continue
			}
			d := deps{Depends: requirements(r.IntN(most + 1)), Constrains: requirements(r.IntN(3) / 2)}
			if r.IntN(12) == 0 {
				d.Unavailable = fmt.Sprint("reason ", r.IntN(2))
			}
			if r.IntN(3) > 0 && v > 0 { // like the version before
				if before, ok := u.deps[p][v-1]; ok {
					d = before
				}
			}
			u.add(p, v, d)
		}
	}
	u.exact, u.exclude = r.IntN(2) == 0, r.IntN(2) == 0
	if r.IntN(2) == 0 {
		u.swapAfter, u.farJump = 1+r.IntN(2), 1+r.IntN(3)
	}
	if k := r.IntN(3); k > 0 {
		salt := r.Int64()
		u.priority = func(p string, s set, st pubgrub.Stats) pubgrub.Priority {
			if k == 1 {
				return pubgrub.Priority(st.Affected - st.Culprit)
			}
			return pubgrub.Priority((int64(p[0])*salt + int64(len(s))) % 5)
		}
	}
	return u
}

func seeds(t *testing.T) uint64 {
	if testing.Short() {
		return 2_000
	}
	return 20_000
}

// solveChecked returns a solution that was checked, or a failure whose proof was.
func solveChecked(t *testing.T, seed uint64, u *universe) (*solution, *noSol) {
	t.Helper()
	sol, err := u.solve()
	var failure *noSol
	switch {
	case err == nil:
		err = u.check(sol)
	case errors.As(err, &failure):
		err = checkProof(failure, u)
	}
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	for p, n := range u.asked {
		if n > 1 {
			t.Fatalf("seed %d: dependencies of %s were asked for %d times", seed, p, n)
		}
	}
	clear(u.asked)
	return sol, failure
}

func TestAgreesWithBruteForce(t *testing.T) {
	count := map[bool]int{}
	swaps, conflicts := 0, 0
	for seed := range seeds(t) {
		u := randomUniverse(seed)
		sol, failure := solveChecked(t, seed, u)
		want := u.satisfiable()
		if got := sol != nil; got != want {
			t.Fatalf("seed %d: solved is %v, brute force says %v\n%v", seed, got, want, failure)
		}
		count[want]++
		if sol != nil {
			swaps += sol.Effort.Swaps
			conflicts += sol.Effort.Conflicts
		}
	}
	t.Logf("%d satisfiable (%d conflicts, %d swaps), %d not", count[true], conflicts, swaps, count[false])
}

func TestSameResultOnRepeatedRuns(t *testing.T) {
	for seed := range seeds(t) / 10 {
		u, v := randomUniverse(seed), randomUniverse(seed)
		solU, errU := u.solve()
		solV, errV := v.solve()
		if diff := cmp.Diff(solU, solV); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
		if errU != nil && errU.Error() != errV.Error() {
			t.Fatalf("seed %d: explained differently:\n%v\n\n%v", seed, errU, errV)
		}
		if diff := cmp.Diff(u.pending, v.pending); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
	}
}

// clone copies u, with what change makes of each version; versions for which it is not ok are left out.
func (u *universe) clone(change func(p string, v int, d deps) (deps, bool)) *universe {
	c := newUniverse()
	c.exact, c.exclude, c.priority, c.swapAfter, c.farJump = u.exact, u.exclude, u.priority, u.swapAfter, u.farJump
	for _, p := range slices.Sorted(maps.Keys(u.versions)) {
		for _, v := range u.versions[p] {
			if d, ok := change(p, v, u.deps[p][v]); ok {
				c.add(p, v, d)
			}
		}
	}
	return c
}

func TestUnpublishingAnUnusedVersionKeepsItSolvable(t *testing.T) {
	for seed := range seeds(t) / 4 {
		u := randomUniverse(seed)
		sol, failure := solveChecked(t, seed, u)
		r := rand.New(rand.NewPCG(seed, 8))
		less := u.clone(func(p string, v int, d deps) (deps, bool) {
			used := failure == nil && slices.Contains(sol.Selected, pubgrub.Selected[string, int]{Package: p, Version: v})
			return d, used || p == "root" || r.IntN(3) > 0
		})
		after, _ := solveChecked(t, seed, less)
		if (after != nil) != (sol != nil) {
			t.Fatalf("seed %d: solved is %v, was %v", seed, after != nil, sol != nil)
		}
	}
}

func TestUnpublishingWhatWasNeverAskedForChangesNothing(t *testing.T) {
	for seed := range seeds(t) / 4 {
		u := randomUniverse(seed)
		// Cells depend on the neighbours and priorities may count versions; so use neither.
		u.exact, u.exclude, u.priority = true, false, nil
		sol, err := u.solve()
		less := u.clone(func(p string, v int, d deps) (deps, bool) { return d, u.asked[fmt.Sprint(p, " ", v)] > 0 })
		after, errAfter := less.solve()
		if err != nil {
			continue // more facts of kind NoVersions may come first
		}
		if errAfter != nil {
			t.Fatalf("seed %d: %v", seed, errAfter)
		}
		if diff := cmp.Diff(sol.Selected, after.Selected); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
	}
}

func TestRemovingADependencyCannotBreakASolution(t *testing.T) {
	for seed := range seeds(t) / 4 {
		u := randomUniverse(seed)
		sol, _ := solveChecked(t, seed, u)
		if sol == nil {
			continue
		}
		r := rand.New(rand.NewPCG(seed, 9))
		less := u.clone(func(p string, v int, d deps) (deps, bool) {
			if n := len(d.Depends); n > 0 && r.IntN(2) == 0 {
				i := r.IntN(n)
				d.Depends = slices.Delete(slices.Clone(d.Depends), i, i+1)
			}
			return d, true
		})
		if after, failure := solveChecked(t, seed, less); after == nil {
			t.Fatalf("seed %d: %v", seed, failure)
		}
	}
}

// The order in which a provider lists dependencies may lead to another solution, as the package seen first is decided
// first; but never to a failure.
func TestOrderOfAnswersDoesNotDecideSolvability(t *testing.T) {
	for seed := range seeds(t) / 4 {
		u := randomUniverse(seed)
		sol, _ := solveChecked(t, seed, u)
		r := rand.New(rand.NewPCG(seed, 10))
		shuffled := u.clone(func(p string, v int, d deps) (deps, bool) {
			d.Depends, d.Constrains = slices.Clone(d.Depends), slices.Clone(d.Constrains)
			r.Shuffle(len(d.Depends), func(i, j int) { d.Depends[i], d.Depends[j] = d.Depends[j], d.Depends[i] })
			r.Shuffle(len(d.Constrains), func(i, j int) { d.Constrains[i], d.Constrains[j] = d.Constrains[j], d.Constrains[i] })
			return d, true
		})
		if after, _ := solveChecked(t, seed, shuffled); (after != nil) != (sol != nil) {
			t.Fatalf("seed %d: solved is %v, was %v", seed, after != nil, sol != nil)
		}
	}
}
