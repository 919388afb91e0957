package main

import (
	"fmt"
	"runtime"
	"strings"
	"sync"

	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/internal/sources"
)

// places are where a command's packages come from. What several of its steps ask for is found once, and all of them fetch with
// one client, whose connections stay.
type places struct {
	mu     sync.Mutex
	found  map[string]*sources.Sources
	order  []*sources.Sources
	client *fetch.Client
}

// sources finds the sources; flags say more than o.
func (s *session) sources(o sources.Options) (*sources.Sources, error) {
	o.Index, o.Mirrors = s.indexURL, s.mirrors
	o.Apt = map[string]string{}
	for _, m := range s.aptMirror {
		name, url, ok := strings.Cut(m, "=")
		if !ok || strings.Contains(name, "/") {
			name, url = "debian", m
		}
		o.Apt[name] = url
	}
	s.places.mu.Lock()
	defer s.places.mu.Unlock()
	key := o.Codename
	for _, i := range o.Indexes {
		key += fmt.Sprintf("\x00%s\x00%s\x00%s\x00%t%t", i.Name, i.URL, i.Path, i.Flat, i.Default)
	}
	if known := s.places.found[key]; known != nil {
		return known, nil
	}
	found, err := sources.Find(sources.ThisHost(runtime.GOOS), o)
	if err != nil {
		return nil, err
	}
	if s.places.found == nil {
		s.places.found = map[string]*sources.Sources{}
	}
	s.places.found[key] = found
	s.places.order = append(s.places.order, found)
	return found, nil
}

// fetcher is the client that all steps fetch with.
func (s *session) fetcher() (*fetch.Client, error) {
	s.places.mu.Lock()
	defer s.places.mu.Unlock()
	if s.places.client != nil {
		return s.places.client, nil
	}
	roots, err := sources.ThisHost(runtime.GOOS).RootCAs()
	if err != nil {
		return nil, err
	}
	s.places.client = fetch.New(fetch.Options{
		RootCAs: roots, Credentials: s.places.credentials, UserAgent: "envpack/" + buildVersion(), Offline: s.offline, Retry: s.retries.tell(s),
	})
	return s.places.client, nil
}

// credentials are those of all sources that were found, those of a distribution's archives included.
func (p *places) credentials(host string) (user, password string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, found := range p.order {
		if user, password, ok = found.Credentials(host); ok {
			return user, password, true
		}
	}
	return "", "", false
}
