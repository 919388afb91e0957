package resolver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// Unanswered is the error of a manifest without an answer, with changes of it that together give one.
type Unanswered struct {
	Err    error
	Repair []manifest.Amendment
}

// Error implements error.
func (u *Unanswered) Error() string { return u.Err.Error() }

// Unwrap gives the error without the changes.
func (u *Unanswered) Unwrap() error { return u.Err }

// repairs looks for the fewest and least changes of a manifest that together give an answer. It frees whatever takes part in a
// failure, with the versions first that are nearest to what was asked, until there is an answer; then it takes back what the answer
// does without, what changes most first.
type repairs struct {
	question *question
	items    []*item // what may change, in the order in which it was found
	why      error   // that ended the search: of a source, or that it took too long
	tries    int
	pythons  map[string]bool // that were tried
}

const (
	// repairTries and repairTime bound the search. The first is what usually ends it, so that the same index gives the same
	// answer on every machine.
	repairTries = 150
	repairTime  = 90 * time.Second
	// repairRounds are how many failures one after another are done away with.
	repairRounds = 40
)

// itemKind is what is freed, what changes least first.
type itemKind int

const (
	renamed   itemKind = iota // a name that no index has
	bounded                   // a requirement or constraint in the manifest's own file
	overruled                 // bounds of others on a package, of requirements files among them
	otherPython
	prereleased
	redated // as-of of a package
	leftOut // a package that others need
	dropped // a requirement
)

// item is something in a manifest that may change.
type item struct {
	kind itemKind
	name string
	req  *manifest.Requirement // in the manifest as it is; nil if it has none
	near []pep440.Version      // what may be chosen, the nearest first
	// anchors are the versions that what is asked names, or that it admits.
	anchors []pep440.Version
	// wanted is what others ask for, of what is overruled.
	wanted pep440.Set
	strict bool // they ask for one version, or a series
	text   string
	why    string

	fixed *pep440.Specifiers // what stands instead; nil while it is free
	at    time.Time          // up to when uploads count, of what is redated; zero while it is free
}

// key tells items apart.
func (i *item) key() string {
	key := fmt.Sprint(i.kind, " ", i.name)
	if i.req != nil && i.kind == bounded {
		key += " " + i.req.Pos.String()
	}
	return key
}

// search gives the changes, nil if none were found.
func (r *repairs) search(ctx context.Context, u *unsolved) []manifest.Amendment {
	ctx, stop := context.WithTimeout(ctx, repairTime)
	defer stop()
	done := r.free(ctx, u)
	if done == nil {
		return nil
	}
	items, done := r.least(ctx, done)
	items, done = r.fix(ctx, items, done)
	if done == nil {
		return nil
	}
	var out []manifest.Amendment
	for _, i := range items {
		a, ok := r.amendment(i, done)
		if !ok {
			return nil
		}
		out = append(out, a)
	}
	return out
}

// free frees what takes part in one failure after the other, until there is an answer.
func (r *repairs) free(ctx context.Context, u *unsolved) []*solved {
	for range repairRounds {
		facts := u.asker.facts(ctx, u.proof)
		fresh := r.found(ctx, u, facts)
		if len(fresh) == 0 {
			return nil
		}
		r.items = append(r.items, fresh...)
		done, err := r.ask(ctx, r.items)
		if err == nil {
			return done
		}
		if u = (*unsolved)(nil); !errors.As(err, &u) {
			r.why = err
			return nil
		}
	}
	return nil
}

// ask asks the question with items changed. Errors: *unsolved; context.DeadlineExceeded where the search has to end; those of the sources.
func (r *repairs) ask(ctx context.Context, items []*item) ([]*solved, error) {
	if r.tries >= repairTries {
		return nil, context.DeadlineExceeded
	}
	r.tries++
	q := r.with(items)
	if q == nil {
		return nil, errNotAsked
	}
	return q.answer(ctx)
}

var errNotAsked = errors.New("what the base has is not known")

// least gives the items that an answer cannot do without, and that answer.
func (r *repairs) least(ctx context.Context, done []*solved) ([]*item, []*solved) {
	best, done := r.changed(ctx, r.items, done)
	// One change that does by itself is better than several.
	if single, got := r.single(ctx); got != nil && r.cost(single, got) <= r.costOf(best, done) {
		return []*item{single}, got
	}
	for again := true; again; {
		again = false
		order := slices.Clone(best)
		slices.SortStableFunc(order, func(a, b *item) int { return r.cost(b, done) - r.cost(a, done) })
		for _, i := range order {
			less := slices.DeleteFunc(slices.Clone(best), func(o *item) bool { return o == i })
			got, err := r.ask(ctx, less)
			if err != nil {
				continue
			}
			best, done = r.changed(ctx, less, got)
			again = true
			break
		}
	}
	return best, done
}

// single is the least item that gives an answer by itself, nil if none does.
func (r *repairs) single(ctx context.Context) (*item, []*solved) {
	var least *item
	var of []*solved
	for _, i := range r.items {
		if least != nil && i.kind > least.kind && i.kind > overruled {
			continue
		}
		done, err := r.ask(ctx, []*item{i})
		if err == nil && (least == nil || r.cost(i, done) < r.cost(least, of)) {
			least, of = i, done
		}
	}
	return least, of
}

// changed leaves out bounds that an answer keeps, if it holds without them.
func (r *repairs) changed(ctx context.Context, items []*item, done []*solved) ([]*item, []*solved) {
	less := slices.DeleteFunc(slices.Clone(items), func(i *item) bool { return i.kind <= overruled && r.cost(i, done) == 0 })
	if len(less) == len(items) {
		return items, done
	}
	if got, err := r.ask(ctx, less); err == nil {
		return less, got
	}
	return items, done
}

