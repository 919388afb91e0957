package rootfs

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/testenv"
)

var update = flag.Bool("update", false, "write the golden digests anew")

// fakeBase is a base in which every fix-up finds something to do.
func fakeBase() []Deb {
	debs := []Deb{
		deb("base-files", testenv.DebOptions{
			Files: map[string]string{
				"bin/": "", "lib/": "", "sbin/": "", "lib64/": "", "root/": "", "tmp/": "", "var/tmp/": "", "var/run/": "", "var/lock/": "", "etc/skel/.bashrc": "skel",
				"usr/share/base-files/dot.bashrc": "# bashrc", "usr/share/base-files/profile": "# profile", "usr/share/base-files/motd": "welcome",
				"etc/debian_version": "12.0\n", "etc/dpkg/origins/debian": "Vendor: Debian\n",
			},
			Modes:   map[string]uint32{"tmp": 0o1777, "var/tmp": 0o1777, "root": 0o700},
			Members: map[string]string{"conffiles": "/etc/debian_version\n"},
		}),
		deb("base-passwd", testenv.DebOptions{Files: map[string]string{
			"usr/share/base-passwd/passwd.master": "root:*:0:0:root:/root:/bin/bash\n_apt:*:42:65534::/nonexistent:/usr/sbin/nologin\n",
			"usr/share/base-passwd/group.master":  "root:*:0:\nshadow:*:42:\n",
		}}),
		deb("mawk", testenv.DebOptions{Files: map[string]string{"usr/bin/mawk": "mawk"}, Members: map[string]string{"postinst": mawkPostinst}}),
		deb("bash", testenv.DebOptions{Files: map[string]string{"bin/bash": "bash"}, Modes: map[string]uint32{"bin/bash": 0o755}}),
		debOf("ca-certificates", "20230311", "all", testenv.DebOptions{Files: map[string]string{
			"usr/share/ca-certificates/mozilla/A.crt": "-----A-----\n", "usr/share/ca-certificates/mozilla/B_(2).crt": "-----B-----",
		}}),
		deb("python3.11", testenv.DebOptions{Files: map[string]string{"usr/bin/python3.11": "python"}, Modes: map[string]uint32{"usr/bin/python3.11": 0o755}}),
		deb("passwd", testenv.DebOptions{
			Files: map[string]string{"usr/bin/passwd": "passwd", "usr/bin/chage": "chage"},
			Modes: map[string]uint32{"usr/bin/passwd": 0o4755, "usr/bin/chage": 0o2755}, Owners: map[string][2]int{"usr/bin/chage": {0, 42}},
		}),
	}
	return append(debs, linkerDebs()...)
}

