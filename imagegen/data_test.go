package imagegen_test

import (
	"archive/tar"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
)

// datum adds a data file to the lock.
func (w *world) datum(to, content string, executable bool) string {
	sum := hash([]byte(content))
	w.files[sum] = []byte(content)
	w.lock.Data = append(w.lock.Data, lockfile.DataFile{
		To: to, URL: "https://models.example" + to, SHA256: sum, Size: int64(len(content)), Executable: executable, Targets: []string{amd64, arm64},
	})
	w.lock.Normalize()
	return sum
}

// headersOf lists the entries of a layer.
func headersOf(t *testing.T, l imagegen.Layer) []string {
	t.Helper()
	r, err := l.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var list []string
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("%s %o %d:%d %d", h.Name, h.Mode, h.Uid, h.Gid, h.Size))
	}
}

// bigText is more than a stored block holds, and ends within one.
var bigText = strings.Repeat("weights ", 20_000)

func TestDataLayers(t *testing.T) {
	w, st := newWorld(), openStore(t)
	w.wheel("aaa", "1.0", files("a.py", "a"))
	w.datum("/app/models/m.bin", bigText, false)
	w.datum("/home/app/.cache/hub/m.bin", "small", false)
	w.datum("/srv/tool", "", true)
	image := w.build(t, st, nil)
	want := []string{"base", "environment", binOf("aaa"), "file /app/models/m.bin", "file /home/app/.cache/hub/m.bin", "file /srv/tool", "lock"}
	if diff := cmp.Diff(want, names(image)); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string][]string{
		"file /app/models/m.bin": {"app/ 755 0:0 0", "app/models/ 755 0:0 0", "app/models/m.bin 644 0:0 160000"},
		"file /home/app/.cache/hub/m.bin": {
			"home/ 755 0:0 0", "home/app/ 775 1000:0 0", "home/app/.cache/ 775 1000:0 0", "home/app/.cache/hub/ 775 1000:0 0", "home/app/.cache/hub/m.bin 644 0:0 5",
		},
		"file /srv/tool": {"srv/ 755 0:0 0", "srv/tool 755 0:0 0"},
	} {
		l := layerOf(t, image, name)
		if diff := cmp.Diff(want, headersOf(t, l)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if l.Kind != imagegen.BlobFormat {
			t.Errorf("%s is of the kind %s", name, l.Kind)
		}
	}
	// These bytes never change.
	if got := layerOf(t, image, "file /app/models/m.bin"); got.Digest != goldenData || got.Size != 160170 {
		t.Errorf("the layer is %s of %d bytes", got.Digest, got.Size)
	}
	got := contents(t, image.Layers...)
	if got["app/models/m.bin"] != bigText || got["home/app/.cache/hub/m.bin"] != "small" {
		t.Error("the contents are others")
	}
	if strings.Contains(got["opt/env/envpack.lock"], "hashed") || !strings.Contains(got["opt/env/envpack.lock"], "[[file]]") {
		t.Error(got["opt/env/envpack.lock"])
	}
	// The layer is not kept, but made of the file; one that the store lost is brought again.
	asked := len(w.asked)
	if again := w.build(t, st, nil); again.Digest != image.Digest || len(w.asked) != asked {
		t.Errorf("again: %s, asked for %q", again.Digest, w.asked[asked:])
	}
	if err := st.Remove(w.lock.Data[0].SHA256); err != nil {
		t.Fatal(err)
	}
	again := w.build(t, st, nil)
	if contents(t, again.Layers...)["app/models/m.bin"] != bigText || len(w.asked) != asked+1 {
		t.Error("the file was not brought again")
	}
	// A damaged one is noticed before a layer is made of it.
	damage(t, st, w.lock.Data[0].SHA256)
	st, err := store.Open(t.Context(), st.Dir()) // as another command does
	if err != nil {
		t.Fatal(err)
	}
	plan := w.plan(t, nil)
	plan.Anew = []string{"file /app/models/m.bin"}
	if made, err := w.builder(st).Build(t.Context(), plan); err != nil || made.Digest != image.Digest {
		t.Errorf("of a damaged file: %v", err)
	}
	// Another place, mode or user is another layer, of other inputs.
	inputs := map[string]bool{}
	for _, f := range []lockfile.DataFile{{To: "/a"}, {To: "/b"}, {To: "/a", Executable: true}, {To: "/home/app/a"}} {
		f.SHA256, f.Size, f.Targets = w.lock.Data[0].SHA256, w.lock.Data[0].Size, []string{amd64}
		w.lock.Data = []lockfile.DataFile{f}
		l := layerOf(t, w.build(t, st, nil), "file "+f.To)
		if inputs[l.Inputs] || inputs[l.Digest] {
			t.Errorf("%v: the same as another", f)
		}
		inputs[l.Inputs], inputs[l.Digest] = true, true
	}
}

