package library

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/resolver/apt"
)

// archive has packages by the files that they have.
type archive map[string][]apt.Holder

func (a archive) Library(soname string) []apt.Holder { return a[soname] }
func (a archive) Command(name string) []apt.Holder   { return a[name] }

var debian = archive{}

func init() {
	for file, packages := range map[string]string{
		"libGL.so.1": "libgl1", "libEGL.so.1": "libegl1", "libGLU.so.1": "libglu1-mesa", "libglib-2.0.so.0": "libglib2.0-0", "libgthread-2.0.so.0": "libglib2.0-0",
		"libgobject-2.0.so.0": "libglib2.0-0", "libgomp.so.1": "libgomp1", "libsndfile.so.1": "libsndfile1", "dot": "graphviz", "libgtk-3.so.0": "libgtk-3-0",
		"libpython3.11.so.1.0": "libpython3.11", "libblas.so.3": "libblas3 libopenblas0", "libxcb.so.1": "libxcb1",
		"libtorch.so": "libtorch-dev", "librocrand.so.1": "librocrand1", "libcudart.so.12": "libcudart12",
	} {
		for _, p := range strings.Fields(packages) {
			debian[file] = append(debian[file], apt.Holder{Package: p, Component: "main", Section: "libs"})
		}
	}
}

// wheel is written as "name version | path needed… | path (soname) needed… | > required…".
func wheel(text string) Wheel {
	parts := strings.Split(text, "|")
	id := strings.Fields(parts[0])
	w := Wheel{Name: id[0], Version: id[1]}
	for _, part := range parts[1:] {
		f := strings.Fields(part)
		if f[0] == ">" {
			w.Requires = f[1:]
			continue
		}
		o := elffile.Object{Path: f[0], Machine: 62, Class: 2, Type: 3}
		for _, word := range f[1:] {
			switch {
			case strings.HasPrefix(word, "("):
				o.Soname = strings.Trim(word, "()")
			case strings.HasPrefix(word, "$"):
				o.Runpath = strings.ReplaceAll(word, "$/", "$ORIGIN/")
			case strings.HasPrefix(word, "GLIBC_"):
				o.Versions = []elffile.Versions{{Library: "libc.so.6", Names: []string{word}}}
			case word == "arm":
				o.Machine = 183
			case word == "broken":
				o.Fault = "it is broken"
			default:
				o.Needed = append(o.Needed, word)
			}
		}
		w.Objects = append(w.Objects, o)
	}
	return w
}

