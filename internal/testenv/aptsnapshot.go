package testenv

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

// stampForm is how snapshot services write times in addresses.
const stampForm = "20060102T150405Z"

// AptSnapshots is a snapshot service: it has states of archives, each from a time on. Of Debian's archives a state is
// below /ARCHIVE/TIME/, and a time without a state of its own leads to the last before it, as at Debian's; Ubuntu's is
// below /TIME/. It is an http.Handler.
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
	path := strings.TrimPrefix(req.URL.Path, "/")
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
