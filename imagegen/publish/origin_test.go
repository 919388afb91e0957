package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/store"
)

// repositories makes go-containerregistry's registry, which has all blobs in all repositories, one that has those of
// a repository only there, and that mounts; and counts requests.
type repositories struct {
	next    http.Handler
	noMount bool
	mu      sync.Mutex
	has     map[string]bool // "repository digest"
	log     []string        // "GET blob repository digest", "MOUNT …", "PUT …", "HEAD …"
}

func (r *repositories) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	path := strings.TrimPrefix(req.URL.Path, "/v2/")
	repo, blob, ok := strings.Cut(path, "/blobs/")
	if !ok {
		r.next.ServeHTTP(w, req)
		return
	}
	query := req.URL.Query()
	note := func(verb, digest string) { r.log = append(r.log, verb+" "+repo+" "+digest) }
	switch {
	case req.Method == http.MethodPost && query.Get("mount") != "":
		digest := query.Get("mount")
		if r.has[query.Get("from")+" "+digest] && !r.noMount {
			note("MOUNT", digest)
			r.has[repo+" "+digest] = true
			w.WriteHeader(http.StatusCreated)
			return
		}
	case req.Method == http.MethodPut:
		note("PUT", query.Get("digest"))
		r.has[repo+" "+query.Get("digest")] = true
	case req.Method == http.MethodHead || req.Method == http.MethodGet:
		note(req.Method, blob)
		if !r.has[repo+" "+blob] {
			http.Error(w, `{"errors":[{"code":"BLOB_UNKNOWN"}]}`, http.StatusNotFound)
			return
		}
	}
	r.next.ServeHTTP(w, req)
}

// requests are those of the verb since the last call of forget, sorted.
func (r *repositories) requests(verb string) []string {
	var list []string
	for _, l := range r.log {
		if rest, ok := strings.CutPrefix(l, verb+" "); ok {
			list = append(list, rest)
		}
	}
	slices.Sort(list)
	return list
}

func (r *repositories) forget() { r.log = nil }

func serveRepositories(t *testing.T) (string, *repositories) {
	r := &repositories{has: map[string]bool{}}
	host := serve(t, func(next http.Handler) http.Handler { r.next = next; return r })
	return host, r
}

// stacked is an image of the origin's layers and others above.
type stacked struct {
	testImage
	lower []v1.Layer
}

func (s *stacked) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	for _, l := range s.lower {
		if d, err := l.Digest(); err == nil && d == h {
			return l, nil
		}
	}
	return s.testImage.LayerByDigest(h)
}

func stack(t *testing.T, o *Origin, upper ...*testLayer) PlatformImage {
	t.Helper()
	lower, err := o.Image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	all := slices.Clone(lower)
	for _, l := range upper {
		whole, err := partial.CompressedToLayer(l)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, whole)
	}
	var diffs []string
	var descriptors []map[string]any
	for _, l := range all {
		h, err := l.Digest()
		if err != nil {
			t.Fatal(err)
		}
		diff, err := l.DiffID()
		if err != nil {
			t.Fatal(err)
		}
		size, err := l.Size()
		if err != nil {
			t.Fatal(err)
		}
		diffs = append(diffs, diff.String())
		descriptors = append(descriptors, map[string]any{"mediaType": types.OCILayer, "digest": h, "size": size})
	}
	config, _ := json.Marshal(map[string]any{"os": "linux", "architecture": strings.Split(o.Platform, "/")[1], "rootfs": map[string]any{"type": "layers", "diff_ids": diffs}})
	manifest, _ := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": types.OCIManifestSchema1,
		"config": map[string]any{"mediaType": types.OCIConfigJSON, "digest": digest(config), "size": len(config)}, "layers": descriptors})
	img, err := partial.CompressedToImage(&stacked{testImage{config, manifest, upper}, lower})
	if err != nil {
		t.Fatal(err)
	}
	return PlatformImage{Platform: o.Platform, Image: img, Origin: o}
}

func origin(t *testing.T, spec string, opts OriginOptions) *Origin {
	t.Helper()
	opts.Keychain = anonymous
	if opts.Platform == "" {
		opts.Platform = "linux/amd64"
	}
	o, err := OpenOrigin(context.Background(), spec, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o
}

// on gives what the registry would be asked for the layers.
func on(repo string, layers ...*testLayer) []string {
	var list []string
	for _, l := range layers {
		list = append(list, repo+" "+l.digest)
	}
	slices.Sort(list)
	return list
}

func configOf(t *testing.T, p PlatformImage) string {
	t.Helper()
	h, err := p.Image.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	return h.String()
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: -want +got\n%s", what, diff)
	}
}

