package imagegen_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
)

var update = flag.Bool("update", false, "write the golden digests anew")

// sample has something of everything.
func sample() *world {
	w := newWorld()
	w.wheel("big", "2.0", testenv.WheelOptions{Files: map[string]string{"big/__init__.py": "", "big/data.bin": strings.Repeat("0123456789", 5000)}, Tag: "cp311-cp311-manylinux_2_17_x86_64"})
	w.own("big")
	w.wheel("tool", "1.0", testenv.WheelOptions{EntryPoints: "[console_scripts]\ntool = tool:main\n", Scripts: map[string]string{"tool.sh": "#!/bin/sh\n"}})
	w.wheel("plain", "1.0", testenv.WheelOptions{Stored: true})
	w.wheel("wrong", "1.0", testenv.WheelOptions{Record: func(text string) string { return strings.Replace(text, "sha256=", "sha256=A", 1) }})
	w.lock.Image.Env = map[string]string{"MODE": "production", "LANG": "de_DE.UTF-8", "A": "1"}
	w.lock.Image.Ports = []string{"8080/tcp"}
	w.lock.Image.Volumes = []string{"/data"}
	w.lock.Image.Labels = map[string]string{"org.example.a": "<b> & c"}
	return w
}

func sampleProject(t testing.TB) map[string]string {
	return map[string]string{"main.py": "print('hello')\n", "pkg/__init__.py": "", "data/x.csv": "1,2\n"}
}

func TestGolden(t *testing.T) {
	image := sample().build(t, openStore(t), selected(t, sampleProject(t)))
	var b strings.Builder
	fmt.Fprintf(&b, "image       %s\nenvironment %s\n", image.Digest, image.Environment)
	for _, l := range image.Layers {
		fmt.Fprintf(&b, "%-13s %s %s %s %s %d\n", l.Kind, l.Digest, l.DiffID, l.Inputs, l.Name, l.Size)
	}
	file := filepath.Join("..", "testdata", "golden", "image.txt")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), b.String()); diff != "" {
		t.Errorf("bytes that a format names never change; a change needs a new one: %s", diff)
	}
}

func TestValid(t *testing.T) {
	image := sample().build(t, openStore(t), selected(t, sampleProject(t)))
	if err := validate.Image(image.Image); err != nil {
		t.Error(err)
	}
	digest, err := image.Image.Digest()
	if err != nil || digest.String() != image.Digest {
		t.Errorf("digest %s (%v), ours %s", digest, err, image.Digest)
	}
	want := []string{"base", "environment", "big 2.0", binOf("plain"), binOf("tool"), binOf("wrong")}
	got := names(image)
	if diff := cmp.Diff(append(want[:3:3], "project", "lock"), append(got[:3:3], got[len(got)-2:]...)); diff != "" {
		t.Error(diff)
	}
	for _, bin := range want[3:] {
		layerOf(t, image, bin)
	}
	files := contents(t, image.Layers[1:]...)
	for p, want := range map[string]string{
		"opt/env/bin/python":                 "-> /usr/bin/python3.11",
		"opt/env/bin/python3":                "-> python",
		"opt/env/bin/tool.sh":                "#!/bin/sh\n",
		"opt/env/lib64":                      "-> lib",
		site + "plain/__init__.py":           "__version__ = \"1.0\"\n",
		site + "big-2.0.dist-info/INSTALLER": "envpack\n",
		"app/main.py":                        "print('hello')\n",
	} {
		if files[p] != want {
			t.Errorf("%s is %q, want %q", p, files[p], want)
		}
	}
	if !strings.HasPrefix(files["opt/env/bin/tool"], "#!/opt/env/bin/python\n") {
		t.Errorf("the script begins %.40q", files["opt/env/bin/tool"])
	}
	lock, err := lockfile.Parse("envpack.lock", []byte(files["opt/env/"+lockfile.Name]))
	if err != nil {
		t.Errorf("the lock in the image: %v", err)
	} else if len(lock.Targets) != 1 || lock.Targets[0].Platform != amd64 {
		t.Errorf("the lock in the image is of %v", lock.Targets)
	}
}

func TestNothingElseMatters(t *testing.T) {
	w, tree := sample(), selected(t, sampleProject(t))
	want := w.build(t, openStore(t), tree).Digest
	random := rand.New(rand.NewSource(1))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for i, jobs := range []int{1, 2, 7, 0} {
		runtime.GOMAXPROCS(i + 1)
		w := sample()
		w.reversed = i%2 == 0
		random.Shuffle(len(w.lock.Packages), func(i, j int) { w.lock.Packages[i], w.lock.Packages[j] = w.lock.Packages[j], w.lock.Packages[i] })
		random.Shuffle(len(w.lock.Base.Debs), func(i, j int) { w.lock.Base.Debs[i], w.lock.Base.Debs[j] = w.lock.Base.Debs[j], w.lock.Base.Debs[i] })
		w.lock.Normalize()
		st := openStore(t)
		b := w.builder(st)
		b.Jobs = jobs
		image, err := b.Build(t.Context(), w.plan(t, selected(t, sampleProject(t))))
		if err != nil {
			t.Fatal(err)
		}
		if image.Digest != want {
			t.Errorf("%d jobs: %s, want %s", jobs, image.Digest, want)
		}
	}
}

