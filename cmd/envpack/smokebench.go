package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/sandbox"
	"github.com/envpack/envpack/internal/supply"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/resolver/apt"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
	"github.com/envpack/envpack/resolver/tags"
	"github.com/envpack/envpack/smoke"
)

// bench tries changes of a manifest: it implements smoke.Lab.
type bench struct {
	*building
	box      *sandbox.Sandbox
	platform string

	locking  *supply.Supply // opened when it is first needed
	contents *apt.Contents
}

// trial unpacks an image and says how its Python is run.
func (t *bench) trial(ctx context.Context, b *building, image *imagegen.Image) (*smoke.Trial, error) {
	root, err := b.builder.TreeOf(ctx, image)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the image's config: %w", err)
	}
	trial := &smoke.Trial{
		Sandbox: t.box, Root: root, Python: "/" + imagegen.Prefix + "/bin/python", Env: config.Config.Env, Limits: smoke.Usual,
	}
	if site, closed, err := smoke.Site(root, config.Config.WorkingDir); err == nil {
		if f, err := site.Open("."); err == nil {
			f.Close()
			trial.Dir = config.Config.WorkingDir
		}
		closed()
	}
	return trial, nil
}

// remedies looks for what helps modules that cannot be imported. That there is no answer, or nobody who answers, fails nothing: what
// cannot be imported is known.
func (b *building) remedies(ctx context.Context, t *bench, trial *smoke.Trial, outcomes []smoke.Outcome) (*smoke.Report, error) {
	defer func() {
		if t.locking != nil {
			t.locking.Close()
		}
	}()
	owners, err := t.owners(trial, b.lock)
	if err != nil {
		return nil, err
	}
	first := &smoke.Tried{Trial: trial, Owners: owners, Python: t.python(b.lock), Outcomes: outcomes}
	phase := b.ui().Phase("looking for what helps")
	defer phase.Drop()
	report, err := smoke.Remedies(ctx, t, first, func(what string) { phase.Note("%s", what) })
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		b.ui().Warn("what would help was not looked for to the end: %v", err)
		for _, o := range outcomes {
			known := slices.ContainsFunc(report.Findings, func(f smoke.Finding) bool { return f.Outcome.Module == o.Module })
			if o.Result != smoke.Imported && !known {
				report.Findings = append(report.Findings, smoke.Finding{Outcome: o, Causes: trial.Causes(o)})
			}
		}
	}
	return report, nil
}

func (t *bench) python(l *lockfile.Lock) string {
	for _, target := range l.Targets {
		if target.Platform == t.platform {
			return lockfile.MinorOf(target.Python)
		}
	}
	return ""
}

func (t *bench) owners(trial *smoke.Trial, l *lockfile.Lock) (*smoke.Owners, error) {
	site, closed, err := smoke.Site(trial.Root, siteOf(l, t.platform))
	if err != nil {
		return nil, err
	}
	defer closed()
	return smoke.NewOwners(site)
}

// source is the way to indexes and archives, as for locking.
func (t *bench) source() (*supply.Supply, error) {
	if t.locking == nil {
		sup, err := t.supplyFor(t.builder.Store, t.m, fetching)
		if err != nil {
			return nil, err
		}
		t.locking = sup
	}
	return t.locking, nil
}

