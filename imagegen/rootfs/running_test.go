//go:build linux

package rootfs_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/imagegen/rootfs"
	"github.com/envpack/envpack/internal/testenv"
)

// running are the roots that are worked in.
var running = map[string]bool{"bookworm-media": true, "bookworm-base": true, "noble-media": true, "jammy-base": true, "bionic-base": true, "xenial-base": true}

// work unpacks an assembled root and works in it: what scripts would have made is there where programs look for it. It
// needs root. installed is the root that the packages were taken from.
func work(t *testing.T, suite, python string, media bool, tree *rootfs.Tree, installed, debs string) {
	t.Helper()
	root := unpackRoot(t, tree)
	var steps = []struct{ name, command, want string }{
		{"all packages are installed", `dpkg -l | grep '^[a-z][a-z]' | grep -vc '^ii' || true`, "0\n"},
		{"dpkg audit", `dpkg --audit`, ""},
		{"dpkg verify", `dpkg --verify`, ""},
		{"names of python", `python -c 'import sys; print("%d.%d" % sys.version_info[:2])'; python3 -c 'print(3)'; python` + python + ` -c 'print(4)'`, python + "\n3\n4\n"},
		{"find_library", `python -c 'import ctypes.util as u; print(u.find_library("stdc++"), u.find_library("z"))'`, "libstdc++.so.6 libz.so.1\n"},
		{"locale", `LC_ALL=C.UTF-8 python -c 'import locale; locale.setlocale(locale.LC_ALL, ""); print(locale.nl_langinfo(locale.CODESET))'`, "UTF-8\n"},
		{"time zone", `TZ=Europe/Berlin date -d @0 +%H:%M`, "01:00\n"},
		{"certificates", `python -c 'import ssl; print(len(ssl.create_default_context().get_ca_certs()) > 100)'`, "True\n"},
		{"openssl", `openssl verify /usr/share/ca-certificates/mozilla/ISRG_Root_X1.crt 2>&1`, "/usr/share/ca-certificates/mozilla/ISRG_Root_X1.crt: OK\n"},
		{"awk and which", `awk 'BEGIN { print 1 }'; which awk`, "1\n/usr/bin/awk\n"},
		{"users", `getent passwd app | cut -d: -f1-4; getent group shadow`, "app:x:1000:1000\nshadow:x:42:\n"},
		{"login shell", `bash -lc 'echo $PATH' | cut -d: -f1`, "/opt/env/bin\n"},
		{"venv", `python -m venv /tmp/v && /tmp/v/bin/python -c 'import sys; print(sys.prefix)' && /tmp/v/bin/pip --version | cut -d' ' -f1`, "/tmp/v\npip\n"},
		{"further package", "dpkg -i /again.deb >/tmp/log 2>&1 && dpkg --audit && echo done", "done\n"},
	}
	if media {
		steps = append(steps, []struct{ name, command, want string }{
			{"git", `cd /tmp && git init -q r && cd r && touch f && git add f && git -c user.name=a -c user.email=a@b.example commit -qm m && git log --format=%s`, "m\n"},
			{"ffmpeg", `cd /tmp && ffmpeg -v error -f lavfi -i testsrc=d=1:s=64x64 -c:v libx264 o.mp4 && ffprobe -v error -show_entries stream=codec_name -of csv=p=0 o.mp4`, "h264\n"},
			{"compiler", `cd /tmp && echo 'int main(){return 0;}' > a.c && cc a.c && ./a.out && echo ok`, "ok\n"},
			{"libraries", `python -c 'import ctypes.util as u; print(u.find_library("GL"), u.find_library("sndfile"), u.find_library("gthread-2.0"))'`, "libGL.so.1 libsndfile.so.1 libgthread-2.0.so.0\n"},
		}...)
	}
	again, err := filepath.Glob(filepath.Join(debs, "archives", "hostname_*.deb"))
	if err != nil || len(again) == 0 {
		t.Fatalf("no package to install again: %v", err)
	}
	data, err := os.ReadFile(again[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "again.deb"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, s := range steps {
		if got := within(t, root, 0, s.command); got != s.want {
			t.Errorf("%s: %q, want %q", s.name, got, s.want)
		}
	}
	if sources, err := os.ReadFile(filepath.Join(installed, "etc/apt/sources.list")); err == nil && suite == "bookworm" {
		resolv, err := os.ReadFile("/etc/resolv.conf")
		if err != nil {
			t.Fatal(err)
		}
		for name, data := range map[string][]byte{"etc/resolv.conf": resolv, "etc/apt/sources.list": sources} {
			if err := os.WriteFile(filepath.Join(root, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := within(t, root, 0, `apt-get -qq update >/tmp/log 2>&1 && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends tree >>/tmp/log 2>&1 || cat /tmp/log; tree --version | cut -d' ' -f1`); got != "tree\n" {
			t.Errorf("apt-get install: %q", got)
		}
	}
	for _, uid := range []uint32{rootfs.AppID, 4711} {
		want := "ok\n"
		if got := within(t, root, uid, `cd /tmp && echo x > f$$ && python -c 'print("ok")'`); got != want {
			t.Errorf("as %d: %q", uid, got)
		}
	}
	if got := within(t, root, rootfs.AppID, `cd ~app && touch x .cache/y && echo ok`); got != "ok\n" {
		t.Errorf("the user's home: %q", got)
	}
}

// unpackRoot writes a tree to disk, with devices that engines would make.
func unpackRoot(t *testing.T, tree *rootfs.Tree) string {
	t.Helper()
	root := t.TempDir()
	if err := os.Chmod(filepath.Dir(root), 0o755); err != nil {
		t.Fatal(err)
	}
	tar := exec.Command(testenv.Tool(t, "tar"), "-xzp", "--numeric-owner", "-C", root)
	in, err := tar.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := tar.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := layer.Write(context.Background(), tree.Entries, layer.Options{Output: in, NoRecipe: true}); err != nil {
		t.Fatal(err)
	}
	in.Close()
	if err := tar.Wait(); err != nil {
		t.Fatal(err)
	}
	for name, minor := range map[string]int{"null": 3, "zero": 5, "urandom": 9, "random": 8} {
		file := filepath.Join(root, "dev", name)
		if err := syscall.Mknod(file, syscall.S_IFCHR|0o666, 1<<8|minor); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// within runs a command in a root, as a user.
func within(t *testing.T, root string, uid uint32, command string) string {
	t.Helper()
	c := exec.Command("/bin/sh", "-c", command)
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	c.Dir = "/"
	c.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/tmp"}
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Logf("%s: %v\n%s", command, err, stderr.String())
	}
	return string(out)
}
