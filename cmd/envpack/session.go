package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/supply"
	"github.com/envpack/envpack/internal/ui"
)

// session is one run of the command: its streams, its global flags, and what they open.
type session struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	cacheDir  string
	offline   bool
	quiet     bool
	json      bool
	indexURL  string
	aptMirror []string
	mirrors   []string // of data files
	lockFile  string   // as --lock names it; "" is envpack.lock
	project   string   // the project's folder or manifest as it is named; "" is the working directory

	opened sync.Once // screen: tasks begin on several goroutines
	screen *ui.UI

	warning sync.Mutex
	said    map[string]bool // what was, of what is said once

	smoked *smoked // what --smoke found; nil: nothing yet

	retries retries
	places  places
}

func (s *session) addFlags(f *pflag.FlagSet) {
	f.StringVar(&s.cacheDir, "cache-dir", "", "the `DIR` that is the store of downloaded and built files (default: $ENVPACK_CACHE, else the user's cache folder)")
	f.BoolVar(&s.offline, "offline", false, "use only what the store has")
	f.BoolVarP(&s.quiet, "quiet", "q", false, "no progress, warnings only")
	f.BoolVar(&s.json, "json", false, "results and errors as JSON")
	f.StringVar(&s.indexURL, "index-url", "", "`URL` of the default package index")
	f.StringArrayVar(&s.aptMirror, "apt-mirror", nil, "address of a distribution archive, as `NAME=URL`, or URL for debian")
	f.StringArrayVar(&s.mirrors, "file-mirror", nil, "where files of [[file]] are asked for whose addresses begin so, as `URL=URL`")
}

// ui is the display on standard error.
func (s *session) ui() *ui.UI {
	s.opened.Do(func() {
		var o ui.Options
		if f, ok := s.stderr.(*os.File); ok {
			o = ui.For(f, os.Getenv)
		}
		o.Quiet, o.JSON, o.Now = s.quiet, s.json, time.Now
		s.screen = ui.New(s.stderr, o)
	})
	return s.screen
}

// close takes the display away, before an error or the end.
func (s *session) close() {
	if s.screen != nil {
		s.screen.Close()
	}
}

// printJSON prints a result for programs, on one line.
func (s *session) printJSON(v any) error {
	s.close()
	encoder := json.NewEncoder(s.stdout)
	encoder.SetEscapeHTML(false) // bounds have < and >
	return encoder.Encode(v)
}

// task shows work that takes a while, in bytes.
func (s *session) task(name string, total int64) func(int64) {
	t := s.ui().Phase(name)
	t.Expect(total)
	left := total
	if total == 0 {
		t.Done()
		return func(int64) {}
	}
	var mu lockedCount
	return func(n int64) {
		t.Add(n)
		if mu.add(n) >= left {
			t.Done()
		}
	}
}

// openStore opens the store, or makes it.
func (s *session) openStore(ctx context.Context) (*store.Store, error) {
	dir, err := s.storeDir()
	if err != nil {
		return nil, err
	}
	slow := time.AfterFunc(time.Second, func() {
		s.ui().Printf("opening the store %s takes a while: it waits for an envpack that removes something from it", dir)
	})
	defer slow.Stop()
	return store.Open(ctx, dir)
}

// storeDir is where the store is, or would be: --cache-dir, ENVPACK_CACHE, or the user's cache folder.
func (s *session) storeDir() (string, error) {
	dir := s.cacheDir
	if dir == "" {
		dir = os.Getenv("ENVPACK_CACHE")
	}
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", diag.New(diag.Failure, "there is no folder for the store: neither --cache-dir nor ENVPACK_CACHE is set, and the user has no cache folder").
				Hint("name one: --cache-dir DIR")
		}
		dir = filepath.Join(base, "envpack")
	}
	return dir, nil
}

// pageAge is how long an index page is believed without asking again.
const pageAge = 10 * time.Minute

// use is what a supply is opened for. What the machine's configuration does not decide is said when a
// lock is made; a build takes what the lock says. Upgrading asks the index anew for everything.
type use int

const (
	fetching use = iota
	locking
	upgrading
)

// openSupply finds the sources and opens the way to them. Of want the indexes, archives and the folder
// are the caller's.
func (s *session) openSupply(st *store.Store, o sources.Options, want supply.Options, use use) (*supply.Supply, error) {
	found, err := s.sources(o)
	if err != nil {
		return nil, err
	}
	maxAge := pageAge
	if use != fetching {
		for _, w := range found.Warnings {
			s.warnOnce(w.String())
		}
		s.warnPlain("the default index", found.Index.URL)
		for _, i := range want.Indexes {
			s.warnPlain("the index "+i.Name, i.URL)
		}
	}
	if use == upgrading {
		maxAge = 0
	}
	client, err := s.fetcher()
	if err != nil {
		return nil, err
	}
	if want.Registry, err = registryClient(); err != nil {
		return nil, err
	}
	want.SourcesFor = func(codename string) (*sources.Sources, error) {
		o := o
		o.Codename = codename
		return s.sources(o)
	}
	want.Store, want.Fetch, want.Sources = st, client, found
	want.Warn = s.warnOnce
	want.Offline, want.Now, want.MaxAge, want.Task = s.offline, time.Now, maxAge, s.task
	return supply.New(want)
}
