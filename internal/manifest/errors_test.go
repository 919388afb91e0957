package manifest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/envpack/envpack/internal/diag"
)

var update = flag.Bool("update", false, "write what is printed into testdata/errors")

// TestErrors holds the whole text that each kind of mistake prints. The archives of testdata/errors
// have the project's files and, as "want", the text.
func TestErrors(t *testing.T) {
	archives, err := filepath.Glob("testdata/errors/*.txtar")
	if err != nil || len(archives) < 90 {
		t.Fatalf("%d archives, %v", len(archives), err)
	}
	for _, name := range archives {
		name, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(t.TempDir())
			want := &archive.Files[len(archive.Files)-1]
			if want.Name != "want" {
				t.Fatal("the last file is not want")
			}
			write(t, archive.Files[:len(archive.Files)-1])
			m, err := Load(".", Selection{})
			if err == nil || m != nil {
				t.Fatalf("no error, or a manifest beside it: %v, %v", m, err)
			}
			if diag.CodeOf(err) != diag.Manifest {
				t.Errorf("exit code %d", diag.CodeOf(err))
			}
			var got strings.Builder
			if err := diag.Render(&got, err); err != nil {
				t.Fatal(err)
			}
			text := strings.ReplaceAll(got.String(), "\r", "")
			if strings.Contains(text, "secret:") || strings.Contains(text, ":secret") {
				t.Error("a password is shown")
			}
			if *update {
				want.Data = []byte(text)
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(string(want.Data), text); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// write puts files into the working directory.
func write(t *testing.T, files []txtar.File) {
	t.Helper()
	for _, f := range files {
		if err := os.MkdirAll(filepath.Dir(f.Name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.Name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
