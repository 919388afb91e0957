package resolver

import (
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
)

// TestUnwantedCUDA holds that libraries for GPUs which nobody asked for are told of, once.
func TestUnwantedCUDA(t *testing.T) {
	w := newWorld()
	w.add("torch", "2.15.0", rel{requires: []string{"nvidia-cudnn-cu13", "nvidia-cublas==13.4.1.3"}})
	w.add("torchvision", "0.30.0", rel{requires: []string{"torch==2.15.0"}})
	w.add("nvidia-cudnn-cu13", "9.26.0.51", rel{})
	w.add("nvidia-cublas", "13.4.1.3", rel{})
	w.add("jax", "0.12.0", rel{extras: map[string][]string{"cuda13": {"jax-cuda13-plugin"}}})
	w.add("jax-cuda13-plugin", "0.12.0", rel{requires: []string{"nvidia-cudnn-cu13"}})
	for _, name := range []string{"nvidia-cudnn-cu13", "nvidia-cublas"} {
		for i := range w.projects[name].Files {
			w.projects[name].Files[i].Size = 600 << 20
		}
	}
	const cpu = "\n    [[index]]\n    name = \"pytorch\"\n"
	for _, c := range []struct {
		name     string
		requires []string
		change   func(m *manifest.Manifest)
		want     []string
		not      string
	}{
		{"torch", []string{"torchvision", "torch"}, nil, []string{"weigh 1.26 GB (2 of them), and the manifest has no [gpu]; torch 2.15.0 needs them", cpu}, ""},
		{"torch through another", []string{"torchvision"}, nil, []string{"torch 2.15.0 needs them", cpu}, ""},
		{"what asks for it by its name", []string{"jax[cuda13]"}, nil, []string{"weigh 629.1 MB (1 of them)", "jax-cuda13-plugin 0.12.0 needs them"}, "pytorch"},
		{"an index of its own", []string{"torch"}, func(m *manifest.Manifest) {
			m.Indexes = []manifest.Index{{Name: "own", URL: "https://packages.example/", Packages: []string{"torch"}}}
		}, []string{"weigh 1.26 GB"}, "pytorch"},
		{"[gpu]", []string{"torch"}, func(m *manifest.Manifest) { m.GPU = &manifest.GPU{} }, nil, ""},
		{"nothing", []string{"jax"}, nil, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := project(c.requires...)
			if c.change != nil {
				c.change(m)
			}
			told := ""
			o := Options{Tell: func(text string) { told += text + "\n" }}
			l := mustLock(t, w, m, o)
			for _, want := range c.want {
				if !strings.Contains(told, want) {
					t.Errorf("told: %s\nwanted: %s", told, want)
				}
			}
			if len(c.want) == 0 && told != "" || c.not != "" && strings.Contains(told, c.not) {
				t.Errorf("told: %s", told)
			}
			told = ""
			o.Previous = l
			if mustLock(t, w, m, o); told != "" {
				t.Errorf("told again: %s", told)
			}
		})
	}
	if got := librariesOf(&lockfile.Lock{}); got.size != 0 || len(got.by) != 0 {
		t.Errorf("an empty lock has %+v", got)
	}
}

// TestMixedCUDA holds that packages for two versions of CUDA are told of where the manifest has no [gpu], and what does without CUDA is not.
func TestMixedCUDA(t *testing.T) {
	w := newWorld()
	w.add("torch", "2.15.0", rel{requires: []string{"nvidia-cublas==13.4.1.3"}})
	w.add("nvidia-cublas", "13.4.1.3", rel{})
	w.add("tensorflow", "2.21.0", rel{extras: map[string][]string{"and-cuda": {"nvidia-cublas-cu12"}}})
	w.add("nvidia-cublas-cu12", "12.9.3.13", rel{})
	for _, c := range []struct {
		requires []string
		want     string
	}{
		{[]string{"torch", "tensorflow[and-cuda]"}, "linux/amd64: packages are for several versions of CUDA, whose libraries are loaded into one process: " +
			"tensorflow 2.21.0, nvidia-cublas-cu12 12.9.3.13 for CUDA 12; torch 2.15.0, nvidia-cublas 13.4.1.3 for CUDA 13; " +
			"[gpu] in the manifest has envpack choose versions for one\n"},
		{[]string{"torch", "tensorflow"}, ""},
		{[]string{"torch"}, ""},
	} {
		told := ""
		mustLock(t, w, project(c.requires...), Options{Warn: func(text string) { told += text + "\n" }})
		if told != c.want {
			t.Errorf("%v: told: %s\nwanted: %s", c.requires, told, c.want)
		}
	}
}
