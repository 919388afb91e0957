package pyvalue

import "strings"

func (m *machine) split(x Str, name string, args []Value, at Place) Value {
	by, given := text(args, 0)
	if !given && len(args) > 0 {
		if _, none := args[0].(None); !none {
			return unknown(at, "a text that cannot be told")
		}
	}
	if by == "\n" {
		return m.splitLines(x, false)
	}
	if !m.room(len(x.S)) {
		return tooMuch(x.At)
	}
	m.memory += len(x.S)
	sep := by
	var parts []string
	switch {
	case name == "partition" && given && by != "":
		sep = ""
		before, after, found := strings.Cut(x.S, by)
		if !found {
			by = ""
		}
		parts = []string{before, by, after}
	case !given || by == "":
		parts = strings.Fields(x.S)
	case len(args) > 1 && name == "split":
		n, ok := args[1].(Int)
		if !ok {
			return unknown(at, "a number that cannot be told")
		}
		parts = strings.SplitN(x.S, by, int(min(n, 1000))+1)
	default:
		parts = strings.Split(x.S, by)
	}
	l := &List{At: x.At}
	if len(parts) > maxItems {
		return unknown(x.At, "too long a list")
	}
	line := x.At.Line
	for rest, i := x.S, 0; i < len(parts); i++ {
		before, after, _ := strings.Cut(rest, parts[i])
		line += strings.Count(before, "\n")
		one := x
		one.S, one.At.Line = parts[i], line
		l.Items = append(l.Items, one)
		after, cut := strings.CutPrefix(after, sep)
		if line += strings.Count(parts[i], "\n"); cut {
			line += strings.Count(sep, "\n")
		}
		rest = after
	}
	return m.bounded(l)
}

// fill is str.format, with fields by number and by name.
func (m *machine) fill(x Str, args []Value, named map[string]Value) Value {
	var b strings.Builder
	next := 0
	for rest := x.S; rest != ""; {
		i := strings.IndexAny(rest, "{}")
		if i < 0 {
			b.WriteString(rest)
			break
		}
		b.WriteString(rest[:i])
		if strings.HasPrefix(rest[i:], "{{") || strings.HasPrefix(rest[i:], "}}") {
			b.WriteByte(rest[i])
			rest = rest[i+2:]
			continue
		}
		end := strings.IndexByte(rest[i:], '}')
		if rest[i] != '{' || end < 0 {
			return unknown(x.At, "a text that is not filled in")
		}
		field, _, _ := strings.Cut(rest[i+1:i+end], ":")
		rest = rest[i+end+1:]
		var v Value
		switch {
		case field == "":
			if next < len(args) {
				v = args[next]
			}
			next++
		case strings.Trim(field, "0123456789") == "":
			n := 0
			for _, c := range field {
				if n = n*10 + int(c-'0'); n > len(args) {
					break
				}
			}
			if n < len(args) {
				v = args[n]
			}
		default:
			v = named[field]
		}
		t, ok := asText(v)
		if !ok {
			return unknown(x.At, "a text with a part that cannot be told")
		}
		x = x.under(t.Marker, t.Doubt)
		if !m.room(b.Len() + len(t.S)) {
			return tooMuch(x.At)
		}
		b.WriteString(t.S)
	}
	return m.str(b.String(), x)
}

// percent is formatting with %.
func (m *machine) percent(form Str, v Value) Value {
	args := []Value{v}
	if l, ok := v.(*List); ok {
		args = l.Items
	}
	var b strings.Builder
	n := 0
	for i := 0; i < len(form.S); i++ {
		if form.S[i] != '%' || i+1 == len(form.S) {
			b.WriteByte(form.S[i])
			continue
		}
		i++
		var arg Value
		switch {
		case form.S[i] == '%':
			b.WriteByte('%')
			continue
		case form.S[i] == '(':
			end := strings.IndexByte(form.S[i:], ')')
			d, ok := v.(*Dict)
			if end < 0 || !ok {
				return unknown(form.At, "a text with a part that cannot be told")
			}
			arg, _ = d.Get(form.S[i+1 : i+end])
			i += end + 1
		case n < len(args):
			arg = args[n]
			n++
		}
		t, ok := asText(arg)
		if !ok || i >= len(form.S) || !strings.ContainsRune("sdri", rune(form.S[i])) {
			return unknown(form.At, "a text with a part that cannot be told")
		}
		form = form.under(t.Marker, t.Doubt)
		if !m.room(b.Len() + len(t.S)) {
			return tooMuch(form.At)
		}
		b.WriteString(t.S)
	}
	return m.str(b.String(), form)
}
