package rootfs

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/testenv"
)

// needing adds to a shared library the note that it needs levels of the instruction set, by their bits.
func needing(library string, levels uint32) string {
	le := binary.LittleEndian
	note := le.AppendUint32(nil, 4)
	note = le.AppendUint32(le.AppendUint32(note, 32), 5)
	note = append(note, "GNU\x00"...)
	for _, n := range []uint32{0xc0000002, 4, 3, 0, 0xc0008002, 4, levels, 0} { // another property is before it
		note = le.AppendUint32(note, n)
	}
	b := []byte(library)
	at := uint64(len(b))
	var table bytes.Buffer
	binary.Write(&table, le, elf.Prog64{Type: 0x6474e553, Off: at, Filesz: uint64(len(note)), Align: 8})
	b = append(append(b, note...), table.Bytes()...)
	le.PutUint64(b[32:], at+uint64(len(note)))
	le.PutUint16(b[54:], 56)
	le.PutUint16(b[56:], 1)
	return string(b)
}

// hwcapsLines decodes a cache as glibc does, lines "NAME => PATH FOLDER LEVEL".
func hwcapsLines(t *testing.T, data []byte) []string {
	t.Helper()
	number := func(at uint32) uint32 { return binary.LittleEndian.Uint32(data[at:]) }
	text := func(at uint32) string { b, _, _ := bytes.Cut(data[at:], []byte{0}); return string(b) }
	var folders []string
	if at := number(32); at != 0 {
		if at%4 != 0 || number(at) != 0xeaa42174 {
			t.Fatalf("the extension at %d begins with %x", at, number(at))
		}
		for s := at + 8; s < at+8+16*number(at+4); s += 16 {
			if number(s) == 1 {
				for n := number(s + 8); n < number(s+8)+number(s+12); n += 4 {
					folders = append(folders, text(number(n)))
				}
			}
		}
	}
	var list []string
	for i := range number(20) {
		at := 48 + 24*i
		line := text(number(at+4)) + " => " + text(number(at+8))
		if hwcap := binary.LittleEndian.Uint64(data[at+16:]); hwcap != 0 {
			line += fmt.Sprintf(" %s %d", folders[hwcap&0xffffffff], hwcap>>32&0x3ff)
			if hwcap>>42 != 1<<20 {
				t.Errorf("%s: %x", line, hwcap)
			}
		}
		list = append(list, line)
	}
	return list
}

// hwcapsFiles are libraries for several processors.
func hwcapsFiles(plain, v2, v3 string) map[string]string {
	const folder = "usr/lib/x86_64-linux-gnu/"
	return map[string]string{
		"etc/ld.so.conf":                                         "/usr/local/lib\n/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu\n",
		folder + "libfast.so.1.0":                                plain,
		folder + "glibc-hwcaps/x86-64-v2/libfast.so.1.0":         v2,
		folder + "glibc-hwcaps/x86-64-v3/libfast.so.1.0":         v3,
		folder + "glibc-hwcaps/x86-64-v3/deeper/libfast.so.1.0":  v3,
		folder + "glibc-hwcaps/other/libfast.so.1":               plain,
		folder + "glibc-hwcaps/other/README":                     "",
		"usr/local/lib/glibc-hwcaps/x86-64-v3/libfast.so.1":      v2,
		"usr/lib/glibc-hwcaps/README":                            "",
		"usr/lib/unsearched/glibc-hwcaps/x86-64-v3/libfast.so.1": v3,
	}
}

var hwcapsLinks = map[string]string{
	"usr/lib/x86_64-linux-gnu/libfast.so.1":        "libfast.so.1.0",
	"usr/lib/x86_64-linux-gnu/glibc-hwcaps/linked": "x86-64-v2",
}

const hwcapsWant = `libfast.so.1 => /lib/x86_64-linux-gnu/glibc-hwcaps/other/libfast.so.1 other 0
libfast.so.1 => /lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v2/libfast.so.1.0 x86-64-v2 1
libfast.so.1 => /usr/local/lib/glibc-hwcaps/x86-64-v3/libfast.so.1 x86-64-v3 1
libfast.so.1 => /lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/libfast.so.1.0 x86-64-v3 2
libfast.so.1 => /lib/x86_64-linux-gnu/libfast.so.1`

func TestLinkerCacheOfProcessors(t *testing.T) {
	so := sharedLibrary(elf.EM_X86_64, "libfast.so.1")
	debs := func(libc string) []Deb {
		return []Deb{
			deb("fast", testenv.DebOptions{Files: hwcapsFiles(so, needing(so, 2), needing(so, 6)), Links: hwcapsLinks}),
			debOf("libc6", libc, "amd64", testenv.DebOptions{Files: map[string]string{"usr/share/doc/libc6/copyright": ""}}),
		}
	}
	tree := mustAssemble(t, debs("2.36-9+deb12u14")...)
	if diff := cmp.Diff(strings.Split(hwcapsWant, "\n"), hwcapsLines(t, []byte(tree.text(t, "etc/ld.so.cache")))); diff != "" {
		t.Error(diff)
	}
	// Loaders before 2.33 do not look there.
	tree = mustAssemble(t, debs("2.31-13+deb11u11")...)
	if got := decodeLinkerCache(t, tree.text(t, "etc/ld.so.cache"), 0x0303); len(got) != 1 {
		t.Errorf("%q", got)
	}
}

// TestLinkerCacheOfProcessorsIsLdconfigs compares with what glibc's own program writes, for libraries of a compiler.
func TestLinkerCacheOfProcessorsIsLdconfigs(t *testing.T) {
	testenv.Real(t, "gcc and ldconfig")
	gcc, ldconfig := testenv.Tool(t, "gcc"), testenv.Tool(t, "/usr/sbin/ldconfig")
	dir := t.TempDir()
	source := filepath.Join(dir, "a.c")
	if err := os.WriteFile(source, []byte("int f(void) { return 1; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	compiled := func(options ...string) string {
		out := filepath.Join(dir, "a.so")
		args := append([]string{"-shared", "-fPIC", "-Wl,-soname,libfast.so.1", source, "-o", out}, options...)
		if text, err := exec.Command(gcc, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	files := hwcapsFiles(compiled(), compiled("-Wl,-z,x86-64-v2"), compiled("-Wl,-z,x86-64-v3"))
	tree := mustAssemble(t, deb("fast", testenv.DebOptions{Files: files, Links: hwcapsLinks}),
		debOf("libc6", "2.36-9", "amd64", testenv.DebOptions{Files: map[string]string{"usr/share/doc/libc6/copyright": ""}}))
	root := filepath.Join(dir, "root")
	tree.lay(t, root)
	ours := hwcapsLines(t, []byte(tree.text(t, "etc/ld.so.cache")))
	listed := func() string {
		out, err := exec.Command(ldconfig, "-p", "-r", root).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		text, _, _ := strings.Cut(string(out), "Cache generated by")
		return text
	}
	before := listed()
	if out, err := exec.Command(ldconfig, "-X", "-r", root).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	theirs, err := os.ReadFile(filepath.Join(root, "etc/ld.so.cache"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(hwcapsLines(t, theirs), ours); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(strings.Split(hwcapsWant, "\n"), ours); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(listed(), before); diff != "" {
		t.Errorf("read by ldconfig: %s", diff)
	}
}
