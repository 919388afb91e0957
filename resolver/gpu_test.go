package resolver

import (
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/cuda"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep508"
)

// wanting sets what the manifest says of GPUs.
func wanting(t *testing.T, m *manifest.Manifest, bounds, driver string) {
	t.Helper()
	m.GPU = &manifest.GPU{}
	var err error
	if bounds != "" {
		if m.GPU.CUDA, err = cuda.ParseRange(bounds); err != nil {
			t.Fatal(err)
		}
	}
	if driver != "" {
		if m.GPU.MinDriver, err = cuda.ParseDriver(driver); err != nil {
			t.Fatal(err)
		}
	}
}

// frameworks is an index with frameworks in the forms in which these bring CUDA.
func frameworks() *world {
	w := newWorld()
	for version, requires := range map[string][]string{
		"12.8.1": {"nvidia-cuda-runtime-cu12==12.8.90.*", "nvidia-cublas-cu12==12.8.4.1.*"},
		"13.0.2": {"nvidia-cuda-runtime==13.0.96.*", "nvidia-cublas==13.1.0.3.*"},
		"13.2.2": {"nvidia-cuda-runtime==13.2.86.*", "nvidia-cublas==13.4.1.3.*"},
	} {
		w.add("cuda-toolkit", version, rel{extras: map[string][]string{"cudart": requires[:1], "cublas": requires[1:]}})
	}
	for _, v := range []string{"11.8.89", "12.6.77", "12.8.90"} {
		w.add("nvidia-cuda-runtime-cu"+v[:2], v, rel{})
	}
	for _, v := range []string{"13.0.96", "13.2.86"} {
		w.add("nvidia-cuda-runtime", v, rel{})
	}
	w.add("nvidia-cublas-cu11", "11.11.3.6", rel{})
	w.add("nvidia-cublas-cu12", "12.8.4.1", rel{})
	w.add("nvidia-cublas", "13.1.0.3", rel{})
	w.add("nvidia-cublas", "13.4.1.3", rel{})
	for _, v := range []string{"11", "12", "13"} {
		w.add("nvidia-cudnn-cu"+v, "9.1", rel{})
	}
	// One that names the toolkit's parts, as torch does.
	w.add("flame", "1.0", rel{requires: []string{"nvidia-cuda-runtime-cu11==11.8.89", "nvidia-cublas-cu11==11.11.3.6"}})
	w.add("flame", "2.0", rel{requires: []string{"nvidia-cuda-runtime-cu12==12.6.77", "nvidia-cublas-cu12==12.8.4.1"}})
	w.add("flame", "2.1", rel{requires: []string{"nvidia-cuda-runtime-cu12==12.8.90", "nvidia-cublas-cu12==12.8.4.1"}})
	w.add("flame", "3.0", rel{requires: []string{"cuda-toolkit[cudart,cublas]==13.0.2", "nvidia-cudnn-cu13==9.1"}})
	w.add("flame", "3.1", rel{requires: []string{"cuda-toolkit[cudart,cublas]==13.2.2", "nvidia-cudnn-cu13==9.1"}})
	for version, of := range map[string]string{"1.0": "1.0", "2.0": "2.0", "2.1": "2.1", "3.0": "3.0", "3.1": "3.1"} {
		w.add("flamevision", version, rel{requires: []string{"flame==" + of}})
	}
	// One whose extras bring it, as jax's do; older versions have fewer.
	for version, extras := range map[string]map[string][]string{
		"0.6": {"cuda12": {"axe-cuda12-plugin==0.6"}},
		"0.8": {"cuda12": {"axe-cuda12-plugin==0.8"}, "cuda13": {"axe-cuda13-plugin==0.8"}},
	} {
		w.add("axe", version, rel{extras: extras})
	}
	w.add("axe-cuda12-plugin", "0.6", rel{requires: []string{"nvidia-cublas-cu12>=12", "nvidia-cudnn-cu12>=9"}})
	w.add("axe-cuda12-plugin", "0.8", rel{requires: []string{"nvidia-cublas-cu12>=12", "nvidia-cudnn-cu12>=9"}})
	w.add("axe-cuda13-plugin", "0.8", rel{requires: []string{"nvidia-cublas>=13", "nvidia-cudnn-cu13>=9"}})
	// Some that are named after it, as cupy is.
	w.add("copper-cuda12x", "13.0", rel{})
	w.add("copper-cuda13x", "14.0", rel{})
	// One whose local label says it.
	for _, v := range []string{"2.0+cpu", "2.0+cu118", "2.0+cu126", "2.0+cu128", "2.0+cu130", "2.0+cu92"} {
		w.add("label", v, rel{})
	}
	// One that says nothing, and is in the table of facts.
	w.add("onnxruntime-gpu", "1.26.0", rel{})
	w.add("onnxruntime-gpu", "1.27.0", rel{})
	// One whose version of CUDA the table has: that it was built with, not the one that its extra brings.
	w.add("tensorflow", "2.20.0", rel{extras: map[string][]string{"and-cuda": {"nvidia-cuda-runtime-cu12==12.8.90"}}})
	return w
}

