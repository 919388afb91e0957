package resolver

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pubgrub"
)

// found are items that take part in a failure and are not free yet: of the kind that changes least for which there are any.
func (r *repairs) found(ctx context.Context, u *unsolved, facts []*step) []*item {
	kinds := []func(context.Context, *unsolved, []*step) []*item{r.bounds, r.settings, r.dates, r.omissions}
	if len(r.pythons) > 0 { // one Python after the other would be tried for the sake of what is too new for as-of
		kinds[1], kinds[2] = kinds[2], kinds[1]
	}
	for _, kind := range kinds {
		var fresh []*item
		for _, i := range kind(ctx, u, facts) {
			if !slices.ContainsFunc(slices.Concat(r.items, fresh), func(o *item) bool { return o.key() == i.key() }) {
				fresh = append(fresh, i)
			}
		}
		if len(fresh) > 0 {
			return fresh
		}
	}
	return nil
}

// editable tells whether a requirement stands in the manifest's own file. Others are not edited: overrides stand in their place.
func (r *repairs) editable(req *manifest.Requirement) bool {
	return req.Pos.File == r.question.m.File && req.Pos.Line > 0
}

// original is a requirement, constraint or override as the manifest has it; nil for what the command line asks for, and for what
// was put in.
func (r *repairs) original(reason any) *manifest.Requirement {
	req, ok := reason.(*manifest.Requirement)
	if !ok || req == nil || req.Pos.Line == 0 {
		return nil
	}
	m := r.question.m
	for _, list := range [][]manifest.Requirement{m.Requirements, m.Constraints, m.Overrides} {
		for k := range list {
			if list[k].Pos == req.Pos {
				return &list[k]
			}
		}
	}
	return nil
}

// requiredOf is what the manifest asks of a project, nil for nothing; one with bounds goes before others.
func (r *repairs) requiredOf(name string) *manifest.Requirement {
	var found *manifest.Requirement
	m := r.question.m
	for k := range m.Requirements {
		if x := &m.Requirements[k]; x.Name == name && (found == nil || found.Specifiers.Len() == 0) {
			found = x
		}
	}
	return found
}

// bounds are names and bounds.
func (r *repairs) bounds(ctx context.Context, u *unsolved, facts []*step) []*item {
	var out []*item
	for _, f := range facts {
		if f.Kind != pubgrub.Dependency && f.Kind != pubgrub.Constraint {
			continue
		}
		name := f.Dep.Package.name
		req := r.original(f.Dep.Reason)
		switch {
		case f.Dep.Package == toolkit || f.Package == toolkit || f.Package.name == name:
			continue
		case req != nil && (len(req.Hashes) > 0 || req.Direct != nil):
			continue // the hashes are those of the version that is named
		case req != nil && u.asker.met[name].isMissing():
			if other := r.otherName(ctx, u, req); other != "" {
				out = append(out, &item{kind: renamed, name: name, req: req, text: other, why: u.asker.met[name].missing.text})
			}
			continue
		case req != nil && req.Specifiers.Len() == 0:
			continue
		case req != nil && r.editable(req):
			i := &item{kind: bounded, name: name, req: req}
			r.describe(i, u, facts)
			out = append(out, i)
			continue
		case req == nil && (f.Package == root || f.Dep.Set.IsFull()), req == nil && u.asker.met[name].isMissing():
			continue
		}
		i := &item{kind: overruled, name: name, req: req, wanted: pep440.Full()}
		if req == nil {
			i.wanted, i.req = f.Dep.Set, r.requiredOf(name)
			if i.req != nil && len(i.req.Hashes) > 0 {
				continue
			}
		}
		for _, other := range facts { // what all the others ask
			if other.Kind == pubgrub.Dependency && other.Package != root && other.Dep.Package.name == name && other.Package.name != name {
				i.wanted = i.wanted.Intersect(other.Dep.Set)
				_, single := other.Dep.Set.Single()
				i.strict = i.strict || single || strings.Contains(u.asker.object(other.Dep.Package, other.Dep.Set), "==")
			}
		}
		r.describe(i, u, facts)
		out = append(out, i)
	}
	return out
}

// otherName is the name that may be meant by one that no index has; "" for none.
func (r *repairs) otherName(ctx context.Context, u *unsolved, req *manifest.Requirement) string {
	if _, ok := rename(req, req.RawName); !ok || !r.editable(req) {
		return ""
	}
	for _, name := range alike(req.Name) {
		rel, err := u.asker.release(ctx, name)
		if err == nil && rel.missing == nil && u.asker.best(rel, name, pep440.FromSpecifiers(req.Specifiers)) != nil {
			return name
		}
	}
	return ""
}

