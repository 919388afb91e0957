package supply

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/store"
)

// copyLocal brings a file of this machine into the store. What differs from the lock is an error, and not kept.
func (s *Supply) copyLocal(ctx context.Context, path string, j job, done func(int64)) error {
	f, err := os.Open(path)
	if err != nil {
		return diag.Wrap(err, diag.Fetch, "").Hint("the lock names this file; put it back, or lock again: `envpack lock`")
	}
	defer f.Close()
	size := j.size
	if size == 0 {
		size = -1
	}
	err = s.Store.Put(ctx, reads{f, done}, j.sha256, size)
	if m := (*store.MismatchError)(nil); errors.As(err, &m) {
		return diag.Wrap(err, diag.Mismatch, "%s: expected sha256 %s, got sha256 %s", path, m.SHA256, m.Got).
			Hint("the file was replaced since it was locked; if that is expected, lock it again: `envpack lock`")
	}
	if err != nil {
		return err
	}
	return s.Store.NameBlob(j.sha256, filepath.ToSlash(path))
}

// reads tells how many bytes were read.
type reads struct {
	io.Reader
	done func(int64)
}

func (r reads) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.done(int64(n))
	return n, err
}
