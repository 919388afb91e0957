package parent

import (
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/pattern"
)

// Python is an interpreter of the image: a CPython 3 with its standard library.
type Python struct {
	Path  string `json:"path"`  // of the binary, without symlinks: "/usr/bin/python3.11"
	Minor string `json:"minor"` // "3.11"
	// FreeThreaded tells that it is built without the global lock (PEP 703): its folders have a t behind the minor version.
	FreeThreaded bool   `json:"freeThreaded,omitempty"`
	Version      string `json:"version"` // "3.11.2", "3.14.0rc2"; "" if it could not be told, and Doubt says why
	Doubt        string `json:"doubt,omitempty"`
	Prefix       string `json:"prefix"` // "/usr", "/usr/local", "/opt/conda"
	Stdlib       string `json:"stdlib"` // "/usr/lib/python3.11"
	Libc         string `json:"libc"`   // Glibc or Musl, by its dynamic loader; "" if that could not be told
	Machine      uint16 `json:"machine"`
	// Managed tells that the distribution wants nothing installed into it (PEP 668). An environment of its own is not
	// concerned.
	Managed bool `json:"managed"`
	// Reduced tells that parts of the standard library are missing, as in Debian's python3.N-minimal.
	Reduced bool `json:"reduced"`
	// Packages are the folders beside or in the standard library in which packages are installed.
	Packages []string `json:"packages"`
}

// defaultPath is where programs are looked for if the config has no PATH (runc's default).
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// searchPath is the config's PATH, and the folders in which images keep interpreters besides.
func searchPath(env []string) []string {
	list := defaultPath
	for _, e := range env {
		if p, ok := strings.CutPrefix(e, "PATH="); ok {
			list = p
		}
	}
	folders := strings.Split(list, ":")
	return append(folders, "/usr/local/bin", "/usr/bin", "/opt/conda/bin", "/opt/python/bin")
}

var (
	pythonName  = pattern.New(`^python(3(\.[0-9]+t?)?)?$`)
	pythonMinor = pattern.New(`^python(3\.[0-9]+)([mt]?)$`)
	stdlibName  = pattern.New(`^python(3\.[0-9]+)(t?)$`)
)

// pythons finds interpreters, those that a shell would find first at first.
func (p *Parent) pythons(architecture string) {
	seen := map[string]bool{}
	for _, folder := range searchPath(p.Settings.Env) {
		if !strings.HasPrefix(folder, "/") {
			continue
		}
		names := p.Tree.List(folder)
		slices.SortFunc(names, func(a, b string) int { // python3.11 says more than python
			if len(a) != len(b) {
				return len(b) - len(a)
			}
			return strings.Compare(a, b)
		})
		for _, name := range names {
			if !pythonName().MatchString(name) {
				continue
			}
			e, ok := p.Tree.Stat(path.Join(folder, name))
			if !ok {
				p.note("%s is a symlink that leads nowhere", path.Join(folder, name))
				continue
			}
			if seen[e.Path] {
				continue
			}
			seen[e.Path] = true
			py, why := p.Tree.python(e, p.Packages, architecture)
			if why != "" {
				p.note("/%s is not taken for an interpreter: %s", e.Path, why)
				continue
			}
			p.Pythons = append(p.Pythons, py)
		}
	}
}

// python looks at one binary. why says what it is instead of an interpreter.
func (t *Tree) python(e Entry, installed []Package, architecture string) (py Python, why string) {
	c := t.content(e.Path)
	if c == nil || c.ELF == nil {
		return py, "it is no binary of CPython"
	}
	prefix := path.Dir(path.Dir(e.Path))
	if _, ok := t.Stat(prefix + "/pyvenv.cfg"); ok {
		return py, "it is a copy in a virtual environment"
	}
	py = Python{Path: "/" + e.Path, Prefix: path.Join("/", prefix), Machine: c.ELF.Machine, Libc: libcOf(c.ELF.Interpreter)}
	if m := pythonMinor().FindStringSubmatch(path.Base(e.Path)); m != nil {
		py.Minor, py.FreeThreaded = m[1], m[2] == "t"
	}
	if why := t.stdlib(&py); why != "" {
		return py, why
	}
	py.Version, py.Doubt = t.version(&py, c.Versions, installed, architecture)
	_, py.Managed = t.Stat(py.Stdlib + "/EXTERNALLY-MANAGED")
	for _, part := range []string{"ctypes", "json", "venv"} {
		if _, ok := t.Stat(py.Stdlib + "/" + part + "/__init__.py"); !ok {
			py.Reduced = true
		}
	}
	for _, folder := range []string{py.Stdlib + "/site-packages", py.Stdlib + "/dist-packages", py.Prefix + "/lib/python3/dist-packages",
		"/usr/local/lib/python" + py.Minor + "/dist-packages"} {
		if f, ok := t.Stat(folder); ok && !slices.Contains(py.Packages, "/"+f.Path) {
			py.Packages = append(py.Packages, "/"+f.Path)
		}
	}
	return py, ""
}

