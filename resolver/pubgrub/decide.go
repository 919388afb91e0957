package pubgrub

import (
	"context"
	"fmt"
	"slices"
)

// touch notes that the place of a package among the undecided may have changed.
func (s *solver[P, V, S]) touch(id int32) {
	if p := s.pkgs[id]; !p.dirty {
		p.dirty = true
		s.dirty = append(s.dirty, id)
	}
}

// next is the undecided package with the highest priority; not ok if every package needed is decided.
func (s *solver[P, V, S]) next(ctx context.Context) (id int32, ok bool) {
	slices.Sort(s.dirty)
	for _, id := range s.dirty {
		p := s.pkgs[id]
		p.dirty = false
		known, ok := p.known()
		if !ok || !known.pos || p.decided {
			s.heapRemove(id)
			continue
		}
		p.priority = s.provider.Prioritize(p.name, known.set, p.stats)
		s.heapPlace(id)
		s.wanted = append(s.wanted, Want[P, S]{p.name, known.set})
	}
	s.dirty = s.dirty[:0]
	if s.prefetch != nil && len(s.wanted) > 0 {
		s.prefetch.Pending(ctx, s.wanted)
	}
	clear(s.wanted)
	s.wanted = s.wanted[:0]
	if len(s.heap) == 0 {
		return 0, false
	}
	return s.heap[0], true
}

// try decides a package, or adds facts from which propagation learns more about it.
func (s *solver[P, V, S]) try(ctx context.Context, id int32) error {
	p := s.pkgs[id]
	known, _ := p.known()
	c, err := s.provider.Choose(ctx, p.name, known.set)
	if err != nil {
		return fmt.Errorf("choosing a version of %v: %w", p.name, err)
	}
	rest := known.set
	for _, x := range c.Exclude {
		if c.Found && x.Set.Contains(c.Version) {
			return fmt.Errorf("choosing a version of %v: %v was chosen and excluded", p.name, c.Version)
		}
		s.add(&fact[S]{kind: Unavailable, pkg: id, set: x.Set, reason: x.Reason, terms: []term[S]{{id, true, x.Set}}})
		rest = rest.Intersect(x.Set.Complement())
	}
	if !c.Found {
		if !rest.IsEmpty() {
			s.add(&fact[S]{kind: NoVersions, pkg: id, set: rest, reason: c.Reason, terms: []term[S]{{id, true, rest}}})
		}
		return nil
	}
	if one := s.provider.Singleton(p.name, c.Version); one.IsEmpty() || !one.SubsetOf(known.set) {
		return fmt.Errorf("choosing a version of %v: %v is not in %v", p.name, c.Version, known.set)
	}
	if err := s.expand(ctx, id, c.Version); err != nil {
		return err
	}
	if !s.struck(id, c.Version) {
		s.decide(id, c.Version)
	}
	return nil
}

// cell is the set for which facts about a version are recorded.
func (s *solver[P, V, S]) cell(p P, v V) S {
	if s.celler != nil {
		return s.celler.Cell(p, v)
	}
	return s.provider.Singleton(p, v)
}

// expand adds the facts about a version's dependencies, unless that was done before.
func (s *solver[P, V, S]) expand(ctx context.Context, id int32, v V) error {
	p := s.pkgs[id]
	if p.expanded.has(v) {
		return nil
	}
	deps, err := s.provider.Dependencies(ctx, p.name, v)
	if err != nil {
		return fmt.Errorf("reading the dependencies of %v %v: %w", p.name, v, err)
	}
	cell := s.cell(p.name, v)
	p.expanded = p.expanded.add(cell)
	if deps.Unavailable != nil {
		s.add(&fact[S]{kind: Unavailable, pkg: id, set: cell, reason: deps.Unavailable, terms: []term[S]{{id, true, cell}}})
		return nil
	}
	for _, d := range deps.Depends {
		q := s.intern(d.Package)
		if q == id && d.Set.Contains(v) {
			continue
		}
		s.addDep(id, cell, term[S]{q, false, d.Set}, &fact[S]{kind: Dependency, depPkg: q, depSet: d.Set, reason: d.Reason})
	}
	for _, d := range deps.Constrains {
		q, forbidden := s.intern(d.Package), d.Set.Complement()
		if q == id && d.Set.Contains(v) || forbidden.IsEmpty() {
			continue
		}
		s.addDep(id, cell, term[S]{q, true, forbidden}, &fact[S]{kind: Constraint, depPkg: q, depSet: d.Set, reason: d.Reason})
	}
	return nil
}

// mergeKey says which facts of a package may be about the same dependency of several versions.
type mergeKey struct {
	dep  int32
	kind Kind
}

// mergeWindow bounds the number of older facts that a new one is compared with. Versions are tried in order, so equal
// dependencies of neighbours are among the newest.
const mergeWindow = 8

// addDep adds f, that the versions in cell of a package have a dependency or constraint expressed by t; if the same is known
// of other versions, as one fact about all of them.
func (s *solver[P, V, S]) addDep(id int32, cell S, t term[S], f *fact[S]) {
	p := s.pkgs[id]
	if p.merging == nil {
		p.merging = map[mergeKey][]*fact[S]{}
	}
	key := mergeKey{f.depPkg, f.kind}
	known := p.merging[key]
	at := -1
	for i := len(known) - 1; i >= max(0, len(known)-mergeWindow); i-- {
		if known[i].depSet.Equal(f.depSet) {
			at = i
			break
		}
	}
	f.pkg, f.set = id, cell
	if at >= 0 {
		old := known[at]
		if cell.SubsetOf(old.set) {
			return
		}
		f.set, f.reason = old.set.Union(cell), old.reason
		s.remove(old)
		known[at] = f
	} else {
		p.merging[key] = append(known, f)
	}
	f.terms = append(make([]term[S], 0, 2), term[S]{id, true, f.set})
	if t.pkg != id && !t.trivial() {
		f.terms = append(f.terms, t)
	}
	s.add(f)
}
