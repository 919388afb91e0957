package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/lockfile"
)

var update = flag.Bool("update", false, "rewrite the expected outputs in testdata/script")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"envpack": func() {
			code := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
			notePeak()
			os.Exit(code)
		},
	})
}

// TestScripts runs testdata/script: the command as a process of its own, against an index, an archive and
// a registry on loopback. Each script has its own index, registry, HOME and store ($ENVPACK_CACHE).
//
// Beside testscript's own commands there are:
//
//	wheel NAME VERSION [KEY=VALUE]...    put a wheel into the index, and its hashes into $SHA512 and $MD5; see [world.wheel]
//	sdist NAME VERSION [KEY=VALUE]...    put a source distribution into the index; see [world.sdist]
//	data NAME BYTES [TEXT]               have the index serve a file of so many bytes that begins with the text; $SHA256 is its hash
//	index STATE [ARG]...                 make the index behave; see [world.behave]
//	requests PREFIX N                    the index was asked N times for paths with the prefix, since the last time
//	registry STATE [ARG]...              make the registry refuse, hold, lie or be well; see [world.permit]
//	transfers [KEY=N|KEY<=N]...          what passed to and from the registry, since the last time; see [world.transfers]
//	uploads N                            N blobs were sent to the registry, since the last time
//	engine STATE|FILE                    make Docker's engine fail or be well, or look at what it was given; see [world.docker]
//	archive NAME [flat]                  make an archive of others; see [world.archive]
//	deb CODENAME NAME VERSION [KEY=VALUE]...  put a package into an archive; see [world.deb]
//	gone CODENAME NAME VERSION           take a package out of an archive
//	release CODENAME KEY=VALUE           change the releases of an archive; see [world.release]
//	python                               make Debian 12's Python one that --smoke can run; see testdata/python
//	asked PREFIX N                       the archives were asked N times for paths with the prefix, since the last time
//	interpreter FILE VERSION [SONAME]... make an archive of a Python; $SHA256 is its hash
//	image NAME [KEY=VALUE]...            make an image to stand on; see [world.image]
//	expand FILE                          replace $NAME in a file
//	layers NAME...                       the image that envpack.lock is sealed with begins with these layers
//	layer LAYER NAME                     set $NAME to the digest of a layer in the seal
//	equal A B                            two texts are equal
//	holds DIR PATH [TEXT]                the image in a layout has a file of that text, or of that of @FILE
//	change N                             make the Nth change that the error on the last stderr has as JSON
//	status CODE PROGRAM [ARG]...         run it, and hold it to the exit status
//	when EVENT SIGNAL                    wait for an event and signal the process in the background; see [when]
//	exited CODE                          the status of the process that was signalled, after wait
//	json CODE PROGRAM [ARG]...           run a program with --json: it exits with the code, and prints JSON alone
//	age GLOB DURATION                    have files be changed last so long ago, as 1000h
//	damage GLOB                          change a byte in the middle of each file
//	flip FILE TEXT                       change a bit of the byte behind a text
//	blob DIR KIND NAME                   set $NAME to the path of a layout's index, manifest, config, or layer of a name
//	kills N                              kill builds at N random moments, and go on; see [world.kills]
//	flips N PREFIX...                    change N random bits, and go on; see [world.flips]
//	tamper DIR OLD NEW                   replace a text in the config of a layout's image, with digests that fit
//	bytes FILE N                         make a file of N bytes that do not compress
//	same FILE FILE                       two files have the same bytes
//	empty DIR                            the directory has no entries, or does not exist
//	tmpfs DIR BYTES                      mount a small file system on a new directory
//	readonly DIR                         let nothing be written into the directory
//	refused KIND                         hostile wheels, packages, images or projects are refused; see [world.refused]
//	misremember LAYER OTHER              let the store say of LAYER in envpack.lock what it says of OTHER
func TestScripts(t *testing.T) {
	base := newBase(t)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("..", "..", "testdata", "script"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			return newWorld(env, base)
		},
		Condition: condition,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"wheel":    withWorld((*world).wheel),
			"sdist":    withWorld((*world).sdist),
			"data":     withWorld((*world).data),
			"index":    withWorld((*world).behave),
			"requests": withWorld((*world).requested),
			"registry": withWorld((*world).permit),
			"uploads":  withWorld((*world).uploaded),

			"engine":    withWorld((*world).docker),
			"transfers": withWorld((*world).transfers),
			"when":      withWorld((*world).when),
			"exited":    withWorld((*world).exited),
			"status":    status,
			"json":      speaksJSON,
			"change":    change,

			"archive":     withWorld((*world).archive),
			"deb":         withWorld((*world).deb),
			"gone":        withWorld((*world).gone),
			"snapshot":    withWorld((*world).snapshot),
			"release":     withWorld((*world).release),
			"asked":       withWorld((*world).askedFor),
			"python":      withWorld((*world).python),
			"interpreter": withWorld((*world).interpreter),
			"image":       withWorld((*world).image),
			"expand":      expand,
			"layers":      layers,
			"layer":       layerDigest,
			"equal":       equal,
			"holds":       holds,

			"age":      setAge,
			"damage":   damage,
			"flip":     flip,
			"blob":     blob,
			"tamper":   tamper,
			"kills":    withWorld((*world).kills),
			"flips":    withWorld((*world).flips),
			"bytes":    makeBytes,
			"same":     same,
			"empty":    empty,
			"tmpfs":    tmpfs,
			"readonly": readonly,

			"refused":     withWorld((*world).refused),
			"misremember": misremember,
		},
	})
}

