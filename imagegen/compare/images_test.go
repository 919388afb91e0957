package compare

import (
	"archive/tar"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/envpack/envpack/imagegen/layertar"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

const site = "opt/env/lib/python3.11/site-packages/"

// testLock is a lock of numpy and libc6 in these versions.
func testLock(t testing.TB, numpy, libc string) *lockfile.Lock {
	t.Helper()
	hash := func(s string) string { return hashOf([]byte(s)).Hex }
	on := []string{"linux/amd64"}
	l := &lockfile.Lock{
		Project: lockfile.Project{Name: "x", Manifest: hash("m"), Requires: []lockfile.Dependency{{Name: "numpy"}}},
		Image:   lockfile.Image{Command: []string{"python", "a b.py"}, User: "app", Workdir: "/app", Env: map[string]string{"A": "b"}},
		Targets: []lockfile.Target{{Platform: "linux/amd64", Python: "3.11.2", ABI: "cp311", Glibc: "2.36"}},
		Base: lockfile.Base{Distro: "debian:12", Codename: "bookworm", Format: "rootfs/1",
			Releases: []lockfile.Release{{Archive: "debian", Suite: "bookworm", Date: date, InRelease: hash("r"), Keys: []string{"E"}}},
			Debs: []lockfile.Deb{{Name: "libc6", Version: libc, Architecture: "amd64", Archive: "debian",
				Path: "pool/libc6_" + libc + "_amd64.deb", SHA256: hash(libc), Size: 5, Targets: on}}},
		Packages: []lockfile.Package{{Name: "numpy", Version: numpy, OwnLayer: true,
			Files: []lockfile.File{{Name: "numpy-" + numpy + "-py3-none-any.whl", SHA256: hash(numpy), Size: 5, Targets: on}}}},
	}
	l.Normalize()
	if err := l.Validate(); err != nil {
		t.Fatal(err)
	}
	return l
}

// ours are the layers of an image of envpack's.
func ours(t testing.TB, l *lockfile.Lock, project ...item) []*testLayer {
	t.Helper()
	text, err := l.Projection("linux/amd64")
	if err != nil {
		t.Fatal(err)
	}
	numpy := l.Packages[0].Version
	layers := []*testLayer{
		layerOf(t, "envpack: base", item{"etc/", "", nil}, item{"etc/libc", l.Base.Debs[0].Version, nil}),
		layerOf(t, "envpack: environment", item{"opt/", "", nil}, item{"opt/env/", "", nil}),
		layerOf(t, "envpack: numpy "+numpy, item{site + "numpy/a.py", "x = 1\n", nil}, item{site + "numpy-" + numpy + ".dist-info/METADATA", numpy, nil}),
	}
	if len(project) > 0 {
		layers = append(layers, layerOf(t, "envpack: project", append([]item{{"app/", "", nil}}, project...)...))
	}
	return append(layers, layerOf(t, "envpack: lock", item{"opt/env/envpack.lock", string(text), nil}))
}

func sealOf(l *lockfile.Lock, img v1.Image, layers []*testLayer) {
	digest, _ := img.Digest()
	s := lockfile.Seal{Platform: "linux/amd64", Environment: digest.String()}
	for _, each := range layers {
		d, _ := each.Digest()
		id, _ := each.DiffID()
		s.Layers = append(s.Layers, lockfile.SealedLayer{Name: strings.TrimPrefix(each.made, "envpack: "), Kind: "wheel/1",
			Digest: d.String(), DiffID: id.String(), Size: int64(len(each.data))})
	}
	l.Seals = []lockfile.Seal{s}
}

func TestOurs(t *testing.T) {
	a := ours(t, testLock(t, "2.1.0", "2.36-9"), item{"app/main.py", "one\n", nil}, item{"app/gone.py", "", nil}, item{"app/run", "", nil})
	b := ours(t, testLock(t, "2.2.0", "2.36-10"), item{"app/main.py", "two\n", nil}, item{"app/new.py", "", nil},
		item{"app/run", "", func(h *tar.Header) { h.Mode = 0o755 }})
	settings := func(c *v1.ConfigFile) {
		c.Config = v1.Config{Env: []string{"A=b", "C=d"}, Cmd: []string{"python", "c d"}, User: "0:0", Labels: map[string]string{"k": "v"}}
	}
	now := image(t, settings, b...)
	r := compareImages(t, image(t, nil, a...), now, Options{Contents: 5})
	var got []string
	for _, c := range r.Meaning {
		text := c.String()
		if c.Subject == "file" {
			was, _, _ := strings.Cut(c.Old, " ")
			is, _, _ := strings.Cut(c.New, " ")
			text = strings.TrimSpace(string(c.Kind) + " file " + c.Name + " " + was + " " + is)
		}
		got = append(got, text)
	}
	want := []string{
		"~ deb libc6:amd64 2.36-9 → 2.36-10",
		"~ numpy 2.1.0 → 2.2.0",
		"- file app/gone.py 0644", "~ file app/main.py 0644 0644", "+ file app/new.py  0644", "~ file app/run 0644 0755",
		`+ setting command python "c d"`, "+ setting user 0:0", "+ setting env A b", "+ setting env C d", "+ setting label k v",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	var layers []string
	for _, p := range r.Layers {
		layers = append(layers, fmt.Sprintf("%s by %s", p.Match, p.By))
	}
	if diff := cmp.Diff([]string{"changed by name", "same by digest", "changed by package", "changed by name", "changed by name"}, layers); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if r.Same || r.Files != nil || r.Layers[1].Files != nil || a[1].opened+b[1].opened > 0 {
		t.Errorf("%+v", r)
	}
	if d := r.Layers[3].Files.List[1].Content; d == nil || d.Old != "one" || d.New != "two" {
		t.Errorf("%+v", r.Layers[3].Files.List)
	}

	// A layer more is no reason to read the others.
	for _, l := range append(a, b...) {
		l.opened = 0
	}
	r = compareImages(t, image(t, settings, append([]*testLayer{layerOf(t, "envpack: system", item{"usr/x", "", nil})}, b...)...), now, Options{})
	if r.Same || r.Files != nil || r.Layers[0].Match != Removed || b[0].opened > 0 {
		t.Errorf("%+v", r)
	}
	if r = compareImages(t, now, image(t, settings, b...), Options{}); !r.Same || len(r.Meaning)+len(r.Values) > 0 {
		t.Errorf("%+v", r)
	}
}

func TestLocks(t *testing.T) {
	ctx := context.Background()
	l := testLock(t, "2.1.0", "2.36-9")
	layers := ours(t, l)
	img := image(t, nil, layers...)
	unsealed := Side{Lock: testLock(t, "2.1.0", "2.36-9"), Platform: "linux/amd64"}
	sealOf(l, img, layers)
	other := testLock(t, "2.2.0", "2.36-9")
	other.Image.Env = map[string]string{"A": "c"}
	otherLayers := ours(t, other)
	sealOf(other, image(t, nil, otherLayers...), otherLayers)
	side, otherSide := Side{Lock: l, Platform: "linux/amd64"}, Side{Lock: other, Platform: "linux/amd64"}
	foreign := Side{Image: image(t, nil, layerOf(t, "COPY", item{site + "numpy-2.0.dist-info/METADATA", "", nil}, item{"etc/os-release", "ID=debian\nVERSION_ID=12\n", nil}))}
	for _, test := range []struct {
		name     string
		old, now Side
		same     bool
		meaning  string
		layers   string
	}{
		{"lock and its image", side, Side{Image: img}, true, "", "same same same same"},
		{"image and its lock", Side{Image: img}, side, true, "", "same same same same"},
		{"two equal locks", side, side, true, "", "same same same same"},
		{"sealed and not", unsealed, side, true, "", "added added added added"},
		{"two locks", side, otherSide, false, "~ numpy 2.1.0 → 2.2.0; ~ setting env A b → c", "same same changed changed"},
		{"lock and another image", otherSide, Side{Image: img}, false, "~ numpy 2.2.0 → 2.1.0; ~ setting env A c → b", "same same changed changed"},
		{"lock and foreign image", unsealed, foreign, false, "", "added"},
	} {
		r, err := Images(ctx, test.old, test.now, Options{})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		var meaning, pairs []string
		for _, c := range r.Meaning {
			meaning = append(meaning, c.String())
		}
		for _, p := range r.Layers {
			pairs = append(pairs, string(p.Match))
		}
		if test.now.Image == foreign.Image {
			meaning = nil // it is said that packages are not known; settings are told
			if len(r.Notes) == 0 {
				t.Errorf("%s: no note", test.name)
			}
		}
		if got := strings.Join(meaning, "; "); r.Same != test.same || got != test.meaning || strings.Join(pairs, " ") != test.layers {
			t.Errorf("%s: same %t, %q, %q", test.name, r.Same, got, pairs)
		}
	}
	if _, err := Images(ctx, Side{Lock: l, Platform: "linux/arm64"}, side, Options{}); diag.CodeOf(err) != diag.Usage {
		t.Error(err)
	}
}

// TestForeign compares images whose layers do not correspond as whole trees.
func TestForeign(t *testing.T) {
	status := func(version string) string {
		return "Package: libc6\nStatus: install ok installed\nVersion: " + version + "\nArchitecture: amd64\n\n"
	}
	base := func() []*testLayer {
		return []*testLayer{
			layerOf(t, "ADD base", item{"etc/", "", nil}, item{"etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n", nil}, item{dpkgStatus, status("1"), nil},
				item{"srv/", "", nil}, item{"srv/a", "a", nil}, item{"srv/b", "b", nil}, item{"srv/d/", "", nil}, item{"srv/d/e", "e", nil}),
			layerOf(t, "RUN pip", item{site + "pip-24.0.dist-info/METADATA", "", nil}, item{site + "old-1.0.dist-info/METADATA", "", nil}),
		}
	}
	more := append(base(), layerOf(t, "RUN more", item{dpkgStatus, status("2"), nil}, item{"./srv/.wh.a", "", nil}, item{"srv/b", "B", nil}, item{"srv/d/.wh..wh..opq", "", nil}, item{"srv/d/f", "f", nil},
		item{"srv/hard", "", func(h *tar.Header) { h.Typeflag, h.Linkname = tar.TypeLink, "srv/b" }},
		item{site + ".wh.old-1.0.dist-info", "", nil}, item{site + "new-3.dist-info/METADATA", "", nil}))
	r := compareImages(t, image(t, nil, base()...), image(t, nil, more...), Options{Contents: 5})
	var meaning, files []string
	for _, c := range r.Meaning {
		meaning = append(meaning, c.String())
	}
	for _, c := range r.Files.List {
		files = append(files, string(c.Kind)+" "+c.Path)
	}
	if diff := cmp.Diff([]string{"~ deb libc6:amd64 1 → 2", "+ new 3", "- old 1.0"}, meaning); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	want := []string{"+ " + site + "new-3.dist-info/METADATA", "- " + site + "old-1.0.dist-info/METADATA", "- srv/a", "~ srv/b", "- srv/d/e", "+ srv/d/f", "+ srv/hard", "~ " + dpkgStatus}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	b, hard := r.Files.List[3], r.Files.List[6]
	if b.Content == nil || b.Content.New != "B" || b.Old.Layer != 1 || b.New.Layer != 3 || !hard.New.Linked || hard.New.SHA256 != b.New.SHA256 {
		t.Errorf("%+v, %+v", b, hard.New)
	}

	// Squashed into one layer it is the same tree.
	squashed := image(t, nil, layerOf(t, "squash", item{"etc/", "", nil}, item{"etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n", nil},
		item{site + "new-3.dist-info/METADATA", "", nil}, item{site + "pip-24.0.dist-info/METADATA", "", nil},
		item{"srv/", "", nil}, item{"srv/b", "B", nil}, item{"srv/d/", "", nil}, item{"srv/d/f", "f", nil}, item{"./srv/hard", "B", nil}, item{dpkgStatus, status("2"), nil}))
	r = compareImages(t, image(t, nil, more...), squashed, Options{})
	if r.Same || len(r.Meaning) > 0 || len(r.Files.List) > 0 || r.Files.Same == 0 {
		t.Errorf("%v, %+v", r.Meaning, r.Files)
	}

	// Layers that correspond are compared one by one, and those below are not read.
	x, y := base(), base()
	x = append(x, layerOf(t, "COPY . .", item{"srv/main", "1", nil}))
	y = append(y, layerOf(t, "COPY . .", item{"srv/main", "2", nil}))
	r = compareImages(t, image(t, nil, x...), image(t, nil, y...), Options{})
	if r.Files != nil || r.Layers[2].By != "command" || r.Layers[2].Files.Changed != 1 || x[0].opened+y[0].opened > 0 || len(r.Meaning) > 0 {
		t.Errorf("%+v", r)
	}
	// Unless one of them takes something away from a layer below.
	y[2] = layerOf(t, "COPY . .", item{"srv/main", "2", nil}, item{"srv/.wh.a", "", nil})
	r = compareImages(t, image(t, nil, x...), image(t, nil, y...), Options{})
	if r.Files == nil || r.Files.Removed != 1 || x[0].opened != 1 {
		t.Errorf("%+v", r.Files)
	}

	// Dates alone.
	later := func(h *tar.Header) { h.ModTime = date.Add(time.Hour) }
	x[2], y[2] = layerOf(t, "COPY . .", item{"srv/main", "1", nil}), layerOf(t, "COPY . .", item{"srv/main", "1", later})
	created := func(c *v1.ConfigFile) { c.Created = v1.Time{Time: date} }
	r = compareImages(t, image(t, nil, x...), image(t, created, y...), Options{IgnoreTimes: true})
	if !r.Same || len(r.Meaning)+len(r.Values) > 0 || r.Layers[2].Files.Changed > 0 || len(r.Layers[2].Bytes) > 0 {
		t.Errorf("%+v", r)
	}
	stop := func(c *v1.ConfigFile) { c.Config.StopSignal = "SIGINT" }
	if r = compareImages(t, image(t, nil, x...), image(t, stop, y...), Options{IgnoreTimes: true}); r.Same || len(r.Values) != 1 {
		t.Errorf("%+v", r)
	}
	r = compareImages(t, image(t, nil, x...), image(t, created, y...), Options{Shallow: true})
	if len(r.Meaning) != 1 || r.Layers[2].Files != nil || len(r.Notes) != 1 {
		t.Errorf("%+v", r)
	}
}

// TestFar reads layers of a registry once, if they are large.
func TestFar(t *testing.T) {
	a, b := layerOf(t, "COPY", item{"a", "one", nil}), layerOf(t, "COPY", item{"a", "two", nil})
	squeezed := stored(t, "COPY", a.plain)
	squeezed.data = zip(t, a.plain, 0, nil)
	two := layerOf(t, "RUN", item{"b", "", nil})
	for _, test := range []struct {
		name   string
		layers []*testLayer
		opened int // how often a is, beyond the limit
		notes  func(*Report) []string
	}{
		{"changed", []*testLayer{b}, 1, func(r *Report) []string { return r.Layers[0].Notes }},
		{"recompressed", []*testLayer{squeezed}, 1, func(r *Report) []string { return r.Layers[0].Notes }},
		{"whole", []*testLayer{b, two}, 1, func(r *Report) []string { return r.Notes }},
	} {
		for _, far := range []bool{false, true} {
			a.opened = 0
			r, err := Images(context.Background(), Side{Image: image(t, nil, a)}, Side{Image: image(t, nil, test.layers...), Far: far}, Options{Contents: 5, FarLimit: 1})
			if err != nil {
				t.Fatal(err)
			}
			said := strings.Contains(strings.Join(test.notes(r), ";"), "was not looked for")
			if said != far || far && a.opened != test.opened || !far && a.opened <= test.opened {
				t.Errorf("%s, far %t: opened %d times, %q", test.name, far, a.opened, test.notes(r))
			}
		}
	}
}

func TestRefused(t *testing.T) {
	good := func() []*testLayer { return []*testLayer{layerOf(t, "x", item{"a", "text", nil})} }
	bad := good()
	bad[0].promised = bad[0].data
	bad[0].data = append([]byte(nil), bad[0].data...)
	bad[0].data[20] ^= 1
	bad[0].made = "y"
	other := image(t, nil, layerOf(t, "x", item{"a", "test", nil}))
	if _, err := Images(context.Background(), Side{Image: image(t, nil, bad...)}, Side{Image: other}, Options{}); diag.CodeOf(err) != diag.Mismatch {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Images(ctx, Side{Image: image(t, nil, good()...)}, Side{Image: other}, Options{}); err == nil {
		t.Error("a cancelled comparison ends well")
	}
	// A sparse file of old GNU tar that claims 8 GiB of holes, and takes nothing.
	sparse := layerOf(t, "x", item{"hole", "", func(h *tar.Header) { h.Format = tar.FormatGNU }})
	block := sparse.plain[:blockSize]
	block[156] = 'S'
	copy(block[386:], "00000000000\x0000000000000\x00")
	copy(block[483:], "77777777777\x00")
	copy(block[148:], "        ")
	sum := 0
	for _, c := range block {
		sum += int(c)
	}
	copy(block[148:], fmt.Sprintf("%06o\x00 ", sum))
	sparse.data = zip(t, sparse.plain, 6, nil)
	if _, err := Images(context.Background(), Side{Image: image(t, nil, sparse)}, Side{Image: other}, Options{}); err == nil || !strings.Contains(err.Error(), "sparse") {
		t.Error(err)
	}
	// More than may be kept of an image.
	for _, b := range []*budget{budgetOf(2, 1000), budgetOf(10, 2)} {
		s, err := newSource(layerOf(t, "x", item{"a", "", nil}, item{"b", "", nil}, item{"c", "", nil}), 1, b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.read(context.Background(), layertar.Tap{}, nil); err == nil || !strings.Contains(err.Error(), "the image has more than") {
			t.Error(err)
		}
	}
}

func TestDocuments(t *testing.T) {
	for _, test := range []struct{ name, a, b, want string }{
		{"value", `{"a":{"b c":[1,2]}}`, `{"a":{"b c":[1,3]}}`, `a["b c"][1]: 2 → 3`},
		{"absent", `{"a":null}`, `{}`, `a: null → `},
		{"empty", `{"a":""}`, `{}`, `a:  → `},
		{"kind", `{"a":"1"}`, `{"a":1}`, `a: 1 → 1`},
		{"long", `["` + strings.Repeat("x", 400) + `1"]`, `["` + strings.Repeat("x", 400) + `2"]`, `[0]: ` + strings.Repeat("x", 300) + "… → " + strings.Repeat("x", 300) + "…"},
		{"order", `{"a":1,"b":2}`, `{"b":2,"a":1}`, `: {"a":1,"b":2} → {"b":2,"a":1}`},
		{"large number", `[9007199254740993]`, `[9007199254740992]`, `[0]: 9007199254740993 → 9007199254740992`},
	} {
		list, err := Documents("config", []byte(test.a), []byte(test.b))
		if err != nil || len(list) != 1 || fmt.Sprintf("%s: %s → %s", list[0].Path, list[0].Old, list[0].New) != test.want || list[0].Form != (test.name == "order") {
			t.Errorf("%s: %+v, %v", test.name, list, err)
		}
	}
	if list, err := Documents("config", []byte("{}"), []byte("{}")); list != nil || err != nil {
		t.Error(list, err)
	}
	if _, err := Documents("config", []byte("{}"), []byte("{")); err == nil {
		t.Error("half a document is taken")
	}
}
