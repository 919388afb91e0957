package pep440

import (
	"encoding/binary"
	"slices"
	"sort"
	"strings"
)

// Set is a set of versions: some of the intervals between places in PEP 440's order.
//
// The places are not only the versions. ==1.0 contains every 1.0+local, so it ends behind the last
// of those and before 1.0.post0.dev0; >1.0 begins behind the last post-release of 1.0. Each place
// has one representation and between any two lies a version, so sets with the same members are
// Equal, have the same Key, and an empty one is known to be empty. A solver depends on that.
//
// The zero Set is empty. A Set is immutable.
type Set struct {
	// Places at which membership changes, ascending, from "outside" below all versions.
	cuts []cut
}

// cut is the place just before the versions whose key is pos or above.
type cut struct {
	pos string // "" is the beginning; no cut is at 0.dev0, the least version, which is the same
	// Numbers to print of the release, so that 2.0 does not become 2. It plays no part in equality.
	width int
}

var (
	leastKey = MustParse("0.dev0").key
	fullCuts = []cut{{}}
)

// Empty has no member.
func Empty() Set { return Set{} }

// Full has every version.
func Full() Set { return Set{fullCuts} }

// Singleton has v and the versions Equal to v; it does not have v's local versions.
func Singleton(v Version) Set {
	width := v.width()
	return Set{[]cut{newCut(v.key, width), {v.key + justBehind, width}}}
}

// Between has every version from the first on, in PEP 440's order, to the second, which it does not
// have. A zero Version is no bound. Unlike those of specifiers, the bounds are just what they say:
// Between(1.0, 2.0) has 1.0+local, 1.0.post1 and 2.0rc1.
func Between(from, to Version) Set {
	if !to.IsZero() && to.key <= from.key {
		return Empty()
	}
	positions := []cut{{}}
	if !from.IsZero() {
		positions[0] = newCut(from.key, from.width())
	}
	if !to.IsZero() {
		positions = append(positions, newCut(to.key, to.width()))
	}
	return Set{normal(positions)}
}

// FromSpecifiers is the set of the versions that s contains, with one exception: ===1.0 stands for
// a spelling, which a set of versions cannot tell from others, so the set has 1.0.0 too. An ===
// whose text no version's normal form equals has no member.
func FromSpecifiers(s Specifiers) Set {
	set := Full()
	for i := range s.list {
		set = set.Intersect(s.list[i].Set())
	}
	return set
}

// Set is FromSpecifiers for one clause.
func (s Specifier) Set() Set {
	if s.op != Arbitrary {
		return Set{s.cuts}
	}
	if !strings.EqualFold(s.raw, s.version.text) || s.version.IsZero() {
		return Empty()
	}
	return Singleton(s.version)
}

func newCut(pos string, width int) cut {
	if pos == leastKey {
		return cut{}
	}
	return cut{pos, width}
}

func (v Version) width() int {
	public, _, _ := strings.Cut(v.text, "+")
	f, _, _ := scan(public, 0, form{})
	return f.width()
}

func (f *fields) width() int { return strings.Count(f.release, ".") + 1 }

// cutsOf is what a clause contains (PEP 440, Version specifiers).
func cutsOf(op Op, prefix bool, f fields) []cut {
	width := f.width()
	cuts := func(positions ...string) []cut {
		list := make([]cut, len(positions))
		for i, pos := range positions {
			list[i] = newCut(pos, width)
		}
		return normal(list)
	}
	if prefix {
		// Prefix matching: the release as written, zeros and all, from its first development release on.
		from, to := f.base().firstDev().key(), f.nextRelease().firstDev().key()
		if op == NotEqual {
			return cuts("", from, to)
		}
		return cuts(from, to)
	}
	switch op {
	case Compatible:
		// Compatible release: >=V, and == V's release less its last number, with ".*".
		series := f
		series.release = f.release[:strings.LastIndexByte(f.release, '.')]
		c := cuts(f.key(), series.nextRelease().firstDev().key())
		c[1].width--
		return c
	case Equal, NotEqual:
		// Version matching: without a label, V stands for V and all its local versions.
		behind := f.key() + justBehind
		if f.local == "" {
			behind = f.next().key()
		}
		if op == NotEqual {
			return cuts("", f.key(), behind)
		}
		return cuts(f.key(), behind)
	case LessEqual:
		return cuts("", f.next().key())
	case GreaterEqual:
		return cuts(f.key())
	case Less:
		// Exclusive ordered comparison: no pre-release of V, unless V is one.
		if f.pre != 0 || f.dev {
			return cuts("", f.key())
		}
		return cuts("", f.firstDev().key())
	}
	// Greater: no post-release of V, unless V is one; and no local version of V.
	if f.post || f.dev {
		return cuts(f.next().key())
	}
	return cuts(f.afterPosts())
}

// normal drops pairs of cuts at the same place, in place.
func normal(list []cut) []cut {
	out := list[:0]
	for _, c := range list {
		if n := len(out); n > 0 && out[n-1].pos == c.pos {
			out = out[:n-1]
			continue
		}
		out = append(out, c)
	}
	return out
}

