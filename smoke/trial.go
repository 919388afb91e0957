// Package smoke finds out whether modules can be imported in an image, and what would have to change if they cannot.
//
// It runs the image's own Python in a folder that is the image's root file system, in a sandbox. What it says of a remedy was tried:
// who makes locks and images is given to it ([Lab]).
package smoke

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/sandbox"
)

//go:embed driver.py
var driver string

// Trial is where modules are imported, and how.
type Trial struct {
	Sandbox *sandbox.Sandbox
	Root    string   // folder
	Python  string   // its path below Root, "/opt/env/bin/python"
	Env     []string // the image's
	Dir     string   // where Python starts; "": /
	Mounts  []sandbox.Mount
	Limits  Limits
}

// Limits are what importing may take.
type Limits struct {
	Module    time.Duration // of one module
	Memory    int64         // bytes of all processes
	Disk      int64         // bytes written to /tmp and the home, and of output
	Processes int
}

// Usual are limits that no module exceeds that people import on purpose.
var Usual = Limits{Module: 5 * time.Minute, Memory: 16 << 30, Disk: 2 << 30, Processes: 1000}

// Result is what came of a module.
type Result string

// The results.
const (
	Imported Result = "imported"
	Failed   Result = "failed"    // with an exception
	Crashed  Result = "crashed"   // a signal ended Python, or it ended itself
	TimedOut Result = "timed out" // it took longer than it may
	Exceeded Result = "exceeded"  // another limit
)

// Outcome is what came of importing a module.
type Outcome struct {
	Module  string        `json:"module"`
	Package string        `json:"package,omitempty"` // that it was imported for; "": the manifest names the module itself
	Version string        `json:"version,omitempty"`
	Result  Result        `json:"result"`
	Time    time.Duration `json:"-"`
	Seconds float64       `json:"seconds"`
	Chain   []Raised      `json:"errors,omitempty"` // what was raised, the outermost first
	How     string        `json:"how,omitempty"`    // how the process ended, where it did: "signal 11 (segmentation fault)"
	Output  string        `json:"output,omitempty"` // the end of what was printed, where the process ended
	// After are modules that were imported before in the same process: by itself, the module can be imported.
	After []string `json:"fails_after,omitempty"`
}

// Raised is an exception.
type Raised struct {
	Type    string   `json:"type"`
	Message string   `json:"message"`
	Name    string   `json:"name,omitempty"` // of the module that an ImportError is about
	Path    string   `json:"path,omitempty"`
	Bases   []string `json:"-"`
	Because bool     `json:"-"`                // it was raised from the next one, and not only while that was handled
	Frames  []Frame  `json:"frames,omitempty"` // the innermost last
}

// Frame is a place in a Python file.
type Frame struct {
	File string `json:"file"`
	Line int    `json:"line"`
	In   string `json:"in,omitempty"`
}

// notes are the lines that the driver writes.
type noted struct {
	Begin   string  `json:"begin"`
	End     string  `json:"end"`
	Seconds float64 `json:"seconds"`
	Done    bool    `json:"done"`
	Chain   []struct {
		Raised
		Bases   []string `json:"bases"`
		Because bool     `json:"because"`
	} `json:"chain"`
}

const (
	notesDir  = "/run/envpack-smoke"
	maxNotes  = 16 << 20
	keptTail  = 8 << 10
	home      = "HOME="
	homeDir   = "/home/app"
	graceTime = 20 * time.Second
)

// Import imports modules, all in one process as long as it lives: one that a module ends is followed by another for the rest. What
// fails after others is tried by itself too. tell is told of each outcome, and may be nil.
//
// Errors: those of the sandbox; Python that does not start; that of ctx.
func (t *Trial) Import(ctx context.Context, modules []string, tell func(Outcome)) ([]Outcome, error) {
	var all []Outcome
	for left := modules; len(left) > 0; {
		some, err := t.process(ctx, left)
		if err != nil {
			return nil, err
		}
		before := modules[:len(modules)-len(left)]
		left = left[len(some):]
		for i, o := range some {
			if o.Result != Imported && i > 0 {
				alone, err := t.process(ctx, []string{o.Module})
				if err != nil {
					return nil, err
				}
				if alone[0].Result == Imported {
					o.After = slices.Clone(modules[len(before) : len(before)+i])
				} else {
					o = alone[0]
				}
			}
			if tell != nil {
				tell(o)
			}
			all = append(all, o)
		}
	}
	return all, nil
}

