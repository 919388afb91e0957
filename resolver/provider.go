package resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/sdistfile"
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

type (
	choice = pubgrub.Choice[pep440.Version, pep440.Set]
	deps   = pubgrub.Dependencies[pkg, pep440.Set]
	dep    = pubgrub.Dep[pkg, pep440.Set]
)

// provider answers the solver for one target.
type provider struct {
	*catalogue
	m      *manifest.Manifest
	prefer preferences
	pins   map[string]pep440.Set // by project, the manifest's exact pins: yanked files may be taken
	named  map[string]bool       // projects whose requirements in the manifest mention a pre-release

	// What follows is the solver's goroutine's.
	met     map[string]*release       // what it has asked for, whatever was read ahead
	exact   map[string]pep440.Set     // by project, all exact pins met
	decided map[string]pep440.Version // projects that have a version at the moment, as far as known
	choices map[string]choice         // by package and set
	written map[string]string         // by package and set: the requirement as it was written
	tried   map[string]*tries         // by project
	places  map[string]int            // by project, in the order in which they were seen

	ahead *prefetcher
}

func newProvider(c *catalogue, m *manifest.Manifest, prefer preferences) (*provider, error) {
	p := &provider{
		catalogue: c, m: m, prefer: prefer, pins: map[string]pep440.Set{}, named: map[string]bool{},
		met: map[string]*release{}, exact: map[string]pep440.Set{}, decided: map[string]pep440.Version{}, choices: map[string]choice{},
		written: map[string]string{}, tried: map[string]*tries{}, places: map[string]int{}, ahead: newPrefetcher(),
	}
	for _, list := range [][]manifest.Requirement{m.Requirements, m.Constraints, m.Overrides} {
		for _, r := range list {
			ok, err := c.target.applies(r.Marker, "")
			if err != nil {
				return nil, manifestError(r, err)
			}
			if !ok {
				continue
			}
			if !asked(&r) {
				r.Requirement, _ = c.policies.bounds(r.Requirement)
			}
			if r.Specifiers.IsExact() {
				p.pins[r.Name] = p.pins[r.Name].Union(pep440.FromSpecifiers(r.Specifiers))
			}
			if r.Specifiers.MentionsPrerelease() {
				p.named[r.Name] = true
			}
		}
	}
	return p, nil
}

// Prioritize decides exact pins first, then what conflicts often, then whatever was seen first: a project
// has the place of the first that was seen of it and its extras, and its extras come before it.
func (p *provider) Prioritize(q pkg, s pep440.Set, st pubgrub.Stats) pubgrub.Priority {
	if q.extra == "" {
		delete(p.decided, q.name) // else it would not be asked about
	}
	place, seen := p.places[q.name]
	if !seen {
		place = len(p.places)
		p.places[q.name] = place
	}
	within := pubgrub.Priority(-2 * place)
	if q.extra != "" {
		within++
	}
	_, single := s.Single()
	switch {
	case q == root || q == toolkit: // of which there is never more than one to choose from
		return 4 * urgency
	case single || s.SubsetOf(p.exact[q.name]):
		return 3*urgency + within
	case st.Early:
		return 2*urgency + within
	case st.Late:
		return within
	}
	return urgency + within
}

// urgency is more than twice the number of projects that there can be.
const urgency = 1 << 40

// Choose picks the preferred version if it is in the set, else the newest, stable before
// pre-release. Which versions can be used at all does not depend on the set.
func (p *provider) Choose(ctx context.Context, q pkg, s pep440.Set) (choice, error) {
	if q == root {
		return choice{Version: rootVersion, Found: s.Contains(rootVersion)}, nil
	}
	r, err := p.release(ctx, q.name)
	if err != nil {
		return choice{}, err
	}
	p.met[q.name] = r
	// An extra can only have its project's version; the others would be tried in vain.
	if v, there := p.decided[q.name]; there && q.extra != "" && s.Contains(v) {
		return choice{Version: v, Found: true}, nil
	}
	key := q.name + "\x00" + s.Key()
	c, there := p.choices[key]
	if !there {
		if err := p.checkDates(r, q.name, s); err != nil {
			return choice{}, err
		}
		c = p.choose(r, q.name, s)
		if err := p.failed(); err != nil {
			return choice{}, err
		}
		p.choices[key] = c
	}
	if c.Found && q.extra == "" && q != toolkit {
		p.decided[q.name] = c.Version
		p.tryOn(ctx, r, q.name, s, c.Version)
	}
	return c, nil
}

