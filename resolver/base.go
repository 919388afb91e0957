package resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/apt"
	"github.com/envpack/envpack/resolver/cudabase"
	"github.com/envpack/envpack/resolver/library"
	"github.com/envpack/envpack/resolver/pep440"
)

// BaseSource knows the distributions' archives and interpreter archives.
type BaseSource interface {
	// Base resolves a distribution's packages for one architecture. Where the archives are, how they are
	// reached and which keys count is up to the source.
	Base(ctx context.Context, want apt.Options) (*apt.Result, error)
	// ReadImage reads an image to stand on.
	ReadImage(ctx context.Context, want ImageRequest) (*BaseImage, error)
	// Interpreter reads an archive of the manifest's own.
	Interpreter(ctx context.Context, a manifest.PythonArchive, platform string) (*Interpreter, error)
	// Published gives the newest published interpreter archive of the wanted Python, nil if there is none.
	Published(ctx context.Context, python manifest.Python, platform string) (*Interpreter, error)
}

// Interpreter is an archive of a relocatable Python, and what it needs of the base.
type Interpreter struct {
	lockfile.Interpreter
	Glibc  string   // the least glibc that it runs on; "" if it does not say
	Needed []string // sonames of libraries that it does not bring
	// FreeThreaded tells that it is built without the global lock, Musl that its C library is musl.
	FreeThreaded, Musl bool
}

// bases makes the bases of a manifest's platforms.
type bases struct {
	manifest *manifest.Manifest
	source   BaseSource
	lock     *lockfile.Lock
	options  Options
	asOf     time.Time // of the distribution's packages; zero: now

	chosen       *baseCandidate          // what the base is assembled of; nil for an image, or none
	interpreters map[string]*Interpreter // by platform, those of archives
	images       map[string]*BaseImage   // by platform, if the base is one

	read     map[string][]elffile.Object // by hash, of wheels that were read
	inputs   map[string]library.Input    // by platform, of wheels that were read
	cudaDebs cudaDebs                    // packages that bring CUDA's libraries
	wheels   *wheelRemedies              // set once the packages are chosen
	cudaBase map[string]string           // by platform, which base brings libraries of CUDA and why
}

func newBases(m *manifest.Manifest, src BaseSource, lock *lockfile.Lock, o Options) *bases {
	return &bases{manifest: m, source: src, lock: lock, options: o, asOf: asOfBase(m, o), interpreters: map[string]*Interpreter{}, images: map[string]*BaseImage{}, inputs: map[string]library.Input{}, cudaBase: map[string]string{}}
}

// base resolves the base of every platform into the lock, and gives the targets that follow from it.
func (b *bases) base(ctx context.Context) ([]*target, error) {
	m, lock := b.manifest, b.lock
	b.warnAsOf()
	for _, a := range m.System.Archives {
		lock.Base.Archives = append(lock.Base.Archives, lockfile.Archive{Name: a.Name, URL: a.URL})
	}
	switch {
	case len(m.System.Archives) > 0 && m.Distro == lockfile.NoDistro:
		return nil, diag.New(diag.Manifest, "an archive of packages needs a distribution that takes them, and system.distro is none").
			At(m.System.Archives[0].Pos).Hint("remove [[apt]], or name a distribution in system.distro")
	case b.imageName() != "":
		return b.image(ctx)
	case m.Distro == lockfile.NoDistro:
		return b.none(ctx)
	}
	candidates, err := b.candidates()
	if err != nil {
		return nil, err
	}
	var refused []string
	for _, c := range candidates {
		targets, why, err := b.try(ctx, c)
		if err != nil || targets != nil {
			return targets, err
		}
		refused = append(refused, c.distro+": "+why)
	}
	there := "Python " + strings.Join(Pythons(m.Platforms[0]), ", ")
	if m.Python.FreeThreaded {
		there = "free-threaded Python " + strings.Join(ThreadedPythons(m.Platforms[0]), ", ")
	}
	return nil, diag.New(diag.Manifest, "no base has a Python that %q allows", m.Python.Text).At(m.Python.Pos).
		Hint("%s", strings.Join(refused, "; ")).
		Hint("there is %s; an interpreter of your own is named by system.python-archive", there)
}

// baseCandidate is a distribution to try, with its own interpreter of a minor version, or with one from an
// archive.
type baseCandidate struct {
	distro  string
	python  string // minor version; "" is the distribution's default, or, if archive is set, none
	archive bool
}

