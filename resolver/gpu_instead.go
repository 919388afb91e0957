package resolver

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/cuda"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// insteadTries bounds how many projects and extras are tried in place of packages without code for GPUs.
const insteadTries = 12

// forGPUs looks for projects, or extras, that have code for GPUs in place of requirements of the manifest: those of packages, by name, or all if
// none is named. What is found was resolved, and is for a CUDA that [gpu] allows. tried are the names that did not resolve.
func (w *wheelRemedies) forGPUs(ctx context.Context, names []string) (found []diag.Change, tried []string) {
	if w == nil || w.question == nil {
		return nil, nil
	}
	ctx, stop := context.WithTimeout(ctx, searchTime)
	defer stop()
	left := insteadTries
	for i := range w.question.m.Requirements {
		req := &w.question.m.Requirements[i]
		if req.Pos.Line == 0 || req.Direct != nil || len(req.Hashes) > 0 || len(names) > 0 && !slices.Contains(names, req.Name) {
			continue
		}
		for _, text := range w.counterparts(ctx, req, len(names) > 0) {
			if left == 0 || ctx.Err() != nil {
				return found, tried
			}
			left--
			if change, ok := w.instead(ctx, i, text); ok {
				found = append(found, change)
				break
			}
			tried = append(tried, text)
		}
	}
	return found, tried
}

// besides looks for extras that have code for GPUs and can be required beside what the manifest has, of packages that only others require. What
// is found was resolved.
func (w *wheelRemedies) besides(ctx context.Context, names []string) (found, tried []string) {
	if w == nil || w.question == nil {
		return nil, nil
	}
	ctx, stop := context.WithTimeout(ctx, searchTime)
	defer stop()
	for _, name := range names {
		if slices.ContainsFunc(w.question.m.Requirements, func(r manifest.Requirement) bool { return r.Name == name }) {
			continue
		}
		for _, text := range cuda.Instead(name) {
			r, err := pep508.Parse(text)
			if err != nil || r.Name != name {
				continue
			}
			q := w.question.variant()
			q.m.Requirements = append(q.m.Requirements, manifest.Requirement{Requirement: r})
			trying, stop := context.WithTimeout(ctx, tryTime)
			done, err := q.answer(trying)
			stop()
			if err == nil && forCUDA(done, name) {
				found = append(found, fmt.Sprintf("%s among the dependencies it resolves, %s", text, with(done, name)))
				break
			}
			tried = append(tried, text)
		}
	}
	return found, tried
}

// forCUDA tells whether an answer is for a CUDA wherever it has a package, and anywhere, and the package is known to have code there.
func forCUDA(done []*solved, name string) bool {
	return slices.ContainsFunc(done, func(s *solved) bool { return s.cuda != 0 }) &&
		!slices.ContainsFunc(done, func(s *solved) bool {
			return s.has(name) && (s.cuda == 0 || cuda.Elsewhere(cuda.Package{Name: name, Platform: s.target.Platform}))
		})
}

// counterparts are what may have code for GPUs in place of a requirement: what the table names, extras of the chosen version that are
// called after CUDA, the newest first, and where there are none and a guess is wanted, projects with the usual names.
func (w *wheelRemedies) counterparts(ctx context.Context, req *manifest.Requirement, guess bool) []string {
	list := cuda.Instead(req.Name)
	var extras []string
	for _, s := range w.done {
		v, ok := s.versions[req.Name]
		if !ok {
			continue
		}
		meta, err := s.provider.metadata(ctx, req.Name, v)
		if err != nil {
			continue
		}
		for _, extra := range meta.Extras {
			if cudaExtra().MatchString(extra) && !strings.Contains(extra, "local") && !slices.Contains(req.Extras, extra) && !slices.Contains(extras, extra) {
				extras = append(extras, extra)
			}
		}
	}
	slices.SortFunc(extras, func(a, b string) int { return cmp.Compare(b, a) })
	for _, extra := range extras {
		list = append(list, req.Name+"["+extra+"]")
	}
	if guess && len(list) == 0 {
		stem, _ := strings.CutSuffix(req.Name, "-cpu")
		list = append(list, stem+"-gpu")
		if stem != req.Name {
			list = append(list, stem)
		}
	}
	return unique(list)
}

