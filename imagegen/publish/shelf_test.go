package publish

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/diag"
)

func repositoryOf(t *testing.T, s string) Repository {
	t.Helper()
	r, err := ParseRepository(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func described(l *testLayer) layer.Descriptor {
	return layer.Descriptor{Digest: l.digest, DiffID: digest(l.diff), Size: l.size}
}

func TestShelf(t *testing.T) {
	host, reg := serveRepositories(t)
	img, layers := sample(t, "linux/amd64")
	if err := push(t, host+"/cache/layers:x", artifact(t, img), PushOptions{}); err != nil {
		t.Fatal(err)
	}
	one := newImage(t, "linux/amd64", layers[0])
	if err := push(t, host+"/team/app:v0", artifact(t, one), PushOptions{}); err != nil {
		t.Fatal(err)
	}
	reg.forget()
	shelf := NewShelf(ShelfOptions{Client: Client{Keychain: anonymous}, Target: reference(t, host+"/team/app:v1"), Cache: repositoryOf(t, host+"/cache/layers")})
	ctx := context.Background()
	for i, l := range layers {
		found, err := shelf.Layer(ctx, described(l))
		if err != nil || found == nil {
			t.Fatalf("layer %d: %v, %v", i, found, err)
		}
		r, err := found.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		r.Close()
		if err != nil || digest(data) != l.digest {
			t.Errorf("layer %d: %d bytes, %v", i, len(data), err)
		}
	}
	other := newLayer("etc/other", "other")
	if found, err := shelf.Layer(ctx, described(other)); found != nil || err != nil {
		t.Errorf("a layer that is nowhere: %v, %v", found, err)
	}
	same(t, "asked", reg.requests("HEAD"), append(on("cache/layers", layers[1], layers[2], other), on("team/app", append(layers, other)...)...))
	same(t, "read", reg.requests("GET"), append(on("cache/layers", layers[1:]...), on("team/app", layers[0])...))

	// The push asks no more about what is there, mounts what is in the cache, and then knows that all is there.
	reg.forget()
	a := artifact(t, newImage(t, "linux/amd64", append(layers, other)...))
	if err := push(t, host+"/team/app:v1", a, PushOptions{Shelf: shelf}); err != nil {
		t.Fatal(err)
	}
	for _, line := range reg.requests("HEAD") {
		if strings.HasSuffix(line, layers[0].digest) {
			t.Error("a layer was asked for that is known to be there")
		}
	}
	same(t, "mounted", reg.requests("MOUNT"), on("team/app", layers[1:]...))
	reg.forget()
	if err := push(t, host+"/team/app:v2", a, PushOptions{Shelf: shelf}); err != nil {
		t.Fatal(err)
	}
	if asked := reg.requests("HEAD"); len(asked) > 1 { // the config
		t.Errorf("asked again: %s", asked)
	}
}

func TestShelfErrors(t *testing.T) {
	_, layers := sample(t, "linux/amd64")
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter)
		text   string
		code   diag.Code
	}{
		"denied": {func(w http.ResponseWriter) { w.WriteHeader(403) }, "gives no permission", diag.Fetch},
		"broken": {func(w http.ResponseWriter) { w.WriteHeader(501) }, "answered with an error", diag.Fetch},
		"size":   {func(w http.ResponseWriter) { w.Header().Set("Content-Length", "7") }, "with 7 bytes", diag.Mismatch},
		"digest": {func(w http.ResponseWriter) { w.Header().Set("Docker-Content-Digest", digest(nil)) }, "as " + digest(nil), diag.Mismatch},
	} {
		var asked atomic.Int64
		host := serve(t, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodHead {
					asked.Add(1)
					c.answer(w)
					return
				}
				next.ServeHTTP(w, r)
			})
		})
		ctx := context.Background()
		shelf := NewShelf(ShelfOptions{Client: Client{Keychain: anonymous}, Target: reference(t, host+"/team/app:v1")})
		if _, err := shelf.Layer(ctx, described(layers[0])); diag.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
		// A cache that fails is told of once, and not asked again; what is wrong in it is an error all the same.
		var told []error
		asked.Store(0)
		shelf = NewShelf(ShelfOptions{Client: Client{Keychain: anonymous}, Cache: repositoryOf(t, host+"/team/app"), Warn: func(err error) { told = append(told, err) }})
		for range 2 {
			found, err := shelf.Layer(ctx, described(layers[0]))
			if c.code == diag.Mismatch && diag.CodeOf(err) != c.code || c.code != diag.Mismatch && err != nil || found != nil {
				t.Errorf("%s of a cache: %v, %v", name, found, err)
			}
		}
		if c.code == diag.Fetch && (len(told) != 1 || !strings.Contains(told[0].Error(), c.text) || asked.Load() != 1) {
			t.Errorf("%s of a cache: asked %d times, told %v", name, asked.Load(), told)
		}
	}
	silent := serve(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Length", "0") })
	})
	if found, err := NewShelf(ShelfOptions{Client: Client{Keychain: anonymous}, Cache: repositoryOf(t, silent+"/x")}).Layer(context.Background(), described(layers[0])); found == nil || err != nil {
		t.Errorf("a registry that does not say the size: %v, %v", found, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	host := serve(t, nil)
	shelf := NewShelf(ShelfOptions{Client: Client{Keychain: anonymous}, Cache: repositoryOf(t, host+"/team/app"), Warn: func(error) { t.Error("told of an interruption") }})
	if _, err := shelf.Layer(ctx, described(layers[0])); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestShelfCredentials has a registry that wants a token of a scope, as most do.
func TestShelfCredentials(t *testing.T) {
	img, layers := sample(t, "linux/amd64")
	var scopes atomic.Value
	host := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				if user, password, _ := r.BasicAuth(); user != "me" || password != "secret" {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				scopes.Store(r.URL.Query()["scope"])
				io.WriteString(w, `{"token":"good"}`)
				return
			}
			if r.Header.Get("Authorization") != "Bearer good" {
				w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+r.Host+`/token",service="test"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	client := Client{Keychain: keychain{&authn.Basic{Username: "me", Password: "secret"}}}
	if err := push(t, host+"/team/app:v1", artifact(t, img), PushOptions{Client: client}); err != nil {
		t.Fatal(err)
	}
	for scope, o := range map[string]ShelfOptions{
		"repository:team/app:push,pull": {Client: client, Target: reference(t, host+"/team/app:v2")},
		"repository:team/app:pull":      {Client: client, Cache: repositoryOf(t, host+"/team/app")},
	} {
		shelf := NewShelf(o)
		found, err := shelf.Layer(context.Background(), described(layers[1]))
		if err != nil || found == nil {
			t.Fatalf("%s: %v, %v", scope, found, err)
		}
		if got := scopes.Load().([]string); len(got) != 1 || got[0] != scope {
			t.Errorf("asked for %s, not %s", got, scope)
		}
		r, err := found.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		if h, _, err := v1.SHA256(r); err != nil || h.String() != layers[1].digest {
			t.Errorf("%s: %s, %v", scope, h, err)
		}
		r.Close()
	}
}

func TestParseRepository(t *testing.T) {
	for s, want := range map[string]string{
		"registry.example/team/layers": "registry.example/team/layers", "127.0.0.1:5000/x": "127.0.0.1:5000/x", "[::1]:5000/x": "[::1]:5000/x",
	} {
		if got, err := ParseRepository(s); err != nil || got.String() != want || got.Tag("y").String() != want+":y" {
			t.Errorf("%s is %s (%v)", s, got, err)
		}
	}
	for s, want := range map[string]string{
		"": "names no registry", "layers": "names no registry", "registry.example/x:v1": "has a tag", "registry.example/x@" + digest(nil): "has a tag or a digest",
		"registry.example/X": "is no repository",
	} {
		if _, err := ParseRepository(s); diag.CodeOf(err) != diag.Usage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", s, err)
		}
	}
}
