package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// registryWorld is a script's registry: go-containerregistry's, which has every blob in every repository, made one that has them
// where they were sent to, that mounts, and that counts.
type registryWorld struct {
	next          http.Handler
	denied, holds bool
	hidden        string            // repository that nobody may read
	noMount       bool              // a mount begins an upload, as registries may
	has           map[string]bool   // "repository digest"
	lies          map[string]string // by digest: "size", "digest" or "bytes"
	sent          int               // blobs, for uploads
	counts        map[string]int64  // see [world.transfers]
}

type counted struct {
	io.ReadCloser
	w    *world
	what string
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.w.count(c.what, int64(n))
	return n, err
}

func (w *world) count(what string, n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.registry.counts == nil {
		w.registry.counts = map[string]int64{}
	}
	w.registry.counts[what] += n
}

func (w *world) serveRegistry(rw http.ResponseWriter, r *http.Request) {
	g := &w.registry
	write := r.Method != http.MethodGet && r.Method != http.MethodHead
	path := strings.TrimPrefix(r.URL.Path, "/v2/")
	repo, blob, isBlob := strings.Cut(path, "/blobs/")
	query := r.URL.Query()
	w.mu.Lock()
	refused := g.denied && write || g.hidden != "" && strings.HasPrefix(path, g.hidden+"/")
	holds := g.holds && write
	mount := query.Get("mount")
	mounts := mount != "" && g.has[query.Get("from")+" "+mount] && !g.noMount
	lacks := isBlob && !write && !g.has[repo+" "+blob]
	lie := ""
	if isBlob && !write {
		lie = g.lies[blob]
	}
	w.mu.Unlock()
	if refused {
		rw.WriteHeader(http.StatusForbidden)
		json.NewEncoder(rw).Encode(map[string]any{"errors": []any{map[string]any{"code": "DENIED", "message": "requested access to the resource is denied"}}})
		return
	}
	if holds {
		w.stalled.Store(true)
		io.Copy(io.Discard, r.Body) // which tells when the client goes away
		<-r.Context().Done()
		return
	}
	if write {
		r.Body = counted{r.Body, w, "bytes"}
	}
	switch {
	case mounts:
		w.count("mounts", 1)
		w.give(repo, mount)
		rw.WriteHeader(http.StatusCreated)
		return
	case isBlob && write && query.Get("digest") != "":
		w.count("uploads", 1)
		w.give(repo, query.Get("digest"))
		w.mu.Lock()
		g.sent++
		w.mu.Unlock()
	case r.Method == http.MethodPut:
		w.count("manifests", 1)
	case isBlob && r.Method == http.MethodHead:
		w.count("asked", 1)
	case isBlob && r.Method == http.MethodGet:
		w.count("read", 1)
	}
	if lacks {
		rw.WriteHeader(http.StatusNotFound)
		if r.Method == http.MethodGet {
			io.WriteString(rw, `{"errors":[{"code":"BLOB_UNKNOWN"}]}`)
		}
		return
	}
	if lie == "" {
		g.next.ServeHTTP(rw, r)
		return
	}
	true_ := httptest.NewRecorder()
	g.next.ServeHTTP(true_, r)
	body := true_.Body.Bytes()
	maps.Copy(rw.Header(), true_.Header())
	switch {
	case lie == "size" && r.Method == http.MethodHead:
		rw.Header().Set("Content-Length", "1")
	case lie == "digest":
		rw.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("0", 64))
	case lie == "bytes" && len(body) > 0:
		body = bytes.Clone(body)
		body[len(body)/2] ^= 1
	}
	rw.WriteHeader(true_.Code)
	rw.Write(body)
}

func (w *world) give(repo, digest string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.registry.has == nil {
		w.registry.has = map[string]bool{}
	}
	w.registry.has[repo+" "+digest] = true
}

// permit makes the registry refuse what is written ("deny"), never answer it ("hold"), refuse all of a repository ("hide REPOSITORY"), not
// mount ("nomount"), "lie size|digest|bytes DIGEST" about a blob, "lose REPOSITORY DIGEST", or be "allow" again.
func (w *world) permit(ts *testscript.TestScript, args []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := &w.registry
	w.stalled.Store(false)
	switch {
	case len(args) == 1 && args[0] == "allow":
		g.denied, g.holds, g.noMount, g.hidden, g.lies = false, false, false, "", nil
	case len(args) == 1 && args[0] == "deny":
		g.denied = true
	case len(args) == 1 && args[0] == "hold":
		g.holds = true
	case len(args) == 1 && args[0] == "nomount":
		g.noMount = true
	case len(args) == 2 && args[0] == "hide":
		g.hidden = args[1]
	case len(args) == 3 && args[0] == "lie" && slices.Contains([]string{"size", "digest", "bytes"}, args[1]):
		g.lies = map[string]string{args[2]: args[1]}
	case len(args) == 3 && args[0] == "lose" && g.has[args[1]+" "+args[2]]:
		delete(g.has, args[1]+" "+args[2])
	default:
		ts.Fatalf("the registry cannot %s", strings.Join(args, " "))
	}
}

func (w *world) uploaded(ts *testscript.TestScript, args []string) {
	arguments(ts, args, "N")
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.registry.sent != number(ts, args[0]) {
		ts.Fatalf("%d blobs were sent, want %s", w.registry.sent, args[0])
	}
	w.registry.sent = 0
}

// transfers holds what the registry did since the last time to counts, KEY=N or, for at most, KEY<=N: blobs "asked" for by HEAD, "read",
// "mounts", "uploads" of blobs, "manifests" written, and "bytes" that were sent to it. Those that are not named are not looked at.
func (w *world) transfers(ts *testscript.TestScript, args []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, arg := range args {
		key, want, exact := strings.Cut(arg, "=")
		key, most := strings.CutSuffix(key, "<")
		got := w.registry.counts[key]
		if n := int64(number(ts, want)); !exact || got > n || got != n && !most {
			ts.Fatalf("%s is not so: %s", arg, fmt.Sprint(w.registry.counts))
		}
	}
	w.registry.counts, w.registry.sent = nil, 0
}