func (p *provider) choose(r *release, name string, s pep440.Set) choice {
	if best := p.best(r, name, s); best != nil {
		return choice{Version: best.version, Found: true}
	}
	switch {
	case r.missing != nil:
		return choice{Reason: r.missing}
	case r.project.Status == "quarantined" && len(r.candidates) == 0:
		return choice{Exclude: []pubgrub.Exclusion[pep440.Set]{{Set: s, Reason: reason{quarantined, r.project.StatusReason}}}}
	}
	sets := map[reason]pep440.Set{}
	var order []reason
	rest := s
	for i, c := range r.candidates {
		if !s.Contains(c.version) {
			continue
		}
		why := p.unusable(r, c, name)
		if _, there := sets[why]; !there {
			order = append(order, why)
		}
		cell := r.cell(i)
		sets[why] = sets[why].Union(cell)
		rest = rest.Minus(cell)
	}
	var none choice
	for i, why := range order {
		set := sets[why]
		if i == 0 {
			set = set.Union(rest) // where there are no versions, what is said of them is true as well
		}
		none.Exclude = append(none.Exclude, pubgrub.Exclusion[pep440.Set]{Set: set.Intersect(s), Reason: why})
	}
	return none
}

// best is the candidate that Choose takes, nil for none. It may be called from any goroutine.
func (p *provider) best(r *release, name string, s pep440.Set) *candidate {
	return p.bestWhere(r, name, s, func(why reason) bool { return why.kind == usable })
}

// bestWhere is best for other candidates than those that are usable.
func (p *provider) bestWhere(r *release, name string, s pep440.Set, ok func(reason) bool) *candidate {
	for _, v := range p.prefer.of(name) {
		if c := r.at(v); c != nil && s.Contains(v) && ok(p.unusable(r, c, name)) {
			return c
		}
	}
	// What has a wheel goes before what would have to be built, and both before any pre-release.
	var source, pre, preSource *candidate
	allow := p.policies.prereleasesOf(name) == manifest.Allow
	for _, c := range r.within(s) {
		late := c.version.IsPrerelease() && !allow
		if late && pre != nil || !s.Contains(c.version) || !ok(p.unusable(r, c, name)) {
			continue
		}
		built := !p.sourced[name] && p.takesSource(name) && c.file.Filename != "" && isSource(c) && r.direct == nil
		switch {
		case !late && !built:
			return p.ofLabels(r, c, name, s, ok)
		case !late && source == nil:
			source = c
		case late && !built:
			pre = c
		case late && preSource == nil:
			preSource = c
		}
	}
	for _, c := range []*candidate{source, pre} {
		if c != nil {
			return p.ofLabels(r, c, name, s, ok)
		}
	}
	return p.ofLabels(r, preSource, name, s, ok)
}

// unusable says why a candidate cannot be used whatever the set; usable if it can.
func (p *provider) unusable(r *release, c *candidate, name string) reason {
	if c.version.IsPrerelease() {
		policy := p.policies.prereleasesOf(name)
		if policy == manifest.Disallow || policy == manifest.Explicit && !p.named[name] {
			return reason{kind: isPrerelease}
		}
	}
	p.settle(name, r, c)
	if c.reason.kind == usable && c.yanked && !p.pins[name].Contains(c.version) && !p.prefer.kept(name, c.version) {
		return reason{kind: wasYanked}
	}
	return c.reason
}

// Singleton implements pubgrub.Provider.
func (p *provider) Singleton(_ pkg, v pep440.Version) pep440.Set { return pep440.Singleton(v) }

// Cell implements pubgrub.Celler: from the version to the next one that exists.
func (p *provider) Cell(q pkg, v pep440.Version) pep440.Set {
	if r := p.met[q.name]; r != nil {
		if i := r.position(v); i >= 0 {
			return r.cell(i)
		}
	}
	return pep440.Singleton(v)
}

