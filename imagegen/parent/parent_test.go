package parent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/diag"
)

func TestRead(t *testing.T) {
	base := gzipped(t, debian("3.11", "3.11.2")...)
	upper := zstandard(t, file{"usr/local/bin/note", "x"})
	p := read(t, base, upper)
	if base.opened != 1 || upper.opened != 1 {
		t.Errorf("layers were opened %d and %d times", base.opened, upper.opened)
	}
	if diff := cmp.Diff(Distro{"debian", "12", "bookworm", []string{}, "Debian GNU/Linux 12 (bookworm)"}, p.Distro); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Libc{Glibc, "2.36", "/usr/lib/x86_64-linux-gnu/libc.so.6", 62}, p.Libc); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Python{{Path: "/usr/bin/python3.11", Minor: "3.11", Version: "3.11.2", Prefix: "/usr", Stdlib: "/usr/lib/python3.11",
		Libc: Glibc, Machine: 62, Managed: true, Packages: []string{"/usr/lib/python3/dist-packages"}}}, p.Pythons); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Package{{"libc6", "2.36-9", "amd64"}, {"python3.11-minimal", "3.11.2-6+deb12u4", "amd64"}}, p.Packages); diff != "" {
		t.Error(diff)
	}
	if p.Platform != "linux/amd64" || len(p.Notes) > 0 || p.Created.Year() != 2026 || len(p.Layers) != 2 || p.Layers[1].MediaType != string(types.OCILayerZStd) {
		t.Errorf("%+v", p)
	}
	py, err := p.Choose(func(py Python) bool { return strings.HasPrefix(py.Version, "3.11.") }, "3.11", "opt/env")
	if err != nil || py.Path != "/usr/bin/python3.11" {
		t.Error(py, err)
	}

	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var again Parent
	if err := json.Unmarshal(data, &again); err != nil {
		t.Fatal(err)
	}
	back, err := json.Marshal(&again)
	if err != nil {
		t.Fatal(err)
	}
	if string(back) != string(data) {
		t.Error("what was remembered is not what was read")
	}
	if text, ok := again.Tree.Read("/etc/os-release"); !ok || !strings.Contains(string(text), "bookworm") {
		t.Errorf("%q", text)
	}
}

