package pyvalue

import (
	"iter"
	"maps"
	"path"
	"strings"

	"github.com/envpack/envpack/internal/reqfile"
)

func keysOf(m map[string]Value) iter.Seq[string] { return maps.Keys(m) }

// builtins are functions and names of Python and its library that a setup.py uses for what it says, under the names that
// they are called by.
var builtins map[string]Value

func init() {
	first := native(func(_ *machine, at Place, args []Value, _ map[string]Value) Value {
		if len(args) == 0 {
			return Str{At: at}
		}
		return args[0]
	})
	builtins = map[string]Value{
		"open": native(openFile), "io.open": native(openFile), "codecs.open": native(openFile), "file": native(openFile),
		"str": native(toText), "unicode": native(toText), "list": native(toList), "tuple": native(toList), "set": native(unique), "frozenset": native(unique),
		"sorted": native(toList), "dict": native(toDict), "OrderedDict": native(toDict), "collections.OrderedDict": native(toDict),
		"len": native(length), "sum": native(sum), "chain": native(chain), "itertools.chain": native(chain),
		"chain.from_iterable": native(chained), "itertools.chain.from_iterable": native(chained), "filter": native(filter), "map": native(each),
		"any": native(anyOf), "all": native(allOf), "bool": native(truth), "print": native(nothing), "zip": native(zip), "enumerate": native(enumerate),
		"os.path.join": native(joinPaths), "path.join": native(joinPaths), "osp.join": native(joinPaths), "join": native(joinPaths), "pjoin": native(joinPaths),
		"os.path.dirname": native(dirname), "path.dirname": native(dirname), "osp.dirname": native(dirname), "dirname": native(dirname),
		"os.path.abspath": first, "os.path.realpath": first, "path.abspath": first, "abspath": first, "osp.abspath": first, "realpath": first, "os.path.normpath": first,
		"os.path.exists": native(exists), "os.path.isfile": native(exists), "path.exists": native(exists), "isfile": native(exists), "osp.exists": native(exists), "exists": native(exists),
		"Path": first, "pathlib.Path": first, "PurePath": first, "os.fspath": first, "os.getcwd": native(func(_ *machine, at Place, _ []Value, _ map[string]Value) Value { return Str{S: ".", At: at} }),
		"os.environ.get": native(environment), "os.getenv": native(environment), "environ.get": native(environment), "getenv": native(environment),
		"os.environ": &Dict{}, "sys.argv": &List{Items: []Value{Str{S: "setup.py"}, Str{S: "install"}}},
		"sys.version_info": thing{"version_info"}, "sys.platform": Str{S: "linux"}, "os.name": Str{S: "posix"}, "platform.system": constant("Linux"),
		"platform.machine":               native(func(*machine, Place, []Value, map[string]Value) Value { return thing{"platform_machine"} }),
		"platform.python_implementation": constant("CPython"), "sys.maxsize": Int(1<<63 - 1),
		"find_packages": native(packages), "setuptools.find_packages": native(packages), "find_namespace_packages": native(packages),
		"parse_requirements": native(parseRequirements), "pip.req.parse_requirements": native(parseRequirements),
		"pkg_resources.parse_requirements": native(parseRequirements), "req.parse_requirements": native(parseRequirements), "req_file.parse_requirements": native(parseRequirements),
		"copy.deepcopy": first, "copy.copy": first, "deepcopy": first, "os.path.basename": native(func(m *machine, at Place, args []Value, _ map[string]Value) Value {
			if s, ok := text(args, 0); ok {
				return m.str(path.Base(s), args[0].(Str))
			}
			return unknown(at, "a path that cannot be told")
		}),
	}
	for _, name := range []string{"findall", "match", "search", "sub", "split"} {
		builtins["re."+name] = regular(name)
	}
	builtins["version_info"] = builtins["sys.version_info"]
}

func constant(s string) native {
	return func(_ *machine, at Place, _ []Value, _ map[string]Value) Value { return Str{S: s, At: at} }
}

func nothing(*machine, Place, []Value, map[string]Value) Value { return None{} }

func openFile(_ *machine, at Place, args []Value, _ map[string]Value) Value {
	if s, ok := text(args, 0); ok {
		return &file{s}
	}
	return unknown(at, "a file whose name cannot be told")
}

func toText(_ *machine, at Place, args []Value, _ map[string]Value) Value {
	if len(args) > 0 {
		if t, ok := asText(args[0]); ok {
			return t
		}
		return because(args[0], at)
	}
	return Str{At: at}
}

