package lockfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Write puts the lock's encoding into the file, all of it or nothing: a temporary file beside it is
// written, synced and renamed. An existing file keeps its permissions, a new one gets 0644 less the
// umask; a symbolic link is followed. A lock that [Lock.Validate] refuses is not written.
func (l *Lock) Write(path string) error {
	if err := l.Validate(); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return replace(path, Encode(l))
}

func replace(path string, data []byte) (err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	mode, exists := fs.FileMode(0o644), false
	if info, err := os.Stat(path); err == nil {
		if !info.Mode().IsRegular() {
			return fmt.Errorf("writing %s: it is not a regular file", path)
		}
		mode, exists = info.Mode().Perm(), true
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	f, err := createBeside(path, mode)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			f.Close() // a second close is harmless
			os.Remove(f.Name())
			err = fmt.Errorf("writing %s: %w", path, err)
		}
	}()
	if exists {
		// The umask took bits that the existing file may have.
		if err := f.Chmod(mode); err != nil {
			return err
		}
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// createBeside makes a new file in the folder of path. Unlike os.CreateTemp it leaves the umask
// to decide the mode.
func createBeside(path string, mode fs.FileMode) (*os.File, error) {
	for i := 0; ; i++ {
		name := fmt.Sprintf("%s.%d.%d.tmp", path, os.Getpid(), i)
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if !errors.Is(err, fs.ErrExist) || i >= 100 {
			return f, err
		}
	}
}
