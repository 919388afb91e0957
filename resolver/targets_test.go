package resolver

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
)

// TestLibcOfNone: without a base the manifest may say which C library wheels are for.
func TestLibcOfNone(t *testing.T) {
	w := newWorld()
	w.add("a", "1.0", rel{tags: []string{"cp312-cp312-musllinux_1_1_x86_64", "cp312-cp312-manylinux_2_17_x86_64"}})
	w.add("a", "1.1", rel{tags: []string{"cp312-cp312-musllinux_1_2_x86_64"}})
	w.add("a", "1.2", rel{tags: []string{"cp312-cp312-manylinux_2_34_x86_64"}})
	w.add("b", "1.0", rel{requires: []string{"a; sys_platform == 'linux'"}})
	for _, c := range []struct{ kind, version, glibc, musl, want, failure string }{
		{"", "", "2.28", "", "1.0", ""},
		{"glibc", "2.36", "2.36", "", "1.2", ""},
		{"glibc", "2.12", "", "", "", "1.2: the wheels need glibc 2.34 or later, and the target has 2.12"},
		{"musl", "1.2", "", "1.2", "1.1", ""},
		{"musl", "1.1", "", "1.1", "1.0", ""},
		{"musl", "1.0", "", "", "", "1.2: there are wheels for cp312 on manylinux x86_64, none for musl (musllinux)"},
	} {
		m := python(project("b"), "3.12.4")
		m.Distro = lockfile.NoDistro
		m.System.Libc = manifest.Libc{Kind: c.kind, Version: c.version}
		l, err := Resolve(context.Background(), m, Sources{Packages: w, Base: fakeBase{}}, Options{Now: published.AddDate(1, 0, 0)})
		if c.failure != "" {
			if diag.CodeOf(err) != diag.NoAnswer || !strings.Contains(err.Error(), c.failure) {
				t.Errorf("%+v: %v", c, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if on := l.Targets[0]; on.Glibc != c.glibc || on.Musl != c.musl || l.Packages[0].Version != c.want {
			t.Errorf("%+v: %+v, %s", c, on, l.Packages[0].Version)
		}
		if err := CheckFiles(l); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		// The other C library's wheels are found out, whoever wrote them into the lock.
		if on := &l.Targets[0]; on.Musl != "" {
			on.Glibc, on.Musl = "2.36", ""
		} else {
			on.Glibc, on.Musl = "", "1.2"
		}
		if err := CheckFiles(l); err == nil || !strings.Contains(err.Error(), "cannot install it") {
			t.Errorf("%+v, with the other C library: %v", c, err)
		}
	}
}

// TestTargetsOfPlatforms: each platform gets wheels of its machine for the same Python and C library.
func TestTargetsOfPlatforms(t *testing.T) {
	w := newWorld()
	w.add("a", "1.0", rel{tags: []string{"cp314-cp314t-musllinux_1_2_x86_64", "cp314-cp314t-musllinux_1_1_aarch64", "cp314-cp314-musllinux_1_2_aarch64"}})
	w.add("a", "1.1", rel{tags: []string{"cp314-cp314t-musllinux_1_2_x86_64", "cp314-cp314-musllinux_1_2_aarch64"}})
	m := python(project("a"), "3.14.4")
	m.Python.Text, m.Python.FreeThreaded = "3.14.4t", true
	m.Platforms = []string{"linux/amd64", "linux/arm64"}
	m.Distro, m.System.Libc = lockfile.NoDistro, manifest.Libc{Kind: "musl", Version: "1.2"}
	l, err := Resolve(context.Background(), m, Sources{Packages: w, Base: fakeBase{}}, Options{Now: published.AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, p := range l.Packages {
		for _, f := range p.Files {
			for _, platform := range f.Targets {
				got[platform] += f.Name
			}
		}
	}
	want := map[string]string{"linux/amd64": "a-1.0-cp314-cp314t-musllinux_1_2_x86_64.whl", "linux/arm64": "a-1.0-cp314-cp314t-musllinux_1_1_aarch64.whl"}
	if got["linux/arm64"] != want["linux/arm64"] || !strings.Contains(got["linux/amd64"], "-cp314t-musllinux_1_2_x86_64.whl") {
		t.Error(got)
	}
	for _, on := range l.Targets {
		if on.ABI != "cp314t" || on.Musl != "1.2" || on.Glibc != "" {
			t.Errorf("%+v", on)
		}
	}
}

// TestInterpreterOfLibc: an archive's C library must be the one that wheels are for.
func TestInterpreterOfLibc(t *testing.T) {
	for _, c := range []struct {
		i       Interpreter
		libc    manifest.Libc
		failure string
	}{
		{Interpreter{Musl: true}, manifest.Libc{Kind: "musl", Version: "1.2"}, ""},
		{Interpreter{Glibc: "2.36"}, manifest.Libc{}, ""},
		{Interpreter{Glibc: "2.36"}, manifest.Libc{Kind: "glibc", Version: "2.36"}, ""},
		{Interpreter{Glibc: "2.36"}, manifest.Libc{Kind: "glibc", Version: "2.28"}, "needs glibc 2.36, and system.libc has 2.28"},
		{Interpreter{Glibc: "2.17"}, manifest.Libc{Kind: "musl", Version: "1.2"}, "is linked to glibc, and system.libc has musl"},
		{Interpreter{Musl: true}, manifest.Libc{Kind: "glibc", Version: "2.28"}, "is linked to musl, and system.libc has glibc"},
		{Interpreter{Musl: true}, manifest.Libc{}, "is linked to musl, and wheels are chosen for glibc 2.28"},
	} {
		m := python(project(), "3.12")
		m.Distro = lockfile.NoDistro
		m.System.Pythons = []manifest.PythonArchive{{Path: "python.tar.gz"}}
		m.System.Libc = c.libc
		c.i.Version, c.i.Path, c.i.SHA256, c.i.Size = "3.12.7", "python.tar.gz", hashOf("x"), 1
		_, err := Resolve(context.Background(), m, Sources{Packages: newWorld(), Base: archived{i: &c.i}}, Options{Now: published})
		switch {
		case c.failure == "" && err != nil, c.failure != "" && (diag.CodeOf(err) != diag.Manifest || !strings.Contains(err.Error(), c.failure)):
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// archived has one archive.
type archived struct {
	fakeBase
	i *Interpreter
}

// Interpreter implements BaseSource.
func (a archived) Interpreter(_ context.Context, _ manifest.PythonArchive, platform string) (*Interpreter, error) {
	i := *a.i
	i.Target = platform
	return &i, nil
}

// TestFreeThreadedRemedy: what has no wheel for the free-threaded build is told so, and the usual build is offered where it has
// an answer; in the file, it resolves.
func TestFreeThreadedRemedy(t *testing.T) {
	w := newWorld()
	w.add("plain", "1.0", rel{tags: []string{"cp313-cp313-manylinux_2_17_x86_64", "cp314-cp314-manylinux_2_17_x86_64"}})
	w.add("both", "1.0", rel{tags: []string{"cp314-cp314t-manylinux_2_17_x86_64", "cp314-cp314-manylinux_2_17_x86_64"}})
	w.add("older", "1.0", rel{tags: []string{"cp313-cp313t-manylinux_2_17_x86_64"}})
	dir := t.TempDir()
	lock := func(pythonText, requirement string) (*lockfile.Lock, error) {
		t.Helper()
		text := "[project]\nname = \"demo\"\npython = \"" + pythonText + "\"\ndependencies = [\"" + requirement + "\"]\n"
		if err := os.WriteFile(filepath.Join(dir, manifest.FileName), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		m, err := manifest.Load(dir, manifest.Selection{})
		if err != nil {
			t.Fatal(err)
		}
		return Resolve(context.Background(), m, Sources{Packages: w, Base: likelyBase{}}, Options{Now: published.AddDate(1, 0, 0)})
	}
	for _, c := range []struct{ python, requirement, why, remedy, then string }{
		{"3.14t", "plain", "there are wheels for cp313, cp314 on manylinux x86_64, none for free-threaded Python (cp314t)", `python = "3.14" instead of "3.14t" resolves`, "3.14"},
		{">=3.14t", "older", "there are wheels for cp313t on manylinux x86_64", "", ""},
		{"3.14t", "older", "there are wheels for cp313t on manylinux x86_64", `python = "3.13t" instead of "3.14t" resolves`, "3.13t"},
	} {
		_, err := lock(c.python, c.requirement)
		hints := strings.Join(diag.HintsOf(err), "\n")
		if diag.CodeOf(err) != diag.NoAnswer || !strings.Contains(err.Error(), c.why) || !strings.Contains(hints, c.remedy) {
			t.Errorf("%s: %v\n%s", c.requirement, err, hints)
		}
		if c.then == "" {
			continue
		}
		if _, err := lock(c.then, c.requirement); err != nil {
			t.Errorf("%s with %s: %v", c.requirement, c.then, err)
		}
	}
	l, err := lock("3.14t", "both")
	if err != nil {
		t.Fatal(err)
	}
	if on := l.Targets[0]; on.ABI != "cp314t" || on.Minor() != "3.14t" || l.Packages[0].Files[0].Name != "both-1.0-cp314-cp314t-manylinux_2_17_x86_64.whl" {
		t.Errorf("%+v, %s", on, l.Packages[0].Files[0].Name)
	}
	if _, err := newTarget(lockfile.Target{Platform: "linux/amd64", Python: "3.14.0", ABI: "cp313t", Glibc: "2.36"}); err == nil {
		t.Error("an ABI of another Python is taken")
	}
}
