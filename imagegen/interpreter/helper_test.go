package interpreter

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/testenv"
)

// binaryOf describes an ELF file for tests.
type binaryOf struct {
	machine  elf.Machine
	loader   string // "" is a library
	soname   string
	needed   []string
	versions []string // of libc.so.6
}

// build writes the file: one segment over all of it, at an address equal to its offset.
func (f binaryOf) build() string {
	le := binary.LittleEndian
	strs := []byte{0}
	str := func(s string) uint64 {
		at := len(strs)
		strs = append(append(strs, s...), 0)
		return uint64(at)
	}
	var dyn []uint64
	for _, n := range f.needed {
		dyn = append(dyn, uint64(elf.DT_NEEDED), str(n))
	}
	if f.soname != "" {
		dyn = append(dyn, uint64(elf.DT_SONAME), str(f.soname))
	}
	var need []byte
	if len(f.versions) > 0 {
		need = le.AppendUint16(need, 1)
		need = le.AppendUint16(need, uint16(len(f.versions)))
		need = le.AppendUint32(need, uint32(str("libc.so.6")))
		need = le.AppendUint32(le.AppendUint32(need, 16), 0)
		for k, v := range f.versions {
			next := uint32(16)
			if k == len(f.versions)-1 {
				next = 0
			}
			need = le.AppendUint32(need, 0)
			need = le.AppendUint32(need, 0)
			need = le.AppendUint32(le.AppendUint32(need, uint32(str(v))), next)
		}
	}
	phdrs := 2
	if f.loader != "" {
		phdrs = 3
	}
	body := uint64(64 + 56*phdrs)
	atLoader := body
	atStrs := atLoader + uint64(len(f.loader)) + 1
	atNeed := atStrs + uint64(len(strs))
	atDyn := atNeed + uint64(len(need))
	dyn = append(dyn, uint64(elf.DT_STRTAB), atStrs, uint64(elf.DT_STRSZ), uint64(len(strs)))
	if len(need) > 0 {
		dyn = append(dyn, uint64(elf.DT_VERNEED), atNeed, uint64(elf.DT_VERNEEDNUM), 1)
	}
	dyn = append(dyn, 0, 0)
	end := atDyn + uint64(8*len(dyn))
	h := elf.Header64{Type: uint16(elf.ET_DYN), Machine: uint16(f.machine), Version: 1, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: uint16(phdrs), Shentsize: 64}
	copy(h.Ident[:], "\x7fELF\x02\x01\x01")
	progs := []elf.Prog64{
		{Type: uint32(elf.PT_LOAD), Filesz: end, Memsz: end},
		{Type: uint32(elf.PT_DYNAMIC), Off: atDyn, Vaddr: atDyn, Filesz: uint64(8 * len(dyn)), Memsz: uint64(8 * len(dyn))},
	}
	if f.loader != "" {
		progs = append(progs, elf.Prog64{Type: uint32(elf.PT_INTERP), Off: atLoader, Vaddr: atLoader, Filesz: uint64(len(f.loader)) + 1})
	}
	var b bytes.Buffer
	binary.Write(&b, le, h)
	binary.Write(&b, le, progs)
	b.WriteString(f.loader + "\x00")
	b.Write(strs)
	b.Write(need)
	binary.Write(&b, le, dyn)
	return b.String()
}

const loader = "/lib64/ld-linux-x86-64.so.2"

// member is a file of an archive for tests. Its name is below python/ unless it begins with "!".
type member struct {
	name, content string
	kind          byte
	link          string
	mode          int64
	pax           map[string]string
}

func file(name, content string) member    { return member{name: name, content: content} }
func program(name, content string) member { return member{name: name, content: content, mode: 0o775} }
func symlink(name, to string) member      { return member{name: name, kind: tar.TypeSymlink, link: to} }
func hardlink(name, to string) member     { return member{name: name, kind: tar.TypeLink, link: to} }

const sysconfigdata = `# system configuration generated and used by the sysconfig module
build_time_vars = {'AR': '/tools/llvm/bin/llvm-ar',
 'BINDIR': '/install/bin',
 'BLDSHARED': 'clang -pthread -shared -L/install/lib '
              '-Wl,-rpath,/install/lib',
 'CC': 'clang -pthread',
 'CONFIG_ARGS': "'--prefix=/install' '--libdir=/install/lib'",
 'CXX': 'clang++ -pthread',
 'LDCXXSHARED': '/usr/bin/x86_64-linux-gnu-g++ -pthread -shared',
 'OTHER': '/tools/install/lib /installed /install-2 /build-I/install',
 'TZPATH': '/usr/share/zoneinfo',
 'prefix': '/install'}
`

