package pyvalue

import (
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"testing"
)

// show is a value in one line: texts with their lines, markers and doubts.
func show(v Value) string {
	switch v := v.(type) {
	case Str:
		s := fmt.Sprintf("%s@%d", v.S, v.At.Line)
		if v.At.File != "setup.py" {
			s += ":" + v.At.File
		}
		if v.Marker != "" {
			s += "{" + v.Marker + "}"
		}
		if v.Doubt != "" {
			s += "?"
		}
		return s
	case *List:
		var parts []string
		for _, item := range v.Items {
			parts = append(parts, show(item))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case *Dict:
		var parts []string
		for i, k := range v.Keys {
			key := show(k)
			if s, ok := k.(Str); ok {
				key = s.S
			}
			parts = append(parts, key+"="+show(v.Vals[i]))
		}
		return "{" + strings.Join(parts, " ") + "}"
	case Unknown:
		return fmt.Sprintf("<%s@%d>", v.Why, v.At.Line)
	}
	return fmt.Sprint(v)
}

func TestCalls(t *testing.T) {
	files := map[string]string{"requirements.txt": "numpy>=1.0\n# comment\n\nscipy  # x\n-r more.txt\n", "more.txt": "tqdm\n", "README.md": "hello"}
	for _, c := range []struct{ name, source, want string }{
		{"literal", "from setuptools import setup\nsetup(name='x',\n  r=['a',\n 'b>=1'])", "[a@3 b>=1@4]"},
		{"variable", "import setuptools\nR = ['a']\nR += ['b']\nR.append('c')\nsetuptools.setup(r=R + ['d'])", "[a@2 b@3 c@4 d@5]"},
		{"format", "V = '1.2'\nsetup(r=['a==%s' % V, 'b=={}'.format(V), f'c=={V}', 'd==' + V, 'e' '>1'])", "[a==1.2@2 b==1.2@2 c==1.2@2 d==1.2@2 e>1@2]"},
		{"lines", "with open('requirements.txt') as f:\n  R = f.read().splitlines()\nsetup(r=R)",
			"[numpy>=1.0@1:requirements.txt # comment@2:requirements.txt @3:requirements.txt scipy  # x@4:requirements.txt -r more.txt@5:requirements.txt]"},
		{"function", `import os
here = os.path.abspath(os.path.dirname(__file__))
def read(name):
    """Reads."""
    path = os.path.join(here, name)
    with open(path, encoding='utf-8') as f:
        return [l.strip() for l in f if l.strip() and not l.startswith(('#', '-'))]
setup(r=read('requirements.txt'))`, "[numpy>=1.0@1:requirements.txt scipy  # x@4:requirements.txt]"},
		{"generator", "def reqs():\n  for l in open('requirements.txt'):\n    l = l.strip()\n    if not l or l[0] == '#': continue\n    yield l\nsetup(r=list(reqs()))",
			"[numpy>=1.0@1:requirements.txt scipy  # x@4:requirements.txt -r more.txt@5:requirements.txt]"},
		{"pip's", "try:\n  from pip._internal.req import parse_requirements\nexcept ImportError:\n  from pip.req import parse_requirements\nreqs = parse_requirements('requirements.txt', session=False)\ntry:\n  R = [str(ir.req) for ir in reqs]\nexcept:\n  R = [str(ir.requirement) for ir in reqs]\nsetup(r=R)",
			"[numpy>=1.0@1:requirements.txt scipy@4:requirements.txt -r more.txt@5:requirements.txt]"},
		{"pathlib", "from pathlib import Path\nthis = Path(__file__).parent\nsetup(r=(this / 'requirements.txt').read_text().split('\\n')[:1])", "[numpy>=1.0@1:requirements.txt]"},
		{"python 2", "print 'hello'\nimport sys\nR = ['a']\nif sys.version_info[0] < 3:\n  R.append('futures')\nif sys.version_info < (3, 7):\n  R.append('dataclasses')\nelse:\n  R.append('x')\nsetup(r=R)",
			`[a@3 dataclasses@7{python_version < "3.7"} x@9{python_version >= "3.7"}]`},
		{"platform", "import platform, sys, os\nR = ['a']\nif platform.system() == 'Windows': R += ['win']\nif sys.platform.startswith('linux'): R += ['lin']\nif os.environ.get('GPU') == '1': R = ['gpu']\nif '--x' in sys.argv: R = []\nsetup(r=R)", "[a@2 lin@4]"},
		{"doubt", "R = ['a']\nif torch.cuda.is_available():\n  R.append('b')\nsetup(r=R)", "[a@1 b@3?]"},
		{"import fails", "R = ['a']\ntry:\n  import tensorflow\nexcept ImportError:\n  R.append('tensorflow')\nsetup(r=R)", "[a@1 tensorflow@5?]"},
		{"keywords", "kw = dict(r=['a'])\nkw['r'] += ['b']\nif True:\n  kw.update(name='x')\nsetup(**kw)", "[a@1 b@2]"},
		{"main", "def main():\n  setup(r=['a'])\nif __name__ == '__main__':\n  main()", "[a@2]"},
		{"extras", "E = {'t': ['a'], 'd': ['b']}\nE['all'] = sum(E.values(), [])\nE['x'] = [r for v in E.values() for r in v][:1]\nsetup(r=E)", "{t=[a@1] d=[b@1] all=[a@1 b@1] x=[a@1]}"},
		{"a string", "setup(r='''\na>=1\nb\n'''.split('\\n'))", "[@1 a>=1@2 b@3]"},
		{"lines of parts", "setup(r='''a;;\na;;b'''.split(';;'))", "[a@1 \na@1 b@2]"},
		{"unknown", "setup(r=get_requirements())", "<get_requirements(…)@1>"},
		{"unknown item", "setup(r=['a', torch_version()])", "[a@1 <torch_version(…)@1>]"},
		{"unknown file", "setup(r=open('nowhere.txt').read().split())", "<…>"},
		{"ternary", "import sys\nsetup(r=['a'] if sys.version_info >= (3, 8) else ['b'])", `[a@2{python_version >= "3.8"} b@2{python_version < "3.8"}]`},
		{"class", "class Build(build_ext):\n  def run(self):\n    x = [\n]\nsetup(r=['a'], cmdclass={'b': Build})", "[a@5]"},
		{"broken line", "exec 'x' in y\nfor x in: pass\nsetup(r=['a'])", "[a@3]"},
		{"lambda", "f = lambda n: [n + '>1']\nsetup(r=f('a'))", "[a>1@2]"},
		{"loop", "R = []\nfor n, v in [('a', '1'), ('b', '2')]:\n  R.append('%s==%s' % (n, v))\nsetup(r=R)", "[a==1@3 b==2@3]"},
		{"regular expressions", `import re
_deps = ["numpy>=1.17", "filelock", "tokenizers==0.10.1"]
deps = {b: a for a, b in (re.findall(r"^(([^!=<>]+)(?:[!=<>].*)?$)", x)[0] for x in _deps)}
def deps_list(*pkgs):
    return [deps[pkg] for pkg in pkgs]
V = re.search(r"^__version__ = '([^']*)'", "x\n__version__ = '1.2'\n", re.M).group(1)
setup(r=deps_list("filelock", "numpy") + ["a==" + V])`, "[filelock@2 numpy>=1.17@2 a==1.2@7]"},
		{"pkg_resources", "import pkg_resources, os\nsetup(r=[str(r) for r in pkg_resources.parse_requirements(open(os.path.join(os.path.dirname(__file__), 'more.txt')))])", "[tqdm@1:more.txt]"},
		{"endless", "def f(n): return f(n)\nx = f(1)\nsetup(r=['a'])", "[a@3]"},
	} {
		calls, err := Calls("setup.py", []byte(c.source), "setup", func(name string) ([]byte, error) {
			if s, ok := files[name]; ok {
				return []byte(s), nil
			}
			return nil, fs.ErrNotExist
		})
		if err != nil || len(calls) != 1 {
			t.Errorf("%s: %d calls, %v", c.name, len(calls), err)
			continue
		}
		got := show(calls[0].Named["r"])
		if got != c.want && !(c.want == "<…>" && strings.HasPrefix(got, "<")) {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// TestTooMuch asks for texts and lists that no memory has room for, which must not be made, by a program of a megabyte.
func TestTooMuch(t *testing.T) {
	const long = "A = '%s'\nL = [%s]\n"
	begin := fmt.Sprintf(long, strings.Repeat("a", 1<<20), strings.Repeat("A,", 15_000))
	const many = 200_000
	for name, line := range map[string]string{
		"replace":         "A.replace('', A)",
		"replace each":    "A.replace('a', A)",
		"join":            "''.join(L)",
		"join by":         "A.join(L)",
		"paths":           "os.path.join(*L)",
		"times":           "A * sys.maxsize",
		"sub":             "re.sub('a', A, A)",
		"format":          "'" + strings.Repeat("{0}", many) + "'.format(A)",
		"percent":         "'" + strings.Repeat("%(a)s", many) + "' % {'a': A}",
		"fields":          "f'" + strings.Repeat("{A}", many) + "'",
		"many texts":      "[a.lower() for a in L]",
		"lists":           "sum([" + strings.Repeat("L,", many) + "], [])",
		"lists in a list": "[" + strings.Repeat("*L,", many) + "]",
		"union":           "set(L).union(" + strings.Repeat("L,", many) + ")",
		"arguments":       "print(" + strings.Repeat("*L,", many) + ")",
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = Calls("setup.py", []byte(begin+"import os, re, sys\nx = "+line+"\n"), "setup", func(string) ([]byte, error) { return nil, fs.ErrNotExist })
		runtime.ReadMemStats(&after)
		if made := (after.TotalAlloc - before.TotalAlloc) >> 20; made > 1024 {
			t.Errorf("%s took %d MiB", name, made)
		}
	}
}

func FuzzCalls(f *testing.F) {
	for _, s := range []string{"setup(r=['a'])", "def f():\n  return [x for x in open('r')]\nsetup(r=f(), **{'a': 1})", "x=['a']\nx+=x\nwith a as b: pass\ntry:\n  import q\nexcept: pass", "try:\n import \nexcept!pass"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		_, _ = Calls("setup.py", []byte(source), "setup", func(string) ([]byte, error) { return []byte("a\nb\n"), nil })
	})
}
