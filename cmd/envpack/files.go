package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/newfile"
)

// writable tells whether the lock can be written, as far as that can be known before.
func writable(path string) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	f, err := newfile.Beside(path)
	if err != nil {
		var file *fs.PathError
		if errors.As(err, &file) {
			err = file.Err // the name is not the lock's
		}
		return notWritten(path, fmt.Errorf("%s: %w", path, err))
	}
	f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return notWritten(path, err)
	}
	return nil
}

func notWritten(path string, err error) error {
	e := diag.Wrap(err, diag.Failure, "writing the lock")
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		_ = e.Hint("make the folder %s writable, or lock a copy of it; `envpack lock --check` tells whether a lock is up to date without writing it", filepath.Dir(path))
	}
	return e
}

// writeWhole replaces a file by a complete one of the same permissions, or leaves it as it was. One that is there already must have
// the mark of the same kind; "" asks for none.
func writeWhole(path string, data []byte, mark string) error {
	mode := fs.FileMode(0o644)
	info, err := os.Stat(path)
	if err == nil {
		mode = info.Mode().Perm()
	}
	switch {
	case err == nil && info.IsDir():
		return diag.New(diag.Usage, "%s is a folder; the name of a file is wanted", path)
	case err == nil && !info.Mode().IsRegular():
		return writeThrough(path, data)
	case err == nil:
		old, err := os.ReadFile(path)
		if err != nil {
			return diag.Wrap(err, diag.Failure, "writing %s", path)
		}
		if len(old) > 0 && !strings.Contains(string(old), mark) {
			return diag.New(diag.Usage, "%s is another file, which would be lost", path).Hint("name a new file, or remove it first")
		}
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	err = newfile.Replace(path, mode, func(w io.Writer) error { _, err := w.Write(data); return err })
	if err != nil {
		return diag.Wrap(err, diag.Failure, "writing %s", path)
	}
	return nil
}

// writeThrough writes to what is no file, as /dev/stdout.
func writeThrough(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return diag.Wrap(err, diag.Failure, "writing %s", path)
	}
	_, err = f.Write(data)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return diag.Wrap(err, diag.Failure, "writing %s", path)
	}
	return nil
}
