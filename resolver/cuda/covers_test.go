package cuda

import (
	"fmt"
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/fatbin"
)

func code(t testing.TB, lines ...string) *fatbin.Summary {
	t.Helper()
	s, err := fatbin.Parse(lines)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func device(t testing.TB, name string) Device {
	t.Helper()
	d, err := ParseDevice(name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func driver(t testing.TB, text string) Driver {
	t.Helper()
	if text == "" {
		return Driver{}
	}
	d, err := ParseDriver(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestCovers(t *testing.T) {
	for _, c := range []struct{ code, device, driver, want string }{
		{"10 sm_80=1 sm_86=1", "A100", "", "10 of 10"},
		{"10 sm_80=1 sm_86=1", "L4", "", "10 of 10"},
		{"10 sm_86=1", "A100", "", "0 of 10"}, // the minor version is above the GPU's
		{"10 sm_80=1", "H100", "", "0 of 10"}, // another major version
		{"10 sm_90a=1 sm_120=1", "H100", "", "10 of 10"},
		{"10 sm_90a=1 sm_120=1", "H200", "", "10 of 10"},
		{"10 sm_100a=1 sm_120=1", "B300", "", "0 of 10"}, // for 10.0 alone
		{"10 sm_100f=1 sm_120=1", "B300", "", "10 of 10"},
		{"10 sm_103f=1 sm_120=1", "B200", "", "0 of 10"},
		{"10 sm_100f=1 sm_120=1", "Jetson AGX Thor", "", "0 of 10"},
		{"10 sm_120=1", "GB10", "", "10 of 10"},
		// Tegra's GPUs run their own machine code alone, and PTX
		{"10 sm_80=1 sm_86=1", "Jetson AGX Orin", "", "0 of 10"},
		{"10 sm_80=1 sm_87=1", "Jetson AGX Orin", "", "10 of 10"},
		{"10 sm_70=1", "Jetson AGX Xavier", "", "0 of 10"},
		{"10 sm_62=1", "P100", "", "0 of 10"},
		{"10 sm_87=1", "L4", "", "0 of 10"},
		{"10 sm_80=1 compute_80@8.0=1", "Jetson AGX Orin", "", "10 of 10 by PTX of CUDA 12.0, 525.60.13"},
		// PTX
		{"10 sm_75=1 compute_90@8.0=1", "B200", "", "10 of 10 by PTX of CUDA 12.0, 525.60.13"},
		{"10 sm_75=1 compute_90@8.7=1", "B200", "535", "0 of 10, 10 too new of CUDA 12.8, 570.26"},
		{"10 sm_75=1 compute_90@8.7=1", "B200", "570", "10 of 10 by PTX of CUDA 12.8, 570.26"},
		{"10 sm_75=1 compute_90@8.7=1", "T4", "535", "10 of 10"},
		{"10 compute_52@6.0=1 compute_90@8.7=1", "H100", "535", "10 of 10 by PTX of CUDA 9.0, 384.81"},
		{"10 compute_90a@8.7=1", "H100", "580", "10 of 10 by PTX of CUDA 12.8, 570.26"},
		{"10 sm_120=1 compute_90a@8.7=1", "RTX 5090", "580", "10 of 10"},
		{"10 sm_100=1 compute_90a@8.7=1", "RTX 5090", "580", "0 of 10"},
		{"10 compute_90@20.0=1", "H100", "", "0 of 10, 10 too new, unknown"},
		// containers for certain GPUs alone do not count for others
		{"10 sm_75=1|5 sm_90a=1", "T4", "", "10 of 10"},
		{"10 sm_75=1|5 sm_90a=1", "H100", "", "5 of 15"},
		{"5 sm_90=1|10 lto_80=1", "H100", "", "5 of 5"},
		{"6 sm_80=1 sm_90=1|4 sm_90=1 sm_100=1", "A100", "", "6 of 10"},
		{"6 sm_80=1 sm_90=1|4 sm_90=1", "A100", "", "6 of 6"},
		{"6 sm_80=1 sm_90=1|4 sm_90=1", "H100", "", "10 of 10"},
		{"6 sm_80=1|4 sm_90=1", "H100", "", "4 of 10"}, // a library without any that is for several
	} {
		of := Covers(code(t, strings.Split(c.code, "|")...), device(t, c.device), driver(t, c.driver))
		got := fmt.Sprintf("%d of %d", of.Runs(), of.Total)
		if of.TooNew > 0 {
			got += fmt.Sprintf(", %d too new", of.TooNew)
		} else if of.PTX > 0 {
			got += " by PTX"
		}
		if !of.Driver.IsZero() {
			got += fmt.Sprintf(" of CUDA %s, %s", of.CUDA, of.Driver)
		}
		if of.Unknown {
			got += ", unknown"
		}
		if got != c.want {
			t.Errorf("%s on %s with driver %q: %s; want %s", c.code, c.device, c.driver, got, c.want)
		}
	}
	if of := Covers(nil, device(t, "A100"), Driver{}); of.Total != 0 || of.Covered() || of.Share() != 0 {
		t.Errorf("no code covers: %+v", of)
	}
}

// The containers that torch 2.15.0's libraries have, measured in its wheel for Python 3.11.
func torchLibraries(t testing.TB) []Binary {
	return []Binary{
		{"torch/lib/libtorch_cuda.so", code(t,
			"1 sm_75=45664 sm_80=45448 sm_86=45448 sm_89=240824 sm_90=43488 sm_90a=158224 sm_100=108976 sm_100a=142608 sm_103f=142304 sm_120=106936 sm_120a=167904 sm_121a=167904",
			"1 sm_75=8616 sm_80=8696 sm_86=8656 sm_90=9216 sm_90a=36152 sm_100=52744 sm_100a=69832 sm_103f=69800 sm_120=10912",
			"2 sm_75=10024 sm_80=10088 sm_86=10088 sm_90=10280 sm_90a=76464 sm_100=12936 sm_120=12688",
			"57 sm_75=522688 sm_80=518400 sm_86=515568 sm_90=775640 sm_100=907920 sm_100a=1351720 sm_103f=1350776 sm_120=908992",
			"415 sm_75=34455504 sm_80=51852688 sm_86=51280144 sm_90=55284544 sm_100=72855536 sm_120=62860424",
			"29 sm_90=1919768", "29 sm_100=2470704")},
		{"torch/lib/libtorch_cuda_linalg.so", code(t,
			"1 sm_75=67232 sm_80=66768 sm_86=67480 sm_90=70800 sm_100=69040 sm_120=70496",
			"32 sm_80=1238728 sm_86=1188248 sm_90=1341064 sm_100=1634640 sm_120=1542376")},
		{"torch/lib/libtorch_nvshmem.so", code(t, "1 sm_75=80000 sm_80=81104 sm_86=81112 sm_90=98480 sm_100=124384 sm_120=120464")},
	}
}

func TestJudge(t *testing.T) {
	torch := torchLibraries(t)
	for name, want := range map[string]string{
		"T4": "true 100 partial libtorch_cuda_linalg.so 3", "A100": "true 100", "L4": "true 100", "H100": "true 100", "B300": "true 100", "GB10": "true 100",
		"V100": "false 0 partial libtorch_cuda_linalg.so 0 libtorch_nvshmem.so 0", "Jetson AGX Thor": "false 0 partial libtorch_cuda_linalg.so 0 libtorch_nvshmem.so 0",
	} {
		j, ok := Judge(torch, device(t, name), Driver{}, Version{13, 2})
		got := fmt.Sprint(j.Covered, j.Of.Share())
		if len(j.Partial) > 0 {
			got += " partial"
		}
		for _, p := range j.Partial {
			got += fmt.Sprintf(" %s %d", p.Binary.Path[strings.LastIndex(p.Binary.Path, "/")+1:], p.Of.Share())
		}
		if !ok || got != want {
			t.Errorf("torch on %s: %s; want %s", name, got, want)
		}
	}
	if cubin, ptx := Has(torch[0].Code); fmt.Sprint(cubin) != "[7.5 8.0 8.6 9.0 10.0 12.0]" || ptx != nil {
		t.Errorf("libtorch_cuda.so has %v and PTX for %v", cubin, ptx)
	}
}

// The linear algebra of torch 2.10.0 has code for GPUs that the rest of it has given up, and a ninth of the rest's size.
func TestLibraryBeside(t *testing.T) {
	libraries := []Binary{
		{"torch/lib/libtorch_cuda.so", code(t, "456 sm_70=103200000 sm_75=97500000 sm_80=130300000 sm_90=141600000 sm_100=165000000 sm_120=157100000")},
		{"torch/lib/libtorch_cuda_linalg.so", code(t, "107 sm_50=13400000 sm_60=13100000 sm_70=11600000 sm_80=11200000 sm_86=11300000 sm_90=11400000 sm_100=15800000 sm_120=16200000")},
	}
	for name, want := range map[string]bool{"P100": false, "V100": true, "A100": true, "RTX 5090": true} {
		j, ok := Judge(libraries, device(t, name), Driver{}, Version{12, 8})
		if !ok || j.Covered != want || j.Main.Path != libraries[0].Path {
			t.Errorf("%s: covered %v by %s; want %v", name, j.Covered, j.Main.Path, want)
		}
	}
	if own := Main(libraries[1:]); len(own) != 1 {
		t.Errorf("alone: %v", own)
	}
}

// A large library for one GPU alone, a copy of NVIDIA's, and a small one do not decide.
func TestMainLibraries(t *testing.T) {
	libraries := []Binary{
		{"a/fa3.abi3.so", code(t, "40 sm_90a=900000")},
		{"a/main.abi3.so", code(t, "20 sm_75=1000 sm_80=20000 sm_90=20000")},
		{"a/second.so", code(t, "20 sm_75=1000 sm_80=9000 sm_90=9000")},
		{"a/small.so", code(t, "1 sm_50=900")},
		{"a/lib/libcublasLt-1234.so.11", code(t, "20 sm_80=800000")},
		{"a/nothing.so", nil},
	}
	var names []string
	for _, m := range Main(libraries) {
		names = append(names, m.Path)
	}
	if got := strings.Join(names, " "); got != "a/main.abi3.so a/second.so" {
		t.Errorf("the main libraries are %s", got)
	}
	if _, ok := Judge([]Binary{{"a/lib/libcublas.so.11", code(t, "20 sm_80=800000")}}, device(t, "A100"), Driver{}, Version{}); ok {
		t.Error("a copy of NVIDIA's library is judged")
	}
	if j, ok := Judge([]Binary{{"a/fa3.abi3.so", code(t, "40 sm_90a=900000")}}, device(t, "H100"), Driver{}, Version{}); !ok || !j.Covered {
		t.Error("a wheel for one GPU alone is not for that")
	}
	// bitsandbytes has a library for each CUDA.
	several := []Binary{{"b/libb_cuda118.so", code(t, "1 sm_70=9 sm_80=9")}, {"b/libb_cuda126.so", code(t, "1 sm_70=9 sm_80=9")}, {"b/libb_cuda132.so", code(t, "1 sm_75=9 sm_80=9")}}
	for version, want := range map[Version]bool{{13, 2}: false, {13, -1}: false, {12, 6}: true, {}: true} {
		if j, ok := Judge(several, device(t, "V100"), Driver{}, version); !ok || j.Covered != want || len(j.Partial) > 0 && !version.IsZero() {
			t.Errorf("of libraries for several, with CUDA %s: %+v", version, j)
		}
	}
	// None of them is for this CUDA.
	if j, ok := Judge(several[:2], device(t, "A100"), Driver{}, Version{13, 2}); !ok || j.Covered || j.Other.Major != 12 || j.Lacks() != "the newest of its libraries is libb_cuda126.so" {
		t.Errorf("of libraries for others alone: %+v, %v", j, ok)
	}
	// Of two that the GPU runs the one with machine code decides: vLLM's FlashAttention has none for an H100.
	two := []Binary{{"v/fa2.so", code(t, "76 sm_80=232183168 compute_80@9.0=64996656")}, {"v/_C.so", code(t, "39 sm_75=2028664 sm_80=2191976 sm_90=42158152", "10 sm_80=99")}}
	if j, _ := Judge(two, device(t, "H100"), driver(t, "535"), Version{13, 0}); !j.Covered || j.Main.Path != "v/_C.so" || len(j.Partial) != 1 {
		t.Errorf("vLLM on H100: %+v", j)
	}
	if j, _ := Judge(two, device(t, "T4"), Driver{}, Version{13, 0}); !j.Covered || len(j.Partial) != 1 || j.Partial[0].Of.Share() != 0 {
		t.Errorf("vLLM on T4: %+v", j)
	}
}
