package importer

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/envpack/envpack/internal/diag"
)

// FuzzRead reads files of every form, by their names: what is wrong with them is a diag error with its code, and what is read makes
// the same manifest each time.
func FuzzRead(f *testing.F) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if !strings.HasPrefix(file.Name, "want/") {
				f.Add(filepath.Base(file.Name), string(file.Data))
			}
		}
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		if !fs.ValidPath(name) || name == "." {
			return
		}
		open := func(other string) ([]byte, error) {
			if other == name {
				return []byte(text), nil
			}
			if strings.HasSuffix(other, ".txt") {
				return []byte("numpy>=1\n"), nil
			}
			return nil, fs.ErrNotExist
		}
		file, err := ReadAsOf(name, []byte(text), open, "")
		if err != nil {
			if diag.CodeOf(err) == diag.Failure {
				t.Errorf("an error without a code: %v", err)
			}
			return
		}
		o := Options{Name: "demo", AsOf: "2020-01-01", Open: open}
		m, err := Compose([]*File{file}, o)
		if err != nil {
			return
		}
		again, err := Compose([]*File{file}, o)
		if err != nil || again.Text() != m.Text() {
			t.Errorf("another manifest the second time: %v", err)
		}
	})
}
