package resolver

import (
	"context"
	"fmt"
	"slices"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep440"
)

// bounds are what the manifest and the other packages of the lock ask of the package's version.
func (x *examiner) bounds(ctx context.Context, s *solved) ([]Bound, error) {
	list := []Bound{}
	if o := s.provider.policies.override(x.name); o != nil { // whatever else is asked does not count
		return append(list, Bound{
			Text: o.Name + readable(o.Specifiers), Kind: "override", Where: o.Pos.String(), Pos: o.Pos, set: pep440.FromSpecifiers(o.Specifiers),
		}), nil
	}
	for _, from := range []struct {
		kind string
		list []manifest.Requirement
	}{{"requirement", x.m.Requirements}, {"constraint", x.m.Constraints}} {
		for _, r := range from.list {
			ok, err := s.target.applies(r.Marker, "")
			if err != nil {
				return nil, manifestError(r, err)
			}
			if ok && r.Name == x.name {
				list = append(list, Bound{
					Text: r.Name + readable(r.Specifiers), Kind: from.kind, Where: r.Pos.String(), Pos: r.Pos, set: pep440.FromSpecifiers(r.Specifiers),
				})
			}
		}
	}
	platform := s.target.Platform
	g := x.lock.Graph(platform)
	for _, at := range g.Find(x.name) {
		seen := map[int]bool{}
		for _, e := range g.In[at] {
			if e.From == 0 || seen[e.From] {
				continue
			}
			seen[e.From] = true
			more, err := x.boundsOf(ctx, s, g.Nodes[e.From].Name, extrasOf(g.In[e.From]))
			if err != nil {
				return nil, err
			}
			list = append(list, more...)
		}
	}
	return list, nil
}

// boundsOf are those of one package of the lock, with its extras.
func (x *examiner) boundsOf(ctx context.Context, s *solved, name string, extras []string) ([]Bound, error) {
	p := installedOn(x.lock, name, s.target.Platform)
	v, err := pep440.Parse(p.Version)
	if err != nil {
		return nil, err
	}
	if p.Direct() {
		return []Bound{{By: name + " " + p.Version, Text: x.name, Kind: "requirement", set: pep440.Full()}}, nil
	}
	meta, err := s.provider.metadata(ctx, name, v)
	if err != nil {
		return nil, fmt.Errorf("%s %s, which needs %s: %w", name, p.Version, x.name, err)
	}
	kind, where := "requirement", diag.Position{}
	if replaced := x.m.Policies.Of(name, v); replaced != nil && replaced.NewRequires {
		kind, where = "metadata", replaced.Pos
	}
	var list []Bound
	for _, extra := range append([]string{""}, extras...) {
		requirements, _ := s.provider.requirements(meta, extra)
		for _, r := range requirements {
			b := Bound{By: name + " " + p.Version, Text: r.Name + readable(r.Specifiers), Kind: kind, Pos: where, set: pep440.FromSpecifiers(r.Specifiers)}
			if !where.IsZero() {
				b.Where = where.String()
			}
			if r.Name == x.name && !slices.ContainsFunc(list, b.says) {
				list = append(list, b)
			}
		}
	}
	return list, nil
}

