package cuda

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/lockfile"
)

// Where there is no code to judge, or only a part of it runs.
func TestCode(t *testing.T) {
	runtime12, runtime13 := "nvidia-cuda-runtime-cu12 12.9.79", "nvidia-cuda-runtime 13.2.86"
	torch := map[string][]Binary{"torch.whl": torchLibraries(t)}
	for _, c := range []struct {
		name, platform string
		packages       []string
		code           map[string][]Binary // by wheel; nil: none was read
		hosts, want    string
	}{
		{"libraries for another CUDA alone", "linux/amd64", []string{"bitsandbytes-cu13 0.40.0", "torch 2.15.0 nvidia-cuda-runtime", runtime13}, map[string][]Binary{
			"torch.whl":             torchLibraries(t),
			"bitsandbytes-cu13.whl": {{"b/libb_cuda118.so", code(t, "9 sm_80=1 sm_90=1")}, {"b/libb_cuda124.so", code(t, "9 sm_80=1 sm_90=1")}}}, "580: A100", `
580.65.06 no
A100 (sm_80): torch 2.15.0 has code (libtorch_cuda.so, all 476 parts)
A100 (sm_80): bitsandbytes-cu13 0.40.0 has no code for CUDA 13: the newest of its libraries is libb_cuda124.so
hint: choose another release of bitsandbytes-cu13, or packages for the CUDA that it has libraries for
`},
		{"no code, and nothing that is known to make some", "linux/amd64", []string{"alpha-cu13 1.0", runtime13}, map[string][]Binary{}, "580: A100", `
580.65.06 unknown
A100 (sm_80): no wheel has code for GPUs, and whether alpha-cu13 1.0 makes some while it runs is not known
`},
		{"no code beside some", "linux/amd64", []string{"alpha-cu13 1.0", "torch 2.15.0 nvidia-cuda-runtime", runtime13}, torch, "580: A100", `
580.65.06 yes
A100 (sm_80): torch 2.15.0 has code (libtorch_cuda.so, all 476 parts)
`},
		{"what compiles", "linux/amd64", []string{"cupy-cuda12x 14.2.0", "jax-cuda12-plugin 0.12.0.1", runtime12}, map[string][]Binary{}, "580: A100", `
525.60.13 yes
A100 (sm_80): cupy-cuda12x 14.2.0 has no code of its own, and compiles what it needs while it runs, jax-cuda12-plugin 0.12.0.1 has no code of its own, and compiles what it needs while it runs
`},
		{"tensorflow for amd64", "linux/amd64", []string{"tensorflow 2.21.0", runtime12}, nil, "580: A100", `
525.60.13 unknown
which GPUs tensorflow 2.21.0 has code for is not known, since its wheel was not read
hint: lock with the wheels read (` + "`envpack lock`" + `, without --no-scan)
`},
		{"tensorflow for arm64", "linux/arm64", []string{"tensorflow 2.21.0", runtime12}, map[string][]Binary{}, "580: A100", `
525.60.13 no
no package has code for GPUs
tensorflow 2.21.0 is a build without code for GPUs: its wheels for linux/arm64 have none
`},
		{"one part is PTX", "linux/amd64", []string{"alpha-cu12 1.0", runtime12}, map[string][]Binary{"alpha-cu12.whl": {{"a/a.so", code(t, "475 sm_80=9 sm_90=9", "1 compute_80@8.8=1")}}}, "535: A100", `
525.60.13 yes
A100 (sm_80): alpha-cu12 1.0 has code (a.so, 475 of 476 parts)
A100 (sm_80): but 1 of 476 parts of alpha-cu12's a.so are PTX alone, which the driver is too old for
`},
		{"most is PTX", "linux/amd64", []string{"alpha-cu12 1.0", runtime12}, map[string][]Binary{"alpha-cu12.whl": {{"a/a.so", code(t, "4 sm_80=9 sm_90=9", "6 compute_80@8.8=1")}}}, "535: A100", `
575.51.03 no
A100 (sm_80): alpha-cu12 1.0 has PTX alone, and driver 535 does not compile it: CUDA 12.9 came with 575.51.03 (a.so)
hint: use hosts with driver 575.51.03 or newer
`},
		{"a build for a minor version that the table lacks", "linux/amd64", []string{"torch 2.13.0+cu129", runtime12}, nil, "580: V100", `
525.60.13 unknown
which GPUs torch 2.13.0+cu129 has code for is not known, since its wheel was not read
hint: lock with the wheels read (` + "`envpack lock`" + `, without --no-scan)
`},
		{"a toolkit before the GPU, whose libraries have nothing", "linux/amd64", []string{"alpha-cu12 1.0", "nvidia-cublas-cu12 12.5.3.2", "nvidia-cuda-runtime-cu12 12.5.82"}, map[string][]Binary{
			"alpha-cu12.whl": {{"a/a.so", code(t, "1 compute_80@8.5=1")}}, "nvidia-cublas-cu12.whl": {{"nvidia/cublas/lib/libcublas.so.12", code(t, "9 sm_80=1 sm_90=1")}}}, "580: RTX 5090", `
555.42.02 unknown
RTX 5090 (sm_120): alpha-cu12 1.0 has PTX that the driver compiles (a.so, its only part)
RTX 5090 (sm_120): CUDA 12.5 is older than it, and nvidia-cublas-cu12 12.5.3.2 has nothing for it: what uses that fails
hint: choose packages for CUDA 12.8 or newer, the first for RTX 5090 (sm_120)
`},
		{"a toolkit before the GPU, whose libraries have PTX", "linux/amd64", []string{"alpha-cu12 1.0", "nvidia-cublas-cu12 12.5.3.2", "nvidia-cuda-runtime-cu12 12.5.82"}, map[string][]Binary{
			"alpha-cu12.whl": {{"a/a.so", code(t, "1 compute_80@8.5=1")}}, "nvidia-cublas-cu12.whl": {{"nvidia/cublas/lib/libcublas.so.12", code(t, "9 sm_80=1 compute_90@8.5=1")}}}, "580: RTX 5090", `
555.42.02 yes
RTX 5090 (sm_120): alpha-cu12 1.0 has PTX that the driver compiles (a.so, its only part)
`},
		{"a build that the table has", "linux/amd64", []string{"torch 2.13.0+cu126", runtime12}, nil, "580: V100", `
525.60.13 yes
V100 (sm_70): torch 2.13.0+cu126 has code, by envpack's table: its wheel was not read
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := locked(c.packages...)
			l.Targets[0].Platform = c.platform
			for _, p := range l.Packages {
				p.Files[0].Targets[0] = c.platform
			}
			var measure Measure
			if c.code != nil {
				measure = func(f lockfile.File) (Reading, bool) { return Reading{Code: c.code[f.Name]}, true }
			}
			r := Examine(Of(l, c.platform, measure), hostsOf(t, c.hosts))
			got := fmt.Sprintf("%s %s\n", r.Driver, r.Answers[0].Verdict)
			for _, w := range r.Answers[0].Why {
				got += w + "\n"
			}
			for _, h := range r.Answers[0].Remedies {
				got += "hint: " + h + "\n"
			}
			if d := cmp.Diff(strings.TrimPrefix(c.want, "\n"), got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestProvider is about libraries of which wheels bring some.
func TestProvider(t *testing.T) {
	some := locked("onnxruntime-gpu 1.26.0", "xgboost 3.1.0 nvidia-nccl-cu12", "nvidia-nccl-cu12 2.28.3")
	base := locked("onnxruntime-gpu 1.26.0", "xgboost 3.1.0 nvidia-nccl-cu12", "nvidia-nccl-cu12 2.28.3")
	base.Base.Reference = "nvidia/cuda:12.9.1-cudnn-runtime-ubuntu24.04"
	base.GPU = &lockfile.GPU{Targets: []lockfile.GPUTarget{{Platform: "linux/amd64", Base: "what is needed"}}}
	for name, c := range map[string]struct {
		lock       *lockfile.Lock
		read       bool
		want, text string
	}{
		"not read":            {some, false, "unknown", "whether these are all is not known: nothing that onnxruntime-gpu 1.26.0 requires names them"},
		"required":            {locked("alpha-cu12 1.0 beta", "beta 1.0 alpha-cu12 nvidia-nccl-cu12", "nvidia-nccl-cu12 2.28.3"), false, "yes", "come with NVIDIA's wheels (nvidia-nccl-cu12 2.28.3)"},
		"what a program does": {locked("onnxruntime-gpu 1.26.0 nvidia-nccl-cu12", "nvidia-nccl-cu12 2.28.3"), false, "yes", "onnxruntime-gpu 1.26.0 finds them if the program calls onnxruntime.preload_dlls() or imports torch first, and runs on the processor otherwise"},
		"the base as well":    {base, true, "yes", "come in part with NVIDIA's wheels (nvidia-nccl-cu12 2.28.3); the base nvidia/cuda:12.9.1-cudnn-runtime-ubuntu24.04 brings the others that wheels ask for"},
	} {
		var measure Measure
		if c.read {
			measure = func(lockfile.File) (Reading, bool) { return Reading{}, true }
		}
		e := Of(c.lock, "linux/amd64", measure)
		r := Examine(e, Hosts{})
		a := r.Answers[2]
		if got := strings.Join(a.Why, "\n"); string(a.Verdict) != c.want || !strings.Contains(got, c.text) {
			t.Errorf("%s: %s, %s", name, a.Verdict, got)
		}
		if got := Paragraph(e, r, Hosts{}); strings.Contains(got, "come in part in NVIDIA's wheels; the others that wheels ask for are in the base, nvidia/cuda:12.9.1") != c.read {
			t.Errorf("%s: %s", name, got)
		}
	}
}
