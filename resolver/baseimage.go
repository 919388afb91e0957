package resolver

import (
	"context"
	"fmt"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/apt"
	"github.com/envpack/envpack/resolver/pep440"
)

// ImageRequest asks for an image to stand on.
type ImageRequest struct {
	Reference string
	Platform  string
	// Digest is that of the manifest that an earlier lock has, which is kept whatever the reference means now;
	// "": what it means now.
	Digest  string
	Folders []string // absolute, that layers will have files in
	// Wanted accepts full versions of Python, which What names in words. Nil: another interpreter is brought.
	Wanted       func(version string) bool
	What         string
	FreeThreaded bool // the wanted build
	// Bare takes an image that has no Python at all: its Version is "".
	Bare bool
}

// BaseImage is what an image to stand on has.
type BaseImage struct {
	lockfile.BaseImage
	Version  string // of the chosen interpreter; "" if none was asked for
	Glibc    string // "2.36"; "" where Musl is the C library
	Musl     string // "1.2.5"
	Distro   string // "ubuntu:22.04"; what the image says of itself
	Codename string
	Status   []byte          // dpkg's database as one text; nil: it has none
	Packages []string        // names of what is installed
	Brought  map[string]bool // file names of its shared libraries
	Env      []string        // NAME=VALUE of its configuration
}

// image makes the targets that stand on an image.
func (b *bases) image(ctx context.Context) ([]*target, error) {
	m := b.manifest
	base := lockfile.Base{Reference: b.imageName(), Format: lockfile.RootfsFormat, AsOf: b.asOf}
	var targets []*target
	for _, platform := range m.Platforms {
		want := ImageRequest{Reference: b.imageName(), Platform: platform, What: m.Python.Text, FreeThreaded: m.Python.FreeThreaded, Digest: b.lockedImage(platform), Folders: []string{m.Image.Workdir}}
		var own *Interpreter
		if len(m.System.Pythons) > 0 {
			i, err := b.interpreter(ctx, platform)
			if err != nil {
				return nil, err
			}
			own = i
		} else {
			want.Wanted = func(version string) bool {
				v, err := pep440.Parse(version)
				return err == nil && m.Python.Specifiers.Contains(v)
			}
		}
		image, err := b.readImage(ctx, want, &own)
		if err != nil {
			return nil, b.refused(err, platform)
		}
		version := image.Version
		if own != nil {
			base.Interpreters = append(base.Interpreters, own.Interpreter)
			if err := b.runsOn(own, b.imageName(), image.Glibc, image.Musl); err != nil {
				return nil, err
			}
			version = own.Version
		}
		t, err := newTarget(lockfile.Target{Platform: platform, Python: version, ABI: abiOf(version, m.Python.FreeThreaded), Glibc: image.Glibc, Musl: image.Musl})
		if err != nil {
			return nil, err
		}
		b.images[platform] = image
		b.interpreters[platform] = own
		base.Distro, base.Codename = image.Distro, image.Codename
		base.Images = append(base.Images, image.BaseImage)
		targets = append(targets, t)
		b.lock.Targets = append(b.lock.Targets, t.Target)
	}
	base.Archives = b.lock.Base.Archives
	b.lock.Base = base
	b.chosen = b.onImage(base)
	if len(m.System.Archives) > 0 && b.chosen == nil {
		return nil, diag.New(diag.Manifest, "an archive of packages needs a distribution that takes them, and %s is of %s, which is none that is known", b.imageName(), base.Distro).
			At(m.System.Archives[0].Pos).Hint("remove [[apt]], or choose an image of Debian or Ubuntu; known are %s", distributions())
	}
	if len(m.System.Packages) == 0 {
		return targets, nil
	}
	if b.chosen == nil {
		return nil, diag.New(diag.Manifest, "packages cannot be added to %s: it is of %s, and has no packages of a distribution that is known", b.imageName(), base.Distro).
			At(m.System.Packages[0].Pos).Hint("choose an image of Debian or Ubuntu, or make one that has what is needed (packages of apk or rpm are not added); known are %s", distributions())
	}
	return targets, b.extend(ctx, nil)
}

// readImage reads the image for a platform. Where it has no Python, and the manifest asks for GPUs, the interpreter is a published
// one, as on a distribution that lacks the wanted Python: NVIDIA's images have none.
func (b *bases) readImage(ctx context.Context, want ImageRequest, own **Interpreter) (*BaseImage, error) {
	want.Bare = want.Wanted != nil && b.manifest.GPU != nil
	image, err := b.source.ReadImage(ctx, want)
	if err != nil || !want.Bare || image.Version != "" {
		return image, err
	}
	if *own, err = b.interpreter(ctx, want.Platform); err != nil {
		return nil, err
	}
	if *own == nil {
		want.Bare = false // which says what it lacks
		return b.source.ReadImage(ctx, want)
	}
	b.choose(lockfile.Choice{
		Kind: lockfile.PythonChoice, Name: "interpreter", Value: image.Distro,
		Reason: fmt.Sprintf("%s has no Python", b.imageName()),
	})
	return image, nil
}

// onImage is whose packages are added to the images, nil if nobody's can be.
func (b *bases) onImage(base lockfile.Base) *baseCandidate {
	for _, i := range b.images {
		if i.Status == nil {
			return nil
		}
	}
	family, _, _ := strings.Cut(base.Distro, ":")
	for _, name := range []string{base.Distro, family + ":" + base.Codename} {
		if d, err := apt.Find(name); err == nil && (base.Codename == "" || d.Codename == base.Codename) {
			return &baseCandidate{distro: d.Name, archive: true}
		}
	}
	return nil
}

// lockedImage is the digest that the earlier lock has of the image for a platform. A tag that moves is no reason to
// stand on something else: that is asked for.
func (b *bases) lockedImage(platform string) string {
	old := b.options.Previous
	if old == nil || b.options.Upgrade || b.options.UpgradeBase || old.Base.Reference != b.imageName() {
		return ""
	}
	for _, i := range old.Base.Images {
		if i.Target == platform {
			return i.Digest
		}
	}
	return ""
}

// refused gives an error about the image its place in the manifest, which is also where an image that is not there or
// not for the platform was asked for.
func (b *bases) refused(err error, platform string) error {
	code := diag.CodeOf(err)
	if code == diag.Usage {
		code = diag.Manifest
	}
	e := diag.Wrap(err, code, "standing on %s for %s", b.imageName(), platform).At(b.imagePos())
	if b.options.cudaImage != "" {
		for _, line := range b.options.cudaInstead {
			e = e.Hint("%s", line)
		}
		e = e.Hint("it was chosen since wheels ask for libraries of CUDA that none brings; a mirror of it is named below [images] of envpack's configuration, another image by system.image")
	}
	return e
}
