package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/store"
)

func quick(ctx context.Context, d time.Duration) error { return ctx.Err() }

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func hashOf(b []byte) string { h := sha256.Sum256(b); return hex.EncodeToString(h[:]) }

func openStore(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func wantError(t *testing.T, err error, code diag.Code, text, hint string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if diag.CodeOf(err) != code {
		t.Errorf("code %d, want %d: %v", diag.CodeOf(err), code, err)
	}
	if !strings.Contains(err.Error(), text) {
		t.Errorf("error %q lacks %q", err, text)
	}
	if got := strings.Join(diag.HintsOf(err), "\n"); hint == "" && got != "" || hint != "*" && !strings.Contains(got, hint) {
		t.Errorf("hints %q, want %q", got, hint)
	}
}

func TestStatus(t *testing.T) {
	for _, tt := range []struct {
		status, requests int
		hint             string
	}{
		{400, 1, ""}, {401, 1, "netrc"}, {403, 1, "netrc"}, {404, 1, "check the address"}, {407, 1, "HTTPS_PROXY"},
		{410, 1, "deleted"}, {429, 5, "no more requests"}, {500, 5, "fault"}, {501, 1, "fault"}, {502, 5, "fault"},
		{503, 5, "fault"}, {504, 5, "fault"},
	} {
		var n atomic.Int32
		base := serve(t, func(w http.ResponseWriter, r *http.Request) { n.Add(1); w.WriteHeader(tt.status) })
		_, err := New(Options{Sleep: quick}).Get(t.Context(), strings.Replace(base, "//", "//user:secret@", 1)+"/a?token=secret", GetOptions{})
		wantError(t, err, diag.Fetch, fmt.Sprintf("/a?...%s: the server answered %d", map[bool]string{true: " (tried 5 times)"}[tt.requests == 5], tt.status), tt.hint)
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%d: %v", tt.status, err)
		}
		if int(n.Load()) != tt.requests || StatusOf(err) != tt.status {
			t.Errorf("%d: %d requests, status %d", tt.status, n.Load(), StatusOf(err))
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "99999999999": 0,
		"Fri, 02 Jan 2026 03:04:35 GMT": 30 * time.Second, "Fri, 02 Jan 2026 03:04:00 GMT": 0,
	} {
		if got := retryAfter(v, now); got != want {
			t.Errorf("%q: %v, want %v", v, got, want)
		}
	}
	var slept []time.Duration
	var n int
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n++
		switch n {
		case 1:
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(503)
		case 2:
			w.Header().Set("Retry-After", "86400")
			w.WriteHeader(429)
		default:
			io.WriteString(w, "ok")
		}
	})
	c := New(Options{Sleep: func(ctx context.Context, d time.Duration) error { slept = append(slept, d); return nil }})
	resp, err := c.Get(t.Context(), base, GetOptions{})
	if err != nil || string(resp.Body) != "ok" {
		t.Fatal(err)
	}
	if len(slept) != 2 || slept[0] != 3*time.Second || slept[1] != longestAsked {
		t.Errorf("slept %v", slept)
	}
}

func TestNetworkErrors(t *testing.T) {
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	refused := "http://" + l.Addr().String()
	l.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	cut := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "short")
	})
	down := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain, http.StatusFound)
	}))
	defer down.Close()
	pool := down.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	loop := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) })
	for _, tt := range []struct {
		o          Options
		url        string
		text, hint string
	}{
		{Options{}, refused, "refused", "nothing answers at 127.0.0.1"},
		{Options{}, "http://nowhere.invalid/x", "nowhere.invalid", "the spelling if the name is yours"},
		{Options{}, secure.URL, "certificate", "SSL_CERT_FILE"},
		{Options{}, strings.Replace(plain, "http:", "https:", 1), "HTTP response to HTTPS client", "plain HTTP"},
		{Options{}, cut, "ended early, after 5 of 100 bytes", "goes on where it stopped"},
		{Options{RootCAs: pool}, down.URL, "from HTTPS to HTTP", "without encryption"},
		{Options{}, loop, "more than 10 times", "sends from one address to the next without end"},
		{Options{Offline: true}, plain, "offline", "without --offline"},
		{Options{}, "ftp://files.example/x", "only http and https", ""},
		{Options{}, "http://a\x00b/", "no URL", ""},
	} {
		tt.o.Sleep = quick
		_, err := New(tt.o).Get(t.Context(), tt.url, GetOptions{})
		wantError(t, err, diag.Fetch, tt.text, tt.hint)
	}
}

// The proxy of a process is read once, so that a refusing one is told to the errors alone.
func TestProxyErrors(t *testing.T) {
	u := &url.URL{Scheme: "https", Host: "files.example", Path: "/x"}
	for _, cause := range []error{syscall.ECONNREFUSED, &net.DNSError{Name: "proxy.example", IsNotFound: true}} {
		err := &url.Error{Op: "Get", URL: u.String(), Err: &net.OpError{Op: "proxyconnect", Net: "tcp", Err: cause}}
		e := explain(t.Context(), u, err, 1)
		wantError(t, e, diag.Fetch, "proxyconnect", "it is the proxy that cannot be reached")
		for _, h := range diag.HintsOf(e) {
			if strings.Contains(h, "files.example") {
				t.Errorf("hint %q is about the wrong host", h)
			}
		}
	}
}

