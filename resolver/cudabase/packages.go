package cudabase

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/envpack/envpack/resolver/cuda"
	"github.com/envpack/envpack/resolver/library"
)

// Brings tells whether a package of a distribution, by its name, has a library of CUDA: NVIDIA's own packages are called
// libcublas-12-9, libcudnn8 or libcudnn9-cuda-12 and libnccl2, those of Debian and Ubuntu libcublas12.
func Brings(deb, soname string) bool {
	g, number := facts().library(soname)
	if g == nil {
		return false
	}
	if strings.EqualFold(deb, strings.Replace(soname, ".so.", "", 1)) {
		return true
	}
	rest, ok := strings.CutPrefix(deb, g.Deb)
	switch {
	case !ok:
		return false
	case g.Part == cudnnPart:
		major, _, _ := strings.Cut(rest, "-cuda-")
		return major == number
	case rest == "":
		return true // libnccl2
	}
	v, err := cuda.ParseVersion(strings.ReplaceAll(strings.TrimPrefix(rest, "-"), "-", "."))
	return err == nil && rest[0] == '-' && slices.Contains(g.in(v), number)
}

// Deb is a package of NVIDIA's archive of packages.
type Deb struct {
	Name string
	For  []Ask // what it brings, at least one
	cuda int   // the major version that its own version must name, as in 2.21.5-1+cuda12.4; 0: its name does
}

// Fits tells whether a version of the package is for the right CUDA.
func (d Deb) Fits(version string) bool {
	_, label, ok := strings.Cut(version, "+cuda")
	return d.cuda == 0 || !ok || strings.HasPrefix(label, strconv.Itoa(d.cuda)+".")
}

// Debs are choices of packages that bring all that is asked for, of the newest release of CUDA at first. usable is as in
// [Choose].
func Debs(asks []Ask, usable func(cuda.Version) bool) [][]Deb {
	t := facts()
	var choices [][]Deb
	for _, r := range slices.Backward(t.releases) {
		if usable != nil && !usable(r.cuda) || !r.suits(asks) {
			continue
		}
		if choice, ok := t.debs(r.cuda, asks); ok {
			choices = append(choices, choice)
		}
	}
	return choices
}

func (t *table) debs(v cuda.Version, asks []Ask) ([]Deb, bool) {
	var list []Deb
	for _, a := range asks {
		g, number := t.library(a.Library)
		if g == nil || !slices.Contains(g.in(v), number) {
			return nil, false
		}
		d := Deb{Name: fmt.Sprintf("%s-%d-%d", g.Deb, v.Major, v.Minor)}
		switch {
		case g.Part == cudnnPart && number == "8":
			d = Deb{Name: g.Deb + number, cuda: v.Major}
		case g.Part == cudnnPart:
			d = Deb{Name: fmt.Sprintf("%s%s-cuda-%d", g.Deb, number, v.Major)}
		case g.Wheel == ncclWheel:
			d = Deb{Name: g.Deb, cuda: v.Major}
		}
		i := slices.IndexFunc(list, func(other Deb) bool { return other.Name == d.Name })
		if i < 0 {
			i, list = len(list), append(list, d)
		}
		list[i].For = append(list[i].For, a)
	}
	return list, true
}

// Wheel is a package of the Python index that brings what is asked for.
type Wheel struct {
	Stem        string // "nvidia-cudnn", without the suffix for a CUDA
	Requirement string // "nvidia-cudnn-cu11>=8,<9"
}

// Is tells whether a package is it, for any CUDA, or has it: cuda-toolkit requires what its extras name.
func (w Wheel) Is(name string) bool {
	rest, ok := strings.CutPrefix(name, w.Stem)
	return ok && (rest == "" || strings.HasPrefix(rest, "-cu"))
}

// Wheels are the packages that bring what is asked for, one for each part of CUDA, in the order of the asks; nil if the asks are
// of several versions of CUDA.
func Wheels(asks []Ask) []Wheel {
	t := facts()
	major := t.common(asks)
	var list []Wheel
	for _, a := range asks {
		g, number := t.library(a.Library)
		if g == nil || major < oldestWheels {
			return nil
		}
		w := Wheel{Stem: g.Wheel, Requirement: g.Wheel}
		if major < 13 || g.Part == cudnnPart || g.Wheel == ncclWheel {
			w.Requirement += fmt.Sprintf("-cu%d", major)
		}
		if n, err := strconv.Atoi(number); g.Part == cudnnPart && err == nil {
			w.Requirement += fmt.Sprintf(">=%d,<%d", n, n+1)
		}
		if !slices.Contains(list, w) {
			list = append(list, w)
		}
	}
	return list
}

// oldestWheels is the first major version of CUDA of which there are wheels on the index.
const oldestWheels = 11

// common is the newest major version of CUDA that has everything that is asked for; 0: none has.
func (t *table) common(asks []Ask) int {
	for _, r := range slices.Backward(t.releases) {
		if !slices.ContainsFunc(asks, func(a Ask) bool {
			g, number := t.library(a.Library)
			return g == nil || !slices.Contains(g.majors(number), r.cuda.Major)
		}) {
			return r.cuda.Major
		}
	}
	return 0
}

// Brought are the libraries of CUDA that wheels bring, sorted.
func Brought(in library.Input) []string {
	t := facts()
	var list []string
	for _, w := range in.Wheels {
		for i := range w.Objects {
			o := &w.Objects[i]
			for _, name := range []string{o.Soname, path.Base(o.Path)} {
				if g, _ := t.library(name); g != nil && in.Loads(o) && !slices.Contains(list, name) {
					list = append(list, name)
				}
			}
		}
	}
	slices.Sort(list)
	return list
}

// OtherMajor is what there is of a library under another number: libcudnn.so.8 for libcudnn.so.9; "" if there is none.
func OtherMajor(soname string, there map[string]bool) string {
	name, _, ok := strings.Cut(soname, ".so.")
	best := ""
	for other := range there {
		if rest, found := strings.CutPrefix(other, name+".so."); ok && found && other != soname && !strings.Contains(rest, ".") && other > best {
			best = other
		}
	}
	return best
}

// CuDNNs are the versions of cuDNN that are installed, by dpkg's database.
func CuDNNs(status []byte) []cuda.Version {
	var list []cuda.Version
	name := ""
	for line := range strings.Lines(string(status)) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "Package: "); ok {
			name = rest
		}
		if version, ok := strings.CutPrefix(line, "Version: "); ok {
			if v, ok := cuda.DebCuDNN(name, version); ok {
				list = append(list, v)
			}
		}
	}
	return list
}
