package supply_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/supply"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
)

// world is an index and an archive, and a store.
type world struct {
	index *testenv.Index
	apt   *testenv.AptRepo
	store *store.Store
	o     supply.Options

	mu   sync.Mutex
	debs []string // paths that were asked of the archive
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{index: &testenv.Index{}, apt: testenv.NewAptRepo()}
	packages := httptest.NewServer(w.index)
	t.Cleanup(packages.Close)
	archive := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.debs = append(w.debs, r.URL.Path)
		w.mu.Unlock()
		w.apt.ServeHTTP(rw, r)
	}))
	t.Cleanup(archive.Close)
	var err error
	if w.store, err = store.Open(t.Context(), filepath.Join(t.TempDir(), "store")); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	w.o = supply.Options{
		Store:   w.store,
		Fetch:   fetch.New(fetch.Options{Sleep: func(context.Context, time.Duration) error { return nil }}),
		Sources: &sources.Sources{Index: sources.Source{URL: packages.URL + "/simple/", From: "a test"}, Archives: map[string]sources.Source{}},
		Now:     func() time.Time { return now },
		MaxAge:  10 * time.Minute,
	}
	for name, url := range w.apt.Archives(archive.URL) {
		w.o.Sources.Archives[name] = sources.Source{URL: url, From: "a test"}
	}
	return w
}

