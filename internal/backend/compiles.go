package backend

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/pattern"
)

// signs are what shows that a build calls compilers, with the tools beside those that the sources tell.
var signs = []struct {
	where string // "setup.py", "requires": a name in the build requirements, or "backend"
	what  string // a name as it stands there
	tools []string
}{
	{"backend", "maturin", []string{"rust"}},
	{"backend", "mesonpy", []string{"meson", "c", "pkg-config"}},
	{"backend", "scikit_build_core", []string{"cmake", "c++"}},
	{"backend", "py_build_cmake", []string{"cmake", "c++"}},
	{"backend", "sipbuild", []string{"c++"}},
	{"requires", "setuptools-rust", []string{"rust"}},
	{"requires", "maturin", []string{"rust"}},
	{"requires", "scikit-build", []string{"cmake", "c++"}},
	{"requires", "scikit-build-core", []string{"cmake", "c++"}},
	{"requires", "meson-python", []string{"meson", "c", "pkg-config"}},
	{"requires", "pybind11", []string{"c++"}},
	{"requires", "nanobind", []string{"c++"}},
	{"requires", "cffi", []string{"c"}},
	{"requires", "cython", []string{"c"}},
	{"setup.py", "ext_modules", nil},
	{"setup.py", "cffi_modules", []string{"c"}},
	{"setup.py", "rust_extensions", []string{"rust"}},
	{"setup.py", "RustExtension", []string{"rust"}},
	{"setup.py", "cythonize", nil},
	{"setup.py", "CppExtension", []string{"c++"}},
	{"setup.py", "CUDAExtension", []string{"c++", "cuda"}},
	{"setup.py", "CMakeExtension", []string{"cmake", "c++"}},
	{"setup.py", "numpy.distutils", []string{"c"}},
	{"setup.py", "build_ext", nil},
	{"setup.py", "build_clib", nil},
	{"setup.py", "skbuild", []string{"cmake", "c++"}},
}

var (
	// nothing is what ext_modules may have in it where there is nothing to compile.
	nothing = pattern.New(`ext_modules\s*=\s*(\[\s*\]|\(\s*\)|None)`)
	comment = pattern.New(`(?m)^\s*#.*$`)
	word    = pattern.New(`[A-Za-z_][\w.]*`)
)

// compiles fills in whether and with what the build compiles.
func (p *Project) compiles(dir fs.FS, setup, config string, doc pyproject) {
	setup = nothing().ReplaceAllString(comment().ReplaceAllString(setup, ""), "")
	words := map[string]bool{}
	for _, w := range word().FindAllString(setup, -1) {
		words[w] = true
		if _, last, ok := strings.Cut(w, "."); ok { // setuptools_rust.RustExtension
			words[last] = true
		}
	}
	seen := func(why string, tools ...string) {
		p.Compiles = true
		if p.Why == "" {
			p.Why = why
		}
		p.Tools = append(p.Tools, tools...)
	}
	module, _, _ := strings.Cut(p.Backend, ":")
	module, _, _ = strings.Cut(module, ".")
	for _, s := range signs {
		switch {
		case s.where == "backend" && module == s.what:
			seen("its build backend is "+p.Backend, s.tools...)
		case s.where == "requires" && slices.ContainsFunc(p.Requires, func(r string) bool { return nameOf(r) == s.what }):
			seen("its build requires "+s.what, s.tools...)
		case s.where == "setup.py" && words[s.what]:
			seen("setup.py has "+s.what, s.tools...)
		}
	}
	if len(doc.Tool.Setuptools.Extensions) > 0 {
		seen("pyproject.toml has ext-modules")
	}
	if doc.Tool.Poetry.Build != nil {
		if build, ok, err := text(dir, "build.py"); err == nil && ok && strings.Contains(build, "Extension") {
			seen("build.py has Extension")
		}
	}
	if strings.Contains(config, "[build_ext]") {
		seen("setup.cfg has [build_ext]")
	}
	if p.Compiles {
		p.sources(dir, words)
		if !slices.ContainsFunc(p.Tools, func(t string) bool { return t == "c" || t == "c++" || t == "rust" }) {
			p.Tools = append(p.Tools, "c")
		}
	}
	slices.Sort(p.Tools)
	p.Tools = slices.Compact(p.Tools)
}

// languages are tools by the ends of sources' names.
var languages = map[string]string{
	".c": "c", ".pyx": "c", ".cc": "c++", ".cpp": "c++", ".cxx": "c++", ".c++": "c++", ".hpp": "c++", ".cu": "cuda",
	".f": "fortran", ".f90": "fortran", ".for": "fortran", ".f77": "fortran", ".rs": "rust", ".go": "go", ".i": "swig",
}

// aside are folders whose sources no build of the package compiles.
var aside = []string{"test", "tests", "doc", "docs", "examples", "example", "benchmarks", ".git", "node_modules"}

const maxWalked = 50_000

// sources adds the tools of the languages that sources are in. A language that only some projects compile counts if setup.py or
// the backend speak of it.
func (p *Project) sources(dir fs.FS, words map[string]bool) {
	has := map[string]bool{}
	walked := 0
	_ = fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if walked++; walked > maxWalked {
			return fs.SkipAll
		}
		switch {
		case err != nil:
			return nil // what cannot be read, the build will say
		case d.IsDir() && name != "." && slices.Contains(aside, strings.ToLower(path.Base(name))):
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		if path.Base(name) == "CMakeLists.txt" {
			has["cmake"] = true
		}
		if tool := languages[strings.ToLower(path.Ext(name))]; tool != "" {
			has[tool] = true
		}
		return nil
	})
	speaks := func(text string) bool {
		for w := range words {
			if strings.Contains(strings.ToLower(w), text) {
				return true
			}
		}
		return false
	}
	for tool := range has {
		switch tool {
		case "c", "c++", "fortran":
		case "swig":
			if !speaks("swig") {
				continue
			}
		case "rust", "go", "cuda", "cmake":
			if !speaks(tool) {
				continue
			}
		}
		p.Tools = append(p.Tools, tool)
	}
}

// toolPackages are the packages of Debian's and Ubuntu's that have a tool.
var toolPackages = map[string][]string{
	"c":          {"gcc", "libc6-dev", "make"},
	"c++":        {"g++", "make"},
	"cmake":      {"cmake", "make"},
	"fortran":    {"gfortran"},
	"go":         {"golang-go"},
	"meson":      {"ninja-build"},
	"pkg-config": {"pkg-config"},
	"rust":       {"cargo", "gcc", "libc6-dev"},
	"swig":       {"swig"},
}

// Packages are the packages of the distribution (Debian, Ubuntu) that the build needs beside the headers of its Python, sorted.
//
// CUDA's compiler is in no package of theirs that would fit: a build that calls it is told that it is missing.
func (p *Project) Packages() []string {
	var list []string
	for _, tool := range p.Tools {
		list = append(list, toolPackages[tool]...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}
