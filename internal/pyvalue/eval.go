package pyvalue

import (
	"fmt"
	"path"
	"strings"
)

// eval gives the value of an expression.
func (m *machine) eval(e *expr, s *scope) Value {
	if e == nil {
		return None{}
	}
	if m.tired() {
		return unknown(m.at(e.line), "too much work")
	}
	if m.depth++; m.depth > 400 {
		m.depth--
		return unknown(m.at(e.line), "too deep")
	}
	defer func() { m.depth-- }()
	switch e.op {
	case "literal":
		return e.val
	case "name":
		if v, ok := s.get(e.name); ok {
			return v
		}
		if v, ok := m.known(e.name); ok {
			return v
		}
		return Unknown{m.at(e.line), e.name}
	case "list":
		l := &List{At: m.at(e.line)}
		for _, k := range e.kids {
			if len(l.Items) > maxItems {
				break
			}
			if k.op == "star" {
				if items, ok := m.items(m.eval(k.kids[0], s)); ok {
					l.Items = append(l.Items, items...)
				} else {
					l.Items = append(l.Items, unknown(m.at(k.line), "a list that cannot be told"))
				}
				continue
			}
			l.Items = append(l.Items, m.eval(k, s))
		}
		return m.bounded(l)
	case "dict":
		return m.dict(e, s)
	case "call":
		return m.call(e, s)
	case "attr":
		return m.attribute(m.eval(e.kids[0], s), e.name, m.at(e.line), e)
	case "index":
		return m.index(m.eval(e.kids[0], s), m.eval(e.kids[1], s), m.at(e.line))
	case "slice":
		return m.slice(m.eval(e.kids[0], s), e, s)
	case "comp", "dictcomp":
		return m.comprehension(e, s)
	case "lambda":
		return &function{expr: e, outer: s}
	case "format":
		return m.format(e, s)
	case "if":
		return m.either(e, s)
	case "not":
		return m.not(m.eval(e.kids[0], s), m.at(e.line))
	case "and", "or":
		return m.logic(e, s)
	case "cmp":
		return m.compare(e.name, m.eval(e.kids[0], s), m.eval(e.kids[1], s), m.at(e.line))
	case "unary-":
		if n, ok := m.eval(e.kids[0], s).(Int); ok {
			return -n
		}
	case "star":
		return m.eval(e.kids[0], s)
	default:
		if len(e.kids) == 2 {
			return m.binary(e.op, m.eval(e.kids[0], s), m.eval(e.kids[1], s), m.at(e.line))
		}
	}
	return unknown(m.at(e.line), "an expression that is not read")
}

func (m *machine) bounded(l *List) Value {
	if m.memory += 16 * len(l.Items); len(l.Items) > maxItems {
		return unknown(l.At, "too long a list")
	}
	return l
}

func (m *machine) dict(e *expr, s *scope) Value {
	d := &Dict{}
	for i := 0; i+1 < len(e.kids); i += 2 {
		v := m.eval(e.kids[i+1], s)
		if e.kids[i] != nil {
			d.set(m.eval(e.kids[i], s), v)
			continue
		}
		if other, ok := v.(*Dict); ok {
			for j, k := range other.Keys {
				d.set(k, other.Vals[j])
			}
			continue
		}
		d.set(unknown(m.at(e.kids[i+1].line), "a dictionary that cannot be told"), v)
	}
	return d
}

// either is a conditional expression.
func (m *machine) either(e *expr, s *scope) Value {
	c := m.eval(e.kids[1], s)
	if truth, ok := truthOf(c); ok {
		if truth {
			return m.eval(e.kids[0], s)
		}
		return m.eval(e.kids[2], s)
	}
	marker, other, doubt := "", "", ""
	if cond, ok := c.(condition); ok {
		marker, other = cond.marker, negation(cond.marker)
	} else {
		doubt = fmt.Sprintf("a condition on line %d", e.line)
	}
	return m.merge(m.eval(e.kids[0], s), m.eval(e.kids[2], s), marker, other, doubt)
}

