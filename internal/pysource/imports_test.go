package pysource

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/testenv"
)

// list is a file's imports, one a line, with letters for what stands around them.
func list(f *File) string {
	var b strings.Builder
	for _, i := range f.Imports {
		fmt.Fprintf(&b, "%d %s%s", i.Line, strings.Repeat(".", i.Level), i.Module)
		if i.Names != nil {
			fmt.Fprintf(&b, " (%s)", strings.Join(i.Names, " "))
		}
		for _, flag := range []struct {
			set  bool
			text string
		}{{i.Optional, "optional"}, {i.Conditional, "conditional"}, {i.Typing, "typing"}, {i.Lazy, "lazy"}, {i.Main, "main"}, {i.Call, "call"}} {
			if flag.set {
				b.WriteString(" " + flag.text)
			}
		}
		b.WriteString("\n")
	}
	for _, p := range f.Paths {
		fmt.Fprintf(&b, "%d path %s", p.Line, p.Dir)
		if p.FromFile {
			b.WriteString(" from file")
		}
		b.WriteString("\n")
	}
	for _, e := range f.Extensions {
		fmt.Fprintf(&b, "extension %s\n", e)
	}
	if f.Two != nil {
		fmt.Fprintf(&b, "two %d %s\n", f.Two.Line, f.Two.What)
	}
	if f.Since != nil {
		fmt.Fprintf(&b, "since %s %d %s\n", f.Since.Python, f.Since.Line, f.Since.What)
	}
	return b.String()
}

