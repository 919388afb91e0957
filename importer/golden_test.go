package importer

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
)

var update = flag.Bool("update", false, "write the golden files again")

// TestGolden reads the files of each archive in testdata and holds the manifest and the report to those in it. The comment of an
// archive has lines as "read: setup.py", "as-of: 2020-01-01", "python: 3.8" and "group: test".
func TestGolden(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{}
			want := map[string]string{}
			var kept []txtar.File
			for _, f := range archive.Files {
				if rest, ok := strings.CutPrefix(f.Name, "want/"); ok {
					want[rest] = string(f.Data)
				} else {
					files[f.Name] = f.Data
					kept = append(kept, f)
				}
			}
			got := importAll(t, string(archive.Comment), files)
			if *update {
				for _, f := range []string{"envpack.toml", HashedFile, "report", "error"} {
					if got[f] != "" {
						kept = append(kept, txtar.File{Name: "want/" + f, Data: []byte(got[f])})
					}
				}
				archive.Files = kept
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// importAll gives the manifest, the report, or the error.
func importAll(t *testing.T, comment string, files map[string][]byte) map[string]string {
	t.Helper()
	open := func(name string) ([]byte, error) {
		if data, ok := files[name]; ok {
			return data, nil
		}
		return nil, fs.ErrNotExist
	}
	o := Options{Name: "demo", Open: open}
	var read []*File
	got := map[string]string{}
	fail := func(err error) map[string]string {
		var b strings.Builder
		if err := diag.Render(&b, err); err != nil {
			t.Fatal(err)
		}
		got["error"] = b.String()
		return got
	}
	for line := range strings.Lines(comment) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "as-of":
			o.AsOf = value
		case "python":
			o.Python = value
		case "group":
			o.Groups = append(o.Groups, value)
		case "read":
			f, err := ReadAsOf(value, files[value], open, o.AsOf)
			if err != nil {
				return fail(err)
			}
			read = append(read, f)
		}
	}
	m, err := Compose(read, o)
	if err != nil {
		return fail(err)
	}
	got["envpack.toml"] = m.Text()
	if h := m.HashedText(); h != "" {
		got[HashedFile] = h
	}
	var report strings.Builder
	for _, l := range m.Lines {
		fmt.Fprintf(&report, "%s: %s: %s", l.From, l.Verdict, l.Text)
		if l.Note != "" {
			fmt.Fprintf(&report, " (%s)", l.Note)
		}
		report.WriteByte('\n')
	}
	for _, w := range m.Warnings {
		fmt.Fprintf(&report, "warning: %s\n", w)
	}
	got["report"] = report.String()

	// What was written loads, and is the same when it is made again.
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if h := m.HashedText(); h != "" {
		if err := os.WriteFile(filepath.Join(dir, HashedFile), []byte(h), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := manifest.Parse(filepath.Join(dir, manifest.FileName), m.Text()); err != nil {
		t.Errorf("it does not load: %v\n%s", err, m.Text())
	}
	return got
}
