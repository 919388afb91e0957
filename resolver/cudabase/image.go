package cudabase

import (
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/resolver/cuda"
)

// parts are what images begin to have, the smallest image first.
var parts = []string{"base", "runtime", cudnnPart, "devel"}

// What has a version of its own, whatever the CUDA.
const (
	cudnnPart = "cudnn"
	ncclWheel = "nvidia-nccl"
)

// Is tells whether a reference is of one of the images that are chosen.
func Is(reference string) bool {
	return strings.HasPrefix(reference, facts().repository+":")
}

// Flavour is how much of CUDA an image has.
type Flavour int

// The flavours, the smallest first. cudnn is in two of them.
const (
	Base Flavour = iota
	Runtime
	CuDNNRuntime
	Devel
	CuDNNDevel
)

// name is the flavour in a tag, with how the tag calls cuDNN.
func (f Flavour) tag(cudnn string) string {
	switch f {
	case Base:
		return "base"
	case Runtime:
		return "runtime"
	case CuDNNRuntime:
		return cudnn + "-runtime"
	case Devel:
		return "devel"
	}
	return cudnn + "-devel"
}

// has tells whether an image of the flavour has a part.
func (f Flavour) has(part string) bool {
	switch part {
	case "base":
		return true
	case "runtime":
		return f >= Runtime
	case cudnnPart:
		return f == CuDNNRuntime || f == CuDNNDevel
	}
	return f >= Devel
}

// Image is one of NVIDIA's images.
type Image struct {
	Reference string // "nvidia/cuda:11.8.0-cudnn8-runtime-ubuntu22.04"
	CUDA      cuda.Version
	Flavour   Flavour
	Distro    string // "ubuntu22.04"
	// Kept is false for an image that NVIDIA no longer supports, and so may delete.
	Kept bool
}

// Choose finds the image for what is asked: the smallest flavour that has it all, of the newest release of CUDA that
// has it, on the newest Ubuntu. A release is as new as the frameworks' own, and of a version that usable admits (nil: any).
// Those that NVIDIA still supports go first. ok is false where no image has it all. For no asks at all no image is needed.
func Choose(asks []Ask, usable func(cuda.Version) bool) (image Image, ok bool) {
	t := facts()
	var best Image
	for _, kept := range []bool{true, false} {
		for _, r := range slices.Backward(t.releases) {
			if r.Kept != kept || usable != nil && !usable(r.cuda) || !r.suits(asks) {
				continue
			}
			f, has := t.flavour(r, asks)
			if has && (!ok || f < best.Flavour) {
				best, ok = t.image(r, f, r.Distros[len(r.Distros)-1]), true
			}
		}
		if ok {
			return best, true
		}
	}
	return Image{}, false
}

// Keep finds the image of a reference, if it is one that Choose could find for what is asked were there no newer ones.
func Keep(reference string, asks []Ask, usable func(cuda.Version) bool) (image Image, ok bool) {
	t := facts()
	for _, r := range t.releases {
		f, has := t.flavour(r, asks)
		if !has || usable != nil && !usable(r.cuda) || !r.suits(asks) {
			continue
		}
		for _, distro := range r.Distros {
			if i := t.image(r, f, distro); i.Reference == reference {
				return i, true
			}
		}
	}
	return Image{}, false
}

func (t *table) image(r release, f Flavour, distro string) Image {
	return Image{fmt.Sprintf("%s:%s-%s-%s", t.repository, r.Version, f.tag(r.CuDNN), distro), r.cuda, f, distro, r.Kept}
}

// suits tells whether a release is not older than what frameworks of its major version were built with.
func (r release) suits(asks []Ask) bool {
	return !slices.ContainsFunc(asks, func(a Ask) bool { return a.Built.Major == r.cuda.Major && r.cuda.Compare(a.Built) < 0 })
}

// flavour is the smallest that has all.
func (t *table) flavour(r release, asks []Ask) (Flavour, bool) {
	for f := Base; f <= CuDNNDevel; f++ {
		if !slices.ContainsFunc(asks, func(a Ask) bool { return !t.has(r, f, a.Library) }) {
			return f, true
		}
	}
	return 0, false
}

// has tells whether an image of a release has a library.
func (t *table) has(r release, f Flavour, soname string) bool {
	g, number := t.library(soname)
	if g == nil || !f.has(g.Part) {
		return false
	}
	if g.Part == cudnnPart {
		return number == r.cudnnMajor()
	}
	return slices.Contains(g.in(r.cuda), number)
}

// cudnnMajor is the major version of the cuDNN in the release's images: tags say it up to CUDA 12.3, and from 12.4 on it is 9.
func (r release) cudnnMajor() string {
	if n := len("cudnn"); len(r.CuDNN) > n {
		return r.CuDNN[n:]
	}
	return "9"
}
