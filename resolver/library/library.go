// Package library finds which packages of a distribution the wheels of a target need for the shared libraries
// and programs that they do not bring: by what their ELF files name (DT_NEEDED), and by a table of facts for
// what is opened only at run time.
//
// It asks no network and reads no wheels: facts about ELF files, what the base brings, and which package has
// which file are given to it. It does not resolve what the found packages depend on.
//
// Three kinds of needs are told apart. What a Python extension module needs, itself or through libraries of
// wheels, is needed for an import and is added. The same holds for libraries of a wheel without extension
// modules that nobody links with: its Python code opens them. Any other library that nobody links with is a
// plug-in, which the wheel works without: what only plug-ins need is named and not added. What the host's
// graphics driver brings is never looked for.
//
// Invariants: the result depends on nothing but the input, whatever the order of the wheels; every need that is
// not met is in the result.
package library

import (
	"fmt"
	"sort"
	"strings"

	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/resolver/apt"
)

// Wheel is what is known of an installed wheel.
type Wheel struct {
	Name    string // normalised
	Version string
	Objects []elffile.Object
	// Requires are the normalised names of the wheels that it requires on the target.
	Requires []string
}

// Packages tells who has a file; [*apt.Contents] does.
type Packages interface {
	Library(soname string) []apt.Holder
	Command(name string) []apt.Holder
}

// Input is what there is.
type Input struct {
	Wheels       []Wheel
	Architecture string          // as Debian names it
	Python       string          // minor version of the interpreter, "3.11"; "3.14t" of a free-threaded build
	Glibc        string          // "2.36"; "" where it is not known
	Musl         bool            // the C library is musl
	Brought      map[string]bool // file names of the base's shared libraries
	Chosen       map[string]bool // names of packages that are installed in any case
	Packages     Packages
}

// Need is a file that a wheel needs.
type Need struct {
	File    string // "libGL.so.1"; of a program its name
	Command bool   // a program
	Wheel   string // name of the first wheel that needs it
	By      string // path in the wheel of the first file that needs it, or what the table says
}

// String is a reason for people.
func (n Need) String() string {
	kind := ""
	if n.Command {
		kind = "the command "
	}
	return fmt.Sprintf("%s: %s needs %s%s", n.Wheel, n.By, kind, n.File)
}

// Choice is a package to be added and the needs it is for.
type Choice struct {
	Package string
	Needs   []Need
}

// Result is what was found. All lists are sorted.
type Result struct {
	Add []Choice
	// Missing are needs that no package meets. It is no error: which import fails, only the import tells.
	Missing []Need
	// Optional are needs of plug-ins, with the packages that would meet them; Package is "" where none does.
	Optional []Choice
	// Warnings are about files that could not be read, or that want a newer C library than there is.
	Warnings []string
}

// Find finds the packages. Errors: a version of a wheel that is none.
func Find(in Input) (*Result, error) {
	wheels := append([]Wheel(nil), in.Wheels...)
	sort.Slice(wheels, func(i, j int) bool { return wheels[i].Name < wheels[j].Name })
	in.Wheels = wheels
	s := &search{Input: in, chosen: map[string]bool{}, result: &Result{}}
	for name := range in.Chosen {
		s.chosen[name] = true
	}
	g := newGraph(in)
	s.result.Warnings = append(s.result.Warnings, g.warnings...)
	required, optional := g.needs()
	stated, err := statedNeeds(wheels)
	if err != nil {
		return nil, err
	}
	for _, n := range append(required, stated...) {
		s.meet(n)
	}
	sort.Slice(s.result.Add, func(i, j int) bool { return s.result.Add[i].Package < s.result.Add[j].Package })
	sortNeeds(s.result.Missing)
	for _, n := range optional {
		if s.brought(n.Need) {
			continue
		}
		c := Choice{Needs: []Need{n.Need}}
		if best := s.rank(n.Need); len(best) > 0 {
			c.Package = best[0].Package
		} else if n.soft {
			continue
		}
		s.result.Optional = append(s.result.Optional, c)
	}
	sort.SliceStable(s.result.Optional, func(i, j int) bool {
		return s.result.Optional[i].Needs[0].File < s.result.Optional[j].Needs[0].File
	})
	return s.result, nil
}

func sortNeeds(all []Need) {
	sort.SliceStable(all, func(i, j int) bool { return all[i].File < all[j].File })
}

// need is one to be met.
type need struct {
	Need
	// soft tells that its absence from the distribution is no fault: the wheel does without, or another wheel,
	// which has nothing to do with this one, has the library and may be loaded before.
	soft bool
}

type search struct {
	Input
	chosen map[string]bool // and what was added
	result *Result
}

func (s *search) holders(n Need) []apt.Holder {
	if n.Command {
		return s.Packages.Command(n.File)
	}
	return s.Packages.Library(n.File)
}

func (s *search) rank(n Need) []apt.Holder {
	if n.Command {
		return apt.RankCommand(n.File, s.holders(n), s.chosen)
	}
	return apt.RankLibrary(n.File, s.holders(n), s.chosen)
}

// brought tells whether the base, or a package that is installed in any case, meets the need.
func (s *search) brought(n Need) bool {
	if !n.Command && s.Brought[n.File] {
		return true
	}
	for _, h := range s.holders(n) {
		if s.Chosen[h.Package] {
			return true
		}
	}
	return false
}

func (s *search) meet(n need) {
	if s.brought(n.Need) {
		return
	}
	best := s.rank(n.Need)
	if len(best) == 0 {
		if !n.soft {
			s.result.Missing = append(s.result.Missing, n.Need)
		}
		return
	}
	pkg := best[0].Package
	s.chosen[pkg] = true
	for i := range s.result.Add {
		if s.result.Add[i].Package == pkg {
			s.result.Add[i].Needs = append(s.result.Add[i].Needs, n.Need)
			return
		}
	}
	s.result.Add = append(s.result.Add, Choice{pkg, []Need{n.Need}})
}

// fromDriver tells whether a library comes with the kernel driver of a graphics processor, from the host, and
// so must never be in an image: NVIDIA's (the list of nvidia-container-toolkit, internal/discover of its
// nvcdi package) and what its embedded boards have.
func fromDriver(soname string) bool {
	for _, begin := range []string{
		"libcuda.so", "libcudadebugger.so", "libnvidia-", "libnvcuvid.so", "libnvoptix.so", "libnvidia_", "libGLX_nvidia.so",
		"libEGL_nvidia.so", "libGLESv1_CM_nvidia.so", "libGLESv2_nvidia.so", "libvdpau_nvidia.so", "libnvsci", "libnvdla_", "libnvrm_", "libnvcucompat.so",
	} {
		if strings.HasPrefix(soname, begin) {
			return true
		}
	}
	return false
}
