package pubgrub

// Core gives facts from which the failure in e follows and none of which can be left out: the leaves of its proof, those that
// say the same of several versions united, and then reduced as long as the rest still contradicts itself. Every fact is one
// that the provider stated, or the weaker statement that unites several: versions A depend on b S, versions B on b T, so
// versions A ∪ B depend on b (S ∪ T). The same proof gives the same core.
//
// The order of what is tried decides which of several cores is found: facts that are far from the root are left out first,
// so that what remains is short. On a proof of very many facts the reduction may stop early, and something may be left
// that is not needed; it is true all the same.
func Core[P comparable, S Algebra[S]](e *NoSolutionError[P, S]) []*Incompatibility[P, S] {
	k := &core[P, S]{root: e.RootPackage, budget: coreBudget}
	facts := leaves(e.Root)
	if united := unite(facts, true); k.contradictory(united) {
		facts = united
	} else {
		facts = k.weaken(unite(facts, false))
	}
	// Halves, quarters and so on are tried first, so that a proof of a thousand facts that needs ten takes few attempts.
	for size := (len(facts) + 1) / 2; size >= 1; size /= 2 {
		for to := len(facts); to > 0; to = min(to, len(facts)) {
			from := max(to-size, 0)
			if rest := without(facts, from, to); k.contradictory(rest) {
				facts = rest
			}
			to = from
		}
	}
	return facts
}

// coreBudget bounds the terms that a reduction looks at.
const coreBudget = 20_000_000

// weaken unites the dependencies of each package on each other one, where the rest still contradicts itself then.
func (k *core[P, S]) weaken(facts []*Incompatibility[P, S]) []*Incompatibility[P, S] {
	type edge struct{ from, to P }
	tried := map[edge]bool{}
	for i := 0; i < len(facts); i++ {
		e := edge{facts[i].Package, facts[i].Dep.Package}
		if facts[i].Kind != Dependency || tried[e] {
			continue
		}
		tried[e] = true
		var group, rest []*Incompatibility[P, S]
		for _, f := range facts {
			if f.Kind == Dependency && f.Package == e.from && f.Dep.Package == e.to {
				group = append(group, f)
			} else {
				rest = append(rest, f)
			}
		}
		if united := unite(group, true); len(united) < len(group) {
			if all := append(united, rest...); k.contradictory(all) {
				facts, i = all, -1
			}
		}
	}
	return facts
}

// without is a list without the elements in [from, to).
func without[T any](list []T, from, to int) []T {
	return append(append(make([]T, 0, len(list)), list[:from]...), list[to:]...)
}

// leaves are the facts of a proof, those nearest to its conclusion first.
func leaves[P comparable, S Algebra[S]](root *Incompatibility[P, S]) []*Incompatibility[P, S] {
	var facts []*Incompatibility[P, S]
	seen := map[*Incompatibility[P, S]]bool{root: true}
	for queue := []*Incompatibility[P, S]{root}; len(queue) > 0; queue = queue[1:] {
		n := queue[0]
		if n.Kind != Derived {
			facts = append(facts, n)
			continue
		}
		for _, c := range n.Causes {
			if !seen[c] {
				seen[c] = true
				queue = append(queue, c)
			}
		}
	}
	return facts
}

// Contradictory reports whether no selection of versions with the root among them obeys all facts, whatever versions there
// are: whether the facts alone are an explanation.
func Contradictory[P comparable, S Algebra[S]](root P, facts []*Incompatibility[P, S]) bool {
	k := &core[P, S]{root: root, budget: coreBudget}
	return k.contradictory(facts)
}

type core[P comparable, S Algebra[S]] struct {
	root   P
	budget int // terms that may still be looked at
}

func (k *core[P, S]) contradictory(facts []*Incompatibility[P, S]) bool {
	known := map[P]term[S]{}
	for _, f := range facts {
		for _, t := range f.Terms {
			if t.Package == k.root {
				known[k.root] = term[S]{pos: true, set: t.Set}
			}
		}
	}
	return k.refute(facts, known)
}

// refute reports whether the facts rule out all selections that agree with what is known. It takes what is known apart
// where nothing follows any more. If the budget does not suffice, it says that they do not.
func (k *core[P, S]) refute(facts []*Incompatibility[P, S], known map[P]term[S]) bool {
	for again := true; again; {
		again = false
		for _, f := range facts {
			open, state := k.relation(f, known)
			if k.budget <= 0 {
				return false
			}
			switch {
			case state == contradicted || open == nil && state == inconclusive:
				continue
			case open == nil:
				return true
			}
			now := algebraic(*open).not()
			if was, there := known[open.Package]; there {
				now = was.and(now)
			}
			if now.pos && now.set.IsEmpty() {
				return true
			}
			known[open.Package] = now
			again = true
		}
	}
	for _, f := range facts {
		for _, t := range f.Terms {
			was, there := known[t.Package]
			if _, state := k.relation(f, known); state == contradicted || !there || !was.pos || was.relation(algebraic(t)) != inconclusive {
				continue
			}
			for _, half := range []term[S]{was.and(algebraic(t)), was.and(algebraic(t).not())} {
				part := make(map[P]term[S], len(known))
				for p, v := range known {
					part[p] = v
				}
				part[t.Package] = half
				if !k.refute(facts, part) {
					return false
				}
			}
			return true
		}
	}
	return false
}

// relation says of a fact whether what is known satisfies all its terms; if all but one, which that is; or whether it
// contradicts one. The state is satisfied with an open term if a conclusion can be drawn.
func (k *core[P, S]) relation(f *Incompatibility[P, S], known map[P]term[S]) (open *Term[P, S], state relation) {
	for i := range f.Terms {
		k.budget--
		t := &f.Terms[i]
		was, there := known[t.Package]
		if !there {
			was = term[S]{set: t.Set.Intersect(t.Set.Complement())}
		}
		switch was.relation(algebraic(*t)) {
		case contradicted:
			return nil, contradicted
		case inconclusive:
			if open != nil {
				return nil, inconclusive
			}
			open = t
		}
	}
	return open, satisfied
}
