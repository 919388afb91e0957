package resolver

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestPrefetcher does each thing once, not more at a time than is right, and nothing after it was stopped.
func TestPrefetcher(t *testing.T) {
	f := newPrefetcher()
	var done, now, most atomic.Int64
	var more func(depth, i int)
	more = func(depth, i int) {
		f.do(fmt.Sprint(depth, " ", i%100), func() {
			most.Store(max(most.Load(), now.Add(1)))
			done.Add(1)
			if depth < 3 {
				for j := range 100 {
					more(depth+1, j)
				}
			}
			now.Add(-1)
		})
	}
	var askers sync.WaitGroup
	for range 4 {
		askers.Go(func() {
			for i := range 200 {
				more(0, i)
			}
		})
	}
	askers.Wait()
	f.running.Wait()
	if n := done.Load(); n != 400 {
		t.Errorf("%d things were done, not 400", n)
	}
	if n := most.Load(); n > readAhead {
		t.Errorf("%d at a time", n)
	}
	f.stop()
	f.do("late", func() { t.Error("done after it was stopped") })
	f.running.Wait()
	if f.mu.Lock(); len(f.queue) > 0 {
		t.Error("something waits")
	}
	f.mu.Unlock()
}

// TestPrefetcherTogether: what is given at once is done at once, although few workers were idle.
func TestPrefetcherTogether(t *testing.T) {
	f := newPrefetcher()
	defer f.stop()
	f.do("first", func() {})
	for idle := 0; idle == 0; {
		f.mu.Lock()
		idle = f.idle
		f.mu.Unlock()
	}
	var begun atomic.Int64
	all, over := make(chan struct{}), make(chan struct{})
	defer close(over)
	for i := range readAhead {
		f.do(fmt.Sprint(i), func() {
			if begun.Add(1) == readAhead {
				close(all)
			}
			<-over
		})
	}
	select {
	case <-all:
	case <-time.After(10 * time.Second):
		t.Errorf("%d of %d were begun", begun.Load(), readAhead)
	}
}
