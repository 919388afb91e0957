package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/lockfile"
)

// seal writes into the lock what its seals lack: the first build of a lock does. An edit of the project's files is
// no news of the lock, so that a seal of other files stays, unless a new one is asked for. A lock that cannot be
// written is no failure: the image is right all the same.
func (b *building) seal(images []*imagegen.Image) {
	var fresh []*imagegen.Image
	for _, image := range images {
		now := image.Seal()
		old := b.lock.SealOf(image.Platform)
		switch {
		case !old.Closed():
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
		if old := now.SealOf(image.Platform); old != nil {
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

// keepLayers begins the seals that a new lock lacks with the layers of old ones that it has too, so that a machine without the
// packages takes these from a registry as ever.
func (s *session) keepLayers(ctx context.Context, st *store.Store, m *manifest.Manifest, l *lockfile.Lock, old previous) error {
	if len(unbuilt(l)) > 0 {
		return nil
	}
	var builder *imagegen.Builder
	for _, t := range l.Targets {
		for _, from := range old.locks() {
			if l.SealOf(t.Platform) != nil || from.SealOf(t.Platform) == nil {
				continue
			}
			plan, err := imagegen.NewPlan(l, t.Platform, nil)
			if err != nil {
				return err
			}
			if builder == nil {
				b := &building{session: s, m: m, lock: l}
				sup, err := s.openSupply(st, sources.Options{Indexes: m.Indexes, Codename: l.Base.Codename}, b.supplyOptions(), fetching)
				if err != nil {
					return err
				}
				defer sup.Close()
				builder = &imagegen.Builder{Store: st, Supply: sup}
			}
			seal, records, err := builder.Retain(ctx, plan, from)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				s.ui().Warn("of the seal for %s nothing was kept: %v", t.Platform, err)
				continue
			}
			if seal == nil {
				continue
			}
			l.Seals, l.Choices = append(l.Seals, *seal), append(l.Choices, records...)
			stay := 0
			for _, y := range seal.Layers {
				if y.Digest != "" && y.Name != imagegen.ProjectLayer {
					stay++
				}
			}
			stay-- // the lock's is new
			s.ui().Printf("%s: %s of the sealed image %s; a build makes the others and closes the seal", t.Platform, plural(stay, "layer"), staysStay(stay))
		}
	}
	l.Normalize()
	return nil
}

func staysStay(n int) string {
	if n == 1 {
		return "stays"
	}
	return "stay"
}

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(", and %d more that `envpack verify --deep --all` lists", n)
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
