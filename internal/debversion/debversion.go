// Package debversion orders versions of Debian packages, and holds them to the bounds of relations. It knows nothing of
// packages.
package debversion

import "strings"

// Compare orders two Debian versions: -1, 0 or 1 (deb-version(7), "Sorting algorithm"). It never
// fails: what is no digit in an epoch or number sorts as dpkg sorts it in the other parts.
func Compare(a, b string) int {
	epochA, upstreamA, revisionA := Split(a)
	epochB, upstreamB, revisionB := Split(b)
	if c := compareNumbers(epochA, epochB); c != 0 {
		return c
	}
	if c := comparePart(upstreamA, upstreamB); c != 0 {
		return c
	}
	return comparePart(revisionA, revisionB)
}

// Split cuts [epoch:]upstream[-revision]. A missing revision sorts as "0" does, that is as "".
func Split(v string) (epoch, upstream, revision string) {
	if e, rest, ok := strings.Cut(v, ":"); ok {
		epoch, v = e, rest
	}
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		return epoch, v[:i], v[i+1:]
	}
	return epoch, v, ""
}

// Holds tells whether a version keeps a bound: "<<", "<=", "=", ">=" or ">>" (Debian policy 7.1), or "<" and ">", which
// dpkg still reads as "<=" and ">=". Any other operator is kept by none.
func Holds(version, operator, bound string) bool {
	c := Compare(version, bound)
	switch operator {
	case "<<":
		return c < 0
	case "<=", "<":
		return c <= 0
	case "=":
		return c == 0
	case ">=", ">":
		return c >= 0
	case ">>":
		return c > 0
	}
	return false
}

func comparePart(a, b string) int {
	for a != "" || b != "" {
		i, j := 0, 0
		for i < len(a) && !isDigit(a[i]) || j < len(b) && !isDigit(b[j]) {
			x, y := weight(a, i), weight(b, j)
			if x != y {
				return sign(x - y)
			}
			i, j = i+1, j+1
		}
		a, b = a[min(i, len(a)):], b[min(j, len(b)):]
		numberA, numberB := digits(a), digits(b)
		if c := compareNumbers(numberA, numberB); c != 0 {
			return c
		}
		a, b = a[len(numberA):], b[len(numberB):]
	}
	return 0
}

// weight orders what is no digit: tilde before the end, the end before letters, letters before all else.
func weight(s string, i int) int {
	if i >= len(s) || isDigit(s[i]) {
		return 0
	}
	c := s[i]
	switch {
	case c == '~':
		return -1
	case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
		return int(c)
	}
	return int(c) + 256
}

// compareNumbers compares decimal numbers of any length; "" is 0.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return sign(len(a) - len(b))
	}
	return strings.Compare(a, b)
}

func digits(s string) string {
	i := 0
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return s[:i]
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
