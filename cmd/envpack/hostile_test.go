package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/envpack/envpack/internal/testenv"
)

// hostile is an archive, or a project, that is broken or made to do harm.
type hostile struct {
	name string
	make func(h hostileNames) []byte
	code int
	want string // in the message; the archive's name is as well, and a hint
}

// hostileNames are the names that a hostile package goes by.
type hostileNames struct{ project, dist, info string }

// evil is what nothing may be called outside of the store.
const evil = "envpack-evil"

// The signatures of zip archives (APPNOTE.TXT, 4.3).
const (
	zipLocal   = "PK\x03\x04"
	zipCentral = "PK\x01\x02"
	zipEnd     = "PK\x05\x06"
)

// members are those of a wheel with further ones.
func (h hostileNames) members(more ...testenv.ZipMember) []testenv.ZipMember {
	return slices.Concat([]testenv.ZipMember{
		{Name: h.info + "METADATA", Content: []byte("Metadata-Version: 2.1\nName: " + h.project + "\nVersion: 1.0\n")},
		{Name: h.info + "WHEEL", Content: []byte("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"), Stored: true},
		{Name: h.info + "RECORD", Content: []byte(h.info + "RECORD,,\n"), Stored: true},
	}, more)
}

func withMember(m testenv.ZipMember) func(hostileNames) []byte {
	return func(h hostileNames) []byte { return testenv.Zip(h.members(m)) }
}

func named(name string) func(hostileNames) []byte {
	return withMember(testenv.ZipMember{Name: name, Content: []byte("x")})
}

// patched changes bytes of a wheel, at a place counted from the last time that a text stands there.
func patched(text string, at int, b ...byte) func(hostileNames) []byte {
	return altered(func(z []byte) []byte {
		copy(z[bytes.LastIndex(z, []byte(text))+at:], b)
		return z
	})
}

// altered changes the bytes of a wheel with a last member.
func altered(change func([]byte) []byte) func(hostileNames) []byte {
	return func(h hostileNames) []byte {
		return change(testenv.Zip(h.members(testenv.ZipMember{Name: "last.py", Content: []byte("content\n"), Stored: true})))
	}
}

// wheelOf is a wheel that is one in all else.
func wheelOf(o testenv.WheelOptions) func(hostileNames) []byte {
	return func(h hostileNames) []byte {
		_, content := testenv.Wheel(h.project, "1.0", o)
		return content
	}
}