func TestMount(t *testing.T) {
	host, reg := serveRepositories(t)
	amd, lower := sample(t, "linux/amd64")
	arm, _ := sample(t, "linux/arm64") // of which two layers are amd64's too
	if err := push(t, host+"/base/python:3.11", artifact(t, amd, arm), PushOptions{}); err != nil {
		t.Fatal(err)
	}
	reg.forget()
	o := origin(t, host+"/base/python:3.11", OriginOptions{})
	if want, _ := amd.Image.Digest(); o.Digest != want.String() || !o.Remote() || o.Platform != "linux/amd64" {
		t.Fatalf("%+v", o)
	}
	own := newLayer("opt/env/x", "own")
	img := stack(t, o, own)
	if err := push(t, host+"/team/app:v1", artifact(t, img), PushOptions{}); err != nil {
		t.Fatal(err)
	}
	same(t, "mounts", reg.requests("MOUNT"), on("team/app", lower...))
	put := append(on("team/app", own), "team/app "+configOf(t, img))
	slices.Sort(put)
	same(t, "sent", reg.requests("PUT"), put)
	same(t, "read", reg.requests("GET"), []string{"base/python " + configOf(t, o.PlatformImage)})

	reg.forget()
	if err := push(t, host+"/team/app:v2", artifact(t, img), PushOptions{}); err != nil {
		t.Fatal(err)
	}
	same(t, "mounts again", reg.requests("MOUNT"), nil)
	same(t, "sent again", reg.requests("PUT"), nil)

	// Of two platforms, in an index.
	reg.forget()
	other := origin(t, host+"/base/python:3.11", OriginOptions{OpenOptions: OpenOptions{Platform: "linux/arm64"}})
	if err := push(t, host+"/team/both:v1", artifact(t, img, stack(t, other, own)), PushOptions{}); err != nil {
		t.Fatal(err)
	}
	if n := len(reg.requests("MOUNT")); n != 4 {
		t.Errorf("%d mounts: %s", n, reg.log)
	}
	pulled := origin(t, host+"/team/both:v1", OriginOptions{})
	if h, _ := img.Image.Digest(); pulled.Digest != h.String() {
		t.Errorf("what was pushed is %s", pulled.Digest)
	}
}

func TestNoMount(t *testing.T) {
	host, reg := serveRepositories(t)
	amd, lower := sample(t, "linux/amd64")
	if err := push(t, host+"/base/python:3.11", artifact(t, amd), PushOptions{}); err != nil {
		t.Fatal(err)
	}
	o := origin(t, host+"/base/python:3.11", OriginOptions{})
	img := stack(t, o, newLayer("opt/env/x", "own"))
	elsewhere, there := serveRepositories(t)
	for where, to := range map[string]*repositories{host: reg, elsewhere: there} {
		reg.noMount = true
		reg.forget()
		if err := push(t, where+"/team/app:v1", artifact(t, img), PushOptions{}); err != nil {
			t.Fatal(err)
		}
		same(t, "mounts", to.requests("MOUNT"), nil)
		same(t, "read", reg.requests("GET"), on("base/python", lower...))
		if n := len(to.requests("PUT")); n != len(lower)+2 {
			t.Errorf("%d were sent: %s", n, to.requests("PUT"))
		}
		reg.forget()
		if err := push(t, where+"/team/app:v2", artifact(t, img), PushOptions{}); err != nil {
			t.Fatal(err)
		}
		same(t, "read again", reg.requests("GET"), nil)
	}
}

