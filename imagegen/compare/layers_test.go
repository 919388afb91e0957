package compare

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/envpack/envpack/lockfile"
)

func base(change func(*tar.Header)) []item {
	return []item{{"etc/", "", nil}, {"etc/hosts", "one\ntwo\nthree\n", change}, {"usr/", "", nil}}
}

// TestFirstByte changes one thing of one entry, and wants it named.
func TestFirstByte(t *testing.T) {
	type named struct {
		What            string
		Place, Field    string
		Path            string
		Old, New        string
		Line            int64
		Hex             bool
		Changed, Others int64
	}
	plain := tarOf(t, base(nil)...)
	flip := func(at int, to byte) []byte {
		data := bytes.Clone(plain)
		data[at] = to
		return data
	}
	for _, test := range []struct {
		name string
		data []byte
		want named
	}{
		{"mode", tarOf(t, base(func(h *tar.Header) { h.Mode = 0o755 })...), named{"mode", "header", "mode", "etc/hosts", "0000644", "0000755", 0, false, 1, 0}},
		{"time", tarOf(t, base(func(h *tar.Header) { h.ModTime = date.Add(time.Second) })...), named{"time", "header", "mtime", "etc/hosts", "13603256645", "13603256646", 0, false, 1, 0}},
		{"owner", tarOf(t, base(func(h *tar.Header) { h.Uid = 8 })...), named{"owner", "header", "uid", "etc/hosts", "0000000", "0000010", 0, false, 1, 0}},
		{"user", tarOf(t, base(func(h *tar.Header) { h.Uname = "root" })...), named{"owner", "header", "uname", "etc/hosts", "", "root", 0, false, 1, 0}},
		{"other name", tarOf(t, base(func(h *tar.Header) { h.Name = "etc/hostz" })...), named{"", "entry", "", "etc/hosts", "file etc/hosts", "file etc/hostz", 0, false, 0, 2}},
		{"dotted name", tarOf(t, base(func(h *tar.Header) { h.Name = "./etc/hosts" })...), named{"name", "header", "name", "etc/hosts", "etc/hosts", "./etc/hosts", 0, false, 1, 0}},
		{"content", tarOf(t, item{"etc/", "", nil}, item{"etc/hosts", "one\ntvo\nthree\n", nil}, item{"usr/", "", nil}), named{"content", "content", "", "etc/hosts", "two", "tvo", 2, false, 1, 0}},
		{"size", tarOf(t, item{"etc/", "", nil}, item{"etc/hosts", "one\ntwo\nthree\nfour", nil}, item{"usr/", "", nil}), named{"content size", "header", "size", "etc/hosts", "00000000016", "00000000022", 0, false, 1, 0}},
		{"attribute", tarOf(t, base(func(h *tar.Header) { h.PAXRecords = map[string]string{"SCHILY.xattr.user.x": "y"} })...), named{"attributes format", "extended header", "SCHILY.xattr.user.x", "etc/hosts", "", "y", 0, false, 1, 0}},
		{"fraction of a second", tarOf(t, base(func(h *tar.Header) { h.ModTime, h.Format = date.Add(5), tar.FormatPAX })...), named{"time format", "extended header", "mtime", "etc/hosts", "2020-01-02T03:04:05Z", "2020-01-02T03:04:05.000000005Z", 0, false, 1, 0}},
		{"link", tarOf(t, base(func(h *tar.Header) { h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, "x", 0 })[:1]...), named{"", "entry", "", "etc/hosts", "file etc/hosts", "the end", 0, false, 0, 2}},
		{"padding", flip(512+512+14+5, 'x'), named{"", "padding", "", "etc/hosts", "000000000000000000000000000000000000000000000000", "780000000000000000000000000000000000000000000000", 0, true, 0, 0}},
		{"behind the end", append(bytes.Clone(plain), "more"...), named{"", "end", "", "", "", "6d6f7265", 0, true, 0, 0}},
		{"reserved bytes", flip(512+505, 0), named{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := pairOf(t, plain, test.data, Options{})
			if bytes.Equal(plain, test.data) {
				if p.Match != SameLayer || len(p.Bytes) > 0 {
					t.Fatalf("%+v", p)
				}
				return
			}
			var got named
			for _, c := range p.Files.List {
				if c.Kind == lockfile.Changed {
					got.What = strings.Join(c.What, " ")
				}
			}
			got.Changed, got.Others = p.Files.Changed, p.Files.Added+p.Files.Removed
			d := p.Bytes[0]
			got.Place, got.Field, got.Path, got.Old, got.New, got.Line, got.Hex = d.Place, d.Field, d.Path, d.Old, d.New, d.Line, d.Hex
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if p.Bytes[1].Of != "stored" || p.Bytes[1].Place != "deflate data" {
				t.Errorf("%+v", p.Bytes[1])
			}
		})
	}
}

