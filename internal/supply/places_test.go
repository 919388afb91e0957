package supply_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/resolver/apt"
	"github.com/envpack/envpack/resolver/pep440"
)

// TestFurtherPlaces: a package that its archive has no more may be where ended releases are.
func TestFurtherPlaces(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(gone.Close)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("something else")) }))
	t.Cleanup(other.Close)
	broken := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(broken.Close)
	w := newWorld(t)
	there := w.o.Sources.Archives["debian"].URL
	for name, c := range map[string]struct {
		first   string
		further []string
		text    string // of the error; "" for none
		hint    string
	}{
		"at the second":     {first: gone.URL, further: []string{there}},
		"at the third":      {first: gone.URL, further: []string{gone.URL, there}},
		"behind another":    {first: gone.URL, further: []string{other.URL, there}},
		"behind silence":    {first: gone.URL, further: []string{broken.URL, there}},
		"the first silent":  {first: broken.URL, further: []string{there}},
		"nowhere":           {first: gone.URL, further: []string{gone.URL}, text: "package libx 1.0", hint: strings.TrimPrefix(gone.URL, "http://") + " did not give it either"},
		"another elsewhere": {first: gone.URL, further: []string{other.URL}, text: "404", hint: "envpack lock --upgrade-base"},
		"one place":         {first: gone.URL, text: "404", hint: "a newer version took its place"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d := w.deb("libx", "1.0", testenv.DebOptions{})
			w.o.Sources.Archives["debian"] = sources.Source{URL: c.first, Further: c.further}
			for i, place := range c.further {
				if place == there {
					c.further[i] = newPlace(t, w)
				}
			}
			err := w.supply(t).Debs(t.Context(), []lockfile.Deb{d})
			if c.text != "" {
				check(t, err, diag.Fetch, c.text, c.hint)
				return
			}
			if err != nil || !w.store.Has(d.SHA256) {
				t.Error(err)
			}
		})
	}
	// What is elsewhere does not replace what the archive itself has.
	d := w.deb("liby", "1.0", testenv.DebOptions{})
	d.SHA256 = strings.Repeat("0", 64)
	w.o.Sources.Archives["debian"] = sources.Source{URL: there, Further: []string{gone.URL}}
	check(t, w.supply(t).Debs(t.Context(), []lockfile.Deb{d}), diag.Mismatch, "package liby 1.0", "")
}

// newPlace serves a world's archive at another address.
func newPlace(t *testing.T, w *world) string {
	server := httptest.NewServer(w.apt)
	t.Cleanup(server.Close)
	return server.URL + "/debian"
}

// TestSilentPlace: a further place that cannot be reached is not waited for with every package.
func TestSilentPlace(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(gone.Close)
	silent := httptest.NewServer(nil)
	silent.Close()
	w := newWorld(t)
	var tries atomic.Int64
	w.o.Fetch = fetch.New(fetch.Options{Sleep: func(context.Context, time.Duration) error { tries.Add(1); return nil }})
	w.o.Sources.Archives["debian"] = sources.Source{URL: gone.URL, Further: []string{silent.URL}}
	s := w.supply(t)
	d := w.deb("libx", "1.0", testenv.DebOptions{})
	check(t, s.Debs(t.Context(), []lockfile.Deb{d}), diag.Fetch, "404", strings.TrimPrefix(silent.URL, "http://")+" did not give it either")
	once := tries.Load()
	if once == 0 {
		t.Fatal("it was not tried")
	}
	check(t, s.Debs(t.Context(), []lockfile.Deb{d}), diag.Fetch, "404", "")
	if tries.Load() != once {
		t.Errorf("tried again, %d times", tries.Load()-once)
	}
}

// TestNamedArchive: an archive that the lock names is at its address in the lock, whatever the machine's configuration has.
func TestNamedArchive(t *testing.T) {
	w := newWorld(t)
	d := w.deb("libx", "1.0", testenv.DebOptions{})
	d.Archive = "vendor"
	w.o.Archives = []lockfile.Archive{{Name: "vendor", URL: newPlace(t, w) + "/"}}
	if err := w.supply(t).Debs(t.Context(), []lockfile.Deb{d}); err != nil || !w.store.Has(d.SHA256) {
		t.Error(err)
	}
}

// baseWorld is a world whose archive can be resolved.
func baseWorld(t *testing.T) *world {
	w := newWorld(t)
	roots, err := apt.Roots("debian:12")
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range roots {
		w.apt.AddEmpty(root.Name)
	}
	key := filepath.Join(t.TempDir(), "key.asc")
	if err := os.WriteFile(key, []byte(w.apt.ArmoredKey()), 0o644); err != nil {
		t.Fatal(err)
	}
	w.o.SourcesFor = func(codename string) (*sources.Sources, error) {
		found := *w.o.Sources
		found.Keyrings = []string{key}
		return &found, nil
	}
	return w
}