// candidates lists what could be the base, the best first: the lock's distribution, so that it stays; then those
// whose python3 fits, those that have a fitting Python besides, and those that are not released yet; then the first
// with an interpreter from an archive.
func (b *bases) candidates() ([]baseCandidate, error) {
	m := b.manifest
	known := apt.Distributions()
	if m.Distro != "" {
		d, err := apt.Find(m.Distro)
		if err != nil {
			return nil, diag.Wrap(err, 0, "").At(m.DistroPos)
		}
		known = []apt.Distribution{d}
	}
	kept := ""
	if old := b.options.Previous; m.Distro == "" && old != nil && !cudabase.Is(old.Base.Reference) && (!b.options.Upgrade || b.options.KeepDistro) {
		kept = old.Base.Distro
	}
	archived := baseCandidate{distro: known[0].Name, archive: true}
	if slices.ContainsFunc(known, func(d apt.Distribution) bool { return d.Name == kept }) {
		archived.distro = kept
	}
	if len(m.System.Pythons) > 0 {
		return []baseCandidate{archived}, nil
	}
	var lists [4][]baseCandidate
	for _, d := range known {
		for i, minor := range d.Pythons {
			if m.Python.FreeThreaded || !mayHave(m.Python.Specifiers, minor) { // no distribution has a free-threaded one
				continue
			}
			place := 1 + min(i, 1)
			switch {
			case d.Name == kept:
				place = 0
			case d.Testing && m.Distro == "":
				place = 3
			}
			lists[place] = append(lists[place], baseCandidate{distro: d.Name, python: minor})
		}
	}
	return append(slices.Concat(lists[:]...), archived), nil
}

// runsOn checks that an interpreter from an archive has the C library that it needs: base names what it is to run on, whose
// versions of the two C libraries are given, one of them "".
func (b *bases) runsOn(i *Interpreter, base, glibc, musl string) error {
	at := func(e *diag.Error) error { return e.At(b.archivePos()) }
	switch {
	case i.Musl && musl == "":
		return at(diag.New(diag.Manifest, "the interpreter %s is linked to musl, and %s has glibc", i.Path, base).
			Hint("take an archive whose name has linux-gnu, not musl"))
	case !i.Musl && musl != "":
		return at(diag.New(diag.Manifest, "the interpreter %s is linked to glibc, and %s has musl", i.Path, base).
			Hint("take an archive whose name has linux-musl"))
	case musl == "" && elffile.NewerLibc(i.Glibc, glibc):
		return at(diag.New(diag.Manifest, "the interpreter %s needs glibc %s, and %s has %s", i.Path, i.Glibc, base, glibc).
			Hint("choose a newer base, or another interpreter"))
	}
	return nil
}

// archivePos is where the interpreter was asked for.
func (b *bases) archivePos() diag.Position {
	if list := b.manifest.System.Pythons; len(list) > 0 {
		return list[0].Pos
	}
	return b.manifest.Python.Pos
}

// mayHave tells whether some version of a minor one may satisfy the specifiers.
func mayHave(specs pep440.Specifiers, minor string) bool {
	all, err := pep440.ParseSpecifiers("==" + minor + ".*")
	return err == nil && !pep440.FromSpecifiers(specs).Disjoint(pep440.FromSpecifiers(all))
}

// try makes the targets on one candidate. Without targets and without an error, why says what it lacks.
func (b *bases) try(ctx context.Context, c baseCandidate) (targets []*target, why string, err error) {
	m, lock := b.manifest, b.lock
	base := lockfile.Base{Distro: c.distro, Format: lockfile.RootfsFormat, AsOf: b.asOf, Archives: lock.Base.Archives}
	var list []lockfile.Target
	for _, platform := range m.Platforms {
		var own *Interpreter
		if c.archive {
			if own, err = b.interpreter(ctx, platform); err != nil {
				return nil, "", err
			}
			if own == nil {
				return nil, "no published interpreter for " + platform, nil
			}
		}
		result, err := b.source.Base(ctx, b.request(c, platform, nil))
		if err != nil {
			return nil, "", b.failed(err, c.distro, platform)
		}
		version, glibc := result.PythonFull, result.Glibc
		if own != nil {
			if err := b.runsOn(own, c.distro, glibc, ""); err != nil {
				return nil, "", err
			}
			version = own.Version
			b.interpreters[platform] = own
			base.Interpreters = append(base.Interpreters, own.Interpreter)
		}
		python, err := pep440.Parse(version)
		if err != nil {
			return nil, "", fmt.Errorf("the Python of %s: %w", c.distro, err)
		}
		if !m.Python.Specifiers.Contains(python) {
			return nil, "it has " + version, nil
		}
		t, err := newTarget(lockfile.Target{Platform: platform, Python: python.String(), ABI: abiOf(version, m.Python.FreeThreaded), Glibc: glibc})
		if err != nil {
			return nil, "", err
		}
		targets = append(targets, t)
		list = append(list, t.Target)
		addBase(&base, result, platform)
	}
	lock.Base, lock.Targets = base, list
	b.chosen = &c
	reason := fmt.Sprintf("the distribution's own Python fits %q", m.Python.Text)
	if c.archive {
		reason = fmt.Sprintf("no distribution has a Python that %q allows", m.Python.Text)
		if m.Distro != "" {
			reason = fmt.Sprintf("%s has no Python that %q allows", c.distro, m.Python.Text)
		}
		if len(m.System.Pythons) > 0 {
			reason = "the manifest names the interpreter"
		}
	}
	lock.Choices = append(lock.Choices, lockfile.Choice{Kind: lockfile.PythonChoice, Name: "interpreter", Value: c.distro, Reason: reason})
	return targets, "", nil
}

