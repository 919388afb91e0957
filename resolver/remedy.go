package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/pubgrub"
)

// remedies looks for single changes of a manifest that give an answer where there is none. Each is tried: what is offered
// was resolved, for all platforms.
type remedies struct {
	question *question
	failed   *unsolved
	facts    []*step
	found    []remedy
	tries    int
	cut      bool // the search ended before all was tried
}

// remedy is a change that gives an answer.
type remedy struct {
	change diag.Change
	size   int // how much is changed, for the order
}

// The sizes of changes: what is least first.
const (
	renaming = 10 * (iota + 1)
	bounding
	movingPython
	movingDate
	admitting // pre-releases, or a version that was yanked
	movingDistro
	dropping
)

const (
	// searchTries, searchTime and, for one of them, tryTime bound the search. The first is what usually ends it, so that the same index gives the same
	// answer on every machine.
	searchTries = 40
	searchTime  = 12 * time.Second
	tryTime     = 5 * time.Second
	// shownRemedies are how many changes become hints; all are in the error.
	shownRemedies = 3
)

// search tries all kinds of changes that can matter for the facts.
func (r *remedies) search(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, searchTime)
	defer stop()
	for _, kind := range []func(context.Context){r.names, r.gpus, r.bounds, r.yanked, r.prereleases, r.bindings, r.dates, r.pythons, r.withoutBase, r.distributions, r.platforms} {
		kind(ctx)
	}
	slices.SortStableFunc(r.found, func(a, b remedy) int { return a.size - b.size })
}

// try asks a variant; nil: it has no answer, or the search is over.
func (r *remedies) try(ctx context.Context, q *question) []*solved {
	if r.tries >= searchTries || ctx.Err() != nil {
		r.cut = true
		return nil
	}
	r.tries++
	ctx, stop := context.WithTimeout(ctx, tryTime)
	defer stop()
	done, err := q.answer(ctx)
	if err != nil {
		r.cut = r.cut || ctx.Err() != nil
		return nil
	}
	return done
}

// offer adds a change that gave an answer.
func (r *remedies) offer(size int, e edit, text, outcome string) {
	if outcome != "" {
		text += ", " + outcome
	}
	r.found = append(r.found, remedy{e.change(text), size})
}

// hints are the least changes, a line each. That it resolves without the only package that cannot be had goes without saying.
func (r *remedies) hints() []string {
	var out []string
	for _, f := range r.found {
		if len(out) == shownRemedies || f.size >= dropping && len(r.required()) == 1 && len(r.question.targets) == 1 {
			break
		}
		out = append(out, fmt.Sprintf("%s (%s:%d:%d)", f.change.Description, f.change.File, f.change.Line, f.change.Column))
	}
	return out
}

// none says that nothing was found.
func (r *remedies) none() string {
	if r.cut {
		tries := fmt.Sprintf("%d tries", r.tries)
		if r.tries == 1 {
			tries = "one try"
		}
		return "the search for changes that resolve was ended after " + tries + ", before all were tried"
	}
	return fmt.Sprintf("no single change that was tried (%d) gives an answer", r.tries)
}

// kinds tells whether versions are ruled out for one of the reasons.
func (r *remedies) kinds(kinds ...reasonKind) bool {
	return slices.ContainsFunc(r.facts, func(f *step) bool {
		why, ok := f.Reason.(reason)
		return ok && slices.Contains(kinds, why.kind)
	})
}

// outcome names the versions that an answer has of some projects: "numpy 1.26.4".
func outcome(done []*solved, names ...string) string {
	for _, s := range done {
		var list []string
		for _, name := range names {
			if v, ok := s.versions[name]; ok && len(list) < 3 {
				list = append(list, name+" "+v.String())
			}
		}
		if len(list) > 0 {
			return strings.Join(list, ", ")
		}
	}
	return ""
}

// wanted are the projects that the facts are about, in their order.
func (r *remedies) wanted() []string {
	var out []string
	for _, f := range r.facts {
		for _, q := range []pkg{f.Package, f.Dep.Package} {
			if q != root && q != toolkit && !slices.Contains(out, q.name) {
				out = append(out, q.name)
			}
		}
	}
	return out
}

// demands are the facts that stand in the manifest: its requirements and constraints.
func (r *remedies) demands() []*step {
	var out []*step
	for _, f := range r.facts {
		if f.Package == root && (f.Kind == pubgrub.Dependency || f.Kind == pubgrub.Constraint) {
			out = append(out, f)
		}
	}
	return out
}

// with is outcome as a description has it.
func with(done []*solved, names ...string) string {
	if text := outcome(done, names...); text != "" {
		return "with " + text
	}
	return ""
}
