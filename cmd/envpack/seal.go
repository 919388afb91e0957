package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/lockfile"
)

// seal writes into the lock what its seals lack: the first build of a lock does. An edit of the project's files is
// no news of the lock, so that a seal of other files stays, unless a new one is asked for. A lock that cannot be
// written is no failure: the image is right all the same.
func (b *building) seal(images []*imagegen.Image) {
	var fresh []*imagegen.Image
	for _, image := range images {
		now := image.Seal()
		old := sealOf(b.lock, image.Platform)
		switch {
		case old == nil:
		case old.Project == now.Project && old.Image == now.Image:
			continue
		case !b.reseal:
			b.ui().Printf("%s: the project's files are not those of the lock's seal; the environment was compared with it (--seal seals these)", image.Platform)
			continue
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
