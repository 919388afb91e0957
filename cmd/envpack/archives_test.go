package main

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
)

// repo is the script's own archive of that codename, which changes for it alone.
func (w *world) repo(ts *testscript.TestScript, codename string) *testenv.AptRepo {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, r := range w.archives {
		if r.Codename != codename && r.Archive != codename {
			continue
		}
		if !w.owned[codename] {
			r = r.Clone()
			w.archives[i], w.owned[codename] = r, true
		}
		return r
	}
	ts.Fatalf("there is no archive %s", codename)
	return nil
}

// serveArchives serves the archives, and below /files/ and /keys/ what scripts made.
func (w *world) serveArchives(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	all := append(testenv.AptRepos(nil), w.archives...)
	file, ok := w.files[r.URL.Path]
	w.asked = append(w.asked, r.URL.Path)
	w.mu.Unlock()
	if ok {
		rw.Write(file)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/library/") {
		w.snapshots.Files(rw, r)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/snapshot/") {
		http.StripPrefix("/snapshot", &w.snapshots).ServeHTTP(rw, r)
		return
	}
	all.ServeHTTP(rw, r)
}

// serveFile puts a file below a path.
func (w *world) serveFile(path string, data []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.files[path] = data
}

// archive makes the archive of others NAME, with a key that is served as /keys/NAME.asc, written to NAME.asc, and whose
// fingerprint is $NAME_KEY; flat, it is a flat repository.
func (w *world) archive(ts *testscript.TestScript, args []string) {
	if len(args) == 0 || len(args) > 2 || len(args) == 2 && args[1] != "flat" {
		ts.Fatalf("want NAME [flat]")
	}
	r := testenv.NewAptRepoOf(args[0], "stable")
	r.Flat = len(args) == 2
	w.mu.Lock()
	w.archives = append(w.archives, r)
	w.owned[args[0]] = true
	w.mu.Unlock()
	w.serveFile("/keys/"+args[0]+".asc", []byte(r.ArmoredKey()))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".asc"), []byte(r.ArmoredKey()), 0o644))
	ts.Setenv(strings.ToUpper(args[0])+"_KEY", r.Fingerprint())
}

// deb puts a package into the archive of a codename. file may be given several times, as PATH:TEXT or PATH:@FILE;
// postinst is a file. A key with a capital is a field of its control file.
func (w *world) deb(ts *testscript.TestScript, args []string) {
	if len(args) < 3 {
		ts.Fatalf("want CODENAME NAME VERSION [KEY=VALUE]...")
	}
	o := testenv.DebOptions{Fields: map[string]string{}, Files: map[string]string{}}
	arch := "amd64"
	for _, arg := range args[3:] {
		key, value, _ := strings.Cut(arg, "=")
		switch {
		case key == "arch":
			arch = value
		case key == "pocket":
			o.Pocket = value
		case key == "file":
			p, text, _ := strings.Cut(value, ":")
			o.Files[p] = textOrFile(ts, text)
		case key == "postinst":
			o.Members = map[string]string{key: ts.ReadFile(value)}
		case key != strings.ToLower(key):
			o.Fields[key] = value
		default:
			ts.Fatalf("a package has no %s", key)
		}
	}
	w.repo(ts, args[0]).AddDeb(args[1], args[2], arch, o)
}

// gone takes a version of a package out of the archive of a codename.
func (w *world) gone(ts *testscript.TestScript, args []string) {
	arguments(ts, args, "CODENAME", "NAME", "VERSION")
	w.repo(ts, args[0]).Remove(args[1], args[2])
}

// snapshot keeps what the archive of a codename has as its state from a day on, at the snapshot service below /snapshot, and
// its packages in the library below /library.
func (w *world) snapshot(ts *testscript.TestScript, args []string) {
	arguments(ts, args, "CODENAME", "DAY")
	from, err := time.Parse(time.DateOnly, args[1])
	ts.Check(err)
	w.snapshots.Keep(w.repo(ts, args[0]), from)
}

// release changes what the releases of a codename say: date=2026-02-01, until=2026-03-01, contents=true, or key=NAME,
// whose key then signs; key=own signs with an archive's first key again.
func (w *world) release(ts *testscript.TestScript, args []string) {
	arguments(ts, args, "CODENAME", "KEY=VALUE")
	key, value, _ := strings.Cut(args[1], "=")
	day := func() time.Time {
		t, err := time.Parse(time.DateOnly, value)
		ts.Check(err)
		return t
	}
	r := w.repo(ts, args[0])
	switch key {
	case "date":
		at := day()
		r.Change(func(r *testenv.AptRepo) { r.Date = at })
	case "until":
		at := day()
		r.Change(func(r *testenv.AptRepo) { r.ValidUntil = at })
	case "contents":
		r.Change(func(r *testenv.AptRepo) { r.Contents = value == "true" })
	case "key":
		other := testenv.NewAptRepoOf(r.Archive, "") // has the archive's own key
		if value != "own" {
			other = w.repo(ts, value)
		}
		r.SignAs(other)
	default:
		ts.Fatalf("a release has no %s", key)
	}
}

