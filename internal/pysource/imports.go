package pysource

import "strings"

// Import is a module that a file asks for.
type Import struct {
	Module string   // with dots: "os.path"; may be "" if Level is not 0
	Level  int      // the dots before it, 0 for an absolute import
	Names  []string // what is taken from it, as they are called there ("*" is everything); nil for a plain import
	Line   int      // from 1
	Call   bool     // by import_module("…") or __import__("…")
	Context
}

// Context is what stands around an import.
type Context struct {
	// Optional says that the program goes on without: it stands in a try whose handlers catch that it is missing and do not
	// raise, in such a handler, or below a condition that asks whether it is there.
	Optional bool
	// Conditional says that it stands below another condition: of a version, a system, an argument.
	Conditional bool
	Typing      bool // below `if TYPE_CHECKING`: no program needs it
	Lazy        bool // in a function
	Main        bool // below `if __name__ == "__main__"`
}

// SearchPath is a folder that a file adds to where modules are looked for, as far as it can be told.
type SearchPath struct {
	Dir      string // with slashes, as written: "../src"
	FromFile bool   // relative to the file's folder, and not to where the program is started
	Line     int
}

// Evidence is a line that only some versions of Python take.
type Evidence struct {
	Python string // the oldest version that takes it, "3.8"; of Two: ""
	What   string // "an f-string"
	Line   int
}

// File is what a source file says of others.
type File struct {
	Imports    []Import
	Paths      []SearchPath
	Extensions []string // names of modules that the file has compiled: Extension("a.b"), CUDAExtension(name="c"), load(name="d")
	Two        *Evidence
	Since      *Evidence // of the newest Python that something needs
	Entry      int       // the line of `if __name__ == "__main__"` at the outer level, 0 for none
}

// maxLine is how many tokens of a logical line are looked at. Longer ones are data.
const maxLine = 1 << 16

// Imports reads what a file imports. With an error, a *SyntaxError, come those before it.
func Imports(data []byte) (*File, error) {
	s, err := NewScanner(data)
	if err != nil {
		return &File{}, err
	}
	r := &reader{file: &File{}}
	var line []Token
	for {
		t, err := s.Next()
		if err != nil {
			r.finish()
			return r.file, err
		}
		switch t.Kind {
		case Newline:
			if len(line) > 0 { // else a backslash stands alone
				r.line(line)
			}
			line = line[:0]
		case Indent:
			r.blocks = append(r.blocks, r.opened)
			r.opened = block{}
		case Dedent:
			if n := len(r.blocks); n > 0 {
				r.blocks = r.blocks[:n-1]
			}
		case End:
			r.finish()
			return r.file, nil
		default:
			if len(line) < maxLine {
				line = append(line, t)
			}
		}
	}
}

// block is a statement with a suite.
type block struct {
	Context
	try     *try // that it belongs to
	handler bool // and is a handler of
}

// try is a try statement.
type try struct {
	depth   int
	catches bool  // a handler catches that a module is missing
	raises  bool  // and ends the program
	body    []int // imports in the body, and in the handlers
}

type reader struct {
	file   *File
	blocks []block
	opened block // of the header just read
	tries  []*try
	known  map[string]SearchPath
}

// line reads a logical line.
func (r *reader) line(t []Token) {
	r.opened = block{Context: r.around()}
	depth := len(r.blocks)
	for len(r.tries) > 0 && r.tries[len(r.tries)-1].depth > depth {
		r.close()
	}
	if n := len(r.tries); n > 0 && r.tries[n-1].depth == depth && !(t[0].Is("except") || t[0].Is("else") || t[0].Is("finally")) {
		r.close()
	}
	r.evidence(t)
	r.calls(t)
	if head, suite, ok := header(t); ok {
		r.open(head)
		if len(suite) > 0 { // on the same line
			r.blocks = append(r.blocks, r.opened)
			r.statements(suite)
			r.blocks = r.blocks[:len(r.blocks)-1]
		}
		return
	}
	r.statements(t)
}

// around is the context of a line in the blocks that are open.
func (r *reader) around() Context {
	if n := len(r.blocks); n > 0 {
		return r.blocks[n-1].Context
	}
	return Context{}
}

// compound are the words that begin statements with suites. "match" and "case" are names as well, and change nothing here.
var compound = map[string]bool{
	"if": true, "elif": true, "else": true, "for": true, "while": true, "try": true, "except": true, "finally": true, "with": true,
	"def": true, "class": true, "async": true,
}

// header splits a line that begins a block from the suite behind its colon.
func header(t []Token) (head, suite []Token, ok bool) {
	if t[0].Kind != Name || !compound[t[0].Text] {
		return nil, nil, false
	}
	depth, lambdas := 0, 0
	for i, k := range t {
		switch {
		case k.Is("lambda") && depth == 0:
			lambdas++
		case k.Kind != Operator:
		case k.Text == "(" || k.Text == "[" || k.Text == "{":
			depth++
		case k.Text == ")" || k.Text == "]" || k.Text == "}":
			depth--
		case k.Text == ":" && depth == 0 && lambdas > 0:
			lambdas--
		case k.Text == ":" && depth == 0:
			return t[:i], t[i+1:], true
		}
	}
	return nil, nil, false
}