func (m *machine) not(v Value, at Place) Value {
	if truth, ok := truthOf(v); ok {
		return Bool(!truth)
	}
	if c, ok := v.(condition); ok {
		if n := negation(c.marker); n != "" {
			return condition{n}
		}
	}
	return unknown(at, "not what cannot be told")
}

func (m *machine) logic(e *expr, s *scope) Value {
	a := m.eval(e.kids[0], s)
	truth, known := truthOf(a)
	if known && truth == (e.op == "or") {
		return a
	}
	b := m.eval(e.kids[1], s)
	if known {
		return b
	}
	other, otherKnown := truthOf(b)
	if otherKnown && other == (e.op == "or") {
		return b
	}
	if otherKnown {
		return a
	}
	x, ok := a.(condition)
	y, both := b.(condition)
	if ok && both && !strings.Contains(x.marker, " or ") && !strings.Contains(y.marker, " or ") {
		return condition{x.marker + " " + e.op + " " + y.marker}
	}
	return unknown(m.at(e.line), "what cannot be told")
}

// format joins the parts of a string.
func (m *machine) format(e *expr, s *scope) Value {
	var b strings.Builder
	var like Str
	for i, k := range e.kids {
		v := m.eval(k, s)
		t, ok := asText(v)
		if !ok {
			return unknown(m.at(e.line), "a text with a part that cannot be told")
		}
		if i == 0 {
			like = t
		}
		like = like.under(t.Marker, t.Doubt)
		if !m.room(b.Len() + len(t.S)) {
			return tooMuch(m.at(e.line))
		}
		b.WriteString(t.S)
	}
	if like.At.File == "" {
		like.At = m.at(e.line)
	}
	return m.str(b.String(), like)
}

// asText is str() of what has one.
func asText(v Value) (Str, bool) {
	switch v := v.(type) {
	case Str:
		return v, true
	case Int:
		return Str{S: fmt.Sprint(int64(v))}, true
	case Bool:
		if v {
			return Str{S: "True"}, true
		}
		return Str{S: "False"}, true
	case None:
		return Str{S: "None"}, true
	}
	return Str{}, false
}

func (m *machine) comprehension(e *expr, s *scope) Value {
	inner := &scope{names: map[string]Value{}, outer: s}
	l, d := &List{At: m.at(e.line)}, &Dict{}
	var failed Value
	var walk func(i int)
	walk = func(i int) {
		if failed != nil || m.tired() || len(l.Items) > maxItems {
			return
		}
		if i == len(e.fors) {
			if e.op == "dictcomp" {
				d.set(m.eval(e.kids[0], inner), m.eval(e.kids[1], inner))
				return
			}
			l.Items = append(l.Items, m.eval(e.kids[0], inner))
			return
		}
		v := m.eval(e.fors[i].in, inner)
		items, ok := m.items(v)
		if !ok {
			if u, is := v.(Unknown); is {
				failed = u
			} else {
				failed = unknown(m.at(e.line), "each of what cannot be told")
			}
			return
		}
		for _, item := range items {
			m.assign(e.fors[i].target, item, inner)
			take := true
			for _, c := range e.fors[i].ifs {
				truth, known := truthOf(m.eval(c, inner))
				if known && !truth {
					take = false
				}
			}
			if take {
				walk(i + 1)
			}
		}
	}
	walk(0)
	switch {
	case failed != nil:
		return failed
	case e.op == "dictcomp":
		return d
	}
	return m.bounded(l)
}

