package supply

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
)

// shelved is a shelf with some wheels, by hash.
type shelved struct {
	s     *Supply
	files map[string][]byte
}

func (s shelved) Wheel(ctx context.Context, f lockfile.File) (bool, error) {
	data, ok := s.files[f.SHA256]
	if !ok {
		return false, nil
	}
	return true, s.s.Store.Put(ctx, bytes.NewReader(data), f.SHA256, int64(len(data)))
}

// builtLock is a lock with a wheel that was built.
func builtLock(sum string, size int64, name string) *lockfile.Lock {
	l := &lockfile.Lock{
		Project: lockfile.Project{Name: "demo"},
		Targets: []lockfile.Target{{Platform: "linux/amd64", Python: "3.11.2", ABI: "cp311", Glibc: "2.36"}},
		Base:    lockfile.Base{Distro: "debian:12", Codename: "bookworm", Format: "rootfs/1"},
	}
	id := l.AddBuild(lockfile.Build{Target: "linux/amd64", Env: map[string]string{"A": "1"}})
	l.Packages = []lockfile.Package{{
		Name: "demo", Version: "1", Sources: []lockfile.Source{{Name: "demo-1.tar.gz", SHA256: strings.Repeat("1", 64), Size: 3}},
		Files: []lockfile.File{{Name: name, SHA256: sum, Size: size, Build: id, Targets: []string{"linux/amd64"}}},
	}}
	return l
}

// TestTakeBuilt takes a wheel that was built from the store, from a shelf, or from a build that is remembered, and holds that to the lock.
func TestTakeBuilt(t *testing.T) {
	name, data := testenv.Wheel("demo", "1", testenv.WheelOptions{})
	l := builtLock(sumOf(data), int64(len(data)), name)
	w := imagegen.Wheel{Package: l.Packages[0], File: l.Packages[0].Files[0]}
	fresh := func() *Supply {
		return &Supply{Options: Options{Store: openStore(t), Lock: l, Tell: func(string) {}, Task: func(string, int64) func(int64) { return func(int64) {} }}}
	}
	note := func(s *Supply, name string, data []byte) {
		t.Helper()
		order, err := orderOf(l, w)
		if err != nil {
			t.Fatal(err)
		}
		if order.Settings.Env["A"] != "1" || order.Hook != resolver.WheelHook || order.Package.Files != nil {
			t.Errorf("%+v", order)
		}
		key, err := buildKey(order)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(noteOf(t, s, name, data))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Store.PutMemo(builtMemo, key, text); err != nil {
			t.Fatal(err)
		}
	}

	s := fresh()
	s.Shelf = shelved{s, map[string][]byte{w.File.SHA256: data}}
	if err := s.Wheels(t.Context(), []imagegen.Wheel{w}); err != nil || !s.Store.Has(w.File.SHA256) {
		t.Errorf("from the shelf: %v", err)
	}

	s = fresh()
	_, other := testenv.Wheel("demo", "1", testenv.WheelOptions{Files: map[string]string{"other.py": ""}})
	note(s, name, other)
	ran := 0
	s.step = func(context.Context, resolver.BuildOrder) (builtNote, error) {
		ran++
		return noteOf(t, s, name, other), nil
	}
	err := s.Wheels(t.Context(), []imagegen.Wheel{w})
	if diag.CodeOf(err) != diag.Mismatch || !strings.Contains(err.Error(), "is not the wheel that the lock has") || len(diag.HintsOf(err)) != 2 {
		t.Errorf("another wheel: %v, %q", err, diag.HintsOf(err))
	}
	lacking, err := s.Lacking(t.Context(), imagegen.Needs{Wheels: []imagegen.Wheel{w}})
	if err != nil || diag.CodeOf(lacking[w.File.SHA256]) != diag.Mismatch {
		t.Errorf("%v, %v", lacking, err)
	}
	if ran != 2 {
		t.Errorf("built %d times: what another wheel is remembered of has not been built again", ran)
	}
	s.step = func(context.Context, resolver.BuildOrder) (builtNote, error) { return noteOf(t, s, name, data), nil }
	if err := s.Wheels(t.Context(), []imagegen.Wheel{w}); err != nil || !s.Store.Has(w.File.SHA256) {
		t.Errorf("built again: %v", err)
	}

	s = fresh()
	s.Lock = nil
	if err := s.Wheels(t.Context(), []imagegen.Wheel{w}); diag.CodeOf(err) != diag.Fetch {
		t.Errorf("without a lock: %v", err)
	}
}

