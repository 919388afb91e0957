package resolver

import (
	"context"
	"fmt"
	"sync"

	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
	"github.com/envpack/envpack/resolver/pubgrub"
)

// pkg is what the solver knows as a package: a project, or one of its extras, which is a virtual
// package that depends on the project at the same version and on what the extra adds. The zero pkg is
// the manifest.
type pkg struct{ name, extra string }

func (p pkg) String() string {
	switch {
	case p.name == "":
		return "the project"
	case p.extra == "":
		return p.name
	}
	return p.name + "[" + p.extra + "]"
}

var (
	root        = pkg{}
	rootVersion = pep440.MustParse("0")
)

// provider answers the solver for one target.
type provider struct {
	*catalogue
	m      *manifest.Manifest
	prefer map[string]pep440.Version // by project
	pinned map[string][]pep440.Set   // exact pins of the manifest and the old lock: yanked files may be taken
	named  map[string]bool           // projects whose requirements mention a pre-release

	prefetch sync.WaitGroup
	slots    chan struct{}
	seen     sync.Map // pkg name + set key: already prefetched
}

func newProvider(c *catalogue, m *manifest.Manifest, prefer map[string]pep440.Version) *provider {
	p := &provider{
		catalogue: c, m: m, prefer: prefer, pinned: map[string][]pep440.Set{}, named: map[string]bool{},
		slots: make(chan struct{}, 32),
	}
	for _, list := range [][]manifest.Requirement{m.Requirements, m.Constraints} {
		for _, r := range list {
			if r.Specifiers.IsExact() {
				p.pinned[r.Name] = append(p.pinned[r.Name], pep440.FromSpecifiers(r.Specifiers))
			}
			if r.Specifiers.MentionsPrerelease() {
				p.named[r.Name] = true
			}
		}
	}
	return p
}

// Prioritize decides exact pins first, then what conflicts often, then extras before their
// projects, then whatever was seen first.
func (p *provider) Prioritize(q pkg, s pep440.Set, st pubgrub.Stats) pubgrub.Priority {
	_, single := s.Single()
	switch {
	case q == root:
		return 100
	case st.Early:
		return 50
	case single || s.SubsetOf(p.pin(q.name)):
		return 40
	case st.Late:
		return 10
	case q.extra != "":
		return 30
	}
	return 20
}

// pin is the union of the manifest's exact pins of a project.
func (p *provider) pin(name string) pep440.Set {
	all := pep440.Empty()
	for _, s := range p.pinned[name] {
		all = all.Union(s)
	}
	return all
}

// Choose picks the preferred version if it is in the set, else the newest, stable before
// pre-release. Which versions can be used at all does not depend on the set.
func (p *provider) Choose(ctx context.Context, q pkg, s pep440.Set) (pubgrub.Choice[pep440.Version, pep440.Set], error) {
	var none pubgrub.Choice[pep440.Version, pep440.Set]
	if q == root {
		return pubgrub.Choice[pep440.Version, pep440.Set]{Version: rootVersion, Found: s.Contains(rootVersion)}, nil
	}
	r, err := p.release(ctx, q.name)
	if err != nil {
		return none, err
	}
	if best := p.best(r, q.name, s); best != nil {
		return pubgrub.Choice[pep440.Version, pep440.Set]{Version: best.version, Found: true}, nil
	}
	if r.missing {
		none.Reason = noProject{}
		return none, nil
	}
	reasons := map[string]pep440.Set{}
	var order []string
	for i := range r.candidates {
		c := &r.candidates[i]
		if !s.Contains(c.version) {
			continue
		}
		why := p.unusable(c, q.name)
		if _, there := reasons[why]; !there {
			order = append(order, why)
			reasons[why] = pep440.Empty()
		}
		reasons[why] = reasons[why].Union(p.cellOf(r, i))
	}
	for _, why := range order {
		none.Exclude = append(none.Exclude, pubgrub.Exclusion[pep440.Set]{Set: reasons[why].Intersect(s), Reason: why})
	}
	return none, nil
}

// best is the candidate that Choose takes, nil for none.
func (p *provider) best(r *release, name string, s pep440.Set) *candidate {
	preferred, has := p.prefer[name]
	var stable, pre *candidate
	for i := range r.candidates {
		c := &r.candidates[i]
		if p.unusable(c, name) != "" || !s.Contains(c.version) {
			continue
		}
		if has && c.version.Equal(preferred) {
			return c
		}
		isPre := c.version.IsPrerelease() && p.m.Prereleases == manifest.IfNecessary && !p.named[name]
		switch {
		case isPre && pre == nil:
			pre = c
		case !isPre && stable == nil:
			stable = c
		}
	}
	if stable != nil {
		return stable
	}
	return pre
}

// unusable says why a candidate cannot be used whatever the set, "" if it can.
func (p *provider) unusable(c *candidate, name string) string {
	preferred, has := p.prefer[name]
	switch {
	case c.unusable != "":
		return c.unusable
	case c.yanked && !p.pin(name).Contains(c.version) && !(has && preferred.Equal(c.version)):
		return "was yanked"
	case c.version.IsPrerelease() && (p.m.Prereleases == manifest.Disallow || p.m.Prereleases == manifest.Explicit && !p.named[name]):
		return "is a pre-release"
	}
	return ""
}