// cudaWorld makes a world that of the frameworks.
func cudaWorld(w *world) {
	of := frameworks()
	w.projects, w.metadata = of.projects, of.metadata
}

func TestCUDA(t *testing.T) {
	for _, c := range []struct {
		name, cuda, driver string
		requires           []string
		want               string
	}{
		{"any", "", "", []string{"flame"}, "cuda-toolkit 13.2.2, flame 3.1, nvidia-cublas 13.4.1.3, nvidia-cuda-runtime 13.2.86, nvidia-cudnn-cu13 9.1"},
		{"a driver that runs the newest", "", "580", []string{"flame"}, "cuda-toolkit 13.2.2, flame 3.1, nvidia-cublas 13.4.1.3, nvidia-cuda-runtime 13.2.86, nvidia-cudnn-cu13 9.1"},
		{"a release before that", "", "580.65.05", []string{"flame"}, "flame 2.1, nvidia-cublas-cu12 12.8.4.1, nvidia-cuda-runtime-cu12 12.8.90"},
		{"an older driver, with what goes along", "", "535", []string{"flamevision", "flame"}, "flame 2.1, flamevision 2.1, nvidia-cublas-cu12 12.8.4.1, nvidia-cuda-runtime-cu12 12.8.90"},
		{"a very old driver", "", "470", []string{"flame"}, "flame 1.0, nvidia-cublas-cu11 11.11.3.6, nvidia-cuda-runtime-cu11 11.8.89"},
		{"a major version", "12", "", []string{"flame"}, "flame 2.1, nvidia-cublas-cu12 12.8.4.1, nvidia-cuda-runtime-cu12 12.8.90"},
		{"a minor version", "12.6", "580", []string{"flame"}, "flame 2.0, nvidia-cublas-cu12 12.8.4.1, nvidia-cuda-runtime-cu12 12.6.77"},
		{"bounds", ">=12.4,<13.1", "", []string{"flame"}, "cuda-toolkit 13.0.2, flame 3.0, nvidia-cublas 13.1.0.3, nvidia-cuda-runtime 13.0.96, nvidia-cudnn-cu13 9.1"},
		{"libraries that leave the version open", "12.6", "", []string{"nvidia-cuda-runtime-cu12", "nvidia-cublas-cu12"}, "nvidia-cublas-cu12 12.8.4.1, nvidia-cuda-runtime-cu12 12.6.77"},
		{"one CUDA for all", "", "", []string{"flame", "axe[cuda12]"}, "axe 0.8, axe-cuda12-plugin 0.8, flame 2.1, nvidia-cublas-cu12 12.8.4.1, nvidia-cuda-runtime-cu12 12.8.90, nvidia-cudnn-cu12 9.1"},
		{"one CUDA for all, in the other order", "", "", []string{"axe[cuda12]", "flame"}, "axe 0.8, axe-cuda12-plugin 0.8, flame 2.1, nvidia-cublas-cu12 12.8.4.1, nvidia-cuda-runtime-cu12 12.8.90, nvidia-cudnn-cu12 9.1"},
		{"one CUDA for all, by a name", "", "", []string{"flame", "copper-cuda12x"}, "copper-cuda12x 13.0, flame 2.1, nvidia-cublas-cu12 12.8.4.1, nvidia-cuda-runtime-cu12 12.8.90"},
		{"one that only the table knows", "", "535", []string{"onnxruntime-gpu"}, "onnxruntime-gpu 1.26.0"},
		{"labels, by the driver", "", "535", []string{"label"}, "label 2.0+cu128"},
		{"a minor version, and one that the table has built with an older", ">=12.6", "535", []string{"tensorflow[and-cuda]"}, "nvidia-cuda-runtime-cu12 12.8.90, tensorflow 2.20.0"},
		{"labels, by version", "12.6", "535", []string{"label"}, "label 2.0+cu126"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := project(c.requires...)
			wanting(t, m, c.cuda, c.driver)
			l := mustLock(t, frameworks(), m, Options{})
			if got := chosen(l, amd64); got != c.want {
				t.Errorf("chosen: %s\nwanted: %s", got, c.want)
			}
		})
	}
}

