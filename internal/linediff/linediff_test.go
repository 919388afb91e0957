package linediff

import (
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/testenv"
)

func TestUnified(t *testing.T) {
	for _, test := range []struct{ name, old, text, want string }{
		{"equal", "a\n", "a\n", ""},
		{"changed", "a\nb\nc\n", "a\nB\nc\n", "--- old\n+++ new\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"},
		{"no end", "a", "a\nb\n", "--- old\n+++ new\n@@ -1,1 +1,2 @@\n-a\n\\ No newline at end of file\n+a\n+b\n"},
		{"new", "", "a\n", "--- old\n+++ new\n@@ -0,0 +1,1 @@\n+a\n"},
	} {
		if got := Unified("old", "new", test.old, test.text); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, got, test.want)
		}
	}
}

// TestPatch has git make the new text of the old one by the difference.
func TestPatch(t *testing.T) {
	git := testenv.Tool(t, "git")
	rng := rand.New(rand.NewSource(1))
	text := func() string {
		var b strings.Builder
		for range rng.Intn(30) {
			fmt.Fprintf(&b, "%d\n", rng.Intn(4))
		}
		return b.String() + "end\n"
	}
	for n := range 30 {
		dir := t.TempDir()
		old, want := text(), text()
		if old == want {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, "f"), []byte(old), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(git, "apply", "-")
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(Unified("a/f", "b/f", old, want))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%d: %v\n%s\n%s", n, err, out, Unified("a/f", "b/f", old, want))
		}
		if got, _ := os.ReadFile(filepath.Join(dir, "f")); string(got) != want {
			t.Fatalf("%d: the patch gives another text", n)
		}
	}
}
