package importer

import (
	"slices"
	"strings"

	"github.com/envpack/envpack/resolver/pep440"
)

// Allows tells whether what a manifest says of Python, a version or specifiers, allows a minor version.
func Allows(python, minor string) bool {
	if !strings.ContainsAny(python, "<>=!~") {
		return python == minor || strings.HasPrefix(python, minor+".")
	}
	specs, err := pep440.ParseSpecifiers(python)
	return err == nil && mayBe(specs, minor)
}

// Older tells whether a minor version of Python came before another.
func Older(a, b string) bool {
	at := func(minor string) int {
		for i, r := range released {
			if r.minor == minor {
				return i
			}
		}
		return -1
	}
	return at(a) < at(b)
}

// Usual is the minor version that most used on a day, among some: the newest that had been out for a year, else the oldest. Without
// a day it is the newest; "" if there are none that are known.
func Usual(minors []string, asOf string) string {
	list := slices.DeleteFunc(slices.Clone(minors), func(m string) bool {
		return !slices.ContainsFunc(released, func(r struct{ minor, day string }) bool { return r.minor == m })
	})
	if len(list) == 0 {
		return ""
	}
	slices.SortFunc(list, func(a, b string) int {
		switch {
		case Older(a, b):
			return -1
		case a == b:
			return 0
		}
		return 1
	})
	if !dayForm().MatchString(asOf) {
		return list[len(list)-1]
	}
	best := list[0]
	for _, m := range list {
		if before(m, asOf[:10]) {
			best = m
		}
	}
	return best
}

// before tells whether a minor version had been out for a year on a day.
func before(minor, day string) bool {
	for _, r := range released {
		if r.minor == minor {
			return len(day) == 10 && r.day <= yearBefore(day)
		}
	}
	return false
}
