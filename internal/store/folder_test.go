package store_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/envpack/envpack/internal/store"
)

// TestRemoveFolder removes what only root could remove as it is, and leaves what a link in it leads to.
func TestRemoveFolder(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside")
	top := filepath.Join(dir, "top")
	for _, name := range []string{outside, filepath.Join(top, "a", "b", "c"), filepath.Join(top, "d")} {
		if err := os.MkdirAll(name, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(name, "file"), nil, 0o444); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(top, "link")); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{outside: 0o555, filepath.Join(top, "a", "b", "c"): 0, filepath.Join(top, "d"): 0o555} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{filepath.Join(top, "a", "b"), filepath.Join(top, "a"), top} {
		if err := os.Chmod(name, 0o500); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.RemoveFolder(top); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(top); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	if info, err := os.Stat(outside); err != nil || info.Mode().Perm() != 0o555 {
		t.Errorf("what a link leads to is %v, %v", info, err)
	}
	if err := store.RemoveFolder(top); err != nil {
		t.Errorf("a second time: %v", err)
	}
	_ = os.Chmod(outside, 0o755)
}
