package resolver

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/cuda"
	"github.com/envpack/envpack/resolver/cudabase"
)

// judgeCuDNN holds the cuDNN of an image, or of the manifest's packages, to that of the frameworks: of one major version it must not be
// older.
func (b *bases) judgeCuDNN(platform string, asks []cudabase.Ask) error {
	type installed struct {
		version cuda.Version
		what    string
		at      diag.Position
	}
	var there []installed
	if image := b.images[platform]; image != nil {
		for _, v := range cudabase.CuDNNs(image.Status) {
			there = append(there, installed{v, fmt.Sprintf("%s has cuDNN %s", b.imageName(), v), b.imagePos()})
		}
	}
	for _, d := range b.lock.Base.Debs {
		if v, ok := cuda.DebCuDNN(d.Name, d.Version); ok && slices.Contains(d.Targets, platform) {
			there = append(there, installed{v, fmt.Sprintf("the package %s has cuDNN %s", d.Name, v), b.packagePos(d.Name)})
		}
	}
	for _, a := range asks {
		for _, have := range there {
			if have.version.Major == a.CuDNN.Major && a.CuDNN.Minor > have.version.Minor {
				return diag.New(diag.Manifest, "%s, and %s was built with %s: it needs that minor version or a newer one", have.what, name(a), a.CuDNN).
					At(have.at).Hint("choose a newer cuDNN %d, or a release of %s that was built with an older one", a.CuDNN.Major, a.Wheel)
			}
		}
	}
	return nil
}

// packagePos is where a package of the distribution was asked for, or else the archive that NVIDIA's come from.
func (b *bases) packagePos(name string) diag.Position {
	for _, p := range b.manifest.System.Packages {
		if of, _, _ := strings.Cut(p.Text, "="); of == name {
			return p.Pos
		}
	}
	if list := b.manifest.System.Archives; len(list) > 0 {
		return list[0].Pos
	}
	return b.manifest.GPU.Pos
}

// warnCUDA tells what an image has that may come in the way of what wheels bring.
func (b *bases) warnCUDA(platform string, asks []cudabase.Ask) {
	image := b.images[platform]
	if image == nil {
		return
	}
	twice := cudabase.Brought(b.inputs[platform])
	twice = slices.DeleteFunc(twice, func(soname string) bool { return !image.Brought[soname] })
	if len(twice) == 0 {
		return
	}
	b.options.Warn(fmt.Sprintf("%s has libraries of CUDA that wheels bring as well (%s): the image is larger for nothing, and what is opened by name may be either's; "+
		"%s", b.imageName(), some(twice), b.without(asks)))
}

// without says whether the image's libraries are needed.
func (b *bases) without(asks []cudabase.Ask) string {
	if len(asks) > 0 {
		return "it is needed for " + told(asks)
	}
	return "nothing asks for them"
}

// sayBase says which base brings a platform what wheels ask for, and why. That nothing is asked of it is told with the packages.
func (b *bases) sayBase(ctx context.Context, platform string, asks []cudabase.Ask) {
	if len(asks) == 0 {
		return
	}
	why := "wheels ask for libraries of CUDA that none brings: " + told(asks)
	if a := asks[0]; a.Opened {
		why += ", which opens them by name"
	} else {
		why += " (" + path.Base(a.By) + ")"
	}
	var text string
	switch {
	case b.options.cudaImage != "":
		text = fmt.Sprintf("%s, the smallest of NVIDIA's images that has what is needed: %s", b.imageName(), why)
	case b.imageName() != "":
		text = fmt.Sprintf("%s, as the manifest says, which has what is needed: %s", b.imageName(), why)
	case len(b.cudaDebs) > 0:
		var names []string
		for _, d := range b.cudaDebs {
			if d.platform == platform {
				names = append(names, d.name)
			}
		}
		text = fmt.Sprintf("%s with %s: %s", b.lock.Base.Distro, some(names), why)
	default:
		text = fmt.Sprintf("%s, whose packages bring CUDA: %s", b.lock.Base.Distro, why)
	}
	lines := b.options.cudaInstead
	if b.options.cudaImage == "" {
		lines = b.wheels.find(ctx, asks)
	}
	if len(lines) > 0 {
		text += "; a base without CUDA would do too: " + strings.Join(lines, "; ")
	}
	b.cudaBase[platform] = text
}

// warnUnkept tells of a chosen image that its maker may delete.
func warnUnkept(image cudabase.Image, warn func(string)) {
	if !image.Kept {
		warn(fmt.Sprintf("%s is an image that NVIDIA no longer supports and may delete: copy it to a registry of your own, and name it in system.image", image.Reference))
	}
}

// mostNamed is how many of a kind one sentence names.
const mostNamed = 4

// some names the first few.
func some(names []string) string {
	if len(names) <= mostNamed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:mostNamed], ", "), len(names)-mostNamed)
}
