package resolver

import (
	"context"
	"sync"

	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pubgrub"
)

// prefetcher reads ahead, in a few goroutines that take what is to be done in its order.
type prefetcher struct {
	mu      sync.Mutex
	seen    map[string]bool // package and set
	queue   []func()
	workers int // goroutines
	idle    int // of them, less those that were woken
	wake    sync.Cond
	over    bool

	running sync.WaitGroup // what is in the queue or under way
}

// readAhead is how much is read ahead at a time.
const readAhead = 48

func newPrefetcher() *prefetcher {
	f := &prefetcher{seen: map[string]bool{}}
	f.wake.L = &f.mu
	return f
}

// do has work done, unless that of the same key was given before.
func (f *prefetcher) do(key string, work func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen[key] || f.over {
		return
	}
	f.seen[key] = true
	f.running.Add(1)
	f.queue = append(f.queue, work)
	switch {
	case f.idle > 0:
		f.idle-- // here, since it may be long before it runs
		f.wake.Signal()
	case f.workers < readAhead:
		f.workers++
		go f.work()
	}
}

func (f *prefetcher) work() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		for len(f.queue) == 0 {
			if f.over {
				return
			}
			f.idle++
			f.wake.Wait()
		}
		next := f.queue[0]
		f.queue = f.queue[1:]
		f.mu.Unlock()
		next()
		f.running.Done()
		f.mu.Lock()
	}
}

// stop waits for what is under way, and takes nothing more.
func (f *prefetcher) stop() {
	f.mu.Lock()
	f.over = true
	f.wake.Broadcast()
	f.mu.Unlock()
	f.running.Wait()
}

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
	if q == root || q == toolkit || ctx.Err() != nil {
		return
	}
	p.ahead.do(q.String()+"\x00"+s.Key(), func() {
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
	})
}

func (p *provider) readAhead(ctx context.Context, q pkg, s pep440.Set) *index.Metadata {
	if ctx.Err() != nil {
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
		p.ahead.do(name+"\x00"+c.version.Key(), func() {
			if ctx.Err() == nil {
				_, _ = p.packages.Metadata(ctx, r.project, c.file) // a failure is left for the real question
			}
		})
	}
}
