package resolver

import (
	"context"
	"slices"
	"strings"

	"github.com/envpack/envpack/resolver/apt"
)

// Developer finds which packages of a distribution have what is looked for at build time. A [BaseSource] may be one.
type Developer interface {
	// Development lists the packages that have a header or a pkg-config file, the best first.
	Development(ctx context.Context, want apt.Options, d apt.Development) ([]string, error)
}

// programs are packages of Debian's and Ubuntu's by the programs that builds call, where those are not of one package's name or are of
// little use without others.
var programs = map[string][]string{
	"gcc": {"gcc", "libc6-dev", "make"}, "g++": {"g++", "make"}, "make": {"make"}, "cargo": {"cargo"}, "rustc": {"rustc"},
	"ninja": {"ninja-build"}, "cmake": {"cmake"}, "pkg-config": {"pkg-config"}, "gfortran": {"gfortran"}, "go": {"golang-go"}, "git": {"git"},
}

// finds are the packages of the distribution that have what a build lacks, none if that is not known. What cannot be looked up is
// no failure of its own: the build's is told.
func (w *workshop) finds(ctx context.Context, j *job, why *BuildError) []string {
	b, t := w.bases, j.provider.target
	if b.chosen == nil {
		return nil
	}
	if name := why.Program; name != "" {
		list := slices.Clone(programs[name])
		if name == "gcc" || name == "g++" { // what is compiled is an extension of Python, nearly always
			if headers := j.headers(); headers != "" {
				list = append(list, headers)
			}
		}
		if list != nil {
			return list
		}
	}
	if why.Header == "Python.h" || why.Header == "pyconfig.h" {
		if headers := j.headers(); headers != "" {
			return []string{headers}
		}
		return nil
	}
	want := b.request(*b.chosen, t.Platform, nil)
	w.progress("looking for what the build of " + j.name() + " lacks in " + b.chosen.distro)
	var list []string
	var err error
	switch dev, ok := b.source.(Developer); {
	case !ok:
		return nil
	case why.Header != "":
		list, err = dev.Development(ctx, want, apt.Development{Header: strings.TrimPrefix(why.Header, "./")})
	case why.Config != "":
		if list, err = dev.Development(ctx, want, apt.Development{Config: why.Config}); len(list) > 0 {
			list = append(list[:1:1], "pkg-config") // by which it is found
			return list
		}
	default:
		list, err = w.contains(ctx, want, why)
	}
	if err != nil || len(list) == 0 {
		return nil
	}
	return list[:1]
}

// contains looks for a program, or for a library by the name that the linker knows it by.
func (w *workshop) contains(ctx context.Context, want apt.Options, why *BuildError) ([]string, error) {
	scan, ok := w.bases.source.(interface {
		Contents(ctx context.Context, want apt.Options) (*apt.Contents, error)
	})
	if !ok {
		return nil, nil
	}
	contents, err := scan.Contents(ctx, want)
	if err != nil {
		return nil, err
	}
	var holders []apt.Holder
	if why.Program != "" {
		holders = apt.RankCommand(why.Program, contents.Command(why.Program), nil)
	} else {
		name := "lib" + why.Library + ".so"
		holders = apt.RankLibrary(name, contents.Library(name), nil)
	}
	var list []string
	for _, h := range holders {
		list = append(list, h.Package)
	}
	return list, nil
}
