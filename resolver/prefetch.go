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
	meta, err := p.packages.Metadata(ctx, r.project, c.file)
	if err != nil {
		return nil
	}
	return meta
}
