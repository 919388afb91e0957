package publish

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/envpack/envpack/internal/diag"
)

// keychain is none: the tests' results must not depend on who is logged in.
type keychain struct{ auth authn.Authenticator }

func (k keychain) Resolve(authn.Resource) (authn.Authenticator, error) { return k.auth, nil }

var anonymous = keychain{authn.Anonymous}

// serve starts a registry in memory, behind wrap if it is not nil.
func serve(t *testing.T, wrap func(http.Handler) http.Handler) (host string) {
	t.Helper()
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	if wrap != nil {
		handler = wrap(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func push(t *testing.T, ref string, a *Artifact, opts PushOptions) error {
	t.Helper()
	if opts.Keychain == nil {
		opts.Keychain = anonymous
	}
	return Push(context.Background(), reference(t, ref), a, opts)
}

func TestPush(t *testing.T) {
	host := serve(t, nil)
	img, layers := sample(t, "linux/amd64")
	a := artifact(t, img)
	var done, total atomic.Int64
	opts := PushOptions{Progress: func(d, n int64) { done.Store(d); total.Store(n) }, Client: Client{UserAgent: "envpack/test"}}
	if err := push(t, host+"/team/digits:v1", a, opts); err != nil {
		t.Fatal(err)
	}
	if done.Load() != total.Load() || total.Load() == 0 {
		t.Errorf("progress ended at %d of %d", done.Load(), total.Load())
	}
	tag, _ := name.NewTag(host + "/team/digits:v1")
	pulled, err := remote.Image(tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(pulled); err != nil {
		t.Error(err)
	}
	if d, _ := pulled.Digest(); d.String() != a.Digest() {
		t.Errorf("pulled %s, pushed %s", d, a.Digest())
	}
	// Layers that the registry has are not opened, whatever else is new.
	for _, l := range layers {
		l.opened.Store(0)
	}
	more := newLayer("etc/more", "new")
	if err := push(t, host+"/team/digits:v2", artifact(t, newImage(t, "linux/amd64", append(layers, more)...)), PushOptions{}); err != nil {
		t.Fatal(err)
	}
	for i, l := range layers {
		if n := l.opened.Load(); n != 0 {
			t.Errorf("layer %d was opened %d times", i, n)
		}
	}
	if more.opened.Load() != 1 {
		t.Errorf("the new layer was opened %d times", more.opened.Load())
	}
}

func TestPushSeveralPlatforms(t *testing.T) {
	host := serve(t, nil)
	amd, _ := sample(t, "linux/amd64")
	arm, _ := sample(t, "linux/arm64")
	a := artifact(t, amd, arm)
	if err := push(t, host+"/team/digits:v1", a, PushOptions{}); err != nil {
		t.Fatal(err)
	}
	tag, _ := name.NewTag(host + "/team/digits:v1")
	pulled, err := remote.Index(tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(pulled); err != nil {
		t.Error(err)
	}
	if d, _ := pulled.Digest(); d.String() != a.Digest() {
		t.Errorf("pulled %s, pushed %s", d, a.Digest())
	}
}

func TestPushErrors(t *testing.T) {
	answer := func(code int, body string) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/v2/" {
					next.ServeHTTP(w, r)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(code)
				io.WriteString(w, body)
			})
		}
	}
	onCommit := func(code int, body string) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			refuse := answer(code, body)(next)
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Has("digest") {
					refuse.ServeHTTP(w, r)
					return
				}
				next.ServeHTTP(w, r)
			})
		}
	}
	for name, c := range map[string]struct {
		wrap       func(http.Handler) http.Handler
		want, hint string
		code       diag.Code
	}{
		"unauthorized": {answer(401, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`), "gives no permission", "docker login", diag.Fetch},
		"denied":       {answer(403, `{"errors":[{"code":"DENIED","message":"no"}]}`), "gives no permission", "may not push to team/digits", diag.Fetch},
		"absent":       {answer(404, `{"errors":[{"code":"NAME_UNKNOWN"}]}`), "does not have the repository", "created first", diag.Fetch},
		"too large":    {answer(413, ``), "larger than", "raise the limit", diag.Fetch},
		"digest":       {onCommit(400, `{"errors":[{"code":"DIGEST_INVALID"}]}`), "received other bytes", "", diag.Mismatch},
		"broken":       {answer(501, `oops`), "answered with an error", "push again", diag.Fetch},
	} {
		t.Run(name, func(t *testing.T) {
			host := serve(t, c.wrap)
			img, _ := sample(t, "linux/amd64")
			err := push(t, host+"/team/digits:v1", artifact(t, img), PushOptions{})
			if err == nil || !strings.Contains(err.Error(), c.want) || diag.CodeOf(err) != c.code {
				t.Fatalf("error is %v", err)
			}
			if hints := strings.Join(diag.HintsOf(err), "\n"); !strings.Contains(hints, c.hint) {
				t.Errorf("hints are %q", hints)
			}
		})
	}
}

func TestPushAgainAfterFailure(t *testing.T) {
	var failures atomic.Int64
	failures.Store(2)
	host := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && failures.Add(-1) >= 0 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	img, _ := sample(t, "linux/amd64")
	if err := push(t, host+"/team/digits:v1", artifact(t, img), PushOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestPushCredentials(t *testing.T) {
	host := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "me" || password != "secret" {
				w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	img, _ := sample(t, "linux/amd64")
	if err := push(t, host+"/x:v1", artifact(t, img), PushOptions{}); diag.CodeOf(err) != diag.Fetch {
		t.Errorf("without credentials: %v", err)
	}
	mine := keychain{&authn.Basic{Username: "me", Password: "secret"}}
	if err := push(t, host+"/x:v1", artifact(t, img), PushOptions{Client: Client{Keychain: mine}}); err != nil {
		t.Error(err)
	}
	wrong := keychain{&authn.Basic{Username: "me", Password: "hunter2"}}
	err := push(t, host+"/x:v1", artifact(t, img), PushOptions{Client: Client{Keychain: wrong}})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("with wrong credentials: %v", err)
	}
}

func TestPushUnreachable(t *testing.T) {
	img, _ := sample(t, "linux/amd64")
	server := httptest.NewServer(http.NotFoundHandler())
	host := strings.TrimPrefix(server.URL, "http://")
	server.Close()
	err := push(t, host+"/x:v1", artifact(t, img), PushOptions{})
	if err == nil || !strings.Contains(err.Error(), "cannot reach "+host) || diag.CodeOf(err) != diag.Fetch {
		t.Errorf("error is %v", err)
	}
}

func TestPushCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	host := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPatch {
				cancel()
			}
			next.ServeHTTP(w, r)
		})
	})
	img, _ := sample(t, "linux/amd64")
	err := Push(ctx, reference(t, host+"/x:v1"), artifact(t, img), PushOptions{Client: Client{Keychain: anonymous}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

func TestPushLayerError(t *testing.T) {
	host := serve(t, nil)
	img, layers := sample(t, "linux/amd64")
	layers[1].fail = diag.New(diag.Mismatch, "the wheel changed")
	err := push(t, host+"/x:v1", artifact(t, img), PushOptions{})
	if err == nil || diag.CodeOf(err) != diag.Mismatch {
		t.Errorf("error is %v", err)
	}
}

// spy answers nothing and remembers where requests would have gone.
type spy struct{ plain atomic.Int64 }

func (s *spy) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "http" {
		s.plain.Add(1)
	}
	return nil, errors.New("no network here")
}

func TestPlainHTTP(t *testing.T) {
	img, _ := sample(t, "linux/amd64")
	a := artifact(t, img)
	for host, allowed := range map[string]bool{"localhost:5000": true, "127.0.0.1:5000": true, "x.localhost": true, "10.0.0.1:5000": false, "192.168.1.2": false, "nas.local": false, "registry.example": false} {
		s := &spy{}
		if err := push(t, host+"/x:v1", a, PushOptions{Client: Client{Transport: s}}); diag.CodeOf(err) != diag.Fetch {
			t.Errorf("%s: %v", host, err)
		}
		if (s.plain.Load() > 0) != allowed {
			t.Errorf("%s: %d plain requests", host, s.plain.Load())
		}
	}
}
