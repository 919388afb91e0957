package manifest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/envpack/envpack/internal/diag"
)

// project writes the files of an archive into a folder of their own.
func project(t *testing.T, archive string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, archive string) *Manifest {
	t.Helper()
	m, err := Load(project(t, archive), Selection{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func places(list []diag.Position) []string {
	var out []string
	for _, p := range list {
		out = append(out, fmt.Sprintf("%s:%d:%d", filepath.Base(p.File), p.Line, p.Col))
	}
	return out
}

func texts(list []Requirement) []string {
	var out []string
	for _, r := range list {
		text := r.String()
		for _, h := range r.Hashes {
			text += " " + h[:len("sha256:1111")]
		}
		out = append(out, fmt.Sprintf("%s @%s:%d:%d", text, filepath.Base(r.Pos.File), r.Pos.Line, r.Pos.Col))
	}
	return out
}

const full = `
-- envpack.toml --
# everything
[project]
name = "digits"
python = ">=3.10, <3.13"
dependencies = ["scikit-learn>=1.5", 'Num_Py ; python_version < "3.12"']
requirements = ["requirements.txt"]
groups = ["train"]
platforms = ["linux/arm64", "linux/amd64", "linux/amd64"]
as-of = 2024-03-01

[system]
distro = "debian:12"
pockets = ["security", "release"]
auto = true

[image]
tag = "registry.example:5000/team/digits:v1"
command = ["python", "train.py"]
include = ["src", "*.py"]
env = { DEBUG = "1" }
ports = ["8080", "53/udp", "8080/tcp"]
volumes = ["/data"]
user = "root"
workdir = "/srv/app"
[image.labels]
"org.opencontainers.image.title" = "Digits"

[[index]]
name = "pytorch-cu126"
url = "https://torch.example/whl/cu126"
packages = ["torch", "Torch_Vision", "nvidia-*"]

[[index]]
name = "internal"
url = "https://packages.example/simple/"
default = true

[resolver]
prereleases = "explicit"

[constraints]
numpy = "<2"
"Scikit.Learn" = ""
-- pyproject.toml --
[dependency-groups]
Train = ["tqdm", {include-group = "base"}]
base = ["pyyaml"]
-- requirements.txt --
# comment
pandas[excel] >= 2  # trailing

torch==2.4.0 \
    --hash=sha256:1111111111111111111111111111111111111111111111111111111111111111 \
    --hash sha256:AAAA111111111111111111111111111111111111111111111111111111111111
-r more/extra.txt
-cmore/bounds.txt
-r more/extra.txt
-- more/extra.txt --
requests>=2; \
  sys_platform == "linux"
-r ../more/third.txt
-- more/third.txt --
attrs
-- more/bounds.txt --
urllib3<2
`

func TestLoad(t *testing.T) {
	m := load(t, full)
	if m.Name != "digits" || m.Python.Specifiers.String() != "<3.13,>=3.10" || m.Distro != "debian:12" || m.Prereleases != Explicit {
		t.Errorf("%+v", m)
	}
	if got := m.AsOf.Instant(time.Time{}).Format(time.RFC3339); got != "2024-03-01T23:59:59Z" {
		t.Errorf("as-of %s", got)
	}
	for _, c := range []struct {
		name      string
		got, want any
	}{
		{"requirements", texts(m.Requirements), []string{
			"scikit-learn>=1.5 @envpack.toml:5:17", `num-py; python_version < "3.12" @envpack.toml:5:38`,
			"tqdm @pyproject.toml:2:10", "pyyaml @pyproject.toml:3:9",
			"pandas[excel]>=2 @requirements.txt:2:1", "torch==2.4.0 sha256:1111 sha256:aaaa @requirements.txt:4:1",
			`requests>=2; sys_platform == "linux" @extra.txt:1:1`, "attrs @third.txt:1:1",
		}},
		{"constraints", texts(m.Constraints), []string{
			"scikit-learn @envpack.toml:43:18", "numpy<2 @envpack.toml:42:9", "urllib3<2 @bounds.txt:1:1",
		}},
		{"platforms", m.Platforms, []string{"linux/amd64", "linux/arm64"}},
		{"pockets", m.Pockets, []string{"release", "security"}},
		{"include", places(m.Image.IncludePos), []string{"envpack.toml:19:12", "envpack.toml:19:19"}},
		{"image", m.Image, Image{
			Tag: "registry.example:5000/team/digits:v1", Command: []string{"python", "train.py"}, Include: []string{"src", "*.py"},
			Env: map[string]string{"DEBUG": "1"}, Ports: []string{"53/udp", "8080/tcp"}, Volumes: []string{"/data"}, User: "root",
			IncludePos: m.Image.IncludePos, Workdir: "/srv/app", Labels: map[string]string{"org.opencontainers.image.title": "Digits"},
		}},
	} {
		if d := cmp.Diff(c.want, c.got); d != "" {
			t.Errorf("%s: -want +got:\n%s", c.name, d)
		}
	}
	torch := m.Indexes[0]
	if d := cmp.Diff([]string{"torch", "torch-vision", "nvidia-*"}, torch.Packages); d != "" || torch.Default || !m.Indexes[1].Default {
		t.Errorf("indexes: %+v %s", m.Indexes, d)
	}
	if torch.Pos.Line != 28 || torch.Pos.Source != "[[index]]" {
		t.Errorf("index at %v", torch.Pos)
	}
}

func TestDefaults(t *testing.T) {
	m := load(t, "-- envpack.toml --\nproject.name = 'x'\nproject.python = '3.11'\n")
	want := &Manifest{
		File: m.File, Dir: m.Dir, Name: "x", Python: m.Python, Platforms: []string{"linux/amd64"}, Prereleases: IfNecessary,
		System: System{Pockets: []string{"release", "security", "updates"}, Auto: true}, Image: Image{User: "app", Workdir: "/app"},
		Places: m.Places,
	}
	if d := cmp.Diff(want, m, cmp.Comparer(func(a, b Python) bool { return a.Text == b.Text }), cmp.AllowUnexported(AsOf{})); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if got := m.Python.Specifiers.String(); got != "==3.11.*" {
		t.Errorf("python %s", got)
	}
	if !m.AsOf.IsZero() || m.AsOf.String() != "" || !m.AsOf.Instant(time.Unix(1, 0)).IsZero() {
		t.Error("as-of is not zero")
	}
}

func TestPyproject(t *testing.T) {
	m := load(t, `
-- pyproject.toml --
[project]
name = "lib"
requires-python = ">=3.11.2"
dependencies = ["numpy"]
[project.optional-dependencies]
docs = ["sphinx"]
[dependency-groups]
test = ["pytest"]
train = ["torch", {include-group = "test"}]
all = [{include-group = "test"}, {include-group = "train"}]
[build-system]
requires = ["hatchling"]
[tool.ruff]
line-length = 100
[tool.envpack]
project = { groups = ["all"], python = "3.11" }
image.command = ["python"]
`)
	if d := cmp.Diff([]string{
		"numpy @pyproject.toml:4:17", "pytest @pyproject.toml:8:9", "torch @pyproject.toml:9:10",
	}, texts(m.Requirements)); d != "" {
		t.Error(d)
	}
	if m.Name != "lib" || m.Python.Specifiers.String() != "==3.11.*,>=3.11.2" || m.Image.Command[0] != "python" {
		t.Errorf("%+v", m)
	}
}

// TestExtras has the project's own extras, which may name each other, asked for in each way.
func TestExtras(t *testing.T) {
	const file = `
-- pyproject.toml --
[project]
name = "My_Lib"
requires-python = ">=3.11"
dependencies = ["numpy"]
[project.optional-dependencies]
gpu_x = ["torch", "my-lib[docs]"]
docs = ["sphinx", "my.lib[GPU-X]"]
rest = ["left"]
[dependency-groups]
dev = ["pytest", "my-lib[docs]"]
[tool.envpack.image]
command = ["python"]
`
	want := []string{"numpy @pyproject.toml:4:17", "torch @pyproject.toml:6:10", "sphinx @pyproject.toml:7:9"}
	m := load(t, file+"[tool.envpack.project]\nextras = [\"GPU.x\"]\n")
	if d := cmp.Diff(want, texts(m.Requirements)); d != "" {
		t.Error(d)
	}
	m = load(t, file+"[tool.envpack.project]\ngroups = [\"dev\"]\n")
	want = []string{"numpy @pyproject.toml:4:17", "pytest @pyproject.toml:10:8", "sphinx @pyproject.toml:7:9", "torch @pyproject.toml:6:10"}
	if d := cmp.Diff(want, texts(m.Requirements)); d != "" {
		t.Error(d)
	}
	m = load(t, "-- envpack.toml --\n[project]\nname = \"x\"\npython = \"3.11\"\nextras = [\"rest\"]\n"+strings.ReplaceAll(file, "[tool.envpack.image]", "[tool.other]"))
	if d := cmp.Diff([]string{"left @pyproject.toml:8:9"}, texts(m.Requirements)); d != "" {
		t.Error(d)
	}
}

// TestEncodings holds that one requirement reads alike however its file is written.
func TestEncodings(t *testing.T) {
	want := []string{"numpy", "torch"}
	little := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune("numpy\r\n# größer\r\ntorch\r\n")) {
		little = append(little, byte(u), byte(u>>8))
	}
	for name, data := range map[string]string{
		"plain": "numpy\ntorch\n", "crlf": "numpy\r\ntorch\r\n", "no newline": "numpy\ntorch", "bom": "\ufeffnumpy\ntorch\n", "utf-16": string(little),
	} {
		dir := project(t, "-- envpack.toml --\n")
		manifest := "\ufeff[project]\r\nname = 'x'\r\npython = '3.11'\r\nrequirements = ['r.txt']\r\n"
		if err := os.WriteFile(filepath.Join(dir, FileName), []byte(manifest), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "r.txt"), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
		m, err := Load(dir, Selection{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, r := range m.Requirements {
			got = append(got, r.Name)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	dir := project(t, "-- envpack.toml --\n")
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte("a = 1\nb = '\xe4'\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir, Selection{}); err == nil || !strings.Contains(err.Error(), "envpack.toml:2: not UTF-8") {
		t.Errorf("invalid UTF-8: %v", err)
	}
}

func TestAsOf(t *testing.T) {
	now := time.Date(2024, 3, 10, 12, 0, 0, 999, time.FixedZone("", 3600))
	for text, want := range map[string][2]string{
		"2024-03-01": {"2024-03-01T23:59:59Z", "2024-03-01T23:59:59Z"}, "2024-03-01T12:00:00+02:00": {"2024-03-01T10:00:00Z", "2024-03-01T10:00:00Z"},
		"7 days": {"168 hours", "2024-03-03T11:00:00Z"}, "1 week": {"168 hours", "2024-03-03T11:00:00Z"}, "36 hours": {"36 hours", "2024-03-08T23:00:00Z"},
		"2024-02-30": {}, "0 days": {}, "-1 days": {}, "7 months": {}, "": {}, "99999 weeks": {},
	} {
		a, err := parseAsOf(text)
		if want[0] == "" {
			if err == nil {
				t.Errorf("%q is accepted", text)
			}
			continue
		}
		if err != nil || a.String() != want[0] {
			t.Errorf("%q: %s, %v", text, a, err)
			continue
		}
		if got := a.Instant(now).Format(time.RFC3339); got != want[1] {
			t.Errorf("%q: instant %s, want %s", text, got, want[1])
		}
	}
}

func TestTag(t *testing.T) {
	for tag, want := range map[string]bool{
		"digits": true, "team/digits": true, "team/digits:v1.0": true, "r.example/a": true, "R.Example/a": true, "localhost/a": true,
		"localhost:5000/a/b:latest": true, "[::1]:5000/a": true, "a__b/c-d.e": true, "r.example:5000/a:T_1": true,
		"Digits": false, "Team/digits": false, "a//b": false, "/a": false, "a/": false, "a:": false, "a:b:c": false, "a..b/c": false, "a@sha256:0": false,
		"r.example/A": false, "https://r.example/a": false, "": false, "a b": false, "a:" + strings.Repeat("x", 129): false, "r.example/" + strings.Repeat("x", 256): false,
	} {
		if checkTag(tag) != want {
			t.Errorf("%q: %t", tag, !want)
		}
	}
}

// TestExamples reads the manifests of the examples.
func TestExamples(t *testing.T) {
	examples, err := filepath.Glob("../../examples/*/" + FileName)
	if err != nil || len(examples) < 2 {
		t.Fatalf("%d examples, %v", len(examples), err)
	}
	for _, e := range examples {
		if m, err := Load(filepath.Dir(e), Selection{}); err != nil || len(m.Requirements) == 0 || len(m.Image.Command) == 0 {
			t.Errorf("%s: %v", e, err)
		}
	}
}

// TestEndless: a file without an end is no text, whatever its size says.
func TestEndless(t *testing.T) {
	dir := project(t, "-- envpack.toml --\n[project]\nname = 'x'\npython = '3.11'\nrequirements = ['r.txt']\n")
	if err := os.Symlink("/dev/zero", filepath.Join(dir, "r.txt")); err != nil {
		return // not on Windows
	}
	if _, err := Load(dir, Selection{}); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Error(err)
	}
}

func TestPlaces(t *testing.T) {
	m := load(t, `-- envpack.toml --
[project]
name = "x"
python = "3.11"
as-of = 2024-03-01
platforms = ["linux/arm64", "linux/amd64"]
[system]
auto = false
[resolver]
prereleases = "allow"
[[index]]
name = "own"
url = "https://packages.example/simple/"
packages = ["torch", "nvidia-*"]
`)
	for _, c := range []struct {
		pos  diag.Position
		want string
	}{
		{m.Places.Project, "1:2 project"}, {m.Places.System, "6:2 system"}, {m.Places.AsOf, "4:9 2024-03-01"},
		{m.Places.Platforms["linux/amd64"], `5:29 "linux/amd64"`}, {m.Places.Prereleases, `9:15 "allow"`},
		{m.Indexes[0].PackagesPos[1], `13:22 "nvidia-*"`},
	} {
		if got := fmt.Sprintf("%d:%d %s", c.pos.Line, c.pos.Col, string([]rune(c.pos.Source)[c.pos.Col-1:][:c.pos.Width])); got != c.want {
			t.Errorf("%q, not %q", got, c.want)
		}
	}
}
