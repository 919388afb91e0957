package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

// seal holds the images to the lock's seal where it has one, and writes what it lacks. A lock that
// cannot be written is no failure: the image is right all the same.
func (b *building) seal(images []*imagegen.Image) error {
	var fresh []*imagegen.Image
	for _, image := range images {
		now := image.Seal()
		if old := sealOf(b.lock, image.Platform); old != nil {
			if err := compareSeals(b.path, *old, now); err != nil {
				return err
			}
			if old.Project == now.Project && old.Image == now.Image {
				continue
			}
		}
		for _, wheel := range slices.Sorted(maps.Keys(image.Deviations)) {
			list := image.Deviations[wheel]
			b.ui().Warn("%s: RECORD is not what the wheel holds (%s%s); it was rewritten", wheel, list[0], more(len(list)-1))
		}
		fresh = append(fresh, image)
	}
	if len(fresh) > 0 {
		b.writeSeals(fresh)
	}
	return nil
}

// writeSeals puts the seals into the lock as it is now: another build may have sealed another
// platform in the meantime. A lock that was made anew is left alone.
func (b *building) writeSeals(images []*imagegen.Image) {
	now, err := lockfile.Read(b.path)
	if err != nil {
		b.ui().Warn("the digests could not be written into the lock: %v", err)
		return
	}
	if !bytes.Equal(lockfile.Encode(unsealed(now)), lockfile.Encode(unsealed(b.lock))) {
		b.ui().Warn("%s changed during the build; the digests were not written into it", b.path)
		return
	}
	for _, image := range images {
		if old := sealOf(now, image.Platform); old != nil {
			*old = image.Seal()
		} else {
			now.Seals = append(now.Seals, image.Seal())
		}
		now.Choices = withChoices(now.Choices, image)
	}
	now.Normalize()
	if err := now.Write(b.path); err != nil {
		b.ui().Warn("the digests could not be written into the lock: %v", err)
	}
}

// unsealed is the lock without what builds add to it.
func unsealed(l *lockfile.Lock) *lockfile.Lock {
	bare := *l
	bare.Seals = nil
	bare.Choices = slices.DeleteFunc(slices.Clone(l.Choices), func(c lockfile.Choice) bool { return c.Kind == lockfile.RecordChoice })
	return &bare
}

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(", and %d more", n)
}

func sealOf(l *lockfile.Lock, platform string) *lockfile.Seal {
	for i := range l.Seals {
		if l.Seals[i].Platform == platform {
			return &l.Seals[i]
		}
	}
	return nil
}

// withChoices replaces what the lock says of RECORD files of the image's platform.
func withChoices(all []lockfile.Choice, image *imagegen.Image) []lockfile.Choice {
	var kept []lockfile.Choice
	for _, c := range all {
		if c.Kind != lockfile.RecordChoice || c.Target != image.Platform {
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
