package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/testenv"
)

var uploaded = time.Date(2025, 3, 4, 5, 6, 7, 890000000, time.UTC)

// world is a fake index and clients of it that share a store.
type world struct {
	t    *testing.T
	fake *testenv.Index
	url  string
	st   *store.Store
	now  time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, fake: &testenv.Index{Metadata: true}, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	s := httptest.NewServer(w.fake)
	t.Cleanup(s.Close)
	w.url = s.URL
	st, err := store.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w.st = st
	return w
}

func (w *world) client(change ...func(*Options)) *Index {
	w.t.Helper()
	o := Options{URL: w.url + "/simple/", Name: "fake", Store: w.st, MaxAge: 10 * time.Minute, Now: func() time.Time { return w.now }}
	for _, c := range change {
		c(&o)
	}
	o.Fetch = fetch.New(fetch.Options{Offline: o.Offline, Sleep: func(ctx context.Context, d time.Duration) error { return ctx.Err() }})
	x, err := New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return x
}

func offline(o *Options) { o.Offline = true }

// add adds a wheel, and gives its name.
func (w *world) add(name, version string, o testenv.WheelOptions, f testenv.IndexFile) string {
	filename, content := testenv.Wheel(name, version, o)
	w.fake.AddWheel(filename, content, f)
	return filename
}

