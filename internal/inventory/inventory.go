// Package inventory knows what is in a store and what it is there for: which notes need which files, what is of no use any more,
// and what may go.
//
// What notes need is told by whoever writes them ([Reader]); the package knows neither layers nor indexes. It decides and does
// not remove: that is for the caller, who has the store to himself then.
//
// Invariants: of what is chosen to go nothing is needed by a note that stays, and nothing is pinned. A file counts as used when
// it was, or when a note was that needs it.
package inventory

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/internal/store"
)

// Needs is what a note is worth nothing without.
type Needs struct {
	Blobs []string // by hash
	Memos []string // by name, as [store.MemoName] gives it, and trees, as [store.TreeName] does
	// Present are blobs, by hash, that are needed where they are there. The note is worth something without them.
	Present []string
	// Keeps says that what is needed stays as long as the note does. A note that keeps nothing goes when that is gone.
	Keeps bool
}

// Reader tells what a note of one kind needs. Errors mean that it cannot be used any more.
type Reader func(data []byte) (Needs, error)

// Item is a file of the store.
type Item struct {
	store.Entry
	Label  string // of a blob or tree: the name of its file, or what it is; "": nobody noted that
	Needed int    // how many notes keep it
	Pinned string // what it has to stay for; "": nothing
	// Junk says why it is of no use: it is damaged, or what it needs is not there. "": it may be of use.
	Junk string

	needs  []*Item
	keeps  bool
	needed []*Item // the notes that need it
}

// Inventory is what a store has.
type Inventory struct {
	Items  []*Item // sorted by name
	byName map[string]*Item
	blobs  map[string]*Item // by hash
}

// Take lists what a store has. Notes are read of the kinds that there are readers of, and labels.
func Take(ctx context.Context, st *store.Store, readers map[string]Reader) (*Inventory, error) {
	entries, err := st.Entries(ctx)
	if err != nil {
		return nil, err
	}
	v := &Inventory{byName: map[string]*Item{}, blobs: map[string]*Item{}}
	for _, e := range entries {
		item := &Item{Entry: e}
		v.Items = append(v.Items, item)
		v.byName[e.Name] = item
		if e.Class == store.Blobs {
			v.blobs[e.SHA256] = item
		}
	}
	slices.SortFunc(v.Items, func(a, b *Item) int { return compareNames(a, b) })
	needs := make([]Needs, len(v.Items))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, item := range v.Items {
		if item.Class == store.Trees {
			if err := item.readTree(st, &needs[i]); err != nil {
				return nil, err
			}
			continue
		}
		read := readers[item.Kind]
		if item.Class != store.Memos || read == nil && item.Kind != store.NameMemo {
			continue
		}
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			data, _, err := st.ReadMemo(item.Entry)
			if errors.Is(err, store.ErrDamaged) {
				item.Junk = "damaged"
				return nil
			}
			if err != nil {
				if _, gone := st.EntryNamed(item.Name); gone != nil {
					item.Junk = "removed" // by another process, meanwhile
					return nil
				}
				return err
			}
			if item.Kind == store.NameMemo {
				label, ok := store.ParseLabel(data)
				if !ok {
					item.Junk = "not readable"
				}
				item.Label, needs[i].Blobs = label.Name, []string{label.SHA256}
				return nil
			}
			if needs[i], err = read(data); err != nil {
				item.Junk = "not readable: " + err.Error()
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, item := range v.Items {
		v.connect(item, needs[i])
	}
	v.settle()
	return v, nil
}

// readTree reads what a tree says of itself: it keeps the trees that it shares files with, since without them it takes their place.
func (i *Item) readTree(st *store.Store, needs *Needs) error {
	note, err := st.ReadTree(i.Entry)
	switch {
	case errors.Is(err, store.ErrDamaged):
		i.Junk = "damaged"
		return nil
	case errors.Is(err, fs.ErrNotExist):
		i.Junk = "not whole"
		if _, gone := st.EntryNamed(i.Name); gone != nil {
			i.Junk = "removed" // by another process, meanwhile
		}
		return nil
	case err != nil:
		return err
	}
	i.Label, needs.Keeps = note.Label, len(note.On) > 0
	for _, key := range note.On {
		needs.Memos = append(needs.Memos, store.TreeName(key))
	}
	return nil
}

func compareNames(a, b *Item) int {
	switch {
	case a.Name < b.Name:
		return -1
	case a.Name > b.Name:
		return 1
	}
	return 0
}

// connect joins a note with what it needs.
func (v *Inventory) connect(item *Item, needs Needs) {
	if item.Junk != "" {
		return
	}
	item.keeps = needs.Keeps
	var all []*Item
	for _, sum := range needs.Blobs {
		all = append(all, v.blobs[sum])
	}
	for _, name := range needs.Memos {
		all = append(all, v.byName[name])
	}
	for _, other := range all {
		if other == nil {
			item.Junk = "what it needs is gone"
			return
		}
	}
	for _, sum := range needs.Present {
		if other := v.blobs[sum]; other != nil {
			all = append(all, other)
		}
	}
	item.needs = all
	for _, other := range all {
		other.needed = append(other.needed, item)
		if item.Kind == store.NameMemo {
			other.Label = item.Label
		}
	}
}

// settle finds the notes that are of no use because others are, and what is used by way of others.
func (v *Inventory) settle() {
	queue := slices.Clone(v.Items)
	for len(queue) > 0 {
		item := queue[0]
		queue = queue[1:]
		if item.Junk == "" {
			continue
		}
		for _, note := range item.needed {
			if note.Junk == "" {
				note.Junk = "what it needs is gone"
				queue = append(queue, note)
			}
		}
	}
	// What is kept keeps what it needs itself, or it would go with that and take along what keeps it.
	for _, item := range v.Items {
		if item.keeps {
			queue = append(queue, item)
		}
	}
	for len(queue) > 0 {
		item := queue[0]
		queue = queue[1:]
		for _, other := range item.needs {
			if !other.keeps && len(other.needs) > 0 {
				other.keeps = true
				queue = append(queue, other)
			}
		}
	}
	for _, item := range v.Items {
		if item.Junk == "" && item.keeps {
			item.keep(item.Used)
		}
	}
}

// keep has what a note needs stay for it, and be used with it.
func (i *Item) keep(used time.Time) {
	for _, other := range i.needs {
		other.Needed++
		other.use(used)
	}
}

func (i *Item) use(at time.Time) {
	if i.Used.Before(at) {
		i.Used = at
	}
	if !i.keeps {
		return
	}
	for _, other := range i.needs {
		other.use(at)
	}
}

// Pin has blobs, by hash, and memos, by name, stay, with all that they need; why says what for. What is not there is passed over.
func (v *Inventory) Pin(why string, blobs, memos []string) {
	for _, sum := range blobs {
		v.blobs[sum].pin(why)
	}
	for _, name := range memos {
		v.byName[name].pin(why)
	}
}

func (i *Item) pin(why string) {
	if i == nil || i.Pinned != "" {
		return
	}
	i.Pinned = why
	for _, other := range i.needs {
		other.pin(why)
	}
}
