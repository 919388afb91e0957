package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/apt"
)

// WhyDeb is why a lock has a package of the distribution on one platform.
type WhyDeb struct {
	Platform string `json:"platform"`
	Locked   string `json:"locked"`
	Added    bool   `json:"added"` // to the base
	// Chain leads from what is wanted to the package: the first link has the reason for which it is wanted, each other one the
	// dependency of the one before it. It is empty if nothing leads there any more.
	Chain []DebLink `json:"chain"`
	// Newest is the version that the archives have now and that goes with all else; that of the lock if they have nothing newer.
	Newest   string `json:"newest"`
	Security bool   `json:"security"` // the archives' security pocket has a version above the locked one
	// Gone tells that the archives do not have the locked version any more.
	Gone bool `json:"gone,omitempty"`
	// Dropped tells that nothing needs it among the newest versions.
	Dropped bool `json:"dropped,omitempty"`
}

// DebLink is one package on the way to another.
type DebLink struct {
	Name   string        `json:"name"`
	Reason string        `json:"reason"`
	Where  string        `json:"where,omitempty"` // file:line:column of the manifest that wants it
	Pos    diag.Position `json:"-"`
}

// ExplainDeb says for each platform that has a package of the distribution why it has it. It resolves the base
// again as the lock has it, and once more with the newest versions. The lock must be of the manifest.
func ExplainDeb(ctx context.Context, m *manifest.Manifest, lock *lockfile.Lock, name string, base BaseSource, o Options) ([]*WhyDeb, error) {
	o.Previous, o.NoScan, o.Upgrade, o.KeepDistro = lock, true, false, true
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	kept, err := bindBase(ctx, m, lock, base, o)
	if err != nil {
		return nil, err
	}
	o.UpgradeBase = true
	now, err := bindBase(ctx, m, lock, base, o)
	if err != nil {
		return nil, err
	}
	var all []*WhyDeb
	for _, d := range lock.Base.Debs {
		if d.Name != name {
			continue
		}
		for _, platform := range d.Targets {
			w := &WhyDeb{Platform: platform, Locked: d.Version, Newest: d.Version, Added: d.System, Chain: chainTo(m, lock, kept[arch(platform)], name, platform)}
			if is := findDeb(kept[arch(platform)], name); is == nil || is.Version != d.Version {
				w.Gone = true
			}
			if is := findDeb(now[arch(platform)], name); is != nil {
				if apt.CompareVersions(is.Version, d.Version) > 0 {
					w.Newest = is.Version
				}
				w.Security = is.Security != "" && apt.CompareVersions(is.Security, d.Version) > 0
			} else {
				w.Dropped = true
			}
			all = append(all, w)
		}
	}
	slices.SortStableFunc(all, func(a, b *WhyDeb) int { return strings.Compare(a.Platform, b.Platform) })
	return all, nil
}

// bindBase resolves the base of every platform, with the libraries that the lock has found, and gives the source's answers
// by architecture.
func bindBase(ctx context.Context, m *manifest.Manifest, lock *lockfile.Lock, source BaseSource, o Options) (map[string]*apt.Result, error) {
	heard := &listener{BaseSource: source, last: map[string]*apt.Result{}}
	l := newLock(m, o.Now)
	l.Packages = lock.Packages
	b := newBases(m, heard, l, o)
	targets, err := b.base(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.addLibraries(ctx, targets, nil); err != nil {
		return nil, err
	}
	return heard.last, nil
}

// listener keeps the last answer for each architecture.
type listener struct {
	BaseSource
	mu   sync.Mutex
	last map[string]*apt.Result
}

// Base implements BaseSource.
func (l *listener) Base(ctx context.Context, want apt.Options) (*apt.Result, error) {
	r, err := l.BaseSource.Base(ctx, want)
	if err == nil {
		l.mu.Lock()
		l.last[want.Architecture] = r
		l.mu.Unlock()
	}
	return r, err
}

func arch(platform string) string {
	_, arch, _ := strings.Cut(platform, "/")
	return arch
}

func findDeb(r *apt.Result, name string) *apt.Deb {
	if r != nil {
		for i := range r.Debs {
			if r.Debs[i].Name == name {
				return &r.Debs[i]
			}
		}
	}
	return nil
}

// chainTo follows what depends on a package up to what is wanted.
func chainTo(m *manifest.Manifest, lock *lockfile.Lock, r *apt.Result, name, platform string) []DebLink {
	chain := []DebLink{}
	seen := map[string]bool{}
	for d := findDeb(r, name); d != nil; {
		if seen[d.Name] {
			break // they depend on each other, and were chosen before by who is above
		}
		seen[d.Name] = true
		link := DebLink{Name: d.Name, Reason: d.Why}
		if d.By == "" {
			link = wantedDeb(m, lock, *d, platform)
		}
		chain = append(chain, link)
		if d.By == "" {
			break
		}
		above := findDeb(r, d.By)
		if above == nil { // an image to stand on has it
			chain = append(chain, DebLink{Name: d.By, Reason: "in the image below"})
		}
		d = above
	}
	slices.Reverse(chain)
	return chain
}

// wantedDeb says who wants a package: the manifest, wheels, or the base itself.
func wantedDeb(m *manifest.Manifest, lock *lockfile.Lock, d apt.Deb, platform string) DebLink {
	for _, p := range m.System.Packages {
		if named, _, _ := strings.Cut(p.Text, "="); named == d.Name {
			return DebLink{Name: d.Name, Reason: "system.packages names it", Where: p.Pos.String(), Pos: p.Pos}
		}
	}
	var reasons []string
	for _, c := range lock.Choices {
		if c.Kind == lockfile.LibraryChoice && c.Value == d.Name && (c.Target == "" || c.Target == platform) && !slices.Contains(reasons, c.Reason) {
			reasons = append(reasons, c.Reason)
		}
	}
	switch {
	case len(reasons) > 0:
		return DebLink{Name: d.Name, Reason: strings.Join(reasons, "; ")}
	case d.System:
		return DebLink{Name: d.Name, Reason: d.Why}
	}
	return DebLink{Name: d.Name, Reason: fmt.Sprintf("the base has it for: %s", d.Why)}
}
