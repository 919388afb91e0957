package compare

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"slices"

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
// now are the indexes, once more. Both are read at once, so the least that stand in another order in one of them are
// passed over; [contentsRepeated] comes back to them. It returns of how many files it looked for that.
func contents(ctx context.Context, f *Files, a, b source, old, now *index, o Options) (int, error) {
	files := map[string]*wanted{}
	for i := range f.List {
		c := &f.List[i]
		if !c.changedContent() || c.Content != nil || c.Old.Times+c.New.Times > 0 || c.Old.Linked || c.New.Linked || c.Old.Layer != a.number || c.New.Layer != b.number {
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

// repeats is how often layers are read for files that stand in another order.
const repeats = 3

// contentsRepeated is contents for files in any order, as far as it takes few readings.
func contentsRepeated(ctx context.Context, f *Files, a, b source, old, now *index, o Options) (int, error) {
	total := 0
	for range repeats {
		n, err := contents(ctx, f, a, b, old, now, o)
		if err != nil || n == 0 {
			return total, err
		}
		total += n
		if o.Contents -= n; o.Contents <= 0 {
			break
		}
	}
	return total, nil
}

// inOrder leaves only files that stand in the same order in both layers: as many as there are.
func inOrder(files map[string]*wanted, old, now *index) {
	place := map[string]int{}
	for i := range now.entries {
		if p := now.entries[i].path; files[p] != nil {
			place[p] = i
		}
	}
	var paths []string // in the order of old
	var places []int   // in now
	for i := range old.entries {
		p := old.entries[i].path
		if at, ok := place[p]; ok {
			paths, places = append(paths, p), append(places, at)
		}
	}
	keep := map[string]bool{}
	for _, i := range increasing(places) {
		keep[paths[i]] = true
	}
	maps.DeleteFunc(files, func(p string, _ *wanted) bool { return !keep[p] })
}

// increasing gives the indexes of a longest increasing subsequence, the last first.
func increasing(list []int) []int {
	var ends []int // of the subsequence of each length that ends lowest: the index of its last element
	before := make([]int, len(list))
	for i, v := range list {
		n, _ := slices.BinarySearchFunc(ends, v, func(at, v int) int { return cmp.Compare(list[at], v) })
		before[i] = -1
		if n > 0 {
			before[i] = ends[n-1]
		}
		if n == len(ends) {
			ends = append(ends, i)
		} else {
			ends[n] = i
		}
	}
	var found []int
	if len(ends) > 0 {
		for i := ends[len(ends)-1]; i >= 0; i = before[i] {
			found = append(found, i)
		}
	}
	return found
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
