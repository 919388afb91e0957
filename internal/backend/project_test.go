package backend_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/backend"
)

func project(files map[string]string) fstest.MapFS {
	dir := fstest.MapFS{}
	for name, content := range files {
		dir[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return dir
}

const legacy = "setuptools.build_meta:__legacy__"

func TestInspect(t *testing.T) {
	tests := map[string]struct {
		files map[string]string
		want  backend.Project
	}{
		"setup.py alone": {
			map[string]string{"setup.py": "from distutils.core import setup\nsetup(name='a')\n"},
			backend.Project{Requires: []string{"setuptools", "wheel"}, Backend: legacy, Legacy: true},
		},
		"setup_requires in place": {
			map[string]string{"setup.py": "setup(\n  setup_requires=[\n    'numpy>=1.10',  # for the headers\n    \"pytest-runner\",\n  ],\n)"},
			backend.Project{Requires: []string{"setuptools", "wheel", "numpy>=1.10", "pytest-runner"}, Backend: legacy, Legacy: true},
		},
		"setup_requires by a name": {
			map[string]string{"setup.py": "needs = ['six']\nsetup(setup_requires=needs)"},
			backend.Project{Requires: []string{"setuptools", "wheel", "six"}, Backend: legacy, Legacy: true},
		},
		"setup_requires that is computed": {
			map[string]string{"setup.py": "setup(setup_requires=['six', wanted()] + ['pbr'], x=read('y'))"},
			backend.Project{Requires: []string{"setuptools", "wheel", "six", "pbr"}, Backend: legacy, Legacy: true},
		},
		"setup_requires of a comment, and of another's": {
			map[string]string{"setup.py": "# setup_requires=['foo-old']\n'''setup_requires=['foo']'''\nother(setup_requires=['bar'])\nsetup(setup_requires=['six'])"},
			backend.Project{Requires: []string{"setuptools", "wheel", "six"}, Backend: legacy, Legacy: true},
		},
		"setup_requires that depends": {
			map[string]string{"setup.py": "import sys\nneeds = ['six; python_version < \"3\"', 'pbr'] if sys.version_info < (3, 8) else []\nif asked():\n  needs.append('foo')\nsetup(setup_requires=needs)"},
			backend.Project{
				Requires: []string{"setuptools", "wheel", `six ; (python_version < "3") and (python_version < "3.8")`, `pbr ; python_version < "3.8"`},
				Backend:  legacy, Legacy: true,
			},
		},
		"setup_requires of a file": {
			map[string]string{"setup.py": "kw = {'setup_requires': open('needs.txt').read().splitlines()}\nsetup(**kw)", "needs.txt": "six\n# more\n"},
			backend.Project{Requires: []string{"setuptools", "wheel", "six"}, Backend: legacy, Legacy: true},
		},
		"setup.cfg": {
			map[string]string{"setup.py": "setup()", "setup.cfg": "[options]\nsetup_requires =\n    pbr>=2.0\n    # not this\n    six; python_version < '3'\npackages = x\n"},
			backend.Project{Requires: []string{"setuptools", "wheel", "pbr>=2.0", "six; python_version < '3'"}, Backend: legacy, Legacy: true},
		},
		"pyproject.toml without [build-system]": {
			map[string]string{"pyproject.toml": "[tool.black]\n", "setup.py": "setup()"},
			backend.Project{Requires: []string{"setuptools", "wheel"}, Backend: legacy, Legacy: true},
		},
		"requires without a backend": {
			map[string]string{"pyproject.toml": "[build-system]\nrequires = ['numpy']\n", "setup.py": "setup()"},
			backend.Project{Requires: []string{"numpy", "setuptools", "wheel"}, Backend: legacy},
		},
		"a backend": {
			map[string]string{"pyproject.toml": "[build-system]\nrequires = ['hatchling']\nbuild-backend = 'hatchling.build'\nbackend-path = ['.']\n"},
			backend.Project{Requires: []string{"hatchling"}, Backend: "hatchling.build", BackendPath: []string{"."}},
		},
		"extensions": {
			map[string]string{"setup.py": "setup(ext_modules=[Extension('a', ['a.pyx'])])", "a.pyx": "", "src/b.cpp": "", "tests/c.f90": ""},
			backend.Project{
				Requires: []string{"setuptools", "wheel"}, Backend: legacy, Legacy: true,
				Compiles: true, Tools: []string{"c", "c++"}, Why: "setup.py has ext_modules",
			},
		},
		"no extensions after all": {
			map[string]string{"setup.py": "# ext_modules=[x]\nsetup(ext_modules=[])", "examples/a.c": ""},
			backend.Project{Requires: []string{"setuptools", "wheel"}, Backend: legacy, Legacy: true},
		},
		"cmake": {
			map[string]string{"setup.py": "class CMakeBuild(build_ext): pass", "CMakeLists.txt": "", "a.cc": ""},
			backend.Project{
				Requires: []string{"setuptools", "wheel"}, Backend: legacy, Legacy: true,
				Compiles: true, Tools: []string{"c++", "cmake"}, Why: "setup.py has build_ext",
			},
		},
		"rust": {
			map[string]string{"pyproject.toml": "[build-system]\nrequires = ['setuptools', 'setuptools-rust>=1']\nbuild-backend = 'setuptools.build_meta'\n", "setup.py": ""},
			backend.Project{
				Requires: []string{"setuptools", "setuptools-rust>=1"}, Backend: "setuptools.build_meta",
				Compiles: true, Tools: []string{"rust"}, Why: "its build requires setuptools-rust",
			},
		},
		"meson": {
			map[string]string{"pyproject.toml": "[build-system]\nrequires = ['meson-python', 'Cython']\nbuild-backend = 'mesonpy'\n", "a.f90": ""},
			backend.Project{
				Requires: []string{"meson-python", "Cython"}, Backend: "mesonpy",
				Compiles: true, Tools: []string{"c", "fortran", "meson", "pkg-config"}, Why: "its build backend is mesonpy",
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := backend.Inspect(project(test.files))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestInspectRefuses(t *testing.T) {
	for want, files := range map[string]map[string]string{
		"neither a pyproject.toml nor a setup.py": {"setup.cfg": "[metadata]\nname = a\n"},
		"not as PEP 518 has it":                   {"pyproject.toml": "[build-system\n"},
		"has no requires":                         {"pyproject.toml": "[build-system]\nbuild-backend = 'a'\n"},
		"names no object of Python":               {"pyproject.toml": "[build-system]\nrequires = []\nbuild-backend = 'a; import os'\n"},
		"is not in the project":                   {"pyproject.toml": "[build-system]\nrequires = []\nbuild-backend = 'a'\nbackend-path = ['../b']\n"},
	} {
		if _, err := backend.Inspect(project(files)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestPackages(t *testing.T) {
	p := backend.Project{Compiles: true, Tools: []string{"c", "c++", "meson"}}
	if diff := cmp.Diff([]string{"g++", "gcc", "libc6-dev", "make", "ninja-build"}, p.Packages()); diff != "" {
		t.Error(diff)
	}
	if got := (&backend.Project{}).Packages(); got != nil {
		t.Error(got)
	}
}

func FuzzInspect(f *testing.F) {
	f.Add("setup(setup_requires=['a', \"b\"])", "[options]\nsetup_requires = x\n", "[build-system]\nrequires=[]\n")
	f.Fuzz(func(t *testing.T, setup, config, toml string) {
		p, err := backend.Inspect(project(map[string]string{"setup.py": setup, "setup.cfg": config, "pyproject.toml": toml}))
		if err == nil && p.Backend == "" {
			t.Error("no backend")
		}
	})
}
