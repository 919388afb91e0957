// Package pep440 is Python's versions: reading and ordering them, version specifiers, and sets of
// versions for a solver.
//
// It follows PEP 440 and the version-specifiers specification that succeeded it, as
// pypa/packaging 26.2 and later implement them. It knows nothing of packages, of indexes, or of
// when a pre-release is welcome: [Specifiers.Contains] is the pure rule, and policy is the
// caller's ([Specifiers.MentionsPrerelease] helps).
//
// A version's place in the order is a byte string, and comparing two versions is comparing two
// strings. So is a place between two versions, of which sets are made; see [Set]. Everything here
// is immutable and safe for concurrent use.
package pep440

import (
	"fmt"
	"strconv"
	"strings"
)

// maxLen is the longest version, in bytes, that Parse accepts. PEP 440 sets no limit; the longest
// on the public index is far below this, and a limit keeps hostile input from costing memory.
const maxLen = 2048

type flags uint8

const (
	flagPre flags = 1 << iota // alpha, beta or release candidate
	flagPost
	flagDev
	flagLocal
)

// Version is a parsed version. The zero Version is no version at all and sorts before every other.
//
// Use [Version.Equal], not ==: 1.0 and 1.0.0 are the same version, written differently.
type Version struct {
	key   string // place in the order, see key.go
	text  string // normal form
	flags flags
}

// Error says that a version or a specifier is malformed.
type Error struct {
	Kind   string // "version" or "version specifier"
	Input  string // what was to be parsed
	Offset int    // of the first byte that cannot be right
}

func (e *Error) Error() string {
	return fmt.Sprintf("invalid %s %q (at byte %d)", e.Kind, e.Input, e.Offset)
}

// Parse reads a version in any spelling that PEP 440 allows (Appendix B), white space around it
// included. Numbers may be of any size. The error is an [*Error].
func Parse(s string) (Version, error) {
	start, end := trimSpace(s)
	if end-start > maxLen {
		return Version{}, &Error{"version", s, start + maxLen}
	}
	f, n, ok := scan(s[:end], start, anyForm)
	if !ok || n != end {
		return Version{}, &Error{"version", s, n}
	}
	return f.version(), nil
}

// MustParse is Parse for constants and tests; it panics on malformed input.
func MustParse(s string) Version {
	v, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return v
}

// version makes the Version that the fields spell: both its strings in one allocation.
func (f *fields) version() Version {
	var stack [96]byte
	b := f.appendKey(stack[:0])
	n := len(b)
	b = f.appendText(b)
	s := string(b)
	v := Version{key: s[:n], text: s[n:]}
	if f.pre != 0 {
		v.flags |= flagPre
	}
	if f.post {
		v.flags |= flagPost
	}
	if f.dev {
		v.flags |= flagDev
	}
	if f.local != "" {
		v.flags |= flagLocal
	}
	return v
}

// fields takes the normal form apart again.
func (v Version) fields() fields {
	f, _, _ := scan(v.text, 0, anyForm)
	return f
}

// String is the normal form (PEP 440, Normalization): lower case, no leading zeros, one spelling
// of each part. Zeros at the end of the release are kept: 1.0 stays 1.0.
func (v Version) String() string { return v.text }

// IsZero tells whether v is the zero Version.
func (v Version) IsZero() bool { return v.text == "" }

// Compare is -1, 0 or 1 in PEP 440's order, local labels included.
func (v Version) Compare(w Version) int { return strings.Compare(v.key, w.key) }

// Equal tells whether both are the same version, however written: 1.0 equals 1.0.0, and differs
// from 1.0+local.
func (v Version) Equal(w Version) bool { return v.key == w.key }

// Less tells whether v sorts before w.
func (v Version) Less(w Version) bool { return v.key < w.key }

// Key is a string that two versions share exactly when they are Equal; it sorts as they do. It is
// not text.
func (v Version) Key() string { return v.key }

// IsPrerelease tells whether v is an alpha, beta, release candidate or development release
// (developmental releases are pre-releases since the specification's change of May 2025).
func (v Version) IsPrerelease() bool { return v.flags&(flagPre|flagDev) != 0 }

// IsPostrelease tells whether v has a post-release part.
func (v Version) IsPostrelease() bool { return v.flags&flagPost != 0 }

// IsDevrelease tells whether v has a development-release part.
func (v Version) IsDevrelease() bool { return v.flags&flagDev != 0 }

// IsLocal tells whether v has a local label.
func (v Version) IsLocal() bool { return v.flags&flagLocal != 0 }

// Local is the local label in normal form, without the plus sign: "cu121" of 2.4.0+cu121, "" for
// none.
func (v Version) Local() string {
	_, local, _ := strings.Cut(v.text, "+")
	return local
}

// Public is v without its local label.
func (v Version) Public() Version {
	if v.flags&flagLocal == 0 {
		return v
	}
	f := v.fields()
	f.local = ""
	return f.version()
}

// Epoch is the epoch, 0 for most. A number beyond 64 bits is given as the largest.
func (v Version) Epoch() uint64 { return saturated(v.fields().epoch) }

// Release is the release's numbers as written: [1 0] for 1.0rc1. A number beyond 64 bits is given
// as the largest.
func (v Version) Release() []uint64 {
	f := v.fields()
	numbers := make([]uint64, 0, strings.Count(f.release, ".")+1)
	for number := range strings.SplitSeq(f.release, ".") {
		numbers = append(numbers, saturated(number))
	}
	return numbers
}

// saturated is the number that digits spell, or the largest if that is too small. A range error
// of ParseUint leaves just that, and digits are digits.
func saturated(digits string) uint64 {
	n, _ := strconv.ParseUint(digits, 10, 64)
	return n
}

// MarshalText is the normal form.
func (v Version) MarshalText() ([]byte, error) { return []byte(v.text), nil }

// UnmarshalText is Parse.
func (v *Version) UnmarshalText(text []byte) error {
	w, err := Parse(string(text))
	if err != nil {
		return err
	}
	*v = w
	return nil
}
