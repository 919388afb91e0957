package elffile

import (
	"slices"
	"strconv"
	"strings"
)

// NewerLibc tells whether a version of a C library, as in "2.36" or "2.3.4", is above another. What is no version, as "" where
// none is known, is above none, and below every one.
func NewerLibc(a, b string) bool { return slices.Compare(numbers(a), numbers(b)) > 0 }

// numbers are those of a version; nil if it is none.
func numbers(version string) []int {
	var list []int
	for part := range strings.SplitSeq(version, ".") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return nil
		}
		list = append(list, n)
	}
	for len(list) > 0 && list[len(list)-1] == 0 {
		list = list[:len(list)-1] // 2.36.0 is 2.36
	}
	return list
}

// Glibc is the newest version of glibc that the file names as needed, as in "2.28"; "" if it names none.
func (o *Object) Glibc() string {
	newest := ""
	for _, v := range o.Versions {
		for _, name := range v.Names {
			if version, ok := strings.CutPrefix(name, "GLIBC_"); ok && NewerLibc(version, newest) {
				newest = version
			}
		}
	}
	return newest
}