// TestCUDAIsNotAsked holds that a manifest without [gpu] is solved as if there were no CUDA.
func TestCUDAIsNotAsked(t *testing.T) {
	l := mustLock(t, frameworks(), project("flame", "axe[cuda12]", "copper-cuda12x", "label==2.0+cpu"), Options{})
	want := "axe 0.8, axe-cuda12-plugin 0.8, copper-cuda12x 13.0, cuda-toolkit 13.2.2, flame 3.1, label 2.0+cpu, nvidia-cublas 13.4.1.3, " +
		"nvidia-cublas-cu12 12.8.4.1, nvidia-cuda-runtime 13.2.86, nvidia-cudnn-cu12 9.1, nvidia-cudnn-cu13 9.1"
	if got := chosen(l, amd64); got != want {
		t.Errorf("chosen: %s\nwanted: %s", got, want)
	}
	for _, c := range l.Choices {
		if c.Kind == lockfile.CUDAChoice {
			t.Errorf("a choice without [gpu]: %v", c)
		}
	}
}

// TestCUDAReasons holds what the lock says of versions that [gpu] decided.
func TestCUDAReasons(t *testing.T) {
	for _, c := range []struct {
		name, cuda, driver string
		requires           []string
		want               []string
	}{
		{"nothing to say", "", "580", []string{"flame"}, nil},
		{"a driver", "", "535", []string{"flamevision", "flame"}, []string{
			"flame 2.1: not 3.1, which needs cuda-toolkit 13.2.2, for CUDA 13.2, which needs driver 580.65.06 or newer, and min-driver is 535; with it flamevision 2.1 instead of 3.1",
		}},
		{"a version", "12.6", "580", []string{"flame"}, []string{
			"flame 2.0: not 3.1, which needs cuda-toolkit 13.2.2, for CUDA 13.2, which is not what is wanted: gpu.cuda is 12.6",
		}},
		{"the other packages", "", "580", []string{"flame", "copper-cuda12x"}, []string{
			"flame 2.1: not 3.1, which needs cuda-toolkit 13.2.2, for CUDA 13.2, which does not go with CUDA 12 of other packages",
		}},
		{"the table", "", "535", []string{"onnxruntime-gpu"}, []string{
			"onnxruntime-gpu 1.26.0: not 1.27.0, which is for CUDA 13, which needs driver 580.65.06 or newer, and min-driver is 535",
		}},
		{"a label", "", "535", []string{"label"}, []string{
			"label 2.0+cu128: not 2.0+cu130, which is for CUDA 13.0, which needs driver 580.65.06 or newer, and min-driver is 535",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := project(c.requires...)
			wanting(t, m, c.cuda, c.driver)
			var got []string
			first := mustLock(t, frameworks(), m, Options{})
			for _, l := range []*lockfile.Lock{first, mustLock(t, frameworks(), m, Options{Previous: first})} { // locking again says the same
				got = nil
				for _, c := range l.Choices {
					if c.Kind == lockfile.CUDAChoice {
						got = append(got, c.Name+" "+c.Value+": "+c.Reason)
					}
				}
				if d := cmp.Diff(c.want, got); d != "" {
					t.Error(d)
				}
			}
		})
	}
}

// TestCUDAKept holds that a version which is there because the lock had it is no choice of CUDA.
func TestCUDAKept(t *testing.T) {
	m := project("flame")
	wanting(t, m, "", "535")
	old := mustLock(t, frameworks(), m, Options{})
	wanting(t, m, "", "580")
	l := mustLock(t, frameworks(), m, Options{Previous: old})
	at := slices.IndexFunc(l.Packages, func(p lockfile.Package) bool { return p.Name == "flame" })
	if v := l.Packages[at].Version; v != "2.1" {
		t.Errorf("flame moved to %s", v)
	}
	for _, c := range l.Choices {
		if c.Kind == lockfile.CUDAChoice {
			t.Errorf("%s %s: %s", c.Name, c.Value, c.Reason)
		}
	}
}

