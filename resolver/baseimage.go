package resolver

import (
	"context"
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
}

// image makes the targets that stand on an image.
func (b *bases) image(ctx context.Context) ([]*target, error) {
	m := b.manifest
	base := lockfile.Base{Reference: m.System.Image, Format: lockfile.RootfsFormat, AsOf: b.asOf}
	var targets []*target
	for _, platform := range m.Platforms {
		want := ImageRequest{Reference: m.System.Image, Platform: platform, What: m.Python.Text, FreeThreaded: m.Python.FreeThreaded, Digest: b.lockedImage(platform), Folders: []string{m.Image.Workdir}}
		var own *Interpreter
		if len(m.System.Pythons) > 0 {
			i, err := b.interpreter(ctx, platform)
			if err != nil {
				return nil, err
			}
			own = i
			base.Interpreters = append(base.Interpreters, i.Interpreter)
		} else {
			want.Wanted = func(version string) bool {
				v, err := pep440.Parse(version)
				return err == nil && m.Python.Specifiers.Contains(v)
			}
		}
		image, err := b.source.ReadImage(ctx, want)
		if err != nil {
			return nil, b.refused(err, platform)
		}
		version := image.Version
		if own != nil {
			if err := b.runsOn(own, m.System.Image, image.Glibc, image.Musl); err != nil {
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
		return nil, diag.New(diag.Manifest, "an archive of packages needs a distribution that takes them, and %s is of %s, which is none that is known", m.System.Image, base.Distro).
			At(m.System.Archives[0].Pos).Hint("remove [[apt]], or choose an image of Debian or Ubuntu; known are %s", distributions())
	}
	if len(m.System.Packages) == 0 {
		return targets, nil
	}
	if b.chosen == nil {
		return nil, diag.New(diag.Manifest, "packages cannot be added to %s: it is of %s, and has no packages of a distribution that is known", m.System.Image, base.Distro).
			At(m.System.Packages[0].Pos).Hint("choose an image of Debian or Ubuntu, or make one that has what is needed (packages of apk or rpm are not added); known are %s", distributions())
	}
	return targets, b.extend(ctx, nil)
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
	if old == nil || b.options.Upgrade || b.options.UpgradeBase || old.Base.Reference != b.manifest.System.Image {
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
	return diag.Wrap(err, code, "standing on %s for %s", b.manifest.System.Image, platform).At(b.manifest.System.ImagePos)
}