func TestEntries(t *testing.T) {
	p := read(t, gzipped(t, file{"etc/passwd", "root:x:0:0"}, file{"etc/passwd- => etc/passwd", ""}, file{"usr/lib/x", "content"}, file{"l -> usr/lib", ""}))
	var got []string
	for _, e := range p.Tree.Entries() {
		s := string(e.Kind) + " " + e.Path + " " + e.Link
		switch c := e.Content.(type) {
		case layer.Bytes:
			s += " " + string(c)
		case layer.Opener:
			if _, err := c.Open(); err == nil {
				t.Errorf("%s can be opened", e.Path)
			}
			s += fmt.Sprint(" ", c.Length)
		}
		got = append(got, s)
	}
	want := []string{"5 etc ", "0 etc/passwd  root:x:0:0", "0 etc/passwd-  root:x:0:0", "2 l usr/lib", "5 usr ", "5 usr/lib ", "0 usr/lib/x  7"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// paths lists the tree as the test writes files, with "/" for folders.
func paths(p *Parent) string {
	var list []string
	for e := range p.Tree.All() {
		s := e.Path
		switch e.Kind {
		case '5':
			s += "/"
		case '2':
			s += "->" + e.Link
		}
		list = append(list, s)
	}
	return strings.Join(list, " ")
}

func TestApply(t *testing.T) {
	for name, c := range map[string]struct {
		layers [][]file
		want   string
	}{
		"whiteout of a file":              {[][]file{{{"a/x", "1"}, {"a/y", "2"}}, {{"a/.wh.x", ""}}}, "a/ a/y"},
		"whiteout of a tree":              {[][]file{{{"a/b/c", "1"}, {"d", ""}}, {{".wh.a", ""}}}, "d"},
		"whiteout, then anew":             {[][]file{{{"a/b", "1"}}, {{".wh.a", ""}, {"a/c", ""}}}, "a/ a/c"},
		"anew, then whiteout":             {[][]file{{{"a/b", "1"}}, {{"a/", ""}, {"a/c", ""}, {".wh.a", ""}}}, "a/ a/c"},
		"whiteout in the same layer only": {[][]file{{{"a", "1"}, {".wh.a", ""}}}, "a"},
		"whiteout of nothing":             {[][]file{{{"a", "1"}}, {{"b/.wh.c", ""}}}, "a"},
		"opaque":                          {[][]file{{{"a/b", "1"}, {"a/c/d", "1"}}, {{"a/e", ""}, {"a/.wh..wh..opq", ""}}}, "a/ a/e"},
		"opaque first":                    {[][]file{{{"a/b", "1"}}, {{"a/.wh..wh..opq", ""}, {"a/b", ""}}}, "a/ a/b"},
		"opaque root":                     {[][]file{{{"a/b", "1"}}, {{".wh..wh..opq", ""}, {"c", ""}}}, "c"},
		"a later layer brings it back":    {[][]file{{{"a/b", "1"}}, {{"a/.wh.b", ""}}, {{"a/b", ""}}}, "a/ a/b"},
		"AUFS' own":                       {[][]file{{{".wh..wh.plnk/1", ""}, {".wh..wh.orph/", ""}, {"a", ""}}}, ".wh..wh.plnk/ .wh..wh.plnk/1 a"},
		"file over folder":                {[][]file{{{"a/b", "1"}}, {{"a", ""}}}, "a"},
		"folder over file":                {[][]file{{{"a", "1"}}, {{"a/", ""}, {"a/b", ""}}}, "a/ a/b"},
		"folder over symlink":             {[][]file{{{"x/", ""}, {"a -> x", ""}}, {{"a/", ""}, {"a/b", ""}}}, "a/ a/b x/"},
		"through a symlink":               {[][]file{{{"usr/lib/", ""}, {"lib -> usr/lib", ""}}, {{"lib/b", ""}}}, "lib->usr/lib usr/ usr/lib/ usr/lib/b"},
		"whiteout through a symlink":      {[][]file{{{"usr/lib/b", ""}, {"lib -> usr/lib", ""}}, {{"lib/.wh.b", ""}}}, "lib->usr/lib usr/ usr/lib/"},
		"above the root":                  {[][]file{{{"../../a", ""}, {"/b", ""}, {"./c", ""}, {"./", ""}}}, "a b c"},
		"hard links":                      {[][]file{{{"a", "1"}, {"b => a", ""}}, {{".wh.a", ""}}, {{"c => ./b", ""}}}, "b c"},
	} {
		var layers []*testLayer
		for _, l := range c.layers {
			layers = append(layers, gzipped(t, l...))
		}
		if got := paths(read(t, layers...)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestBrokenLayers(t *testing.T) {
	for name, c := range map[string]struct {
		files []file
		want  string
	}{
		"whiteout of nothing":  {[]file{{"a/.wh.", ""}}, "names nothing"},
		"whiteout of ..":       {[]file{{"a/.wh...", ""}}, "names nothing"},
		"hard link to nothing": {[]file{{"a => b", ""}}, "hard link to /b"},
		"hard link to folder":  {[]file{{"b/", ""}, {"a => b", ""}}, "hard link to /b"},
		"below a file":         {[]file{{"a", ""}, {"a/b", ""}}, "which is no folder"},
		"a circle":             {[]file{{"a -> b", ""}, {"b -> a", ""}, {"a/c", ""}}, "too many symbolic links"},
		"a long name":          {[]file{{strings.Repeat("a/", 3000), ""}}, "longer than"},
	} {
		_, err := Read(context.Background(), newImage(t, "amd64", gzipped(t, c.files...)), Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) || diag.CodeOf(err) != diag.Failure {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDamage(t *testing.T) {
	whole := gzipped(t, debian("3.11", "3.11.2")...)
	cut := *whole
	cut.data = whole.data[:len(whole.data)-8] // the whole tar, without gzip's end
	other := *whole
	other.plain = []byte("another tar")
	for name, l := range map[string]*testLayer{"cut off": &cut, "other tar": &other} {
		if _, err := Read(context.Background(), newImage(t, "amd64", l), Options{}); diag.CodeOf(err) != diag.Mismatch {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPythons holds which files are taken for interpreters.
func TestPythons(t *testing.T) {
	lib := func(prefix, minor string) []file {
		var list []file
		for _, f := range []string{"os.py", "json/__init__.py", "ctypes/__init__.py", "venv/__init__.py"} {
			list = append(list, file{prefix + "/lib/python" + minor + "/" + f, ""})
		}
		return list
	}
	shared := binaryOf("amd64", loader, "")
	for name, c := range map[string]struct {
		files []file
		want  string // path=version, or path?doubt
		notes string
	}{
		"official image": {append(lib("usr/local", "3.12"), file{"usr/local/bin/python3.12", shared}, file{"usr/local/bin/python -> python3.12", ""},
			file{"usr/local/lib/libpython3.12.so.1.0", binaryOf("amd64", "", "/x/3.12.1\x00")},
			file{"usr/local/include/python3.12/patchlevel.h", "#define PY_VERSION      \t\"3.12.1\"\n"}), "/usr/local/bin/python3.12=3.12.1", ""},
		"conda":   {append(lib("opt/conda", "3.9"), file{"opt/conda/bin/python3.9", binaryOf("amd64", loader, strings.Repeat("\xff", scanBuffer-100)+"\x003.9.18\x00")}), "/opt/conda/bin/python3.9=3.9.18", ""},
		"3.7m":    {append(lib("usr/local", "3.7"), file{"usr/local/bin/python3.7m", binaryOf("amd64", loader, "3.7.16+\x00")}, file{"usr/local/bin/python3.7 => usr/local/bin/python3.7m", ""}), "/usr/local/bin/python3.7=3.7.16", ""},
		"unnamed": {append(lib("usr", "3.10"), file{"usr/bin/python3", binaryOf("amd64", loader, "3.10.0rc2\x00")}), "/usr/bin/python3=3.10.0rc2", ""},
		"unnamed, of two libraries": {append(append(lib("usr", "3.10"), lib("usr", "3.9")...), file{"usr/bin/python3", binaryOf("amd64", loader, "3.10.0\x00")}), "",
			"/usr/bin/python3 is not taken for an interpreter: its name does not say which of the standard libraries /usr/lib/python3.10, /usr/lib/python3.9 is its own"},
		"contradiction": {append(lib("usr/local", "3.12"), file{"usr/local/bin/python3.12", binaryOf("amd64", loader, "3.12.1\x00")},
			file{"usr/local/include/python3.12/patchlevel.h", "#define PY_VERSION \"3.12.2\"\n"}), "/usr/local/bin/python3.12?its binary says 3.12.1, and patchlevel.h 3.12.2", ""},
		"two versions":      {append(lib("usr/local", "3.12"), file{"usr/local/bin/python3.12", binaryOf("amd64", loader, "3.12.1\x003.12.2\x00")}), "/usr/local/bin/python3.12?its binary names several versions: 3.12.1, 3.12.2", ""},
		"two, and a header": {append(lib("usr/local", "3.12"), file{"usr/local/bin/python3.12", binaryOf("amd64", loader, "3.12.1\x003.12.2\x00")}, file{"usr/local/include/python3.12/patchlevel.h", "#define PY_VERSION \"3.12.2\"\n"}), "/usr/local/bin/python3.12=3.12.2", ""},
		"no version":        {append(lib("usr/local", "3.12"), file{"usr/local/bin/python3.12", shared}), "/usr/local/bin/python3.12?its binary does not tell its version", ""},
		"no library":        {[]file{{"usr/bin/python3.12", binaryOf("amd64", loader, "3.12.1\x00")}}, "", "/usr/bin/python3.12 is not taken for an interpreter: it has no standard library"},
		"script":            {append(lib("usr", "3.12"), file{"usr/bin/python3", "#!/bin/sh\n3.12.1\x00"}), "", "/usr/bin/python3 is not taken for an interpreter: it is no binary of CPython"},
		"PyPy":              {[]file{{"opt/pypy/bin/pypy3", binaryOf("amd64", loader, "")}, {"usr/bin/", ""}, {"usr/bin/python3 -> /opt/pypy/bin/pypy3", ""}}, "", "/opt/pypy/bin/pypy3 is not taken for an interpreter: it is no binary of CPython"},
		"dangling":          {[]file{{"usr/bin/", ""}, {"usr/bin/python3 -> python3.9", ""}}, "", "/usr/bin/python3 is a symlink that leads nowhere"},
		"venv":              {append(lib("usr", "3.12"), file{"usr/bin/python3.12", binaryOf("amd64", loader, "3.12.1\x00")}, file{"usr/local/pyvenv.cfg", ""}, file{"usr/local/bin/", ""}, file{"usr/local/bin/python -> /bin/python3.12", ""}, file{"bin -> usr/bin", ""}), "/usr/bin/python3.12=3.12.1", ""},
		"free-threaded": {append(lib("usr/local", "3.14t"), file{"usr/local/bin/python3.14t", shared}, file{"usr/local/bin/python3 -> python3.14t", ""},
			file{"usr/local/lib/libpython3.14t.so.1.0", binaryOf("amd64", "", "3.14.4\x00")},
			file{"usr/local/include/python3.14t/patchlevel.h", "#define PY_VERSION \"3.14.4\"\n"}), "/usr/local/bin/python3.14t=3.14.4t", ""},
		"free-threaded, by the other name": {append(lib("usr/local", "3.14t"), file{"usr/local/bin/python3.14", binaryOf("amd64", loader, "3.14.4\x00")}), "/usr/local/bin/python3.14=3.14.4t", ""},
		"both builds": {append(append(lib("usr/local", "3.14t"), lib("usr/local", "3.14")...), file{"usr/local/bin/python3.14t", binaryOf("amd64", loader, "3.14.4\x00")},
			file{"usr/local/bin/python3.14", binaryOf("amd64", loader, "3.14.4\x00")}), "/usr/local/bin/python3.14t=3.14.4t /usr/local/bin/python3.14=3.14.4", ""},
		"both builds, unnamed": {append(append(lib("usr", "3.14t"), lib("usr", "3.14")...), file{"usr/bin/python3", binaryOf("amd64", loader, "3.14.4\x00")}), "",
			"/usr/bin/python3 is not taken for an interpreter: its name does not say which of the standard libraries /usr/lib/python3.14, /usr/lib/python3.14t is its own"},
		"free-threaded without its library": {append(lib("usr/local", "3.13"), file{"usr/local/bin/python3.13t", binaryOf("amd64", loader, "3.13.1\x00")}), "",
			"/usr/local/bin/python3.13t is not taken for an interpreter: it has no standard library"},
	} {
		p := read(t, gzipped(t, c.files...))
		var got []string
		for _, py := range p.Pythons {
			if py.Version != "" {
				got = append(got, py.Path+"="+py.name(py.Version))
			} else {
				got = append(got, py.Path+"?"+py.Doubt)
			}
		}
		if s := strings.Join(got, " "); s != c.want || strings.Join(p.Notes, "\n") != c.notes {
			t.Errorf("%s: %q, notes %q", name, s, p.Notes)
		}
	}
}

// TestMusl: the version is the text in the library, wherever its names lead; of a text that could be one as well, nothing is
// believed.
func TestMusl(t *testing.T) {
	const said = "\x00musl libc (x86_64)\nVersion %s\n\x00127.0.0.1\x00"
	alpine := func(library string, more ...file) *testLayer {
		files := []file{{"lib/ld-musl-x86_64.so.1", library}, {"lib/libc.musl-x86_64.so.1 -> ld-musl-x86_64.so.1", ""},
			{"lib/libz.so.1", binaryOf("amd64", "", "")}, {"usr/lib/libffi.so.8", binaryOf("amd64", "", "")}, {"usr/other/libo.so", binaryOf("amd64", "", "")},
			{"usr/local/bin/python3.12", binaryOf("amd64", "/lib/ld-musl-x86_64.so.1", "3.12.7\x00")}}
		for _, f := range []string{"os.py", "json/__init__.py", "ctypes/__init__.py", "venv/__init__.py"} {
			files = append(files, file{"usr/local/lib/python3.12/" + f, ""})
		}
		return gzipped(t, append(files, more...)...)
	}
	names := func(p *Parent) string {
		list, err := p.Libraries()
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, l := range list {
			all = append(all, l.Name)
		}
		return strings.Join(all, " ")
	}
	any := func(Python) bool { return true }
	p := read(t, alpine(binaryOf("amd64", "", said+"1.2.5\x00")))
	if p.Libc != (Libc{Musl, "1.2.5", "/lib/ld-musl-x86_64.so.1", 62}) {
		t.Errorf("%+v", p.Libc)
	}
	if py, err := p.Choose(any, "3.12", "opt/env"); err != nil || py.Path != "/usr/local/bin/python3.12" || py.Version != "3.12.7" || py.Libc != Musl {
		t.Errorf("%+v %v", py, err)
	}
	if got := names(p); got != "ld-musl-x86_64.so.1 libc.musl-x86_64.so.1 libz.so.1 libffi.so.8" {
		t.Error(got)
	}
	p = read(t, alpine(binaryOf("amd64", "", said+"1.2.5-git-7-gabc123\x00"), file{"etc/ld-musl-x86_64.path", "/usr/other\n/lib:"}))
	if p.Libc.Version != "1.2.5-git-7-gabc123" {
		t.Errorf("%+v", p.Libc)
	}
	if got := names(p); got != "libo.so ld-musl-x86_64.so.1 libc.musl-x86_64.so.1 libz.so.1" {
		t.Error(got)
	}
	for name, library := range map[string]string{
		"no version": said, "two": said + "1.2.5\x001.1.24\x00", "part of another": said + "31.2.5\x00x.1.2.5\x00", "no banner": "\x001.2.5\x00",
	} {
		_, err := read(t, alpine(binaryOf("amd64", "", library))).Choose(any, "3.12", "opt/env")
		if r := (*Refusal)(nil); !errors.As(err, &r) || r.Reason != OtherLibc || !strings.Contains(r.Error(), "does not say its version") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := read(t, alpine(binaryOf("arm64", "", said+"1.2.5\x00"))).Choose(any, "3.12", "opt/env"); err == nil || !strings.Contains(err.Error(), "its C library is for another machine") {
		t.Errorf("another machine: %v", err)
	}
	glibc := file{"usr/local/bin/python3.12", binaryOf("amd64", "/lib64/ld-linux-x86-64.so.2", "3.12.7\x00")}
	if _, err := read(t, alpine(binaryOf("amd64", "", said+"1.2.5\x00"), glibc)).Choose(any, "3.12", "opt/env"); err == nil || !strings.Contains(err.Error(), "is linked to glibc, and its C library is musl") {
		t.Errorf("glibc on musl: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	whole := debian("3.11", "3.11.2")
	without := func(name string) []file {
		var list []file
		for _, f := range whole {
			if f.name != name {
				list = append(list, f)
			}
		}
		return list
	}
	foreign := gzipped(t, whole...)
	foreign.media = types.DockerForeignLayer
	sealed := gzipped(t, whole...)
	sealed.media += "+encrypted"
	musl := append(debian("3.11", "3.11.2"), file{"usr/lib/ld-musl-x86_64.so.1", binaryOf("amd64", "", "")})
	for name, c := range map[string]struct {
		architecture string
		layer        *testLayer
		python       string
		want         Reason
		text         string
	}{
		"platform":             {"arm64", gzipped(t, whole...), "3.11", OtherPlatform, "it is for linux/arm64, and linux/amd64 is wanted"},
		"foreign":              {"amd64", foreign, "3.11", ForeignLayer, "layer 1 (sha256:"},
		"encrypted":            {"amd64", sealed, "3.11", UnknownLayer, "is no type of layers"},
		"other machine":        {"amd64", gzipped(t, append(whole, file{"usr/lib/x86_64-linux-gnu/libc.so.6", libc("arm64", "2.36")})...), "3.11", OtherPlatform, "its C library is for another machine"},
		"python for another":   {"amd64", gzipped(t, append(whole, file{"usr/bin/python3.11", binaryOf("arm64", loader, "3.11.2\x00")})...), "3.11", OtherPlatform, "/usr/bin/python3.11 is for another machine"},
		"musl":                 {"amd64", gzipped(t, append(musl, file{"usr/lib/x86_64-linux-gnu/libc.so.6", ""})...), "3.11", OtherLibc, "musl (/lib/ld-musl-x86_64.so.1), which does not say its version"},
		"musl beside glibc":    {"amd64", gzipped(t, append(musl, file{"usr/bin/python3.11", binaryOf("amd64", "/lib/ld-musl-x86_64.so.1", "3.11.2\x00")})...), "3.11", OtherLibc, "its /usr/bin/python3.11 is linked to musl, and its C library is glibc (/usr/lib/x86_64-linux-gnu/libc.so.6)"},
		"no C library":         {"amd64", gzipped(t, without("usr/lib/x86_64-linux-gnu/libc.so.6")...), "3.11", NoLibc, "no C library"},
		"other Python":         {"amd64", gzipped(t, whole...), "3.12", NoPython, "it has no Python 3.12, only 3.11.2"},
		"no Python":            {"amd64", gzipped(t, without("usr/bin/python3.11")...), "3.11", NoPython, "it has no Python 3.11"},
		"unsure":               {"amd64", gzipped(t, append(whole, file{"usr/bin/python3.11", binaryOf("amd64", loader, "")})...), "3.11", UnsurePython, "cannot be told"},
		"in parts":             {"amd64", gzipped(t, without("usr/lib/python3.11/ctypes/__init__.py")...), "3.11", PartPython, "lacks parts"},
		"an environment there": {"amd64", gzipped(t, append(whole, file{"opt/env/pyvenv.cfg", ""})...), "3.11", InTheWay, "files in /opt/env"},
		"opt is a link":        {"amd64", gzipped(t, append(whole, file{"var/opt/", ""}, file{"opt -> var/opt", ""})...), "3.11", InTheWay, "its /opt is no folder"},
	} {
		p, err := Read(context.Background(), newImage(t, c.architecture, c.layer), Options{Platform: "linux/amd64"})
		if err == nil {
			_, err = p.Choose(func(py Python) bool { return !py.FreeThreaded && strings.HasPrefix(py.Version, c.python+".") }, c.python, "opt/env")
		} else if c.layer.opened > 0 {
			t.Errorf("%s: the layer was read", name)
		}
		var r *Refusal
		if !errors.As(err, &r) || r.Reason != c.want || !strings.Contains(err.Error(), c.text) || diag.CodeOf(err) != diag.Manifest || len(diag.HintsOf(err)) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDistroless(t *testing.T) {
	p := read(t, gzipped(t, file{"var/lib/dpkg/status.d/libc6", "Package: libc6\nVersion: 2.36-9\nArchitecture: amd64\n"},
		file{"var/lib/dpkg/status.d/libc6.md5sums", "x"}, file{"var/lib/dpkg/status.d/base", "Package: base-files\nVersion: 12\nArchitecture: amd64"}))
	if diff := cmp.Diff([]Package{{"base-files", "12", "amd64"}, {"libc6", "2.36-9", "amd64"}}, p.Packages); diff != "" || !p.Parted {
		t.Error(diff)
	}
	if want := "Status: install ok installed\nPackage: base-files\nVersion: 12\nArchitecture: amd64\n\nStatus: install ok installed\nPackage: libc6\n"; !strings.HasPrefix(string(p.Status), want) {
		t.Errorf("%q", p.Status)
	}
}

func TestOSRelease(t *testing.T) {
	got := osRelease("# x\nID=debian\nA='b \"c\" $d'\nB=\"a \\\"b\\\" \\$c\"\nC=x # y\nD=a\\ b\r\n\nE\nF=\n")
	if diff := cmp.Diff(map[string]string{"ID": "debian", "A": `b "c" $d`, "B": `a "b" $c`, "C": "x", "D": "a b", "F": ""}, got); diff != "" {
		t.Error(diff)
	}
}

// TestScan puts texts at every place around the ends of the buffer.
func TestScan(t *testing.T) {
	const banner = "GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.\n"
	head := binaryOf("amd64", "", "")
	for shift := scanBuffer - 2*scanOverlap; shift < scanBuffer+2*scanOverlap; shift++ {
		fill := strings.Repeat("x", shift-len(head))
		c, err := scan(strings.NewReader(head + fill + banner + "13.11.4\x00" + "/3.11.7\x00" + strings.Repeat("y", 1000)))
		if err != nil || c.Glibc != "2.36" || len(c.Versions) != 1 || c.Versions[0] != "3.11.7" {
			t.Fatalf("at %d: %+v, %v", shift, c, err)
		}
	}
}
