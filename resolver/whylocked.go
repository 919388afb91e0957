package resolver

import (
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/apt"
)

// LockedWhy is, for each platform that installs a package, what the lock alone says of its version: what its edges ask for.
// Newest, Takes and Newer are empty. It is for locks that are not the manifest's any more.
func LockedWhy(lock *lockfile.Lock, name string) []*Why {
	var all []*Why
	for _, t := range lock.Targets {
		p := installedOn(lock, name, t.Platform)
		if p == nil {
			continue
		}
		w := &Why{Platform: t.Platform, Locked: p.Version, Bounds: []Bound{}, Newer: []Newer{}}
		ask := func(by string, edges []lockfile.Dependency) {
			for _, d := range edges {
				b := Bound{By: by, Text: d.Name + d.Specifiers, Kind: "requirement"}
				if d.Name == name && (len(d.Targets) == 0 || slices.Contains(d.Targets, t.Platform)) && !slices.ContainsFunc(w.Bounds, b.says) {
					w.Bounds = append(w.Bounds, b)
				}
			}
		}
		ask(lock.Project.Name, lock.Project.Requires)
		for i := range lock.Packages {
			if by := &lock.Packages[i]; slices.Contains(targetsOf(by), t.Platform) {
				ask(by.Name+" "+by.Version, by.Requires)
			}
		}
		all = append(all, w)
	}
	return all
}

// says tells whether two bounds are the same to a reader.
func (b Bound) says(o Bound) bool { return b.By == o.By && b.Text == o.Text && b.Where == o.Where }

// LockedDeb is, for each platform that has a package of the distribution, what the lock alone says of it, and
// the manifest if that names the package.
func LockedDeb(m *manifest.Manifest, lock *lockfile.Lock, name string) []*WhyDeb {
	var all []*WhyDeb
	for _, d := range lock.Base.Debs {
		if d.Name != name {
			continue
		}
		for _, platform := range d.Targets {
			w := &WhyDeb{Platform: platform, Locked: d.Version, Newest: d.Version, Added: d.System, Chain: []DebLink{}}
			if d.System {
				w.Chain = append(w.Chain, wantedDeb(m, lock, apt.Deb{Name: name, System: true, Why: "a package that was added needs it"}, platform))
			}
			all = append(all, w)
		}
	}
	slices.SortStableFunc(all, func(a, b *WhyDeb) int { return strings.Compare(a.Platform, b.Platform) })
	return all
}
