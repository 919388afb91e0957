package supply_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/supply"
	"github.com/envpack/envpack/lockfile"
)

// TestDataFile has servers of several kinds say what a file has.
func TestDataFile(t *testing.T) {
	content := bytes.Repeat([]byte("weights"), 100_000)
	modified := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	serve := func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "model.bin", modified, bytes.NewReader(content))
	}
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		wholes  int // how often the file is sent, where its hash is promised
	}{
		"with ranges": {serve, 0},
		"without": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			w.Write(content)
		}, 1},
		"that refuses them": {func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				w.WriteHeader(http.StatusNotImplemented)
				return
			}
			serve(w, r)
		}, 1},
		"with an ETag": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"1"`)
			serve(w, r)
		}, 0},
		"with a weak ETag": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `W/"1"`)
			serve(w, r)
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			wholes := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Range") == "" {
					mu.Lock()
					wholes++
					mu.Unlock()
				}
				c.handler(w, r)
			}))
			defer server.Close()
			w := newWorld(t)
			f := manifest.DataFile{URL: server.URL + "/model.bin", To: "/data/model.bin", SHA256: hash(content)}
			sum, size, err := w.supply(t).DataFile(t.Context(), f, nil)
			if err != nil || sum != f.SHA256 || size != int64(len(content)) {
				t.Fatal(sum, size, err)
			}
			if wholes != c.wholes || w.store.Has(sum) != (c.wholes > 0) {
				t.Errorf("the file was sent %d times, want %d", wholes, c.wholes)
			}
			f.SHA256 = ""
			if sum, size, err = w.supply(t).DataFile(t.Context(), f, nil); err != nil || sum != hash(content) || size != int64(len(content)) || !w.store.Has(sum) {
				t.Error(sum, size, err)
			}
			wholes = 0
			again := 1 // unless the server says that it has the same bytes; a date does not say so
			if name == "with an ETag" {
				again = 0
			}
			if sum, _, err = w.supply(t).DataFile(t.Context(), f, nil); err != nil || sum != hash(content) || wholes != again {
				t.Error("a second time:", sum, err, wholes)
			}
			wholes = 0
			known := &lockfile.DataFile{SHA256: strings.Repeat("1", 64), Size: 7}
			if sum, size, err = w.supply(t).DataFile(t.Context(), f, known); err != nil || sum != known.SHA256 || size != 7 || wholes > 0 {
				t.Error("what is known:", sum, size, err, wholes)
			}
		})
	}
}

// TestDataRedirect follows to a signed address on another host, where the password of the first is not sent and nothing of the signature
// is told.
func TestDataRedirect(t *testing.T) {
	content := []byte("weights")
	status := http.StatusOK
	cdn := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.URL.Query().Get("X-Amz-Signature") != "secret" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if status != http.StatusOK {
			w.WriteHeader(status)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}))
	defer cdn.Close()
	elsewhere := strings.Replace(cdn.URL, "127.0.0.1", "localhost", 1)
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, ok := r.BasicAuth(); !ok || user != "me" || password != "token" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.Redirect(w, r, elsewhere+"/blob?X-Amz-Signature=secret", http.StatusFound)
	}))
	defer hub.Close()
	w := newWorld(t)
	w.o.Fetch = fetch.New(fetch.Options{
		Sleep: func(context.Context, time.Duration) error { return nil },
		Credentials: func(host string) (string, string, bool) {
			return "me", "token", "http://"+host == hub.URL
		},
	})
	f := lockfile.DataFile{To: "/data/model.bin", URL: hub.URL + "/model/resolve/main/model.bin", SHA256: hash(content), Size: int64(len(content))}
	if err := w.supply(t).Data(t.Context(), []lockfile.DataFile{f, f}); err != nil || !w.store.Has(f.SHA256) {
		t.Fatal(err)
	}
	status = http.StatusForbidden
	f.SHA256 = strings.Repeat("2", 64)
	err := w.supply(t).Data(t.Context(), []lockfile.DataFile{f})
	check(t, err, diag.Fetch, "file /data/model.bin", "")
	if strings.Contains(fmt.Sprint(err, diag.HintsOf(err)), "secret") {
		t.Errorf("%v", err)
	}
}

// TestLocalData looks at a file of this machine as seldom as it can, and not less.
func TestLocalData(t *testing.T) {
	w := newWorld(t)
	w.o.Dir = t.TempDir()
	now := time.Now()
	w.o.Now = func() time.Time { return now }
	name := filepath.Join(w.o.Dir, "labels.txt")
	put := func(text string, at time.Time) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
	old := now.Add(-time.Hour)
	lock := &lockfile.Lock{Data: []lockfile.DataFile{{To: "/a", Path: "labels.txt", SHA256: hash([]byte("one")), Size: 3}}}
	changed := func() []string {
		t.Helper()
		list, err := supply.Changed(t.Context(), lock, w.o.Dir, w.store.Dir(), w.o.Now)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	put("one", old)
	for range 2 {
		if list := changed(); len(list) > 0 {
			t.Errorf("changed: %q", list)
		}
	}
	put("two", old) // of the same size and time
	if list := changed(); len(list) != 1 {
		t.Error("a change was not noticed")
	}
	sum, size, err := w.supply(t).DataFile(t.Context(), manifest.DataFile{Path: "labels.txt"}, nil)
	if err != nil || sum != hash([]byte("two")) || size != 3 {
		t.Error(sum, size, err)
	}
	_, _, err = w.supply(t).DataFile(t.Context(), manifest.DataFile{Path: "labels.txt", To: "/a", SHA256: hash([]byte("one"))}, nil)
	check(t, err, diag.Mismatch, "labels.txt has the SHA-256", "the manifest names another's hash")
	check(t, w.supply(t).Data(t.Context(), lock.Data), diag.Mismatch, "labels.txt changed", "envpack lock")
	put("one", old)
	if err := w.supply(t).Data(t.Context(), lock.Data); err != nil || !w.store.Has(lock.Data[0].SHA256) {
		t.Error(err)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if list := changed(); len(list) > 0 {
		t.Errorf("one that is not there changed: %q", list)
	}
	lock.Data[0].SHA256 = strings.Repeat("3", 64)
	check(t, w.supply(t).Data(t.Context(), lock.Data), diag.Fetch, "labels.txt does not exist", w.o.Dir)
}

// TestDataOffline locks again from what the store has, with and without a promised hash.
func TestDataOffline(t *testing.T) {
	content := []byte("weights")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(content) }))
	defer server.Close()
	w := newWorld(t)
	f := manifest.DataFile{URL: server.URL + "/model.bin", To: "/a"}
	if _, _, err := w.supply(t).DataFile(t.Context(), f, nil); err != nil {
		t.Fatal(err)
	}
	w.o.Offline, w.o.Fetch = true, fetch.New(fetch.Options{Offline: true})
	for _, promised := range []string{"", hash(content)} {
		f.SHA256 = promised
		if sum, size, err := w.supply(t).DataFile(t.Context(), f, nil); err != nil || sum != hash(content) || size != 7 {
			t.Errorf("promised %q: %s %d %v", promised, sum, size, err)
		}
	}
	if err := w.store.Remove(hash(content)); err != nil {
		t.Fatal(err)
	}
	for _, promised := range []string{"", hash(content)} {
		f.SHA256 = promised
		_, _, err := w.supply(t).DataFile(t.Context(), f, nil)
		check(t, err, diag.Fetch, "file /a", "")
	}
}
