package unpack_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/envpack/envpack/imagegen/layertar"
	"github.com/envpack/envpack/imagegen/unpack"
)

// layerOf writes a tar by lines: "dir NAME", "file NAME [MODE]" whose content is the name of the layer, "sym NAME TARGET",
// "link NAME TARGET", "dev NAME", "fifo NAME".
func layerOf(t *testing.T, content string, lines ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, line := range lines {
		f := append(strings.Fields(line), "", "")
		h := &tar.Header{Name: f[1], Mode: 0o644, ModTime: time.Unix(1e9, 0), Uid: 4242, Gid: 4242}
		switch f[0] {
		case "dir":
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
			if f[2] != "" {
				fmt.Sscanf(f[2], "%o", &h.Mode)
			}
		case "file":
			h.Typeflag, h.Size = tar.TypeReg, int64(len(content))
			if f[2] != "" {
				fmt.Sscanf(f[2], "%o", &h.Mode)
			}
		case "sym":
			h.Typeflag, h.Linkname = tar.TypeSymlink, f[2]
		case "link":
			h.Typeflag, h.Linkname = tar.TypeLink, f[2]
		case "dev":
			h.Typeflag, h.Devmajor = tar.TypeChar, 1
		case "fifo":
			h.Typeflag = tar.TypeFifo
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			fmt.Fprint(w, content)
		}
	}
	w.Close()
	return buf.Bytes()
}

