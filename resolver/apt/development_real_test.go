package apt_test

import (
	"context"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/resolver/apt"
)

// TestRealDevelopment finds the packages that builds of well-known projects need.
func TestRealDevelopment(t *testing.T) {
	testenv.Real(t, "mirrors of Debian and Ubuntu")
	for _, distro := range []string{"debian:12", "ubuntu:18.04"} {
		found, err := sources.Find(sources.ThisHost("linux"), sources.Options{Codename: codenameOf(distro)})
		if err != nil {
			t.Fatal(err)
		}
		archives, further := map[string]string{}, map[string][]string{}
		for name, s := range found.Archives {
			archives[name], further[name] = s.URL, s.Further
		}
		o := apt.Options{Distro: distro, Architecture: "amd64", Archives: archives, Further: further, Fetcher: testenv.Fetcher{}, Now: time.Now(), Memo: &memo{}}
		for want, d := range map[string]apt.Development{
			"libpng-dev": {Header: "png.h"}, "portaudio19-dev": {Header: "portaudio.h"}, "libeigen3-dev": {Header: "Eigen/Dense"},
			"libcairo2-dev": {Config: "cairo"}, "libffi-dev": {Header: "ffi.h"}, "zlib1g-dev": {Header: "zlib.h"},
		} {
			start := time.Now()
			got, err := apt.FindDevelopment(context.Background(), o, d)
			if err != nil || len(got) == 0 || got[0] != want {
				t.Errorf("%s: %s: %v, %v", distro, d, got, err)
			}
			t.Logf("%s: %s: %v, %v", distro, d, got, time.Since(start))
		}
	}
}
