package pysource

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/envpack/envpack/internal/testenv"
)

// write is the tokens of a source, one line each logical line.
func write(src string) string {
	var b strings.Builder
	tokens, err := Tokens([]byte(src))
	for _, t := range tokens {
		switch t.Kind {
		case Newline:
			b.WriteString("\n")
		case Indent:
			b.WriteString("> ")
		case Dedent:
			b.WriteString("< ")
		case End:
		default:
			b.WriteString(t.Text + " ")
		}
	}
	if err != nil {
		fmt.Fprintf(&b, "! %v", err)
	}
	return strings.TrimSpace(strings.ReplaceAll(b.String(), " \n", "\n"))
}

func TestTokens(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"blocks", "if a:\n    b\n\n    # c\n  # d\nelse:\n\tc\n", "if a :\n> b\n< else :\n> c\n<"},
		{"two blocks end", "if a:\n if b:\n  c\nd", "if a :\n> if b :\n> c\n< < d"},
		{"brackets hold lines together", "f(a,\n  b)\nc", "f ( a , b )\nc"},
		{"a line goes on", "a = 1 + \\\n    2\nb", "a = 1 + 2\nb"},
		{"old numbers", "x = 0777L + 1e-3 + .5j - 0x1e-1 if 1else 2 .real 1.5.real", "x = 0777L + 1e-3 + .5j - 0x1e - 1 if 1 else 2 . real 1.5 . real"},
		{"operators", "a<>b; `c` ** d //= e -> f := g ... != @=", "a <> b ; ` c ` ** d //= e -> f := g ... != @="},
		{"strings", `a = 'x\'y' "b#c" ur"d" Rb'e' '' ""`, `a = 'x\'y' "b#c" ur"d" Rb'e' '' ""`},
		{"long strings", "a = '''x\n''y\n''' + 1\nb", "a = '''x\n''y\n''' + 1\nb"},
		{"fields", `f"{a["b"]}{{{c!r:>{w}}" d`, `f"{a["b"]}{{{c!r:>{w}}" d`},
		{"field of an older Python", `f'{a["b"]:{c}}' d`, `f'{a["b"]:{c}}' d`},
		{"a brace that no Python takes", "f'{' + x", "f'{' + x"},
		{"names", "größe = données_2", "größe = données_2"},
		{"ends of lines", "a\r\nb\rc", "a\nb\nc"},
		{"a string that is open", "a = 'b\n", "a = ! line 1, column 5: the string is not closed"},
		{"a bracket that is open", "f(a\n", "f ( a ! line 2, column 1: ')' is not there where the file ends"},
		{"a bracket of another kind", "f(a]", "f ( a ! line 1, column 4: ']' closes nothing"},
		{"between blocks", "if a:\n    b\n  c\n", "if a :\n> b\n! line 3, column 3: the line is indented like none of the blocks around it"},
		{"no Python", "a = $b", "a = ! line 1, column 5: '$' is no part of Python"},
		{"null", "a\x00", "! line 1, column 1: there is a null byte, which no Python source has"},
		{"nothing but a comment", "# -*- coding: latin-1 -*-\n# \xe9", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := write(c.src); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestValues(t *testing.T) {
	for src, want := range map[string]string{
		`'a'`: "a", `"a\n\t\\\x41\101\u00e9\q"`: "a\n\t\\AAé\\q", `r'\n'`: `\n`, "'''a\\\nb\r\nc'''": "ab\nc", `b"x"`: "x", `Ur'\d'`: `\d`,
	} {
		tokens, err := Tokens([]byte(src))
		if err != nil || tokens[0].Kind != String {
			t.Fatalf("%s: %v", src, err)
		}
		if got, ok := tokens[0].Value(); got != want || !ok {
			t.Errorf("%s: got %q, %v, want %q", src, got, ok, want)
		}
	}
	for _, src := range []string{`f'{a}'`, `'\N{BULLET}'`, `'\x4'`} {
		tokens, _ := Tokens([]byte(src))
		if got, ok := tokens[0].Value(); ok {
			t.Errorf("%s: got %q, want no value", src, got)
		}
	}
}

func TestEncodings(t *testing.T) {
	for src, want := range map[string]string{
		"# coding: latin-1\na = '\xe9'":                                       "a = 'é'",
		"#!/usr/bin/python\n# vim: set fileencoding=gbk :\na = '\xd5\x5c'\nb": "a = '\uFFFD'\nb",
		"\xef\xbb\xbfa": "a",
		"a = '\xff'":    "a = '\uFFFD'",
	} {
		if got := write(src); got != want {
			t.Errorf("%q: got %q, want %q", src, got, want)
		}
	}
}

// TestLikePython compares the tokens of the interpreter's own library with those that its tokenize module gives.
func TestLikePython(t *testing.T) {
	testenv.Real(t, "python3")
	python := testenv.Tool(t, "python3")
	const script = `
import sys, os, tokenize, token
skip = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING}
kinds = {token.NAME: 4, token.NUMBER: 5, token.STRING: 6, token.OP: 7, token.NEWLINE: 1, token.INDENT: 2, token.DEDENT: 3, token.ENDMARKER: 0}
lib = os.path.dirname(os.__file__)
for root, dirs, files in os.walk(lib):
    dirs[:] = [d for d in dirs if d not in ("site-packages", "dist-packages", "__pycache__", "lib2to3", "test", "tests", "idlelib")]
    for f in files:
        path = os.path.join(root, f)
        if not f.endswith(".py") or os.path.getsize(path) > 1 << 20: continue
        try:
            got = [t for t in tokenize.tokenize(open(path, "rb").readline) if t.type not in skip]
            compile(open(path, "rb").read(), path, "exec", dont_inherit=True)
        except Exception: continue
        print("F", path)
        for t in got:
            print(kinds.get(t.type, 9), t.start[0], t.start[1] + 1, repr(t.string)[1:-1] if t.type in (token.NAME, token.OP, token.NUMBER) else len(t.string.replace("\r\n", "\n")) if t.type == token.STRING else "")
`
	out, err := exec.Command(python, "-W", "ignore", "-c", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	files := strings.Split(string(out), "F /")[1:]
	if len(files) < 150 {
		t.Fatalf("only %d files", len(files))
	}
	for _, file := range files {
		name, want, _ := strings.Cut(file, "\n")
		data, err := os.ReadFile(filepath.Join("/", name))
		if err != nil {
			t.Fatal(err)
		}
		tokens, err := Tokens(data)
		if err != nil {
			t.Errorf("/%s: %v", name, err)
			continue
		}
		var b strings.Builder
		for _, tok := range tokens {
			text := ""
			switch tok.Kind {
			case Name, Number, Operator:
				text = tok.Text
			case String:
				text = fmt.Sprint(utf8.RuneCountInString(ends.Replace(tok.Text)))
			}
			line, col := tok.Line, tok.Col
			fmt.Fprintf(&b, "%d %d %d %s\n", tok.Kind, line, col, text)
		}
		if line, got, want := differ(b.String(), want); line > 0 {
			t.Errorf("/%s: token %d: got %q, want %q", name, line, got, want)
		}
	}
	t.Logf("%d files", len(files))
}

// differ gives the first line in which two texts differ, but for where a block or a file ends.
func differ(got, want string) (int, string, string) {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(a), len(b)) {
		x, y := "", ""
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x == y || x != "" && y != "" && x[0] == y[0] && strings.IndexByte("0123", x[0]) >= 0 {
			continue
		}
		return i + 1, x, y
	}
	return 0, "", ""
}

func FuzzTokens(f *testing.F) {
	f.Add([]byte("import a.b as c, d\ntry:\n  from . import (e,\n f)\nexcept ImportError: pass\n"))
	f.Add([]byte("f'{a!r:{b}}' f\"\"\"{'''x'''}\"\"\" rb'\\x'"))
	f.Add([]byte("# coding: gbk\nx = '\xd5\x5c'\\\n\t\f  y"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tokens, err := Tokens(data)
		if (err == nil) != (len(tokens) > 0 && tokens[len(tokens)-1].Kind == End) {
			t.Fatalf("%d tokens, %v", len(tokens), err)
		}
		line, col, depth := 1, 1, 0
		for _, tok := range tokens {
			if tok.Line < line || tok.Line == line && tok.Col < col {
				t.Fatalf("%v goes back", tok)
			}
			line, col = tok.Line, tok.Col
			switch tok.Kind {
			case Indent:
				depth++
			case Dedent:
				depth--
			case String:
				tok.Value()
				tok.Prefix()
				tok.Body()
			}
		}
		if err == nil && depth != 0 || depth < 0 {
			t.Fatalf("the depth is %d at the end", depth)
		}
	})
}
