package wheelfile

import (
	"context"
	"io"
	"sync"

	"github.com/envpack/envpack/internal/deflate"
)

var inflaters = sync.Pool{New: func() any { return new(deflate.ReaderAt) }}

// Content reads parts of a member's content, in any order, as [deflate.ReaderAt] does: parts in order inflate the member
// once, up to the last. It checks the local header, and neither CRC nor what it does not read: it is for members of a wheel
// whose hash is known, or for what is of no worth before the hash is. It is not safe for concurrent use.
type Content struct {
	wheel, member string
	r             io.ReaderAt
	inflater      *deflate.ReaderAt // to be given back
}

// Content opens a member. The caller closes it.
//
// Errors: [*Error].
func (d *Directory) Content(e Entry) (*Content, error) {
	src, err := d.compressed(&e)
	if err != nil {
		return nil, &Error{Wheel: d.Wheel, Member: e.Name, Err: err}
	}
	c := &Content{wheel: d.Wheel, member: e.Name, r: src}
	if e.Method != Stored {
		c.inflater = inflaters.Get().(*deflate.ReaderAt)
		c.inflater.Reset(src, e.CompressedSize, e.Size)
		c.r = c.inflater
	}
	return c, nil
}

// ReadAt implements io.ReaderAt, but for the concurrent use. Errors: [*Error]; io.EOF.
func (c *Content) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.r.ReadAt(p, off)
	if err != nil && err != io.EOF {
		err = &Error{Wheel: c.wheel, Member: c.member, Err: err}
	}
	return n, err
}

// Walk hands the bytes from one offset to another to f, in chunks that are valid until f returns, and inflates as ReadAt does.
// Errors: [*Error], also of f's.
func (c *Content) Walk(from, to int64, f func(p []byte) error) error {
	var err error
	if c.inflater != nil {
		err = c.inflater.Walk(from, to, f)
	} else {
		err = Walk(c.r, from, to, f)
	}
	if err != nil {
		return &Error{Wheel: c.wheel, Member: c.member, Err: err}
	}
	return nil
}

// Walk hands the bytes of r from one offset to another to f, in chunks that are valid until f returns. Errors: those of reading, and f's.
func Walk(r io.ReaderAt, from, to int64, f func(p []byte) error) error {
	_, err := io.CopyBuffer(sink(f), struct{ io.Reader }{io.NewSectionReader(r, from, to-from)}, make([]byte, 256<<10))
	return err
}

type sink func(p []byte) error

// Write implements io.Writer.
func (f sink) Write(p []byte) (int, error) { return len(p), f(p) }

// Close gives back the memory.
func (c *Content) Close() {
	if c.inflater != nil {
		c.inflater.Reset(nil, 0, 0)
		inflaters.Put(c.inflater)
		c.inflater, c.r = nil, nil
	}
}

// Within is the directory with its members read as long as ctx is not done.
func (d *Directory) Within(ctx context.Context) *Directory {
	return d.From(within{ctx, d.r})
}

type within struct {
	ctx context.Context
	r   io.ReaderAt
}

func (w within) ReadAt(p []byte, off int64) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.r.ReadAt(p, off)
}
