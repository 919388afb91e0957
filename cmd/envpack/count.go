package main

import "sync"

// lockedCount is a sum that several goroutines add to.
type lockedCount struct {
	mu sync.Mutex
	n  int64
}

func (c *lockedCount) add(n int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += n
	return c.n
}
