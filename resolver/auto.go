package resolver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/apt"
	"github.com/envpack/envpack/resolver/library"
)

// Scanner looks into wheels, and into what packages of a distribution hold.
type Scanner interface {
	// Objects reads the ELF files of wheels: a list for each, in their order.
	Objects(ctx context.Context, wheels []Wheel) ([][]elffile.Object, error)
	// Contents reads which package of a distribution has which library.
	Contents(ctx context.Context, want apt.Options) (*apt.Contents, error)
}

// Wheel is a file of the lock.
type Wheel struct {
	Package lockfile.Package
	File    lockfile.File
}

// libraryChoice is the kind of a choice that says which package brings a library that a wheel needs.
const libraryChoice = "library"

// addLibraries adds to every target's base the packages whose libraries its wheels need and nobody brings.
func (b *bases) addLibraries(ctx context.Context, targets []*target, scan Scanner) error {
	if b.chosen == nil || !b.manifest.System.Auto {
		return nil
	}
	if scan == nil || b.options.NoScan {
		return b.keepLibraries(ctx)
	}
	more := map[string][]string{}
	found := false
	for _, t := range targets {
		r, err := b.libraries(ctx, t, scan)
		if err != nil {
			return err
		}
		for _, c := range r.Add {
			found = true
			more[t.Platform] = append(more[t.Platform], c.Package)
			for _, n := range c.Needs {
				b.choose(lockfile.Choice{Kind: libraryChoice, Name: n.File, Value: c.Package, Target: t.Platform, Reason: n.String()})
			}
		}
		b.warnLibraries(r)
	}
	if !found {
		return nil
	}
	return b.extend(ctx, more)
}

// choose adds a choice, unless the same thing was chosen before.
func (b *bases) choose(c lockfile.Choice) {
	for _, old := range b.lock.Choices {
		if old.Kind == c.Kind && old.Name == c.Name && old.Target == c.Target {
			return
		}
	}
	b.lock.Choices = append(b.lock.Choices, c)
}

// keepLibraries adds what the earlier lock had found, where nobody looks now.
func (b *bases) keepLibraries(ctx context.Context) error {
	old := b.options.Previous
	if old == nil {
		return nil
	}
	more := map[string][]string{}
	for _, c := range old.Choices {
		if c.Kind != libraryChoice {
			continue
		}
		for _, t := range b.lock.Targets {
			if c.Target == "" || c.Target == t.Platform {
				c.Target = t.Platform
				b.choose(c)
				more[t.Platform] = append(more[t.Platform], c.Value)
			}
		}
	}
	if len(more) == 0 {
		return nil
	}
	return b.extend(ctx, more)
}

// libraries finds the packages for one target.
func (b *bases) libraries(ctx context.Context, t *target, scan Scanner) (*library.Result, error) {
	_, arch, _ := strings.Cut(t.Platform, "/")
	in := library.Input{Architecture: arch, Python: minorOf(t.Python), Glibc: t.Glibc, Chosen: map[string]bool{}, Packages: nobody{}}
	wheels := b.wheelsOf(t.Platform)
	b.options.Progress("reading wheels for " + t.Platform)
	objects, err := scan.Objects(ctx, wheels)
	if err != nil {
		return nil, diag.Wrap(err, 0, "looking for the libraries that wheels need")
	}
	for i, w := range wheels {
		in.Wheels = append(in.Wheels, library.Wheel{
			Name: w.Package.Name, Version: w.Package.Version, Objects: objects[i], Requires: requires(w.Package, t.Platform),
		})
	}
	if own := b.interpreters[t.Platform]; own != nil && len(own.Needed) > 0 {
		program := elffile.Object{Path: "bin/python", Type: 2, Class: 2, Needed: own.Needed}
		in.Wheels = append(in.Wheels, library.Wheel{Name: "python", Version: own.Version, Objects: []elffile.Object{program}})
	}
	var debs []string
	for _, d := range b.lock.Base.Debs {
		if slices.Contains(d.Targets, t.Platform) {
			debs = append(debs, d.Name)
			in.Chosen[d.Name] = true
		}
	}
	// Most projects need nothing of the distribution, whose index of files is large.
	r, err := library.Find(in)
	if err != nil || len(r.Add)+len(r.Missing)+len(r.Optional) == 0 {
		return r, err
	}
	b.options.Progress("looking for libraries in " + b.chosen.distro)
	contents, err := scan.Contents(ctx, b.request(*b.chosen, t.Platform, nil))
	switch code := diag.CodeOf(err); {
	case err != nil && (code == diag.NoAnswer || code == diag.Mismatch):
		b.options.Warn(fmt.Sprintf("which libraries the wheels need of %s was not looked up: %v; name their packages in system.packages, or set system.auto = false",
			b.chosen.distro, err))
		return &library.Result{}, nil
	case err != nil:
		return nil, err
	}
	in.Brought, in.Packages = contents.Brought(debs), contents
	return library.Find(in)
}

// nobody has no packages.
type nobody struct{}

// Library implements library.Packages.
func (nobody) Library(string) []apt.Holder { return nil }

// Command implements library.Packages.
func (nobody) Command(string) []apt.Holder { return nil }

func (b *bases) wheelsOf(platform string) []Wheel {
	var list []Wheel
	for _, p := range b.lock.Packages {
		for _, f := range p.Files {
			if slices.Contains(f.Targets, platform) {
				list = append(list, Wheel{p, f})
			}
		}
	}
	return list
}

func requires(p lockfile.Package, platform string) []string {
	var names []string
	for _, d := range p.Requires {
		if len(d.Targets) == 0 || slices.Contains(d.Targets, platform) {
			names = append(names, d.Name)
		}
	}
	return names
}

// minorOf is "3.11" of "3.11.2".
func minorOf(python string) string {
	parts := strings.SplitN(python, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// maxNeeds bounds what one warning names.
const maxNeeds = 4

// warnLibraries tells what is not added: needs that no package meets, and those of plug-ins.
func (b *bases) warnLibraries(r *library.Result) {
	for _, w := range r.Warnings {
		b.options.Warn(w)
	}
	missing := map[string][]string{}
	for _, n := range r.Missing {
		missing[n.Wheel] = append(missing[n.Wheel], n.File)
	}
	for _, wheel := range slices.Sorted(maps.Keys(missing)) {
		b.options.Warn(fmt.Sprintf("%s: no package of %s has %s; what needs it does not work in the image", wheel, b.chosen.distro, some(missing[wheel])))
	}
	optional := map[string][]string{}
	for _, c := range r.Optional {
		for _, n := range c.Needs {
			if c.Package != "" && !slices.Contains(optional[n.Wheel], c.Package) {
				optional[n.Wheel] = append(optional[n.Wheel], c.Package)
			}
		}
	}
	for _, wheel := range slices.Sorted(maps.Keys(optional)) {
		b.options.Warn(fmt.Sprintf("%s has plug-ins for which %s would be needed; list it in system.packages if they are used", wheel, some(optional[wheel])))
	}
}

// some names the first few.
func some(names []string) string {
	if len(names) <= maxNeeds {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNeeds], ", "), len(names)-maxNeeds)
}
