package inventory

import (
	"cmp"
	"slices"
	"time"

	"github.com/envpack/envpack/internal/store"
)

// Policy says what may go. What is of no use goes in any case, and pinned things never do.
type Policy struct {
	// Unused has go what was used last before this. The zero time: nothing for that reason.
	Unused time.Time
	// Bytes has go what was used longest ago, until no more than these are left. -1: nothing for that reason.
	Bytes int64
	// Unreferenced restricts both to files that no note keeps and to downloads that ended half-way; without Unused and Bytes all of
	// these go. Notes stay then, unless they are about what goes.
	Unreferenced bool
}

// Choice is what becomes of a store by a policy.
type Choice struct {
	Go    []*Item // sorted by name
	Stay  []*Item
	Freed int64 // bytes of Go
	Left  int64 // bytes of Stay
}

// Choose decides what goes. alone says that no other process uses the store, so that what is being written was left behind.
func (v *Inventory) Choose(p Policy, alone bool) Choice {
	gone := map[*Item]bool{}
	total := int64(0)
	for _, i := range v.Items {
		total += i.Size
	}
	var drop func(i *Item)
	drop = func(i *Item) {
		if gone[i] {
			return
		}
		gone[i] = true
		total -= i.Size
		for _, note := range i.needed {
			drop(note)
		}
	}
	var candidates []*Item
	for _, i := range v.Items {
		switch {
		case i.Pinned != "" || i.Class == store.Foreign:
		case i.Junk != "" || i.Class == store.Scratch && alone:
			drop(i)
		case i.Class == store.Scratch:
		case len(i.needs) > 0 && !i.keeps: // it goes with what it is about
		case p.Unreferenced && (i.Class == store.Memos || i.Class == store.Trees || i.Needed > 0):
		default:
			candidates = append(candidates, i)
		}
	}
	// The longest unused first; of things of one time a note before what it keeps, so that nothing goes that is needed.
	slices.SortStableFunc(candidates, func(a, b *Item) int {
		return cmp.Or(a.Used.Compare(b.Used), cmp.Compare(depth(b), depth(a)))
	})
	everything := p.Unreferenced && p.Unused.IsZero() && p.Bytes < 0
	for _, i := range candidates {
		if everything || i.Used.Before(p.Unused) || p.Bytes >= 0 && total > p.Bytes {
			drop(i)
		}
	}
	var c Choice
	for _, i := range v.Items {
		if gone[i] {
			c.Go = append(c.Go, i)
			c.Freed += i.Size
		} else {
			c.Stay = append(c.Stay, i)
			c.Left += i.Size
		}
	}
	return c
}

// depth is how long the longest chain of what an item keeps is.
func depth(i *Item) int {
	n := 0
	if i.keeps {
		for _, other := range i.needs {
			n = max(n, 1+depth(other))
		}
	}
	return n
}
