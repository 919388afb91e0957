package pylock

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
)

func lock() *lockfile.Lock {
	both := []string{"linux/amd64", "linux/arm64"}
	sum := func(c string) string { return strings.Repeat(c, 64) }
	return &lockfile.Lock{
		Project: lockfile.Project{Name: "digits"},
		Image:   lockfile.Image{User: "app", Workdir: "/app"},
		Targets: []lockfile.Target{
			{Platform: "linux/arm64", Python: "3.11.2", ABI: "cp311", Glibc: "2.36"},
			{Platform: "linux/amd64", Python: "3.11.2", ABI: "cp311", Glibc: "2.36"},
		},
		Indexes: []lockfile.Index{{Name: "internal", URL: "https://wheels.example/simple/"}},
		Base:    lockfile.Base{Distro: "none"},
		Packages: []lockfile.Package{
			{Name: "numpy", Version: "1.26.4", Files: []lockfile.File{
				{Name: "numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.whl", SHA256: sum("1"), Size: 18, Uploaded: time.Date(2024, 2, 5, 23, 0, 0, 0, time.UTC), Targets: both[:1]},
				{Name: "numpy-1.26.4-cp311-cp311-manylinux_2_17_aarch64.whl", SHA256: sum("2"), Size: 14, Targets: both[1:]},
			}},
			{Name: "tool", Version: "2.0", Index: "internal", Files: []lockfile.File{{Name: "tool-2.0-py3-none-any.whl", SHA256: sum("3"), Size: 1, Targets: both[:1]}}},
			{Name: "tool", Version: "1.0", Index: "internal", Files: []lockfile.File{{Name: "tool-1.0-py3-none-any.whl", SHA256: sum("4"), Size: 1, Targets: both[1:]}}},
		},
	}
}

func where(p lockfile.Package, f lockfile.File) (string, error) {
	if p.Index != "" {
		return "wheels/" + f.Name, nil
	}
	return "https://files.example/" + f.Name, nil
}

const want = `# Made by ` + "`envpack export pylock`" + `.
lock-version = "1.0"
environments = [
    'implementation_name == "cpython" and python_version == "3.11" and platform_machine == "x86_64" and sys_platform == "linux"',
    'implementation_name == "cpython" and python_version == "3.11" and platform_machine == "aarch64" and sys_platform == "linux"',
]
requires-python = ">=3.11"
created-by = "envpack"

[[packages]]
name = "numpy"
version = "1.26.4"

[[packages.wheels]]
name = "numpy-1.26.4-cp311-cp311-manylinux_2_17_aarch64.whl"
url = "https://files.example/numpy-1.26.4-cp311-cp311-manylinux_2_17_aarch64.whl"
size = 14
hashes = { sha256 = "2222222222222222222222222222222222222222222222222222222222222222" }

[[packages.wheels]]
name = "numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.whl"
upload-time = 2024-02-05T23:00:00Z
url = "https://files.example/numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.whl"
size = 18
hashes = { sha256 = "1111111111111111111111111111111111111111111111111111111111111111" }

[[packages]]
name = "tool"
version = "1.0"
marker = 'platform_machine == "aarch64" and sys_platform == "linux"'
index = "https://wheels.example/simple/"

[[packages.wheels]]
name = "tool-1.0-py3-none-any.whl"
path = "wheels/tool-1.0-py3-none-any.whl"
size = 1
hashes = { sha256 = "4444444444444444444444444444444444444444444444444444444444444444" }

[[packages]]
name = "tool"
version = "2.0"
marker = 'platform_machine == "x86_64" and sys_platform == "linux"'
index = "https://wheels.example/simple/"

[[packages.wheels]]
name = "tool-2.0-py3-none-any.whl"
path = "wheels/tool-2.0-py3-none-any.whl"
size = 1
hashes = { sha256 = "3333333333333333333333333333333333333333333333333333333333333333" }
`

