package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/sandbox"
	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep508"
	"github.com/envpack/envpack/smoke"
)

// smoked is what --smoke found, for --json.
type smoked struct {
	Platforms []smokedPlatform `json:"smoke"`
	Failed    int              `json:"failed"` // modules
}

type smokedPlatform struct {
	Platform string          `json:"platform"`
	Modules  []smokedModule  `json:"modules"`
	Packages []smokedPackage `json:"packages"` // of the requirements
	Untried  string          `json:"untried,omitempty"`
	// Changes are all that help some module, and Left what cannot be imported with all of them.
	Changes []smoke.Change `json:"changes,omitempty"`
	Left    []string       `json:"left,omitempty"`

	tried bool // all changes together
}

type smokedModule struct {
	smoke.Outcome
	*smoke.Finding
}

type smokedPackage struct {
	Name   string   `json:"name"`
	Import []string `json:"imports"`
	From   string   `json:"from"`
	Passed []string `json:"passed_over,omitempty"`
}

// building for a lock opens what its environment is made with.
func (s *session) buildingOf(st *store.Store, m *manifest.Manifest, l *lockfile.Lock) (*building, error) {
	b := &building{session: s, m: m, lock: l}
	sup, err := s.openSupply(st, sources.Options{Indexes: m.Indexes, Codename: l.Base.Codename}, b.supplyOptions(), fetching)
	if err != nil {
		return nil, err
	}
	b.supply = sup
	b.builder = &imagegen.Builder{Store: st, Supply: sup, Task: s.task, SameVersion: sameVersion}
	return b, nil
}

// smokeLock imports what a lock is for in its environment, without the project's files.
func (s *session) smokeLock(ctx context.Context, m *manifest.Manifest, l *lockfile.Lock) error {
	if _, err := sandbox.New(); err != nil { // before the work, not after it
		return smokeUnavailable(err)
	}
	st, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	if err := buildable(ctx, l, m, "", st.Dir()); err != nil {
		return err
	}
	b, err := s.buildingOf(st, m, l)
	if err != nil {
		return err
	}
	defer b.supply.Close()
	var images []*imagegen.Image
	for _, t := range l.Targets {
		if sandbox.Runs(t.Platform) != nil {
			images = append(images, &imagegen.Image{Platform: t.Platform}) // it is told that it was not tried
			continue
		}
		image, err := b.image(ctx, t.Platform)
		if err != nil {
			return err
		}
		images = append(images, image)
	}
	return b.smokeImages(ctx, images)
}

// tellTried tells of a lock, and tries it where that is asked for. With --json both are one result.
func (s *session) tellTried(ctx context.Context, m *manifest.Manifest, l *lockfile.Lock, asked bool, tell func() error) error {
	if !asked || !s.json {
		if err := tell(); err != nil || !asked {
			return err
		}
		return s.smokeLock(ctx, m, l)
	}
	failed := s.smokeLock(ctx, m, l)
	if err := tell(); err != nil {
		return err
	}
	return failed
}

// tellFailed prints, with --json, what was found in an image that is not written for it.
func (s *session) tellFailed(failed error) error {
	if s.json && s.smoked != nil {
		if err := s.printJSON(s.smoked); err != nil {
			return err
		}
	}
	return failed
}

func smokeUnavailable(err error) error {
	return diag.Wrap(err, diag.Failure, "--smoke imports modules in a sandbox")
}

// smokeImages imports what the lock is for in images of it, and fails if something cannot be.
func (b *building) smokeImages(ctx context.Context, images []*imagegen.Image) error {
	box, err := sandbox.New()
	if err != nil {
		return smokeUnavailable(err)
	}
	var all smoked
	var failed []error
	tried := 0
	for _, image := range images {
		p := smokedPlatform{Platform: image.Platform, Modules: []smokedModule{}, Packages: []smokedPackage{}}
		if err := sandbox.Runs(image.Platform); err != nil {
			p.Untried = err.Error()
			all.Platforms = append(all.Platforms, p)
			b.ui().Warn("nothing was imported in the image for %s: its programs do not run on %s/%s", image.Platform, runtime.GOOS, runtime.GOARCH)
			continue
		}
		tried++
		err := b.smokeImage(ctx, box, image, &p)
		if err != nil && diag.CodeOf(err) != diag.Smoke {
			return err
		}
		if err != nil {
			failed = append(failed, err)
		}
		for _, m := range p.Modules {
			if m.Result != smoke.Imported {
				all.Failed++
			}
		}
		all.Platforms = append(all.Platforms, p)
	}
	b.smoked = &all
	if tried == 0 {
		return diag.New(diag.Smoke, "nothing was imported: no platform of the image is %s/%s", runtime.GOOS, runtime.GOARCH).
			Hint("--smoke runs the image's Python, on a machine of the image's kind")
	}
	return errors.Join(failed...)
}

