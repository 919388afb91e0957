package apt

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/envpack/envpack/internal/diag"
)

// want is a requirement from outside, with its reason.
type want struct {
	alt    alternatives
	reason string
	text   string // as the caller wrote it; "" for the base's own
}

// WantError is about a package that the caller wants: one of [Options.System] or [Options.Roots].
type WantError struct {
	Want string // as it was given
	Err  error
}

// Error implements error.
func (e *WantError) Error() string { return e.Err.Error() }

func (e *WantError) Unwrap() error { return e.Err }

// choice is a package that is taken, and why.
type choice struct {
	*candidate
	why string  // a reason, or the relation of by that it meets
	by  *choice // nil for what is wanted from outside
}

// chain is how the package came to be chosen, outermost first.
func (c *choice) chain() string {
	parts := []string{c.name}
	for p := c.by; p != nil; p = p.by {
		parts = append([]string{p.name}, parts...)
	}
	return strings.Join(parts, " -> ")
}

// failure ends an attempt. Either preferences of drop, or the use of ban, is given up in the next one.
type failure struct {
	drop string
	ban  string
	err  error
}

// closure finds the packages that the wants need: Pre-Depends and Depends, no recommendations. Of
// alternatives one that is chosen already is preferred, else the first that can be had; a package that turns out to be
// unusable is given up and all begins anew, so that a later alternative gets its turn. The result is sorted by name
// and does not contain what is installed. Preferences that had to be given up are added to dropped.
func closure(ctx context.Context, indexes [][]candidate, installed []candidate, prefer map[string]string, dropped map[string]bool, wants []want) ([]*choice, error) {
	banned := map[string]error{}
	for {
		u, err := newUniverse(indexes, installed, prefer, dropped)
		if err != nil {
			return nil, err
		}
		// Until a preference falls, the universe stays.
		for {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			s := &solver{universe: u, banned: banned, chosen: map[string]*choice{}}
			f := s.solve(installed, wants)
			if f == nil {
				return s.result(), nil
			}
			if f.drop != "" {
				dropped[f.drop] = true
				break
			}
			if f.ban == "" {
				return nil, f.err
			}
			banned[f.ban] = f.err
		}
	}
}

type solver struct {
	*universe
	banned map[string]error
	chosen map[string]*choice
	order  []*choice
}

func (s *solver) solve(installed []candidate, wants []want) *failure {
	for i := range installed {
		if c := &installed[i]; s.byName[c.name] == c {
			s.take(&choice{candidate: c, why: "in the image"})
		}
	}
	before := len(s.order)
	for _, w := range wants {
		c := s.pick(w.alt)
		if c == nil {
			if drop := s.stale(w.alt); drop != "" {
				return &failure{drop: drop}
			}
			none := diag.New(diag.NoAnswer, "no package satisfies %s (%s): %s", w.alt, w.reason, s.explain(w.alt))
			if near := s.nearest(w.alt); near != "" {
				_ = none.Hint("did you mean %s?", near)
			} else {
				_ = none.Hint("look at the name, or at the pockets that are used")
			}
			var err error = none
			if w.text != "" {
				err = &WantError{w.text, err}
			}
			return &failure{err: err}
		}
		s.take(&choice{candidate: c, why: w.reason})
	}
	for i := before; i < len(s.order); i++ {
		if f := s.expand(s.order[i]); f != nil {
			return f
		}
	}
	return s.conflicts()
}

// nearest is the package whose name is like that of what is wanted, where nothing has that name; "" for none.
func (s *solver) nearest(wanted alternatives) string {
	if len(wanted) != 1 || s.byName[wanted[0].name] != nil || len(s.providers[wanted[0].name]) > 0 {
		return ""
	}
	return diag.Nearest(wanted[0].name, slices.Sorted(maps.Keys(s.byName)))
}

// take adds a choice, unless its package is chosen already.
func (s *solver) take(c *choice) {
	if s.chosen[c.name] == nil {
		s.chosen[c.name] = c
		s.order = append(s.order, c)
	}
}

