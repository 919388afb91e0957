package index

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/testenv"
)

// folder writes files, by path, into a new folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func names(t *testing.T, p *Project) (list []string) {
	t.Helper()
	for _, f := range listOf(t, p.Files) {
		list = append(list, f.Filename)
	}
	return list
}

// TestForms reads folders and pages of every form, from this machine and from elsewhere.
func TestForms(t *testing.T) {
	wheel, content := testenv.Wheel("My.Pkg", "1.0", testenv.WheelOptions{Requires: []string{"b>1"}})
	json := `{"meta":{"api-version":"1.0"},"files":[{"filename":"` + wheel + `","url":"files/` + wheel + `"},{"filename":"b-1.zip","url":"b-1.zip"}]}`
	html := `<a href="files/` + wheel + `">x</a> <a href="b-1.tar.gz#md5=00">b</a> <a href="README.html">not a file</a>`
	dir := folder(t, map[string]string{
		"flat/" + wheel: string(content), "flat/b-1.tar.gz": "x", "flat/notes.txt": "", "flat/sub/c-1.zip": "x", "flat/d.whl/x": "",
		"html/links": html, "html/files/" + wheel: string(content), "json/links": "\n" + json, "json/files/" + wheel: string(content),
		"simple/My.Pkg/" + wheel: string(content), "simple/my_pkg/index.html": `<title>Links for x</title>`, "simple/b/index.json": strings.ReplaceAll(json, "files/", "../my-pkg/"),
		"simple/file": "x", "simple/bad/index.html": "<script></script>",
	})
	s := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer s.Close()
	for _, tt := range []struct {
		what string
		set  func(*Options)
		name string
		want []string
	}{
		{"a folder", func(o *Options) { o.Path, o.Flat = filepath.Join(dir, "flat"), true }, "my-pkg", []string{wheel}},
		{"a source distribution", func(o *Options) { o.Path, o.Flat = filepath.Join(dir, "flat"), true }, "B", []string{"b-1.tar.gz"}},
		{"not below it", func(o *Options) { o.Path, o.Flat = filepath.Join(dir, "flat"), true }, "c", nil},
		{"not a folder", func(o *Options) { o.Path, o.Flat = filepath.Join(dir, "flat"), true }, "d.whl", nil},
		{"a page in HTML", func(o *Options) { o.Path, o.Flat = filepath.Join(dir, "html", "links"), true }, "my-pkg", []string{wheel}},
		{"a page in JSON", func(o *Options) { o.Path, o.Flat = filepath.Join(dir, "json", "links"), true }, "my-pkg", []string{wheel}},
		{"a copy of an index, two spellings", func(o *Options) { o.Path = filepath.Join(dir, "simple") }, "my-pkg", []string{wheel}},
		{"a copy of an index, JSON", func(o *Options) { o.Path = filepath.Join(dir, "simple") }, "b", []string{wheel, "b-1.zip"}},
		{"a copy of an index, no folder", func(o *Options) { o.Path = filepath.Join(dir, "simple") }, "file", nil},
		{"a page over http", func(o *Options) { o.URL, o.Flat = s.URL+"/html/links", true }, "my-pkg", []string{wheel}},
		{"none over http", func(o *Options) { o.URL, o.Flat = s.URL+"/html/links", true }, "c", nil},
	} {
		t.Run(tt.what, func(t *testing.T) {
			w := newWorld(t)
			x := w.client(tt.set, func(o *Options) {
				if o.Path != "" {
					o.URL = ""
				}
			})
			p, err := x.Project(t.Context(), tt.name)
			if tt.want == nil {
				if p != nil || err == nil || !strings.Contains(err.Error(), ErrNoProject.Error()) {
					t.Fatalf("%v %v", p, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, names(t, p)); d != "" {
				t.Error(d)
			}
			if tt.name != "my-pkg" {
				return
			}
			f := fileOf(t, p, 0)
			if m, err := x.Metadata(t.Context(), f); err != nil || len(m.Requires) != 1 {
				t.Fatalf("%+v %v", m, err)
			}
			learnt, err := x.Learn(t.Context(), f)
			if err != nil || learnt.SHA256 != sumOf(content) || learnt.Size != int64(len(content)) || f.Vouched() {
				t.Errorf("%+v %v", learnt, err)
			}
		})
	}
	for text, set := range map[string]func(*Options){
		"does not exist": func(o *Options) { o.Path, o.Flat = filepath.Join(dir, "none"), true },
		"is a file, and a simple index is a folder": func(o *Options) { o.Path = filepath.Join(dir, "html", "links") },
	} {
		_, err := newWorld(t).client(set).Project(t.Context(), "a")
		wantError(t, err, diag.Manifest, text)
	}
	_, err := newWorld(t).client(func(o *Options) { o.URL, o.Flat = s.URL+"/none", true }).Project(t.Context(), "a")
	wantError(t, err, diag.Fetch, "there is nothing at")
	_, err = newWorld(t).client(func(o *Options) { o.Path = filepath.Join(dir, "simple") }).Project(t.Context(), "bad")
	wantError(t, err, diag.Fetch, "another HTML page")
}

func sumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// TestLearn holds files whose SHA-256 is not given to what is given, and remembers what was learnt as long as the
// server says that the file is the same.
func TestLearn(t *testing.T) {
	filename, content := testenv.Wheel("a", "1.0", testenv.WheelOptions{})
	long, short := sha512.Sum512(content), sha1.Sum(content)
	tag, downloads := `"one"`, 0
	mux := http.NewServeMux()
	mux.HandleFunc("/files/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		if r.Header.Get("Range") == "" {
			downloads++
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(content)))
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	st, err := store.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	client := func() *Index {
		x, err := New(Options{URL: s.URL, Name: "odd", Fetch: fetch.New(fetch.Options{}), Store: st, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	file := func(sum string) File {
		return File{Filename: filename, URL: s.URL + "/files/" + filename, Size: -1, Sum: sum}
	}
	for _, tt := range []struct {
		sum     string
		vouched bool
		err     string
	}{
		{"", false, ""}, {"sha512=" + hex.EncodeToString(long[:]), true, ""}, {"sha1=" + hex.EncodeToString(short[:]), false, ""},
		{"sha512=00", true, `expected sha512 "00", got sha512 ` + hex.EncodeToString(long[:])}, {"md5=00", false, `expected md5 "00"`},
		{"sha224=00", false, `expected sha224 "00"`},
	} {
		f := file(tt.sum)
		got, err := client().Learn(t.Context(), f)
		if tt.err != "" {
			wantError(t, err, diag.Mismatch, "index odd gives no SHA-256 of "+filename)
			wantError(t, err, diag.Mismatch, tt.err)
		} else if err != nil || got.SHA256 != sumOf(content) {
			t.Errorf("%s: %+v %v", tt.sum, got, err)
		}
		if f.Vouched() != tt.vouched {
			t.Errorf("%s: vouched %t", tt.sum, f.Vouched())
		}
	}
	downloads = 0
	if _, err := client().Learn(t.Context(), file("")); err != nil || downloads != 0 {
		t.Errorf("%d downloads of a file that is the same: %v", downloads, err)
	}
	tag = `"two"`
	if _, err := client().Learn(t.Context(), file("")); err != nil || downloads != 1 {
		t.Errorf("%d downloads of a file that may have changed: %v", downloads, err)
	}
	f := file("")
	f.Size = 7
	tag = `"three"`
	_, err = client().Learn(t.Context(), f)
	wantError(t, err, diag.Mismatch, fmt.Sprintf("has %d bytes, but the index says 7", len(content)))
}

// TestLearnChanged refuses a file that changes between being resolved and being hashed.
func TestLearnChanged(t *testing.T) {
	filename, content := testenv.Wheel("a", "1.0", testenv.WheelOptions{})
	_, other := testenv.Wheel("a", "1.0", testenv.WheelOptions{Requires: []string{"evil"}})
	dir := folder(t, map[string]string{filename: string(content)})
	x := newWorld(t).client(func(o *Options) { o.Path, o.Flat = dir, true })
	p, err := x.Project(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	f := fileOf(t, p, 0)
	f.Size = -1
	if _, err := x.Metadata(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, filename), other, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = x.Learn(t.Context(), f)
	wantError(t, err, diag.Mismatch, `only one of them requires "evil"`)
}

// TestFragments reads the hashes behind an address as pip does.
func TestFragments(t *testing.T) {
	for fragment, want := range map[string][2]string{
		"": {"", ""}, "sha256=ab": {"ab", ""}, "egg=a&sha256=ab": {"ab", ""}, "md5=x&sha512=Y": {"", "sha512=y"},
		"sha512=y&sha256=ab": {"ab", "sha512=y"}, "sha1=z&md5=x": {"", "sha1=z"}, "blake2b=q": {"", ""}, "sha256": {"", ""},
	} {
		sha256, sum := fragmentHashes(fragment)
		if got := [2]string{sha256, sum}; got != want {
			t.Errorf("%q: %q", fragment, got)
		}
	}
}

// TestHashesOfWrongLength: a file whose hash cannot be one is not usable; it is not taken for one without a hash, whose
// own would be learnt.
func TestHashesOfWrongLength(t *testing.T) {
	const name = "my_pkg-1.0-py3-none-any.whl"
	good := strings.Repeat("0a", 32)
	for _, sum := range []string{good[1:], good + "0", good + good, strings.Repeat("g0", 32), "0", " " + good, good[:63] + "é"} {
		pages := map[string]string{
			"json":     `{"meta":{"api-version":"1.0"},"files":[{"filename":"` + name + `","url":"` + name + `","hashes":{"sha256":"` + sum + `","sha512":"` + good + good + `"}}]}`,
			"fragment": `{"meta":{"api-version":"1.0"},"files":[{"filename":"` + name + `","url":"` + name + `#sha256=` + sum + `","hashes":{}}]}`,
			"html":     `<title>Links for x</title><a href="` + name + `#sha256=` + sum + `">x</a>`,
		}
		for form, page := range pages {
			dir := folder(t, map[string]string{"links": page, name: "x"})
			p, err := newWorld(t).client(func(o *Options) { o.URL, o.Path, o.Flat = "", filepath.Join(dir, "links"), true }).Project(t.Context(), "my-pkg")
			if err != nil {
				t.Fatal(err)
			}
			if u := p.Unreadable; p.Files.Len() != 0 || u.Count != 1 || u.First[0].Name != name || u.First[0].Reason != "what the index gives as its SHA-256 is none" {
				t.Errorf("%s %q: %v, %+v", form, sum, names(t, p), u)
			}
		}
	}
}

// TestManyUnreadable: a project of a flat index whose files cannot be used is there, however many others are like it. Else
// it would be looked for in another index.
func TestManyUnreadable(t *testing.T) {
	var page strings.Builder
	page.WriteString("<title>Links for all</title>\n")
	for i := range 100 {
		fmt.Fprintf(&page, "<a href=\"p%d-1.0-py3-none-any.whl#sha256=0\">x</a>\n<a href=\"p0-1.%d-py3-none-any.whl#sha256=0\">x</a>\n", i, i)
	}
	dir := folder(t, map[string]string{"links": page.String()})
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		io.WriteString(rw, page.String())
	}))
	defer s.Close()
	w := newWorld(t)
	remote := func(o *Options) { o.URL, o.Flat = s.URL, true }
	for what, x := range map[string]*Index{
		"a file": w.client(func(o *Options) { o.URL, o.Path, o.Flat = "", filepath.Join(dir, "links"), true }),
		"a page": w.client(remote), "what is kept of it": w.client(remote, func(o *Options) { o.Name = "again" }),
	} {
		for name, least := range map[string]int{"p0": 2, "p1": 1, "p50": 1, "p99": 1} {
			p, err := x.Project(t.Context(), name)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if n := p.Unreadable.Count; n < least || n > maxEntries || n != len(p.Unreadable.First) {
				t.Errorf("%s: %s: %+v", what, name, p.Unreadable)
			}
		}
		_, err := x.Project(t.Context(), "p100")
		wantError(t, err, diag.Failure, "no such project")
	}
}

// TestHostileSizes holds pages and metadata to their limits, without reading them.
func TestHostileSizes(t *testing.T) {
	w := newWorld(t)
	filename := w.add("a", "1.0", testenv.WheelOptions{}, testenv.IndexFile{})
	big := func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/huge/"):
			rw.Header().Set("Content-Length", "1073741824")
			rw.Header().Set("Content-Type", "application/json")
			rw.WriteHeader(200)
		case strings.HasSuffix(r.URL.Path, ".metadata"):
			rw.Header().Set("Content-Length", "104857600")
			rw.WriteHeader(200)
		default:
			w.fake.ServeHTTP(rw, r)
		}
	}
	s := httptest.NewServer(http.HandlerFunc(big))
	defer s.Close()
	x := w.client(func(o *Options) { o.URL = s.URL + "/simple/" })
	_, err := x.Project(t.Context(), "huge")
	wantError(t, err, diag.Fetch, "asking index fake for huge: ")
	wantError(t, err, diag.Fetch, fmt.Sprintf("larger than %d bytes", pageLimit))
	if hints := strings.Join(diag.HintsOf(err), "\n"); !strings.Contains(hints, "no page of an index is that large") {
		t.Errorf("hints %q", hints)
	}
	_, err = x.Metadata(t.Context(), fileOf(t, w.project(x, "a"), 0))
	wantError(t, err, diag.Fetch, "reading the metadata of "+filename+" in index fake: ")
	wantError(t, err, diag.Fetch, fmt.Sprintf("larger than %d bytes", metadataLimit))

	// A METADATA that inflates to more than it may be makes the version unusable, and nothing else.
	w.fake.Metadata = false
	w.add("b", "1.0", testenv.WheelOptions{Metadata: strings.Repeat("Keywords: "+strings.Repeat("x", 1000)+"\n", 40000)}, testenv.IndexFile{})
	x = w.client()
	_, err = x.Metadata(t.Context(), fileOf(t, w.project(x, "b"), 0))
	if e := (*MetadataError)(nil); !errors.As(err, &e) || !strings.Contains(err.Error(), "bytes are more than") {
		t.Errorf("%v", err)
	}
}
