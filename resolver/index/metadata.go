package index

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/internal/wheelfile"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
	"github.com/envpack/envpack/resolver/tags"
)

// metadataLimit is the size in bytes of the largest metadata that is read.
const metadataLimit = 16 << 20

// Metadata is what a wheel or a source distribution says of itself.
type Metadata struct {
	Name           string // normalised
	Version        string // as written
	Requires       []pep508.Requirement
	RequiresPython string   // "": any
	Extras         []string // normalised, sorted
	// Assumed is where the dependencies of a source distribution were found that a build may change:
	// "PKG-INFO" or "egg-info"; "": they are final.
	Assumed string
}

// MetadataError says why a file cannot be used, whatever else is true: its metadata is wrong.
type MetadataError struct {
	File string // file name
	Err  error
}

// Error implements error.
func (e *MetadataError) Error() string { return fmt.Sprintf("the metadata of %s: %v", e.File, e.Err) }

// Unwrap gives the cause.
func (e *MetadataError) Unwrap() error { return e.Err }

// Metadata gives the metadata of a wheel of this index: what the store has noted, or the wheel in
// the store, or the index's metadata file (PEP 658), or the wheel's tail, or the wheel. A source
// distribution is fetched whole, and what it says without being built is read.
//
// Errors: *MetadataError, wrapped, for metadata that cannot be used, or of another package or version
// than the file's name; *sdistfile.DynamicError, wrapped, for a source distribution that has to be
// built for it; diag errors of fetching; of code Mismatch where a hash is not what was
// promised.
func (x *Index) Metadata(ctx context.Context, f File) (*Metadata, error) {
	key := f.SHA256
	if key == "" {
		key = f.URL
	}
	return x.metadata.do(ctx, key, func() (*Metadata, error) { return x.readMetadata(ctx, f) })
}

func (x *Index) readMetadata(ctx context.Context, f File) (*Metadata, error) {
	if !strings.HasSuffix(f.Filename, ".whl") {
		return x.sdistMetadata(ctx, f)
	}
	// Another index may promise the same hash and serve other metadata, so a note is for one index.
	key := x.base.Redacted() + "\x00" + f.SHA256
	if f.SHA256 != "" {
		if memo, ok := x.o.Store.Memo("metadata", key); ok {
			if raw, err := decodeMetadata(memo); err == nil {
				return interpret(f.Filename, raw)
			}
		}
	}
	raw, err := x.fetchMetadata(ctx, f)
	if err != nil {
		var wrong *wheelfile.Error
		if errors.As(err, &wrong) && !isDiag(err) {
			err = &MetadataError{f.Filename, err}
		}
		return nil, err
	}
	if f.SHA256 != "" {
		if err := x.o.Store.PutMemo("metadata", key, encodeMetadata(raw)); err != nil {
			return nil, err
		}
	}
	return interpret(f.Filename, raw)
}

func isDiag(err error) bool {
	var d *diag.Error
	return errors.As(err, &d)
}

func (x *Index) fetchMetadata(ctx context.Context, f File) (*wheelfile.Metadata, error) {
	if f.SHA256 != "" {
		if b, err := x.o.Store.Blob(f.SHA256); err == nil {
			defer b.Close()
			return fromWheel(f, b, b.Size())
		}
	}
	if path, ok := LocalPath(f.URL); ok {
		file, size, err := x.openLocal(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		return fromWheel(f, file, size)
	}
	release, err := x.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if f.HasMetadata {
		raw, err := x.metadataFile(ctx, f)
		if err == nil {
			m, err := wheelfile.ParseMetadata(raw)
			if err != nil {
				return nil, &MetadataError{f.Filename, err}
			}
			return m, nil
		}
		// Indexes promise files that they do not have; the wheel itself has the same.
		if status := fetch.StatusOf(err); status != http.StatusNotFound && status != http.StatusGone {
			return nil, diag.Wrap(err, 0, "reading the metadata of %s in index %s", f.Filename, x.o.Name)
		}
	}
	r := &remote{ctx: ctx, c: x.o.Fetch, url: f.URL, size: f.Size}
	if err = r.begin(); err == nil {
		if err := verifyWhole(r, f); err != nil {
			return nil, err
		}
		var m *wheelfile.Metadata
		if m, err = fromWheel(f, r, r.size); err == nil || !isDiag(err) {
			return m, err
		}
	}
	if !rangesRefused(err) {
		return nil, diag.Wrap(err, 0, "reading the metadata of %s in index %s", f.Filename, x.o.Name)
	}
	return x.wholeWheel(ctx, f)
}

// verifyWhole holds a wheel that is so small that its tail is all of it to its hash.
func verifyWhole(r *remote, f File) error {
	data, ok := r.whole()
	if !ok || f.SHA256 == "" {
		return nil
	}
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:]); got != f.SHA256 {
		return diag.New(diag.Mismatch, "fetching %s: expected sha256 %s, got sha256 %s", fetch.Redact(f.URL), f.SHA256, got).
			Hint("the file was changed, or something between alters it; tell who runs the index")
	}
	return nil
}