func libcOf(loader string) string {
	switch name := path.Base(loader); {
	case muslLoader().MatchString(name):
		return Musl
	case strings.HasPrefix(name, "ld-linux") || strings.HasPrefix(name, "ld64.so") || name == "ld.so.1":
		return Glibc
	}
	return ""
}

// stdlib finds the standard library by the file by which Python itself does (os.py), and with it the minor version and the
// build, if the binary's name does not tell. A free-threaded build is called python3.14 as well, unless there is the usual one.
func (t *Tree) stdlib(py *Python) (why string) {
	var found, threaded []string
	for _, lib := range []string{"lib", "lib64"} {
		for _, name := range t.List(py.Prefix + "/" + lib) {
			m := stdlibName().FindStringSubmatch(name)
			if m == nil || py.Minor != "" && m[1] != py.Minor {
				continue
			}
			list := &found
			if m[2] != "" {
				list = &threaded
			}
			folder := path.Join(py.Prefix, lib, name)
			os, ok := t.Stat(folder + "/os.py")
			if !ok {
				continue
			}
			if folder = path.Dir("/" + os.Path); !slices.Contains(*list, folder) {
				*list = append(*list, folder)
			}
		}
	}
	switch {
	case py.FreeThreaded || len(found) == 0 && len(threaded) > 0:
		py.FreeThreaded, found = true, threaded
	case py.Minor == "":
		found = append(found, threaded...)
	}
	switch {
	case len(found) == 0:
		return "it has no standard library"
	case len(found) > 1 && py.Minor == "":
		return "its name does not say which of the standard libraries " + strings.Join(found, ", ") + " is its own"
	}
	py.Stdlib = found[0]
	if py.Minor == "" {
		py.Minor = strings.TrimSuffix(strings.TrimPrefix(path.Base(py.Stdlib), "python"), "t")
	}
	return ""
}

// suffixes are what stands behind the minor version in the names of headers and libraries: "m" of 3.7 and older (PEP 3149).
func (py *Python) suffixes() []string {
	if py.FreeThreaded {
		return []string{"t"}
	}
	return []string{"", "m"}
}

var (
	headerVersion = pattern.New(`(?m)^#define\s+PY_VERSION\s+"(3\.[0-9]+\.[0-9]+[^"]*)"`)
	debVersion    = pattern.New(`^(?:[0-9]+:)?(3\.[0-9]+\.[0-9]+)~?((?:a|b|rc)[0-9]+)?(?:[-+~.]|$)`)
)

// version tells the full version exactly, or says why it cannot. The binary's own text decides; where there are
// several that could be it, and to confirm it, the header that was installed with it (patchlevel.h) and dpkg's
// database are asked.
func (t *Tree) version(py *Python, inBinary []string, installed []Package, architecture string) (version, doubt string) {
	said := t.ofMinor(py.Minor, inBinary)
	if len(said) == 0 { // the interpreter is in a shared library
		said = t.ofMinor(py.Minor, t.sharedVersions(py, architecture))
	}
	for _, other := range t.statements(py, installed) {
		switch {
		case slices.Contains(said, other.version):
			said = []string{other.version}
		case len(said) > 0:
			return "", "its binary says " + strings.Join(said, " or ") + ", and " + other.who + " " + other.version
		}
	}
	switch len(said) {
	case 0:
		return "", "its binary does not tell its version"
	case 1:
		return said[0], ""
	}
	return "", "its binary names several versions: " + strings.Join(said, ", ")
}

// ofMinor are the versions of the minor version. The + of a build between releases is none of a version's
// (sys.version_info has it not).
func (t *Tree) ofMinor(minor string, versions []string) []string {
	var list []string
	for _, v := range versions {
		v = strings.TrimSuffix(v, "+")
		if strings.HasPrefix(v, minor+".") && !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

func (t *Tree) sharedVersions(py *Python, architecture string) []string {
	folders := append([]string{py.Prefix + "/lib", py.Prefix + "/lib64"}, libFolders(architecture)...)
	for _, folder := range folders {
		for _, suffix := range py.suffixes() {
			if c := t.content(folder + "/libpython" + py.Minor + suffix + ".so.1.0"); c != nil {
				return c.Versions
			}
		}
	}
	return nil
}

type statement struct{ who, version string }

func (t *Tree) statements(py *Python, installed []Package) []statement {
	var list []statement
	for _, suffix := range py.suffixes() {
		text, ok := t.Read(py.Prefix + "/include/python" + py.Minor + suffix + "/patchlevel.h")
		if m := headerVersion().FindSubmatch(text); ok && m != nil {
			list = append(list, statement{"patchlevel.h", strings.TrimSuffix(string(m[1]), "+")})
		}
	}
	if py.Path != "/usr/bin/python"+py.Minor {
		return list
	}
	for _, p := range installed {
		if p.Name != "python"+py.Minor+"-minimal" {
			continue
		}
		if m := debVersion().FindStringSubmatch(p.Version); m != nil {
			list = append(list, statement{"dpkg", m[1] + m[2]})
		}
	}
	return list
}
