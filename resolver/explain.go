package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pubgrub"
)

type (
	noSolution = pubgrub.NoSolutionError[pkg, pep440.Set]
	step       = pubgrub.Incompatibility[pkg, pep440.Set]
)

func manifestError(r manifest.Requirement, err error) error {
	return diag.Wrap(err, diag.Manifest, "requirement %s", r.Requirement).At(r.Pos)
}

// explain turns the solver's proof into an error for people: the facts that are needed, each once, from the manifest's
// requirements to what cannot be had.
// placed tells that it names the places of the requirements that take part.
func (p *provider) explain(e *noSolution, facts []*step) (out *diag.Error, placed bool) {
	text := p.direct(facts)
	placed = true
	if text == "" {
		if a, u := newAccount(facts); u != nil {
			text = (&teller{p, a}).tell(u)
		}
	}
	if text == "" {
		placed = false
		text = pubgrub.Explain(e, pubgrub.Formatter[pkg, pep440.Set]{
			Subject: p.subject, Object: p.object, Fact: p.fact,
			Failure: "the manifest's requirements cannot all be met",
		})
	}
	for _, sentence := range slices.Concat(p.overriddenIn(facts), p.misreadIn(facts), mixed(facts)) {
		text = strings.TrimRight(text, "\n") + "\n" + sentence + "."
	}
	out = diag.New(diag.NoAnswer, "no set of packages satisfies the manifest for %s, Python %s:\n%s",
		p.target.Platform, p.target.Version(), indent(text))
	if r := p.culprit(facts); r != nil {
		out = out.At(r.Pos)
		if p.refusedByHash(facts, r.Name) && !p.hashPos[r.Name].IsZero() {
			out = out.At(p.hashPos[r.Name])
		}
	}
	return out, placed
}

// facts are those from which the failure follows, as few and as simple as possible. Where versions need many sets of
// another project, that is the interval from the least to the last, if this is enough. It also sees to it that what is said
// of projects does not depend on what happened to be read ahead.
func (p *provider) facts(ctx context.Context, e *noSolution) []*step {
	facts := plainly(p.pinned(pubgrub.Core(e)))
	for _, f := range facts {
		for _, q := range []pkg{f.Package, f.Dep.Package} {
			if q == root || p.met[q.name] != nil {
				continue
			}
			if r, err := p.release(ctx, q.name); err == nil { // else it is named by the bounds alone
				p.met[q.name] = r
			}
		}
	}
	for i, f := range facts {
		wide := *f
		if f.Kind != pubgrub.Dependency || f.Package.name == f.Dep.Package.name || f.Dep.Package == toolkit || f.Dep.Set.Equal(f.Dep.Set.Hull()) {
			continue
		}
		wide.Dep.Set = f.Dep.Set.Hull()
		wide.Terms = slices.Clone(f.Terms)
		for k, t := range wide.Terms {
			if !t.Positive {
				wide.Terms[k].Set = wide.Dep.Set
			}
		}
		all := slices.Clone(facts)
		if all[i] = &wide; pubgrub.Contradictory(root, all) {
			facts = all
			p.writtenWithout(f.Dep.Package.name, f.Dep.Set, wide.Dep.Set)
		}
	}
	return facts
}

// writtenWithout lets a wider set be named as a requirement is written, without its exclusions.
func (p *provider) writtenWithout(name string, s, wide pep440.Set) {
	var kept []string
	for text := range strings.SplitSeq(p.written[name+"\x00"+s.Key()], ",") {
		if !strings.HasPrefix(text, pep440.NotEqual.String()) {
			kept = append(kept, text)
		}
	}
	text := strings.Join(kept, ",")
	if specs, err := pep440.ParseSpecifiers(text); err == nil && text != "" && pep440.FromSpecifiers(specs).Equal(wide) {
		p.written[name+"\x00"+wide.Key()] = text
	}
}

// direct is the one sentence that is enough if a requirement of the manifest cannot be met by itself,
// "" if there is more to say.
func (p *provider) direct(facts []*step) string {
	if len(facts) != 2 {
		return ""
	}
	for i, wanted := range facts {
		if wanted.Kind != pubgrub.Dependency || wanted.Package != root {
			continue
		}
		not := facts[1-i]
		if not.Package == wanted.Dep.Package && (not.Kind == pubgrub.Unavailable || not.Kind == pubgrub.NoVersions) {
			return fmt.Sprintf("The project depends on %s, but %s.", p.object(wanted.Dep.Package, wanted.Dep.Set), p.fact(not))
		}
	}
	return ""
}

// culprit is the manifest's requirement that the failure can be put down to, nil if several have
// a part in it.
func (p *provider) culprit(facts []*step) *manifest.Requirement {
	var found *manifest.Requirement
	for _, f := range facts {
		r, ok := f.Dep.Reason.(*manifest.Requirement)
		if !ok {
			continue
		}
		if found != nil && found != r && found.Name != r.Name {
			return nil
		}
		if found == nil {
			found = r
		}
	}
	return found
}

