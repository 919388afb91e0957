package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/inventory"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/resolver/index"
)

func newCacheVerify(s *session) *cobra.Command {
	var remove bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Hold every file of the store to its hash",
		Long: `Reads every file and note of the store and holds it to its hash. What is damaged is named, with the exit code 6; --remove
takes it out of the store, when no other envpack uses that, and the next command that needs it fetches or makes it again. Downloads
that ended half-way are verified when they are complete.`,
		Example: "  envpack cache verify\n  envpack cache verify --remove\n  envpack cache verify --json",
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return s.cacheVerify(cmd.Context(), remove) },
	}
	cmd.Flags().BoolVar(&remove, "remove", false, "remove what is damaged")
	return cmd
}

// cacheVerified is the result of cache verify for --json.
type cacheVerified struct {
	Dir     string        `json:"dir"`
	Files   int           `json:"files"`
	Bytes   int64         `json:"bytes"`
	Damaged []damagedFile `json:"damaged"`
}

type damagedFile struct {
	Path    string `json:"path"` // below the store's folder
	What    string `json:"what"`
	Reason  string `json:"reason"`
	Removed bool   `json:"removed"`
}

func (s *session) cacheVerify(ctx context.Context, remove bool) error {
	st, err := s.openExisting(ctx)
	if err != nil {
		return err
	}
	result := cacheVerified{Damaged: []damagedFile{}}
	if st == nil {
		if result.Dir, err = s.storeDir(); err != nil || !s.json {
			return err
		}
		return s.printJSON(result)
	}
	defer st.Close()
	v, err := take(ctx, st)
	if err != nil {
		return err
	}
	items, total := v.Verifiable()
	result.Dir, result.Files, result.Bytes = st.Dir(), len(items), total
	found, err := v.Verify(ctx, st, inventory.Checks{Tail: index.TailIntact, Read: s.task("verifying "+plural(len(items), "file"), total)})
	if err != nil {
		return err
	}
	var removed map[string]bool
	if remove && len(found) > 0 {
		if removed, err = s.removeDamaged(ctx, st, found); err != nil {
			return err
		}
	}
	for _, d := range found {
		reason := d.Reason
		if remove && !removed[d.Item.Name] {
			reason += "; another envpack has put that right"
		}
		result.Damaged = append(result.Damaged, damagedFile{d.Item.Name, titleOf(d.Item), reason, removed[d.Item.Name]})
	}
	s.close()
	if s.json {
		if err := s.printJSON(result); err != nil {
			return err
		}
	} else {
		for _, d := range result.Damaged {
			fmt.Fprintf(s.stdout, "%s (%s): %s\n", d.What, d.Path, d.Reason)
		}
		if len(found) == 0 {
			fmt.Fprintf(s.stdout, "%s, %s: all are whole\n", plural(len(items), "file"), size(total))
		}
	}
	if len(found) == 0 {
		return nil
	}
	e := diag.New(diag.Mismatch, "%d of %s in the store %s damaged", len(found), plural(len(items), "file"), wasWere(len(found)))
	if remove {
		return e.Hint("what was damaged is removed, and is fetched or made again when it is needed; if this repeats, check the disk")
	}
	return e.Hint("`envpack cache verify --remove` removes it; what is missing then is fetched or made again when it is needed")
}

// removeDamaged removes what was found damaged and still is, and gives its names. Another process may have fetched a file anew that
// this one found damaged; so nobody else uses the store from the second look to the removing.
func (s *session) removeDamaged(ctx context.Context, st *store.Store, found []inventory.Damage) (map[string]bool, error) {
	release, err := noStoreChange(ctx, s, st)
	if err != nil {
		return nil, err
	}
	defer release()
	still, err := inventory.Still(ctx, st, found, inventory.Checks{Tail: index.TailIntact, Read: func(int64) {}})
	if err != nil {
		return nil, err
	}
	removed := map[string]bool{}
	for _, d := range still {
		if err := st.RemoveEntry(d.Entry); err != nil {
			return nil, err
		}
		removed[d.Item.Name] = true
	}
	return removed, nil
}
