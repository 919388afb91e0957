package compare

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/internal/testenv"
)

// TestEngines compares images that podman and skopeo made. It runs with ENVPACK_TEST=all.
func TestEngines(t *testing.T) {
	testenv.Real(t, "podman and skopeo")
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	run := func(name string, args ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, name, args...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.String())
		}
	}
	podman := func(args ...string) {
		t.Helper()
		run("podman", append([]string{"--root", in("root"), "--runroot", in("runroot"), "--storage-driver", "vfs"}, args...)...)
	}
	t.Cleanup(func() { podman("unmount", "--all") })
	write := func(name, content string, mode os.FileMode) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(in(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(in(name), []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(in(name), date, date); err != nil {
			t.Fatal(err)
		}
	}
	write("Containerfile", "FROM scratch\nCOPY tree /srv\nENV MODE=a\n", 0o644)
	write("tree/bin/run", "#!/bin/sh\necho one\n", 0o755)
	write("tree/data", strings.Repeat("line\n", 1000), 0o644)
	write("tree/other", "other", 0o644)
	build := func(name string) {
		t.Helper()
		podman("build", "-q", "--timestamp", "1577934245", "-t", name, "-f", in("Containerfile"), dir)
		podman("save", "-q", "--format", "oci-archive", "-o", in(name+".tar"), name)
	}
	build("one")
	build("again")
	if err := os.Chmod(in("tree/data"), 0o600); err != nil {
		t.Fatal(err)
	}
	write("Containerfile", "FROM scratch\nCOPY tree /srv\nENV MODE=b\n", 0o644)
	write("tree/bin/run", "#!/bin/sh\necho two\n", 0o755)
	if err := os.Remove(in("tree/other")); err != nil {
		t.Fatal(err)
	}
	build("two")
	run("skopeo", "copy", "-q", "oci-archive:"+in("one.tar"), "docker-archive:"+in("docker.tar")+":one:v1")
	run("skopeo", "copy", "-q", "--dest-compress-format", "zstd", "oci-archive:"+in("one.tar"), "oci:"+in("zstd")+":v1")

	compare := func(a, b string) *Report {
		t.Helper()
		sides := make([]Side, 2)
		for i, name := range []string{a, b} {
			src, err := publish.Open(context.Background(), in(name), publish.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { src.Close() })
			sides[i] = Side{Name: name, Image: src.Images[0].Image, NoManifest: src.Images[0].NoManifest}
		}
		r, err := Images(context.Background(), sides[0], sides[1], Options{Contents: 10})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := compare("one.tar", "again.tar"); !r.Same {
		t.Errorf("two builds of one thing: %+v", r)
	}
	if r := compare("one.tar", "docker.tar"); !r.Same {
		t.Errorf("an image as an archive of Docker's: %+v", r)
	}
	r := compare("one.tar", "zstd")
	if r.Same || len(r.Meaning) > 0 || r.Layers[0].Match != Recompressed || r.Layers[0].Bytes[0].New != zstdStored {
		t.Errorf("an image compressed otherwise: %+v", r)
	}
	r = compare("one.tar", "two.tar")
	if r.Same || len(r.Meaning) == 0 || r.Meaning[0].String() != "~ setting env MODE a → b" { // podman adds annotations
		t.Errorf("%+v", r.Meaning)
	}
	got := map[string]string{}
	files := r.Files
	if files == nil {
		files = r.Layers[0].Files
	}
	for _, c := range files.List {
		got[c.Path] = string(c.Kind) + strings.Join(c.What, " ")
		if c.Path == "srv/bin/run" && (c.Content == nil || c.Content.Line != 2 || c.Content.New != "echo two") {
			t.Errorf("%+v", c.Content)
		}
	}
	for p, want := range map[string]string{"srv/bin/run": "~content", "srv/data": "~mode", "srv/other": "-"} {
		if got[p] != want {
			t.Errorf("%s: %q, want %q", p, got[p], want)
		}
	}
	if d := r.Layers[0].Bytes[0]; d.Of != "tar" || d.Place != "content" || d.Path != "srv/bin/run" {
		t.Errorf("%+v", d)
	}
}
