package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/tags"
)

// tools are the commands that people use beside this one, with what the machine's configuration says of indexes.
type tools struct {
	dir string   // of everything that is made
	env []string // of all commands
}

func newTools(t *testing.T) tools {
	t.Helper()
	x := tools{dir: t.TempDir()}
	for _, v := range os.Environ() {
		switch name, _, _ := strings.Cut(v, "="); name {
		case "PIP_FIND_LINKS", "UV_FIND_LINKS", "VIRTUAL_ENV", "PYTHONPATH", "CI": // what would be mixed with an index, or is of another environment
		default:
			x.env = append(x.env, v)
		}
	}
	x.env = append(x.env, "ENVPACK_CACHE="+filepath.Join(x.dir, "store"))
	return x
}

// run gives what the command prints. Relative names are those of a folder.
func (x tools) run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(testenv.Tool(t, name), args...)
	cmd.Dir, cmd.Env = filepath.Join(x.dir, dir), x.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s\n%s", filepath.Base(name), strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out)
}

// write makes files in a folder.
func (x tools) write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(x.dir, dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func (x tools) lock(t *testing.T, dir string) *lockfile.Lock {
	t.Helper()
	file := filepath.Join(x.dir, dir, lockfile.Name)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	l, err := lockfile.Parse(file, data)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// venv makes an environment without anything in it, and gives its interpreter.
func (x tools) venv(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(x.dir, "venv")
	if err != nil {
		t.Fatal(err)
	}
	x.run(t, "", "python3.11", "-m", "venv", "--without-pip", dir)
	return filepath.Join(dir, "bin", "python")
}

// newestPip is the newest pip among the wheels: it runs from there, with any interpreter.
func newestPip(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testenv.Wheels(t), "pip-*.whl"))
	if err != nil {
		t.Fatal(err)
	}
	newest, path := pep440.MustParse("26.1"), "" // the first that installs from pylock.toml
	for _, file := range files {
		w, err := tags.ParseWheel(filepath.Base(file))
		if err != nil {
			t.Fatal(err)
		}
		if w.Version.Compare(newest) >= 0 {
			newest, path = w.Version, file
		}
	}
	if path == "" {
		t.Fatal("ENVPACK_WHEELS has no pip 26.1 or later")
	}
	path, err = filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(path, "pip")
}

