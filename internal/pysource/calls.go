package pysource

import (
	"path"
	"strings"
)

// calls looks through a line for calls that import a module by its name, that add a folder to the search path, or that compile a
// module.
func (r *reader) calls(t []Token) {
	for i := range t {
		if t[i].Kind != Name || i+2 >= len(t) {
			continue
		}
		switch t[i].Text {
		case "import_module", "__import__":
			if t[i+1].Is("(") && t[i+2].Kind == String && i+3 < len(t) && (t[i+3].Is(")") || t[i+3].Is(",")) {
				r.named(t[i+2])
			}
		case "path":
			if i >= 2 && t[i-1].Is(".") && t[i-2].Is("sys") {
				r.searchPath(t[i+1:])
			}
		case "addsitedir":
			if t[i+1].Is("(") {
				r.folder(argument(t[i+2:]))
			}
		case "Extension", "CUDAExtension", "CppExtension", "load", "load_inline":
			if t[i+1].Is("(") {
				r.extension(t[i+2:], strings.HasPrefix(t[i].Text, "load"))
			}
		}
	}
}

// named notes a module whose name stands in a string.
func (r *reader) named(t Token) {
	name, ok := t.Value()
	level := len(name) - len(strings.TrimLeft(name, "."))
	name = name[level:]
	if !ok || name == "" || strings.ContainsFunc(name, func(c rune) bool { return c != '.' && nameLength(string(c)) == 0 && (c < '0' || c > '9') }) {
		return
	}
	r.add(Import{Module: name, Level: level, Line: t.Line, Call: true})
}

// searchPath reads what stands behind sys.path: .insert(0, …), .append(…), .extend([…]), += […], [0:0] = […].
func (r *reader) searchPath(t []Token) {
	switch {
	case len(t) > 3 && t[0].Is(".") && t[2].Is("("):
		args := argument(t[3:])
		switch t[1].Text {
		case "insert":
			args = argument(t[min(len(t), 3+len(args)+1):])
			r.folder(args)
		case "append":
			r.folder(args)
		case "extend":
			r.folders(args)
		}
	case len(t) > 1 && t[0].Is("+="):
		r.folders(t[1:])
	}
}

// folders reads a list of folders.
func (r *reader) folders(t []Token) {
	if len(t) < 2 || !t[0].Is("[") {
		return
	}
	for t = t[1:]; len(t) > 0 && !t[0].Is("]"); {
		arg := argument(t)
		r.folder(arg)
		if len(arg) >= len(t) || !t[len(arg)].Is(",") {
			return
		}
		t = t[len(arg)+1:]
	}
}

// argument gives the tokens up to the comma or bracket that ends an argument.
func argument(t []Token) []Token {
	depth := 0
	for i, k := range t {
		if k.Kind != Operator {
			continue
		}
		switch k.Text {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			if depth--; depth < 0 {
				return t[:i]
			}
		case ",":
			if depth == 0 {
				return t[:i]
			}
		}
	}
	return t
}

// pathWords are the names that the expressions of which a folder can be told are made of.
var pathWords = map[string]bool{
	"os": true, "path": true, "join": true, "abspath": true, "realpath": true, "normpath": true, "dirname": true,
	"osp": true, "Path": true, "pathlib": true, "resolve": true, "absolute": true, "parent": true, "parents": true, "__file__": true,
	"str": true, "getcwd": true, "pardir": true, "curdir": true, "as_posix": true, "sys": true, "op": true,
}

// folder notes the folder that an expression stands for.
func (r *reader) folder(t []Token) {
	if p, ok := r.where(t); ok {
		p.Line = t[0].Line
		r.file.Paths = append(r.file.Paths, p)
	}
}

// maxKnown is how many variables with folders are remembered of a file.
const maxKnown = 256

// assign remembers a variable that stands for a folder: HERE = os.path.dirname(__file__).
func (r *reader) assign(t []Token) {
	if len(t) < 3 || len(t) > 64 || t[0].Kind != Name || !t[1].Is("=") || len(r.known) == maxKnown {
		return
	}
	if p, ok := r.where(t[2:]); ok {
		if r.known == nil {
			r.known = map[string]SearchPath{}
		}
		r.known[t[0].Text] = p
	}
}

// where is the folder that an expression stands for: literals and variables joined, relative to the file or to the folder that the
// program is started in. It cannot be told if the expression has anything else.
func (r *reader) where(t []Token) (SearchPath, bool) {
	p := SearchPath{}
	var parts []string
	here := false // what is not relative to a file is relative to the folder of the start
	for i, k := range t {
		switch k.Kind {
		case Name:
			known, ok := r.known[k.Text]
			switch {
			case ok:
				p.FromFile = p.FromFile || known.FromFile
				if known.FromFile {
					parts = append([]string{".."}, parts...)
				}
				parts = append(parts, known.Dir)
				here = true
			case !pathWords[k.Text]:
				return p, false
			}
			switch k.Text {
			case "__file__":
				p.FromFile = true
			case "getcwd", "curdir":
				here = true
			case "pardir":
				parts = append(parts, "..")
			case "parents":
				if i+2 < len(t) && t[i+1].Is("[") && len(t[i+2].Text) == 1 && t[i+2].Text[0] >= '0' && t[i+2].Text[0] <= '9' {
					parts = append(parts, strings.Repeat("../", int(t[i+2].Text[0]-'0')+1))
				}
			case "dirname", "parent": // which stands around or behind what it is applied to, and before what is joined to it
				parts = append([]string{".."}, parts...)
			}
		case String:
			text, ok := k.Value()
			if !ok {
				return p, false
			}
			parts = append(parts, strings.ReplaceAll(text, `\`, "/"))
		case Number:
		case Operator:
			if !strings.Contains("()[].,/", k.Text) {
				return p, false
			}
		}
	}
	if len(parts) == 0 && !p.FromFile && !here || len(parts) > 64 {
		return p, false
	}
	p.Dir = path.Join(parts...)
	if p.FromFile { // the first .. leads from the file to its folder
		p.Dir = path.Clean(strings.TrimPrefix(strings.TrimPrefix(p.Dir, ".."), "/"))
	}
	if p.Dir == "" {
		p.Dir = "."
	}
	return p, true
}

// extension notes the module that is compiled. A call of load is one only with name=.
func (r *reader) extension(t []Token, load bool) {
	if !load && t[0].Kind == String {
		if name, ok := t[0].Value(); ok && name != "" {
			r.file.Extensions = append(r.file.Extensions, name)
		}
		return
	}
	depth := 0
	for i := range t {
		switch {
		case t[i].Is("("):
			depth++
		case t[i].Is(")"):
			if depth--; depth < 0 {
				return
			}
		case depth == 0 && t[i].Is("name") && i+2 < len(t) && t[i+1].Is("=") && t[i+2].Kind == String:
			if name, ok := t[i+2].Value(); ok && name != "" {
				r.file.Extensions = append(r.file.Extensions, name)
			}
			return
		}
	}
}
