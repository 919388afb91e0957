package tags

import (
	"fmt"
	"strconv"

	"github.com/envpack/envpack/resolver/pep508"
)

// Libc is a version of a C library. The zero Libc is none.
type Libc struct{ Major, Minor int }

// IsZero tells whether there is none.
func (l Libc) IsZero() bool { return l == Libc{} }

func (l Libc) String() string { return fmt.Sprintf("%d.%d", l.Major, l.Minor) }

// less tells whether l is older than k.
func (l Libc) less(k Libc) bool {
	return l.Major < k.Major || l.Major == k.Major && l.Minor < k.Minor
}

// Target is an interpreter on a platform.
type Target struct {
	Platform       string // "linux/amd64" or "linux/arm64"
	Implementation string // "cp"; "" is the same
	PythonMajor    int
	PythonMinor    int
	FreeThreaded   bool // built without the GIL (PEP 703)
	// One of the two: the C library's version.
	Glibc Libc
	Musl  Libc
}

// architectures are the machines that the kernel, and wheels' tags, call differently.
var architectures = map[string]string{
	"linux/amd64": "x86_64",
	"linux/arm64": "aarch64",
}

// Validate says what is wrong with the target, if anything.
func (t Target) Validate() error {
	switch {
	case architectures[t.Platform] == "":
		return fmt.Errorf("platform %q is not supported: it must be linux/amd64 or linux/arm64", t.Platform)
	case t.Implementation != "" && t.Implementation != "cp":
		return fmt.Errorf("interpreter %q is not supported: it must be cp (CPython)", t.Implementation)
	case t.PythonMajor != 3 || t.PythonMinor < 3:
		return fmt.Errorf("interpreter version %d.%d is not supported: it must be 3.3 or later", t.PythonMajor, t.PythonMinor)
	case t.FreeThreaded && t.PythonMinor < 13:
		return fmt.Errorf("there is no free-threaded Python %d.%d: the first is 3.13", t.PythonMajor, t.PythonMinor)
	case t.Glibc.IsZero() == t.Musl.IsZero():
		return fmt.Errorf("a target has either a glibc or a musl version")
	case t.Glibc.Major < 0 || t.Glibc.Minor < 0 || t.Musl.Major < 0 || t.Musl.Minor < 0 ||
		max(t.Glibc.Minor, t.Musl.Minor) > maxMinor || t.Glibc.Major > 2:
		return fmt.Errorf("version %s of the C library is not supported", t.libc())
	}
	return nil
}

// maxMinor bounds the list of tags.
const maxMinor = 999

func (t Target) libc() Libc {
	if !t.Musl.IsZero() {
		return t.Musl
	}
	return t.Glibc
}

// Machine is the architecture as uname gives it, "x86_64".
func (t Target) Machine() string { return architectures[t.Platform] }

// Python is the version as "3.12".
func (t Target) Python() string { return fmt.Sprintf("%d.%d", t.PythonMajor, t.PythonMinor) }

// String is for messages: "CPython 3.12 on linux/amd64 with glibc 2.36".
func (t Target) String() string {
	name, libc := "CPython", "glibc"
	if t.FreeThreaded {
		name = "free-threaded CPython"
	}
	if !t.Musl.IsZero() {
		libc = "musl"
	}
	return fmt.Sprintf("%s %s on %s with %s %s", name, t.Python(), t.Platform, libc, t.libc())
}

// interpreter is the Python tag for a minor version, "cp312".
func (t Target) interpreter(minor int) string {
	return "cp" + strconv.Itoa(t.PythonMajor) + strconv.Itoa(minor)
}

// abi is the tag of the interpreter's own binary interface.
func (t Target) abi() string {
	abi := t.interpreter(t.PythonMinor)
	switch {
	case t.FreeThreaded:
		return abi + "t"
	case t.PythonMinor < 8:
		return abi + "m" // pymalloc, the default build
	}
	return abi
}

// Tags are the tags that the target takes, the best first. It is empty for an invalid target.
func (t Target) Tags() []Tag {
	if t.Validate() != nil {
		return nil
	}
	var list []Tag
	platforms := t.Platforms()
	each := func(python, abi string) {
		for _, platform := range platforms {
			list = append(list, Tag{python, abi, platform})
		}
	}
	// A free-threaded build has the stable interface of PEP 803 in place of that of PEP 384.
	own, stable := t.interpreter(t.PythonMinor), "abi3"
	if t.FreeThreaded {
		stable = "abi3t"
	}
	each(own, t.abi())
	each(own, stable)
	each(own, "none")
	for minor := t.PythonMinor - 1; minor >= 2; minor-- {
		each(t.interpreter(minor), stable)
	}
	pythons := t.pythons()
	for _, python := range pythons {
		each(python, "none")
	}
	list = append(list, Tag{own, "none", "any"})
	for _, python := range pythons {
		list = append(list, Tag{python, "none", "any"})
	}
	return list
}

// pythons are the tags of the language alone: this version, the major one, those before.
func (t Target) pythons() []string {
	major := "py" + strconv.Itoa(t.PythonMajor)
	list := []string{major + strconv.Itoa(t.PythonMinor), major}
	for minor := t.PythonMinor - 1; minor >= 0; minor-- {
		list = append(list, major+strconv.Itoa(minor))
	}
	return list
}

// legacy are the older names of some manylinux platforms (PEP 600, Legacy manylinux tags).
var legacy = map[Libc]string{
	{2, 17}: "manylinux2014_",
	{2, 12}: "manylinux2010_",
	{2, 5}:  "manylinux1_",
}

// Platforms are the platform tags that the target takes, but for "any", the best first.
func (t Target) Platforms() []string {
	machine := t.Machine()
	list := []string{"linux_" + machine}
	if !t.Musl.IsZero() {
		for minor := t.Musl.Minor; minor >= 0; minor-- {
			list = append(list, fmt.Sprintf("musllinux_%d_%d_%s", t.Musl.Major, minor, machine))
		}
		return list
	}
	oldest := Libc{2, 17}
	if machine == "x86_64" {
		oldest = Libc{2, 5}
	}
	for v := t.Glibc; !v.less(oldest); v.Minor-- {
		list = append(list, fmt.Sprintf("manylinux_%d_%d_%s", v.Major, v.Minor, machine))
		if name := legacy[v]; name != "" {
			list = append(list, name+machine)
		}
	}
	return list
}

// MarkerEnvironment is the environment of the target's markers for a full Python version,
// "3.12.4". The kernel's release and version are empty: they are not known, and a lock must not
// depend on them.
func MarkerEnvironment(t Target, fullPythonVersion string) pep508.Environment {
	return pep508.Environment{
		PythonVersion:                t.Python(),
		PythonFullVersion:            fullPythonVersion,
		OSName:                       "posix",
		SysPlatform:                  "linux",
		PlatformSystem:               "Linux",
		PlatformMachine:              t.Machine(),
		PlatformPythonImplementation: "CPython",
		ImplementationName:           "cpython",
		ImplementationVersion:        fullPythonVersion,
	}
}