func (s *solver) expand(c *choice) *failure {
	for _, text := range []string{c.preDepends, c.depends} {
		all, err := parseRelations(text)
		if err != nil {
			return &failure{ban: c.name, err: fmt.Errorf("%s %s: %w", c.name, c.version, err)}
		}
		for _, alt := range all {
			need := s.pick(alt)
			if need != nil {
				s.take(&choice{candidate: need, why: alt.String(), by: c})
				continue
			}
			if drop := s.stale(alt); drop != "" {
				return &failure{drop: drop}
			}
			if s.newest[c.name] != nil {
				return &failure{drop: c.name}
			}
			return &failure{ban: c.name, err: diag.New(diag.NoAnswer, "%s %s (needed as %s) depends on %s, but %s",
				c.name, c.version, c.chain(), alt, s.explain(alt))}
		}
	}
	return nil
}

// pick finds what meets one of the alternatives, nil if nothing does.
func (s *solver) pick(alt alternatives) *candidate {
	for _, r := range alt {
		for _, c := range s.satisfying(r) {
			if s.chosen[c.name] != nil {
				return c
			}
		}
	}
	for _, r := range alt {
		for _, c := range s.satisfying(r) {
			if s.banned[c.name] == nil {
				return c
			}
		}
	}
	return nil
}

// stale names a package of the alternatives whose preferred version stands in for a newer one.
func (s *solver) stale(alt alternatives) string {
	for _, r := range alt {
		if s.newest[r.name] != nil {
			return r.name
		}
	}
	return ""
}

// explain says why nothing meets the alternatives.
func (s *solver) explain(alt alternatives) string {
	var parts []string
	for _, r := range alt {
		c := s.byName[r.name]
		found := s.satisfying(r)
		switch {
		case len(found) > 0:
			for _, f := range found {
				parts = append(parts, fmt.Sprintf("%s %s cannot be used: %v", f.name, f.version, s.banned[f.name]))
			}
		case c == nil && len(s.providers[r.name]) > 0:
			parts = append(parts, "no provider of "+r.name+" has a version that fits")
		case c == nil:
			parts = append(parts, "there is no package "+r.name)
		default:
			parts = append(parts, fmt.Sprintf("%s has version %s (%s)", r.name, c.version, c.architecture))
		}
	}
	return strings.Join(parts, "; ")
}

// conflicts checks Conflicts and Breaks between what is chosen. Of two, the one chosen later is given up.
func (s *solver) conflicts() *failure {
	provided := map[string][]provider{}
	for _, c := range s.order {
		all, err := parseRelations(c.provides)
		if err != nil {
			return &failure{err: err}
		}
		for _, alt := range all {
			provided[alt[0].name] = append(provided[alt[0].name], provider{c.candidate, alt[0]})
		}
	}
	place := map[string]int{}
	for i, c := range s.order {
		place[c.name] = i
	}
	for _, c := range s.order {
		for field, text := range []string{c.conflicts, c.breaks} {
			all, err := parseRelations(text)
			if err != nil {
				return &failure{ban: c.name, err: fmt.Errorf("%s %s: %w", c.name, c.version, err)}
			}
			for _, alt := range all {
				other := s.hit(alt[0], c.candidate, provided)
				if other == nil || c.installed && other.installed {
					continue
				}
				for _, name := range []string{other.name, c.name} {
					if s.newest[name] != nil {
						return &failure{drop: name}
					}
				}
				later := c
				if place[other.name] > place[c.name] {
					later = s.chosen[other.name]
				}
				f := &failure{err: diag.New(diag.NoAnswer, "%s %s (needed as %s) %s %s, but %s %s is needed as %s", c.name, c.version, c.chain(),
					[]string{"conflicts with", "breaks"}[field], alt[0], other.name, other.version, s.chosen[other.name].chain())}
				if s.banned[later.name] == nil {
					f.ban = later.name
				}
				return f
			}
		}
	}
	return nil
}

// hit finds a chosen package that the relation of c names. A package does not conflict with itself (policy 7.4).
func (s *solver) hit(r relation, c *candidate, provided map[string][]provider) *candidate {
	if other := s.chosen[r.name]; other != nil && other.candidate != c && r.metBy(other.candidate) {
		return other.candidate
	}
	for _, p := range provided[r.name] {
		if p.by != c && r.allowsProvided(p.gives) {
			return p.by
		}
	}
	return nil
}

func (s *solver) result() []*choice {
	var result []*choice
	for _, c := range s.order {
		if !c.installed {
			result = append(result, c)
		}
	}
	sort.Slice(result, func(i, j int) bool { return result[i].name < result[j].name })
	return result
}
