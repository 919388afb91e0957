package pyvalue

import (
	"fmt"
	"strings"
)

// thing is what a setup.py asks of the machine and of Python: the interpreter's version and the machine's kind, which depend.
type thing struct{ what string }

// items of versions.
func (t thing) item(i Value, at Place) Value {
	if n, ok := i.(Int); ok && strings.HasPrefix(t.what, "version_") {
		switch n {
		case 0:
			return Int(3)
		case 1:
			return thing{"minor"}
		}
	}
	return unknown(at, "a part of what depends on the machine")
}

// compare is a comparison.
func (m *machine) compare(op string, a, b Value, at Place) Value {
	if t, ok := a.(thing); ok {
		return t.compare(op, b, at)
	}
	if t, ok := b.(thing); ok {
		if turned := map[string]string{"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}[op]; turned != "" {
			return t.compare(turned, a, at)
		}
	}
	switch op {
	case "in", "not in":
		found, known := contains(b, a)
		if !known {
			break
		}
		return Bool(found == (op == "in"))
	case "is", "is not", "==", "!=", "<>":
		if _, ok := a.(Unknown); ok {
			break
		}
		if _, ok := b.(Unknown); ok {
			break
		}
		return Bool(equal(a, b) == (op == "is" || op == "=="))
	default:
		x, ok := a.(Int)
		y, both := b.(Int)
		if ok && both {
			return Bool(op == "<" && x < y || op == "<=" && x <= y || op == ">" && x > y || op == ">=" && x >= y)
		}
		p, ok := ints(a)
		q, both := ints(b)
		if ok && both {
			c := compareInts(p, q)
			return Bool(op == "<" && c < 0 || op == "<=" && c <= 0 || op == ">" && c > 0 || op == ">=" && c >= 0)
		}
	}
	if u, ok := a.(Unknown); ok {
		return u
	}
	return unknown(at, "a comparison with what cannot be told")
}

func contains(b, a Value) (found, known bool) {
	switch b := b.(type) {
	case *List:
		known = true
		for _, v := range b.Items {
			if equal(v, a) {
				return true, true
			}
			if _, ok := v.(Unknown); ok {
				known = false
			}
		}
		return false, known
	case *Dict:
		return b.find(a) >= 0, true
	case Str:
		s, ok := a.(Str)
		return ok && strings.Contains(b.S, s.S), ok
	}
	return false, false
}

func ints(v Value) ([]int64, bool) {
	l, ok := v.(*List)
	if !ok {
		return nil, false
	}
	var out []int64
	for _, item := range l.Items {
		n, ok := item.(Int)
		if !ok {
			break // "final" and a serial number
		}
		out = append(out, int64(n))
	}
	return out, len(out) > 0
}

func compareInts(a, b []int64) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			if a[i] < b[i] {
				return -1
			}
			return 1
		}
	}
	return len(a) - len(b)
}

// compare is a comparison of what depends with what does not: a condition with a marker, or what holds on every Python 3.
func (t thing) compare(op string, b Value, at Place) Value {
	if op == "<>" {
		op = "!="
	}
	switch t.what {
	case "version_info":
		if v, ok := ints(b); ok {
			return versionCondition(op, v, at, false)
		}
	case "version_pair":
		if v, ok := ints(b); ok {
			return versionCondition(op, v, at, true)
		}
	case "minor":
		if n, ok := b.(Int); ok {
			return versionCondition(op, []int64{3, int64(n)}, at, true)
		}
	case "python_version":
		if s, ok := b.(Str); ok && markerOperator(op) {
			return condition{fmt.Sprintf("python_version %s %q", op, s.S)}
		}
	case "platform_machine":
		if s, ok := b.(Str); ok && (op == "==" || op == "!=") {
			return condition{fmt.Sprintf("platform_machine %s %q", op, s.S)}
		}
	}
	return unknown(at, "a comparison with what depends on the machine")
}

func markerOperator(op string) bool { return strings.Contains(" < <= > >= == != ", " "+op+" ") }

// versionCondition compares sys.version_info with a version, or exactly its first two parts.
func versionCondition(op string, v []int64, at Place, pair bool) Value {
	if !markerOperator(op) {
		return unknown(at, "a comparison with the version of Python")
	}
	if c := compareInts([]int64{3, 0}, append(v, 0, 0)[:2]); v[0] != 3 || len(v) == 1 { // the same for every Python 3
		if v[0] != 3 {
			return Bool(c < 0 && (op == "<" || op == "<=" || op == "!=") || c > 0 && (op == ">" || op == ">=" || op == "!="))
		}
		switch op { // (3, 6, …) against (3,): longer is more
		case "<", "<=", "==":
			return Bool(op == "==")
		}
		return Bool(op != "!=")
	}
	text := fmt.Sprintf("%d.%d", v[0], v[1])
	if len(v) > 2 {
		return condition{fmt.Sprintf("python_full_version %s %q", op, fmt.Sprintf("%s.%d", text, v[2]))}
	}
	switch {
	case v[1] == 0 && (op == ">=" || op == ">" && !pair):
		return Bool(true)
	case v[1] == 0 && (op == "<" || op == "<=" && !pair):
		return Bool(false)
	case pair:
	case op == ">": // (3, 6, 1) > (3, 6)
		op = ">="
	case op == "<=":
		op = "<"
	}
	return condition{fmt.Sprintf("python_version %s %q", op, text)}
}
