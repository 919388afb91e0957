package backend_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/backend"
)

func TestPatch(t *testing.T) {
	const source = "one\ntwo\nthree\nfour\nfive\n"
	tests := map[string]struct {
		patch string
		files map[string]string // afterwards; "" is none
		fails string
	}{
		"of git": {
			patch: "diff --git a/setup.py b/setup.py\nindex 1..2 100644\n--- a/setup.py\n+++ b/setup.py\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n",
			files: map[string]string{"setup.py": "one\n2\nthree\nfour\nfive\n"},
		},
		"without prefixes": {
			patch: "--- setup.py\n+++ setup.py\n@@ -4,2 +4,3 @@\n four\n-five\n+5\n+six\n",
			files: map[string]string{"setup.py": "one\ntwo\nthree\nfour\n5\nsix\n"},
		},
		"of another folder": {
			patch: "--- a-1.orig/setup.py\t2020-01-01\n+++ a-1/setup.py\t2020-01-02\n@@ -1 +1 @@\n-one\n+1\n",
			files: map[string]string{"setup.py": "1\ntwo\nthree\nfour\nfive\n"},
		},
		"moved": {
			patch: "--- a/setup.py\n+++ b/setup.py\n@@ -30,2 +30,2 @@\n three\n-four\n+4\n",
			files: map[string]string{"setup.py": "one\ntwo\nthree\n4\nfive\n"},
		},
		"a new file and one less": {
			patch: "diff --git a/new/x.py b/new/x.py\nnew file mode 100755\n--- /dev/null\n+++ b/new/x.py\n@@ -0,0 +1 @@\n+x\ndiff --git a/setup.py b/setup.py\ndeleted file mode 100644\n--- a/setup.py\n+++ /dev/null\n@@ -1,5 +0,0 @@\n-one\n-two\n-three\n-four\n-five\n",
			files: map[string]string{"new/x.py": "x\n", "setup.py": ""},
		},
		"other lines":   {patch: "--- a/setup.py\n+++ b/setup.py\n@@ -1 +1 @@\n-zero\n+0\n", fails: "does not have the lines that it changes at line 1"},
		"no file":       {patch: "--- a/none.py\n+++ b/none.py\n@@ -1 +1 @@\n-one\n+1\n", fails: "which is no file of the source"},
		"no patch":      {patch: "hello\n", fails: "it changes no file"},
		"leads out":     {patch: "--- /dev/null\n+++ ../../evil\n@@ -0,0 +1 @@\n+x\n", fails: "not in the source"},
		"through links": {patch: "--- /dev/null\n+++ b/up/evil\n@@ -0,0 +1 @@\n+x\n", fails: "escapes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "source")
			writeFile(t, filepath.Join(dir, "setup.py"), []byte(source))
			if err := os.Symlink("..", filepath.Join(dir, "up")); err != nil {
				t.Fatal(err)
			}
			err := backend.Patch(rootOf(t, dir), []byte(test.patch), time.Unix(1e9, 0))
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Errorf("%v, want %q", err, test.fails)
				}
				if _, err := os.Lstat(filepath.Join(dir, "..", "evil")); err == nil {
					t.Error("a file was written outside")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range test.files {
				got, err := os.ReadFile(filepath.Join(dir, name))
				if string(got) != want || (err != nil) != (want == "") {
					t.Errorf("%s: %q, %v", name, got, err)
				}
			}
		})
	}
}

// rootOf opens a folder for as long as a test takes.
func rootOf(t *testing.T, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func FuzzPatch(f *testing.F) {
	f.Add("--- a/setup.py\n+++ b/setup.py\n@@ -1 +1 @@\n-one\n+1\n")
	f.Fuzz(func(t *testing.T, patch string) {
		outside := t.TempDir()
		dir := filepath.Join(outside, "in")
		writeFile(t, filepath.Join(dir, "setup.py"), []byte("one\n"))
		_ = backend.Patch(rootOf(t, dir), []byte(patch), time.Unix(1e9, 0))
		if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
			t.Fatalf("%v, %v", entries, err)
		}
	})
}
