package resolver

import (
	"slices"
	"strings"

	"github.com/envpack/envpack/resolver/apt"
	"github.com/envpack/envpack/resolver/interpreter"
	"github.com/envpack/envpack/resolver/pep440"
)

// Pythons lists the minor versions of Python, oldest first, that a lock for the platform ("linux/amd64") can
// have: those of the distributions and of the published archives. A base image or an archive that a manifest
// names may have others.
func Pythons(platform string) []string {
	list := interpreter.Minors(platform)
	for _, d := range apt.Distributions() {
		list = append(list, d.Pythons...)
	}
	slices.SortFunc(list, compareMinors)
	return slices.Compact(list)
}

func compareMinors(a, b string) int {
	v, _ := pep440.Parse(a)
	w, _ := pep440.Parse(b)
	return v.Compare(w)
}

// distributions names those that a manifest can ask for.
func distributions() string {
	var names []string
	for _, d := range apt.Distributions() {
		names = append(names, d.Name)
	}
	return strings.Join(names, ", ")
}
