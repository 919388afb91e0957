package cuda

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envpack/envpack/lockfile"
)

// Item is a package of an environment.
type Item struct {
	Package
	File      string   // of its wheel
	Libraries []Binary // with code for GPUs, if the wheel was read
	Glibc     string   // that what is loaded of its libraries needs: "2.28"; "" where that is not known, or it needs none
	Linked    bool     // what its libraries need is known
	Faults    []string // libraries whose code could not be read, with the reason
	Measured  bool     // it was

	brought Brought
}

func (i Item) String() string { return i.Name + " " + i.Version }

// Environment is what is judged: a platform of a lock.
type Environment struct {
	Platform string
	Glibc    string // "2.36"; "" where it is not known
	Base     string // "debian:12", or the image that it stands on
	// BaseCUDA is what says that the base has libraries of CUDA itself: a package of it, or what was found in it; "" if nothing does.
	BaseCUDA string
	// BaseDoubt is why nobody knows whether the base has them: it is an image that was not looked at; "" if it is known.
	BaseDoubt string
	// BaseAsked: wheels were read and ask for libraries that none brings, and the base has them.
	BaseAsked bool
	// Supply is who has what wheels ask for; nil: not all of them were read.
	Supply *Supply
	// Locked: a lock tells what was found when its wheels were read. Lacking are libraries that nobody brings, and Stray those that lie where
	// nothing leads, for people.
	Locked         bool
	Lacking, Stray []string
	CuDNN          []CuDNN  // of the base
	Cautions       []string // what of the base may come in the way, sentences without a full stop
	Items          []Item   // by name
}

// Reading is what was read of a wheel.
type Reading struct {
	Code   []Binary // libraries with code for GPUs
	Faults []string // libraries whose code for GPUs could not be read, with the reason
	Needed []string // file names of libraries that its own need
}

// Measure gives what was read of a wheel; not ok if it was not.
type Measure func(f lockfile.File) (r Reading, ok bool)

// Of is the environment of a platform of a lock.
func Of(l *lockfile.Lock, platform string, measure Measure) Environment {
	e := Environment{Platform: platform, Base: l.Base.Distro, BaseAsked: l.GPU.On(platform).Base != ""}
	for _, t := range l.Targets {
		if t.Platform == platform {
			e.Glibc = t.Glibc
		}
	}
	if l.Base.Reference != "" {
		e.Base, e.BaseDoubt = l.Base.Reference, "it was not looked at" // what its name says is no evidence
	}
	if l.GPU.On(platform).Base != "" {
		e.BaseCUDA, e.BaseDoubt = "its libraries", ""
	}
	if on := l.GPU.On(platform); on.Reason != "" && !l.Project.Unscanned {
		e.Locked, e.Lacking, e.Stray, e.Cautions = true, on.Unmet, on.Unreached, on.Cautions
	}
	for _, d := range l.Base.Debs {
		if !slices.Contains(d.Targets, platform) {
			continue
		}
		if v, ok := DebCuDNN(d.Name, d.Version); ok {
			e.CuDNN = append(e.CuDNN, CuDNN{v, fmt.Sprintf("%s %s of the base", d.Name, d.Version)})
		}
		if e.BaseCUDA == "" && isToolkitDeb(d.Name) {
			e.BaseCUDA, e.BaseDoubt = "its package "+d.Name, ""
		}
	}
	for _, p := range l.Packages {
		for _, f := range p.Files {
			if !slices.Contains(f.Targets, platform) || !f.IsWheel() {
				continue
			}
			i := Item{Package: Package{Name: p.Name, Version: p.Version, Platform: platform}, File: f.Name}
			for _, edge := range p.Requires {
				if len(edge.Targets) == 0 || slices.Contains(edge.Targets, platform) {
					i.Requires = append(i.Requires, edge.Name)
				}
			}
			if measure != nil {
				r, ok := measure(f)
				i.Libraries, i.Faults, i.Needed, i.Measured = r.Code, r.Faults, r.Needed, ok
			}
			i.brought = Brings(i.Package)
			if i.brought.Listed && len(i.Libraries)+len(i.Faults) == 0 && Elsewhere(i.Package) {
				i.brought = Brought{Role: Processor, Reason: "its wheels for " + platform + " have none"}
			}
			e.Items = append(e.Items, i)
		}
	}
	slices.SortStableFunc(e.Items, func(a, b Item) int { return cmp.Compare(a.Name, b.Name) })
	return e
}