func (m *machine) index(x, i Value, at Place) Value {
	switch x := x.(type) {
	case *Dict:
		if v := x.find(i); v >= 0 {
			return x.Vals[v]
		}
	case *List:
		n, ok := i.(Int)
		if ok && n < 0 {
			n += Int(len(x.Items))
		}
		if ok && n >= 0 && int(n) < len(x.Items) {
			return x.Items[n]
		}
	case Str:
		n, ok := i.(Int)
		if ok && n < 0 {
			n += Int(len(x.S))
		}
		if ok && n >= 0 && int(n) < len(x.S) {
			return m.str(x.S[n:n+1], x)
		}
	case thing:
		return x.item(i, at)
	}
	return unknown(at, "an item that cannot be told")
}

func (m *machine) slice(x Value, e *expr, s *scope) Value {
	at := m.at(e.line)
	length := 0
	switch x := x.(type) {
	case *List:
		length = len(x.Items)
	case Str:
		length = len(x.S)
	case thing:
		if x.what == "version_info" {
			if n, ok := m.eval(e.kids[2], s).(Int); ok && n == 2 && e.kids[1] == nil {
				return thing{"version_pair"}
			}
		}
		return x
	default:
		return unknown(at, "a part of what cannot be told")
	}
	bound := func(k *expr, missing int) (int, bool) {
		if k == nil {
			return missing, true
		}
		n, ok := m.eval(k, s).(Int)
		if ok && n < 0 {
			n += Int(length)
		}
		return int(max(0, min(n, Int(length)))), ok
	}
	from, ok1 := bound(e.kids[1], 0)
	to, ok2 := bound(e.kids[2], length)
	if !ok1 || !ok2 || e.kids[3] != nil {
		return unknown(at, "a part that cannot be told")
	}
	to = max(from, to)
	if l, ok := x.(*List); ok {
		return &List{Items: append([]Value(nil), l.Items[from:to]...), At: l.At}
	}
	t := x.(Str)
	return m.str(t.S[from:to], t)
}

// binary is an operator of arithmetic, as far as it is about texts and lists.
func (m *machine) binary(op string, a, b Value, at Place) Value {
	switch x := a.(type) {
	case Str:
		y, text := b.(Str)
		switch {
		case (op == "+" || op == "/") && text && !m.room(len(x.S)+1+len(y.S)):
			return tooMuch(at)
		case op == "+" && text:
			return m.str(x.S+y.S, x.under(y.Marker, y.Doubt))
		case op == "/" && text: // pathlib
			return m.str(path.Join(x.S, y.S), x)
		case op == "%":
			return m.percent(x, b)
		case op == "*":
			if n, ok := b.(Int); ok && n >= 0 && n <= Int(maxText/max(1, len(x.S))) {
				return m.str(strings.Repeat(x.S, int(n)), x)
			}
		}
	case *List:
		if y, ok := b.(*List); ok && (op == "+" || op == "|") {
			return m.bounded(&List{Items: append(append([]Value(nil), x.Items...), y.Items...), At: x.At})
		}
		if y, ok := b.(Unknown); ok && op == "+" {
			return m.bounded(&List{Items: append(append([]Value(nil), x.Items...), y), At: x.At})
		}
		if items, ok := m.items(b); ok && op == "+" {
			return m.bounded(&List{Items: append(append([]Value(nil), x.Items...), items...), At: x.At})
		}
	case Unknown:
		if y, ok := b.(Unknown); ok && op == "|" { // flags of the module re
			return Unknown{x.At, x.Why + "|" + y.Why}
		}
		if y, ok := b.(*List); ok && op == "+" {
			return m.bounded(&List{Items: append([]Value{x}, y.Items...), At: y.At})
		}
	case *Dict:
		if y, ok := b.(*Dict); ok && op == "|" {
			out := &Dict{}
			for _, d := range []*Dict{x, y} {
				for i, k := range d.Keys {
					out.set(k, d.Vals[i])
				}
			}
			return out
		}
	case Int:
		if y, ok := b.(Int); ok {
			switch op {
			case "+":
				return x + y
			case "-":
				return x - y
			case "*":
				return x * y
			}
		}
	}
	return unknown(at, "an expression with a part that cannot be told")
}
