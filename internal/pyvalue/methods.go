package pyvalue

import (
	"slices"
	"strings"
)

// text gives an argument that is a text.
func text(args []Value, i int) (string, bool) {
	if i >= len(args) {
		return "", false
	}
	s, ok := args[i].(Str)
	return s.S, ok
}

// textMethod is a method of str, or of a path; nil for one that is not known.
func textMethod(x Str, name string) Value {
	same := func(*machine, Place, []Value, map[string]Value) Value { return x }
	change := func(f func(s, cut string) string, cut string) Value {
		return native(func(m *machine, _ Place, args []Value, _ map[string]Value) Value {
			set := cut
			if s, ok := text(args, 0); ok {
				set = s
			}
			if !m.room(len(x.S)) {
				return tooMuch(x.At)
			}
			return m.str(f(x.S, set), x)
		})
	}
	test := func(f func(s, part string) bool) Value {
		return native(func(_ *machine, at Place, args []Value, _ map[string]Value) Value {
			if len(args) == 1 {
				if l, ok := args[0].(*List); ok {
					return Bool(slices.ContainsFunc(l.Items, func(v Value) bool { s, ok := v.(Str); return ok && f(x.S, s.S) }))
				}
			}
			if s, ok := text(args, 0); ok {
				return Bool(f(x.S, s))
			}
			return unknown(at, "a text that cannot be told")
		})
	}
	const blanks = " \t\n\r\v\f"
	switch name {
	case "strip":
		return change(strings.Trim, blanks)
	case "lstrip":
		return change(strings.TrimLeft, blanks)
	case "rstrip":
		return change(strings.TrimRight, blanks)
	case "lower":
		return change(func(s, _ string) string { return strings.ToLower(s) }, "")
	case "upper":
		return change(func(s, _ string) string { return strings.ToUpper(s) }, "")
	case "startswith":
		return test(strings.HasPrefix)
	case "endswith":
		return test(strings.HasSuffix)
	case "encode", "decode", "resolve", "absolute", "expanduser", "as_posix", "title", "format_map":
		return native(same)
	case "splitlines":
		return native(func(m *machine, _ Place, args []Value, _ map[string]Value) Value {
			return m.splitLines(x, len(args) > 0)
		})
	case "split", "rsplit", "partition":
		return native(func(m *machine, at Place, args []Value, _ map[string]Value) Value { return m.split(x, name, args, at) })
	case "replace":
		return native(func(m *machine, at Place, args []Value, _ map[string]Value) Value {
			a, ok1 := text(args, 0)
			b, ok2 := text(args, 1)
			if !ok1 || !ok2 {
				return unknown(at, "a text that cannot be told")
			}
			if n := strings.Count(x.S, a); !m.room(len(x.S) + n*(len(b)-len(a))) {
				return tooMuch(x.At)
			}
			return m.str(strings.ReplaceAll(x.S, a, b), x)
		})
	case "join":
		return native(func(m *machine, at Place, args []Value, _ map[string]Value) Value {
			var parts []string
			if len(args) == 1 {
				items, ok := m.items(args[0])
				size := len(items) * len(x.S)
				for _, item := range items {
					s, is := item.(Str)
					ok = ok && is
					parts = append(parts, s.S)
					size += len(s.S)
				}
				if !m.room(size) {
					return tooMuch(x.At)
				}
				if ok {
					return m.str(strings.Join(parts, x.S), x)
				}
			}
			return unknown(at, "a text with a part that cannot be told")
		})
	case "format":
		return native(func(m *machine, at Place, args []Value, named map[string]Value) Value { return m.fill(x, args, named) })
	case "read_text", "read_bytes":
		return native(func(m *machine, at Place, _ []Value, _ map[string]Value) Value { return m.read(x.S, at) })
	case "open":
		return native(func(*machine, Place, []Value, map[string]Value) Value { return &file{x.S} })
	case "exists", "is_file":
		return native(func(m *machine, at Place, _ []Value, _ map[string]Value) Value { return exists(m, at, []Value{x}, nil) })
	case "joinpath":
		return native(func(m *machine, at Place, args []Value, _ map[string]Value) Value {
			return joinPaths(m, at, append([]Value{x}, args...), nil)
		})
	case "isdigit":
		return native(func(*machine, Place, []Value, map[string]Value) Value {
			return Bool(x.S != "" && strings.Trim(x.S, "0123456789") == "")
		})
	}
	return nil
}

