package pubgrub

import "context"

// solver is the state of one Solve.
type solver[P comparable, V any, S Set[S, V]] struct {
	provider Provider[P, V, S]
	celler   Celler[P, V, S] // or nil
	prefetch Prefetcher[P, S]

	pkgs []*pkg[P, V, S] // by number; the root is 0
	ids  map[P]int32

	// The partial solution: package numbers in the order of assignment, and where each level begins.
	trail  []int32
	levels []level
	// contradicted are the facts with that mark set, in the order of marking.
	contradicted []*fact[S]

	changed []int32 // packages to propagate, first in first out
	heap    []int32 // undecided packages of which a version is needed
	dirty   []int32 // packages whose place in heap may have changed
	wanted  []Want[P, S]

	pairs  map[pair]int
	swap   pair // to be done; the zero value is none
	effort Effort

	swapAfter, farJump int // the constants, except in tests
}

const root int32 = 0

func newSolver[P comparable, V any, S Set[S, V]](provider Provider[P, V, S], name P) *solver[P, V, S] {
	s := &solver[P, V, S]{provider: provider, ids: map[P]int32{}, pairs: map[pair]int{}, swapAfter: swapAfter, farJump: farJump}
	s.celler, _ = provider.(Celler[P, V, S])
	s.prefetch, _ = provider.(Prefetcher[P, S])
	s.intern(name)
	return s
}

func (s *solver[P, V, S]) intern(name P) int32 {
	id, ok := s.ids[name]
	if !ok {
		id = int32(len(s.pkgs))
		s.ids[name] = id
		s.pkgs = append(s.pkgs, &pkg[P, V, S]{name: name, heapAt: -1})
	}
	return id
}

// run is the main loop: propagate what follows, then decide one more package.
func (s *solver[P, V, S]) run(ctx context.Context, v V) (*Solution[P, V], error) {
	if err := s.expand(ctx, root, v); err != nil {
		return nil, err
	}
	s.decide(root, v)
	s.enqueue(root)
	for {
		if failed := s.propagate(); failed != nil {
			return nil, s.failure(failed)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if s.swap != (pair{}) {
			s.swapNow()
			continue
		}
		id, ok := s.next(ctx)
		if !ok {
			return s.solution(), nil
		}
		if err := s.try(ctx, id); err != nil {
			return nil, err
		}
		s.enqueue(id)
	}
}

func (s *solver[P, V, S]) solution() *Solution[P, V] {
	sol := &Solution[P, V]{Effort: s.effort}
	for _, l := range s.levels {
		p := s.pkgs[s.trail[l.start]]
		sol.Selected = append(sol.Selected, Selected[P, V]{Package: p.name, Version: p.version})
	}
	return sol
}

// add makes f known to the packages that it is about.
func (s *solver[P, V, S]) add(f *fact[S]) {
	for _, t := range f.terms {
		p := s.pkgs[t.pkg]
		p.facts = append(p.facts, f)
	}
	s.effort.Incompatibilities++
}

// remove takes out f, because a fact that implies it takes its place. It may still be the cause of assignments.
func (s *solver[P, V, S]) remove(f *fact[S]) {
	for _, t := range f.terms {
		p := s.pkgs[t.pkg]
		for i := len(p.facts) - 1; i >= 0; i-- {
			if p.facts[i] == f {
				p.facts = append(p.facts[:i], p.facts[i+1:]...)
				break
			}
		}
	}
	s.effort.Incompatibilities--
}

func (s *solver[P, V, S]) enqueue(id int32) {
	if p := s.pkgs[id]; !p.queued {
		p.queued = true
		s.changed = append(s.changed, id)
	}
}

// propagate derives everything that follows from the facts about the changed packages. It returns nil, or the fact that
// proves that there is no solution.
func (s *solver[P, V, S]) propagate() (failed *fact[S]) {
	for len(s.changed) > 0 {
		id := s.changed[0]
		s.changed = s.changed[1:]
		p := s.pkgs[id]
		p.queued = false
		// Newest first: what was learnt from conflicts is more general.
		for i := len(p.facts) - 1; i >= 0; i-- {
			f := p.facts[i]
			if f.contradicted {
				continue
			}
			open, ok := s.relation(f)
			if !ok {
				continue
			}
			if open >= 0 {
				s.derive(f, open)
				continue
			}
			learnt, ok := s.resolve(f)
			if !ok {
				return learnt
			}
			// Whatever else had changed was undone by backtracking.
			for _, c := range s.changed {
				s.pkgs[c].queued = false
			}
			s.changed = s.changed[:0]
			open, ok = s.relation(learnt)
			if !ok || open < 0 {
				panic("pubgrub: nothing follows from what a conflict taught")
			}
			s.derive(learnt, open)
			break
		}
	}
	s.changed = s.changed[:0]
	return nil
}

// derive assigns the opposite of f's only unsatisfied term.
func (s *solver[P, V, S]) derive(f *fact[S], open int) {
	t := f.terms[open]
	s.assign(t.not(), f)
	s.contradict(f)
	s.enqueue(t.pkg)
}