func (w *world) supply(t *testing.T) *supply.Supply {
	t.Helper()
	s, err := supply.New(w.o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wheel adds a wheel to the index and gives it as the lock has it.
func (w *world) wheel(name, version string, o testenv.WheelOptions) imagegen.Wheel {
	file, data := testenv.Wheel(name, version, o)
	w.index.AddWheel(file, data, testenv.IndexFile{})
	return imagegen.Wheel{
		Package: lockfile.Package{Name: name, Version: version},
		File:    lockfile.File{Name: file, SHA256: hash(data), Size: int64(len(data))},
	}
}

func (w *world) deb(name, version string, o testenv.DebOptions) lockfile.Deb {
	_, data := testenv.Deb(name, version, "amd64", o)
	return lockfile.Deb{
		Name: name, Version: version, Architecture: "amd64", Archive: "debian",
		Path: w.apt.AddDeb(name, version, "amd64", o), SHA256: hash(data), Size: int64(len(data)),
	}
}

// check holds an error to a code, a text and a hint.
func check(t *testing.T, err error, code diag.Code, text, hint string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if diag.CodeOf(err) != code || !strings.Contains(err.Error(), text) {
		t.Errorf("code %d, %q; want code %d and %q", diag.CodeOf(err), err, code, text)
	}
	if hints := strings.Join(diag.HintsOf(err), "\n"); !strings.Contains(hints, hint) {
		t.Errorf("hints %q; want %q", hints, hint)
	}
}

func TestWheels(t *testing.T) {
	w := newWorld(t)
	list := []imagegen.Wheel{w.wheel("one", "1.0", testenv.WheelOptions{}), w.wheel("two", "1.0", testenv.WheelOptions{}), w.wheel("two", "2.0", testenv.WheelOptions{})}
	list = append(list, list[0])
	var tasks []string
	var total, done atomic.Int64
	w.o.Task = func(name string, n int64) func(int64) {
		tasks = append(tasks, name)
		total.Store(n)
		return func(n int64) { done.Add(n) }
	}
	s := w.supply(t)
	if err := s.Wheels(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	for _, x := range list {
		if !w.store.Has(x.File.SHA256) {
			t.Errorf("the store lacks %s", x.File.Name)
		}
		if n := w.index.Count("/files/" + x.File.Name); n != 1 {
			t.Errorf("%s was asked for %d times", x.File.Name, n)
		}
	}
	if total.Load() != done.Load() || total.Load() == 0 {
		t.Errorf("told of %d bytes of %d", done.Load(), total.Load())
	}
	w.index.Forget()
	if err := s.Wheels(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	if n := len(w.index.Requests()); n != 0 {
		t.Errorf("%d requests for files that are there", n)
	}
	if diff := cmp.Diff([]string{"downloading 3 wheels"}, tasks); diff != "" {
		t.Error(diff)
	}
}

// TestOnceEach has several calls ask for the same files at a time.
func TestOnceEach(t *testing.T) {
	w := newWorld(t)
	var list []imagegen.Wheel
	var debs []lockfile.Deb
	for i := range 20 {
		list = append(list, w.wheel(fmt.Sprintf("p%02d", i), "1.0", testenv.WheelOptions{}))
		debs = append(debs, w.deb(fmt.Sprintf("d%02d", i), "1.0", testenv.DebOptions{}))
	}
	s := w.supply(t)
	var group sync.WaitGroup
	for range 4 {
		group.Add(2)
		go func() {
			defer group.Done()
			if err := s.Wheels(context.Background(), list); err != nil {
				t.Error(err)
			}
		}()
		go func() {
			defer group.Done()
			if err := s.Debs(context.Background(), debs); err != nil {
				t.Error(err)
			}
		}()
	}
	group.Wait()
	for _, x := range list {
		if n := w.index.Count("/files/" + x.File.Name); n != 1 {
			t.Errorf("%s was asked for %d times", x.File.Name, n)
		}
	}
	count := map[string]int{}
	for _, p := range w.debs {
		count[p]++
	}
	for _, d := range debs {
		if n := count["/debian/"+d.Path]; n != 1 {
			t.Errorf("%s was asked for %d times", d.Path, n)
		}
		if !w.store.Has(d.SHA256) {
			t.Errorf("the store lacks %s", d.Name)
		}
	}
}

func TestReplacedWheel(t *testing.T) {
	w := newWorld(t)
	x := w.wheel("one", "1.0", testenv.WheelOptions{})
	x.File.SHA256 = strings.Repeat("0", 64)
	err := w.supply(t).Wheels(t.Context(), []imagegen.Wheel{x})
	check(t, err, diag.Mismatch, "one-1.0-py3-none-any.whl: the lock has the SHA-256 "+x.File.SHA256+", the index now ", "envpack lock --upgrade-package one")
}

// TestReplacedInSilence has an index that gives no hashes.
func TestReplacedInSilence(t *testing.T) {
	w := newWorld(t)
	w.index.NoHashes = true
	x := w.wheel("one", "1.0", testenv.WheelOptions{})
	x.File.SHA256 = strings.Repeat("0", 64)
	err := w.supply(t).Wheels(t.Context(), []imagegen.Wheel{x})
	check(t, err, diag.Mismatch, "wheel one-1.0-py3-none-any.whl", "")
}

func TestVanishedWheel(t *testing.T) {
	w := newWorld(t)
	x := w.wheel("one", "1.0", testenv.WheelOptions{})
	x.File.Name = "one-2.0-py3-none-any.whl"
	x.File.SHA256 = strings.Repeat("0", 64)
	check(t, w.supply(t).Wheels(t.Context(), []imagegen.Wheel{x}), diag.Fetch, "the index has no file one-2.0-py3-none-any.whl any more", "envpack lock --upgrade-package one")

	x.Package.Name = "nowhere"
	check(t, w.supply(t).Wheels(t.Context(), []imagegen.Wheel{x}), diag.Fetch, "the index has no file one-2.0-py3-none-any.whl any more", "envpack lock --upgrade-package nowhere")

	// The page has it, and the file is gone.
	y := w.wheel("two", "1.0", testenv.WheelOptions{})
	w.index.Fail("/files/"+y.File.Name, testenv.IndexFailure{Status: http.StatusNotFound})
	check(t, w.supply(t).Wheels(t.Context(), []imagegen.Wheel{y}), diag.Fetch, "wheel two-1.0-py3-none-any.whl", "envpack lock --upgrade-package two")
}

// TestOldPage has a cached page that is older than the lock.
func TestOldPage(t *testing.T) {
	w := newWorld(t)
	old := w.wheel("one", "1.0", testenv.WheelOptions{})
	if err := w.supply(t).Wheels(t.Context(), []imagegen.Wheel{old}); err != nil {
		t.Fatal(err)
	}
	fresh := w.wheel("one", "2.0", testenv.WheelOptions{})
	s := w.supply(t)
	w.index.Forget()
	if _, err := s.WheelURL(t.Context(), old.Package, old.File); err != nil {
		t.Fatal(err)
	}
	if n := w.index.Count("/simple/"); n != 0 {
		t.Errorf("%d requests for a page that is cached", n)
	}
	if err := s.Wheels(t.Context(), []imagegen.Wheel{fresh}); err != nil {
		t.Error(err)
	}
	if n := w.index.Count("/simple/"); n != 1 {
		t.Errorf("%d requests for the page", n)
	}
}

func TestUnknownIndex(t *testing.T) {
	w := newWorld(t)
	x := w.wheel("one", "1.0", testenv.WheelOptions{})
	x.Package.Index = "company"
	check(t, w.supply(t).Wheels(t.Context(), []imagegen.Wheel{x}), diag.Fetch, `the lock takes one from the index "company", which is not configured`, "envpack lock")
}

func TestNamedIndex(t *testing.T) {
	w := newWorld(t)
	other := &testenv.Index{}
	server := httptest.NewServer(other)
	defer server.Close()
	x := w.wheel("one", "1.0", testenv.WheelOptions{})
	_, data := testenv.Wheel("one", "1.0", testenv.WheelOptions{})
	other.AddWheel(x.File.Name, data, testenv.IndexFile{})
	x.Package.Index = "company"
	w.o.Indexes = []supply.Index{{Name: "company", URL: server.URL + "/simple/"}}
	if err := w.supply(t).Wheels(t.Context(), []imagegen.Wheel{x}); err != nil {
		t.Fatal(err)
	}
	if len(w.index.Requests()) != 0 || other.Count("/files/") != 1 {
		t.Errorf("asked the default index %d times, the other %d", len(w.index.Requests()), other.Count("/files/"))
	}

	// A default of one's own takes the place of the other.
	w.o.Indexes[0].Default = true
	x.Package.Index = ""
	x.File.SHA256 = strings.Repeat("0", 64)
	check(t, w.supply(t).Wheels(t.Context(), []imagegen.Wheel{x}), diag.Fetch, "which is not configured", "envpack lock")
}

func TestTwoIndexesOfOneName(t *testing.T) {
	w := newWorld(t)
	w.o.Indexes = []supply.Index{{Name: "a", URL: "https://a.example/simple/"}, {Name: "a", URL: "https://b.example/simple/"}}
	if _, err := supply.New(w.o); diag.CodeOf(err) != diag.Manifest {
		t.Error(err)
	}
}

func TestSupersededDeb(t *testing.T) {
	w := newWorld(t)
	d := w.deb("libx", "1.0", testenv.DebOptions{})
	d.Path, d.SHA256, d.Version = "pool/main/libx_0.9_amd64.deb", strings.Repeat("0", 64), "0.9"
	check(t, w.supply(t).Debs(t.Context(), []lockfile.Deb{d}), diag.Fetch, "package libx 0.9", "a newer version took its place; `envpack lock --upgrade-base`")
}

func TestUnknownArchive(t *testing.T) {
	w := newWorld(t)
	d := w.deb("libx", "1.0", testenv.DebOptions{})
	d.Archive = "ubuntu"
	check(t, w.supply(t).Debs(t.Context(), []lockfile.Deb{d}), diag.Fetch, `the lock names the archive "ubuntu", for which there is no address`, "envpack lock --upgrade")
}

func TestDebIsAnother(t *testing.T) {
	w := newWorld(t)
	d := w.deb("libx", "1.0", testenv.DebOptions{})
	d.SHA256 = strings.Repeat("0", 64)
	check(t, w.supply(t).Debs(t.Context(), []lockfile.Deb{d}), diag.Mismatch, "package libx 1.0", "")
}

func TestCancelled(t *testing.T) {
	w := newWorld(t)
	x := w.wheel("one", "1.0", testenv.WheelOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.supply(t).Wheels(ctx, []imagegen.Wheel{x}); err == nil || w.store.Has(x.File.SHA256) {
		t.Error(err)
	}
}

func TestDescribe(t *testing.T) {
	w := newWorld(t)
	w.o.Sources.Index = sources.Source{URL: "https://index.example/simple/", From: "PIP_INDEX_URL"}
	want := "packages from https://index.example/simple/ (PIP_INDEX_URL)"
	if diff := cmp.Diff(want, w.supply(t).Describe()); diff != "" {
		t.Error(diff)
	}
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