// TestRetryIsTold tells of each further attempt, and of no more than there are.
func TestRetryIsTold(t *testing.T) {
	failures := 2
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if failures--; failures >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	c := New(Options{Sleep: quick, Retry: func(r Retry) { got = append(got, fmt.Sprintf("%s %d of %d: %v", r.Host, r.N, r.Of, r.Err)) }})
	if _, err := c.Get(t.Context(), base+"?token=secret", GetOptions{}); err != nil {
		t.Fatal(err)
	}
	want := []string{u.Host + " 1 of 4: the server answered 503 Service Unavailable", u.Host + " 2 of 4: the server answered 503 Service Unavailable"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	failures, got = 100, nil
	_, err = c.Get(t.Context(), base, GetOptions{})
	if wantError(t, err, diag.Fetch, "tried 5 times", "try again later"); len(got) != 4 {
		t.Errorf("%q", got)
	}
	// What net/http says of a connection has the whole address.
	got = nil
	_, err = c.Get(t.Context(), "http://127.0.0.1:1/?token=secret", GetOptions{})
	if text := strings.Join(got, " "); err == nil || !strings.Contains(text, "127.0.0.1:1 1 of 4: dial tcp") || strings.Contains(text, "secret") {
		t.Errorf("%q %v", got, err)
	}
}

func TestCancel(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := New(Options{}).Get(ctx, base, GetOptions{})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 2*time.Second {
		t.Error(err, time.Since(start))
	}
	wantError(t, err, diag.Fetch, "deadline", "")
}

func TestCredentials(t *testing.T) {
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("credentials went to another host")
		}
		io.WriteString(w, "other")
	})
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != "me" || p != "pw" {
			w.WriteHeader(401)
			return
		}
		if r.URL.Path == "/away" {
			http.Redirect(w, r, other, http.StatusFound)
			return
		}
		io.WriteString(w, "ok")
	})
	c := New(Options{Sleep: quick, Credentials: func(host string) (string, string, bool) {
		return "me", "pw", "http://"+host == base
	}})
	for path, want := range map[string]string{"/": "ok", "/away": "other"} {
		resp, err := c.Get(t.Context(), base+path, GetOptions{})
		if err != nil || string(resp.Body) != want {
			t.Error(path, err)
		}
	}
	if _, err := New(Options{}).Get(t.Context(), strings.Replace(base, "//", "//me:pw@", 1), GetOptions{}); err != nil {
		t.Error(err)
	}
}

func TestGetLimitAndConditional(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == `"a"` {
			w.WriteHeader(304)
			return
		}
		w.Write(make([]byte, 100))
		w.(http.Flusher).Flush()
	})
	c := New(Options{Sleep: quick})
	_, err := c.Get(t.Context(), base, GetOptions{Limit: 99})
	wantError(t, err, diag.Fetch, "larger than 99 bytes", "")
	if _, err := c.Get(t.Context(), base, GetOptions{Limit: 100}); err != nil {
		t.Error(err)
	}
	resp, err := c.Get(t.Context(), base, GetOptions{Header: http.Header{"If-None-Match": {`"a"`}}})
	if err != nil || resp.Status != 304 {
		t.Error(err)
	}
}

var content = bytes.Repeat([]byte("0123456789abcdef"), 1000)

func TestRanges(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
	c := New(Options{Sleep: quick})
	p, err := c.Range(t.Context(), base, 100, 50)
	if err != nil || !bytes.Equal(p.Data, content[100:150]) || p.Offset != 100 || p.Total != 16000 || p.Whole {
		t.Errorf("%+v %v", p, err)
	}
	p, err = c.Suffix(t.Context(), base, 10)
	if err != nil || !bytes.Equal(p.Data, content[15990:]) || p.Offset != 15990 {
		t.Errorf("%+v %v", p, err)
	}
	p, err = c.Suffix(t.Context(), base, 1<<20)
	if err != nil || !bytes.Equal(p.Data, content) {
		t.Errorf("%v", err)
	}
	_, err = c.Range(t.Context(), base, 20000, 10)
	if !errors.Is(err, ErrNoRange) {
		t.Error(err)
	}
}

