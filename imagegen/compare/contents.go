package compare

import (
	"context"
	"errors"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/imagegen/layertar"
)

// changedContent tells whether a change is of a file whose content differs.
func (c *FileChange) changedContent() bool {
	return c.Old != nil && c.New != nil && c.Old.SHA256 != "" && c.New.SHA256 != "" && c.Old.SHA256 != c.New.SHA256
}

func contentChanges(f *Files) int {
	n := 0
	for i := range f.List {
		if f.List[i].changedContent() {
			n++
		}
	}
	return n
}

// wanted is a file of both layers whose contents are compared.
type wanted struct {
	change *FileChange
	step   *lockstep
}

var errEnough = errors.New("all that is wanted was read")

// contents finds where the first o.Contents changed files begin to differ, by reading both layers, of which old and
// now are the indexes, once more. Both are read at once, so files that stand in another order in one of them are
// passed over. It returns of how many files it looked for that.
func contents(ctx context.Context, f *Files, a, b source, old, now *index, o Options) (int, error) {
	files := map[string]*wanted{}
	for i := range f.List {
		c := &f.List[i]
		if !c.changedContent() || c.Old.Times+c.New.Times > 0 || c.Old.Linked || c.New.Linked || c.Old.Layer != a.number || c.New.Layer != b.number {
			continue
		}
		if len(files) == o.Contents {
			break
		}
		files[c.Path] = &wanted{c, newLockstep()}
	}
	inOrder(files, old, now)
	if len(files) == 0 {
		return 0, nil
	}
	advance, done := o.further("comparing files", a.want.Size+b.want.Size)
	defer done()
	group, both := errgroup.WithContext(ctx)
	for side, s := range []source{a, b} {
		group.Go(func() error {
			left := len(files)
			err := layertar.WalkTapped(both, s.layer, s.want, layertar.Tap{}, advance, func(e layertar.Entry) error {
				w := files[layertar.Clean(e.Header.Name)]
				if w == nil {
					return nil
				}
				if _, err := io.Copy(writer(w.step.tap(side)), e.Content); err != nil {
					return err
				}
				w.step.end(side)
				if left--; left == 0 {
					return errEnough
				}
				return nil
			})
			if err != nil && !errors.Is(err, errEnough) {
				for _, w := range files { // the other side waits for none of them
					w.step.giveUp(side)
				}
				return of(side, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	for _, w := range files {
		if w.step.found {
			w.change.Content = w.step.contentDifference()
		}
	}
	return len(files), nil
}

// inOrder leaves out the files that stand in another order in the other layer.
func inOrder(files map[string]*wanted, old, now *index) {
	place := map[string]int{}
	for i := range now.entries {
		if p := now.entries[i].path; files[p] != nil {
			place[p] = i
		}
	}
	last := -1
	for i := range old.entries {
		p := old.entries[i].path
		if files[p] == nil {
			continue
		}
		if at, ok := place[p]; !ok || at < last {
			delete(files, p)
		} else {
			last = at
		}
	}
}

func (l *lockstep) contentDifference() *Difference {
	d := &Difference{Of: "content", Offset: l.equal, Ends: l.ends()}
	l.text(d)
	return d
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}