// rangesRefused tells whether an error is about byte ranges and not the file. Servers that do not
// know them, or not those of a suffix, are known to answer with these.
func rangesRefused(err error) bool {
	switch fetch.StatusOf(err) {
	case http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusRequestedRangeNotSatisfiable, http.StatusNotImplemented:
		return true
	}
	return errors.Is(err, fetch.ErrNoRange) || errors.Is(err, errManyReads)
}

// metadataFile fetches the index's metadata file and verifies it.
func (x *Index) metadataFile(ctx context.Context, f File) ([]byte, error) {
	u, err := url.Parse(f.URL)
	if err != nil {
		return nil, diag.Wrap(err, diag.Fetch, "the address of %s", f.Filename)
	}
	u.Path += ".metadata" // PEP 658
	if u.RawPath != "" {
		u.RawPath += ".metadata"
	}
	resp, err := x.o.Fetch.Get(ctx, u.String(), fetch.GetOptions{Limit: metadataLimit})
	if err != nil {
		return nil, err
	}
	if f.MetadataSHA256 != "" {
		sum := sha256.Sum256(resp.Body)
		if got := hex.EncodeToString(sum[:]); got != f.MetadataSHA256 {
			return nil, diag.New(diag.Mismatch, "%s: expected sha256 %s, got sha256 %s", fetch.Redact(u.String()), f.MetadataSHA256, got).
				Hint("the index's metadata file is not what its page promises; tell who runs the index")
		}
	}
	return resp.Body, nil
}

// wholeWheel fetches the wheel into the store, where it is needed later anyway if it is chosen.
func (x *Index) wholeWheel(ctx context.Context, f File) (*wheelfile.Metadata, error) {
	sum, err := x.stored(ctx, f)
	if err != nil {
		return nil, diag.Wrap(err, 0, "reading the metadata of %s in index %s", f.Filename, x.o.Name)
	}
	b, err := x.o.Store.Blob(sum)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return fromWheel(f, b, b.Size())
}

// interpret makes sense of metadata, and holds it to the file's name.
func interpret(filename string, raw *wheelfile.Metadata) (*Metadata, error) {
	fail := func(format string, args ...any) (*Metadata, error) {
		return nil, &MetadataError{filename, fmt.Errorf(format, args...)}
	}
	name, version, err := nameAndVersion(filename)
	if err != nil {
		return fail("%w", err)
	}
	m, err := Interpret(filename, raw)
	if err != nil {
		return nil, err
	}
	if m.Name != pep508.NormalizeName(name) {
		return fail("it is of %s, not %s", raw.Name, name)
	}
	stated, err := pep440.Parse(raw.Version)
	if err != nil {
		return fail("%w", err)
	}
	if named, err := pep440.Parse(version); err != nil || !named.Equal(stated) {
		return fail("it is of version %s, not %s", raw.Version, version)
	}
	return m, nil
}

// InterpretWheel makes sense of a wheel's metadata, and holds it to the wheel's name. Errors: *MetadataError.
func InterpretWheel(filename string, raw *wheelfile.Metadata) (*Metadata, error) {
	return interpret(filename, raw)
}

// nameAndVersion are those that a file's name says, as written.
func nameAndVersion(filename string) (name, version string, err error) {
	if strings.HasSuffix(filename, ".whl") {
		return wheelfile.ParseName(filename)
	}
	name, v, err := tags.ParseSdist(filename)
	return name, v.String(), err
}

