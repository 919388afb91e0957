package parent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/envpack/envpack/imagegen/parent"
	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/internal/testenv"
)

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// inside runs a program of the root file system.
func inside(t *testing.T, root string, args ...string) string {
	t.Helper()
	return strings.TrimSpace(run(t, "bwrap", append([]string{"--ro-bind", root, "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp",
		"--clearenv", "--setenv", "PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "--unshare-all"}, args...)...))
}

type registry struct{ host string }

func (registry) Resolve(authn.Resource) (authn.Authenticator, error) { return authn.Anonymous, nil }

func startRegistry(t *testing.T) registry {
	t.Helper()
	dir := t.TempDir()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := listener.Addr().String()
	listener.Close()
	conf := filepath.Join(dir, "registry.yml")
	if err := os.WriteFile(conf, []byte("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: "+dir+"/data}}\nhttp: {addr: "+host+"}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	server := exec.Command("docker-registry", "serve", conf)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	for range 100 {
		if c, err := net.Dial("tcp", host); err == nil {
			c.Close()
			return registry{host}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("docker-registry does not answer")
	return registry{}
}

func (r registry) open(t *testing.T, spec string) *publish.Origin {
	t.Helper()
	o, err := publish.OpenOrigin(context.Background(), spec, publish.OriginOptions{
		OpenOptions: publish.OpenOptions{Platform: "linux/amd64", Client: publish.Client{Keychain: r}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o
}

func read(t *testing.T, img v1.Image) *parent.Parent {
	t.Helper()
	p, err := parent.Read(context.Background(), img, parent.Options{Platform: "linux/amd64"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestDebian has images made by other tools, of a root that the distribution's own tool installed, with layers that
// take away and bring back, pushes them to a real registry, and compares what is read with what they say when they
// are run.
func TestDebian(t *testing.T) {
	testenv.Real(t, "mmdebstrap, umoci, skopeo, bwrap, docker-registry and a mirror")
	r := startRegistry(t)
	chosen := testenv.Chosen("bookworm")
	for _, suite := range []string{"bullseye", "bookworm", "trixie"} {
		if !chosen(suite) {
			continue
		}
		t.Run(suite, func(t *testing.T) {
			dir := t.TempDir()
			tarball := filepath.Join(dir, "root.tar")
			if have := os.Getenv("ENVPACK_TEST_ROOTS"); have != "" { // SUITE.tar, made before
				tarball = filepath.Join(have, suite+".tar")
			} else {
				run(t, "mmdebstrap", "--variant=minbase", "--include=python3,python3-venv", suite, tarball)
			}
			layout, bundle := filepath.Join(dir, "oci"), filepath.Join(dir, "bundle")
			run(t, "umoci", "init", "--layout", layout)
			run(t, "umoci", "new", "--image", layout+":x")
			run(t, "umoci", "unpack", "--image", layout+":x", bundle)
			root := filepath.Join(bundle, "rootfs")
			run(t, "tar", "-C", root, "--exclude=./dev/*", "-xpf", tarball)
			run(t, "umoci", "repack", "--refresh-bundle", "--image", layout+":x", bundle)
			// A second layer without documentation and with the interpreter of the first replaced by a copy, a third
			// with what the second took away from a folder.
			for _, p := range []string{"usr/share/doc", "usr/share/man", "var/cache", "usr/bin/perl"} {
				if err := os.RemoveAll(filepath.Join(root, p)); err != nil {
					t.Fatal(err)
				}
			}
			run(t, "umoci", "repack", "--refresh-bundle", "--image", layout+":x", bundle)
			if err := os.MkdirAll(filepath.Join(root, "usr/share/doc/again"), 0o755); err != nil {
				t.Fatal(err)
			}
			run(t, "umoci", "repack", "--refresh-bundle", "--image", layout+":x", bundle)
			spec := r.host + "/base/" + suite + ":x"
			run(t, "skopeo", "copy", "-q", "--dest-tls-verify=false", "oci:"+layout+":x", "docker://"+spec)

			start := time.Now()
			p := read(t, r.open(t, spec).Image)
			t.Logf("read in %v: %d layers, %s, %+v, %+v, notes %q", time.Since(start).Round(time.Millisecond), len(p.Layers), p.Distro.Name, p.Libc, p.Pythons, p.Notes)
			if len(p.Layers) != 3 {
				t.Errorf("%d layers", len(p.Layers))
			}
			compare(t, p, root)
			compareLibraries(t, p, root)
			if diffTree(t, p, root); len(p.Notes) > 0 {
				t.Errorf("notes: %q", p.Notes)
			}
			if !strings.Contains(p.Distro.Codename, suite) {
				t.Errorf("%+v", p.Distro)
			}
		})
	}
}

// compare holds what was read to what programs of the root say.
func compare(t *testing.T, p *parent.Parent, root string) {
	t.Helper()
	var got []string
	for _, d := range p.Packages {
		got = append(got, d.Name+" "+d.Version+" "+d.Architecture)
	}
	want := strings.Split(inside(t, root, "dpkg-query", "-W", "-f", "${Package} ${Version} ${Architecture}\n"), "\n")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d packages, dpkg-query says %d", len(got), len(want))
	}
	if len(p.Pythons) != 1 {
		t.Fatalf("interpreters: %+v", p.Pythons)
	}
	py := p.Pythons[0]
	var says struct {
		Version, Executable, Prefix, Stdlib, Libc string
		Managed                                   bool
	}
	text := inside(t, root, "python3", "-c", `import json, os, sys, sysconfig, platform
s = sysconfig.get_path("stdlib")
print(json.dumps(dict(Version=platform.python_version(), Executable=os.path.realpath(sys.executable), Prefix=sys.base_prefix, Stdlib=s,
    Libc=os.confstr("CS_GNU_LIBC_VERSION"), Managed=os.path.exists(s + "/EXTERNALLY-MANAGED"))))`)
	if err := json.Unmarshal([]byte(text), &says); err != nil {
		t.Fatal(err)
	}
	if got := py.Version; got != says.Version {
		t.Errorf("version %q (%s), it says %q", got, py.Doubt, says.Version)
	}
	if py.Path != says.Executable || py.Prefix != says.Prefix || py.Stdlib != says.Stdlib || py.Managed != says.Managed || py.Reduced || py.Libc != parent.Glibc {
		t.Errorf("%+v, it says %+v", py, says)
	}
	if "glibc "+p.Libc.Version != says.Libc {
		t.Errorf("%+v, it says %q", p.Libc, says.Libc)
	}
	if _, err := p.Choose(func(py parent.Python) bool { return py.Version == says.Version }, says.Version, "opt/env"); err != nil && len(p.Tree.List("opt/env")) == 0 {
		t.Error(err)
	}
}

// compareLibraries holds the libraries of the linker's cache to what ldconfig lists.
func compareLibraries(t *testing.T, p *parent.Parent, root string) {
	t.Helper()
	all, err := p.Libraries()
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, l := range all {
		if l.Cached {
			got = append(got, l.Name+" => "+l.Path)
		}
	}
	for line := range strings.SplitSeq(inside(t, root, "ldconfig", "-p"), "\n") {
		name, path, ok := strings.Cut(strings.TrimSpace(line), " => ")
		if name, _, known := strings.Cut(name, " ("); ok && known {
			want = append(want, name+" => "+path)
		}
	}
	if !slices.Equal(got, want) || len(got) < 50 {
		t.Errorf("%d libraries, ldconfig lists %d\n%q\n%q", len(got), len(want), got, want)
	}
}

var unlike = regexp.MustCompile(`^(dev|proc|sys)(/|$)`)

// diffTree holds the tree to what lies in the root.
func diffTree(t *testing.T, p *parent.Parent, root string) {
	t.Helper()
	got := map[string]string{}
	for e := range p.Tree.All() {
		got[e.Path] = fmt.Sprintf("%c %o %d:%d %s", e.Kind, e.Mode, e.UID, e.GID, e.Link)
	}
	kinds := map[string]string{"f": "0", "d": "5", "l": "2"}
	n := 0
	for line := range strings.SplitSeq(run(t, "find", root, "-mindepth", "1", "-printf", `%P\t%y\t%m\t%U:%G\t%l\n`), "\n") {
		f := strings.Split(line, "\t")
		if len(f) != 5 || unlike.MatchString(f[0]) {
			continue
		}
		kind := kinds[f[1]]
		if kind == "" {
			kind = "x"
		}
		want := kind + " " + f[2] + " " + f[3] + " " + f[4]
		if got[f[0]] != want {
			if n++; n < 20 {
				t.Errorf("%s: %q, and there is %q", f[0], got[f[0]], want)
			}
		}
		delete(got, f[0])
	}
	for path := range got {
		if !unlike.MatchString(path) {
			t.Errorf("%s is not there", path)
		}
	}
}
