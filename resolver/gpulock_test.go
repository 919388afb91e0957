package resolver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/internal/fatbin"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/apt"
	"github.com/envpack/envpack/resolver/cuda"
)

// codes are wheels by name, with the code for GPUs of a library "NAME.so": its lines, joined by "|"; and behind "glibc " what
// they need of the C library.
type codes map[string]string

func (c codes) Objects(_ context.Context, wheels []Wheel) ([][]elffile.Object, error) {
	all := make([][]elffile.Object, len(wheels))
	for i, w := range wheels {
		text, glibc, _ := strings.Cut(c[w.Package.Name], "glibc ")
		o := elffile.Object{Path: w.Package.Name + ".so", Type: 3, Class: 2, Machine: 62}
		if glibc != "" {
			o.Versions = []elffile.Versions{{Library: "libc.so.6", Names: []string{"GLIBC_2.2.5", "GLIBC_" + glibc}}}
		}
		if text = strings.TrimSpace(text); text != "" {
			var err error
			if o.CUDA, err = fatbin.Parse(strings.Split(text, "|")); err != nil {
				return nil, err
			}
		}
		all[i] = []elffile.Object{o}
	}
	return all, nil
}

func (codes) Knows(Wheel) bool { return true }

func (codes) Contents(context.Context, apt.Options) (*apt.Contents, error) { return nil, errAsked }

