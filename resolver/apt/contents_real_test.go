package apt_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/resolver/apt"
)

// TestRealContents finds in every distribution the packages of libraries that wheels are known to need.
func TestRealContents(t *testing.T) {
	testenv.Real(t, "mirrors of Debian and Ubuntu")
	chosen := testenv.Chosen("debian:12", "ubuntu:22.04")
	for _, d := range apt.Distributions() {
		if !chosen(d.Name) {
			continue
		}
		t.Run(d.Name, func(t *testing.T) {
			found, err := sources.Find(sources.ThisHost("linux"), sources.Options{Codename: codenameOf(d.Name)})
			if err != nil {
				t.Fatal(err)
			}
			archives, further := map[string]string{}, map[string][]string{}
			for name, s := range found.Archives {
				archives[name], further[name] = s.URL, s.Further
			}
			o := apt.Options{Distro: d.Name, Architecture: "amd64", Archives: archives, Further: further, Fetcher: testenv.Fetcher{},
				Now: time.Now(), AcceptExpired: d.Testing, Memo: &memo{}}
			start := time.Now()
			c, err := apt.ReadContents(context.Background(), o)
			if diag.CodeOf(err) == diag.Mismatch {
				t.Logf("the mirror is not in step with itself: %v", err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			first := time.Since(start)
			start = time.Now()
			again, err := apt.ReadContents(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%v, with a memo %v", first, time.Since(start))
			if diff := cmp.Diff(c.Library("libGL.so.1"), again.Library("libGL.so.1")); diff != "" {
				t.Errorf("the memo changes the result: %s", diff)
			}
			for soname, names := range map[string][]string{
				"libGL.so.1": {"libgl1", "libgl1-mesa-glx"}, "libglib-2.0.so.0": {"libglib2.0-0", "libglib2.0-0t64"}, "libxcb.so.1": {"libxcb1"},
				"libsndfile.so.1": {"libsndfile1"}, "libgomp.so.1": {"libgomp1"}, "libblas.so.3": {"libblas3"}, "libmagic.so.1": {"libmagic1", "libmagic1t64"},
				"libzbar.so.0": {"libzbar0", "libzbar0t64"}, "libpq.so.5": {"libpq5"}, "libcairo.so.2": {"libcairo2"}, "libEGL.so.1": {"libegl1", "libegl1-mesa"},
				"libportaudio.so.2": {"libportaudio2"},
			} {
				best := apt.RankLibrary(soname, c.Library(soname), nil)
				if len(best) == 0 {
					t.Errorf("%s: no package has it", soname)
					continue
				}
				ok := false
				for _, n := range names {
					ok = ok || best[0].Package == n
				}
				if !ok {
					t.Errorf("%s: %+v", soname, best)
				}
			}
			if best := apt.RankCommand("ffmpeg", c.Command("ffmpeg"), nil); len(best) == 0 || best[0].Package != "ffmpeg" {
				t.Errorf("ffmpeg: %+v", best)
			}
			if brought := c.Brought([]string{"libc6"}); !brought["libc.so.6"] || !brought["ld-linux-x86-64.so.2"] || !brought["libm.so.6"] {
				t.Errorf("libc6 brings %v", brought)
			}
		})
	}
}
