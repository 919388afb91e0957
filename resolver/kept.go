package resolver

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// keep takes over the wheel that the lock has of a source, if that is built on the same base and with the same settings, and nothing is asked to move. A machine that
// can neither get nor build it goes by what the lock says of it.
func (w *workshop) keep(ctx context.Context, p *provider, source lockfile.Package, m *made) error {
	if m.looked {
		return nil
	}
	m.looked = true
	old := w.options.Previous
	if old == nil || w.options.Upgrade || slices.Contains(w.options.Packages, source.Name) {
		return nil
	}
	was, file := builtOf(old, source, p.target.Platform)
	if file == nil {
		return nil
	}
	b := old.BuildOf(file.Build)
	if b == nil || !w.stands(old, b, p.target) || !w.settingsOf(source.Name).equal(b) {
		return nil
	}
	source.Version = was.Version // which a source that has to be built may not say
	f := *file
	f.Targets, f.Kernels = nil, nil
	on := *old // today's base, whose packages may be newer
	on.Base, on.Targets = w.bases.lock.Base, w.bases.lock.Targets
	environment, err := on.Environment(b.ID)
	if err != nil {
		return err
	}
	m.build, m.inner, m.kept = *b, slices.Clone(environment.Builds), true
	if w.builder == nil {
		m.wheel, m.metadata = &f, metadataOfLocked(was, p.target.Platform)
		return nil
	}
	built, err := w.builder.Build(ctx, BuildOrder{Package: source, Environment: environment, Hook: WheelHook, Settings: w.settingsOf(source.Name), Known: &f})
	switch cannot := (*CannotBuild)(nil); {
	case errors.As(err, &cannot):
		m.metadata = metadataOfLocked(was, p.target.Platform)
	case errors.As(err, new(*BuildError)):
		return nil // it is built anew, with what is added then
	case err != nil:
		return err
	case built.Wheel.SHA256 != f.SHA256:
		w.tell(source.Name + " " + source.Version + " was built again, and came to another wheel than the lock had; `envpack lock` of the machine that made it, or a cache repository, would have kept it")
		f.Name, f.SHA256, f.Size = built.Wheel.Name, built.Wheel.SHA256, built.Wheel.Size
		m.metadata = built.Metadata
	default:
		m.metadata = built.Metadata
	}
	m.wheel = &f
	return nil
}

// locked is what the lock that is there has of a version, "" for any, on a platform; nil for nothing.
func (o *Options) locked(name, version, platform string) *lockfile.Package {
	if o.Previous == nil {
		return nil
	}
	for i := range o.Previous.Packages {
		if p := &o.Previous.Packages[i]; p.Name == name && (version == "" || p.Version == version) && slices.Contains(targetsOf(p), platform) {
			return p
		}
	}
	return nil
}

// stands tells whether a build can be done again on today's base: with the same Python, and if it has packages of the distribution,
// beside the same of the base.
func (w *workshop) stands(old *lockfile.Lock, b *lockfile.Build, t *target) bool {
	now := w.bases.lock
	targetOf := func(l *lockfile.Lock) (found lockfile.Target) {
		for _, x := range l.Targets {
			if x.Platform == b.Target {
				found = x
			}
		}
		return found
	}
	was, is := targetOf(old), targetOf(now)
	if was.Platform == "" || was.Minor() != is.Minor() || was.Minor() != t.Minor() || was.Glibc != is.Glibc || was.Musl != is.Musl ||
		old.Base.Distro != now.Base.Distro || old.Base.Reference != now.Base.Reference {
		return false
	}
	if len(b.Debs) == 0 {
		return true
	}
	base := func(l *lockfile.Lock) map[string]string {
		all := map[string]string{}
		for _, d := range l.Base.Debs {
			if !d.System && slices.Contains(d.Targets, b.Target) {
				all[d.Name] = d.Version
			}
		}
		return all
	}
	return sameStrings(base(old), base(now))
}

