// Package index reads Python package indexes: the simple repository API (PEP 503, 691, 700, 714,
// 592, 658, 792) in JSON and HTML, and the metadata of wheels without fetching the wheels.
//
// It does not choose: which versions, wheels or yanked files are taken is the resolver's business,
// and so is what a file's name means. It unpacks and installs nothing, and reads no source
// distributions.
//
// Invariants: an index answers for itself; where several are in use, a Set takes a package from one
// of them only. What is cached in the store is bound to the index that it came from. Hashes that an
// index gives for metadata are verified. Everything is safe for concurrent use; what is returned is
// shared and must not be changed.
package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/resolver/pep508"
)

// ErrNoProject says that an index does not have a project.
var ErrNoProject = errors.New("no such project")

// maxRequests is how many requests an index gets at a time.
const maxRequests = 50

// pageLimit is the size in bytes of the largest page that is read, decoded.
const pageLimit = 128 << 20

const accept = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"

// Options say where an index is and how to read it.
type Options struct {
	URL  string        // of the simple API, without credentials: "https://packages.example/simple/"; of a flat index its page
	Path string        // instead of URL: the absolute path of a folder of this machine, or of a flat index' page
	Name string        // for people and locks
	Pos  diag.Position // where the address or path was written, for errors; zero: in no file
	// Flat says that all files of all packages are in one page or folder, as for pip's find-links.
	Flat    bool
	Undated Undated
	// Forbids says that the index answers 403 for what it does not have, as stores of files without a listing do.
	Forbids bool

	Fetch *fetch.Client
	Store *store.Store
	// MaxAge is how old a cached page may be that is used without asking the index.
	MaxAge time.Duration
	Now    func() time.Time
	// Offline lets cached pages of any age be used.
	Offline bool
}

// Index is a client for one index.
type Index struct {
	o        Options
	base     *url.URL
	requests chan struct{}
	projects flight[*Project]
	renewed  flight[*Project]
	metadata flight[*Metadata]
	flats    flight[*flat]
	anew     flight[*flat] // flats that were asked for however fresh the cache is
	learnt   flight[File]
}

// Undated says what as-of does with files of which the index does not say when they were uploaded. Not to know is
// an error unless somebody has decided.
type Undated string

// The decisions. "" is to fail.
const (
	UndatedUse  Undated = "use"  // as if they had been uploaded in time
	UndatedSkip Undated = "skip" // as if they had been uploaded too late
)

// New makes a client. It makes no request.
func New(o Options) (*Index, error) {
	x := &Index{o: o, requests: make(chan struct{}, maxRequests)}
	if o.Path != "" {
		x.base = fileURL(o.Path)
		return x, nil
	}
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, diag.New(diag.Manifest, "index %s: %s is not the address of an index", o.Name, fetch.Redact(o.URL)).
			Hint("an index's address begins with https:// and often ends with /simple/")
	}
	if u.User != nil { // it would get into the addresses of files, and with them into the store
		return nil, diag.New(diag.Manifest, "index %s: its address %s holds credentials", o.Name, fetch.Redact(o.URL)).
			Hint("put them into ~/.netrc")
	}
	u.Fragment = ""
	if !o.Flat && !strings.HasSuffix(u.Path, "/") {
		u = u.JoinPath("/")
	}
	x.base = u
	return x, nil
}

// Name is the index's name.
func (x *Index) Name() string { return x.o.Name }

// Project gives what the index has of a project, from the cache if that is fresh enough.
//
// Errors: ErrNoProject, wrapped; diag errors of fetching, and for a page that makes no sense.
func (x *Index) Project(ctx context.Context, name string) (*Project, error) {
	return x.ask(ctx, name, &x.projects, &x.flats, x.o.MaxAge)
}

// Renewed is Project, but asks the index however fresh the cache is, and whatever the index says of having changed, unless it is
// offline: for a file that somebody else's lock names, and that was uploaded after the cached page was read, or of which the page
// was not received as it was sent.
func (x *Index) Renewed(ctx context.Context, name string) (*Project, error) {
	return x.ask(ctx, name, &x.renewed, &x.anew, unconditional)
}

// unconditional is the age of pages that are not believed even if the index confirms them.
const unconditional = -1

