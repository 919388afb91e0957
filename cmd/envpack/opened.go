package main

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
)

// opened is a project whose lock is looked at.
type opened struct {
	m     *manifest.Manifest
	lock  *lockfile.Lock
	path  string // of the lock
	stale error  // of code Stale: the lock is not the manifest's; nil: it is
}

// open reads manifest and lock, and holds one to the other: that the lock is out of date is no error, but noted. Errors:
// those of reading.
func (f *lockFlags) open(dir string) (*opened, error) {
	m, path, err := f.load(dir)
	if err != nil {
		return nil, err
	}
	p := &opened{m: m, path: path}
	if p.lock, err = readWhole(path, lockCommand(m, path)); err != nil {
		return nil, err
	}
	if err = holdManifest(p.lock, m, path); diag.CodeOf(err) == diag.Stale {
		p.stale, err = err, nil
	}
	return p, err
}

// openCurrent is open for commands that are about a lock which is up to date. Errors: of code Stale if it is not.
func (f *lockFlags) openCurrent(dir string) (*opened, error) {
	p, err := f.open(dir)
	if err == nil && p.stale != nil {
		return nil, p.stale
	}
	return p, err
}

// warnStale says in a line that a lock is out of date, and what to do about it.
func (s *session) warnStale(stale error) {
	if stale != nil {
		text, _, _ := strings.Cut(stale.Error(), "\n")
		s.warnOnce(s.keepLock(strings.Join(append([]string{text}, diag.HintsOf(stale)...), "; ")))
	}
}

// readAnyway reads the lock of a project whatever its manifest says, and warns if that says something else.
func (s *session) readAnyway(f lockFlags, dir string) (*lockfile.Lock, error) {
	path := f.path(dir)
	l, err := readWhole(path, "envpack lock "+shellWord(folderOf(dir)))
	if err != nil {
		return nil, err
	}
	m, _, err := f.load(dir)
	switch {
	case err == nil:
		s.warnStale(holdManifest(l, m, path))
	case !errors.Is(err, fs.ErrNotExist): // a lock alone, as an image has it, has nothing to be compared with
		text, _, _ := strings.Cut(err.Error(), "\n")
		s.warnOnce("whether " + path + " is up to date is not known: " + text)
	}
	return l, nil
}
