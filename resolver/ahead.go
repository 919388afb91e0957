package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
)

// Ahead is a version above that of a lock which the index has, and why the lock does not have it.
type Ahead struct {
	Platform string
	Name     string
	Newest   string
	Reason   string // for people: "needs Python >=3.12"
}

// NewestOf compares the packages of a lock with the newest versions of their indexes: the newest that is not yanked, and no
// pre-release unless the manifest takes these like any. The lock is one that was just made of the manifest. It reads the same
// pages as making it, and solves nothing: a reason that takes solving is [ExplainVersion]'s to find.
func NewestOf(ctx context.Context, m *manifest.Manifest, lock *lockfile.Lock, packages Packages) ([]Ahead, error) {
	var all []Ahead
	packages = asLocked(packages, lock)
	policies := newPolicies(m, lock, Options{Previous: lock})
	for _, on := range lock.Targets {
		t, err := newTarget(on)
		if err != nil {
			return nil, err
		}
		c, err := newCatalogue(t, packages, policies)
		if err != nil {
			return nil, err
		}
		if err := c.hold(m); err != nil {
			return nil, err
		}
		p, err := newProvider(c, m, newPreferences(Options{}, t, nil))
		if err != nil {
			return nil, err
		}
		for i := range lock.Packages {
			q := &lock.Packages[i]
			if q.Direct() || !slices.Contains(targetsOf(q), on.Platform) {
				continue
			}
			x := &examiner{m: m, lock: lock, name: q.Name, src: Sources{Packages: packages}}
			a, err := x.ahead(ctx, &solved{target: t, provider: p}, q.Version)
			if err != nil {
				return nil, err
			}
			if a != nil {
				all = append(all, *a)
			}
		}
	}
	return all, nil
}

// ahead is nil if nothing is.
func (x *examiner) ahead(ctx context.Context, s *solved, locked string) (*Ahead, error) {
	from, err := pep440.Parse(locked)
	if err != nil {
		return nil, err
	}
	r, err := s.provider.release(ctx, x.name)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(r.candidates, func(c *candidate) bool {
		return !s.provider.late(c, x.name) && !s.provider.allYanked(r, c)
	})
	if err := s.provider.failed(); err != nil {
		return nil, err
	}
	if i < 0 || !from.Less(r.candidates[i].version) {
		return nil, nil
	}
	c := r.candidates[i]
	a := &Ahead{Platform: s.target.Platform, Name: x.name, Newest: c.version.String()}
	if why := s.provider.unusable(r, c, x.name); why.kind != usable {
		a.Reason = x.unusable(s.provider, r, i, why).Reason
		return a, nil
	}
	for _, choice := range x.lock.Choices {
		if choice.Kind == lockfile.CUDAChoice && choice.Name == x.name && choice.Target == s.target.Platform {
			a.Reason = choice.Reason
			return a, nil
		}
	}
	bounds, err := x.bounds(ctx, s)
	if err != nil {
		return nil, err
	}
	var words []string
	for _, b := range bounds {
		if !b.set.Contains(c.version) {
			words = append(words, b.String())
		}
	}
	a.Reason = strings.Join(words, "; ")
	if a.Reason == "" {
		a.Reason = fmt.Sprintf("it does not go with the rest: `envpack why %s` tells", x.name)
	}
	return a, nil
}

// late tells whether a version is a pre-release that is taken only where nothing else will do, or never.
func (p *provider) late(c *candidate, name string) bool {
	return c.version.IsPrerelease() && p.policies.prereleasesOf(name) != manifest.Allow
}

// allYanked tells whether all files of a version are, whatever the target can install.
func (c *catalogue) allYanked(r *release, v *candidate) bool {
	return !slices.ContainsFunc(c.filesOf(r, v), func(f index.File) bool { return !f.Yanked })
}
