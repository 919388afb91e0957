package cuda

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Supply is who has the libraries of CUDA that wheels ask for.
type Supply struct {
	Uses []Use // by package that asks
}

// Use is a library that a package's own libraries link with, or open by its name.
type Use struct {
	Library string // "libcublas.so.12"
	Wheel   string // the package that asks, normalised
	From    string // the package whose wheel has it; "" none does
	Base    bool   // no wheel has it, and the base does
	Lost    bool   // a wheel has it, and nothing that is known leads the dynamic linker there
}

// CuDNN is a cuDNN that an environment has.
type CuDNN struct {
	Version Version
	Of      string // for people: "nvidia-cudnn-cu12 9.1.0.70", "libcudnn9-cuda-12 of debian:12"
}

// DebCuDNN is the version of cuDNN that a package of a distribution brings, as NVIDIA's libcudnn9-cuda-12 9.1.0.70-1 does; ok is false
// for other packages.
func DebCuDNN(name, version string) (v Version, ok bool) {
	rest, is := strings.CutPrefix(name, "libcudnn")
	digits, of, _ := strings.Cut(rest, "-cuda-")
	major, err := strconv.Atoi(digits)
	if !is || err != nil || of == "" && strings.Contains(rest, "-") {
		return Version{}, false
	}
	text, _, _ := strings.Cut(version, "-")
	v, err = ParseVersion(text)
	return v, err == nil && v.Major == major
}

// uses are those of a package that hold for it.
func (s *Supply) uses(wheel string, hold func(Use) bool) []string {
	var list []string
	if s == nil {
		return nil
	}
	for _, u := range s.Uses {
		if u.Wheel == wheel && hold(u) {
			list = append(list, u.Library)
		}
	}
	return list
}

func (u Use) nobodys() bool { return u.From == "" && !u.Base }

// askers are the packages that have a use which holds, by name.
func (e Environment) askers(hold func(Use) bool) []Item {
	if e.Supply == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(e.Items), func(i Item) bool { return len(e.Supply.uses(i.Name, hold)) == 0 })
}

// Unmet says which libraries of CUDA packages ask for and nobody has: "libcudart.so.12 for alpha 1.0".
func (e Environment) Unmet() []string { return e.tell(Use.nobodys) }

// Unreached says which libraries packages ask for that some wheel has, where nothing leads the dynamic linker to it, and which no
// program is known to open before: "ctranslate2 4.8.5 asks for libcublas.so.12, which nvidia-cublas-cu12 has".
func (e Environment) Unreached() []string {
	var list []string
	for _, i := range e.askers(Use.lost) {
		if First(i.Name) != "" {
			continue // it is said with what leads there
		}
		list = append(list, fmt.Sprintf("%s asks for %s, which %s", i, some(e.Supply.uses(i.Name, Use.lost)), e.have(i)))
	}
	return list
}

func (u Use) lost() bool { return u.Lost }

// have names who has what a package does not get to.
func (e Environment) have(i Item) string {
	var names []string
	for _, u := range e.Supply.Uses {
		if u.Wheel == i.Name && u.Lost && !slices.Contains(names, u.From) {
			names = append(names, u.From)
		}
	}
	if len(names) == 1 {
		return names[0] + " has"
	}
	return some(names) + " have"
}

func (e Environment) tell(hold func(Use) bool) []string {
	var list []string
	for _, i := range e.askers(hold) {
		list = append(list, fmt.Sprintf("%s for %s", some(e.Supply.uses(i.Name, hold)), i))
	}
	return list
}

// some names the first few.
func some(names []string) string {
	if n := len(names) - mostNamed; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:mostNamed], ", "), n)
	}
	return strings.Join(names, ", ")
}

// olderCuDNN are frameworks that were built with a newer minor version of the cuDNN that is there, each with a reason.
func (e Environment) olderCuDNN() []string {
	var list []string
	for _, f := range e.Frameworks() {
		_, built, _ := Built(f.Name, f.Version)
		if built.IsZero() {
			continue
		}
		if have, ok := e.cudnn(built.Major); ok && built.Minor > have.Version.Minor {
			list = append(list, fmt.Sprintf("%s was built with cuDNN %s, and %s is older: it needs that minor version or a newer one", f, built, have.Of))
		}
	}
	return list
}

// cudnn is the cuDNN of a major version that is there: a wheel's, else the base's.
func (e Environment) cudnn(major int) (CuDNN, bool) {
	for _, i := range e.Items {
		if strings.HasPrefix(i.Name, "nvidia-cudnn-cu") {
			if v, err := ParseVersion(release(i.Version)); err == nil && v.Major == major {
				return CuDNN{v, i.String()}, true
			}
		}
	}
	k := slices.IndexFunc(e.CuDNN, func(c CuDNN) bool { return c.Version.Major == major })
	if k < 0 {
		return CuDNN{}, false
	}
	return e.CuDNN[k], true
}
