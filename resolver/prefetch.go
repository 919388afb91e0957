package resolver

import (
	"context"
	"sync"

	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pubgrub"
)

// prefetcher counts what is being read ahead.
type prefetcher struct {
	running sync.WaitGroup
	slots   chan struct{}
	seen    sync.Map // package and set
}

// readAhead is how much is read ahead at a time.
const readAhead = 48

// Pending implements pubgrub.Prefetcher: it reads ahead what the solver is about to ask for, so
// that requests overlap with each other and with solving. Failures are left for the real question.
func (p *provider) Pending(ctx context.Context, wanted []pubgrub.Want[pkg, pep440.Set]) {
	for _, w := range wanted {
		p.prefetch(ctx, w.Package, w.Set)
	}
}

// prefetch reads a project and the metadata of the version that will probably be chosen, and
// then the same for what that needs.
func (p *provider) prefetch(ctx context.Context, q pkg, s pep440.Set) {
	if q == root || ctx.Err() != nil {
		return
	}
	if _, seen := p.ahead.seen.LoadOrStore(q.String()+"\x00"+s.Key(), true); seen {
		return
	}
	p.ahead.running.Add(1)
	go func() {
		defer p.ahead.running.Done()
		meta := p.readAhead(ctx, q, s)
		if meta == nil {
			return
		}
		list, _ := p.requirements(meta, q.extra)
		for _, r := range list {
			set := pep440.FromSpecifiers(r.Specifiers)
			p.prefetch(ctx, pkg{name: r.Name}, set)
			for _, extra := range r.Extras {
				p.prefetch(ctx, pkg{r.Name, extra}, set)
			}
		}
	}()
}

func (p *provider) readAhead(ctx context.Context, q pkg, s pep440.Set) *index.Metadata {
	select {
	case p.ahead.slots <- struct{}{}:
		defer func() { <-p.ahead.slots }()
	case <-ctx.Done():
		return nil
	}
	r, err := p.release(ctx, q.name)
	if err != nil {
		return nil
	}
	c := p.best(r, q.name, s)
	if c == nil {
		return nil
	}
	meta, err := p.metadataOf(ctx, r, c)
	if err != nil {
		return nil
	}
	return meta
}

// tries is how a search through the versions of a project goes.
type tries struct {
	last  pep440.Version
	count int // versions chosen so far
	ahead int // that have been read ahead since
}

// patience is how many versions of a project are tried before more than the next one is read ahead.
const patience = 4

// tryOn is told which version of a project is tried next. When one after the other is given up, which takes
// a request each, the metadata of those that will probably follow is read ahead: as many as were tried, so
// that at most half of what is read is read in vain.
func (p *provider) tryOn(ctx context.Context, r *release, name string, s pep440.Set, v pep440.Version) {
	t := p.tried[name]
	if t == nil {
		t = &tries{}
		p.tried[name] = t
	}
	if t.count > 0 && t.last.Equal(v) {
		return
	}
	t.last = v
	t.count++
	t.ahead--
	if t.count < patience || t.ahead > t.count/2 {
		return
	}
	t.ahead = 0
	for i := r.position(v) + 1; i < len(r.candidates) && t.ahead < min(t.count, readAhead); i++ {
		c := r.candidates[i]
		if !s.Contains(c.version) || p.unusable(r, c, name).kind != usable {
			continue
		}
		t.ahead++
		if _, seen := p.ahead.seen.LoadOrStore(name+"\x00"+c.version.Key(), true); seen {
			continue
		}
		p.ahead.running.Add(1)
		go func() {
			defer p.ahead.running.Done()
			select {
			case p.ahead.slots <- struct{}{}:
				defer func() { <-p.ahead.slots }()
			case <-ctx.Done():
				return
			}
			_, _ = p.packages.Metadata(ctx, r.project, c.file) // a failure is left for the real question
		}()
	}
}
