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
		want := ImageRequest{Reference: m.System.Image, Platform: platform, What: m.Python.Text}
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

// refused gives an error about the image its place in the manifest.
func (b *bases) refused(err error, platform string) error {
	e := diag.Wrap(err, 0, "standing on %s for %s", b.manifest.System.Image, platform)
	if diag.CodeOf(err) == diag.Manifest {
		e = e.At(b.manifest.System.ImagePos)
	}
	return e
}
