package store

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/windows"
)

// locked is the byte of a file that stands for all of it: far behind its end, for what is locked cannot be read.
func locked() *windows.Overlapped { return &windows.Overlapped{OffsetHigh: 1 << 30} }

// lockFile takes the lock of an open file, for this one alone or shared with others who share it, unless somebody has it
// otherwise. Closing the file frees it.
func lockFile(f *os.File, alone bool) (bool, error) {
	how := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if alone {
		how |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, locked())
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}

func unlockFile(f *os.File) error {
	return windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, locked())
}

// rawFile is a file that is open for reading.
type rawFile struct{ *os.File }

func openRaw(path string) (rawFile, error) {
	f, err := os.Open(path)
	return rawFile{f}, err
}

func (f rawFile) close() { f.Close() }

// readAt reads as much as there is, up to the length of p.
func (f rawFile) readAt(p []byte, from int64) (int, error) {
	n, err := f.ReadAt(p, from)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// info gives the size in bytes and the time of the last change.
func (f rawFile) info() (size int64, changed time.Time, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, time.Time{}, err
	}
	return info.Size(), info.ModTime(), nil
}

func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

func isReadOnly(err error) bool { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }

func mountPoint(dir string) string { return filepath.VolumeName(dir) }

func ownerNote(string) string { return "" }
