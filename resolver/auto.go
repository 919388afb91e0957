package resolver

import (
	"context"
	"debug/elf"
	"errors"
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
	// Knows tells whether Objects answers for a wheel from what was read of it before, without a download.
	Knows(w Wheel) bool
	// Contents reads which package of a distribution has which library.
	Contents(ctx context.Context, want apt.Options) (*apt.Contents, error)
}

// Wheel is a file of the lock.
type Wheel struct {
	Package lockfile.Package
	File    lockfile.File
}

// addLibraries adds to every target's base the packages whose libraries its wheels need and nobody brings.
func (b *bases) addLibraries(ctx context.Context, targets []*target, scan Scanner) error {
	if !b.scans() {
		return nil
	}
	more := map[string][]string{}
	for _, d := range b.cudaDebs {
		more[d.platform] = append(more[d.platform], d.name)
		b.choose(lockfile.Choice{Kind: lockfile.LibraryChoice, Name: d.need.Library, Value: d.name, Target: d.platform, Reason: d.need.String()})
	}
	for _, t := range targets {
		if scan == nil || b.options.NoScan {
			b.lock.Project.Unscanned = true
			b.keepLibraries(t, more)
			continue
		}
		r, err := b.libraries(ctx, t, scan)
		if errors.Is(err, errNoContents) {
			b.options.Warn(err.Error())
			b.lock.Project.Unscanned = true
			b.keepLibraries(t, more)
			continue
		}
		if err != nil {
			return err
		}
		for _, c := range r.Add {
			more[t.Platform] = append(more[t.Platform], c.Package)
			for _, n := range c.Needs {
				b.choose(lockfile.Choice{Kind: lockfile.LibraryChoice, Name: n.File, Value: c.Package, Target: t.Platform, Reason: n.String()})
			}
		}
		b.warnLibraries(r)
	}
	if len(more) == 0 || b.chosen == nil {
		return nil
	}
	return b.extend(ctx, more)
}

// errNoContents is wrapped by a text for people: the distribution's index of files was not read.
var errNoContents = errors.New("name their packages in system.packages, or set system.auto = false; what the lock had of them stays")

// choose adds a choice, unless the same thing was chosen before.
func (b *bases) choose(c lockfile.Choice) {
	for _, old := range b.lock.Choices {
		if old.Kind == c.Kind && old.Name == c.Name && old.Target == c.Target {
			return
		}
	}
	b.lock.Choices = append(b.lock.Choices, c)
}

// keepLibraries adds to more what the earlier lock had found for the target, where nobody looks now. Another
// distribution's packages are called otherwise.
func (b *bases) keepLibraries(t *target, more map[string][]string) {
	old := b.options.Previous
	if old == nil {
		return
	}
	for _, c := range old.Choices {
		if c.Kind != lockfile.LibraryChoice || c.Target != "" && c.Target != t.Platform {
			continue
		}
		if now := b.lock.Base.Distro; old.Base.Distro != now {
			b.options.Warn(fmt.Sprintf("the libraries that wheels need were found in %s, and the base is %s now: `envpack lock` looks for them there",
				old.Base.Distro, now))
			return
		}
		c.Target = t.Platform
		b.choose(c)
		more[t.Platform] = append(more[t.Platform], c.Value)
	}
}

// input is what is known of the libraries of a target before the distribution is asked, with the wheels read. Errors: those
// of the scanner.
func (b *bases) input(ctx context.Context, t *target, scan Scanner) (library.Input, error) {
	if in, ok := b.inputs[t.Platform]; ok {
		return in, nil
	}
	_, arch, _ := strings.Cut(t.Platform, "/")
	in := library.Input{Architecture: arch, Python: t.Minor(), Glibc: t.Glibc, Musl: t.Musl != "", Brought: map[string]bool{}, Chosen: map[string]bool{}, Packages: nobody{}}
	wheels := b.wheelsOf(t.Platform)
	objects, err := b.objects(ctx, t, scan, wheels)
	if err != nil {
		return in, diag.Wrap(err, 0, "looking for the libraries that wheels need")
	}
	for i, w := range wheels {
		in.Wheels = append(in.Wheels, library.Wheel{
			Name: w.Package.Name, Version: w.Package.Version, Objects: objects[i], Requires: requires(w.Package, t.Platform),
		})
	}
	if own := b.interpreters[t.Platform]; own != nil && len(own.Needed) > 0 {
		program := elffile.Object{Path: "bin/python", Type: 2, Class: 2, Machine: machines[arch], Needed: own.Needed}
		in.Wheels = append(in.Wheels, library.Wheel{Name: "python", Version: own.Version, Objects: []elffile.Object{program}})
	}
	b.inputs[t.Platform] = in
	return in, nil
}

