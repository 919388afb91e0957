package debfile

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// arMember is one member of an ar archive to be written.
type arMember struct{ name, content string }

func ar(members ...arMember) []byte {
	var b bytes.Buffer
	b.WriteString(arMagic)
	for _, m := range members {
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n%s", m.name, 0, 0, 0, "100644", len(m.content), m.content)
		if len(m.content)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

func tarOf(t testing.TB, headers ...tar.Header) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		content := ""
		if h.Typeflag == tar.TypeReg {
			content = "content of " + h.Name
			h.Size = int64(len(content))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, content)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func compress(t testing.TB, kind, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch kind {
	case "":
		return text
	case ".gz":
		w = gzip.NewWriter(&b)
	case ".xz":
		w, err = xz.NewWriter(&b)
	case ".zst":
		w, err = zstd.NewWriter(&b)
	}
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func control(t testing.TB) string {
	return tarOf(t,
		tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755},
		tar.Header{Name: "./control", Typeflag: tar.TypeReg, Mode: 0o644},
		tar.Header{Name: "./postinst", Typeflag: tar.TypeReg, Mode: 0o755})
}

func deb(t testing.TB, kind string, headers ...tar.Header) []byte {
	return ar(arMember{"debian-binary", "2.0\n"},
		arMember{"control.tar" + kind, compress(t, kind, control(t))},
		arMember{"data.tar" + kind, compress(t, kind, tarOf(t, headers...))})
}

func read(data []byte) (entries []Entry, contents map[string]string, err error) {
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, nil, err
	}
	if _, _, err := f.Control(); err != nil {
		return nil, nil, err
	}
	contents = map[string]string{}
	err = f.Data(func(e Entry, r io.Reader) error {
		text, err := io.ReadAll(r)
		if e.Kind == '0' {
			contents[e.Path] = string(text)
		}
		entries = append(entries, e)
		return err
	})
	return entries, contents, err
}

func TestRead(t *testing.T) {
	long := strings.Repeat("folder-with-a-long-name/", 12)
	for _, kind := range []string{"", ".gz", ".xz", ".zst"} {
		data := deb(t, kind,
			tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755},
			tar.Header{Name: "./usr/", Typeflag: tar.TypeDir, Mode: 0o755},
			tar.Header{Name: "./usr/su", Typeflag: tar.TypeReg, Mode: 0o104755, Gid: 42},
			tar.Header{Name: "./usr/also", Typeflag: tar.TypeLink, Linkname: "./usr/su", Mode: 0o755},
			tar.Header{Name: "./usr/up", Typeflag: tar.TypeSymlink, Linkname: "../../etc", Mode: 0o777},
			tar.Header{Name: "./" + long + "Főtanúsítvány", Typeflag: tar.TypeReg, Mode: 0o644, Uid: 1 << 22})
		entries, contents, err := read(data)
		if err != nil {
			t.Fatalf("%q: %v", kind, err)
		}
		want := []Entry{
			{Path: ".", Kind: '5', Mode: 0o755},
			{Path: "usr", Kind: '5', Mode: 0o755},
			{Path: "usr/su", Kind: '0', Mode: 0o4755, GID: 42, Size: 19},
			{Path: "usr/also", Kind: '1', Mode: 0o755, Link: "usr/su"},
			{Path: "usr/up", Kind: '2', Mode: 0o777, Link: "../../etc"},
			{Path: long + "Főtanúsítvány", Kind: '0', Mode: 0o644, UID: 1 << 22, Size: int64(len("content of ./" + long + "Főtanúsítvány"))},
		}
		if diff := cmp.Diff(want, entries); diff != "" {
			t.Errorf("%q: %s", kind, diff)
		}
		if contents["usr/su"] != "content of ./usr/su" {
			t.Errorf("%q: content %q", kind, contents["usr/su"])
		}
		f, _ := Open(bytes.NewReader(data), int64(len(data)))
		text, members, err := f.Control()
		if err != nil || text != "content of ./control" || string(members["postinst"]) != "content of ./postinst" || len(members) != 1 {
			t.Errorf("%q: control %q, %v, %v", kind, text, members, err)
		}
	}
}