// extrasOf are those that any of some edges asks for.
func extrasOf(edges []lockfile.Edge) []string {
	var all []string
	for _, e := range edges {
		all = append(all, e.Extras...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// maxTried bounds how many versions are solved with one by one.
const maxTried = 40

// trial is what solving with one version has given.
type trial struct {
	proof   string  // that there is no solution
	without *solved // a solution that the package is not in
}

// conflicts finds out which of the versions that could be used by themselves there is a lock with. They are above what
// locking again takes, and newest first.
func (x *examiner) conflicts(ctx context.Context, w *Why, open []pep440.Version, g *grouping) error {
	var best *solved // with the newest version that there is a lock with
	trials := map[string]trial{}
	rest, all := open, true // whether what is left is to be tried at once
	for len(rest) > 0 && len(trials) < maxTried {
		last := rest[len(rest)-1]
		spec := "==" + last.String()
		if all {
			spec = ">=" + last.Public().String()
		}
		s, proof, err := x.with(ctx, w.Platform, spec)
		if err != nil {
			return err
		}
		if s == nil && all { // nor is there one with any of them
			trials[rest[0].String()], rest = trial{proof: proof}, nil
			break
		}
		if s != nil {
			if at := slices.IndexFunc(rest, s.versions[x.name].Equal); at >= 0 {
				best, rest, all = s, rest[:at], true
				continue
			}
		}
		if !all {
			trials[last.String()] = trial{proof, s}
			rest = rest[:len(rest)-1]
		}
		all = false // what was found is none of these, such as a pre-release: they are tried one by one
	}
	for _, v := range open {
		t := trials[v.String()]
		key, n := x.excluded(w, v)
		switch {
		case t.proof == "" && t.without == nil && best != nil && !best.versions[x.name].Less(v):
			takes := best.versions[x.name].String()
			n.Kind, n.Takes, n.Moves = KindMoves, takes, x.moves(best)
			n.because("others would have to move")
		case t.without != nil:
			n.Kind, n.Moves = KindWithout, x.moves(t.without)
			n.because("only where others move so that nothing needs " + x.name)
		case slices.ContainsFunc(rest, v.Equal):
			n.Kind = KindUntried
			n.because("not tried, since there are so many versions")
		default:
			n.Kind, n.Proof = KindConflict, t.proof
			if n.Reason == "" {
				n.because("there is no solution with it")
			}
			if n.Proof == "" && !g.has(n.Kind+key) {
				var err error
				if _, n.Proof, err = x.with(ctx, w.Platform, "=="+v.String()); err != nil {
					return err
				}
			}
		}
		g.add(n.Kind+key, v, n)
	}
	return nil
}

// excluded is a version with the bounds of the lock that exclude it, and a key of these.
func (x *examiner) excluded(w *Why, v pep440.Version) (key string, n Newer) {
	for _, b := range w.Bounds {
		if !b.set.Contains(v) {
			n.Bounds = append(n.Bounds, b)
			key += "\x00" + b.By + b.Text + b.Where
			n.because(b.String())
		}
	}
	return key, n
}

// because adds to the reason.
func (n *Newer) because(text string) {
	if n.Reason != "" {
		text = n.Reason + "; " + text
	}
	n.Reason = text
}

// String is "scipy 1.17.1 needs numpy<2.7", where the manifest says so in its place with its place there, or for the manifest "envpack.toml:5:17 asks for numpy<2".
func (b Bound) String() string {
	switch {
	case b.Kind == "metadata":
		return b.By + " needs " + b.Text + " by [metadata] (" + b.Where + ")"
	case b.By != "":
		return b.By + " needs " + b.Text
	case b.Kind == "override":
		return b.Where + " overrides all bounds with " + b.Text
	case b.Kind == "constraint":
		return b.Where + " constrains " + b.Text
	}
	return b.Where + " asks for " + b.Text
}

// grouping collects versions, newest first, by their reason.
type grouping struct {
	order  []string
	groups map[string]*Newer
}

func (g *grouping) has(key string) bool { return g.groups[key] != nil }

func (g *grouping) add(key string, v pep440.Version, n Newer) {
	if g.groups == nil {
		g.groups = map[string]*Newer{}
	}
	if g.groups[key] == nil {
		g.groups[key] = &n
		g.order = append(g.order, key)
	}
	g.groups[key].Versions = append(g.groups[key].Versions, v.String())
}

// list is in the order of the newest version of each group.
func (g *grouping) list() []Newer {
	list := []Newer{}
	for _, key := range g.order {
		list = append(list, *g.groups[key])
	}
	slices.SortStableFunc(list, func(a, b Newer) int {
		x, _ := pep440.Parse(a.Versions[0])
		y, _ := pep440.Parse(b.Versions[0])
		return y.Compare(x)
	})
	return list
}
