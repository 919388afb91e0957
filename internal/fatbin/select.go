package fatbin

import (
	"fmt"
	"slices"
)

// Section is a part of the file.
type Section struct {
	Offset, Size int64
	Relocatable  bool // of the name __nv_relfatbin
}

func (s Section) has(from int64) bool { return from >= s.Offset && from-s.Offset < s.Size }

// Containers are the places of all containers, in order.
func (f *Finder) Containers() []Section {
	all := make([]Section, len(f.found))
	for i, c := range f.found {
		all[i] = Section{Offset: c.from, Size: c.to - c.from}
	}
	return all
}

// Doubtful tells whether something begins as a container and is malformed, which may be the code of a compiler that writes
// containers.
func (f *Finder) Doubtful() bool { return len(f.faults) > 0 }

// Summary tells what was found. The sections are those called .nv_fatbin and __nv_relfatbin; known tells that they are all,
// so that what lies elsewhere is embedded. Where there is none of one kind, the next one counts as the library's code. The
// result is nil where there is no code.
//
// Errors: a malformed container in one of the sections, or anywhere if they are not known; more than fits.
func (f *Finder) Summary(sections []Section, known bool) (*Summary, error) {
	for _, x := range f.faults {
		if !known || slices.ContainsFunc(sections, func(s Section) bool { return s.has(x.at) }) {
			return nil, fmt.Errorf("the CUDA code at %d cannot be read: %s", x.at, x.why)
		}
	}
	if f.full {
		return nil, fmt.Errorf("there is more CUDA code than is read (%d containers, %d sets of code, %d codes)", maxContainers, maxGroups, maxHeld)
	}
	linked, relocatable, elsewhere := newTally(f), newTally(f), newTally(f)
	for _, c := range f.found {
		to := linked
		if i := slices.IndexFunc(sections, func(s Section) bool { return s.has(c.from) }); i >= 0 && sections[i].Relocatable {
			to = relocatable
		} else if i < 0 && known {
			to = elsewhere
		}
		to.add(c)
	}
	s := &Summary{Groups: linked.groups(), Prelinked: relocatable.groups(), Embedded: elsewhere.groups()}
	if s.Groups == nil {
		s.Groups, s.Prelinked = s.Prelinked, nil
	}
	if s.Groups == nil {
		s.Groups, s.Embedded = s.Embedded, nil
	}
	if s.Groups == nil {
		return nil, nil
	}
	return s, nil
}

// tally adds containers up.
type tally struct {
	f    *Finder
	sums map[int]*Group // by set
}

func newTally(f *Finder) *tally { return &tally{f, map[int]*Group{}} }

func (t *tally) add(c container) {
	if c.set < 0 {
		return
	}
	g := t.sums[c.set]
	if g == nil {
		codes := t.f.sets[c.set]
		g = &Group{Codes: codes, Sizes: make([]int64, len(codes))}
		t.sums[c.set] = g
	}
	g.Count++
	for i, n := range c.sizes {
		g.Sizes[i] += n
		g.Size += n
	}
}

func (t *tally) groups() []Group {
	var all []Group
	for _, g := range t.sums {
		all = append(all, *g)
	}
	slices.SortFunc(all, func(a, b Group) int { return compareCodes(a.Codes, b.Codes) })
	return all
}
