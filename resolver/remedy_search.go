package resolver

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pubgrub"
)

// required are the manifest's requirements and constraints among the facts, and overrides in place of the bounds that they
// replace; each once.
func (r *remedies) required() []*manifest.Requirement {
	var out []*manifest.Requirement
	add := func(req *manifest.Requirement) {
		if req != nil && req.Pos.Line > 0 && !slices.Contains(out, req) { // not what the command line asks for
			out = append(out, req)
		}
	}
	for _, f := range r.demands() {
		if req, ok := f.Dep.Reason.(*manifest.Requirement); ok && r.question.policies.override(f.Dep.Package.name) == nil {
			add(req)
		}
	}
	for _, name := range r.wanted() {
		add(r.question.policies.override(name))
	}
	return out
}

// with is the question with a requirement or constraint changed, or left out if change is nil; listed tells that it is a
// requirement.
func (r *remedies) with(req *manifest.Requirement, change func(*manifest.Requirement)) (q *question, listed bool) {
	q = r.question.variant()
	was := [][]manifest.Requirement{r.question.m.Requirements, r.question.m.Constraints, r.question.m.Overrides}
	for k, list := range []*[]manifest.Requirement{&q.m.Requirements, &q.m.Constraints, &q.m.Overrides} {
		for i := range *list {
			if &was[k][i] != req {
				continue
			}
			if change == nil {
				*list = slices.Delete(*list, i, i+1)
				q.policies.mapOverrides()
			} else {
				change(&(*list)[i])
			}
			return q, k == 0
		}
	}
	return nil, false
}

// bounds tries to move the bounds of each requirement as far as necessary, and to leave it out where no bounds do.
func (r *remedies) bounds(ctx context.Context) {
	for _, req := range r.required() {
		if len(req.Hashes) > 0 {
			continue // they are those of the version that is named
		}
		free, listed := r.with(req, func(x *manifest.Requirement) { x.Specifiers = pep440.Specifiers{} })
		if free == nil {
			continue
		}
		near := r.near(req)
		if v := r.next(req, near); !v.IsZero() && r.bound(ctx, req, v, near) {
			continue
		}
		free.nearest = map[string][]pep440.Version{req.Name: near}
		var done []*solved
		if req.Specifiers.Len() > 0 {
			done = r.try(ctx, free)
		}
		if v := chosenOf(done, req.Name); !v.IsZero() && r.bound(ctx, req, v, near) {
			continue
		}
		if !listed && done == nil {
			continue
		}
		less, _ := r.with(req, nil)
		if e, ok := remove(req.Pos, listed); ok {
			if done := r.try(ctx, less); done != nil {
				_, was, _, ok := respecify(req, "")
				if !ok {
					was = req.Requirement.String()
				}
				r.offer(dropping, e, "without "+was+" it resolves", "")
			}
		}
	}
}

// next is the nearest version that a requirement rules out and that can be used; zero for none.
func (r *remedies) next(req *manifest.Requirement, near []pep440.Version) pep440.Version {
	p, s := r.failed.asker, pep440.FromSpecifiers(req.Specifiers)
	rel := p.met[req.Name]
	for _, v := range near {
		if c := rel.at(v); !s.Contains(v) && c != nil && p.unusable(rel, c, req.Name).kind == usable {
			return v
		}
	}
	return pep440.Version{}
}

// chosenOf is the version that an answer has of a project; zero for none.
func chosenOf(done []*solved, name string) pep440.Version {
	for _, s := range done {
		if v, there := s.versions[name]; there {
			return v
		}
	}
	return pep440.Version{}
}

// bound offers the bounds that admit a version, if they resolve.
func (r *remedies) bound(ctx context.Context, req *manifest.Requirement, v pep440.Version, near []pep440.Version) bool {
	for _, text := range []string{loosened(req.Specifiers, v), "==" + v.String()} {
		specs, err := pep440.ParseSpecifiers(text)
		e, was, is, ok := respecify(req, text)
		if err != nil || !ok {
			continue
		}
		q, _ := r.with(req, func(x *manifest.Requirement) { x.Specifiers = specs })
		if got := r.try(ctx, q); got != nil {
			if chosenOf(got, req.Name).IsPrerelease() && r.question.policies.prereleasesOf(req.Name) != manifest.Allow && !specs.MentionsPrerelease() {
				continue // that nothing else of these versions will do is not what is wanted
			}
			far := slices.IndexFunc(near, v.Equal)
			r.offer(bounding+min(max(far, 0)*10/(len(near)+1), 9), e, is+" instead of "+was+" resolves", with(got, req.Name))
			return true
		}
	}
	return false
}

// near are the versions of a requirement's project, those that are nearest to what it asks for first.
func (r *remedies) near(req *manifest.Requirement) []pep440.Version {
	rel := r.failed.asker.met[req.Name]
	if rel == nil || rel.missing != nil {
		return nil
	}
	s := pep440.FromSpecifiers(req.Specifiers)
	var in []int
	for i, c := range rel.candidates {
		if s.Contains(c.version) {
			in = append(in, i)
		}
	}
	if all := req.Specifiers.All(); len(in) == 0 && len(all) > 0 {
		in = []int{sort.Search(len(rel.candidates), func(i int) bool { return rel.candidates[i].version.Less(all[0].Version()) })}
	}
	far := func(i int) int {
		least := len(rel.candidates)
		for _, k := range in {
			least = min(least, max(i-k, k-i))
		}
		return least
	}
	var order []int
	for i, c := range rel.candidates {
		if !c.version.IsPrerelease() || r.question.policies.prereleasesOf(req.Name) == manifest.Allow {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return far(a) - far(b) })
	var out []pep440.Version
	for _, i := range order {
		out = append(out, rel.candidates[i].version)
	}
	return out
}

