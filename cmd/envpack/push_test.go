package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
)

// countedRegistry is the registry that most others descend from, behind what counts.
type countedRegistry struct {
	host string
	data string // the folder of what it has

	mu    sync.Mutex
	blobs []string // digests that were sent
	bytes int64    // that were sent, all together
}

func startRegistry(t *testing.T) *countedRegistry {
	t.Helper()
	dir := t.TempDir()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	behind := listener.Addr().String()
	listener.Close()
	conf := filepath.Join(dir, "registry.yml")
	text := "version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: " + dir + "/data}}\nhttp: {addr: " + behind + "}\n"
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	server := exec.Command(testenv.Tool(t, "docker-registry"), "serve", conf)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	for range 100 {
		if c, err := net.Dial("tcp", behind); err == nil {
			c.Close()
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	r := &countedRegistry{data: filepath.Join(dir, "data")}
	forward := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(&url.URL{Scheme: "http", Host: behind})
		p.Out.Host = p.In.Host // which the registry's own addresses begin with
	}}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodPut && strings.Contains(req.URL.Path, "/blobs/") {
			r.mu.Lock()
			r.blobs = append(r.blobs, req.URL.Query().Get("digest"))
			r.mu.Unlock()
		}
		req.Body = &sentBody{req.Body, r}
		forward.ServeHTTP(w, req)
	}))
	t.Cleanup(front.Close)
	r.host = strings.TrimPrefix(front.URL, "http://")
	return r
}

type sentBody struct {
	io.ReadCloser
	r *countedRegistry
}

func (b *sentBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.r.mu.Lock()
	defer b.r.mu.Unlock()
	b.r.bytes += int64(n)
	return n, err
}

// since gives what was sent since the last time.
func (r *countedRegistry) since() (blobs []string, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	blobs, bytes = r.blobs, r.bytes
	r.blobs, r.bytes = nil, 0
	return blobs, bytes
}

// TestPushOfChanges pushes the digits example, then with another version of one small package, then with a changed file, and
// then from an empty store, and counts what goes over the line each time.
func TestPushOfChanges(t *testing.T) {
	testenv.Real(t, "an index, a Debian mirror and docker-registry")
	x, r := newTools(t), startRegistry(t)
	const slack = 64 << 10
	for _, name := range []string{"envpack.toml", "envpack.lock", "train.py"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "examples", "digits", name))
		if err != nil {
			t.Fatal(err)
		}
		x.write(t, "digits", map[string]string{name: string(text)})
	}
	layers := func() map[string]lockfile.SealedLayer {
		all := map[string]lockfile.SealedLayer{}
		for _, l := range x.lock(t, "digits").Seals[0].Layers {
			all[l.Name] = l
		}
		return all
	}
	// pushes holds a push to the blobs that it sends beside the config, and to so many bytes with all else.
	pushes := func(what string, args []string, want ...string) string {
		t.Helper()
		digest := x.run(t, "digits", "envpack", append([]string{"push", "-q"}, args...)...)
		sealed := layers()
		blobs, bytes := r.since()
		limit := int64(slack)
		sent := map[string]bool{}
		for _, b := range blobs {
			sent[b] = true
		}
		for _, name := range want {
			limit += sealed[name].Size
			if !sent[sealed[name].Digest] {
				t.Errorf("%s: the layer %s was not sent", what, name)
			}
		}
		t.Logf("%s: %d blobs, %d bytes", what, len(blobs), bytes)
		if len(blobs) > len(want)+1 || bytes > limit {
			t.Errorf("%s: %d blobs and %d bytes were sent, want %s and the config, and at most %d bytes: %s", what, len(blobs), bytes, want, limit, blobs)
		}
		return digest
	}
	tag := "--tag=" + r.host + "/team/digits:"
	x.run(t, "digits", "envpack", "push", "-q", tag+"v1")
	if blobs, _ := r.since(); len(blobs) != len(layers())+1 {
		t.Errorf("%d blobs were sent at first", len(blobs))
	}
	x.run(t, "digits", "envpack", "lock", "-q", "-P", "threadpoolctl==3.5.0")
	x.run(t, "digits", "envpack", "build", "-q") // which seals
	bin := fmt.Sprintf("wheels %02d", lockfile.Bin("threadpoolctl"))
	pushes("another version", []string{tag + "v2"}, bin, "lock")

	x.write(t, "digits", map[string]string{"train.py": "print('other')\n"})
	x.run(t, "digits", "envpack", "build", "-q", "--seal")
	want := pushes("another file", []string{tag + "v3"}, "project")

	empty := filepath.Join(x.dir, "empty")
	if got := pushes("an empty store", []string{"--cache-dir", empty, tag + "v4"}); got != want {
		t.Errorf("from an empty store comes %s, not %s", got, want)
	}
	err := filepath.Walk(empty, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() && info.Size() > slack {
			t.Errorf("the empty store got %s, of %d bytes", path, info.Size())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