// askedFor holds the archives' server to N requests, or some, for paths with the prefix, since the last time.
func (w *world) askedFor(ts *testscript.TestScript, args []string) {
	arguments(ts, args, "PREFIX", "N")
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, p := range w.asked {
		if strings.HasPrefix(p, args[0]) {
			n++
		}
	}
	if args[1] == "some" && n > 0 {
		w.asked = nil
		return
	}
	if args[1] == "some" || n != number(ts, args[1]) {
		ts.Fatalf("%d requests for %s, want %s: %s", n, args[0], args[1], strings.Join(w.asked, " "))
	}
	w.asked = nil
}

// interpreter writes an archive of a Python, which needs the sonames, and serves it below /files/. Its hash is $SHA256.
func (w *world) interpreter(ts *testscript.TestScript, args []string) {
	if len(args) < 2 {
		ts.Fatalf("want FILE VERSION [SONAME]...")
	}
	data := testenv.PythonArchive(args[1], args[2:]...)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o644))
	w.serveFile("/files/"+path.Base(args[0]), data)
	ts.Setenv("SHA256", fmt.Sprintf("%x", sha256.Sum256(data)))
}

// expand replaces $NAME and ${NAME} in a file.
func expand(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, args, "FILE")
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)), 0o644))
}

// layers holds envpack.lock's first seal to layers of these names at its beginning.
func layers(ts *testscript.TestScript, neg bool, args []string) {
	lock, err := lockfile.Read(ts.MkAbs("envpack.lock"))
	ts.Check(err)
	if len(lock.Seals) == 0 {
		ts.Fatalf("the lock has no seal")
	}
	var names []string
	for _, l := range lock.Seals[0].Layers {
		names = append(names, l.Name)
	}
	if got := strings.Join(names[:min(len(args), len(names))], " "); (got == strings.Join(args, " ")) == neg {
		ts.Fatalf("the layers are %s", strings.Join(names, ", "))
	}
}

// layer sets $NAME to the digest of a layer in envpack.lock's first seal.
func layerDigest(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, args, "LAYER", "NAME")
	lock, err := lockfile.Read(ts.MkAbs("envpack.lock"))
	ts.Check(err)
	for _, s := range lock.Seals {
		for _, l := range s.Layers {
			if l.Name == args[0] {
				ts.Setenv(args[1], l.Digest)
				return
			}
		}
	}
	ts.Fatalf("no seal has a layer %s", args[0])
}

// equal compares two texts, as those of variables.
func equal(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, args, "A", "B")
	if (args[0] == args[1]) == neg {
		ts.Fatalf("%q and %q: equal is %t", args[0], args[1], !neg)
	}
}

// holds looks for a path in the image of a layout, of that text, or a link of that target.
func holds(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 && len(args) != 3 {
		ts.Fatalf("want DIR PATH [TEXT]")
	}
	files, err := filesOf(ts.MkAbs(args[0]))
	ts.Check(err)
	text, ok := files[args[1]]
	if good := ok && (len(args) == 2 || text == textOrFile(ts, args[2])); good == neg {
		ts.Fatalf("%s in %s: is there %t, %q", args[1], args[0], ok, text)
	}
}

// textOrFile is a text as it stands, or for @NAME that of a file of the script.
func textOrFile(ts *testscript.TestScript, text string) string {
	if name, ok := strings.CutPrefix(text, "@"); ok {
		return ts.ReadFile(name)
	}
	return text
}

// filesOf are the texts of the files in the single image of a layout, and the targets of links; PATH@capability is a
// file's attribute in hexadecimal. No layer may
// take away what another has.
func filesOf(dir string) (map[string]string, error) {
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	if len(manifest.Manifests) != 1 {
		return nil, fmt.Errorf("%d images", len(manifest.Manifests))
	}
	img, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		return nil, err
	}
	list, err := img.Layers()
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, l := range list {
		if err := readLayer(l, files); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func readLayer(l v1.Layer, files map[string]string) error {
	r, err := l.Uncompressed()
	if err != nil {
		return err
	}
	defer r.Close()
	archive := tar.NewReader(r)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			return err
		}
		files[strings.TrimSuffix(h.Name, "/")] = string(data) + h.Linkname
		if value, ok := h.PAXRecords["SCHILY.xattr.security.capability"]; ok {
			files[h.Name+"@capability"] = fmt.Sprintf("%x", value)
		}
	}
}
