package main

import (
	"sync"
	"time"

	"github.com/envpack/envpack/internal/fetch"
)

// retries are the hosts that are asked again. Of many requests that fail at once each is made again; people are told once.
type retries struct {
	mu   sync.Mutex
	told map[string]episode
}

// episode is the latest that was told of a host.
type episode struct {
	n  int
	at time.Time
}

// oneEpisode is how long a host's failures belong together.
const oneEpisode = time.Minute

// tell says that a host is asked again.
func (r *retries) tell(s *session) func(fetch.Retry) {
	return func(f fetch.Retry) {
		r.mu.Lock()
		last, now := r.told[f.Host], time.Now()
		known := f.N <= last.n && now.Sub(last.at) < oneEpisode
		if !known {
			if r.told == nil {
				r.told = map[string]episode{}
			}
			r.told[f.Host] = episode{f.N, now}
		}
		r.mu.Unlock()
		if !known {
			s.ui().Printf("retrying %s, %d of %d: %v", f.Host, f.N, f.Of, f.Err)
		}
	}
}
