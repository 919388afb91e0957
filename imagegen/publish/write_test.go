package publish

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/envpack/envpack/internal/diag"
)

func TestParseOutput(t *testing.T) {
	for s, want := range map[string]Output{
		"oci:out": {Layout, "out"}, "oci-archive:a/b.tar": {LayoutArchive, "a/b.tar"}, `docker-archive:C:\x.tar`: {DockerArchive, `C:\x.tar`}, "oci-archive:-": {LayoutArchive, "-"}, "oci:at 12:00/out": {Layout, "at 12:00/out"},
	} {
		got, err := ParseOutput(s)
		if err != nil || got != want || got.String() != s {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for s, want := range map[string]string{
		"out": "does not say in which form", "tar:x": `there is no form "tar"`, "oci:": "has no path", "oci:-": "standard output cannot hold", "-": "does not say in which form",
		"docker-daemon": "does not say in which form", "": "does not say",
	} {
		_, err := ParseOutput(s)
		if err == nil || !strings.Contains(err.Error(), want) || diag.CodeOf(err) != diag.Usage || !strings.Contains(strings.Join(diag.HintsOf(err), ""), "oci-archive:FILE") {
			t.Errorf("%s: %v", s, err)
		}
	}
}

// TestNames: other tools write an image's name behind the path, and a device's name for standard output.
func TestNames(t *testing.T) {
	for s, hint := range map[string]string{
		"oci:a:tag": "-o oci:a --tag …:tag", "oci-archive:x/a.tar:team/a:v1": "-o oci-archive:x/a.tar:team/a --tag …:v1", `docker-archive:C:\x.tar:v1`: `-o docker-archive:C:\x.tar --tag …:v1`,
	} {
		_, err := ParseOutput(s)
		if diag.CodeOf(err) != diag.Usage || !strings.Contains(strings.Join(diag.HintsOf(err), ""), hint) {
			t.Errorf("%s: %v %q", s, err, diag.HintsOf(err))
		}
	}
	if out, err := ParseOutput("docker-archive:/dev/stdout"); err != nil || !out.IsStdout() || !out.Passes() {
		t.Error(out, err)
	}
}

func TestCheckApart(t *testing.T) {
	t.Chdir(t.TempDir())
	for text, good := range map[string]bool{
		"oci:a oci:b": true, "oci:a oci-archive:a.tar": true, "oci-archive:- docker-archive:x": true,
		"oci:a oci:a": false, "oci:a oci:./a/": false, "oci-archive:x docker-archive:y/../x": false, "oci:a oci-archive:a/b.tar": false,
		"oci:a/b/c oci:a": false, "oci-archive:- docker-archive:-": false,
	} {
		var outputs []Output
		for _, s := range strings.Fields(text) {
			out, err := ParseOutput(s)
			if err != nil {
				t.Fatal(err)
			}
			outputs = append(outputs, out)
		}
		if err := CheckApart(outputs); (err == nil) != good || err != nil && diag.CodeOf(err) != diag.Usage {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestParseReference(t *testing.T) {
	for s, want := range map[string]string{
		"digits": "digits:latest", "registry.example/team/digits:v1": "registry.example/team/digits:v1", "localhost:5000/x": "localhost:5000/x:latest",
	} {
		if got := reference(t, s).String(); got != want {
			t.Errorf("%s: %s", s, got)
		}
	}
	for _, s := range []string{"", "UPPER/x", "a b", "x:", "x:ü", "x@sha256:" + strings.Repeat("0", 64), "registry.example/team/digits:" + strings.Repeat("v", 200)} {
		if _, err := ParseReference(s); diag.CodeOf(err) != diag.Usage {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestLayout(t *testing.T) {
	img, layers := sample(t, "linux/amd64")
	a := artifact(t, img)
	dir := filepath.Join(t.TempDir(), "new", "out")
	var done, total int64
	if err := write(t, "oci:"+dir, a, Options{Reference: reference(t, "registry.example/x:v1"), Progress: func(d, n int64) { done, total = d, n }}); err != nil {
		t.Fatal(err)
	}
	if done != total || total == 0 {
		t.Errorf("progress ended at %d of %d", done, total)
	}
	d, _ := img.Image.Digest()
	if a.Digest() != d.String() {
		t.Errorf("the artifact's digest is %s, the image's %s", a.Digest(), d)
	}
	size, _ := img.Image.Size()
	want := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":%d,"annotations":{"org.opencontainers.image.ref.name":"v1"}}]}`, d, size)
	if got := read(t, filepath.Join(dir, "index.json")); got != want {
		t.Error(cmp.Diff(want, got))
	}
	valid(t, dir)
	big := filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(layers[1].digest, "sha256:"))
	if runtime.GOOS != "windows" {
		if info, _ := os.Stat(big); info.Mode().Perm()&0o444 != 0o444&^umask(t) {
			t.Errorf("a blob's mode is %o", info.Mode().Perm())
		}
	}

	// Again: nothing is opened that is there, and what was damaged is mended.
	if err := os.WriteFile(big, bytes.Repeat([]byte("x"), len(layers[1].data)), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		l.opened.Store(0)
	}
	if err := write(t, "oci:"+dir, a, Options{}); err != nil {
		t.Fatal(err)
	}
	if layers[0].opened.Load() != 0 || layers[1].opened.Load() != 1 {
		t.Errorf("layers were opened %d and %d times", layers[0].opened.Load(), layers[1].opened.Load())
	}
	if strings.Contains(read(t, filepath.Join(dir, "index.json")), "annotations") {
		t.Error("an image without a name has annotations")
	}
	valid(t, dir)
	noTemporaries(t, dir)
}

func umask(t *testing.T) os.FileMode {
	p := filepath.Join(t.TempDir(), "x")
	f, err := os.OpenFile(p, os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	info, _ := os.Stat(p)
	return 0o666 &^ info.Mode().Perm()
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// valid has go-containerregistry recompute every digest, diff ID and size.
func valid(t *testing.T, dir string) {
	t.Helper()
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
}

func noTemporaries(t *testing.T, dir string) {
	t.Helper()
	filepath.WalkDir(dir, func(p string, _ os.DirEntry, _ error) error {
		if strings.HasSuffix(p, ".tmp") {
			t.Errorf("left behind: %s", p)
		}
		return nil
	})
}

func TestSeveralPlatforms(t *testing.T) {
	amd, _ := sample(t, "linux/amd64")
	arm, _ := sample(t, "linux/arm64")
	a := artifact(t, arm, amd)
	if b := artifact(t, amd, arm); a.Digest() != b.Digest() {
		t.Error("the order of images changes the digest")
	}
	dir := filepath.Join(t.TempDir(), "out")
	if err := write(t, "oci:"+dir, a, Options{}); err != nil {
		t.Fatal(err)
	}
	valid(t, dir)
	if got := read(t, filepath.Join(dir, "index.json")); !strings.Contains(got, a.Digest()) || strings.Count(got, "digest") != 1 {
		t.Errorf("index.json is %s", got)
	}
	index := read(t, filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(a.Digest(), "sha256:")))
	if !strings.Contains(index, `"platform":{"architecture":"arm64","os":"linux"}`) {
		t.Errorf("the index is %s", index)
	}
	if entries, _ := os.ReadDir(filepath.Join(dir, "blobs", "sha256")); len(entries) != 1+2*2+2+2 { // two layers are shared
		t.Errorf("%d blobs", len(entries))
	}
	file := filepath.Join(t.TempDir(), "x.tar")
	if err := write(t, "docker-archive:"+file, a, Options{}); diag.CodeOf(err) != diag.Usage {
		t.Errorf("a docker-archive of two platforms: %v", err)
	}
	if _, err := New(amd, amd); err == nil {
		t.Error("a platform may come twice")
	}
	if _, err := New(); err == nil {
		t.Error("there may be no image")
	}
}

func TestArchive(t *testing.T) {
	img, _ := sample(t, "linux/amd64")
	a := artifact(t, img)
	dir := t.TempDir()
	for form, extra := range map[string]string{"oci-archive": "", "docker-archive": "manifest.json"} {
		one, two := filepath.Join(dir, "one.tar"), filepath.Join(dir, "two.tar")
		opts := Options{Reference: reference(t, "team/digits:v1")}
		for _, p := range []string{one, two} {
			if err := write(t, form+":"+p, a, opts); err != nil {
				t.Fatal(err)
			}
		}
		if read(t, one) != read(t, two) {
			t.Errorf("%s: two archives differ", form)
		}
		unpacked := filepath.Join(dir, form)
		names := untar(t, one, unpacked)
		want := []string{"blobs/", "blobs/sha256/"}
		blobs, _ := a.blobs()
		for _, b := range blobs {
			want = append(want, "blobs/sha256/"+b.digest.Hex)
		}
		want = append(want, "index.json")
		if extra != "" {
			want = append(want, extra)
		}
		if d := cmp.Diff(append(want, "oci-layout"), names); d != "" {
			t.Errorf("%s: %s", form, d)
		}
		valid(t, unpacked)
		if got := read(t, filepath.Join(unpacked, "index.json")); strings.Count(got, `"team/digits:v1"`) != 2 {
			t.Errorf("%s: index.json is %s", form, got)
		}
	}
	manifest := read(t, filepath.Join(dir, "docker-archive", "manifest.json"))
	if !strings.Contains(manifest, `"RepoTags":["team/digits:v1"]`) || strings.Count(manifest, "blobs/sha256/") != 4 {
		t.Errorf("manifest.json is %s", manifest)
	}
	noTemporaries(t, dir)
}

// TestArchiveBytes holds the archive's own bytes: contents aside, they change for no reason.
func TestArchiveBytes(t *testing.T) {
	a := artifact(t, newImage(t, "linux/amd64"))
	file := filepath.Join(t.TempDir(), "x.tar")
	if err := write(t, "docker-archive:"+file, a, Options{}); err != nil {
		t.Fatal(err)
	}
	const want = "77dd11f61bda7cff5447ad16c61f934f74978f553713aebb9bc4d2c2600e90da"
	if got := fmt.Sprintf("%x", sha256.Sum256([]byte(read(t, file)))); got != want {
		t.Errorf("the archive's hash is %s, want %s", got, want)
	}
}

func untar(t *testing.T, file, dir string) []string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var names []string
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err == io.EOF {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		p := filepath.Join(dir, h.Name)
		if h.Typeflag == tar.TypeDir {
			os.MkdirAll(p, 0o755)
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWriteErrors(t *testing.T) {
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		spoil func(l *testLayer)
		want  string
		code  diag.Code
	}{
		"short":    {func(l *testLayer) { l.data = l.data[:20] }, "bytes and has 20", diag.Mismatch},
		"long":     {func(l *testLayer) { l.data = append(l.data[:len(l.data):len(l.data)], 'x') }, "bytes and has more", diag.Mismatch},
		"changed":  {func(l *testLayer) { l.data = append([]byte("x"), l.data[1:]...) }, "should have the digest", diag.Mismatch},
		"unopened": {func(l *testLayer) { l.fail = boom }, "layer 2 of the image for linux/amd64: boom", diag.Failure},
	} {
		for _, form := range []Form{Layout, LayoutArchive, DockerArchive} {
			img, layers := sample(t, "linux/amd64")
			c.spoil(layers[1])
			dir := t.TempDir()
			err := write(t, string(form)+":"+filepath.Join(dir, "out"), artifact(t, img), Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) || diag.CodeOf(err) != c.code {
				t.Errorf("%s, %s: %v", name, form, err)
			}
			noTemporaries(t, dir)
			if _, err := os.Stat(filepath.Join(dir, "out", "index.json")); err == nil {
				t.Errorf("%s: a broken layout has an index", name)
			}
			if info, err := os.Stat(filepath.Join(dir, "out")); err == nil && !info.IsDir() {
				t.Errorf("%s: a broken archive is left", name)
			}
		}
	}
}

func TestWriteKeepsTheOldOne(t *testing.T) {
	img, layers := sample(t, "linux/amd64")
	a := artifact(t, img)
	file := filepath.Join(t.TempDir(), "x.tar")
	if err := write(t, "oci-archive:"+file, a, Options{}); err != nil {
		t.Fatal(err)
	}
	before := read(t, file)
	layers[2].fail = errors.New("boom")
	if err := write(t, "oci-archive:"+file, a, Options{}); err == nil {
		t.Error("a failing layer gives no error")
	}
	if read(t, file) != before {
		t.Error("a failed write changed the file")
	}
}

func TestCancel(t *testing.T) {
	for _, form := range []Form{Layout, LayoutArchive} {
		img, _ := sample(t, "linux/amd64")
		ctx, cancel := context.WithCancel(context.Background())
		dir := t.TempDir()
		err := Write(ctx, Output{form, filepath.Join(dir, "out")}, artifact(t, img), Options{Progress: func(int64, int64) { cancel() }})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", form, err)
		}
		noTemporaries(t, dir)
	}
}

func TestPlaces(t *testing.T) {
	img, _ := sample(t, "linux/amd64")
	a := artifact(t, img)
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o644)
	if err := write(t, "oci:"+dir, a, Options{}); diag.CodeOf(err) != diag.Usage || !strings.Contains(err.Error(), "thesis.txt") {
		t.Errorf("a folder with other things: %v", err)
	}
	if err := write(t, "oci-archive:"+dir, a, Options{}); diag.CodeOf(err) != diag.Usage {
		t.Errorf("a folder as archive: %v", err)
	}
	if err := write(t, "oci-archive:"+filepath.Join(dir, "absent", "x.tar"), a, Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
	if runtime.GOOS != "linux" {
		return
	}
	err := write(t, "oci-archive:/dev/full", a, Options{})
	if err == nil || !strings.Contains(err.Error(), "the disk is full") || len(diag.HintsOf(err)) == 0 {
		t.Errorf("a full disk: %v", err)
	}
	if info, _ := os.Stat("/dev/full"); info.Mode().IsRegular() {
		t.Fatal("a device was replaced by a file")
	}
}

func TestCheckKeepsOtherFiles(t *testing.T) {
	dir := t.TempDir()
	img, _ := sample(t, "linux/amd64")
	if err := write(t, "oci-archive:"+filepath.Join(dir, "a.tar"), artifact(t, img), Options{}); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"envpack.toml": "[image]\n", "empty": "", "a.tar.12.0.tmp": "x", "page/index.json": "{}"} {
		p := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(p), 0o777)
		if err := os.WriteFile(p, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, ok := range map[string]bool{"a.tar": true, "empty": true, "a.tar.12.0.tmp": true, "new.tar": true, "envpack.toml": false} {
		for _, form := range []Form{LayoutArchive, DockerArchive} {
			err := Output{form, filepath.Join(dir, name)}.Check(1)
			if ok && err != nil || !ok && (diag.CodeOf(err) != diag.Usage || !strings.Contains(err.Error(), "is not an image archive")) {
				t.Errorf("%s %s: %v", form, name, err)
			}
		}
	}
	if err := (Output{Layout, filepath.Join(dir, "page")}).Check(1); diag.CodeOf(err) != diag.Usage {
		t.Errorf("page: %v", err)
	}
}

func TestHaveHashes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "blob")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	const size = 65 << 20
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	f.Close()
	b := blob{size: size}
	b.digest.Hex = strings.Repeat("0", 64)
	if have(path, b) {
		t.Error("a large blob is taken by its name")
	}
}
