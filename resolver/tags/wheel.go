// Package tags chooses wheels: it reads the names of wheels and source distributions, and knows
// which compatibility tags a target takes and in which order it prefers them.
//
// It follows PEP 425, 427, 600, 656, 803 and the platform-compatibility-tags and
// binary-distribution-format specifications, as pypa/packaging 26.3 implements them. A file's name
// decides; what the WHEEL file inside says is not its business, and nothing here reads files. The
// targets are Linux with CPython only.
package tags

import (
	"errors"
	"fmt"
	"strings"

	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// ErrVariant is wrapped by ParseWheel's error for a wheel variant (PEP 825), whose name has a
// label behind the tags. What it runs on cannot be told from its name; callers leave it out.
var ErrVariant = errors.New("wheel variants are not supported")

// maxTags is how many tags one name may stand for. Real names stay below 100.
const maxTags = 4096

// NameError says why a file name is not that of a wheel or a source distribution.
type NameError struct {
	Filename string
	Reason   string
	Err      error // nil, or ErrVariant
}

func (e *NameError) Error() string {
	return fmt.Sprintf("invalid file name %q: %s", e.Filename, e.Reason)
}

func (e *NameError) Unwrap() error { return e.Err }

// Tag is one compatibility tag (PEP 425).
type Tag struct {
	Python   string // "cp312", "py3"
	ABI      string // "cp312", "abi3", "none"
	Platform string // "manylinux_2_28_x86_64", "any"
}

func (t Tag) String() string { return t.Python + "-" + t.ABI + "-" + t.Platform }

// Build is a build tag: a number that sorts first, then text. The zero Build is none and sorts
// before every other.
type Build struct {
	Number string // decimal without leading zeros; "" for no build tag at all
	Suffix string
}

// Compare orders build tags (PEP 427: as numbers, then as text).
func (b Build) Compare(c Build) int {
	if n := len(b.Number) - len(c.Number); n != 0 {
		return max(-1, min(n, 1))
	}
	if n := strings.Compare(b.Number, c.Number); n != 0 {
		return n
	}
	return strings.Compare(b.Suffix, c.Suffix)
}

// IsZero tells whether there is no build tag.
func (b Build) IsZero() bool { return b.Number == "" }

func (b Build) String() string { return b.Number + b.Suffix }

// Wheel is what a wheel's name says.
type Wheel struct {
	Filename string
	Name     string // normalised, see pep508.NormalizeName
	Version  pep440.Version
	Build    Build
	// The compressed tag sets: the wheel has every combination. Lower case, in the name's order.
	Pythons, ABIs, Platforms []string
}

// Tags are all the wheel's tags.
func (w Wheel) Tags() []Tag {
	tags := make([]Tag, 0, len(w.Pythons)*len(w.ABIs)*len(w.Platforms))
	for _, python := range w.Pythons {
		for _, abi := range w.ABIs {
			for _, platform := range w.Platforms {
				tags = append(tags, Tag{python, abi, platform})
			}
		}
	}
	return tags
}

// ParseWheel reads a wheel's file name, {name}-{version}(-{build})?-{python}-{abi}-{platform}.whl.
// The name is the decoded one: "+", not "%2B". The error is a [*NameError] and wraps ErrVariant for
// a wheel variant.
func ParseWheel(filename string) (Wheel, error) {
	bad := func(format string, args ...any) (Wheel, error) {
		return Wheel{}, &NameError{Filename: filename, Reason: fmt.Sprintf(format, args...)}
	}
	stem, ok := strings.CutSuffix(filename, ".whl")
	if !ok {
		return bad("a wheel's name ends with .whl")
	}
	parts := strings.Split(stem, "-")
	if isVariant(parts) {
		_, err := bad("it has the variant label %q, and %v", parts[len(parts)-1], ErrVariant)
		err.(*NameError).Err = ErrVariant
		return Wheel{}, err
	}
	if len(parts) != 5 && len(parts) != 6 {
		return bad("it has %d parts between hyphens, and a wheel's has 5 or 6", len(parts))
	}
	if !isProject(parts[0]) {
		return bad("%q is not a project's name as wheels spell it", parts[0])
	}
	w := Wheel{Filename: filename, Name: pep508.NormalizeName(parts[0])}
	var err error
	if w.Version, err = pep440.Parse(parts[1]); err != nil {
		return bad("%v", err)
	}
	if len(parts) == 6 {
		if w.Build, ok = parseBuild(parts[2]); !ok {
			return bad("build tag %q does not begin with a digit", parts[2])
		}
	}
	sets := parts[len(parts)-3:]
	for i, target := range []*[]string{&w.Pythons, &w.ABIs, &w.Platforms} {
		*target = strings.Split(strings.ToLower(sets[i]), ".")
		for _, member := range *target {
			if member == "" || i == 0 && !isIdentifier(member) {
				return bad("%q is not a set of tags", sets[i])
			}
		}
	}
	if len(w.Pythons)*len(w.ABIs)*len(w.Platforms) > maxTags {
		return bad("it stands for more than %d tags", maxTags)
	}
	return w, nil
}

// isVariant tells whether the parts of a name end with a variant label (PEP 825): then there is
// one more than the build tag, if any, accounts for. A build tag begins with a digit, which a
// Python tag does not.
func isVariant(parts []string) bool {
	if len(parts) < 6 || len(parts) > 7 {
		return false
	}
	hasBuild := parts[2] != "" && isDigit(parts[2][0])
	label := parts[len(parts)-1]
	return hasBuild == (len(parts) == 7) && label != "" && strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789_.") == "" &&
		isIdentifier(strings.ReplaceAll(parts[len(parts)-4], ".", ""))
}

func parseBuild(s string) (Build, bool) {
	i := 0
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	if i == 0 {
		return Build{}, false
	}
	number := strings.TrimLeft(s[:i], "0")
	if number == "" {
		number = "0"
	}
	return Build{Number: number, Suffix: s[i:]}, true
}

// ParseSdist reads a source distribution's file name, {name}-{version}.tar.gz or .zip, and gives
// the normalised name. The error is a [*NameError].
func ParseSdist(filename string) (name string, version pep440.Version, err error) {
	bad := func(format string, args ...any) (string, pep440.Version, error) {
		return "", pep440.Version{}, &NameError{Filename: filename, Reason: fmt.Sprintf(format, args...)}
	}
	stem, ok := strings.CutSuffix(filename, ".tar.gz")
	if !ok {
		if stem, ok = strings.CutSuffix(filename, ".zip"); !ok {
			return bad("a source distribution's name ends with .tar.gz or .zip")
		}
	}
	// A version in normal form has no hyphen, a name may.
	i := strings.LastIndexByte(stem, '-')
	if i <= 0 {
		return bad("there is no name and version with a hyphen between them")
	}
	if version, err = pep440.Parse(stem[i+1:]); err != nil {
		return bad("%v", err)
	}
	return pep508.NormalizeName(stem[:i]), version, nil
}