func toList(m *machine, at Place, args []Value, _ map[string]Value) Value {
	if len(args) == 0 {
		return &List{At: at}
	}
	items, ok := m.items(args[0])
	if !ok {
		return because(args[0], at)
	}
	return m.bounded(&List{Items: append([]Value(nil), items...), At: at})
}

// unique keeps the order, which sets have none of.
func unique(m *machine, at Place, args []Value, named map[string]Value) Value {
	l, ok := toList(m, at, args, named).(*List)
	if !ok {
		return because(args[0], at)
	}
	out := &List{At: at}
	seen := map[string]bool{}
	for _, v := range l.Items {
		if s, ok := v.(Str); ok {
			if seen[s.S] {
				continue
			}
			seen[s.S] = true
		}
		out.Items = append(out.Items, v)
	}
	return out
}

func toDict(m *machine, at Place, args []Value, named map[string]Value) Value {
	d := &Dict{}
	for _, a := range args {
		switch a := a.(type) {
		case *Dict:
			for i, k := range a.Keys {
				d.set(k, a.Vals[i])
			}
		case *List:
			for _, item := range a.Items {
				if pair, ok := item.(*List); ok && len(pair.Items) == 2 {
					d.set(pair.Items[0], pair.Items[1])
				}
			}
		default:
			return because(a, at)
		}
	}
	for _, k := range sortedKeys(named) {
		d.set(Str{S: k, At: at}, named[k])
	}
	return d
}

func length(m *machine, at Place, args []Value, _ map[string]Value) Value {
	if len(args) == 1 {
		if s, ok := args[0].(Str); ok {
			return Int(len(s.S))
		}
		if items, ok := m.items(args[0]); ok {
			return Int(len(items))
		}
	}
	return unknown(at, "a length that cannot be told")
}

// sum joins lists.
func sum(m *machine, at Place, args []Value, named map[string]Value) Value {
	if len(args) > 0 {
		return chained(m, at, args[:1], named)
	}
	return unknown(at, "a sum")
}

func chain(m *machine, at Place, args []Value, named map[string]Value) Value {
	return chained(m, at, []Value{&List{Items: args}}, named)
}

func chained(m *machine, at Place, args []Value, _ map[string]Value) Value {
	out := &List{At: at}
	if len(args) == 0 {
		return out
	}
	lists, ok := m.items(args[0])
	if !ok {
		return because(args[0], at)
	}
	for _, l := range lists {
		items, ok := m.items(l)
		if !ok {
			items = []Value{because(l, at)}
		}
		if out.Items = append(out.Items, items...); len(out.Items) > maxItems {
			break
		}
	}
	return m.bounded(out)
}

func filter(m *machine, at Place, args []Value, _ map[string]Value) Value {
	if len(args) != 2 {
		return unknown(at, "a filter")
	}
	items, ok := m.items(args[1])
	if !ok {
		return because(args[1], at)
	}
	out := &List{At: at}
	for _, item := range items {
		v := item
		switch f := args[0].(type) {
		case *function:
			v = m.invoke(f, []Value{item}, nil, at)
		case native:
			v = f(m, at, []Value{item}, nil)
		}
		if truth, known := truthOf(v); truth || !known {
			out.Items = append(out.Items, item)
		}
	}
	return out
}

func each(m *machine, at Place, args []Value, _ map[string]Value) Value {
	if len(args) != 2 {
		return unknown(at, "a map")
	}
	items, ok := m.items(args[1])
	if !ok {
		return because(args[1], at)
	}
	out := &List{At: at}
	for _, item := range items {
		switch f := args[0].(type) {
		case *function:
			out.Items = append(out.Items, m.invoke(f, []Value{item}, nil, at))
		case native:
			out.Items = append(out.Items, f(m, at, []Value{item}, nil))
		case Unknown: // as str.strip
			if _, method, ok := strings.Cut(f.Why, "str."); ok {
				if s, is := item.(Str); is {
					if call, known := textMethod(s, method).(native); known {
						out.Items = append(out.Items, call(m, at, nil, nil))
						continue
					}
				}
			}
			out.Items = append(out.Items, f)
		}
	}
	return out
}

func anyOf(m *machine, at Place, args []Value, _ map[string]Value) Value {
	return quantified(m, at, args, true)
}

func allOf(m *machine, at Place, args []Value, _ map[string]Value) Value {
	return quantified(m, at, args, false)
}

