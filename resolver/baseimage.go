package resolver

import (
	"context"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep440"
)

// ImageRequest asks for an image to stand on.
type ImageRequest struct {
	Reference string
	Platform  string
	// Digest is that of the manifest that an earlier lock has, which is kept whatever the reference means now;
	// "": what it means now.
	Digest string
	// Wanted accepts full versions of Python, which What names in words. Nil: another interpreter is brought.
	Wanted func(version string) bool
	What   string
}

// BaseImage is what an image to stand on has.
type BaseImage struct {
	lockfile.BaseImage
	Version  string // of the chosen interpreter; "" if none was asked for
	Glibc    string
	Distro   string // "ubuntu:22.04"; what the image says of itself
	Codename string
}

// image makes the targets that stand on an image.
func (b *bases) image(ctx context.Context) ([]*target, error) {
	m := b.manifest
	if len(m.System.Packages) > 0 {
		return nil, diag.New(diag.Manifest, "system.packages is not supported yet beside system.image").At(m.System.Packages[0].Pos)
	}
	base := lockfile.Base{Reference: m.System.Image, Format: lockfile.RootfsFormat}
	var targets []*target
	for _, platform := range m.Platforms {
		want := ImageRequest{Reference: m.System.Image, Platform: platform, What: m.Python.Text, Digest: b.lockedImage(platform)}
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
			version = own.Version
		}
		t, err := newTarget(platform, version, image.Glibc)
		if err != nil {
			return nil, err
		}
		base.Distro, base.Codename = image.Distro, image.Codename
		base.Images = append(base.Images, image.BaseImage)
		targets = append(targets, t)
		b.lock.Targets = append(b.lock.Targets, t.Target)
	}
	b.lock.Base = base
	return targets, nil
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

// refused gives an error about the image its place in the manifest.
func (b *bases) refused(err error, platform string) error {
	e := diag.Wrap(err, 0, "standing on %s for %s", b.manifest.System.Image, platform)
	if diag.CodeOf(err) == diag.Manifest {
		e = e.At(b.manifest.System.ImagePos)
	}
	return e
}
