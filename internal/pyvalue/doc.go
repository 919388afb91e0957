// Package pyvalue tells what a Python module would give to a function, as far as that shows in its source: what stands in lists and
// variables, what simple functions of the module return, and what files hold that it reads. It runs nothing.
//
// It goes through the module as a plain installation on Linux would, with no variable set in the environment. Where a way depends on
// the version of Python or on the machine's kind, what differs has that as an environment marker; where it depends on something that cannot be told,
// what differs has a doubt. Whatever else cannot be told is [Unknown], with the place and the reason. Work, depth and memory
// are bounded; beyond the bounds all is unknown.
package pyvalue

import "fmt"

// Place is where a value was written: a file, and a line from 1.
type Place struct {
	File string
	Line int
}

// Value is what an expression stands for: [Str], Int, Bool, None, *[List], *[Dict], [Unknown], or what only the package knows.
type Value any

// Str is a text. A path is one too, relative to the module's folder.
type Str struct {
	S  string
	At Place
	// Marker is the environment marker under which it is there, "" for always.
	Marker string
	// Doubt says on what it depends whether it is there, "" if that is certain.
	Doubt string
}

// Int is a whole number.
type Int int64

// Bool is true or false.
type Bool bool

// None is None.
type None struct{}

// List is a list, a tuple or a set.
type List struct {
	Items []Value
	At    Place
}

// Dict is a dictionary, in the order of insertion.
type Dict struct {
	Keys []Value
	Vals []Value
}

// Unknown is what cannot be told.
type Unknown struct {
	At  Place
	Why string
}

// Get is the value of a key that is a text.
func (d *Dict) Get(key string) (Value, bool) {
	for i, k := range d.Keys {
		if s, ok := k.(Str); ok && s.S == key {
			return d.Vals[i], true
		}
	}
	return nil, false
}

func (d *Dict) set(key, v Value) {
	for i, k := range d.Keys {
		if equal(k, key) {
			d.Vals[i] = v
			return
		}
	}
	d.Keys, d.Vals = append(d.Keys, key), append(d.Vals, v)
}

func unknown(at Place, format string, args ...any) Unknown {
	return Unknown{at, fmt.Sprintf(format, args...)}
}

// equal compares texts, numbers and the like; what cannot be told is equal to nothing.
func equal(a, b Value) bool { return same(a, b, 0, false) }

// identical compares in addition what cannot be told: it is the same if it is of the same place.
func identical(a, b Value) bool { return same(a, b, 0, true) }

func same(a, b Value, depth int, unknowns bool) bool {
	if depth > 30 { // or they contain themselves
		return false
	}
	switch a := a.(type) {
	case Str:
		b, ok := b.(Str)
		return ok && a.S == b.S
	case Int, Bool, None:
		return a == b
	case Unknown, thing, condition:
		return unknowns && a == b
	case *function, *file, *match:
		return unknowns && a == b
	case native:
		_, both := b.(native)
		return unknowns && both
	case *List:
		b, ok := b.(*List)
		if !ok || len(a.Items) != len(b.Items) {
			return false
		}
		for i := range a.Items {
			if !same(a.Items[i], b.Items[i], depth+1, unknowns) {
				return false
			}
		}
		return true
	case *Dict:
		b, ok := b.(*Dict)
		if !ok || len(a.Keys) != len(b.Keys) {
			return false
		}
		for i := range a.Keys {
			if !same(a.Keys[i], b.Keys[i], depth+1, unknowns) || !same(a.Vals[i], b.Vals[i], depth+1, unknowns) {
				return false
			}
		}
		return true
	}
	return false
}
