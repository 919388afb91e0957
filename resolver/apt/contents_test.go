package apt

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/diag"
)

const contentsText = `This file maps each file to the packages that have it.

FILE                                                    LOCATION
bin/tool/no                                             utils/no
bin/with blank                                          utils/no
lib/x86_64-linux-gnu/libm.so.6                          libs/libc6
lib64/ld-linux-x86-64.so.2                              libs/libc6
usr/aarch64-linux-gnu/lib/libgomp.so.1                  devel/libgomp1-arm64-cross
usr/lib/lapack/liblapack.so.3                           libs/liblapack3
usr/bin/ffmpeg                                          video/ffmpeg
usr/lib/python3/dist-packages/liba.so.1                 python/python3-a
usr/lib/x86_64-linux-gnu/blas/libblas.so.3              libs/libblas3
usr/lib/x86_64-linux-gnu/libGL.so.1                     libs/libgl1,universe/oldlibs/libgl1-old,multiverse/libs/nvidia-gl
usr/lib/x86_64-linux-gnu/libGL.so.1.7.0                 libs/libgl1
usr/lib/x86_64-linux-gnu/libjpeg.so                     libdevel/libjpeg-dev
usr/lib/x86_64-linux-gnu/primus/libGL.so.1              utils/primus-libs
usr/lib32/libgomp.so.1                                  libs/lib32gomp1
usr/share/doc/libGL.so.1                                doc/libgl-doc`

