package testenv

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Index is a package index that exists only in memory: the simple API at /simple/NAME/, a flat page of
// all files at /links, the files at /files/NAME. It does what a test wants to see handled. The fields are set before it serves;
// methods may be called at any time.
type Index struct {
	HTMLOnly   bool   // speak HTML whatever is asked for
	Metadata   bool   // offer metadata files (PEP 658)
	NoRanges   bool   // answer byte ranges with the whole file
	NoSizes    bool   // leave sizes out
	NoHashes   bool   // leave the files' hashes out
	ETags      bool   // offer entity tags and honour them
	WrongHash  bool   // promise hashes of something else, metadata files' included
	Malformed  bool   // send JSON that ends in the middle
	Signed     string // not "": a secret in the addresses of files, and another form of it in those that they are redirected to
	APIVersion string
	Status     string // PEP 792, of every project
	Delay      time.Duration

	mu       sync.Mutex
	files    map[string][]*indexed // by normalised project
	contents map[string][]byte     // by path
	failures map[string]*IndexFailure
	requests []IndexRequest
	active   int       // requests under way
	idle     sync.Cond // of mu
}

// IndexFile says what the index tells of a file.
type IndexFile struct {
	Uploaded       time.Time // zero: leave it out
	Yanked         bool
	YankedReason   string
	RequiresPython string
	Metadata       []byte // of the metadata file; nil: what the wheel has
}

// IndexFailure is how requests for a path fail.
type IndexFailure struct {
	Status     int    // answer with this; 0: as usual
	Count      int    // so many times; 0: always
	RetryAfter string // header
	Truncate   int    // with status 0: end the body after so many bytes
	// Answer is what answers instead; nil: the rest of the failure.
	Answer http.HandlerFunc
}

// IndexRequest is a request that was made.
type IndexRequest struct {
	Path   string
	Range  string // header
	Accept string // header
	Status int
	Bytes  int64 // of the body that was sent
}

type indexed struct {
	IndexFile
	name     string
	sha256   string
	size     int
	metadata []byte // nil: none
}

var nameRuns = regexp.MustCompile(`[-_.]+`)

func projectName(name string) string {
	return nameRuns.ReplaceAllString(strings.ToLower(name), "-")
}

// AddWheel adds a wheel, under the project that its file name names.
func (x *Index) AddWheel(filename string, content []byte, o IndexFile) {
	project, _, _ := strings.Cut(filename, "-")
	x.AddFile(project, filename, content, o)
}

// AddFile adds any file to a project.
func (x *Index) AddFile(project, filename string, content []byte, o IndexFile) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.files == nil {
		x.files, x.contents = map[string][]*indexed{}, map[string][]byte{}
	}
	f := &indexed{IndexFile: o, name: filename, sha256: sum(content), size: len(content), metadata: o.Metadata}
	if f.metadata == nil {
		f.metadata = MetadataOf(content)
	}
	project = projectName(project)
	x.files[project] = append(x.files[project], f)
	x.contents["/files/"+filename] = content
	if f.metadata != nil {
		x.contents["/files/"+filename+".metadata"] = f.metadata
	}
}

// Fail makes requests for a path, such as "/simple/a/" or "/files/a-1-py3-none-any.whl", fail.
func (x *Index) Fail(path string, f IndexFailure) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.failures == nil {
		x.failures = map[string]*IndexFailure{}
	}
	x.failures[path] = &f
}

// Requests are the requests since the last Forget, in the order of their ends. It waits for those
// under way: a client can have its answer before the server is done with it.
func (x *Index) Requests() []IndexRequest {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.wait()
	return append([]IndexRequest(nil), x.requests...)
}

// Count is how many requests for paths with that prefix there were since the last Forget.
func (x *Index) Count(prefix string) int {
	n := 0
	for _, r := range x.Requests() {
		if strings.HasPrefix(r.Path, prefix) {
			n++
		}
	}
	return n
}

// Forget empties the list of requests.
func (x *Index) Forget() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.wait()
	x.requests = nil
}

// wait ends when no request is under way. x.mu is held.
func (x *Index) wait() {
	x.idle.L = &x.mu
	for x.active > 0 {
		x.idle.Wait()
	}
}

func (x *Index) enter(n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.active += n
	x.idle.Broadcast()
}

