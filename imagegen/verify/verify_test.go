package verify_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/imagegen/verify"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/testenv"
)

func digest(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

func blob(dir, digest string) string {
	return filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(digest, "sha256:"))
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

type descriptor struct {
	Digest string
	Size   int
}

// documents are the digests of what is in a layout.
func documents(t *testing.T, dir string) (manifest, config string, layers []descriptor) {
	t.Helper()
	var top struct{ Manifests []descriptor }
	if err := json.Unmarshal(read(t, filepath.Join(dir, "index.json")), &top); err != nil {
		t.Fatal(err)
	}
	var m struct {
		Config descriptor
		Layers []descriptor
	}
	if err := json.Unmarshal(read(t, blob(dir, top.Manifests[0].Digest)), &m); err != nil {
		t.Fatal(err)
	}
	return top.Manifests[0].Digest, m.Config.Digest, m.Layers
}

// offsets are places all over a file: its ends, a gzip header and trailer, and between.
func offsets(size int) []int {
	var list []int
	step := max(1, size/13)
	for at := 0; at < size; at++ {
		if at < 11 || at >= size-9 || at%step == 0 {
			list = append(list, at)
		}
	}
	return list
}

func TestSame(t *testing.T) {
	w := newWorld(t)
	v := begin(t, w.layout(), verify.Options{})
	lock, err := v.Lock(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if text, err := lock.Projection(amd64); err != nil || len(text) == 0 {
		t.Error(err)
	}
	spool, err := w.store.TempFile()
	if err != nil {
		t.Fatal(err)
	}
	defer spool.Close()
	tree, err := v.Project(context.Background(), lock, spool)
	if err != nil || tree.Hash() != w.tree.Hash() {
		t.Errorf("the project's files are others: %v", err)
	}
	_, rebuilt := w.rebuild(v, nil)
	r := compare(t, v, rebuilt)
	if !r.Verified || len(r.Checks) != 4 {
		t.Errorf("%+v", r)
	}
	for _, l := range r.Layers {
		if l.State != verify.Same {
			t.Errorf("layer %d is %s", l.Number, l.State)
		}
	}
}

// TestRemembered holds that what the store remembers of a layer is not believed.
func TestRemembered(t *testing.T) {
	w := newWorld(t)
	image, err := w.builder().Build(context.Background(), w.plan(w.lock))
	if err != nil {
		t.Fatal(err)
	}
	dir := w.write(image.Image)
	wrong, _ := w.store.Memo("layer", image.Layers[0].Inputs)
	for _, l := range image.Layers {
		if err := w.store.PutMemo("layer", l.Inputs, wrong); err != nil {
			t.Fatal(err)
		}
	}
	again, err := w.builder().Build(context.Background(), w.plan(w.lock))
	if err != nil || again.Digest == image.Digest {
		t.Fatalf("the store does not remember wrongly: %v", err)
	}
	v := begin(t, dir, verify.Options{})
	_, rebuilt := w.rebuild(v, nil)
	if r := compare(t, v, rebuilt); !r.Verified {
		t.Errorf("%+v", r.Findings)
	}
}

// TestFlips changes a byte here and there of every blob: each is found, and named with its document or layer and its
// place.
func TestFlips(t *testing.T) {
	w := newWorld(t)
	dir := w.layout()
	manifest, config, layers := documents(t, dir)
	_, rebuilt := w.rebuild(begin(t, dir, verify.Options{}), nil)
	for kind, d := range map[string]string{"the manifest": manifest, "the config": config} {
		file := blob(dir, d)
		whole := read(t, file)
		for _, at := range offsets(len(whole)) {
			bad := bytes.Clone(whole)
			bad[at] ^= 1 << (at % 8)
			write(t, file, bad)
			r := compare(t, begin(t, dir, verify.Options{}), rebuilt)
			if len(r.Findings) != 1 || r.Findings[0].Document != kind || r.Findings[0].Byte == nil || r.Findings[0].Byte.Offset != int64(at) {
				t.Errorf("%s, byte %d: %+v", kind, at, r.Findings)
			}
		}
		write(t, file, whole)
	}
	for i, l := range layers {
		file := blob(dir, l.Digest)
		whole := read(t, file)
		for _, at := range offsets(len(whole)) {
			bad := bytes.Clone(whole)
			bad[at] ^= 1 << (at % 8)
			if at%16 == 5 && len(bad) < 1000 {
				bad[at] = ^bad[at] ^ 6 // which takes longer to find where there is nothing to compare with
			}
			write(t, file, bad)
			for name, known := range map[string]*imagegen.Rebuilt{"": rebuilt, " of an image without a lock": nil} {
				if known == nil && at%3 > 0 {
					continue
				}
				v := begin(t, dir, verify.Options{})
				var r *verify.Report
				if known != nil {
					r = compare(t, v, known)
				} else {
					if err := v.Digests(context.Background(), nil); err != nil {
						t.Fatal(err)
					}
					r = v.Report
					r.Finish()
				}
				if len(r.Findings) != 1 || r.Verified || r.Findings[0].Layer != i+1 || r.Findings[0].Byte == nil || r.Findings[0].Byte.Offset != int64(at) {
					t.Errorf("layer %d%s, byte %d: %+v", i+1, name, at, r.Findings)
				}
			}
		}
		write(t, file, whole)
	}
	if r := compare(t, begin(t, dir, verify.Options{}), rebuilt); !r.Verified {
		t.Errorf("the image is not as it was: %+v", r.Findings)
	}
}

// change makes a layout with another tar in place of a layer, and digests that fit; media is of the layer, "": the same.
func change(t *testing.T, dir string, layer int, store func([]byte) []byte, edit func(*tar.Header, []byte) ([]byte, bool)) string {
	t.Helper()
	manifest, config, layers := documents(t, dir)
	old := read(t, blob(dir, layers[layer].Digest))
	plain := unzip(t, old)
	changed := plain
	if edit != nil {
		changed = rewrite(t, plain, edit)
	}
	stored := store(changed)
	m, c, top := string(read(t, blob(dir, manifest))), string(read(t, blob(dir, config))), string(read(t, filepath.Join(dir, "index.json")))
	c = strings.Replace(c, digest(plain), digest(changed), 1)
	swap := func(text, was string, wasSize int, is []byte) string {
		return strings.Replace(text, fmt.Sprintf(`"digest":"%s","size":%d`, was, wasSize), fmt.Sprintf(`"digest":"%s","size":%d`, digest(is), len(is)), 1)
	}
	m = swap(m, layers[layer].Digest, len(old), stored)
	m = swap(m, config, len(read(t, blob(dir, config))), []byte(c))
	top = swap(top, manifest, len(read(t, blob(dir, manifest))), []byte(m))
	now := filepath.Join(t.TempDir(), "changed")
	if err := os.CopyFS(now, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for _, data := range [][]byte{stored, []byte(m), []byte(c)} {
		write(t, blob(now, digest(data)), data)
	}
	write(t, filepath.Join(now, "index.json"), []byte(top))
	return now
}

func unzip(t *testing.T, data []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func zip(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	z.Close()
	return b.Bytes()
}

// rewrite edits a tar; an entry for which edit gives false is left out.
func rewrite(t *testing.T, data []byte, edit func(*tar.Header, []byte) ([]byte, bool)) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	r := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		content, keep := edit(h, content)
		if !keep {
			continue
		}
		h.Size = int64(len(content))
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// place finds the layer of a name.
func place(t *testing.T, v *verify.Verification, name string) int {
	t.Helper()
	for i, l := range v.Report.Layers {
		if l.Contents == name {
			return i
		}
	}
	t.Fatalf("no layer %s", name)
	return 0
}

func deeply(t *testing.T, w *world, dir string, lacking map[string]error) *verify.Report {
	t.Helper()
	v := begin(t, dir, verify.Options{Deep: true, Contents: 5})
	plan, rebuilt := w.rebuild(v, lacking)
	r := compare(t, v, rebuilt)
	if err := v.Deeply(context.Background(), plan, rebuilt, w.store, lacking); err != nil {
		t.Fatal(err)
	}
	r.Finish()
	return r
}

// TestTampered changes files in images whose digests are right.
func TestTampered(t *testing.T) {
	w := newWorld(t)
	dir := w.layout()
	names := begin(t, dir, verify.Options{})
	for _, test := range []struct {
		name, layer, path string
		edit              func(*tar.Header, []byte) ([]byte, bool)
		deep              string
	}{
		{"content of a wheel", "alpha 1.0", site + "alpha/__init__.py", func(_ *tar.Header, b []byte) ([]byte, bool) { return append(b, "evil()\n"...), true }, "has the SHA-256"},
		{"mode of a wheel", "alpha 1.0", site + "alpha/__init__.py", func(h *tar.Header, b []byte) ([]byte, bool) { h.Mode = 0o666; return b, true }, "has the mode 0666, and 0644 by alpha"},
		{"owner of a wheel", "alpha 1.0", site + "alpha/__init__.py", func(h *tar.Header, b []byte) ([]byte, bool) { h.Uid = 1000; return b, true }, "belongs to 1000:0"},
		{"a file that is missing", "alpha 1.0", site + "alpha/__init__.py", func(h *tar.Header, b []byte) ([]byte, bool) { return b, false }, "is missing"},
		{"INSTALLER", "alpha 1.0", site + "alpha-1.0.dist-info/INSTALLER", func(_ *tar.Header, b []byte) ([]byte, bool) { return []byte("pip\n"), true }, "has the SHA-256"},
		{"a packaged file", "base", "usr/bin/getent", func(_ *tar.Header, b []byte) ([]byte, bool) { return []byte("other"), true }, "is not as the package libc-bin has it, nor as the rules of the base's format make it: content"},
		{"setuid", "base", "usr/bin/getent", func(h *tar.Header, b []byte) ([]byte, bool) { h.Mode |= 0o4000; return b, true }, "libc-bin has it, nor as the rules of the base's format make it: mode"},
		{"a file of a rule", "base", "etc/passwd", func(_ *tar.Header, b []byte) ([]byte, bool) { return append(b, "evil:x:0:0::/:/bin/sh\n"...), true }, ""},
		{"the project", "project", "app/main.py", func(h *tar.Header, b []byte) ([]byte, bool) { h.Uid = 7; return b, true }, ""},
	} {
		done := 0
		changed := change(t, dir, place(t, names, test.layer), zip, func(h *tar.Header, b []byte) ([]byte, bool) {
			if h.Name == test.path {
				done++
				return test.edit(h, b)
			}
			return b, true
		})
		if done != 1 {
			t.Fatalf("%s: no %s", test.name, test.path)
		}
		r := deeply(t, w, changed, nil)
		var layer, file bool
		for _, f := range r.Findings {
			if f.Check == "layers" && f.Name == test.layer && f.Path == test.path && f.Pair != nil {
				layer = true
			}
			if f.Check == "files" && f.Path == test.path && test.deep != "" && strings.Contains(f.Text, test.deep) {
				file = true
			}
		}
		if r.Verified || !layer || file != (test.deep != "") {
			t.Errorf("%s: %+v", test.name, r.Findings)
		}
		for _, c := range r.Checks {
			if (c.Name == "config" || c.Name == "manifest") && c.Status != verify.Differs {
				t.Errorf("%s: the %s is %s", test.name, c.Name, c.Status)
			}
		}
	}
}

// TestRecompressed holds that another way to store the same tars is told, and no difference.
func TestRecompressed(t *testing.T) {
	w := newWorld(t)
	dir := w.layout()
	at := place(t, begin(t, dir, verify.Options{}), "alpha 1.0")
	for name, store := range map[string]func([]byte) []byte{"gzip": zip, "tar": func(b []byte) []byte { return b }} {
		r := deeply(t, w, change(t, dir, at, store, nil), nil)
		if !r.Verified || r.Layers[at].State != verify.Recompressed {
			t.Errorf("%s: %+v", name, r)
		}
		for _, c := range r.Checks {
			if c.Name == "manifest" && !strings.Contains(c.Text, "another tool") {
				t.Errorf("%s: %s", name, c.Text)
			}
		}
	}
}

// TestRewritten holds that of an image which another tool stored otherwise, the manifest may differ in what follows from that,
// and in nothing else.
func TestRewritten(t *testing.T) {
	w := newWorld(t)
	dir := w.layout()
	at := place(t, begin(t, dir, verify.Options{}), "alpha 1.0")
	_, _, layers := documents(t, dir)
	stored := read(t, blob(dir, layers[at].Digest))
	const date = `"org.opencontainers.image.created":"`
	docker := strings.NewReplacer(
		"application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json",
		"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json",
		"application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.docker.image.rootfs.diff.tar.gzip",
	)
	lose := regexp.MustCompile(`,"annotations":{[^}]*}`)
	indented := func(text string) string {
		var b bytes.Buffer
		if err := json.Indent(&b, []byte(text), "", "   "); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for _, test := range []struct {
		name string
		edit func(string) string
		path string // of the value that differs; "": all is right
	}{
		{"as a tool does", func(m string) string { return m }, ""},
		{"indented", indented, ""},
		{"Docker's form", func(m string) string { return indented(lose.ReplaceAllString(docker.Replace(m), "")) }, ""},
		{"from Docker's form", func(m string) string { return lose.ReplaceAllString(m, "") }, ""},
		{"another date", func(m string) string { return strings.Replace(m, date+"2026", date+"2027", 1) }, `annotations["org.opencontainers.image.created"]`},
		{"another annotation", func(m string) string { return strings.Replace(m, date, `"a":"b",`+date, 1) }, "annotations.a"},
		{"a subject", func(m string) string {
			return strings.Replace(m, `"layers":`, `"subject":{"mediaType":"application/json","digest":"sha256:`+strings.Repeat("0", 64)+`","size":2},"layers":`, 1)
		}, "subject"},
		{"another place of a layer", func(m string) string {
			return strings.Replace(m, `"layers":[{`, `"layers":[{"urls":["https://files.example/layer"],`, 1)
		}, "layers[0].urls"},
		{"a layer that registries do not hold", func(m string) string {
			return strings.Replace(m, "layer.v1.tar+gzip", "layer.nondistributable.v1.tar+gzip", 1)
		}, "layers[0].mediaType"},
		{"two lists of layers", func(m string) string { return strings.Replace(m, `"layers":[`, `"layers":[],"layers":[`, 1) }, "layers"},
		{"bytes behind it", func(m string) string { return m + "{}" }, "the end"},
		{"two sizes", func(m string) string { return strings.Replace(m, `"layers":[{`, `"layers":[{"size":1,`, 1) }, "layers.size"},
	} {
		for how, store := range map[string]func([]byte) []byte{"": zip, ", with the same layers": func([]byte) []byte { return stored }} {
			r := deeply(t, w, manifestOf(t, change(t, dir, at, store, nil), test.edit), nil)
			var paths []string
			for _, f := range r.Findings {
				for _, v := range f.Values {
					paths = append(paths, v.Path)
				}
			}
			if got := strings.Join(paths, " "); got != test.path || r.Verified != (test.path == "") {
				t.Errorf("%s%s: %q differs, not %q: %+v", test.name, how, got, test.path, r.Findings)
			}
		}
	}
}

// manifestOf makes a layout with an edited manifest, and an index.json that fits.
func manifestOf(t *testing.T, dir string, edit func(string) string) string {
	t.Helper()
	was, _, _ := documents(t, dir)
	old, top := read(t, blob(dir, was)), string(read(t, filepath.Join(dir, "index.json")))
	is := []byte(edit(string(old)))
	describe := func(data []byte) string { return fmt.Sprintf(`"digest":"%s","size":%d`, digest(data), len(data)) }
	top = strings.Replace(top, describe(old), describe(is), 1)
	var m struct{ MediaType string }
	if err := json.NewDecoder(bytes.NewReader(is)).Decode(&m); err != nil {
		t.Fatal(err)
	}
	top = strings.Replace(top, "application/vnd.oci.image.manifest.v1+json", m.MediaType, 1)
	write(t, blob(dir, digest(is)), is)
	write(t, filepath.Join(dir, "index.json"), []byte(top))
	return dir
}

// TestSettings changes the config alone.
func TestSettings(t *testing.T) {
	w := newWorld(t)
	v := begin(t, w.layout(), verify.Options{})
	w.lock.Image.Command = []string{"python", "other.py"}
	_, rebuilt := w.rebuild(v, nil)
	r := compare(t, v, rebuilt)
	found := false
	for _, f := range r.Findings {
		found = found || f.Document == "config" && len(f.Values) == 1 && f.Values[0].Path == "config.Cmd[1]" && f.Values[0].Old == "other.py"
	}
	if r.Verified || !found {
		t.Errorf("%+v", r.Findings)
	}
}

// TestOtherLayers compares an image with a lock that makes more layers.
func TestOtherLayers(t *testing.T) {
	w := newWorld(t)
	v := begin(t, w.layout(), verify.Options{})
	w.wheel("gamma", "1.0", testenv.WheelOptions{})
	w.lock.Normalize()
	_, rebuilt := w.rebuild(v, nil)
	r := compare(t, v, rebuilt)
	if r.Verified || r.Difference == nil || r.Difference.Same {
		t.Errorf("%+v", r)
	}
}

// TestLacking holds that what cannot be had is told, and all else checked.
func TestLacking(t *testing.T) {
	w := newWorld(t)
	dir := w.layout()
	for _, test := range []struct {
		name    string
		gone    string
		layer   string
		checked []string
	}{
		{"a wheel", w.lock.Packages[0].Files[0].SHA256, "alpha 1.0", []string{"base", "project"}},
		{"a package", w.lock.Base.Debs[0].SHA256, "base", []string{"alpha 1.0", "project", "lock"}},
	} {
		lacking := map[string]error{test.gone: errors.New("nobody has it any more")}
		r := deeply(t, w, dir, lacking)
		if r.Verified || len(r.Findings) > 0 {
			t.Errorf("%s: %+v", test.name, r.Findings)
		}
		var layer, files bool
		for _, g := range r.Unchecked {
			layer = layer || g.Check == "layers" && r.Layers[g.Layer-1].Contents == test.layer && strings.Contains(g.Why, "nobody has it any more")
			files = files || g.Check == "files" && strings.Contains(g.Why, "nobody has it any more")
		}
		if !layer || !files {
			t.Errorf("%s: %+v", test.name, r.Unchecked)
		}
		for _, l := range r.Layers {
			for _, name := range test.checked {
				if l.Contents == name && l.State != verify.Same {
					t.Errorf("%s: layer %s is %s", test.name, name, l.State)
				}
			}
		}
	}
}

// TestUnreadable has a wheel and a package that cannot be read any more when their files are to be compared: the others' are.
func TestUnreadable(t *testing.T) {
	w := newWorld(t)
	dir := w.layout()
	v := begin(t, dir, verify.Options{Deep: true})
	plan, rebuilt := w.rebuild(v, nil)
	compare(t, v, rebuilt)
	for _, sum := range []string{w.lock.Packages[1].Files[0].SHA256, w.lock.Base.Debs[2].SHA256} {
		file := filepath.Join(w.store.Dir(), "blobs", "sha256", sum[:2], sum)
		write(t, file, read(t, file)[:200])
	}
	st, err := store.Open(t.Context(), w.store.Dir())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if err := v.Deeply(t.Context(), plan, rebuilt, st, nil); err != nil {
		t.Fatal(err)
	}
	var what []string
	for _, g := range v.Report.Unchecked {
		if g.Check == "files" && strings.Contains(g.Why, "it cannot be read: ") {
			what = append(what, g.What)
		}
	}
	slices.Sort(what)
	deb := w.lock.Base.Debs[2]
	if diff := cmp.Diff([]string{"files of beta-2.0-py3-none-any.whl", "files of the package " + deb.Name + " " + deb.Version}, what); diff != "" {
		t.Error(diff)
	}
	if f := v.Report.Files; f.Wheels != 1 || f.Debs != 2 || f.Wheel == 0 || f.Deb == 0 || len(v.Report.Findings) > 0 {
		t.Errorf("%+v, %+v", f, v.Report.Findings)
	}
}

// TestDeep counts files, and names what rules and wrong RECORD files do.
func TestDeep(t *testing.T) {
	w := newWorld(t)
	w.wheel("wrong", "1.0", testenv.WheelOptions{
		Files:   map[string]string{"wrong/__init__.py": "x = 1\n", "wrong/bin.py": "y = 1\n"},
		Scripts: map[string]string{"tool": "#!python\nprint(1)\n"}, EntryPoints: "[console_scripts]\nwrong = wrong:main\n",
		Record: func(text string) string { return strings.Replace(text, "sha256=", "sha256=A", 1) },
	})
	w.wheel("false", "1.0", testenv.WheelOptions{Record: func(text string) string {
		i := strings.Index(text, "sha256=") + len("sha256=")
		c := byte('A')
		if text[i] == c {
			c = 'B'
		}
		return text[:i] + string(c) + text[i+1:]
	}})
	w.deb("odd", "1.0", testenv.DebOptions{
		Files:     map[string]string{"usr/share/odd/a": "a", "usr/share/odd/later": "x"},
		Hardlinks: map[string]string{"usr/share/odd/b": "usr/share/odd/a"},
		Links:     map[string]string{"usr/share/odd/c": "a"},
		Members:   map[string]string{"postinst": "#!/bin/sh\nset -e\nchmod 0640 /usr/share/odd/later\n"},
	})
	w.lock.Normalize()
	r := deeply(t, w, w.layout(), nil)
	if !r.Verified {
		t.Fatalf("%+v, %+v", r.Findings, r.Unchecked)
	}
	f := r.Files
	if f.Wheels != 4 || f.Debs != 4 || f.Deviating != 1 || len(f.Deviations) != 2 {
		t.Errorf("%+v", f)
	}
	var ruled bool
	for _, x := range f.Rules {
		ruled = ruled || x.Path == "usr/share/odd/later" && x.Package == "odd" && x.Rule == "packages' scripts" && len(x.What) == 1 && x.What[0] == "mode"
	}
	if !ruled || f.Made["accounts"] == 0 || f.Made["dpkg's database"] == 0 {
		t.Errorf("%+v, %+v", f.Rules, f.Made)
	}
}

func TestForeign(t *testing.T) {
	image := testenv.NewImage(testenv.ImageOptions{Python: "3.11.2"})
	dir := filepath.Join(t.TempDir(), "image")
	if err := image.WriteLayout(dir); err != nil {
		t.Fatal(err)
	}
	v := begin(t, dir, verify.Options{})
	if v.Made() {
		t.Error("envpack made it")
	}
	if _, err := v.Lock(context.Background()); err == nil {
		t.Error("it has a lock")
	}
	if err := v.Digests(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	if v.Report.Finish(); !v.Report.Verified {
		t.Errorf("%+v", v.Report)
	}
}

// TestShared holds that a layer which comes out otherwise, since a wheel that shares a file with its own cannot be had, is
// not called wrong.
func TestShared(t *testing.T) {
	w := newWorld(t)
	shared := map[string]string{"ns/__init__.py": "# shared\n"}
	w.wheel("first", "1.0", testenv.WheelOptions{Files: shared})
	w.wheel("second", "1.0", testenv.WheelOptions{Files: shared})
	w.lock.Normalize()
	dir := w.layout()
	if r := deeply(t, w, dir, nil); !r.Verified {
		t.Fatalf("%+v, %+v", r.Findings, r.Unchecked)
	}
	var gone string
	for _, p := range w.lock.Packages {
		if p.Name == "first" {
			gone = p.Files[0].SHA256
		}
	}
	r := deeply(t, w, dir, map[string]error{gone: errors.New("nobody has it any more")})
	unsure := false
	for _, g := range r.Unchecked {
		unsure = unsure || strings.Contains(g.Why, "which may be for wheels that could not be had")
	}
	if r.Verified || len(r.Findings) > 0 || !unsure {
		t.Errorf("%+v, %+v", r.Findings, r.Unchecked)
	}
}
