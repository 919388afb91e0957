package interpreter

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/testenv"
)

// pyenv gives the folder of pyenv's interpreters.
func pyenv(t *testing.T) string {
	t.Helper()
	if root, err := exec.Command("pyenv", "root").Output(); err == nil {
		return strings.TrimSpace(string(root)) + "/versions"
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(home, ".pyenv", "versions")
	if _, err := os.Stat(folder); err != nil {
		t.Fatalf("there is neither a program pyenv nor its folder: %v", err)
	}
	return folder
}

// versions are the installed versions of Python 3, oldest first, and the free-threaded builds among them ("3.14.4t").
func versions(t *testing.T, folder string) (list, threaded []string) {
	t.Helper()
	all, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		switch version, isThreaded := strings.CutSuffix(e.Name(), "t"); {
		case !strings.HasPrefix(version, "3.") || strings.Trim(version, "0123456789.") != "":
		case isThreaded:
			threaded = append(threaded, e.Name())
		default:
			list = append(list, e.Name())
		}
	}
	if len(list) == 0 {
		t.Fatalf("%s has no Python 3", folder)
	}
	minor := func(v string) int {
		n, _ := strconv.Atoi(strings.Split(v, ".")[1])
		return n
	}
	slices.SortFunc(list, func(a, b string) int { return minor(a) - minor(b) })
	return list, threaded
}

// TestReal makes an archive of pyenv's oldest and newest interpreters, and of the free-threaded ones that it has, reads it, and runs what comes of it in its place,
// where what it was built for cannot be seen. It must be able to import what the original can.
func TestReal(t *testing.T) {
	testenv.Real(t, "pyenv's interpreters, patchelf, binutils, gcc and bwrap")
	for _, tool := range []string{"python3", "patchelf", "strip", "gcc", "bwrap"} {
		testenv.Tool(t, tool)
	}
	folder := pyenv(t)
	list, threaded := versions(t, folder)
	for _, version := range append(slices.Compact([]string{list[0], list[len(list)-1]}), threaded...) {
		t.Run(version, func(t *testing.T) { realInterpreter(t, filepath.Join(folder, version), version) })
	}
}

func realInterpreter(t *testing.T, original, version string) {
	scripts, err := filepath.Abs("../../testdata/interpreter")
	if err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	made := filepath.Join(temp, "archive.tar.gz")
	output(t, exec.Command("python3", filepath.Join(scripts, "archive.py"), original, made))
	archive, err := os.Open(made)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	info, err := archive.Stat()
	if err != nil {
		t.Fatal(err)
	}
	spool, err := os.Create(filepath.Join(temp, "spool"))
	if err != nil {
		t.Fatal(err)
	}
	defer spool.Close()
	i, err := Read(context.Background(), archive, info.Size(), Want{Version: strings.TrimSuffix(version, "t"), Architecture: hostArchitecture(t), Spool: spool})
	if err != nil {
		t.Fatal(err)
	}
	if i.FreeThreaded != strings.HasSuffix(version, "t") {
		t.Errorf("free-threaded: %t", i.FreeThreaded)
	}
	if i.BuiltFor != "/install" || !slices.Contains(i.Needed, "libc.so.6") || slices.ContainsFunc(i.Needed, func(n string) bool { return strings.HasPrefix(n, "libpython") }) {
		t.Errorf("built for %s, needs %q", i.BuiltFor, i.Needed)
	}
	root := filepath.Join(temp, "root")
	unpack(t, i.Entries, root)
	// The original's folder is hidden last; the scripts are seen at a place of their own.
	inside := func(words ...string) *exec.Cmd {
		return exec.Command("bwrap", append([]string{"--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--tmpfs", "/opt",
			"--bind", filepath.Join(root, Prefix), "/" + Prefix, "--ro-bind", scripts, "/opt/scripts", "--tmpfs", original, "--unshare-net",
			"--clearenv", "--setenv", "PATH", "/opt/python/bin:/usr/bin:/bin", "--setenv", "HOME", "/tmp", "--setenv", "LC_ALL", "C.UTF-8"}, words...)...)
	}
	want := output(t, exec.Command(filepath.Join(original, "bin", "python3"), "-I", filepath.Join(scripts, "check.py"), "modules"))
	got := output(t, inside("python3", "-I", "/opt/scripts/check.py", "modules"))
	if d := cmp.Diff(strings.Fields(want), strings.Fields(got)); d != "" || len(strings.Fields(got)) < 250 {
		t.Errorf("%d modules of the standard library:\n%s", len(strings.Fields(got)), d)
	}
	output(t, inside("python", "-I", "/opt/scripts/check.py", "use", "/tmp"))
}

func hostArchitecture(t *testing.T) string {
	t.Helper()
	switch machine := strings.TrimSpace(output(t, exec.Command("uname", "-m"))); machine {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	default:
		t.Fatalf("the machine is %s", machine)
		return ""
	}
}

func output(t *testing.T, c *exec.Cmd) string {
	t.Helper()
	var problems strings.Builder
	c.Stderr = &problems
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%q: %v\n%s%s", c.Args, err, out, problems.String())
	}
	return string(out)
}

// unpack writes the entries as they would be in an image.
func unpack(t *testing.T, entries []layer.Entry, root string) {
	t.Helper()
	var links []layer.Entry
	for _, e := range entries {
		p := filepath.Join(root, e.Path)
		var err error
		switch e.Kind {
		case layer.Dir:
			err = os.MkdirAll(p, 0o755)
		case layer.Symlink:
			err = os.Symlink(e.Link, p)
		case layer.Hardlink:
			links = append(links, e)
		case layer.File:
			err = unpackFile(p, e)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range links {
		if err := os.Link(filepath.Join(root, e.Link), filepath.Join(root, e.Path)); err != nil {
			t.Fatal(err)
		}
	}
}

func unpackFile(p string, e layer.Entry) error {
	f, err := os.OpenFile(p, os.O_CREATE|os.O_WRONLY|os.O_EXCL, os.FileMode(e.Mode))
	if err != nil {
		return err
	}
	defer f.Close()
	switch c := e.Content.(type) {
	case layer.Bytes:
		_, err = f.Write(c)
	case layer.Opener:
		var r io.ReadCloser
		if r, err = c.Open(); err == nil {
			_, err = io.Copy(f, r)
			r.Close()
		}
	}
	return err
}
