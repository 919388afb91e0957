package wheelfile_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/internal/wheelfile"
)

func open(name string, data []byte) (*wheelfile.File, error) {
	return wheelfile.Open(name, bytes.NewReader(data), int64(len(data)))
}

// readAll reads every member.
func readAll(f *wheelfile.File) error {
	for _, e := range f.Entries {
		if err := f.Inflate(e, func([]byte) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}

func TestReadWheel(t *testing.T) {
	for _, stored := range []bool{false, true} {
		name, data := testenv.Wheel("Some.Name", "1.0+cu121", testenv.WheelOptions{
			Requires: []string{"a>=1", `b; extra == "x"`}, RequiresPython: ">=3.8", Extras: []string{"x"},
			EntryPoints: "[console_scripts]\nrun = some.name:main\n", Executable: []string{"data/bin/tool"},
			Data: map[string]string{"data/bin/tool": "#!/bin/sh\n"}, Stored: stored,
		})
		f, err := open(name, data)
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.DistInfo()
		if err != nil {
			t.Fatal(err)
		}
		if want := (wheelfile.DistInfo{Dir: "Some_Name-1.0+cu121.dist-info", Name: "Some_Name", Version: "1.0+cu121"}); info != want {
			t.Errorf("DistInfo %v, want %v", info, want)
		}
		m, err := f.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		want := &wheelfile.Metadata{
			MetadataVersion: "2.1", Name: "Some.Name", Version: "1.0+cu121", RequiresPython: ">=3.8",
			RequiresDist: []string{"a>=1", `b; extra == "x"`}, ProvidesExtra: []string{"x"},
		}
		if diff := cmp.Diff(want, m); diff != "" {
			t.Error(diff)
		}
		points, err := f.EntryPoints()
		if err != nil || len(points) != 1 || points[0].Module != "some.name" || points[0].Attr != "main" {
			t.Errorf("EntryPoints %v, %v", points, err)
		}
		tool, _ := f.Find(strings.TrimSuffix(info.Dir, ".dist-info") + ".data/data/bin/tool")
		if !tool.Executable {
			t.Error("the executable bit is lost")
		}
		rows, err := f.Record()
		if err != nil || len(rows) != len(f.Entries) {
			t.Errorf("Record: %d rows for %d entries, %v", len(rows), len(f.Entries), err)
		}
		if err := readAll(f); err != nil {
			t.Error(err)
		}
	}
}

// counter counts reads, and how far from the end they reach.
type counter struct {
	r     io.ReaderAt
	reads int
}

func (c *counter) ReadAt(p []byte, off int64) (int, error) {
	c.reads++
	return c.r.ReadAt(p, off)
}

func TestReadTail(t *testing.T) {
	files := map[string]string{}
	for i := range 300 {
		files["pkg/"+strings.Repeat("x", i%200)+strconv.Itoa(i)+".py"] = strings.Repeat("import os\n", i*10)
	}
	name, data := testenv.Wheel("pkg", "1", testenv.WheelOptions{Files: files})
	size := int64(len(data))
	c := &counter{r: bytes.NewReader(data)}
	d, err := wheelfile.ReadDirectory(name, c, size)
	if err != nil {
		t.Fatal(err)
	}
	if c.reads != 2 {
		t.Errorf("%d reads for the directory", c.reads)
	}
	c.reads = 0
	if _, err := d.Metadata(); err != nil || c.reads != 1 {
		t.Errorf("METADATA: %d reads, %v", c.reads, err)
	}
	info, _ := d.DistInfo()
	e, _ := d.Find(info.Path("METADATA"))
	if _, length := d.Span(e); length < e.CompressedSize {
		t.Errorf("a span of %d bytes", length)
	}
}

// localSizeIn64 is where the size stands in a first member called as ok is, whose first extra field is zip64.
const localSizeIn64 = 30 + len(ok) + 4

const ok = "a-1.dist-info/METADATA"

// patch changes bytes of the archive of one member, at a place counted from a signature.
func patch(sig string, at int, b ...byte) func([]byte) []byte {
	return func(z []byte) []byte {
		i := bytes.LastIndex(z, []byte(sig))
		copy(z[i+at:], b)
		return z
	}
}

func TestRefuse(t *testing.T) {
	one := func(m testenv.ZipMember) []testenv.ZipMember {
		return []testenv.ZipMember{{Name: ok, Content: []byte("Name: a\n")}, m}
	}
	named := func(name string) []testenv.ZipMember { return one(testenv.ZipMember{Name: name, Content: []byte("x")}) }
	plain := []testenv.ZipMember{{Name: ok, Content: []byte("Name: a\n"), Stored: true}}
	central, local, end := "PK\x01\x02", "PK\x03\x04", "PK\x05\x06"
	classes := map[wheelfile.Class][]string{
		wheelfile.Unsupported: {"encrypted", "zstd", "disks"},
		wheelfile.Unsafe: {"absolute", "parent", "parent inside", "dot", "double slash", "root folder", "backslash", "NUL", "newline", "drive", "whiteout",
			"whiteout folder", "no name", "long part", "not UTF-8", "unflagged", "twice", "case", "case of folder", "file and folder", "file and deep folder", "file and deep empty folder", "folder and file",
			"symlink", "device", "local name", "overlap", "bomb"},
	}
	for _, test := range []struct {
		name    string
		members []testenv.ZipMember
		change  func([]byte) []byte
		want    string
	}{
		{"absolute", named("/etc/passwd"), nil, "absolute"},
		{"parent", named("../x"), nil, "clean"},
		{"parent inside", named("a/../x"), nil, "clean"},
		{"dot", named("./x"), nil, "clean"},
		{"double slash", named("a//x"), nil, "clean"},
		{"root folder", named("//"), nil, "absolute"},
		{"backslash", named(`a\x`), nil, "backslash"},
		{"NUL", named("a\x00x"), nil, "control"},
		{"newline", named("a\nx"), nil, "control"},
		{"drive", named("C:x"), nil, "drive"},
		{"whiteout", named("a/.wh.x"), nil, ".wh."},
		{"whiteout folder", named("a/.wh..wh..opq"), nil, ".wh."},
		{"no name", named(""), nil, "no name"},
		{"long part", named(strings.Repeat("x", 256)), nil, "256 bytes"},
		{"not UTF-8", named("\xff"), nil, "UTF-8"},
		{"unflagged", named("\xc3\xa9"), func(z []byte) []byte { patch(central, 9, 0)(z); return patch(local, 7, 0)(z) }, "not marked"},
		{"twice", named(ok), nil, "twice"},
		{"case", named("A-1.dist-info/metadata"), nil, "collides"},
		{"case of folder", append(named("B"), testenv.ZipMember{Name: "b/", Stored: true}), nil, "collides"},
		{"file and folder", append(named("b"), testenv.ZipMember{Name: "b/c"}), nil, "folder that is a file"},
		{"file and deep folder", append(named("b/c"), testenv.ZipMember{Name: "b/x"}, testenv.ZipMember{Name: "b/c/d/e"}), nil, "folder that is a file"},
		{"file and deep empty folder", append(named("b/c"), testenv.ZipMember{Name: "b/c/d/", Stored: true}), nil, "folder that is a file"},
		{"folder and file", append(named("b/c"), testenv.ZipMember{Name: "b"}), nil, "folder that is a file"},
		{"symlink", one(testenv.ZipMember{Name: "l", Content: []byte("/etc"), Mode: 0o120777}), nil, "symbolic link"},
		{"device", one(testenv.ZipMember{Name: "l", Mode: 0o020644}), nil, "neither file nor folder"},
		{"folder by mode", one(testenv.ZipMember{Name: "l", Mode: 0o040755}), nil, "folder by its mode"},
		{"folder with content", one(testenv.ZipMember{Name: "l/", Content: []byte("x")}), nil, "folder with content"},
		{"encrypted", one(testenv.ZipMember{Name: "l", Flags: 1}), nil, "encrypted"},
		{"zstd", plain, func(z []byte) []byte { patch(central, 10, 93)(z); return patch(local, 8, 93)(z) }, "zstd"},
		{"local method", plain, patch(local, 8, 8), "local header"},
		{"local name", plain, patch(local, 30, 'b'), "called"},
		{"local size", plain, patch(local, 22, 9), "checksum or size"},
		{"local CRC", plain, patch(local, 14, 9), "checksum or size"},
		{"local flags", plain, patch(local, 7, 8), "flags"},
		{"size", plain, patch(central, 24, 99), "stored"},
		{"content", plain, patch(ok+"Name", len(ok), 'n'), "CRC-32"},
		{"overlap", named("x"), patch(central, 42, 1), "overlaps"},
		{"offset", named("x"), patch(central, 42, 255), "beyond"},
		{"leading", plain, func(z []byte) []byte { return append([]byte("#!sh"), z...) }, "said to be"},
		{"trailing", plain, func(z []byte) []byte { return append(z, 0) }, "follow the end record"},
		{"trailing archive", plain, func(z []byte) []byte { return append(z, z...) }, "said to be"},
		{"archive in the comment", plain, func(z []byte) []byte {
			n := len(z)
			z = append(z, z...)
			binary.LittleEndian.PutUint16(z[n-2:], uint16(n))
			return z
		}, "said to be"},
		{"disks", plain, patch(end, 4, 1), "disks"},
		{"entries", plain, patch(end, 8, 2, 0, 2), "central directory"},
		{"too few entries", named("x"), patch(end, 8, 1, 0, 1), "follow the last member"},
		{"directory size", plain, patch(end, 12, 1), "said to be"},
		{"empty", nil, nil, "empty"},
		{"no archive", plain, func([]byte) []byte { return []byte("<html>not found, sorry, but not short</html>") }, "not a zip archive"},
		{"short", plain, func([]byte) []byte { return []byte("x") }, "not a zip archive"},
		{"zip64 missing", plain, patch(end, 16, 255, 255, 255, 255), "zip64"},
		{"bomb", one(testenv.ZipMember{Name: "b", Content: []byte("xx")}), patch(central, 24, 0, 0, 0, 127), "cannot inflate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := testenv.Zip(test.members)
			if test.change != nil {
				data = test.change(data)
			}
			f, err := open("a-1-py3-none-any.whl", data)
			if err == nil {
				err = readAll(f)
			}
			var typed *wheelfile.Error
			if !errors.As(err, &typed) {
				t.Fatalf("error %v", err)
			}
			if !strings.Contains(err.Error(), test.want) || typed.Wheel != "a-1-py3-none-any.whl" {
				t.Errorf("error %q, want %q", err, test.want)
			}
			class := wheelfile.Broken
			for c, names := range classes {
				if slices.Contains(names, test.name) {
					class = c
				}
			}
			if typed.Class() != class {
				t.Errorf("error %q of class %d, want %d", err, typed.Class(), class)
			}
		})
	}
}

// TestRefuseGap puts bytes between the last member and the directory.
func TestRefuseGap(t *testing.T) {
	data := testenv.Zip([]testenv.ZipMember{{Name: ok, Content: []byte("x")}})
	at := bytes.LastIndex(data, []byte("PK\x01\x02"))
	data = append(data[:at:at], append([]byte("hidden"), data[at:]...)...)
	end := data[len(data)-22:]
	binary.LittleEndian.PutUint32(end[16:], uint32(at+6))
	if _, err := open("a-1-py3-none-any.whl", data); err == nil || !strings.Contains(err.Error(), "belong to nothing") {
		t.Errorf("error %v", err)
	}
}

// TestOtherWriters reads what archive/zip writes: data descriptors, and zip64 where it is asked for.
func TestOtherWriters(t *testing.T) {
	write := func(comment string, raw bool) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for _, name := range []string{ok, "é.py"} {
			h := &zip.FileHeader{Name: name, Method: zip.Deflate}
			f, err := w.CreateHeader(h)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(f, strings.Repeat("content", 100)); err != nil {
				t.Fatal(err)
			}
		}
		if raw {
			for i := range 70_000 { // more than fit without zip64
				if _, err := w.CreateRaw(&zip.FileHeader{Name: "d/" + strconv.Itoa(i)}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := w.SetComment(comment); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for name, data := range map[string][]byte{
		"descriptors": write("", false), "comment": write("a comment", false), "zip64": write("", true),
	} {
		f, err := open("a-1-py3-none-any.whl", data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := readAll(f); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Python's zipfile, with sizes in zip64 fields of the local header; then with a descriptor of 64 bits too.
	for _, digits := range []string{
		"504b03042d000000080000002100b68d8cc9ffffffffffffffff16001400612d312e646973742d696e666f2f4d455441444154410100100048000000000000000d00000000000000f34bcc4db55248e4f2a3900600504b01022d032d000000080000002100b68d8cc90d00000048000000160000000000000000000000800100000000612d312e646973742d696e666f2f4d45544144415441504b0506000000000100010044000000550000000000",
		"504b03042d00080008000000210000000000ffffffffffffffff16001400612d312e646973742d696e666f2f4d455441444154410100100000000000000000000000000000000000f34bcc4db55248e4f2a3900600504b0708b68d8cc90d000000000000004800000000000000504b01022d032d000800080000002100b68d8cc90d00000048000000160000000000000000000000800100000000612d312e646973742d696e666f2f4d45544144415441504b05060000000001000100440000006d0000000000",
	} {
		data, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		f, err := open("a-1-py3-none-any.whl", data)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := f.ReadFile(ok, 100); err != nil || len(text) != 72 {
			t.Errorf("%q, %v", text, err)
		}
		// The local header's size in its zip64 field counts.
		changed := bytes.Clone(data)
		changed[localSizeIn64]++
		if _, err := open("a-1-py3-none-any.whl", changed); err == nil {
			t.Error("another size in the zip64 field: no error")
		}
	}
	data := patch("PK\x07\x08", 5, 0xff)(write("", false))
	if _, err := open("a-1-py3-none-any.whl", data); err == nil || !strings.Contains(err.Error(), "descriptor") {
		t.Errorf("changed descriptor: %v", err)
	}
}

func TestFlipsAndCuts(t *testing.T) {
	name, data := testenv.Wheel("a", "1", testenv.WheelOptions{Files: map[string]string{"a.py": strings.Repeat("pass\n", 50)}})
	whole, err := open(name, data)
	if err != nil {
		t.Fatal(err)
	}
	for n := range data {
		if f, err := open(name, data[:n]); err == nil {
			t.Fatalf("cut at %d: %v", n, f.Entries)
		}
	}
	for i := range data {
		for bit := range 8 {
			flipped := bytes.Clone(data)
			flipped[i] ^= 1 << bit
			f, err := open(name, flipped)
			if err != nil || readAll(f) != nil {
				continue
			}
			// Times, versions and modes may differ unnoticed; names and contents may not.
			for j, e := range f.Entries {
				if e.Name != whole.Entries[j].Name || e.CRC32 != whole.Entries[j].CRC32 || e.Size != whole.Entries[j].Size {
					t.Fatalf("bit %d of byte %d: %v", bit, i, e)
				}
			}
		}
	}
}

func TestDistInfo(t *testing.T) {
	member := func(dirs ...string) []testenv.ZipMember {
		var m []testenv.ZipMember
		for _, d := range dirs {
			m = append(m, testenv.ZipMember{Name: d + "/METADATA", Content: []byte("x")})
		}
		return m
	}
	for _, test := range []struct {
		wheel string
		dirs  []string
		want  string // version, or part of the error
	}{
		{"Foo_Bar-1.0-py3-none-any.whl", []string{"foo.bar-1.0.dist-info"}, "1.0"},
		{"foo-1.0-py3-none-any.whl", []string{"foo-1.0-1.dist-info"}, "1.0-1"},
		{"foo_bar-1.0-py3-none-any.whl", []string{"foo-bar-1.0.dist-info", "foo"}, "1.0"},
		{"foo-1.0-py3-none-any.whl", []string{"bar-1.0.dist-info"}, "another distribution"},
		{"foo-1.0-py3-none-any.whl", []string{"foo-1.0.dist-info", "bar-1.0.dist-info"}, "two"},
		{"foo-1.0-py3-none-any.whl", []string{"foo"}, "no .dist-info"},
		{"foo-1.0-py3-none-any.whl", []string{"foo.dist-info"}, "not called"},
		{"foo.zip", []string{"foo-1.0.dist-info"}, "not the file name"},
	} {
		f, err := open(test.wheel, testenv.Zip(member(test.dirs...)))
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.DistInfo()
		if err != nil && !strings.Contains(err.Error(), test.want) || err == nil && info.Version != test.want {
			t.Errorf("%s %v: %v, %v", test.wheel, test.dirs, info, err)
		}
	}
}

func TestParseMetadata(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       *wheelfile.Metadata
	}{
		{"folded and CRLF", "Metadata-Version: 2.1\r\nname: a\r\nVersion:1\r\nRequires-Dist: b\r\n  >=2\r\n\r\nRequires-Dist: c\r\n",
			&wheelfile.Metadata{MetadataVersion: "2.1", Name: "a", Version: "1", RequiresDist: []string{"b\n  >=2"}}},
		{"UNKNOWN", "Name: a\nVersion: 1\nRequires-Python: UNKNOWN\nProvides-Extra: x\n",
			&wheelfile.Metadata{Name: "a", Version: "1", ProvidesExtra: []string{"x"}}},
		{"body without empty line", "Name: a\nVersion: 1\nthis is no header\nRequires-Dist: c\n",
			&wheelfile.Metadata{Name: "a", Version: "1"}},
		{"Latin-1", "Name: a\nVersion: 1\nAuthor: Andr\xe9\nDynamic: Requires-Dist\n",
			&wheelfile.Metadata{Name: "a", Version: "1", Dynamic: []string{"Requires-Dist"}}},
		{"byte order mark", "\xef\xbb\xbfName: a\nVersion: 1\nVersion: 2\n", &wheelfile.Metadata{Name: "a", Version: "1"}},
		{"no version", "Name: a\n", nil},
		{"no name", "Version: 1\n\nName: a\n", nil},
	} {
		got, err := wheelfile.ParseMetadata([]byte(test.text))
		if (err != nil) != (test.want == nil) {
			t.Errorf("%s: %v", test.name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}

func TestParseWheelInfo(t *testing.T) {
	for text, want := range map[string]*wheelfile.WheelInfo{
		"Wheel-Version: 1.0\nGenerator: g\nRoot-Is-Purelib: True\nTag: py3-none-any\nTag: py2-none-any\n": {
			Major: 1, Generator: "g", Purelib: true, Tags: []string{"py3-none-any", "py2-none-any"}},
		"Wheel-Version: 1.9\n": {Major: 1, Minor: 9},
		"Wheel-Version: 2.0\n": nil, "Wheel-Version: x\n": nil, "Generator: g\n": nil,
	} {
		got, err := wheelfile.ParseWheelInfo([]byte(text))
		if (err != nil) != (want == nil) {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestParseEntryPoints(t *testing.T) {
	text := "# comment\n; comment\n[console_scripts]\nRun = a.b : App.run [x, y]\r\n\n[ other ]\nn=m\nodd = not valid at all\n"
	got, err := wheelfile.ParseEntryPoints([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []wheelfile.EntryPoint{
		{Group: "console_scripts", Name: "Run", Module: "a.b", Attr: "App.run", Extras: []string{"x", "y"}},
		{Group: "other", Name: "n", Module: "m"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{
		"a = b:c\n", "[x\n", "[x]\nnothing\n", "[console_scripts]\na = b:c()\n", "[console_scripts]\na = b:c;import os\n",
		"[gui_scripts]\na = b c:d\n", "[console_scripts]\na = b:\n", "[console_scripts]\na = 1b:c\n", "[console_scripts]\n= b:c\n",
	} {
		if got, err := wheelfile.ParseEntryPoints([]byte(bad)); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

func TestParseRecord(t *testing.T) {
	got, err := wheelfile.ParseRecord([]byte("\"a,b\",sha256=x,1\r\nc\nd,,\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []wheelfile.RecordRow{{Path: "a,b", Hash: "sha256=x", Size: 1}, {Path: "c", Size: -1}, {Path: "d", Size: -1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"a,b,c\n", "a,,-1\n", "a,,,\n", ",,\n"} {
		if got, err := wheelfile.ParseRecord([]byte(bad)); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
	for s, good := range map[string]bool{
		"sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU": true, "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=": true,
		"md5=1B2M2Y8AsgTpgAmY7PhCfg": false, "sha256=abc": false, "sha256": false, "sha1=2jmj7l5rSw0yVb_vlWAYkK_YBwk": false,
	} {
		if _, err := wheelfile.ParseDigest(s); (err == nil) != good {
			t.Errorf("%s: %v", s, err)
		}
	}
}

// TestRealWheels reads the wheels in the folder that ENVPACK_WHEELS names.
func TestRealWheels(t *testing.T) {
	dir := testenv.Wheels(t)
	names, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		r, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		info, err := r.Stat()
		if err != nil {
			t.Fatal(err)
		}
		f, err := wheelfile.Open(filepath.Base(name), r, info.Size())
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := f.Metadata(); err != nil {
			t.Error(err)
		}
		if _, err := f.WheelInfo(); err != nil {
			t.Error(err)
		}
		if _, err := f.EntryPoints(); err != nil {
			t.Error(err)
		}
		if _, err := f.Record(); err != nil {
			t.Error(err)
		}
		r.Close()
	}
	t.Logf("%d wheels", len(names))
}

func FuzzOpen(f *testing.F) {
	_, data := testenv.Wheel("a", "1", testenv.WheelOptions{})
	f.Add(data)
	f.Add(testenv.Zip([]testenv.ZipMember{{Name: "a/"}, {Name: "b", Stored: true, Content: []byte("x")}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := open("a-1-py3-none-any.whl", data)
		if err != nil {
			var typed *wheelfile.Error
			if !errors.As(err, &typed) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		std, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatalf("accepted what archive/zip does not: %v", err)
		}
		if len(std.File) != len(w.Entries) {
			t.Fatalf("%d entries, archive/zip has %d", len(w.Entries), len(std.File))
		}
		for i, e := range w.Entries {
			offset, err := std.File[i].DataOffset()
			if err != nil || offset != e.DataOffset || std.File[i].Name != e.Name {
				t.Fatalf("%q at %d, archive/zip has %q at %d, %v", e.Name, e.DataOffset, std.File[i].Name, offset, err)
			}
			if e.Size < 1<<20 {
				_, _ = w.ReadFile(e.Name, 1<<20)
			}
		}
		_, _ = w.Metadata()
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("Name: a\nVersion: 1\n"))
	f.Add([]byte("[console_scripts]\na = b:c [d]\n"))
	f.Add([]byte("a,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = wheelfile.ParseMetadata(data)
		_, _ = wheelfile.ParseWheelInfo(data)
		_, _ = wheelfile.ParseEntryPoints(data)
		rows, err := wheelfile.ParseRecord(data)
		if err != nil {
			return
		}
		for _, r := range rows {
			d, err := wheelfile.ParseDigest(r.Hash)
			if err != nil {
				continue
			}
			if back, err := wheelfile.ParseDigest(d.String()); err != nil || !cmp.Equal(back, d) {
				t.Fatalf("%q reads back as %v, %v", d, back, err)
			}
		}
	})
}
