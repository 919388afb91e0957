package lockfile

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sampleBuilds are an environment and another in which one of its packages was built.
func sampleBuilds() (outer, inner Build) {
	inner = Build{
		Target:   "linux/amd64",
		Packages: []Package{{Name: "setuptools", Version: "59.6.0", Files: []File{{Name: "setuptools-59.6.0-py3-none-any.whl", SHA256: hex64("2a"), Size: 900}}}},
	}
	inner.ID = inner.Sum()
	outer = Build{
		Target: "linux/amd64", Env: map[string]string{"WITH_CUDA": "0", "odd.name": "ü"},
		Patches: []Patch{{Path: "patches/b.patch", SHA256: hex64("2b")}, {Path: "patches/a.patch", SHA256: hex64("2c")}},
		Added:   []Addition{{Name: "numpy", Reason: "its setup.py imports numpy"}, {Name: "deb:cmake", Reason: "build.old.packages"}},
		Debs:    []Deb{{Name: "gcc-12", Version: "12.2.0-14", Architecture: "amd64", Archive: "debian", Path: "pool/main/g/gcc-12/gcc-12_12.2.0-14_amd64.deb", SHA256: hex64("2d"), Size: 11}},
		Packages: []Package{
			{Name: "setuptools", Version: "59.6.0", Files: []File{{Name: "setuptools-59.6.0-py3-none-any.whl", SHA256: hex64("2a"), Size: 900, Hashed: true}}},
			{Name: "cython", Version: "0.29.1", Index: "folder", Sources: []Source{{Name: "Cython-0.29.1.tar.gz", SHA256: hex64("2e"), Size: 13, Hashed: true, Uploaded: at("2018-11-24T00:00:00Z")}},
				Files: []File{{Name: "Cython-0.29.1-cp311-cp311-linux_x86_64.whl", SHA256: hex64("2f"), Size: 12, Build: inner.ID}}},
		},
	}
	outer.ID = outer.Sum()
	return outer, inner
}

// withBuilds is a lock with wheels that were built.
func withBuilds() *Lock {
	outer, inner := sampleBuilds()
	l := sample()
	l.Builds = []Build{outer, inner}
	l.Packages = append(l.Packages, []Package{
		{Name: "old", Version: "0.1", Sources: []Source{{Name: "old-0.1.zip", SHA256: hex64("3a"), Size: 77, Uploaded: at("2024-02-23T19:00:00Z")}},
			Files: []File{
				{Name: "old-0.1-py3-none-any.whl", SHA256: hex64("3b"), Size: 78, Build: outer.ID, Targets: []string{"linux/amd64"}},
				{Name: "old-0.1-py3-none-any.whl", SHA256: hex64("3c"), Size: 79, Build: inner.ID, Targets: []string{"linux/arm64"}},
			}},
		{Name: "folder", Version: "1", Path: "lib", Tree: hex64("3d"),
			Files: []File{{Name: "folder-1-py3-none-any.whl", SHA256: hex64("3e"), Size: 80, Build: inner.ID, Targets: []string{"linux/amd64"}}}},
	}...)
	return l
}

