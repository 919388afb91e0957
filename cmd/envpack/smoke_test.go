package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/envpack/envpack/internal/sandbox"
	"github.com/envpack/envpack/internal/testenv"
)

// standIn is the program of testdata/python, which is the same for all scripts.
var standIn = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "envpack-python-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "python"), filepath.Join("..", "..", "testdata", "python"))
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath")
	if out, err := cmd.CombinedOutput(); err != nil {
		return string(out), err
	}
	data, err := os.ReadFile(filepath.Join(dir, "python"))
	return string(data), err
})

// python has the Python of Debian 12 be one that runs, and does what --smoke wants of it.
func (w *world) python(ts *testscript.TestScript, args []string) {
	program, err := standIn()
	if err != nil {
		ts.Fatalf("%v: %s", err, program)
	}
	w.repo(ts, "bookworm").AddDeb("python3.11", "3.11.2-7", runtime.GOARCH, testenv.DebOptions{
		Fields: map[string]string{"Depends": "libc6 (>= 2.34)"},
		Files:  map[string]string{"usr/bin/python3.11": program}, Modes: map[string]uint32{"usr/bin/python3.11": 0o755},
	})
}

// boxed tells whether there is a sandbox here: the condition [sandbox].
func boxed(string) (undo func(), err error) {
	_, err = sandbox.New()
	return func() {}, err
}
