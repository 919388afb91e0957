package pubgrub

import "sort"

// assignment is something known about a package. What holds because of it and all earlier ones is accumulated in term.
type assignment[S Algebra[S]] struct {
	term  term[S]
	at    int      // position in the trail
	level int      // number of decisions at or before it, the root's included
	cause *fact[S] // nil for a decision
}

// pkg is a package and all that the solver knows of it.
type pkg[P comparable, V any, S Set[S, V]] struct {
	name P
	// facts are those with a term of the package, oldest first.
	facts []*fact[S]
	// assignments, oldest first. Their terms narrow: so the first that satisfies a term is found by bisection.
	assignments []assignment[S]
	decided     bool
	version     V
	queued      bool // for propagation

	expanded expanded[V, S]
	merging  map[mergeKey][]*fact[S]

	stats    Stats
	priority Priority
	heapAt   int // position in the heap of undecided packages, or -1
	dirty    bool
}

// known is what the partial solution says of p. ok is false if it says nothing.
func (p *pkg[P, V, S]) known() (t term[S], ok bool) {
	if n := len(p.assignments); n > 0 {
		return p.assignments[n-1].term, true
	}
	return t, false
}

// satisfier is the index of the earliest assignment by which t, which is satisfied, holds.
func (p *pkg[P, V, S]) satisfier(t term[S]) int {
	return sort.Search(len(p.assignments)-1, func(i int) bool {
		return p.assignments[i].term.relation(t) == satisfied
	})
}

// before is the index of the earliest assignment that together with assignment i, the satisfier of t, makes t hold; -1 if
// assignment i does so alone.
func (p *pkg[P, V, S]) before(i int, t term[S]) int {
	a := p.assignments[i]
	if a.cause == nil || i == 0 {
		return -1
	}
	own := a.cause.terms[a.cause.find(t.pkg)].not()
	return sort.Search(i, func(k int) bool {
		if k == 0 {
			// Bisection over -1 ... i-1, shifted by one.
			return own.relation(t) == satisfied
		}
		return p.assignments[k-1].term.and(own).relation(t) == satisfied
	}) - 1
}

// assign adds an assignment of t to the partial solution.
func (s *solver[P, V, S]) assign(t term[S], cause *fact[S]) {
	p := s.pkgs[t.pkg]
	if known, ok := p.known(); ok {
		t = known.and(t)
	}
	p.assignments = append(p.assignments, assignment[S]{term: t, at: len(s.trail), level: len(s.levels), cause: cause})
	s.trail = append(s.trail, t.pkg)
	s.touch(t.pkg)
}

// decide opens a level with the decision for version v.
func (s *solver[P, V, S]) decide(id int32, v V) {
	p := s.pkgs[id]
	s.levels = append(s.levels, level{start: len(s.trail), contradicted: len(s.contradicted)})
	p.decided, p.version = true, v
	s.assign(term[S]{pkg: id, pos: true, set: s.provider.Singleton(p.name, v)}, nil)
	s.effort.Decisions++
}

// level is where the trail, and the list of contradicted facts, stood when it was opened.
type level struct{ start, contradicted int }

// opener is the package whose decision opened level n.
func (s *solver[P, V, S]) opener(n int) int32 { return s.trail[s.levels[n-1].start] }

// backtrack removes all assignments above level n.
func (s *solver[P, V, S]) backtrack(n int) {
	if n >= len(s.levels) {
		return
	}
	l := s.levels[n]
	for i := len(s.trail) - 1; i >= l.start; i-- {
		p := s.pkgs[s.trail[i]]
		last := len(p.assignments) - 1
		if p.assignments[last].cause == nil {
			p.decided = false
		}
		p.assignments[last] = assignment[S]{}
		p.assignments = p.assignments[:last]
		s.touch(s.trail[i])
	}
	for _, f := range s.contradicted[l.contradicted:] {
		f.contradicted = false
	}
	s.trail, s.contradicted, s.levels = s.trail[:l.start], s.contradicted[:l.contradicted], s.levels[:n]
}

// relation says what the partial solution means for f, and, if all but one of f's terms are satisfied, which one is not.
// ok is false if nothing follows from f at present.
func (s *solver[P, V, S]) relation(f *fact[S]) (unsatisfied int, ok bool) {
	unsatisfied = -1
	for i, t := range f.terms {
		known, any := s.pkgs[t.pkg].known()
		r := inconclusive
		if any {
			r = known.relation(t)
		}
		switch r {
		case contradicted:
			s.contradict(f)
			return 0, false
		case inconclusive:
			if unsatisfied >= 0 {
				return 0, false
			}
			unsatisfied = i
		}
	}
	return unsatisfied, true
}

func (s *solver[P, V, S]) contradict(f *fact[S]) {
	f.contradicted = true
	s.contradicted = append(s.contradicted, f)
}

// expanded is the set of versions of a package whose dependencies are known. It is kept as unions of 1, 2, 4 … versions,
// so that adding n versions one by one costs n·log n and not n².
type expanded[V any, S Set[S, V]] []struct {
	n   int
	set S
}

func (e expanded[V, S]) has(v V) bool {
	for i := len(e) - 1; i >= 0; i-- {
		if e[i].set.Contains(v) {
			return true
		}
	}
	return false
}

func (e expanded[V, S]) add(set S) expanded[V, S] {
	n := 1
	for len(e) > 0 && e[len(e)-1].n == n {
		set = e[len(e)-1].set.Union(set)
		e = e[:len(e)-1]
		n *= 2
	}
	return append(e, struct {
		n   int
		set S
	}{n, set})
}
