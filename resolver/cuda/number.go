package cuda

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// dotted reads up to limit numbers with dots between them, such as 525.60.13.
func dotted(text string, limit int) ([]int, bool) {
	parts := strings.Split(text, ".")
	if len(parts) > limit {
		return nil, false
	}
	var numbers []int
	for _, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 || len(p) > 6 || p[0] == '+' {
			return nil, false
		}
		numbers = append(numbers, n)
	}
	return numbers, true
}

// Version is a version of the CUDA toolkit: "13.2", or "12" where only the major version is known or meant.
type Version struct {
	Major int
	Minor int // -1: any, or not known
}

// ParseVersion reads "12", "12.6" or "12.6.3", of which the third number says nothing here. Errors: a description of what
// is wrong with the text.
func ParseVersion(text string) (Version, error) {
	n, ok := dotted(strings.TrimSpace(text), 4)
	if !ok || n[0] < 1 || n[0] > 99 {
		return Version{}, fmt.Errorf("%q is no version of CUDA such as 12 or 12.6", text)
	}
	if len(n) == 1 {
		return Version{n[0], -1}, nil
	}
	return Version{n[0], n[1]}, nil
}

// IsZero tells whether there is no version.
func (v Version) IsZero() bool { return v.Major == 0 }

func (v Version) String() string {
	switch {
	case v.IsZero():
		return ""
	case v.Minor < 0:
		return strconv.Itoa(v.Major)
	}
	return fmt.Sprintf("%d.%d", v.Major, v.Minor)
}

// Compare orders versions; a major version alone comes before its minor ones.
func (v Version) Compare(w Version) int {
	return cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor))
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *Version) UnmarshalText(text []byte) (err error) {
	*v, err = ParseVersion(string(text))
	return err
}

// Range is a set of versions of CUDA as a manifest writes it. The zero value has every version.
type Range struct {
	text   string
	bounds []bound
}

type bound struct {
	operator string
	version  Version
}

// operators are longest first, so that ">=" is not read as ">".
var operators = []string{">=", "<=", "==", "!=", ">", "<"}

// ParseRange reads "auto" (any version), a version ("12" has all of its minor versions, "12.6" that one), or bounds joined
// with commas (">=12.4,<13"). Errors: a description of what is wrong with the text; that no version is within the bounds.
func ParseRange(text string) (Range, error) {
	r := Range{text: strings.Join(strings.Fields(text), "")}
	if r.text == "auto" {
		return Range{text: "auto"}, nil
	}
	for part := range strings.SplitSeq(r.text, ",") {
		b := bound{operator: "=="}
		for _, o := range operators {
			if rest, ok := strings.CutPrefix(part, o); ok {
				b.operator, part = o, rest
				break
			}
		}
		v, err := ParseVersion(strings.TrimSuffix(part, ".*"))
		if err != nil {
			return Range{}, fmt.Errorf(`%q is none of "auto", a version of CUDA ("12", "12.6"), and bounds (">=12.4,<13")`, text)
		}
		b.version = v
		r.bounds = append(r.bounds, b)
	}
	if r.empty() {
		return Range{}, fmt.Errorf("no version of CUDA is within %q", text)
	}
	return r, nil
}

// Any tells whether the range has every version.
func (r Range) Any() bool { return len(r.bounds) == 0 }

func (r Range) String() string {
	if r.text == "" {
		return "auto"
	}
	return r.text
}

// Contains tells whether v is within the range. Of a version without a minor number it tells whether one of the minor
// versions may be.
func (r Range) Contains(v Version) bool {
	if v.Minor >= 0 {
		return r.has(v)
	}
	for minor := range 100 {
		if r.has(Version{v.Major, minor}) {
			return true
		}
	}
	return false
}

func (r Range) has(v Version) bool {
	for _, b := range r.bounds {
		low, high := b.version, b.version // the first and last that the bound's version stands for
		if b.version.Minor < 0 {
			low.Minor, high.Minor = 0, 1<<20
		}
		ok := false
		switch b.operator {
		case "==":
			ok = v.Compare(low) >= 0 && v.Compare(high) <= 0
		case "!=":
			ok = v.Compare(low) < 0 || v.Compare(high) > 0
		case ">=":
			ok = v.Compare(low) >= 0
		case ">":
			ok = v.Compare(high) > 0
		case "<=":
			ok = v.Compare(high) <= 0
		case "<":
			ok = v.Compare(low) < 0
		}
		if !ok {
			return false
		}
	}
	return true
}

func (r Range) empty() bool {
	for major := 1; major < 100; major++ {
		if r.Contains(Version{major, -1}) {
			return false
		}
	}
	return true
}

// Driver is a version of NVIDIA's driver for Linux, such as 535.104.05; or a branch of it, such as 535, which stands for
// any release of that branch.
type Driver struct {
	numbers [3]int
	count   int
	text    string
}

// ParseDriver reads "535", "R535", "535.104.05" and "535.104". Errors: a description of what is wrong with the text.
func ParseDriver(text string) (Driver, error) {
	trimmed := strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(text), "R"), "r")
	n, ok := dotted(trimmed, 3)
	if !ok || n[0] < 100 || n[0] > 9999 {
		return Driver{}, fmt.Errorf("%q is no version of NVIDIA's driver such as 535 or 535.104.05", text)
	}
	d := Driver{count: len(n), text: trimmed}
	copy(d.numbers[:], n)
	return d, nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Driver) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDriver(string(text))
	return err
}

// IsZero tells whether there is no driver.
func (d Driver) IsZero() bool { return d.count == 0 }

// Branch is the first number: 535.
func (d Driver) Branch() int { return d.numbers[0] }

func (d Driver) String() string { return d.text }

// Meets tells whether the driver is the floor or newer. Of a branch the newest release is meant, so that 580 meets
// 580.65.06.
func (d Driver) Meets(floor Driver) bool {
	if d.count < floor.count {
		return slices.Compare(d.numbers[:d.count], floor.numbers[:d.count]) >= 0
	}
	return slices.Compare(d.numbers[:], floor.numbers[:]) >= 0
}
