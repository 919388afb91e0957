package resolver

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/cuda"
)

// TestTableIsNotTheLastWord holds that the table of frameworks, which is of wheels for linux/amd64, does not say no by itself: what it
// leaves out is read where it leaves nothing, and on other platforms nothing is left out.
func TestTableIsNotTheLastWord(t *testing.T) {
	for _, c := range []struct {
		name, platform, code string
		noScan               bool
		want                 string // the version, or what the error says
		read                 int
	}{
		{"for a board", "linux/arm64", "9 sm_80=100 sm_90=100 sm_110=100", false, "2.15.0", 1},
		{"for a board, unread", "linux/arm64", "", true, "2.15.0", 0},
		{"the table is wrong", amd64, "9 sm_80=100 sm_110=100", false, "2.15.0", 1},
		{"the table is right", amd64, "9 sm_80=100 sm_120=100", false, "torch 2.15.0 has no code for Jetson AGX Thor (sm_110): it has code for sm_75, sm_80, sm_86, sm_90, sm_100, sm_120 and no PTX, by envpack's table", 1},
		{"the table, unread", amd64, "", true, "by envpack's table", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := frameworks()
			for _, v := range []string{"2.15.0", "2.14.0"} {
				w.add("torch", v, rel{requires: []string{"cuda-toolkit[cudart,cublas]==13.2.2"}, tags: []string{"cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_28_aarch64"}})
			}
			m := project("torch")
			m.Platforms = []string{c.platform}
			wanting(t, m, "", "")
			d, err := cuda.ParseDevice("Jetson AGX Thor")
			if err != nil {
				t.Fatal(err)
			}
			m.GPU.Devices = []cuda.Device{d}
			scan := &readings{wheelCode: wheelCode{}}
			for _, v := range []string{"2.15.0", "2.14.0"} {
				scan.wheelCode["torch "+v] = struct {
					code   string
					needed []string
				}{code: c.code}
			}
			o := Options{Now: published.AddDate(1, 0, 0), NoScan: c.noScan}
			l, err := Resolve(context.Background(), m, Sources{Packages: w, Base: fakeBase{"3.11.2"}, Scan: scan}, o)
			if n := len(slices.DeleteFunc(scan.read, func(key string) bool { return !strings.HasPrefix(key, "torch ") })); n != c.read {
				t.Errorf("%d wheels were read", n)
			}
			if err != nil {
				if diag.CodeOf(err) != diag.NoAnswer || !strings.Contains(err.Error(), c.want) {
					t.Error(err)
				}
				return
			}
			if got := chosen(l, c.platform); !strings.Contains(got+",", "torch "+c.want+",") {
				t.Errorf("chosen: %s", got)
			}
		})
	}
}
