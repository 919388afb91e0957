package publish

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/envpack/envpack/internal/diag"
)

func open(t testing.TB, spec string, opts OpenOptions) (*Source, error) {
	t.Helper()
	if opts.Keychain == nil {
		opts.Keychain = anonymous
	}
	src, err := Open(context.Background(), spec, opts)
	if err == nil {
		t.Cleanup(func() { src.Close() })
	}
	return src, err
}

// digests are what was found, as "PLATFORM DIGEST".
func digests(t *testing.T, src *Source) []string {
	t.Helper()
	var list []string
	for _, f := range src.Images {
		h, err := f.Image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, f.Platform+" "+h.String())
	}
	return list
}

func TestOpen(t *testing.T) {
	amd, _ := sample(t, "linux/amd64")
	arm, _ := sample(t, "linux/arm64/v8")
	one, both := artifact(t, amd), artifact(t, amd, arm)
	dir, host := t.TempDir(), serve(t, nil)
	in := func(name string) string { return filepath.Join(dir, name) }
	ref := reference(t, host+"/team/digits:v1")
	for _, w := range []struct {
		out string
		a   *Artifact
	}{
		{"oci:" + in("one"), one}, {"oci:" + in("both"), both}, {"oci-archive:" + in("one.tar"), one},
		{"oci-archive:" + in("both.tar"), both}, {"docker-archive:" + in("hybrid.tar"), one},
	} {
		if err := write(t, w.out, w.a, Options{Reference: ref}); err != nil {
			t.Fatal(err)
		}
	}
	for tag, a := range map[string]*Artifact{"v1": one, "v2": both} {
		if err := Push(context.Background(), reference(t, host+"/team/digits:"+tag), a, PushOptions{Client: Client{Keychain: anonymous}}); err != nil {
			t.Fatal(err)
		}
	}
	digest := func(p PlatformImage) string {
		h, err := p.Image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return p.Platform + " " + h.String()
	}
	for _, test := range []struct {
		spec, platform string
		want           []PlatformImage
	}{
		{"oci:" + in("one"), "", []PlatformImage{amd}},
		{in("one"), "linux/amd64", []PlatformImage{amd}},
		{in("both"), "", []PlatformImage{amd, arm}},
		{in("both"), "linux/arm64", []PlatformImage{arm}},
		{in("one.tar"), "", []PlatformImage{amd}},
		{"oci-archive:" + in("both.tar"), "linux/arm64/v8", []PlatformImage{arm}},
		{"docker-archive:" + in("hybrid.tar"), "", []PlatformImage{amd}},
		{in("hybrid.tar"), "", []PlatformImage{amd}},
		{"oci-archive:" + in("hybrid.tar"), "", []PlatformImage{amd}},
		{host + "/team/digits:v1", "", []PlatformImage{amd}},
		{"docker://" + host + "/team/digits:v2", "", []PlatformImage{amd, arm}},
		{host + "/team/digits@" + both.Digest(), "linux/arm64", []PlatformImage{arm}},
	} {
		src, err := open(t, test.spec, OpenOptions{Platform: test.platform})
		if err != nil {
			t.Errorf("%s: %v", test.spec, err)
			continue
		}
		var want []string
		for _, p := range test.want {
			want = append(want, digest(p))
		}
		if diff := cmp.Diff(want, digests(t, src)); diff != "" {
			t.Errorf("%s %s: -want +got\n%s", test.spec, test.platform, diff)
		}
		for _, f := range src.Images {
			if err := validate.Image(f.Image); err != nil {
				t.Errorf("%s: %v", test.spec, err)
			}
			if f.NoManifest || f.Name == "" && strings.HasSuffix(test.spec, "one") {
				t.Errorf("%s: %+v", test.spec, f)
			}
		}
	}
}

