package resolver

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep440"
)

// question is what is asked when packages are resolved. Variants of it are asked to find out what would give an answer.
type question struct {
	m        *manifest.Manifest
	targets  []*target
	sources  Sources
	policies *policies
	options  Options
	nearest  map[string][]pep440.Version // by project, versions to try before others; nil for none
}

// unsolved is the error of a question without an answer for one target.
type unsolved struct {
	target *target
	asker  *provider
	proof  *noSolution
}

func (u *unsolved) Error() string { return u.proof.Error() }

// answer solves for every target. Errors: *unsolved; those of the sources.
func (q *question) answer(ctx context.Context) ([]*solved, error) {
	var done []*solved
	for _, t := range q.targets {
		if q.options.Progress != nil {
			q.options.Progress("resolving packages for " + t.Platform)
		}
		prefer := newPreferences(q.options, t, done)
		for name, list := range q.nearest {
			prefer.versions[name] = list
		}
		s, err := solve(ctx, q.m, t, q.sources, q.policies, prefer, q.options)
		if err != nil {
			return nil, err
		}
		done = append(done, s)
	}
	return done, nil
}

// built answers the question, and has the wheels of the answer built that there are none of. Where one needs something else than was
// thought, the question is answered again.
func (q *question) built(ctx context.Context, lock *lockfile.Lock) ([]*solved, error) {
	w := q.options.workshop
	defer w.report()
	for {
		done, err := q.measured(ctx, lock)
		again := false
		if err == nil && w != nil {
			again, err = w.build(ctx, done)
		}
		if q.options.Repair && q.policies.broken.note(ctx, w, err) {
			forgetCUDA(lock)
			continue
		}
		if err != nil {
			return nil, q.instead(ctx, err)
		}
		if !again {
			return done, nil
		}
		forgetCUDA(lock)
	}
}

// instead says of a build that failed what would do without it: other versions, which have wheels, or changes of the manifest. Each was
// tried. Other errors are given back.
func (q *question) instead(ctx context.Context, err error) error {
	var failed *unmade
	if !errors.As(err, &failed) || ctx.Err() != nil {
		return err
	}
	out := diag.Wrap(err, 0, "")
	v := q.variant()
	v.options.NoBuild, v.options.DeferBuilds, v.options.workshop = true, false, nil
	trying, stop := context.WithTimeout(ctx, searchTime)
	defer stop()
	done, none := v.answer(trying)
	switch {
	case none == nil:
		return out.Hint("`envpack lock --no-build` resolves, %s", cmp.Or(outcome(done, failed.name), "without "+failed.name))
	case errors.As(none, new(*unsolved)):
		for _, h := range diag.HintsOf(v.explain(ctx, none)) {
			if strings.Contains(h, "resolves") && !strings.Contains(h, "no-build") {
				out = out.Hint("without building: %s", h)
			}
		}
	}
	return out
}

// unmade is the error of a build that failed.
type unmade struct {
	name string
	why  *BuildError
	error
}

// Unwrap gives the cause.
func (u *unmade) Unwrap() error { return u.error }

// variant is the same question with a manifest of its own, whose lists may be changed.
func (q *question) variant() *question {
	v, m, own := *q, *q.m, *q.policies
	m.Requirements, m.Constraints = slices.Clone(m.Requirements), slices.Clone(m.Constraints)
	m.Overrides = slices.Clone(m.Overrides)
	v.m, v.policies, own.m = &m, &own, &m
	own.mapOverrides()
	v.options.Progress = nil
	v.options.trial = true // what is tried is not built; what builds said counts
	return &v
}

// explain says why there is no answer, and what would give one. Other errors than *unsolved are given back.
func (q *question) explain(ctx context.Context, err error) error {
	u := (*unsolved)(nil)
	if !errors.As(err, &u) {
		return err
	}
	p, facts := u.asker, u.asker.facts(ctx, u.proof)
	out, placed := p.explain(u.proof, facts)
	if q.options.Repair {
		fixes := &repairs{question: q}
		if list := fixes.search(ctx, u); list != nil {
			return &Unanswered{Err: out, Repair: list}
		}
		out = out.Hint("%s", fixes.none())
	}
	r := &remedies{question: q, failed: u, facts: facts}
	r.search(ctx)
	changes := r.hints()
	for _, h := range changes {
		out = out.Hint("%s", h)
	}
	if len(r.found) == 0 || r.found[0].size != renaming {
		for _, h := range p.hints(facts, placed, len(changes) > 0) {
			out = out.Hint("%s", h)
		}
	}
	if len(r.found) == 0 || r.found[0].size >= dropping {
		for _, h := range r.sources(ctx) {
			out = out.Hint("%s", h)
		}
	}
	if r.cut || len(r.found) == 0 && r.tries > 0 {
		out = out.Hint("%s", r.none())
	}
	for _, found := range r.found {
		out.Changes = append(out.Changes, found.change)
	}
	return out
}

// explain tells a failure, without a word on what would do.
func (u *unsolved) explain(ctx context.Context) *diag.Error {
	out, _ := u.asker.explain(u.proof, u.asker.facts(ctx, u.proof))
	return out
}

// written is the text at a place, as far as it is in that line.
func written(pos diag.Position) string {
	runes := []rune(pos.Source)
	from := min(max(pos.Col-1, 0), len(runes))
	return string(runes[from:min(from+pos.Width, len(runes))])
}
