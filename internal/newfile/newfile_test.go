package newfile_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/envpack/envpack/internal/newfile"
)

func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	put := func(text string, err error) func(io.Writer) error {
		return func(w io.Writer) error {
			if _, werr := io.WriteString(w, text); werr != nil {
				return werr
			}
			return err
		}
	}
	if err := newfile.Replace(path, 0o600, put("first", nil)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	broken := errors.New("broken")
	if err := newfile.Replace(path, 0, put("sec", broken)); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if data, err := os.ReadFile(path); string(data) != "first" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	if err := newfile.Replace(path, 0, put("second", nil)); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); string(data) != "second" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	if list, err := os.ReadDir(filepath.Dir(path)); len(list) != 1 || err != nil {
		t.Errorf("%v, %v", list, err)
	}
}

// TestBeside: two at once have two names.
func TestBeside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	a, err := newfile.Beside(path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := newfile.Beside(path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if a.Name() == b.Name() || filepath.Dir(a.Name()) != filepath.Dir(path) {
		t.Errorf("%s and %s", a.Name(), b.Name())
	}
}