func (w *world) project(x *Index, name string) *Project {
	w.t.Helper()
	p, err := x.Project(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func wantError(t *testing.T, err error, code diag.Code, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) || diag.CodeOf(err) != code {
		t.Errorf("error %v (code %d), want %q (code %d)", err, diag.CodeOf(err), text, code)
	}
}

func TestPageInBothForms(t *testing.T) {
	for _, form := range []string{"JSON", "HTML"} {
		t.Run(form, func(t *testing.T) {
			w := newWorld(t)
			w.fake.HTMLOnly = form == "HTML"
			w.fake.Status = "archived"
			w.add("A.b", "1.0", testenv.WheelOptions{}, testenv.IndexFile{Uploaded: uploaded, RequiresPython: ">=3.9,<4"})
			w.add("a_b", "1.1", testenv.WheelOptions{}, testenv.IndexFile{Yanked: true, YankedReason: `broken & "bad"`})
			p := w.project(w.client(), "A-B")
			if p.Name != "a-b" || p.IndexName != "fake" || p.Status != "archived" || p.Files.Len() != 2 {
				t.Fatalf("%+v", p)
			}
			g, f := fileOf(t, p, 0), fileOf(t, p, 1)
			if f.Filename != "A_b-1.0-py3-none-any.whl" || f.URL != w.url+"/files/"+f.Filename || len(f.SHA256) != 64 ||
				f.RequiresPython != ">=3.9,<4" || f.Yanked || !f.HasMetadata || len(f.MetadataSHA256) != 64 {
				t.Errorf("%+v", f)
			}
			if form == "JSON" && (!f.Uploaded.Equal(uploaded) || f.Size <= 0) || form == "HTML" && (!f.Uploaded.IsZero() || f.Size != -1) {
				t.Errorf("%+v", f)
			}
			if !g.Yanked || g.YankedReason != `broken & "bad"` {
				t.Errorf("%+v", g)
			}
			// The page from the store is the same.
			again := w.project(w.client(), "a-b")
			if d := cmp.Diff(listOf(t, p.Files), listOf(t, again.Files)); d != "" {
				t.Error(d)
			}
			p.Files, again.Files = Files{}, Files{}
			if d := cmp.Diff(p, again, cmp.AllowUnexported(Files{})); d != "" {
				t.Error(d)
			}
			if n := w.fake.Count("/simple/"); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestFreshness(t *testing.T) {
	w := newWorld(t)
	w.fake.ETags = true
	w.add("a", "1", testenv.WheelOptions{}, testenv.IndexFile{})
	w.project(w.client(), "a")
	w.now = w.now.Add(9 * time.Minute)
	w.project(w.client(), "a")
	if n := w.fake.Count("/simple/"); n != 1 {
		t.Fatalf("%d requests", n)
	}
	w.now = w.now.Add(2 * time.Minute)
	w.project(w.client(), "a")
	if r := w.fake.Requests(); len(r) != 2 || r[1].Status != 304 {
		t.Fatalf("%+v", r)
	}
	w.project(w.client(), "a") // fresh again
	w.now = w.now.Add(time.Hour)
	w.add("a", "2", testenv.WheelOptions{}, testenv.IndexFile{})
	if p := w.project(w.client(offline), "a"); p.Files.Len() != 1 {
		t.Error("offline does not use the old page")
	}
	if p := w.project(w.client(), "a"); p.Files.Len() != 2 {
		t.Error("stale page used")
	}
	_, err := w.client(offline).Project(t.Context(), "b")
	wantError(t, err, diag.Fetch, "asking index fake for b: fetching "+w.url+"/simple/b/: not in the store, and envpack is offline")
}

func TestPageErrors(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(x *testenv.Index)
		text string
	}{
		{"malformed", func(x *testenv.Index) { x.Malformed = true }, "reading the page of a in index fake at http://127.0.0.1"},
		{"version", func(x *testenv.Index) { x.APIVersion = "2.0" }, `speaks version "2.0" of the simple API`},
		{"version in HTML", func(x *testenv.Index) { x.APIVersion, x.HTMLOnly = "2.0", true }, `speaks version "2.0"`},
		{"forbidden", func(x *testenv.Index) { x.Fail("/simple/a/", testenv.IndexFailure{Status: 403}) }, "403 Forbidden"},
		{"down", func(x *testenv.Index) { x.Fail("/simple/a/", testenv.IndexFailure{Status: 503}) }, "tried 5 times"},
		{"cut", func(x *testenv.Index) { x.Fail("/simple/a/", testenv.IndexFailure{Truncate: 10}) }, "ended early"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.add("a", "1", testenv.WheelOptions{}, testenv.IndexFile{})
			tt.set(w.fake)
			_, err := w.client().Project(t.Context(), "a")
			wantError(t, err, diag.Fetch, tt.text)
		})
	}
	w := newWorld(t)
	_, err := w.client().Project(t.Context(), "a")
	if !errors.Is(err, ErrNoProject) {
		t.Error(err)
	}
	w.fake.Status = "quarantined"
	w.fake.Fail("/simple/a/", testenv.IndexFailure{Status: 429, Count: 2, RetryAfter: "1"})
	w.add("a", "1", testenv.WheelOptions{}, testenv.IndexFile{})
	w.now = w.now.Add(time.Hour)
	if p := w.project(w.client(), "a"); p.Files.Len() != 0 || p.Status != "quarantined" {
		t.Errorf("%+v", p)
	}
	for _, bad := range []string{"", "packages.example/simple", "file:///x", "http://user:secret@/", "https://user:secret@packages.example/"} {
		if _, err := New(Options{URL: bad, Name: "n"}); diag.CodeOf(err) != diag.Manifest || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// big is a file that does not compress, so that the metadata is not near everything else.
func big(n int) string {
	b, x := make([]byte, n), uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return string(b)
}

func TestMetadataWays(t *testing.T) {
	options := testenv.WheelOptions{
		Requires: []string{"B.c>=1,<2; extra == 'X_y'", "d (>=2.7.*)"}, RequiresPython: ">=3.8.*", Extras: []string{"X_y", "z"},
		Files: map[string]string{"0.bin": big(700 << 10)}, Stored: true,
	}
	for _, tt := range []struct {
		name  string
		set   func(x *testenv.Index)
		paths string // requests below /files/
		bytes int64  // at most
	}{
		{"metadata file", func(x *testenv.Index) {}, "whl.metadata 200", 1000},
		{"tail", func(x *testenv.Index) { x.Metadata = false }, "whl 206", 49 << 10},
		{"tail without size", func(x *testenv.Index) { x.Metadata, x.NoSizes = false, true }, "whl 206", 49 << 10},
		{"no hashes", func(x *testenv.Index) { x.Metadata, x.NoHashes = false, true }, "whl 206", 49 << 10},
		{"no ranges", func(x *testenv.Index) { x.Metadata, x.NoRanges = false, true }, "whl 200, whl 200", 1 << 21},
		{"no ranges nor hashes", func(x *testenv.Index) { x.Metadata, x.NoRanges, x.NoHashes = false, true, true }, "whl 200, whl 200", 1 << 21},
		{"metadata file missing", func(x *testenv.Index) {
			x.Fail("/files/A-1.0-py3-none-any.whl.metadata", testenv.IndexFailure{Status: 404})
		}, "whl.metadata 404, whl 206", 49 << 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.set(w.fake)
			w.add("A", "1.0", options, testenv.IndexFile{})
			x := w.client()
			f := fileOf(t, w.project(x, "a"), 0)
			m, err := x.Metadata(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			var requires []string
			for _, r := range m.Requires {
				requires = append(requires, r.String())
			}
			if d := cmp.Diff([]string{`b-c<2,>=1; extra == "x-y"`, "d>=2.7"}, requires); d != "" {
				t.Error(d)
			}
			if m.Name != "a" || m.Version != "1.0" || m.RequiresPython != ">=3.8" || strings.Join(m.Extras, " ") != "x-y z" {
				t.Errorf("%+v", m)
			}
			var got []string
			var n int64
			for _, r := range w.fake.Requests() {
				if rest, ok := strings.CutPrefix(r.Path, "/files/"); ok {
					got = append(got, fmt.Sprintf("%s %d", rest[strings.Index(rest, ".whl")+1:], r.Status))
					n += r.Bytes
				}
			}
			if strings.Join(got, ", ") != tt.paths || n > tt.bytes {
				t.Errorf("requests %q, %d bytes", got, n)
			}
			// The second time, and offline, nothing is asked.
			if f.SHA256 == "" {
				return
			}
			w.fake.Forget()
			again, err := w.client(offline).Metadata(t.Context(), f)
			if err != nil || len(w.fake.Requests()) != 0 {
				t.Fatal(err)
			}
			if err := SameMetadata(m, again); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestMetadataBehindManyFiles reads a wheel whose central directory is longer than the tail that is
// fetched at first: the second range gets the rest of the directory and METADATA.
func TestMetadataBehindManyFiles(t *testing.T) {
	w := newWorld(t)
	w.fake.Metadata = false
	files := map[string]string{}
	for i := range 800 {
		files[fmt.Sprintf("Z/some/folder/that/has/a/long/name/%04d.py", i)] = big(20)
	}
	w.add("a", "1", testenv.WheelOptions{Files: files, Requires: []string{"b"}}, testenv.IndexFile{})
	x := w.client()
	m, err := x.Metadata(t.Context(), fileOf(t, w.project(x, "a"), 0))
	if err != nil || len(m.Requires) != 1 {
		t.Fatal(err)
	}
	if n := w.fake.Count("/files/"); n != 2 {
		t.Errorf("%d requests: %+v", n, w.fake.Requests())
	}
}

// TestMetadataInFront reads a wheel whose .dist-info is not at the end, which takes another range.
func TestMetadataInFront(t *testing.T) {
	w := newWorld(t)
	w.fake.Metadata = false
	w.fake.AddWheel("a-1-py3-none-any.whl", testenv.Zip([]testenv.ZipMember{
		{Name: "a-1.dist-info/METADATA", Content: []byte("Metadata-Version: 2.1\nName: a\nVersion: 1\n")},
		{Name: "a-1.dist-info/WHEEL", Content: []byte("Wheel-Version: 1.0\n")},
		{Name: "a-1.dist-info/RECORD"},
		{Name: "a.bin", Content: []byte(big(300 << 10)), Stored: true},
	}), testenv.IndexFile{})
	x := w.client()
	m, err := x.Metadata(t.Context(), fileOf(t, w.project(x, "a"), 0))
	if err != nil || m.Version != "1" {
		t.Fatal(err)
	}
	if n := w.fake.Count("/files/"); n > 3 {
		t.Errorf("%d requests", n)
	}
}

func TestMetadataErrors(t *testing.T) {
	wheel := func(name, version string, o testenv.WheelOptions) []byte {
		_, b := testenv.Wheel(name, version, o)
		return b
	}
	for _, tt := range []struct {
		name     string
		content  []byte
		set      func(x *testenv.Index)
		unusable bool
		code     diag.Code
		text     string
	}{
		{"name", wheel("b", "1.0", testenv.WheelOptions{}), nil, true, diag.Failure, "it is of b, not a"},
		{"version", wheel("a", "1.1", testenv.WheelOptions{}), nil, true, diag.Failure, "it is of version 1.1, not 1.0"},
		{"requirement", wheel("a", "1.0", testenv.WheelOptions{Requires: []string{"b >=> 1"}}), nil, true, diag.Failure, "Requires-Dist: "},
		{"python", wheel("a", "1.0", testenv.WheelOptions{RequiresPython: "three"}), nil, true, diag.Failure, "Requires-Python: "},
		{"no zip", bytes.Repeat([]byte("x"), 100), nil, true, diag.Failure, "a-1.0-py3-none-any.whl"},
		{"hash", wheel("a", "1.0", testenv.WheelOptions{}), func(x *testenv.Index) { x.WrongHash = true }, false, diag.Mismatch, "expected sha256"},
		{"hash of a small wheel", wheel("a", "1.0", testenv.WheelOptions{}), func(x *testenv.Index) { x.Metadata, x.WrongHash = false, true }, false, diag.Mismatch, "a-1.0-py3-none-any.whl: expected sha256"},
		{"gone", wheel("a", "1.0", testenv.WheelOptions{}), func(x *testenv.Index) {
			x.Metadata = false
			x.Fail("/files/a-1.0-py3-none-any.whl", testenv.IndexFailure{Status: 404})
		}, false, diag.Fetch, "reading the metadata of a-1.0-py3-none-any.whl in index fake: "},
		{"down", wheel("a", "1.0", testenv.WheelOptions{}), func(x *testenv.Index) {
			x.Fail("/files/a-1.0-py3-none-any.whl.metadata", testenv.IndexFailure{Status: 500})
		}, false, diag.Fetch, "500"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			if tt.set != nil {
				tt.set(w.fake)
			}
			w.fake.AddWheel("a-1.0-py3-none-any.whl", tt.content, testenv.IndexFile{})
			x := w.client()
			f := fileOf(t, w.project(x, "a"), 0)
			for range 2 { // from the index, from the store
				_, err := x.Metadata(t.Context(), f)
				wantError(t, err, tt.code, tt.text)
				var unusable *MetadataError
				if errors.As(err, &unusable) != tt.unusable {
					t.Errorf("%T %v", err, err)
				}
			}
		})
	}
}

func TestSingleFlight(t *testing.T) {
	w := newWorld(t)
	w.fake.Delay = 30 * time.Millisecond
	w.add("a", "1", testenv.WheelOptions{}, testenv.IndexFile{})
	x := w.client()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if i == 0 {
				if _, err := x.Project(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				return
			}
			p, err := x.Project(t.Context(), "a")
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := x.Metadata(t.Context(), fileOf(t, p, 0)); err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	if n, m := w.fake.Count("/simple/"), w.fake.Count("/files/"); n > 2 || m != 1 {
		t.Errorf("%d pages, %d files", n, m)
	}
}

func TestSet(t *testing.T) {
	first, second, bound := newWorld(t), newWorld(t), newWorld(t)
	named := func(name string) func(*Options) { return func(o *Options) { o.Name = name } }
	for _, w := range []*world{first, second, bound} {
		w.add("common", "1", testenv.WheelOptions{}, testenv.IndexFile{})
	}
	second.add("only", "1", testenv.WheelOptions{}, testenv.IndexFile{})
	second.add("nvidia-a", "1", testenv.WheelOptions{}, testenv.IndexFile{})
	second.add("nvidia-b", "1", testenv.WheelOptions{}, testenv.IndexFile{})
	bound.add("nvidia-a", "1", testenv.WheelOptions{}, testenv.IndexFile{})
	s, err := NewSet(Source{Index: first.client(named("first"))}, Source{Index: bound.client(named("bound")), Packages: []string{"NVIDIA_*", "torch"}},
		Source{Index: second.client(named("second"))})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"common": "first", "only": "second", "nvidia-a": "bound",
		"nvidia-b": "nvidia-b is not in index bound, which it is bound to", "torch": "torch is not in index bound",
		"none": "none is in none of the indexes first, second"} {
		p, err := s.Project(t.Context(), name)
		if err != nil {
			if !errors.Is(err, ErrNoProject) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if p.IndexName != want {
			t.Errorf("%s from %s", name, p.IndexName)
		}
		if _, err := s.Metadata(t.Context(), p, fileOf(t, p, 0)); err != nil {
			t.Error(err)
		}
	}
	if bound.fake.Count("/simple/common") != 0 {
		t.Error("a bound index was asked for another package")
	}
	// An index that fails is not passed over.
	first.fake.Fail("/simple/only/", testenv.IndexFailure{Status: 401})
	first.now = first.now.Add(time.Hour)
	s, _ = NewSet(Source{Index: first.client(named("first"))}, Source{Index: second.client(named("second"))})
	_, err = s.Project(t.Context(), "only")
	wantError(t, err, diag.Fetch, "401")
	_, err = NewSet(Source{Index: first.client(), Packages: []string{"[a"}})
	wantError(t, err, diag.Manifest, "packages")
	_, err = NewSet(Source{Index: first.client()}, Source{Index: second.client()})
	wantError(t, err, diag.Manifest, "two indexes with the name fake")
}
