package pubgrub

import "reflect"

// simplify rewrites a proof so that facts of one kind about one package, which a solver meets version by version, are one
// fact about all these versions. The proof stays a proof. The original is not changed.
func simplify[P comparable, S Algebra[S]](root *Incompatibility[P, S]) *Incompatibility[P, S] {
	uses := countUses(root)
	done := map[*Incompatibility[P, S]]*Incompatibility[P, S]{}
	stack := []*Incompatibility[P, S]{root}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		if done[n] != nil {
			stack = stack[:len(stack)-1]
			continue
		}
		if n.Kind != Derived {
			done[n] = n
			continue
		}
		a, b := done[n.Causes[0]], done[n.Causes[1]]
		if a == nil || b == nil {
			stack = append(stack, n.Causes[1], n.Causes[0])
			continue
		}
		done[n] = combine(n, a, b, uses)
	}
	return done[root]
}

// combine is n with its simplified causes.
func combine[P comparable, S Algebra[S]](n, a, b *Incompatibility[P, S], uses map[*Incompatibility[P, S]]int) *Incompatibility[P, S] {
	if m := merge(a, b); m != nil {
		return m
	}
	// (y and e) and f are y and (e and f), if what y and e prove is of no other use.
	for i, pair := range [][2]*Incompatibility[P, S]{{a, b}, {b, a}} {
		x, f := pair[0], pair[1]
		if x.Kind != Derived || uses[n.Causes[i]] > 1 {
			continue
		}
		for j, e := range x.Causes {
			if m := merge(e, f); m != nil {
				a, b = x.Causes[1-j], m
				break
			}
		}
	}
	c := *n
	c.Causes = [2]*Incompatibility[P, S]{a, b}
	return &c
}

// merge is one fact that says the same as both, or nil.
func merge[P comparable, S Algebra[S]](a, b *Incompatibility[P, S]) *Incompatibility[P, S] {
	if a.Kind != b.Kind || a.Kind != NoVersions && a.Kind != Unavailable || a.Package != b.Package || !same(a.Reason, b.Reason) {
		return nil
	}
	m := *a
	m.Set = a.Set.Union(b.Set)
	m.Terms = []Term[P, S]{{Package: m.Package, Positive: true, Set: m.Set}}
	return &m
}

// same compares opaque reasons; those that Go cannot compare are not the same.
func same(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}
