package inspect

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/testenv"
)

func TestLibraries(t *testing.T) {
	library := func(codes string) string {
		return string(testenv.ELF{Needed: []string{"libc.so.6"}, Sections: testenv.FatBinarySections(".nv_fatbin", testenv.FatBinaries(codes)...)}.Bytes())
	}
	plain := string(testenv.ELF{Needed: []string{"libc.so.6"}}.Bytes())
	long := library("sm_80") + strings.Repeat("x", 100_000)
	img := newImage(t, nil,
		newLayer(t, "base", file{name: "usr/lib/libc.so.6", content: plain}, file{name: "etc/short", content: "x"}),
		newLayer(t, "wheels", file{name: "./opt/long.so", content: long}, file{name: "opt/liba.so", content: library("sm_75;sm_90a")},
			file{name: "opt/broken.so", content: library("sm_75")[:200]}, file{name: "opt/empty.so", content: strings.Repeat("\x00", 100)}),
		newLayer(t, "project", file{name: "app/libb.so", content: library("compute_90@8.0")}),
	)
	layers, err := Libraries(t.Context(), img, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range layers {
		for _, o := range l.Objects {
			code := strings.Join(o.Needed, " ")
			if o.CUDA != nil {
				code = strings.Join(o.CUDA.Lines(), "; ")
			}
			got = append(got, l.Contents+" "+o.Path+": "+code)
		}
	}
	want := []string{
		"base usr/lib/libc.so.6: libc.so.6", "wheels opt/long.so: 1 sm_80=264", "wheels opt/liba.so: 1 sm_75=264; 1 sm_90a=264", "project app/libb.so: 1 compute_90@8.0=264",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
