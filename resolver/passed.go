package resolver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// passed is a newer version than the chosen one that all bounds allow and that was passed over because its source distribution
// would have to be built.
type passed struct {
	name           string
	chosen, newest pep440.Version
	versions       int  // how many newer ones were
	wheels         bool // the newest has wheels, for other targets
	how            string
}

// tellPassed tells which packages have older versions than a person would expect, and which pre-releases were taken. Nothing in
// the answer shows either.
func tellPassed(ctx context.Context, done []*solved, tell func(string, ...any)) {
	var list []passed
	on := map[passed][]string{}
	for _, s := range done {
		allowed := s.allowed(ctx)
		for _, name := range slices.Sorted(maps.Keys(s.versions)) {
			if p, ok := s.passedOver(name, allowed); ok {
				if on[p] == nil {
					list = append(list, p)
				}
				on[p] = append(on[p], s.target.Platform)
			}
			s.tellPrerelease(name, allowed, tell)
		}
	}
	var others []string
	for _, p := range list {
		where := ""
		if len(on[p]) < len(done) {
			where = " for " + strings.Join(on[p], ", ")
		}
		if !slices.ContainsFunc(done[0].provider.m.Requirements, func(r manifest.Requirement) bool { return r.Name == p.name }) {
			others = append(others, fmt.Sprintf("%s %s%s (%s)", p.name, p.chosen, where, p.newest))
			continue
		}
		tell("%s", p.text(where))
	}
	if len(others) > 0 {
		tell("the newest versions of some packages that others need, in brackets, have a source distribution and no wheel that fits, and older ones are taken: %s", strings.Join(others, ", "))
	}
}

// text says of a package of the manifest what was passed over, and how to have it.
func (p passed) text(where string) string {
	lack := "has a source distribution and no wheel that fits"
	if !p.wheels {
		lack = "has only a source distribution"
	}
	if p.versions > 1 {
		lack += fmt.Sprintf("; so it is with all %d newer versions", p.versions)
	}
	return fmt.Sprintf("%s %s is taken%s, not %s, which %s; %s", p.name, p.chosen, where, p.newest, lack, p.how)
}

// howToBuild says how a version is had of which there is no wheel.
func (c *catalogue) howToBuild(name string, v pep440.Version) string {
	switch {
	case c.workshop != nil && c.workshop.builder != nil:
		return fmt.Sprintf("`envpack lock -P %s==%s` builds it, and no-binary = [%q] in [resolver] every version", name, v, name)
	case c.sources:
		return fmt.Sprintf("`envpack lock --defer-builds -P %s==%s` records it as it is", name, v)
	}
	return fmt.Sprintf("without --no-build `envpack lock -P %s==%s` builds it", name, v)
}

// allowed are the versions that the manifest and what was chosen allow of each project.
func (s *solved) allowed(ctx context.Context) map[string]pep440.Set {
	all := map[string]pep440.Set{}
	bound := func(r pep508.Requirement) {
		set := s.provider.setOf(r)
		if was, there := all[r.Name]; there {
			set = set.Intersect(was)
		}
		all[r.Name] = set
	}
	for _, r := range slices.Concat(s.provider.m.Requirements, s.provider.m.Constraints) {
		bounds, _ := s.provider.policies.bounds(r.Requirement)
		if ok, err := s.target.applies(r.Marker, ""); ok && err == nil {
			bound(bounds)
		}
	}
	for name, v := range s.versions {
		meta, err := s.provider.metadata(ctx, name, v)
		if err != nil {
			continue // merging has read it
		}
		for _, extra := range append([]string{""}, s.extras[name]...) {
			list, _ := s.provider.requirements(meta, extra)
			for _, r := range list {
				if r.Name != name {
					bound(r)
				}
			}
		}
	}
	return all
}

// passedOver finds the newest version that would have been taken if there were a wheel. There is none if a version between could
// have been taken: then it is something else that keeps the chosen one.
func (s *solved) passedOver(name string, allowed map[string]pep440.Set) (passed, bool) {
	p, r, chosen := s.provider, s.provider.met[name], s.versions[name]
	over := passed{name: name, chosen: chosen}
	if r.direct != nil {
		return over, false
	}
	early := chosen.IsPrerelease() || p.policies.prereleasesOf(name) == manifest.Allow
	for _, c := range r.candidates {
		if !chosen.Less(c.version) {
			break
		}
		if set, there := allowed[name]; there && !set.Contains(c.version) || c.version.IsPrerelease() && !early {
			continue
		}
		switch p.unusable(r, c, name).kind {
		case usable:
			if !isSource(c) || isSource(r.at(chosen)) {
				return over, false
			}
			if over.versions++; over.versions == 1 {
				over.newest, over.how = c.version, p.howToBuild(name, c.version)
				over.wheels, _ = p.fresh(r, c)
			}
		case onlySdist, noWheel:
			wheels, source := p.fresh(r, c)
			if !source {
				continue
			}
			if over.versions++; over.versions == 1 {
				over.newest, over.wheels, over.how = c.version, wheels, p.howToBuild(name, c.version)
			}
		}
	}
	return over, over.versions > 0
}

// fresh tells which kinds of files of a version are there that were not yanked.
func (p *provider) fresh(r *release, c *candidate) (wheels, source bool) {
	for _, f := range p.filesOf(r, c) {
		if !f.Yanked && p.inTime(r.project.Name, f) {
			if strings.HasSuffix(f.Filename, ".whl") {
				wheels = true
			} else {
				source = source || !p.wheelOnly(r.project.Name)
			}
		}
	}
	return wheels, source
}

// tellPrerelease tells why a pre-release was taken, unless it is what the manifest pins or its policy takes them all.
func (s *solved) tellPrerelease(name string, allowed map[string]pep440.Set, tell func(string, ...any)) {
	p, r, chosen := s.provider, s.provider.met[name], s.versions[name]
	if r.direct != nil || !chosen.IsPrerelease() || p.policies.prereleasesOf(name) != manifest.IfNecessary || p.pins[name].Contains(chosen) {
		return
	}
	why := "none of its final releases is within the bounds that are asked for"
	for _, c := range r.candidates {
		if set, there := allowed[name]; c.version.IsPrerelease() || there && !set.Contains(c.version) {
			continue
		}
		versions := name + " " + c.version.String()
		switch reason := p.unusable(r, c, name); reason.kind {
		case usable:
			why = fmt.Sprintf("%s cannot be had with the other packages", versions)
			if p.prefer.kept(name, chosen) {
				why = "the lock has it already"
			}
		case noWheel:
			why = p.noWheelClause(name, versions, false, r, c)
		default:
			why = reason.clause(name, versions, false)
		}
		break
	}
	tell("%s %s is a pre-release, taken because %s; prereleases = \"disallow\" in [resolver] takes none", name, chosen, why)
}