// unique leaves out what stands before.
func unique(list []string) []string {
	var out []string
	for _, text := range list {
		if !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}

// instead asks the question with another project, or further extras, in place of a requirement: with its bounds, and of another project without
// them if they have no answer.
func (w *wheelRemedies) instead(ctx context.Context, i int, text string) (diag.Change, bool) {
	req := &w.question.m.Requirements[i]
	other, err := pep508.Parse(text)
	if err != nil {
		return diag.Change{}, false
	}
	own := other.Name == req.Name
	if own {
		other.Extras = append(slices.Clone(req.Extras), other.Extras...)
	}
	other.Specifiers, other.Marker = req.Specifiers, req.Marker
	bounds := []pep440.Specifiers{req.Specifiers}
	if !own && req.Specifiers.Len() > 0 {
		bounds = append(bounds, pep440.Specifiers{})
	}
	for _, specs := range bounds {
		other.Specifiers = specs
		q := w.question.variant()
		q.m.Requirements[i].Requirement = other
		trying, stop := context.WithTimeout(ctx, tryTime)
		done, err := q.answer(trying)
		stop()
		if err != nil || !forCUDA(done, other.Name) {
			continue
		}
		e, was, ok := replaced(req, bare(other), specs.Len() > 0)
		if !ok {
			return diag.Change{}, false
		}
		text := fmt.Sprintf("%s instead of %s resolves", bare(other), was)
		if got := with(done, other.Name); got != "" {
			text += ", " + got
		}
		return e.change(text), true
	}
	return diag.Change{}, false
}

// replaced is the edit that gives a requirement another name and extras, and keeps its marker, and its bounds if they are wanted; with how it was
// called.
func replaced(r *manifest.Requirement, name string, bounds bool) (e edit, was string, ok bool) {
	text, quote, isTOML := quoted(r.Pos)
	if !isTOML {
		text, quote = written(r.Pos), ""
	}
	m := requirementForm().FindStringSubmatch(text)
	if m == nil || r.Pos.IsZero() || !strings.HasPrefix(strings.ToLower(text), strings.ToLower(r.RawName)) {
		return e, "", false
	}
	specs := m[2]
	if !bounds {
		specs = ""
	}
	return edit{r.Pos, quote + text + quote, quote + name + specs + m[3] + quote}, strings.TrimSpace(m[1]), true
}

// requiredAt is the requirement of the manifest that a package of the lock is there for, itself or by what it requires; nil if none is found.
func (b *bases) requiredAt(name string) *manifest.Requirement {
	for i := range b.manifest.Requirements {
		if b.manifest.Requirements[i].Name == name {
			return &b.manifest.Requirements[i]
		}
	}
	byName := map[string]*lockfile.Package{}
	for i := range b.lock.Packages {
		byName[b.lock.Packages[i].Name] = &b.lock.Packages[i]
	}
	for i := range b.manifest.Requirements {
		req := &b.manifest.Requirements[i]
		seen, todo := map[string]bool{req.Name: true}, []string{req.Name}
		for ; len(todo) > 0; todo = todo[1:] {
			p := byName[todo[0]]
			if p == nil {
				continue
			}
			for _, d := range p.Requires {
				if d.Name == name {
					return req
				}
				if !seen[d.Name] {
					seen[d.Name] = true
					todo = append(todo, d.Name)
				}
			}
		}
	}
	return nil
}

// onProcessors is the error of packages that have no code for GPUs, at the requirement that they are there for.
func (b *bases) onProcessors(ctx context.Context, r cuda.Report, t *target) error {
	g := b.manifest.GPU
	pos := g.Pos
	why := slices.Clone(r.Processor)
	var behind []string // requirements that such packages are there for
	for i, name := range r.OnProcessor {
		req := b.requiredAt(name)
		if req == nil || req.Pos.IsZero() {
			continue
		}
		if pos == g.Pos {
			pos = req.Pos
		}
		if req.Name != name {
			why[i] += fmt.Sprintf("; it is there for %s", req.RawName)
			behind = append(behind, req.Name)
		}
		why[i] += at(req.Pos)
	}
	e := diag.New(diag.NoAnswer, "the packages for %s, Python %s, are not for the hosts of [gpu]%s:\n  %s", t.Platform, t.Version(), at(g.Pos), strings.Join(why, "\n  ")).At(pos)
	changes, tried := b.wheels.forGPUs(ctx, slices.Concat(r.OnProcessor, behind))
	for _, c := range changes {
		e = e.Hint("%s (%s:%d:%d)", c.Description, c.File, c.Line, c.Column)
	}
	e.Changes = append(e.Changes, changes...)
	more, also := b.wheels.besides(ctx, r.OnProcessor)
	for _, text := range more {
		e = e.Hint("with %s", text)
	}
	tried = append(tried, also...)
	switch {
	case len(changes)+len(more) > 0:
	case len(tried) > 0:
		e = e.Hint("in its place %s was tried, and does not resolve for the hosts of [gpu]", strings.Join(tried, ", "))
	case len(r.Instead) > 0:
		e = e.Hint("code for GPUs is in %s; what requires the other has to be changed for it", strings.Join(r.Instead, ", "))
	default:
		e = e.Hint("take it from an index that has builds for CUDA")
	}
	return e.Hint("a project that needs no GPU has no [gpu]")
}
