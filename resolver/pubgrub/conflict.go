package pubgrub

// swapAfter is the number of conflicts between two packages after which their order is swapped.
const swapAfter = 5

// farJump is the number of levels that a backjump may remove. A longer one would throw away decisions that most likely
// will be made again, each time: it removes just the level of the conflict, where the same follows. Otherwise a chain of
// n packages whose last excludes the first takes n² decisions.
const farJump = 100

// pair is two packages of which the first was struck by a decision on the second.
type pair struct{ affected, culprit int32 }

// resolve finds the root cause of a conflict, that is of a fact f that the partial solution satisfies, and backtracks to where
// something new follows from it: all its terms but one are still satisfied. ok is false if it proves that there is no solution.
func (s *solver[P, V, S]) resolve(f *fact[S]) (learnt *fact[S], ok bool) {
	s.effort.Conflicts++
	original := f
	for {
		if len(f.terms) == 0 || len(f.terms) == 1 && f.terms[0].pkg == root {
			return f, false
		}
		i, a, previous := s.satisfier(f)
		if a.cause == nil || previous < a.level {
			if f != original {
				s.add(f)
			}
			s.blame(s.opener(a.level), s.opener(previous))
			if a.level-previous > s.farJump {
				previous = a.level - 1
			}
			s.backtrack(previous)
			return f, true
		}
		f = f.resolvent(i, a.cause, root)
	}
}

// satisfier finds the assignment by which f, which is satisfied, is so first, and the term that it concerns; and
// the level to which one can go back without any other term becoming unsatisfied. That is never below level 1, the root's.
func (s *solver[P, V, S]) satisfier(f *fact[S]) (index int, last assignment[S], previous int) {
	last.at = -1
	previous = 1
	at := 0
	for i, t := range f.terms {
		p := s.pkgs[t.pkg]
		k := p.satisfier(t)
		a := p.assignments[k]
		if a.at > last.at {
			previous = max(previous, last.level)
			index, at, last = i, k, a
		} else {
			previous = max(previous, a.level)
		}
	}
	t := f.terms[index]
	p := s.pkgs[t.pkg]
	if k := p.before(at, t); k >= 0 {
		previous = max(previous, p.assignments[k].level)
	}
	return index, last, previous
}

// blame records that a conflict struck affected because of culprit.
func (s *solver[P, V, S]) blame(affected, culprit int32) {
	if culprit == root || culprit == affected || affected == root {
		return
	}
	s.pkgs[affected].stats.Affected++
	s.pkgs[culprit].stats.Culprit++
	s.touch(affected)
	s.touch(culprit)
	pr := pair{affected, culprit}
	s.pairs[pr]++
	// Exactly once for a pair, or the solver might go round in circles.
	if s.pairs[pr] == s.swapAfter && s.swap == (pair{}) {
		s.swap = pr
	}
}

// swapNow lets the affected package of the pair be decided before the culprit.
func (s *solver[P, V, S]) swapNow() {
	affected, culprit := s.pkgs[s.swap.affected], s.pkgs[s.swap.culprit]
	affected.stats.Early, affected.stats.Late = true, false
	culprit.stats.Early, culprit.stats.Late = false, true
	s.touch(s.swap.affected)
	s.touch(s.swap.culprit)
	s.swap = pair{}
	s.effort.Swaps++
	if !culprit.decided {
		return
	}
	s.backtrack(culprit.assignments[len(culprit.assignments)-1].level - 1)
	// Facts that are newer than the levels that remain may have something to say there.
	for _, id := range s.trail {
		s.enqueue(id)
	}
}

// struck reports whether deciding p = v would be a conflict at once. If so it records who is to blame.
func (s *solver[P, V, S]) struck(id int32, v V) bool {
	p := s.pkgs[id]
	decision := term[S]{pkg: id, pos: true, set: s.provider.Singleton(p.name, v)}
next:
	for i := len(p.facts) - 1; i >= 0; i-- {
		f := p.facts[i]
		if f.contradicted {
			continue
		}
		for _, t := range f.terms {
			if t.pkg == id {
				if decision.relation(t) != satisfied {
					continue next
				}
				continue
			}
			q := s.pkgs[t.pkg]
			known, ok := q.known()
			if !ok || known.relation(t) != satisfied {
				continue next
			}
		}
		s.effort.Conflicts++
		for _, t := range f.terms {
			if t.pkg != id {
				s.blame(id, t.pkg)
			}
		}
		return true
	}
	return false
}