func TestFind(t *testing.T) {
	for name, c := range map[string]struct {
		wheels []string
		chosen string
		want   string // + package: reasons; - missing; ? optional; ! warning
	}{
		"nothing": {wheels: []string{"a 1"}},
		"needed by a module": {
			wheels: []string{"opencv-python 4 | cv2/cv2.abi3.so libGL.so.1 libc.so.6"},
			want:   "+ libgl1: opencv-python: cv2/cv2.abi3.so needs libGL.so.1",
		},
		"needed by a library that a module needs": {
			wheels: []string{"a 1 | a/_a.abi3.so libq-1234.so.5 libc.so.6 | a.libs/libq-1234.so.5 (libq-1234.so.5) libglib-2.0.so.0 libgthread-2.0.so.0"},
			want:   "+ libglib2.0-0: a: a.libs/libq-1234.so.5 needs libglib-2.0.so.0, a: a.libs/libq-1234.so.5 needs libgthread-2.0.so.0",
		},
		"plug-in": {
			wheels: []string{"a 1 | a/_a.abi3.so libc.so.6 | a/plugins/libgtk.so libgtk-3.so.0 libodd.so.1"},
			want:   "? libgtk-3-0: a: a/plugins/libgtk.so needs libgtk-3.so.0\n? : a: a/plugins/libgtk.so needs libodd.so.1",
		},
		"plug-in of a wheel that another links with": {
			wheels: []string{"a 1 | a/_a.abi3.so libq.so.5 | > q", "q 1 | q/libq.so.5 libc.so.6 | q/plugins/libgtk.so libgtk-3.so.0"},
			want:   "? libgtk-3-0: q: q/plugins/libgtk.so needs libgtk-3.so.0",
		},
		"plug-in that is in fact needed": {
			wheels: []string{"pyqt5 5 | PyQt5/QtCore.abi3.so libQt5Core.so.5 | > pyqt5-qt5",
				"pyqt5-qt5 5 | PyQt5/Qt5/lib/libQt5Core.so.5 libc.so.6 | PyQt5/Qt5/plugins/platforms/libqxcb.so libxcb.so.1 | PyQt5/Qt5/plugins/t/libgtk.so libgtk-3.so.0"},
			want: "+ libxcb1: pyqt5-qt5: PyQt5/Qt5/plugins/platforms/libqxcb.so needs libxcb.so.1\n? libgtk-3-0: pyqt5-qt5: PyQt5/Qt5/plugins/t/libgtk.so needs libgtk-3.so.0",
		},
		"plug-ins of a wheel that nobody links with": {
			wheels: []string{"nvidia-nvshmem-cu13 3 | nvidia/nvshmem/lib/libnvshmem_host.so.3 libc.so.6 | nvidia/nvshmem/lib/nvshmem_bootstrap_mpi.so.3 libgtk-3.so.0"},
			want:   "? libgtk-3-0: nvidia-nvshmem-cu13: nvidia/nvshmem/lib/nvshmem_bootstrap_mpi.so.3 needs libgtk-3.so.0",
		},
		"opened by Python code": {
			wheels: []string{"lightgbm 4 | lightgbm/lib/lib_lightgbm.so libgomp.so.1"},
			want:   "+ libgomp1: lightgbm: lightgbm/lib/lib_lightgbm.so needs libgomp.so.1",
		},
		"of a wheel that is required": {
			wheels: []string{"torchvision 1 | torchvision/_C.so libc10.so | > torch", "torch 2 | torch/lib/libc10.so libgomp.so.1 | torch/lib/libgomp.so.1 libc.so.6"},
		},
		"of a wheel required by the same": {
			wheels: []string{"a 1 | > b c", "b 1 | b/_b.abi3.so libc1.so.1", "c 1 | c/libc1.so.1 libc.so.6"},
		},
		"of a wheel that has nothing to do with it": {
			wheels: []string{"lightgbm 4 | lightgbm/lib/lib_lightgbm.so libgomp.so.1", "torch 2 | torch/lib/libgomp.so.1 libc.so.6"},
			want:   "+ libgomp1: lightgbm: lightgbm/lib/lib_lightgbm.so needs libgomp.so.1",
		},
		"of a wheel that it links with and does not require": {
			wheels: []string{"torch 2 | torch/_C.so libtorch.so | torch/lib/libtorch.so libc.so.6 | torch/lib/libgomp.so.1 libc.so.6",
				"torchcodec 0 | torchcodec/lib_core4.so libtorch.so libgomp.so.1"},
		},
		"a runtime of CUDA that such a wheel has": {
			wheels: []string{"a 1 | a/_a.abi3.so libcudart.so.12", "nvidia-cuda-runtime-cu12 12 | nvidia/cuda_runtime/lib/libcudart.so.12 libc.so.6"},
		},
		"builds for several accelerators": {
			wheels: []string{"bitsandbytes 0.45 | b/libb_cpu.so libgomp.so.1 | b/libb_cuda118.so libcudart.so.11.0 | b/libb_cuda124.so libcudart.so.12 libgomp.so.1 | b/libb_rocm62.so librocrand.so.1 libodd.so.1",
				"nvidia-cuda-runtime-cu12 12 | nvidia/cuda_runtime/lib/libcudart.so.12 libc.so.6"},
			want: "+ libgomp1: bitsandbytes: b/libb_cpu.so needs libgomp.so.1\n? : bitsandbytes: b/libb_cuda118.so needs libcudart.so.11.0\n" +
				"? : bitsandbytes: b/libb_rocm62.so needs libodd.so.1\n? librocrand1: bitsandbytes: b/libb_rocm62.so needs librocrand.so.1",
		},
		"a module for an accelerator": {
			wheels: []string{"a 1 | a/_a.abi3.so librocrand.so.1"}, want: "+ librocrand1: a: a/_a.abi3.so needs librocrand.so.1",
		},
		"of such a wheel, and in no package": {
			wheels: []string{"a 1 | a/_a.abi3.so libodd.so.1", "b 1 | b/libodd.so.1 libc.so.6"},
		},
		"of such a wheel, by search path": {
			wheels: []string{"a 1 | a/_a.abi3.so libgomp.so.1 $/../b/lib", "b 1 | b-1.data/purelib/b/lib/libgomp.so.1 libc.so.6"},
		},
		"in no package": {
			wheels: []string{"a 1 | a/_a.abi3.so libodd.so.1"},
			want:   "- a: a/_a.abi3.so needs libodd.so.1",
		},
		"the host's driver": {wheels: []string{"a 1 | a/_a.abi3.so libcuda.so.1 libnvidia-ml.so.1 libnvcuvid.so.1 libGLX_nvidia.so.0"}},
		"other machines and interpreters": {
			wheels: []string{"a 1 | a/_x.so arm libGL.so.1 | a/_y.cpython-310-x86_64-linux-gnu.so libGL.so.1 | a/_z.so libc.musl-x86_64.so.1 libGL.so.1 | a/_v.pypy39-pp73-x86_64-linux-gnu.so libGL.so.1 | a/_w.cpython-3110-x86_64-linux-gnu.so libGL.so.1 | a/_t.cpython-311t-x86_64-linux-gnu.so libGL.so.1"},
			want:   "! a: its binaries are for musl, and the base has glibc",
		},
		"one of both C libraries": {wheels: []string{"a 1 | a/_z.so libc.musl-x86_64.so.1 libGL.so.1 | a/_g.so libc.so.6"}},
		"the interpreter's library": {
			wheels: []string{"a 1 | a/_a.cpython-311-x86_64-linux-gnu.so libpython3.11.so.1.0 libpython3.9.so.1.0"},
			want:   "+ libpython3.11: a: a/_a.cpython-311-x86_64-linux-gnu.so needs libpython3.11.so.1.0",
		},
		"installed in any case": {
			wheels: []string{"a 1 | a/_a.abi3.so libblas.so.3 libGL.so.1"}, chosen: "libopenblas0 libgl1",
		},
		"program": {wheels: []string{"a 1 | a-1.data/scripts/tool libGL.so.1"}, want: "+ libgl1: a: a-1.data/scripts/tool needs libGL.so.1"},
		"opened at run time": {
			wheels: []string{"soundfile 0.12", "graphviz 0.20"},
			want: "+ graphviz: graphviz: graphviz/backend/dot_command.py (DOT_BINARY) needs the command dot\n" +
				"+ libsndfile1: soundfile: soundfile.py (find_library('sndfile')) needs libsndfile.so.1",
		},
		"brought in that version": {wheels: []string{"soundfile 0.13 | _soundfile_data/libsndfile_x86_64.so libc.so.6"}},
		"by version":              {wheels: []string{"weasyprint 52.5"}, want: "+ libglib2.0-0: weasyprint: weasyprint/text_layout.py and cairocffi (ffi.dlopen) needs libgobject-2.0.so.0\n- weasyprint: weasyprint/text_layout.py and cairocffi (ffi.dlopen) needs libcairo.so.2\n- weasyprint: weasyprint/text_layout.py and cairocffi (ffi.dlopen) needs libpango-1.0.so.0\n- weasyprint: weasyprint/text_layout.py and cairocffi (ffi.dlopen) needs libpangocairo-1.0.so.0"},
		"does without": {wheels: []string{"weasyprint 70"}, want: "+ libglib2.0-0: weasyprint: weasyprint/text/ffi.py (_dlopen) needs libgobject-2.0.so.0\n" +
			"- weasyprint: weasyprint/text/ffi.py (_dlopen) needs libfontconfig.so.1\n- weasyprint: weasyprint/text/ffi.py (_dlopen) needs libharfbuzz.so.0\n" +
			"- weasyprint: weasyprint/text/ffi.py (_dlopen) needs libpango-1.0.so.0\n- weasyprint: weasyprint/text/ffi.py (_dlopen) needs libpangoft2-1.0.so.0"},
		"warnings": {
			wheels: []string{"a 1 | a/t.so broken | a/_a.abi3.so libc.so.6 GLIBC_2.38 | a/_b.abi3.so libc.so.6 GLIBC_2.36"},
			want:   "! a: which libraries a/t.so needs is not known: it is broken\n! a: a/_a.abi3.so needs glibc 2.38, and the base has 2.36",
		},
	} {
		in := Input{Architecture: "amd64", Python: "3.11", Glibc: "2.36", Brought: map[string]bool{"libc.so.6": true}, Chosen: map[string]bool{}, Packages: debian}
		for _, p := range strings.Fields(c.chosen) {
			in.Chosen[p] = true
		}
		for _, w := range c.wheels {
			in.Wheels = append(in.Wheels, wheel(w))
		}
		for range 2 { // in both orders
			r, err := Find(in)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if diff := cmp.Diff(c.want, describe(r)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			for i, j := 0, len(in.Wheels)-1; i < j; i, j = i+1, j-1 {
				in.Wheels[i], in.Wheels[j] = in.Wheels[j], in.Wheels[i]
			}
		}
	}
	if _, err := Find(Input{Wheels: []Wheel{{Name: "soundfile", Version: "x"}}, Packages: debian}); err == nil {
		t.Error("a wheel without version is accepted")
	}
}

func describe(r *Result) string {
	var lines []string
	choices := func(sign string, all []Choice) {
		for _, c := range all {
			var reasons []string
			for _, n := range c.Needs {
				reasons = append(reasons, n.String())
			}
			lines = append(lines, fmt.Sprintf("%s %s: %s", sign, c.Package, strings.Join(reasons, ", ")))
		}
	}
	choices("+", r.Add)
	for _, n := range r.Missing {
		lines = append(lines, "- "+n.String())
	}
	choices("?", r.Optional)
	for _, w := range r.Warnings {
		lines = append(lines, "! "+w)
	}
	return strings.Join(lines, "\n")
}

func TestFacts(t *testing.T) {
	all, err := facts()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.Project == "" || f.Project != strings.ToLower(f.Project) || strings.ContainsAny(f.Project, "_.") || f.Source == "" {
			t.Errorf("%+v", f)
		}
		if len(f.Libraries)+len(f.Commands)+len(f.Loads) == 0 {
			t.Errorf("%s says nothing", f.Project)
		}
		for _, l := range f.Libraries {
			if !strings.HasPrefix(l, "lib") || !strings.Contains(l, ".so") {
				t.Errorf("%s: %s is no library's file name", f.Project, l)
			}
		}
	}
}
