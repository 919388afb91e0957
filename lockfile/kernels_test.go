package lockfile

import (
	"errors"
	"strings"
	"testing"
)

func TestKernels(t *testing.T) {
	if l := sample(); !l.Measured() {
		t.Error("the sample is not measured")
	}
	for want, spoil := range map[string]func(k []Kernels){
		"library: \"../x.so\" is not a path":                      func(k []Kernels) { k[0].Library = "../x.so" },
		"library: \"/x.so\" is not a path":                        func(k []Kernels) { k[0].Library = "/x.so" },
		"library: torch/lib/libtorch_cuda.so stands twice":        func(k []Kernels) { k[1].Library = k[0].Library },
		"code: is missing, or stands beside a fault":              func(k []Kernels) { k[0].Code = nil },
		"kernels[1].code: is missing, or stands beside a fault":   func(k []Kernels) { k[1].Code = []string{"1 sm_90=1"} },
		"code[0]: \"sm_90=1\" is not a group":                     func(k []Kernels) { k[0].Code = []string{"sm_90=1"} },
		"code[0]: \"1 sm_90x=1\" is not a group":                  func(k []Kernels) { k[0].Code = []string{"1 sm_90x=1"} },
		"code[1]: \"0 sm_90=1\" is not a group":                   func(k []Kernels) { k[0].Code = []string{"1 sm_80=1", "0 sm_90=1"} },
		"code[0]: \"1\" is not a group of code such as 8 sm_90=1": func(k []Kernels) { k[0].Code = []string{"1"} },
	} {
		l := sample()
		spoil(l.Packages[0].Files[0].Kernels)
		invalid := (*InvalidError)(nil)
		if err := l.Validate(); !errors.As(err, &invalid) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "package[0].file[0].kernels[") {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
