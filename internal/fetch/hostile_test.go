package fetch

import (
	"compress/gzip"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/diag"
)

// TestPatience ends requests to servers that say nothing, stop after the header, or send a byte now and then, and names
// the server.
func TestPatience(t *testing.T) {
	for what, handle := range map[string]http.HandlerFunc{
		"silent": func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"silent after the header": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
		"a byte at a time": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, "x")
				w.(http.Flusher).Flush()
				time.Sleep(5 * time.Millisecond)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			base := serve(t, handle)
			start := time.Now()
			_, err := New(Options{Sleep: quick, Patience: 100 * time.Millisecond}).Get(t.Context(), base, GetOptions{})
			wantError(t, err, diag.Fetch, "tried 5 times", "127.0.0.1 does not answer in time")
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("after %v", took)
			}
		})
	}
}

// TestSlowButSteady lets a server take its time that sends enough.
func TestSlowButSteady(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for range 20 {
			w.Write(make([]byte, slowest))
			w.(http.Flusher).Flush()
			time.Sleep(20 * time.Millisecond)
		}
	})
	resp, err := New(Options{Sleep: quick, Patience: 300 * time.Millisecond}).Get(t.Context(), base, GetOptions{})
	if err != nil || len(resp.Body) != 20*slowest {
		t.Error(err)
	}
}

// TestEndless holds bodies without end, plain and deflated, to the limit, and the memory with them.
func TestEndless(t *testing.T) {
	const limit, total = 4 << 20, 1 << 30
	var sent atomic.Int64
	endless := func(w io.Writer) {
		chunk := make([]byte, 64<<10)
		for range total / len(chunk) {
			n, err := w.Write(chunk)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	}
	for what, handle := range map[string]http.HandlerFunc{
		"no length": func(w http.ResponseWriter, r *http.Request) { endless(w) },
		"a length": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1073741824")
			endless(w)
		},
		"deflated": func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
				t.Error("gzip was not asked for")
			}
			w.Header().Set("Content-Encoding", "gzip")
			z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
			endless(z)
			z.Close()
		},
	} {
		base := serve(t, handle)
		sent.Store(0)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		_, err := New(Options{Sleep: quick}).Get(t.Context(), base, GetOptions{Limit: limit})
		runtime.ReadMemStats(&after)
		wantError(t, err, diag.Fetch, "larger than 4194304 bytes", "")
		// Growing a slice copies it a few times.
		if got := after.TotalAlloc - before.TotalAlloc; got > 12*limit {
			t.Errorf("%s: %d bytes of memory", what, got)
		}
		if what == "no length" && sent.Load() > 4*limit+16<<20 {
			t.Errorf("%s: %d bytes were sent", what, sent.Load())
		}
	}
}

// TestTruncatedGzip is a deflated page that ends early.
func TestTruncatedGzip(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var b strings.Builder
		z := gzip.NewWriter(&b)
		z.Write(content)
		z.Close()
		w.Header().Set("Content-Encoding", "gzip")
		io.WriteString(w, b.String()[:b.Len()-10])
	})
	_, err := New(Options{Sleep: quick}).Get(t.Context(), base, GetOptions{})
	wantError(t, err, diag.Fetch, "unexpected EOF", "the connection breaks before the end")
}

// TestCredentialHints tells what was tried and failed from what is not known.
func TestCredentialHints(t *testing.T) {
	for _, tt := range []struct {
		status int
		known  bool
		hint   string
	}{
		{401, false, "write `machine 127.0.0.1 login USER password PASSWORD` into ~/.netrc"},
		{401, true, "does not take the user and password that it was sent"},
		{403, false, "lets nobody read this without credentials"},
		{403, true, "does not let them read this"},
	} {
		base := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(tt.status) })
		_, err := New(Options{Sleep: quick, Credentials: func(string) (string, string, bool) { return "me", "secret", tt.known }}).
			Get(t.Context(), base, GetOptions{})
		wantError(t, err, diag.Fetch, "the server answered", tt.hint)
		if strings.Contains(strings.Join(diag.HintsOf(err), "")+err.Error(), "secret") {
			t.Error("the password is shown")
		}
	}
}