// TestCUDANeverFallsBack holds that a version without CUDA is not taken in place of one whose CUDA cannot be used.
func TestCUDANeverFallsBack(t *testing.T) {
	for _, c := range []struct{ requires, driver, want string }{
		{"axe[cuda13]", "535", "has no extra cuda13"},
		{"label==2.0+cpu", "535", "label 2.0+cpu has no code for GPUs"},
		{"onnxruntime-gpu[cuda]", "580", "has no extra cuda"},
	} {
		m := project(c.requires)
		wanting(t, m, "", c.driver)
		_, err := lockWith(frameworks(), m, Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nwanted: %s", c.requires, err, c.want)
		}
	}
}

// TestCUDAOfPlatform holds that the old wheels of torch for arm64, which have no CUDA in them as those for amd64 have, are not taken, and that it
// is told where there are others.
func TestCUDAOfPlatform(t *testing.T) {
	for _, platform := range []string{amd64, arm64} {
		w := newWorld()
		for _, v := range []string{"1.11.0", "1.12.0"} {
			w.add("torch", v, rel{tags: []string{"cp311-cp311-manylinux2014_x86_64", "cp311-cp311-manylinux2014_aarch64"}})
		}
		m := project("torch")
		m.Platforms = []string{platform}
		wanting(t, m, "", "550")
		_, err := lockWith(w, m, Options{NoScan: true})
		if platform == amd64 {
			if err != nil {
				t.Errorf("%s: %v", platform, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), "has no code for GPUs") || !strings.Contains(strings.Join(diag.HintsOf(err), "\n"), "name = \"pytorch\"") {
			t.Errorf("%s: %v", platform, err)
		}
	}
}

// TestRandomCUDA holds, on random indexes, that there is an answer with [gpu] exactly if there is one where CUDA is a package of the
// index, as trying all sets of packages finds; and that the answer has one version of CUDA, which the driver runs.
func TestRandomCUDA(t *testing.T) {
	n := 400
	if testing.Short() {
		n = 80
	}
	solved := 0
	for seed := range n {
		r := rand.New(rand.NewSource(int64(seed)))
		w, m := randomCase(r)
		m.Platforms = []string{amd64}
		plain := newWorld()
		for name, p := range w.projects {
			p.Files = slices.DeleteFunc(p.Files, func(f index.File) bool { return strings.Contains(f.Filename, "+cpu") }) // which [gpu] refuses
			if len(p.Files) == 0 {
				delete(w.projects, name)
				continue
			}
			plain.projects[name] = p
		}
		for _, file := range slices.Sorted(maps.Keys(w.metadata)) {
			meta := *w.metadata[file]
			if r.Intn(2) == 0 {
				of, err := pep508.Parse(fmt.Sprintf("nvidia-cudnn-cu%d", 11+r.Intn(3)))
				if err != nil {
					t.Fatal(err)
				}
				meta.Requires = append(slices.Clone(meta.Requires), of)
			}
			w.metadata[file], plain.metadata[file] = &meta, &meta
		}
		driver := []string{"", "580", "535", "470"}[r.Intn(4)]
		allowed := map[string]int{"": 13, "580": 13, "535": 12, "470": 11}[driver]
		for major := 11; major <= 13; major++ {
			name := fmt.Sprintf("nvidia-cudnn-cu%d", major)
			w.add(name, "9.1", rel{})
			plain.add(name, "9.1", rel{requires: []string{fmt.Sprintf("the-cuda==%d", major)}})
			if major <= allowed {
				plain.add("the-cuda", fmt.Sprint(major), rel{})
			}
		}
		possible := bruteForce(t, plain, m, amd64)
		wanting(t, m, "", driver)
		l, err := lockWith(w, m, Options{})
		if (err == nil) != possible {
			t.Fatalf("seed %d, driver %s: possible %v, but: %v", seed, driver, possible, err)
		}
		if err != nil {
			continue
		}
		solved++
		majors := map[string]bool{}
		for _, p := range l.Packages {
			if major, ok := strings.CutPrefix(p.Name, "nvidia-cudnn-cu"); ok {
				majors[major] = true
				if major > fmt.Sprint(allowed) {
					t.Fatalf("seed %d: CUDA %s with driver %s", seed, major, driver)
				}
			}
		}
		if len(majors) > 1 {
			t.Fatalf("seed %d: %s", seed, chosen(l, amd64))
		}
	}
	if solved < n/10 || solved > n*9/10 {
		t.Errorf("%d of %d have an answer", solved, n)
	}
}