func TestImports(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"forms", "import a, b.c as d, e ; import f\nfrom g.h import (i,\n  j as k,)\nfrom . import l\nfrom ..m import *\nfrom ... import n\n",
			"1 a\n1 b.c\n1 e\n1 f\n2 g.h (i j)\n4 . (l)\n5 ..m (*)\n6 ... (n)\n"},
		{"no imports", "'''import a'''\n# import b\nimportant = 1\nx.import_ = 2\nfrom_ = 3\n", ""},
		{"a module that may be missing", "try:\n    import a\n    b()\nexcept ImportError:\n    import c\nimport d\n",
			"2 a optional\n5 c optional\n6 d\n"},
		{"a module that must not", "try:\n    import a\nexcept ImportError as e:\n    raise ImportError('install a') from e\n", "2 a\n"},
		{"or the program ends", "try:\n    import a\nexcept:\n    print('no a')\n    sys.exit(1)\n", "2 a\n"},
		{"another error", "try:\n    import a\nexcept KeyError:\n    import b\n", "2 a\n4 b\n"},
		{"one of many errors", "try:\n    import a\nexcept (KeyError, ModuleNotFoundError):\n    a = None\nelse:\n    import b\n", "2 a optional\n6 b optional\n"},
		{"finally alone", "try:\n    import a\nfinally:\n    pass\n", "2 a\n"},
		{"tries in each other", "try:\n  try:\n    import a\n  except KeyError: pass\n  import b\nexcept ImportError: pass\ntry: import c\nexcept ImportError: import d\nimport e\n",
			"3 a optional\n5 b optional\n7 c optional\n8 d optional\n9 e\n"},
		{"suppressed", "with contextlib.suppress(ImportError):\n  import a\nwith open(x) as f: import b\n", "2 a optional\n3 b\n"},
		{"conditions", "if TYPE_CHECKING:\n  import a\nelse:\n  import b\nif __name__ == '__main__': import c\nif sys.version_info[0] < 3:\n  import d\nelif True:\n  import e\nif is_f_available():\n  import f\nif 1:\n  import g\n",
			"2 a typing\n4 b conditional\n5 c main\n7 d conditional\n9 e\n11 f optional conditional\n13 g\n"},
		{"functions", "def f(a: int, b=lambda: 1):\n  import a\n  if x:\n    import b\nclass C:\n  import c\n  async def d(self):\n    import d\nimport e\n",
			"2 a lazy\n4 b conditional lazy\n6 c\n8 d lazy\n9 e\nsince 3.5 7 the statement async\n"},
		{"calls", "m = importlib.import_module('a.b')\nn = __import__(\"c\", globals())\nimport_module('.d', package='e')\nimport_module(f'x.{y}')\nimport_module('x' + y)\n",
			"1 a.b call\n2 c call\n3 .d call\nsince 3.6 4 an f-string\n"},
		{"an end that is no end", "x = {'a': 1}\nfor a in b:\n  pass\nelse:\n  import c\n", "5 c conditional\n"},
		{"broken further on", "import a\ntry:\n  import b\nexcept ImportError:\n  pass\nimport $c", "1 a\n3 b optional\n"},
		{"search paths", `sys.path.append("..")
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "src"))
sys.path.extend(["a", './b/'])
sys.path += [os.getcwd()]
sys.path.append(args.path)
sys.path.append(str(Path(__file__).parents[1]))
ROOT = osp.dirname(__file__)
sys.path.insert(1, osp.join(ROOT, 'third_party/x'))
`, "1 path ..\n2 path ../lib from file\n3 path .. from file\n5 path ../src from file\n6 path a\n6 path b\n7 path .\n9 path .. from file\n11 path third_party/x from file\n"},
		{"compiled modules", "setup(ext_modules=[Extension('a.b', ['b.pyx']), CUDAExtension(sources=f('x'), name='c')])\nfused = load(name=\"d\", sources=[])\nm = load('model.pt')\n",
			"extension a.b\nextension c\nextension d\n"},
		{"old Python", "print 'a'\nimport b\n", "2 b\ntwo 1 the statement print\n"},
		{"old exceptions", "try:\n  pass\nexcept (A, B), e:\n  import b\n", "4 b\ntwo 3 except with a comma\n"},
		{"print as a function", "print('a')\nprint\nx = [print, exec]\nprint (a), b\n", ""},
		{"new Python", "x: int = 1\nif (n := 10) > 5: pass\n", "since 3.8 2 the operator :=\n"},
		{"newer Python", "match x:\n  case 1: pass\nmatch = 3\n", "since 3.10 1 the statement match\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, _ := Imports([]byte(c.src))
			if got := list(f); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

// TestImportsLikePython compares with what Python's own parser finds in its library.
func TestImportsLikePython(t *testing.T) {
	testenv.Real(t, "python3")
	const script = `
import ast, os
lib = os.path.dirname(os.__file__)
for root, dirs, files in os.walk(lib):
    dirs[:] = [d for d in dirs if d not in ("site-packages", "dist-packages", "__pycache__", "lib2to3", "test", "tests", "idlelib")]
    for f in files:
        path = os.path.join(root, f)
        if not f.endswith(".py"): continue
        try: tree = ast.parse(open(path, "rb").read())
        except Exception: continue
        print("F", path)
        lines = []
        for n in ast.walk(tree):
            if isinstance(n, ast.Import): lines += [(n.lineno, n.col_offset, i, a.name) for i, a in enumerate(n.names)]
            if isinstance(n, ast.ImportFrom): lines.append((n.lineno, n.col_offset, 0, "." * n.level + (n.module or "") + " (" + " ".join(a.name for a in n.names) + ")"))
        for l in sorted(lines): print(l[0], l[3])
`
	out, err := exec.Command("python3", "-W", "ignore", "-c", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, file := range strings.Split("\n"+string(out), "\nF ")[1:] {
		name, want, _ := strings.Cut(file, "\n")
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Imports(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		g := &File{}
		for _, i := range f.Imports {
			if i.Context = (Context{}); !i.Call {
				g.Imports = append(g.Imports, i)
			}
		}
		if got := strings.TrimSpace(list(g)); got != strings.TrimSpace(want) {
			t.Errorf("%s:\ngot\n%s\nwant\n%s", name, got, want)
		}
		if f.Two != nil {
			t.Errorf("%s: it is taken for Python 2 by line %d, %s", name, f.Two.Line, f.Two.What)
		}
		count += len(f.Imports)
	}
	if count < 1000 {
		t.Errorf("only %d imports", count)
	}
}

func FuzzImports(f *testing.F) {
	f.Add([]byte("try:\n  import a.b as c, d\nexcept ImportError: raise\nelse: from . import (e,\n f)\n"))
	f.Add([]byte("sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'a'))\nExtension(name='x')\n__import__('.y')"))
	f.Add([]byte("if 1: import a; import b\nH = Path(__file__).parents[1]\nsys.path += [H, 'c'"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, _ := Imports(data)
		for _, i := range file.Imports {
			if i.Line < 1 || i.Module == "" && i.Level == 0 {
				t.Fatalf("%+v", i)
			}
		}
	})
}