// smokeImage imports modules in one image, and looks for what would help those that cannot be imported.
func (b *building) smokeImage(ctx context.Context, box *sandbox.Sandbox, image *imagegen.Image, p *smokedPlatform) error {
	if b.lock.Base.Distro == lockfile.NoDistro {
		return diag.New(diag.Smoke, "the image has no Python to import anything with: its base is %q", lockfile.NoDistro).
			Hint("a lock of the same requirements on a distribution can be tried: distro = \"debian:12\" below [system]")
	}
	bench := &bench{building: b, box: box, platform: image.Platform}
	trial, err := bench.trial(ctx, b, image)
	if err != nil {
		return err
	}
	names, err := b.smokeModules(trial, p)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		b.ui().Warn("%s: there is nothing to import; imports = [\"…\"] below [smoke] names modules", image.Platform)
		return nil
	}
	packages := map[string]smokedPackage{}
	for _, pkg := range p.Packages {
		for _, name := range pkg.Import {
			packages[name] = pkg
		}
	}
	phase := b.ui().Phase("importing")
	phase.Note("%s", plural(len(names), "module"))
	outcomes, err := trial.Import(ctx, names, func(o smoke.Outcome) { phase.Note("%s", o.Module) })
	phase.Drop()
	if err != nil {
		return fmt.Errorf("importing in the image for %s: %w", image.Platform, err)
	}
	var seconds float64
	failed := 0
	for i := range outcomes {
		outcomes[i].Package = packages[outcomes[i].Module].Name
		if outcomes[i].Result != smoke.Imported {
			failed++
		}
		seconds += outcomes[i].Seconds
		p.Modules = append(p.Modules, smokedModule{Outcome: outcomes[i]})
	}
	b.ui().Printf("%s: %d of %s imported, in %.1f s", image.Platform, len(names)-failed, plural(len(names), "module"), seconds)
	if failed == 0 {
		return nil
	}
	report, err := b.remedies(ctx, bench, trial, outcomes)
	if err != nil {
		return err
	}
	for i := range p.Modules {
		for k := range report.Findings {
			if report.Findings[k].Outcome.Module == p.Modules[i].Module {
				p.Modules[i].Finding = &report.Findings[k]
			}
		}
	}
	p.Changes = report.Changes
	for _, o := range report.Outcomes {
		if o.Result != smoke.Imported {
			p.Left = append(p.Left, o.Module)
		}
	}
	p.tried = len(report.Outcomes) > 0
	return smokeError(p, failed)
}

// smokeModules are what is imported: the modules of the requirements, and those that the manifest names.
func (b *building) smokeModules(trial *smoke.Trial, p *smokedPlatform) ([]string, error) {
	var wanted []string
	g := b.lock.Graph(p.Platform)
	for _, e := range g.Out[0] {
		wanted = append(wanted, g.Nodes[e.To].Name)
	}
	slices.Sort(wanted)
	site, closed, err := smoke.Site(trial.Root, siteOf(b.lock, p.Platform))
	if err != nil {
		return nil, err
	}
	defer closed()
	installed, err := smoke.Installed(site, slices.Compact(wanted))
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	excepted := func(name, pkg string) bool {
		for _, e := range b.m.Smoke.Except {
			if name == e || strings.HasPrefix(name, e+".") || pkg != "" && pep508.NormalizeName(e) == pkg {
				used[e] = true
				return true
			}
		}
		return false
	}
	var names []string
	for _, m := range installed {
		pkg := smokedPackage{Name: m.Package, Import: []string{}, From: m.From, Passed: m.Passed}
		for _, name := range m.Names {
			if excepted(name, m.Package) {
				pkg.Passed = append(pkg.Passed, name)
				continue
			}
			pkg.Import = append(pkg.Import, name)
			names = append(names, name)
		}
		if len(m.Names) == 0 {
			b.ui().Printf("%s: nothing of %s is imported, since it has no module", p.Platform, m.Package)
		}
		p.Packages = append(p.Packages, pkg)
	}
	for _, name := range b.m.Smoke.Imports {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for i, e := range b.m.Smoke.Except {
		if !used[e] {
			b.ui().Warn("%s: smoke.except has %q, and nothing of that name would be imported", b.m.Smoke.ExceptPos[i], e)
		}
	}
	return names, nil
}

// siteOf is the folder that a platform's wheels are installed in.
func siteOf(l *lockfile.Lock, platform string) string {
	for _, t := range l.Targets {
		if t.Platform == platform {
			return imagegen.Prefix + "/lib/python" + t.Minor() + "/site-packages"
		}
	}
	return ""
}

// smokeError says which modules cannot be imported, why, and what helps.
func smokeError(p *smokedPlatform, failed int) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%d of %s cannot be imported in the image for %s:", failed, plural(len(p.Modules), "module"), p.Platform)
	e := diag.New(diag.Smoke, "")
	for _, m := range p.Modules {
		if m.Result == smoke.Imported {
			continue
		}
		of := ""
		if m.Package != "" && m.Package != pep508.NormalizeName(m.Module) {
			of = " (" + m.Package + ")"
		}
		fmt.Fprintf(&text, "\n    %s%s: %s", m.Module, of, m.Says())
		if len(m.After) > 0 {
			fmt.Fprintf(&text, "\n        it can be imported by itself, and cannot after %s", list(m.After))
		}
		f := m.Finding
		if f == nil {
			continue
		}
		if len(f.Causes) > 0 {
			if c := f.Causes[0]; !strings.HasSuffix(m.Says(), c.Text) {
				fmt.Fprintf(&text, "\n        because of %s", c.Text)
			}
			if c := f.Causes[0]; c.File != "" {
				fmt.Fprintf(&text, "\n        at %s:%d", c.File, c.Line)
			}
		}
		if len(f.Changes) > 0 {
			_ = e.Hint("%s is imported with %s; that was tried", m.Module, smoke.Written(f.Changes))
		}
		for _, n := range f.Notes {
			_ = e.Hint("%s: %s", m.Module, n)
		}
		if f.Cut && len(f.Changes) == 0 {
			_ = e.Hint("%s: what would help was looked for, and was not found in as many tries as are made", m.Module)
		}
	}
	switch {
	case !p.tried || failed == 1 && len(p.Left) == 0:
	case len(p.Left) == 0:
		_ = e.Hint("with all of these together all are imported: %s; that was tried", smoke.Written(p.Changes))
	default:
		_ = e.Hint("with all of these together %s cannot be imported", list(p.Left))
	}
	e.What = text.String()
	return e
}