// TestBaseFurther: a suite that its archive has no more is looked for where ended releases are.
func TestBaseFurther(t *testing.T) {
	w := baseWorld(t)
	want := apt.Options{Distro: "debian:12", Architecture: "amd64", Pockets: []string{"release"}}
	gone := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(gone.Close)
	w.o.Sources.Archives["debian"] = sources.Source{URL: gone.URL}
	if _, err := w.supply(t).Base(t.Context(), want); diag.CodeOf(err) != diag.Fetch {
		t.Fatalf("an archive that is gone: %v", err)
	}
	w.o.Sources.Archives["debian"] = sources.Source{URL: gone.URL, Further: []string{newPlace(t, w)}}
	r, err := w.supply(t).Base(t.Context(), want)
	if err != nil || r.PythonFull != "1.0" {
		t.Fatalf("%v, %v", r, err)
	}
	w.o.SourcesFor = func(string) (*sources.Sources, error) {
		found := *w.o.Sources
		found.Keyrings = []string{"none.asc"}
		return &found, nil
	}
	if _, err := w.supply(t).Base(t.Context(), want); err == nil || !strings.Contains(err.Error(), "none.asc") {
		t.Errorf("a keyring that is gone: %v", err)
	}
}

// TestFetchedKey: a key that is fetched counts with its fingerprint alone, and is there without a network.
func TestFetchedKey(t *testing.T) {
	for _, flat := range []bool{false, true} {
		w := baseWorld(t)
		vendor := testenv.NewAptRepoOf("vendor", "stable")
		vendor.Flat = flat
		vendor.AddEmpty("driver")
		mux := http.NewServeMux()
		mux.Handle("/vendor/", vendor)
		mux.HandleFunc("/key.asc", func(rw http.ResponseWriter, r *http.Request) { rw.Write([]byte(vendor.ArmoredKey())) })
		server := httptest.NewServer(mux)
		archive := apt.Archive{Name: "vendor", URL: server.URL + "/vendor", Suite: "stable", Components: []string{"main"}, Fingerprints: []string{vendor.Fingerprint()}}
		if flat {
			archive.Suite, archive.Components = "./", nil
		}
		want := func() apt.Options {
			return apt.Options{Distro: "debian:12", Architecture: "amd64", System: []string{"driver"}, Extra: []apt.Archive{archive}}
		}
		w.o.KeyURLs = map[string]string{"vendor": server.URL + "/key.asc"}
		r, err := w.supply(t).Base(t.Context(), want())
		if err != nil {
			t.Fatal(err)
		}
		server.Close()
		w.o.Offline = true
		w.o.Fetch = fetch.New(fetch.Options{Offline: true})
		again, err := w.supply(t).Base(t.Context(), want())
		if d := cmp.Diff(r, again); d != "" || err != nil {
			t.Errorf("flat %t: %v %s", flat, err, d)
		}
		archive.Fingerprints = []string{strings.Repeat("0", 40)}
		if _, err := w.supply(t).Base(t.Context(), want()); diag.CodeOf(err) != diag.Mismatch {
			t.Errorf("flat %t: a wrong fingerprint: %v", flat, err)
		}
	}
}

// TestObjects: what wheels need is read once, and in the order of the wheels.
func TestObjects(t *testing.T) {
	w := newWorld(t)
	var list []resolver.Wheel
	for _, name := range []string{"one", "two", "three"} {
		x := w.wheel(name, "1.0", testenv.WheelOptions{Files: map[string]string{
			name + "/_a.so": string(testenv.ELF{Needed: []string{"lib" + name + ".so.1", "libc.so.6"}}.Bytes()), name + "/text.so": "no library",
		}})
		list = append(list, resolver.Wheel{Package: x.Package, File: x.File})
	}
	pure := w.wheel("pure", "1.0", testenv.WheelOptions{})
	list = append(list, resolver.Wheel{Package: pure.Package, File: pure.File})
	read := func(s resolver.Scanner) [][]string {
		t.Helper()
		found, err := s.Objects(t.Context(), list)
		if err != nil {
			t.Fatal(err)
		}
		needed := make([][]string, len(found))
		for i, objects := range found {
			for _, o := range objects {
				needed[i] = append(needed[i], o.Path+" needs "+strings.Join(o.Needed, " "))
			}
		}
		return needed
	}
	want := [][]string{{"one/_a.so needs libone.so.1 libc.so.6"}, {"two/_a.so needs libtwo.so.1 libc.so.6"}, {"three/_a.so needs libthree.so.1 libc.so.6"}, nil}
	if d := cmp.Diff(want, read(w.supply(t))); d != "" {
		t.Error(d)
	}
	// The wheels are needed no more.
	if err := os.RemoveAll(filepath.Join(w.store.Dir(), "blobs")); err != nil {
		t.Fatal(err)
	}
	w.index.Forget()
	if d := cmp.Diff(want, read(w.supply(t))); d != "" {
		t.Error(d)
	}
	if n := w.index.Count("/files/"); n != 0 {
		t.Errorf("%d wheels were fetched again", n)
	}
	// A wheel that cannot be read is an error that names it.
	file := list[0].File
	cut := []byte("no wheel")
	w.index.AddWheel("cut-1.0-py3-none-any.whl", cut, testenv.IndexFile{})
	file.Name, file.SHA256, file.Size = "cut-1.0-py3-none-any.whl", hash(cut), int64(len(cut))
	_, err := w.supply(t).Objects(t.Context(), []resolver.Wheel{{Package: lockfile.Package{Name: "cut", Version: "1.0"}, File: file}})
	if err == nil || !strings.Contains(err.Error(), "cut-1.0-py3-none-any.whl") {
		t.Error(err)
	}
}

