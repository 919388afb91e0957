package cuda

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/lockfile"
)

// locked is a lock of packages "NAME VERSION REQUIRES…" for linux/amd64 on debian:12.
func locked(packages ...string) *lockfile.Lock {
	l := &lockfile.Lock{
		Targets: []lockfile.Target{{Platform: "linux/amd64", Glibc: "2.36"}}, Base: lockfile.Base{Distro: "debian:12"},
	}
	for _, text := range packages {
		words := strings.Fields(text)
		p := lockfile.Package{Name: words[0], Version: words[1], Files: []lockfile.File{{Name: words[0] + ".whl", Targets: []string{"linux/amd64"}}}}
		for _, name := range words[2:] {
			p.Requires = append(p.Requires, lockfile.Dependency{Name: name})
		}
		l.Packages = append(l.Packages, p)
	}
	return l
}

// hosts reads a driver and GPUs: "535: A100, H100".
func hostsOf(t *testing.T, text string) Hosts {
	d, names, _ := strings.Cut(text, ":")
	h := Hosts{Driver: driver(t, d)}
	for _, name := range strings.Split(names, ",") {
		if name = strings.TrimSpace(name); name != "" {
			h.Devices = append(h.Devices, device(t, name))
		}
	}
	return h
}

func told(r Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CUDA %s, driver %s, cuda>=%s\n", r.CUDA, r.Driver, r.Requires)
	for _, a := range r.Answers {
		fmt.Fprintf(&b, "%s: %s\n", a.Question, a.Verdict)
		for _, w := range a.Why {
			fmt.Fprintf(&b, "  %s\n", w)
		}
		for _, h := range a.Remedies {
			fmt.Fprintf(&b, "  hint: %s\n", h)
		}
	}
	return b.String()
}

// seen is what was read of the wheels of a case.
var seen = map[string]struct {
	glibc map[string]string
	uses  []Use
}{
	"torch":                       {map[string]string{"torch": "2.28"}, []Use{{Library: "libcudart.so.13", Wheel: "torch", From: "nvidia-cuda-runtime"}}},
	"torch on an old host":        {map[string]string{"torch": "2.28"}, []Use{{Library: "libcudart.so.13", Wheel: "torch", From: "nvidia-cuda-runtime"}}},
	"PTX is relied on":            {map[string]string{"tensorflow": "2.27"}, nil},
	"mixed, and nobody brings it": {map[string]string{"cupy-cuda12x": "2.39"}, nil},
	"nobody brings it":            {nil, []Use{{Library: "libcublas.so.12", Wheel: "cupy-cuda12x"}}},
	"linked statically":           {},
	"brought where nothing leads": {nil, []Use{{Library: "libcublas.so.12", Wheel: "ctranslate2", From: "nvidia-cublas-cu12", Lost: true}}},
	"cuDNN of the base":           {nil, []Use{{Library: "libcudnn.so.8", Wheel: "tensorflow", Base: true}}},
}

func withDeb(l *lockfile.Lock, name, version string) *lockfile.Lock {
	l.Base.Debs = []lockfile.Deb{{Name: name, Version: version, Targets: []string{"linux/amd64"}}}
	return l
}

