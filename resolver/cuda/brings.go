package cuda

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/resolver/pep440"
)

// Package is what is looked at of a package to tell which CUDA it is for.
type Package struct {
	Name     string // normalised
	Version  string
	Requires []string // names of what it requires on the platform
	Platform string   // "linux/arm64"; "" where it is not known
	// Needed are the file names of the libraries that its own link with, where its wheel was read: libcudart.so.12.
	Needed []string
}

// Role is what a package has to do with CUDA.
type Role int

const (
	NoRole    Role = iota // nothing that is known
	Framework             // it has code for GPUs, or uses libraries of CUDA
	Library               // it is one of NVIDIA's libraries, or the package that names them
	Processor             // it is a build of a framework without code for NVIDIA's GPUs
)

// Brought says which CUDA a package is for, and how that is known.
type Brought struct {
	Role    Role
	Version Version // the minor version only where that is known; zero where nothing of the version is
	// Runtime: it is the CUDA runtime itself or the package that names it, whose version is that of the whole set.
	Runtime bool
	Reason  string // for people: "by its name"
	// Listed: only the table of frameworks says so. What a package requires, or links with, says it better.
	Listed bool
}

var (
	labelForm = pattern.New(`^(?:cu|cuda)(\d{2,3})(?:$|[^0-9])`)
	nameForm  = pattern.New(`(?:^|-)cu(?:da)?(\d{2,3})x?(?:-|$)`)
)

// numbered are NVIDIA's packages whose version is that of the toolkit, without the suffix for the CUDA that they are for.
var numbered = []string{
	"cuda-bindings", "cuda-python", "cuda-toolkit", "nvidia-cuda-cccl", "nvidia-cuda-crt", "nvidia-cuda-cuobjdump", "nvidia-cuda-cupti",
	"nvidia-cuda-nvcc", "nvidia-cuda-nvrtc", "nvidia-cuda-opencl", "nvidia-cuda-runtime", "nvidia-cuda-sanitizer-api", "nvidia-nvfatbin",
	"nvidia-nvjitlink", "nvidia-nvml-dev", "nvidia-nvptxcompiler", "nvidia-nvtx", "nvidia-nvvm",
}

// unnumbered are NVIDIA's packages that count by themselves, and that have no suffix from CUDA 13 on.
var unnumbered = []string{
	"nvidia-cublas", "nvidia-cufft", "nvidia-cufile", "nvidia-curand", "nvidia-cusolver", "nvidia-cusparse", "nvidia-npp", "nvidia-nvjpeg",
}

// sinceWithoutSuffix is the first CUDA whose libraries' packages have no suffix.
const sinceWithoutSuffix = 13

// adapting are beginnings of packages that are named after a CUDA and installed beside those for another one: whoever
// loads them takes what fits.
var adapting = []string{"nvidia-cutlass-dsl-libs-"}

// Brings tells which CUDA a package is for: by its local label (+cu126), its name (cupy-cuda12x, nvidia-cublas-cu12), its
// version (cuda-toolkit 13.2.2), the table of frameworks, or the libraries that its own need.
func Brings(p Package) Brought {
	if slices.ContainsFunc(adapting, func(prefix string) bool { return strings.HasPrefix(p.Name, prefix) }) {
		return Brought{}
	}
	_, label, _ := strings.Cut(p.Version, "+")
	if m := labelForm().FindStringSubmatch(label); m != nil {
		return Brought{Role: Framework, Version: joined(m[1]), Reason: "by its version"}
	}
	if label == "cpu" || strings.HasPrefix(label, "cpu.") || strings.HasPrefix(label, "rocm") || strings.HasPrefix(label, "xpu") {
		return Brought{Role: Processor, Reason: "by its version"}
	}
	stem, suffix := p.Name, ""
	if m := nameForm().FindStringSubmatchIndex(p.Name); m != nil {
		stem, suffix = p.Name[:m[0]], p.Name[m[2]:m[3]]
	}
	if b, ok := ofNVIDIA(stem, suffix, p.Version); ok {
		return b
	}
	if suffix != "" {
		role := Framework
		if strings.HasPrefix(p.Name, "nvidia-") {
			role = Library
		}
		return Brought{Role: role, Version: joined(suffix), Reason: "by its name"}
	}
	if b, ok := facts().build(p); ok {
		return b
	}
	return ofNeeded(p.Needed)
}

// ofNVIDIA is about the toolkit's parts: the CUDA is their version's, or what the suffix says.
func ofNVIDIA(stem, suffix, version string) (Brought, bool) {
	b := Brought{Role: Library, Runtime: stem == "nvidia-cuda-runtime" || stem == "cuda-toolkit", Reason: "by its version"}
	v, err := ParseVersion(release(version))
	switch {
	case err != nil: // placeholders have 0.0.1
		return Brought{}, slices.Contains(numbered, stem) || slices.Contains(unnumbered, stem)
	case slices.Contains(numbered, stem) && (suffix == "" || v.Major == joined(suffix).Major):
		b.Version = v
		return b, true
	case slices.Contains(unnumbered, stem) && suffix == "":
		b.Version, b.Reason = Version{sinceWithoutSuffix, -1}, "by its name"
		if stem == "nvidia-cublas" {
			b.Version.Major = v.Major
		}
		return b, true
	}
	return Brought{}, false
}

