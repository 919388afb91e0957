package smoke

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/sandbox"
	"github.com/envpack/envpack/internal/testenv"
)

// trialOf is the machine's own Python and root, with modules of which the texts are given.
func trialOf(t *testing.T, files map[string]string) *Trial {
	t.Helper()
	testenv.Tool(t, "bwrap")
	python := ""
	for _, name := range []string{"/usr/bin/python3", "/usr/local/bin/python3"} {
		if out, err := exec.Command(name, "-c", "import sys; print(sys.version_info >= (3, 5))").Output(); err == nil && strings.TrimSpace(string(out)) == "True" {
			python = name
			break
		}
	}
	if python == "" {
		if testenv.All() {
			t.Fatal("there is no python3 in /usr")
		}
		t.Skip("there is no python3 in /usr")
	}
	box, err := sandbox.New()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &Trial{
		Sandbox: box, Root: "/", Python: python, Dir: "/", Env: []string{"PYTHONPATH=/tmp/modules", "PATH=/usr/bin:/bin", "HOME=/tmp/home"},
		Mounts: []sandbox.Mount{{Source: dir, Target: "/tmp/modules"}}, Limits: Limits{Module: 20 * time.Second, Memory: 1 << 30, Disk: 64 << 20, Processes: 50},
	}
}

func TestImport(t *testing.T) {
	trial := trialOf(t, map[string]string{
		"good.py":    "import sys, os\nprint('noise')\nopen(os.path.expanduser('~/cache'), 'w').close()\nassert sys.argv == ['-c'], sys.argv\n",
		"missing.py": "import none_of_that_name\n",
		"wraps.py":   "try:\n    import none_of_that_name\nexcept ImportError as e:\n    raise RuntimeError('it cannot be') from e\n",
		"gone.py":    "from os import none_of_that_name\n",
		"syntax.py":  "def f(:\n",
		"segv.py":    "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n",
		"leaves.py":  "import os\nos._exit(0)\n",
		"exits.py":   "import sys\nsys.exit('enough')\n",
		"after.py":   "import sys\nif 'good' in sys.modules:\n    raise ValueError('good was there')\n",
		"odd.py":     "class E(Exception):\n    def __str__(self): raise ValueError\nraise E\n",
		"last.py":    "import threading, time\nthreading.Thread(target=lambda: time.sleep(1000)).start()\n",
	})
	names := []string{"good", "missing", "wraps", "gone", "syntax", "segv", "leaves", "exits", "good", "after", "odd", "last"}
	var told []string
	outcomes, err := trial.Import(t.Context(), names, func(o Outcome) { told = append(told, o.Module) })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(names, told); diff != "" {
		t.Error(diff)
	}
	var got []string
	for _, o := range outcomes {
		kind := ""
		if c := trial.Causes(o); len(c) > 0 {
			kind = string(c[0].Kind)
		}
		got = append(got, fmt.Sprintf("%s: %s %s %s %s", o.Module, o.Result, kind, o.How, strings.Join(o.After, " ")))
	}
	want := []string{
		"good: imported   ", "missing: failed module  ", "wraps: failed module  ", "gone: failed name  ", "syntax: failed syntax  ",
		"segv: crashed ended ended by signal 11 (segmentation fault) ", "leaves: crashed ended Python ended with status 0 ", "exits: failed exception  ",
		"good: imported   ", "after: failed exception  exits good", "odd: failed exception  ", "last: imported   ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if says := outcomes[7].Says(); says != "SystemExit: it ended Python with status enough" {
		t.Error(says)
	}
	if out := outcomes[5].Output; !strings.Contains(out, "segv.py") {
		t.Errorf("where it crashed is not told: %q", out)
	}
	if f := outcomes[1].Chain[0].Frames; len(f) == 0 || f[len(f)-1] != (Frame{File: "/tmp/modules/missing.py", Line: 1, In: "<module>"}) {
		t.Errorf("%+v", f)
	}
	if c := trial.Causes(outcomes[3])[0]; c.Module != "os" || c.Name != "none_of_that_name" {
		t.Errorf("%+v", c)
	}
}

func TestLimits(t *testing.T) {
	trial := trialOf(t, map[string]string{
		"hangs.py":  "import time\ntime.sleep(1000)\n",
		"spins.py":  "while True: pass\n",
		"eats.py":   "x = []\nwhile True: x.append(bytearray(10**7))\n",
		"forks.py":  "import os\nwhile True: os.fork()\n",
		"forges.py": "import os, glob\nfor f in glob.glob('/run/envpack-smoke/*'):\n    os.remove(f)\n    os.symlink('/etc/passwd', f)\n",
		"good.py":   "",
	})
	trial.Limits.Module, trial.Limits.Memory = 2*time.Second, 300<<20
	outcomes, err := trial.Import(t.Context(), []string{"hangs", "spins", "good"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if o := outcomes; o[0].Result != TimedOut || o[0].Says() != "it took longer than 2s" || o[1].Result != TimedOut || o[2].Result != Imported || !strings.Contains(o[0].Output, "hangs.py") {
		t.Errorf("%+v", outcomes)
	}
	trial.Limits.Module = time.Minute
	outcomes, err = trial.Import(t.Context(), []string{"eats", "forks", "good"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if o := outcomes; o[0].Says() != "it exceeded the limit of memory: 300.0 MiB" || o[1].Says() != "it exceeded the limit of processes: 50" || o[2].Result != Imported {
		t.Errorf("%+v", outcomes)
	}
	if outcomes, err := trial.Import(t.Context(), []string{"forges"}, nil); err == nil {
		t.Errorf("believed what a module wrote: %+v", outcomes)
	}
	trial.Python = "/usr/bin/none-of-that-name"
	if _, err := trial.Import(t.Context(), []string{"good"}, nil); err == nil || !strings.Contains(err.Error(), "running the image's Python, /usr/bin/none-of-that-name: ") {
		t.Errorf("got %v", err)
	}
}
