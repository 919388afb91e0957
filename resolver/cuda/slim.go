package cuda

import (
	"cmp"
	"slices"

	"github.com/envpack/envpack/internal/fatbin"
)

// Slim tells what of the code in libraries some GPUs use. All sizes are bytes in the installed files, in which most code is
// compressed.
type Slim struct {
	Weight
	Codes   []CodeWeight   // in their order, of all libraries together
	Devices []DeviceWeight // in the order in which they were given
}

// Weight is a size by what it is for.
type Weight struct {
	Size   int64 // of all code
	Used   int64 // what the GPUs use
	Newer  int64 // PTX that none of them needs: it is there for GPUs that are newer than the library
	Linked int64 // what does not run as it is: code for linking at run time, or that was linked already. Whether it is of use is not judged
}

// Unused is machine code that none of the GPUs uses.
func (w Weight) Unused() int64 { return w.Size - w.Used - w.Newer - w.Linked }

func (w *Weight) add(o Weight) {
	w.Size, w.Used, w.Newer, w.Linked = w.Size+o.Size, w.Used+o.Used, w.Newer+o.Newer, w.Linked+o.Linked
}

// CodeWeight is one code in all libraries.
type CodeWeight struct {
	Code fatbin.Code
	Weight
	By []Device // that use some of it
}

// DeviceWeight is what a GPU uses, and what only it does.
type DeviceWeight struct {
	Device Device
	Used   int64
	Alone  int64
}

// WeighCode tells what of a library's code the GPUs use. In each container a GPU uses the machine code that is nearest to it, and what
// is for its architecture or family alone; PTX only where a container has none that it runs. So code that another GPU would run is
// counted as unused where there is nearer one. What is embedded is loaded by the library in the same way.
func (s *Slim) WeighCode(code *fatbin.Summary, devices []Device) Weight {
	var library Weight
	if s.Devices == nil {
		for _, d := range devices {
			s.Devices = append(s.Devices, DeviceWeight{Device: d})
		}
	}
	for _, g := range slices.Concat(code.Groups, code.Embedded) {
		users := make([][]int, len(g.Codes))
		for i, d := range devices {
			for _, c := range uses(g.Codes, d) {
				users[c] = append(users[c], i)
			}
		}
		for i, c := range g.Codes {
			w := Weight{Size: g.Sizes[i]}
			switch {
			case len(users[i]) > 0:
				w.Used = w.Size
			case c.Kind == fatbin.PTX:
				w.Newer = w.Size
			case c.Kind != fatbin.Cubin:
				w.Linked = w.Size
			}
			library.add(w)
			of := s.code(c)
			of.add(w)
			for _, u := range users[i] {
				s.Devices[u].Used += w.Size
				if len(users[i]) == 1 {
					s.Devices[u].Alone += w.Size
				}
				if !slices.Contains(of.By, devices[u]) {
					of.By = append(of.By, devices[u])
				}
			}
		}
	}
	for _, g := range code.Prelinked {
		for i, c := range g.Codes {
			w := Weight{Size: g.Sizes[i], Linked: g.Sizes[i]}
			library.add(w)
			s.code(c).add(w)
		}
	}
	s.add(library)
	return library
}

// code is the entry of a code, which is made if there is none.
func (s *Slim) code(c fatbin.Code) *CodeWeight {
	at, ok := slices.BinarySearchFunc(s.Codes, c, func(have CodeWeight, c fatbin.Code) int { return have.Code.Compare(c) })
	if !ok {
		s.Codes = slices.Insert(s.Codes, at, CodeWeight{Code: c})
	}
	return &s.Codes[at]
}

// uses are the indexes of the codes of a container that a GPU uses.
func uses(codes []fatbin.Code, d Device) []int {
	var used []int
	plain := -1
	for i, c := range codes { // sorted: the nearest is the last that runs
		switch {
		case c.Kind != fatbin.Cubin || !runs(c.Arch, d.Capability):
		case c.Arch.Suffix == 0:
			plain = i
		default:
			used = append(used, i)
		}
	}
	if plain >= 0 {
		used = append(used, plain)
	}
	if len(used) > 0 {
		return used
	}
	ptx := -1
	for i, c := range codes {
		if c.Kind == fatbin.PTX && compiles(c.Arch, d.Capability) && (ptx < 0 || cmp.Compare(codes[ptx].Arch.Number, c.Arch.Number) <= 0) {
			ptx = i
		}
	}
	if ptx >= 0 {
		used = append(used, ptx)
	}
	return used
}

// IsNVIDIAs tells whether a library is NVIDIA's own, of one of its packages ("" where it is of none that is known) or a copy of it in
// another. Its code leaves GPUs out by design, so it is shown and not judged.
func IsNVIDIAs(name, path string) bool { return IsNVIDIA(name) || isNVIDIAFile(path) }