func TestOriginIntoFiles(t *testing.T) {
	host, reg := serveRepositories(t)
	amd, lower := sample(t, "linux/amd64")
	if err := push(t, host+"/base/python:3.11", artifact(t, amd), PushOptions{}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	kept, err := store.Open(t.Context(), filepath.Join(dir, "store"))
	if err != nil {
		t.Fatal(err)
	}
	for i, out := range []string{"oci:" + dir + "/out", "oci-archive:" + dir + "/a.tar", "docker-archive:" + dir + "/b.tar"} {
		reg.forget()
		o := origin(t, host+"/base/python:3.11", OriginOptions{})
		img := stack(t, o, newLayer("opt/env/x", "own"))
		if err := write(t, out, artifact(t, img), Options{}); err != nil {
			t.Fatal(err)
		}
		if n := len(reg.requests("GET")); n != len(lower)+1 { // and the config
			t.Errorf("%s: %d reads: %s", out, n, reg.log)
		}
		if i == 0 {
			valid(t, dir+"/out")
			reg.forget()
			if err := write(t, out, artifact(t, img), Options{}); err != nil {
				t.Fatal(err)
			}
			same(t, "read again", reg.requests("GET"), nil)
		}
		// What was written is stood upon in turn: by its digest, and without one.
		want, _ := img.Image.Digest()
		form, rest, _ := strings.Cut(out, ":")
		for _, d := range []string{"", want.String()} {
			second := origin(t, form+":"+filepath.Base(rest), OriginOptions{Dir: dir, Digest: d})
			if second.Digest != want.String() || second.Remote() {
				t.Errorf("%s: %+v", out, second)
			}
			if err := write(t, "oci:"+t.TempDir(), artifact(t, stack(t, second, newLayer("opt/env/y", "own"))), Options{}); err != nil {
				t.Errorf("%s: %v", out, err)
			}
		}
		_, err := OpenOrigin(context.Background(), out, OriginOptions{OpenOptions: OpenOptions{Platform: "linux/amd64"}, Digest: digest(nil)})
		if diag.CodeOf(err) != diag.Mismatch || !strings.Contains(err.Error(), want.String()) {
			t.Errorf("%s: %v", out, err)
		}
	}

	// Through the store.
	opts := OriginOptions{Store: kept}
	o := origin(t, host+"/base/python:3.11", opts)
	img := stack(t, o, newLayer("opt/env/x", "own"))
	opts.Digest, opts.Offline = o.Digest, true
	offline := origin(t, host+"/base/python:gone", opts)
	err = write(t, "oci:"+dir+"/2", artifact(t, stack(t, offline)), Options{})
	if diag.CodeOf(err) != diag.Fetch || !strings.Contains(err.Error(), "--offline") {
		t.Errorf("layers that were not read: %v", err)
	}
	if err := write(t, "oci:"+dir+"/3", artifact(t, img), Options{}); err != nil {
		t.Fatal(err)
	}
	reg.forget()
	if err := write(t, "oci:"+dir+"/4", artifact(t, stack(t, offline)), Options{}); err != nil {
		t.Error(err)
	}
	if len(reg.log) > 0 {
		t.Error(reg.log)
	}
}

func TestOriginErrors(t *testing.T) {
	host, reg := serveRepositories(t)
	amd, _ := sample(t, "linux/amd64")
	v6, v7 := newImage(t, "linux/arm/v6", newLayer("a", "6")), newImage(t, "linux/arm/v7", newLayer("a", "7"))
	a := artifact(t, amd, v6, v7)
	if err := push(t, host+"/base/python:3.11", a, PushOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		spec, platform, digest string
		code                   diag.Code
		text                   string
	}{
		{host + "/base/python:3.11", "linux/s390x", "", diag.Usage, "no image for linux/s390x"},
		{host + "/base/python:3.11", "linux/arm", "", diag.Usage, "2 images for linux/arm"},
		{host + "/base/python:3.12", "linux/amd64", "", diag.Fetch, "does not have it"},
		{host + "/base/python:3.11", "linux/amd64", digest(nil), diag.Fetch, "does not have it"},
		{host + "/base/python:3.11", "linux/arm64", configOf(t, amd), diag.Fetch, ""},
		{host + "/base/python:3.11", "linux/amd64", a.Digest(), diag.Mismatch, "is wanted"},
		{"./image.tar", "linux/amd64", "", diag.Usage, "looks like a path"},
		{"docker-daemon:x", "linux/amd64", "", diag.Usage, "not supported"},
		{"oci:", "linux/amd64", "", diag.Usage, "no path"},
		{"X", "linux/amd64", "", diag.Usage, "not a valid image reference"},
	} {
		o, err := OpenOrigin(context.Background(), c.spec, OriginOptions{Digest: c.digest, OpenOptions: OpenOptions{Platform: c.platform, Client: Client{Keychain: anonymous}}})
		if err == nil || diag.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s for %s, %s: %v, %v", c.spec, c.platform, c.digest, o, err)
		}
	}
	// A registry that fails while its layer is read is the one that is named.
	o := origin(t, host+"/base/python:3.11", OriginOptions{})
	delete(reg.has, "base/python "+func() string { l, _ := o.Image.Layers(); h, _ := l[0].Digest(); return h.String() }())
	elsewhere, _ := serveRepositories(t)
	err := push(t, elsewhere+"/team/app:v1", artifact(t, stack(t, o)), PushOptions{})
	if diag.CodeOf(err) != diag.Fetch || !strings.Contains(err.Error(), "reading "+host) {
		t.Error(err)
	}
}

// TestOriginDamage holds that what a registry gives is checked before it is kept.
func TestOriginDamage(t *testing.T) {
	amd, lower := sample(t, "linux/amd64")
	var damage atomic.Bool
	host := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if damage.Load() && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, lower[1].digest) {
				rec := httptest.NewRecorder()
				next.ServeHTTP(rec, r)
				body := bytes.Clone(rec.Body.Bytes())
				body[1000]++
				w.Header().Set("Content-Length", fmt.Sprint(len(body)))
				w.Write(body)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	if err := push(t, host+"/base/python:3.11", artifact(t, amd), PushOptions{}); err != nil {
		t.Fatal(err)
	}
	damage.Store(true)
	kept, err := store.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	o := origin(t, host+"/base/python:3.11", OriginOptions{Store: kept})
	if err := write(t, "oci:"+t.TempDir(), artifact(t, stack(t, o)), Options{}); diag.CodeOf(err) != diag.Mismatch || !strings.Contains(err.Error(), lower[1].digest) {
		t.Errorf("damage: %v", err)
	}
	if kept.Has(lower[1].digest[7:]) {
		t.Error("damaged bytes were kept")
	}
}