func TestRefusedFiles(t *testing.T) {
	file := tar.Header{Name: "./a", Typeflag: tar.TypeReg}
	for name, c := range map[string]struct {
		want    string
		headers []tar.Header
	}{
		"absolute":        {"the name is", []tar.Header{{Name: "/etc/a", Typeflag: tar.TypeReg}}},
		"parent":          {"the name is", []tar.Header{{Name: "./../a", Typeflag: tar.TypeReg}}},
		"inner parent":    {"the name is", []tar.Header{{Name: "./a/../../b", Typeflag: tar.TypeReg}}},
		"double slash":    {"the name is", []tar.Header{{Name: "./a//b", Typeflag: tar.TypeReg}}},
		"latin 1":         {"not UTF-8", []tar.Header{{Name: "./\xe9", Typeflag: tar.TypeReg, Format: tar.FormatGNU}}},
		"whiteout":        {".wh.", []tar.Header{{Name: "./a/.wh.b", Typeflag: tar.TypeReg}}},
		"below whiteout":  {".wh.", []tar.Header{{Name: "./.wh.a/b", Typeflag: tar.TypeReg}}},
		"twice":           {"is there twice", []tar.Header{file, file}},
		"file and folder": {"is there twice", []tar.Header{file, {Name: "./a/", Typeflag: tar.TypeDir}}},
		"folder and file": {"is there twice", []tar.Header{{Name: "./a/b", Typeflag: tar.TypeReg}, file}},
		"below a link":    {"no folder", []tar.Header{{Name: "./a", Typeflag: tar.TypeSymlink, Linkname: "/etc"}, {Name: "./a/b", Typeflag: tar.TypeReg}}},
		"hard link":       {"no earlier file", []tar.Header{{Name: "./a", Typeflag: tar.TypeLink, Linkname: "./b"}}},
		"hard link out":   {"the name is", []tar.Header{{Name: "./a", Typeflag: tar.TypeLink, Linkname: "../b"}}},
		"device":          {"device", []tar.Header{{Name: "./a", Typeflag: tar.TypeChar}}},
		"pipe":            {"device", []tar.Header{{Name: "./a", Typeflag: tar.TypeFifo}}},
		"capability": {"extended attribute", []tar.Header{{Name: "./a", Typeflag: tar.TypeReg,
			PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "x"}}}},
		"record": {"unknown PAX record", []tar.Header{{Name: "./a", Typeflag: tar.TypeReg, PAXRecords: map[string]string{"VENDOR.x": "x"}}}},
	} {
		_, _, err := read(deb(t, "", c.headers...))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func TestRefusedArchives(t *testing.T) {
	version := arMember{"debian-binary", "2.0\n"}
	ctl := arMember{"control.tar", control(t)}
	data := arMember{"data.tar", tarOf(t)}
	packed := compress(t, ".xz", tarOf(t))
	gz := compress(t, ".gz", tarOf(t))
	good := ar(version, ctl, data)
	for name, c := range map[string]struct {
		want string
		data []byte
	}{
		"empty":         {"unexpected EOF", nil},
		"zip":           {"no ar archive", []byte("PK\x03\x04........")},
		"no members":    {"first member", ar()},
		"order":         {"out of order", ar(version, data, ctl)},
		"version first": {"first member", ar(ctl, version, data)},
		"version 3":     {"format version", ar(arMember{"debian-binary", "3.0\n"}, ctl, data)},
		"no control":    {"no control.tar", ar(version)},
		"no data":       {"no data.tar", ar(version, ctl)},
		"two":           {"doubled", ar(version, ctl, data, data)},
		"unknown":       {"unknown", ar(version, ctl, data, arMember{"more", ""})},
		"trailing":      {"trailing bytes", append(bytes.Clone(good), "x"...)},
		"cut":           {"is cut off", good[:len(good)-1]},
		"bzip2":         {"compression is not", ar(version, ctl, arMember{"data.tar.bz2", ""})},
		"xz cut":        {"truncated", ar(version, ctl, arMember{"data.tar.xz", packed[:len(packed)-12]})},
		"xz damaged":    {"data.tar.xz", ar(version, ctl, arMember{"data.tar.xz", packed[:len(packed)-20] + "xxxx" + packed[len(packed)-16:]})},
		"xz trailing":   {"data.tar.xz", ar(version, ctl, arMember{"data.tar.xz", packed + "more"})},
		"gzip trailing": {"data.tar.gz", ar(version, ctl, arMember{"data.tar.gz", gz + "more"})},
		"tar trailing":  {"follow the end", ar(version, ctl, arMember{"data.tar", data.content + "more"})},
		"control in folder": {"plain file at the top", ar(version, arMember{"control.tar",
			tarOf(t, tar.Header{Name: "./x/control", Typeflag: tar.TypeReg})}, data)},
		"no control file": {"no file control", ar(version, arMember{"control.tar", tarOf(t)}, data)},
	} {
		_, _, err := read(c.data)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	if _, _, err := read(ar(version, arMember{"_note", "x"}, ctl, data, arMember{"_gpgorigin", "x"})); err != nil {
		t.Errorf("underscore members: %v", err)
	}
}

func TestBound(t *testing.T) {
	r := &bounded{r: strings.NewReader("12345"), left: 5}
	if text, err := io.ReadAll(r); err != nil || string(text) != "12345" {
		t.Errorf("%q, %v", text, err)
	}
	r = &bounded{r: strings.NewReader("123456"), left: 5}
	if _, err := io.ReadAll(r); err != errTooLarge {
		t.Errorf("error %v", err)
	}
}

func FuzzRead(f *testing.F) {
	for _, kind := range []string{"", ".gz", ".xz", ".zst"} {
		f.Add(deb(f, kind, tar.Header{Name: "./a", Typeflag: tar.TypeReg}))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, _, err := read(data)
		if err != nil {
			return
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Path, "/") || strings.Contains("/"+e.Path+"/", "/../") {
				t.Errorf("path %q", e.Path)
			}
		}
	})
}