// open says what the suite of a header stands in.
func (r *reader) open(head []Token) {
	b := &r.opened
	switch word := head[0].Text; word {
	case "def":
		b.Lazy = true
	case "async":
		if len(head) > 1 && head[1].Is("def") {
			b.Lazy = true
		}
	case "try":
		t := &try{depth: len(r.blocks)}
		r.tries = append(r.tries, t)
		b.try = t
	case "except":
		if n := len(r.tries); n > 0 {
			if t := r.tries[n-1]; catches(head) {
				t.catches = true
				b.try, b.handler = t, true
			}
		}
	case "if", "elif", "while":
		r.condition(head, b)
	case "else":
		if len(r.tries) == 0 || r.tries[len(r.tries)-1].depth != len(r.blocks) {
			b.Conditional = true
		} else {
			b.try = r.tries[len(r.tries)-1]
		}
	case "with":
		if has(head, "suppress") && catches(head[1:]) {
			b.Optional = true
		}
	}
}

// condition looks at what an if asks.
func (r *reader) condition(head []Token, b *block) {
	switch {
	case has(head, "TYPE_CHECKING"):
		if has(head, "not") {
			return
		}
		b.Typing = true
	case has(head, "__name__"):
		b.Main = true
		if len(r.blocks) == 0 {
			r.file.Entry = head[0].Line
		}
	case len(head) == 2 && (head[1].Text == "1" || head[1].Text == "True"):
	default:
		b.Conditional = true
		for _, t := range head {
			if text := strings.ToLower(t.Text); t.Kind == Name && (strings.Contains(text, "available") || strings.Contains(text, "installed") ||
				strings.HasPrefix(text, "has_") || strings.HasPrefix(text, "have_") || text == "find_spec" || text == "find_module" || text == "find_loader") {
				b.Optional = true
			}
		}
	}
}

func has(t []Token, name string) bool {
	for _, k := range t {
		if k.Kind == Name && k.Text == name {
			return true
		}
	}
	return false
}

// catches tells whether a handler is for a missing module.
func catches(head []Token) bool {
	if len(head) == 1 {
		return true
	}
	for _, name := range []string{"ImportError", "ModuleNotFoundError", "Exception", "BaseException", "StandardError"} {
		if has(head, name) {
			return true
		}
	}
	return false
}

// close ends the innermost try, and tells whether what its body imports could be missing.
func (r *reader) close() {
	n := len(r.tries) - 1
	t := r.tries[n]
	r.tries = r.tries[:n]
	if !t.catches || t.raises {
		return
	}
	for _, i := range t.body {
		r.file.Imports[i].Optional = true
	}
}

func (r *reader) finish() {
	for len(r.tries) > 0 {
		r.close()
	}
}

// statements reads the simple statements of a line.
func (r *reader) statements(t []Token) {
	start, depth := 0, 0
	for i := range t {
		switch {
		case t[i].Kind != Operator:
		case strings.ContainsAny(t[i].Text, "([{") && len(t[i].Text) == 1:
			depth++
		case strings.ContainsAny(t[i].Text, ")]}") && len(t[i].Text) == 1:
			depth--
		case t[i].Text == ";" && depth == 0:
			r.statement(t[start:i])
			start = i + 1
		}
	}
	r.statement(t[start:])
}

func (r *reader) statement(t []Token) {
	if len(t) == 0 {
		return
	}
	r.assign(t)
	switch t[0].Text {
	case "import":
		for rest := t[1:]; len(rest) > 0; {
			module, n := dotted(rest)
			if module == "" {
				return
			}
			r.add(Import{Module: module, Line: t[0].Line})
			rest = rest[n:]
			for len(rest) > 0 && !rest[0].Is(",") { // as NAME
				rest = rest[1:]
			}
			if len(rest) > 0 {
				rest = rest[1:]
			}
		}
	case "from":
		r.from(t)
	case "raise":
		r.ends()
	case "sys", "exit", "quit", "os":
		if has(t, "exit") || has(t, "_exit") || t[0].Text == "quit" {
			r.ends()
		}
	}
}

// ends notes that the handler around ends the program.
func (r *reader) ends() {
	if n := len(r.blocks); n > 0 {
		if b := r.blocks[n-1]; b.handler {
			b.try.raises = true
		}
	}
}

func (r *reader) from(t []Token) {
	i, level := 1, 0
	for i < len(t) && t[i].Kind == Operator && strings.Trim(t[i].Text, ".") == "" {
		level += len(t[i].Text)
		i++
	}
	imp := Import{Level: level, Line: t[0].Line, Names: []string{}}
	if i < len(t) && !t[i].Is("import") {
		module, n := dotted(t[i:])
		if module == "" {
			return
		}
		imp.Module = module
		i += n
	}
	if i >= len(t) || !t[i].Is("import") || imp.Module == "" && level == 0 {
		return
	}
	named := false // the name behind "as" is the file's own
	for _, k := range t[i+1:] {
		switch {
		case k.Is("as"):
			named = true
		case k.Is(","):
			named = false
		case k.Is("*"), k.Kind == Name && !named:
			imp.Names = append(imp.Names, k.Text)
			named = true
		}
	}
	r.add(imp)
}

// dotted reads a name with dots, and says how many tokens it takes.
func dotted(t []Token) (string, int) {
	var b strings.Builder
	i := 0
	for i < len(t) && t[i].Kind == Name && !t[i].Is("as") && !t[i].Is("import") {
		b.WriteString(t[i].Text)
		i++
		if i+1 >= len(t) || !t[i].Is(".") || t[i+1].Kind != Name {
			break
		}
		b.WriteByte('.')
		i++
	}
	return b.String(), i
}

// add notes an import with all that stands around it.
func (r *reader) add(imp Import) {
	imp.Context = r.around()
	for _, b := range r.blocks {
		if b.try != nil {
			b.try.body = append(b.try.body, len(r.file.Imports))
		}
	}
	r.file.Imports = append(r.file.Imports, imp)
}