func TestInterpreter(t *testing.T) {
	w := newWorld(t)
	data := testenv.PythonArchive("3.12.4", "libz.so.1")
	w.o.Dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(w.o.Dir, "python.tar.gz"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/python.tar.gz" {
			http.NotFound(rw, r)
			return
		}
		rw.Write(data)
	}))
	t.Cleanup(server.Close)
	for _, a := range []manifest.PythonArchive{{Path: "python.tar.gz", SHA256: hash(data)}, {URL: server.URL + "/python.tar.gz", SHA256: hash(data)}} {
		i, err := w.supply(t).Interpreter(t.Context(), a, "linux/amd64")
		if err != nil {
			t.Fatal(err)
		}
		want := &resolver.Interpreter{
			Interpreter: lockfile.Interpreter{Target: "linux/amd64", Version: "3.12.4", Path: a.Path + a.URL, SHA256: hash(data), Size: int64(len(data))},
			Needed:      []string{"libc.so.6", "libz.so.1"},
		}
		if d := cmp.Diff(want, i); d != "" {
			t.Error(d)
		}
		if err := os.RemoveAll(filepath.Join(w.store.Dir(), "blobs")); err != nil {
			t.Fatal(err)
		}
	}
	s := w.supply(t)
	for name, c := range map[string]struct {
		archive  manifest.PythonArchive
		platform string
		code     diag.Code
		text     string
	}{
		"another file":      {manifest.PythonArchive{Path: "python.tar.gz", SHA256: strings.Repeat("0", 64)}, "linux/amd64", diag.Mismatch, "python.tar.gz has the SHA-256 " + hash(data)},
		"no file":           {manifest.PythonArchive{Path: "none.tar.gz", SHA256: hash([]byte("none"))}, "linux/amd64", diag.Manifest, "none.tar.gz"},
		"nothing there":     {manifest.PythonArchive{URL: server.URL + "/none", SHA256: hash([]byte("none"))}, "linux/amd64", diag.Fetch, "/none"},
		"another there":     {manifest.PythonArchive{URL: server.URL + "/python.tar.gz", SHA256: strings.Repeat("0", 64)}, "linux/amd64", diag.Mismatch, "/python.tar.gz"},
		"other processors'": {manifest.PythonArchive{Path: "python.tar.gz", SHA256: hash(data)}, "linux/arm64", 0, "arm64"},
	} {
		_, err := s.Interpreter(t.Context(), c.archive, c.platform)
		if err == nil || c.code != 0 && diag.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: code %d, %v", name, diag.CodeOf(err), err)
		}
	}
	// A published one comes from its place; one that there is not is none.
	w.o.Sources.Archives[sources.PythonBuilds] = sources.Source{URL: server.URL + "/builds"}
	_, err := w.supply(t).Published(t.Context(), manifest.Python{Specifiers: pep440.MustParseSpecifiers("==3.11.9")}, "linux/amd64")
	check(t, err, diag.Fetch, "cpython-3.11.9", "python-archive")
	if i, err := w.supply(t).Published(t.Context(), manifest.Python{Specifiers: pep440.MustParseSpecifiers("==2.7.1")}, "linux/amd64"); i != nil || err != nil {
		t.Errorf("%v, %v", i, err)
	}
	delete(w.o.Sources.Archives, sources.PythonBuilds)
	err = w.supply(t).FetchInterpreter(t.Context(), lockfile.Interpreter{Archive: sources.PythonBuilds, Path: "x", SHA256: strings.Repeat("1", 64)})
	check(t, err, diag.Fetch, "for which there is no address", "--apt-mirror "+sources.PythonBuilds+"=URL")
}
