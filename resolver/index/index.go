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
	"mime"
	"net/http"
	"net/url"
	"path"
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
const pageLimit = 256 << 20

const accept = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"

// Options say where an index is and how to read it.
type Options struct {
	URL   string // of the simple API, without credentials: "https://packages.example/simple/"
	Name  string // for people and locks
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
}

// Project is what an index has of a project.
type Project struct {
	Name      string // normalised
	IndexName string
	Files     []File // in the index's order
	Status    string // PEP 792: "active", "archived", "quarantined", "deprecated"; "": not said
	// StatusReason is why, for people; it may be "".
	StatusReason string
	// Unreadable are the entries that have no usable name or address, and are not in Files.
	Unreadable Unreadable
}

// Unreadable is what could not be understood of a list of files.
type Unreadable struct {
	Count int
	First []Entry // of them, at most maxEntries
}

// Entry is a file that could not be understood.
type Entry struct {
	Name   string // as far as it is known; may be ""
	Reason string // "it has no address"
}

// maxEntries is how many unreadable entries of a page are kept, and maxEntryName how many bytes of
// the name of each.
const maxEntries, maxEntryName = 20, 200

func (u *Unreadable) add(name, reason string) {
	u.Count++
	if len(u.First) < maxEntries {
		u.First = append(u.First, Entry{strings.Clone(strings.ToValidUTF8(name[:min(len(name), maxEntryName)], "")), reason})
	}
}

// File is a file of a project.
type File struct {
	Filename       string
	URL            string    // absolute, without fragment
	SHA256         string    // 64 lower-case hexadecimal digits; "": the index does not say
	Size           int64     // in bytes; -1: the index does not say
	Uploaded       time.Time // zero: the index does not say
	RequiresPython string    // as the index has it
	Yanked         bool
	YankedReason   string
	HasMetadata    bool   // the index has the metadata as a file of its own (PEP 658)
	MetadataSHA256 string // of that file; may be ""
}

// New makes a client. It makes no request.
func New(o Options) (*Index, error) {
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
	if !strings.HasSuffix(u.Path, "/") {
		u = u.JoinPath("/")
	}
	return &Index{o: o, base: u, requests: make(chan struct{}, maxRequests)}, nil
}

// Name is the index's name.
func (x *Index) Name() string { return x.o.Name }

// Project gives what the index has of a project, from the cache if that is fresh enough.
//
// Errors: ErrNoProject, wrapped; diag errors of fetching, and for a page that makes no sense.
func (x *Index) Project(ctx context.Context, name string) (*Project, error) {
	return x.ask(ctx, name, &x.projects, x.o.MaxAge)
}

// Renewed is Project, but asks the index however fresh the cache is, unless it is offline: for a
// file that somebody else's lock names, and that was uploaded after the cached page was read.
func (x *Index) Renewed(ctx context.Context, name string) (*Project, error) {
	return x.ask(ctx, name, &x.renewed, 0)
}

func (x *Index) ask(ctx context.Context, name string, asked *flight[*Project], maxAge time.Duration) (*Project, error) {
	name = pep508.NormalizeName(name)
	p, err := asked.do(ctx, name, func() (*Project, error) { return x.project(ctx, name, maxAge) })
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, fmt.Errorf("%s in index %s: %w", name, x.o.Name, ErrNoProject)
	}
	return p, nil
}

