package inspect

import (
	"cmp"
	"slices"
	"strings"
)

const (
	topDepth = 8    // folders down to which a listing may begin
	topNames = 2048 // names that are kept of each depth; what comes later is counted under moreNames
)

// moreNames stands for everything that there was no place for.
const moreNames = "(more)"

// tops sums a layer's entries by their first folders, for each depth.
type tops struct {
	depths [topDepth]map[string]*Entry
}

func newTops() *tops {
	t := &tops{}
	for i := range t.depths {
		t.depths[i] = map[string]*Entry{}
	}
	return t
}

func (t *tops) add(p string, folder bool, size int64) {
	if p == "" {
		return
	}
	end := -1
	for i := range t.depths {
		if end == len(p) && folder { // farther down, a folder is only what is in it
			return
		}
		if end < len(p) {
			if next := strings.IndexByte(p[end+1:], '/'); next >= 0 {
				end += 1 + next
			} else {
				end = len(p)
			}
		}
		t.count(i, p[:end], size)
	}
}

func (t *tops) count(depth int, name string, size int64) {
	at := t.depths[depth]
	e := at[name]
	if e == nil {
		if len(at) >= topNames {
			name = moreNames
		}
		if e = at[name]; e == nil {
			e = &Entry{Path: strings.Clone(name)}
			at[name] = e
		}
	}
	e.Entries++
	e.Size = sum(e.Size, size)
}

// list is the first depth that has more than one name, or else the last that has any.
func (t *tops) list() []Entry {
	best := t.depths[0]
	for _, at := range t.depths {
		if len(at) > 0 {
			best = at
		}
		if len(at) > 1 {
			break
		}
	}
	list := []Entry{}
	for _, e := range best {
		list = append(list, *e)
	}
	slices.SortFunc(list, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(b.Entries, a.Entries), strings.Compare(a.Path, b.Path))
	})
	return list
}