func unpackOne(t *testing.T, what string, data []byte) (unpack.Unpacked, error) {
	t.Helper()
	l := static.NewLayer(data, "application/vnd.oci.image.layer.v1.tar")
	digest, err := l.Digest()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c, err := unpack.Layer(t.Context(), l, layertar.Promise{What: what, Digest: digest, DiffID: digest, Size: int64(len(data)), Limit: 1 << 30}, dir, nil)
	if err != nil {
		return unpack.Unpacked{}, err
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	again := &unpack.Contents{}
	if err := json.Unmarshal(text, again); err != nil {
		t.Fatal(err)
	}
	return unpack.Unpacked{What: what, Dir: dir, Contents: again}, nil
}

// listing has a line for each name below dir.
func listing(t *testing.T, dir string) []string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		p, _ := filepath.Rel(dir, name)
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			p += "/"
			if m := info.Mode() &^ fs.ModeDir; m != 0o755 {
				p += " " + m.String()
			}
		case d.Type() == fs.ModeSymlink:
			target, _ := os.Readlink(name)
			p += " -> " + target
		default:
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			p += " = " + string(data)
			if m := info.Mode(); m != 0o644 {
				p += " " + m.String()
			}
			if !info.ModTime().Equal(time.Unix(1e9, 0)) {
				p += fmt.Sprint(" of another time: ", info.ModTime())
			}
		}
		lines = append(lines, p)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestStack(t *testing.T) {
	for _, test := range []struct {
		name   string
		layers [][]string
		want   []string
	}{
		{"modes that only root could keep", [][]string{{"dir a 0555", "file a/su 4755", "file a/secret 000", "dir tmp 1777", "dev null", "fifo pipe"}},
			[]string{"a/", "a/secret = 1 -r--------", "a/su = 1 -rwxr-xr-x", "tmp/ trwxrwxrwx"}},
		{"a layer over another", [][]string{{"dir a", "file a/x", "file a/y"}, {"file a/y 755", "file b/z"}},
			[]string{"a/", "a/x = 1", "a/y = 2 -rwxr-xr-x", "b/", "b/z = 2"}},
		{"links are the root's", [][]string{{"sym up ../../..", "sym abs /etc", "file up/x", "file abs/y"}},
			[]string{"abs -> /etc", "etc/", "etc/y = 1", "up -> ../../..", "x = 1"}},
		{"names are below the root", [][]string{{"file ../../x", "file /abs/y", "file ./z"}}, []string{"abs/", "abs/y = 1", "x = 1", "z = 1"}},
		{"a link below that no entry replaces", [][]string{{"dir usr/lib", "sym lib usr/lib"}, {"file lib/x", "dir lib/d", "file lib/d/y"}},
			[]string{"lib -> usr/lib", "usr/", "usr/lib/", "usr/lib/d/", "usr/lib/d/y = 2", "usr/lib/x = 2"}},
		{"a link below that a folder replaces", [][]string{{"dir usr/lib", "sym lib usr/lib"}, {"dir lib", "file lib/x"}},
			[]string{"lib/", "lib/x = 2", "usr/", "usr/lib/"}},
		{"a folder that a link replaces", [][]string{{"file a/b/x"}, {"sym a c"}}, []string{"a -> c"}},
		{"a file that a folder replaces", [][]string{{"file a"}, {"file a/x", "dir a"}}, []string{"a/", "a/x = 2"}},
		{"what was there in the layer itself", [][]string{{"file a", "dir a", "file a/b", "sym a c", "file d", "link a d"}}, []string{"a = 1", "d = 1"}},
		{"whiteouts", [][]string{{"file a/x", "file a/y", "file b/z", "sym l b"}, {"file a/.wh.x", "file a/x2", "file l/.wh.z", "file .wh.none"}},
			[]string{"a/", "a/x2 = 2", "a/y = 1", "b/", "l -> b"}},
		{"whiteouts of folders", [][]string{{"file a/b/c/x", "file a/d"}, {"file a/.wh.b", "file a/b/new"}}, []string{"a/", "a/b/", "a/b/new = 2", "a/d = 1"}},
		{"folders emptied", [][]string{{"file a/x", "file a/b/y", "file k"}, {"file a/.wh..wh..opq", "file a/z", "file a/.wh..wh.plnk"}}, []string{"a/", "a/z = 2", "k = 1"}},
		{"the root emptied", [][]string{{"file a/x", "sym k a"}, {"file .wh..wh..opq", "file z"}}, []string{"z = 2"}},
		{"whiteouts of the layer itself", [][]string{{"file x"}, {"file x", "file .wh.x"}}, []string{"x = 2"}},
		{"hard links", [][]string{{"file a", "link b a", "sym s a", "link c s"}, {"link d a", "link e/f /s", "link g b"}, {"file a"}},
			[]string{"a = 3", "b = 1", "c -> a", "d = 1", "e/", "e/f -> a", "g = 1", "s -> a"}},
		{"hard links and whiteouts", [][]string{{"file a"}, {"link b a"}, {"file .wh.a"}}, []string{"b = 1"}},
		{"names that are no text", [][]string{{"file \xff\xfe/x", "sym \xfd \xff\xfe"}, {"file \xfd/y", "file .wh.\xfc"}},
			[]string{"\xfd -> \xff\xfe", "\xff\xfe/", "\xff\xfe/x = 1", "\xff\xfe/y = 2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var layers []unpack.Unpacked
			for i, lines := range test.layers {
				u, err := unpackOne(t, fmt.Sprint("layer ", i+1), layerOf(t, fmt.Sprint(i+1), lines...))
				if err != nil {
					t.Fatal(err)
				}
				layers = append(layers, u)
			}
			dir := t.TempDir()
			if err := unpack.Stack(t.Context(), layers, dir); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, listing(t, dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	long := "a"
	for len(long) < 5000 {
		long += "/" + strings.Repeat("b", 200)
	}
	for _, test := range []struct {
		name   string
		layers [][]string
		want   string
	}{
		{"a name behind a file", [][]string{{"file a", "file a/b"}}, "unpacking layer 1: /a/b: /a is no folder"},
		{"a name behind a file below", [][]string{{"file a"}, {"file a/b/c"}}, "putting layer 2 on what is below: /a is no folder"},
		{"links in a circle", [][]string{{"sym a b", "sym b a", "file a/x"}}, "/a: too many symbolic links"},
		{"a hard link to a folder", [][]string{{"dir a", "link b a"}}, "a hard link to /a, a folder"},
		{"a hard link to itself", [][]string{{"link b b"}}, "a hard link to itself"},
		{"a hard link to the outside", [][]string{{"link b ../../../../etc/passwd"}}, "/b is a hard link to /etc/passwd, which is no file"},
		{"a long path", [][]string{{"file " + long}}, "a path of "},
		{"a whiteout of the folder above", [][]string{{"file a/.wh..."}, {"file a/.wh.."}}, "a whiteout of no name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var layers []unpack.Unpacked
			var err error
			for i, lines := range test.layers {
				var u unpack.Unpacked
				if u, err = unpackOne(t, fmt.Sprint("layer ", i+1), layerOf(t, "x", lines...)); err != nil {
					break
				}
				layers = append(layers, u)
			}
			if err == nil {
				err = unpack.Stack(t.Context(), layers, t.TempDir())
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// TestManyWhiteouts takes away many folders one by one, which must not take a look at all others each time.
func TestManyWhiteouts(t *testing.T) {
	const n = 4_000
	below, above := []string{}, []string{}
	for i := range n {
		below = append(below, fmt.Sprintf("dir d%d", i))
		above = append(above, fmt.Sprintf("file .wh.d%d", i))
	}
	var layers []unpack.Unpacked
	for i, lines := range [][]string{below, above} {
		u, err := unpackOne(t, fmt.Sprint("layer ", i+1), layerOf(t, "x", lines...))
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, u)
	}
	dir := t.TempDir()
	began := time.Now()
	if err := unpack.Stack(t.Context(), layers, dir); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d > 20*time.Second {
		t.Errorf("took %v", d)
	}
	if left := listing(t, dir); len(left) != 0 {
		t.Errorf("%d names are left", len(left))
	}
}

// FuzzLayer unpacks any bytes in a folder beside which nothing may appear.
func FuzzLayer(f *testing.F) {
	t := &testing.T{}
	f.Add(layerOf(t, "x", "dir a", "file a/b", "sym c a", "link d a/b", "file .wh.a", "file a/.wh..wh..opq", "sym up ..", "file up/x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := static.NewLayer(data, "application/vnd.oci.image.layer.v1.tar")
		digest, err := l.Digest()
		if err != nil {
			t.Fatal(err)
		}
		parent := t.TempDir()
		for _, name := range []string{"layer", "stack"} {
			if err := os.Mkdir(filepath.Join(parent, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		want := layertar.Promise{What: "layer 1", Digest: digest, DiffID: digest, Size: int64(len(data)), Limit: 1 << 20}
		c, err := unpack.Layer(t.Context(), l, want, filepath.Join(parent, "layer"), nil)
		if err == nil {
			_ = unpack.Stack(t.Context(), []unpack.Unpacked{{What: "layer 1", Dir: filepath.Join(parent, "layer"), Contents: c}}, filepath.Join(parent, "stack"))
		}
		if entries, err := os.ReadDir(parent); err != nil || len(entries) != 2 {
			t.Errorf("%v %v", entries, err)
		}
	})
}