// goldenData is what testdata/oracle/rebuild.py makes of docs/format.md, too.
const goldenData = "sha256:d49bb7974ddda71670d905b93891082cf270c77d7d7f867a6825a5cd47d95249"

// TestTooManyData has more files than engines mount layers.
func TestTooManyData(t *testing.T) {
	w, st := newWorld(), openStore(t)
	for i := range 122 {
		w.datum(fmt.Sprintf("/data/%03d", i), fmt.Sprint(i), false)
	}
	if image := w.build(t, st, nil); len(image.Layers) != 125 {
		t.Errorf("%d layers", len(image.Layers))
	}
	w.datum("/data/more", "more", false)
	_, err := w.builder(st).Build(t.Context(), w.plan(t, nil))
	if diag.CodeOf(err) != diag.Manifest || !strings.Contains(strings.Join(diag.HintsOf(err), ""), "123 of them are files of [[file]]") {
		t.Errorf("%v, hints %q", err, diag.HintsOf(err))
	}
}

// TestDataOnBase has data files on a base and packages that have something where they are to lie.
func TestDataOnBase(t *testing.T) {
	w, st := newWorld(), openStore(t)
	w.deb("tool", "1", "all", testenv.DebOptions{
		Files: map[string]string{"opt/tool/bin/x": "x"}, Links: map[string]string{"opt/tool/link": "bin"},
	}, amd64)
	w.deb("more", "1", "all", testenv.DebOptions{Files: map[string]string{"opt/more/z": "z"}}, amd64)
	w.lock.Base.Debs[len(w.lock.Base.Debs)-1].System = true
	if _, err := w.builder(st).Build(t.Context(), w.plan(t, nil)); err != nil { // from here on, the store knows the layers below
		t.Fatal(err)
	}
	for to, want := range map[string]string{
		"/srv":                "/srv cannot lie in the image: /srv is a folder in the layer base, which is of debian:12",
		"/opt/tool":           "/opt/tool is a folder in the layer base",
		"/opt/tool/bin":       "/opt/tool/bin is a folder in the layer base",
		"/opt/tool/bin/x":     "", // is replaced
		"/opt/tool/bin/x/y":   "/opt/tool/bin/x is a file in the layer base",
		"/opt/tool/link/y":    "/opt/tool/link is a link to bin in the layer base",
		"/opt/tool/link":      "/opt/tool/link is a link to bin in the layer base",
		"/opt/tool/new":       "",
		"/opt/more":           "/opt/more is a folder in the layer system",
		"/opt/more/y":         "",
		"/opt/more/z/y":       "/opt/more/z is a file in the layer system",
		"/home/app/.cache":    "/home/app/.cache is a folder in the layer base",
		"/home/app/.cache/hf": "",
		"/data/model":         "",
	} {
		w.lock.Data = nil
		w.datum(to, "content", false)
		for range 2 { // what was found right is remembered
			_, err := w.builder(st).Build(t.Context(), w.plan(t, nil))
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || diag.CodeOf(err) != diag.Manifest) {
				t.Errorf("%s: %v, want %q", to, err, want)
			}
		}
	}
}

// TestDataOfOtherSize has a lock that says another size than the file has.
func TestDataOfOtherSize(t *testing.T) {
	w := newWorld()
	w.datum("/a", "content", false)
	w.lock.Data[0].Size++
	if _, err := w.builder(openStore(t)).Build(t.Context(), w.plan(t, nil)); diag.CodeOf(err) != diag.Mismatch {
		t.Errorf("error %v", err)
	}
}

// TestDataRebuilt makes an image again of which one data file cannot be had.
func TestDataRebuilt(t *testing.T) {
	w, st := newWorld(), openStore(t)
	lost := w.datum("/data/lost.bin", "lost", false)
	w.datum("/data/there.bin", "there", false)
	image := w.build(t, st, nil)
	plan := w.plan(t, nil)
	if n := plan.Needs(); len(n.Data) != 2 {
		t.Errorf("needs %v", n.Data)
	}
	lacking := map[string]error{lost: diag.New(diag.Fetch, "gone")}
	r, err := w.builder(st).Rebuild(t.Context(), plan, lacking, func(at, of int) (imagegen.Layer, bool) { return image.Layers[at], true })
	if err != nil || r.Image == nil || r.Image.Digest != image.Digest || r.Whole() {
		t.Fatalf("%v, %v", r, err)
	}
	i := slices.IndexFunc(r.Parts, func(p imagegen.Part) bool { return p.Err != nil })
	if r.Parts[i].Name != "file /data/lost.bin" || r.Parts[i].Kind != imagegen.BlobFormat {
		t.Errorf("%v", r.Parts[i])
	}
}
