package fetch

import (
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
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
