package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// engineWorld is a script's Docker engine, as far as images are loaded into it. It knows an image by its config's digest.
type engineWorld struct {
	mu     sync.Mutex
	loaded []byte            // the last archive
	saved  map[string][]byte // archives by the names of their images, and by their configs
	images map[string]bool   // "sha256:…" of configs
	names  []string          // that were given, "NAME:TAG", in their order
	fails  bool
}

func (e *engineWorld) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	id, what, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/images/"), "/")
	if at := strings.LastIndexByte(r.URL.Path, '/'); at > len("/images/") && strings.HasPrefix(r.URL.Path, "/images/") { // a name may have slashes
		id, what = r.URL.Path[len("/images/"):at], r.URL.Path[at+1:]
	}
	answer := func(code int, v any) {
		rw.WriteHeader(code)
		json.NewEncoder(rw).Encode(v)
	}
	switch {
	case r.URL.Path == "/_ping":
		io.WriteString(rw, "OK")
	case r.URL.Path == "/images/load" && r.Method == http.MethodPost && r.Header.Get("Content-Type") == "application/x-tar":
		e.loaded, _ = io.ReadAll(r.Body)
		if e.fails {
			answer(200, map[string]any{"errorDetail": map[string]string{"message": "invalid tar header"}, "error": "invalid tar header"})
			return
		}
		var manifests []struct {
			Config   string
			RepoTags []string
		}
		for archive := tar.NewReader(bytes.NewReader(e.loaded)); ; {
			h, err := archive.Next()
			if err != nil {
				break
			}
			if h.Name == "manifest.json" {
				json.NewDecoder(archive).Decode(&manifests)
			}
		}
		if len(manifests) != 1 {
			answer(500, map[string]string{"message": "no manifest.json"})
			return
		}
		config := "sha256:" + manifests[0].Config[strings.LastIndexByte(manifests[0].Config, '/')+1:]
		e.images[config] = true
		e.names = append(e.names, manifests[0].RepoTags...)
		if e.saved == nil {
			e.saved = map[string][]byte{}
		}
		for _, name := range append(manifests[0].RepoTags, config) {
			e.saved[strings.TrimSuffix(name, ":latest")] = e.loaded
		}
		answer(200, map[string]string{"stream": "Loaded image: " + strings.Join(e.names, " ") + "\n"})
	case e.saved[id] != nil && what == "json":
		answer(200, map[string]any{"Id": id, "Size": len(e.saved[id]) / 2})
	case e.saved[id] != nil && what == "get":
		rw.Write(e.saved[id])
	case !e.images[id]:
		answer(404, map[string]string{"message": "No such image: " + id})
	case what == "tag" && r.Method == http.MethodPost:
		e.names = append(e.names, r.URL.Query().Get("repo")+":"+r.URL.Query().Get("tag"))
		rw.WriteHeader(http.StatusCreated)
	default:
		answer(400, map[string]string{"message": r.Method + " " + r.URL.Path})
	}
}

// docker makes the engine refuse what it is given ("fail") or take it ("well"), holds it to the names that images got since the last
// time ("names NAME:TAG..."), or writes what it was given last into a FILE and forgets it; nothing must have been given for "none".
func (w *world) docker(ts *testscript.TestScript, args []string) {
	e := &w.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case len(args) > 0 && args[0] == "names":
		if got := strings.Join(e.names, " "); got != strings.Join(args[1:], " ") {
			ts.Fatalf("images are called %s", got)
		}
		e.names = nil
	case len(args) != 1:
		ts.Fatalf("want STATE|FILE")
	case args[0] == "fail" || args[0] == "well":
		e.fails = args[0] == "fail"
	case args[0] == "none" && len(e.loaded) > 0, args[0] != "none" && len(e.loaded) == 0:
		ts.Fatalf("the engine was given %d bytes", len(e.loaded))
	case args[0] != "none":
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), e.loaded, 0o644))
		e.loaded = nil
	}
}