// describe finds out what may be chosen in place of what is asked, and why it has to be.
func (r *repairs) describe(i *item, u *unsolved, facts []*step) {
	p := u.asker
	i.why = r.because(i, u, facts)
	rel := p.met[i.name]
	if rel == nil || rel.missing != nil {
		return
	}
	asked := i.asked()
	if i.req == nil {
		asked = i.wanted
	}
	i.anchors = anchorsOf(i, p, asked, rel)
	i.near = p.nearest(rel, i.name, i.anchors, asked, func(c *candidate) bool { return p.unusable(rel, c, i.name).kind == usable })
}

// anchorsOf are the versions that bounds name; where they name none, the newest that they admit.
func anchorsOf(i *item, p *provider, s pep440.Set, rel *release) []pep440.Version {
	var out []pep440.Version
	var specs pep440.Specifiers
	if i.req != nil {
		specs = i.req.Specifiers
	} else if text := p.written[i.name+"\x00"+s.Key()]; text != "" {
		specs, _ = pep440.ParseSpecifiers(text)
	}
	for _, one := range specs.All() {
		if one.Op() != pep440.NotEqual {
			out = append(out, one.Version())
		}
	}
	if len(out) == 0 {
		if c := newestIn(rel, s); c != nil {
			out = append(out, c.version)
		}
	}
	return out
}

// nearest are the versions of a project that are good, the nearest to anchors first: those of a set, then others of the same
// version without its label, of the same series, and so on; what has a wheel goes before what has to be built, then what is nearer
// in the list of versions, then the newer.
func (p *provider) nearest(rel *release, name string, anchors []pep440.Version, in pep440.Set, good func(*candidate) bool) []pep440.Version {
	type rated struct {
		v                 pep440.Version
		class, built, far int
	}
	var places []int
	for _, a := range anchors {
		places = append(places, sort.Search(len(rel.candidates), func(k int) bool { return !a.Less(rel.candidates[k].version) }))
	}
	var list []rated
	allow := p.policies.prereleasesOf(name) == manifest.Allow
	for k, c := range rel.candidates {
		if c.version.IsPrerelease() && !allow && !in.Contains(c.version) || !good(c) {
			continue
		}
		one := rated{v: c.version, class: anotherMajor, far: len(rel.candidates)}
		for n, a := range anchors {
			one.class = min(one.class, classOf(a, c.version))
			one.far = min(one.far, max(k-places[n], places[n]-k))
		}
		if in.Contains(c.version) {
			one.class, one.far = 0, k
		}
		if c.reason.kind == usable && c.file.Filename != "" && isSource(c) {
			one.built = 1
		}
		list = append(list, one)
	}
	slices.SortStableFunc(list, func(a, b rated) int {
		return cmp.Or(a.class-b.class, a.built-b.built, a.far-b.far)
	})
	var out []pep440.Version
	for _, one := range list {
		out = append(out, one.v)
	}
	return out
}

// settings are another Python, and pre-releases.
func (r *repairs) settings(_ context.Context, u *unsolved, facts []*step) []*item {
	var out []*item
	rem := &remedies{question: r.question, failed: u, facts: facts}
	if rem.kinds(isPrerelease) {
		for _, f := range facts {
			if why, _ := f.Reason.(reason); why.kind == isPrerelease {
				out = append(out, &item{kind: prereleased, name: f.Package.name, why: u.asker.fact(f)})
			}
		}
	}
	text, _, ok := quoted(r.question.m.Python.Pos)
	if !ok || rem.ownBase() || !rem.kinds(noWheel, needsPython) || !r.ownPython(text) || r.question.m.Python.Pos.File != r.question.m.File {
		return out
	}
	was := r.question.targets[0].Minor()
	all := Pythons(u.target.Platform)
	place := func(m string) int { return slices.Index(all, strings.TrimSuffix(m, "t")) }
	far := func(m string) int { i, at := place(m), place(was); return max(i-at, at-i) }
	order := otherPythons(u.asker.target)
	slices.Reverse(order) // of two that are as near, the newer first
	slices.SortStableFunc(order, func(a, b string) int { return far(a) - far(b) })
	for _, minor := range order {
		if r.pythons[minor] || minor == was || !rem.mayHelp(minor) {
			continue
		}
		if r.pythons == nil {
			r.pythons = map[string]bool{}
		}
		r.pythons[minor] = true
		i := &item{kind: otherPython, text: minor, why: r.lacking(u, facts, noWheel, needsPython)}
		if r.with([]*item{i}) == nil {
			continue
		}
		r.items = slices.DeleteFunc(r.items, func(o *item) bool { return o.kind == otherPython })
		return append(out, i)
	}
	return out
}