func TestJudgeGPU(t *testing.T) {
	const set = "flame 3.1,nvidia-cuda-runtime 13.2.86"
	for name, c := range map[string]struct {
		packages string // "NAME VERSION", joined by commas; on arm64 too where "arm64 " stands before
		wheels   codes
		driver   string
		devices  string
		want     string // the error with its place, or require, driver and CUDA of each platform
		warns    string
	}{
		"code for all": {set, codes{"flame": "10 sm_80=1 sm_90=1"}, "580", "A100, H100", "cuda>=13.0; linux/amd64 13.2 580.65.06", ""},
		"a GPU that is too new": {set, codes{"flame": "10 sm_80=1 sm_90=1"}, "580", "A100, RTX 5090",
			"envpack.toml:7:2: not for the hosts; RTX 5090 (sm_120): flame 3.1 has no code for it (flame.so has code for sm_80, sm_90 and no PTX)", ""},
		"a GPU that is too old": {set, codes{"flame": "10 sm_80=1 sm_90=1"}, "580", "T4",
			"envpack.toml:7:1: not for the hosts; T4 (sm_75): flame 3.1 has no code for it", ""},
		"PTX for one": {set, codes{"flame": "10 sm_80=1 compute_90@9.2=1"}, "595", "A100, RTX 5090", "cuda>=13.2; linux/amd64 13.2 595.45.04", ""},
		"PTX that the driver does not compile": {set, codes{"flame": "10 sm_80=1 compute_90@9.2=1"}, "580", "A100, RTX 5090",
			"envpack.toml:7:2: not for the hosts; RTX 5090 (sm_120): flame 3.1 has PTX alone, and driver 580 does not compile it: CUDA 13.2 came with 595.45.04", ""},
		"a driver that is too old": {set, codes{"flame": "10 sm_80=1"}, "535", "", "envpack.toml:6:1: not for the hosts; CUDA 13.2 (nvidia-cuda-runtime 13.2.86) runs with driver 580.65.06 or newer", ""},
		"all that speaks against it": {set, codes{"flame": "10 sm_80=1"}, "535", "T4",
			"envpack.toml:7:1: not for the hosts; T4 (sm_75): flame 3.1 has no code for it (flame.so has code for sm_80 and no PTX); CUDA 13.2 (nvidia-cuda-runtime 13.2.86) runs with driver 580.65.06 or newer, and driver 535", ""},
		"a GPU whose hosts have a newer driver": {"flame 2.1,nvidia-cuda-runtime-cu12 12.8.90", codes{"flame": "10 sm_80=1 sm_120=1"}, "535", "A100, RTX 5090",
			"cuda>=12.0; linux/amd64 12.8 525.60.13", ""},
		"PTX for a GPU whose hosts have a newer driver": {"flame 2.1,nvidia-cuda-runtime-cu12 12.8.90", codes{"flame": "10 sm_80=1 compute_90@8.7=1"}, "535", "A100, RTX 5090",
			"cuda>=12.0; linux/amd64 12.8 525.60.13", ""},
		"several CUDAs": {set + ",nvidia-cublas-cu12 12.8.4.1", codes{"flame": "10 sm_80=1"}, "580", "",
			"envpack.toml:5:1: not for the hosts; packages are for several versions of CUDA, whose libraries are loaded into one process: nvidia-cublas-cu12 12.8.4.1 for CUDA 12; nvidia-cuda-runtime 13.2.86 for CUDA 13", ""},
		"a C library that is too old": {set, codes{"flame": "10 sm_80=1 glibc 2.38"}, "580", "A100",
			"envpack.toml:3:1: not for the hosts; flame 3.1 needs glibc 2.38, whatever its wheel's name says, and the base has 2.36", ""},
		"a build for processors": {"torch 2.15.0+cpu", codes{}, "580", "", "envpack.toml:5:1: not for the hosts; torch 2.15.0+cpu is a build without code for GPUs", ""},
		"a package for processors": {"onnxruntime 1.23.2", codes{}, "580", "",
			"envpack.toml:5:1: not for the hosts; onnxruntime 1.23.2 is without code for GPUs, which onnxruntime-gpu has", ""},
		"a package for processors beside others": {set + ",jax 0.12.0", codes{"flame": "10 sm_80=1"}, "580", "A100", "cuda>=13.0; linux/amd64 13.2 580.65.06",
			"linux/amd64: jax 0.12.0 is without code for GPUs, which jax[cuda13] or jax[cuda12] has"},
		"a plugin beside it": {set + ",jax 0.12.0,jax-cuda13-plugin 0.12.0", codes{"flame": "10 sm_80=1"}, "580", "A100", "cuda>=13.0; linux/amd64 13.2 580.65.06", "5 more, for which jax-cuda13-plugin 0.12.0 asks"},
		"nothing for GPUs":   {"numpy 2.0", codes{}, "580", "A100", "; linux/amd64  ", "no package is for CUDA, and [gpu] (envpack.toml:5:1) asks for GPUs"},
		"linked statically":  {"copper-cuda12x 13.0", codes{"copper-cuda12x": "1 sm_80=1"}, "580", "A100", "cuda>=12.0; linux/amd64 12 525.60.13", ""},
		"two platforms": {set + ",arm64 flame 2.1,arm64 nvidia-cuda-runtime-cu12 12.8.90", codes{"flame": "10 sm_80=1"}, "580", "A100",
			"cuda>=12.0; linux/amd64 13.2 580.65.06; linux/arm64 12.8 525.60.13", ""},
		"not read": {set, nil, "580", "A100", "cuda>=13.0; linux/amd64 13.2 580.65.06; unscanned", ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := &manifest.Manifest{}
			wanting(t, m, "", c.driver)
			place := func(line, col int) diag.Position { return diag.Position{File: "envpack.toml", Line: line, Col: col} }
			m.GPU.Pos, m.GPU.MinDriverPos, m.System.DistroPos = place(5, 1), place(6, 1), place(3, 1)
			for i, name := range strings.Split(c.devices, ", ") {
				if name == "" {
					continue
				}
				d, err := cuda.ParseDevice(name)
				if err != nil {
					t.Fatal(err)
				}
				m.GPU.Devices, m.GPU.DevicesPos = append(m.GPU.Devices, d), append(m.GPU.DevicesPos, place(7, i+1))
			}
			var warned []string
			lock := newLock(m, time.Now())
			lock.Base.Distro = "debian:12"
			b := newBases(m, nil, lock, Options{Progress: func(string) {}, Warn: func(text string) { warned = append(warned, text) }})
			var targets []*target
			for _, platform := range []string{"linux/amd64", "linux/arm64"} {
				if platform == "linux/arm64" && !strings.Contains(c.packages, "arm64 ") {
					continue
				}
				lock.Targets = append(lock.Targets, lockfile.Target{Platform: platform, Python: "3.11.2", Glibc: "2.36"})
				tg, err := newTarget(lock.Targets[len(lock.Targets)-1])
				if err != nil {
					t.Fatal(err)
				}
				targets = append(targets, tg)
			}
			for _, text := range strings.Split(c.packages, ",") {
				platform := "linux/amd64"
				if rest, arm := strings.CutPrefix(text, "arm64 "); arm {
					text, platform = rest, "linux/arm64"
				}
				words := strings.Fields(text)
				lock.Packages = append(lock.Packages, lockfile.Package{Name: words[0], Version: words[1], Files: []lockfile.File{{
					Name: words[0] + "-" + words[1] + ".whl", SHA256: hashOf(text + platform), Targets: []string{platform},
				}}})
			}
			var scan Scanner
			if c.wheels != nil {
				scan = c.wheels
			}
			err := b.judgeGPU(t.Context(), targets, scan)
			got := ""
			if err != nil {
				lines := strings.Split(strings.Replace(err.Error(), "the packages for linux/amd64, Python 3.11.2, are not for the hosts of [gpu]", "not for the hosts", 1), "\n")
				for i := range lines {
					lines[i] = strings.TrimSpace(lines[i])
				}
				got = strings.Join(lines, "; ")
				if !strings.HasPrefix(got, c.want) && !hasBoth(got, c.want) {
					t.Errorf("%s\nwant %s", got, c.want)
				}
				if diag.CodeOf(err) != diag.NoAnswer || len(diag.HintsOf(err)) == 0 && !strings.Contains(c.packages, "cublas") {
					t.Errorf("code %d, hints %q", diag.CodeOf(err), diag.HintsOf(err))
				}
				return
			}
			list := []string{lock.GPU.Require}
			for _, g := range lock.GPU.Targets {
				list = append(list, strings.Join([]string{g.Platform, g.CUDA, g.Driver}, " "))
			}
			if lock.Project.Unscanned {
				list = append(list, "unscanned")
			}
			if got = strings.Join(list, "; "); got != c.want {
				t.Errorf("%s; want %s", got, c.want)
			}
			if all := strings.Join(warned, "\n"); !strings.Contains(all, c.warns) || c.warns == "" && all != "" {
				t.Errorf("warnings %q; want %q", all, c.warns)
			}
			if lock.GPU.Require != lock.Image.Env["NVIDIA_REQUIRE_CUDA"] || lock.Image.Env["NVIDIA_VISIBLE_DEVICES"] != "all" || !SameGPU(lock, m) {
				t.Errorf("the lock has %v and %+v", lock.Image.Env, lock.GPU)
			}
		})
	}
}

// hasBoth tells whether a text has the beginning and the rest of another, with more between them: what is told first is the place.
func hasBoth(text, want string) bool {
	head, rest, _ := strings.Cut(want, "; ")
	return strings.HasPrefix(text, head) && strings.Contains(text, rest)
}

// The manifest's own variables go before ours, and its map is left alone.
func TestImageForGPUs(t *testing.T) {
	m := &manifest.Manifest{}
	m.Image.Env = map[string]string{"NVIDIA_REQUIRE_CUDA": "", "MODE": "1"}
	want := map[string]string{"NVIDIA_REQUIRE_CUDA": "", "MODE": "1", "NVIDIA_VISIBLE_DEVICES": "all", "NVIDIA_DRIVER_CAPABILITIES": "compute,utility"}
	if d := cmp.Diff(want, Image(m, &lockfile.GPU{Require: "cuda>=12.0"}).Env); d != "" {
		t.Error(d)
	}
	if len(m.Image.Env) != 2 {
		t.Errorf("the manifest has %v", slices.Sorted(maps.Keys(m.Image.Env)))
	}
	if env := Image(m, nil).Env; len(env) != 2 {
		t.Errorf("without [gpu] it is %s", fmt.Sprint(env))
	}
}
