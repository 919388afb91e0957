// Package fetch gets files over HTTP: with retries, byte ranges, and downloads that are resumed and
// verified.
//
// It does not know what is fetched, parses nothing, keeps nothing but what Download puts into a
// store, and looks for no credentials itself: a function gives them. Proxies are those of the
// environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY).
//
// Invariants: credentials go to the host that they are for and to no other, redirects included; a
// redirect never leads from HTTPS to HTTP; every error is a diag error of code Fetch, or Mismatch
// where content is not what was promised, names the URL without its secrets, and has a hint where
// there is something to do. A context that ends ends everything soon.
package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/envpack/envpack/internal/diag"
)

const (
	// attempts is how often a request is made before its failure counts.
	attempts = 5

	firstPause    = 500 * time.Millisecond
	longestPause  = 10 * time.Second
	longestAsked  = 60 * time.Second // of Retry-After
	stallTimeout  = 60 * time.Second // for slowest bytes
	slowest       = 16 << 10         // bytes; who sends fewer in that time is as good as silent
	defaultLimit  = 64 << 20
	maxRedirects  = 10
	identity      = "identity"
	acceptCoding  = "Accept-Encoding"
	authorization = "Authorization"
)

// Options say how a Client works. The zero value is usable.
type Options struct {
	// RootCAs are the certificate authorities to trust; nil: those of the system.
	RootCAs *x509.CertPool
	// Credentials gives user and password for a host, which has its port where the URL has one. A
	// URL's own credentials come before.
	Credentials func(host string) (user, password string, ok bool)
	UserAgent   string // "" is "envpack"
	// Offline makes every request fail at once.
	Offline bool
	// Patience is how long a server may send next to nothing, or no header; 0 is a minute.
	Patience time.Duration
	// Retry is told before a request is made again; may be nil. Calls may come at once.
	Retry func(Retry)
	// Sleep waits, for tests; it returns early with the error of ctx.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Retry is a request that failed and is made again.
type Retry struct {
	Host string // with its port where the address has one
	N    int    // which time that is, from 1
	Of   int    // how often it is made again before its failure counts
	Err  error  // why it failed, without what is secret
}

// Client fetches. It is safe for concurrent use.
type Client struct {
	o    Options
	http *http.Client
	// bulk is for large files. It speaks HTTP/1.1: a connection for each takes half the processor time of HTTP/2, which has
	// frames of 16 KiB, copies them once more, and answers each reading with a window.
	bulk   *http.Client
	firsts firsts

	mu      sync.Mutex
	noRange map[string]bool // hosts that answer ranges with the whole file
}

// New makes a client.
func New(o Options) *Client {
	if o.UserAgent == "" {
		o.UserAgent = "envpack"
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Retry == nil {
		o.Retry = func(Retry) {}
	}
	if o.Patience == 0 {
		o.Patience = stallTimeout
	}
	c := &Client{o: o, noRange: map[string]bool{}, firsts: firsts{hosts: map[string]chan struct{}{}}}
	var one, both http.Protocols
	one.SetHTTP1(true)
	both.SetHTTP1(true)
	both.SetHTTP2(true)
	c.http = &http.Client{CheckRedirect: c.checkRedirect, Transport: transport(o, &both)}
	c.bulk = &http.Client{CheckRedirect: c.checkRedirect, Transport: transport(o, &one)}
	return c
}

func transport(o Options, protocols *http.Protocols) *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 20 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:     &tls.Config{RootCAs: o.RootCAs},
		TLSHandshakeTimeout: 20 * time.Second,
		OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
			if answer.StatusCode != http.StatusOK {
				return &ProxyError{answer.StatusCode}
			}
			return nil
		},
		ResponseHeaderTimeout: o.Patience,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   16,
		MaxConnsPerHost:       24,
		Protocols:             protocols,
		HTTP2:                 &http.HTTP2Config{SendPingTimeout: 20 * time.Second, PingTimeout: 15 * time.Second},
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

var (
	errDowngrade = errors.New("redirected from HTTPS to HTTP")
	errRedirects = errors.New("redirected more than 10 times")
)

func (c *Client) checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errRedirects
	}
	last := via[len(via)-1]
	if last.URL.Scheme == "https" && req.URL.Scheme != "https" {
		return errDowngrade
	}
	// net/http keeps credentials for subdomains and other ports, which may be somebody else's.
	if req.URL.Host != via[0].URL.Host {
		req.Header.Del(authorization)
		req.Header.Del("Cookie")
		c.authorize(req)
	}
	return nil
}

