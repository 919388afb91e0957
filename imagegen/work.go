package imagegen

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/envpack/envpack/imagegen/install"
	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/lockfile"
)

// work is one run of Build.
type work struct {
	*Builder
	plan *Plan
	// reading is the context of the layers' bytes, which are read after the work is done; the
	// contexts of parts of the work have ended by then.
	reading context.Context

	// sealed are the layers of the seal by name, if it is one of the lock; found are those that are elsewhere, by their
	// inputs.
	sealed map[string]lockfile.SealedLayer
	found  map[string]Layer

	mu         sync.Mutex
	deviations map[string][]install.Deviation
	unread     map[string][]string
	newer      map[string]string
	idle       []string
}

// The store's memos: what a layer with some inputs is, and how its bytes are put together. A layer
// that is kept whole is a blob instead.
const (
	layerMemo  = "layer"
	recipeMemo = "recipe"
)

// remembered is what the store knows of a layer.
type remembered struct {
	layer.Descriptor
	Kept       bool                           // its bytes are a blob; else a recipe
	Deviations map[string][]install.Deviation `json:",omitempty"`
	Unread     map[string][]string            `json:",omitempty"`
}

// known gives the layer with these inputs, if the store can produce it or it is elsewhere; ensure brings back files
// that its recipe needs and that the store has lost.
func (w *work) known(name, kind, inputs string, ensure func() error) (Layer, bool, error) {
	if l, ok := w.found[inputs]; ok && l.Name == name {
		return l, true, nil
	}
	data, ok := w.Store.Memo(layerMemo, inputs)
	if !ok || w.plan.anew(name) {
		return Layer{}, false, nil
	}
	var r remembered
	if json.Unmarshal(data, &r) != nil {
		return Layer{}, false, nil
	}
	if r.Kept {
		if !w.Store.Has(hexOf(r.Digest)) {
			return Layer{}, false, nil
		}
	} else {
		recipe, ok := w.recipe(r.Digest)
		if !ok {
			return Layer{}, false, nil
		}
		for _, blob := range recipe.Blobs() {
			if w.Store.Has(blob) {
				continue
			}
			if err := ensure(); err != nil {
				return Layer{}, false, err
			}
			break
		}
	}
	w.report(r)
	l, err := w.lazy(name, kind, inputs, r)
	l.Remembered = true
	return l, err == nil, err
}

func (w *work) report(r remembered) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for wheel, list := range r.Deviations {
		if w.deviations == nil {
			w.deviations = map[string][]install.Deviation{}
		}
		w.deviations[wheel] = list
	}
	for name, lines := range r.Unread {
		if w.unread == nil {
			w.unread = map[string][]string{}
		}
		w.unread[name] = lines
	}
}

// fetch has the supply bring files, and hashes those that were in the store already: what is made of
// them is remembered, so that damage would be too. A damaged one is brought anew.
func (w *work) fetch(ctx context.Context, sums []string, bring func() error) error {
	for attempt := 0; ; attempt++ {
		if err := bring(); err != nil {
			return err
		}
		err := w.Store.Check(ctx, w.Jobs, sums...)
		if damage := (*store.DamageError)(nil); attempt > 0 || !errors.As(err, &damage) {
			return err
		}
	}
}

// recipe reads a layer's recipe from the store.
func (w *work) recipe(digest string) (*layer.Recipe, bool) {
	data, ok := w.Store.Memo(recipeMemo, digest)
	if !ok {
		return nil, false
	}
	var r layer.Recipe
	if err := r.UnmarshalBinary(data); err != nil || r.Digest != digest {
		return nil, false
	}
	return &r, true
}

// lazy is a layer whose bytes are read from the store when they are wanted.
func (w *work) lazy(name, kind, inputs string, r remembered) (Layer, error) {
	open := func() (io.ReadCloser, error) {
		if r.Kept {
			blob, err := w.Store.Blob(hexOf(r.Digest))
			if err != nil {
				return nil, fmt.Errorf("layer %s: %w", name, err)
			}
			return &blobReader{io.NewSectionReader(blob, 0, blob.Size()), blob}, nil
		}
		recipe, ok := w.recipe(r.Digest)
		if !ok {
			return nil, fmt.Errorf("layer %s: the store has lost its recipe", name)
		}
		return recipe.Open(w.reading, func(sum string) (layer.Blob, error) { return w.Store.Blob(sum) })
	}
	l, err := layer.New(r.Descriptor, open)
	if err != nil {
		return Layer{}, err
	}
	return Layer{Layer: l, Name: name, Kind: kind, Inputs: inputs, Digest: r.Digest, DiffID: r.DiffID, Size: r.Size}, nil
}

type blobReader struct {
	io.Reader
	io.Closer
}

// keep writes a layer whole into the store.
func (w *work) keep(ctx context.Context, name, kind, inputs string, entries []layer.Entry, unread map[string][]string) (Layer, error) {
	blob, err := w.Store.Create()
	if err != nil {
		return Layer{}, err
	}
	defer blob.Discard()
	done := w.Task("layer "+name, contentSize(entries))
	result, err := layer.Write(ctx, layer.WithParents(entries), layer.Options{Output: blob, NoRecipe: true, Progress: done})
	if err != nil {
		return Layer{}, fmt.Errorf("layer %s: %w", name, err)
	}
	if sum, _, err := blob.Commit(); err != nil {
		return Layer{}, err
	} else if "sha256:"+sum != result.Digest {
		return Layer{}, fmt.Errorf("layer %s: the store has %s where %s was written", name, sum, result.Digest)
	} else if err := w.Store.NameBlob(sum, "layer "+name); err != nil {
		return Layer{}, err
	}
	return w.remember(name, kind, inputs, remembered{Descriptor: result.Descriptor, Kept: true, Unread: unread})
}

func (w *work) remember(name, kind, inputs string, r remembered) (Layer, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return Layer{}, err
	}
	if err := w.Store.PutMemo(layerMemo, inputs, data); err != nil {
		return Layer{}, err
	}
	w.report(r)
	return w.lazy(name, kind, inputs, r)
}

// keptBlobs are the layers of the plan that are kept whole, as far as the store knows them.
func (b *Builder) keptBlobs(p *Plan) []string {
	var sums []string
	all := []string{p.baseInputs(), p.systemInputs(), p.pythonInputs(), p.userInputs(), p.environmentInputs(), p.projectInputs()}
	if in, _, err := p.projectionInputs(); err == nil {
		all = append(all, in)
	}
	for _, in := range all {
		if in == "" {
			continue
		}
		var r remembered
		if data, ok := b.Store.Memo(layerMemo, in); ok && json.Unmarshal(data, &r) == nil && r.Kept {
			sums = append(sums, hexOf(r.Digest))
		}
	}
	return sums
}

func contentSize(entries []layer.Entry) int64 {
	var n int64
	for _, e := range entries {
		n += layer.Size(e.Content)
	}
	return n
}

func hexOf(digest string) string { return strings.TrimPrefix(digest, "sha256:") }