// listMethod is a method of a list or set.
func listMethod(x *List, name string) Value {
	switch name {
	case "append", "add":
		return native(func(m *machine, at Place, args []Value, _ map[string]Value) Value {
			if len(args) == 1 && len(x.Items) < maxItems {
				x.Items = append(x.Items, args[0])
			}
			return None{}
		})
	case "extend", "update":
		return native(func(m *machine, at Place, args []Value, _ map[string]Value) Value {
			for _, a := range args {
				if items, ok := m.items(a); ok && len(x.Items)+len(items) <= maxItems {
					x.Items = append(x.Items, items...)
				} else {
					x.Items = append(x.Items, because(a, at))
				}
			}
			return None{}
		})
	case "insert":
		return native(func(m *machine, at Place, args []Value, _ map[string]Value) Value {
			if len(args) == 2 && len(x.Items) < maxItems {
				n, _ := args[0].(Int)
				i := int(max(0, min(n, Int(len(x.Items)))))
				x.Items = slices.Insert(x.Items, i, args[1])
			}
			return None{}
		})
	case "remove", "discard":
		return native(func(m *machine, at Place, args []Value, _ map[string]Value) Value {
			if len(args) == 1 {
				if i := slices.IndexFunc(x.Items, func(v Value) bool { return equal(v, args[0]) }); i >= 0 {
					x.Items = slices.Delete(x.Items, i, i+1)
				}
			}
			return None{}
		})
	case "copy":
		return native(func(*machine, Place, []Value, map[string]Value) Value {
			return &List{Items: slices.Clone(x.Items), At: x.At}
		})
	case "union":
		return native(func(m *machine, at Place, args []Value, _ map[string]Value) Value {
			out := &List{Items: slices.Clone(x.Items), At: x.At}
			for _, a := range args {
				items, _ := m.items(a)
				if out.Items = append(out.Items, items...); len(out.Items) > maxItems {
					break
				}
			}
			return m.bounded(out)
		})
	case "sort", "reverse":
		return native(func(*machine, Place, []Value, map[string]Value) Value { return None{} }) // the order is no matter
	}
	return nil
}

// because is what cannot be told of a value, or that it is no list.
func because(v Value, at Place) Unknown {
	if u, ok := v.(Unknown); ok {
		return u
	}
	return unknown(at, "what is no list")
}

// dictMethod is a method of a dictionary.
func dictMethod(x *Dict, name string) Value {
	switch name {
	case "keys":
		return native(func(*machine, Place, []Value, map[string]Value) Value { return &List{Items: slices.Clone(x.Keys)} })
	case "values", "itervalues":
		return native(func(*machine, Place, []Value, map[string]Value) Value { return &List{Items: slices.Clone(x.Vals)} })
	case "items", "iteritems":
		return native(func(*machine, Place, []Value, map[string]Value) Value {
			l := &List{}
			for i, k := range x.Keys {
				l.Items = append(l.Items, &List{Items: []Value{k, x.Vals[i]}})
			}
			return l
		})
	case "get", "setdefault", "pop":
		return native(func(m *machine, at Place, args []Value, _ map[string]Value) Value {
			if len(args) == 0 {
				return None{}
			}
			if i := x.find(args[0]); i >= 0 {
				return x.Vals[i]
			}
			if len(args) < 2 {
				return None{}
			}
			if name == "setdefault" && len(x.Keys) < maxItems {
				x.set(args[0], args[1])
			}
			return args[1]
		})
	case "update":
		return native(func(m *machine, at Place, args []Value, named map[string]Value) Value {
			for _, a := range args {
				if d, ok := a.(*Dict); ok {
					for i, k := range d.Keys {
						x.set(k, d.Vals[i])
					}
				} else {
					x.set(because(a, at), a)
				}
			}
			for _, k := range slices.Sorted(keysOf(named)) {
				x.set(Str{S: k, At: at}, named[k])
			}
			return None{}
		})
	case "copy":
		return native(func(*machine, Place, []Value, map[string]Value) Value {
			return &Dict{Keys: slices.Clone(x.Keys), Vals: slices.Clone(x.Vals)}
		})
	}
	return nil
}

// fileMethod is a method of an open file.
func fileMethod(x *file, name string) Value {
	switch name {
	case "read":
		return native(func(m *machine, at Place, _ []Value, _ map[string]Value) Value { return m.read(x.name, at) })
	case "readlines", "__iter__":
		return native(func(m *machine, at Place, _ []Value, _ map[string]Value) Value { return m.lines(x, true) })
	case "close":
		return native(func(*machine, Place, []Value, map[string]Value) Value { return None{} })
	}
	return nil
}

func sortedKeys(m map[string]Value) []string { return slices.Sorted(keysOf(m)) }
