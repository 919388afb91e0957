package pubgrub_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/envpack/envpack/resolver/pubgrub"
)

// check says what is wrong with a solution.
func (u *universe) check(sol *solution) error {
	got := map[string]int{}
	for _, s := range sol.Selected {
		if _, twice := got[s.Package]; twice {
			return fmt.Errorf("%s is selected twice", s.Package)
		}
		if !slices.Contains(u.versions[s.Package], s.Version) {
			return fmt.Errorf("%s %d does not exist", s.Package, s.Version)
		}
		got[s.Package] = s.Version
	}
	if _, ok := got["root"]; !ok {
		return fmt.Errorf("no root")
	}
	reachable := map[string]bool{"root": true}
	queue := []string{"root"}
	for len(queue) > 0 {
		p := queue[0]
		queue = queue[1:]
		d := u.deps[p][got[p]]
		if d.Unavailable != nil {
			return fmt.Errorf("%s %d is unavailable", p, got[p])
		}
		for _, x := range d.Depends {
			v, ok := got[x.Package]
			if !ok || !x.Set.Contains(v) {
				return fmt.Errorf("%s %d needs %s %v, which is %d, %v", p, got[p], x.Package, x.Set, v, ok)
			}
			if !reachable[x.Package] {
				reachable[x.Package] = true
				queue = append(queue, x.Package)
			}
		}
		for _, x := range d.Constrains {
			if v, ok := got[x.Package]; ok && !x.Set.Contains(v) {
				return fmt.Errorf("%s %d forbids %s %d", p, got[p], x.Package, v)
			}
		}
	}
	if len(reachable) != len(got) {
		return fmt.Errorf("%d packages selected, %d needed", len(got), len(reachable))
	}
	return nil
}

// satisfiable tries everything.
func (u *universe) satisfiable() bool {
	names := slices.Sorted(maps.Keys(u.versions))
	got := map[string]int{"root": 0}
	// fits checks what is known so far.
	fits := func() bool {
		for p, v := range got {
			d := u.deps[p][v]
			if d.Unavailable != nil {
				return false
			}
			for _, x := range append(slices.Clip(d.Depends), d.Constrains...) {
				if w, ok := got[x.Package]; ok && !x.Set.Contains(w) {
					return false
				}
			}
		}
		return true
	}
	var search func() bool
	search = func() bool {
		if !fits() {
			return false
		}
		for _, p := range names {
			v, ok := got[p]
			if !ok {
				continue
			}
			for _, x := range u.deps[p][v].Depends {
				if _, ok := got[x.Package]; ok {
					continue
				}
				for _, w := range u.versions[x.Package] {
					got[x.Package] = w
					if search() {
						return true
					}
				}
				delete(got, x.Package)
				return false
			}
		}
		return true
	}
	return search()
}

// checkProof verifies that facts are true and that each derived node follows from its causes, by trying all versions
// that the sets involved can tell apart.
func checkProof(e *noSol, u *universe) error {
	if err := checkSteps(e, u); err != nil {
		return err
	}
	if err := checkSteps(pubgrub.Simplified(e), u); err != nil {
		return fmt.Errorf("simplified: %w\n%s", err, e.Error())
	}
	return nil
}

func checkSteps(e *noSol, u *universe) error {
	seen := map[*pubgrub.Incompatibility[string, set]]bool{}
	stack := []*pubgrub.Incompatibility[string, set]{e.Root}
	if n := e.Root; len(n.Terms) > 1 || len(n.Terms) == 1 && n.Terms[0].Package != "root" {
		return fmt.Errorf("the proof concludes %v", n.Terms)
	}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[n] {
			continue
		}
		seen[n] = true
		switch n.Kind {
		case pubgrub.Derived:
			stack = append(stack, n.Causes[:]...)
			if err := checkStep(n, u); err != nil {
				return err
			}
		case pubgrub.NoVersions:
			for _, v := range u.versions[n.Package] {
				if n.Set.Contains(v) && (u.deps[n.Package][v].Unavailable == nil || !u.exclude) {
					return fmt.Errorf("%s %d is in %v, said to have no versions", n.Package, v, n.Set)
				}
			}
		default:
			for _, v := range u.versions[n.Package] {
				if !n.Set.Contains(v) {
					continue
				}
				d := u.deps[n.Package][v]
				same := func(x dep) bool { return x.Package == n.Dep.Package && x.Set.SubsetOf(n.Dep.Set) }
				if n.Kind == pubgrub.Unavailable && d.Unavailable == nil ||
					n.Kind == pubgrub.Dependency && !slices.ContainsFunc(d.Depends, same) ||
					n.Kind == pubgrub.Constraint && !slices.ContainsFunc(d.Constrains, same) {
					return fmt.Errorf("%v is not true of %s %d", n, n.Package, v)
				}
			}
		}
	}
	return nil
}

// checkStep tries every selection of the packages concerned in which n's terms are all true: a cause's terms must be too.
func checkStep(n *pubgrub.Incompatibility[string, set], u *universe) error {
	values := map[string][]int{} // bounds of all sets, and absent
	const absent = lowest + 1
	for _, m := range []*pubgrub.Incompatibility[string, set]{n, n.Causes[0], n.Causes[1]} {
		for _, t := range m.Terms {
			if t.Package == "root" {
				values["root"] = []int{0} // is always selected
				continue
			}
			values[t.Package] = append(append(values[t.Package], absent, lowest+2), t.Set...)
		}
	}
	names := slices.Sorted(maps.Keys(values))
	for _, p := range names {
		slices.Sort(values[p])
		values[p] = slices.Compact(values[p])
	}
	got := map[string]int{}
	holds := func(m *pubgrub.Incompatibility[string, set]) bool {
		for _, t := range m.Terms {
			v := got[t.Package]
			if (v != absent && t.Set.Contains(v)) != t.Positive {
				return false
			}
		}
		return true
	}
	var try func(i int) error
	try = func(i int) error {
		if i == len(names) {
			if holds(n) && !holds(n.Causes[0]) && !holds(n.Causes[1]) {
				return fmt.Errorf("%v does not follow from %v and %v: %v", n.Terms, n.Causes[0].Terms, n.Causes[1].Terms, got)
			}
			return nil
		}
		for _, v := range values[names[i]] {
			got[names[i]] = v
			if err := try(i + 1); err != nil {
				return err
			}
		}
		return nil
	}
	size := 1
	for _, p := range names {
		size *= len(values[p])
		if size > 1e6 {
			return nil // too many to try
		}
	}
	return try(0)
}
