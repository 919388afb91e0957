package cuda

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParseDevice(t *testing.T) {
	for text, want := range map[string]string{
		"A100": "8.0", "a100": "8.0", "NVIDIA A100-SXM4-80GB": "8.0", "NVIDIA A100-PCIE-40GB": "8.0", "RTX 4090": "8.9", "rtx4090": "8.9",
		"NVIDIA GeForce RTX 4090": "8.9", "NVIDIA GeForce RTX 4060 Laptop GPU": "8.9", "h200": "9.0", "NVIDIA H100 80GB HBM3": "9.0",
		"Tesla T4": "7.5", "T4": "7.5", "Tesla V100-SXM2-16GB": "7.0", "Tesla K80": "3.7", "NVIDIA RTX A6000": "8.6", "Quadro RTX 6000": "7.5",
		"NVIDIA RTX 6000 Ada Generation": "8.9", "NVIDIA RTX PRO 6000 Blackwell Server Edition": "12.0", "NVIDIA GH200 480GB": "9.0",
		"NVIDIA GeForce RTX 4070 Ti SUPER": "8.9", "NVIDIA GeForce GTX 1080 Ti": "6.1", "NVIDIA GB200": "10.0", "GB300": "10.3",
		"NVIDIA A100-SXM4-40GB MIG 1g.5gb": "8.0", "sm_90": "9.0", "sm90": "9.0", "compute_90": "9.0", "9.0": "9.0", "8.6": "8.6",
		"sm_103": "10.3", "12.0": "12.0", "Jetson AGX Orin": "8.7", "DGX Spark": "12.1",
	} {
		d, err := ParseDevice(text)
		if err != nil || d.Capability.String() != want {
			t.Errorf("%s: %v, %v; want %s", text, d.Capability, err, want)
		}
	}
}

func TestUnknownDevice(t *testing.T) {
	for text, want := range map[string]string{
		"A1000":    "RTX A1000",
		"H1000":    "T1000, H100",
		"RTX 6000": "Quadro RTX 6000, RTX A6000, RTX 6000 Ada, RTX PRO 6000 Blackwell",
		"H10":      "H100",
		"4090":     "RTX 4090",
		"Ampere":   "sm_80 (A100, A30), sm_86 (A2, A10)",
		"sm_90a":   "write sm_90",
		"sm_95":    "sm_89, sm_90, sm_100",
		"90":       "compute capability",
		"":         "compute capability",
		"gpu":      "compute capability",
	} {
		_, err := ParseDevice(text)
		unknown := (*UnknownDevice)(nil)
		if !errors.As(err, &unknown) || !strings.Contains(unknown.Hint, want) {
			t.Errorf("%q: %v with the hint %q; want %q in it", text, err, unknown.Hint, want)
		}
	}
}