func TestExamine(t *testing.T) {
	torch := map[string]Reading{"torch.whl": {Code: torchLibraries(t)}}
	measured := func(readings map[string]Reading) Measure {
		return func(f lockfile.File) (Reading, bool) {
			return readings[f.Name], true
		}
	}
	set := []string{"torch 2.15.0 cuda-toolkit nvidia-cudnn-cu13", "cuda-toolkit 13.2.2 nvidia-cuda-runtime", "cuda-bindings 13.5.0", "nvidia-cuda-runtime 13.2.86", "nvidia-cudnn-cu13 9.26.0.51"}
	for _, c := range []struct {
		name    string
		lock    *lockfile.Lock
		measure Measure
		hosts   string
		want    string
	}{
		{"torch", locked(set...), measured(torch), "580: A100, T4", `
CUDA 13.2, driver 580.65.06, cuda>=13.0
code: yes
  A100 (sm_80), T4 (sm_75): torch 2.15.0 has code (libtorch_cuda.so, all 476 parts)
  T4 (sm_75): but 1 of 33 parts of torch's libtorch_cuda_linalg.so
driver: yes
  CUDA 13.2 (nvidia-cuda-runtime 13.2.86) runs with driver 580.65.06 or newer
libraries: yes
  CUDA 13's libraries come with NVIDIA's wheels (nvidia-cuda-runtime 13.2.86, nvidia-cudnn-cu13 9.26.0.51)
glibc: yes
  the base has glibc 2.36, and the newest that a wheel needs is 2.28 (torch 2.15.0)
`},
		{"torch on an old host", locked(set...), measured(torch), "535: V100", `
CUDA 13.2, driver 580.65.06, cuda>=13.0
code: no
  V100 (sm_70): CUDA 13.2 is for GPUs from sm_75 on
  V100 (sm_70): torch 2.15.0 has no code for it (libtorch_cuda.so has code for sm_75, sm_80, sm_86, sm_90, sm_100, sm_120 and no PTX)
  hint: set cuda = "12" below [gpu] and lock again: CUDA 12.9 is the last for V100 (sm_70)
  hint: torch 2.14.* for CUDA 12.6 has code for V100 (sm_70), by envpack's table
  hint: take V100 (sm_70) out of the devices
driver: no
  CUDA 13.2 (nvidia-cuda-runtime 13.2.86) runs with driver 580.65.06 or newer, and driver 535, which brings CUDA 12.2, is older
  hint: use hosts with driver 580.65.06 or newer
  hint: lock with min-driver = "535" below [gpu], which chooses packages for CUDA 12
libraries: yes
  CUDA 13's libraries come with NVIDIA's wheels (nvidia-cuda-runtime 13.2.86, nvidia-cudnn-cu13 9.26.0.51)
glibc: yes
  the base has glibc 2.36, and the newest that a wheel needs is 2.28 (torch 2.15.0)
`},
		{"nothing asked, nothing read", locked(set...), nil, "", `
CUDA 13.2, driver 580.65.06, cuda>=13.0
code: none
  no GPU was named
  torch 2.15.0 has code for sm_75, sm_80, sm_86, sm_90, sm_100, sm_120 and no PTX, by envpack's table
driver: none
  CUDA 13.2 (nvidia-cuda-runtime 13.2.86) runs with driver 580.65.06 or newer
  no driver was named
libraries: yes
  CUDA 13's libraries come with NVIDIA's wheels (nvidia-cuda-runtime 13.2.86, nvidia-cudnn-cu13 9.26.0.51)
glibc: yes
  the base has glibc 2.36, and every wheel is tagged for it or an older one
`},
		{"PTX is relied on", locked("tensorflow 2.21.0", "nvidia-cuda-runtime-cu12 12.9.79"), measured(map[string]Reading{"tensorflow.whl": {
			Code: []Binary{{"tensorflow/libtensorflow_cc.so.2", code(t, "249 sm_60=1 sm_90=1 compute_90@8.3=1")}}}}), "535: RTX 5090", `
CUDA 12.9, driver 545.23.06, cuda>=12.3
code: no
  RTX 5090 (sm_120): tensorflow 2.21.0 has PTX alone, and driver 535 does not compile it: CUDA 12.3 came with 545.23.06 (libtensorflow_cc.so.2)
  hint: use hosts with driver 545.23.06 or newer
driver: no
  CUDA 12.9 (nvidia-cuda-runtime-cu12 12.9.79) and the PTX of tensorflow 2.21.0, which the driver compiles, need driver 545.23.06 or newer, and driver 535, which brings CUDA 12.2, is older
  RTX 5090 (sm_120) is known to drivers from branch 570 on, and driver 535 is older
  hint: use hosts with driver 545.23.06 or newer
  hint: use hosts with a driver of branch 570 or newer
libraries: yes
  CUDA 12's libraries come with NVIDIA's wheels (nvidia-cuda-runtime-cu12 12.9.79)
glibc: yes
  the base has glibc 2.36, and the newest that a wheel needs is 2.27 (tensorflow 2.21.0)
`},
		{"mixed, and nobody brings it", locked("onnxruntime-gpu 1.31.1", "cupy-cuda12x 14.2.0"), measured(map[string]Reading{"onnxruntime-gpu.whl": {}, "cupy-cuda12x.whl": {}}), "580:", `
CUDA 13, driver 580.65.06, cuda>=13.0
code: none
  no GPU was named
driver: yes
  CUDA 13 (onnxruntime-gpu 1.31.1) runs with driver 580.65.06 or newer
libraries: no
  packages are for several versions of CUDA, whose libraries are loaded into one process: cupy-cuda12x 14.2.0 for CUDA 12; onnxruntime-gpu 1.31.1 for CUDA 13
  hint: choose versions for one CUDA; cuda below [gpu] asks for one
glibc: no
  cupy-cuda12x 14.2.0 needs glibc 2.39, whatever its wheel's name says, and the base has 2.36
  hint: choose a newer base with system.distro
`},
		{"nobody brings it", locked("cupy-cuda12x 14.2.0"), measured(map[string]Reading{"cupy-cuda12x.whl": {}}), "535: A100", `
CUDA 12, driver 525.60.13, cuda>=12.0
code: yes
  A100 (sm_80): cupy-cuda12x 14.2.0 has no code of its own, and compiles what it needs while it runs
driver: yes
  CUDA 12 (cupy-cuda12x 14.2.0) runs with driver 525.60.13 or newer
libraries: no
  nobody brings libcublas.so.12, for which cupy-cuda12x 14.2.0 asks
  hint: require cupy-cuda12x[ctk], in a release that has it: it brings them
glibc: yes
  the base has glibc 2.36, and every wheel is tagged for it or an older one
`},
		{"a build for processors", locked("torch 2.15.0+cpu"), nil, "580: A100", `
CUDA , driver , cuda>=
code: no
  no package has code for GPUs
  torch 2.15.0+cpu is a build without code for GPUs: by its version
driver: none
  no package brings CUDA
libraries: none
  no package needs CUDA
glibc: yes
  the base has glibc 2.36, and every wheel is tagged for it or an older one
`},
		{"jax, by the table", locked("jax-cuda12-plugin 0.12.0.1 nvidia-cuda-runtime-cu12", "nvidia-cuda-runtime-cu12 12.9.79", "nvidia-cudnn-cu12 9.28.0.42"), nil, "535: P100, A100", `
CUDA 12.9, driver 525.60.13, cuda>=12.0
code: no
  P100 (sm_60), A100 (sm_80): jax-cuda12-plugin 0.12.0.1 compiles for it
  P100 (sm_60): nvidia-cudnn-cu12 9.28.0.42 has nothing for GPUs before sm_75
  hint: bound it: nvidia-cudnn-cu12 = "<9.11" below [constraints]
driver: yes
  CUDA 12.9 (nvidia-cuda-runtime-cu12 12.9.79) runs with driver 525.60.13 or newer
libraries: yes
  CUDA 12's libraries come with NVIDIA's wheels (nvidia-cuda-runtime-cu12 12.9.79, nvidia-cudnn-cu12 9.28.0.42)
glibc: yes
  the base has glibc 2.36, and every wheel is tagged for it or an older one
`},
		{"code that cannot be read", locked("alpha 1.0", "nvidia-cuda-runtime 13.2.86"), measured(map[string]Reading{"alpha.whl": {Faults: []string{"alpha/a.so: cut off"}}}), "580: A100", `
CUDA 13.2, driver 580.65.06, cuda>=13.0
code: unknown
  A100 (sm_80): what alpha 1.0 has code for could not be read: alpha/a.so: cut off
driver: yes
  CUDA 13.2 (nvidia-cuda-runtime 13.2.86) runs with driver 580.65.06 or newer
libraries: yes
  CUDA 13's libraries come with NVIDIA's wheels (nvidia-cuda-runtime 13.2.86)
glibc: yes
  the base has glibc 2.36, and every wheel is tagged for it or an older one
`},
		{"a release that fails", locked("tensorflow 2.20.0", "nvidia-cuda-runtime-cu12 12.9.79"), measured(map[string]Reading{"tensorflow.whl": {
			Code: []Binary{{"tensorflow/libtensorflow_cc.so.2", code(t, "249 sm_60=1 sm_90=1 compute_90@8.3=1")}}}}), "580: RTX 5090", `
CUDA 12.9, driver 545.23.06, cuda>=12.3
code: no
  RTX 5090 (sm_120): tensorflow 2.20.0 has PTX that the driver compiles (libtensorflow_cc.so.2, all 249 parts)
  RTX 5090 (sm_120): tensorflow 2.20.0 fails there all the same, with CUDA_ERROR_INVALID_PTX (tensorflow/tensorflow#89272, #97387, #99592, #101746)
  hint: choose another release of tensorflow than >=2.19,<2.21
driver: yes
  CUDA 12.9 (nvidia-cuda-runtime-cu12 12.9.79) and the PTX of tensorflow 2.20.0, which the driver compiles, need driver 545.23.06 or newer
libraries: yes
  CUDA 12's libraries come with NVIDIA's wheels (nvidia-cuda-runtime-cu12 12.9.79)
glibc: yes
  the base has glibc 2.36, and every wheel is tagged for it or an older one
`},
		{"nothing is known", locked("cupy-cuda12x 14.2.0", "libcudf-cu12 26.10.2", "nvidia-cuda-runtime-cu12 12.9.79"), nil, "580: A100, H100", `
CUDA 12.9, driver 525.60.13, cuda>=12.0
code: unknown
  which GPUs cupy-cuda12x 14.2.0, libcudf-cu12 26.10.2 have code for is not known, since their wheels were not read
  hint: lock with the wheels read (` + "`envpack lock`" + `, without --no-scan)
driver: yes
  CUDA 12.9 (nvidia-cuda-runtime-cu12 12.9.79) runs with driver 525.60.13 or newer
libraries: unknown
  CUDA 12's libraries come with NVIDIA's wheels (nvidia-cuda-runtime-cu12 12.9.79)
  whether these are all is not known: nothing that cupy-cuda12x 14.2.0, libcudf-cu12 26.10.2 requires names them, and what was not read may ask for others
glibc: yes
  the base has glibc 2.36, and every wheel is tagged for it or an older one
`},
		{"an old framework", locked("torch 1.12.1"), measured(map[string]Reading{"torch.whl": {Code: []Binary{
			{"torch/lib/libtorch_cuda.so", code(t, "300 sm_37=1 sm_50=1 sm_60=1 sm_70=1")}, {"torch/lib/libcublas.so.10", code(t, "9 sm_70=1")}}}}), "595: V100", `
CUDA 10.2, driver 440.33, cuda>=10.2
code: yes
  V100 (sm_70): torch 1.12.1 has code (libtorch_cuda.so, all 300 parts)
driver: no
  CUDA 10.2 (torch 1.12.1) runs with driver 440.33 or newer
  V100 (sm_70) is known to drivers up to branch 580, and driver 595 is newer
  hint: use hosts with a driver of branch 580
libraries: yes
  torch 1.12.1 has CUDA's libraries in its own wheel
glibc: yes
  the base has glibc 2.36, and every wheel is tagged for it or an older one
`},
		{"linked statically", locked("faiss-gpu-cu12 1.9.0"), measured(map[string]Reading{"faiss-gpu-cu12.whl": {}}), "535:", `
CUDA 12, driver 525.60.13, cuda>=12.0
code: none
  no GPU was named
driver: yes
  CUDA 12 (faiss-gpu-cu12 1.9.0) runs with driver 525.60.13 or newer
libraries: yes
  faiss-gpu-cu12 1.9.0 asks for no library of CUDA but the driver's: what is used is linked in, or opened by its own code
glibc: yes
  the base has glibc 2.36, and every wheel is tagged for it or an older one
`},
		{"brought where nothing leads", locked("ctranslate2 4.8.5", "nvidia-cublas-cu12 12.9.1.4"), measured(map[string]Reading{}), "535:", `
CUDA 12, driver 525.60.13, cuda>=12.0
code: none
  no GPU was named
driver: yes
  CUDA 12 (nvidia-cublas-cu12 12.9.1.4) runs with driver 525.60.13 or newer
libraries: unknown
  CUDA 12's libraries come with NVIDIA's wheels (nvidia-cublas-cu12 12.9.1.4)
  ctranslate2 4.8.5 asks for libcublas.so.12, which nvidia-cublas-cu12 has, and neither a search path of its files nor what it requires leads there: it is not found unless the program opens it before
  hint: have the program open these libraries before it imports what asks for them (ctypes.CDLL with RTLD_GLOBAL)
glibc: yes
  the base has glibc 2.36, and every wheel is tagged for it or an older one
`},
		{"cuDNN of the base", withDeb(locked("tensorflow 2.13.1"), "libcudnn8", "8.5.0.96-1+cuda11.7"), measured(map[string]Reading{}), "535:", `
CUDA 11.8, driver 450.80.02, cuda>=11.0
code: none
  no GPU was named
driver: yes
  CUDA 11.8 (tensorflow 2.13.1) runs with driver 450.80.02 or newer
libraries: no
  the base debian:12 brings CUDA, by its package libcudnn8
  tensorflow 2.13.1 was built with cuDNN 8.6, and libcudnn8 8.5.0.96-1+cuda11.7 of the base is older: it needs that minor version or a newer one
  hint: bring a newer cuDNN, or choose a release of the framework that was built with an older one
glibc: yes
  the base has glibc 2.36, and every wheel is tagged for it or an older one
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := Of(c.lock, "linux/amd64", c.measure)
			if seen, ok := seen[c.name]; ok {
				e.Supply = &Supply{seen.uses}
				for i := range e.Items {
					e.Items[i].Linked, e.Items[i].Glibc = true, seen.glibc[e.Items[i].Name]
				}
			}
			got := told(Examine(e, hostsOf(t, c.hosts)))
			if d := cmp.Diff(strings.TrimPrefix(c.want, "\n"), got); d != "" {
				t.Error(d)
			}
		})
	}
}

// What an image has is not known by its name, but by what lies in it.
func TestForeignBase(t *testing.T) {
	l := locked("torch 2.0.0+cu118")
	for _, c := range []struct {
		seen []string
		want Verdict
	}{
		{nil, Unknown},
		{[]string{"libcudart.so.11.0", "libcublas.so.11", "libc.so.6"}, Yes},
		{[]string{"libcudart.so.11.0"}, Unknown},
		{[]string{"libc.so.6"}, Unknown}, // what the wheel asks for was not read
		{[]string{"libcudart.so.12", "libcublas.so.12"}, Unknown},
	} {
		for _, reference := range []string{"nvidia/cuda:11.8.0-base-ubuntu22.04", "localhost:5000/nvidia/cuda:x", "team/flow:1"} {
			l.Base = lockfile.Base{Distro: "ubuntu:22.04", Reference: reference}
			e := Of(l, "linux/amd64", func(lockfile.File) (Reading, bool) { return Reading{}, true })
			if c.seen != nil {
				e.SeeBase(c.seen)
			}
			if a := Examine(e, Hosts{}).Answers[2]; a.Question != Provider || a.Verdict != c.want {
				t.Errorf("%s with %v: %s %q", reference, c.seen, a.Verdict, a.Why)
			}
		}
	}
}

// Where nothing was judged, nothing is yes.
func TestCodeUnjudged(t *testing.T) {
	named := func(l *lockfile.Lock, files ...string) *lockfile.Lock {
		for i, name := range files {
			l.Packages[i].Files[0].Name = name
		}
		return l
	}
	read := func(lockfile.File) (Reading, bool) { return Reading{}, true }
	torch := []string{"torch 2.10.0 nvidia-cublas-cu12", "nvidia-cublas-cu12 12.8.4.1"}
	for _, c := range []struct {
		name    string
		lock    *lockfile.Lock
		measure Measure
		want    Verdict
		why     string
	}{
		{"unread, with a library", locked("xgboost 3.1.0 nvidia-nccl-cu12", "nvidia-nccl-cu12 2.28.3"), nil, Unknown, "which GPUs xgboost 3.1.0 has code for is not known"},
		{"libraries alone", locked("nvidia-cublas-cu12 12.8.4.1"), read, None, "no package but NVIDIA's libraries"},
		{"unread, with a framework", locked(append(torch, "xformers 0.0.34 torch")...), nil, Unknown, "which GPUs xformers 0.0.34 has code for is not known"},
		{"of Python alone", named(locked(append([]string{"accelerate 1.12.0 torch"}, torch...)...), "accelerate-1.12.0-py3-none-any.whl"), nil, Yes, "torch 2.10.0 has code"},
		{"not of CUDA", locked(append(torch, "numpy 2.4.6")...), nil, Yes, "torch 2.10.0 has code"},
	} {
		a := Examine(Of(c.lock, "linux/amd64", c.measure), hostsOf(t, "580: A100")).Answers[0]
		if a.Verdict != c.want || !strings.Contains(strings.Join(a.Why, "; "), c.why) {
			t.Errorf("%s: %s %q", c.name, a.Verdict, a.Why)
		}
	}
}
