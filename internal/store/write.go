package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/envpack/envpack/internal/diag"
)

// MismatchError says that content is not what was promised.
type MismatchError struct {
	SHA256, Got   string // promised and found
	Size, GotSize int64  // Size is -1 where none was promised
}

// Error implements error.
func (e *MismatchError) Error() string {
	if e.Size >= 0 && e.Size != e.GotSize {
		return fmt.Sprintf("%d bytes instead of %d", e.GotSize, e.Size)
	}
	return fmt.Sprintf("sha256 is %s, not %s", e.Got, e.SHA256)
}

// Put stores what r yields, which must have that SHA-256 and size in bytes (-1: unknown). Of a blob
// that the store has, r is not read.
//
// Errors: *MismatchError in a diag error of code Mismatch; the errors of r and ctx, wrapped; diag
// errors of the file system.
func (s *Store) Put(ctx context.Context, r io.Reader, sha256 string, size int64) error {
	if err := checkHash(sha256); err != nil {
		return err
	}
	if s.Has(sha256) {
		return nil
	}
	w, err := s.Create()
	if err != nil {
		return err
	}
	defer w.Discard()
	if size >= 0 && size < 1<<62 {
		r = io.LimitReader(r, size+1) // enough to see that it is too long
	}
	if _, err := io.Copy(w, &contextReader{ctx, r}); err != nil {
		return NeedHint(fmt.Errorf("storing blob %s: %w", sha256, err), size)
	}
	if got := w.sum(); got != sha256 || size >= 0 && w.size != size {
		e := &MismatchError{SHA256: sha256, Got: got, Size: size, GotSize: w.size}
		return diag.Wrap(e, diag.Mismatch, "storing blob %s", sha256)
	}
	_, _, err = w.Commit()
	return err
}

// contextReader ends reading with the context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// Writer writes a blob whose hash is not known before. It is not safe for concurrent use.
type Writer struct {
	s    *Store
	f    *os.File // nil: committed or discarded
	hash hash.Hash
	size int64
}

// Create begins a blob of unknown hash. Commit or Discard must follow.
func (s *Store) Create() (*Writer, error) {
	f, err := s.TempFile()
	if err != nil {
		return nil, err
	}
	return &Writer{s: s, f: f, hash: sha256.New()}, nil
}

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	if w.f == nil {
		return 0, os.ErrClosed
	}
	n, err := w.f.Write(p)
	w.hash.Write(p[:n])
	w.size += int64(n)
	if err != nil {
		return n, w.s.fail(err, "writing blob")
	}
	return n, nil
}

func (w *Writer) sum() string { return hex.EncodeToString(w.hash.Sum(nil)) }

// Commit makes what was written a blob, and gives its SHA-256 and size in bytes.
func (w *Writer) Commit() (sha256 string, size int64, err error) {
	if w.f == nil {
		return "", 0, os.ErrClosed
	}
	sum := w.sum()
	if w.s.Has(sum) {
		w.Discard()
		return sum, w.size, nil
	}
	defer w.Discard()
	// Without the flush a power failure could leave the name without the content.
	if err := w.f.Sync(); err != nil {
		return "", 0, w.s.fail(err, "writing blob")
	}
	if err := w.f.Close(); err != nil {
		return "", 0, w.s.fail(err, "writing blob")
	}
	w.s.noteChecked(sum)
	if err := place(w.f.Name(), w.s.blobPath(sum)); err != nil {
		return "", 0, w.s.fail(err, "writing blob")
	}
	w.f = nil
	return sum, w.size, nil
}

// Discard removes what was written, unless it was committed.
func (w *Writer) Discard() {
	if w.f == nil {
		return
	}
	w.f.Close()
	os.Remove(w.f.Name())
	w.f = nil
}

// TempFile makes an empty file in the store's tmp folder, open for reading and writing. The caller
// closes and removes it; one that is left behind goes with Open, a day later.
func (s *Store) TempFile() (*os.File, error) {
	f, err := s.create()
	if err != nil {
		return nil, s.fail(err, "making a temporary file")
	}
	return f, nil
}