func (x *Index) ask(ctx context.Context, name string, asked *flight[*Project], flats *flight[*flat], maxAge time.Duration) (*Project, error) {
	name = pep508.NormalizeName(name)
	p, err := asked.do(ctx, name, func() (*Project, error) {
		p, err := x.page(ctx, name, flats, maxAge)
		if err != nil || p == nil {
			return nil, err
		}
		return x.finish(name, p), nil
	})
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, fmt.Errorf("%s in index %s: %w", name, x.o.Name, ErrNoProject)
	}
	return p, nil
}

// page finds a project's page, or makes it of the flat index's; nil: there is none.
func (x *Index) page(ctx context.Context, name string, flats *flight[*flat], maxAge time.Duration) (*page, error) {
	switch {
	case x.o.Flat:
		all, err := flats.do(ctx, "", func() (*flat, error) { return x.flat(ctx, maxAge) })
		if err != nil {
			return nil, err
		}
		return all.project(name), nil
	case x.o.Path != "":
		return x.folder(name)
	}
	p, err := x.remotePage(ctx, x.base.JoinPath(name, "/").String(), name, maxAge)
	if err != nil || p.missing {
		return nil, err
	}
	return p, nil
}

// remotePage asks for a page of which the store remembers the last answer; name is the project's, or "" for that of
// a flat index.
func (x *Index) remotePage(ctx context.Context, address, name string, maxAge time.Duration) (*page, error) {
	now := x.o.Now()
	old := x.kept(name)
	if old != nil {
		age := now.Sub(old.fetched)
		if x.o.Offline || age >= 0 && age < maxAge {
			return old, nil
		}
		if maxAge == unconditional || old.etag == "" || !old.files.load() { // it is written anew if the index confirms it
			old = nil
		}
	}
	release, err := x.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	header := http.Header{}
	if old != nil {
		header.Set("If-None-Match", old.etag)
	}
	resp, err := x.o.Fetch.Get(ctx, address, fetch.GetOptions{Accept: accept, Limit: pageLimit, Header: header})
	fresh := &page{}
	switch {
	case fetch.StatusOf(err) == http.StatusNotFound, fetch.StatusOf(err) == http.StatusGone, x.o.Forbids && fetch.StatusOf(err) == http.StatusForbidden:
		fresh.missing = true
	case err != nil:
		e := diag.Wrap(err, 0, "asking index %s for %s", x.o.Name, cmp.Or(name, "its files"))
		if large := (*fetch.TooLargeError)(nil); errors.As(err, &large) {
			return nil, e.Hint("no page of an index is that large: check that its address is that of its simple API, which often ends with /simple/")
		}
		return nil, e
	case resp.Status == http.StatusNotModified && old != nil:
		fresh = old
	default:
		fresh, err = parsePage(resp, name)
		if err != nil {
			return nil, x.unreadable(err, name, fetch.Redact(resp.URL))
		}
		fresh.etag = resp.Header.Get("ETag")
	}
	fresh.fetched = now
	if err := x.keep(name, fresh); err != nil {
		return nil, err
	}
	return fresh, nil
}

// unreadable is the error of a page that makes no sense.
func (x *Index) unreadable(err error, name, where string) error {
	if name == "" {
		return diag.Wrap(err, diag.Fetch, "reading the page of index %s at %s", x.o.Name, where).
			Hint("a flat index is a page with links to files; one with a page for each package has format = \"simple\"")
	}
	return diag.Wrap(err, diag.Fetch, "reading the page of %s in index %s at %s", name, x.o.Name, where).
		Hint("check that the index's address is that of its simple API; it often ends with /simple/")
}

// finish makes the project of a page.
func (x *Index) finish(name string, p *page) *Project {
	files := p.files
	if p.status == "quarantined" { // PEP 792: nothing may be installed
		files = Files{}
	}
	unreadable := p.unreadable
	unreadable.First = unreadable.First[:min(len(unreadable.First), maxEntries)]
	return &Project{
		Name: name, IndexName: x.o.Name, Files: files, Status: p.status, StatusReason: p.reason, Unreadable: unreadable,
		Undated: x.o.Undated, APIVersion: p.version,
	}
}

func (x *Index) acquire(ctx context.Context) (release func(), err error) {
	select {
	case x.requests <- struct{}{}:
		return func() { <-x.requests }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
