package resolver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
)

// build makes the wheels of all that an answer has as sources. again tells that some wheel needs something else than was thought, which
// is known from then on: the question is to be answered again.
func (w *workshop) build(ctx context.Context, done []*solved) (again bool, err error) {
	if w == nil {
		return false, nil
	}
	type order struct {
		s    *solved
		name string
	}
	var mu sync.Mutex
	var later []order // that nothing can be built for here
	var first error   // why
	work := func(ctx context.Context, o order) error {
		other, err := w.wheel(ctx, o.s, o.name)
		mu.Lock()
		defer mu.Unlock()
		if cannot := (*CannotBuild)(nil); errors.As(err, &cannot) {
			later = append(later, o)
			if first == nil {
				first = err
			}
			return nil
		}
		again = again || other
		return err
	}
	var orders []order
	for _, s := range done {
		for _, name := range slices.Sorted(maps.Keys(s.versions)) {
			if c := s.provider.met[name].at(s.versions[name]); c != nil && isSource(c) {
				orders = append(orders, order{s, name})
			}
		}
	}
	if len(orders) == 0 {
		return false, nil
	}
	for _, s := range done {
		if err := s.connect(ctx); err != nil {
			return false, err
		}
	}
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(buildsAtOnce)
	for _, o := range orders {
		group.Go(func() error { return work(inner, o) })
	}
	if err := group.Wait(); err != nil {
		return false, err
	}
	for _, o := range later {
		other, found, err := w.elsewhere(ctx, o.s, o.name)
		if err != nil {
			return false, err
		}
		if !found && !w.left(o.s, o.name) {
			return false, first
		}
		again = again || other
	}
	return again, nil
}

// wheel makes the wheel of a source that was chosen, unless there is one that was made in what it would be made in now.
func (w *workshop) wheel(ctx context.Context, s *solved, name string) (again bool, err error) {
	r := s.provider.met[name]
	c := r.at(s.versions[name])
	source, err := s.provider.sourceOf(ctx, name, r, c)
	if err != nil {
		return false, err
	}
	used, err := s.provider.metadata(ctx, name, c.version)
	if err != nil {
		return false, err
	}
	ctx, m, leave, err := w.enter(ctx, s.target, source)
	if err != nil {
		return false, err
	}
	defer leave()
	j := &job{workshop: w, provider: s.provider, solved: s, source: source, hook: WheelHook}
	if w.builder == nil {
		return false, w.keep(ctx, s.provider, source, m)
	}
	if m.wheel != nil && j.fits(&m.build) {
		return false, nil
	}
	if m.wheel == nil && !m.looked {
		if err := w.keep(ctx, s.provider, source, m); err != nil {
			return false, err
		}
		if m.wheel != nil && j.fits(&m.build) {
			return w.compare(s, name, m, used)
		}
	}
	built, err := j.run(ctx)
	if err != nil {
		return false, s.provider.notBuilt(source, err)
	}
	m.build, m.inner = j.entry()
	f := built.Wheel
	f.Build, f.Targets = m.build.ID, nil
	m.wheel, m.metadata, m.kept = &f, built.Metadata, false
	w.tell(j.news())
	return w.compare(s, name, m, used)
}

// elsewhere takes the wheel that was built of a source for another platform, if it is for any.
func (w *workshop) elsewhere(ctx context.Context, s *solved, name string) (again, found bool, err error) {
	r := s.provider.met[name]
	c := r.at(s.versions[name])
	source, err := s.provider.sourceOf(ctx, name, r, c)
	if err != nil {
		return false, false, err
	}
	used, err := s.provider.metadata(ctx, name, c.version)
	if err != nil {
		return false, false, err
	}
	own := w.of(s.target, source)
	for _, t := range w.bases.lock.Targets {
		m := w.of(&target{Target: t}, source)
		if m != own && m.wheel != nil && strings.HasSuffix(m.wheel.Name, "-any.whl") && t.Minor() == s.target.Minor() {
			own.wheel, own.metadata, own.build, own.inner, own.kept = m.wheel, m.metadata, m.build, m.inner, m.kept
			again, err = w.compare(s, name, own, used)
			return again, true, err
		}
	}
	return false, false, nil
}

// left tells whether the lock had a package as a source: on a machine that cannot build it, it stays so.
func (w *workshop) left(s *solved, name string) bool {
	was := w.options.locked(name, s.versions[name].String(), s.target.Platform)
	if was == nil || was.Built() {
		return false
	}
	w.tell(fmt.Sprintf("%s %s is not built, as in the lock that was there: this machine builds nothing for %s", name, s.versions[name], s.target.Platform))
	return true
}

// compare holds what a wheel says it needs to what its source said. again tells that it is something else.
//
// Errors: the source had promised that nothing else would come out.
func (w *workshop) compare(s *solved, name string, m *made, used *index.Metadata) (again bool, err error) {
	r := s.provider.met[name]
	c := r.at(s.versions[name])
	if parsed, err := pep440.Parse(m.metadata.Version); err != nil || !parsed.Equal(c.version) || m.metadata.Name != name {
		return false, diag.New(diag.NoAnswer, "building %s %s made a wheel of %s %s", name, c.version, m.metadata.Name, m.metadata.Version).
			Hint("its build takes the version from elsewhere; a variable may tell it, as in [build.%s.env], or a patch", name)
	}
	is, err := s.provider.metadataBy(r, c, func() (*index.Metadata, error) { return m.metadata, nil })
	if err != nil {
		return false, err
	}
	thought, got := s.comesTo(name, used), s.comesTo(name, is)
	if slices.Equal(thought, got) {
		return false, nil
	}
	if used.Assumed != "" {
		w.tell(fmt.Sprintf("%s %s needs %s, as its wheel says, and not %s, as was assumed; versions are chosen again", name, c.version, orNothing(got), orNothing(thought)))
		return true, nil
	}
	return false, diag.New(diag.NoAnswer, "the wheel that was built of %s %s needs %s, and its source promises %s", name, c.version, orNothing(got), orNothing(thought)).
		Hint("say which of them holds:\n    [metadata.%s]\n    version = \"==%s\"\n    requires = [%s]", name, c.version, inQuotes(got))
}

// comesTo is what metadata come to on the target, for what was chosen of it: sorted texts.
func (s *solved) comesTo(name string, meta *index.Metadata) []string {
	var out []string
	for _, extra := range append([]string{""}, s.extras[name]...) {
		list, bad := s.provider.requirements(meta, extra)
		if bad.kind != usable {
			out = append(out, bad.detail)
		}
		for _, q := range list {
			if q.Name != name {
				q.Marker = nil
				out = append(out, q.String())
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func orNothing(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return some(list)
}

func inQuotes(list []string) string {
	var out []string
	for _, text := range list {
		out = append(out, fmt.Sprintf("%q", text))
	}
	return strings.Join(out, ", ")
}
