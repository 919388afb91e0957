package pep440

import (
	"slices"
	"strings"
)

// Op is the operator of a version specifier.
type Op uint8

// The operators (PEP 440, Version specifiers).
const (
	Compatible   Op = iota + 1 // ~=
	Equal                      // ==
	NotEqual                   // !=
	LessEqual                  // <=
	GreaterEqual               // >=
	Less                       // <
	Greater                    // >
	Arbitrary                  // ===
)

var opText = [...]string{"", "~=", "==", "!=", "<=", ">=", "<", ">", "==="}

func (o Op) String() string { return opText[o] }

// opForms is what each operator admits behind it.
var opForms = [...]form{
	Compatible:   {dotted: true},
	Equal:        {local: true, prefix: true},
	NotEqual:     {local: true, prefix: true},
	LessEqual:    {},
	GreaterEqual: {},
	Less:         {},
	Greater:      {},
}

// Specifier is one clause: an operator and a version.
type Specifier struct {
	op      Op
	prefix  bool    // == or != with ".*"
	version Version // zero if op is Arbitrary and its text is no version
	raw     string  // text behind ===
	cuts    []cut   // what it contains; nil for Arbitrary
}

// ParseSpecifier reads one clause. The error is an [*Error].
func ParseSpecifier(s string) (Specifier, error) {
	start, end := trimSpace(s)
	spec, n, ok := scanSpecifier(s[:end], start)
	if !ok || n != end {
		return Specifier{}, &Error{"version specifier", s, n}
	}
	return spec, nil
}

// ScanSpecifier reads the clause at the beginning of s and gives its length. It is not ok if there
// is none; the length is then the offset of the first byte that cannot be right. It is for parsers
// of requirements, where a clause ends at what cannot be part of it.
func ScanSpecifier(s string) (length int, ok bool) {
	_, length, ok = scanSpecifier(s, 0)
	return length, ok
}

func scanSpecifier(s string, i int) (spec Specifier, end int, ok bool) {
	op, i := scanOp(s, i)
	if op == 0 {
		return spec, i, false
	}
	i = skipSpace(s, i)
	if op == Arbitrary {
		end = i
		for end < len(s) && s[end] != ';' && s[end] != ')' && s[end] != ' ' && skipSpace(s, end) == end {
			end++
		}
		return arbitrary(s[i:end]), end, true
	}
	f, end, ok := scan(s, i, opForms[op])
	if !ok || end-i > maxLen {
		return spec, end, false
	}
	prefix := f.prefix
	f.prefix = false
	spec = Specifier{op: op, prefix: prefix, version: f.version(), cuts: cutsOf(op, prefix, f)}
	return spec, end, true
}

func scanOp(s string, i int) (op Op, end int) {
	at := func(k int) byte {
		if i+k < len(s) {
			return s[i+k]
		}
		return 0
	}
	switch first, second := at(0), at(1); {
	case first == '=' && second == '=' && at(2) == '=':
		return Arbitrary, i + 3
	case second == '=':
		switch first {
		case '=':
			return Equal, i + 2
		case '!':
			return NotEqual, i + 2
		case '~':
			return Compatible, i + 2
		case '<':
			return LessEqual, i + 2
		case '>':
			return GreaterEqual, i + 2
		}
	case first == '<':
		return Less, i + 1
	case first == '>':
		return Greater, i + 1
	}
	return 0, i
}

// arbitrary is ===text.
func arbitrary(text string) Specifier {
	spec := Specifier{op: Arbitrary, raw: text}
	if v, err := Parse(text); err == nil {
		spec.version = v
	}
	return spec
}

// Op is the operator.
func (s Specifier) Op() Op { return s.op }

// Version is the version behind the operator, without ".*"; it is zero for an === whose text is no
// version.
func (s Specifier) Version() Version { return s.version }

// IsExact tells whether s is == without ".*", or ===: a pin, as the rules for yanked releases
// (PEP 592) understand it.
func (s Specifier) IsExact() bool {
	return s.op == Arbitrary || s.op == Equal && !s.prefix
}

// Contains tells whether v satisfies the clause, pre-releases like any other version.
func (s Specifier) Contains(v Version) bool {
	if s.op == Arbitrary {
		return strings.EqualFold(s.raw, v.text)
	}
	return containsKey(s.cuts, v.key)
}