// Libraries implements smoke.Lab.
func (t *bench) Libraries(ctx context.Context, file string) ([]string, error) {
	if t.contents == nil {
		sup, err := t.source()
		if err != nil {
			return nil, err
		}
		_, arch, _ := strings.Cut(t.platform, "/")
		t.contents, err = sup.Contents(ctx, apt.Options{Distro: t.lock.Base.Distro, Architecture: arch, AsOf: t.lock.Base.AsOf, AcceptExpired: t.m.System.AcceptExpired})
		if diag.CodeOf(err) == diag.NoAnswer {
			t.ui().Warn("which package has %s was not looked up: %v", file, err)
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	chosen := map[string]bool{}
	for _, d := range t.lock.Base.Debs {
		if slices.Contains(d.Targets, t.platform) {
			chosen[d.Name] = true
		}
	}
	var names []string
	for _, h := range apt.RankLibrary(file, t.contents.Library(file), chosen) {
		if !chosen[h.Package] {
			names = append(names, h.Package)
		}
	}
	return names, nil
}

// Versions implements smoke.Lab. What no file of can be installed, the try finds out.
func (t *bench) Versions(ctx context.Context, project string) ([]string, string, error) {
	sup, err := t.source()
	if err != nil {
		return nil, "", err
	}
	locked := ""
	for _, p := range t.lock.Packages {
		if p.Name == project && slices.Contains(p.Platforms(), t.platform) {
			locked = p.Version
		}
	}
	found, err := sup.Packages().Project(ctx, project)
	if errors.Is(err, index.ErrNoProject) {
		return nil, locked, nil
	}
	if err != nil {
		return nil, "", err
	}
	versions, err := usableVersions(found, t.lock, t.platform)
	if err != nil {
		return nil, "", err
	}
	var list []string
	for _, v := range versions {
		if text := v.String(); text == locked || !v.IsPrerelease() {
			list = append(list, text)
		}
	}
	return list, locked, nil
}

// Try implements smoke.Lab.
func (t *bench) Try(ctx context.Context, changes []smoke.Change, modules []string) (*smoke.Tried, error) {
	m := *t.m
	m.Requirements, m.Constraints = slices.Clip(m.Requirements), slices.Clip(m.Constraints)
	m.System.Packages = slices.Clip(m.System.Packages)
	for _, c := range changes {
		if c.Kind == smoke.AddSystem {
			m.System.Packages = append(m.System.Packages, manifest.SystemPackage{Text: c.Package})
			continue
		}
		r, err := pep508.Parse(c.Package + c.Bound)
		if err != nil {
			return nil, fmt.Errorf("%s%s: %w", c.Package, c.Bound, err)
		}
		if c.Kind == smoke.AddPackage {
			m.Requirements = append(m.Requirements, manifest.Requirement{Requirement: r})
		} else {
			m.Constraints = append(m.Constraints, manifest.Requirement{Requirement: r})
		}
	}
	st := t.builder.Store
	l, err := t.resolve(ctx, st, &m, t.lock, lockOptions{untold: true, silent: true})
	if err != nil {
		return nil, noLock(ctx, err)
	}
	if err := buildable(ctx, l, &m, "", st.Dir()); err != nil {
		return nil, noLock(ctx, err)
	}
	b, err := t.buildingOf(st, &m, l)
	if err != nil {
		return nil, err
	}
	defer b.supply.Close()
	plan, err := imagegen.NewPlan(l, t.platform, t.tree)
	if err != nil {
		return nil, noLock(ctx, err)
	}
	image, err := b.builder.Build(ctx, plan)
	if err != nil {
		return nil, noLock(ctx, err)
	}
	trial, err := t.trial(ctx, b, image)
	if err != nil {
		return nil, err
	}
	owners, err := t.owners(trial, l)
	if err != nil {
		return nil, err
	}
	outcomes, err := trial.Import(ctx, modules, nil)
	if err != nil {
		return nil, err
	}
	return &smoke.Tried{Trial: trial, Owners: owners, Python: t.python(l), Outcomes: outcomes}, nil
}

// noLock says that a change leads to no image, unless that could not be found out.
func noLock(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if diag.CodeOf(err) == diag.Fetch || errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return fmt.Errorf("%w: %w", smoke.ErrNoLock, err)
}

// usableVersions are the versions of a project that were there by the lock's date and have a wheel for the platform, the newest first.
func usableVersions(p *index.Project, l *lockfile.Lock, platform string) ([]pep440.Version, error) {
	var ranking *tags.Ranking
	for _, t := range l.Targets {
		if t.Platform == platform {
			var err error
			if ranking, err = resolver.RankingOf(t); err != nil {
				return nil, err
			}
		}
	}
	var list []pep440.Version
	for i := range p.Files.Versions() { // the newest first
		files, err := p.Files.Of(i)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(files, func(f index.File) bool {
			w, err := tags.ParseWheel(f.Filename)
			if err != nil || f.Yanked || ranking == nil {
				return false
			}
			_, fits := ranking.Rank(w)
			return fits && (l.Project.AsOf.IsZero() || !f.Uploaded.IsZero() && !f.Uploaded.After(l.Project.AsOf))
		}) {
			list = append(list, p.Files.Version(i))
		}
	}
	return list, nil
}