// ownPython tells whether project.python alone decides.
func (r *repairs) ownPython(text string) bool {
	u := &unsolved{target: r.question.targets[0]}
	return (&remedies{question: r.question, failed: u}).ownPython(text)
}

// lacking is what facts say of versions that are ruled out for one of the reasons.
func (r *repairs) lacking(u *unsolved, facts []*step, kinds ...reasonKind) string {
	var out []string
	for _, f := range facts {
		if why, ok := f.Reason.(reason); ok && slices.Contains(kinds, why.kind) {
			out = append(out, u.asker.fact(f))
		}
	}
	return strings.Join(out[:min(len(out), 2)], "; ")
}

// dates are exceptions from as-of.
func (r *repairs) dates(_ context.Context, u *unsolved, facts []*step) []*item {
	if r.question.policies.asOf.IsZero() {
		return nil
	}
	var out []*item
	for _, f := range facts {
		why, _ := f.Reason.(reason)
		rel := u.asker.met[f.Package.name]
		if why.kind != afterAsOf || rel == nil || rel.missing != nil || rel.direct != nil {
			continue
		}
		i := &item{kind: redated, name: f.Package.name, req: r.requiredOf(f.Package.name)}
		i.why = r.because(i, u, facts)
		in := i.asked()
		i.anchors = anchorsOf(i, u.asker, in, rel)
		i.near = u.asker.nearest(rel, i.name, i.anchors, in, func(*candidate) bool { return true })
		// Of the versions that are asked for, what was there first.
		slices.SortStableFunc(i.near, func(a, b pep440.Version) int {
			if x, y := in.Contains(a), in.Contains(b); x != y || !x {
				return 0
			}
			return u.asker.firstUpload(rel, rel.at(a)).Compare(u.asker.firstUpload(rel, rel.at(b)))
		})
		out = append(out, i)
	}
	return out
}

// firstUpload is when the first file of a candidate was uploaded, zero if that is not known.
func (c *catalogue) firstUpload(rel *release, v *candidate) time.Time {
	var first time.Time
	for _, f := range c.filesOf(rel, v) {
		if !f.Uploaded.IsZero() && (first.IsZero() || f.Uploaded.Before(first)) {
			first = f.Uploaded
		}
	}
	return first
}

// omissions are packages that nothing can be done about but to leave them out.
func (r *repairs) omissions(_ context.Context, u *unsolved, facts []*step) []*item {
	var out []*item
	for _, f := range facts {
		if f.Kind != pubgrub.Unavailable && f.Kind != pubgrub.NoVersions || f.Package == toolkit {
			continue
		}
		i := &item{kind: leftOut, name: f.Package.name, why: u.asker.fact(f)}
		if req := r.requiredOf(i.name); req != nil {
			i.req = req
			if r.editable(req) {
				if i.kind = dropped; !r.removable(req) {
					continue
				}
			}
		}
		out = append(out, i)
	}
	return out
}

// removable tells whether a requirement can be taken out of the manifest's text.
func (r *repairs) removable(req *manifest.Requirement) bool {
	_, ok := remove(req.Pos, true)
	return ok
}

// because is why something else has to stand in place of what is asked of a project: what is wrong with its versions, else who asks
// for others.
func (r *repairs) because(i *item, u *unsolved, facts []*step) string {
	var own, others []string
	p := u.asker
	for _, f := range facts {
		switch {
		case (f.Kind == pubgrub.Unavailable || f.Kind == pubgrub.NoVersions) && f.Package.name == i.name:
			own = append(own, p.fact(f))
		case f.Kind == pubgrub.Dependency && f.Package != root && f.Dep.Package.name == i.name && f.Package.name != i.name:
			others = append(others, fmt.Sprintf("%s needs %s", p.subject(f.Package, f.Set), p.object(f.Dep.Package, f.Dep.Set)))
		case f.Kind == pubgrub.Dependency && f.Package.name == i.name && f.Dep.Package.name != i.name && i.kind == bounded:
			others = append(others, fmt.Sprintf("%s needs %s", p.subject(f.Package, f.Set), p.object(f.Dep.Package, f.Dep.Set)))
		case f.Package == root && f.Dep.Package.name == i.name && i.kind == overruled && i.req != nil && r.original(f.Dep.Reason) != i.req:
			others = append(others, "the manifest asks for "+p.object(f.Dep.Package, f.Dep.Set))
		}
	}
	list := append(own, others...)
	return strings.Join(list[:min(len(list), 2)], "; ")
}
