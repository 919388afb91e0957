package lockfile

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Kernels is what a library in a wheel has of code for GPUs. It is no part of what an image is made of: it says of the
// wheel what the wheel itself says.
type Kernels struct {
	Library string `toml:"library"` // path in the wheel
	// Code are groups of containers, each "COUNT CODE=SIZE CODE=SIZE": how many of the library's containers have just these
	// codes ("sm_90a", "compute_120@8.7", "lto_90"), and the bytes of each in all of them; behind "prelinked" those that do not run, behind
	// "embedded" those among the library's other data.
	Code  []string `toml:"code"`
	Fault string   `toml:"fault"` // why Code is not known, for people
}

// Measured tells whether the lock says of any wheel which code for GPUs it has. One that was made without reading the
// wheels, or before there were such facts, does not; nor does one whose wheels have none.
func (l *Lock) Measured() bool {
	return slices.ContainsFunc(l.Packages, func(p Package) bool {
		return slices.ContainsFunc(p.Files, func(f File) bool { return len(f.Kernels) > 0 })
	})
}

func (c *codec) kernels(list *[]Kernels) {
	tables(c, "[[package.file.kernels]]", list, func(k *Kernels) {
		c.text("library", &k.Library)
		c.list("code", &k.Code)
		c.text("fault", &k.Fault)
	})
}

func normalizeKernels(list []Kernels) []Kernels {
	for i := range list {
		list[i].Code = orNil(list[i].Code)
	}
	return sorted(list, func(a, b Kernels) int {
		return cmp.Or(strings.Compare(a.Library, b.Library), slices.Compare(a.Code, b.Code), strings.Compare(a.Fault, b.Fault))
	})
}

var kernelCode = regexp.MustCompile(`^(prelinked |embedded )?[1-9][0-9]*( [a-z]+[0-9]*_[0-9]+[af]?(@[0-9]+\.[0-9]+)?=[0-9]+)+$`)

func (v *validator) kernels(at string, list []Kernels) {
	for i, k := range list {
		at := fmt.Sprintf("%skernels[%d].", at, i)
		if k.Library == "" || path.IsAbs(k.Library) || path.Clean(k.Library) != k.Library || strings.HasPrefix(k.Library, "../") {
			v.fail(at+"library", "%q is not a path in a wheel", k.Library)
		}
		if i > 0 && slices.ContainsFunc(list[:i], func(o Kernels) bool { return o.Library == k.Library }) {
			v.fail(at+"library", "%s stands twice", k.Library)
		}
		if (len(k.Code) == 0) == (k.Fault == "") {
			v.fail(at+"code", "is missing, or stands beside a fault")
		}
		for j, c := range k.Code {
			v.form(fmt.Sprintf("%scode[%d]", at, j), c, kernelCode, "a group of code such as 8 sm_90=1024")
		}
	}
}
