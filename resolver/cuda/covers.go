package cuda

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/fatbin"
	"github.com/envpack/envpack/internal/pattern"
)

// Binary is a library with code for GPUs.
type Binary struct {
	Path string // in the wheel
	Code *fatbin.Summary
}

// Coverage is what part of a library a GPU runs, counted in the containers that the compiler makes, one for each file.
type Coverage struct {
	// Total are the containers that count: those that are for GPUs in general, and those that are for this one. What else is
	// kept for one architecture alone (sm_90a, or sm_90 in a library that has others) is so by design.
	Total int
	Cubin int // with machine code for the GPU
	PTX   int // with no such code, but PTX that the driver compiles
	// TooNew are containers with PTX that the driver is too old to compile, and no machine code.
	TooNew int
	// CUDA is what the driver must bring to compile the PTX that is relied on, TooNew included, and Driver the first one that
	// does; zero if no PTX is relied on. A version newer than the table is zero in both, with Unknown.
	CUDA    Version
	Driver  Driver
	Unknown bool
}

// Runs is the number of containers that the GPU runs.
func (c Coverage) Runs() int { return c.Cubin + c.PTX }

// needsPTX tells whether the library is for the GPU because of PTX, or would be: what is covered by machine code asks nothing of the
// driver, even if a part of it is PTX.
func (c Coverage) needsPTX() bool {
	return !c.Driver.IsZero() && 2*c.Cubin <= c.Total && 2*(c.Runs()+c.TooNew) > c.Total
}

// Share is what part of the library the GPU runs, in percent; what is not all is at most 99, and what is not nothing at
// least 1.
func (c Coverage) Share() int {
	switch n := c.Runs(); {
	case n == 0:
		return 0
	case n == c.Total:
		return 100
	default:
		return min(99, max(1, n*100/c.Total))
	}
}

// Covered tells whether the library is for the GPU: it runs most of it. Parts are often for newer GPUs by design, such as
// FlashAttention in torch, so that not even a library which was compiled for the GPU has everything for it; and one that was not
// has nothing, or next to nothing.
func (c Coverage) Covered() bool { return c.Total > 0 && 2*c.Runs() > c.Total }

// Covers judges a library's code. Machine code runs on GPUs of its major version whose minor version is not below its
// own, code for one GPU alone on that, code for a family on the later ones of its major version, and PTX on everything
// newer, if the driver compiles it. Tegra's GPUs run no machine code but their own. The driver may be zero: any that is needed.
func Covers(s *fatbin.Summary, d Device, driver Driver) Coverage {
	var c Coverage
	if s == nil {
		return c
	}
	general := generals(s)
	for i, g := range s.Groups {
		cubin, ptx := false, []fatbin.Version(nil)
		for _, code := range g.Codes {
			switch {
			case code.Kind == fatbin.Cubin && runs(code.Arch, d.Capability):
				cubin = true
			case code.Kind == fatbin.PTX && compiles(code.Arch, d.Capability):
				ptx = append(ptx, code.PTX)
			}
		}
		if !general[i] && !cubin && len(ptx) == 0 {
			continue
		}
		c.Total += g.Count
		switch {
		case cubin:
			c.Cubin += g.Count
		case len(ptx) > 0:
			oldest := slices.MinFunc(ptx, func(a, b fatbin.Version) int {
				return cmp.Or(cmp.Compare(a.Major, b.Major), cmp.Compare(a.Minor, b.Minor))
			})
			c.rely(Version(oldest), g.Count, driver)
		}
	}
	return c
}

// generals tells of each group whether it is for GPUs in general: it has PTX, or machine code for more than one architecture
// that is not for one GPU or family alone. In a library that has no such container, one architecture is enough.
func generals(s *fatbin.Summary) []bool {
	is, single := make([]bool, len(s.Groups)), make([]bool, len(s.Groups))
	some := false
	for i, g := range s.Groups {
		archs := map[int]bool{}
		for _, code := range g.Codes {
			if code.Arch.Suffix == 0 && code.Kind != fatbin.LTO {
				archs[code.Arch.Number] = true
				is[i] = is[i] || code.Kind == fatbin.PTX
			}
		}
		is[i], single[i] = is[i] || len(archs) > 1, len(archs) == 1
		some = some || is[i]
	}
	if some {
		return is
	}
	return single
}

