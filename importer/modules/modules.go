// Package modules knows which modules Python itself has, version by version, and which packages have modules whose names are not
// the packages' own.
//
// It knows no index. What it says of packages are facts of others to start from: that a wheel has a module is for who can look
// into the wheel.
package modules

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"

	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

//go:embed stdlib.txt
var stdlibText string

//go:embed facts.toml
var factsText string

// Standard tells whether a version of Python ("3.8") has the module of the given name, with dots or without, in its standard
// library.
func Standard(module, python string) bool {
	return slices.ContainsFunc(stdlib()[top(module)], func(s span) bool { return s.has(python) })
}

// EverStandard tells which versions of Python have a module, as "2.7", "3.7 and later", "2.7 to 3.11"; "" if none has.
func EverStandard(module string) string {
	var list []string
	for _, s := range stdlib()[top(module)] {
		switch {
		case s.last == "":
			list = append(list, s.first+" and later")
		case s.first == s.last:
			list = append(list, s.first)
		default:
			list = append(list, s.first+" to "+s.last)
		}
	}
	return strings.Join(list, " and ")
}

// Packages are the packages that are known to have a module, by normalised names, of which the first is the one to offer. Of a
// module with dots the longest part that is known counts: of google.protobuf.message that is google.protobuf.
func Packages(module string) []string {
	for name := module; name != ""; {
		if list := facts().packages[name]; list != nil {
			return list
		}
		i := strings.LastIndexByte(name, '.')
		if i < 0 {
			break
		}
		name = name[:i]
	}
	return nil
}

// Elsewhere says where a module is to be had that the index does not have, whatever a project of its name there is; "" if nothing
// is known of that.
func Elsewhere(module string) string { return facts().elsewhere[top(module)] }

// Generic tells whether a name is one that many projects give to a part of themselves: utils, models, config.
func Generic(module string) bool { return facts().generic[strings.ToLower(top(module))] }

func top(module string) string {
	name, _, _ := strings.Cut(module, ".")
	return name
}

// span is a run of versions of Python; last is "" where it goes on.
type span struct{ first, last string }

func (s span) has(python string) bool {
	v, err := pep440.Parse(python)
	if err != nil {
		return false
	}
	v, _ = pep440.Parse(minor(v))
	first, _ := pep440.Parse(s.first)
	if v.Compare(first) < 0 && !(s.first == "3.4" && strings.HasPrefix(python, "3")) {
		return false
	}
	last, err := pep440.Parse(s.last)
	return s.last == "" || err == nil && v.Compare(last) <= 0
}

// minor is major.minor of a version.
func minor(v pep440.Version) string {
	parts := strings.Split(v.String(), ".")
	if len(parts) < 2 {
		return v.String()
	}
	return parts[0] + "." + parts[1]
}

var stdlib = sync.OnceValue(func() map[string][]span {
	all := map[string][]span{}
	for line := range strings.Lines(stdlibText) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] == "#" {
			continue
		}
		for _, w := range words[1:] {
			first, last, run := strings.Cut(w, "-")
			if !run {
				last = first
			}
			all[words[0]] = append(all[words[0]], span{first, last})
		}
	}
	return all
})

type table struct {
	packages  map[string][]string
	elsewhere map[string]string
	generic   map[string]bool
}

var facts = sync.OnceValue(func() table {
	var raw struct {
		Generic []string
		Mapping []struct {
			Source  string
			Modules map[string][]string
		}
		Elsewhere []struct{ Module, From, Source string }
	}
	if _, err := toml.Decode(factsText, &raw); err != nil {
		panic("importer/modules/facts.toml: " + err.Error())
	}
	t := table{map[string][]string{}, map[string]string{}, map[string]bool{}}
	for _, m := range raw.Mapping {
		for module, packages := range m.Modules {
			t.packages[module] = packages
		}
	}
	for _, e := range raw.Elsewhere {
		t.elsewhere[e.Module] = e.From
	}
	for _, g := range raw.Generic {
		t.generic[g] = true
	}
	return t
})

// SameName is the project that would have a module of its own name, normalised.
func SameName(module string) string { return pep508.NormalizeName(top(module)) }
