package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/envpack/envpack/internal/diag"
)

// writable tells whether the lock can be written, as far as that can be known before.
func writable(path string) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	f, err := createBeside(path)
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

func createBeside(path string) (*os.File, error) {
	return os.CreateTemp(filepath.Dir(path), "."+strings.TrimPrefix(filepath.Base(path), ".")+"-*")
}

// writeWhole replaces a file by a complete one, or leaves it as it was.
func writeWhole(path string, data []byte) error {
	f, err := createBeside(path)
	if err != nil {
		return diag.Wrap(err, diag.Failure, "writing %s", path)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return diag.Wrap(err, diag.Failure, "writing %s", path)
	}
	return nil
}
