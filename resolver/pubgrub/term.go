package pubgrub

// term is a Term whose package is a number given by the solver.
//
// A negative term is also true of a package that is not selected at all; so "not ∅" is always true, and no fact has such a
// term. A positive term of ∅ is always false; a fact with such a term would say nothing.
type term[S Algebra[S]] struct {
	pkg int32
	pos bool
	set S
}

// trivial reports whether t is always true.
func (t term[S]) trivial() bool { return !t.pos && t.set.IsEmpty() }

// and is the term that is true when both are; of the same package.
func (t term[S]) and(u term[S]) term[S] {
	switch {
	case t.pos && u.pos:
		t.set = t.set.Intersect(u.set)
	case t.pos:
		t.set = t.set.Intersect(u.set.Complement())
	case u.pos:
		t.pos, t.set = true, u.set.Intersect(t.set.Complement())
	default:
		t.set = t.set.Union(u.set)
	}
	return t
}

// or is the term that is true when one of both is; of the same package.
func (t term[S]) or(u term[S]) term[S] {
	t.pos, u.pos = !t.pos, !u.pos
	t = t.and(u)
	t.pos = !t.pos
	return t
}

func (t term[S]) not() term[S] {
	t.pos = !t.pos
	return t
}

type relation uint8

const (
	inconclusive relation = iota
	satisfied             // t is true whenever the assumption is
	contradicted          // t is false whenever the assumption is true
)

// relation says what assuming a, which is not ∅, means for t; of the same package.
func (a term[S]) relation(t term[S]) relation {
	switch {
	case a.pos && t.pos:
		if a.set.SubsetOf(t.set) {
			return satisfied
		}
		if a.set.Disjoint(t.set) {
			return contradicted
		}
	case a.pos:
		if a.set.Disjoint(t.set) {
			return satisfied
		}
		if a.set.SubsetOf(t.set) {
			return contradicted
		}
	case t.set.SubsetOf(a.set):
		if t.pos {
			return contradicted
		}
		return satisfied
	}
	return inconclusive
}

// fact is an Incompatibility in the solver's terms.
type fact[S Algebra[S]] struct {
	terms []term[S]
	kind  Kind

	pkg, depPkg int32
	set, depSet S
	reason      any // of the dependency, or of the fact
	causes      [2]*fact[S]

	// contradicted caches that the partial solution contradicts a term; backtracking resets it.
	contradicted bool
}

// find returns the index of the term of a package, which f has.
func (f *fact[S]) find(pkg int32) int {
	for i := range f.terms {
		if f.terms[i].pkg == pkg {
			return i
		}
	}
	panic("pubgrub: fact without a term of its package")
}

// resolvent derives a fact from f and from the cause of an assignment that satisfies f's term i, by the rule of
// resolution: of the package in question either term may hold, of every other package both must. Terms of the root
// package are left out, as they are true whenever there is a solution; unless nothing else would be left.
func (f *fact[S]) resolvent(i int, cause *fact[S], root int32) *fact[S] {
	pivot := f.terms[i].pkg
	r := &fact[S]{kind: Derived, causes: [2]*fact[S]{f, cause}}
	r.terms = make([]term[S], 0, len(f.terms)+len(cause.terms)-1)
	for _, t := range f.terms {
		if t.pkg != pivot {
			r.terms = append(r.terms, t)
		}
	}
	own := len(r.terms)
next:
	for _, t := range cause.terms {
		if t.pkg == pivot {
			if u := f.terms[i].or(t); !u.trivial() {
				r.terms = append(r.terms, u)
			}
			continue
		}
		for k := range own {
			if r.terms[k].pkg == t.pkg {
				r.terms[k] = r.terms[k].and(t)
				continue next
			}
		}
		r.terms = append(r.terms, t)
	}
	if len(r.terms) > 1 {
		kept := r.terms[:0]
		for _, t := range r.terms {
			if t.pkg != root {
				kept = append(kept, t)
			}
		}
		r.terms = kept
	}
	return r
}
