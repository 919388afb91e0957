package verify_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/imagegen/project"
	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/imagegen/rootfs"
	"github.com/envpack/envpack/imagegen/verify"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
)

const (
	amd64 = "linux/amd64"
	site  = "opt/env/lib/python3.11/site-packages/"
)

// world is a lock and the files that it names, which it hands out as a Supply.
type world struct {
	t     *testing.T
	lock  *lockfile.Lock
	files map[string][]byte // by SHA-256
	store *store.Store
	tree  *project.Tree
}

func newWorld(t *testing.T) *world {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, files: map[string][]byte{}, store: st, lock: &lockfile.Lock{
		Project: lockfile.Project{Name: "demo", Manifest: fmt.Sprintf("%064d", 1)},
		Image:   lockfile.Image{Command: []string{"python", "main.py"}, User: "app", Workdir: "/app"},
		Targets: []lockfile.Target{{Platform: amd64, Python: "3.11.2", ABI: "cp311", Glibc: "2.36"}},
		Base:    lockfile.Base{Distro: "debian:12", Codename: "bookworm", Format: rootfs.Format},
	}}
	w.deb("python3.11", "3.11.2-6", testenv.DebOptions{
		Files: map[string]string{"usr/bin/python3.11": "python", "usr/lib/python3.11/os.py": "# os\n"}, Modes: map[string]uint32{"usr/bin/python3.11": 0o755},
	})
	w.deb("libc-bin", "2.36-9", testenv.DebOptions{Files: map[string]string{"etc/ld.so.conf": "/lib\n", "bin/getent": "getent"}})
	w.deb("base-files", "12.4", testenv.DebOptions{Files: map[string]string{"etc/debian_version": "12.4\n", "etc/shells": "/bin/sh\n"}})
	w.wheel("alpha", "1.0", testenv.WheelOptions{})
	w.wheel("beta", "2.0", testenv.WheelOptions{})
	w.lock.Normalize()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.py"), []byte("print('hello')\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if w.tree, err = project.Select(context.Background(), dir, nil); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) keep(data []byte) string {
	sum := fmt.Sprintf("%x", sha256.Sum256(data))
	w.files[sum] = data
	return sum
}

func (w *world) deb(name, version string, o testenv.DebOptions) {
	file, data := testenv.Deb(name, version, "amd64", o)
	w.lock.Base.Debs = append(w.lock.Base.Debs, lockfile.Deb{
		Name: name, Version: version, Architecture: "amd64", Archive: "debian", Path: "pool/" + file, SHA256: w.keep(data), Size: int64(len(data)), Targets: []string{amd64},
	})
}

func (w *world) wheel(name, version string, o testenv.WheelOptions) {
	file, data := testenv.Wheel(name, version, o)
	w.lock.Packages = append(w.lock.Packages, lockfile.Package{Name: name, Version: version, OwnLayer: name == "alpha", Files: []lockfile.File{{
		Name: file, SHA256: w.keep(data), Size: int64(len(data)), Uploaded: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC), Targets: []string{amd64},
	}}})
}

func (w *world) put(ctx context.Context, sums ...string) error {
	for _, sum := range sums {
		if w.store.Has(sum) {
			continue
		}
		data, ok := w.files[sum]
		if !ok {
			return errors.New("nobody has it")
		}
		if err := w.store.Put(ctx, bytes.NewReader(data), sum, int64(len(data))); err != nil {
			return err
		}
	}
	return nil
}

// Wheels implements imagegen.Supply.
func (w *world) Wheels(ctx context.Context, wheels []imagegen.Wheel) error {
	for _, x := range wheels {
		if err := w.put(ctx, x.File.SHA256); err != nil {
			return fmt.Errorf("%s: %w", x.File.Name, err)
		}
	}
	return nil
}

// Debs implements imagegen.Supply.
func (w *world) Debs(ctx context.Context, debs []lockfile.Deb) error {
	for _, d := range debs {
		if err := w.put(ctx, d.SHA256); err != nil {
			return fmt.Errorf("%s: %w", d.Name, err)
		}
	}
	return nil
}

// Data implements imagegen.Supply.
func (w *world) Data(ctx context.Context, list []lockfile.DataFile) error {
	for _, f := range list {
		if err := w.put(ctx, f.SHA256); err != nil {
			return fmt.Errorf("%s: %w", f.To, err)
		}
	}
	return nil
}

// Image implements imagegen.Supply.
func (w *world) Image(context.Context, string, lockfile.BaseImage) (v1.Image, error) {
	return nil, errors.New("there is no image below")
}

// AptSources implements imagegen.Supply.
func (w *world) AptSources(string, string, string) string { return "" }

// FetchInterpreter implements imagegen.Supply.
func (w *world) FetchInterpreter(context.Context, lockfile.Interpreter) error {
	return errors.New("there is no interpreter")
}

func (w *world) builder() *imagegen.Builder { return &imagegen.Builder{Store: w.store, Supply: w} }

func (w *world) plan(lock *lockfile.Lock) *imagegen.Plan {
	w.t.Helper()
	p, err := imagegen.NewPlan(lock, amd64, w.tree)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// layout builds the image and writes it into a folder.
func (w *world) layout() string {
	w.t.Helper()
	image, err := w.builder().Build(context.Background(), w.plan(w.lock))
	if err != nil {
		w.t.Fatal(err)
	}
	return w.write(image.Image)
}

func (w *world) write(image v1.Image) string {
	w.t.Helper()
	a, err := publish.New(publish.PlatformImage{Platform: amd64, Image: image})
	if err != nil {
		w.t.Fatal(err)
	}
	dir := filepath.Join(w.t.TempDir(), "image")
	if err := publish.Write(context.Background(), publish.Output{Form: publish.Layout, Path: dir}, a, publish.Options{}); err != nil {
		w.t.Fatal(err)
	}
	return dir
}

// rebuild makes the image again, without the files of lacking.
func (w *world) rebuild(v *verify.Verification, lacking map[string]error) (*imagegen.Plan, *imagegen.Rebuilt) {
	w.t.Helper()
	p := w.plan(w.lock)
	stand := func(int, int) (imagegen.Layer, bool) { return imagegen.Layer{}, false }
	if v != nil {
		stand = v.Stand
	}
	r, err := w.builder().Rebuild(context.Background(), p, lacking, stand)
	if err != nil {
		w.t.Fatal(err)
	}
	return p, r
}

func open(t *testing.T, dir string) *publish.Source {
	t.Helper()
	src, err := publish.Open(context.Background(), dir, publish.OpenOptions{Tolerant: true})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// begin opens the image in a folder.
func begin(t *testing.T, dir string, o verify.Options) *verify.Verification {
	t.Helper()
	src := open(t, dir)
	if len(src.Images) != 1 {
		t.Fatalf("%d images; %+v", len(src.Images), src.Troubles)
	}
	v, err := verify.New(src.Images[0].Image, false, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, trouble := range src.Troubles {
		v.Report.Find(verify.Changed(trouble.Document, trouble.Data, trouble.Was, trouble.Err))
	}
	return v
}

// compare makes all checks against an image that was made again.
func compare(t *testing.T, v *verify.Verification, rebuilt *imagegen.Rebuilt) *verify.Report {
	t.Helper()
	ctx := context.Background()
	for _, check := range []func() error{
		func() error { return v.Digests(ctx, rebuilt) },
		func() error { return v.Layers(ctx, rebuilt) },
		func() error { return v.Documents(rebuilt) },
	} {
		if err := check(); err != nil {
			t.Fatal(err)
		}
	}
	v.Report.Finish()
	return v.Report
}
