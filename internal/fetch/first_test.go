package fetch

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestOneConnection makes many requests at once to a server that speaks HTTP/2.
func TestOneConnection(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	var conns atomic.Int32
	s.Config.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	c := New(Options{RootCAs: pool, Sleep: quick})
	var wg sync.WaitGroup
	for range 100 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			resp, err := c.Get(t.Context(), s.URL, GetOptions{})
			if err != nil || string(resp.Body) != "HTTP/2.0" {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestContentRange(t *testing.T) {
	for in, ok := range map[string]bool{
		"bytes 0-9/10": true, "bytes 5-5/6": true, "bytes 0-9/*": false, "bytes */10": false, "bytes 9-0/10": false, "bytes 0-10/10": false,
		"": false, "0-9/10": false, "bytes -1-9/10": false, "bytes 0-99999999999999999999/10": false,
	} {
		if _, _, _, got := contentRange(in); got != ok {
			t.Errorf("%q: %v", in, got)
		}
	}
}

// TestLargeFilesByHTTP1: a large file, and one of which the size is not known, has a connection of its own.
func TestLargeFilesByHTTP1(t *testing.T) {
	var protocol, content string
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protocol = r.Proto
		io.WriteString(w, content)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	c := New(Options{RootCAs: pool, Sleep: quick})
	for _, f := range []struct {
		n, size int64
		want    string
	}{{100, 100, "HTTP/2.0"}, {large, large, "HTTP/1.1"}, {100, -1, "HTTP/1.1"}} {
		content = strings.Repeat("x", int(f.n))
		sum := sha256.Sum256([]byte(content))
		if err := c.Download(t.Context(), s.URL, hex.EncodeToString(sum[:]), f.size, openStore(t), nil); err != nil {
			t.Fatal(err)
		}
		if protocol != f.want {
			t.Errorf("%d bytes, said to be %d: %s, want %s", f.n, f.size, protocol, f.want)
		}
	}
}
