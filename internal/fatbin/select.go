package fatbin

import (
	"cmp"
	"fmt"
	"slices"
)

// Section is a part of the file that has containers.
type Section struct {
	Offset, Size int64
	Relocatable  bool // __nv_relfatbin
}

// maxGap is what of a section may lie between containers.
const maxGap = 64

// Summary tells what the sections have; nil: nothing. The stream must have been given up to their end. What looks
// like a container outside of them is none: the code that handles containers has the magic number too.
//
// Errors: what of a section could not be read, and where.
func (f *Finder) Summary(sections []Section) (*Summary, error) {
	sections = slices.Clone(sections)
	slices.SortFunc(sections, func(a, b Section) int { return cmp.Compare(a.Offset, b.Offset) })
	linked, relocatable := newTally(f), newTally(f)
	i := 0
	for _, s := range sections {
		to, at, end := linked, s.Offset, s.Offset+s.Size
		if s.Relocatable {
			to = relocatable
		}
		for ; i < len(f.found) && f.found[i].from < end; i++ {
			c := f.found[i]
			if c.from < at {
				continue
			}
			if c.from-at > maxGap {
				return nil, f.gap(at, c.from)
			}
			if c.to > end {
				return nil, fmt.Errorf("the CUDA code at %d ends at %d, behind its section", c.from, c.to)
			}
			to.add(c)
			at = c.to
		}
		if end-at > maxGap {
			return nil, f.gap(at, end)
		}
	}
	s := &Summary{Groups: linked.groups()}
	if s.Groups == nil {
		s.Groups = relocatable.groups()
	} else {
		s.Prelinked = relocatable.groups()
	}
	if s.Groups == nil {
		return nil, nil
	}
	return s, nil
}

// gap says what is wrong between two places of a section.
func (f *Finder) gap(from, to int64) error {
	for _, b := range f.faults {
		if b.at >= from && b.at < to {
			return fmt.Errorf("the CUDA code at %d cannot be read: %s", b.at, b.why)
		}
	}
	if f.full {
		return fmt.Errorf("there is more CUDA code than is read, from %d on", from)
	}
	return fmt.Errorf("%d bytes at %d are no CUDA code that is known", to-from, from)
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
