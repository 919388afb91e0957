package resolver

import (
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/cuda"
)

// TestKnownToFail holds that releases which are known to fail on a wanted GPU are not chosen, whatever brings them, and that the
// lock says so.
func TestKnownToFail(t *testing.T) {
	for _, c := range []struct{ requires, device, want, reason string }{
		{"axe[cuda12]", "V100", "axe 0.8, axe-cuda12-plugin 0.8, nvidia-cublas-cu12 12.8.4.1, nvidia-cudnn-cu12 9.1",
			"nvidia-cudnn-cu12 9.1: not 9.11, which is not for V100 (sm_70) (envpack.toml:7:1): it has nothing for GPUs before sm_75"},
		{"axe[cuda12]", "T4", "axe 0.8, axe-cuda12-plugin 0.8, nvidia-cublas-cu12 12.8.4.1, nvidia-cudnn-cu12 9.11", ""},
		{"tensorflow", "RTX 5090", "tensorflow 2.18.0", "tensorflow 2.18.0: not 2.20.0, which is not for RTX 5090 (sm_120) (envpack.toml:7:1): it fails there, with CUDA_ERROR_INVALID_PTX"},
		{"tensorflow", "A100", "tensorflow 2.20.0", ""},
		{"tensorflow>=2.19", "RTX 5090", "", "is not for RTX 5090 (sm_120) (envpack.toml:7:1): it fails there, with CUDA_ERROR_INVALID_PTX"},
	} {
		t.Run(c.requires+" on "+c.device, func(t *testing.T) {
			w := frameworks()
			w.add("nvidia-cudnn-cu12", "9.11", rel{})
			w.add("tensorflow", "2.18.0", rel{})
			m := project(c.requires)
			wanting(t, m, "", "")
			d, err := cuda.ParseDevice(c.device)
			if err != nil {
				t.Fatal(err)
			}
			m.GPU.Devices, m.GPU.DevicesPos = []cuda.Device{d}, []diag.Position{{File: "envpack.toml", Line: 7, Col: 1}}
			l, err := lockWith(w, m, Options{})
			if err != nil {
				if c.want != "" || !strings.Contains(err.Error(), c.reason) {
					t.Error(err)
				}
				return
			}
			if got := chosen(l, amd64); got != c.want {
				t.Errorf("chosen: %s\nwanted: %s", got, c.want)
			}
			said := ""
			for _, choice := range l.Choices {
				if choice.Kind == lockfile.CUDAChoice {
					said += choice.Name + " " + choice.Value + ": " + choice.Reason
				}
			}
			if !strings.HasPrefix(said, c.reason) || (said == "") != (c.reason == "") {
				t.Errorf("the lock says %q\nwanted: %q", said, c.reason)
			}
		})
	}
}