// debsOf are the names of the distribution's packages of a platform.
func (b *bases) debsOf(platform string) []string {
	var names []string
	for _, d := range b.lock.Base.Debs {
		if slices.Contains(d.Targets, platform) {
			names = append(names, d.Name)
		}
	}
	return names
}

// libraries finds the packages for one target. Errors: those of the scanner; errNoContents.
func (b *bases) libraries(ctx context.Context, t *target, scan Scanner) (*library.Result, error) {
	in, err := b.input(ctx, t, scan)
	if err != nil {
		return nil, err
	}
	debs := b.debsOf(t.Platform)
	for _, name := range debs {
		in.Chosen[name] = true
		for _, soname := range everywhere[name] {
			in.Brought[soname] = true
		}
	}
	image := b.images[t.Platform]
	if image != nil {
		in.Brought = image.Brought
		for _, name := range image.Packages {
			in.Chosen[name] = true
		}
	}
	maps.Copy(in.Brought, b.cudaDebs.files(t.Platform))
	// Most projects need nothing of the distribution, whose index of files is large.
	r, err := library.Find(in)
	if err != nil || b.chosen == nil || len(r.Add)+len(r.Missing)+len(r.Optional) == 0 {
		return r, err
	}
	b.options.Progress("looking for libraries in " + b.chosen.distro)
	contents, err := scan.Contents(ctx, b.request(*b.chosen, t.Platform, nil))
	switch code := diag.CodeOf(err); {
	case err != nil && (code == diag.NoAnswer || code == diag.Mismatch):
		return nil, fmt.Errorf("which libraries the wheels need of %s was not looked up: %v; %w", b.chosen.distro, err, errNoContents)
	case err != nil:
		return nil, err
	}
	in.Brought, in.Packages = contents.Brought(debs), contents
	maps.Copy(in.Brought, b.cudaDebs.files(t.Platform))
	if image != nil {
		maps.Copy(in.Brought, image.Brought)
	}
	return library.Find(in)
}

// everywhere are the libraries of packages that nearly every base has and that have had them in every release, so that
// wheels which need no others are judged without the distribution's index of files. They are of those that
// manylinux wheels may expect (PEP 513), and zlib and libgomp, which base and Python need or name themselves.
var everywhere = map[string][]string{
	"libc6": {
		"ld-linux-aarch64.so.1", "ld-linux-x86-64.so.2", "libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0", "libresolv.so.2",
		"librt.so.1", "libutil.so.1",
	},
	"libgcc-s1":  {"libgcc_s.so.1"},
	"libgcc1":    {"libgcc_s.so.1"},
	"libgomp1":   {"libgomp.so.1"},
	"libstdc++6": {"libstdc++.so.6"},
	"zlib1g":     {"libz.so.1"},
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
			if f.IsWheel() && slices.Contains(f.Targets, platform) {
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

// machines are the ELF machines of architectures that a manifest can have.
var machines = map[string]uint16{"amd64": uint16(elf.EM_X86_64), "arm64": uint16(elf.EM_AARCH64)}

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
		b.options.Warn(fmt.Sprintf("%s: %s; what needs it does not work in the image", wheel, b.nobody(strings.Join(missing[wheel], ", "))))
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
		it := "it"
		if len(optional[wheel]) > 1 {
			it = "them"
		}
		b.options.Warn(fmt.Sprintf("%s has plug-ins for which %s would be needed; list %s in system.packages if the plug-ins are used", wheel, strings.Join(optional[wheel], ", "), it))
	}
}

// nobody says that libraries or programs are nowhere to be had.
func (b *bases) nobody(what string) string {
	if b.chosen == nil {
		return fmt.Sprintf("%s has no %s, and of its distribution (%s) no packages are known", b.imageName(), what, b.lock.Base.Distro)
	}
	return fmt.Sprintf("no package of %s has %s", b.chosen.distro, what)
}