// names tries names that are like one that no index has.
func (r *remedies) names(ctx context.Context) {
	for _, req := range r.required() {
		if !slices.ContainsFunc(r.facts, func(f *step) bool {
			_, missing := f.Reason.(*noProject)
			why, _ := f.Reason.(reason)
			return f.Package.name == req.Name && (missing || why.kind == onlySdist && importNames[req.Name] != "")
		}) {
			continue
		}
		for _, name := range alike(req.Name) {
			e, ok := rename(req, name)
			q, listed := r.with(req, func(x *manifest.Requirement) { x.Name, x.RawName = name, name })
			if !ok || !listed {
				break
			}
			if done := r.try(ctx, q); done != nil {
				r.offer(renaming, e, fmt.Sprintf("%s instead of %s resolves", name, req.RawName), with(done, name))
				break
			}
		}
	}
}

// yanked tries to name a version exactly that was taken back.
func (r *remedies) yanked(ctx context.Context) {
	for _, req := range r.required() {
		for _, f := range r.facts {
			why, _ := f.Reason.(reason)
			if f.Kind != pubgrub.Unavailable || f.Package.name != req.Name || why.kind != wasYanked {
				continue
			}
			c := newestIn(r.failed.asker.met[req.Name], f.Set.Intersect(pep440.FromSpecifiers(req.Specifiers)))
			if c == nil {
				continue
			}
			specs, err := pep440.ParseSpecifiers("==" + c.version.String())
			e, was, is, ok := respecify(req, "=="+c.version.String())
			q, _ := r.with(req, func(x *manifest.Requirement) { x.Specifiers = specs })
			if err == nil && ok && r.try(ctx, q) != nil {
				r.offer(admitting, e, is+" instead of "+was+" resolves", "with a version that its authors took back")
			}
		}
	}
}

// prereleases tries to admit them.
func (r *remedies) prereleases(ctx context.Context) {
	pos := r.question.m.Places.Prereleases
	if !r.kinds(isPrerelease) || pos.IsZero() {
		return
	}
	q := r.question.variant()
	q.m.Prereleases = manifest.IfNecessary
	if done := r.try(ctx, q); done != nil {
		e := edit{pos, written(pos), fmt.Sprintf("%q", manifest.IfNecessary)}
		r.offer(admitting, e, fmt.Sprintf("prereleases = %q resolves", manifest.IfNecessary), with(done, r.wanted()...))
	}
}

// dates looks for the first day with an answer.
func (r *remedies) dates(ctx context.Context) {
	pos := r.question.m.Places.AsOf
	if !r.kinds(afterAsOf, noUploadTime) || pos.IsZero() {
		return
	}
	asked := func(at time.Time) []*solved {
		q := r.question.variant()
		q.policies.asOf = at
		return r.try(ctx, q)
	}
	seen := map[time.Time]bool{}
	for _, name := range r.wanted() {
		rel, err := r.failed.asker.release(ctx, name)
		if err != nil || rel.missing != nil {
			continue
		}
		files, err := rel.project.Files.List()
		if err != nil {
			return
		}
		for _, f := range files {
			if day := lastSecond(f.Uploaded); f.Uploaded.After(r.question.policies.asOf) {
				seen[day] = true
			}
		}
	}
	var days []time.Time
	for day := range seen {
		days = append(days, day)
	}
	slices.SortFunc(days, time.Time.Compare)
	// What had an answer has one later too. Other projects' files may be needed besides, on other days: then the last day
	// has no answer either, and none is offered.
	var best []*solved
	at := sort.Search(len(days), func(i int) bool {
		done := asked(days[i])
		if done != nil {
			best = done
		}
		return done != nil
	})
	if at < len(days) && best != nil {
		day := days[at].Format(time.DateOnly)
		r.offer(movingDate, edit{pos, written(pos), day}, "as-of = "+day+" resolves", with(best, r.wanted()...))
	}
}

// lastSecond is the end of a day, as as-of means it.
func lastSecond(t time.Time) time.Time {
	return t.UTC().Truncate(24 * time.Hour).Add(24*time.Hour - time.Second)
}

// bindings tries to take a package from the indexes that serve any, which is bound to one that does not have it.
func (r *remedies) bindings(ctx context.Context) {
	set, ok := r.question.sources.Packages.(*index.Set)
	if !ok {
		return
	}
	for _, f := range r.facts {
		gone, _ := f.Reason.(*noProject)
		if gone == nil || !gone.bound {
			continue
		}
		for _, x := range r.question.m.Indexes {
			i := slices.Index(x.Packages, f.Package.name)
			if i < 0 || i >= len(x.PackagesPos) {
				continue
			}
			e, ok := remove(x.PackagesPos[i], true)
			q := r.question.variant()
			q.sources.Packages = set.Unbound(f.Package.name)
			if done := r.try(ctx, q); ok && len(x.Packages) > 1 && done != nil {
				r.offer(admitting, e, fmt.Sprintf("without %s among the packages of [[index]] %s it resolves", f.Package.name, x.Name), with(done, f.Package.name))
			}
		}
	}
}

// platforms tries to leave the platform out that has no answer.
func (r *remedies) platforms(ctx context.Context) {
	q := r.question.variant()
	q.targets = slices.DeleteFunc(slices.Clone(q.targets), func(t *target) bool { return t == r.failed.target })
	platform := r.failed.target.Platform
	e, ok := remove(r.question.m.Places.Platforms[platform], true)
	if len(q.targets) == 0 || !ok {
		return
	}
	if r.try(ctx, q) != nil {
		r.offer(dropping, e, "without "+platform+" it resolves", "")
	}
}