// standard is an archive of Python 3.12.4 with little in it.
func standard() []member {
	return []member{
		program("bin/python3.12", binaryOf{elf.EM_X86_64, loader, "", []string{"$ORIGIN/../lib/libpython3.12.so.1.0", "libc.so.6", "libdl.so.2"}, []string{"GLIBC_2.2.5", "GLIBC_2.17", "GLIBC_PRIVATE"}}.build()),
		program("bin/pip3", "#!/install/bin/python3.12\nimport pip\n"),
		program("bin/idle3", "#!/bin/sh\n'''exec' python\n"),
		file("include/python3.12/patchlevel.h", "/* x */\n#define PY_VERSION      \t\"3.12.4\"\n"),
		program("lib/libpython3.12.so.1.0", binaryOf{machine: elf.EM_X86_64, soname: "libpython3.12.so.1.0", needed: []string{"libm.so.6", "libc.so.6"}, versions: []string{"GLIBC_2.9", "GLIBC_2.3.4"}}.build()),
		symlink("lib/libpython3.12.so", "libpython3.12.so.1.0"),
		file("lib/libpython3.12.a", "!<arch>\n"),
		file("lib/pkgconfig/python-3.12.pc", "prefix=/install\nlibdir=${prefix}/lib\n"),
		file("lib/python3.12/os.py", "# os\n"),
		file("lib/python3.12/empty.py", ""),
		file("lib/python3.12/__pycache__/os.cpython-312.pyc", "x"),
		file("lib/python3.12/_sysconfigdata__linux_x86_64-linux-gnu.py", sysconfigdata),
		file("lib/python3.12/config-3.12-x86_64-linux-gnu/Makefile", "prefix=\t/install\nLIBDIR= /install/lib\n"),
		program("lib/python3.12/lib-dynload/_ssl.cpython-312-x86_64-linux-gnu.so", binaryOf{machine: elf.EM_X86_64, needed: []string{"libssl.so.3", "libpython3.12.so.1.0", "libc.so.6"}}.build()),
		hardlink("share/man/man1/python3.1", "share/man/man1/python3.12.1"),
	}
}

// withMan puts the hard link's file before it.
func complete() []member {
	list := standard()
	at := len(list) - 1
	return append(list[:at:at], file("share/man/man1/python3.12.1", ".TH PYTHON\n"), list[at])
}

// with replaces members of the standard archive, adds others, and takes out those without content and kind.
func with(changes ...member) []member {
	list := complete()
next:
	for _, c := range changes {
		for k := range list {
			if list[k].name == c.name {
				list[k] = c
				continue next
			}
		}
		list = append(list, c)
	}
	return list
}

func without(names ...string) []member {
	var list []member
	for _, m := range complete() {
		gone := false
		for _, n := range names {
			gone = gone || m.name == n
		}
		if !gone {
			list = append(list, m)
		}
	}
	return list
}

// tarOf writes the members as a tar.
func tarOf(t testing.TB, members []member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		h := &tar.Header{Name: "python/" + m.name, Typeflag: m.kind, Linkname: m.link, Size: int64(len(m.content)), Mode: m.mode, Uid: 1000, PAXRecords: m.pax}
		if name, ok := strings.CutPrefix(m.name, "!"); ok {
			h.Name = name
		}
		if m.kind == 0 {
			h.Typeflag = tar.TypeReg
		}
		if m.kind == tar.TypeLink && !strings.HasPrefix(m.link, "!") {
			h.Linkname = "python/" + m.link
		}
		h.Linkname = strings.TrimPrefix(h.Linkname, "!")
		if h.Mode == 0 {
			h.Mode = 0o664
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, m.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipOf(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func readArchive(t testing.TB, data []byte, want Want) (*Interpreter, error) {
	t.Helper()
	if want.Spool == nil {
		want.Spool = &testenv.Spool{}
	}
	if want.Architecture == "" {
		want.Architecture = "amd64"
	}
	return Read(t.Context(), bytes.NewReader(data), int64(len(data)), want)
}

func mustRead(t testing.TB, members []member) *Interpreter {
	t.Helper()
	i, err := readArchive(t, gzipOf(t, tarOf(t, members)), Want{})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func (i *Interpreter) entry(t testing.TB, p string) layer.Entry {
	t.Helper()
	for _, e := range i.Entries {
		if e.Path == p {
			return e
		}
	}
	t.Fatalf("%s is not there", p)
	return layer.Entry{}
}

func (i *Interpreter) text(t testing.TB, p string) string {
	t.Helper()
	switch c := i.entry(t, p).Content.(type) {
	case layer.Bytes:
		return string(c)
	case layer.Opener:
		r, err := c.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	return ""
}