func TestExport(t *testing.T) {
	got, err := Export(lock(), where)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestOtherTargets: no marker tells of a free-threaded build or of musl, so that a comment does.
func TestOtherTargets(t *testing.T) {
	l := lock()
	l.Targets[0].Python, l.Targets[0].ABI = "3.14.4", "cp314t"
	l.Targets[1].Glibc, l.Targets[1].Musl = "", "1.2"
	got, err := Export(l, where)
	if err != nil || !strings.Contains(string(got), "`.\n# For linux/amd64 with Python 3.11 and musl alone.\n# For linux/arm64 with Python 3.14t alone.\nlock-version") {
		t.Errorf("%v\n%s", err, got)
	}
	got, err = Requirements(l, RequirementsOptions{})
	if err != nil || !strings.Contains(string(got), ", for linux/amd64 with Python 3.11 and musl and linux/arm64 with Python 3.14t.\n") {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestExportErrors(t *testing.T) {
	odd := lock()
	odd.Targets[0].Platform = "plan9/mips"
	if _, err := Export(odd, where); err == nil || !strings.Contains(err.Error(), "plan9/mips") {
		t.Errorf("an unknown platform gives %v", err)
	}
	boom := errors.New("boom")
	if _, err := Export(lock(), func(lockfile.Package, lockfile.File) (string, error) { return "", boom }); !errors.Is(err, boom) {
		t.Errorf("a failing address gives %v", err)
	}
	if _, err := Export(lock(), func(lockfile.Package, lockfile.File) (string, error) { return "", nil }); err == nil {
		t.Error("no address gives no error")
	}
	lost := lock()
	lost.Indexes = nil
	if _, err := Export(lost, where); err == nil {
		t.Error("an unknown index gives no error")
	}
	if _, err := Export(&lockfile.Lock{}, where); err == nil {
		t.Error("no target gives no error")
	}
	empty := lock()
	empty.Packages = nil
	if got, err := Export(empty, where); err != nil || !strings.Contains(string(got), "\npackages = []\n") {
		t.Errorf("without packages: %s, %v", got, err)
	}
}

const wantRequirements = "# Made by `envpack export requirements`, for linux/amd64 with Python 3.11 and linux/arm64 with Python 3.11.\n" +
	`--extra-index-url https://wheels.example/simple/
direct @ https://files.example/direct-1-py3-none-any.whl \
    --hash=sha256:5555555555555555555555555555555555555555555555555555555555555555
numpy==1.26.4 \
    --hash=sha256:1111111111111111111111111111111111111111111111111111111111111111 \
    --hash=sha256:2222222222222222222222222222222222222222222222222222222222222222
tool==1.0 ; platform_machine == "aarch64" and sys_platform == "linux" \
    --hash=sha256:4444444444444444444444444444444444444444444444444444444444444444
tool==2.0 ; platform_machine == "x86_64" and sys_platform == "linux" \
    --hash=sha256:3333333333333333333333333333333333333333333333333333333333333333
`

func TestRequirements(t *testing.T) {
	l := lock()
	l.Packages = append(l.Packages, lockfile.Package{
		Name: "direct", Version: "1", URL: "https://files.example/direct-1-py3-none-any.whl", Files: []lockfile.File{
			{Name: "direct-1-py3-none-any.whl", SHA256: strings.Repeat("5", 64), Size: 1, Targets: []string{"linux/amd64", "linux/arm64"}},
		},
	})
	got, err := Requirements(l, RequirementsOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(wantRequirements, string(got)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if got, err = Requirements(l, RequirementsOptions{DefaultIndex: "internal"}); err != nil || !strings.Contains(string(got), "\n--index-url https://wheels.example/simple/\n") {
		t.Errorf("%s, %v", got, err)
	}
	l.Packages = append(l.Packages, lockfile.Package{
		Name: "repo", Version: "3", Git: "https://git.example/repo", Commit: strings.Repeat("a", 40), Subdirectory: "python", Targets: []string{"linux/amd64"},
	})
	if _, err = Requirements(l, RequirementsOptions{}); err == nil || !strings.Contains(err.Error(), "repo has no hash") {
		t.Errorf("%v", err)
	}
	got, err = Requirements(l, RequirementsOptions{NoHashes: true})
	want := "repo @ git+https://git.example/repo@" + strings.Repeat("a", 40) + "#subdirectory=python ; platform_machine == \"x86_64\" and sys_platform == \"linux\"\n"
	if err != nil || !strings.Contains(string(got), want) || strings.Contains(string(got), "--hash") {
		t.Errorf("%s, %v", got, err)
	}
	whole, err := Export(l, where)
	if err != nil || !strings.Contains(string(whole), "[packages.vcs]\ntype = \"git\"\nurl = \"https://git.example/repo\"\ncommit-id = ") ||
		!strings.Contains(string(whole), "[packages.archive]\nurl = \"https://files.example/direct-1-py3-none-any.whl\"\nsize = 1\n") {
		t.Errorf("%s, %v", whole, err)
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{`a`: `"a"`, `a"b`: `'a"b'`, `a\b`: `'a\b'`, `a"'`: `"a\"'"`, "a\n": `"a\n"`} {
		if got := quote(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// TestPackaging has pypa/packaging read an export and choose from it.
func TestPackaging(t *testing.T) {
	testenv.Real(t, "Python and packaging 26.2 or later")
	data, err := Export(lock(), where)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "pylock.toml")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	const script = `
import sys, tomllib
from packaging.pylock import Pylock
from packaging.markers import Marker, default_environment
with open(sys.argv[1], "rb") as f:
    lock = Pylock.from_dict(tomllib.load(f))
lock.validate()
for machine in ("x86_64", "aarch64", "ppc64le"):
    env = dict(default_environment(), platform_machine=machine, sys_platform="linux", python_version="3.11",
               python_full_version="3.11.2", implementation_name="cpython", extras=frozenset(), dependency_groups=frozenset())
    if any(m.evaluate(env, context="lock_file") for m in lock.environments):
        print(machine, *(f"{p.name}=={p.version}" for p in lock.packages
                         if p.marker is None or p.marker.evaluate(env, context="lock_file")))
`
	out, err := exec.Command("python3", "-c", script, file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if want := "x86_64 numpy==1.26.4 tool==2.0\naarch64 numpy==1.26.4 tool==1.0\n"; string(out) != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
}