// locked is what a lock has for a platform, as an environment says it.
func locked(l *lockfile.Lock, platform string) string {
	var out []string
	for _, p := range l.Packages {
		for _, f := range p.Files {
			if slices.Contains(f.Targets, platform) {
				out = append(out, p.Name+"=="+p.Version)
			}
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n") + "\n"
}

// freeze is what an environment has.
const freeze = `
import importlib.metadata, re
print("\n".join(sorted(re.sub("[-_.]+", "-", d.name).lower() + "==" + d.version for d in importlib.metadata.distributions())))
`

// choose has packaging read an export, and prints what it chooses for each platform.
const choose = `
import sys, tomllib
from packaging.pylock import Pylock
from packaging.markers import default_environment
with open(sys.argv[1], "rb") as f:
    lock = Pylock.from_dict(tomllib.load(f))
lock.validate()
for machine in sys.argv[2:]:
    env = dict(default_environment(), platform_machine=machine, sys_platform="linux", python_version="3.11",
               python_full_version="3.11.2", implementation_name="cpython", extras=frozenset(), dependency_groups=frozenset())
    assert any(m.evaluate(env, context="lock_file") for m in lock.environments), machine
    chosen = [p for p in lock.packages if p.marker is None or p.marker.evaluate(env, context="lock_file")]
    print(machine + ":\n" + "\n".join(sorted(f"{p.name}=={p.version}" for p in chosen)))
`

const twoPlatforms = `
[project]
name = "two"
python = "3.11.7"
platforms = ["linux/amd64", "linux/arm64"]
dependencies = ["jinja2", "pyyaml", "six; platform_machine == 'aarch64'", "tqdm; platform_machine == 'x86_64'"]
[system]
distro = "none"
`

// TestExportsInstall has pip and uv install what is exported, and looks what is there then.
func TestExportsInstall(t *testing.T) {
	testenv.Real(t, "an index, Python 3.11, pip, uv and packaging")
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("examples/digits is for linux/amd64")
	}
	x, pip := newTools(t), newestPip(t)
	for _, name := range []string{"digits", "two"} {
		t.Run(name, func(t *testing.T) {
			if name == "two" {
				x.write(t, name, map[string]string{"envpack.toml": twoPlatforms})
				x.run(t, name, "envpack", "lock")
			} else if err := os.CopyFS(filepath.Join(x.dir, name), os.DirFS(filepath.Join("..", "..", "examples", name))); err != nil {
				t.Fatal(err)
			}
			x.run(t, name, "envpack", "export", "pylock", "-o", "pylock.toml")
			x.run(t, name, "envpack", "export", "requirements", "-o", "locked.txt")
			l := x.lock(t, name)
			want := locked(l, "linux/amd64")
			for by, install := range map[string]func(python string){
				"pip with pylock.toml": func(python string) {
					x.run(t, name, python, pip, "install", "-q", "--no-compile", "-r", "pylock.toml")
				},
				"pip with requirements": func(python string) {
					x.run(t, name, python, pip, "install", "-q", "--no-compile", "--require-hashes", "-r", "locked.txt")
				},
				"uv with pylock.toml": func(python string) {
					x.run(t, name, "uv", "pip", "sync", "-q", "--python", python, "pylock.toml")
				},
				"uv with requirements": func(python string) {
					x.run(t, name, "uv", "pip", "sync", "-q", "--python", python, "--require-hashes", "locked.txt")
				},
			} {
				python := x.venv(t)
				install(python)
				if diff := cmp.Diff(want, x.run(t, "", python, "-c", freeze)); diff != "" {
					t.Errorf("%s installs otherwise (-lock +environment):\n%s", by, diff)
				}
			}
			args, all := []string{"-c", choose, "pylock.toml"}, ""
			for _, target := range l.Targets {
				machine := map[string]string{"linux/amd64": "x86_64", "linux/arm64": "aarch64"}[target.Platform]
				args, all = append(args, machine), all+machine+":\n"+locked(l, target.Platform)
			}
			if diff := cmp.Diff(all, x.run(t, name, "python3", args...)); diff != "" {
				t.Errorf("packaging chooses otherwise (-lock +packaging):\n%s", diff)
			}
		})
	}
}

// TestPreferOthersLocks takes over what uv and pip locked.
func TestPreferOthersLocks(t *testing.T) {
	testenv.Real(t, "an index, Python 3.11, pip and uv")
	x := newTools(t)
	x.write(t, "", map[string]string{
		"uv/pyproject.toml": "[project]\nname = \"app\"\nversion = \"1.0\"\nrequires-python = \">=3.11\"\n" +
			"dependencies = [\"jinja2<3.1.5\", \"markupsafe<3.0.2\", \"tqdm<4.67\"]\n",
		"pip/requirements.txt": "jinja2<3.1.5\nmarkupsafe<3.0.2\ntqdm<4.67\n",
	})
	const want = "jinja2==3.1.4\nmarkupsafe==3.0.1\ntqdm==4.66.6\n"
	x.run(t, "uv", "uv", "lock", "-q", "--python", "3.11")
	x.run(t, "uv", "uv", "export", "-q", "--format", "pylock.toml", "-o", "pylock.toml")
	x.run(t, "pip", "python3.11", newestPip(t), "lock", "-q", "-r", "requirements.txt", "-o", "pylock.toml")
	for _, by := range []string{"uv", "pip"} {
		x.write(t, by+"-ours", map[string]string{"envpack.toml": "[project]\nname = \"app\"\npython = \"3.11.7\"\n" +
			"dependencies = [\"jinja2\", \"tqdm\"]\n[system]\ndistro = \"none\"\n"})
		x.run(t, by+"-ours", "envpack", "lock", "--prefer", filepath.Join("..", by, "pylock.toml"))
		if diff := cmp.Diff(want, locked(x.lock(t, by+"-ours"), "linux/amd64")); diff != "" {
			t.Errorf("preferring the lock of %s (-want +got):\n%s", by, diff)
		}
		x.run(t, by+"-ours", "envpack", "lock", "--check")
		x.run(t, by+"-ours", "envpack", "lock", "--upgrade")
		if got := locked(x.lock(t, by+"-ours"), "linux/amd64"); got == want {
			t.Errorf("newer versions are not taken without %s's lock", by)
		}
	}
}

// TestOtherTargets chooses on the real index for musl what uv does, and for a free-threaded Python wheels of that build.
func TestOtherTargets(t *testing.T) {
	testenv.Real(t, "an index and uv")
	x := newTools(t)
	const dependencies = `["numpy", "pandas", "cryptography", "pyyaml"]`
	for name, system := range map[string]string{"musl": "python = \"3.12.4\"\n", "threads": "python = \"3.14.4t\"\n"} {
		libc := "libc = \"glibc 2.28\"\n"
		if name == "musl" {
			libc = "libc = \"musl 1.2\"\n"
		}
		x.write(t, name, map[string]string{
			"envpack.toml":    "[project]\nname = \"app\"\n" + system + "dependencies = " + dependencies + "\n[system]\ndistro = \"none\"\n" + libc,
			"requirements.in": "numpy\npandas\ncryptography\npyyaml\n",
		})
		x.run(t, name, "envpack", "lock")
	}
	want := x.run(t, "musl", "uv", "pip", "compile", "-q", "--no-header", "--no-annotate", "--only-binary", ":all:",
		"--python-version", "3.12.4", "--python-platform", "x86_64-unknown-linux-musl", "requirements.in")
	if diff := cmp.Diff(want, locked(x.lock(t, "musl"), "linux/amd64")); diff != "" {
		t.Errorf("for musl (-uv +envpack):\n%s", diff)
	}
	for name, tag := range map[string]string{"musl": "-musllinux_1_", "threads": "-cp314-cp314t-manylinux_2_"} {
		n := 0
		for _, p := range x.lock(t, name).Packages {
			for _, file := range p.Files {
				switch {
				case strings.Contains(file.Name, tag):
					n++
				case !strings.HasSuffix(file.Name, "-none-any.whl") && !strings.Contains(file.Name, "-cp314-cp314t-manylinux2014_"):
					t.Errorf("%s: %s", name, file.Name)
				}
			}
		}
		if n < 3 {
			t.Errorf("%s: %d wheels of its kind", name, n)
		}
	}
}