// release is the first two numbers of a version.
func release(version string) string {
	v, err := pep440.Parse(version)
	if err != nil || len(v.Release()) == 0 {
		return ""
	}
	var parts []string
	for _, n := range v.Release()[:min(2, len(v.Release()))] {
		parts = append(parts, strconv.FormatUint(uint64(n), 10))
	}
	return strings.Join(parts, ".")
}

// joined reads a version without a dot: 12 of "12", 12.6 of "126", 9.2 of "92".
func joined(digits string) Version {
	n, err := strconv.Atoi(digits)
	switch {
	case err != nil:
		return Version{}
	case n >= 50: // 126, and 92
		return Version{n / 10, n % 10}
	}
	return Version{n, -1}
}

// requiresItself is the first release of torch whose requirements name NVIDIA's libraries, so that one without them is a
// build without code for GPUs.
var requiresItself = pep440.FromSpecifiers(pep440.MustParseSpecifiers(">=1.13"))

// build looks for a package in the table of frameworks.
func (t *table) build(p Package) (Brought, bool) {
	builds := t.builds[p.Name]
	if len(builds) == 0 {
		return Brought{}, false
	}
	v, err := pep440.Parse(p.Version)
	if err != nil {
		return Brought{}, false
	}
	// Before, wheels had CUDA's libraries in them, on the default index those for amd64 alone.
	if p.Name == "torch" && (requiresItself.Contains(v) || p.Platform == "linux/arm64") && !slices.ContainsFunc(p.Requires, IsLibrary) {
		return Brought{Role: Processor, Reason: "it requires none of NVIDIA's libraries"}, true
	}
	for _, b := range builds {
		if b.specifiers.Contains(v) {
			return Brought{Role: Framework, Version: b.CUDA, Reason: "by envpack's table of frameworks", Listed: true}, true
		}
	}
	return Brought{}, false
}

// Built tells which CUDA and cuDNN a framework was built with, by the table of frameworks. The first is of the default
// index's build. ok is false for what is not in the table; cudnn is zero where none is needed, or not known.
func Built(name, version string) (v, cudnn Version, ok bool) {
	parsed, err := pep440.Parse(version)
	if err != nil {
		return Version{}, Version{}, false
	}
	for _, b := range facts().builds[name] {
		if b.specifiers.Contains(parsed) {
			return b.CUDA, b.CuDNN, true
		}
	}
	return Version{}, Version{}, false
}

// Elsewhere tells whether the table has code for GPUs in a framework's wheels for another architecture alone.
func Elsewhere(p Package) bool {
	only := facts().architecture[p.Name]
	return only != "" && p.Platform != "" && only != path.Base(p.Platform)
}

// MayBring tells by a package's name and version alone, without a look at any table, whether it may be for a CUDA: what only the table of frameworks
// knows brings none of its libraries.
func MayBring(name, version string) bool {
	_, label, _ := strings.Cut(version, "+")
	return IsLibrary(name) || nameForm().MatchString(name) || label != "" && labelForm().MatchString(label)
}

// IsLibrary tells whether a package is one of NVIDIA's, or the one that names them.
func IsLibrary(name string) bool {
	return strings.HasPrefix(name, "nvidia-") || name == "cuda-toolkit"
}

// sonames are the libraries that say by their number which CUDA they are of. That of the others counts for itself.
var sonames = []string{"libcudart.so.", "libcublas.so.", "libcublasLt.so.", "libnvrtc.so.", "libnvJitLink.so.", "libcupti.so."}

// ofNeeded tells by the libraries that a wheel's own link with. Wheels with libraries for several CUDAs take what fits.
func ofNeeded(needed []string) Brought {
	var found Version
	by := ""
	for _, soname := range needed {
		for _, prefix := range sonames {
			rest, ok := strings.CutPrefix(soname, prefix)
			if !ok {
				continue
			}
			v, err := ParseVersion(rest)
			if err != nil || v.Major < 9 {
				continue
			}
			if !found.IsZero() && found.Major != v.Major {
				return Brought{Role: Framework, Reason: "it has libraries for several"}
			}
			if v.Major > 10 {
				v.Minor = -1 // from CUDA 11 on the number says no minor version
			}
			if found.IsZero() || found.Minor < 0 {
				found, by = v, soname
			}
		}
	}
	if found.IsZero() {
		return Brought{}
	}
	return Brought{Role: Framework, Version: found, Reason: "its libraries need " + by}
}
