// Package store is the content-addressed store: a folder with every file that was fetched or built,
// under the SHA-256 of its content, and with small notes ("memos") that save work.
//
// It knows nothing of packages, indexes or images, does not fetch, and does not decide what may be
// deleted. Nothing in it is needed for a result to be right: a store can be deleted at any time
// when no process uses it, and copied with its attributes or without.
//
// Layout:
//
//	format                        "envpack store 1"; who has the store open shares its lock
//	blobs/sha256/ab/abcd…         files, complete and hashed before they had that name
//	partial/abcd…, abcd….lock     downloads that were begun, each under a lock of the system
//	memo/KIND/ab/abcd…            notes, by the SHA-256 of their key, with a checksum; of those in two parts
//	                              it is of the first
//	trees/ab/abcd…/               folders that were unpacked, by a key; the file "tree" in one says what it is
//	tmp/                          files and trees being written; those older than a day are removed
//
// The time of a file's last change is that of its last use: of blobs to an hour, of memos to a day. That of a tree is its
// file tree's.
//
// Invariants: a file gets its name by a rename, after its content was written, hashed and, for
// blobs, flushed; a process may be killed at any time. Several processes may use a store at once.
// Few files are open at a time, however many blobs are in use.
package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/envpack/envpack/internal/diag"
)

const (
	formatName = "format"
	formatText = "envpack store 1\n"

	staleTemp    = 24 * time.Hour
	stalePartial = 30 * 24 * time.Hour
)

// ErrNotFound says that the store has no such blob.
var ErrNotFound = errors.New("not in the store")

// Store is a store that is open. It is safe for concurrent use.
type Store struct {
	dir string

	mu      sync.Mutex
	checked map[string]bool       // blobs whose content this Store has hashed: when writing, or since
	files   map[string]*handle    // by hash; see blob.go
	clock   uint64                // counts uses of files
	growing map[string][]*Growing // by hash: who reads what is being downloaded

	inUse    *os.File // the format file, whose lock is shared
	unlocked error    // why it is not
	traced   *Trace   // nil: nobody asks what is used
}

// Open opens the store in the folder dir, which it makes if need be, and removes what processes
// that were killed left behind more than a day ago. While somebody has the store to themselves ([Store.Exclusive]), it waits.
//
// Errors are diag errors: a folder that cannot be made or written, that has files but is no store,
// or that is a store of another format; and that of ctx.
func Open(ctx context.Context, dir string) (*Store, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("opening store: %w", err)
	}
	s := &Store{dir: abs, files: map[string]*handle{}}
	if err := os.MkdirAll(abs, 0o777); err != nil {
		return nil, s.fail(err, "making store")
	}
	if err := s.checkFormat(); err != nil {
		return nil, err
	}
	if err := s.share(ctx); err != nil {
		return nil, err
	}
	for _, sub := range []string{filepath.Join("blobs", "sha256"), "partial", "memo", "tmp"} {
		if err := os.MkdirAll(filepath.Join(abs, sub), 0o777); err != nil {
			return nil, s.fail(err, "opening store")
		}
	}
	// Whether the folder can be written shows only in writing.
	f, err := s.TempFile()
	if err != nil {
		return nil, err
	}
	f.Close()
	os.Remove(f.Name())
	s.clean(time.Now())
	return s, nil
}

// Dir is the folder of the store, absolute.
func (s *Store) Dir() string { return s.dir }

func (s *Store) checkFormat() error {
	name := filepath.Join(s.dir, formatName)
	for attempt := 0; ; attempt++ {
		text, err := os.ReadFile(name)
		if err == nil {
			if string(text) == formatText {
				return nil
			}
			return diag.New(diag.Failure, "the store %s has a format that this envpack does not know: %.40q", s.dir, text).
				Hint("use another folder with --cache-dir or ENVPACK_CACHE")
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return s.fail(err, "opening store")
		}
		entries, err := os.ReadDir(s.dir)
		if err != nil {
			return s.fail(err, "opening store")
		}
		foreign := ""
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), formatName) { // one being written
				foreign = e.Name()
			}
		}
		if foreign == "" {
			break
		}
		// Another process may have made the store since the first look.
		if attempt > 0 {
			return diag.New(diag.Failure, "%s is not a store: it has no format file, but has %s", s.dir, foreign).
				Hint("name a folder that is empty or new with --cache-dir or ENVPACK_CACHE")
		}
	}
	tmp := name + "." + randomName()
	if err := os.WriteFile(tmp, []byte(formatText), 0o666); err != nil {
		os.Remove(tmp)
		return s.fail(err, "making store")
	}
	if err := os.Rename(tmp, name); err != nil {
		os.Remove(tmp)
		return s.fail(err, "making store")
	}
	return nil
}