// extend resolves the base again, with further packages by platform.
func (b *bases) extend(ctx context.Context, more map[string][]string) error {
	base := b.lock.Base
	base.Releases, base.Debs = nil, nil
	for _, t := range b.lock.Targets {
		result, err := b.source.Base(ctx, b.request(*b.chosen, t.Platform, more[t.Platform]))
		if err != nil {
			return b.failed(err, b.chosen.distro, t.Platform)
		}
		addBase(&base, result, t.Platform)
	}
	b.lock.Base = base
	return nil
}

// failed gives an error of the distribution the place in the manifest that it is about.
func (b *bases) failed(err error, distro, platform string) error {
	e := diag.Wrap(err, 0, "choosing the base %s for %s", distro, platform)
	if wrong := (*apt.WantError)(nil); errors.As(err, &wrong) {
		for _, p := range b.manifest.System.Packages {
			if relation(p.Text) == wrong.Want {
				return e.At(p.Pos)
			}
		}
	}
	if wrong := (*apt.ArchiveError)(nil); errors.As(err, &wrong) {
		for _, a := range b.manifest.System.Archives {
			if a.Name == wrong.Archive {
				return e.At(a.Pos)
			}
		}
	}
	if errors.As(err, new(*apt.SnapshotError)) {
		return e.At(b.manifest.System.AsOfPos)
	}
	if diag.CodeOf(err) == diag.Manifest && b.manifest.Distro != "" && e.Pos.File == "" {
		e = e.At(b.manifest.DistroPos)
	}
	return e
}

// interpreter is the archive for a platform: the manifest's own, or a published one.
func (b *bases) interpreter(ctx context.Context, platform string) (*Interpreter, error) {
	m := b.manifest
	for _, a := range m.System.Pythons {
		if a.Platform != "" && a.Platform != platform {
			continue
		}
		i, err := b.source.Interpreter(ctx, a, platform)
		if err != nil {
			return nil, diag.Wrap(err, 0, "reading system.python-archive for %s", platform).At(a.Pos)
		}
		version, err := pep440.Parse(i.Version)
		if err != nil {
			return nil, fmt.Errorf("system.python-archive: %w", err)
		}
		if !m.Python.Specifiers.Contains(version) {
			has := lockfile.Target{Python: i.Version, ABI: abiOf(i.Version, i.FreeThreaded)}.Version()
			return nil, diag.New(diag.Manifest, "system.python-archive has Python %s, and the manifest wants %s", has, m.Python.Text).At(a.Pos).
				Hint("python = %q below [project] is what it has", has)
		}
		if i.FreeThreaded != m.Python.FreeThreaded {
			return nil, otherBuild(i, m.Python).At(a.Pos)
		}
		return i, nil
	}
	if len(m.System.Pythons) > 0 {
		return nil, diag.New(diag.Manifest, "system.python-archive names no interpreter for %s", platform).At(m.System.Pythons[0].Pos).
			Hint("each platform has a table [[system.python-archive]] of its own, with platform, sha256, and path or url")
	}
	return b.source.Published(ctx, m.Python, platform)
}

// otherBuild says that an archive has the free-threaded build and the manifest wants the usual one, or the other way round.
func otherBuild(i *Interpreter, wanted manifest.Python) *diag.Error {
	if i.FreeThreaded {
		return diag.New(diag.Manifest, "system.python-archive has the free-threaded build of Python %s, and the manifest wants the usual one (%s)", i.Version, wanted.Text).
			Hint("python = \"%st\" asks for it", lockfile.MinorOf(i.Version))
	}
	return diag.New(diag.Manifest, "system.python-archive has the usual build of Python %s, and the manifest wants the free-threaded one (%s)", i.Version, wanted.Text).
		Hint("take an archive whose name has freethreaded, or ask for the usual build: python = %q", lockfile.MinorOf(i.Version))
}

// addBase adds one platform's packages and the indexes that they came from.
func addBase(b *lockfile.Base, r *apt.Result, platform string) {
	b.Codename = r.Codename
	for _, rel := range r.Releases {
		seen := false
		for _, old := range b.Releases {
			seen = seen || old.Archive == rel.Archive && old.Suite == rel.Suite && old.InRelease == rel.InReleaseSHA256
		}
		if !seen {
			b.Releases = append(b.Releases, lockfile.Release{
				Archive: rel.Archive, Suite: rel.Suite, Date: rel.Date, ValidUntil: rel.ValidUntil,
				InRelease: rel.InReleaseSHA256, Keys: rel.Keys,
			})
		}
	}
	for _, d := range r.Debs {
		merged := false
		for i := range b.Debs {
			if b.Debs[i].SHA256 == d.SHA256 && b.Debs[i].Path == d.Path && b.Debs[i].System == d.System {
				b.Debs[i].Targets = append(b.Debs[i].Targets, platform)
				merged = true
			}
		}
		if !merged {
			b.Debs = append(b.Debs, lockfile.Deb{
				Name: d.Name, Version: d.Version, Architecture: d.Architecture, Archive: d.Archive, Path: d.Path,
				SHA256: d.SHA256, Size: d.Size, System: d.System, Targets: []string{platform},
			})
		}
	}
}
