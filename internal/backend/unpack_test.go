package backend_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/backend"
	"github.com/envpack/envpack/internal/testenv"
)

// packed is a tar of headers, whose files have their names as content.
func packed(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(h.Name))
		}
		if h.Mode == 0 {
			h.Mode = 0o600
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write([]byte(h.Name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unpack(t *testing.T, name string, data []byte) (dir, root string, newest time.Time, err error) {
	t.Helper()
	dir = t.TempDir()
	root, newest, err = backend.Unpack(context.Background(), name, bytes.NewReader(data), int64(len(data)), dir)
	return dir, root, newest, err
}

func TestUnpack(t *testing.T) {
	at := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
	data := packed(t,
		tar.Header{Name: "a-1/", Typeflag: tar.TypeDir, Mode: 0o700},
		tar.Header{Name: "a-1/setup.py", Typeflag: tar.TypeReg, ModTime: at},
		tar.Header{Name: "a-1/configure", Typeflag: tar.TypeReg, Mode: 0o700, ModTime: time.Unix(0, 0)},
		tar.Header{Name: "a-1/b/link", Typeflag: tar.TypeSymlink, Linkname: "../setup.py"},
		tar.Header{Name: "a-1/again", Typeflag: tar.TypeLink, Linkname: "a-1/configure", ModTime: at.Add(time.Hour)},
	)
	dir, root, newest, err := unpack(t, "a-1.tar.gz", testenv.Gzip(data))
	if err != nil || root != "a-1" || !newest.Equal(at.Add(time.Hour)) {
		t.Fatalf("%q, %v, %v", root, newest, err)
	}
	for name, want := range map[string]string{"setup.py": "a-1/setup.py", "b/link": "a-1/setup.py", "again": "a-1/configure"} {
		if got, err := os.ReadFile(filepath.Join(dir, root, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for name, want := range map[string]os.FileMode{"setup.py": 0o644, "configure": 0o755, "again": 0o755} {
		if info, err := os.Stat(filepath.Join(dir, root, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, root, "configure")); err != nil || info.ModTime().Year() != 1980 {
		t.Errorf("a file of 1970 is of %v, %v", info.ModTime(), err)
	}
}

func TestUnpackZip(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"setup.py", "pkg/__init__.py"} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	dir, root, _, err := unpack(t, "wget-3.2.zip", b.Bytes())
	if err != nil || root != "." { // some archives have no folder at the top
		t.Fatalf("%q, %v", root, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "pkg", "__init__.py")); err != nil {
		t.Error(err)
	}
}

func TestUnpackHostile(t *testing.T) {
	file := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg} }
	tests := map[string]struct {
		headers []tar.Header
		want    string
	}{
		"above":           {[]tar.Header{file("../evil")}, "leads out of its folder"},
		"above later":     {[]tar.Header{file("a/../../evil")}, "leads out of its folder"},
		"absolute":        {[]tar.Header{file("/evil")}, "leads out of its folder"},
		"link above":      {[]tar.Header{{Name: "a/l", Typeflag: tar.TypeSymlink, Linkname: "../../evil"}}, "leads out of its folder"},
		"link absolute":   {[]tar.Header{{Name: "a/l", Typeflag: tar.TypeSymlink, Linkname: "/etc"}}, "leads out of its folder"},
		"hard link above": {[]tar.Header{{Name: "a/l", Typeflag: tar.TypeLink, Linkname: "../evil"}}, "leads out of its folder"},
		"hard link":       {[]tar.Header{{Name: "a/l", Typeflag: tar.TypeLink, Linkname: "a/none"}}, "which no file before it is"},
		"device":          {[]tar.Header{{Name: "a/d", Typeflag: tar.TypeChar}}, "neither a file nor a folder"},
		"pipe":            {[]tar.Header{{Name: "a/p", Typeflag: tar.TypeFifo}}, "neither a file nor a folder"},
		"through two links": {[]tar.Header{
			{Name: "a/b/c", Typeflag: tar.TypeSymlink, Linkname: ".."},
			{Name: "a/d", Typeflag: tar.TypeSymlink, Linkname: "b/c/../.."},
			file("a/d/evil"),
		}, "escapes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir, _, _, err := unpack(t, "a-1.tar.gz", testenv.Gzip(packed(t, test.headers...)))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
			if _, err := os.Lstat(filepath.Join(filepath.Dir(dir), "evil")); err == nil {
				t.Error("a file was written outside")
			}
		})
	}
	t.Run("no archive", func(t *testing.T) {
		for _, name := range []string{"a-1.tar.gz", "a-1.tar.bz2", "a-1.tar.xz", "a-1.zip", "a-1.rar"} {
			if _, _, _, err := unpack(t, name, []byte("<html>not found</html>")); err == nil {
				t.Error(name)
			}
		}
	})
}

func FuzzUnpack(f *testing.F) {
	_, sdist := testenv.Sdist("a", "1", map[string]string{"setup.py": "x"})
	f.Add("a.tar.gz", sdist)
	f.Add("a.zip", testenv.Zip(nil))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		outside := t.TempDir()
		dir := filepath.Join(outside, "in")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		_, _, _ = backend.Unpack(context.Background(), name, bytes.NewReader(data), int64(len(data)), dir)
		if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
			t.Fatalf("%v, %v", entries, err)
		}
	})
}