// SeeBase takes the names of the libraries that are in the base, where nothing else says whether these are CUDA's: with the
// runtime and cuBLAS of the environment's CUDA it brings CUDA, and with neither it does not.
func (e *Environment) SeeBase(names []string) {
	v, _ := e.Toolkit()
	if e.BaseDoubt == "" || v.IsZero() {
		return
	}
	var has, lacks []string
	for _, name := range []string{"libcudart", "libcublas"} {
		soname := fmt.Sprintf("%s.so.%d", name, v.Major) // of CUDA 11 libcudart.so.11.0
		if slices.ContainsFunc(names, func(n string) bool { return n == soname || strings.HasPrefix(n, soname+".") }) {
			has = append(has, soname)
		} else {
			lacks = append(lacks, soname)
		}
	}
	switch {
	case len(lacks) == 0:
		e.BaseCUDA, e.BaseDoubt = "its libraries "+strings.Join(has, ", "), ""
	case len(has) == 0:
		e.BaseDoubt = ""
	default:
		e.BaseDoubt = fmt.Sprintf("it has %s and no %s", has[0], lacks[0])
	}
}

// isToolkitDeb tells whether a package of a distribution has libraries of CUDA: NVIDIA's packages (libcublas-12-6, cuda-cudart-12-6)
// and Debian's (libcudart12).
func isToolkitDeb(name string) bool {
	return slices.ContainsFunc([]string{"cuda-", "libcudart", "libcublas", "libcudnn", "libcufft", "libnccl"}, func(prefix string) bool {
		return strings.HasPrefix(name, prefix)
	})
}

// Toolkit is the CUDA of an environment: that of the runtime where a package brings it, else the newest that a package is
// for; zero if there is none. by is the package that says so.
func (e Environment) Toolkit() (v Version, by Item) {
	runtime := false
	for _, i := range e.Items {
		b := i.brought
		if b.Role != Framework && b.Role != Library || b.Version.IsZero() || runtime && !b.Runtime || strings.HasPrefix(i.Name, "cuda-") && !b.Runtime {
			continue
		}
		// nvidia-cuda-runtime rather than the package that names it, and either rather than all others.
		if b.Runtime && !runtime || b.Version.Compare(v) > 0 || i.Name == "nvidia-cuda-runtime" {
			v, by, runtime = b.Version, i, b.Runtime
		}
	}
	return v, by
}

// Frameworks are the packages whose code is judged: those that have code for GPUs of their own, or are for a CUDA.
func (e Environment) Frameworks() []Item {
	var list []Item
	for _, i := range e.Items {
		if !IsNVIDIA(i.Name) && (i.brought.Role == Framework || len(Main(i.Libraries))+len(i.Faults) > 0) {
			list = append(list, i)
		}
	}
	return list
}

// majors are the packages by the major version of CUDA that they are for, frameworks before libraries.
func (e Environment) majors() map[int][]Item {
	all := map[int][]Item{}
	for _, role := range []Role{Framework, Library} {
		for _, i := range e.Items {
			if b := i.brought; b.Role == role && !b.Version.IsZero() {
				all[b.Version.Major] = append(all[b.Version.Major], i)
			}
		}
	}
	return all
}

// Mixture says that packages for several major versions of CUDA are brought together, and names both sides; "" if they are not. Of
// what only the table of frameworks says is for a version nothing is brought by that: it computes on the processor.
func (e Environment) Mixture() string {
	majors := e.majors()
	maps.DeleteFunc(majors, func(_ int, items []Item) bool {
		return !slices.ContainsFunc(items, func(i Item) bool { return !i.brought.Listed || slices.ContainsFunc(i.Requires, IsLibrary) })
	})
	if len(majors) < 2 {
		return ""
	}
	return mixture(majors)
}

// libraries are NVIDIA's packages in the environment.
func (e Environment) libraries() []Item {
	var list []Item
	for _, i := range e.Items {
		if i.brought.Role == Library && i.Name != "cuda-toolkit" && i.Name != "cuda-bindings" && i.Name != "cuda-python" {
			list = append(list, i)
		}
	}
	return list
}

// requiresLibraries tells whether a package requires one of NVIDIA's, itself or by what it requires.
func (e Environment) requiresLibraries(i Item) bool {
	seen, todo := map[string]bool{i.Name: true}, slices.Clone(i.Requires)
	for len(todo) > 0 {
		name := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if IsLibrary(name) {
			return true
		}
		if required, ok := e.item(func(n string) bool { return n == name }); ok && !seen[name] {
			seen[name] = true
			todo = append(todo, required.Requires...)
		}
	}
	return false
}

// item finds a package by name.
func (e Environment) item(match func(name string) bool) (Item, bool) {
	i := slices.IndexFunc(e.Items, func(i Item) bool { return match(i.Name) })
	if i < 0 {
		return Item{}, false
	}
	return e.Items[i], true
}