// rely counts containers of which only PTX serves.
func (c *Coverage) rely(ptx Version, count int, driver Driver) {
	first, brings, known := Compiles(ptx)
	if !known {
		c.Unknown = true
		c.TooNew += count
		return
	}
	if c.Driver.IsZero() || !c.Driver.Meets(first) {
		c.CUDA, c.Driver = brings, first
	}
	if driver.IsZero() || driver.Meets(first) {
		c.PTX += count
	} else {
		c.TooNew += count
	}
}

// runs tells whether machine code for a runs on the GPU.
func runs(a fatbin.Arch, c Capability) bool {
	of := capabilityOf(a.Number)
	if a.Suffix == 'a' {
		return of == c
	}
	return of.runsOn(c) // plain, or that of a family
}

// tegra are the capabilities of Jetsons with drivers of their own. Machine code is compatible between minor versions on desktops and
// servers alone, and not between these and Tegra (NVIDIA, CUDA C++ Programming Guide, binary compatibility).
var tegra = []Capability{{5, 3}, {6, 2}, {7, 2}, {8, 7}}

// runsOn tells whether a GPU runs machine code for another one.
func (c Capability) runsOn(gpu Capability) bool {
	if slices.Contains(tegra, c) || slices.Contains(tegra, gpu) {
		return c == gpu
	}
	return c.Major == gpu.Major && c.Minor <= gpu.Minor
}

// compiles tells whether PTX for a can be compiled for the GPU.
func compiles(a fatbin.Arch, c Capability) bool {
	if a.Suffix != 0 {
		return runs(a, c)
	}
	return capabilityOf(a.Number).Compare(c) <= 0
}

// IsNVIDIA tells whether a package is one of NVIDIA's libraries, whose code leaves GPUs out by design: it is shown and not
// judged.
func IsNVIDIA(name string) bool {
	return strings.HasPrefix(name, "nvidia-") || name == "cuda-toolkit" || name == "cuda-bindings" || name == "cuda-python"
}

