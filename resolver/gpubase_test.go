package resolver

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/cuda"
)

// bareImages are distributions, and images of CUDA without a Python.
type bareImages struct {
	*distros
	asked   []string
	brought map[string]bool
}

func (b *bareImages) ReadImage(_ context.Context, want ImageRequest) (*BaseImage, error) {
	b.asked = append(b.asked, want.Reference)
	if !want.Bare && want.Wanted != nil {
		return nil, diag.New(diag.Manifest, "it has no Python")
	}
	return &BaseImage{
		BaseImage: lockfile.BaseImage{Target: want.Platform, Digest: "sha256:" + hashOf("image"), Config: "sha256:" + hashOf("config"),
			Layers: []lockfile.BaseLayer{{Digest: "sha256:" + hashOf("layer"), DiffID: "sha256:" + hashOf("diff"), Size: 1, MediaType: "application/vnd.oci.image.layer.v1.tar+gzip"}}},
		Glibc: "2.39", Distro: "ubuntu:24.04", Codename: "noble", Brought: b.brought,
	}, nil
}

// TestChosenImage holds that an image of CUDA is chosen where nobody brings what wheels ask for, that it gets a published
// interpreter, and that one is not taken where there is none.
func TestChosenImage(t *testing.T) {
	const image = "nvidia/cuda:12.9.1-base-ubuntu24.04"
	for name, c := range map[string]struct {
		published, image string
		want             string // of the lock, or of the error
	}{
		"interpreter":    {published: "3.11.9", want: image},
		"no interpreter": {want: "it has no Python"},
		"named":          {published: "3.11.9", image: "team/cuda:1", want: "team/cuda:1"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.add("seeker", "1.0", rel{})
			m := project("seeker")
			m.GPU, m.System.Auto, m.System.Image = &manifest.GPU{}, true, c.image
			m = python(m, "3.11")
			base := &bareImages{distros: &distros{published: c.published}, brought: map[string]bool{"libcudart.so.12": true, "libc.so.6": true}}
			lock, err := Resolve(t.Context(), m, Sources{Packages: w, Base: base, Scan: scanner{needed: []string{"libcudart.so.12", "libc.so.6"}}}, Options{})
			if err != nil {
				if !strings.Contains(err.Error(), c.want) || diag.CodeOf(err) != diag.Manifest || errors.As(err, new(*standing)) {
					t.Errorf("%v, want %s", err, c.want)
				}
				return
			}
			if lock.Base.Reference != c.want || len(lock.Base.Interpreters) != 1 || lock.Targets[0].Python != c.published || lock.Targets[0].Glibc != "2.39" {
				t.Errorf("%+v, targets %+v", lock.Base, lock.Targets)
			}
			if text := lock.GPU.On("linux/amd64").Base; !strings.HasPrefix(text, c.want+", ") || !strings.Contains(text, "libcudart.so.12 for seeker 1.0") {
				t.Errorf("the lock says %q", text)
			}
			if c.image == "" {
				again, err := Resolve(t.Context(), m, Sources{Packages: w, Base: base}, Options{Previous: lock, NoScan: true})
				if err != nil || again.Base.Reference != image || again.GPU.On("linux/amd64").Base != lock.GPU.On("linux/amd64").Base {
					t.Errorf("without a look at wheels: %v, %+v", err, again)
				}
			}
		})
	}
}

// TestUsableImage holds that an image is of no CUDA that packages could not be of.
func TestUsableImage(t *testing.T) {
	for _, c := range []struct {
		cuda, driver, device, version string
		want                          bool
	}{
		{"", "", "", "13.0", true},
		{"", "", "V100", "13.0", false},
		{"", "", "V100", "12.9", true},
		{"", "", "T4", "13.0", true},
		{"", "535", "", "13.0", false},
		{"", "535", "", "12.9", true},
		{"12.6", "", "", "12.9", false},
		{"12.6", "", "", "12.6", true},
	} {
		m := &manifest.Manifest{}
		wanting(t, m, c.cuda, c.driver)
		if c.device != "" {
			d, err := cuda.ParseDevice(c.device)
			if err != nil {
				t.Fatal(err)
			}
			m.GPU.Devices = []cuda.Device{d}
		}
		v, err := cuda.ParseVersion(c.version)
		if err != nil {
			t.Fatal(err)
		}
		if got := (&bases{manifest: m}).usable(v); got != c.want {
			t.Errorf("CUDA %s with cuda %q, driver %q, device %q: %v", c.version, c.cuda, c.driver, c.device, got)
		}
	}
}

// TestKeptImage holds that the image of a lock stays while it has what is asked, and the smallest that does.
func TestKeptImage(t *testing.T) {
	const newest = "nvidia/cuda:12.9.1-base-ubuntu24.04"
	for name, c := range map[string]struct {
		old     string
		upgrade bool
		bounds  string
		want    string
	}{
		"kept":           {old: "nvidia/cuda:12.6.3-base-ubuntu24.04", want: "nvidia/cuda:12.6.3-base-ubuntu24.04"},
		"an upgrade":     {old: "nvidia/cuda:12.6.3-base-ubuntu24.04", upgrade: true, want: newest},
		"not wanted":     {old: "nvidia/cuda:12.6.3-base-ubuntu24.04", bounds: ">=12.8,<13", want: newest},
		"more than need": {old: "nvidia/cuda:12.6.3-runtime-ubuntu24.04", want: newest},
		"no such image":  {old: "nvidia/cuda:12.6.3-base-none", want: newest},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.add("seeker", "1.0", rel{})
			m := project("seeker")
			wanting(t, m, c.bounds, "")
			m.System.Auto = true
			m = python(m, "3.11")
			base := &bareImages{distros: &distros{published: "3.11.9"}, brought: map[string]bool{"libcudart.so.12": true, "libc.so.6": true}}
			o := Options{Previous: &lockfile.Lock{Base: lockfile.Base{Reference: c.old}}, Upgrade: c.upgrade}
			lock, err := Resolve(t.Context(), m, Sources{Packages: w, Base: base, Scan: scanner{needed: []string{"libcudart.so.12", "libc.so.6"}}}, o)
			if err != nil {
				t.Fatal(err)
			}
			if lock.Base.Reference != c.want {
				t.Errorf("the base is %s", lock.Base.Reference)
			}
		})
	}
}
