package compare

import (
	"context"
	"errors"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/imagegen/layertar"
	"github.com/envpack/envpack/internal/diag"
)

// Tree is what the layers of an image leave on a disk: whiteouts are applied, and a hard link is the file that it leads
// to.
type Tree struct{ files map[string]named }

// Lookup gives what is at a path, relative to the root and clean. Links are not followed.
func (t *Tree) Lookup(p string) (File, bool) {
	n, ok := t.files[p]
	if !ok {
		return File{}, false
	}
	return *n.file(true), true
}

// Paths are all paths, sorted.
func (t *Tree) Paths() []string {
	paths := make([]string, 0, len(t.files))
	for p := range t.files {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths
}

// Scan reads all layers of an image, jobs at once, and holds them to their digests. What is wrong with a layer is no
// error of the scan but of the layer, by its place; the tree then has what could be read of it. Errors: of the context;
// of an image that has more entries than are kept.
func Scan(ctx context.Context, layers []v1.Layer, jobs int, o Options) (*Tree, []error, error) {
	b := newBudget()
	indexes := make([]*index, len(layers))
	wrong := make([]error, len(layers))
	sources := make([]source, len(layers))
	var total int64
	for i, l := range layers {
		var err error
		if sources[i], err = newSource(l, i+1, b); err != nil {
			return nil, nil, err
		}
		total += sources[i].want.Size
	}
	advance := o.task("reading layers", total)
	group, all := errgroup.WithContext(ctx)
	group.SetLimit(max(jobs, 1))
	for i, s := range sources {
		group.Go(func() error {
			x, err := s.read(all, layertar.Tap{}, advance)
			if errors.Is(err, errTooMany) || all.Err() != nil {
				return err
			}
			indexes[i], wrong[i] = x, err
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	files, _ := merged(indexes)
	return &Tree{files}, wrong, nil
}

// errTooMany is in the error of an image that has more than is kept.
var errTooMany = errors.New("it is not compared")

func tooMany(what string) error {
	return diag.Wrap(errTooMany, diag.Failure, "%s: the image has more than %d entries, or their names and attributes more than %d bytes", what, entriesLimit, textLimit).
		Hint("no image that is meant to be run does")
}
