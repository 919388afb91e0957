package imagegen_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
)

// moved is what differs between two images: names of layers that are new or have another digest, and of those that are gone.
func moved(old, now *imagegen.Image) (changed, gone []string) {
	digests := map[string]string{}
	for _, l := range old.Layers {
		digests[l.Name] = l.Digest
	}
	for _, l := range now.Layers {
		if digests[l.Name] != l.Digest {
			changed = append(changed, l.Name)
		}
		delete(digests, l.Name)
	}
	for _, l := range old.Layers {
		if _, left := digests[l.Name]; left {
			gone = append(gone, l.Name)
		}
	}
	return changed, gone
}

// TestManyWheels has as many wheels as the largest environments, 70 of them large enough for a layer of their own: engines take no more
// than about 120 layers, and a change must move what changed alone.
func TestManyWheels(t *testing.T) {
	const many, large = 500, 70
	w, st := newWorld(), openStore(t)
	sizes := map[string]int64{}
	name := func(i int) string { return fmt.Sprintf("package%03d", i) }
	for i := range many {
		w.wheel(name(i), "1.0", testenv.WheelOptions{})
		sizes[name(i)] = 10_000
		if i < large {
			sizes[name(i)] = lockfile.OwnFrom + int64(large-i)
		}
	}
	var last *lockfile.Lock
	build := func() *imagegen.Image {
		t.Helper()
		for i := range w.lock.Packages {
			w.lock.Packages[i].Files[0].Size = sizes[w.lock.Packages[i].Name] // as if they had so much in them
		}
		lockfile.ChooseLayers(w.lock, last)
		kept := *w.lock
		kept.Packages = slices.Clone(w.lock.Packages)
		last = &kept
		made := w.build(t, st, nil)
		if n := len(made.Layers); n > 100 {
			t.Fatalf("%d layers", n)
		}
		return made
	}
	image := build()
	own := 0
	for _, l := range image.Layers {
		if strings.HasPrefix(l.Name, "package") {
			own++
		}
	}
	if own != lockfile.MaxOwnLayers || len(image.Layers) != lockfile.MaxOwnLayers+lockfile.Bins+3 {
		t.Fatalf("%d layers, %d of one package: %s", len(image.Layers), own, names(image))
	}
	for _, c := range []struct {
		what          string
		change        func()
		changed, gone []string
	}{
		{"a small one changes", func() { w.wheel(name(400), "2.0", testenv.WheelOptions{}) }, []string{binOf(name(400))}, nil},
		{"a large one changes", func() { w.wheel(name(5), "2.0", testenv.WheelOptions{}) }, []string{name(5) + " 2.0"}, []string{name(5) + " 1.0"}},
		{"a small one goes", func() { w.remove(name(401)) }, []string{binOf(name(401))}, nil},
		{"a small one comes", func() { w.wheel("zzz", "1.0", testenv.WheelOptions{}); sizes["zzz"] = 1 }, []string{binOf("zzz")}, nil},
		// Nothing moves while a large one gets smaller, until it is much smaller.
		{"a large one is removed, so that the next gets its layer", func() { w.remove(name(0)) },
			[]string{name(60) + " 1.0", binOf(name(60))}, []string{name(0) + " 1.0"}},
		{"all that have no layer get smaller", func() {
			for i := 61; i < large; i++ {
				sizes[name(i)] = 10_000
			}
		}, nil, nil},
		{"a large one gets smaller", func() { sizes[name(10)] = lockfile.OwnUntil }, nil, nil},
		{"and still smaller", func() { sizes[name(10)] = lockfile.OwnUntil - 1 }, []string{binOf(name(10))}, []string{name(10) + " 1.0"}},
		{"and larger again, but not enough", func() { sizes[name(10)] = lockfile.OwnFrom - 1 }, nil, nil},
		{"and enough", func() { sizes[name(10)] = lockfile.OwnFrom }, []string{name(10) + " 1.0", binOf(name(10))}, nil},
	} {
		c.change()
		now := build()
		changed, gone := moved(image, now)
		image = now
		want := append(c.changed, "lock") // which says the sizes
		if diff := cmp.Diff(want, changed); diff != "" {
			t.Errorf("%s: %s", c.what, diff)
		}
		if diff := cmp.Diff(c.gone, gone); diff != "" {
			t.Errorf("%s: gone: %s", c.what, diff)
		}
	}
}