// Below tells whether all of the set's members come before v.
func (s Set) Below(v Version) bool {
	n := len(s.cuts)
	return n == 0 || n%2 == 0 && s.cuts[n-1].pos <= v.key
}

// containsKey tells whether the version with that key is inside.
func containsKey(cuts []cut, key string) bool {
	if len(cuts) <= 8 {
		inside := false
		for i := range cuts {
			if cuts[i].pos > key {
				break
			}
			inside = !inside
		}
		return inside
	}
	n := sort.Search(len(cuts), func(i int) bool { return cuts[i].pos > key })
	return n%2 == 1
}

// truth is a table of two variables: bit a+2b is the result.
type truth uint8

const (
	opAnd    truth = 0b1000
	opOr     truth = 0b1110
	opAndNot truth = 0b0010
)

// merge walks both lists and calls visit at each place where the operation's result changes, until
// visit returns false.
func merge(a, b []cut, op truth, visit func(cut) bool) {
	var in, out truth // in: bit 0 for a, bit 1 for b
	for len(a) > 0 || len(b) > 0 {
		var c cut
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].pos < b[0].pos:
			c, a, in = a[0], a[1:], in^1
		case len(a) == 0 || b[0].pos < a[0].pos:
			c, b, in = b[0], b[1:], in^2
		default:
			c = cut{a[0].pos, max(a[0].width, b[0].width)}
			a, b, in = a[1:], b[1:], in^3
		}
		if now := op >> in & 1; now != out {
			out = now
			if !visit(c) {
				return
			}
		}
	}
}

func combine(a, b []cut, op truth) Set {
	list := make([]cut, 0, len(a)+len(b))
	merge(a, b, op, func(c cut) bool {
		list = append(list, c)
		return true
	})
	return Set{list}
}

// empty tells whether the operation's result has no member.
func empty(a, b []cut, op truth) bool {
	none := true
	merge(a, b, op, func(cut) bool {
		none = false
		return false
	})
	return none
}

// Union has the members of either.
func (s Set) Union(t Set) Set {
	switch {
	case s.IsEmpty() || t.IsFull():
		return t
	case t.IsEmpty() || s.IsFull():
		return s
	}
	return combine(s.cuts, t.cuts, opOr)
}

// Intersect has the members of both.
func (s Set) Intersect(t Set) Set {
	switch {
	case s.IsEmpty() || t.IsFull():
		return s
	case t.IsEmpty() || s.IsFull():
		return t
	}
	return combine(s.cuts, t.cuts, opAnd)
}

// Minus has the members of s that t has not.
func (s Set) Minus(t Set) Set {
	if s.IsEmpty() || t.IsEmpty() {
		return s
	}
	return combine(s.cuts, t.cuts, opAndNot)
}

// Complement has every version that s has not.
func (s Set) Complement() Set {
	if len(s.cuts) > 0 && s.cuts[0].pos == "" {
		return Set{s.cuts[1:]}
	}
	return Set{append([]cut{{}}, s.cuts...)}
}

// Contains tells whether v is a member.
func (s Set) Contains(v Version) bool { return containsKey(s.cuts, v.key) }

// IsEmpty tells whether s has no member.
func (s Set) IsEmpty() bool { return len(s.cuts) == 0 }

// IsFull tells whether s has every version.
func (s Set) IsFull() bool { return len(s.cuts) == 1 && s.cuts[0].pos == "" }

// Equal tells whether both have the same members.
func (s Set) Equal(t Set) bool {
	return slices.EqualFunc(s.cuts, t.cuts, func(a, b cut) bool { return a.pos == b.pos })
}

// SubsetOf tells whether t has every member of s.
func (s Set) SubsetOf(t Set) bool { return empty(s.cuts, t.cuts, opAndNot) }

// Disjoint tells whether no version is a member of both.
func (s Set) Disjoint(t Set) bool { return empty(s.cuts, t.cuts, opAnd) }

// Hull is the smallest interval that has all of s.
func (s Set) Hull() Set {
	n := len(s.cuts)
	if n < 3 {
		return s
	}
	if n%2 == 1 { // no upper bound
		return Set{s.cuts[:1]}
	}
	return Set{[]cut{s.cuts[0], s.cuts[n-1]}}
}

// Single is the only member in normal form, if there is just one.
func (s Set) Single() (version string, ok bool) {
	if len(s.cuts) != 2 || !isSingle(s.cuts[0].pos, s.cuts[1].pos) {
		return "", false
	}
	return describe(s.cuts[0]).text(), true
}

// isSingle tells whether only one version lies between two neighbouring cuts.
func isSingle(from, to string) bool {
	if from == "" {
		from = leastKey
	}
	return to == from+justBehind
}

// Key is a string that two sets share exactly when they are Equal, for maps. It is not text.
func (s Set) Key() string {
	n := 0
	for _, c := range s.cuts {
		n += len(c.pos) + 2
	}
	b := make([]byte, 0, n)
	for _, c := range s.cuts {
		b = binary.AppendUvarint(b, uint64(len(c.pos)))
		b = append(b, c.pos...)
	}
	return string(b)
}
