package resolver

import (
	"cmp"
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

// ThreadedPythons lists those of which a lock for the platform can have the free-threaded build, oldest first: "3.13t".
func ThreadedPythons(platform string) []string { return interpreter.ThreadedMinors(platform) }

// otherPythons are the Pythons that a lock could have in place of the target's, oldest first: of a free-threaded target the
// usual builds and the free-threaded ones, of a usual one the usual ones.
func otherPythons(t *target) []string {
	list := Pythons(t.Platform)
	if t.FreeThreaded() {
		list = append(list, ThreadedPythons(t.Platform)...)
	}
	list = slices.DeleteFunc(list, func(m string) bool { return m == t.Minor() })
	slices.SortFunc(list, compareMinors)
	return list
}

// compareMinors orders minor versions, a free-threaded build ("3.14t") behind the usual one.
func compareMinors(a, b string) int {
	v, _ := pep440.Parse(strings.TrimSuffix(a, "t"))
	w, _ := pep440.Parse(strings.TrimSuffix(b, "t"))
	return cmp.Or(v.Compare(w), strings.Compare(a, b))
}

// distributions names those that a manifest can ask for.
func distributions() string {
	var names []string
	for _, d := range apt.Distributions() {
		names = append(names, d.Name)
	}
	return strings.Join(names, ", ")
}
