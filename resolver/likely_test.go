package resolver

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/resolver/apt"
)

// TestLikelyIsWhole: every released distribution is in the table, with every Python that it has.
func TestLikelyIsWhole(t *testing.T) {
	want, got := map[string][]string{}, map[string][]string{}
	for _, d := range apt.Distributions() {
		if !d.Testing {
			want[d.Name] = slices.Sorted(slices.Values(d.Pythons))
		}
	}
	for name, d := range likely {
		got[name] = slices.Sorted(maps.Keys(d.pythons))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-distributions +table:\n%s", diff)
	}
}

// TestLikelyIsTrue compares the table with the archives that this machine reaches.
func TestLikelyIsTrue(t *testing.T) {
	testenv.Real(t, "mirrors of Debian and Ubuntu")
	chosen := testenv.Chosen("debian:12", "debian:13", "ubuntu:22.04")
	for _, d := range apt.Distributions() {
		if d.Testing || !chosen(d.Name) {
			continue
		}
		t.Run(d.Name, func(t *testing.T) {
			found, err := sources.Find(sources.ThisHost("linux"), sources.Options{Codename: d.Codename})
			if err != nil {
				t.Fatal(err)
			}
			o := apt.Options{Distro: d.Name, Architecture: "amd64", Archives: map[string]string{}, Further: map[string][]string{}, Fetcher: testenv.Fetcher{}, Now: time.Now()}
			for name, s := range found.Archives {
				o.Archives[name], o.Further[name] = s.URL, s.Further
			}
			for _, minor := range d.Pythons {
				o.Python = minor
				r, err := apt.Resolve(context.Background(), o)
				if err != nil {
					t.Fatal(err)
				}
				if has := likely[d.Name]; r.Glibc != has.glibc || r.PythonFull != has.pythons[minor] {
					t.Errorf("glibc %s and Python %s, and the table has %s and %s", r.Glibc, r.PythonFull, has.glibc, has.pythons[minor])
				}
			}
		})
	}
}
