package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// RemoveFolder removes a folder and all below it, as [os.RemoveAll] does, and also what a build left in folders that it took the
// permission to write away from. Nothing else may change the folder meanwhile.
func RemoveFolder(dir string) error {
	err := os.RemoveAll(dir)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fs.SkipDir // removing says why
		case d.IsDir(): // and no link to one; a folder is told before it is read
			_ = os.Chmod(name, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}