func TestGolden(t *testing.T) {
	r := mustAssemble(t, fakeBase()...).write(t)
	got := fmt.Sprintf("%s\ndigest  %s\ndiff-id %s\nsize    %d\n", Format, r.Digest, r.DiffID, r.Size)
	file := filepath.Join("..", "..", "testdata", "golden", "rootfs.txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), got); diff != "" {
		t.Errorf("bytes that a format names never change; a change needs a new one: %s", diff)
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	debs := fakeBase()
	want := mustAssemble(t, debs...).write(t).Digest
	random := rand.New(rand.NewSource(1))
	for i := range 8 {
		random.Shuffle(len(debs), func(i, j int) { debs[i], debs[j] = debs[j], debs[i] })
		o := options()
		o.Parallel = i
		tree, err := Assemble(t.Context(), debs, o)
		if err != nil {
			t.Fatal(err)
		}
		if got := tree.write(t).Digest; got != want {
			t.Errorf("order %d: %s, want %s", i, got, want)
		}
	}
}

func TestMergedUsr(t *testing.T) {
	tree := mustAssemble(t, deb("dash", testenv.DebOptions{
		Files:     map[string]string{"bin/dash": "dash", "lib/modules": "x", "lib64/ld.so": "loader", "usr/share/lib/x": "stays"},
		Links:     map[string]string{"bin/sh": "dash", "sbin/tool": "../bin/dash"},
		Hardlinks: map[string]string{"bin/dash2": "bin/dash"},
	}))
	for _, d := range []string{"bin", "lib", "lib64", "sbin"} {
		if got := tree.link(t, d); got != "usr/"+d {
			t.Errorf("/%s -> %s", d, got)
		}
	}
	if _, ok := tree.find("lib32"); ok {
		t.Error("/lib32 is there, which no package has")
	}
	if got := tree.text(t, "usr/bin/dash"); got != "dash" {
		t.Errorf("/usr/bin/dash: %q", got)
	}
	if e := tree.entry(t, "usr/bin/dash2"); e.Kind != layer.Hardlink || e.Link != "usr/bin/dash" {
		t.Errorf("/usr/bin/dash2: %+v", e)
	}
	if got := tree.link(t, "usr/bin/sh"); got != "dash" {
		t.Errorf("/usr/bin/sh -> %s", got)
	}
	tree.entry(t, "usr/share/lib/x")
	if list := tree.text(t, "var/lib/dpkg/info/dash.list"); !strings.Contains(list, "\n/bin/dash\n") || strings.Contains(list, "/usr/bin/dash\n") {
		t.Errorf("dpkg's list is not what was packaged:\n%s", list)
	}
	tree.write(t)
}

func TestBaseFilesShipsTheLinks(t *testing.T) {
	tree := mustAssemble(t,
		deb("base-files", testenv.DebOptions{Files: map[string]string{"usr/bin/": "", "usr/lib/": ""}, Links: map[string]string{"bin": "usr/bin", "lib": "usr/lib"}}),
		deb("old", testenv.DebOptions{Files: map[string]string{"bin/old": "x"}}))
	if got := tree.link(t, "bin"); got != "usr/bin" {
		t.Errorf("/bin -> %s", got)
	}
	tree.entry(t, "usr/bin/old")
	tree.write(t)
}

func TestThroughLinks(t *testing.T) {
	tree := mustAssemble(t,
		deb("a", testenv.DebOptions{
			Files: map[string]string{"usr/share/new/doc/": ""},
			Links: map[string]string{"usr/share/old": "new", "usr/share/absolute": "/usr/share/old/doc"},
		}),
		deb("b", testenv.DebOptions{
			Files:     map[string]string{"usr/share/old/doc/b.txt": "b", "usr/share/absolute/c.txt": "c", "var/run/b/pid": "1", "var/lock/b": "2"},
			Links:     map[string]string{"usr/share/old/l": "doc"},
			Hardlinks: map[string]string{"usr/share/old/doc/b2.txt": "usr/share/old/doc/b.txt"},
		}))
	for p, want := range map[string]string{"usr/share/new/doc/b.txt": "b", "usr/share/new/doc/c.txt": "c", "run/b/pid": "1", "run/lock/b": "2"} {
		if got := tree.text(t, p); got != want {
			t.Errorf("/%s: %q", p, got)
		}
	}
	if e := tree.entry(t, "usr/share/new/doc/b2.txt"); e.Link != "usr/share/new/doc/b.txt" && e.Link != "" {
		t.Errorf("hard link to %s", e.Link)
	}
	if got := tree.link(t, "usr/share/new/l"); got != "doc" {
		t.Errorf("link to %s", got)
	}
	if tree.link(t, "usr/share/old") != "new" || tree.link(t, "var/run") != "/run" || tree.link(t, "var/lock") != "/run/lock" {
		t.Error("a link gave way to a folder")
	}
	for _, e := range tree.Entries {
		if strings.HasPrefix(e.Path, "usr/share/old/") || strings.HasPrefix(e.Path, "var/run/") {
			t.Errorf("/%s lies below a link", e.Path)
		}
	}
	tree.write(t)
}

func TestClashes(t *testing.T) {
	file := func(p, text string) testenv.DebOptions { return testenv.DebOptions{Files: map[string]string{p: text}} }
	link := func(p, target string) testenv.DebOptions {
		return testenv.DebOptions{Links: map[string]string{p: target}}
	}
	for _, c := range []struct {
		name       string
		one, other testenv.DebOptions
		path       string
	}{
		{"two files", file("usr/bin/x", "1"), file("usr/bin/x", "2"), "/usr/bin/x"},
		{"two files in the merged /usr", file("usr/bin/x", "1"), file("bin/x", "1"), "/usr/bin/x"},
		{"file and folder", file("usr/x", "1"), file("usr/x/y", "2"), "/usr/x"},
		{"file and link", file("usr/x", "1"), link("usr/x", "y"), "/usr/x"},
		{"two links", link("usr/x", "z"), link("usr/x", "y"), "/usr/x"},
		{"link to nothing and folder", link("usr/x", "z"), file("usr/x/y", "2"), "/usr/x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, debs := range [][]Deb{{deb("one", c.one), deb("other", c.other)}, {deb("other", c.other), deb("one", c.one)}} {
				err := assembleError(t, debs...)
				for _, want := range []string{"one", "other", c.path} {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q does not name %s", err, want)
					}
				}
				if len(diag.HintsOf(err)) == 0 {
					t.Errorf("%q has no hint", err)
				}
			}
		})
	}
	// What is no clash: folders, and links that are the same.
	mustAssemble(t, deb("a", link("usr/x", "y")), deb("b", link("usr/x", "y")), deb("c", file("usr/y/", ""))).write(t)
}

