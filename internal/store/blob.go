package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/envpack/envpack/internal/diag"
)

// maxIdle is how many files of blobs stay open when nobody reads them at the moment: few enough for
// a process that may have only 64.
const maxIdle = 8

// DamageError says that a blob's content is not what its name promises, and that it was removed.
type DamageError struct {
	Path   string
	SHA256 string // promised
	Got    string // of the content
}

// Error implements error.
func (e *DamageError) Error() string {
	return fmt.Sprintf("%s is damaged: its sha256 is %s; it was removed", e.Path, e.Got)
}

// Blob is a file in the store. It is safe for concurrent use. Its file is opened by the first read,
// and closed and opened again as the number of open files demands.
type Blob struct {
	s      *Store
	sha256 string
	size   int64
}

// Blob gives the blob of that SHA-256 (64 lower-case hexadecimal digits).
//
// Errors: ErrNotFound, wrapped.
func (s *Store) Blob(sha256 string) (*Blob, error) {
	if err := checkHash(sha256); err != nil {
		return nil, err
	}
	path := s.blobPath(sha256)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("blob %s: %w", sha256, ErrNotFound)
	}
	if err != nil {
		return nil, diag.Wrap(err, diag.Failure, "reading the store %s", s.dir)
	}
	used(path, info.ModTime(), blobGrain)
	s.traced.blob(sha256)
	return &Blob{s: s, sha256: sha256, size: info.Size()}, nil
}

// Has tells whether the store has the blob.
func (s *Store) Has(sha256 string) bool {
	_, err := s.Blob(sha256)
	return err == nil
}

// Size is the number of bytes.
func (b *Blob) Size() int64 { return b.size }

// SHA256 is the hash of the content, 64 hexadecimal digits.
func (b *Blob) SHA256() string { return b.sha256 }

// ReadAt implements io.ReaderAt.
func (b *Blob) ReadAt(p []byte, off int64) (int, error) {
	h, err := b.s.acquire(b.sha256)
	if err != nil {
		return 0, err
	}
	defer b.s.release(h)
	return h.f.ReadAt(p, off)
}

// Close closes the file if nobody reads it. The blob can be read all the same, which opens it again.
func (b *Blob) Close() error {
	b.s.closeIdle(b.sha256)
	return nil
}

// Verify hashes a blob and removes it when its content is not what its name says.
//
// Errors: a *DamageError in a diag error of code Mismatch; ErrNotFound, wrapped.
func (s *Store) Verify(sha string) error {
	b, err := s.Blob(sha)
	if err != nil {
		return err
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(b, 0, b.size)); err != nil {
		return diag.Wrap(err, diag.Failure, "verifying blob %s", sha)
	}
	return s.judge(sha, hex.EncodeToString(h.Sum(nil)))
}

// judge compares the hash of a blob's content with its name.
func (s *Store) judge(sha, got string) error {
	if got == sha {
		return nil
	}
	damage := &DamageError{Path: s.blobPath(sha), SHA256: sha, Got: got}
	if err := s.Remove(sha); err != nil {
		return err
	}
	return diag.Wrap(damage, diag.Mismatch, "verifying blob %s", sha).
		Hint("run the command again: what is missing is fetched or made anew; if this repeats, check the disk")
}

// Remove deletes a blob. That the store does not have it is no error.
func (s *Store) Remove(sha256 string) error {
	if err := checkHash(sha256); err != nil {
		return err
	}
	s.closeIdle(sha256)
	if err := os.Remove(s.blobPath(sha256)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s.fail(err, "removing blob %s", sha256)
	}
	return nil
}

// handle is an open file of a blob.
type handle struct {
	f      *os.File
	sha256 string
	users  int
	used   uint64
}

func (s *Store) acquire(sha256 string) (*handle, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.files[sha256]
	if h == nil {
		f, err := os.Open(s.blobPath(sha256))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("blob %s: %w", sha256, ErrNotFound)
		}
		if err != nil {
			return nil, diag.Wrap(err, diag.Failure, "reading the store %s", s.dir)
		}
		h = &handle{f: f, sha256: sha256}
		s.files[sha256] = h
	}
	h.users++
	s.clock++
	h.used = s.clock
	return h, nil
}

func (s *Store) release(h *handle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.users--
	for len(s.files) > maxIdle {
		var oldest *handle
		for _, h := range s.files {
			if h.users == 0 && (oldest == nil || h.used < oldest.used) {
				oldest = h
			}
		}
		if oldest == nil {
			return
		}
		oldest.f.Close()
		delete(s.files, oldest.sha256)
	}
}

func (s *Store) closeIdle(sha256 string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.files[sha256]; h != nil && h.users == 0 {
		h.f.Close()
		delete(s.files, sha256)
	}
}