// Singleton implements pubgrub.Provider.
func (p *provider) Singleton(_ pkg, v pep440.Version) pep440.Set { return pep440.Singleton(v) }

// Cell implements pubgrub.Celler: from the version to the next one that exists.
func (p *provider) Cell(q pkg, v pep440.Version) pep440.Set {
	if q == root {
		return pep440.Singleton(v)
	}
	r, err := p.release(context.Background(), q.name) // read before: Choose has named v
	if err != nil {
		return pep440.Singleton(v)
	}
	for i := range r.candidates {
		if r.candidates[i].version.Equal(v) {
			return p.cellOf(r, i)
		}
	}
	return pep440.Singleton(v)
}

func (p *provider) cellOf(r *release, i int) pep440.Set {
	var next pep440.Version
	if i > 0 {
		next = r.candidates[i-1].version
	}
	return pep440.Between(r.candidates[i].version, next)
}

type deps = pubgrub.Dependencies[pkg, pep440.Set]

// Dependencies implements pubgrub.Provider.
func (p *provider) Dependencies(ctx context.Context, q pkg, v pep440.Version) (deps, error) {
	if q == root {
		return p.rootDependencies()
	}
	meta, err := p.metadata(ctx, q.name, v)
	if bad := (*index.MetadataError)(nil); asMetadataError(err, &bad) {
		return deps{Unavailable: "has unusable metadata: " + bad.Error()}, nil
	}
	if err != nil {
		return deps{}, err
	}
	var d deps
	if q.extra != "" {
		d.Depends = append(d.Depends, pubgrub.Dep[pkg, pep440.Set]{Package: pkg{name: q.name}, Set: pep440.Singleton(v)})
	}
	for _, r := range meta.Requires {
		ok, err := p.target.applies(r.Marker, q.extra)
		if err != nil {
			return deps{Unavailable: fmt.Sprintf("has a dependency that cannot be understood: %s: %v", r, err)}, nil
		}
		if !ok || q.extra != "" && !r.Marker.MentionsExtra() {
			continue
		}
		if r.URL != "" {
			return deps{Unavailable: fmt.Sprintf("depends on an address: %s", r)}, nil
		}
		p.depend(&d, r, q.name)
	}
	return d, nil
}

// depend adds a requirement's project and extras. A project's own name in one of its extras
// ("a[all]" that needs "a[x]") is no dependency on another version.
func (p *provider) depend(d *deps, r pep508.Requirement, owner string) {
	s := pep440.FromSpecifiers(r.Specifiers)
	if r.Name != owner || len(r.Extras) == 0 {
		d.Depends = append(d.Depends, pubgrub.Dep[pkg, pep440.Set]{Package: pkg{name: r.Name}, Set: s})
	}
	for _, extra := range r.Extras {
		d.Depends = append(d.Depends, pubgrub.Dep[pkg, pep440.Set]{Package: pkg{r.Name, extra}, Set: s})
	}
}

func (p *provider) rootDependencies() (deps, error) {
	var d deps
	for _, r := range p.m.Requirements {
		ok, err := p.target.applies(r.Marker, "")
		if err != nil {
			return d, manifestError(r, err)
		}
		if ok {
			p.depend(&d, r.Requirement, "")
		}
	}
	for _, r := range p.m.Constraints {
		ok, err := p.target.applies(r.Marker, "")
		if err != nil {
			return d, manifestError(r, err)
		}
		if ok {
			d.Constrains = append(d.Constrains, pubgrub.Dep[pkg, pep440.Set]{Package: pkg{name: r.Name}, Set: pep440.FromSpecifiers(r.Specifiers)})
		}
	}
	return d, nil
}

// metadata is that of the file that the target would install of a version.
func (p *provider) metadata(ctx context.Context, name string, v pep440.Version) (*index.Metadata, error) {
	r, err := p.release(ctx, name)
	if err != nil {
		return nil, err
	}
	for i := range r.candidates {
		if c := &r.candidates[i]; c.unusable == "" && c.version.Equal(v) {
			return p.packages.Metadata(ctx, r.project, c.file)
		}
	}
	return nil, fmt.Errorf("%s has no version %s", name, v)
}

// Pending implements pubgrub.Prefetcher: it reads ahead what the solver is about to ask for, so
// that requests overlap with each other and with solving. Failures are left for the real question.
func (p *provider) Pending(ctx context.Context, wanted []pubgrub.Want[pkg, pep440.Set]) {
	for _, w := range wanted {
		if w.Package == root {
			continue
		}
		key := w.Package.name + " " + w.Set.Key()
		if _, seen := p.seen.LoadOrStore(key, true); seen {
			continue
		}
		p.prefetch.Add(1)
		go func() {
			defer p.prefetch.Done()
			select {
			case p.slots <- struct{}{}:
				defer func() { <-p.slots }()
			case <-ctx.Done():
				return
			}
			r, err := p.release(ctx, w.Package.name)
			if err != nil {
				return
			}
			if c := p.best(r, w.Package.name, w.Set); c != nil {
				_, _ = p.packages.Metadata(ctx, r.project, c.file)
			}
		}()
	}
}