// withWorld finds the script's world for a command, which cannot be negated.
func withWorld(f func(w *world, ts *testscript.TestScript, args []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("this command cannot be negated")
		}
		f(ts.Value(worldKey{}).(*world), ts, args)
	}
}

func arguments(ts *testscript.TestScript, args []string, names ...string) {
	if len(args) != len(names) {
		ts.Fatalf("want %s", strings.Join(names, " "))
	}
}

func number(ts *testscript.TestScript, text string) int {
	n, err := strconv.Atoi(text)
	ts.Check(err)
	return n
}

func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("want CODE PROGRAM [ARG]...")
	}
	got := 0
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if want := number(ts, args[0]); got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// when waits until the index or the registry stalls ("stalled") or files match a pattern, and sends INT, TERM or KILL. The
// process is stopped in between where that is possible, so that it cannot end its work before the signal.
func (w *world) when(ts *testscript.TestScript, args []string) {
	arguments(ts, args, "EVENT", "SIGNAL")
	processes := ts.BackgroundCmds()
	if len(processes) == 0 {
		ts.Fatalf("no process in the background")
	}
	w.signalled = processes[len(processes)-1]
	signal, ok := map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM, "KILL": os.Kill}[args[1]]
	if !ok {
		ts.Fatalf("no signal %s", args[1])
	}
	happened := func() bool {
		files, err := filepath.Glob(ts.MkAbs(args[0]))
		ts.Check(err)
		return len(files) > 0
	}
	if args[0] == "stalled" {
		happened = w.stalled.Load
	}
	process := w.signalled.Process
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		if happened() {
			pause(process)
			if happened() { // still
				ts.Check(process.Signal(signal))
				resume(process)
				return
			}
			resume(process)
		}
		if time.Now().After(end) {
			ts.Fatalf("waited for %s in vain", args[0])
		}
	}
}

func (w *world) exited(ts *testscript.TestScript, args []string) {
	arguments(ts, args, "CODE")
	if w.signalled == nil || w.signalled.ProcessState == nil {
		ts.Fatalf("no process has ended: signal one with when, and wait")
	}
	if got := w.signalled.ProcessState.ExitCode(); got != number(ts, args[0]) {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}

// setAge has files be changed last so long ago.
func setAge(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, args, "GLOB", "DURATION")
	files, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	ago, err := time.ParseDuration(args[1])
	ts.Check(err)
	if len(files) == 0 {
		ts.Fatalf("no file is called %s", args[0])
	}
	for _, file := range files {
		ts.Check(os.Chtimes(file, time.Now().Add(-ago), time.Now().Add(-ago)))
	}
}

func damage(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, args, "GLOB")
	files, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	n := 0
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.IsDir() || info.Size() == 0 {
			continue
		}
		data, err := os.ReadFile(file)
		ts.Check(err)
		data[len(data)/2] ^= 1
		ts.Check(os.Chmod(file, 0o644))
		ts.Check(os.WriteFile(file, data, 0o644))
		n++
	}
	if n == 0 {
		ts.Fatalf("no file is called %s", args[0])
	}
}

