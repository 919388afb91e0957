package resolver

import (
	"context"
	"errors"
	"testing"

	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/apt"
)

var errAsked = errors.New("the index of files was asked for")

// noIndex knows one wheel's extension module, and no distribution's index of files.
type noIndex struct{ needed []string }

func (s noIndex) Objects(_ context.Context, wheels []Wheel) ([][]elffile.Object, error) {
	all := make([][]elffile.Object, len(wheels))
	for i := range wheels {
		all[i] = []elffile.Object{{Path: "w/_w.abi3.so", Type: 3, Class: 2, Machine: 62, Needed: s.needed}}
	}
	return all, nil
}

func (noIndex) Knows(Wheel) bool { return true }

func (s noIndex) Contents(context.Context, apt.Options) (*apt.Contents, error) { return nil, errAsked }

// The index of files has tens of megabytes, and some mirrors have another than the signed release says.
func TestIndexOfFilesIsReadOnlyForWhatNotEveryBaseHas(t *testing.T) {
	base := []string{"libc6", "libgcc-s1", "libstdc++6", "zlib1g"}
	for name, c := range map[string]struct {
		debs, needed []string
		want         error
	}{
		"what manylinux allows":            {base, []string{"libc.so.6", "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6", "libz.so.1", "ld-linux-x86-64.so.2"}, nil},
		"nothing":                          {base, nil, nil},
		"what the base has not":            {base, []string{"libc.so.6", "libGL.so.1"}, errAsked},
		"a usual one that is missing here": {base, []string{"libgomp.so.1"}, errAsked},
	} {
		t.Run(name, func(t *testing.T) {
			lock := &lockfile.Lock{}
			for _, d := range c.debs {
				lock.Base.Debs = append(lock.Base.Debs, lockfile.Deb{Name: d, Targets: []string{"linux/amd64"}})
			}
			lock.Packages = []lockfile.Package{{Name: "w", Version: "1", Files: []lockfile.File{{Targets: []string{"linux/amd64"}}}}}
			b := newBases(&manifest.Manifest{}, nil, lock, Options{Progress: func(string) {}})
			b.chosen = &baseCandidate{distro: "debian:12"}
			tg, err := newTarget(lockfile.Target{Platform: "linux/amd64", Python: "3.11.2", Glibc: "2.36"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.libraries(t.Context(), tg, noIndex{c.needed}); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
}
