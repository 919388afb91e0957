package resolver

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/internal/fatbin"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
)

// counted is a scanner that counts how often it reads.
type counted struct {
	noIndex
	objects []elffile.Object
	reads   int
}

func (s *counted) Objects(_ context.Context, wheels []Wheel) ([][]elffile.Object, error) {
	s.reads++
	all := make([][]elffile.Object, len(wheels))
	for i := range wheels {
		all[i] = s.objects
	}
	return all, nil
}

// TestAddKernels: the lock says which code for GPUs wheels have where they are read, and keeps what it knew where not.
func TestAddKernels(t *testing.T) {
	code, err := fatbin.Parse([]string{"2 sm_80=10 compute_80@8.0=4"})
	if err != nil {
		t.Fatal(err)
	}
	objects := []elffile.Object{
		{Path: "w/b.so", CUDA: code}, {Path: "w/c.so"}, {Path: "w/a.so", CUDAFault: "the CUDA code at 8 cannot be read"},
	}
	found := []lockfile.Kernels{
		{Library: "w/b.so", Code: []string{"2 sm_80=10 compute_80@8.0=4"}}, {Library: "w/a.so", Fault: "the CUDA code at 8 cannot be read"},
	}
	kept := []lockfile.Kernels{{Library: "w/old.so", Code: []string{"1 sm_70=1"}}}
	wheel := func(kernels []lockfile.Kernels) []lockfile.Package {
		return []lockfile.Package{{Name: "w", Version: "1", Files: []lockfile.File{{Name: "w-1-py3-none-any.whl", SHA256: "1", Targets: []string{"linux/amd64"}, Kernels: kernels}}}}
	}
	for name, c := range map[string]struct {
		auto, gpu, noScan, noBase bool
		want                      []lockfile.Kernels
		reads                     int
	}{
		"scanned":            {auto: true, want: found, reads: 1},
		"for GPUs":           {gpu: true, want: found, reads: 1},
		"for GPUs, no base":  {auto: true, gpu: true, noBase: true, want: found, reads: 1},
		"not scanned":        {auto: true, noScan: true, want: kept},
		"not automatic":      {want: kept},
		"no base":            {auto: true, noBase: true, want: kept},
		"not scanned, asked": {gpu: true, noScan: true, want: kept},
	} {
		t.Run(name, func(t *testing.T) {
			m := &manifest.Manifest{}
			m.System.Auto = c.auto
			if c.gpu {
				m.GPU = &manifest.GPU{}
			}
			var warned []string
			lock := &lockfile.Lock{Packages: wheel(nil)}
			b := newBases(m, nil, lock, Options{
				NoScan: c.noScan, Previous: &lockfile.Lock{Packages: wheel(kept)},
				Progress: func(string) {}, Warn: func(s string) { warned = append(warned, s) },
			})
			if !c.noBase {
				b.chosen = &baseCandidate{distro: "debian:12"}
			}
			tg, err := newTarget(lockfile.Target{Platform: "linux/amd64", Python: "3.11.2", Glibc: "2.36"})
			if err != nil {
				t.Fatal(err)
			}
			scan := &counted{objects: objects}
			if c.reads > 0 && c.auto && !c.noBase { // what is read for libraries is not read again
				if _, err := b.libraries(t.Context(), tg, scan); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.addKernels(t.Context(), []*target{tg}, scan); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, lock.Packages[0].Files[0].Kernels); diff != "" {
				t.Error(diff)
			}
			if scan.reads != c.reads {
				t.Errorf("read %d times", scan.reads)
			}
			if c.reads > 0 != strings.Contains(strings.Join(warned, ""), "w 1: which GPUs w/a.so has code for is not known: the CUDA code at 8") {
				t.Errorf("warned: %q", warned)
			}
		})
	}
}