// ServeHTTP implements http.Handler.
func (x *Index) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	x.enter(1)
	defer x.enter(-1)
	if x.Delay > 0 {
		select {
		case <-time.After(x.Delay):
		case <-r.Context().Done():
			return
		}
	}
	w := &recorder{ResponseWriter: rw, status: http.StatusOK, left: -1}
	defer func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.requests = append(x.requests, IndexRequest{
			Path: r.URL.Path, Range: r.Header.Get("Range"), Accept: r.Header.Get("Accept"), Status: w.status, Bytes: w.bytes,
		})
	}()
	if f := x.failure(r.URL.Path); f != nil {
		if f.Answer != nil {
			f.Answer(w, r)
			return
		}
		if f.RetryAfter != "" {
			w.Header().Set("Retry-After", f.RetryAfter)
		}
		if f.Status != 0 {
			w.WriteHeader(f.Status)
			return
		}
		w.left = int64(f.Truncate)
	}
	if r.URL.Path == "/links" {
		x.links(w, r)
		return
	}
	if name, ok := strings.CutPrefix(r.URL.Path, "/simple/"); ok {
		x.page(w, r, strings.TrimSuffix(name, "/"))
		return
	}
	x.mu.Lock()
	content, ok := x.contents[r.URL.Path]
	x.mu.Unlock()
	if !ok || strings.HasSuffix(r.URL.Path, ".metadata") && !x.Metadata {
		http.NotFound(w, r)
		return
	}
	if x.Signed != "" {
		switch query := r.URL.Query(); {
		case query.Get("X-Amz-Signature") == x.Signed:
		case query.Get("token") == x.Signed:
			http.Redirect(w, r, r.URL.Path+"?X-Amz-Signature="+x.Signed, http.StatusFound)
			return
		default:
			w.WriteHeader(http.StatusForbidden)
			return
		}
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if x.NoRanges {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		w.Write(content)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// failure is how this request is to fail, and counts it.
func (x *Index) failure(path string) *IndexFailure {
	x.mu.Lock()
	defer x.mu.Unlock()
	f := x.failures[path]
	if f == nil {
		return nil
	}
	if f.Count > 0 {
		if f.Count--; f.Count == 0 {
			delete(x.failures, path)
		}
	}
	return f
}

func (x *Index) page(w http.ResponseWriter, r *http.Request, project string) {
	x.mu.Lock()
	files, ok := x.files[project]
	x.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	x.send(w, r, project, files)
}

// links sends what all projects have.
func (x *Index) links(w http.ResponseWriter, r *http.Request) {
	x.mu.Lock()
	var all []*indexed
	for _, files := range x.files {
		all = append(all, files...)
	}
	x.mu.Unlock()
	sort.Slice(all, func(i, j int) bool { return all[i].name < all[j].name })
	x.send(w, r, "links", all)
}

func (x *Index) send(w http.ResponseWriter, r *http.Request, project string, files []*indexed) {
	kind, body := "application/vnd.pypi.simple.v1+json", x.json(project, files)
	if x.HTMLOnly || !strings.Contains(r.Header.Get("Accept"), kind) {
		kind, body = "text/html; charset=utf-8", x.html(project, files)
	} else if x.Malformed {
		body = body[:len(body)/2]
	}
	w.Header().Set("Content-Type", kind)
	if x.ETags {
		tag := `"` + sum(body)[:16] + `"`
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// MetadataOf is the METADATA in a wheel; nil if it has none or is no wheel.
func MetadataOf(content []byte) []byte {
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil
	}
	for _, f := range z.File {
		if strings.Count(f.Name, "/") == 1 && strings.HasSuffix(f.Name, ".dist-info/METADATA") {
			if r, err := f.Open(); err == nil {
				text, _ := io.ReadAll(r)
				return text
			}
		}
	}
	return nil
}

// recorder notes what is answered, and ends a body early where that is wanted.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
	left   int64 // bytes that may be sent; -1: all
}

func (w *recorder) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	short := false
	if w.left >= 0 {
		if int64(len(p)) > w.left {
			p, short = p[:w.left], true
		}
		w.left -= int64(len(p))
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	if short {
		// The server then breaks the connection, because less came than was announced.
		return n, io.ErrShortWrite
	}
	return n, err
}