// dockerSave is what Docker wrote before it knew image layouts: tars by path, a shared one as a link.
func dockerSave(t *testing.T, path string, p PlatformImage, layers []*testLayer, compressed bool) {
	t.Helper()
	config, err := p.Image.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(name string, data []byte) {
		w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(data)), Mode: 0o644})
		w.Write(data)
	}
	var names []string
	for i, l := range layers {
		data, name := l.diff, string(rune('a'+i))+"/layer.tar"
		if compressed {
			data = l.data
		}
		if i == 0 {
			add("shared/layer.tar", data)
			w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: "../shared/layer.tar"})
		} else {
			add(name, data)
		}
		names = append(names, name)
	}
	add("config.json", config)
	manifest, _ := json.Marshal([]dockerEntry{{Config: "config.json", RepoTags: []string{"digits:v1"}, Layers: names}})
	add("manifest.json", manifest)
	w.Close()
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestOpenDockerSave(t *testing.T) {
	p, layers := sample(t, "linux/amd64")
	id, _ := p.Image.ConfigName()
	for _, compressed := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "image.tar")
		dockerSave(t, path, p, layers, compressed)
		src, err := open(t, path, OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		f := src.Images[0]
		if got, err := f.Image.ConfigName(); err != nil || got != id || !f.NoManifest || f.Name != "digits:v1" || f.Platform != "linux/amd64" {
			t.Errorf("%+v %v %v", f, got, err)
		}
		got, err := f.Image.Layers()
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range got {
			r, err := l.Uncompressed()
			if err != nil {
				t.Fatal(err)
			}
			if data, err := io.ReadAll(r); err != nil || !bytes.Equal(data, layers[i].diff) {
				t.Errorf("layer %d: %d bytes, %v", i+1, len(data), err)
			}
		}
	}
}