// TestExtendedHeader finds the record of PAX that differs.
func TestExtendedHeader(t *testing.T) {
	with := func(value string) []byte {
		return tarOf(t, base(func(h *tar.Header) { h.PAXRecords = map[string]string{"SCHILY.xattr.user.x": value} })...)
	}
	p := pairOf(t, with("one"), with("two"), Options{})
	d := p.Bytes[0]
	if d.Place != "extended header" || d.Field != "SCHILY.xattr.user.x" || d.Old != "one" || d.New != "two" || d.Path != "etc/hosts" {
		t.Errorf("%+v", d)
	}
	if c := p.Files.List[0]; strings.Join(c.What, " ") != "attributes" || c.New.Attributes["SCHILY.xattr.user.x"] != "two" {
		t.Errorf("%+v", c)
	}
}

func TestStored(t *testing.T) {
	noise := make([]byte, 100_000)
	rand.New(rand.NewSource(1)).Read(noise)
	plain := tarOf(t, item{"noise", string(noise), nil}, item{"text", strings.Repeat("some text ", 5000), nil})
	as := func(data []byte) *testLayer { return &testLayer{plain: plain, data: data} }
	zw, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	gz := as(zip(t, plain, 6, nil))
	for _, test := range []struct {
		name         string
		old, now     *testLayer
		place, field string
		a, b         string
	}{
		{"date", gz, as(zip(t, plain, 6, func(h *gzip.Header) { h.ModTime = time.Unix(258, 0) })), "gzip header", "MTIME", "0", "258"},
		{"system", gz, as(zip(t, plain, 6, func(h *gzip.Header) { h.OS = 3 })), "gzip header", "OS", "", ""},
		{"name", as(zip(t, plain, 6, func(h *gzip.Header) { h.Name = "a" })), as(zip(t, plain, 6, func(h *gzip.Header) { h.Name = "b" })), "gzip header", "name, comment or extra field", "", ""},
		{"level", gz, as(zip(t, plain, 9, func(h *gzip.Header) {})), "", "", "", ""},
		{"Zstandard", gz, as(zw.EncodeAll(plain, nil)), "compression", "", "gzip", "Zstandard"},
		{"nothing", as(plain), gz, "compression", "", "no compression", "gzip"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := pairOfLayers(t, test.old, test.now, Options{})
			if bytes.Equal(test.old.data, test.now.data) {
				t.Fatal("the compressor makes no difference, so there is nothing to tell apart")
			}
			if p.Match != Recompressed || len(p.Bytes) != 1 || p.Files.Changed+p.Files.Added+p.Files.Removed != 0 {
				t.Fatalf("%+v", p)
			}
			d := p.Bytes[0]
			if test.place == "" {
				return
			}
			if d.Of != "stored" || d.Place != test.place || d.Field != test.field || test.a != "" && (d.Old != test.a || d.New != test.b) {
				t.Errorf("%+v", d)
			}
		})
	}
}

// TestDamaged: what is wrong with a layer is told, and where it begins.
func TestDamaged(t *testing.T) {
	items := base(nil)
	for range 50 {
		items = append(items, item{"usr/file" + strings.Repeat("x", len(items)), strings.Repeat("text\n", 100), nil})
	}
	good := layerOf(t, "x", items...)
	for at := 0; at < len(good.data); at += 7 {
		bad := *good
		bad.data, bad.promised = bytes.Clone(good.data), good.data
		bad.data[at] ^= 0x10
		p := pairOfLayers(t, good, &bad, Options{})
		if p.NewTrouble == "" || p.OldTrouble != "" || len(p.Bytes) == 0 {
			t.Fatalf("a flipped bit at %d: %+v", at, p)
		}
		if d := p.Bytes[len(p.Bytes)-1]; d.Of != "stored" || d.Offset != int64(at) {
			t.Fatalf("a flipped bit at %d: %+v", at, d)
		}
	}
	for back, field := range map[int]string{8: "CRC-32", 5: "CRC-32", 4: "ISIZE", 1: "ISIZE"} {
		bad := *good
		bad.data, bad.promised = bytes.Clone(good.data), good.data
		bad.data[len(bad.data)-back] ^= 1
		p := pairOfLayers(t, good, &bad, Options{})
		if d := p.Bytes[len(p.Bytes)-1]; len(p.Bytes) != 1 || d.Place != "gzip trailer" || d.Field != field {
			t.Errorf("%d bytes before the end: %+v", back, p.Bytes)
		}
	}
	for _, change := range []func(*testLayer){
		func(l *testLayer) { l.data = l.data[:len(l.data)-20] },
		func(l *testLayer) { l.data = append(bytes.Clone(l.data), "more"...) },
		func(l *testLayer) { l.data = nil },
	} {
		bad := *good
		bad.promised = good.data
		change(&bad)
		if p := pairOfLayers(t, &bad, good, Options{}); p.OldTrouble == "" || p.NewTrouble != "" {
			t.Errorf("%+v", p)
		}
	}
	// A damaged header in a layer that is well compressed.
	plain := bytes.Clone(good.plain)
	plain[512+3] ^= 1
	p := pairOfLayers(t, good, stored(t, "x", plain), Options{})
	if d := p.Bytes[0]; p.NewTrouble == "" || d.Offset != 515 || d.Place != "header" || d.Field != "name" {
		t.Errorf("%+v, %+v", p, d)
	}
}

