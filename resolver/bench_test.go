package resolver

import (
	"fmt"
	"testing"
)

// large is an index of 150 projects as a big application has them: dozens of versions each, with
// wheels for many interpreters and platforms, and a few conflicts that cost some going back.
func large() *world {
	w := newWorld()
	var compiled []string
	for _, python := range []string{"cp310", "cp311", "cp312", "cp313"} {
		for _, platform := range []string{"manylinux_2_17_x86_64.manylinux2014_x86_64", "manylinux_2_28_aarch64", "musllinux_1_2_x86_64", "macosx_11_0_arm64", "win_amd64"} {
			compiled = append(compiled, python+"-"+python+"-"+platform)
		}
	}
	for i := range 150 {
		for v := range 40 {
			r := rel{python: ">=3.9", sdist: true}
			if i%4 == 0 {
				r.tags = compiled
			}
			for _, k := range []int{2*i + 1, 2*i + 2, i + 7} {
				if k < 150 {
					r.requires = append(r.requires, fmt.Sprintf("p%03d>=%d.0,<%d", k, v/2, v+2))
				}
			}
			r.requires = append(r.requires, "absent; sys_platform == 'win32'", "absent>=2; extra == 'test'")
			if i%10 == 3 && v > 35 {
				r.requires = append(r.requires, "p149<36")
			}
			w.add(fmt.Sprintf("p%03d", i), fmt.Sprintf("%d.0", v), r)
		}
	}
	return w
}

func BenchmarkResolveWarm(b *testing.B) {
	w, m := large(), project("p000", "p001[test]; sys_platform == 'win32'")
	b.ReportAllocs()
	for b.Loop() {
		l, err := lockWith(w, m, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if len(l.Packages) != 150 {
			b.Fatalf("%d packages", len(l.Packages))
		}
	}
}
