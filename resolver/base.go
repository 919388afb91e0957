package resolver

import (
	"context"
	"fmt"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/apt"
	"github.com/envpack/envpack/resolver/pep440"
)

// BaseSource resolves a distribution's packages for one architecture; prefer are the versions of
// the lock that is there, by package name.
type BaseSource interface {
	Base(ctx context.Context, distro, architecture string, pockets []string, prefer map[string]string) (*apt.Result, error)
}

// defaultDistro is the distribution of a manifest that names none.
const defaultDistro = "debian:12"

// chooseBase resolves the base of every platform into the lock, and gives the targets that follow
// from it.
func chooseBase(ctx context.Context, m *manifest.Manifest, src BaseSource, lock *lockfile.Lock, o Options) ([]*target, error) {
	distro := m.Distro
	if distro == "" {
		distro = defaultDistro
	}
	lock.Base = lockfile.Base{Distro: distro, Format: lockfile.RootfsFormat}
	var targets []*target
	for _, platform := range m.Platforms {
		_, arch, _ := strings.Cut(platform, "/")
		result, err := src.Base(ctx, distro, arch, m.Pockets, preferredDebs(o, arch))
		if err != nil {
			return nil, diag.Wrap(err, 0, "choosing the base %s for %s", distro, platform)
		}
		python, err := pep440.Parse(result.PythonFull)
		if err != nil {
			return nil, fmt.Errorf("the base's Python: %w", err)
		}
		if !m.Python.Specifiers.Contains(python) {
			return nil, diag.New(diag.Manifest, "%s has Python %s, and the manifest wants %s", distro, python, m.Python.Text).
				At(m.Python.Pos).Hint("choices now: debian:12 with Python 3.11")
		}
		t, err := newTarget(platform, python.String(), result.Glibc)
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
		lock.Targets = append(lock.Targets, t.Target)
		addBase(&lock.Base, result, platform)
	}
	lock.Choices = append(lock.Choices, lockfile.Choice{
		Kind: "python", Name: "interpreter", Value: distro,
		Reason: fmt.Sprintf("the distribution's own Python fits %q", m.Python.Text),
	})
	return targets, nil
}

func preferredDebs(o Options, arch string) map[string]string {
	prefer := map[string]string{}
	if o.Previous == nil || o.Upgrade {
		return prefer
	}
	for _, d := range o.Previous.Base.Debs {
		if d.Architecture == arch || d.Architecture == "all" {
			prefer[d.Name] = d.Version
		}
	}
	return prefer
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
			if b.Debs[i].SHA256 == d.SHA256 && b.Debs[i].Path == d.Path {
				b.Debs[i].Targets = append(b.Debs[i].Targets, platform)
				merged = true
			}
		}
		if !merged {
			b.Debs = append(b.Debs, lockfile.Deb{
				Name: d.Name, Version: d.Version, Architecture: d.Architecture, Archive: d.Archive, Path: d.Path,
				SHA256: d.SHA256, Size: d.Size, Targets: []string{platform},
			})
		}
	}
}
