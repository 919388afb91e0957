package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/resolver/cuda"
	"github.com/envpack/envpack/resolver/cudabase"
)

// standing is the error that says that the base has to be an image of CUDA. It ends an attempt to make a lock, and the
// next one stands on it.
type standing struct {
	image   cudabase.Image
	instead []string // what would do without it
}

func (s *standing) Error() string { return "the base has to be " + s.image.Reference }

// imageName is the image that the base is: the manifest's, or the one that was chosen; "" if it is none.
func (b *bases) imageName() string {
	if b.options.cudaImage != "" {
		return b.options.cudaImage
	}
	return b.manifest.System.Image
}

// imagePos is where the image was asked for.
func (b *bases) imagePos() diag.Position {
	if b.options.cudaImage != "" {
		return b.manifest.GPU.Pos
	}
	return b.manifest.System.ImagePos
}

// keptImage is the image that an earlier lock had chosen, for a lock that does not look into wheels. "": none was.
func keptImage(m *manifest.Manifest, o Options) string {
	if m.GPU == nil || !o.NoScan || o.Previous == nil || m.System.Image != "" || m.Distro != "" || !cudabase.Is(o.Previous.Base.Reference) {
		return ""
	}
	return o.Previous.Base.Reference
}

// cudaLibraries finds out which of CUDA's libraries the wheels ask for and do not bring, and holds the base to them.
//
// Errors: *standing where the base has to be another and the manifest leaves that open; diag errors of code 3 where it does not,
// or where no base has what is asked for; those of the scanner.
func (b *bases) cudaLibraries(ctx context.Context, targets []*target, scan Scanner) error {
	if b.manifest.GPU == nil || b.chosen == nil && len(b.images) == 0 {
		return nil
	}
	if scan == nil || b.options.NoScan || !b.manifest.System.Auto {
		b.keepCUDA(targets) // nobody looks
		return nil
	}
	var lacking []cudabase.Ask
	asks := map[string][]cudabase.Ask{}
	for _, t := range targets {
		in, err := b.input(ctx, t, scan)
		if err != nil {
			return err
		}
		found, err := cudabase.Asked(in, b.usableMajor)
		if err != nil {
			return err
		}
		asks[t.Platform] = found
		for _, a := range found {
			if !b.hasCUDA(t.Platform, a.Library) && !slices.ContainsFunc(lacking, func(l cudabase.Ask) bool { return l.Library == a.Library }) {
				lacking = append(lacking, a)
			}
		}
	}
	if len(lacking) > 0 {
		if err := b.lacks(ctx, targets, lacking); err != nil {
			return err
		}
	}
	for _, t := range targets {
		if err := b.judgeCuDNN(t.Platform, asks[t.Platform]); err != nil {
			return err
		}
		b.warnCUDA(t.Platform, asks[t.Platform])
		b.sayBase(ctx, t.Platform, asks[t.Platform])
	}
	return nil
}

// keepCUDA keeps what the earlier lock says of the base, as long as it is the same one.
func (b *bases) keepCUDA(targets []*target) {
	old := b.options.Previous
	if old == nil || old.Base.Distro != b.lock.Base.Distro || old.Base.Reference != b.lock.Base.Reference {
		return
	}
	for _, t := range targets {
		b.cudaBase[t.Platform] = old.GPU.On(t.Platform).Base
	}
}

// usableMajor tells whether an image may be of a major version of CUDA.
func (b *bases) usableMajor(major int) bool { return b.usable(cuda.Version{Major: major, Minor: -1}) }

// usable tells whether an image may be of a version of CUDA: as of packages.
func (b *bases) usable(v cuda.Version) bool {
	g := gpu{want: b.manifest.GPU}
	return g.refusalOf(v).kind == usable
}

// hasCUDA tells whether the base has a library of CUDA.
func (b *bases) hasCUDA(platform, soname string) bool {
	if image := b.images[platform]; image != nil && image.Brought[soname] {
		return true
	}
	return slices.ContainsFunc(b.debsOf(platform), func(deb string) bool { return cudabase.Brings(deb, soname) })
}