// TestOpenNamed picks one image of several by its name.
func TestOpenNamed(t *testing.T) {
	one, _ := sample(t, "linux/amd64")
	other, _ := sample(t, "linux/arm64")
	parent := t.TempDir()
	dir, colon := filepath.Join(parent, "image"), filepath.Join(parent, "c:d") // a path with a colon of its own
	var index v1.IndexManifest
	for ref, img := range map[string]PlatformImage{"registry.example/x:v1": one, "registry.example/x:v2": other} {
		if err := write(t, "oci:"+dir, artifact(t, img), Options{Reference: reference(t, ref)}); err != nil {
			t.Fatal(err)
		}
		var top v1.IndexManifest
		if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, "index.json"))), &top); err != nil {
			t.Fatal(err)
		}
		top.Manifests = append(top.Manifests, index.Manifests...) // the blobs stay
		index = top
	}
	data, err := json.Marshal(index)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "index.json"), data, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(colon, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(colon, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for spec, want := range map[string]int{"oci:" + dir: 2, "oci:" + dir + ":v1": 1, "oci:" + dir + ":v2": 1, "oci:" + colon: 2, "oci:" + colon + ":v1": 1} {
		src, err := Open(context.Background(), spec, OpenOptions{})
		if err != nil {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		if len(src.Images) != want || want == 1 && !strings.HasSuffix(spec, ":"+src.Images[0].Name) {
			t.Errorf("%s: %v", spec, src.Images)
		}
		src.Close()
	}
	_, err = Open(context.Background(), "oci:"+dir+":v3", OpenOptions{})
	if diag.CodeOf(err) != diag.Usage || !strings.Contains(strings.Join(diag.HintsOf(err), ""), `"v1"`) {
		t.Error(err, diag.HintsOf(err))
	}
}

func TestOpenErrors(t *testing.T) {
	p, _ := sample(t, "linux/amd64")
	arm, _ := sample(t, "linux/arm64")
	a := artifact(t, p)
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	layout := func(name string, a *Artifact) string {
		if err := write(t, "oci:"+in(name), a, Options{}); err != nil {
			t.Fatal(err)
		}
		return in(name)
	}
	blob := func(layout string, h v1.Hash) string { return filepath.Join(layout, "blobs", "sha256", h.Hex) }
	put := func(path, content string) {
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	manifest, _ := p.Image.Digest()
	config, _ := p.Image.ConfigName()
	m, _ := p.Image.Manifest()
	good := layout("good", a)
	gone, cut := layout("gone", a), layout("cut", a)
	os.Remove(blob(gone, m.Layers[1].Digest))
	put(blob(cut, m.Layers[1].Digest), "short")
	noManifest, badConfig, badIndex := layout("nomanifest", a), layout("badconfig", a), layout("badindex", a)
	os.Remove(blob(noManifest, manifest))
	raw, _ := p.Image.RawConfigFile()
	put(blob(badConfig, config), strings.Replace(string(raw), "/none", "/evil", 1))
	put(filepath.Join(badIndex, "index.json"), `{"manifests":[`)
	outside := layout("outside", a)
	put(filepath.Join(outside, "index.json"), `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":3,"digest":"sha256:../../../etc/passwd"}]}`)
	empty := in("empty")
	os.Mkdir(empty, 0o777)
	project := in("project")
	os.Mkdir(project, 0o777)
	put(filepath.Join(project, "envpack.toml"), "")
	put(in("text"), strings.Repeat("no tar\n", 200))
	put(in("zipped.tar"), "\x1f\x8b\x08")
	put(in("nothing.tar"), "")
	if err := write(t, "oci-archive:"+in("whole.tar"), a, Options{}); err != nil {
		t.Fatal(err)
	}
	whole, _ := os.ReadFile(in("whole.tar"))
	put(in("cut.tar"), string(whole[:len(whole)/2]))
	host := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/private/") {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	})

	for _, test := range []struct {
		spec string
		opts OpenOptions
		code diag.Code
		want string
	}{
		{"", OpenOptions{}, diag.Usage, "no name"},
		{"oci:", OpenOptions{}, diag.Usage, "has no path"},
		{"docker-daemon:x", OpenOptions{}, diag.Usage, "not supported here"},
		{"docker-daemon:", OpenOptions{}, diag.Usage, "is no name of an image in Docker's engine"},
		{"docker-daemon:../info?", OpenOptions{}, diag.Usage, "is no name of an image in Docker's engine"},
		{"docker-daemon:a/../../info", OpenOptions{}, diag.Usage, "is no name of an image in Docker's engine"},
		{"containers-storage:x", OpenOptions{}, diag.Usage, "not supported"},
		{"UPPER/Case", OpenOptions{}, diag.Usage, "neither a file"},
		{"docker://UPPER", OpenOptions{}, diag.Usage, "not a valid image reference"},
		{"oci:" + in("whole.tar"), OpenOptions{}, diag.Usage, "is a file"},
		{"oci-archive:" + good, OpenOptions{}, diag.Usage, "is a folder"},
		{good, OpenOptions{Platform: "linux/s390x"}, diag.Usage, "no image for linux/s390x"},
		{in("none.tar"), OpenOptions{}, diag.Failure, "no file or folder"},
		{"oci:" + in("none"), OpenOptions{}, diag.Failure, "no folder"},
		{"oci-archive:" + in("none"), OpenOptions{}, diag.Failure, "no file"},
		{empty, OpenOptions{}, diag.Failure, "not an image layout"},
		{project, OpenOptions{}, diag.Failure, "not an image layout"},
		{badIndex, OpenOptions{}, diag.Failure, "not an image index"},
		{outside, OpenOptions{}, diag.Failure, "index.json"},
		{gone, OpenOptions{}, diag.Failure, "layer 2 (" + m.Layers[1].Digest.String()},
		{noManifest, OpenOptions{}, diag.Failure, "is missing"},
		{cut, OpenOptions{}, diag.Mismatch, "and has 5"},
		{badConfig, OpenOptions{}, diag.Mismatch, "the config (" + config.String()},
		{in("text"), OpenOptions{}, diag.Failure, "no tar archive"},
		{in("zipped.tar"), OpenOptions{}, diag.Failure, "compressed as a whole"},
		{in("nothing.tar"), OpenOptions{}, diag.Failure, "holds no image"},
		{in("cut.tar"), OpenOptions{}, diag.Failure, "damaged or cut off"},
		{"docker-archive:" + in("whole.tar"), OpenOptions{}, diag.Failure, "no manifest.json"},
		{host + "/team/none:v1", OpenOptions{}, diag.Fetch, "does not have it"},
		{host + "/private/x:v1", OpenOptions{}, diag.Fetch, "no permission"},
		{host + "/team/none:v1", OpenOptions{Offline: true}, diag.Fetch, "--offline"},
		{"127.0.0.1:1/x:v1", OpenOptions{}, diag.Fetch, "cannot reach"},
	} {
		_, err := open(t, test.spec, test.opts)
		if err == nil || diag.CodeOf(err) != test.code || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: code %d, %v; want %d, %q", test.spec, diag.CodeOf(err), err, test.code, test.want)
		}
		if err != nil && len(diag.HintsOf(err)) == 0 && test.spec != badIndex && test.spec != outside && !test.opts.Offline {
			t.Errorf("%q: no hint with %v", test.spec, err)
		}
	}

	// An index of platforms of which one was left out, as engines save it.
	half := layout("half", artifact(t, p, arm))
	absent, _ := arm.Image.Digest()
	os.Remove(blob(half, absent))
	src, err := open(t, half, OpenOptions{})
	if err != nil || len(src.Images) != 1 || !cmp.Equal(src.Absent, []string{"linux/arm64"}) {
		t.Errorf("%+v, %v", src, err)
	}
	if _, err := open(t, half, OpenOptions{Platform: "linux/arm64"}); err == nil || !strings.Contains(err.Error(), "lacks the images") {
		t.Error(err)
	}

	for spec, hinted := range map[string]bool{"digits": true, host + "/digits": false} {
		_, err := open(t, spec, OpenOptions{Offline: true})
		if got := len(diag.HintsOf(err)) > 0; got != hinted {
			t.Errorf("%s: %v, hint %v", spec, err, got)
		}
	}

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Open(ctx, host+"/team/none:v1", OpenOptions{Client: Client{Keychain: anonymous}}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestExplain(t *testing.T) {
	p, layers := sample(t, "linux/amd64")
	a := artifact(t, p)
	refused := false
	host := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if refused && strings.Contains(r.URL.Path, "/blobs/") {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	ref := host + "/team/digits:v1"
	if err := Push(context.Background(), reference(t, ref), a, PushOptions{Client: Client{Keychain: anonymous}}); err != nil {
		t.Fatal(err)
	}
	src, err := open(t, ref, OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	refused = true
	h, _ := layers[0].Digest()
	l, err := src.Images[0].Image.LayerByDigest(h)
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Compressed()
	if err = src.Explain(context.Background(), err); diag.CodeOf(err) != diag.Fetch || !strings.Contains(err.Error(), "no permission") {
		t.Error(err)
	}
	own := diag.New(diag.Mismatch, "x")
	if err := src.Explain(context.Background(), own); diag.CodeOf(err) != diag.Mismatch || !strings.Contains(err.Error(), ref) {
		t.Error(err)
	}
	if err := src.Explain(context.Background(), nil); err != nil {
		t.Error(err)
	}
}

func FuzzOpenArchive(f *testing.F) {
	dir := f.TempDir()
	for _, form := range []string{"oci-archive:", "docker-archive:"} {
		small := newImage(f, "linux/amd64", newLayer("etc/a", "b"))
		if err := write(f, form+filepath.Join(dir, "seed.tar"), artifact(f, small), Options{}); err != nil {
			f.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(dir, "seed.tar"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	path := filepath.Join(dir, "image.tar")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		src, err := Open(context.Background(), "oci-archive:"+path, OpenOptions{})
		if err != nil {
			if code := diag.CodeOf(err); code != diag.Failure && code != diag.Mismatch {
				t.Errorf("code %d: %v", code, err)
			}
			return
		}
		src.Close()
	})
}