func TestSecondBuildAsksForNothing(t *testing.T) {
	w, st, tree := sample(), openStore(t), selected(t, sampleProject(t))
	first := w.build(t, st, tree)
	if w.calls == 0 {
		t.Fatal("the first build asked for nothing")
	}
	w.calls = 0
	second := w.build(t, st, tree)
	if w.calls != 0 || second.Digest != first.Digest {
		t.Errorf("%d calls, digest %s, want %s", w.calls, second.Digest, first.Digest)
	}
	if err := validate.Image(second.Image); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(first.Deviations, second.Deviations); diff != "" || len(first.Deviations) != 1 {
		t.Errorf("deviations %v, then %v", first.Deviations, second.Deviations)
	}
}

// TestWorkdirInHome: the home stays the user's where the project's files lie in it.
func TestWorkdirInHome(t *testing.T) {
	for workdir, want := range map[string]map[string]string{
		"/app":          {"app": "755 0:0", "home/app": "775 1000:0"},
		"/home/app":     {"home/app": "775 1000:0", "home": "755 0:0"},
		"/home/app/job": {"home/app": "775 1000:0", "home/app/job": "755 0:0"},
		"/home/app/a/b": {"home/app": "775 1000:0", "home/app/a": "775 1000:0", "home/app/a/b": "755 0:0"},
		"/home/apple":   {"home/app": "775 1000:0", "home/apple": "755 0:0"},
		"/home":         {"home/app": "775 1000:0"},
	} {
		w, st := newWorld(), openStore(t)
		w.lock.Image.Workdir = workdir
		image := w.build(t, st, selected(t, map[string]string{"main.py": "print()"}))
		got := map[string]string{}
		for _, l := range image.Layers { // the upper ones decide
			for _, line := range headersOf(t, l) {
				name, rest, _ := strings.Cut(line, " ")
				got[strings.TrimSuffix(name, "/")] = strings.TrimSuffix(rest, " 0")
			}
		}
		for p, is := range want {
			if got[p] != is {
				t.Errorf("workdir %s: /%s is %s, not %s", workdir, p, got[p], is)
			}
		}
	}
}

