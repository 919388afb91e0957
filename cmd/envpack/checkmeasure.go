package main

import (
	"context"
	"slices"
	"strings"

	"github.com/envpack/envpack/imagegen/inspect"
	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/supply"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/cuda"
)

// readings are what was read of wheels, by their hash.
type readings map[string]cuda.Reading

// of implements cuda.Measure.
func (r readings) of(f lockfile.File) (cuda.Reading, bool) {
	found, ok := r[f.SHA256]
	return found, ok
}

// known gives what the store remembers of a lock's wheels, and what the lock itself says.
func known(st *store.Store, l *lockfile.Lock) (readings, error) {
	all := readings{}
	for _, p := range l.Packages {
		for _, f := range p.Files {
			if objects, ok := supply.Remembered(st, f); ok {
				all[f.SHA256] = cuda.Read(objects)
				continue
			}
			if !l.Measured() || l.Project.Unscanned && len(f.Kernels) == 0 { // what an earlier lock said of a wheel stays
				continue
			}
			r, err := cuda.ReadKernels(f.Kernels)
			if err != nil {
				return nil, diag.Wrap(err, diag.Failure, "reading which code %s has", f.Name).Hint("a newer envpack may have made the lock: use that one")
			}
			all[f.SHA256] = r
		}
	}
	return all, nil
}

// measureImage adds what the layers of an image say of the wheels that nothing is known of. Libraries belong to the package
// that a layer is of, or to the one whose RECORD lists them; where it is not known whose a library is, the wheels of its layer
// stay unread. It gives the names of the libraries in the image that it stands on, nil if there is none.
func (s *session) measureImage(ctx context.Context, found publish.Found, l *lockfile.Lock, all readings) ([]string, error) {
	layers, err := inspect.Libraries(ctx, found.Image, inspect.Options{Task: s.task})
	if err != nil {
		return nil, err
	}
	seen := read(layers)
	for _, p := range l.Packages {
		r, ok := seen[p.Name+" "+p.Version]
		for _, f := range p.Files {
			if _, there := all[f.SHA256]; ok && !there && slices.Contains(f.Targets, found.Platform) {
				all[f.SHA256] = r
			}
		}
	}
	var base []string
	for _, i := range l.Base.Images { // of an image's lock the platform's only
		base = []string{}
		for _, layer := range layers[:min(len(i.Layers), len(layers))] {
			base = append(base, layer.Names...)
		}
	}
	return base, nil
}

// read is what layers say of packages ("torch 2.15.0"): of those in layers of which it is known whose each library is.
func read(layers []inspect.LayerLibraries) map[string]cuda.Reading {
	seen := map[string]cuda.Reading{}
	for _, layer := range layers {
		owners := map[string]string{}
		for _, p := range layer.Packages {
			seen[p] = cuda.Reading{}
			name, _, _ := strings.Cut(p, " ")
			for _, file := range layer.Installed[name] {
				owners[file] = p
			}
		}
		for i := range layer.Objects {
			owner := owners[layer.Objects[i].Path]
			if len(layer.Packages) == 1 {
				owner = layer.Packages[0]
			}
			if owner == "" {
				for _, p := range layer.Packages {
					delete(seen, p)
				}
				break
			}
			r := cuda.Read(layer.Objects[i : i+1])
			have := seen[owner]
			have.Code, have.Faults = append(have.Code, r.Code...), append(have.Faults, r.Faults...)
			seen[owner] = have
		}
	}
	return seen
}

// unread tells whether there are wheels or a base of which nothing is known, in a lock that has some for a CUDA.
func unread(l *lockfile.Lock, platform string, all readings) bool {
	e := cuda.Of(l, platform, all.of)
	v, _ := e.Toolkit()
	return !v.IsZero() && (e.BaseDoubt != "" || slices.ContainsFunc(e.Items, func(i cuda.Item) bool { return !i.Measured }))
}
