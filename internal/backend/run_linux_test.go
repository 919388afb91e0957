package backend_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/backend"
	"github.com/envpack/envpack/internal/sandbox"
	"github.com/envpack/envpack/internal/testenv"
)

// machineRoot is a root file system whose programs are the machine's.
func machineRoot(t *testing.T) string {
	t.Helper()
	testenv.Real(t, "bwrap and python3 in /usr")
	dir := t.TempDir()
	for _, name := range []string{"bin", "lib", "lib64", "sbin"} {
		if err := os.Symlink("usr/"+name, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/usr", filepath.Join(dir, "usr")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// run has what a project of files needs to be built with the machine's Python.
func run(t *testing.T, files map[string]string) backend.Run {
	t.Helper()
	s, err := sandbox.New()
	if err != nil {
		t.Fatal(err)
	}
	p, err := backend.Inspect(project(files))
	if err != nil {
		t.Fatal(err)
	}
	r := backend.Run{
		Sandbox: s, Root: machineRoot(t), Python: "/usr/bin/python3", Work: t.TempDir(), Source: "a-1", Project: p,
		Time: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC), Limits: sandbox.Limits{Time: time.Minute, Memory: 1 << 30, Disk: 64 << 20, Processes: 100},
		Mounts: []sandbox.Mount{{Source: "/usr", Target: "/usr"}},
	}
	for name, content := range files {
		writeFile(t, filepath.Join(r.Work, "source", r.Source, name), []byte(content))
	}
	return r
}

const ownBackend = "[build-system]\nrequires = ['six']\nbuild-backend = 'own:hooks'\nbackend-path = ['.']\n"

// wheelMaker is a backend that needs nothing.
const wheelMaker = `
import os, time, zipfile

class hooks:
    @staticmethod
    def get_requires_for_build_wheel(settings=None):
        return ["attrs>=1"]

    @staticmethod
    def prepare_metadata_for_build_wheel(out, settings=None):
        os.mkdir(out + "/a-1.dist-info")
        with open(out + "/a-1.dist-info/METADATA", "w") as f:
            f.write("Metadata-Version: 2.1\nName: a\nVersion: 1\nRequires-Dist: b\n")
        return "a-1.dist-info"

    @staticmethod
    def build_wheel(out, settings=None, metadata=None):
        with zipfile.ZipFile(out + "/a-1-py3-none-any.whl", "w") as z:
            z.writestr("a.py", "built = %r\n" % os.environ["SOURCE_DATE_EPOCH"])
            z.writestr("a-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: a\nVersion: 1\n")
            z.writestr("a-1.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: own\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            z.writestr("a-1.dist-info/RECORD", "")
        return "a-1-py3-none-any.whl"
`

func TestHooks(t *testing.T) {
	files := map[string]string{"pyproject.toml": ownBackend, "own.py": wheelMaker}
	requires, err := run(t, files).Requires(t.Context())
	if diff := cmp.Diff([]string{"attrs>=1"}, requires); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	metadata, err := run(t, files).Metadata(t.Context())
	if err != nil || !strings.Contains(string(metadata), "Requires-Dist: b") {
		t.Errorf("%q, %v", metadata, err)
	}
	var wheels [2]bytes.Buffer
	for i := range wheels {
		if name, err := run(t, files).Wheel(t.Context(), &wheels[i]); err != nil || name != "a-1-py3-none-any.whl" {
			t.Fatalf("%s, %v", name, err)
		}
	}
	if !bytes.Equal(wheels[0].Bytes(), wheels[1].Bytes()) {
		t.Error("two builds differ")
	}
}

func TestHookFails(t *testing.T) {
	tests := map[string]struct {
		body string // of build_wheel
		want backend.Failure
		said string // part of the reason
	}{
		"a module":         {"import torch_of_nobody.utils", backend.Failure{Module: "torch_of_nobody"}, "it imports torch_of_nobody"},
		"a module, hidden": {"import sys\n    try:\n        import torch_of_nobody\n    except ImportError:\n        sys.exit('please install it first')", backend.Failure{Module: "torch_of_nobody"}, "it imports torch_of_nobody"},
		"a program":        {"import subprocess; subprocess.check_call(['cmake-of-nobody', '.'])", backend.Failure{Program: "cmake-of-nobody"}, "it runs cmake-of-nobody"},
		"the network":      {"from urllib.request import urlopen; urlopen('http://host.example')", backend.Failure{Network: true}, "network"},
		"no wheel":         {"return 'a-1-py3-none-any.whl'", backend.Failure{}, "left what cannot be used"},
		"a path":           {"return '../../etc/passwd'", backend.Failure{}, "no file name of a wheel"},
		"a link":           {"import os; os.symlink('/etc/passwd', out + '/a-1-py3-none-any.whl'); return 'a-1-py3-none-any.whl'", backend.Failure{}, "is no file"},
		"endless":          {"import time; time.sleep(3600)", backend.Failure{Limit: "time: 3s"}, "took more than it may"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := run(t, map[string]string{
				"pyproject.toml": strings.Replace(ownBackend, "own:hooks", "own", 1),
				"own.py":         "def build_wheel(out, settings=None, metadata=None):\n    " + test.body + "\n",
			})
			r.Limits.Time = 3 * time.Second
			_, err := r.Wheel(t.Context(), &bytes.Buffer{})
			var got *backend.Failure
			if !errors.As(err, &got) {
				t.Fatal(err)
			}
			if !strings.Contains(got.Reason, test.said) {
				t.Errorf("%q\n%s", got.Reason, got.Tail)
			}
			test.want.Hook, test.want.Reason, test.want.Tail = "wheel", got.Reason, got.Tail
			if diff := cmp.Diff(&test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestAsked tells what a setup.py would have had fetched while it runs, as far as that is not there.
func TestAsked(t *testing.T) {
	for name, first := range map[string]string{"pkg_resources": "", "no pkg_resources": "import sys; sys.modules['pkg_resources'] = None"} {
		t.Run(name, func(t *testing.T) {
			r := run(t, map[string]string{"setup.py": first + `
from setuptools import setup
from setuptools.dist import Distribution
Distribution().fetch_build_eggs(["# nothing", "wheel", "of-nobody; python_version < '3'"])
try:
    Distribution().fetch_build_eggs(["setuptools", "nobody-has-it>=1.0", "setuptools<1"])
except Exception:
    raise SystemExit("fetching failed")
setup(name="a", version="1")
`})
			_, err := r.Wheel(t.Context(), &bytes.Buffer{})
			var got *backend.Failure
			if !errors.As(err, &got) {
				t.Fatal(err)
			}
			asked := []string{"nobody-has-it>=1.0", "setuptools<1"}
			want := &backend.Failure{Hook: "wheel", Asked: asked, Reason: "setup.py asks for nobody-has-it>=1.0, setuptools<1 while it runs", Tail: got.Tail}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s\n%s", diff, got.Tail)
			}
		})
	}
}

// TestNoHook tells a backend that has no hook for metadata.
func TestNoHook(t *testing.T) {
	r := run(t, map[string]string{"pyproject.toml": strings.Replace(ownBackend, "own:hooks", "own", 1), "own.py": ""})
	if _, err := r.Metadata(t.Context()); !errors.Is(err, backend.ErrNoHook) {
		t.Error(err)
	}
}
