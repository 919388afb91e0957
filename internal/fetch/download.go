package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/store"
)

// Download fetches a file into the store, unless the store has it, and verifies it: its SHA-256 and
// its size in bytes (-1: unknown). What an earlier attempt left is continued. progress, which may be
// nil, is told how many bytes are there; the number can fall when a download starts over.
//
// Errors: in diag errors of code Mismatch, *store.MismatchError, after a second attempt from zero
// if parts had been put together; of code Fetch, as for Get, and a download that keeps ending early.
func (c *Client) Download(ctx context.Context, address, sha256 string, size int64, st *store.Store, progress func(n int64)) error {
	if st.Has(sha256) {
		return nil
	}
	u, err := c.check(address)
	if err != nil {
		return err
	}
	p, err := st.Partial(ctx, sha256)
	if errors.Is(err, store.ErrExists) {
		return nil
	}
	if err != nil {
		if ctx.Err() != nil {
			return explain(ctx, u, err, 1)
		}
		return err
	}
	defer p.Close()
	if progress == nil {
		progress = func(int64) {}
	}
	d := &download{c: c, u: u, p: p, size: size, progress: progress}
	if p.Offset() > 0 {
		d.pieces = 1
	}
	for {
		if err := d.fill(ctx); err != nil {
			return store.NeedHint(err, size-p.Offset())
		}
		err := p.Commit(size)
		var m *store.MismatchError
		if err == nil {
			return st.NameBlob(sha256, u.Path)
		}
		if !errors.As(err, &m) {
			return err
		}
		again := d.pieces > 1 // the pieces may be of different files
		if err := p.Reset(); err != nil {
			return err
		}
		if !again {
			return mismatch(u, err)
		}
		d.pieces, d.whole = 0, true
		if size == 0 {
			return mismatch(u, err)
		}
	}
}

// download is one file on its way into the store.
type download struct {
	c        *Client
	u        *url.URL
	p        *store.Partial
	size     int64 // -1: unknown
	pieces   int   // requests whose bytes are in p, those of earlier processes counting as one
	whole    bool  // pieces were tried and did not fit: from zero only
	progress func(int64)
}

// fill fetches until the file is complete by all that is known of its size.
func (d *download) fill(ctx context.Context) error {
	if d.size >= 0 && d.p.Offset() > d.size { // left by an attempt that expected another size
		if err := d.reset(); err != nil {
			return err
		}
	}
	if d.p.Offset() == d.size { // empty, or left by a process that ended just before the last step
		d.pieces = 2 // if it is not right, it is worth another attempt
		return nil
	}
	best := d.p.Offset()
	for failures := 0; ; {
		asked, err := d.c.once(ctx, d.client(), d.u, d.header(), acceptPart, d.receive)
		if err == nil {
			return nil
		}
		if d.p.Offset() > best {
			best, failures = d.p.Offset(), 0
		}
		failures++
		if failures == attempts || !retryable(ctx, err) {
			return explain(ctx, d.u, err, failures)
		}
		if d.whole {
			if err := d.reset(); err != nil {
				return err
			}
		}
		d.c.again(d.u, failures, err)
		if d.c.o.Sleep(ctx, pause(failures, asked)) != nil {
			return explain(ctx, d.u, err, failures)
		}
	}
}

func (d *download) reset() error {
	d.pieces = 0
	return d.p.Reset()
}

const (
	// large is how many bytes are worth a connection of their own.
	large = 16 << 20
	// piece is how many bytes are written at once, and pieceTime how long they are waited for: whoever reads the file
	// while it grows is woken for each piece.
	piece     = 256 << 10
	pieceTime = 50 * time.Millisecond
)

func (d *download) client() *http.Client {
	if d.size < 0 || d.size-d.p.Offset() >= large {
		return d.c.bulk
	}
	return d.c.http
}

func (d *download) header() http.Header {
	h := http.Header{acceptCoding: {identity}}
	if d.p.Offset() > 0 {
		h.Set("Range", fmt.Sprintf("bytes=%d-", d.p.Offset()))
	}
	return h
}

func acceptPart(status int) bool {
	return status == http.StatusOK || status == http.StatusPartialContent || status == http.StatusRequestedRangeNotSatisfiable
}

// receive appends what a response has, or starts over if it is not the part that was asked for.
func (d *download) receive(resp *http.Response) error {
	end := resp.ContentLength // of the file, as the server says it; -1: it does not
	if resp.StatusCode == http.StatusPartialContent {
		first, last, total, ok := contentRange(resp.Header.Get("Content-Range"))
		if !ok || first != d.p.Offset() || last != total-1 {
			if err := d.reset(); err != nil {
				return err
			}
			return fmt.Errorf("the server sent another part than was asked for: %q", resp.Header.Get("Content-Range"))
		}
		end = total
	} else if d.p.Offset() > 0 {
		if err := d.reset(); err != nil {
			return err
		}
	}
	if resp.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return fmt.Errorf("the server does not give the rest of the file")
	}
	d.pieces++
	body := io.Reader(resp.Body)
	if d.size >= 0 {
		body = io.LimitReader(body, d.size-d.p.Offset()+1) // one more shows that it is too long
	}
	err := d.copy(body)
	var own *diag.Error // of the store
	if err != nil && !errors.As(err, &own) {
		return fmt.Errorf("%w, after %d bytes: %w", errTruncated, d.p.Offset(), err)
	}
	if err != nil {
		return err
	}
	if got := d.p.Offset(); got < d.size && got != end {
		return fmt.Errorf("%w, after %d of %d bytes", errTruncated, got, d.size)
	}
	return nil
}

// copy appends a body in pieces, and tells of progress.
func (d *download) copy(body io.Reader) error {
	size := int64(piece)
	if d.size >= 0 {
		size = min(size, d.size-d.p.Offset()+1)
	}
	buf := make([]byte, size)
	for n, since := 0, time.Now(); ; {
		m, err := body.Read(buf[n:])
		n += m
		if n > 0 && (n == len(buf) || err != nil || time.Since(since) >= pieceTime) {
			if _, err := d.p.Write(buf[:n]); err != nil {
				return err
			}
			d.progress(d.p.Offset())
			n, since = 0, time.Now()
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
