package manifest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/envpack/envpack/internal/diag"
)

// seeds are the files of that name in the archives of mistakes.
func seeds(f *testing.F, name string) {
	f.Helper()
	archives, err := filepath.Glob("testdata/errors/*.txtar")
	if err != nil || len(archives) == 0 {
		f.Fatal("no archives", err)
	}
	for _, a := range archives {
		archive, err := txtar.ParseFile(a)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if file.Name == name {
				f.Add(string(file.Data))
			}
		}
	}
	for _, file := range txtar.Parse([]byte(full)).Files {
		if file.Name == name {
			f.Add(string(file.Data))
		}
	}
}

// check holds an error to having the exit code and, if it has a line, a place in it.
func check(t *testing.T, m *Manifest, err error) {
	t.Helper()
	if err == nil {
		if len(m.Hash()) != 64 {
			t.Error("no hash")
		}
		return
	}
	if diag.CodeOf(err) != diag.Manifest {
		t.Errorf("exit code %d: %v", diag.CodeOf(err), err)
	}
	if pos := diag.PositionOf(err); pos.Col > len([]rune(pos.Source))+1 && pos.Source != "" {
		t.Errorf("column %d in %q", pos.Col, pos.Source)
	}
	var b strings.Builder
	if rerr := diag.Render(&b, err); rerr != nil {
		t.Error(rerr)
	}
}

// FuzzManifest reads any text as envpack.toml, and holds that each key and value of valid TOML has a
// place.
func FuzzManifest(f *testing.F) {
	seeds(f, FileName)
	f.Add("a.\"b.c\".'d' = [ {x = 1}, [2, \"\"\"\n\\\" ] \"\"\"\"] ]\n[[t]]\n[t.u]\nv = '''a'''''\n[[t]]\nw = 1979-05-27 07:32:00 # c\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseBeside(filepath.Join("testdata", "nowhere", FileName), text, nil, Selection{})
		check(t, m, err)
		var root map[string]any
		if _, err := toml.Decode(text, &root); err == nil && !strings.Contains(text, "\\") {
			p := findPositions(FileName, text)
			visit(root, "", func(path string, v any) {
				if !p.Has(path) {
					t.Errorf("no place for %s in %q", path, text)
				}
			})
		}
	})
}

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func visit(v any, path string, do func(path string, v any)) {
	if path != "" {
		do(path, v)
	}
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			// The paths of others are ambiguous; their places are those of their tables.
			if bareKey.MatchString(key) {
				visit(value, join(path, key), do)
			}
		}
	case []any:
		for i, value := range v {
			visit(value, fmt.Sprintf("%s[%d]", path, i), do)
		}
	case []map[string]any:
		for i, value := range v {
			visit(value, fmt.Sprintf("%s[%d]", path, i), do)
		}
	}
}

// FuzzRequirements reads any bytes as a requirements file.
func FuzzRequirements(f *testing.F) {
	seeds(f, "requirements.txt")
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		manifest := "[project]\nname = 'x'\npython = '3.11'\nrequirements = ['requirements.txt']\n"
		for name, data := range map[string]string{FileName: manifest, "requirements.txt": text} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		m, err := Load(dir, Selection{})
		check(t, m, err)
	})
}

// FuzzPyproject reads any text as pyproject.toml.
func FuzzPyproject(f *testing.F) {
	seeds(f, PyProject)
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseBeside(filepath.Join("testdata", "nowhere", PyProject), text, nil, Selection{})
		check(t, m, err)
	})
}
