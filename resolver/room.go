package resolver

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
)

// room is an environment to build in.
type room struct {
	lock  *lockfile.Lock   // of one target
	build lockfile.Build   // without what the manifest sets
	inner []lockfile.Build // in which some of its packages were built
}

// roomFor resolves the build requirements of a job, and more of them: as packages of the index are, for the same target and up to the
// same dates, without what the manifest asks of the image's packages. Packages that have no wheel are built first.
func (w *workshop) roomFor(ctx context.Context, j *job, more []manifest.Requirement) (*room, error) {
	t := j.provider.target
	former := w.former(j)
	debs, err := w.tools(ctx, t, j.debs, former)
	if err != nil {
		return nil, diag.Wrap(err, 0, "what %s is built with", j.name()).At(j.pos())
	}
	m := &manifest.Manifest{
		File: w.m.File, Dir: w.m.Dir, Name: "build", Python: w.m.Python, Requirements: slices.Concat(j.requires, more), Platforms: []string{t.Platform},
		AsOf: w.m.AsOf, Prereleases: w.m.Prereleases, OnlyBinary: w.m.OnlyBinary, System: w.m.System, Indexes: w.m.Indexes, Undated: w.m.Undated,
		Policies: manifest.Policies{Packages: w.m.Policies.Packages, Metadata: w.m.Policies.Metadata},
	}
	draft := &lockfile.Lock{Targets: []lockfile.Target{t.Target}, Indexes: w.bases.lock.Indexes, Base: w.bases.lock.Base}
	draft.Project = lockfile.Project{Name: "build", AsOf: w.bases.lock.Project.AsOf, Manifest: w.bases.lock.Project.Manifest}
	o := Options{Previous: former, Upgrade: w.options.Upgrade, Packages: w.options.Packages, Now: w.options.Now, workshop: w, Warn: func(string) {}, Tell: func(string) {}}
	policies := newPolicies(m, draft, Options{Previous: w.options.Previous, Upgrade: w.options.Upgrade, Now: w.options.Now})
	q := &question{m: m, targets: []*target{t}, sources: w.sources, policies: policies, options: o, nearest: j.nearest(m.Requirements)}
	var done []*solved
	for {
		if done, err = q.answer(ctx); err != nil {
			return nil, w.unroomed(ctx, j, err)
		}
		again, err := w.build(ctx, done)
		if err != nil {
			return nil, diag.Wrap(err, 0, "%s needs it to be built", j.name())
		}
		if !again {
			break
		}
	}
	if err := learnAll(ctx, done, func(string) {}); err != nil {
		return nil, err
	}
	if err := merge(ctx, draft, m, done); err != nil {
		return nil, err
	}
	if err := w.record(ctx, draft, done); err != nil {
		return nil, err
	}
	warnUnhashed(done, func(text string) { w.tell(text) })
	r := &room{build: lockfile.Build{Target: t.Platform, Debs: debs, Packages: draft.Packages}, inner: draft.Builds}
	draft.Builds = append(slices.Clone(draft.Builds), r.build)
	id := &draft.Builds[len(draft.Builds)-1]
	id.ID = id.Sum()
	if r.lock, err = draft.Environment(id.ID); err != nil {
		return nil, err
	}
	return r, r.lock.Validate()
}

// former is the environment that the lock has of a build, nil for none: its versions are preferred.
func (w *workshop) former(j *job) *lockfile.Lock {
	old := w.options.Previous
	if old == nil {
		return nil
	}
	for _, p := range old.Packages {
		if p.Name != j.source.Name || p.Version != j.source.Version {
			continue
		}
		for _, f := range p.Files {
			if e, err := old.Environment(f.Build); err == nil && slices.Contains(f.Targets, j.provider.target.Platform) {
				return e
			}
		}
	}
	return nil
}

// unroomed says why there is no environment for a build.
func (w *workshop) unroomed(ctx context.Context, j *job, err error) error {
	u := (*unsolved)(nil)
	if !errors.As(err, &u) {
		return err
	}
	facts := u.asker.facts(ctx, u.proof)
	out, _ := u.asker.explain(u.proof, facts)
	why := strings.TrimPrefix(out.What, "no set of packages satisfies the manifest for ")
	why = strings.ReplaceAll(why, "The project depends on", "It needs")
	e := diag.New(diag.NoAnswer, "nothing satisfies what %s needs to be built, for %s", j.name(), why).At(j.pos())
	late := map[string]bool{}
	for _, f := range facts {
		if r, _ := f.Reason.(reason); r.kind == afterAsOf && !late[f.Package.name] {
			late[f.Package.name] = true
			e = e.Hint("what was uploaded after as-of can be allowed for %s alone:\n    [resolver.packages.%s]\n    as-of = \"none\"", f.Package.name, f.Package.name)
		}
	}
	return e.Hint("what it declares can be changed by a patch:\n    [build.%s]\n    patches = [\"…\"]", j.source.Name)
}

// tools are the packages of the distribution that a build needs besides the target's base.
// Those of a former environment stay.
func (w *workshop) tools(ctx context.Context, t *target, names []string, former *lockfile.Lock) ([]lockfile.Deb, error) {
	if len(names) == 0 {
		return nil, nil
	}
	names = slices.Clone(names)
	slices.Sort(names)
	names = slices.Compact(names)
	key := t.Platform + "\x00" + strings.Join(names, "\x00")
	w.shopping.Lock() // the index of a distribution is large
	defer w.shopping.Unlock()
	if debs, there := w.debs[key]; there {
		return debs, nil
	}
	b := w.bases
	if b.chosen == nil {
		return nil, diag.New(diag.Manifest, "it takes %s of a distribution, and %s has none that packages can be added of", some(names), b.lock.Base.Distro).
			Hint("a base of Debian or Ubuntu has them; a wheel that you build yourself can be named in its place: NAME @ ./wheels/….whl")
	}
	want := b.request(*b.chosen, t.Platform, nil)
	want.System = names
	if former != nil && !w.options.Upgrade && !w.options.UpgradeBase {
		for _, d := range former.Base.Debs {
			if _, there := want.Prefer[d.Name]; d.System && !there {
				want.Prefer[d.Name] = d.Version
			}
		}
	}
	result, err := b.source.Base(ctx, want)
	if err != nil {
		return nil, err
	}
	base := lockfile.Base{}
	addBase(&base, result, t.Platform)
	debs := slices.DeleteFunc(base.Debs, func(d lockfile.Deb) bool { return !d.System })
	w.debs[key] = debs
	return debs, nil
}

// without are the packages that were chosen and that neither are a project nor need it, sorted.
func (s *solved) without(name string) []string {
	out := map[string]bool{name: true}
	for grown := true; grown; {
		grown = false
		for other, list := range s.edges {
			if !out[other] && slices.ContainsFunc(list, func(q string) bool { return out[q] }) {
				out[other], grown = true, true
			}
		}
	}
	var kept []string
	for other := range s.versions {
		if !out[other] {
			kept = append(kept, other)
		}
	}
	slices.Sort(kept)
	return kept
}

// connect notes what each package that was chosen needs.
func (s *solved) connect(ctx context.Context) error {
	s.edges = map[string][]string{}
	for name, v := range s.versions {
		meta, err := s.provider.metadata(ctx, name, v)
		if err != nil {
			return err
		}
		for _, extra := range append([]string{""}, s.extras[name]...) {
			list, _ := s.provider.requirements(meta, extra)
			for _, q := range list {
				s.edges[name] = append(s.edges[name], q.Name)
			}
		}
	}
	return nil
}