// MentionsPrerelease tells whether the clause names a pre-release and so asks for them. A != does
// not, since it only excludes.
func (s Specifier) MentionsPrerelease() bool {
	return s.op != NotEqual && s.version.IsPrerelease()
}

// String is the clause with the version in normal form; text behind === is as it was.
func (s Specifier) String() string { return opText[s.op] + s.operand() }

// operand is what follows the operator.
func (s Specifier) operand() string {
	switch {
	case s.op == Arbitrary:
		return s.raw
	case s.prefix:
		return s.version.text + ".*"
	}
	return s.version.text
}

// Specifiers are clauses that all must hold. The zero value contains every version.
type Specifiers struct {
	list []Specifier // in the order of their String, each once
}

// ParseSpecifiers reads clauses separated by commas; there may be none, and commas too many. The
// error is an [*Error].
func ParseSpecifiers(s string) (Specifiers, error) {
	var list []Specifier
	for i := 0; i <= len(s); {
		end := i + strings.IndexByte(s[i:]+",", ',')
		start, stop := trimSpace(s[i:end])
		if start < stop {
			spec, n, ok := scanSpecifier(s[:i+stop], i+start)
			if !ok || n != i+stop {
				return Specifiers{}, &Error{"version specifier", s, n}
			}
			list = append(list, spec)
		}
		i = end + 1
	}
	return NewSpecifiers(list...), nil
}

// MustParseSpecifiers is ParseSpecifiers for constants and tests; it panics on malformed input.
func MustParseSpecifiers(s string) Specifiers {
	specs, err := ParseSpecifiers(s)
	if err != nil {
		panic(err)
	}
	return specs
}

// NewSpecifiers are the given clauses.
func NewSpecifiers(list ...Specifier) Specifiers {
	switch len(list) {
	case 0:
		return Specifiers{}
	case 1:
		return Specifiers{list: slices.Clone(list)}
	}
	list = slices.Clone(list)
	slices.SortStableFunc(list, compareText)
	list = slices.CompactFunc(list, func(a, b Specifier) bool { return compareText(a, b) == 0 })
	return Specifiers{list: list}
}

// compareText orders clauses as their texts do. Operators can be compared by themselves, since one
// that begins another goes on with "=", which sorts above the digits that versions begin with.
func compareText(a, b Specifier) int {
	if a.op != b.op {
		return strings.Compare(opText[a.op], opText[b.op])
	}
	return strings.Compare(a.operand(), b.operand())
}

// All are the clauses, sorted by their text. The slice is the caller's.
func (s Specifiers) All() []Specifier { return slices.Clone(s.list) }

// Len is the number of clauses.
func (s Specifiers) Len() int { return len(s.list) }

// And is s and t together.
func (s Specifiers) And(t Specifiers) Specifiers {
	return NewSpecifiers(append(slices.Clone(s.list), t.list...)...)
}

// Contains tells whether v satisfies every clause, pre-releases like any other version: it is
// packaging's SpecifierSet.contains(v, prereleases=True).
func (s Specifiers) Contains(v Version) bool {
	for i := range s.list {
		if !s.list[i].Contains(v) {
			return false
		}
	}
	return true
}

// MentionsPrerelease tells whether a clause names a pre-release (PEP 440, Handling of
// pre-releases: such a specifier admits them).
func (s Specifiers) MentionsPrerelease() bool {
	return slices.ContainsFunc(s.list, Specifier.MentionsPrerelease)
}

// IsExact tells whether a clause pins a version, see [Specifier.IsExact].
func (s Specifiers) IsExact() bool { return slices.ContainsFunc(s.list, Specifier.IsExact) }

// String is the clauses in normal form, sorted and separated by commas.
func (s Specifiers) String() string {
	var b strings.Builder
	for i := range s.list {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(s.list[i].String())
	}
	return b.String()
}

// MarshalText is String.
func (s Specifiers) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is ParseSpecifiers.
func (s *Specifiers) UnmarshalText(text []byte) error {
	t, err := ParseSpecifiers(string(text))
	if err != nil {
		return err
	}
	*s = t
	return nil
}