func makeBytes(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, args, "FILE", "N")
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), noise(number(ts, args[1])), 0o644))
}

func same(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, args, "FILE", "FILE")
	a, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	b, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	if bytes.Equal(a, b) == neg {
		ts.Fatalf("%s and %s: same is %t", args[0], args[1], !neg)
	}
}

func empty(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, args, "DIR")
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	if !errors.Is(err, os.ErrNotExist) {
		ts.Check(err)
	}
	if (len(entries) == 0) == neg {
		ts.Fatalf("%s: %v", args[0], entries)
	}
}

func tmpfs(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, args, "DIR", "BYTES")
	dir := ts.MkAbs(args[0])
	ts.Check(os.Mkdir(dir, 0o755))
	unmount, err := mount(dir, number(ts, args[1]))
	ts.Check(err)
	ts.Defer(unmount)
}

// misremember changes what the store remembers, as an envpack would leave it that was wrong. A layer is
// called by the beginning of its name.
func misremember(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, args, "LAYER", "OTHER")
	lock, err := lockfile.Read(ts.MkAbs("envpack.lock"))
	ts.Check(err)
	st, err := store.Open(context.Background(), ts.Getenv("ENVPACK_CACHE"))
	ts.Check(err)
	inputs := func(name string) string {
		for _, l := range lock.Seals[0].Layers {
			if strings.HasPrefix(l.Name, name) {
				return l.Inputs
			}
		}
		ts.Fatalf("the seal has no layer %s", name)
		return ""
	}
	other, ok := st.Memo("layer", inputs(args[1]))
	if !ok {
		ts.Fatalf("the store remembers no layer %s", args[1])
	}
	ts.Check(st.PutMemo("layer", inputs(args[0]), other))
}

func readonly(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, args, "DIR")
	undo, err := makeReadOnly(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Defer(undo)
}

// makeReadOnly takes the right to write, or, from a user who needs none, mounts the folder without it.
func makeReadOnly(dir string) (undo func(), err error) {
	if err := os.Chmod(dir, 0o555); err != nil {
		return nil, err
	}
	writable := func() { os.Chmod(dir, 0o755) }
	f, err := os.CreateTemp(dir, "")
	if err != nil {
		return writable, nil
	}
	f.Close()
	os.Remove(f.Name())
	unmount, err := mountReadOnly(dir)
	if err != nil {
		writable()
		return nil, err
	}
	return func() { unmount(); writable() }, nil
}

// condition is [tmpfs] or [readonly]: whether the command of that name can be used, or must be.
func condition(name string) (bool, error) {
	try, ok := map[string]func(dir string) (undo func(), err error){
		"tmpfs":    func(dir string) (func(), error) { return mount(dir, 4096) },
		"readonly": makeReadOnly,
		"sandbox":  boxed,
	}[name]
	if !ok {
		return false, fmt.Errorf("no condition %s", name)
	}
	if os.Getenv("ENVPACK_TEST") == "all" {
		return true, nil
	}
	dir, err := os.MkdirTemp("", "envpack-mount-")
	if err != nil {
		return false, err
	}
	defer os.Remove(dir)
	undo, err := try(dir)
	if err != nil {
		return false, nil
	}
	undo()
	return true, nil
}

// change makes a change of an error's JSON in its file, as any script could.
func change(ts *testscript.TestScript, _ bool, args []string) {
	arguments(ts, args, "N")
	var failure struct{ Changes []diag.Change }
	lines := strings.Split(strings.TrimSpace(ts.ReadFile("stderr")), "\n")
	ts.Check(json.Unmarshal([]byte(lines[len(lines)-1]), &failure))
	n := number(ts, args[0])
	if n >= len(failure.Changes) {
		ts.Fatalf("there are %d changes", len(failure.Changes))
	}
	c := failure.Changes[n]
	text := strings.SplitAfter(ts.ReadFile(c.File), "\n")
	runes := []rune(text[c.Line-1])
	rest, ok := strings.CutPrefix(string(runes[c.Column-1:]), c.Old)
	if !ok {
		ts.Fatalf("%s:%d:%d is not %s", c.File, c.Line, c.Column, c.Old)
	}
	text[c.Line-1] = string(runes[:c.Column-1]) + c.New + rest
	ts.Check(os.WriteFile(ts.MkAbs(c.File), []byte(strings.Join(text, "")), 0o644))
}
