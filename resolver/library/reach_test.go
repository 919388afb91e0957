package library

import (
	"fmt"
	"strings"
	"testing"
)

func TestLinks(t *testing.T) {
	const (
		cublas = "nvidia-cublas-cu12 1 | nvidia/cublas/lib/libcublas.so.12 libc.so.6"
		torch  = "torch 2 | torch/lib/libtorch_cuda.so $/../../nvidia/cublas/lib libcublas.so.12 | torch/_C.cpython-311-x86_64-linux-gnu.so $/lib libtorch_cuda.so | > nvidia-cublas-cu12"
	)
	for name, c := range map[string]struct {
		wheels string // by ";", the first asks: its first file
		want   string
	}{
		"nobody has it":         {"a 1 | a/_a.abi3.so libcublas.so.12", "none 0"},
		"own path":              {"a 1 | a/_a.abi3.so $/../nvidia/cublas/lib libcublas.so.12 ; " + cublas, "nvidia-cublas-cu12 4"},
		"a path beside":         {"a 1 | a/_a.abi3.so $/../nvidia/cudnn/lib libcublas.so.12 ; " + cublas, "nvidia-cublas-cu12 1"},
		"data folder":           {"a 1 | a-1.data/purelib/a/_a.abi3.so $/../nvidia/cublas/lib libcublas.so.12 ; " + cublas, "nvidia-cublas-cu12 4"},
		"no path":               {"a 1 | a/_a.abi3.so libcublas.so.12 ; " + cublas, "nvidia-cublas-cu12 1"},
		"it requires it":        {"a 1 | a/_a.abi3.so libcublas.so.12 | > nvidia-cublas-cu12 ; " + cublas, "nvidia-cublas-cu12 2"},
		"by a toolkit":          {"a 1 | a/_a.abi3.so libcublas.so.12 | > cuda-toolkit ; cuda-toolkit 12 | > nvidia-cublas-cu12 ; " + cublas, "nvidia-cublas-cu12 2"},
		"a finder":              {"a 1 | a/_a.abi3.so libcublas.so.12 | > cuda-pathfinder ; " + cublas, "nvidia-cublas-cu12 2"},
		"what it requires":      {"a 1 | a/_a.abi3.so libcublas.so.12 | > torch ; " + torch + " ; " + cublas, "nvidia-cublas-cu12 3"},
		"what it links with":    {"a 1 | a/_a.abi3.so libcublas.so.12 libtorch_cuda.so ; " + torch + " ; " + cublas, "nvidia-cublas-cu12 3"},
		"one beside it":         {"a 1 | a/_a.abi3.so libcublas.so.12 ; " + torch + " ; " + cublas, "nvidia-cublas-cu12 1"},
		"another of its files":  {"a 1 | a/libplugin.so libcublas.so.12 | a/_a.abi3.so $/../nvidia/cublas/lib libcublas.so.12 ; " + cublas, "nvidia-cublas-cu12 3"},
		"a plug-in's path":      {"a 1 | a/_a.abi3.so libcublas.so.12 | a/libplugin.so $/../nvidia/cublas/lib libcublas.so.12 ; " + cublas, "nvidia-cublas-cu12 1"},
		"its own copy":          {"a 1 | a/_a.abi3.so $/../a.libs libcublas.so.12 | a.libs/libcublas.so.12", "a 4"},
		"own copy, no path":     {"a 1 | a/_a.abi3.so libcublas.so.12 | a.libs/libcublas.so.12", "a 2"},
		"of several that is in": {"a 1 | a/_a.abi3.so $/../nvidia/cublas/lib libcublas.so.12 ; b 1 | b/libcublas.so.12 ; " + cublas, "nvidia-cublas-cu12 4"},
	} {
		t.Run(name, func(t *testing.T) {
			in := Input{Architecture: "amd64", Python: "3.11"}
			for _, text := range strings.Split(c.wheels, ";") {
				in.Wheels = append(in.Wheels, wheel(strings.TrimSpace(text)))
			}
			i, reach := NewLinks(in).Find(&in.Wheels[0].Objects[0], "libcublas.so.12")
			got := "none"
			if i >= 0 {
				got = in.Wheels[i].Name
			}
			if got = fmt.Sprint(got, " ", int(reach)); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// Of an RPATH those of the files that load a library count too, as long as it has no RUNPATH.
func TestInheritedPath(t *testing.T) {
	in := Input{Architecture: "amd64", Python: "3.11"}
	in.Wheels = []Wheel{wheel("a 1 | a/libmain.so libcublas.so.12 | a/_a.abi3.so libmain.so"), wheel("nvidia-cublas-cu12 1 | nvidia/cublas/lib/libcublas.so.12")}
	in.Wheels[0].Objects[1].Rpath = "$ORIGIN/../nvidia/cublas/lib"
	find := func() Reach {
		_, reach := NewLinks(in).Find(&in.Wheels[0].Objects[0], "libcublas.so.12")
		return reach
	}
	if got := find(); got != OnPath {
		t.Errorf("by the caller's RPATH: %d", got)
	}
	in.Wheels[0].Objects[0].Runpath = "$ORIGIN"
	if got := find(); got != Unled {
		t.Errorf("with a RUNPATH of its own: %d", got)
	}
	in.Wheels[0].Objects[0].Runpath, in.Wheels[0].Objects[1].Rpath, in.Wheels[0].Objects[1].Runpath = "", "", "$ORIGIN/../nvidia/cublas/lib"
	if got := find(); got != Unled {
		t.Errorf("by the caller's RUNPATH: %d", got)
	}
	if l := NewLinks(in); !l.Searches(&in.Wheels[0].Objects[1], "nvidia") || l.Searches(&in.Wheels[0].Objects[0], "nvidia") {
		t.Error("who looks below nvidia")
	}
}