func quantified(m *machine, at Place, args []Value, want bool) Value {
	if len(args) == 1 {
		if items, ok := m.items(args[0]); ok {
			certain := true
			for _, v := range items {
				truth, known := truthOf(v)
				if certain = certain && known; known && truth == want {
					return Bool(want)
				}
			}
			if certain {
				return Bool(!want)
			}
		}
	}
	return unknown(at, "what cannot be told")
}

func truth(_ *machine, at Place, args []Value, _ map[string]Value) Value {
	if len(args) == 1 {
		if t, ok := truthOf(args[0]); ok {
			return Bool(t)
		}
		return args[0]
	}
	return Bool(false)
}

func zip(m *machine, at Place, args []Value, _ map[string]Value) Value {
	var lists [][]Value
	n := maxItems
	for _, a := range args {
		items, ok := m.items(a)
		if !ok {
			return because(a, at)
		}
		lists, n = append(lists, items), min(n, len(items))
	}
	out := &List{At: at}
	for i := 0; i < n && len(lists) > 0; i++ {
		row := &List{At: at}
		for _, l := range lists {
			row.Items = append(row.Items, l[i])
		}
		out.Items = append(out.Items, row)
	}
	return m.bounded(out)
}

func enumerate(m *machine, at Place, args []Value, _ map[string]Value) Value {
	if len(args) == 0 {
		return unknown(at, "what cannot be told")
	}
	items, ok := m.items(args[0])
	if !ok {
		return because(args[0], at)
	}
	out := &List{At: at}
	for i, v := range items {
		out.Items = append(out.Items, &List{Items: []Value{Int(i), v}, At: at})
	}
	return m.bounded(out)
}

// joinPaths is os.path.join.
func joinPaths(m *machine, at Place, args []Value, _ map[string]Value) Value {
	var parts []string
	size := len(args)
	for _, a := range args {
		s, ok := a.(Str)
		if !ok {
			return unknown(at, "a path with a part that cannot be told")
		}
		parts = append(parts, s.S)
		size += len(s.S)
	}
	if !m.room(size) {
		return tooMuch(at)
	}
	return m.str(path.Join(parts...), Str{At: at})
}

func dirname(m *machine, at Place, args []Value, _ map[string]Value) Value {
	if s, ok := text(args, 0); ok {
		return m.str(dirOf(s), args[0].(Str))
	}
	return unknown(at, "a path that cannot be told")
}

func exists(m *machine, at Place, args []Value, _ map[string]Value) Value {
	if s, ok := text(args, 0); ok && !path.IsAbs(s) {
		_, err := m.open(m.resolve(s))
		return Bool(err == nil)
	}
	return unknown(at, "whether a file is there")
}

// environment has no variable set.
func environment(_ *machine, _ Place, args []Value, named map[string]Value) Value {
	if len(args) > 1 {
		return args[1]
	}
	if v := named["default"]; v != nil {
		return v
	}
	return None{}
}

// packages says where packages are looked for, as its own kind of list.
func packages(_ *machine, at Place, args []Value, named map[string]Value) Value {
	if v := named["where"]; v != nil {
		args = append(args[:0:0], v)
	}
	if s, ok := text(args, 0); ok {
		return &List{Items: []Value{Str{S: "find_packages:" + s, At: at}}, At: at}
	}
	return &List{At: at}
}

// parseRequirements is pip's function of that name, which many a setup.py called, and that of pkg_resources.
func parseRequirements(m *machine, at Place, args []Value, named map[string]Value) Value {
	if len(args) == 0 && named["filename"] != nil {
		args = []Value{named["filename"]}
	}
	if len(args) == 0 {
		return unknown(at, "a file whose name cannot be told")
	}
	var whole Value
	switch a := args[0].(type) {
	case *file:
		whole = m.read(a.name, at)
	case Str:
		if whole = a; !strings.Contains(a.S, "\n") && (strings.HasSuffix(a.S, ".txt") || strings.Contains(a.S, "/")) {
			whole = m.read(a.S, at)
		}
	default:
		if items, ok := m.items(a); ok {
			return m.bounded(&List{Items: append([]Value(nil), items...), At: at})
		}
		return because(a, at)
	}
	t, ok := whole.(Str)
	if !ok {
		return whole
	}
	out := &List{At: at}
	for _, l := range reqfile.Lines(t.S) {
		out.Items = append(out.Items, Str{S: l.Text, At: Place{t.At.File, t.At.Line + l.First() - 1}})
	}
	return m.bounded(out)
}
