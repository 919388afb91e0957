package rootfs

import (
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/testenv"
)

// decodeLinkerCache reads glibc's format as the loader does, each entry "name => path".
func decodeLinkerCache(t *testing.T, data string, flags uint32) []string {
	t.Helper()
	const magic, header = "glibc-ld.so.cache1.1", 48
	if len(data) < header || data[:len(magic)] != magic {
		t.Fatalf("no linker cache: %.30q", data)
	}
	number := func(at int) uint32 { return binary.LittleEndian.Uint32([]byte(data[at:])) }
	n, size := int(number(20)), int(number(24))
	if data[28] != 2 || data[29:header] != strings.Repeat("\x00", header-29) {
		t.Errorf("header %x", data[:header])
	}
	if len(data) != header+24*n+size {
		t.Fatalf("%d bytes for %d entries and %d of strings", len(data), n, size)
	}
	text := func(at int) string { s, _, _ := strings.Cut(data[at:], "\x00"); return s }
	var list []string
	for i := range n {
		at := header + 24*i
		if number(at) != flags || data[at+12:at+24] != strings.Repeat("\x00", 12) {
			t.Errorf("entry %d: %x", i, data[at:at+24])
		}
		list = append(list, text(int(number(at+4)))+" => "+text(int(number(at+8))))
	}
	return list
}

func linkerDebs() []Deb {
	so := func(name string) string { return sharedLibrary(elf.EM_X86_64, name) }
	const arch = "usr/lib/x86_64-linux-gnu/"
	return []Deb{
		deb("libc-bin", testenv.DebOptions{Files: map[string]string{
			"etc/ld.so.conf":                       "include /etc/ld.so.conf.d/*.conf\n",
			"etc/ld.so.conf.d/b-x86_64.conf":       "# Multiarch support\n/usr/local/lib/x86_64-linux-gnu\n/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu\n",
			"etc/ld.so.conf.d/a-libc.conf":         "/usr/local/lib\n",
			"etc/ld.so.conf.d/disabled.conf.saved": "/opt/lib\n",
		}}),
		deb("libs", testenv.DebOptions{
			Files: map[string]string{
				"lib/x86_64-linux-gnu/libold.so.1":    so("libold.so.1"),
				arch + "libx.so.1.10.2":               so("libx.so.1"),
				arch + "libx.so.10":                   so("libx.so.10"),
				arch + "libx.so.9":                    so("libx.so.9"),
				arch + "libnosoname.so":               so(""),
				arch + "libscript.so":                 "INPUT ( libx.so.1 )",
				arch + "libforeign.so.1":              sharedLibrary(elf.EM_AARCH64, "libforeign.so.1"),
				arch + "libx.a":                       "!<arch>\n",
				arch + "plugin.so":                    so("plugin.so"),
				arch + "deeper/libdeep.so.1":          so("libdeep.so.1"),
				"usr/lib/libplain.so.2":               so("libplain.so.2"),
				arch + "blas/libblas.so.3":            so("libblas.so.3"),
				"opt/lib/libopt.so.1":                 so("libopt.so.1"),
				"usr/local/lib/libx.so.1":             so("libx.so.1"),
				arch + "libstdc++.so.6.0.30":          so("libstdc++.so.6"),
				arch + "ld-linux-x86-64.so.2":         so("ld-linux-x86-64.so.2"),
				arch + "libempty.so.1":                "",
				arch + "libbroken.so.1":               "\x7fELF",
				arch + "libdate-20240131123456.so.1":  so("libdate-20240131123456.so.1"),
				arch + "libdate-202401311234567.so.1": so("libdate-202401311234567.so.1"),
			},
			Links: map[string]string{
				arch + "libx.so.1":              "libx.so.1.10.2",
				arch + "libx.so":                "libx.so.1",
				arch + "libother.so":            "libx.so.9", // stands for no library of its name
				arch + "libblas.so.3":           "/etc/alternatives/libblas.so.3",
				arch + "libdangling.so.1":       "libgone.so.1",
				arch + "libstdc++.so.6":         "libstdc++.so.6.0.30",
				"etc/alternatives/libblas.so.3": "/" + arch + "blas/libblas.so.3",
			},
		}),
	}
}

