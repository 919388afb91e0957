package fatbin

import (
	"fmt"
	"slices"
)

// Section is a part of the file.
type Section struct{ Offset, Size int64 }

// maxGap is what may lie between containers of one section.
const maxGap = 64

// Containers are the places of all containers, in order.
func (f *Finder) Containers() []Section {
	all := make([]Section, len(f.found))
	for i, c := range f.found {
		all[i] = Section{c.from, c.to - c.from}
	}
	return all
}

// Scattered tells whether containers stand apart, as they never do within a section.
func (f *Finder) Scattered() bool {
	for i := 1; i < len(f.found); i++ {
		if f.found[i].from-f.found[i-1].to > maxGap {
			return true
		}
	}
	return false
}

// Summary tells what was found, all of which counts, wherever it lies: code that is no section of its own can be loaded
// as well. What lies in the sections of relocatable code (__nv_relfatbin) is prelinked, if there is any other. The
// result is nil where there is no code.
//
// Errors: what begins as a container does and cannot be read.
func (f *Finder) Summary(relocatable []Section) (*Summary, error) {
	if f.fault != nil {
		return nil, fmt.Errorf("the CUDA code at %d cannot be read: %s", f.fault.at, f.fault.why)
	}
	if f.full {
		return nil, fmt.Errorf("there is more CUDA code than is read (%d containers, %d sets of code, %d codes)", maxContainers, maxGroups, maxHeld)
	}
	linked, other := newTally(f), newTally(f)
	for _, c := range f.found {
		to := linked
		for _, s := range relocatable {
			if c.from >= s.Offset && c.to-s.Offset <= s.Size {
				to = other
			}
		}
		to.add(c)
	}
	s := &Summary{Groups: linked.groups()}
	if s.Groups == nil {
		s.Groups = other.groups()
	} else {
		s.Prelinked = other.groups()
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
