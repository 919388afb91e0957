package apt

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/testenv"
)

func TestDevelopment(t *testing.T) {
	index := testenv.Gzip([]byte(`FILE LOCATION
usr/include/png.h                                   libdevel/libpng-dev
usr/include/libpng16/png.h                          libdevel/libpng-dev
usr/include/other/png.h                             universe/libdevel/aother-dev
usr/include/eigen3/Eigen/Dense                      universe/libdevel/libeigen3-dev
usr/include/x86_64-linux-gnu/cblas.h                libdevel/libopenblas-pthread-dev,libdevel/libblis-dev
usr/x86_64-w64-mingw32/include/png.h                universe/libdevel/mingw
usr/include/secret.h                                non-free/libdevel/secret-dev
usr/lib/x86_64-linux-gnu/pkgconfig/cairo.pc         libdevel/libcairo2-dev
usr/share/pkgconfig/xproto.pc                       x11/x11proto-dev
`))
	for _, test := range []struct {
		of   Development
		want []string
	}{
		{Development{Header: "png.h"}, []string{"libpng-dev", "aother-dev"}},
		{Development{Header: "Eigen/Dense"}, []string{"libeigen3-dev"}},
		{Development{Header: "cblas.h"}, []string{"libblis-dev", "libopenblas-pthread-dev"}},
		{Development{Header: "ng.h"}, nil},
		{Development{Header: "secret.h"}, nil},
		{Development{Config: "cairo"}, []string{"libcairo2-dev"}},
		{Development{Config: "xproto"}, []string{"x11proto-dev"}},
	} {
		found, err := scanDevelopment(context.Background(), index, "", test.of.places("x86_64-linux-gnu"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, rankDevelopers(found)); diff != "" {
			t.Errorf("%s: %s", test.of, diff)
		}
	}
}
