package sdistfile

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tarball makes a .tar.gz of files by their paths.
func tarball(files map[string]string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		t.WriteHeader(&tar.Header{Name: name, Size: int64(len(files[name])), Mode: 0o644, Typeflag: tar.TypeReg})
		t.Write([]byte(files[name]))
	}
	t.Close()
	z.Close()
	return b.Bytes()
}

func zipped(files map[string]string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, _ := z.Create(name)
		w.Write([]byte(files[name]))
	}
	z.Close()
	return b.Bytes()
}

func read(name string, data []byte, subdirectory string) (*Metadata, error) {
	return Read(context.Background(), name, bytes.NewReader(data), int64(len(data)), subdirectory)
}

const oldInfo = "Metadata-Version: 1.1\nName: demo\nVersion: 1.0\n"

func TestRead(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		from  string
		want  []string // Requires-Dist
		python,
		version string
		extras []string
		fail   string // in the error
	}{
		"final": {
			files: map[string]string{
				"PKG-INFO":               "Metadata-Version: 2.2\nName: demo\nVersion: 1.0\nRequires-Dist: a>=1\nRequires-Python: >=3.8\nDynamic: License\n",
				"pyproject.toml":         "[project]\nname = 'demo'\ndependencies = ['other']\n",
				"demo.egg-info/PKG-INFO": oldInfo,
			},
			from: PKGInfo, want: []string{"a>=1"}, python: ">=3.8", version: "1.0",
		},
		"final without requirements": {
			files: map[string]string{"PKG-INFO": "Metadata-Version: 2.4\nName: demo\nVersion: 1.0\n"},
			from:  PKGInfo, version: "1.0",
		},
		"partly dynamic": { // Metadata 2.6: what is there may be added to
			files: map[string]string{"PKG-INFO": "Metadata-Version: 2.6\nName: demo\nVersion: 1.0\nRequires-Dist: a\nDynamic: Requires-Dist\n"},
			from:  PKGInfo + ", assumed", want: []string{"a"}, version: "1.0",
		},
		"dynamic": {
			files: map[string]string{"PKG-INFO": "Metadata-Version: 2.2\nName: demo\nVersion: 1.0\nDynamic: requires-dist\n"},
			fail:  "demo-1.0.tar.gz: its dependencies are known only when it is built: it has neither a PKG-INFO that says so, nor",
		},
		"an unknown major version": {
			files: map[string]string{"PKG-INFO": "Metadata-Version: 3.0\nName: demo\nVersion: 1.0\n"},
			fail:  "known only when it is built",
		},
		"pyproject": {
			files: map[string]string{
				"PKG-INFO": oldInfo,
				"pyproject.toml": "[project]\nname = 'Demo'\nrequires-python = '>=3.9'\ndynamic = ['version']\n" +
					"dependencies = ['b', 'c; python_version<\"3.9\"']\n[project.optional-dependencies]\nGPU_x = ['d @ https://files.example/d.whl ; os_name == \"posix\"', 'e']\n",
			},
			from: PyProject, python: ">=3.9", version: "1.0", extras: []string{"GPU_x"},
			want: []string{"b", `c; python_version<"3.9"`, `d @ https://files.example/d.whl ; (os_name == "posix") and extra == "gpu-x"`, `e ; extra == "gpu-x"`},
		},
		"pyproject that is dynamic": {
			files: map[string]string{"PKG-INFO": oldInfo, "pyproject.toml": "[project]\nname = 'demo'\ndynamic = ['dependencies']\n"},
			fail:  "dependencies is dynamic in its pyproject.toml",
		},
		"pyproject of poetry": {
			files: map[string]string{"PKG-INFO": oldInfo, "pyproject.toml": "[project]\nname = 'demo'\n[tool.poetry]\ndependencies = {b = '^1'}\n"},
			fail:  "its dependencies are in [tool.poetry] of pyproject.toml",
		},
		"pyproject without a table": {
			files: map[string]string{"PKG-INFO": oldInfo, "pyproject.toml": "[build-system]\nrequires = ['setuptools']\n", "demo.egg-info/PKG-INFO": oldInfo},
			from:  EggInfo + ", assumed", version: "1.0",
		},
		"egg-info": {
			files: map[string]string{
				"PKG-INFO":                   oldInfo + "Requires-Python: >=2.7\n",
				"src/demo.egg-info/PKG-INFO": oldInfo,
				"src/demo.egg-info/requires.txt": "a>=1\n# no\n\n[:python_version < \"3\"]\nfutures\n[test]\npytest\n" +
					"[Cool_Test:sys_platform == 'linux']\nx [y]\nz; os_name=='posix'\n",
				"vendor/aaa.egg-info/PKG-INFO": "Metadata-Version: 1.0\nName: aaa\nVersion: 3\n",
			},
			from: EggInfo + ", assumed", python: ">=2.7", version: "1.0", extras: []string{"test", "Cool_Test"},
			want: []string{"a>=1", `futures ; (python_version < "3")`, `pytest ; extra == "test"`,
				`x [y] ; (sys_platform == 'linux') and extra == "cool-test"`, `z ; (os_name=='posix') and (sys_platform == 'linux') and extra == "cool-test"`},
		},
		"another's egg-info": {
			files: map[string]string{"PKG-INFO": oldInfo, "aaa.egg-info/PKG-INFO": oldInfo},
			fail:  "known only when it is built",
		},
		"nothing": {files: map[string]string{"setup.py": ""}, fail: "known only when it is built"},
		"no name": {files: map[string]string{"PKG-INFO": "Metadata-Version: 2.2\n"}, fail: "its PKG-INFO has no Name"},
		"no TOML": {files: map[string]string{"PKG-INFO": oldInfo, "pyproject.toml": "["}, fail: "its pyproject.toml: not TOML"},
	} {
		whole := map[string]string{"demo-1.0/README": "x", "demo-1.0/tests/pyproject.toml": "[", "other": ""}
		for path, text := range c.files {
			whole["demo-1.0/"+path] = text
		}
		for _, kind := range []string{".tar.gz", ".zip"} {
			data := tarball(whole)
			if kind == ".zip" {
				data = zipped(whole)
			}
			m, err := read("demo-1.0"+kind, data, "")
			if c.fail != "" {
				want := strings.ReplaceAll(c.fail, ".tar.gz", kind)
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%s%s: %v, want %q", name, kind, err, want)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s%s: %v", name, kind, err)
				continue
			}
			from := m.From
			if m.Assumed {
				from += ", assumed"
			}
			got := fmt.Sprint(from, m.RequiresDist, m.RequiresPython, m.Version, m.ProvidesExtra)
			if d := cmp.Diff(fmt.Sprint(c.from, c.want, c.python, c.version, c.extras), got); d != "" {
				t.Errorf("%s%s: (-want +got)\n%s", name, kind, d)
			}
		}
	}
}

