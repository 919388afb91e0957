package cudabase

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/resolver/cuda"
	"github.com/envpack/envpack/resolver/library"
)

// wheel is written as "name version | path needed… | path (soname) needed…".
func wheel(text string) library.Wheel {
	parts := strings.Split(text, "|")
	id := strings.Fields(parts[0])
	w := library.Wheel{Name: id[0], Version: id[1]}
	for _, part := range parts[1:] {
		f := strings.Fields(part)
		o := elffile.Object{Path: f[0], Machine: 62, Class: 2, Type: 3}
		for _, word := range f[1:] {
			switch {
			case strings.HasPrefix(word, "("):
				o.Soname = strings.Trim(word, "()")
			case word == "arm":
				o.Machine = 183
			default:
				o.Needed = append(o.Needed, word)
			}
		}
		w.Objects = append(w.Objects, o)
	}
	return w
}

func input(texts ...string) library.Input {
	in := library.Input{Architecture: "amd64", Python: "3.11"}
	for _, text := range texts {
		in.Wheels = append(in.Wheels, wheel(text))
	}
	return in
}

// What real wheels ask for, by their ELF files as they are on the index, and the image that has it.
const (
	onnxruntime118 = "onnxruntime-gpu 1.18.0 | onnxruntime/capi/libonnxruntime_providers_cuda.so libcublasLt.so.11 libcublas.so.11 libcudnn.so.8 libcurand.so.10 libcufft.so.10 libcudart.so.11.0 libcuda.so.1 libc.so.6" +
		" | onnxruntime/capi/libonnxruntime_providers_tensorrt.so libcudnn.so.8 libcublas.so.11 libnvinfer.so.10 libcudart.so.11.0"
	cupy11       = "cupy-cuda11x 13.6.0 | cupy/cuda/jitify.cpython-311-x86_64-linux-gnu.so libnvrtc.so.11.2 | cupy_backends/cuda/libs/cudnn.cpython-311-x86_64-linux-gnu.so libcudnn.so.8 | cupy_backends/cuda/libs/curand.cpython-311-x86_64-linux-gnu.so libcurand.so.10"
	bitsandbytes = "bitsandbytes 0.50.2 | bitsandbytes/libbitsandbytes_cuda118.so libcudart.so.11.0 libcublas.so.11 | bitsandbytes/libbitsandbytes_cuda124.so libcudart.so.12 libcublas.so.12 | bitsandbytes/libbitsandbytes_cuda130.so libcudart.so.13 libcublas.so.13"
	cublas12     = "nvidia-cublas-cu12 12.9.1.4 | nvidia/cublas/lib/libcublas.so.12 (libcublas.so.12) libcublasLt.so.12"
	cudart12     = "nvidia-cuda-runtime-cu12 12.9.79 | nvidia/cuda_runtime/lib/libcudart.so.12 (libcudart.so.12)"
)

