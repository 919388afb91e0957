package smoke

import (
	"fmt"
	"slices"
	"strings"
)

// Change is one of the manifest's.
type Change struct {
	Kind    ChangeKind `json:"kind"`
	Package string     `json:"package"`           // of the distribution, or a project
	Bound   string     `json:"bound,omitempty"`   // of Bound and Require: "<=1.23.5"
	Version string     `json:"version,omitempty"` // that was chosen with it
}

// ChangeKind is where in the manifest a change is made.
type ChangeKind string

// The kinds of changes.
const (
	AddSystem  ChangeKind = "system"      // a package of the distribution is added
	AddPackage ChangeKind = "dependency"  // a requirement is added
	Constrain  ChangeKind = "constraints" // a version is bounded
)

// String is the change as a person would make it.
func (c Change) String() string {
	switch c.Kind {
	case AddSystem:
		return fmt.Sprintf("packages = [%q] below [system]", c.Package)
	case AddPackage:
		return fmt.Sprintf("%q in dependencies", c.Package+c.Bound)
	}
	return fmt.Sprintf("%s = %q below [constraints]", c.Package, c.Bound)
}

// merged leaves out bounds that later ones make superfluous.
func merged(changes []Change) []Change {
	var list []Change
	for i, c := range changes {
		later := slices.ContainsFunc(changes[i+1:], func(d Change) bool {
			return d.Kind == c.Kind && d.Package == c.Package && d.Bound != "" && c.Bound != "" && d.Bound[:1] == c.Bound[:1]
		})
		if !later {
			list = append(list, c)
		}
	}
	return list
}

// Written are changes as a person would make them.
func Written(changes []Change) string {
	var system, words []string
	for _, c := range merged(changes) {
		if c.Kind == AddSystem {
			system = append(system, fmt.Sprintf("%q", c.Package))
		} else {
			words = append(words, c.String())
		}
	}
	if len(system) > 0 {
		words = append([]string{fmt.Sprintf("packages = [%s] below [system]", strings.Join(system, ", "))}, words...)
	}
	return strings.Join(words, " and ")
}
