package resolver

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep508"
)

// effects is what the policies did to the answers.
type effects struct {
	overridden map[string]map[string]bool // by project: the bounds that did not count, each with its origin
	excluded   map[string]map[string]bool // by project: who would need it
	replaced   map[string]map[string]bool // by project: versions whose metadata is the manifest's, each with that
	parts      map[string]map[string]bool // by project: what of it is replaced
	used       map[string]bool            // projects that have a version on some target
}

// record writes into the lock which policies had a part in it, and warns of those that had none.
func (p *policies) record(ctx context.Context, lock *lockfile.Lock, done []*solved, tell func(string)) error {
	e := &effects{
		overridden: map[string]map[string]bool{}, excluded: map[string]map[string]bool{}, replaced: map[string]map[string]bool{},
		parts: map[string]map[string]bool{}, used: map[string]bool{},
	}
	for _, s := range done {
		if err := p.observe(ctx, s, e); err != nil {
			return err
		}
	}
	choose := func(kind, name, value, reason string) {
		lock.Choices = append(lock.Choices, lockfile.Choice{Kind: kind, Name: name, Value: value, Reason: reason})
	}
	for _, o := range p.m.Overrides {
		if e.used[o.Name] {
			reason := "[overrides] says so; nothing says otherwise"
			if list := e.overridden[o.Name]; len(list) > 0 {
				reason = "[overrides], in place of " + fewOf(list)
			}
			choose(lockfile.OverrideChoice, o.Name, cmp.Or(o.Specifiers.String(), "any"), reason)
		}
	}
	for _, x := range p.m.Excluded {
		if len(x.Required) > 0 {
			note(e.excluded, x.Name, "the project")
		}
		if list := e.excluded[x.Name]; len(list) > 0 {
			choose(lockfile.ExcludeChoice, x.Name, "", "resolver.exclude; otherwise needed by "+fewOf(list))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.replaced)) {
		parts := strings.Join(slices.Sorted(maps.Keys(e.parts[name])), ", ")
		choose(lockfile.MetadataChoice, name, parts, "[metadata], of "+fewOf(e.replaced[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(p.asOfs)) {
		value := "none"
		if t := p.asOfs[name]; !t.IsZero() {
			value = t.Format(time.RFC3339)
		}
		choose(lockfile.AsOfChoice, name, value, "resolver.packages")
	}
	for _, o := range p.m.Ownership {
		if e.used[o.Package] {
			choose(lockfile.OwnerChoice, o.Path, o.Package, "[ownership]")
		}
	}
	p.warn(e, tell)
	return nil
}

// shownOrigins are how many origins a reason names.
const shownOrigins = 5

func fewOf(set map[string]bool) string {
	list := slices.Sorted(maps.Keys(set))
	more := ""
	if n := len(list) - shownOrigins; n > 0 {
		list, more = list[:shownOrigins], fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(list, ", ") + more
}

func note(sets map[string]map[string]bool, key, text string) {
	if sets[key] == nil {
		sets[key] = map[string]bool{}
	}
	sets[key][text] = true
}

// observe finds out what the policies did on a target, by what everything that was chosen asks for.
func (p *policies) observe(ctx context.Context, s *solved, e *effects) error {
	see := func(r pep508.Requirement, origin string) {
		if p.excluded[r.Name] {
			note(e.excluded, r.Name, origin)
		}
		o := p.overrides[r.Name]
		if o == nil || r.URL == "" && (r.Specifiers.Len() == 0 || r.Specifiers.String() == o.Specifiers.String()) {
			return
		}
		bound := r.URL
		if bound == "" {
			bound = readable(r.Specifiers)
		}
		note(e.overridden, r.Name, bound+" of "+origin)
	}
	for origin, list := range map[string][]manifest.Requirement{"the project": p.m.Requirements, "the constraints": p.m.Constraints} {
		for _, r := range list {
			if ok, err := s.target.applies(r.Marker, ""); err != nil {
				return manifestError(r, err)
			} else if ok && s.has(r.Name) {
				see(r.Requirement, origin)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.versions)) {
		v := s.versions[name]
		e.used[name] = true
		meta, err := s.provider.metadata(ctx, name, v)
		if err != nil {
			return fmt.Errorf("%s %s: %w", name, v, err)
		}
		if r := p.m.Policies.Of(name, v); r != nil {
			note(e.replaced, name, v.String()+": "+r.String())
			for _, part := range r.Parts() {
				note(e.parts, name, part)
			}
		}
		for _, extra := range append([]string{""}, s.extras[name]...) {
			for _, r := range meta.Requires {
				if extra != "" && !r.Marker.MentionsExtra() || r.Name == name {
					continue
				}
				if ok, err := s.target.applies(r.Marker, extra); err == nil && ok { // an error would have been the solver's
					see(r, name+" "+v.String())
				}
			}
		}
	}
	return nil
}

func (s *solved) has(name string) bool {
	_, there := s.versions[name]
	return there
}

// warn tells of policies that had no part in the answers: most are misspelt, or about what is needed no more.
func (p *policies) warn(e *effects, tell func(string)) {
	idle := func(pos diag.Position, what, why string) {
		at := ""
		if !pos.IsZero() {
			at = pos.String() + ": "
		}
		tell(fmt.Sprintf("%s%s has no effect: %s", at, what, why))
	}
	for _, o := range p.m.Overrides {
		if !e.used[o.Name] {
			idle(o.Pos, "the override of "+o.Name, "nothing needs it")
		}
	}
	for _, x := range p.m.Excluded {
		if len(e.excluded[x.Name]) == 0 {
			idle(x.Pos, "excluding "+x.Name, "nothing needs it")
		}
	}
	for _, i := range p.m.Indexes {
		if len(i.Packages) > 0 && !slices.ContainsFunc(slices.Collect(maps.Keys(e.used)), i.Binds) {
			idle(i.Pos, "the index "+i.Name, "nothing needs a package that its packages name")
		}
	}
	for _, one := range p.m.Policies.Packages {
		if !e.used[one.Name] {
			idle(one.Pos, "the policy for "+one.Name, "nothing needs it")
		}
	}
	for _, o := range p.m.Ownership {
		if !e.used[o.Package] {
			idle(o.Pos, "the ownership of "+o.Path, "nothing needs "+o.Package)
		}
	}
	for i := range p.m.Metadata {
		r := &p.m.Metadata[i]
		switch {
		case !e.used[r.Name]:
			idle(r.Pos, "the metadata of "+r.Name, "nothing needs it")
		case len(e.replaced[r.Name]) == 0:
			idle(r.Pos, "the metadata of "+r.Name, "it is about "+r.Versions.String()+", and another version was chosen")
		}
	}
}