func TestOrderAndRepeats(t *testing.T) {
	a := tarOf(t, item{"a", "1", nil}, item{"b", "2", nil}, item{"c", "3", nil})
	b := tarOf(t, item{"a", "1", nil}, item{"c", "3", nil}, item{"b", "2", nil})
	p := pairOf(t, a, b, Options{})
	if p.Files.Same != 3 || len(p.Notes) != 2 || !strings.Contains(p.Notes[0], "where the old layer has b, the new one has c") || !strings.Contains(p.Notes[1], "none of their entries") {
		t.Errorf("%+v", p)
	}
	c := tarOf(t, item{"a", "0", nil}, item{"a", "1", nil}, item{"b", "2", nil}, item{"c", "3", nil})
	p = pairOf(t, a, c, Options{})
	if len(p.Files.List) != 1 || strings.Join(p.Files.List[0].What, " ") != "times" || !strings.Contains(strings.Join(p.Notes, ";"), "the new layer has paths more than once") {
		t.Errorf("%+v", p)
	}
}

// TestContents looks into changed files, also where they are not in the same order.
func TestContents(t *testing.T) {
	long := strings.Repeat("0123456789abcde\n", 200_000)
	a := tarOf(t, item{"a", long + "old\n" + long, nil}, item{"b", "x\x00y", nil}, item{"c", "left", nil}, item{"d", "é" + strings.Repeat("ü", 400) + "a\n", nil}, item{"e", "same", nil}, item{"f", "line\n", nil})
	b := tarOf(t, item{"a", long + "new\n" + long, nil}, item{"c", "lift", nil}, item{"b", "x\x00z", nil}, item{"d", "é" + strings.Repeat("ü", 400) + "b\n", nil}, item{"e", "same", nil}, item{"f", "line\nmore", nil})
	p := pairOf(t, a, b, Options{Contents: 10})
	got := map[string]Difference{}
	for _, c := range p.Files.List {
		if c.Content != nil {
			got[c.Path] = *c.Content
		}
	}
	want := map[string]Difference{
		"a": {Of: "content", Offset: int64(len(long)), Line: 200_001, Old: "old", New: "new"},
		"b": {Of: "content", Offset: 2, Old: "79", New: "7a", Hex: true},
		"c": {Of: "content", Offset: 1, Line: 1, Old: "left", New: "lift"}, // which stands elsewhere
		"d": {Of: "content", Offset: 802, Line: 1, Old: "…" + strings.Repeat("ü", 30) + "a", New: "…" + strings.Repeat("ü", 30) + "b"},
		"f": {Of: "content", Offset: 5, Line: 2, Old: "", New: "more", Ends: "old"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for _, test := range []struct{ list, want []int }{{nil, nil}, {[]int{3}, []int{0}}, {[]int{9, 1, 2, 3}, []int{3, 2, 1}}, {[]int{1, 5, 2, 6, 3}, []int{4, 2, 0}}, {[]int{3, 2, 1}, []int{2}}} {
		if diff := cmp.Diff(test.want, increasing(test.list)); diff != "" {
			t.Errorf("%v: -want +got\n%s", test.list, diff)
		}
	}
	if p := pairOf(t, a, b, Options{Contents: 1}); p.Files.List[0].Content == nil || p.Files.List[3].Content != nil {
		t.Errorf("%+v", p.Files.List)
	}
	if p := pairOf(t, a, b, Options{MaxFiles: 2}); len(p.Files.List) != 2 || p.Files.Changed != 5 || p.Files.List[0].Content != nil {
		t.Errorf("%+v", p.Files)
	}
}
