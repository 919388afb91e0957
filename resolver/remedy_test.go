package resolver

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/apt"
)

// likelyBase has the distributions as the table of them says.
type likelyBase struct{ fakeBase }

// Base implements BaseSource.
func (b likelyBase) Base(ctx context.Context, want apt.Options) (*apt.Result, error) {
	d, known := likely[want.Distro]
	if !known {
		return nil, errors.New("nothing is known of " + want.Distro)
	}
	python := d.pythons[want.Python]
	if want.Python == "" {
		for _, python = range d.pythons {
			break
		}
	}
	r, err := fakeBase{python}.Base(ctx, want)
	if r != nil {
		r.Glibc = d.glibc
	}
	return r, err
}

// Published implements BaseSource.
func (b likelyBase) Published(_ context.Context, python manifest.Python, platform string) (*Interpreter, error) {
	list := Pythons(platform)
	if python.FreeThreaded {
		list = ThreadedPythons(platform)
	}
	for _, minor := range list {
		if minor = strings.TrimSuffix(minor, "t"); mayHave(python.Specifiers, minor) {
			return &Interpreter{Interpreter: lockfile.Interpreter{
				Target: platform, Path: "cpython.tar.gz", Version: minor + ".0", SHA256: hashOf(minor), Size: 1,
			}, FreeThreaded: python.FreeThreaded}, nil
		}
	}
	return nil, nil
}

// writeManifest writes the text of a manifest into a folder.
func writeManifest(t *testing.T, dir string, m *manifest.Manifest, more string) {
	t.Helper()
	var b strings.Builder
	b.WriteString("[project]\nname = \"demo\"\npython = \"3.11\"\n" + more + "dependencies = [\n")
	for _, r := range m.Requirements {
		fmt.Fprintf(&b, "    %q,\n", strings.ReplaceAll(r.Requirement.String(), `"`, "'"))
	}
	b.WriteString("]\nplatforms = [\"" + strings.Join(m.Platforms, `", "`) + "\"]\n")
	fmt.Fprintf(&b, "[resolver]\nprereleases = %q\n[constraints]\n", m.Prereleases)
	for _, r := range m.Constraints {
		fmt.Fprintf(&b, "%s = %q\n", r.Name, r.Specifiers.String())
	}
	if err := os.WriteFile(filepath.Join(dir, manifest.FileName), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// apply makes a change in a text, as a script would.
func apply(t *testing.T, text string, c diag.Change) string {
	t.Helper()
	lines := strings.SplitAfter(text, "\n")
	runes := []rune(lines[c.Line-1])
	before, rest := string(runes[:c.Column-1]), string(runes[c.Column-1:])
	if !strings.HasPrefix(rest, c.Old) {
		t.Fatalf("%+v: there stands %q", c, rest)
	}
	lines[c.Line-1] = before + c.New + strings.TrimPrefix(rest, c.Old)
	return strings.Join(lines, "")
}

// TestChanges: what is offered resolves, when it is written into the file.
func TestChanges(t *testing.T) {
	n := 250
	if testing.Short() {
		n = 60
	}
	kinds := map[string]int{}
	for seed := range n {
		r := rand.New(rand.NewSource(int64(seed)))
		w, m := randomCase(r)
		for _, p := range w.projects { // some later than others, and some that only other Pythons can use
			for i := range p.Files {
				p.Files[i].Uploaded = published.AddDate(0, 0, r.Intn(5))
			}
		}
		dir, more := t.TempDir(), ""
		if r.Intn(3) == 0 {
			more = "as-of = " + published.AddDate(0, 0, r.Intn(4)).Format(time.DateOnly) + "\n"
		}
		writeManifest(t, dir, m, more)
		lock := func() error {
			m, err := manifest.Load(dir, manifest.Selection{})
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			_, err = Resolve(context.Background(), m, Sources{Packages: w, Base: likelyBase{}}, Options{Now: published.AddDate(1, 0, 0)})
			return err
		}
		err := lock()
		if diag.CodeOf(err) != diag.NoAnswer {
			continue
		}
		file := filepath.Join(dir, manifest.FileName)
		text, readErr := os.ReadFile(file)
		if readErr != nil {
			t.Fatal(readErr)
		}
		for _, c := range diag.ChangesOf(err) {
			kinds[strings.Join(strings.Fields(c.Description)[:1], "")]++
			if c.File != file {
				t.Fatalf("seed %d: %+v is of another file", seed, c)
			}
			if err := os.WriteFile(file, []byte(apply(t, string(text), c)), 0o644); err != nil {
				t.Fatal(err)
			}
			if again := lock(); again != nil {
				t.Errorf("seed %d: %+v:\n%v\nand before:\n%v", seed, c, again, err)
			}
		}
	}
	t.Log(kinds)
	for _, kind := range []string{"without", "python", "as-of", "prereleases"} {
		if kinds[kind] == 0 && !testing.Short() {
			t.Errorf("no change of the kind %q was tried: %v", kind, kinds)
		}
	}
	if len(kinds) < n/12 {
		t.Errorf("few bounds were moved: %v", kinds)
	}
}
