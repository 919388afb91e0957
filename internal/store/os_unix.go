//go:build unix

package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// tryLock takes the exclusive lock of an open file, if nobody has it. Closing the file frees it.
func tryLock(f *os.File) (bool, error) {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		default:
			return false, err
		}
	}
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }

// mountPoint is the folder where the file system that holds dir is mounted.
func mountPoint(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	for {
		parent := filepath.Dir(dir)
		here, err1 := os.Stat(dir)
		above, err2 := os.Stat(parent)
		if parent == dir || err1 != nil || err2 != nil {
			return dir
		}
		a, ok1 := here.Sys().(*syscall.Stat_t)
		b, ok2 := above.Sys().(*syscall.Stat_t)
		if !ok1 || !ok2 || a.Dev != b.Dev {
			return dir
		}
		dir = parent
	}
}

// ownerNote says whose the nearest folder that exists is, where that is somebody else.
func ownerNote(dir string) string {
	for {
		info, err := os.Stat(dir)
		if err == nil {
			st, ok := info.Sys().(*syscall.Stat_t)
			if !ok || int(st.Uid) == os.Geteuid() {
				return ""
			}
			return fmt.Sprintf(": %s belongs to user %d, and this process runs as user %d", dir, st.Uid, os.Geteuid())
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}