func TestSubdirectory(t *testing.T) {
	data := tarball(map[string]string{
		"repo/PKG-INFO": "Metadata-Version: 2.2\nName: other\nVersion: 9\n", "repo/py/demo/pyproject.toml": "[project]\nname='demo'\nversion='2'\n",
	})
	m, err := read("repo.tar.gz", data, "py/demo")
	if err != nil || m.Name != "demo" || m.Version != "2" {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := read("repo.tar.gz", data, "py"); !errors.As(err, new(*DynamicError)) {
		t.Errorf("a subdirectory without a project: %v", err)
	}
	for name, data := range map[string][]byte{"repo.tar.gz": data, "repo.zip": zipped(map[string]string{"repo/py/x": ""})} {
		if _, err := read(name, data, "p"); err == nil || errors.As(err, new(*DynamicError)) || !strings.Contains(err.Error(), "it has no folder p") {
			t.Errorf("a subdirectory that %s lacks: %v", name, err)
		}
	}
}

// endless is a stream of zeros.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestHostile(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"no gzip":          {[]byte("PK"), "not a gzip file"},
		"cut gzip":         {tarball(map[string]string{"d/PKG-INFO": oldInfo, "d/x": strings.Repeat("x", 5000)})[:60], "unexpected EOF"},
		"large member":     {tarball(map[string]string{"d/PKG-INFO": strings.Repeat("x", maxMember+1)}), "more bytes than metadata can have"},
		"several folders":  {tarball(map[string]string{"a/PKG-INFO": oldInfo, "b/PKG-INFO": oldInfo}), "several folders"},
		"no PKG-INFO, ..":  {tarball(map[string]string{"../PKG-INFO": oldInfo, "a/../../b/PKG-INFO": oldInfo}), "known only when it is built"},
		"absolute members": {tarball(map[string]string{"/a/PKG-INFO": "Metadata-Version: 2.2\nName: a\nVersion: 1\n"}), "known only when it is built"},
	} {
		if _, err := read("d-1.tar.gz", c.data, ""); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	b := &bound{r: endless{}, left: 1 << 20, ctx: t.Context()}
	buf := make([]byte, 64<<10)
	for range 17 {
		if _, err := b.Read(buf); err != nil {
			break
		}
	}
	if b.err == nil {
		t.Error("a stream beyond its bound goes on")
	}
	if _, err := read("d-1.zip", []byte("PK\x05\x06"), ""); err == nil {
		t.Error("a cut zip is read")
	}
	many := append([]byte("PK\x05\x06\x00\x00\x00\x00\xff\xff\xff\xff"), make([]byte, 10)...)
	if _, err := read("d-1.zip", many, ""); err == nil || !strings.Contains(err.Error(), "more members") {
		t.Errorf("a zip64: %v", err)
	}
	// A directory of more than it says, and one of which the zip64 form alone says where it is.
	whole := zipped(map[string]string{"d/PKG-INFO": oldInfo, "d/setup.py": ""})
	end := len(whole) - endRecord
	short, far := bytes.Clone(whole), bytes.Clone(whole)
	short[end+8], short[end+10] = 1, 1
	binary.LittleEndian.PutUint32(short[end+12:], 1)
	copy(far[end+16:], "\xff\xff\xff\xff")
	for want, data := range map[string][]byte{"does not end where it says": short, "more members": far} {
		if _, err := read("d-1.zip", data, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	data := tarball(map[string]string{"d/PKG-INFO": oldInfo})
	if _, err := Read(ctx, "d-1.tar.gz", bytes.NewReader(data), int64(len(data)), ""); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	files := map[string]string{"d/PKG-INFO": oldInfo, "d/demo.egg-info/PKG-INFO": oldInfo, "d/demo.egg-info/requires.txt": "a\n[x:y]\nb\n", "d/pyproject.toml": "[project]\nname='d'\n"}
	f.Add(tarball(files), false)
	f.Add(zipped(files), true)
	f.Fuzz(func(t *testing.T, data []byte, zip bool) {
		name := "d-1.tar.gz"
		if zip {
			name = "d-1.zip"
		}
		m, err := read(name, data, "")
		if err == nil && (m.Name == "" || m.Version == "") {
			t.Errorf("no name or version: %+v", m)
		}
	})
}

func FuzzNames(f *testing.F) {
	f.Add("a.zip", []byte("PK"))
	f.Add("a.tar.gz", []byte{0x1f, 0x8b})
	f.Fuzz(func(_ *testing.T, name string, data []byte) {
		_, _ = Names(context.Background(), name, bytes.NewReader(data), int64(len(data)))
	})
}
