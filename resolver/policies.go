package resolver

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep508"
	"github.com/envpack/envpack/resolver/pubgrub"
)

// policies are what the manifest says of versions beside requirements and constraints, with moments in place of
// durations. They are the same for all targets, and do not change.
type policies struct {
	m         *manifest.Manifest
	asOf      time.Time            // zero: any upload
	asOfs     map[string]time.Time // by project, in place of asOf
	overrides map[string]*manifest.Requirement
	excluded  map[string]bool
	gpu       *gpu // nil without [gpu]
	broken    *FailedBuilds
}

func newPolicies(m *manifest.Manifest, lock *lockfile.Lock, o Options) *policies {
	p := &policies{
		m: m, asOf: lock.Project.AsOf, asOfs: map[string]time.Time{}, excluded: map[string]bool{}, gpu: newGPU(m), broken: cmp.Or(o.Failed, &FailedBuilds{}),
	}
	for _, one := range m.Policies.Packages {
		if one.OwnAsOf {
			p.asOfs[one.Name] = one.AsOf.Instant(o.Now)
		}
	}
	p.mapOverrides()
	for _, x := range m.Excluded {
		p.excluded[x.Name] = true
	}
	if old := o.Previous; old != nil && !o.Upgrade && old.Project.Manifest == lock.Project.Manifest {
		p.keepAsOfs(old)
	}
	return p
}

// mapOverrides finds the manifest's overrides by project.
func (p *policies) mapOverrides() {
	p.overrides = map[string]*manifest.Requirement{}
	for i := range p.m.Overrides {
		p.overrides[p.m.Overrides[i].Name] = &p.m.Overrides[i]
	}
}

// keepAsOfs keeps the moments that durations meant when the lock was made.
func (p *policies) keepAsOfs(old *lockfile.Lock) {
	for _, c := range old.Choices {
		if c.Kind != lockfile.AsOfChoice || p.asOfs[c.Name].IsZero() {
			continue
		}
		if t, err := time.Parse(time.RFC3339, c.Value); err == nil {
			p.asOfs[c.Name] = t.UTC()
		}
	}
}

// asOfOf is the moment up to which uploads of a project count, zero for all.
func (p *policies) asOfOf(project string) time.Time {
	if t, own := p.asOfs[project]; own {
		return t
	}
	return p.asOf
}

func (p *policies) prereleasesOf(project string) manifest.Prereleases {
	for i := range p.m.Policies.Packages {
		if one := &p.m.Policies.Packages[i]; one.Name == project && one.Prereleases != "" {
			return one.Prereleases
		}
	}
	return p.m.Prereleases
}

// override are the bounds of a project that stand in place of all others, nil for none.
func (p *policies) override(project string) *manifest.Requirement { return p.overrides[project] }

// bounds is a requirement as the manifest wants it: with the bounds of an override, or not at all.
func (p *policies) bounds(r pep508.Requirement) (bounded pep508.Requirement, wanted bool) {
	if o := p.overrides[r.Name]; o != nil {
		r.Specifiers, r.URL = o.Specifiers, ""
	}
	return r, !p.excluded[r.Name]
}

// overriddenIn says of which projects in a proof the bounds are those of overrides: what is told of a package's
// requirements is not what the package says.
func (p *provider) overriddenIn(facts []*step) []string {
	names := map[string]bool{}
	for _, f := range facts {
		if f.Kind == pubgrub.Dependency && p.policies.overrides[f.Dep.Package.name] != nil {
			names[f.Dep.Package.name] = true
		}
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		o := p.policies.overrides[name]
		at := ""
		if !o.Pos.IsZero() {
			at = " (" + o.Pos.String() + ")"
		}
		out = append(out, fmt.Sprintf("Whatever is asked of %s is replaced by [overrides]%s: %s", name, at, o.Requirement))
	}
	return out
}
