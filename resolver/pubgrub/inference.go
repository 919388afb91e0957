package pubgrub

// Inference on a proof's nodes, as the solver does it on its facts. All terms about the root are taken to be true: they
// are, where the root is selected.

func (t Term[P, S]) is(p P) bool { return t.Package == p }

// algebraic is t for the operations of term.
func algebraic[P comparable, S Algebra[S]](t Term[P, S]) term[S] {
	return term[S]{pos: t.Positive, set: t.Set}
}

func sameTerm[P comparable, S Algebra[S]](a, b Term[P, S]) bool {
	return a.Package == b.Package && a.Positive == b.Positive && a.Set.Equal(b.Set)
}

func indexTerm[P comparable, S any](terms []Term[P, S], p P) int {
	for i, t := range terms {
		if t.is(p) {
			return i
		}
	}
	return -1
}

// resolve is what follows from a and b by the rule of resolution, or nil if it is nothing new.
func (z *simplifier[P, S]) resolve(a, b *Incompatibility[P, S]) *Incompatibility[P, S] {
	var best *Incompatibility[P, S]
	for _, t := range a.Terms {
		k := indexTerm(b.Terms, t.Package)
		if k < 0 || t.is(z.root) {
			continue
		}
		pivot := algebraic(t).or(algebraic(b.Terms[k]))
		r := &Incompatibility[P, S]{Kind: Derived, Causes: [2]*Incompatibility[P, S]{a, b}}
		for _, u := range a.Terms {
			if !u.is(t.Package) {
				r.Terms = append(r.Terms, u)
			}
		}
		if !pivot.trivial() {
			r.Terms = append(r.Terms, Term[P, S]{t.Package, pivot.pos, pivot.set})
		}
		impossible := false
		for _, u := range b.Terms {
			i := indexTerm(r.Terms, u.Package)
			switch {
			case u.is(t.Package):
			case i < 0:
				r.Terms = append(r.Terms, u)
			default:
				both := algebraic(r.Terms[i]).and(algebraic(u))
				r.Terms[i].Positive, r.Terms[i].Set = both.pos, both.set
				impossible = impossible || both.pos && both.set.IsEmpty()
			}
		}
		if impossible {
			continue
		}
		if i := indexTerm(r.Terms, z.root); i >= 0 && len(r.Terms) > 1 {
			r.Terms = append(r.Terms[:i], r.Terms[i+1:]...)
		}
		if pivot.trivial() {
			return r
		}
		if best == nil {
			best = r
		}
	}
	return best
}

// follows reports whether n follows from a and b: that a selection for which n's terms are true, and one of a's is not, makes
// all of b's true.
func (z *simplifier[P, S]) follows(n, a, b *Incompatibility[P, S]) bool {
	known := func(p P) term[S] {
		if i := indexTerm(n.Terms, p); i >= 0 {
			return algebraic(n.Terms[i])
		}
		// Nothing: the negative term of the empty set.
		t := a.Terms
		if indexTerm(t, p) < 0 {
			t = b.Terms
		}
		s := t[indexTerm(t, p)].Set
		return term[S]{set: s.Intersect(s.Complement())}
	}
	for _, t := range a.Terms {
		if t.is(z.root) {
			continue
		}
		but := known(t.Package).and(algebraic(t).not())
		if but.pos && but.set.IsEmpty() {
			continue
		}
		for _, u := range b.Terms {
			if u.is(z.root) {
				continue
			}
			what := but
			if !u.is(t.Package) {
				what = known(u.Package)
			}
			if what.relation(algebraic(u)) != satisfied {
				return false
			}
		}
	}
	return true
}
