package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/envpack/envpack/internal/diag"
)

// How exact last uses are. The time of a file's last change is that of its last use, because file systems keep that
// of the last reading seldom, and not the same; it is set again when it is older than this, so that a busy
// store is not written to all the time.
const (
	blobGrain = time.Hour
	memoGrain = 24 * time.Hour
)

// used notes that a file is used now, unless it was used so recently that it does not matter. A store of which
// not all files are this user's works as well.
func used(path string, before time.Time, grain time.Duration) {
	if now := time.Now(); now.Sub(before) > grain {
		_ = os.Chtimes(path, now, now)
	}
}

// share takes part in using the store: as long as the Store is open, nobody else has it for themselves. Where files
// cannot be locked, it goes without, and [Store.Exclusive] is refused.
func (s *Store) share(ctx context.Context) error {
	name := filepath.Join(s.dir, formatName)
	f, err := os.OpenFile(name, os.O_RDWR, 0) // NFS wants it to be writable
	if errors.Is(err, fs.ErrPermission) || isReadOnly(err) {
		f, err = os.Open(name)
	}
	if err != nil {
		return s.fail(err, "opening store")
	}
	s.inUse = f
	return poll(ctx, func() (bool, error) {
		ok, err := lockFile(f, false)
		if err != nil {
			s.unlocked = err
			return true, nil
		}
		return ok, nil
	})
}

// Exclusive waits until no other process has the store open, and keeps others from opening it until release is called.
// waits is told, once, that there is somebody to wait for; it may be nil.
//
// Errors: that of ctx; a diag error where files cannot be locked.
func (s *Store) Exclusive(ctx context.Context, waits func()) (release func(), err error) {
	if s.unlocked != nil {
		return nil, diag.Wrap(s.unlocked, diag.Failure, "the store %s cannot be locked", s.dir).
			Hint("its file system has no locks; when no envpack uses it, the folder can be removed as a whole")
	}
	// Whoever waits with the lock that all have would wait for another who does so for ever.
	if err := unlockFile(s.inUse); err != nil {
		return nil, s.fail(err, "unlocking store")
	}
	release = func() {
		unlockFile(s.inUse)
		lockFile(s.inUse, false) // nobody can have it but who waits for all to go
	}
	err = poll(ctx, func() (bool, error) {
		ok, err := lockFile(s.inUse, true)
		if !ok && err == nil && waits != nil {
			waits()
			waits = nil
		}
		return ok, err
	})
	if err != nil {
		release()
		if ctx.Err() != nil {
			return nil, err
		}
		return nil, s.fail(err, "locking store")
	}
	return release, nil
}

// Close ends the use of the store. What was read of it must not be used any more.
func (s *Store) Close() error {
	s.mu.Lock()
	for sha, h := range s.files {
		h.f.Close()
		delete(s.files, sha)
	}
	s.mu.Unlock()
	return s.inUse.Close()
}

// poll asks until the answer is yes. It asks again and again rather than waiting in the system, because that could not be
// cancelled.
func poll(ctx context.Context, ask func() (bool, error)) error {
	for wait := 5 * time.Millisecond; ; wait = min(wait*2, 200*time.Millisecond) {
		if ok, err := ask(); ok || err != nil {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}
