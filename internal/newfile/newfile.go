// Package newfile makes files that have their name only when they are whole.
package newfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Beside makes a new file in the folder of path, called NAME.PID.N.tmp. Unlike os.CreateTemp it leaves the umask to decide the
// mode. Who makes it renames or removes it. Errors: those of os.OpenFile.
func Beside(path string) (*os.File, error) {
	for i := 0; ; i++ {
		name := fmt.Sprintf("%s.%d.%d.tmp", path, os.Getpid(), i)
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) || i >= 1000 {
			return f, err
		}
	}
}

// Replace makes path hold what write writes, all of it or nothing. mode is that of the file; 0: what the umask decides. Errors: those of
// write and of the file system.
func Replace(path string, mode fs.FileMode, write func(w io.Writer) error) (err error) {
	f, err := Beside(path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close() // a second close is harmless
			os.Remove(f.Name())
		}
	}()
	if mode != 0 {
		if err := os.Chmod(f.Name(), mode); err != nil { // which the umask must not narrow
			return err
		}
	}
	if err := write(f); err != nil {
		return err
	}
	// Before the name: after a power cut a file must not have its name without its content.
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
