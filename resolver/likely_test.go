package resolver

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
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
			o := apt.Options{Distro: d.Name, Architecture: "amd64", Archives: map[string]string{}, Further: map[string][]string{}, Fetcher: archiveFetcher{}, Now: time.Now()}
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

// archiveFetcher implements apt.Fetcher.
type archiveFetcher struct{}

func (archiveFetcher) Get(ctx context.Context, url string, limit int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, res.Status)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: more than %d bytes", url, limit)
	}
	return data, err
}
