package index

import (
	"context"
	"errors"
	"io"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/internal/wheelfile"
)

const (
	// firstTail is how many bytes of a wheel's end are fetched at first. The central directory and,
	// in nearly all wheels, the .dist-info folder are at the end.
	firstTail = 32 << 10
	// maxReads is how many byte ranges of a wheel are fetched before the whole is cheaper.
	maxReads = 6
)

var errManyReads = errors.New("the wheel is read in too many places")

// fromWheel reads the metadata in a wheel.
func fromWheel(f File, r io.ReaderAt, size int64) (*wheelfile.Metadata, error) {
	d, err := wheelfile.ReadDirectory(f.Filename, r, size)
	if err != nil {
		return nil, err
	}
	return d.Metadata()
}

// remote reads a file by byte ranges and keeps what it got.
type remote struct {
	ctx   context.Context
	c     *fetch.Client
	url   string
	size  int64 // -1: not known before begin
	parts []*fetch.Part
}

// begin fetches the file's end. Where the size is known that is a plain range, which more servers
// understand than one of a suffix.
func (r *remote) begin() error {
	var p *fetch.Part
	var err error
	if r.size > 0 {
		from := max(0, r.size-firstTail)
		p, err = r.c.Range(r.ctx, r.url, from, r.size-from)
	} else {
		p, err = r.c.Suffix(r.ctx, r.url, firstTail)
	}
	if err != nil {
		return err
	}
	if r.size >= 0 && p.Total != r.size {
		return diag.New(diag.Mismatch, "%s has %d bytes, but the index says %d", fetch.Redact(r.url), p.Total, r.size).
			Hint("the file was changed, or something between alters it; tell who runs the index")
	}
	r.size = p.Total
	r.parts = append(r.parts, p)
	return nil
}

// ReadAt implements io.ReaderAt.
func (r *remote) ReadAt(b []byte, off int64) (int, error) {
	n, short := len(b), error(nil)
	if off >= r.size {
		return 0, io.EOF
	}
	if int64(n) > r.size-off {
		n, short = int(r.size-off), io.EOF
	}
	for _, p := range r.parts {
		if off >= p.Offset && off+int64(n) <= p.Offset+int64(len(p.Data)) {
			return copy(b[:n], p.Data[off-p.Offset:]), short
		}
	}
	if len(r.parts) == maxReads {
		return 0, diag.Wrap(errManyReads, diag.Fetch, "fetching %s", fetch.Redact(r.url))
	}
	p, err := r.c.Range(r.ctx, r.url, off, int64(n))
	if err != nil {
		return 0, err
	}
	if p.Total != r.size || !p.Whole && len(p.Data) < n {
		return 0, diag.New(diag.Fetch, "fetching %s: the file changes while it is read", fetch.Redact(r.url))
	}
	r.parts = append(r.parts, p)
	return copy(b[:n], p.Data[off-p.Offset:]), short
}
