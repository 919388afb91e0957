package cudabase

import (
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/cuda"
	"github.com/envpack/envpack/resolver/library"
)

// See adds to an environment what its wheels ask for, of CUDA and of the C library. They were all read. usable is as in [Asked]; base
// tells whether the base has a library of CUDA.
//
// Of the C library counts what an import may load, and what has to do with GPUs: a plug-in that nobody loads is no reason for
// another base, nor is a build for other hardware beside that for CUDA.
//
// Errors: a version of a wheel that is none.
func See(e *cuda.Environment, in library.Input, usable func(major int) bool, base func(soname string) bool) error {
	uses, err := Uses(in, usable)
	if err != nil {
		return err
	}
	e.Supply = &cuda.Supply{}
	for _, u := range uses {
		e.Supply.Uses = append(e.Supply.Uses, cuda.Use{
			Library: u.Library, Wheel: u.Wheel, From: u.From, Lost: u.Lost, Base: u.From == "" && base(u.Library),
		})
	}
	t, links, brought := facts(), library.NewLinks(in), facts().brought(in)
	glibc := map[string]string{}
	for _, w := range in.Wheels {
		count := func(o *elffile.Object) {
			if version := o.Glibc(); elffile.NewerLibc(version, glibc[w.Name]) {
				glibc[w.Name] = version
			}
		}
		files := t.linked(in, w, brought, usable)
		forGPUs := func(u user) bool { return len(u.asks) > 0 || u.object.CUDA != nil }
		chooses := slices.ContainsFunc(files, forGPUs) // of files that it may open it opens those
		for _, u := range files {
			if active, opened := links.Active(u.object); active && !(opened && chooses) || forGPUs(u) {
				count(u.object)
			}
		}
	}
	for i := range e.Items {
		e.Items[i].Glibc, e.Items[i].Linked = glibc[e.Items[i].Name], true
	}
	return nil
}

// InputOf is what a platform of a lock has of wheels; ok is false where one of them was not read.
func InputOf(l *lockfile.Lock, platform string, objects func(lockfile.File) ([]elffile.Object, bool)) (in library.Input, ok bool) {
	_, in.Architecture, _ = strings.Cut(platform, "/")
	for _, t := range l.Targets {
		if t.Platform == platform {
			in.Python, in.Glibc, in.Musl = lockfile.MinorOf(t.Python), t.Glibc, t.Musl != ""
			if strings.HasSuffix(t.ABI, "t") {
				in.Python += "t"
			}
		}
	}
	for _, p := range l.Packages {
		for _, f := range p.Files {
			if !f.IsWheel() || !slices.Contains(f.Targets, platform) {
				continue
			}
			w := library.Wheel{Name: p.Name, Version: p.Version}
			if w.Objects, ok = objects(f); !ok {
				return library.Input{}, false
			}
			for _, d := range p.Requires {
				if len(d.Targets) == 0 || slices.Contains(d.Targets, platform) {
					w.Requires = append(w.Requires, d.Name)
				}
			}
			in.Wheels = append(in.Wheels, w)
		}
	}
	return in, true
}
