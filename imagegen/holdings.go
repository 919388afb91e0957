package imagegen

import (
	"encoding/json"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/imagegen/parent"
	"github.com/envpack/envpack/internal/inventory"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/lockfile"
)

// NoteReaders tell what the notes need that Build leaves in the store: a layer that is remembered its bytes or its
// recipe, a recipe the files that it takes ranges of, and what is known of an image to stand on its layers, which are written with
// every image on it, and its documents. Of an image in a folder or a file, the store has none of these.
func NoteReaders() map[string]inventory.Reader {
	return map[string]inventory.Reader{
		factsKind: func(data []byte) (inventory.Needs, error) {
			var known struct { // of a parent.Parent, whose whole tree is long
				Digest, Config string
				Layers         []parent.Layer
			}
			if err := json.Unmarshal(data, &known); err != nil {
				return inventory.Needs{}, err
			}
			needs := inventory.Needs{Present: []string{hexOf(known.Digest), hexOf(known.Config)}, Keeps: true}
			for _, l := range known.Layers {
				needs.Present = append(needs.Present, hexOf(l.Digest))
			}
			return needs, nil
		},
		layerMemo: func(data []byte) (inventory.Needs, error) {
			var r remembered
			if err := json.Unmarshal(data, &r); err != nil {
				return inventory.Needs{}, err
			}
			if r.Kept {
				return inventory.Needs{Blobs: []string{hexOf(r.Digest)}, Keeps: true}, nil
			}
			return inventory.Needs{Memos: []string{store.MemoName(recipeMemo, r.Digest)}, Keeps: true}, nil
		},
		recipeMemo: func(data []byte) (inventory.Needs, error) {
			var r layer.Recipe
			if err := r.UnmarshalBinary(data); err != nil {
				return inventory.Needs{}, err
			}
			return inventory.Needs{Blobs: r.Blobs(), Keeps: true}, nil
		},
	}
}

// Holdings are what a store may have that images of a lock are made of: blobs, by hash, and notes, by their names in the
// store. All platforms' are among them, with the layers of the seal and those of an image in a registry that the lock's stands on.
func Holdings(l *lockfile.Lock) (blobs, memos []string) {
	files := func(packages []lockfile.Package) {
		for _, p := range packages {
			for _, f := range p.Files {
				blobs = append(blobs, f.SHA256)
			}
			for _, f := range p.Sources {
				blobs = append(blobs, f.SHA256)
			}
		}
	}
	files(l.Packages)
	for _, b := range l.Builds { // what builds a wheel again
		files(b.Packages)
		for _, d := range b.Debs {
			blobs = append(blobs, d.SHA256)
		}
	}
	for _, f := range l.Data {
		blobs = append(blobs, f.SHA256)
	}
	for _, d := range l.Base.Debs {
		blobs = append(blobs, d.SHA256)
	}
	for _, i := range l.Base.Interpreters {
		blobs = append(blobs, i.SHA256)
	}
	for _, i := range l.Base.Images {
		blobs = append(blobs, hexOf(i.Digest), hexOf(i.Config))
		for _, layer := range i.Layers {
			blobs = append(blobs, hexOf(layer.Digest))
		}
		kind, key := factsMemo(i.Digest, i.Target)
		memos = append(memos, store.MemoName(kind, key))
	}
	for _, s := range l.Seals {
		for _, layer := range s.Layers {
			memos = append(memos, store.MemoName(layerMemo, layer.Inputs))
		}
	}
	return blobs, memos
}
