package main

import (
	"testing"

	"github.com/envpack/envpack/imagegen/inspect"
	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/internal/gpuhost"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/cuda"
)

// A machine whose driver does not name its GPUs was asked about all the same.
func TestCheckHostWithoutGPUs(t *testing.T) {
	host := gpuhost.Host{Driver: "580.95.05", From: "/sys/module/nvidia/version"}
	hosts, err := checkOptions{host: true}.hosts(&host)
	if err != nil {
		t.Fatal(err)
	}
	l := &lockfile.Lock{Targets: []lockfile.Target{{Platform: "linux/amd64", Glibc: "2.36"}}, Base: lockfile.Base{Distro: "debian:12"}}
	for _, c := range []struct {
		name, version string
		want          cuda.Verdict
	}{{"numpy", "2.4.6", cuda.None}, {"torch", "2.10.0+cu128", cuda.Unknown}} {
		l.Packages = []lockfile.Package{{Name: c.name, Version: c.version, Files: []lockfile.File{{Name: c.name + ".whl", Targets: []string{"linux/amd64"}}}}}
		r := cuda.Examine(cuda.Of(l, "linux/amd64", nil), *hosts)
		withoutGPUs(&r)
		if got := r.Answers[0].Verdict; got != c.want || (got == cuda.Unknown) == r.OK() {
			t.Errorf("%s: %s %q", c.name, got, r.Answers[0].Why)
		}
	}
}

// Of a layer with a library that is nobody's no wheel counts as read, and of others all do.
func TestCheckReadsLayers(t *testing.T) {
	layer := func(file string, packages ...string) inspect.LayerLibraries {
		return inspect.LayerLibraries{
			Layer: inspect.Layer{Packages: packages}, Objects: []elffile.Object{{Path: file, CUDAFault: "malformed"}},
			Installed: map[string][]string{"faiss-gpu": {"site-packages/faiss/_swig.so"}},
		}
	}
	seen := read([]inspect.LayerLibraries{
		layer("site-packages/faiss/_swig.so", "faiss-gpu 1.0", "numpy 2.4.6"),
		layer("site-packages/onnxruntime/libonnxruntime.so", "onnxruntime-gpu 1.27.0", "rich 14.0"),
		layer("site-packages/torch/libtorch.so", "torch 2.15.0"),
		layer("usr/lib/libnpp.so.13"),
	})
	for name, faults := range map[string]int{"faiss-gpu 1.0": 1, "numpy 2.4.6": 0, "torch 2.15.0": 1} {
		if r, ok := seen[name]; !ok || len(r) != faults {
			t.Errorf("%s: %v, %v", name, r, ok)
		}
	}
	if len(seen) != 3 {
		t.Errorf("%v", seen)
	}
}