// object names versions of a package of which something is said: as a requirement wrote them, or
// else by the versions that there are: "torch 2.4.0", "numpy>=2,<3", "scipy".
func (p *provider) object(q pkg, s pep440.Set) string {
	if q == root || s.IsFull() {
		return q.String()
	}
	if text := p.written[q.name+"\x00"+s.Key()]; text != "" {
		return q.String() + text
	}
	text, all := p.versions(q, s)
	if all {
		return q.String()
	}
	return text
}

// subject names versions of a package that do something.
func (p *provider) subject(q pkg, s pep440.Set) string {
	if q == root {
		return q.String()
	}
	text, all := p.versions(q, s)
	if all {
		return "every version of " + q.String()
	}
	return text
}

// versions names the versions of a package that exist and are in a set: one by its number, others as
// ranges of those that exist; all tells whether there are no others, and more than one.
func (p *provider) versions(q pkg, s pep440.Set) (text string, all bool) {
	r := p.met[q.name]
	if r == nil {
		return q.String() + bounds(s.String()), s.IsFull()
	}
	var runs [][2]int // first and last index, newest first
	count := 0
	for i, c := range r.candidates {
		switch {
		case !s.Contains(c.version):
			continue
		case len(runs) > 0 && runs[len(runs)-1][1] == i-1:
			runs[len(runs)-1][1] = i
		default:
			runs = append(runs, [2]int{i, i})
		}
		count++
	}
	last := len(r.candidates) - 1
	switch {
	case count == 0:
		return q.String() + bounds(s.String()), s.IsFull()
	case count == len(r.candidates) && count > 1:
		return "every version of " + q.String(), true
	case len(runs) > 3:
		oldest, newest := r.candidates[runs[len(runs)-1][1]].version, r.candidates[runs[0][0]].version
		return fmt.Sprintf("%s %s to %s (%d versions)", q, oldest, newest, count), false
	}
	var parts []string
	for _, run := range slices.Backward(runs) {
		from, to := r.candidates[run[1]].version.String(), r.candidates[run[0]].version.String()
		switch {
		case run[0] == run[1]:
			parts = append(parts, " "+from)
		case run[0] == 0:
			parts = append(parts, ">="+from)
		case run[1] == last:
			parts = append(parts, "<="+to)
		default:
			parts = append(parts, ">="+from+",<="+to)
		}
	}
	if len(parts) == 1 {
		return q.String() + parts[0], false
	}
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return q.String() + " " + strings.Join(parts, " | "), false
}

// bounds puts a blank before what would not be read as one condition.
func bounds(set string) string {
	if strings.Contains(set, "|") || !strings.ContainsAny(set, "<>=!~") {
		return " " + set
	}
	return set
}

// fact words what the solver did not derive. Dependencies are worded by the solver's package, which
// can join several.
func (p *provider) fact(f *step) string {
	q := f.Package
	switch f.Kind {
	case pubgrub.Unavailable:
		why, ok := f.Reason.(reason)
		if !ok {
			return ""
		}
		versions, all := p.versions(pkg{name: q.name}, f.Set)
		r := p.met[q.name]
		if newest := newestIn(r, f.Set); why.kind == noWheel && newest != nil {
			return p.noWheelClause(q.name, versions, all || len(r.candidates) == 1, r, newest)
		}
		return why.clause(q.name, versions, all) + p.ownHashes(why, q.name, f.Set)
	case pubgrub.NoVersions:
		if why, ok := f.Reason.(*noProject); ok {
			return why.text
		}
		r := p.met[q.name]
		switch {
		case r == nil || len(r.candidates) == 0:
			return "there is no version of " + q.name
		case r.direct != nil:
			return r.comes(q.name)
		}
		where := ""
		if r.project != nil && indexName(r.project.IndexName) != "" { // the first index that has a package hides it in the others
			where = " on the index " + r.project.IndexName
		}
		return fmt.Sprintf("there is no %s%s (the newest version is %s)", p.object(pkg{name: q.name}, f.Set), where, r.candidates[0].version)
	case pubgrub.Constraint:
		if q == root && asked(f.Dep.Reason) {
			return "what is asked for is " + p.object(f.Dep.Package, f.Dep.Set)
		}
		if q == root {
			return "the constraints allow only " + p.object(f.Dep.Package, f.Dep.Set)
		}
	}
	return ""
}

// asked tells whether a bound is no file's but of [Options.Require].
func asked(reason any) bool {
	r, ok := reason.(*manifest.Requirement)
	return ok && r.Pos.File != "" && r.Pos.Line == 0
}

// supposed tells whether a bound is one that [ExplainVersion] tries.
func supposed(reason any) bool {
	r, ok := reason.(*manifest.Requirement)
	return ok && r.Pos == supposition
}

func newestIn(r *release, s pep440.Set) *candidate {
	if r != nil {
		for _, c := range r.candidates {
			if s.Contains(c.version) {
				return c
			}
		}
	}
	return nil
}

func indent(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = "  " + line
		}
	}
	return strings.Join(lines, "\n")
}
