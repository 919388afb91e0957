package install_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"

	"github.com/envpack/envpack/imagegen/install"
	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/internal/wheelfile"
)

// wheels is what the comparison with pip downloads: large and small, pure and not, with scripts, data
// files, headers, binaries among the scripts, and pip and setuptools themselves.
var wheels = []string{
	"numpy==1.26.4", "scipy==1.11.4", "scikit-learn", "joblib", "threadpoolctl", "jinja2", "pip", "setuptools", "black",
	"jupyterlab", "notebook", "nbconvert", "ipython", "greenlet", "pybind11", "pybind11-global", "ruff", "cmake", "ninja",
	"uvicorn", "matplotlib", "pandas", "protobuf", "tensorboard", "lxml", "pyzmq", "debugpy", "wheel",
}

// fileBlob is a wheel on disk.
type fileBlob struct {
	*os.File
	size int64
	sum  string
}

func (b fileBlob) Size() int64    { return b.size }
func (b fileBlob) SHA256() string { return b.sum }

func openBlob(t testing.TB, name string) fileBlob {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		t.Fatal(err)
	}
	return fileBlob{f, n, hex.EncodeToString(h.Sum(nil))}
}

func planFile(t testing.TB, name string) (*install.Installed, fileBlob) {
	t.Helper()
	b := openBlob(t, name)
	w, err := wheelfile.Open(filepath.Base(name), b, b.size)
	if err != nil {
		t.Fatal(err)
	}
	in, err := install.Plan(w, b, layout)
	if err != nil {
		t.Fatal(err)
	}
	return in, b
}

// TestAgainstPip installs each wheel by pip in a virtual environment and compares all files. It needs
// Python 3.11 and an index, so it runs only with ENVPACK_TEST=all. ENVPACK_WHEELS names a folder of
// wheels to compare instead of downloading.
func TestAgainstPip(t *testing.T) {
	testenv.Real(t, "Python 3.11 and an index")
	run := func(name string, args ...string) {
		t.Helper()
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
	}
	dir := os.Getenv("ENVPACK_WHEELS")
	if dir == "" {
		dir = t.TempDir()
		run("python3.11", append([]string{"-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", dir}, wheels...)...)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no wheels in %s, %v", dir, err)
	}
	for _, wheel := range files {
		t.Run(filepath.Base(wheel), func(t *testing.T) {
			temp := t.TempDir()
			env := filepath.Join(temp, "env")
			run("python3.11", "-m", "venv", "--without-pip", env)
			run("python3.11", "-m", "pip", "--python", filepath.Join(env, "bin", "python"), "install", "-q", "--no-deps", "--no-compile", "--no-index",
				"--no-warn-script-location", "--disable-pip-version-check", wheel)
			in, _ := planFile(t, wheel)
			compare(t, env, in)
			for _, d := range in.Deviations {
				t.Logf("deviation: %s", d)
			}
		})
	}
}

var (
	venv = regexp.MustCompile(`^(bin/(python[0-9.]*|activate.*|Activate\.ps1)|pyvenv\.cfg|lib64|\.gitignore)$`)
	free = regexp.MustCompile(`^(opt/env/)?lib/python3\.11/site-packages/[^/]+\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json)$`)
)

func compare(t *testing.T, env string, in *install.Installed) {
	ours, modes := tree(t, in)
	var record string
	for p := range ours {
		if free.MatchString(p) && strings.HasSuffix(p, "/RECORD") {
			record = p
		}
	}
	checkRecord(t, ours, record)
	seen := 0
	err := filepath.WalkDir(env, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(env, name)
		if err != nil {
			return err
		}
		if venv.MatchString(rel) || free.MatchString(rel) {
			return nil
		}
		p := "opt/env/" + rel
		body, ok := ours[p]
		if !ok {
			t.Errorf("%s is missing", p)
			return nil
		}
		theirs, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		seen++
		theirs = bytes.ReplaceAll(theirs, []byte("#!"+env+"/bin/python\n"), []byte("#!/opt/env/bin/python\n"))
		if strings.HasPrefix(rel, "bin/") && bytes.HasPrefix(theirs, []byte("#!/bin/sh\n'''exec' ")) {
			// pip's form where the path of the interpreter is too long.
			rest := bytes.SplitN(theirs, []byte("\n"), 4)[3]
			theirs = append([]byte("#!/opt/env/bin/python\n"), rest...)
		}
		if string(theirs) != body {
			t.Errorf("%s differs: %d bytes, pip has %d", p, len(body), len(theirs))
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		theirMode := info.Mode()&0o111 != 0
		if ourMode := modes[p]&0o111 != 0; ourMode != theirMode && !strings.HasPrefix(rel, "bin/") {
			t.Errorf("%s has mode %o, pip makes %v", p, modes[p], info.Mode())
		}
		delete(ours, p)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var more []string
	for p := range ours {
		if !free.MatchString(p) {
			more = append(more, p)
		}
	}
	sort.Strings(more)
	if len(more) > 0 {
		t.Errorf("%d files that pip does not make: %v", len(more), more[:min(len(more), 5)])
	}
	t.Logf("%d files compared", seen)
}

// BenchmarkLayer writes the layer of each wheel in the folder that ENVPACK_WHEELS names.
func BenchmarkLayer(b *testing.B) {
	dir := os.Getenv("ENVPACK_WHEELS")
	if dir == "" {
		b.Skip("ENVPACK_WHEELS names no folder of wheels")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil {
		b.Fatal(err)
	}
	for _, wheel := range files {
		b.Run(filepath.Base(wheel), func(b *testing.B) {
			in, blob := planFile(b, wheel)
			for b.Loop() {
				r, err := layer.Write(context.Background(), layer.WithParents(in.Entries()), layer.Options{})
				if err != nil {
					b.Fatal(err)
				}
				recipe, err := r.Recipe.MarshalBinary()
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(r.TarSize)
				b.ReportMetric(float64(r.Size)/float64(blob.size), "size/wheel")
				b.ReportMetric(float64(len(recipe))/float64(r.Size), "recipe/size")
			}
		})
	}
}

// TestRealWheels plans and writes each wheel in the folder that ENVPACK_WHEELS names, of whatever
// Python, and checks the RECORD that comes out.
func TestRealWheels(t *testing.T) {
	dir := testenv.Wheels(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, wheel := range files {
		t.Run(filepath.Base(wheel), func(t *testing.T) {
			in, _ := planFile(t, wheel)
			ours, _ := tree(t, in)
			for p := range ours {
				if free.MatchString(p) && strings.HasSuffix(p, "/RECORD") {
					checkRecord(t, ours, p)
				}
			}
			kinds := map[install.DeviationKind]int{}
			for _, d := range in.Deviations {
				if kinds[d.Kind]++; kinds[d.Kind] <= 2 {
					t.Logf("deviation: %s", d)
				}
			}
			if len(kinds) > 0 {
				t.Logf("deviations: %v", kinds)
			}
		})
	}
}