// maxRequirements is how many requirements a file may have. Those of well-known projects have some hundreds, nearly all of
// extras; each extra that is asked for looks at all of them.
const maxRequirements = 10000

// Interpret makes sense of metadata that is of no file with a name that says more; what is what
// errors call it. Errors: *MetadataError.
func Interpret(what string, raw *wheelfile.Metadata) (*Metadata, error) {
	fail := func(format string, args ...any) (*Metadata, error) {
		return nil, &MetadataError{what, fmt.Errorf(format, args...)}
	}
	m := &Metadata{Name: pep508.NormalizeName(raw.Name), Version: raw.Version}
	if strings.TrimSpace(raw.RequiresPython) != "" {
		s, err := ParseRequiresPython(raw.RequiresPython)
		if err != nil {
			return fail("Requires-Python: %w", err)
		}
		m.RequiresPython = s.String()
	}
	if n := len(raw.RequiresDist); n > maxRequirements {
		return fail("%d requirements, more than %d", n, maxRequirements)
	}
	for _, text := range raw.RequiresDist {
		r, err := parseRequirement(text)
		if err != nil {
			return fail("Requires-Dist: %w", err)
		}
		m.Requires = append(m.Requires, r)
	}
	for _, e := range raw.ProvidesExtra {
		m.Extras = append(m.Extras, pep508.NormalizeName(e))
	}
	slices.Sort(m.Extras)
	m.Extras = slices.Compact(m.Extras)
	return m, nil
}

// SameMetadata tells what is different in the metadata of two files that should agree, such as the
// index's metadata file and the wheel's own; nil: nothing that matters for resolving.
func SameMetadata(a, b *Metadata) error {
	if a.Name != b.Name {
		return fmt.Errorf("the name is %s in one and %s in the other", a.Name, b.Name)
	}
	if a.Version != b.Version {
		v, err1 := pep440.Parse(a.Version)
		w, err2 := pep440.Parse(b.Version)
		if err1 != nil || err2 != nil || !v.Equal(w) {
			return fmt.Errorf("the version is %s in one and %s in the other", a.Version, b.Version)
		}
	}
	if a.RequiresPython != b.RequiresPython {
		return fmt.Errorf("Requires-Python is %q in one and %q in the other", a.RequiresPython, b.RequiresPython)
	}
	texts := func(m *Metadata) []string {
		var out []string
		for _, r := range m.Requires {
			out = append(out, r.String())
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	ra, rb := texts(a), texts(b)
	for _, r := range ra {
		if !slices.Contains(rb, r) {
			return fmt.Errorf("only one of them requires %q", r)
		}
	}
	for _, r := range rb {
		if !slices.Contains(ra, r) {
			return fmt.Errorf("only one of them requires %q", r)
		}
	}
	if !slices.Equal(a.Extras, b.Extras) {
		return fmt.Errorf("the extras are %q in one and %q in the other", a.Extras, b.Extras)
	}
	return nil
}

// metadataFormat begins metadata in the store.
const metadataFormat = "meta1"

func encodeMetadata(m *wheelfile.Metadata) []byte {
	b := []byte(metadataFormat)
	for _, s := range []string{m.MetadataVersion, m.Name, m.Version, m.RequiresPython} {
		b = appendString(b, s)
	}
	for _, list := range [][]string{m.RequiresDist, m.ProvidesExtra} {
		for _, s := range list {
			b = appendString(b, s+"\n") // never empty, which ends the list
		}
		b = appendString(b, "")
	}
	return b
}

func decodeMetadata(raw []byte) (*wheelfile.Metadata, error) {
	d := &decoder{s: string(raw)}
	if d.take(len(metadataFormat)) != metadataFormat {
		return nil, errMemo
	}
	m := &wheelfile.Metadata{}
	for _, s := range []*string{&m.MetadataVersion, &m.Name, &m.Version, &m.RequiresPython} {
		*s = d.string()
	}
	for _, list := range []*[]string{&m.RequiresDist, &m.ProvidesExtra} {
		for s := d.string(); s != ""; s = d.string() {
			*list = append(*list, strings.TrimSuffix(s, "\n"))
		}
	}
	if d.bad || d.s != "" {
		return nil, errMemo
	}
	return m, nil
}
