package supply

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
)

// linked is a supply whose store has a source distribution of links (with a target) and files (with none), and the package of it.
func linked(t *testing.T, members ...[2]string) (*Supply, lockfile.Package) {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		h := tar.Header{Name: "a-1/" + m[0], Linkname: m[1], Typeflag: tar.TypeSymlink, Mode: 0o644, ModTime: time.Unix(1e9, 0)}
		if m[1] == "" {
			h.Typeflag = tar.TypeReg
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	data := testenv.Gzip(b.Bytes())
	s := &Supply{Options: Options{Store: openStore(t), Dir: t.TempDir()}}
	if err := s.Store.Put(t.Context(), bytes.NewReader(data), sumOf(data), -1); err != nil {
		t.Fatal(err)
	}
	return s, lockfile.Package{Name: "a", Version: "1", Sources: []lockfile.Source{{Name: "a-1.tar.gz", SHA256: sumOf(data), Size: int64(len(data))}}}
}

// TestLinksOut has links that lead out of what was unpacked by another link; as they are written they do not.
func TestLinksOut(t *testing.T) {
	up, out := [2]string{"b/c/d/up", "../../.."}, "b/c/d/up/../../secret" // the folder that sources are unpacked in
	for name, link := range map[string]string{"a file": "pyproject.toml", "a folder": "sub"} {
		t.Run(name, func(t *testing.T) {
			s, p := linked(t, [2]string{"setup.py", ""}, up, [2]string{link, out})
			secret := filepath.Join(s.Store.Dir(), "tmp", "secret")
			if link == "sub" {
				p.Subdirectory, secret = "sub", filepath.Join(secret, "pyproject.toml")
			}
			if err := os.MkdirAll(filepath.Dir(secret), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(secret, []byte("[build-system]\nrequires = [\"secret\"]\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := s.Inspect(t.Context(), p)
			var build *resolver.BuildError
			switch {
			case link == "sub" && diag.CodeOf(err) != diag.Manifest:
				t.Errorf("%v", err)
			case link != "sub" && (!errors.As(err, &build) || !strings.Contains(build.Reason, "pyproject.toml") || !strings.Contains(build.Reason, "escapes")):
				t.Errorf("%v", err)
			}
		})
	}
}

// TestPrepare patches a project in a folder of its source that has links to another, and dates what it leaves.
func TestPrepare(t *testing.T) {
	s, p := linked(t, [2]string{"pyproject.toml", ""}, [2]string{"setup.py", ""}, [2]string{"py/setup.py", "../setup.py"})
	p.Subdirectory = "py"
	patch := []byte("--- /dev/null\n+++ b/more/x.txt\n@@ -0,0 +1 @@\n+x\n")
	if err := os.WriteFile(filepath.Join(s.Dir, "x.patch"), patch, 0o644); err != nil {
		t.Fatal(err)
	}
	o := resolver.BuildOrder{
		Package: p, Environment: &lockfile.Lock{},
		Settings: resolver.BuildSettings{Patches: []lockfile.Patch{{Path: "x.patch", SHA256: sumOf(patch)}}},
	}
	work := t.TempDir()
	run, err := s.prepare(t.Context(), o, work)
	if err != nil || run.Source != "a-1/py" || !run.Project.Legacy {
		t.Fatalf("%+v, %v", run, err)
	}
	for _, name := range []string{"", "a-1", "a-1/py", "a-1/py/more", "a-1/py/more/x.txt", "a-1/setup.py"} {
		if info, err := os.Stat(filepath.Join(work, "source", name)); err != nil || !info.ModTime().Equal(time.Unix(1e9, 0)) {
			t.Errorf("%q is of %v, %v", name, info.ModTime(), err)
		}
	}
}