var linkerWant = []string{
	"libx.so.10 => /lib/x86_64-linux-gnu/libx.so.10",
	"libx.so.9 => /lib/x86_64-linux-gnu/libx.so.9",
	"libx.so.1 => /usr/local/lib/libx.so.1",
	"libx.so.1 => /lib/x86_64-linux-gnu/libx.so.1",
	"libx.so => /lib/x86_64-linux-gnu/libx.so",
	"libstdc++.so.6 => /lib/x86_64-linux-gnu/libstdc++.so.6",
	"libplain.so.2 => /lib/libplain.so.2",
	"libold.so.1 => /lib/x86_64-linux-gnu/libold.so.1",
	"libnosoname.so => /lib/x86_64-linux-gnu/libnosoname.so",
	"libdate-20240131123456.so.1 => /lib/x86_64-linux-gnu/libdate-20240131123456.so.1",
	"libdate-202401311234567.so.1 => /lib/x86_64-linux-gnu/libdate-202401311234567.so.1",
	"libblas.so.3 => /lib/x86_64-linux-gnu/libblas.so.3",
	"ld-linux-x86-64.so.2 => /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
}

func TestLinkerCache(t *testing.T) {
	tree := mustAssemble(t, linkerDebs()...)
	got := decodeLinkerCache(t, tree.text(t, "etc/ld.so.cache"), 0x0303)
	if diff := cmp.Diff(linkerWant, got); diff != "" {
		t.Error(diff)
	}
	for i := 1; i < len(got); i++ {
		a, _, _ := strings.Cut(got[i-1], " ")
		b, _, _ := strings.Cut(got[i], " ")
		if compareLibraries(a, b) < 0 {
			t.Errorf("%s is before %s: the loader's search would miss one", a, b)
		}
	}
}

// TestLinkerCacheIsReadByLdconfig has glibc's own reader print the cache.
func TestLinkerCacheIsReadByLdconfig(t *testing.T) {
	tool, err := exec.LookPath("ldconfig")
	if err != nil {
		tool = "/usr/sbin/ldconfig"
	}
	tool = testenv.Tool(t, tool)
	file := filepath.Join(t.TempDir(), "ld.so.cache")
	if err := os.WriteFile(file, []byte(mustAssemble(t, linkerDebs()...).text(t, "etc/ld.so.cache")), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tool, "-p", "-C", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var got []string
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n")[1:] {
		if !strings.Contains(line, "(libc6,x86-64)") {
			t.Errorf("of another kind: %s", line)
		}
		got = append(got, strings.Replace(strings.TrimSpace(line), " (libc6,x86-64)", "", 1))
	}
	if diff := cmp.Diff(linkerWant, got); diff != "" {
		t.Error(diff)
	}
}

func TestLinkerCacheOfArm(t *testing.T) {
	o := options()
	o.Architecture = "arm64"
	tree, err := Assemble(t.Context(), linkerDebs(), o)
	if err != nil {
		t.Fatal(err)
	}
	got := decodeLinkerCache(t, tree.text(t, "etc/ld.so.cache"), 0x0a03)
	if diff := cmp.Diff([]string{"libforeign.so.1 => /lib/x86_64-linux-gnu/libforeign.so.1"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestLinkerCacheErrors(t *testing.T) {
	o := options()
	o.Architecture = "pdp11"
	if _, err := Assemble(t.Context(), linkerDebs(), o); err == nil || !strings.Contains(err.Error(), "pdp11") {
		t.Errorf("an unknown architecture: %v", err)
	}
	err := assembleError(t, deb("libc-bin", testenv.DebOptions{Files: map[string]string{"etc/ld.so.conf": "include ld.so.conf\n"}}))
	if !strings.Contains(err.Error(), "/etc/ld.so.conf: includes nest too deeply") {
		t.Errorf("an endless include: %v", err)
	}
}

// The expectations follow glibc's _dl_cache_libcmp in C by hand.
func TestCompareLibraries(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"libx.so.1", "libx.so.1", 0},
		{"libx.so.10", "libx.so.9", 1},
		{"libx.so.01", "libx.so.1", 0},
		{"libx.so.1", "libx.so", 1},
		{"libx1.so", "libxa.so", 1},
		{"libxa.so", "libx1.so", -1},
		{"libx.so.1", "libx-1.so", 1},
		{"", "a", -1},
		{"", "", 0},
		{"a", "", 1},
		{"1", "", 1},
		{"lib4294967296", "lib1", -1}, // an int overflows to 0
	} {
		got := compareLibraries(c.a, c.b)
		if sign(got) != c.want || sign(compareLibraries(c.b, c.a)) != -c.want {
			t.Errorf("compare %q, %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
