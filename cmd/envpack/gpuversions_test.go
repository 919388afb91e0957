package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
)

// TestRealCUDA chooses what [gpu] asks for on the real index, by metadata alone, as it was on a day.
func TestRealCUDA(t *testing.T) {
	testenv.Real(t, "an index")
	x := newTools(t)
	for i, c := range []struct{ gpu, requires, want string }{
		{`min-driver = "580"`, "torch torchvision", "torch 2.15.0, torchvision 0.29.2, cuda-toolkit 13.2.2, nvidia-cudnn-cu13 9.26.0.51"},
		{`min-driver = "535"`, "torch torchvision", "torch 2.10.0, torchvision 0.25.0, nvidia-cuda-runtime-cu12 12.8.90, nvidia-cudnn-cu12 9.10.2.21"},
		{`cuda = "12.6"`, "torch torchvision", "torch 2.7.1, torchvision 0.22.1, nvidia-cuda-runtime-cu12 12.6.77"},
		{`cuda = ">=12.4,<13"`, "torch", "torch 2.10.0"},
		{`devices = ["V100"]`, "torch", "torch 2.10.0"},
		{`devices = ["GTX 1080"]`, "torch", "torch 2.7.1"},
		{`devices = ["V100"]`, "jax[cuda12]", "jax 0.12.0.1, nvidia-cudnn-cu12 9.10.2.21"}, // later ones have nothing for it
		{`devices = ["V100"]`, "onnxruntime-gpu[cuda,cudnn]", "onnxruntime-gpu 1.26.0, nvidia-cudnn-cu12 9.10.2.21"},
		{`min-driver = "535"`, "jax[cuda12]", "jax 0.12.0.1, jax-cuda12-plugin 0.12.0.1"},
		{`min-driver = "580"`, "jax[cuda13]", "jax 0.12.0.1, jax-cuda13-plugin 0.12.0.1"},
		{`min-driver = "535"`, "tensorflow[and-cuda]", "tensorflow 2.21.0"},
		{`min-driver = "580"`, "torch tensorflow[and-cuda]", "torch 2.10.0, tensorflow 2.20.0"}, // both for CUDA 12
		{`min-driver = "535"`, "cupy-cuda12x[ctk]", "cupy-cuda12x 14.2.0, cuda-toolkit 12.9.2.0"},
		{`min-driver = "535"`, "vllm", "vllm 0.19.1, torch 2.10.0"},
		{`min-driver = "535"`, "onnxruntime-gpu[cuda,cudnn]", "onnxruntime-gpu 1.26.0, nvidia-cudnn-cu12 9.28.0.42"},
		{`min-driver = "535"`, "torch xgboost", "torch 2.10.0, xgboost 3.3.0"},
		{`min-driver = "535"`, "lightgbm", "lightgbm 4.7.0"},
	} {
		dir := fmt.Sprint("gpu", i)
		text := strings.ReplaceAll(fmt.Sprintf("%q", strings.Fields(c.requires)), `" "`, `", "`)
		x.write(t, dir, map[string]string{"envpack.toml": "[project]\nname = \"app\"\npython = \"3.12.4\"\nas-of = 2026-11-30\ndependencies = " + text + "\n[gpu]\n" + c.gpu + "\n[system]\ndistro = \"none\"\nlibc = \"glibc 2.39\"\n"})
		x.run(t, dir, "envpack", "lock", "--no-scan")
		has := map[string]bool{}
		for _, p := range x.lock(t, dir).Packages {
			has[p.Name+" "+p.Version] = true
		}
		for _, want := range strings.Split(c.want, ", ") {
			if !has[want] {
				t.Errorf("%s with %s: no %s", c.requires, c.gpu, want)
			}
		}
		if strings.HasPrefix(c.want, "torch 2.10.0, torchvision") && !explains(x.lock(t, dir), "torch", "not 2.15.0, which needs cuda-toolkit 13.2.2, for CUDA 13.2, which needs driver 580.65.06 or newer, and min-driver is 535 (") {
			t.Errorf("%s with %s: the lock does not say why", c.requires, c.gpu)
		}
	}
}

func explains(l *lockfile.Lock, name, reason string) bool {
	for _, c := range l.Choices {
		if c.Kind == lockfile.CUDAChoice && c.Name == name && strings.HasPrefix(c.Reason, reason) {
			return true
		}
	}
	return false
}
