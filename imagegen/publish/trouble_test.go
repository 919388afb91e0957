package publish

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/diag"
)

// tolerant opens what may be damaged, and gives what is wrong with it.
func tolerant(t *testing.T, spec string) (images int, what string) {
	t.Helper()
	src, err := Open(context.Background(), spec, OpenOptions{Tolerant: true})
	if err != nil {
		return 0, err.Error()
	}
	defer src.Close()
	var texts []string
	for _, trouble := range src.Troubles {
		if trouble.Err == nil || diag.CodeOf(trouble.Err) == diag.OK {
			t.Errorf("a trouble without an error: %+v", trouble)
		}
		texts = append(texts, trouble.Document+": "+trouble.Err.Error())
	}
	return len(src.Images), strings.Join(texts, "\n")
}

// TestUndigested changes every byte of the documents of layouts and archives that no digest is of: it is told of, unless
// it is in a name that is given to the image.
func TestUndigested(t *testing.T) {
	one, _ := sample(t, "linux/amd64")
	two, _ := sample(t, "linux/arm64")
	dir := t.TempDir()
	names := Options{Reference: reference(t, "registry.example/demo:v1")}
	for _, test := range []struct {
		out   string
		a     *Artifact
		file  string   // that is changed
		parts []string // texts in it that are looked at, "": all
		free  []string // texts that may be changed
	}{
		{"oci:" + filepath.Join(dir, "layout"), artifact(t, one), "index.json", []string{""}, []string{`"org.opencontainers.image.ref.name":"v1"`}},
		{"oci:" + filepath.Join(dir, "layout"), artifact(t, one), "oci-layout", []string{""}, nil},
		{"oci:" + filepath.Join(dir, "both"), artifact(t, one, two), "index.json", []string{""}, []string{`"org.opencontainers.image.ref.name":"v1"`}},
		{"docker-archive:" + filepath.Join(dir, "docker.tar"), artifact(t, one), "", []string{`[{"Config":`, `"Layers":`}, nil},
	} {
		if err := write(t, test.out, test.a, names); err != nil {
			t.Fatal(err)
		}
		place := test.out[strings.IndexByte(test.out, ':')+1:]
		file := filepath.Join(place, test.file)
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n, what := tolerant(t, test.out); n == 0 || what != "" {
			t.Fatalf("%s: %d images, %s", test.out, n, what)
		}
		free := func(at int) bool {
			for _, text := range test.free {
				if i := bytes.Index(whole, []byte(text)); i < 0 {
					t.Fatalf("%s has no %s", file, text)
				} else if at >= i && at < i+len(text) {
					return true
				}
			}
			return false
		}
		for _, part := range test.parts {
			from, to := 0, len(whole)
			if part != "" {
				from = bytes.Index(whole, []byte(part))
				to = from + len(part) + 60
			}
			for at := from; at < to; at++ {
				if free(at) || whole[at] == '\n' {
					continue
				}
				bad := bytes.Clone(whole)
				bad[at] ^= 1 << (at % 7)
				if err := os.WriteFile(file, bad, 0o644); err != nil {
					t.Fatal(err)
				}
				if _, what := tolerant(t, test.out); what == "" {
					t.Errorf("%s: byte %d, %q → %q, is not noticed in …%s…", file, at, whole[at], bad[at], whole[max(0, at-30):min(at+30, len(whole))])
				}
			}
		}
		if err := os.WriteFile(file, whole, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSwapped: an index in a registry that calls images by each other's platforms is not right, though each image is.
func TestSwapped(t *testing.T) {
	one, _ := sample(t, "linux/amd64")
	two, _ := sample(t, "linux/arm64")
	host := serve(t, nil)
	ref := host + "/team/digits:v1"
	if err := push(t, ref, artifact(t, one, two), PushOptions{}); err != nil {
		t.Fatal(err)
	}
	if n, what := tolerant(t, ref); n != 2 || what != "" {
		t.Fatalf("%d images, %s", n, what)
	}
	address := "http://" + host + "/v2/team/digits/manifests/v1"
	got, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	raw, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	swapped := strings.NewReplacer("amd64", "arm64", "arm64", "amd64").Replace(string(raw))
	put, err := http.NewRequest(http.MethodPut, address, strings.NewReader(swapped))
	if err != nil {
		t.Fatal(err)
	}
	put.Header.Set("Content-Type", got.Header.Get("Content-Type"))
	done, err := http.DefaultClient.Do(put)
	if err != nil || done.StatusCode != http.StatusCreated {
		t.Fatalf("%v %v", done, err)
	}
	done.Body.Close()
	n, what := tolerant(t, ref)
	if n != 2 || strings.Count(what, "its config says") != 2 {
		t.Errorf("%d images, %s", n, what)
	}
}

// TestNear takes the blob that index.json means, where a digit of its digest was changed.
func TestNear(t *testing.T) {
	one, _ := sample(t, "linux/amd64")
	dir := filepath.Join(t.TempDir(), "layout")
	if err := write(t, "oci:"+dir, artifact(t, one), Options{}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "index.json")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(whole, []byte("sha256:")) + len("sha256:") + 10
	bad := bytes.Clone(whole)
	if bad[at] = '0'; whole[at] == '0' {
		bad[at] = '1'
	}
	if err := os.WriteFile(file, bad, 0o644); err != nil {
		t.Fatal(err)
	}
	src, err := Open(context.Background(), "oci:"+dir, OpenOptions{Tolerant: true})
	if err != nil || len(src.Images) != 1 || len(src.Troubles) != 1 || !bytes.Equal(src.Troubles[0].Was, whole) {
		t.Fatalf("%+v, %v", src, err)
	}
	if _, err := Open(context.Background(), "oci:"+dir, OpenOptions{}); err == nil {
		t.Error("it opens as if nothing were wrong")
	}
}

// TestMended opens an image whose documents have a changed byte as it was.
func TestMended(t *testing.T) {
	one, _ := sample(t, "linux/amd64")
	dir := filepath.Join(t.TempDir(), "layout")
	a := artifact(t, one)
	if err := write(t, "oci:"+dir, a, Options{}); err != nil {
		t.Fatal(err)
	}
	manifest, err := one.Image.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(a.Digest(), "sha256:"))
	bad := bytes.Clone(manifest)
	bad[5] ^= 4
	if err := os.WriteFile(file, bad, 0o644); err != nil {
		t.Fatal(err)
	}
	src, err := Open(context.Background(), "oci:"+dir, OpenOptions{Tolerant: true})
	if err != nil || len(src.Images) != 1 || len(src.Troubles) != 1 {
		t.Fatalf("%+v, %v", src, err)
	}
	if got, err := src.Images[0].Image.RawManifest(); err != nil || !bytes.Equal(got, manifest) {
		t.Errorf("%s, %v", got, err)
	}
	if got := src.Troubles[0]; got.Document != "the manifest" || got.Digest.String() != a.Digest() || !bytes.Equal(got.Data, bad) || !bytes.Equal(got.Was, manifest) {
		t.Errorf("%+v", got)
	}
	if _, err := Open(context.Background(), "oci:"+dir, OpenOptions{}); diag.CodeOf(err) != diag.Mismatch {
		t.Error(err)
	}
}

// TestLargeConfig: what a manifest says of its config's size is held to a bound before the config is asked for.
func TestLargeConfig(t *testing.T) {
	one, _ := sample(t, "linux/amd64")
	host := serve(t, nil)
	ref := host + "/team/digits:v1"
	if err := push(t, ref, artifact(t, one), PushOptions{}); err != nil {
		t.Fatal(err)
	}
	raw, err := one.Image.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	large := regexp.MustCompile(`"size":\d+`)
	first := large.FindIndex(raw) // of the config, which stands first
	changed := string(raw[:first[0]]) + `"size":50000000000` + string(raw[first[1]:])
	put, err := http.NewRequest(http.MethodPut, "http://"+host+"/v2/team/digits/manifests/v1", strings.NewReader(changed))
	if err != nil {
		t.Fatal(err)
	}
	put.Header.Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
	done, err := http.DefaultClient.Do(put)
	if err != nil || done.StatusCode != http.StatusCreated {
		t.Fatalf("%v %v", done, err)
	}
	done.Body.Close()
	if n, what := tolerant(t, ref); n != 0 || !strings.Contains(what, "is larger than 16777216 bytes") {
		t.Errorf("%d images, %s", n, what)
	}
}