func TestChoose(t *testing.T) {
	upTo := func(major int) func(cuda.Version) bool { return func(v cuda.Version) bool { return v.Major <= major } }
	for name, c := range map[string]struct {
		wheels []string
		usable func(cuda.Version) bool
		want   string // what is asked, and the image
	}{
		"all in wheels":         {[]string{"torch 2.10.0 | torch/lib/libtorch_cuda.so libcublas.so.12 libcudart.so.12 libcuda.so.1", cublas12, cudart12, "nvidia-cublas-lt 1 | x/libcublasLt.so.12"}, nil, ""},
		"of the driver":         {[]string{"alpha 1.0 | alpha.abi3.so libcuda.so.1 libnvidia-ml.so.1 libnvcuvid.so.1"}, nil, ""},
		"bundled and renamed":   {[]string{"torch 1.12.1 | torch/lib/libtorch_cuda.so libcudart-9335f6a2.so.11.0 | torch/lib/libcudart-9335f6a2.so.11.0"}, nil, ""},
		"cudart alone":          {[]string{"alpha 1.0 | alpha/_C.abi3.so libcudart.so.12"}, nil, "libcudart.so.12 -> nvidia/cuda:12.9.1-base-ubuntu24.04"},
		"of another machine":    {[]string{"alpha 1.0 | alpha/_C.abi3.so libcudart.so.12 arm"}, nil, ""},
		"of another Python":     {[]string{"alpha 1.0 | alpha/_C.cpython-39-x86_64-linux-gnu.so libcudart.so.12"}, nil, ""},
		"nothing says the CUDA": {[]string{"alpha 1.0 | alpha/_C.abi3.so libcurand.so.10"}, upTo(12), "libcurand.so.10 -> nvidia/cuda:12.9.1-runtime-ubuntu24.04"},
		"onnxruntime-gpu 1.18": {[]string{onnxruntime118}, nil,
			"libcublasLt.so.11 libcublas.so.11 libcudnn.so.8 libcurand.so.10 libcufft.so.10 libcudart.so.11.0 -> nvidia/cuda:11.8.0-cudnn8-runtime-ubuntu22.04"},
		"tensorflow 2.10": {[]string{"tensorflow 2.10.1"}, nil,
			"libcudart.so.11.0 libcublas.so.11 libcublasLt.so.11 libcufft.so.10 libcusolver.so.11 libcusparse.so.11 libcudnn.so.8 -> nvidia/cuda:11.8.0-cudnn8-runtime-ubuntu22.04"},
		"tensorflow 2.15": {[]string{"tensorflow 2.15.1", cudart12, cublas12}, nil,
			"libcublasLt.so.12 libcufft.so.11 libcusolver.so.11 libcusparse.so.12 libcudnn.so.8 -> nvidia/cuda:12.2.2-cudnn8-runtime-ubuntu22.04"},
		"a number of CUDA 11.0": {[]string{"tensorflow 2.4.4"}, nil,
			"libcudart.so.11.0 libcublas.so.11 libcublasLt.so.11 libcufft.so.10 libcusolver.so.10 libcusparse.so.11 libcudnn.so.8 -> nvidia/cuda:11.0.3-cudnn8-runtime-ubuntu20.04"},
		"parts that are spared":  {[]string{cupy11}, nil, "libnvrtc.so.11.2 libcurand.so.10 -> nvidia/cuda:11.8.0-runtime-ubuntu22.04"},
		"a name in the code":     {[]string{"ctranslate2 4.8.5 | ctranslate2.libs/libctranslate2.so libc.so.6"}, nil, "libcublas.so.12 -> nvidia/cuda:12.9.1-runtime-ubuntu24.04"},
		"several, one is whole":  {[]string{bitsandbytes, cublas12, cudart12, "lt 1 | libcublasLt.so.12"}, nil, ""},
		"several, none is whole": {[]string{bitsandbytes}, upTo(12), "libcudart.so.12 libcublas.so.12 -> nvidia/cuda:12.9.1-runtime-ubuntu24.04"},
		"cupti":                  {[]string{"alpha 1.0 | alpha/_C.abi3.so libcupti.so.12 libcudart.so.12"}, nil, "libcupti.so.12 libcudart.so.12 -> nvidia/cuda:12.9.1-devel-ubuntu24.04"},
		"cupti and cuDNN":        {[]string{"alpha 1.0 | alpha/_C.abi3.so libcupti.so.12 libcudnn.so.9"}, nil, "libcupti.so.12 libcudnn.so.9 -> nvidia/cuda:12.9.1-cudnn-devel-ubuntu24.04"},
		"cuDNN 8 of CUDA 12":     {[]string{"alpha 1.0 | alpha/_C.abi3.so libcudart.so.12 libcudnn.so.8"}, nil, "libcudart.so.12 libcudnn.so.8 -> nvidia/cuda:12.2.2-cudnn8-runtime-ubuntu22.04"},
		"deleted":                {[]string{"alpha 1.0 | alpha/_C.abi3.so libcudart.so.10.1"}, nil, "libcudart.so.10.1 -> none"},
		"two versions":           {[]string{"alpha 1.0 | a.abi3.so libcudart.so.12", "beta 1.0 | b.abi3.so libcudart.so.11.0"}, nil, "libcudart.so.12 libcudart.so.11.0 -> none"},
		"not usable":             {[]string{"alpha 1.0 | a.abi3.so libcudart.so.13"}, upTo(12), "libcudart.so.13 -> none"},
	} {
		t.Run(name, func(t *testing.T) {
			major := func(n int) bool { return c.usable == nil || c.usable(cuda.Version{Major: n}) }
			for range 2 {
				asks, err := Asked(input(c.wheels...), major)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, a := range asks {
					got = append(got, a.Library)
				}
				if len(asks) > 0 {
					image, ok := Choose(asks, c.usable)
					if !ok {
						image.Reference = "none"
					}
					got = append(got, "->", image.Reference)
				}
				if diff := cmp.Diff(c.want, strings.Join(got, " ")); diff != "" {
					t.Error(diff)
				}
				slices.Reverse(c.wheels) // the order decides nothing
			}
		})
	}
}

