package imagegen_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/imagegen/project"
	"github.com/envpack/envpack/imagegen/rootfs"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
)

const (
	amd64 = "linux/amd64"
	arm64 = "linux/arm64"
	site  = "opt/env/lib/python3.11/site-packages/"
)

// world is a lock and the files that it names, which it hands out as a Supply.
type world struct {
	lock  *lockfile.Lock
	files map[string][]byte // by SHA-256

	mu       sync.Mutex
	asked    []string // names of the files that a store lacked
	calls    int
	reversed bool // put files into the store in the other order
	fail     func() error
	base     v1.Image // that images stand on
}

func newWorld() *world {
	w := &world{files: map[string][]byte{}, lock: &lockfile.Lock{
		Project: lockfile.Project{Name: "demo", Manifest: hash([]byte("manifest"))},
		Image:   lockfile.Image{Command: []string{"python", "main.py"}, User: "app", Workdir: "/app"},
		Targets: []lockfile.Target{
			{Platform: amd64, Python: "3.11.2", ABI: "cp311", Glibc: "2.36"},
			{Platform: arm64, Python: "3.11.2", ABI: "cp311", Glibc: "2.36"},
		},
		Base: lockfile.Base{Distro: "debian:12", Codename: "bookworm", Format: rootfs.Format},
	}}
	for _, platform := range []string{amd64, arm64} {
		arch := platform[len("linux/"):]
		w.deb("python3.11", "3.11.2-6", arch, testenv.DebOptions{
			Files: map[string]string{"usr/bin/python3.11": "python for " + arch}, Modes: map[string]uint32{"usr/bin/python3.11": 0o755},
		}, platform)
		w.deb("libc-bin", "2.36-9", arch, testenv.DebOptions{Files: map[string]string{"etc/ld.so.conf": "/lib\n"}}, platform)
	}
	w.deb("base-files", "12.4", "all", testenv.DebOptions{Files: map[string]string{"etc/debian_version": "12.4\n"}}, amd64, arm64)
	return w
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (w *world) deb(name, version, arch string, o testenv.DebOptions, platforms ...string) {
	file, data := testenv.Deb(name, version, arch, o)
	sum := hash(data)
	w.files[sum] = data
	w.lock.Base.Debs = append(w.lock.Base.Debs, lockfile.Deb{
		Name: name, Version: version, Architecture: arch, Archive: "debian", Path: "pool/" + file, SHA256: sum, Size: int64(len(data)), Targets: platforms,
	})
}

// wheel adds a package, or replaces that of its name, and returns its file's name.
func (w *world) wheel(name, version string, o testenv.WheelOptions) string {
	file, data := testenv.Wheel(name, version, o)
	sum := hash(data)
	w.files[sum] = data
	p := lockfile.Package{Name: name, Version: version, Files: []lockfile.File{{
		Name: file, SHA256: sum, Size: int64(len(data)), Uploaded: time.Date(2026, 3, len(name), 10, 0, 0, 0, time.UTC), Targets: []string{amd64, arm64},
	}}}
	w.remove(name)
	w.lock.Packages = append(w.lock.Packages, p)
	w.lock.Normalize()
	return file
}

func (w *world) remove(name string) {
	var rest []lockfile.Package
	for _, old := range w.lock.Packages {
		if old.Name != name {
			rest = append(rest, old)
		}
	}
	w.lock.Packages = rest
}

// own gives a package's wheels layers of their own.
func (w *world) own(name string) {
	for i := range w.lock.Packages {
		if w.lock.Packages[i].Name == name {
			w.lock.Packages[i].OwnLayer = true
		}
	}
}

type supply struct {
	*world
	store *store.Store
}

func (s supply) Wheels(ctx context.Context, wheels []imagegen.Wheel) error {
	files := map[string]string{}
	for _, x := range wheels {
		files[x.File.SHA256] = x.File.Name
	}
	return s.bring(ctx, files)
}

func (s supply) Debs(ctx context.Context, debs []lockfile.Deb) error {
	files := map[string]string{}
	for _, d := range debs {
		files[d.SHA256] = d.Name
	}
	return s.bring(ctx, files)
}

func (s supply) bring(ctx context.Context, files map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.fail != nil {
		if err := s.fail(); err != nil {
			return err
		}
	}
	var sums []string
	for sum := range files {
		sums = append(sums, sum)
	}
	sort.Strings(sums)
	if s.reversed {
		sort.Sort(sort.Reverse(sort.StringSlice(sums)))
	}
	for _, sum := range sums {
		if s.store.Has(sum) {
			continue
		}
		s.asked = append(s.asked, files[sum])
		data := s.files[sum]
		if err := s.store.Put(ctx, bytes.NewReader(data), sum, int64(len(data))); err != nil {
			return err
		}
	}
	return nil
}

// AptSources implements imagegen.Supply.
func (s supply) AptSources(distro, codename, architecture string) string {
	return "deb http://archive.example/" + distro + " " + codename + " main\n"
}

// Data implements imagegen.Supply.
func (s supply) Data(ctx context.Context, list []lockfile.DataFile) error {
	files := map[string]string{}
	for _, f := range list {
		files[f.SHA256] = f.To
	}
	return s.bring(ctx, files)
}

// FetchInterpreter implements imagegen.Supply.
func (s supply) FetchInterpreter(ctx context.Context, i lockfile.Interpreter) error {
	return s.bring(ctx, map[string]string{i.SHA256: i.Path})
}

// Image implements imagegen.Supply.
func (s supply) Image(context.Context, string, lockfile.BaseImage) (v1.Image, error) {
	return s.base, nil
}

func openStore(t testing.TB) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func (w *world) builder(st *store.Store) *imagegen.Builder {
	return &imagegen.Builder{Store: st, Supply: supply{w, st}}
}

func (w *world) plan(t testing.TB, tree *project.Tree) *imagegen.Plan {
	t.Helper()
	p, err := imagegen.NewPlan(w.lock, amd64, tree)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (w *world) build(t testing.TB, st *store.Store, tree *project.Tree) *imagegen.Image {
	t.Helper()
	image, err := w.builder(st).Build(context.Background(), w.plan(t, tree))
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// selected is a project of these files.
func selected(t testing.TB, files map[string]string) *project.Tree {
	t.Helper()
	dir := t.TempDir()
	for p, text := range files {
		p = filepath.Join(dir, filepath.FromSlash(p))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := project.Select(context.Background(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// contents reads layers, in order: the last content of each path, and an error for a path twice.
func contents(t testing.TB, layers ...imagegen.Layer) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, l := range layers {
		r, err := l.Layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		archive := tar.NewReader(r)
		for {
			h, err := archive.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if h.Typeflag == tar.TypeDir {
				continue
			}
			data, err := io.ReadAll(archive)
			if err != nil {
				t.Fatal(err)
			}
			if _, twice := files[h.Name]; twice {
				t.Errorf("%s is there twice", h.Name)
			}
			files[h.Name] = string(data)
			if h.Typeflag == tar.TypeSymlink {
				files[h.Name] = "-> " + h.Linkname
			}
		}
	}
	return files
}

func layerOf(t testing.TB, image *imagegen.Image, name string) imagegen.Layer {
	t.Helper()
	for _, l := range image.Layers {
		if l.Name == name {
			return l
		}
	}
	t.Fatalf("no layer %s", name)
	return imagegen.Layer{}
}

func names(image *imagegen.Image) []string {
	var list []string
	for _, l := range image.Layers {
		list = append(list, l.Name)
	}
	return list
}

// binOf is the name of the layer that a small wheel is in.
func binOf(name string) string { return fmt.Sprintf("wheels %02d", lockfile.Bin(name)) }

// damage changes the middle of a file in the store.
func damage(t testing.TB, st *store.Store, sum string) {
	t.Helper()
	p := filepath.Join(st.Dir(), "blobs", "sha256", sum[:2], sum)
	data, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(data) / 4; i < len(data)*3/4; i++ {
		data[i] ^= 0xff
	}
	if err := os.Chmod(p, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// forget removes a kind of memo from the store.
func forget(t testing.TB, st *store.Store, kind string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(st.Dir(), "memo", kind)); err != nil {
		t.Fatal(err)
	}
}

// leftovers are files that a build should have removed.
func leftovers(t testing.TB, st *store.Store) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(filepath.Join(st.Dir(), "tmp"), func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			list = append(list, filepath.Base(p))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