// asked are the versions that the manifest's own requirement admits, all if there is none.
func (i *item) asked() pep440.Set {
	if i.req == nil {
		return pep440.Full()
	}
	return pep440.FromSpecifiers(i.req.Specifiers)
}

// The costs of changes: what is least first.
const (
	sameVersion  = 5
	anotherName  = 10
	anotherPatch = 20
	anotherMinor = 24
	disregarded  = 28 // what another package asks, where the manifest says otherwise
	anotherMajor = 32
	disobeyed    = 36 // so, where it asks for one version or a series
)

// costOf is what items cost together.
func (r *repairs) costOf(items []*item, done []*solved) int {
	n := 0
	for _, i := range items {
		n += r.cost(i, done)
	}
	return n
}

// cost is how much an item changes of what was asked, given an answer.
func (r *repairs) cost(i *item, done []*solved) int {
	v := chosenOf(done, i.name)
	switch i.kind {
	case renamed:
		return anotherName
	case bounded:
		return i.far(i.asked(), v)
	case overruled:
		switch {
		case v.IsZero() || i.asked().Contains(v) && i.wanted.Contains(v):
			return 0
		case i.req == nil:
			return i.far(i.wanted, v) + 2
		case !i.asked().Contains(v):
			return i.far(i.asked(), v) + 2
		case i.strict:
			return disobeyed
		}
		return disregarded
	case otherPython:
		return 50
	case prereleased:
		return 55
	case redated:
		return 60
	case leftOut:
		return 80
	}
	return 100
}

// far is what it costs to take a version in place of those of a set.
func (i *item) far(s pep440.Set, v pep440.Version) int {
	if v.IsZero() || s.Contains(v) {
		return 0
	}
	cost := anotherMajor
	for _, a := range i.anchors {
		cost = min(cost, classOf(a, v))
	}
	return cost
}

// classOf is what it costs to take a version in place of another.
func classOf(a, v pep440.Version) int {
	part := func(v pep440.Version, i int) uint64 {
		if release := v.Release(); i < len(release) {
			return release[i]
		}
		return 0
	}
	switch {
	case a.Public().Equal(v.Public()):
		return sameVersion
	case a.Epoch() != v.Epoch() || part(a, 0) != part(v, 0):
		return anotherMajor
	case part(a, 1) != part(v, 1):
		return anotherMinor
	}
	return anotherPatch
}

// with is the question with items changed; nil where it cannot be asked.
func (r *repairs) with(items []*item) *question {
	q := r.question.variant()
	q.options.repairing = true
	q.nearest = map[string][]pep440.Version{}
	own := q.policies
	own.asOfs, own.excluded = maps.Clone(own.asOfs), maps.Clone(own.excluded)
	q.m.Policies.Packages = slices.Clone(q.m.Policies.Packages)
	for _, i := range items {
		if i.kind <= overruled && i.fixed == nil || i.kind == redated {
			q.nearest[i.name] = i.near
		}
		switch i.kind {
		case renamed:
			change(q.m, i.req, func(x *manifest.Requirement) { x.Name, x.RawName = i.text, i.text })
		case bounded:
			change(q.m, i.req, func(x *manifest.Requirement) { x.Specifiers = i.specifiers() })
		case overruled:
			q.m.Overrides = slices.DeleteFunc(q.m.Overrides, func(o manifest.Requirement) bool { return o.Name == i.name })
			q.m.Overrides = append(q.m.Overrides, manifest.Requirement{Requirement: pep508.Requirement{Name: i.name, RawName: i.name, Specifiers: r.inPlace(i, items)}})
		case prereleased:
			q.m.Policies.Packages = append([]manifest.PackagePolicy{{Name: i.name, Prereleases: manifest.Allow}}, q.m.Policies.Packages...)
		case redated:
			own.asOfs[i.name] = i.at
		case leftOut:
			own.excluded[i.name] = true
			q.m.Requirements = slices.DeleteFunc(q.m.Requirements, func(o manifest.Requirement) bool { return o.Name == i.name })
		case dropped:
			q.m.Requirements = slices.DeleteFunc(q.m.Requirements, func(o manifest.Requirement) bool { return o.Pos == i.req.Pos && o.Name == i.name })
		case otherPython:
			specs, err := pep440.ParseSpecifiers("==" + strings.TrimSuffix(i.text, "t") + ".*")
			if err != nil {
				return nil
			}
			q.m.Python = manifest.Python{Text: i.text, Specifiers: specs, FreeThreaded: strings.HasSuffix(i.text, "t"), Pos: q.m.Python.Pos}
			rem := &remedies{question: r.question}
			if q = rem.onBase(q, i.text); q == nil {
				return nil
			}
			own = q.policies
		}
	}
	own.mapOverrides()
	return q
}

// inPlace are the bounds that stand in place of those of others: what the manifest asks, where it can be edited.
func (r *repairs) inPlace(i *item, items []*item) pep440.Specifiers {
	if i.fixed != nil || i.req == nil || !r.editable(i.req) {
		return i.specifiers()
	}
	for _, o := range items {
		if o.kind == bounded && o.name == i.name {
			return o.specifiers()
		}
	}
	return i.req.Specifiers
}

func (i *item) specifiers() pep440.Specifiers {
	if i.fixed != nil {
		return *i.fixed
	}
	return pep440.Specifiers{}
}

// change changes a requirement, constraint or override of a manifest, found by its place.
func change(m *manifest.Manifest, req *manifest.Requirement, f func(*manifest.Requirement)) {
	for _, list := range []*[]manifest.Requirement{&m.Requirements, &m.Constraints, &m.Overrides} {
		for k := range *list {
			if x := &(*list)[k]; x.Pos == req.Pos && x.Name == req.Name {
				f(x)
			}
		}
	}
}
