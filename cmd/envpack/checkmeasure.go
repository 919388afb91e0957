package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/imagegen/inspect"
	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/supply"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/cuda"
	"github.com/envpack/envpack/resolver/cudabase"
)

// readings are what was read of wheels, by their hash.
type readings struct {
	code    map[string]cuda.Reading
	objects map[string][]elffile.Object // of wheels of which more than their code is known
}

// of implements cuda.Measure.
func (r readings) of(f lockfile.File) (cuda.Reading, bool) {
	found, ok := r.code[f.SHA256]
	return found, ok
}

func (r readings) objectsOf(f lockfile.File) ([]elffile.Object, bool) {
	found, ok := r.objects[f.SHA256]
	return found, ok
}

// known gives what the store remembers of a lock's wheels, and what the lock itself says.
func known(st *store.Store, l *lockfile.Lock) (readings, error) {
	all := readings{map[string]cuda.Reading{}, map[string][]elffile.Object{}}
	for _, p := range l.Packages {
		for _, f := range p.Files {
			if objects, ok := supply.Remembered(st, f); ok {
				all.code[f.SHA256], all.objects[f.SHA256] = cuda.Read(objects), objects
				continue
			}
			if !l.Measured() || l.Project.Unscanned && len(f.Kernels) == 0 { // what an earlier lock said of a wheel stays
				continue
			}
			r, err := cuda.ReadKernels(f.Kernels)
			if err != nil {
				return readings{}, diag.Wrap(err, diag.Failure, "reading which code %s has", f.Name).Hint("a newer envpack may have made the lock: use that one")
			}
			all.code[f.SHA256] = r
		}
	}
	return all, nil
}

// environment is what is judged: with what wheels ask for, where all of them were read, and what is known of the image below.
func (c checked) environment() (cuda.Environment, error) {
	e := cuda.Of(c.lock, c.where, c.known.of)
	if c.base != nil {
		e.SeeBase(c.base)
	}
	if base := c.lock.Base.Reference; base != "" && c.name != "" {
		compat := ""
		if slices.Contains(c.base, "libcuda.so.1") {
			compat = "libcuda.so.1"
		}
		e.Cautions = cuda.Cautions(base, compat, c.env, nil)
		if v, ok := cuda.EnvCuDNN(c.env); ok {
			e.CuDNN = append(e.CuDNN, cuda.CuDNN{Version: v, Of: fmt.Sprintf("cuDNN %s of %s", v, base)})
		}
	}
	in, ok := cudabase.InputOf(c.lock, c.where, c.known.objectsOf)
	if !ok {
		return e, nil
	}
	has := func(soname string) bool {
		return e.BaseAsked || slices.Contains(c.base, soname) || slices.ContainsFunc(c.lock.Base.Debs, func(d lockfile.Deb) bool {
			return slices.Contains(d.Targets, c.where) && cudabase.Brings(d.Name, soname)
		})
	}
	if c.base != nil {
		e.BaseDoubt = ""
	}
	v, _ := e.Toolkit()
	err := cudabase.See(&e, in, func(major int) bool { return v.IsZero() || v.Major == major }, has)
	return e, err
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
		objects, ok := seen[p.Name+" "+p.Version]
		for _, f := range p.Files {
			if _, there := all.objects[f.SHA256]; ok && !there && slices.Contains(f.Targets, found.Platform) {
				all.objects[f.SHA256] = objects
				if _, there := all.code[f.SHA256]; !there {
					all.code[f.SHA256] = cuda.Read(objects)
				}
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

// read are the ELF files of packages ("torch 2.15.0"), of those in layers of which it is known whose each file is.
func read(layers []inspect.LayerLibraries) map[string][]elffile.Object {
	seen := map[string][]elffile.Object{}
	for _, layer := range layers {
		owners := map[string]string{}
		for _, p := range layer.Packages {
			seen[p] = []elffile.Object{}
			name, _, _ := strings.Cut(p, " ")
			for _, file := range layer.Installed[name] {
				owners[file] = p
			}
		}
		for _, o := range layer.Objects {
			owner := owners[o.Path]
			if len(layer.Packages) == 1 {
				owner = layer.Packages[0]
			}
			if owner == "" {
				for _, p := range layer.Packages {
					delete(seen, p)
				}
				break
			}
			seen[owner] = append(seen[owner], o)
		}
	}
	return seen
}

// unread tells whether there are wheels or a base of which not all is known, in a lock that has some for a CUDA.
func unread(l *lockfile.Lock, platform string, all readings) bool {
	e := cuda.Of(l, platform, all.of)
	v, _ := e.Toolkit()
	_, whole := cudabase.InputOf(l, platform, all.objectsOf)
	return !v.IsZero() && (e.BaseDoubt != "" || !whole)
}
