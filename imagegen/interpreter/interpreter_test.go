package interpreter

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/testenv"
)

func TestRead(t *testing.T) {
	i := mustRead(t, complete())
	got := *i
	got.Entries = nil
	want := Interpreter{
		Version: "3.12.4", Minor: "3.12", Glibc: "2.17", BuiltFor: "/install",
		Needed: []string{"libc.so.6", "libdl.so.2", "libm.so.6", "libssl.so.3"},
		Users: map[string]string{
			"libc.so.6": "/opt/python/bin/python3.12", "libdl.so.2": "/opt/python/bin/python3.12",
			"libm.so.6":   "/opt/python/lib/libpython3.12.so.1.0",
			"libssl.so.3": "/opt/python/lib/python3.12/lib-dynload/_ssl.cpython-312-x86_64-linux-gnu.so",
		},
		Dropped: []string{"lib/libpython3.12.a", "lib/python3.12/__pycache__"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	var list []string
	for _, e := range i.Entries {
		if e.UID != 0 || e.GID != 0 {
			t.Errorf("%s belongs to %d:%d", e.Path, e.UID, e.GID)
		}
		line := string(e.Kind) + " "
		switch {
		case e.Link != "":
			line += e.Path + " > " + e.Link
		case e.Mode == 0o755:
			line += e.Path + " x"
		default:
			line += e.Path
		}
		list = append(list, line)
	}
	if d := cmp.Diff([]string{
		"5 opt x", "5 opt/python x", "5 opt/python/bin x",
		"0 opt/python/bin/idle3 x", "0 opt/python/bin/pip3 x", "2 opt/python/bin/python > python3", "2 opt/python/bin/python3 > python3.12",
		"0 opt/python/bin/python3.12 x",
		"5 opt/python/include x", "5 opt/python/include/python3.12 x", "0 opt/python/include/python3.12/patchlevel.h",
		"5 opt/python/lib x", "2 opt/python/lib/libpython3.12.so > libpython3.12.so.1.0", "0 opt/python/lib/libpython3.12.so.1.0 x",
		"5 opt/python/lib/pkgconfig x", "0 opt/python/lib/pkgconfig/python-3.12.pc",
		"5 opt/python/lib/python3.12 x", "0 opt/python/lib/python3.12/_sysconfigdata__linux_x86_64-linux-gnu.py",
		"5 opt/python/lib/python3.12/config-3.12-x86_64-linux-gnu x", "0 opt/python/lib/python3.12/config-3.12-x86_64-linux-gnu/Makefile",
		"0 opt/python/lib/python3.12/empty.py",
		"5 opt/python/lib/python3.12/lib-dynload x", "0 opt/python/lib/python3.12/lib-dynload/_ssl.cpython-312-x86_64-linux-gnu.so x",
		"0 opt/python/lib/python3.12/os.py",
		"5 opt/python/share x", "5 opt/python/share/man x", "5 opt/python/share/man/man1 x",
		"1 opt/python/share/man/man1/python3.1 > opt/python/share/man/man1/python3.12.1", "0 opt/python/share/man/man1/python3.12.1",
	}, list); d != "" {
		t.Error(d)
	}
	if got := i.text(t, "opt/python/lib/python3.12/os.py"); got != "# os\n" {
		t.Errorf("os.py is %q", got)
	}
}

func TestTexts(t *testing.T) {
	i := mustRead(t, complete())
	for p, want := range map[string]string{
		"bin/pip3":                     "#!/opt/python/bin/python3.12\nimport pip\n",
		"bin/idle3":                    "#!/bin/sh\n'''exec' python\n",
		"lib/pkgconfig/python-3.12.pc": "prefix=/opt/python\nlibdir=${prefix}/lib\n",
		"lib/python3.12/config-3.12-x86_64-linux-gnu/Makefile": "prefix=\t/opt/python\nLIBDIR= /opt/python/lib\n",
		"lib/python3.12/_sysconfigdata__linux_x86_64-linux-gnu.py": `# system configuration generated and used by the sysconfig module
build_time_vars = {'AR': 'ar',
 'BINDIR': '/opt/python/bin',
 'BLDSHARED': 'cc -pthread -shared -L/opt/python/lib '
              '-Wl,-rpath,/opt/python/lib',
 'CC': 'cc -pthread',
 'CONFIG_ARGS': "'--prefix=/opt/python' '--libdir=/opt/python/lib'",
 'CXX': 'c++ -pthread',
 'LDCXXSHARED': 'c++ -pthread -shared',
 'OTHER': '/tools/install/lib /installed /install-2 /build-I/install',
 'TZPATH': '/usr/share/zoneinfo',
 'prefix': '/opt/python'}
`,
	} {
		if d := cmp.Diff(want, i.text(t, "opt/python/"+p)); d != "" {
			t.Errorf("%s:\n%s", p, d)
		}
	}
}

// goldenDigest is of the layer of the standard archive by the rules of Format. With other bytes, these are other rules.
const goldenDigest = "sha256:1a6b07c3163a9d7e91645fae5d714dc49dc9e53c610ee8885e81b6c3d992aff7"

func TestGolden(t *testing.T) {
	if Format != "python/1" {
		t.Error("another format has another digest")
	}
	packed := map[string][]byte{"gzip": gzipOf(t, tarOf(t, complete()))}
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	z.Write(tarOf(t, complete()))
	z.Close()
	packed["zstd"] = append([]byte(nil), b.Bytes()...)
	b.Reset()
	x, err := xz.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	x.Write(tarOf(t, complete()))
	x.Close()
	packed["xz"] = b.Bytes()
	for name, data := range packed {
		i, err := readArchive(t, data, Want{Version: "3.12"})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r, err := layer.Write(context.Background(), i.Entries, layer.Options{Output: io.Discard, NoRecipe: true})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if r.Digest != goldenDigest {
			t.Errorf("%s: the layer's digest is %s", name, r.Digest)
		}
	}
}

func TestNames(t *testing.T) {
	// Names that are there stay as they are; of python3.6m and python3.6 either may be the link.
	m := []member{
		program("bin/python3.6m", binaryOf{machine: elf.EM_X86_64, loader: loader}.build()),
		hardlink("bin/python3.6", "bin/python3.6m"),
		symlink("bin/python3", "python3.6"),
		file("include/python3.6m/patchlevel.h", "#define PY_VERSION \"3.6.15+\"\n"),
		file("lib/python3.6/os.py", ""),
		file("lib/python3.6/_sysconfigdata_m_linux_x86_64-linux-gnu.py", " 'prefix': '/srv/3.6.15',"),
	}
	i := mustRead(t, m)
	if i.Version != "3.6.15" || i.Glibc != "" || i.BuiltFor != "/srv/3.6.15" {
		t.Errorf("%+v", i)
	}
	if e := i.entry(t, "opt/python/bin/python3"); e.Link != "python3.6" {
		t.Errorf("python3 leads to %q", e.Link)
	}
	if e := i.entry(t, "opt/python/bin/python"); e.Link != "python3" {
		t.Errorf("python leads to %q", e.Link)
	}
}

// TestFreeThreaded: a free-threaded build is called by two names, of which that with the t is its folders'.
func TestFreeThreaded(t *testing.T) {
	m := []member{
		program("bin/python3.14", binaryOf{machine: elf.EM_X86_64, loader: loader}.build()),
		program("bin/python3.14t", binaryOf{machine: elf.EM_X86_64, loader: loader, needed: []string{"libpython3.14t.so.1.0"}}.build()),
		program("bin/pydoc3", "#!/install/bin/python3.14t\n"),
		program("lib/libpython3.14t.so.1.0", binaryOf{machine: elf.EM_X86_64, soname: "libpython3.14t.so.1.0"}.build()),
		file("include/python3.14t/patchlevel.h", "#define PY_VERSION \"3.14.4\"\n"),
		file("lib/python3.14t/os.py", ""),
		file("lib/python3.14t/_sysconfigdata_t_linux_x86_64-linux-gnu.py", " 'prefix': '/install', 'LIBDIR': '/install/lib',"),
		file("lib/python3.14t/config-3.14t-x86_64-linux-gnu/Makefile", "prefix=/install\n"),
	}
	i := mustRead(t, m)
	if !i.FreeThreaded || i.Musl || i.Version != "3.14.4" || i.Minor != "3.14" || i.Name() != "3.14t" || len(i.Needed) != 0 {
		t.Errorf("%+v", i)
	}
	if e := i.entry(t, "opt/python/bin/python3"); e.Link != "python3.14t" {
		t.Errorf("python3 leads to %q", e.Link)
	}
	for p, text := range map[string]string{
		"lib/python3.14t/_sysconfigdata_t_linux_x86_64-linux-gnu.py": " 'prefix': '/opt/python', 'LIBDIR': '/opt/python/lib',",
		"lib/python3.14t/config-3.14t-x86_64-linux-gnu/Makefile":     "prefix=/opt/python\n",
	} {
		if got := i.text(t, "opt/python/"+p); got != text {
			t.Errorf("%s: %q", p, got)
		}
	}
	if _, err := readArchive(t, gzipOf(t, tarOf(t, m)), Want{Version: "3.14.5"}); diag.CodeOf(err) != diag.Mismatch {
		t.Errorf("another version: %v", err)
	}
}

func TestMusl(t *testing.T) {
	i := mustRead(t, with(program("bin/python3.12", binaryOf{machine: elf.EM_X86_64, loader: "/lib/ld-musl-x86_64.so.1", needed: []string{"libc.so"}}.build())))
	if !i.Musl || i.FreeThreaded {
		t.Errorf("%+v", i)
	}
	if i := mustRead(t, complete()); i.Musl {
		t.Error("glibc is taken for musl")
	}
}

func TestWanted(t *testing.T) {
	data := gzipOf(t, tarOf(t, complete()))
	for _, c := range []struct{ version, architecture, problem string }{
		{"3.12.4", "amd64", ""}, {"3.12", "amd64", ""}, {"", "", ""},
		{"3.1", "amd64", "has Python 3.12.4, and 3.1 is wanted"}, {"3.12.5", "amd64", "and 3.12.5 is wanted"},
		{"3.12", "arm64", "is for amd64, and arm64 is wanted"}, {"3.12", "s390x", "not known"},
	} {
		_, err := readArchive(t, data, Want{Version: c.version, Architecture: c.architecture})
		switch {
		case c.problem == "" && err != nil:
			t.Errorf("%+v: %v", c, err)
		case c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)):
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestRefuses(t *testing.T) {
	sys := "lib/python3.12/_sysconfigdata__linux_x86_64-linux-gnu.py"
	for name, c := range map[string]struct {
		members []member
		problem string
	}{
		"absolute name":       {with(file("!/python/x", "")), "absolute"},
		"name leading out":    {with(file("!python/../../x", "")), "leaves the archive"},
		"name not clean":      {with(file("!python/lib//x", "")), "not clean"},
		"name not UTF-8":      {with(file("lib/\xff", "")), "UTF-8"},
		"second top":          {with(file("!other/x", "")), "not in the top folder"},
		"no top folder":       {append([]member{{name: "!./", kind: tar.TypeDir}}, complete()...), "no single top folder"},
		"file at the top":     {[]member{file("!python", "")}, "no folder"},
		"twice":               {append(complete(), file("lib/python3.12/os.py", "other")), "is there twice"},
		"folder for a file":   {with(member{name: "lib/python3.12/os.py/", kind: tar.TypeDir}), "is there twice"},
		"below a file":        {with(file("lib/python3.12/os.py/x", "")), "is no folder"},
		"below a symlink":     {with(symlink("lib64", "lib"), file("lib64/x", "")), "is no folder"},
		"symlink out":         {with(symlink("lib/x", "../../etc/passwd")), "leads out"},
		"symlink out by two":  {with(symlink("a", "lib/python3.12"), symlink("b", "a/../../../x")), "leads out"},
		"symlink out, absent": {with(symlink("b", "none/../../x")), "leads out"},
		"symlink, absolute":   {with(symlink("lib/x", "/etc/passwd")), "not a relative path"},
		"symlink to itself":   {with(symlink("lib/x", "x")), "without end"},
		"hard link out":       {with(hardlink("x", "!/etc/passwd")), "absolute"},
		"hard link to none":   {with(hardlink("x", "y")), "no earlier file"},
		"hard link to itself": {with(hardlink("x", "x")), "no earlier file"},
		"hard link, symlink":  {with(hardlink("x", "lib/libpython3.12.so")), "no earlier file"},
		"hard link, dropped":  {with(hardlink("x", "lib/libpython3.12.a")), "left out"},
		"device":              {with(member{name: "x", kind: tar.TypeChar}), "device"},
		"pipe":                {with(member{name: "x", kind: tar.TypeFifo}), "device"},
		"attribute":           {with(member{name: "x", pax: map[string]string{"SCHILY.xattr.user.a": "b"}}), "PAX record"},
		"no program":          {without("bin/python3.12"), "no bin/python3.N"},
		"two programs":        {with(program("bin/python3.11", "x")), "it has bin/python3.12 and bin/python3.11"},
		"no library":          {without("lib/python3.12/os.py"), "no lib/python3.12/os.py"},
		"no version":          {without("include/python3.12/patchlevel.h"), "patchlevel.h, which tells"},
		"other version":       {with(file("include/python3.12/patchlevel.h", "#define PY_VERSION \"3.11.4\"\n")), "tells no version"},
		"no sysconfig":        {without(sys), "no lib/python3.N/_sysconfigdata"},
		"no prefix":           {with(file(sys, "x")), "tells no prefix"},
		"prefix of two":       {with(file("lib/python3.12/_sysconfigdata_d.py", " 'prefix': '/x'")), "was built for"},
		"prefix of all":       {with(file(sys, " 'prefix': '/usr'")), "built to lie in /usr"},
		"prefix, relative":    {with(file(sys, " 'prefix': 'x'")), "not an absolute path"},
		"program no ELF":      {with(program("bin/python3.12", "x")), "no ELF program"},
		"program of others":   {with(program("bin/python3.12", binaryOf{machine: elf.EM_X86_64, loader: "/lib/ld-uClibc.so.0"}.build())), "linked to neither glibc's"},
		"static program":      {with(program("bin/python3.12", binaryOf{machine: elf.EM_X86_64}.build())), "linked to neither glibc's"},
		"folder of another":   {with(program("bin/python3.12t", "x")), "no lib/python3.12t/os.py"},
		"damaged ELF":         {with(file("lib/x.so", "\x7fELF")), "reading as ELF"},
		"mixed machines":      {with(file("lib/x.so", binaryOf{machine: elf.EM_AARCH64}.build())), "is for arm64"},
		"needed path":         {without("lib/libpython3.12.so.1.0"), "which the archive does not bring"},
	} {
		_, err := readArchive(t, gzipOf(t, tarOf(t, c.members)), Want{})
		if err == nil || !strings.Contains(err.Error(), c.problem) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefusesStreams(t *testing.T) {
	whole := tarOf(t, complete())
	packed := gzipOf(t, whole)
	flipped := append([]byte(nil), packed...)
	flipped[len(flipped)-6] ^= 1 // CRC
	for name, data := range map[string][]byte{
		"empty": nil, "plain": whole, "cut": packed[:len(packed)/2], "without end": packed[:len(packed)-8], "damaged": flipped,
		"more behind": gzipOf(t, append(append([]byte(nil), whole...), 'x')),
	} {
		if _, err := readArchive(t, data, Want{}); diag.CodeOf(err) != diag.Failure {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Read(ctx, bytes.NewReader(packed), int64(len(packed)), Want{Architecture: "amd64", Spool: &testenv.Spool{}}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestLater(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"", "2.17", "2.17"}, {"2.17", "", "2.17"}, {"2.9", "2.17", "2.17"}, {"2.3.4", "2.3", "2.3.4"}, {"2.2.5", "2.3", "2.3"}, {"2.3", "2.3", "2.3"},
	} {
		if got := later(c.a, c.b); got != c.want {
			t.Errorf("later(%q, %q) is %q", c.a, c.b, got)
		}
	}
}

// FuzzRead holds what comes of any archive to the layer's rules: its entries can be written.
func FuzzRead(f *testing.F) {
	f.Add(tarOf(f, complete()))
	f.Add(tarOf(f, with(symlink("a", "lib/../lib"), hardlink("b", "lib/python3.12/os.py"))))
	f.Add(tarOf(f, without("bin/python3.12")))
	f.Fuzz(func(t *testing.T, data []byte) {
		i, err := read(t.Context(), bytes.NewReader(data), Want{Architecture: "amd64", Spool: &testenv.Spool{}})
		if err != nil {
			return
		}
		if _, err := layer.Write(t.Context(), i.Entries, layer.Options{Output: io.Discard, NoRecipe: true}); err != nil {
			t.Fatal(err)
		}
		for _, e := range i.Entries {
			if !strings.HasPrefix(e.Path+"/", "opt/") {
				t.Fatalf("%s is outside", e.Path)
			}
		}
	})
}
