package cudabase

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/resolver/cuda"
	"github.com/envpack/envpack/resolver/library"
)

// Ask is a library of CUDA that a wheel asks for and no wheel brings.
type Ask struct {
	Library string // "libcudnn.so.8"
	Wheel   string // the first that asks for it, normalised
	Version string // of the wheel
	By      string // path in the wheel of the first file that links with it; "" if Opened
	// Opened tells that nothing links with it: the framework opens it by its name, and runs without GPUs if it is not there.
	Opened bool
	// Led tells that the file looks below site-packages' folder nvidia, where NVIDIA's wheels have their libraries.
	Led bool
	// Built is the CUDA that the framework was built with, and CuDNN its cuDNN, where that is known.
	Built, CuDNN cuda.Version
}

// Asked finds what wheels ask for and do not bring. What any wheel has counts as brought. usable tells of which major versions
// of CUDA the image may be; nil: of any.
//
// A wheel may have libraries for several versions of CUDA, of which it loads what fits. Where those of one version have all
// that they ask for, the others are passed over; where none do, those of the newest usable version count.
//
// Errors: a version of a wheel that is none.
func Asked(in library.Input, usable func(major int) bool) ([]Ask, error) {
	uses, err := Uses(in, usable)
	var asks []Ask
	for _, u := range uses {
		if u.From == "" && !slices.ContainsFunc(asks, func(a Ask) bool { return a.Library == u.Library }) {
			asks = append(asks, u.Ask)
		}
	}
	return asks, err
}

// Use is a library of CUDA that a wheel asks for, and who has it.
type Use struct {
	Ask
	From string // the wheel that brings it, normalised; "" none does
	// Lost: nothing that is known leads the dynamic linker to where the wheel has it.
	Lost bool
}

// Uses finds all libraries of CUDA that wheels ask for, each once a wheel: for the first file that the linker does not get to it from, if
// there is one. usable is as in [Asked], and so are errors.
func Uses(in library.Input, usable func(major int) bool) ([]Use, error) {
	t := facts()
	in.Wheels = slices.SortedFunc(slices.Values(in.Wheels), func(a, b library.Wheel) int { return cmp.Compare(a.Name, b.Name) })
	links := library.NewLinks(in)
	brought := t.brought(in)
	var uses []Use
	for i, w := range in.Wheels {
		ask := Ask{Wheel: w.Name, Version: w.Version}
		ask.Built, ask.CuDNN, _ = cuda.Built(w.Name, w.Version)
		spared, err := t.spared(w, in.Architecture)
		if err != nil {
			return nil, err
		}
		add := func(from int, reach library.Reach) {
			u := Use{Ask: ask}
			if from >= 0 {
				u.From = in.Wheels[from].Name
				u.Lost = reach == library.Unled || reach == library.Required && from != i && cuda.First(w.Name) != ""
			} else if u.From = brought[ask.Library]; u.From != "" {
				u.Lost = true
			}
			u.Lost = u.Lost && !cuda.IsNVIDIA(w.Name) // what loads these has loaded what they need
			k := slices.IndexFunc(uses, func(o Use) bool { return o.Wheel == u.Wheel && o.Library == u.Library })
			switch {
			case k < 0:
				uses = append(uses, u)
			case u.Lost && !uses[k].Lost:
				uses[k] = u
			}
		}
		for _, u := range t.linked(in, w, brought, usable) {
			for _, soname := range u.asks {
				if g, _ := t.library(soname); !spared[g] {
					ask.Library, ask.By, ask.Led = soname, u.object.Path, links.Searches(u.object, "nvidia")
					add(links.Find(u.object, soname))
				}
			}
		}
		opened, err := t.opened(w, in.Architecture, ask.Built, ask.CuDNN)
		if err != nil {
			return nil, err
		}
		ask.By, ask.Opened, ask.Led = "", true, false
		for k := range w.Objects {
			ask.Led = ask.Led || links.Searches(&w.Objects[k], "nvidia")
		}
		for _, ask.Library = range opened {
			add(links.FindOpened(i, ask.Library))
		}
	}
	return uses, nil
}

// brought are the file names of the wheels' libraries that the target can load, with the wheel that has each.
func (t *table) brought(in library.Input) map[string]string {
	all := map[string]string{}
	for _, w := range in.Wheels {
		for i := range w.Objects {
			if o := &w.Objects[i]; in.Loads(o) {
				for _, name := range []string{path.Base(o.Path), o.Soname} {
					if all[name] == "" {
						all[name] = w.Name
					}
				}
			}
		}
	}
	return all
}

// user is a file that links with libraries of CUDA.
type user struct {
	object *elffile.Object
	major  int      // of the CUDA that it is for; 0 if its libraries do not tell
	asks   []string // libraries of CUDA that it asks for
	whole  bool     // wheels bring all of them
}

// linked are the files of a wheel that count, by path.
func (t *table) linked(in library.Input, w library.Wheel, brought map[string]string, usable func(int) bool) []user {
	var all []user
	whole := map[int]bool{} // by major version: whether all of its files have what they ask for
	for i := range w.Objects {
		o := &w.Objects[i]
		if !in.Loads(o) {
			continue
		}
		u := user{object: o, major: t.major(o), whole: true}
		for _, soname := range o.Needed {
			if g, _ := t.library(soname); g != nil {
				u.asks = append(u.asks, soname)
				u.whole = u.whole && brought[soname] != ""
			}
		}
		if u.major > 0 {
			old, met := whole[u.major]
			whole[u.major] = (old || !met) && u.whole
		}
		all = append(all, u)
	}
	if len(whole) > 1 {
		taken := 0
		for _, major := range slices.Sorted(maps.Keys(whole)) {
			if usable == nil || usable(major) {
				taken = major
			}
		}
		for _, major := range slices.Sorted(maps.Keys(whole)) {
			if whole[major] {
				taken = major
			}
		}
		all = slices.DeleteFunc(all, func(u user) bool { return u.major > 0 && u.major != taken })
	}
	slices.SortFunc(all, func(a, b user) int { return cmp.Compare(a.object.Path, b.object.Path) })
	return all
}

// major is the CUDA that a file is for, by what it links with.
func (t *table) major(o *elffile.Object) int {
	for _, soname := range o.Needed {
		if g, number := t.library(soname); g != nil {
			if majors := g.majors(number); len(majors) == 1 {
				return majors[0]
			}
		}
	}
	return 0
}

// opened are the file names of the libraries that a wheel opens.
func (t *table) opened(w library.Wheel, architecture string, built, cudnn cuda.Version) ([]string, error) {
	habits, err := of(t.opens, w.Name, w.Version, architecture)
	var files []string
	for _, h := range habits {
		files = append(files, h.Files...)
		for _, name := range h.Libraries {
			if soname := t.soname(name, built, cudnn); soname != "" {
				files = append(files, soname)
			}
		}
	}
	return files, err
}

// spared are the groups that a wheel does without.
func (t *table) spared(w library.Wheel, architecture string) (map[*group]bool, error) {
	habits, err := of(t.spares, w.Name, w.Version, architecture)
	groups := map[*group]bool{}
	for _, h := range habits {
		for _, name := range h.Libraries {
			groups[t.byName[name]] = true
		}
	}
	return groups, err
}

// String is a reason for people.
func (a Ask) String() string {
	if a.Opened {
		return fmt.Sprintf("%s %s opens %s", a.Wheel, a.Version, a.Library)
	}
	return fmt.Sprintf("%s: %s needs %s", a.Wheel, a.By, a.Library)
}