func pack(t testing.TB, text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestParseContents(t *testing.T) {
	all, err := parseContents(context.Background(), pack(t, contentsText), "amd64", "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range all {
		got = append(got, fmt.Sprintf("%s %s/%s/%s %v %v", h.name, h.Component, h.Section, h.Package, h.command, h.Alternative))
	}
	want := []string{
		"ffmpeg main/video/ffmpeg true false",
		"ld-linux-x86-64.so.2 main/libs/libc6 false false",
		"libGL.so.1 main/libs/libgl1 false false",
		"libGL.so.1 universe/oldlibs/libgl1-old false false",
		"libGL.so.1 multiverse/libs/nvidia-gl false false",
		"libGL.so.1.7.0 main/libs/libgl1 false false",
		"libblas.so.3 main/libs/libblas3 false true",
		"libjpeg.so main/libdevel/libjpeg-dev false false",
		"liblapack.so.3 main/libs/liblapack3 false true",
		"libm.so.6 main/libs/libc6 false false",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	again, err := decodeHeld(encodeHeld(all))
	if diff := cmp.Diff(all, again, cmp.AllowUnexported(held{})); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	for _, damaged := range []string{"", "contents 1 1\n", "contents 2 0\n", "contents 1 1\nx\ta\tb\tc\td\n", "contents 1 1\nl\ta\tb\n", "contents 1 1\nl\ta\tb\tc\td"} {
		if _, err := decodeHeld([]byte(damaged)); !errors.Is(err, errIndexForm) {
			t.Errorf("%q: %v", damaged, err)
		}
	}
	long := contentsText + "\nusr/lib/" + strings.Repeat("x", maxContentsLine) + "/libx.so.1 libs/libx1\n"
	if _, err := parseContents(context.Background(), pack(t, long), "amd64", ""); err == nil || !strings.Contains(err.Error(), "line 19") {
		t.Error(err)
	}
	wide := "usr/lib/" + strings.Repeat("x", 200<<10) + " libs/libx1\nusr/lib/libx.so.1 libs/libx1"
	if all, err := parseContents(context.Background(), pack(t, wide), "amd64", ""); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
	if _, err := parseContents(context.Background(), pack(t, contentsText)[:50], "amd64", ""); err == nil {
		t.Error("a truncated index is accepted")
	}
	if _, err := parseContents(context.Background(), nil, "vax", ""); diag.CodeOf(err) != diag.Manifest {
		t.Error(err)
	}
}

func TestRank(t *testing.T) {
	for name, c := range map[string]struct {
		soname  string
		holders string // component/section/package, ! an alternative
		chosen  string
		want    string
	}{
		"by name":           {"libfoo.so.1", "main/libs/abc main/libs/libfoo1", "", "libfoo1 abc"},
		"hyphen":            {"libfoo2.so.1", "main/libs/abc main/libs/libfoo2-1", "", "libfoo2-1 abc"},
		"dots":              {"libglib-2.0.so.0", "main/libs/abc main/libs/libglib2.0-0t64", "", "libglib2.0-0t64 abc"},
		"case":              {"libGL.so.1", "main/libs/abc main/libs/libgl1", "", "libgl1 abc"},
		"changed interface": {"libfoo_x.so.1.2", "main/libs/abc main/libs/libfoo-x1.2v5", "", "libfoo-x1.2v5 abc"},
		"chosen":            {"libfoo.so.1", "main/libs/libfoo1 multiverse/utils/abc", "abc", "abc libfoo1"},
		"alternative":       {"libblas.so.3", "main/libs/libblas3! main/libs/all-blas", "", "all-blas libblas3"},
		"section": {"libfoo.so.1", "main/oldlibs/a main/libdevel/b main/games/c main/libs/d", "",
			"d c b a"},
		"component":  {"libfoo.so.1", "universe/libs/a main/libs/b", "", "b a"},
		"other ones": {"libfoo.so.1", "multiverse/libs/a restricted/libs/b non-free/libs/c", "", ""},
		"special":    {"libfoo.so.1", "main/debug/a main/libs/libfoo1-dbg main/libs/libfoo1-arm64-cross main/libs/lib32foo1 main/libs/libx32foo1", "", ""},
	} {
		var holders []Holder
		for _, s := range strings.Fields(c.holders) {
			p := strings.Split(strings.TrimSuffix(s, "!"), "/")
			holders = append(holders, Holder{Component: p[0], Section: p[1], Package: p[2], Alternative: strings.HasSuffix(s, "!")})
		}
		chosen := map[string]bool{}
		for _, s := range strings.Fields(c.chosen) {
			chosen[s] = true
		}
		var got []string
		for _, h := range RankLibrary(c.soname, holders, chosen) {
			got = append(got, h.Package)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %s, want %s", name, s, c.want)
		}
	}
	got := RankCommand("dot", []Holder{{Package: "a", Component: "main"}, {Package: "dot", Component: "main"}}, nil)
	if len(got) != 2 || got[0].Package != "dot" {
		t.Error(got)
	}
}

// contentsArchive serves a signed release with contents indexes.
type contentsArchive struct {
	files map[string][]byte
	asked []string
}

func (a *contentsArchive) Get(_ context.Context, url string, limit int64) ([]byte, error) {
	a.asked = append(a.asked, url)
	data, ok := a.files[strings.TrimPrefix(url, "http://archive.example/debian/dists/bookworm/")]
	if !ok || int64(len(data)) > limit {
		return nil, errors.New("not found")
	}
	return data, nil
}

type contentsMemo map[string][]byte

func (m contentsMemo) Memo(kind, key string) ([]byte, bool) {
	data, ok := m[kind+" "+key]
	return data, ok
}

func (m contentsMemo) PutMemo(kind, key string, data []byte) error {
	m[kind+" "+key] = data
	return nil
}

// newContentsArchive signs a release that lists the files, and gives the key.
func newContentsArchive(t *testing.T, files map[string][]byte) (*contentsArchive, []byte) {
	t.Helper()
	key, err := openpgp.NewEntity("Tests", "", "archive@keys.example", nil)
	if err != nil {
		t.Fatal(err)
	}
	a := &contentsArchive{files: map[string][]byte{}}
	text := "Suite: stable\nCodename: bookworm\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nAcquire-By-Hash: yes\nArchitectures: amd64\nSHA256:\n"
	for name, data := range files {
		sum := fmt.Sprintf("%x", sha256.Sum256(data))
		text += fmt.Sprintf(" %s %d %s\n", sum, len(data), name)
		folder := name[:strings.LastIndex(name, "/")+1]
		a.files[folder+"by-hash/SHA256/"+sum] = data
	}
	var signed, armored bytes.Buffer
	w, err := clearsign.Encode(&signed, key.PrivateKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	a.files["InRelease"] = signed.Bytes()
	if w, err = armor.Encode(&armored, openpgp.PublicKeyType, nil); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(key.Serialize(w), w.Close()); err != nil {
		t.Fatal(err)
	}
	return a, armored.Bytes()
}

func TestReadContents(t *testing.T) {
	for _, folder := range []string{"", "main/"} {
		a, key := newContentsArchive(t, map[string][]byte{folder + "Contents-amd64.gz": pack(t, contentsText)})
		memo := contentsMemo{}
		o := Options{Distro: "debian:12", Architecture: "amd64", Archives: map[string]string{"debian": "http://archive.example/debian"},
			Fetcher: a, ExtraKeys: [][]byte{key}, Now: time.Now(), Memo: memo}
		c, err := ReadContents(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		if got := RankLibrary("libGL.so.1", c.Library("libGL.so.1"), nil); len(got) != 2 || got[0].Package != "libgl1" {
			t.Errorf("%+v", got)
		}
		if got := c.Command("ffmpeg"); len(got) != 1 || got[0].Section != "video" || c.Command("libGL.so.1") != nil {
			t.Errorf("%+v", got)
		}
		want := map[string]bool{"libm.so.6": true, "ld-linux-x86-64.so.2": true, "libblas.so.3": true}
		if diff := cmp.Diff(want, c.Brought([]string{"libc6", "libblas3", "ffmpeg", "other"})); diff != "" {
			t.Error(diff)
		}
		asked := len(a.asked)
		again, err := ReadContents(context.Background(), o)
		if err != nil || len(a.asked) != asked+1 {
			t.Errorf("asked for %v, %v", a.asked[asked:], err)
		}
		if diff := cmp.Diff(c, again, cmp.AllowUnexported(Contents{})); diff != "" {
			t.Error(diff)
		}
		for k := range memo {
			memo[k] = memo[k][:20]
		}
		if again, err = ReadContents(context.Background(), o); err != nil || len(again.Library("libGL.so.1")) != 3 {
			t.Errorf("with a damaged memo: %v", err)
		}
		o.Memo = nil
		for name := range a.files {
			if strings.Contains(name, "by-hash") {
				a.files[name] = append(a.files[name][:20:20], a.files[name][21:]...)
			}
		}
		if _, err := ReadContents(context.Background(), o); diag.CodeOf(err) != diag.Mismatch {
			t.Errorf("a changed index: %v", err)
		}
		o.ExtraKeys = nil
		if _, err := ReadContents(context.Background(), o); diag.CodeOf(err) != diag.Mismatch {
			t.Errorf("an unknown key: %v", err)
		}
	}
	a, key := newContentsArchive(t, map[string][]byte{"main/Contents-arm64.gz": pack(t, contentsText)})
	o := Options{Distro: "debian:12", Architecture: "amd64", Archives: map[string]string{"debian": "http://archive.example/debian"},
		Fetcher: a, ExtraKeys: [][]byte{key}, Now: time.Now()}
	if _, err := ReadContents(context.Background(), o); diag.CodeOf(err) != diag.NoAnswer {
		t.Errorf("no index: %v", err)
	}
	o.Archives = nil
	if _, err := ReadContents(context.Background(), o); diag.CodeOf(err) != diag.Manifest {
		t.Errorf("no archive: %v", err)
	}
}

func FuzzParseContents(f *testing.F) {
	f.Add([]byte(contentsText))
	f.Add([]byte("usr/lib/libx.so.1\tlibs/libx1,,/,a/b/c/d\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := parseContents(context.Background(), pack(t, string(text)), "amd64", "main")
		if err != nil {
			return
		}
		for _, h := range all {
			if !isName(h.Package) || h.name == "" || strings.ContainsAny(h.name, "\t\n/ ") {
				t.Errorf("%+v", h)
			}
		}
		again, err := decodeHeld(encodeHeld(all))
		if diff := cmp.Diff(len(all), len(again)); err != nil || diff != "" {
			t.Errorf("%v, %s", err, diff)
		}
	})
}

func FuzzDecodeHeld(f *testing.F) {
	f.Add(encodeHeld([]held{{name: "liba.so.1", Holder: Holder{Package: "liba1", Component: "main", Section: "libs"}}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if all, err := decodeHeld(data); err == nil && len(all) > len(data) {
			t.Errorf("%d files of %d bytes", len(all), len(data))
		}
	})
}
