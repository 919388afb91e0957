package pubgrub_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// intervals is a set of whole numbers: those that have an odd number of bounds at or below them. Bounds ascend strictly,
// so that equal sets are equal slices. It is the version set of the tests.
type intervals []int

const lowest = math.MinInt

var all = intervals{lowest}

func between(from, to int) intervals { return intervals{from, to} } // from <= v < to

func (a intervals) Contains(v int) bool {
	n, found := slices.BinarySearch(a, v)
	if found {
		n++
	}
	return n%2 == 1
}

func (a intervals) Complement() intervals {
	if len(a) > 0 && a[0] == lowest {
		return a[1:]
	}
	return append(intervals{lowest}, a...)
}

func (a intervals) combine(b intervals, keep func(inA, inB bool) bool) intervals {
	var out intervals
	i, j, in := 0, 0, false
	for i < len(a) || j < len(b) {
		var at int
		switch {
		case j == len(b) || i < len(a) && a[i] < b[j]:
			at = a[i]
			i++
		case i == len(a) || b[j] < a[i]:
			at = b[j]
			j++
		default:
			at = a[i]
			i++
			j++
		}
		if now := keep(i%2 == 1, j%2 == 1); now != in {
			out, in = append(out, at), now
		}
	}
	return out
}

func (a intervals) Union(b intervals) intervals {
	return a.combine(b, func(x, y bool) bool { return x || y })
}

func (a intervals) Intersect(b intervals) intervals {
	return a.combine(b, func(x, y bool) bool { return x && y })
}

func (a intervals) IsEmpty() bool          { return len(a) == 0 }
func (a intervals) Equal(b intervals) bool { return slices.Equal(a, b) }
func (a intervals) Disjoint(b intervals) bool {
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		endA, endB := math.MaxInt, math.MaxInt
		if i+1 < len(a) {
			endA = a[i+1]
		}
		if j+1 < len(b) {
			endB = b[j+1]
		}
		if a[i] < endB && b[j] < endA {
			return false
		}
		if endA < endB {
			i += 2
		} else {
			j += 2
		}
	}
	return true
}

func (a intervals) SubsetOf(b intervals) bool { return a.Disjoint(b.Complement()) }

func (a intervals) String() string {
	if len(a) == 0 {
		return "∅"
	}
	if a.Equal(all) {
		return "*"
	}
	var parts []string
	for i := 0; i < len(a); i += 2 {
		switch {
		case i+1 == len(a):
			parts = append(parts, fmt.Sprintf(">=%d", a[i]))
		case a[i] == lowest:
			parts = append(parts, fmt.Sprintf("<%d", a[i+1]))
		case a[i]+1 == a[i+1]:
			parts = append(parts, fmt.Sprint(a[i]))
		default:
			parts = append(parts, fmt.Sprintf(">=%d,<%d", a[i], a[i+1]))
		}
	}
	return strings.Join(parts, " | ")
}
