package index

import (
	"context"
	"errors"
	"sync"
)

// flight does work once per key, whoever asks, and keeps the results that are no errors.
type flight[T any] struct {
	mu    sync.Mutex
	calls map[string]*call[T]
}

type call[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// do gives the result of work, which one of the callers does in its own context.
func (f *flight[T]) do(ctx context.Context, key string, work func() (T, error)) (T, error) {
	for {
		f.mu.Lock()
		if f.calls == nil {
			f.calls = map[string]*call[T]{}
		}
		c, ok := f.calls[key]
		if !ok {
			c = &call[T]{done: make(chan struct{}), err: errors.New("interrupted")}
			f.calls[key] = c
			f.mu.Unlock()
			f.run(key, c, work)
			return c.value, c.err
		}
		f.mu.Unlock()
		select {
		case <-c.done:
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		}
		// That the one who did the work was cancelled says nothing about this caller.
		if c.err != nil && ctx.Err() == nil && (errors.Is(c.err, context.Canceled) || errors.Is(c.err, context.DeadlineExceeded)) {
			continue
		}
		return c.value, c.err
	}
}

func (f *flight[T]) run(key string, c *call[T], work func() (T, error)) {
	defer func() {
		if c.err != nil {
			f.mu.Lock()
			delete(f.calls, key)
			f.mu.Unlock()
		}
		close(c.done)
	}()
	c.value, c.err = work()
}
