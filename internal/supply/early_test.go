package supply

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/internal/wheelfile"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
)

// TestReadEarly: a wheel's libraries are read before the wheel is complete, and what was read counts only where the
// directory that the server gave is the wheel's.
func TestReadEarly(t *testing.T) {
	named := func(library string) []byte {
		_, data := testenv.Wheel("big", "1.0", testenv.WheelOptions{Files: map[string]string{
			"big/_a.so": string(testenv.ELF{Needed: []string{library}}.Bytes()), "big/z.bin": string(make([]byte, 1<<20)),
		}})
		return data
	}
	data, other := named("libone.so.1"), named("libother.so.2")
	for name, c := range map[string]struct {
		served  []byte // by ranges
		reset   bool
		at      int // bytes that are there when the reading must have ended
		counts  bool
		nothing bool // the server gives no ranges
	}{
		"complete but the end":            {served: data, at: len(data) - 10, counts: true},
		"the directory is another":        {served: other, at: len(data) - 10},
		"started over before it was read": {served: data, at: 1, reset: true, counts: true},
		"no ranges":                       {served: data, at: 0, nothing: true},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if c.nothing {
					rw.Write(c.served)
					return
				}
				http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(c.served))
			}))
			defer server.Close()
			st, err := store.Open(t.Context(), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			s, err := New(Options{Store: st, Fetch: fetch.New(fetch.Options{}), Sources: &sources.Sources{Index: sources.Source{URL: server.URL}}})
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(data)
			file := lockfile.File{Name: "big-1.0-py3-none-any.whl", SHA256: hex.EncodeToString(sum[:]), Size: int64(len(data))}
			e := s.readEarly(resolver.Wheel{File: file}, server.URL+"/"+file.Name)
			p, err := st.Partial(t.Context(), file.SHA256)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				e.run(t.Context(), t.Context())
			}()
			if _, err := p.Write(data[:c.at]); err != nil {
				t.Fatal(err)
			}
			if c.reset {
				if err := p.Reset(); err != nil {
					t.Fatal(err)
				}
				if _, err := p.Write(data[:len(data)-10]); err != nil {
					t.Fatal(err)
				}
			}
			<-ended
			dir, err := wheelfile.ReadDirectory(file.Name, bytes.NewReader(data), file.Size)
			if err != nil {
				t.Fatal(err)
			}
			objects, ok := e.of(dir)
			if ok != c.counts {
				t.Fatalf("counts: %t, want %t", ok, c.counts)
			}
			if ok && (len(objects) != 1 || objects[0].Needed[0] != "libone.so.1") {
				t.Errorf("read %+v", objects)
			}
		})
	}
}

// TestReadEarlyEnds: who reads a wheel early does not wait for what does not come: another process may bring the wheel, and
// a server may give the wheel and not its directory.
func TestReadEarlyEnds(t *testing.T) {
	name, data := testenv.Wheel("big", "1.0", testenv.WheelOptions{Files: map[string]string{
		"big/_a.so": string(testenv.ELF{Needed: []string{"libone.so.1"}}.Bytes()),
	}})
	sum := sha256.Sum256(data)
	file := lockfile.File{Name: name, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(data))}
	for kind, quicker := range map[string]bool{"another process was quicker": true, "no directory comes": false} {
		t.Run(kind, func(t *testing.T) {
			over := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if !quicker && r.Header.Get("Range") != "" {
					select {
					case <-r.Context().Done():
					case <-over:
					}
					return
				}
				http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(data))
			}))
			defer server.Close()
			defer close(over)
			dir := t.TempDir()
			st, err := store.Open(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			other, err := store.Open(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			s, err := New(Options{Store: st, Fetch: fetch.New(fetch.Options{}), Sources: &sources.Sources{Index: sources.Source{URL: server.URL}}})
			if err != nil {
				t.Fatal(err)
			}
			var e *earlyRead
			j := job{sha256: file.SHA256, size: file.Size, what: name}
			j.find = func(context.Context) ([]string, error) { return []string{server.URL + "/" + name}, nil }
			j.early = func(address string) func(ctx, downloading context.Context) {
				e = s.readEarly(resolver.Wheel{File: file}, address)
				if !quicker {
					return e.run
				}
				if err := other.Put(t.Context(), bytes.NewReader(data), file.SHA256, file.Size); err != nil {
					t.Error(err)
				}
				return func(ctx, _ context.Context) { e.run(ctx, ctx) } // the directory comes
			}
			done := make(chan error, 1)
			go func() { done <- s.downloadReading(t.Context(), j, func(int64) {}) }()
			select {
			case err := <-done:
				if err != nil {
					t.Fatal(err)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("still waiting")
			}
			if e.done != quicker {
				t.Errorf("read early: %t, want %t", e.done, quicker)
			}
		})
	}
}