// Dependencies implements pubgrub.Provider.
func (p *provider) Dependencies(ctx context.Context, q pkg, v pep440.Version) (deps, error) {
	switch q {
	case root:
		return p.rootDependencies()
	case toolkit:
		return deps{}, nil
	}
	meta, err := p.metadata(ctx, q.name, v)
	if bad := (*index.MetadataError)(nil); errors.As(err, &bad) {
		return deps{Unavailable: reason{badMetadata, bad.Error()}}, nil
	}
	if p.earlier.Repair && err != nil {
		if _, _ = p.policies.broken.add(ctx, err); p.policies.broken.of(q.name, v) != "" {
			return deps{Unavailable: reason{cannotBuild, p.policies.broken.of(q.name, v)}}, nil
		}
	}
	if dynamic := (*sdistfile.DynamicError)(nil); errors.As(err, &dynamic) {
		if p.earlier.repairing {
			return deps{}, nil
		}
		// Another version in its place would be a choice that nobody asked for.
		build := &needsBuild{q.name, v, dynamic}
		return deps{}, diag.Wrap(build, diag.NoAnswer, "%s %s is only a source distribution that has to be built before it can be locked", q.name, v).
			Hint("say what it depends on:%s", build.lines()).
			Hint("%s", p.howToAsk(q.name, v))
	}
	if err != nil {
		return deps{}, err
	}
	if !p.pythonAllowed(meta.RequiresPython) { // not every index says so for the file
		return deps{Unavailable: reason{needsPython, meta.RequiresPython}}, nil
	}
	if p.policies.gpu.wantsExtra(q.extra) && !slices.Contains(meta.Extras, q.extra) {
		return deps{Unavailable: reason{noExtra, q.extra}}, nil // without it there would be no CUDA, and nobody would notice
	}
	var d deps
	if q.extra != "" {
		d.Depends = append(d.Depends, dep{Package: pkg{name: q.name}, Set: pep440.Singleton(v)})
	}
	list, bad := p.requirements(meta, q.extra)
	if bad.kind != usable {
		return deps{Unavailable: bad}, nil
	}
	for _, r := range list {
		p.depend(&d, r, q.name, v, nil)
	}
	if q.extra == "" {
		p.policies.gpu.carries(&d, p.target.Platform, q.name, v, list)
	}
	return d, nil
}

// requirements are what a file needs on the target for itself, or what one of its extras adds. It
// may be called from any goroutine.
func (p *provider) requirements(meta *index.Metadata, extra string) ([]pep508.Requirement, reason) {
	var list []pep508.Requirement
	for i := range meta.Requires { // there may be thousands, and as many extras
		marker := meta.Requires[i].Marker
		if extra != "" && !marker.MentionsExtra() {
			continue
		}
		ok, err := p.target.applies(marker, extra)
		if !ok && err == nil {
			continue
		}
		r, wanted := p.policies.bounds(meta.Requires[i])
		switch {
		case err != nil:
			return nil, reason{badRequirement, fmt.Sprintf("%s: %v", r, err)}
		case !wanted:
		case r.URL != "" && !p.accepts(r):
			return nil, reason{needsAddress, r.String()}
		default:
			list = append(list, r)
		}
	}
	return list, reason{}
}

// depend adds a requirement's project and extras. A project that needs an extra of its own, as
// "a[all]" needs "a[x]", needs it at its own version.
func (p *provider) depend(d *deps, r pep508.Requirement, owner string, v pep440.Version, because any) {
	if o := p.policies.override(r.Name); o != nil {
		because = o // its place is what a person has to know
	}
	s := p.setOf(r)
	if r.Specifiers.IsExact() {
		p.exact[r.Name] = p.exact[r.Name].Union(s)
	}
	own := r.Name == owner && s.Contains(v)
	if own {
		s = pep440.Singleton(v)
	} else {
		d.Depends = append(d.Depends, dep{Package: pkg{name: r.Name}, Set: s, Reason: because})
	}
	for _, extra := range r.Extras {
		d.Depends = append(d.Depends, dep{Package: pkg{r.Name, extra}, Set: s, Reason: because})
	}
}

func (p *provider) rootDependencies() (deps, error) {
	var d deps
	for i := range p.m.Requirements {
		r := &p.m.Requirements[i]
		ok, err := p.target.applies(r.Marker, "")
		if err != nil {
			return d, manifestError(*r, err)
		}
		if ok {
			bounds, _ := p.policies.bounds(r.Requirement)
			p.depend(&d, bounds, "", rootVersion, r)
		}
	}
	for i := range p.m.Constraints {
		r := &p.m.Constraints[i]
		ok, err := p.target.applies(r.Marker, "")
		if err != nil {
			return d, manifestError(*r, err)
		}
		if ok && (p.policies.override(r.Name) == nil || asked(r)) {
			s := p.setOf(r.Requirement)
			if r.Specifiers.IsExact() {
				p.exact[r.Name] = p.exact[r.Name].Union(s)
			}
			d.Constrains = append(d.Constrains, dep{Package: pkg{name: r.Name}, Set: s, Reason: r})
		}
	}
	return d, nil
}