func (c *Client) authorize(req *http.Request) {
	if c.o.Credentials == nil || req.URL.User != nil || req.Header.Get(authorization) != "" {
		return
	}
	if user, password, ok := c.o.Credentials(req.URL.Host); ok {
		req.SetBasicAuth(user, password)
	}
}

// do makes a request until handle succeeds with the response, or there is no use in trying again.
// handle gets every response whose status accept takes; it need not close the body.
func (c *Client) do(ctx context.Context, address string, header http.Header, accept func(status int) bool, handle func(*http.Response) error) error {
	u, err := c.check(address)
	if err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		asked, err := c.once(ctx, c.http, u, header, accept, handle)
		if err == nil {
			return nil
		}
		if attempt == attempts || !retryable(ctx, err) {
			return explain(ctx, u, err, attempt)
		}
		c.again(u, attempt, err)
		if c.o.Sleep(ctx, pause(attempt, asked)) != nil {
			return explain(ctx, u, err, attempt)
		}
	}
}

// again tells of another attempt.
func (c *Client) again(u *url.URL, failures int, err error) {
	c.o.Retry(Retry{u.Host, failures, attempts - 1, withoutURL(u, err)})
}

// check parses an address, and refuses it when offline.
func (c *Client) check(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		var inner *url.Error // its text has the address, secrets and all
		if errors.As(err, &inner) {
			err = inner.Err
		}
		return nil, diag.Wrap(err, diag.Fetch, "an address that is no URL")
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, diag.New(diag.Fetch, "fetching %s: only http and https addresses can be fetched", Redact(address))
	}
	if c.o.Offline {
		return nil, diag.New(diag.Fetch, "fetching %s: not in the store, and envpack is offline", Redact(address)).
			Hint("run once without --offline to fill the store")
	}
	return u, nil
}

// once makes a request one time by h, and gives the pause that the server asks for, if it does.
func (c *Client) once(ctx context.Context, h *http.Client, u *url.URL, header http.Header, accept func(int) bool, handle func(*http.Response) error) (time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ctx, done := c.firsts.enter(ctx, u)
	defer done()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return 0, err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	req.Header.Set("User-Agent", c.o.UserAgent)
	c.authorize(req)
	resp, err := h.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if !accept(resp.StatusCode) {
		// A little of the body is read so that the connection can be used again.
		io.CopyN(io.Discard, resp.Body, 4096)
		return retryAfter(resp.Header.Get("Retry-After"), time.Now()), &StatusError{
			URL: Redact(u.String()), Status: resp.StatusCode, Sent: resp.Request.Header.Get(authorization) != "" || resp.Request.URL.User != nil,
		}
	}
	watch := &watchdog{r: resp.Body, patience: c.o.Patience, timer: time.AfterFunc(c.o.Patience, func() { cancel(errStalled) })}
	defer watch.timer.Stop()
	resp.Body = watch
	err = handle(resp)
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		err = errStalled
	}
	return 0, err
}

// watchdog puts off the end of a request for as long as there are bytes, and not for each single one.
type watchdog struct {
	r        io.ReadCloser
	timer    *time.Timer
	patience time.Duration
	bytes    int // since it was put off
}

func (w *watchdog) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if w.bytes += n; w.bytes >= slowest {
		w.bytes = 0
		w.timer.Reset(w.patience)
	}
	return n, err
}

func (w *watchdog) Close() error { return w.r.Close() }

// pause is how long to wait after a failed attempt: what the server asks for, within reason, else
// about twice as long each time.
func pause(attempt int, asked time.Duration) time.Duration {
	if asked > 0 {
		return min(asked, longestAsked)
	}
	d := min(firstPause<<(attempt-1), longestPause)
	return d/2 + rand.N(d/2+1)
}

// retryAfter reads a Retry-After header: seconds or a date (RFC 9110, 10.2.3). 0: none.
func retryAfter(v string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
