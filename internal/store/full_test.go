//go:build unix

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/envpack/envpack/internal/diag"
)

func TestFailures(t *testing.T) {
	s, err := Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	full := &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	for _, tt := range []struct {
		err              error
		text, hint, also string
	}{
		{s.fail(full, "writing blob"), "writing blob: no space left on the file system at /", "--cache-dir", ""},
		{NeedHint(fmt.Errorf("storing: %w", s.fail(full, "writing blob")), 3_100_000), "no space left on the file system at /", "--cache-dir", "3.1 MB are needed on /"},
		{NeedHint(s.fail(syscall.EDQUOT, "writing blob"), -1), "no space left", "--cache-dir", ""},
		{s.fail(syscall.EROFS, "writing blob"), "the store " + s.Dir() + " cannot be written", "make it writable", ""},
		{s.fail(fs.ErrPermission, "writing blob"), "cannot be written", "make it writable", ""},
		{s.fail(syscall.EIO, "writing blob"), "writing blob in " + s.Dir(), "", ""},
	} {
		hints := strings.Join(diag.HintsOf(tt.err), "\n")
		if !strings.Contains(tt.err.Error(), tt.text) || !strings.Contains(hints, tt.hint) || !strings.Contains(hints, tt.also) {
			t.Errorf("%v\nhints %q", tt.err, hints)
		}
		if diag.CodeOf(tt.err) != diag.Failure {
			t.Errorf("%v has code %d", tt.err, diag.CodeOf(tt.err))
		}
	}
	if err := NeedHint(fs.ErrExist, 7); err != fs.ErrExist {
		t.Error(err)
	}
}

func TestNotWritable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	if _, err := Open(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 { // may write everywhere
		if err := os.RemoveAll(filepath.Join(dir, "tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "tmp"), nil, 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), dir); err == nil || !errors.Is(err, syscall.ENOTDIR) || !strings.Contains(err.Error(), dir) {
			t.Error(err)
		}
		return
	}
	for _, sub := range []string{"tmp", "."} {
		if err := os.Chmod(filepath.Join(dir, sub), 0o555); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Open(t.Context(), dir)
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "cannot be written") {
		t.Error(err)
	}
	os.Chmod(dir, 0o755)
	os.Chmod(filepath.Join(dir, "tmp"), 0o755)
}
