package fatbin

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Arch is an architecture of NVIDIA's GPUs: the compute capability as one number, with what limits code to it.
type Arch struct {
	Number int  // 103 is compute capability 10.3
	Suffix byte // 0; 'a': code for this one only; 'f': for this one and the later ones of its family
}

// String is CUDA's name: "sm_103a".
func (a Arch) String() string { return "sm_" + a.short() }

func (a Arch) short() string {
	s := strconv.Itoa(a.Number)
	if a.Suffix != 0 {
		s += string(rune(a.Suffix))
	}
	return s
}

// parseShort reads an architecture without its prefix: 90, 120f.
func parseShort(s string) (Arch, bool) {
	var a Arch
	if n := len(s); n > 0 && (s[n-1] == 'a' || s[n-1] == 'f') {
		a.Suffix, s = s[n-1], s[:n-1]
	}
	n, ok := number(s, maxArch)
	a.Number = int(n)
	return a, ok && n > 0
}

// Compare orders by number, then plain before 'a' before 'f'.
func (a Arch) Compare(b Arch) int {
	return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Suffix, b.Suffix))
}

// Kind is what code is, as the format numbers it.
type Kind uint16

const (
	PTX   Kind = 1 // text that the driver compiles when it is loaded
	Cubin Kind = 2 // machine code
	LTO   Kind = 8 // NVVM's intermediate code, which runs only after it was linked
)

// rank is a kind's place in the order.
func (k Kind) rank() int {
	switch k {
	case Cubin:
		return 0
	case PTX:
		return 1
	case LTO:
		return 2
	}
	return int(k) + 3
}

// Version is a version of the PTX instruction set.
type Version struct{ Major, Minor int }

// String is "8.7".
func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// Code is one kind of code for one architecture.
type Code struct {
	Kind Kind
	Arch Arch
	PTX  Version // of PTX only, zero where it is not known
}

// String is the name by which nvcc's options ask for such code: "sm_90a" for a cubin, "compute_120" for PTX, with the
// version of its instruction set as "compute_120@8.7", "lto_90"; and "kind64_100" for what has no name.
func (c Code) String() string {
	switch c.Kind {
	case Cubin:
		return c.Arch.String()
	case PTX:
		s := "compute_" + c.Arch.short()
		if c.PTX != (Version{}) {
			s += "@" + c.PTX.String()
		}
		return s
	case LTO:
		return "lto_" + c.Arch.short()
	}
	return fmt.Sprintf("kind%d_%s", c.Kind, c.Arch.short())
}

// ParseCode is the inverse of [Code.String].
func ParseCode(s string) (Code, error) {
	bad := fmt.Errorf("%q is no code such as sm_90a, compute_120@8.7 or lto_90", s)
	kind, arch, ok := strings.Cut(s, "_")
	if !ok {
		return Code{}, bad
	}
	var c Code
	switch kind {
	case "sm":
		c.Kind = Cubin
	case "compute":
		c.Kind = PTX
		var version string
		if arch, version, ok = strings.Cut(arch, "@"); ok {
			major, minor, _ := strings.Cut(version, ".")
			x, okay := number(major, maxVersion)
			y, also := number(minor, maxVersion)
			if c.PTX = (Version{int(x), int(y)}); !okay || !also || c.PTX == (Version{}) {
				return Code{}, bad
			}
		}
	case "lto":
		c.Kind = LTO
	default:
		digits, ok := strings.CutPrefix(kind, "kind")
		n, fits := number(digits, 1<<16-1)
		if c.Kind = Kind(n); !ok || !fits || c.Kind.rank() < 3 {
			return Code{}, bad
		}
	}
	if c.Arch, ok = parseShort(arch); !ok {
		return Code{}, bad
	}
	return c, nil
}

// Compare orders cubins before PTX before the rest, by architecture, then by version.
func (c Code) Compare(d Code) int {
	return cmp.Or(cmp.Compare(c.Kind.rank(), d.Kind.rank()), c.Arch.Compare(d.Arch),
		cmp.Compare(c.PTX.Major, d.PTX.Major), cmp.Compare(c.PTX.Minor, d.PTX.Minor))
}

// number reads digits in their shortest form, up to a limit.
func number(s string, limit int64) (int64, bool) {
	if s == "" || len(s) > 1 && s[0] == '0' || s[0] == '+' || s[0] == '-' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n <= limit
}