func TestAsk(t *testing.T) {
	asks, err := Asked(input(onnxruntime118, "tensorflow 2.13.1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []Ask{
		{Library: "libcudnn.so.8", Wheel: "onnxruntime-gpu", Version: "1.18.0", By: "onnxruntime/capi/libonnxruntime_providers_cuda.so",
			Built: cuda.Version{Major: 11, Minor: 8}, CuDNN: cuda.Version{Major: 8, Minor: -1}},
		{Library: "libcusparse.so.11", Wheel: "tensorflow", Version: "2.13.1", Opened: true, Built: cuda.Version{Major: 11, Minor: 8}, CuDNN: cuda.Version{Major: 8, Minor: 6}},
	}
	for _, w := range want {
		if !slices.Contains(asks, w) {
			t.Errorf("%+v is missing in %+v", w, asks)
		}
	}
	if _, err := Asked(input("tensorflow x.y"), nil); err == nil {
		t.Error("no error of a version that is none")
	}
}

// TestFacts holds the table to itself.
func TestFacts(t *testing.T) {
	table, err := readFacts(factsText)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range table.groups {
		for version, numbers := range g.Sonames {
			if _, err := cuda.ParseVersion(version); err != nil || len(numbers) == 0 {
				t.Errorf("%s: %q of %v", g.Names[0], version, numbers)
			}
		}
		if g.Deb == "" || g.Wheel == "" {
			t.Errorf("%s: no package", g.Names[0])
		}
	}
	var last cuda.Version
	for _, r := range table.releases {
		if r.cuda.Compare(last) <= 0 {
			t.Errorf("%s does not come after %s", r.Version, last)
		}
		last = r.cuda
		if n, err := strconv.Atoi(r.cudnnMajor()); err != nil || n < 8 || !slices.IsSorted(r.Distros) || len(r.Distros) == 0 {
			t.Errorf("%s: cuDNN %q, distributions %v", r.Version, r.CuDNN, r.Distros)
		}
	}
	for _, wrong := range []string{
		"[[libraries.group]]\nnames = [\"a\"]\npart = \"none\"", "[[opens]]\nprojects = [\"a\"]\nlibraries = [\"none\"]", "[[spares]]\nprojects = [\"a\"]\nversions = \"=x\"", "[unknown]",
		"[images]\nrelease = [{ version = \"x\" }]",
	} {
		if _, err := readFacts(wrong); err == nil {
			t.Errorf("no error of %q", wrong)
		}
	}
	if fmt.Sprint(table.byName["libcurand"].majors("10")) != "[11 12 13]" {
		t.Error("libcurand.so.10 is of CUDA 11 to 13")
	}
}

// TensorFlow's wheels for arm64 are built without CUDA, and open none of its libraries.
func TestAskedOnArm(t *testing.T) {
	in := input("tensorflow 2.15.1")
	for architecture, want := range map[string]bool{"amd64": true, "arm64": false} {
		in.Architecture = architecture
		if asks, err := Asked(in, nil); err != nil || (len(asks) > 0) != want {
			t.Errorf("on %s tensorflow asks for %v, %v", architecture, asks, err)
		}
	}
}