// project gives nil for a project that the index does not have.
func (x *Index) project(ctx context.Context, name string, maxAge time.Duration) (*Project, error) {
	key := x.base.Redacted() + "\x00" + name
	now := x.o.Now()
	var old *page
	if raw, ok := x.o.Store.Memo("index-page", key); ok {
		old, _ = decodePage(raw)
	}
	if old != nil {
		age := now.Sub(old.fetched)
		if x.o.Offline || age >= 0 && age < maxAge {
			return x.finish(name, old), nil
		}
	}
	release, err := x.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	header := http.Header{}
	if old != nil && old.etag != "" {
		header.Set("If-None-Match", old.etag)
	}
	resp, err := x.o.Fetch.Get(ctx, x.base.JoinPath(name, "/").String(), fetch.GetOptions{Accept: accept, Limit: pageLimit, Header: header})
	fresh := &page{}
	switch {
	case fetch.StatusOf(err) == http.StatusNotFound, fetch.StatusOf(err) == http.StatusGone:
		fresh.missing = true
	case err != nil:
		return nil, diag.Wrap(err, 0, "asking index %s for %s", x.o.Name, name)
	case resp.Status == http.StatusNotModified && old != nil:
		fresh = old
	default:
		fresh, err = parsePage(resp)
		if err != nil {
			return nil, diag.Wrap(err, diag.Fetch, "reading the page of %s in index %s at %s", name, x.o.Name, fetch.Redact(resp.URL)).
				Hint("check that the index's address is that of its simple API; it often ends with /simple/")
		}
		fresh.etag = resp.Header.Get("ETag")
	}
	fresh.fetched = now
	memo := encodePage(fresh)
	if err := x.o.Store.PutMemo("index-page", key, memo); err != nil {
		return nil, err
	}
	// What was read from JSON holds on to all of its text, which is several times as long.
	if fresh, err = decodePage(memo); err != nil {
		return nil, err
	}
	return x.finish(name, fresh), nil
}

// finish makes the project of a page; nil: there is none.
func (x *Index) finish(name string, p *page) *Project {
	if p.missing {
		return nil
	}
	files := p.files
	if p.status == "quarantined" { // PEP 792: nothing may be installed
		files = nil
	}
	return &Project{Name: name, IndexName: x.o.Name, Files: files, Status: p.status, StatusReason: p.reason, Unreadable: p.unreadable}
}

func (x *Index) acquire(ctx context.Context) (release func(), err error) {
	select {
	case x.requests <- struct{}{}:
		return func() { <-x.requests }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// page is what a project's page has.
type page struct {
	fetched    time.Time
	etag       string
	missing    bool // the index has no such page
	status     string
	reason     string // of the status
	unreadable Unreadable
	files      []File
}

// parsePage reads a page by its content type.
func parsePage(resp *fetch.Response) (*page, error) {
	base, err := url.Parse(resp.URL)
	if err != nil {
		return nil, err
	}
	base.User = nil // a redirect may have brought one
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil && kind == "" {
		kind = "no content type"
	}
	switch kind {
	case "application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.latest+json", "application/json":
		return parseJSON(resp.Body, base)
	case "application/vnd.pypi.simple.v1+html", "application/vnd.pypi.simple.latest+html", "text/html", "application/xhtml+xml":
		return parseHTML(resp.Body, base)
	}
	return nil, fmt.Errorf("neither JSON nor HTML, but %s", kind)
}

// checkVersion refuses an API of another major version (PEP 629). None is 1.0.
func checkVersion(v string) error {
	major, _, _ := strings.Cut(v, ".")
	if v != "" && major != "1" {
		return fmt.Errorf("the index speaks version %.20q of the simple API, of which only 1 is known", v)
	}
	return nil
}

// addFile adds a file with its address as it stands in the page, or counts it as unreadable.
func (p *page) addFile(f File, base *url.URL) {
	address, fragment, _ := strings.Cut(f.URL, "#")
	if !strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "http://") {
		u, err := base.Parse(address)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			p.unreadable.add(cmp.Or(f.Filename, address), "its address is not of HTTP")
			return
		}
		address = u.String()
	}
	f.URL = address
	if f.SHA256 == "" {
		if sum, ok := strings.CutPrefix(fragment, "sha256="); ok {
			sum, _, _ = strings.Cut(sum, "&")
			f.SHA256 = sum
		}
	}
	f.SHA256 = hash(f.SHA256)
	f.MetadataSHA256 = hash(f.MetadataSHA256)
	if f.Filename == "" || strings.ContainsAny(f.Filename, "/\\\x00") || f.Filename == "." || f.Filename == ".." {
		p.unreadable.add(cmp.Or(f.Filename, path.Base(f.URL)), "it has no usable name")
		return
	}
	p.files = append(p.files, f)
}

// hash is a SHA-256 in lower case, "" if it is none: no hash promises less than a wrong one.
func hash(s string) string {
	if len(s) != 64 {
		return ""
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			if c < 'A' || c > 'F' {
				return ""
			}
			return hash(strings.ToLower(s))
		}
	}
	return s
}