// sourcedIn are the projects of a lock, or of nil, of which it has sources, built or not.
func sourcedIn(l *lockfile.Lock) map[string]bool {
	names := map[string]bool{}
	if l == nil {
		return names
	}
	for _, p := range l.Packages {
		if !p.Built() || slices.ContainsFunc(p.Files, func(f lockfile.File) bool { return f.Build != "" }) {
			names[p.Name] = true
		}
	}
	return names
}

// builtOf finds the wheel that a lock has of a source on a platform, nil for none.
func builtOf(l *lockfile.Lock, source lockfile.Package, platform string) (*lockfile.Package, *lockfile.File) {
	for i := range l.Packages {
		p := &l.Packages[i]
		if p.Name != source.Name || source.Version != "" && p.Version != source.Version || p.Tree != source.Tree || p.Commit != source.Commit || p.Subdirectory != source.Subdirectory {
			continue
		}
		if !slices.ContainsFunc(source.Sources, func(s lockfile.Source) bool {
			return slices.ContainsFunc(p.Sources, func(o lockfile.Source) bool { return o.SHA256 == s.SHA256 })
		}) && len(source.Sources)+len(p.Sources) > 0 {
			continue
		}
		for j := range p.Files {
			if f := &p.Files[j]; f.Build != "" && slices.Contains(f.Targets, platform) {
				return p, f
			}
		}
	}
	return nil, nil
}

// metadataOfLocked is what a lock says a package needs on a platform.
func metadataOfLocked(p *lockfile.Package, platform string) *index.Metadata {
	meta := &index.Metadata{Name: p.Name, Version: p.Version}
	for _, d := range p.Requires {
		if len(d.Targets) > 0 && !slices.Contains(d.Targets, platform) {
			continue
		}
		specs, err := pep440.ParseSpecifiers(d.Specifiers)
		if err != nil {
			continue // the lock is valid, so that it is none
		}
		meta.Requires = append(meta.Requires, pep508.Requirement{Name: d.Name, RawName: d.Name, Extras: d.Extras, Specifiers: specs})
	}
	return meta
}

// record writes the wheels that were built into a lock whose packages have sources in their place.
func (w *workshop) record(ctx context.Context, lock *lockfile.Lock, done []*solved) error {
	if w == nil {
		return nil
	}
	for _, s := range done {
		for _, name := range slices.Sorted(maps.Keys(s.versions)) {
			r := s.provider.met[name]
			c := r.at(s.versions[name])
			if c == nil || !isSource(c) {
				continue
			}
			source, err := s.provider.sourceOf(ctx, name, r, c)
			if err != nil {
				return err
			}
			m := w.of(s.target, source)
			if m.wheel == nil {
				continue // it is built elsewhere
			}
			for i := range lock.Packages {
				if p := &lock.Packages[i]; p.Name == name && p.Version == source.Version && p.Origin() == source.Origin() {
					takeWheel(p, source, *m.wheel, s.target.Platform)
				}
			}
			for _, b := range append([]lockfile.Build{m.build}, m.inner...) {
				lock.AddBuild(b)
			}
		}
	}
	return nil
}

// takeWheel puts a wheel in the place of its source, for a platform.
func takeWheel(p *lockfile.Package, source lockfile.Package, wheel lockfile.File, platform string) {
	here := func(t string) bool { return t == platform }
	p.Targets = slices.DeleteFunc(p.Targets, here)
	for i := range p.Files {
		p.Files[i].Targets = slices.DeleteFunc(p.Files[i].Targets, func(t string) bool { return here(t) && !p.Files[i].IsWheel() })
	}
	p.Files = slices.DeleteFunc(p.Files, func(f lockfile.File) bool { return len(f.Targets) == 0 })
	for _, s := range source.Sources {
		if !slices.ContainsFunc(p.Sources, func(o lockfile.Source) bool { return o.Name == s.Name }) {
			p.Sources = append(p.Sources, s)
		}
	}
	for i := range p.Files {
		if f := &p.Files[i]; f.Name == wheel.Name && f.Build == wheel.Build {
			f.Targets = append(f.Targets, platform)
			return
		}
	}
	wheel.Targets = []string{platform}
	p.Files = append(p.Files, wheel)
}
