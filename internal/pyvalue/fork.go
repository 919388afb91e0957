package pyvalue

import "strings"

// condition is a truth that depends on what an environment marker says.
type condition struct{ marker string }

// negation is the marker that holds where another does not.
func negation(marker string) string {
	for _, pair := range [][2]string{{" < ", " >= "}, {" >= ", " < "}, {" > ", " <= "}, {" <= ", " > "}, {" == ", " != "}, {" != ", " == "}} {
		if strings.Count(marker, pair[0]) == 1 && !strings.Contains(marker, " and ") && !strings.Contains(marker, " or ") {
			return strings.Replace(marker, pair[0], pair[1], 1)
		}
	}
	return ""
}

func truthOf(v Value) (truth, known bool) {
	switch v := v.(type) {
	case Bool:
		return bool(v), true
	case Int:
		return v != 0, true
	case None:
		return false, true
	case Str:
		return v.S != "", true
	case *List:
		return len(v.Items) > 0, true
	case *Dict:
		return len(v.Keys) > 0, true
	case *function, native, *file, *match:
		return true, true
	}
	return false, false
}

// fork goes both ways, and puts together what came of them: what both have is certain, and what one has has the marker or the doubt. A
// signal counts where both ways give it.
func (m *machine) fork(_ Value, yes, no []stmt, s *scope, marker, doubt string) signal {
	if m.depth++; m.depth > maxCalls {
		m.depth--
		return onward
	}
	defer func() { m.depth-- }()
	before := m.copyScope(s)
	calls := len(m.calls)
	one := m.run(yes, s)
	first := m.copyScope(s)
	firstResult := m.result
	firstCalls := m.calls[calls:]
	restore(s, before)
	m.calls = m.calls[:calls:calls]
	two := m.run(no, s)
	m.calls = append(append(m.calls[:calls:calls], firstCalls...), m.calls[calls:]...)
	other := ""
	if marker != "" {
		if other = negation(marker); other == "" {
			doubt = "not " + marker
		}
	}
	switch {
	case one == returned && two == returned:
		m.result = m.merge(firstResult, m.result, marker, other, doubt)
		return returned
	case one != onward && two == onward: // the way that goes on
		return onward
	case two != onward && one == onward:
		restore(s, first)
		return onward
	case one != onward:
		return one
	}
	for name, v := range first {
		now, there := s.names[name]
		if !there {
			s.names[name] = v
			continue
		}
		s.names[name] = m.merge(v, now, marker, other, doubt)
	}
	return onward
}

// copyScope copies the names of a scope, and the lists and dictionaries behind them.
func (m *machine) copyScope(s *scope) map[string]Value {
	out := make(map[string]Value, len(s.names))
	seen := map[any]Value{}
	for name, v := range s.names {
		out[name] = m.copyValue(v, seen, 0)
	}
	return out
}

func (m *machine) copyValue(v Value, seen map[any]Value, depth int) Value {
	if depth > 20 {
		return v
	}
	switch v := v.(type) {
	case *List:
		if done, ok := seen[v]; ok {
			return done
		}
		l := &List{At: v.At}
		seen[v] = l
		m.memory += 16 * len(v.Items)
		for _, item := range v.Items {
			l.Items = append(l.Items, m.copyValue(item, seen, depth+1))
		}
		return l
	case *Dict:
		if done, ok := seen[v]; ok {
			return done
		}
		d := &Dict{Keys: append([]Value(nil), v.Keys...)}
		seen[v] = d
		m.memory += 32 * len(v.Keys)
		for _, item := range v.Vals {
			d.Vals = append(d.Vals, m.copyValue(item, seen, depth+1))
		}
		return d
	}
	return v
}

func restore(s *scope, names map[string]Value) {
	for name := range s.names {
		if _, ok := names[name]; !ok {
			delete(s.names, name)
		}
	}
	for name, v := range names {
		s.names[name] = v
	}
}

// merge puts together what a value is in two ways.
func (m *machine) merge(a, b Value, marker, other, doubt string) Value {
	if identical(a, b) {
		return a
	}
	switch x := a.(type) {
	case *List:
		if y, ok := b.(*List); ok {
			return m.mergeLists(x, y, marker, other, doubt)
		}
		if isNothing(b) {
			return m.mergeLists(x, &List{}, marker, other, doubt)
		}
	case *Dict:
		y, ok := b.(*Dict)
		if isNothing(b) {
			y, ok = &Dict{}, true
		}
		if !ok {
			break
		}
		out := &Dict{}
		for i, k := range x.Keys {
			v := x.Vals[i]
			if at := y.find(k); at >= 0 {
				v = m.merge(v, y.Vals[at], marker, other, doubt)
			} else if l, ok := v.(*List); ok {
				v = m.mergeLists(l, &List{}, marker, other, doubt)
			}
			out.set(k, v)
		}
		for i, k := range y.Keys {
			if x.find(k) < 0 {
				v := y.Vals[i]
				if l, ok := v.(*List); ok {
					v = m.mergeLists(&List{}, l, marker, other, doubt)
				}
				out.set(k, v)
			}
		}
		return out
	case Str:
		if y, ok := b.(Str); ok && (marker != "" || doubt != "") {
			if isNothing(y) {
				return x.under(marker, doubt)
			}
			return unknown(x.At, "%q or %q: it depends", x.S, y.S)
		}
	case Unknown:
		return a
	}
	if isNothing(a) {
		if l, ok := b.(*List); ok {
			return m.mergeLists(&List{}, l, marker, other, doubt)
		}
	}
	if u, ok := b.(Unknown); ok {
		return u
	}
	if _, ok := a.(*function); ok {
		return a
	}
	return Unknown{Why: "it depends on " + doubt + marker}
}

func isNothing(v Value) bool {
	switch v := v.(type) {
	case None:
		return true
	case Str:
		return v.S == ""
	}
	return false
}

func (d *Dict) find(key Value) int {
	for i, k := range d.Keys {
		if equal(k, key) {
			return i
		}
	}
	return -1
}

// under is a text that is there under a condition only.
func (s Str) under(marker, doubt string) Str {
	switch {
	case marker == "":
		if s.Doubt == "" {
			s.Doubt = doubt
		}
	case s.Marker == "":
		s.Marker = marker
	case s.Marker != marker:
		s.Marker = "(" + s.Marker + ") and " + marker
	}
	return s
}

// mergeLists keeps the order of both, the first's before the second's where they differ.
func (m *machine) mergeLists(a, b *List, marker, other, doubt string) *List {
	out := &List{At: a.At}
	inB := func(v Value) int {
		for i, w := range b.Items {
			if identical(v, w) {
				return i
			}
		}
		return -1
	}
	conditional := func(v Value, marker string) Value {
		d := ""
		if marker == "" {
			d = doubt
		}
		switch v := v.(type) {
		case Str:
			return v.under(marker, d)
		case Unknown:
			return v
		}
		return v
	}
	m.steps += len(a.Items) * (len(b.Items) + 1)
	if m.steps > maxSteps {
		out.Items = append(append(out.Items, a.Items...), b.Items...)
		return out
	}
	next := 0
	for _, v := range a.Items {
		at := inB(v)
		if at < 0 {
			out.Items = append(out.Items, conditional(v, marker))
			continue
		}
		for ; next < at; next++ {
			out.Items = append(out.Items, conditional(b.Items[next], other))
		}
		if at >= next {
			next = at + 1
		}
		out.Items = append(out.Items, v)
	}
	for ; next < len(b.Items); next++ {
		out.Items = append(out.Items, conditional(b.Items[next], other))
	}
	return out
}