func TestBuildsGolden(t *testing.T) {
	got := Encode(withBuilds())
	if *update {
		if err := os.WriteFile("testdata/builds.lock", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/builds.lock")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
	l, err := Parse("envpack.lock", got)
	if err != nil {
		t.Fatal(err)
	}
	slow, err := parseTOML("envpack.lock", got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(l, slow); diff != "" {
		t.Errorf("by TOML: (-fast +slow)\n%s", diff)
	}
	if again := Encode(l); !bytes.Equal(again, got) {
		t.Error("what was read is written otherwise")
	}
	// The ID is of what is built in, and not of how it was learnt.
	b := l.Builds[0].clone()
	b.Added = []Addition{{Name: "numpy", Reason: "another"}, {Name: "deb:cmake"}}
	for i := range b.Packages {
		for j := range b.Packages[i].Files {
			b.Packages[i].Files[j].Hashed, b.Packages[i].Files[j].Uploaded = true, time.Unix(1, 0)
		}
	}
	if outer, _ := sampleBuilds(); outer.ID == l.Builds[0].ID && b.Sum() != b.ID {
		t.Errorf("%s is now %s", b.ID, b.Sum())
	}
}

func TestEnvironment(t *testing.T) {
	l := withBuilds()
	outer, inner := sampleBuilds()
	e, err := l.Environment(outer.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Validate(); err != nil {
		t.Fatal(err)
	}
	var debs []string
	for _, d := range e.Base.Debs {
		debs = append(debs, d.Name)
		if d.System != (d.Name == "gcc-12") {
			t.Errorf("%s: system is %v", d.Name, d.System)
		}
	}
	if want := []string{"gcc-12", "libc6", "tzdata"}; !slices.Equal(debs, want) {
		t.Errorf("debs %q, want %q", debs, want) // libvendor1 is the image's, and nobody asked for it here
	}
	if len(e.Targets) != 1 || len(e.Packages) != 2 || len(e.Builds) != 1 || e.Builds[0].ID != inner.ID || len(e.Indexes) != 1 {
		t.Errorf("%s", Encode(e))
	}
	if err := l.Validate(); err != nil {
		t.Errorf("the lock changed: %v", err)
	}
	if _, err := l.Environment("none"); err == nil {
		t.Error("there is a build called none")
	}
}

// TestEnvironmentIndexes: an environment has the indexes that the builds of its packages need.
func TestEnvironmentIndexes(t *testing.T) {
	_, inner := sampleBuilds()
	inner.Packages[0].Index = "folder"
	l := sample()
	tool := Package{
		Name: "cython", Version: "0.29.1", Sources: []Source{{Name: "Cython-0.29.1.tar.gz", SHA256: hex64("2e"), Size: 13}},
		Files: []File{{Name: "Cython-0.29.1-cp311-cp311-linux_x86_64.whl", SHA256: hex64("2f"), Size: 12, Build: l.AddBuild(inner)}},
	}
	e, err := l.Environment(l.AddBuild(Build{Target: "linux/amd64", Packages: []Package{tool}}))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Validate(); err != nil || len(e.Indexes) != 1 {
		t.Errorf("%v\n%s", err, Encode(e))
	}
}

func TestBuildsProjection(t *testing.T) {
	for platform, builds := range map[string]int{"linux/amd64": 2, "linux/arm64": 0} {
		data, err := withBuilds().Projection(platform)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Parse("projection", data)
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		if len(p.Builds) != builds || bytes.Contains(data, []byte("hashed")) || bytes.Contains(data, []byte("setup.py imports")) {
			t.Errorf("%s: %s", platform, data)
		}
	}
	if at := withBuilds().Created("linux/amd64"); at != time.Date(2024, 2, 23, 19, 0, 0, 0, time.UTC) {
		t.Errorf("created %s", at) // of the source of a wheel
	}
}

func TestBuildsValidate(t *testing.T) {
	outer, _ := sampleBuilds()
	at := func(l *Lock) *Build { return l.BuildOf(outer.ID) }
	pkg := func(l *Lock, name string) *Package {
		i := slices.IndexFunc(l.Packages, func(p Package) bool { return p.Name == name })
		return &l.Packages[i]
	}
	again := func(l *Lock) { b := at(l); id := b.ID; b.ID = b.Sum(); swapBuild(l, id, b.ID) }
	for want, spoil := range map[string]func(*Lock){
		"what the build has comes to": func(l *Lock) { at(l).Packages[0].Version = "60" },
		"there is no build":           func(l *Lock) { l.Builds = slices.DeleteFunc(l.Builds, func(b Build) bool { return b.ID == outer.ID }) },
		"stands twice":                func(l *Lock) { l.Builds = append(l.Builds, *at(l)) },
		"there is no target":          func(l *Lock) { at(l).Target = "linux/s390x"; again(l) },
		"not a variable":              func(l *Lock) { at(l).Env["A=B"] = ""; again(l) },
		"in its shortest form":        func(l *Lock) { at(l).Patches[0].Path = "a/../b"; again(l) },
		"one file of each":            func(l *Lock) { at(l).Packages[0].Files = nil; again(l) },
		"there is no index":           func(l *Lock) { at(l).Packages[1].Index = "nowhere"; again(l) },
		"nothing says what":           func(l *Lock) { pkg(l, "old").Sources = nil },
		"nothing was built of it":     func(l *Lock) { pkg(l, "numpy").Sources = pkg(l, "old").Sources },
		"is no wheel":                 func(l *Lock) { pkg(l, "old").Files[0].Name = "old-0.1.zip" },
		"a folder has one":            func(l *Lock) { pkg(l, "old").Tree = hex64("4") },
	} {
		l := withBuilds()
		spoil(l)
		if err := l.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// swapBuild has the files that name a build name another.
func swapBuild(l *Lock, old, now string) {
	for i := range l.Packages {
		for j := range l.Packages[i].Files {
			if f := &l.Packages[i].Files[j]; f.Build == old {
				f.Build = now
			}
		}
	}
}

func TestBuildsDiff(t *testing.T) {
	var lines []string
	for _, c := range Diff(sample(), withBuilds()) {
		if c.Subject == "build" {
			lines = append(lines, c.String())
		}
	}
	want := []string{
		"+ build of folder 1 (linux/amd64) in setuptools 59.6.0 (15940064)",
		"+ build of old 0.1 (linux/amd64) in setuptools 59.6.0, cython 0.29.1, 1 package of the distribution (f2a77b92)",
	}
	if len(lines) != 3 || !slices.Equal(lines[:2], want) {
		t.Errorf("%q", lines)
	}
}

func TestSource(t *testing.T) {
	l := withBuilds()
	for i := range l.Packages {
		l.Packages[i] = l.Packages[i].Source()
	}
	l.Builds = nil
	if err := l.Validate(); err != nil {
		t.Fatal(err)
	}
	text := string(Encode(l))
	for _, want := range []string{`name = "old-0.1.zip"`, "path = \"lib\"\ntree = \"" + hex64("3d") + "\"\ntargets = [\"linux/amd64\"]"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s\nlacks %s", text, want)
		}
	}
	if strings.Contains(text, "old-0.1-py3") || strings.Contains(text, "source") {
		t.Errorf("%s", text)
	}
}