func TestNoRanges(t *testing.T) {
	var n int
	big := make([]byte, wholeLimit+1)
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n++
		body := content
		if r.URL.Path == "/big" {
			body = big
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.Write(body)
	})
	c := New(Options{Sleep: quick})
	p, err := c.Suffix(t.Context(), base+"/small", 10)
	if err != nil || !p.Whole || !bytes.Equal(p.Data, content) {
		t.Errorf("%v", err)
	}
	_, err = c.Suffix(t.Context(), base+"/big", 10)
	if !errors.Is(err, ErrNoRange) || diag.CodeOf(err) != diag.Fetch || n != 1 {
		t.Error(err, n)
	}
	_, err = New(Options{Sleep: quick}).Suffix(t.Context(), base+"/big", 10)
	if !errors.Is(err, ErrNoRange) || n != 2 {
		t.Error(err, n)
	}
}

func TestDownload(t *testing.T) {
	for _, tt := range []struct {
		name     string
		ranges   bool
		cut      int // bytes a response has at most
		cuts     int // responses that are cut
		left     []byte
		wrong    bool
		code     diag.Code
		text     string
		requests int
	}{
		{name: "plain", ranges: true, requests: 1},
		{name: "cut once", ranges: true, cut: 5000, cuts: 1, requests: 2},
		{name: "cut often", ranges: true, cut: 1000, cuts: 99, requests: 16},
		{name: "cut, no ranges", cut: 5000, cuts: 2, requests: 3},
		{name: "always cut, no ranges", cut: 5000, cuts: 99, requests: 5, code: diag.Fetch, text: "ended early"},
		{name: "left", ranges: true, left: content[:100], requests: 1},
		{name: "left whole", ranges: true, left: content, requests: 0},
		{name: "left, no ranges", left: content[:100], requests: 1},
		{name: "left wrong", ranges: true, left: make([]byte, 100), requests: 2},
		{name: "left wrong whole", ranges: true, left: make([]byte, len(content)), requests: 1},
		{name: "left too much", ranges: true, left: make([]byte, len(content)+9), requests: 1},
		{name: "wrong", ranges: true, wrong: true, requests: 1, code: diag.Mismatch, text: "expected sha256 " + hashOf(content) + ", got sha256 "},
		{name: "wrong after left", ranges: true, wrong: true, left: content[:9], requests: 2, code: diag.Mismatch, text: "expected"},
	} {
		for _, size := range []int64{int64(len(content)), -1} {
			t.Run(fmt.Sprint(tt.name, size), func(t *testing.T) {
				if size < 0 && (tt.name == "left whole" || strings.HasPrefix(tt.name, "left wrong whole") || tt.name == "left too much") {
					tt.requests = 2
				}
				body := content
				if tt.wrong {
					body = bytes.ToUpper(content)
				}
				var n int
				base := serve(t, func(w http.ResponseWriter, r *http.Request) {
					n++
					var out http.ResponseWriter = w
					if n <= tt.cuts {
						out = &cutter{w, tt.cut}
					}
					if !tt.ranges {
						w.Header().Set("Content-Length", fmt.Sprint(len(body)))
						out.Write(body)
						return
					}
					http.ServeContent(out, r, "", time.Time{}, bytes.NewReader(body))
				})
				st := openStore(t)
				if tt.left != nil {
					p, err := st.Partial(t.Context(), hashOf(content))
					if err != nil {
						t.Fatal(err)
					}
					p.Write(tt.left)
					p.Close()
				}
				var last int64
				err := New(Options{Sleep: quick}).Download(t.Context(), base, hashOf(content), size, st, func(n int64) { last = n })
				if tt.code != 0 {
					wantError(t, err, tt.code, tt.text, "*")
					if st.Has(hashOf(content)) {
						t.Error("in the store")
					}
				} else if err != nil || !st.Has(hashOf(content)) || st.Verify(hashOf(content)) != nil {
					t.Fatal(err)
				} else if n > 0 && last != int64(len(content)) {
					t.Errorf("progress ended at %d", last)
				}
				if n != tt.requests {
					t.Errorf("%d requests, want %d", n, tt.requests)
				}
			})
		}
	}
}

// cutter ends a response after some bytes.
type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(p []byte) (int, error) {
	if len(p) > c.left {
		c.ResponseWriter.Write(p[:c.left])
		c.left = 0
		return 0, io.ErrShortWrite
	}
	c.left -= len(p)
	return c.ResponseWriter.Write(p)
}

func TestDownloadSizes(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
	st := openStore(t)
	c := New(Options{Sleep: quick})
	for _, size := range []int64{10, int64(len(content)) + 1} {
		err := c.Download(t.Context(), base, hashOf(content), size, st, nil)
		wantError(t, err, diag.Mismatch, fmt.Sprintf("bytes instead of %d", size), "*")
	}
	sum, n, err := c.DownloadUnhashed(t.Context(), base, 1<<20, st, nil)
	if err != nil || sum != hashOf(content) || n != int64(len(content)) || !st.Has(sum) {
		t.Error(sum, n, err)
	}
	_, _, err = c.DownloadUnhashed(t.Context(), base, 100, st, nil)
	wantError(t, err, diag.Fetch, "larger than 100", "")
	if b, err := c.AptFetcher().Get(t.Context(), base, 1<<20); err != nil || !bytes.Equal(b, content) {
		t.Error(err)
	}
}
