package pubgrub

import (
	"reflect"
	"slices"
)

// simplify rewrites a proof so that facts of one kind about one package, which a solver meets version by version, are one
// fact about all these versions. The proof stays a proof: each step of the result was checked. The original is not changed.
//
// It looks at chains: a node, and facts that are brought in one after the other. Facts are united within a chain, which
// is then derived anew.
func simplify[P comparable, S Algebra[S]](root *Incompatibility[P, S], pkg P) *Incompatibility[P, S] {
	z := &simplifier[P, S]{root: pkg, uses: countUses(root), done: map[*Incompatibility[P, S]]*Incompatibility[P, S]{}}
	stack := []*Incompatibility[P, S]{root}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		if z.done[n] != nil {
			stack = stack[:len(stack)-1]
			continue
		}
		if n.Kind != Derived {
			z.done[n] = n
			continue
		}
		links, base := z.chain(n)
		ready := true
		for _, b := range base {
			if z.done[b] == nil {
				stack = append(stack, b)
				ready = false
			}
		}
		if ready {
			z.done[n] = z.rebuild(n, links, base)
		}
	}
	return z.done[root]
}

type simplifier[P comparable, S Algebra[S]] struct {
	root P
	uses map[*Incompatibility[P, S]]int
	done map[*Incompatibility[P, S]]*Incompatibility[P, S]
}

// chain collects the nodes of the chain that ends in n, the last first, and the causes of the first of them; or, if that has
// only one derived cause, just this one.
func (z *simplifier[P, S]) chain(n *Incompatibility[P, S]) (links, base []*Incompatibility[P, S]) {
	for {
		links = append(links, n)
		d, _ := split(n)
		if d == nil {
			return links, n.Causes[:]
		}
		if z.uses[d] > 1 || d.Causes[0].Kind == Derived && d.Causes[1].Kind == Derived {
			return links, []*Incompatibility[P, S]{d}
		}
		n = d
	}
}

// split returns the only derived cause of n and the other one; d is nil if there is not exactly one.
func split[P comparable, S any](n *Incompatibility[P, S]) (d, e *Incompatibility[P, S]) {
	a, b := n.Causes[0], n.Causes[1]
	switch {
	case a.Kind == Derived && b.Kind != Derived:
		return a, b
	case a.Kind != Derived && b.Kind == Derived:
		return b, a
	}
	return nil, nil
}

// rebuild is n, derived from the simplified base by the facts of the chain, united as far as that is possible.
func (z *simplifier[P, S]) rebuild(n *Incompatibility[P, S], links, base []*Incompatibility[P, S]) *Incompatibility[P, S] {
	if len(base) == 2 && (base[0].Kind == Derived) { // two branches meet: a chain of one
		c := *n
		c.Causes = [2]*Incompatibility[P, S]{z.done[base[0]], z.done[base[1]]}
		return &c
	}
	var facts []*Incompatibility[P, S]
	var start *Incompatibility[P, S]
	for _, b := range base {
		if b.Kind != Derived {
			facts = append(facts, b)
		} else if start = z.done[b]; start.Kind != Derived {
			facts, start = append(facts, start), nil
		}
	}
	for _, l := range slices.Backward(links) {
		if d, e := split(l); d != nil {
			facts = append(facts, e)
		}
	}
	for _, weaken := range []bool{true, false} {
		united := unite(facts, weaken)
		moved := start == nil && pairUp(united)
		if moved || len(united) < len(facts) {
			if r := z.derive(n, start, united); r != nil {
				return r
			}
		}
	}
	// As it was, from the simplified base.
	at := start
	for _, l := range slices.Backward(links) {
		c := *l
		if d, e := split(l); d != nil {
			if at == nil {
				at = z.done[d]
			}
			c.Causes = [2]*Incompatibility[P, S]{at, e}
		}
		at = &c
	}
	return at
}

// unite joins facts that say the same of different versions. With weaken, dependencies of different versions on different
// versions become one dependency on any of these, unless their reasons differ.
func unite[P comparable, S Algebra[S]](facts []*Incompatibility[P, S], weaken bool) []*Incompatibility[P, S] {
	type key struct {
		kind     Kind
		pkg, dep P
	}
	groups := map[key][]int{} // indices in out
	var out []*Incompatibility[P, S]
next:
	for _, f := range facts {
		k := key{f.Kind, f.Package, f.Dep.Package}
		for _, i := range groups[k] {
			if m := merge(out[i], f, weaken); m != nil {
				out[i] = m
				continue next
			}
		}
		if len(groups[k]) < mergeWindow {
			groups[k] = append(groups[k], len(out))
		}
		out = append(out, f)
	}
	return out
}

// pairUp moves a dependency of which there is no version, and the fact that there is none, to the front, where they make one
// sentence. It reports whether something was moved.
func pairUp[P comparable, S Algebra[S]](facts []*Incompatibility[P, S]) bool {
	for i, d := range facts {
		for k, v := range facts {
			if d.Kind != Dependency || v.Kind != NoVersions || d.Dep.Package != v.Package || !d.Dep.Set.SubsetOf(v.Set) {
				continue
			}
			if i < 2 && k < 2 {
				return false
			}
			rest := slices.DeleteFunc(slices.Clone(facts), func(f *Incompatibility[P, S]) bool { return f == d || f == v })
			copy(facts, append([]*Incompatibility[P, S]{d, v}, rest...))
			return true
		}
	}
	return false
}

// merge is one fact in place of two of the same kind and packages, or nil.
func merge[P comparable, S Algebra[S]](a, b *Incompatibility[P, S], weaken bool) *Incompatibility[P, S] {
	m := *a
	m.Set = a.Set.Union(b.Set)
	m.Terms = []Term[P, S]{{Package: m.Package, Positive: true, Set: m.Set}}
	switch {
	case a.Kind == NoVersions || a.Kind == Unavailable:
		if !same(a.Reason, b.Reason) {
			return nil
		}
	case a.Kind == Dependency && weaken && a.Package != a.Dep.Package && a.Set.Disjoint(b.Set) && same(a.Dep.Reason, b.Dep.Reason):
		m.Dep.Set = a.Dep.Set.Union(b.Dep.Set)
		if !m.Dep.Set.IsEmpty() {
			m.Terms = append(m.Terms, Term[P, S]{Package: m.Dep.Package, Set: m.Dep.Set})
		}
	default:
		return nil
	}
	return &m
}

// same compares opaque reasons; those that Go cannot compare are not the same.
func same(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

// derive draws n's conclusion from start, which may be nil, and all facts; nil if that fails.
func (z *simplifier[P, S]) derive(n, start *Incompatibility[P, S], facts []*Incompatibility[P, S]) *Incompatibility[P, S] {
	at := start
	if at == nil {
		at, facts = facts[0], facts[1:]
		if len(facts) == 0 && slices.EqualFunc(at.Terms, n.Terms, sameTerm) {
			return at
		}
	}
	for rest := slices.Clone(facts); len(rest) > 0; {
		if len(rest) == 1 {
			if !z.follows(n, at, rest[0]) {
				return nil
			}
			c := *n
			c.Causes = [2]*Incompatibility[P, S]{at, rest[0]}
			return &c
		}
		var r *Incompatibility[P, S]
		for i, f := range rest {
			if r = z.resolve(at, f); r != nil {
				rest = slices.Delete(rest, i, i+1)
				break
			}
		}
		if r == nil {
			return nil
		}
		at = r
	}
	return nil
}