// isNVIDIAFile tells likewise of a library that a framework's wheel has a copy of.
func isNVIDIAFile(p string) bool {
	name := path.Base(p)
	return slices.ContainsFunc(copies, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// copies are beginnings of the names of NVIDIA's libraries that have code for GPUs.
var copies = []string{
	"libcheckpoint", "libcublas", "libcudnn", "libcufft", "libcupti", "libcurand", "libcusolver", "libcusparse", "libnccl", "libnpp", "libnvinfer",
	"libnvjpeg", "libnvperf", "libnvshmem",
}

// mainShare is the part of its largest library's code, one in so many, that a library must have to be one of a framework's
// main ones. vLLM's kernels have a seventh of what its FlashAttention has; torch 2.15's linear algebra has a fiftieth of the rest.
const mainShare = 20

// besides are beginnings of the names of libraries that a framework opens from its main one, for a few operations: they decide nothing,
// however large they are. In torch 2.10 linear algebra has a ninth of the rest, and code for GPUs that the rest has given up.
var besides = []string{"libtorch_cuda_linalg", "libtorch_nvshmem"}

func isBeside(l Binary) bool {
	return slices.ContainsFunc(besides, func(prefix string) bool { return strings.HasPrefix(path.Base(l.Path), prefix) })
}

// Main are the main libraries of a framework: that with the most code for GPUs in general, and those that have at least a
// twentieth of that. Copies of NVIDIA's libraries are none, nor are those that have nothing but code for certain GPUs or that are opened
// from another, as long as there are others. The largest is the first.
func Main(all []Binary) []Binary {
	size := func(l Binary) int64 { return generalSize(l.Code) }
	var own []Binary
	var largest int64
	for _, l := range all {
		if l.Code != nil && !isNVIDIAFile(l.Path) {
			own = append(own, l)
		}
	}
	if slices.ContainsFunc(own, func(l Binary) bool { return !isBeside(l) }) {
		own = slices.DeleteFunc(own, isBeside)
	}
	for _, l := range own {
		largest = max(largest, size(l))
	}
	if largest == 0 {
		return own
	}
	own = slices.DeleteFunc(own, func(l Binary) bool { return mainShare*size(l) < largest })
	slices.SortStableFunc(own, func(a, b Binary) int { return cmp.Compare(size(b), size(a)) })
	return own
}

// generalSize is the size of the containers that are for GPUs in general, in bytes.
func generalSize(s *fatbin.Summary) int64 {
	var n int64
	for i, is := range generals(s) {
		if is {
			n += s.Groups[i].Size
		}
	}
	return n
}

// Judged is what a framework has for a GPU.
type Judged struct {
	Covered bool
	Main    Binary // the main library that has the most for it
	Of      Coverage
	Partial []Part // further libraries of which the GPU runs a part, or nothing
	// Other is set where all libraries are named after another CUDA than that of the image, so that none of them is loaded: the
	// newest of these. Main is the library for it.
	Other Version
}

// Part is a library of which a GPU runs less than all.
type Part struct {
	Binary Binary
	Of     Coverage
}

// Judge judges a framework's own libraries for a GPU: it is covered if a main one is. Of libraries that are named after a
// CUDA, as bitsandbytes has them for several, those for the CUDA of the image count; that may be zero. Where there are some and
// none of them is for it, it is not covered. ok is false where there is none to judge.
func Judge(libraries []Binary, d Device, driver Driver, of Version) (j Judged, ok bool) {
	libraries = slices.DeleteFunc(slices.Clone(libraries), func(l Binary) bool { return l.Code == nil || isNVIDIAFile(l.Path) })
	if all := libraries; len(all) > 0 {
		libraries = slices.DeleteFunc(slices.Clone(all), func(l Binary) bool { return isForOther(l.Path, of) })
		if len(libraries) == 0 {
			for _, l := range all {
				if v := fileCUDA(l.Path); v.Compare(j.Other) > 0 {
					j.Main, j.Other = l, v
				}
			}
			return j, true
		}
	}
	for _, l := range Main(libraries) {
		if c := Covers(l.Code, d, driver); !ok || better(c, j.Of) {
			j.Main, j.Of, ok = l, c, true
		}
	}
	j.Covered = j.Of.Covered()
	for _, l := range libraries {
		if c := Covers(l.Code, d, driver); c.Total > 0 && c.Runs() < c.Total && l.Path != j.Main.Path {
			j.Partial = append(j.Partial, Part{l, c})
		}
	}
	return j, ok
}

// better prefers what is covered, then what has more machine code, then what runs more.
func better(a, b Coverage) bool {
	rank := func(c Coverage) []int {
		covered, cubin := 0, 0
		if c.Covered() {
			covered = 1
		}
		if c.Total > 0 {
			cubin = 100 * c.Cubin / c.Total
		}
		return []int{covered, cubin, c.Share()}
	}
	return slices.Compare(rank(a), rank(b)) > 0
}

// fileForm is a library's file name that says which CUDA it is for: libbitsandbytes_cuda132.so.
var fileForm = pattern.New(`[_-]cu(?:da)?(\d{2,3})(?:[^0-9]|$)`)

// fileCUDA is the CUDA that a library's name says it is for; zero: none.
func fileCUDA(p string) Version {
	if m := fileForm().FindStringSubmatch(path.Base(p)); m != nil {
		return joined(m[1])
	}
	return Version{}
}

// isForOther tells whether a library's name says that it is for another major version of CUDA.
func isForOther(p string, of Version) bool {
	v := fileCUDA(p)
	return !v.IsZero() && !of.IsZero() && v.Major != of.Major
}

// Has are the capabilities that a library has machine code for in most of its containers, and those that its PTX is for,
// ascending; of containers that are for GPUs in general.
func Has(s *fatbin.Summary) (cubin, ptx []Capability) {
	total := 0
	count := map[fatbin.Kind]map[Capability]int{fatbin.Cubin: {}, fatbin.PTX: {}}
	for i, is := range generals(s) {
		if !is {
			continue
		}
		g := s.Groups[i]
		total += g.Count
		seen := map[fatbin.Code]bool{}
		for _, code := range g.Codes {
			code.PTX = fatbin.Version{} // PTX of several versions is one
			if of := count[code.Kind]; of != nil && code.Arch.Suffix == 0 && !seen[code] {
				seen[code] = true
				of[capabilityOf(code.Arch.Number)] += g.Count
			}
		}
	}
	list := func(kind fatbin.Kind) []Capability {
		var out []Capability
		for c, n := range count[kind] {
			if 2*n > total {
				out = append(out, c)
			}
		}
		slices.SortFunc(out, Capability.Compare)
		return out
	}
	return list(fatbin.Cubin), list(fatbin.PTX)
}