// process imports modules in one process, until the end or one that ends it. There is an outcome at least.
func (t *Trial) process(ctx context.Context, modules []string) ([]Outcome, error) {
	dir, err := os.MkdirTemp("", "envpack-smoke-")
	if err != nil {
		return nil, fmt.Errorf("importing modules: %w", err)
	}
	defer os.RemoveAll(dir)
	env, at := t.environment()
	output := &tail{most: keptTail}
	seconds := t.Limits.Module.Seconds()
	limits := sandbox.Limits{Memory: t.Limits.Memory, Disk: t.Limits.Disk, Processes: t.Limits.Processes}
	if t.Limits.Module > 0 {
		limits.Time = time.Duration(len(modules))*t.Limits.Module + graceTime
	}
	mounts := append([]sandbox.Mount{{Source: dir, Target: notesDir, Writable: true}, {Target: at}}, t.Mounts...)
	run := sandbox.Command{
		Root: t.Root, Mounts: mounts, Dir: t.Dir, Env: env, Stdout: output, Stderr: output, Limits: limits,
		Args: append([]string{t.Python, "-c", driver, notesDir + "/notes", fmt.Sprint(seconds)}, modules...),
	}
	ended := t.Sandbox.Run(ctx, run)
	var exit *sandbox.ExitError
	var limit *sandbox.LimitError
	if ended != nil && !errors.As(ended, &exit) && !errors.As(ended, &limit) {
		return nil, fmt.Errorf("running the image's Python, %s: %w", t.Python, ended)
	}
	list, current, done, err := readNotes(filepath.Join(dir, "notes"))
	if err != nil {
		return nil, err
	}
	if len(list) > len(modules) || !slices.EqualFunc(list, modules[:len(list)], func(o Outcome, m string) bool { return o.Module == m }) {
		return nil, errForged
	}
	if done && len(list) == len(modules) && ended == nil {
		return list, nil
	}
	if current == "" && len(list) == 0 {
		return nil, fmt.Errorf("the image's Python, %s, does not start: %s", t.Python, saying(ended, output.String()))
	}
	if len(list) == len(modules) { // the last one ended it after it was imported
		current, list = list[len(list)-1].Module, list[:len(list)-1]
	} else if current == "" {
		current = modules[len(list)]
	}
	o := Outcome{Module: current, Result: Crashed, How: "Python ended with status 0", Output: output.String()}
	switch {
	case limit != nil && limit.What == "time":
		o.Result, o.How = TimedOut, fmt.Sprintf("it took longer than %v", t.Limits.Module)
	case limit != nil:
		o.Result, o.How = Exceeded, "it "+limit.Error()
	case exit != nil && strings.Contains(o.Output, "Timeout (") && exit.Code == 1: // as faulthandler says it
		o.Result, o.How = TimedOut, fmt.Sprintf("it took longer than %v", t.Limits.Module)
	case exit != nil:
		o.How = exit.Error()
	}
	return append(list, o), nil
}

func saying(err error, output string) string {
	text := "it ended and said nothing"
	if err != nil {
		text = err.Error()
	}
	if output = strings.TrimSpace(output); output != "" {
		text += ": " + output
	}
	return text
}

// environment is the image's, and the home that it names, which is made empty and writable: programs keep caches there.
func (t *Trial) environment() (env []string, at string) {
	env = slices.Clone(t.Env)
	for _, e := range env {
		if value, ok := strings.CutPrefix(e, home); ok && strings.HasPrefix(value, "/") {
			at = value
		}
	}
	if at == "" || at == "/" || at == "/tmp" {
		at = homeDir
		env = append(slices.DeleteFunc(env, func(e string) bool { return strings.HasPrefix(e, home) }), home+at)
	}
	return append(env, "PYTHONDONTWRITEBYTECODE=1"), at
}

var errForged = errors.New("a module wrote over the notes of what was imported")

// readNotes reads what the driver wrote: what is finished, and what was begun and not finished.
func readNotes(name string) (list []Outcome, current string, done bool, err error) {
	info, err := os.Lstat(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, "", false, nil
	}
	if err != nil {
		return nil, "", false, fmt.Errorf("reading what was imported: %w", err)
	}
	// What runs in the sandbox can put anything in its place, and is over by now.
	if !info.Mode().IsRegular() || info.Size() > maxNotes {
		return nil, "", false, errForged
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, "", false, fmt.Errorf("reading what was imported: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxNotes)
	for lines.Scan() {
		var n noted
		if json.Unmarshal(lines.Bytes(), &n) != nil {
			break // cut off by the end of the process
		}
		switch {
		case n.Begin != "":
			current = n.Begin
		case n.End != "":
			o := Outcome{Module: n.End, Result: Imported, Seconds: n.Seconds, Time: time.Duration(n.Seconds * float64(time.Second))}
			for _, r := range n.Chain {
				r.Raised.Bases, r.Raised.Because = r.Bases, r.Because
				o.Chain = append(o.Chain, r.Raised)
				o.Result = Failed
			}
			list, current = append(list, o), ""
		case n.Done:
			done = true
		}
	}
	return list, current, done, lines.Err()
}

// tail keeps the end of what is written.
type tail struct {
	kept bytes.Buffer
	most int
}

func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	if len(p) > t.most {
		p = p[len(p)-t.most:]
	}
	t.kept.Write(p)
	if over := t.kept.Len() - t.most; over > 0 {
		t.kept.Next(over)
	}
	return n, nil
}

// String is what was kept, as text.
func (t *tail) String() string { return strings.ToValidUTF8(t.kept.String(), "\uFFFD") }
