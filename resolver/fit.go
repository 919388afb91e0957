package resolver

import (
	"slices"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/tags"
)

// CheckFiles holds the files of a lock's packages to what their names say: they are wheels of that
// package and version, and every target that they are for can install them. The lock's own reader knows
// nothing of names, and an edited lock would build an image that fails when it runs.
//
// Errors: a diag error of code Failure, without a position.
func CheckFiles(l *lockfile.Lock) error {
	targets := map[string]*target{}
	for _, t := range l.Targets {
		made, err := newTarget(t)
		if err != nil {
			return diag.Wrap(err, diag.Failure, "the lock's target %s", t.Platform)
		}
		targets[t.Platform] = made
	}
	for _, p := range l.Packages {
		version, err := pep440.Parse(p.Version)
		if err != nil {
			return diag.Wrap(err, diag.Failure, "%s %s", p.Name, p.Version)
		}
		for _, f := range p.Files {
			if !f.IsWheel() {
				if p.Direct() {
					continue // its name may be any
				}
				if name, v, err := tags.ParseSdist(f.Name); err != nil || name != p.Name || !v.Equal(version) {
					return notOf(p, f)
				}
				continue
			}
			w, err := tags.ParseWheel(f.Name)
			if err != nil || w.Name != p.Name || !w.Version.Equal(version) {
				return notOf(p, f)
			}
			for _, platform := range slices.Sorted(slices.Values(f.Targets)) {
				t := targets[platform]
				if t == nil {
					return diag.New(diag.Failure, "%s is for %s, which is no target of the lock", f.Name, platform)
				}
				if _, ok := t.ranking.Rank(w); !ok {
					return diag.New(diag.Failure, "%s is for %s, Python %s, which cannot install it (%s)",
						f.Name, platform, t.Version(), t.ranking.Explain([]tags.Wheel{w}))
				}
			}
		}
	}
	return nil
}

func notOf(p lockfile.Package, f lockfile.File) error {
	return diag.New(diag.Failure, "%s %s has the file %s, which is not of that package and version", p.Name, p.Version, f.Name)
}
