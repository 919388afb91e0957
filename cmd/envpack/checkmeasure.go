package main

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/imagegen/inspect"
	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/supply"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/cuda"
	"github.com/envpack/envpack/resolver/pep508"
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
// that a layer is of, or to the one that their folder is named after.
func (s *session) measureImage(ctx context.Context, found publish.Found, l *lockfile.Lock, all readings) error {
	layers, err := inspect.Libraries(ctx, found.Image, inspect.Options{Task: s.task})
	if err != nil {
		return err
	}
	seen := map[string]cuda.Reading{} // by package, "torch 2.15.0"
	for _, layer := range layers {
		for i := range layer.Objects {
			o := layer.Objects[i]
			owner := ownerOf(layer.Layer, o.Path)
			if owner == "" {
				continue
			}
			r := cuda.Read(layer.Objects[i : i+1])
			have := seen[owner]
			have.Code, have.Faults = append(have.Code, r.Code...), append(have.Faults, r.Faults...)
			seen[owner] = have
		}
	}
	for _, p := range l.Packages {
		for _, f := range p.Files {
			if _, there := all[f.SHA256]; !there && slices.Contains(f.Targets, found.Platform) {
				all[f.SHA256] = seen[p.Name+" "+p.Version]
			}
		}
	}
	return nil
}

// ownerOf is the package that a library belongs to, "" if that is not known.
func ownerOf(layer inspect.Layer, file string) string {
	if len(layer.Packages) == 1 {
		return layer.Packages[0]
	}
	_, inside, ok := strings.Cut(file, "/site-packages/")
	if !ok {
		return ""
	}
	folder, _, _ := strings.Cut(inside, "/")
	name := pep508.NormalizeName(strings.TrimSuffix(folder, path.Ext(folder))) // torchvision.libs
	for _, p := range layer.Packages {
		if own, _, _ := strings.Cut(p, " "); own == name {
			return p
		}
	}
	return ""
}

// unread tells whether there are wheels of which nothing is known, in a lock that has some for a CUDA.
func unread(l *lockfile.Lock, platform string, all readings) bool {
	e := cuda.Of(l, platform, all.of)
	v, _ := e.Toolkit()
	return !v.IsZero() && slices.ContainsFunc(e.Items, func(i cuda.Item) bool { return !i.Measured })
}