// clean removes what is too old to be in use. It does its best only: another process may clean too.
func (s *Store) clean(now time.Time) {
	for sub, age := range map[string]time.Duration{"tmp": staleTemp, "partial": stalePartial} {
		entries, _ := os.ReadDir(filepath.Join(s.dir, sub))
		for _, e := range entries {
			info, err := e.Info()
			if err != nil || now.Sub(info.ModTime()) <= age {
				continue
			}
			switch name := filepath.Join(s.dir, sub, e.Name()); {
			case info.Mode().IsRegular():
				os.Remove(name)
			case info.IsDir() && sub == "tmp":
				_ = RemoveFolder(name) // a tree that was being made, or a build
			}
		}
	}
}

// fail is the diag error for a failed operation on the store's folder.
func (s *Store) fail(err error, doing string, args ...any) error {
	doing = fmt.Sprintf(doing, args...)
	switch {
	case isFull(err):
		return diag.Wrap(&FullError{FileSystem: mountPoint(s.dir), Err: err}, diag.Failure, "%s", doing).
			Hint("free space there, or put the store elsewhere with --cache-dir or ENVPACK_CACHE")
	case errors.Is(err, fs.ErrPermission), isReadOnly(err):
		return diag.Wrap(err, diag.Failure, "%s: the store %s cannot be written%s", doing, s.dir, ownerNote(s.dir)).
			Hint("make it writable, or use another folder with --cache-dir or ENVPACK_CACHE")
	}
	return diag.Wrap(err, diag.Failure, "%s in %s", doing, s.dir).Hint("--cache-dir and ENVPACK_CACHE name another folder for the store")
}

// FullError says that a file system has no space left, or that a quota is used up.
type FullError struct {
	FileSystem string // where it is mounted
	Err        error  // of the system
}

// Error implements error.
func (e *FullError) Error() string {
	return fmt.Sprintf("no space left on the file system at %s: %v", e.FileSystem, e.Err)
}

func (e *FullError) Unwrap() error { return e.Err }

// NeedHint adds to an error that is about a full file system how many bytes of it are needed. Other
// errors, and sizes below 0, stay as they are.
func NeedHint(err error, size int64) error {
	var full *FullError
	if size < 0 || !errors.As(err, &full) {
		return err
	}
	return diag.Wrap(err, 0, "").Hint("%.1f MB are needed on %s for this file alone", float64(size)/1e6, full.FileSystem)
}

// create makes a new file in tmp. Unlike os.CreateTemp it leaves the mode to the umask, because the
// file may become a blob, which others may have to read.
func (s *Store) create() (*os.File, error) {
	for {
		f, err := os.OpenFile(filepath.Join(s.dir, "tmp", randomName()), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		return f, err
	}
}

func randomName() string {
	return strconv.Itoa(os.Getpid()) + "-" + strconv.FormatUint(rand.Uint64(), 36)
}

// checkHash holds a hash to its form, so that it can be part of a path.
func checkHash(sha256 string) error {
	if len(sha256) == 64 && strings.Trim(sha256, "0123456789abcdef") == "" {
		return nil
	}
	return fmt.Errorf("%.80q is not a SHA-256 in 64 lower-case hexadecimal digits", sha256)
}

func (s *Store) blobPath(sha256 string) string {
	return filepath.Join(s.dir, "blobs", "sha256", sha256[:2], sha256)
}

// place gives a finished file its name; the folder is made when it is missing, and again should another process have removed it
// while it was empty.
func place(from, to string) error {
	err := os.Rename(from, to)
	for range 10 {
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return err
		}
		err = os.Rename(from, to)
	}
	return err
}
