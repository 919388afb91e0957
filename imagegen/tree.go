package imagegen

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/imagegen/layertar"
	"github.com/envpack/envpack/imagegen/unpack"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/store"
)

// What the store's trees of layers and images have: the files, and what else is to be known of a layer.
const (
	treeRoot     = "root"
	treeContents = "layer.json"
)

// Tree gives the image of a plan as a folder: what its layers make together, data files left out, as the package unpack makes it.
// The folder is the store's, is made once, and stays as long as the store is open; programs that run in it must not write to it.
//
// Errors: those of Build, of reading layers and of the file system.
func (b *Builder) Tree(ctx context.Context, p *Plan) (dir string, err error) {
	image, err := b.Build(ctx, p)
	if err != nil {
		return "", err
	}
	return b.TreeOf(ctx, image)
}

// TreeOf is [Builder.Tree] of an image that is built.
func (b *Builder) TreeOf(ctx context.Context, image *Image) (dir string, err error) {
	var layers []Layer
	var facts []string
	for _, l := range image.Layers {
		if l.Kind != BlobFormat {
			layers = append(layers, l)
			facts = append(facts, l.DiffID)
		}
	}
	key := inputs("image "+unpack.Format, facts...)
	dir, _, err = b.Store.MakeTree(ctx, key, func(dir string) (store.TreeNote, error) {
		return b.stack(ctx, image, layers, filepath.Join(dir, treeRoot))
	})
	if err != nil {
		return "", fmt.Errorf("unpacking the image for %s: %w", image.Platform, err)
	}
	return filepath.Join(dir, treeRoot), nil
}

// stack unpacks the layers that the store does not have unpacked, several at once, and puts the image together of them.
func (b *Builder) stack(ctx context.Context, image *Image, layers []Layer, root string) (store.TreeNote, error) {
	own := b.work(ctx, nil).Builder // with defaults
	var total int64
	for _, l := range layers {
		total += l.Size
	}
	advance := own.Task("unpacking", total)
	unpacked := make([]unpack.Unpacked, len(layers))
	note := store.TreeNote{Kind: "image", Label: "image " + strings.TrimPrefix(image.Digest, "sha256:")[:12], On: make([]string, len(layers))}
	group, both := errgroup.WithContext(ctx)
	group.SetLimit(own.Jobs)
	for i, l := range layers {
		group.Go(func() (err error) {
			unpacked[i], note.On[i], err = b.unpacked(both, l, advance)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return note, err
	}
	if err := os.Mkdir(root, 0o755); err != nil {
		return note, err
	}
	return note, unpack.Stack(ctx, unpacked, root)
}

// unpacked gives a layer's folder, which is made if the store has none.
func (b *Builder) unpacked(ctx context.Context, l Layer, advance func(int64)) (u unpack.Unpacked, key string, err error) {
	u.What = "layer " + l.Name
	want := layertar.Promise{What: u.What, Size: l.Size, Limit: layertar.Limit(l.Size)}
	for h, digest := range map[*v1.Hash]string{&want.Digest: l.Digest, &want.DiffID: l.DiffID} { // which may be equal
		if *h, err = v1.NewHash(digest); err != nil {
			return u, "", fmt.Errorf("%s: %w", u.What, err)
		}
	}
	key = inputs("layer "+unpack.Format, l.DiffID)
	made := false
	dir, _, err := b.Store.MakeTree(ctx, key, func(dir string) (store.TreeNote, error) {
		made = true
		note := store.TreeNote{Kind: "layer", Label: "layer " + l.Name}
		root := filepath.Join(dir, treeRoot)
		if err := os.Mkdir(root, 0o755); err != nil {
			return note, err
		}
		c, err := unpack.Layer(ctx, l.Layer, want, root, advance)
		if err != nil {
			return note, err
		}
		note.Bytes = c.Bytes
		text, err := json.Marshal(c)
		if err != nil {
			return note, fmt.Errorf("unpacking %s: %w", u.What, err)
		}
		return note, os.WriteFile(filepath.Join(dir, treeContents), text, 0o666)
	})
	if err != nil {
		return u, "", err
	}
	if !made {
		advance(l.Size)
	}
	text, err := os.ReadFile(filepath.Join(dir, treeContents))
	if err == nil {
		err = json.Unmarshal(text, &u.Contents)
	}
	if err != nil || u.Contents == nil {
		return u, "", diag.New(diag.Failure, "the folder of %s in the store is damaged: %v", u.What, err).
			Hint("`envpack cache verify --remove` removes what is damaged; it is made again when it is needed")
	}
	u.Dir = filepath.Join(dir, treeRoot)
	return u, key, nil
}