// noteOf puts a wheel into the store as a build does.
func noteOf(t *testing.T, s *Supply, name string, data []byte) builtNote {
	t.Helper()
	if err := s.Store.Put(t.Context(), bytes.NewReader(data), sumOf(data), -1); err != nil {
		t.Fatal(err)
	}
	return builtNote{Metadata: string(testenv.MetadataOf(data)), Wheel: &lockfile.File{Name: name, SHA256: sumOf(data), Size: int64(len(data))}}
}

// TestBuiltWithin builds a wheel in an environment that has another one that was built, while a lock is made and of one that is there:
// the inner build does not wait for the outer one, and is known from its environment.
func TestBuiltWithin(t *testing.T) {
	for _, lost := range []bool{false, true} { // the inner wheel comes out as another one now
		innerName, innerData := testenv.Wheel("tool", "1", testenv.WheelOptions{})
		outerName, outerData := testenv.Wheel("demo", "1", testenv.WheelOptions{})
		l := builtLock(sumOf(innerData), int64(len(innerData)), innerName)
		tool := l.Packages[0]
		tool.Name, tool.Sources[0].Name, tool.Files[0].Targets = "tool", "tool-1.tar.gz", nil
		id := l.AddBuild(lockfile.Build{Target: "linux/amd64", Packages: []lockfile.Package{tool}})
		l.Packages = []lockfile.Package{{
			Name: "demo", Version: "1", Sources: []lockfile.Source{{Name: "demo-1.tar.gz", SHA256: strings.Repeat("3", 64), Size: 3}},
			Files: []lockfile.File{{Name: outerName, SHA256: sumOf(outerData), Size: int64(len(outerData)), Build: id, Targets: []string{"linux/amd64"}}},
		}}
		environment, err := l.Environment(id)
		if err != nil {
			t.Fatal(err)
		}
		s := &Supply{Options: Options{Store: openStore(t), Tell: func(string) {}, Task: func(string, int64) func(int64) { return func(int64) {} }}}
		s.step = func(ctx context.Context, o resolver.BuildOrder) (builtNote, error) {
			if o.Package.Name == "tool" {
				if lost {
					return noteOf(t, s, outerName, outerData), nil
				}
				return noteOf(t, s, innerName, innerData), nil
			}
			p := o.Environment.Packages[0]
			if err := s.Wheels(ctx, []imagegen.Wheel{{Package: p, File: p.Files[0]}}); err != nil {
				return builtNote{}, err
			}
			return noteOf(t, s, outerName, outerData), nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		known := l.Packages[0].Files[0]
		built, err := s.Build(ctx, resolver.BuildOrder{Package: l.Packages[0], Environment: environment, Hook: resolver.WheelHook, Known: &known})
		switch {
		case lost:
			if !errors.As(err, new(*resolver.BuildError)) {
				t.Errorf("an environment that is lost: %v", err)
			}
		case err != nil || built.Wheel.SHA256 != known.SHA256 || !s.Store.Has(tool.Files[0].SHA256):
			t.Errorf("%+v, %v", built, err)
		}
	}
}

// TestKnownIsNoMemo: what a lock says an order came to counts for that lock alone.
func TestKnownIsNoMemo(t *testing.T) {
	name, data := testenv.Wheel("demo", "1", testenv.WheelOptions{})
	_, other := testenv.Wheel("demo", "1", testenv.WheelOptions{Files: map[string]string{"other.py": ""}})
	l := builtLock(sumOf(data), int64(len(data)), name)
	order, err := orderOf(l, imagegen.Wheel{Package: l.Packages[0], File: l.Packages[0].Files[0]})
	if err != nil {
		t.Fatal(err)
	}
	s := &Supply{Options: Options{Store: openStore(t)}}
	s.step = func(context.Context, resolver.BuildOrder) (builtNote, error) { return noteOf(t, s, name, data), nil }
	claimed := noteOf(t, s, name, other).Wheel
	order.Known = claimed
	if built, err := s.Build(t.Context(), order); err != nil || built.Wheel.SHA256 != claimed.SHA256 || built.Metadata == nil {
		t.Errorf("%+v, %v", built, err)
	}
	order.Known = nil
	if built, err := s.Build(t.Context(), order); err != nil || built.Wheel.SHA256 != sumOf(data) {
		t.Errorf("%+v, %v", built, err)
	}
}

// TestBuildKey tells orders apart by all that their outcome depends on, and by nothing else.
func TestBuildKey(t *testing.T) {
	l := builtLock(strings.Repeat("2", 64), 1, "demo-1-py3-none-any.whl")
	order := func(change func(*resolver.BuildOrder)) string {
		t.Helper()
		e, err := l.Environment(l.Builds[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		o := resolver.BuildOrder{Package: l.Packages[0], Environment: e, Hook: resolver.WheelHook}
		change(&o)
		key, err := buildKey(o)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	same := order(func(*resolver.BuildOrder) {})
	for name, change := range map[string]func(*resolver.BuildOrder){
		"source": func(o *resolver.BuildOrder) {
			o.Package.Sources = []lockfile.Source{{Name: "demo-1.tar.gz", SHA256: "3"}}
		},
		"folder":   func(o *resolver.BuildOrder) { o.Package.Subdirectory = "py" },
		"hook":     func(o *resolver.BuildOrder) { o.Hook = resolver.MetadataHook },
		"variable": func(o *resolver.BuildOrder) { o.Settings.Env = map[string]string{"A": "2"} },
		"patch":    func(o *resolver.BuildOrder) { o.Settings.Patches = []lockfile.Patch{{Path: "a", SHA256: "4"}} },
		"Python":   func(o *resolver.BuildOrder) { o.Environment.Targets[0].Python = "3.11.3" },
		"deb": func(o *resolver.BuildOrder) {
			o.Environment.Base.Debs = []lockfile.Deb{{Name: "gcc", Version: "1", Targets: []string{"linux/amd64"}}}
		},
	} {
		if order(change) == same {
			t.Errorf("another %s makes no difference", name)
		}
	}
	for name, change := range map[string]func(*resolver.BuildOrder){
		"place": func(o *resolver.BuildOrder) { o.Package.Index = "other" },
		"date": func(o *resolver.BuildOrder) {
			o.Environment.Base.Releases = []lockfile.Release{{Archive: "debian"}}
		},
	} {
		if order(change) != same {
			t.Errorf("another %s makes a difference", name)
		}
	}
}

// TestInspectFolder reads how the project in a folder is built, and copies what counts of it.
func TestInspectFolder(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a/setup.py": "setup(ext_modules=[x])", "a/a.pyx": "", "a/__pycache__/x.pyc": "", "a/README.md": ""} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := &Supply{Options: Options{Store: openStore(t), Dir: dir}}
	p := lockfile.Package{Name: "a", Path: "a"}
	got, err := s.Inspect(t.Context(), p)
	if err != nil || got.Declared || strings.Join(got.Packages, " ") != "gcc libc6-dev make python-dev" || got.Why != "setup.py has ext_modules" {
		t.Errorf("%+v, %v", got, err)
	}
	into := t.TempDir()
	root, newest, err := s.unpackSource(t.Context(), p, into)
	if err != nil || root != "a" || !newest.Equal(undatedSource) {
		t.Errorf("%s, %v, %v", root, newest, err)
	}
	if entries, err := os.ReadDir(filepath.Join(into, root)); err != nil || len(entries) != 3 {
		t.Errorf("%v, %v", entries, err)
	}
	p.Tree = strings.Repeat("0", 64)
	if _, _, err := s.unpackSource(t.Context(), p, t.TempDir()); diag.CodeOf(err) != diag.Mismatch {
		t.Error(err)
	}
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