var hostileWheels = []hostile{
	{"parent", named("../../" + evil), 1, `"../../` + evil + `": has a name that is not a clean path`},
	{"inner parent", named("a/../../" + evil), 1, "is not a clean path"},
	{"absolute", named("/tmp/" + evil), 1, "has an absolute name"},
	{"backslash", named(`..\` + evil), 1, "has a backslash"},
	{"NUL", named(evil + "\x00.py"), 1, "has a control character"},
	{"newline", named("a\n" + evil), 1, "has a control character"},
	{"drive", named("C:" + evil), 1, "drive"},
	{"whiteout", named("a/.wh." + evil), 1, ".wh."},
	{"opaque whiteout", named("a/.wh..wh..opq"), 1, ".wh."},
	{"Latin-1", named("a\xe9.py"), 1, "UTF-8"},
	{"long name", named(strings.Repeat("x", 256)), 1, "256 bytes"},
	{"duplicate", func(h hostileNames) []byte {
		m := testenv.ZipMember{Name: "a.py", Content: []byte("x")}
		return testenv.Zip(h.members(m, m))
	}, 1, "twice"},
	{"case collision", func(h hostileNames) []byte {
		return testenv.Zip(h.members(testenv.ZipMember{Name: "A.py"}, testenv.ZipMember{Name: "a.py"}))
	}, 1, "collides"},
	{"file as folder", func(h hostileNames) []byte {
		return testenv.Zip(h.members(testenv.ZipMember{Name: "a"}, testenv.ZipMember{Name: "a/b"}))
	}, 1, "folder that is a file"},
	{"symlink", withMember(testenv.ZipMember{Name: "a", Content: []byte("/etc"), Mode: 0o120777}), 1, "is a symbolic link"},
	{"below a symlink", func(h hostileNames) []byte {
		return testenv.Zip(h.members(testenv.ZipMember{Name: "a", Content: []byte("/tmp"), Mode: 0o120777}, testenv.ZipMember{Name: "a/" + evil}))
	}, 1, "is a symbolic link"},
	{"device", withMember(testenv.ZipMember{Name: "a", Mode: 0o020644}), 1, "neither file nor folder"},
	{"encrypted", withMember(testenv.ZipMember{Name: "a", Flags: 1, Content: []byte("x")}), 1, "encrypted"},
	{"unsupported method", altered(func(z []byte) []byte {
		z[bytes.LastIndex(z, []byte(zipCentral))+10], z[bytes.LastIndex(z, []byte(zipLocal))+8] = 12, 12
		return z
	}), 1, "bzip2"},
	{"two names", patched(zipLocal, 30, 'b'), 1, "called"},
	{"two sizes", patched(zipLocal, 22, 9), 1, "checksum or size"},
	{"false size", patched(zipCentral, 24, 99), 1, "stored"},
	{"false CRC", patched("content\n", 0, 'C'), 1, "CRC-32"},
	{"overlap", func(h hostileNames) []byte {
		z := testenv.Zip(h.members(testenv.ZipMember{Name: "a", Content: []byte("x")}, testenv.ZipMember{Name: "b", Content: []byte("x")}))
		last := bytes.LastIndex(z, []byte(zipCentral))
		first := bytes.LastIndex(z[:last], []byte(zipCentral))
		copy(z[last+42:last+46], z[first+42:first+46])
		return z
	}, 1, "overlaps"},
	{"false descriptor", func(h hostileNames) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b) // which writes sizes behind the members
		for _, m := range h.members() {
			f, err := w.Create(m.Name)
			if err == nil {
				_, err = f.Write(m.Content)
			}
			if err != nil {
				panic(err)
			}
		}
		_ = w.Close() // to memory
		z := b.Bytes()
		z[bytes.LastIndex(z, []byte("PK\x07\x08"))+5] ^= 0xff
		return z
	}, 1, "descriptor"},
	{"beyond the end", patched(zipCentral, 42, 255, 255), 1, "beyond"},
	{"bytes before", altered(func(z []byte) []byte { return append([]byte("#!/bin/sh\n"), z...) }), 1, "said to be"},
	{"bytes behind", altered(func(z []byte) []byte { return append(z, 0) }), 1, "follow the end record"},
	{"archive in a comment", altered(func(z []byte) []byte {
		n := len(z)
		z = append(z, z...)
		binary.LittleEndian.PutUint16(z[n-2:], uint16(n))
		return z
	}), 1, "said to be"},
	{"several disks", patched(zipEnd, 4, 1), 1, "disks"},
	{"hidden member", func(h hostileNames) []byte {
		z := testenv.Zip(h.members(testenv.ZipMember{Name: "a"}))
		end := bytes.LastIndex(z, []byte(zipEnd))
		copy(z[end+8:], []byte{3, 0, 3, 0})
		return z
	}, 4, "follow the last member"},
	{"false zip64", patched(zipEnd, 16, 255, 255, 255, 255), 4, "zip64"},
	{"bomb", func(h hostileNames) []byte { // says that it is small, and is not
		z := withMember(testenv.ZipMember{Name: "a", Content: make([]byte, 1<<20)})(h)
		binary.LittleEndian.PutUint32(z[bytes.LastIndex(z, []byte(zipCentral))+24:], 10)
		binary.LittleEndian.PutUint32(z[bytes.LastIndex(z, []byte(zipLocal))+22:], 10)
		return z
	}, 1, "holds more than 10 bytes"},
	{"truncated", altered(func(z []byte) []byte { return z[:len(z)-30] }), 4, "cut off"},
	{"no archive", func(hostileNames) []byte { return []byte("<html>404, and long enough to be an archive</html>") }, 4, "not a zip archive"},
	{"no RECORD", func(h hostileNames) []byte { return testenv.Zip(h.members()[:2]) }, 1, "RECORD"},
	{"RECORD of four columns", wheelOf(testenv.WheelOptions{Record: func(string) string { return "a,b,c,d\n" }}), 1, "columns"},
	{"RECORD without end", wheelOf(testenv.WheelOptions{Record: func(string) string { return strings.Repeat("x", 70<<20) }}), 1, "73400320 bytes are more than"},
	{"a python of its own", wheelOf(testenv.WheelOptions{Scripts: map[string]string{"python3": "#!python\n"}}), 1, "overwrite bin/python3"},
	{"script that leads out", wheelOf(testenv.WheelOptions{EntryPoints: "[console_scripts]\n../../../" + evil + " = a:b\n"}), 1, "name of a script"},
	{"two files at one place", wheelOf(testenv.WheelOptions{Files: map[string]string{"x.py": "1"}, Data: map[string]string{"purelib/x.py": "2"}}), 1, "would be installed as"},
	{"unknown scheme", wheelOf(testenv.WheelOptions{Data: map[string]string{"etc/passwd": "x"}}), 1, "scheme"},
}

// tarText is a tar of headers; files have content.
func tarText(headers ...tar.Header) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		if h.Typeflag == tar.TypeReg {
			h.Size = 1
		}
		if err := w.WriteHeader(&h); err != nil {
			panic(err)
		}
		if h.Typeflag == tar.TypeReg {
			_, _ = w.Write([]byte("x")) // to memory
		}
	}
	_ = w.Close()
	return b.Bytes()
}

// debWith is a package with such files.
func debWith(headers ...tar.Header) func(hostileNames) []byte {
	return debMembers(testenv.ArMember{Name: "data.tar", Content: tarText(headers...)})
}

// debMembers is a package with such members behind its control file.
func debMembers(members ...testenv.ArMember) func(hostileNames) []byte {
	return func(h hostileNames) []byte {
		return testenv.Ar(slices.Concat([]testenv.ArMember{
			{Name: "debian-binary", Content: []byte("2.0\n")}, {Name: "control.tar", Content: testenv.DebControl(h.project, "1.0", "amd64")},
		}, members)...)
	}
}

func zstdOf(data []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return w.EncodeAll(data, nil)
}

var (
	noFiles     = testenv.ArMember{Name: "data.tar", Content: tarText()}
	plainFile   = tar.Header{Name: "./a", Typeflag: tar.TypeReg, Mode: 0o644}
	hostileDebs = []hostile{
		{"parent", debWith(tar.Header{Name: "./../../" + evil, Typeflag: tar.TypeReg}), 1, `../../` + evil},
		{"absolute", debWith(tar.Header{Name: "/tmp/" + evil, Typeflag: tar.TypeReg}), 1, "the name is"},
		{"below a symlink", debWith(tar.Header{Name: "./a", Typeflag: tar.TypeSymlink, Linkname: "/tmp"}, tar.Header{Name: "./a/" + evil, Typeflag: tar.TypeReg}), 1, "no folder"},
		{"hard link out", debWith(tar.Header{Name: "./a", Typeflag: tar.TypeLink, Linkname: "../../etc/passwd"}), 1, "etc/passwd"},
		{"hard link to nothing", debWith(tar.Header{Name: "./a", Typeflag: tar.TypeLink, Linkname: "./b"}), 1, "no earlier file"},
		{"device", debWith(tar.Header{Name: "./a", Typeflag: tar.TypeBlock}), 1, "device"},
		{"capability", debWith(tar.Header{Name: "./a", Typeflag: tar.TypeReg, PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "x"}}), 1, "extended attribute"},
		{"duplicate", debWith(plainFile, plainFile), 1, "is there twice"},
		{"whiteout", debWith(tar.Header{Name: "./.wh.etc", Typeflag: tar.TypeReg}), 1, ".wh."},
		{"sparse file", debMembers(testenv.ArMember{Name: "data.tar", Content: testenv.SparseTar("./a", nil, 1<<50)}), 1, "GNU.sparse"},
		{"two data.tar", debMembers(noFiles, noFiles), 1, "doubled"},
		{"no data.tar", debMembers(), 1, "no data.tar"},
		{"another member", debMembers(noFiles, testenv.ArMember{Name: evil}), 1, "unknown"},
		{"false size", func(h hostileNames) []byte {
			data := debMembers(noFiles)(h)
			at := bytes.LastIndex(data, []byte("data.tar")) + 48
			return append(append(bytes.Clone(data[:at]), "9999999999"...), data[at+10:]...)
		}, 1, "cut off"},
		{"bytes behind", func(h hostileNames) []byte { return append(debMembers(noFiles)(h), "x"...) }, 1, "trailing bytes"},
		{"damaged zstd", debMembers(testenv.ArMember{Name: "data.tar.zst", Content: append(zstdOf(tarText(plainFile))[:60], "damaged"...)}), 1, "data.tar.zst"},
		{"window of 2 GiB", debMembers(testenv.ArMember{Name: "data.tar.zst", Content: []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, 1, 0, 0}}), 1, "window"},
		{"truncated gzip", debMembers(testenv.ArMember{Name: "data.tar.gz", Content: testenv.Gzip(tarText(plainFile))[:40]}), 1, "data.tar.gz"},
		{"unknown compression", debMembers(testenv.ArMember{Name: "data.tar.bz2"}), 1, "compression is not"},
		{"no archive", func(hostileNames) []byte { return []byte("<html>404</html>") }, 1, "no ar archive"},
	}
)

// hostileImages are layers of an image to stand on: what is stored, and the tar that the image promises.
var hostileImages = []struct {
	name string
	make func() (stored, plain []byte)
	code int
	want string
}{
	{"truncated", layerWith(func(b []byte) []byte { z := testenv.Gzip(b); return z[:len(z)-40] }), 1, "no readable layer"},
	{"damaged zstd", layerWith(func(b []byte) []byte { z := zstdOf(b); z[len(z)/2] ^= 0xff; return z }), 1, "no readable layer"},
	{"another tar", func() ([]byte, []byte) {
		_, plain := layerWith(testenv.Gzip)()
		return testenv.Gzip(append([]byte{}, plain[:len(plain)-512]...)), plain
	}, 6, "unpacks to a tar with the digest"},
	{"hard link to nothing", layerWith(testenv.Gzip, tar.Header{Name: "a", Typeflag: tar.TypeLink, Linkname: "../../" + evil}), 1, "hard link to"},
	{"below a file", layerWith(testenv.Gzip, plainFile, tar.Header{Name: "a/" + evil, Typeflag: tar.TypeReg}), 1, "which is no folder"},
	{"links in a circle", layerWith(testenv.Gzip, tar.Header{Name: "b", Typeflag: tar.TypeSymlink, Linkname: "c"},
		tar.Header{Name: "c", Typeflag: tar.TypeSymlink, Linkname: "b"}, tar.Header{Name: "b/x", Typeflag: tar.TypeReg}), 1, "too many symbolic links"},
	{"whiteout of nothing", layerWith(testenv.Gzip, tar.Header{Name: "a/.wh.", Typeflag: tar.TypeReg}), 1, "names nothing"},
	{"python that is a hole", func() ([]byte, []byte) {
		_, plain := layerWith(testenv.Gzip)()
		head := testenv.ELF{Needed: []string{"libc.so.6"}}.Bytes()
		plain = append(plain[:len(plain)-1024], testenv.SparseTar("usr/bin/python3.11", head, 1<<60)...)
		return testenv.Gzip(plain), plain
	}, 1, "unpacks to more than"},
}

// layerWith is a layer with a Debian and further entries.
func layerWith(store func([]byte) []byte, headers ...tar.Header) func() (stored, plain []byte) {
	return func() ([]byte, []byte) {
		base := testenv.ImageOptions{Architecture: "amd64", Python: "3.11.2"}.Tar()
		plain := append(base[:len(base)-1024], tarText(headers...)...) // in place of the tar's end
		return store(plain), plain
	}
}

// hostileTrees are folders of a project: texts by path, of links "-> TARGET".
var hostileTrees = []struct {
	name  string
	files map[string]string
	want  string
}{
	{"absolute link", map[string]string{"src/a": "-> /etc/passwd"}, "an absolute path"},
	{"link out", map[string]string{"src/a": "-> ../../../" + evil}, "outside the project"},
	{"whiteout", map[string]string{"src/.wh.a": ""}, "cannot be in an image"},
	{"case collision", map[string]string{"src/A": "", "src/a": ""}, "differ only by case"},
	{"name of other bytes", map[string]string{"src/a\xff": ""}, "not UTF-8"},
}

// refused builds with every archive of a kind ("wheels", "packages", "images", "projects"). Each ends with the exit status and message that
// it is to have, which names the archive, and with a hint. Nothing is left outside of the store, and none takes more than 64 MiB more
// memory than a good one.
func (w *world) refused(ts *testscript.TestScript, args []string) {
	arguments(ts, args, "KIND")
	f := w.newFaults(ts)
	scratch := ts.MkAbs(".scratch")
	ts.Check(os.MkdirAll(scratch, 0o755))
	peak := filepath.Join(scratch, "peak")
	f.env = append(slices.DeleteFunc(f.env, func(e string) bool { return strings.HasPrefix(e, "TMP") }), "TMPDIR="+scratch, peakFile+"="+peak)
	most, largest := int64(0), int64(0)
	var problems []string
	problem := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	build := func(name, manifest string, code int, archive, want string) {
		dir := ts.MkAbs(strings.ReplaceAll(name, " ", "-"))
		ts.Check(os.MkdirAll(dir, 0o755))
		ts.Check(os.WriteFile(filepath.Join(dir, "envpack.toml"), []byte(manifest), 0o644))
		cmd, out, errs := f.command("build", "-o", "oci:"+filepath.Join(dir, "image"), dir)
		err := cmd.Run()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", name, err)
		}
		text := errs.String()
		if got := cmd.ProcessState.ExitCode(); got != code {
			problem("%s: exit status %d, not %d:\n%s%s", name, got, code, out, text)
		}
		used := peakOf(peak)
		largest = max(largest, used)
		if most == 0 {
			most = used + 64<<20
		}
		if used > most {
			problem("%s: %d MiB of memory, and %d are most", name, used>>20, most>>20)
		}
		if code == 0 {
			return
		}
		hint := code == 4 || strings.Contains(text, "\nhint: ") // what leaves no choice of packages has its explanation
		if !strings.Contains(text, want) || !strings.Contains(text, archive) || !hint {
			problem("%s: the message is to have %q, %q and a hint:\n%s", name, archive, want, text)
		}
		if exists(filepath.Join(dir, "image")) {
			problem("%s: there is an image", name)
		}
		w.nothingOutside(ts, name, scratch)
	}
	const project = "[project]\nname = %q\npython = \"3.11.2\"\n"
	onNothing := project + "dependencies = [%q]\n[system]\ndistro = \"none\"\n"
	onDebian := "[project]\nname = %q\npython = \"3.11\"\n[system]\npackages = [%q]\n"
	switch args[0] {
	case "wheels":
		name, content := testenv.Wheel("good", "1.0", testenv.WheelOptions{})
		w.packages.AddWheel(name, content, testenv.IndexFile{})
		build("good", fmt.Sprintf(onNothing, "good", "good"), 0, "", "")
		for _, c := range hostileWheels {
			h := namesOf(c.name)
			file := h.dist + "-1.0-py3-none-any.whl"
			w.packages.AddFile(h.project, file, c.make(h), testenv.IndexFile{})
			build(c.name, fmt.Sprintf(onNothing, "x", h.project), c.code, file, c.want)
		}
	case "packages":
		w.repo(ts, "bookworm").AddDeb("good", "1.0", "amd64", testenv.DebOptions{})
		build("good", fmt.Sprintf(onDebian, "good", "good"), 0, "", "")
		for _, c := range hostileDebs {
			h := namesOf(c.name)
			w.repo(ts, "bookworm").AddFile(h.project, "1.0", "amd64", c.make(h))
			build(c.name, fmt.Sprintf(onDebian, "x", h.project), c.code, h.project, c.want)
		}
	case "images":
		standing := "[project]\nname = \"x\"\npython = \"3.11\"\n[system]\nimage = \"oci:%s\"\n"
		stored, plain := layerWith(testenv.Gzip)()
		at := ts.MkAbs("layouts/good")
		ts.Check(testenv.NewImageOf(stored, plain).WriteLayout(at))
		build("good", fmt.Sprintf(standing, filepath.ToSlash(at)), 0, "", "")
		for _, c := range hostileImages {
			stored, plain := c.make()
			at := ts.MkAbs("layouts/" + namesOf(c.name).project)
			ts.Check(testenv.NewImageOf(stored, plain).WriteLayout(at))
			build(c.name, fmt.Sprintf(standing, filepath.ToSlash(at)), c.code, namesOf(c.name).project, c.want)
		}
	case "projects":
		for _, c := range append(hostileTrees[:0:0], hostileTrees...) {
			for p, text := range c.files {
				p = filepath.Join(ts.MkAbs(strings.ReplaceAll(c.name, " ", "-")), p)
				ts.Check(os.MkdirAll(filepath.Dir(p), 0o755))
				if target, ok := strings.CutPrefix(text, "-> "); ok {
					ts.Check(os.Symlink(target, p))
				} else {
					ts.Check(os.WriteFile(p, []byte(text), 0o644))
				}
			}
			build(c.name, fmt.Sprintf(project+"[system]\ndistro = \"none\"\n", "x"), 1, "src", c.want)
		}
	default:
		ts.Fatalf("there are no hostile %s", args[0])
	}
	ts.Logf("%d MiB of memory for a good one; at most %d MiB for others", (most>>20)-64, largest>>20)
	if len(problems) > 0 {
		ts.Fatalf("%s", strings.Join(problems, "\n"))
	}
}

func namesOf(name string) hostileNames {
	h := hostileNames{project: "h-" + strings.ToLower(strings.ReplaceAll(name, " ", "-"))}
	h.dist = strings.ReplaceAll(h.project, "-", "_")
	h.info = h.dist + "-1.0.dist-info/"
	return h
}

// peakFile names a file that the command writes the most memory to that it had at once, in KiB. What the system says of a process that
// has ended counts what it was before it ran the command.
const peakFile = "ENVPACK_TEST_PEAK"

// notePeak writes it, where the system says it (proc(5)).
func notePeak() {
	name := os.Getenv(peakFile)
	status, err := os.ReadFile("/proc/self/status")
	if name == "" || err != nil {
		return
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	if fields := strings.Fields(rest); len(fields) > 0 {
		_ = os.WriteFile(name, []byte(fields[0]), 0o644) // who reads it will miss it
	}
}

// peakOf reads and removes it, in bytes; 0: it is not known.
func peakOf(name string) int64 {
	text, err := os.ReadFile(name)
	if err != nil {
		return 0
	}
	os.Remove(name)
	n, _ := strconv.ParseInt(string(text), 10, 64)
	return n << 10
}

// nothingOutside holds that nothing came out of an archive, and that no temporary file is left.
func (w *world) nothingOutside(ts *testscript.TestScript, name, scratch string) {
	for _, dir := range []string{scratch, filepath.Join(ts.Getenv("ENVPACK_CACHE"), "tmp")} {
		if list, err := os.ReadDir(dir); err == nil && len(list) > 0 {
			ts.Fatalf("%s: %s is left in %s", name, list[0].Name(), dir)
		}
	}
	for dir := ts.MkAbs("."); ; dir = filepath.Dir(dir) {
		if found, _ := filepath.Glob(filepath.Join(dir, "*"+evil+"*")); len(found) > 0 {
			ts.Fatalf("%s: there is %s", name, found[0])
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if exists(filepath.Join("/tmp", evil)) {
		ts.Fatalf("%s: there is /tmp/%s", name, evil)
	}
	ts.Check(filepath.WalkDir(ts.MkAbs("."), func(p string, d fs.DirEntry, err error) error {
		if err == nil && strings.Contains(d.Name(), evil) {
			return fmt.Errorf("%s: there is %s", name, p)
		}
		return err
	}))
}