func TestFolderModes(t *testing.T) {
	folder := func(mode uint32) testenv.DebOptions {
		return testenv.DebOptions{Files: map[string]string{"var/x/": "", "var/y/": ""}, Modes: map[string]uint32{"var/x": mode, "var/y": mode}}
	}
	tree := mustAssemble(t, deb("zz", folder(0o750)), deb("aa", folder(0o711)))
	if e := tree.entry(t, "var/x"); e.Mode != 0o711 {
		t.Errorf("mode %o, want that of the first package by name", e.Mode)
	}
	tree = mustAssemble(t, deb("base-files", folder(0o2775)), deb("aa", folder(0o711)))
	if e := tree.entry(t, "var/x"); e.Mode != 0o2775 {
		t.Errorf("mode %o, want that of base-files", e.Mode)
	}
}

func TestModesAndOwnersStay(t *testing.T) {
	tree := mustAssemble(t, fakeBase()...)
	if e := tree.entry(t, "usr/bin/passwd"); e.Mode != 0o4755 {
		t.Errorf("passwd has mode %o", e.Mode)
	}
	if e := tree.entry(t, "usr/bin/chage"); e.Mode != 0o2755 || e.GID != 42 {
		t.Errorf("chage has mode %o and group %d", e.Mode, e.GID)
	}
}

func TestNotTheLockedPackage(t *testing.T) {
	d := deb("a", testenv.DebOptions{})
	d.Version = "2.0"
	if err := assembleError(t, d); !strings.Contains(err.Error(), `package a 2.0: its control file says version "1.0", not "2.0"`) {
		t.Error(err)
	}
	d.File, d.Size = strings.NewReader("no package"), 10
	if err := assembleError(t, d); !strings.Contains(err.Error(), "package a 2.0: ") {
		t.Error(err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Assemble(ctx, fakeBase(), options()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestProgress(t *testing.T) {
	var n int64
	o := options()
	o.Parallel, o.Progress = 1, func(done int64) { n += done }
	debs := []Deb{deb("a", testenv.DebOptions{Files: map[string]string{"a": "12345"}}), deb("b", testenv.DebOptions{})}
	if _, err := Assemble(t.Context(), debs, o); err != nil {
		t.Fatal(err)
	}
	if want := debs[0].Size + debs[1].Size; n != want {
		t.Errorf("told of %d bytes of %d", n, want)
	}
}
