package resolver

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/resolver/index"
)

var update = flag.Bool("update", false, "write the explanations anew")

// TestExplanations holds what people read when there is no answer to testdata/explain.
func TestExplanations(t *testing.T) {
	wheels312 := []string{"cp312-cp312-manylinux_2_28_x86_64", "cp313-cp313-manylinux_2_28_x86_64", "cp313-cp313-win_amd64"}
	for _, c := range []struct {
		name string
		// What stands in the manifest: the dependencies, and more tables.
		dependencies, more string
		files              map[string]string
		world              func(w *world)
	}{
		{name: "unknown-package", dependencies: `"numpy", "sklearn>=1.5"`, world: func(w *world) { w.add("numpy", "2.0.0", rel{}) }},
		{name: "unknown-transitive", dependencies: `"trainer"`, world: func(w *world) {
			w.add("trainer", "1.0", rel{requires: []string{"corp-metrics>=2"}})
			w.add("trainer", "1.1", rel{requires: []string{"corp-metrics>=2"}})
		}},
		{name: "unknown-address", dependencies: `"nunpy"`, world: func(w *world) { w.root = "https://index.example/" }},
		{name: "local-label", dependencies: `"torch==2.4.0+cu121", "torchvision==0.19.0+cu121", "numpy"`, world: func(w *world) {
			for _, name := range []string{"numpy", "torch", "torchvision"} {
				w.add(name, "2.4.0", rel{})
			}
		}},
		{name: "local-label-of-an-index", dependencies: `"torch==2.4.0+cu121"`, more: "[[index]]\nname = \"cu118\"\nurl = \"https://index.example/whl/cu118\"\npackages = [\"torch\"]\n", world: func(w *world) {
			w.add("torch", "2.4.0+cu118", rel{})
			w.projects["torch"].IndexName = "cu118"
		}},
		{name: "wheels-for-older-pythons", dependencies: `"tensorflow==2.9"`, world: func(w *world) {
			w.add("tensorflow", "2.9.0", rel{tags: []string{"cp38-cp38-manylinux_2_17_x86_64", "cp39-cp39-manylinux_2_17_x86_64", "cp310-cp310-manylinux_2_17_x86_64", "cp311-cp311-win_amd64"}})
			w.add("tensorflow", "2.14.0", rel{tags: []string{"cp311-cp311-manylinux_2_17_x86_64"}})
		}},
		{name: "unknown-version", dependencies: `"torch>=3"`, world: func(w *world) {
			w.add("torch", "2.4.0", rel{})
			w.add("torch", "2.5.0", rel{})
		}},
		{name: "no-wheel", dependencies: `"flash-attn>=2"`, world: func(w *world) {
			w.add("flash-attn", "2.6.0", rel{tags: wheels312})
		}},
		{name: "needs-other-pythons", dependencies: `"learn>=1.7"`, world: func(w *world) {
			w.add("learn", "1.6.1", rel{})
			for version, python := range map[string]string{"1.7.0": ">=3.12", "1.7.2": ">=3.12", "1.8.0": ">=3.13", "1.8.1": ">=3.13"} {
				w.add("learn", version, rel{python: python})
			}
		}},
		{name: "needs-many-pythons", dependencies: `"learn>=1.7"`, world: func(w *world) {
			for version, python := range map[string]string{"1.7.0": ">=3.12", "1.8.0": ">=3.13", "1.9.0": ">=3.13.1", "2.0.0": ">=3.14", "2.1.0": "!=3.11.*"} {
				w.add("learn", version, rel{python: python})
			}
		}},
		{name: "extra-beside-hashes", dependencies: `"frames[excel]"`, more: "requirements = [\"req.txt\"]\n", files: map[string]string{
			"req.txt": "frames==2.3 --hash=sha256:" + hashOf("frames-2.3-py3-none-any.whl") + "\n",
		}, world: func(w *world) {
			excel := map[string][]string{"excel": {"sheets>=1.4"}}
			for _, version := range []string{"2.1", "2.2", "2.3", "3.0"} {
				w.add("frames", version, rel{extras: excel})
			}
			w.add("frames", "1.0", rel{extras: excel, tags: []string{"cp310-cp310-manylinux_2_17_x86_64"}})
			w.add("frames", "0.1", rel{extras: excel, noWheel: true, sdist: true})
			w.add("sheets", "1.4.1", rel{noWheel: true, sdist: true})
		}},
		{name: "contradictory-bounds", dependencies: `"frames>=2.3,!=2.4,<2.2"`, world: func(w *world) {
			w.add("frames", "2.1", rel{})
			w.add("frames", "2.4", rel{})
		}},
		{name: "contradictory-bounds-of-another", dependencies: `"mice"`, world: func(w *world) {
			w.add("mice", "1.0", rel{requires: []string{"frames>=2.3,<2.2"}})
			w.add("frames", "2.1", rel{})
		}},
		{name: "unreadable", dependencies: `"torch>=2.5"`, world: func(w *world) {
			w.add("torch", "2.4.0", rel{})
			p := w.projects["torch"]
			for _, name := range []string{"torch-2.6.0-cp311-manylinux_2_28_x86_64.whl", "torch-2.3.0-cp311.whl", "torch-nightly.whl", "other-2.6.0-py3-none-any.whl", "torch-2.exe"} {
				p.Files = append(p.Files, index.File{Filename: name})
			}
			p.Unreadable = index.Unreadable{Count: 2, First: []index.Entry{{Reason: "it is not an object of JSON"}, {Name: "torch-2.6.0.tar.gz", Reason: "it has no address"}}}
		}},
		{name: "no-wheel-of-any-version", dependencies: `"flash-attn"`, world: func(w *world) {
			w.add("flash-attn", "2.5.0", rel{tags: []string{"cp310-cp310-manylinux_2_28_x86_64"}, sdist: true})
			w.add("flash-attn", "2.6.0", rel{tags: wheels312, sdist: true})
		}},
		{name: "glibc-too-old", dependencies: `"vllm"`, world: func(w *world) {
			w.add("vllm", "0.9.0", rel{tags: []string{"cp311-cp311-manylinux_2_39_x86_64"}})
		}},
		{name: "needs-newer-python", dependencies: `"numpy>=2.3"`, world: func(w *world) {
			w.add("numpy", "2.2.0", rel{python: ">=3.10"})
			w.add("numpy", "2.3.0", rel{python: ">=3.12"})
			w.add("numpy", "2.3.1", rel{python: ">=3.12"})
		}},
		{name: "only-sdist", dependencies: `"mamba-ssm"`, world: func(w *world) {
			w.add("mamba-ssm", "2.0", rel{noWheel: true, sdist: true})
			w.add("mamba-ssm", "2.1", rel{noWheel: true, sdist: true})
		}},
		{name: "yanked", dependencies: `"scipy>=1.14"`, world: func(w *world) {
			w.add("scipy", "1.13.0", rel{})
			w.add("scipy", "1.14.0", rel{yanked: true})
		}},
		{name: "prerelease-disallowed", dependencies: `"jax>=0.5"`, more: "[resolver]\nprereleases = \"disallow\"\n", world: func(w *world) {
			w.add("jax", "0.4.0", rel{})
			w.add("jax", "0.5.1rc1", rel{})
		}},
		{name: "prereleases-of-one", dependencies: `"jax>=0.6"`, more: "[resolver.packages.jax]\nprereleases = \"allow\"\n", world: func(w *world) {
			w.add("jax", "0.4.0", rel{})
			w.add("jax", "0.5.1rc1", rel{})
		}},
		{name: "as-of", dependencies: `"transformers>=4.40"`, more: "as-of = 2024-03-01\n", world: func(w *world) {
			w.add("transformers", "4.39.0", rel{uploaded: time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)})
			w.add("transformers", "4.40.0", rel{})
			w.add("transformers", "4.41.0", rel{})
		}},
		{name: "as-of-without-times", dependencies: `"corp-metrics"`, more: "as-of = 2024-03-01\n", world: func(w *world) {
			w.add("corp-metrics", "1.0", rel{noTime: true})
			w.projects["corp-metrics"].Undated = index.UndatedSkip
		}},
		{name: "variants", dependencies: `"cuda-kernels>=1.1"`, world: func(w *world) {
			w.add("cuda-kernels", "1.0", rel{})
			w.add("cuda-kernels", "1.1", rel{tags: []string{"py3-none-any-cu126", "py3-none-any-cu128", "py3-none-any-null"}})
		}},
		{name: "conflict", dependencies: `"tensorflow", "trainer"`, world: func(w *world) {
			w.add("tensorflow", "2.15.0", rel{requires: []string{"ml-dtypes>=0.2,<0.3"}})
			w.add("tensorflow", "2.16.0", rel{requires: []string{"ml-dtypes>=0.3.1,<0.4"}})
			w.add("trainer", "1.0", rel{requires: []string{"jax>=0.4"}})
			w.add("jax", "0.4.30", rel{requires: []string{"ml-dtypes>=0.4"}})
			w.add("jax", "0.4.31", rel{requires: []string{"ml-dtypes>=0.4"}})
			for _, v := range []string{"0.2.0", "0.3.1", "0.4.0", "0.4.1"} {
				w.add("ml-dtypes", v, rel{})
			}
		}},
		{name: "conflict-in-the-manifest", dependencies: `"numpy<2", "pandas", "numpy>=2"`, world: func(w *world) {
			w.add("numpy", "1.26.4", rel{})
			w.add("numpy", "2.0.0", rel{})
			w.add("pandas", "2.2.0", rel{requires: []string{"numpy"}})
		}},
		{name: "constraint", dependencies: `"pandas>=3"`, more: "[constraints]\nnumpy = \"<2\"\n", world: func(w *world) {
			w.add("numpy", "1.26.4", rel{})
			w.add("numpy", "2.0.0", rel{})
			w.add("pandas", "2.2.0", rel{requires: []string{"numpy"}})
			w.add("pandas", "3.0.0", rel{requires: []string{"numpy>=2"}})
		}},
		{name: "override", dependencies: `"pandas>=3", "scipy"`, more: "[overrides]\nnumpy = \">=3\"\n", world: func(w *world) {
			w.add("numpy", "1.26.4", rel{})
			w.add("numpy", "2.0.0", rel{})
			w.add("scipy", "1.0", rel{requires: []string{"numpy<2"}})
			w.add("pandas", "3.0.0", rel{requires: []string{"numpy>=2"}})
		}},
		{name: "hashes", more: "requirements = [\"requirements.txt\"]\n",
			files: map[string]string{"requirements.txt": "six==1.16.0 --hash=sha256:" + strings.Repeat("0", 64) + "\n"},
			world: func(w *world) { w.add("six", "1.16.0", rel{}) }},
		{name: "address", dependencies: `"trainer"`, world: func(w *world) {
			w.add("trainer", "1.0", rel{requires: []string{"fork @ https://files.example/fork-1.0.tar.gz"}})
		}},
		{name: "bad-metadata", dependencies: `"old-thing"`, world: func(w *world) {
			w.add("old-thing", "1.0", rel{})
			w.broken["old_thing-1.0-py3-none-any.whl"] = &index.MetadataError{File: "old_thing-1.0-py3-none-any.whl", Err: errors.New("it has no Name")}
		}},
		{name: "quarantined", dependencies: `"evil"`, world: func(w *world) {
			w.projects["evil"] = &listed{Project: index.Project{Name: "evil", IndexName: DefaultIndex, Status: "quarantined", StatusReason: "malware"}}
		}},
		{name: "extras", dependencies: `"ray[tune]", "pyarrow<10"`, world: func(w *world) {
			w.add("ray", "2.9.0", rel{extras: map[string][]string{"tune": {"pyarrow>=12"}}})
			w.add("ray", "2.10.0", rel{extras: map[string][]string{"tune": {"pyarrow>=12"}}})
			w.add("pyarrow", "9.0.0", rel{})
			w.add("pyarrow", "15.0.0", rel{})
		}},
		{name: "cuda-driver", dependencies: `"flame>=3"`, more: "[gpu]\nmin-driver = \"535\"\n", world: cudaWorld},
		{name: "cuda-version", dependencies: `"flamevision"`, more: "[gpu]\ncuda = \"10\"\n", world: cudaWorld},
		{name: "cuda-name", dependencies: `"copper-cuda13x>=14"`, more: "[gpu]\nmin-driver = \"R535\"\n", world: cudaWorld},
		{name: "cuda-extra", dependencies: `"axe[cuda13]"`, more: "[gpu]\nmin-driver = \"535\"\n", world: cudaWorld},
		{name: "cuda-mixed", dependencies: `"flame>=3", "copper-cuda12x"`, more: "[gpu]\n", world: cudaWorld},
		{name: "cuda-none", dependencies: `"label==2.0+cpu"`, more: "[gpu]\n", world: cudaWorld},
		{name: "cuda-listed", dependencies: `"onnxruntime-gpu>=1.27"`, more: "[gpu]\nmin-driver = \"535\"\n", world: cudaWorld},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			text := "[project]\nname = \"demo\"\npython = \"3.11\"\ndependencies = [" + c.dependencies + "]\n" + c.more
			c.files = mergeFiles(c.files, text)
			for name, data := range c.files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			m, err := manifest.Load(dir, manifest.Selection{})
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld()
			c.world(w)
			_, err = lockWith(w, m, Options{})
			if code := diag.CodeOf(err); code != diag.NoAnswer {
				t.Fatalf("code %d: %v", code, err)
			}
			var out bytes.Buffer
			if err := diag.Render(&out, err); err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(out.String(), dir+string(filepath.Separator), "")
			golden := filepath.Join("testdata", "explain", c.name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func mergeFiles(files map[string]string, manifestText string) map[string]string {
	out := map[string]string{manifest.FileName: manifestText}
	for name, data := range files {
		out[name] = data
	}
	return out
}
