//go:build unix

package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lockFile takes the lock of an open file, for this one alone or shared with others who share it, unless somebody has it
// otherwise. Closing the file frees it.
func lockFile(f *os.File, alone bool) (bool, error) {
	how := unix.LOCK_SH
	if alone {
		how = unix.LOCK_EX
	}
	for {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
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

func unlockFile(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) }

// rawFile is a file that is open for reading, without what package os adds: small files are read thousands of times.
type rawFile int

func openRaw(path string) (rawFile, error) {
	for {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if !errors.Is(err, unix.EINTR) {
			return rawFile(fd), err
		}
	}
}

func (f rawFile) close() { unix.Close(int(f)) }

// readAt reads as much as there is, up to the length of p.
func (f rawFile) readAt(p []byte, from int64) (n int, err error) {
	for n < len(p) {
		got, err := unix.Pread(int(f), p[n:], from+int64(n))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return n, err
		case got == 0:
			return n, nil
		default:
			n += got
		}
	}
	return n, nil
}

// info gives the size in bytes and the time of the last change.
func (f rawFile) info() (size int64, changed time.Time, err error) {
	var info unix.Stat_t
	err = unix.Fstat(int(f), &info)
	return info.Size, time.Unix(info.Mtim.Unix()), err
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
