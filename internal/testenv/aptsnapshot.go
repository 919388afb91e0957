package testenv

import (
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// stampForm is how snapshot services write times in addresses.
const stampForm = "20060102T150405Z"

// AptSnapshots is a snapshot service: it has states of archives, each from a time on. Of Debian's archives a state is
// below /ARCHIVE/TIME/, and a time without a state of its own leads to the last before it, as at Debian's; Ubuntu's is
// below /TIME/. Below /archive/ is the same, and beside that /mr/ and /file/, as at the root of Debian's. It is an http.Handler.
type AptSnapshots struct {
	mu     sync.Mutex
	states []aptState
}

type aptState struct {
	from time.Time
	repo *AptRepo
}

// Keep keeps what the repository has now as its state from a time on. Later states are kept later.
func (s *AptSnapshots) Keep(r *AptRepo, from time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.states = append(s.states, aptState{from, r.Clone()})
}

// at are the states in force at a time, of every repository the last.
func (s *AptSnapshots) at(t time.Time) []aptState {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []aptState
	seen := map[string]bool{}
	for i := len(s.states) - 1; i >= 0; i-- {
		state := s.states[i]
		if key := state.repo.Archive + " " + state.repo.Codename; !state.from.After(t) && !seen[key] {
			seen[key] = true
			found = append(found, state)
		}
	}
	return found
}

func (s *AptSnapshots) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	archive, stamp, rest := "", "", ""
	path := strings.TrimPrefix(strings.TrimPrefix(req.URL.Path, "/"), "archive/")
	if s.serveFormer(w, path) {
		return
	}
	first, after, _ := strings.Cut(path, "/")
	if _, err := time.Parse(stampForm, first); err == nil {
		archive, stamp, rest = "ubuntu", first, after
	} else {
		archive = first
		stamp, rest, _ = strings.Cut(after, "/")
	}
	at, err := time.Parse(stampForm, stamp)
	if err != nil {
		http.NotFound(w, req)
		return
	}
	for _, state := range s.at(at) {
		data := state.repo.File(archive + "/" + rest)
		if data == nil {
			continue
		}
		if archive != "ubuntu" && !state.from.Equal(at) {
			prefix := strings.TrimSuffix(req.RequestURI, stamp+"/"+rest)
			http.Redirect(w, req, prefix+state.from.UTC().Format(stampForm)+"/"+rest, http.StatusFound)
			return
		}
		w.Write(data)
		return
	}
	http.NotFound(w, req)
}

// Files serves packages of all states by the names of their files, as Ubuntu's library does.
func (s *AptSnapshots) Files(w http.ResponseWriter, req *http.Request) {
	for _, d := range s.former() {
		if name := d.path[strings.LastIndexByte(d.path, '/')+1:]; strings.HasSuffix(req.URL.Path, "/"+name) {
			w.Write(d.content)
			return
		}
	}
	http.NotFound(w, req)
}

// former are the packages of all states.
func (s *AptSnapshots) former() []repoDeb {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []repoDeb
	for _, state := range s.states {
		state.repo.mu.Lock()
		all = append(all, state.repo.debs...)
		state.repo.mu.Unlock()
	}
	return all
}

// serveFormer answers as Debian's service does at /mr/binary/NAME/VERSION/binfiles, with other builds of the version before
// and behind the right one, and at /file/SHA1; it tells whether it was asked there.
func (s *AptSnapshots) serveFormer(w http.ResponseWriter, path string) bool {
	if hash, ok := strings.CutPrefix(path, "file/"); ok {
		for _, d := range s.former() {
			if fmt.Sprintf("%x", sha1.Sum(d.content)) == hash {
				w.Write(d.content)
				return true
			}
		}
		w.WriteHeader(http.StatusNotFound)
		return true
	}
	parts := strings.Split(path, "/")
	if len(parts) != 5 || parts[0] != "mr" || parts[1] != "binary" || parts[4] != "binfiles" {
		return false
	}
	type result struct {
		Architecture string `json:"architecture"`
		Hash         string `json:"hash"`
	}
	type info struct {
		Name      string `json:"name"`
		Archive   string `json:"archive_name"`
		Path      string `json:"path"`
		Size      int    `json:"size"`
		FirstSeen string `json:"first_seen"`
	}
	var results []result
	infos := map[string][]info{}
	add := func(arch, hash, path string, size int) {
		at := strings.LastIndexByte(path, '/')
		results = append(results, result{arch, hash})
		infos[hash] = []info{{path[at+1:], "debian", "/" + path[:at], size, "20260101T000000Z"}}
	}
	for _, d := range s.former() {
		if hash := fmt.Sprintf("%x", sha1.Sum(d.content)); d.name == parts[2] && d.version == parts[3] && infos[hash] == nil {
			add("riscv64", strings.Repeat("1", 40), strings.Replace(d.path, d.arch, "riscv64", 1), len(d.content))
			add(d.arch, hash, d.path, len(d.content))
			add(d.arch, strings.Repeat("2", 40), d.path, len(d.content)+1)
		}
	}
	if len(results) == 0 {
		w.WriteHeader(http.StatusNotFound)
		return true
	}
	slices.Reverse(results)
	json.NewEncoder(w).Encode(map[string]any{"binary": parts[2], "binary_version": parts[3], "result": results, "fileinfo": infos})
	return true
}
