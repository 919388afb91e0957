package fetch

import (
	"context"
	"net/http/httptrace"
	"net/url"
	"sync"
)

// firsts lets the first request to a host go ahead until it has its connection. Without that, many
// requests at once would each begin a connection, though with HTTP/2 all of them fit into one; the
// handshakes cost more than the wait.
type firsts struct {
	mu    sync.Mutex
	hosts map[string]chan struct{} // closed: there was a connection, or an attempt at one
}

// enter waits for the host's first connection, or is the one who makes it; ctx then reports it. done
// must be called when the request has ended.
func (f *firsts) enter(ctx context.Context, u *url.URL) (context.Context, func()) {
	if u.Scheme != "https" {
		return ctx, func() {}
	}
	f.mu.Lock()
	first, known := f.hosts[u.Host]
	if !known {
		first = make(chan struct{})
		f.hosts[u.Host] = first
	}
	f.mu.Unlock()
	if known {
		select {
		case <-first:
		case <-ctx.Done(): // the request will see that
		}
		return ctx, func() {}
	}
	done := sync.OnceFunc(func() { close(first) })
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { done() },
	}), done
}
