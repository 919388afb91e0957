package layer

import (
	"archive/tar"
	"bytes"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestHeader reads headers back by archive/tar, with every length of path around USTAR's limits.
func TestHeader(t *testing.T) {
	deep := strings.Repeat("d/", 2000)
	var paths []string
	for n := 1; n < 300; n++ {
		flat := strings.Repeat("f", n)
		paths = append(paths, flat, "dir/"+flat, deep[:2*(n/2)]+"f", strings.Repeat("p", n)+"/"+strings.Repeat("f", 100), strings.Repeat("p", n)+"/f")
	}
	paths = append(paths, "ö", deep+"f", "a b/c\nd", strings.Repeat("ö", 127))
	for _, p := range paths {
		for _, e := range []Entry{
			{Path: p, Kind: File, Mode: 0o644}, {Path: p, Kind: Dir, Mode: 0o2755, UID: maxID, GID: 1},
			{Path: "l", Kind: Symlink, Link: p}, {Path: p, Kind: Symlink, Link: p}, {Path: p, Kind: Hardlink, Link: p},
		} {
			b := appendHeader(nil, &e, 0)
			if len(b)%blockSize != 0 {
				t.Fatalf("%q: %d bytes", p, len(b))
			}
			h, err := tar.NewReader(bytes.NewReader(append(b, make([]byte, 2*blockSize)...))).Next()
			if err != nil {
				t.Fatalf("%q: %v", p, err)
			}
			name := e.Path
			if e.Kind == Dir {
				name += "/"
			}
			mode := int64(e.Mode)
			if e.Kind == Symlink {
				mode = 0o777
			}
			if h.Name != name || h.Linkname != e.Link || h.Typeflag != byte(e.Kind) || h.Mode != mode || h.Uid != e.UID || h.Gid != e.GID ||
				h.ModTime.Unix() != Mtime || h.Uname != "" || h.Devmajor != 0 {
				t.Fatalf("%+v reads back as %+v", e, h)
			}
			if pax := h.Format == tar.FormatPAX; pax != (!fits(name) || len(e.Link) > 100 || !isASCII(e.Link)) {
				t.Fatalf("%q: PAX %v", name, pax)
			}
			if len(b) == blockSize {
				prefix := strings.TrimRight(string(b[345:500]), "\x00")
				if len(name) <= 100 && prefix != "" || len(name) > 100 && prefix != longestPrefix(name) {
					t.Fatalf("%q has the prefix %q", name, prefix)
				}
			}
		}
	}
}

// fits is the rule by definition.
func fits(name string) bool {
	return isASCII(name) && (len(name) <= 100 || longestPrefix(name) != "")
}

func longestPrefix(name string) string {
	for i := min(155, len(name)-2); i > 0; i-- {
		if name[i] == '/' && len(name)-i-1 <= 100 {
			return name[:i]
		}
	}
	return ""
}

func TestHeaderOfLargeFile(t *testing.T) {
	for size, pax := range map[int64]bool{1<<33 - 1: false, 1 << 33: true, 1 << 40: true} {
		b := appendHeader(nil, &Entry{Path: "a", Kind: File, Mode: 0o644}, size)
		h, err := tar.NewReader(io.MultiReader(bytes.NewReader(b), bytes.NewReader(make([]byte, 1024)))).Next()
		if err != nil || h.Size != size || (len(b) > blockSize) != pax {
			t.Errorf("%d bytes: %+v, %v", size, h, err)
		}
	}
}

// TestHeaderOfCapabilities has a value with a line end and zeros in it, before the other records.
func TestHeaderOfCapabilities(t *testing.T) {
	value := "\x01\x00\x00\x02\x00\x20\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	long := strings.Repeat("f", 200)
	b := appendHeader(nil, &Entry{Path: long, Kind: File, Mode: 0o755, Capability: value}, 0)
	h, err := tar.NewReader(bytes.NewReader(append(b, make([]byte, 2*blockSize)...))).Next()
	if err != nil || h.Name != long || h.PAXRecords["SCHILY.xattr.security.capability"] != value {
		t.Errorf("%+v, %v", h, err)
	}
	const want = "57 SCHILY.xattr.security.capability="
	if got := string(b[blockSize:]); !strings.HasPrefix(got, want+value+"\n210 path=") {
		t.Errorf("%q", got[:300])
	}
	sorted, err := arrange([]Entry{{Path: "b", Kind: File, Capability: value}, {Path: "a", Kind: Hardlink, Link: "b"}, {Path: "c", Kind: Hardlink, Link: "a"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range sorted { // some engines take the attributes of a link for the file's
		if e.Capability != value {
			t.Errorf("%s has %q", e.Path, e.Capability)
		}
	}
	if _, err := arrange([]Entry{{Path: "d", Kind: Dir, Capability: value}}); err == nil {
		t.Error("a folder has capabilities")
	}
}

func TestTurnLinks(t *testing.T) {
	sorted, err := arrange([]Entry{
		{Path: "c", Kind: File, Mode: 0o755, Content: Bytes("x")}, {Path: "b", Kind: Hardlink, Link: "c"}, {Path: "a", Kind: Hardlink, Link: "d"},
		{Path: "d", Kind: Hardlink, Link: "b"}, {Path: "e", Kind: File}, {Path: "f", Kind: Hardlink, Link: "e", Mode: 0o600, UID: 3},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "a:0:,b:1:a,c:1:a,d:1:a,e:0:,f:1:e"
	var got []string
	for _, e := range sorted {
		got = append(got, e.Path+":"+string(rune(e.Kind))+":"+e.Link)
	}
	if strings.Join(got, ",") != want || sorted[0].Mode != 0o755 || sorted[2].Mode != 0o755 || Size(sorted[0].Content) != 1 || sorted[5].UID != 0 {
		t.Errorf("%v, want %s", got, want)
	}
}

func FuzzHeader(f *testing.F) {
	f.Add("a/b", "c", int64(5))
	f.Add(strings.Repeat("x/", 80), strings.Repeat("ö", 60), int64(1<<34))
	f.Fuzz(func(t *testing.T, p, link string, size int64) {
		if checkPath(p) != nil || size < 0 || !utf8.ValidString(link) || strings.IndexByte(link, 0) >= 0 || len(link) >= maxPath {
			return
		}
		e := Entry{Path: p, Kind: File, Mode: 0o644, Link: link}
		h, err := tar.NewReader(bytes.NewReader(appendHeader(nil, &e, size))).Next()
		if err != nil || h.Name != p || h.Linkname != link || h.Size != size {
			t.Fatalf("%q %q %d read back as %+v, %v", p, link, size, h, err)
		}
	})
}
