package inventory

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/internal/store"
)

// Damage is a file that is not what it is to be.
type Damage struct {
	*Item
	Reason string // as "its sha256 is …"
}

// Checks are what the files of a store are verified with.
type Checks struct {
	// Tail tells whether the second part of a note of a kind is what the first promises.
	Tail func(kind string, head, tail []byte) bool
	// Read is told how many bytes were read, from several goroutines.
	Read func(n int64)
}

// Verifiable are the files of which it can be known whether they are whole, and their bytes: blobs, notes and trees. What a half-way
// download has is verified when it is complete.
func (v *Inventory) Verifiable() (items []*Item, size int64) {
	for _, i := range v.Items {
		if i.Class == store.Blobs || i.Class == store.Memos || i.Class == store.Trees {
			items = append(items, i)
			size += i.Size
		}
	}
	return items, size
}

// Verify reads every file of which it can be known whether it is whole, and gives those that are not, sorted by name. What others
// remove meanwhile is passed over.
func (v *Inventory) Verify(ctx context.Context, st *store.Store, c Checks) ([]Damage, error) {
	items, _ := v.Verifiable()
	var mu sync.Mutex
	var found []Damage
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, i := range items {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			reason, err := verify(ctx, st, i, c)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if err == nil && reason != "" {
				mu.Lock()
				defer mu.Unlock()
				found = append(found, Damage{i, reason})
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b Damage) int { return cmp.Compare(a.Name, b.Name) })
	return found, nil
}

// Still verifies again what was found damaged, and gives what still is. It is for who has the store to himself by now, and is about to
// remove that: others may have removed it or put it right in between.
func Still(ctx context.Context, st *store.Store, found []Damage, c Checks) ([]Damage, error) {
	var still []Damage
	for _, d := range found {
		reason, err := verify(ctx, st, d.Item, c)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err == nil && reason != "" {
			still = append(still, Damage{d.Item, reason})
		}
	}
	return still, nil
}

func verify(ctx context.Context, st *store.Store, i *Item, c Checks) (reason string, err error) {
	if i.Class == store.Blobs {
		got, err := st.Hash(ctx, i.Entry, c.Read)
		if err != nil || got == i.SHA256 {
			return "", err
		}
		return "its sha256 is " + got, nil
	}
	if i.Class == store.Trees {
		whole, err := st.SumTree(ctx, i.Entry, c.Read)
		if err != nil || whole {
			return "", err
		}
		return "what is in it is not what was unpacked", nil
	}
	defer c.Read(i.Size)
	data, tail, err := st.ReadMemo(i.Entry)
	if errors.Is(err, store.ErrDamaged) || err == nil && !c.Tail(i.Kind, data, tail) {
		return "its checksum is another", nil
	}
	return "", err
}