func TestLosses(t *testing.T) {
	for _, c := range []struct {
		name string
		lose func(t *testing.T, w *world, image *imagegen.Image, b *imagegen.Builder)
		want []string // asked for
	}{
		{"recipes", func(t *testing.T, w *world, image *imagegen.Image, b *imagegen.Builder) { forget(t, b.Store, "recipe") }, nil},
		{"all memos", func(t *testing.T, w *world, image *imagegen.Image, b *imagegen.Builder) {
			for _, kind := range []string{"recipe", "layer", "settlement"} {
				forget(t, b.Store, kind)
			}
		}, nil},
		{"settlements", func(t *testing.T, w *world, image *imagegen.Image, b *imagegen.Builder) {
			forget(t, b.Store, "settlement")
		}, nil},
		{"a wheel", func(t *testing.T, w *world, image *imagegen.Image, b *imagegen.Builder) {
			b.Store.Remove(w.lock.Packages[0].Files[0].SHA256)
		}, []string{"big-2.0-cp311-cp311-manylinux_2_17_x86_64.whl"}},
		{"a deb that no layer needs", func(t *testing.T, w *world, image *imagegen.Image, b *imagegen.Builder) {
			b.Store.Remove(w.lock.Base.Debs[0].SHA256)
		}, nil},
		{"the base's layer", func(t *testing.T, w *world, image *imagegen.Image, b *imagegen.Builder) {
			b.Store.Remove(strings.TrimPrefix(layerOf(t, image, "base").Digest, "sha256:"))
		}, nil},
		{"the base's layer and a deb", func(t *testing.T, w *world, image *imagegen.Image, b *imagegen.Builder) {
			b.Store.Remove(strings.TrimPrefix(layerOf(t, image, "base").Digest, "sha256:"))
			b.Store.Remove(w.lock.Base.Debs[0].SHA256)
		}, []string{"base-files"}},
		{"project and lock", func(t *testing.T, w *world, image *imagegen.Image, b *imagegen.Builder) {
			for _, name := range []string{"project", "lock"} {
				b.Store.Remove(strings.TrimPrefix(layerOf(t, image, name).Digest, "sha256:"))
			}
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, st, tree := sample(), openStore(t), selected(t, sampleProject(t))
			w.lock.Normalize()
			first := w.build(t, st, tree)
			c.lose(t, w, first, w.builder(st))
			w.asked = nil
			second := w.build(t, st, tree)
			if second.Digest != first.Digest {
				t.Errorf("digest %s, want %s", second.Digest, first.Digest)
			}
			if diff := cmp.Diff(c.want, w.asked); diff != "" {
				t.Errorf("asked for: %s", diff)
			}
			if err := validate.Image(second.Image); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRepair(t *testing.T) {
	for _, c := range []struct {
		name string
		sum  func(w *world, image *imagegen.Image) string
		want []string
	}{
		{"a wheel", func(w *world, image *imagegen.Image) string { return w.lock.Packages[0].Files[0].SHA256 }, []string{"big-2.0-cp311-cp311-manylinux_2_17_x86_64.whl"}},
		{"the base", func(w *world, image *imagegen.Image) string {
			return strings.TrimPrefix(layerOf(t, image, "base").Digest, "sha256:")
		}, nil},
		{"the lock", func(w *world, image *imagegen.Image) string {
			return strings.TrimPrefix(layerOf(t, image, "lock").Digest, "sha256:")
		}, nil},
		{"the project", func(w *world, image *imagegen.Image) string {
			return strings.TrimPrefix(layerOf(t, image, "project").Digest, "sha256:")
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, st, tree := sample(), openStore(t), selected(t, sampleProject(t))
			first := w.build(t, st, tree)
			b, plan := w.builder(st), w.plan(t, tree)
			if n, err := b.Repair(t.Context(), plan); n != 0 || err != nil {
				t.Fatalf("%d damaged files of an intact store (%v)", n, err)
			}
			damage(t, st, c.sum(w, first))
			if err := validate.Image(w.build(t, st, tree).Image); err == nil {
				t.Error("damage is not noticed when the layer is read")
			}
			if n, err := b.Repair(t.Context(), plan); n != 1 || err != nil {
				t.Fatalf("%d damaged files (%v)", n, err)
			}
			w.asked = nil
			second := w.build(t, st, tree)
			if err := validate.Image(second.Image); err != nil || second.Digest != first.Digest {
				t.Errorf("digest %s, want %s (%v)", second.Digest, first.Digest, err)
			}
			if diff := cmp.Diff(c.want, w.asked); diff != "" {
				t.Errorf("asked for: %s", diff)
			}
		})
	}
}

func TestRepairIsCancelled(t *testing.T) {
	w, st := sample(), openStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.builder(st).Repair(ctx, w.plan(t, nil)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestCancel ends the build at each of its tasks, and at its questions to the supply.
func TestCancel(t *testing.T) {
	tree := selected(t, sampleProject(t))
	want := sample().build(t, openStore(t), tree).Digest
	for n := range 8 {
		ctx, cancel := context.WithCancel(t.Context())
		w, st := sample(), openStore(t)
		var mu sync.Mutex
		left := n
		count := func() {
			mu.Lock()
			defer mu.Unlock()
			if left--; left < 0 {
				cancel()
			}
		}
		w.fail = func() error { count(); return ctx.Err() }
		b := w.builder(st)
		b.Task = func(string, int64) func(int64) { count(); return func(int64) {} }
		_, err := b.Build(ctx, w.plan(t, tree))
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("step %d: %v", n, err)
		}
		if list := leftovers(t, st); len(list) > 0 {
			t.Errorf("step %d leaves %v", n, list)
		}
		w.fail = nil
		if image := w.build(t, st, tree); image.Digest != want {
			t.Errorf("step %d: digest %s after it, want %s", n, image.Digest, want)
		} else if err := validate.Image(image.Image); err != nil {
			t.Errorf("step %d: %v", n, err)
		}
	}
}

func TestSupplyFails(t *testing.T) {
	w, st := sample(), openStore(t)
	broken := errors.New("the line is cut")
	w.fail = func() error { return broken }
	if _, err := w.builder(st).Build(t.Context(), w.plan(t, nil)); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// TestBuildsAtOnce builds both platforms with one builder at a time.
func TestBuildsAtOnce(t *testing.T) {
	w, st := sample(), openStore(t)
	b := w.builder(st)
	digests := make([]string, 4)
	var group sync.WaitGroup
	for i := range digests {
		group.Add(1)
		go func() {
			defer group.Done()
			plan, err := imagegen.NewPlan(w.lock, []string{amd64, arm64}[i%2], nil)
			if err != nil {
				t.Error(err)
				return
			}
			image, err := b.Build(context.Background(), plan)
			if err != nil {
				t.Error(err)
				return
			}
			digests[i] = image.Digest
		}()
	}
	group.Wait()
	if digests[0] != digests[2] || digests[1] != digests[3] || digests[0] == digests[1] {
		t.Errorf("digests %v", digests)
	}
}

func TestUnknownPlatform(t *testing.T) {
	_, err := imagegen.NewPlan(newWorld().lock, "linux/riscv64", nil)
	if err == nil || err.Error() != "the lock has no platform linux/riscv64, only linux/amd64, linux/arm64" || diag.CodeOf(err) != diag.Usage || len(diag.HintsOf(err)) != 1 {
		t.Errorf("%v, %v", err, diag.HintsOf(err))
	}
}

func TestUnknownFormat(t *testing.T) {
	w, st := newWorld(), openStore(t)
	w.lock.Base.Format = "rootfs/99"
	_, err := w.builder(st).Build(t.Context(), w.plan(t, nil))
	if err == nil || !strings.Contains(err.Error(), `"rootfs/99"`) || len(diag.HintsOf(err)) != 1 {
		t.Error(err)
	}
}