func TestDriver(t *testing.T) {
	driver := func(text string) Driver {
		d, err := ParseDriver(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		have, floor string
		want        bool
	}{
		{"535", "525.60.13", true}, {"580", "580.65.06", true}, {"R580", "580.65.06", true}, {"580.65", "580.65.06", true},
		{"580.65.06", "580.65.06", true}, {"580.65.05", "580.65.06", false}, {"575.57.08", "580.65.06", false}, {"570", "580.65.06", false},
		{"525.60.13", "525.60.13", true}, {"525.60.11", "525.60.13", false}, {"535.104.05", "535", true}, {"1000.1", "580.65.06", true},
	} {
		if got := driver(c.have).Meets(driver(c.floor)); got != c.want {
			t.Errorf("%s meets %s: %t", c.have, c.floor, got)
		}
	}
	for _, bad := range []string{"", "auto", "12.4", "535.104.05.1", "535,", "-535", "535.x", "R", "53.5"} {
		if _, err := ParseDriver(bad); err == nil {
			t.Errorf("%q is a driver", bad)
		}
	}
}

func TestFloors(t *testing.T) {
	for version, want := range map[string]string{
		"9.0": "384.81", "10.2": "440.33", "11": "450.80.02", "11.8": "450.80.02", "12": "525.60.13", "12.8": "525.60.13", "13.2": "580.65.06", "13.9": "580.65.06",
	} {
		v, err := ParseVersion(version)
		if err != nil {
			t.Fatal(err)
		}
		if floor, ok := Floor(v); !ok || floor.String() != want {
			t.Errorf("the floor of %s is %s, %t", version, floor, ok)
		}
	}
	if _, ok := Floor(Version{99, 0}); ok {
		t.Error("there is a floor of CUDA 99")
	}
	if d, cuda, ok := Compiles(Version{8, 7}); !ok || d.String() != "570.26" || cuda.String() != "12.8" {
		t.Errorf("PTX 8.7: %s, %s, %t", d, cuda, ok)
	}
	if _, cuda, ok := Compiles(Version{8, 6}); !ok || cuda.String() != "12.8" { // no toolkit of its own: that of CUDA 12.7 was not released
		t.Errorf("PTX 8.6: %s", cuda)
	}
	if _, _, ok := Compiles(Version{99, 0}); ok {
		t.Error("PTX 99.0 is known")
	}
	for driver, want := range map[string]string{"535": "12.2", "535.104.05": "12.2", "580": "13.0", "999": "13.4", "565": "12.7", "300": ""} {
		d, err := ParseDriver(driver)
		if err != nil {
			t.Fatal(err)
		}
		if got := MaxCUDA(d).String(); got != want {
			t.Errorf("CUDA of %s: %s", driver, got)
		}
	}
}

func TestDriversFor(t *testing.T) {
	for c, want := range map[Capability][2]string{
		{12, 0}: {"570", ""}, {10, 3}: {"575", ""}, {9, 0}: {"520", ""}, {7, 0}: {"384", "580"}, {3, 7}: {"384", "470"},
	} {
		first, last := DriversFor(c)
		if first.String() != want[0] || last.String() != want[1] {
			t.Errorf("%s: %s to %s", c, first, last)
		}
	}
	if ok, oldest := Serves(Version{13, 9}, Capability{7, 0}); ok || oldest != (Capability{7, 5}) {
		t.Errorf("CUDA 13 serves 7.0: %t, from %s on", ok, oldest)
	}
	if ok, _ := Serves(Version{12, 6}, Capability{7, 0}); !ok {
		t.Error("CUDA 12.6 does not serve 7.0")
	}
}

func TestRange(t *testing.T) {
	for _, c := range []struct {
		text, version string
		want          bool
	}{
		{"auto", "13.2", true}, {"12", "12.6", true}, {"12", "13.0", false}, {"12.6", "12.6", true}, {"12.6", "12.8", false}, {"12.6", "12", true},
		{">=12.4,<13", "12.4", true}, {">=12.4,<13", "12.3", false}, {">=12.4,<13", "13.0", false}, {">=12.4,<13", "12", true},
		{">12", "12.9", false}, {">12", "13.0", true}, {"<=12", "12.9", true}, {"!=12.8", "12.8", false}, {"!=12.8", "12", true}, {"== 12.*", "12.1", true},
		{"<13", "13", false},
	} {
		r, err := ParseRange(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		v, err := ParseVersion(c.version)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Contains(v); got != c.want {
			t.Errorf("%s has %s: %t", c.text, c.version, got)
		}
	}
	for _, bad := range []string{"", "cu126", ">=13,<12", "12,13", "latest", ">=", "12.6.x", "~=12"} {
		if r, err := ParseRange(bad); err == nil {
			t.Errorf("%q is a range: %s", bad, r)
		}
	}
}

// Names and versions as the index had them in November 2026, of jax[cuda13], tensorflow[and-cuda], cupy-cuda12x[ctk], cudf-cu12,
// vllm, onnxruntime-gpu[cuda,cudnn], xgboost and torch.
func TestBrings(t *testing.T) {
	for name, want := range map[string]string{
		"nvidia-cuda-runtime 13.2.86": "library 13.2 runtime", "nvidia-cuda-runtime-cu12 12.9.79": "library 12.9 runtime", "cuda-toolkit 12.9.2.0": "library 12.9 runtime",
		"cuda-toolkit 13.2.2": "library 13.2 runtime", "nvidia-cublas 13.4.1.3": "library 13", "nvidia-cublas-cu12 12.9.3.13": "library 12", "nvidia-cublas-cu11 11.10.3.66": "library 11",
		"nvidia-cufft 12.2.0.57": "library 13", "nvidia-cufile 1.17.1.22": "library 13", "nvidia-cusparse 12.6.3.3": "library 13",
		"nvidia-cudnn-cu13 9.26.0.51": "library 13", "nvidia-nccl-cu12 2.32.3": "library 12", "nvidia-nvjitlink 13.5.37": "library 13.5",
		"cuda-bindings 12.9.10": "library 12.9", "cuda-python 13.4.4": "library 13.4", "nvidia-cublas 0.0.1.dev5": "none", "nvidia-cublas-cu13 0.0.1": "none",
		"nvidia-ml-py 13.615.71": "none", "nvidia-cudnn-frontend 1.32.0": "none", "nvidia-cutlass-dsl-libs-cu12 4.8.0": "none", "cuda-pathfinder 1.9.1": "none",
		"nvidia-libnvcomp-cu12 5.3.0.16": "library 12", "nvidia-dali-cuda120 1.30.0": "library 12.0",
		"cupy-cuda12x 14.2.0": "framework 12", "cupy-cuda101 9.6.0": "framework 10.1", "jax-cuda13-plugin 0.12.0.1": "framework 13", "jax-cuda12-pjrt 0.12.0.1": "framework 12",
		"cudf-cu12 26.10.2": "framework 12", "mxnet-cu92 1.9.1": "framework 9.2", "tensorrt-cu12-libs 10.1.0": "framework 12", "tensorflow 2.21.0": "framework 12.5",
		"tensorflow-gpu 1.15.5": "framework 10.0", "onnxruntime-gpu 1.31.1": "framework 13", "onnxruntime-gpu 1.20.0": "framework 12",
		"torch 2.10.0+cu126": "framework 12.6", "torch 2.10.0+cpu": "processor", "torch 2.10.0+rocm7.1": "processor", "torch 2.15.0": "processor",
		"torch 1.12.1": "framework 10.2", "numpy 2.4.0": "none", "xgboost 3.4.1": "none", "numba-cuda 0.30.4": "none",
	} {
		name, version, _ := strings.Cut(name, " ")
		if got := text(Brings(Package{Name: name, Version: version})); got != want {
			t.Errorf("%s %s: %s; want %s", name, version, got, want)
		}
	}
	if got := text(Brings(Package{Name: "torch", Version: "1.12.1", Platform: "linux/arm64"})); got != "processor" {
		t.Errorf("torch 1.12.1 for arm64: %s", got)
	}
	if got := text(Brings(Package{Name: "torch", Version: "2.15.0", Requires: []string{"sympy", "cuda-toolkit"}})); got != "framework 13.2" {
		t.Errorf("torch that requires cuda-toolkit: %s", got)
	}
	for want, needed := range map[string]string{
		"framework 12": "libc.so.6 libcublas.so.12 libcudart.so.12", "framework 10.1": "libcublas.so.10 libcudart.so.10.1", "framework 11": "libnvrtc.so.11.2",
		"framework": "libcudart.so.11.0 libcudart.so.12", "none": "libc.so.6 libcudnn.so.9",
	} {
		if got := text(Brings(Package{Name: "some", Version: "1", Needed: strings.Fields(needed)})); got != want {
			t.Errorf("%s: %s; want %s", needed, got, want)
		}
	}
}

func text(b Brought) string {
	words := []string{[]string{"none", "framework", "library", "processor"}[b.Role]}
	if !b.Version.IsZero() {
		words = append(words, b.Version.String())
	}
	if b.Runtime {
		words = append(words, "runtime")
	}
	return strings.Join(words, " ")
}

// The table keeps its own rules.
func TestFacts(t *testing.T) {
	f := facts()
	for i, k := range f.toolkits {
		if i > 0 && (k.CUDA.Compare(f.toolkits[i-1].CUDA) <= 0 || !k.Driver.Meets(f.toolkits[i-1].Driver)) {
			t.Errorf("CUDA %s is not after %s", k.CUDA, f.toolkits[i-1].CUDA)
		}
		if !slices.IsSortedFunc(k.gpus, Capability.Compare) || len(k.gpus) == 0 || k.PTX.IsZero() {
			t.Errorf("CUDA %s: %v, PTX %s", k.CUDA, k.gpus, k.PTX)
		}
		if got := MaxCUDA(k.Driver); got != k.CUDA {
			t.Errorf("the driver %s came with CUDA %s, and brings %s", k.Driver, k.CUDA, got)
		}
	}
	for _, name := range f.deviceNames {
		d, err := ParseDevice(name)
		if err != nil || f.oldest(d.Capability).IsZero() {
			t.Errorf("%s: %v, and no toolkit compiles for it", name, err)
		}
	}
	if len(f.devices) != len(f.deviceNames) {
		t.Error("two GPUs have one name")
	}
	for name, builds := range f.builds {
		for _, b := range builds {
			if b.CUDA.IsZero() {
				t.Errorf("%s %s has no CUDA", name, b.Versions)
			}
			if k, ok := f.toolkit(b.CUDA); ok && b.CUDA.Minor >= 0 {
				for _, c := range b.gpus {
					if !slices.Contains(k.gpus, c) {
						t.Errorf("%s %s for CUDA %s has code for %s, which that does not know", name, b.Versions, b.CUDA, c)
					}
				}
			}
		}
	}
}
