package main

import (
	"fmt"
	"strings"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

// seal holds the images to the lock's seal where it has one, and writes what it lacks. A lock that
// cannot be written is no failure: the image is right all the same.
func (b *building) seal(images []*imagegen.Image) error {
	changed := false
	for _, image := range images {
		now := image.Seal()
		old := b.sealOf(image.Platform)
		if old != nil {
			if err := compareSeals(b.path, *old, now); err != nil {
				return err
			}
			if old.Project == now.Project && old.Image == now.Image {
				continue
			}
			*old = now
		} else {
			b.lock.Seals = append(b.lock.Seals, now)
		}
		b.lock.Choices = withChoices(b.lock.Choices, image)
		for wheel, list := range image.Deviations {
			b.ui().Warn("%s: RECORD is not what the wheel holds (%s%s); it was rewritten", wheel, list[0], more(len(list)-1))
		}
		changed = true
	}
	if !changed {
		return nil
	}
	b.lock.Normalize()
	if err := b.lock.Write(b.path); err != nil {
		b.ui().Warn("the digests could not be written into the lock: %v", err)
	}
	return nil
}

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(", and %d more", n)
}

func (b *building) sealOf(platform string) *lockfile.Seal {
	for i := range b.lock.Seals {
		if b.lock.Seals[i].Platform == platform {
			return &b.lock.Seals[i]
		}
	}
	return nil
}

// withChoices replaces what the lock says of RECORD files of the image's platform.
func withChoices(all []lockfile.Choice, image *imagegen.Image) []lockfile.Choice {
	var kept []lockfile.Choice
	for _, c := range all {
		if c.Kind != "record" || c.Target != image.Platform {
			kept = append(kept, c)
		}
	}
	return append(kept, image.Choices()...)
}

// compareSeals fails if the environment is not the sealed one, or the image is not although the
// project's files are the same. It names the layers that differ.
func compareSeals(path string, old, now lockfile.Seal) error {
	what := ""
	switch {
	case old.Environment != now.Environment:
		what = fmt.Sprintf("the environment for %s is %s, and the lock's seal says %s", now.Platform, now.Environment, old.Environment)
	case old.Project == now.Project && old.Image != now.Image:
		what = fmt.Sprintf("the image for %s is %s, and the lock's seal says %s", now.Platform, now.Image, old.Image)
	default:
		return nil
	}
	sealed := map[string]lockfile.SealedLayer{}
	for _, l := range old.Layers {
		sealed[l.Name] = l
	}
	var lines []string
	for _, l := range now.Layers {
		if l.Name == "project" && old.Project != now.Project {
			continue
		}
		s, ok := sealed[l.Name]
		switch {
		case !ok:
			lines = append(lines, fmt.Sprintf("  layer %s is not in the seal", l.Name))
		case s.Digest == l.Digest:
		case s.Inputs == l.Inputs:
			lines = append(lines, fmt.Sprintf("  layer %s: %s, sealed as %s, although it is made of the same", l.Name, l.Digest, s.Digest))
		default:
			lines = append(lines, fmt.Sprintf("  layer %s: %s, sealed as %s, and made of other things", l.Name, l.Digest, s.Digest))
		}
		delete(sealed, l.Name)
	}
	for _, l := range old.Layers {
		if _, left := sealed[l.Name]; left && l.Name != "project" {
			lines = append(lines, fmt.Sprintf("  layer %s is in the seal alone", l.Name))
		}
	}
	if len(lines) == 0 {
		lines = append(lines, "  every layer is the same: the image's configuration differs")
	}
	return diag.New(diag.Mismatch, "%s\n%s", what, strings.Join(lines, "\n")).At(diag.Position{File: path}).
		Hint("if the seal was edited or merged by hand, `envpack lock` after deleting its [[seal]] tables and a build make a new one")
}