// lacks decides what becomes of libraries that the base lacks.
func (b *bases) lacks(ctx context.Context, targets []*target, asks []cudabase.Ask) error {
	if len(b.images) > 0 {
		return b.imageLacks(ctx, asks)
	}
	if len(b.manifest.System.Archives) > 0 {
		found, err := b.findCUDA(ctx, targets, asks)
		if err != nil || found {
			return err
		}
	}
	image, ok := b.chooseImage(asks)
	switch {
	case !ok:
		return b.noImage(ctx, asks)
	case b.manifest.Distro != "":
		e := diag.New(diag.Manifest, "%s has no libraries of CUDA, and wheels ask for some that none brings: %s", b.chosen.distro, told(asks)).At(b.manifest.DistroPos)
		return b.remedies(ctx, e, asks).Hint("or `image = %q` in place of distro: %s", image.Reference, b.byTable(image))
	}
	return &standing{image, b.wheels.find(ctx, asks)}
}

// chooseImage finds the image for what is asked: the lock's, as long as it would do, since a table with newer ones is no reason to move.
func (b *bases) chooseImage(asks []cudabase.Ask) (cudabase.Image, bool) {
	if old := b.options.Previous; old != nil && (!b.options.Upgrade || b.options.KeepDistro) {
		if image, ok := cudabase.Keep(old.Base.Reference, asks, b.usable); ok {
			return image, true
		}
	}
	return cudabase.Choose(asks, b.usable)
}

// byTable says of an image what is not known of it before it is read.
func (b *bases) byTable(image cudabase.Image) string {
	text := "by envpack's table it is the smallest of NVIDIA's images that has them"
	if !image.Kept {
		text += ", and one that NVIDIA no longer supports and may delete: copy it to a registry of your own"
	}
	return text
}

// noImage says that no image has all that is asked for.
func (b *bases) noImage(ctx context.Context, asks []cudabase.Ask) error {
	e := diag.New(diag.Manifest, "wheels ask for libraries of CUDA that none brings, and no image of CUDA that [gpu] allows has all of them: %s", told(asks)).At(b.manifest.GPU.Pos)
	return b.remedies(ctx, e, asks).Hint("or name an image that has them: `image = \"…\"` below [system]")
}

// imageLacks says what the image lacks, and which one would have it.
func (b *bases) imageLacks(ctx context.Context, asks []cudabase.Ask) error {
	e := diag.New(diag.Manifest, "%s has not all of CUDA's libraries that wheels ask for and none brings: %s", b.imageName(), told(asks)).At(b.imagePos())
	for _, a := range asks {
		for _, i := range b.images {
			if other := cudabase.OtherMajor(a.Library, i.Brought); other != "" {
				e.Hint("it has %s, which is of another version than %s was built for: the numbers must be equal", other, name(a))
				break
			}
		}
	}
	all := asks
	for _, i := range b.images { // what it has must stay
		all = append(all, b.metBy(i.Target)...)
	}
	if image, ok := cudabase.Choose(all, b.usable); ok && image.Reference != b.imageName() {
		return b.remedies(ctx, e, asks).Hint("or `image = %q`: %s", image.Reference, b.byTable(image))
	}
	return b.remedies(ctx, e, asks)
}

// metBy is what wheels ask for and the image of a platform has.
func (b *bases) metBy(platform string) []cudabase.Ask {
	asks, err := cudabase.Asked(b.inputs[platform], b.usableMajor)
	if err != nil {
		return nil // it was found out before
	}
	return slices.DeleteFunc(asks, func(a cudabase.Ask) bool { return !b.hasCUDA(platform, a.Library) })
}

// remedies adds what brings the libraries without another base.
func (b *bases) remedies(ctx context.Context, e *diag.Error, asks []cudabase.Ask) *diag.Error {
	for _, line := range b.wheels.find(ctx, asks) {
		e = e.Hint("%s", line)
	}
	return e
}

// told names libraries by who asks for them: "libcudart.so.12, libcublas.so.12 (faiss-gpu-cu12 1.9.0)".
func told(asks []cudabase.Ask) string {
	var order []string
	by := map[string][]string{}
	for _, a := range asks {
		if n := name(a); by[n] == nil {
			order = append(order, n)
		}
		by[name(a)] = append(by[name(a)], a.Library)
	}
	var list []string
	for _, n := range order {
		list = append(list, fmt.Sprintf("%s for %s", some(by[n]), n))
	}
	return strings.Join(list, "; ")
}

func name(a cudabase.Ask) string { return a.Wheel + " " + a.Version }
