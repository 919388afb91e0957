package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/envpack/envpack/internal/diag"
)

// ErrExists says that the store has the blob that was to be written.
var ErrExists = errors.New("already in the store")

// Partial is a blob that is being downloaded, perhaps continued from an earlier process. No other
// process nor goroutine has it at the same time. It is not safe for concurrent use.
type Partial struct {
	s      *Store
	sha256 string
	lock   *os.File
	f      *os.File
	hash   hash.Hash
	offset int64
	growth []*Growing
}

// Partial begins or continues the download of a blob. Where another process or goroutine is
// downloading the same, it waits until that ends. The caller closes what it gets.
//
// Errors: ErrExists if the store has the blob, perhaps since the wait; the error of ctx.
func (s *Store) Partial(ctx context.Context, sha string) (*Partial, error) {
	if err := checkHash(sha); err != nil {
		return nil, err
	}
	if s.Has(sha) {
		return nil, ErrExists
	}
	lock, err := s.lock(ctx, s.partialPath(sha)+".lock")
	if err != nil {
		return nil, err
	}
	p := &Partial{s: s, sha256: sha, lock: lock, hash: sha256.New()}
	if s.Has(sha) {
		p.Close()
		return nil, ErrExists
	}
	p.growth = s.watchers(sha)
	p.f, err = os.OpenFile(s.partialPath(sha), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		p.Close()
		return nil, s.fail(err, "opening partial download")
	}
	if p.offset, err = io.Copy(p.hash, &contextReader{ctx, p.f}); err != nil {
		p.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, s.fail(err, "reading partial download")
	}
	p.tell()
	return p, nil
}

func (s *Store) partialPath(sha256 string) string { return filepath.Join(s.dir, "partial", sha256) }

// lock takes the lock of that file, which it makes.
func (s *Store) lock(ctx context.Context, name string) (file *os.File, err error) {
	err = poll(ctx, func() (bool, error) {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return false, s.fail(err, "locking partial download")
		}
		ok, err := lockFile(f, true)
		if err != nil {
			f.Close()
			return false, s.fail(err, "locking %s", name)
		}
		if ok {
			// The file may have been removed by its last owner, and be another's by now.
			mine, err1 := f.Stat()
			now, err2 := os.Stat(name)
			if err1 == nil && err2 == nil && os.SameFile(mine, now) {
				file = f
				return true, nil
			}
		}
		f.Close()
		return false, nil
	})
	return file, err
}

// Offset is the number of bytes that are there.
func (p *Partial) Offset() int64 { return p.offset }

// Write implements io.Writer; it appends.
func (p *Partial) Write(b []byte) (int, error) {
	n, err := p.f.WriteAt(b, p.offset)
	p.hash.Write(b[:n])
	p.offset += int64(n)
	p.tell()
	if err != nil {
		return n, p.s.fail(err, "writing download")
	}
	return n, nil
}

// Reset throws away what is there.
func (p *Partial) Reset() error {
	p.hash.Reset()
	p.offset = 0
	p.tell()
	if err := p.f.Truncate(0); err != nil {
		return p.s.fail(err, "writing download")
	}
	return nil
}

// Commit makes the download a blob and closes it. size is the number of bytes it must have; -1: any.
//
// Errors: *MismatchError in a diag error of code Mismatch; the partial download stays as it is then.
func (p *Partial) Commit(size int64) error {
	if got := hex.EncodeToString(p.hash.Sum(nil)); got != p.sha256 || size >= 0 && size != p.offset {
		e := &MismatchError{SHA256: p.sha256, Got: got, Size: size, GotSize: p.offset}
		return diag.Wrap(e, diag.Mismatch, "storing blob %s", p.sha256)
	}
	if err := p.f.Sync(); err != nil {
		return p.s.fail(err, "writing download")
	}
	for _, g := range p.growth {
		g.tell(nil, p.offset)
	}
	// A file that is open cannot be renamed everywhere.
	if err := p.f.Close(); err != nil {
		return p.s.fail(err, "writing download")
	}
	p.f = nil
	p.s.noteChecked(p.sha256)
	if err := place(p.s.partialPath(p.sha256), p.s.blobPath(p.sha256)); err != nil {
		return p.s.fail(err, "writing download")
	}
	for _, g := range p.growth {
		g.complete()
	}
	return p.Close()
}

// tell says how far the download is to who reads it meanwhile.
func (p *Partial) tell() {
	for _, g := range p.growth {
		g.tell(p.f, p.offset)
	}
}

// Close gives the lock back. What was written stays for the next attempt, unless it is nothing.
func (p *Partial) Close() error {
	if p.f != nil {
		for _, g := range p.growth {
			g.leave()
		}
		p.f.Close()
		p.f = nil
		if p.offset == 0 {
			os.Remove(p.s.partialPath(p.sha256))
		}
	}
	if p.lock == nil {
		return nil
	}
	// Removed while it is held; who opened it before sees in lock that it is gone.
	os.Remove(p.lock.Name())
	err := p.lock.Close()
	p.lock = nil
	if err != nil {
		return fmt.Errorf("closing partial download: %w", err)
	}
	return nil
}
