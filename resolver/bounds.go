package resolver

import (
	"slices"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// CheckBounds holds the versions of a lock to what its own edges ask of them. Two locks that are each right can be
// merged without a conflict into one that nobody has resolved: one side has a newer package, and the other a newer
// package that does not work with it.
//
// Errors: a diag error of code Stale, without a position, for the first edge by the lock's order that does not hold;
// of code Failure for specifiers that are none.
func CheckBounds(l *lockfile.Lock) error {
	versions := map[string]pep440.Version{} // by platform and name
	for _, p := range l.Packages {
		v, err := pep440.Parse(p.Version)
		if err != nil {
			return diag.Wrap(err, diag.Failure, "%s %s", p.Name, p.Version)
		}
		for _, t := range targetsOf(&p) {
			versions[t+" "+p.Name] = v
		}
	}
	var all []string
	for _, t := range l.Targets {
		all = append(all, t.Platform)
	}
	if err := checkEdges("the project", l.Project.Requires, all, versions); err != nil {
		return err
	}
	for i := range l.Packages {
		p := &l.Packages[i]
		if err := checkEdges(p.Name+" "+p.Version, p.Requires, targetsOf(p), versions); err != nil {
			return err
		}
	}
	return nil
}

// CheckManifest holds the versions of a lock to what the manifest itself asks for: the manifest's hash in a lock that
// was edited says nothing of them.
//
// Errors: a diag error of code Stale, with the place of the first requirement that does not hold or whose package
// the lock lacks; of code Manifest for a marker that cannot be judged.
func CheckManifest(l *lockfile.Lock, m *manifest.Manifest) error {
	policies := &policies{m: m, excluded: map[string]bool{}}
	policies.mapOverrides()
	for _, x := range m.Excluded {
		policies.excluded[x.Name] = true
	}
	for _, locked := range l.Targets {
		t, err := newTarget(locked)
		if err != nil {
			return diag.Wrap(err, diag.Failure, "the lock's target %s", locked.Platform)
		}
		for i, r := range slices.Concat(m.Requirements, m.Constraints) {
			required := i < len(m.Requirements)
			if !required && policies.override(r.Name) != nil {
				continue
			}
			ok, err := t.applies(r.Marker, "")
			if err != nil {
				return manifestError(r, err)
			}
			bounds, wanted := policies.bounds(r.Requirement)
			if !ok || required && !wanted {
				continue
			}
			switch p := installedOn(l, r.Name, t.Platform); {
			case p == nil && required:
				return diag.New(diag.Stale, "%s is required, and the lock has no %s for %s", r.Requirement, r.Name, t.Platform).At(r.Pos)
			case p == nil || p.Direct():
			default:
				v, err := pep440.Parse(p.Version)
				if err != nil {
					return diag.Wrap(err, diag.Failure, "%s %s", p.Name, p.Version)
				}
				if !pep440.FromSpecifiers(bounds.Specifiers).Contains(v) {
					return diag.New(diag.Stale, "the manifest asks for %s%s, and the lock has %s %s", r.Name, readable(bounds.Specifiers), p.Name, p.Version).At(r.Pos)
				}
			}
		}
	}
	return nil
}

func checkEdges(origin string, edges []lockfile.Dependency, platforms []string, versions map[string]pep440.Version) error {
	for _, d := range edges {
		if d.Specifiers == "" {
			continue
		}
		asked, err := pep508.Parse(d.Name + d.Specifiers)
		if err != nil {
			return diag.Wrap(err, diag.Failure, "what %s asks of %s", origin, d.Name)
		}
		set := pep440.FromSpecifiers(asked.Specifiers)
		where := d.Targets
		if len(where) == 0 {
			where = platforms
		}
		for _, platform := range where {
			if v, there := versions[platform+" "+d.Name]; there && !set.Contains(v) {
				return diag.New(diag.Stale, "%s asks for %s%s, and the lock has %s %s", origin, d.Name, d.Specifiers, d.Name, v)
			}
		}
	}
	return nil
}
