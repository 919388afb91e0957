package pyvalue

import (
	"regexp"
	"strings"
)

// match is what re.match and re.search give.
type match struct {
	like   Str
	groups []Value // the first is all of it
}

// expression compiles a regular expression of Python's, with its flags, as far as Go's have the same; false for any other.
func expression(args []Value, flags int, anchored bool) (*regexp.Regexp, bool) {
	text, ok := text(args, 0)
	if !ok || len(text) > 1000 {
		return nil, false
	}
	var set strings.Builder
	if flags < len(args) {
		u, ok := args[flags].(Unknown)
		if !ok {
			return nil, false
		}
		for _, f := range strings.FieldsFunc(u.Why, func(r rune) bool { return r == '|' || r == ' ' }) {
			letter, known := map[string]string{"re.M": "m", "re.MULTILINE": "m", "re.S": "s", "re.DOTALL": "s", "re.I": "i", "re.IGNORECASE": "i"}[f]
			if !known {
				return nil, false
			}
			set.WriteString(letter)
		}
	}
	if set.Len() > 0 {
		text = "(?" + set.String() + ")" + text
	}
	if anchored {
		text = `\A(?:` + text + ")"
	}
	e, err := regexp.Compile(text)
	return e, err == nil
}

// regular is a function of the module re; nil for one that is not known.
func regular(name string) native {
	return func(m *machine, at Place, args []Value, _ map[string]Value) Value {
		from := 1
		if name == "sub" {
			from = 2
		}
		if len(args) <= from {
			return unknown(at, "re.%s(…)", name)
		}
		in, ok := args[from].(Str)
		e, compiles := expression(args, from+1, name == "match" || name == "fullmatch")
		if !ok || !compiles || name == "fullmatch" {
			return unknown(at, "re.%s(…)", name)
		}
		if m.steps += len(in.S) / 16; m.memory > maxText {
			return unknown(at, "too much text")
		}
		part := func(s string) Value { return m.str(s, in) }
		switch name {
		case "match", "search":
			found := e.FindStringSubmatch(in.S)
			if found == nil {
				return None{}
			}
			r := &match{like: in}
			for _, g := range found {
				r.groups = append(r.groups, part(g))
			}
			return r
		case "sub":
			with, ok := text(args, 1)
			if !ok || strings.Contains(with, `\`) {
				return unknown(at, "re.sub(…)")
			}
			size := len(in.S)
			out := e.ReplaceAllStringFunc(in.S, func(string) string {
				if size += len(with); size > maxText-m.memory {
					return ""
				}
				return with
			})
			if !m.room(size) {
				return tooMuch(at)
			}
			return part(out)
		case "split":
			l := &List{At: at}
			if e.NumSubexp() > 0 {
				return unknown(at, "re.split(…)")
			}
			for _, s := range e.Split(in.S, maxItems) {
				l.Items = append(l.Items, part(s))
			}
			return m.bounded(l)
		}
		l := &List{At: at}
		for _, found := range e.FindAllStringSubmatch(in.S, maxItems) {
			switch len(found) {
			case 1, 2:
				l.Items = append(l.Items, part(found[len(found)-1]))
			default:
				row := &List{At: at}
				for _, g := range found[1:] {
					row.Items = append(row.Items, part(g))
				}
				l.Items = append(l.Items, row)
			}
		}
		return m.bounded(l)
	}
}

// matchMethod is a method of a match.
func matchMethod(x *match, name string) Value {
	switch name {
	case "group":
		return native(func(_ *machine, at Place, args []Value, _ map[string]Value) Value {
			n := Int(0)
			if len(args) > 0 {
				i, ok := args[0].(Int)
				if n = i; !ok {
					return unknown(at, "a part of a match")
				}
			}
			if n < 0 || int(n) >= len(x.groups) || len(args) > 1 {
				return unknown(at, "a part of a match")
			}
			return x.groups[n]
		})
	case "groups":
		return native(func(_ *machine, at Place, _ []Value, _ map[string]Value) Value {
			return &List{Items: x.groups[1:], At: at}
		})
	}
	return nil
}
