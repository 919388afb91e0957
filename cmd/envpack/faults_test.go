package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
)

// faults is a project that is built again and again while something goes wrong.
type faults struct {
	*world
	ts     *testscript.TestScript
	random *rand.Rand
	env    []string
	digest string // of the image
	said   string
	lock   string            // its text, sealed
	files  map[string]string // the lock's files, by hash
	served []string          // beginnings of paths whose answers are changed
}

// rounds is how many of so many are run: all only if all tests are asked for.
func rounds(ts *testscript.TestScript, text string) int {
	n := number(ts, text)
	switch {
	case testenv.All():
		return n
	case testing.Short():
		return max(2, n/50)
	}
	return max(4, n/12)
}

func (w *world) newFaults(ts *testscript.TestScript) *faults {
	seed := uint64(15)
	if text := os.Getenv("ENVPACK_TEST_SEED"); text != "" {
		seed = uint64(number(ts, text))
	}
	f := &faults{world: w, ts: ts, random: rand.New(rand.NewPCG(seed, 6)), files: map[string]string{}}
	for _, name := range []string{
		"PATH", "HOME", "USERPROFILE", "APPDATA", "XDG_CONFIG_DIRS", "PIP_CONFIG_FILE", "ENVPACK_CACHE", "GORACE", "TMPDIR", "TMP", "SystemRoot",
	} {
		if value := ts.Getenv(name); value != "" {
			f.env = append(f.env, name+"="+value)
		}
	}
	return f
}

func (f *faults) path(name string) string { return f.ts.MkAbs(name) }

// command is an envpack that runs in the script's folder.
func (f *faults) command(args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	cmd = exec.Command("envpack", args...)
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = f.path("."), f.env, stdout, stderr
	return cmd, stdout, stderr
}

// run runs it to its end.
func (f *faults) run(args ...string) (code int, stdout, stderr string) {
	cmd, out, errs := f.command(args...)
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		f.ts.Check(err)
	}
	return code, strings.TrimSpace(out.String()), errs.String()
}

// must runs a build that has to come to the image's digest, if that is known.
func (f *faults) must(what string, args ...string) {
	code, out, errs := f.run(args...)
	if code != 0 || f.digest != "" && out != f.digest {
		f.ts.Fatalf("%s: envpack %s: exit status %d, %q instead of %q\n%s", what, strings.Join(args, " "), code, out, f.digest, errs)
	}
	f.digest = out
}

func (f *faults) remove(names ...string) {
	for _, name := range names {
		f.ts.Check(os.RemoveAll(f.path(name)))
	}
}

// learn notes the lock and its files.
func (f *faults) learn() {
	text, err := os.ReadFile(f.path("envpack.lock"))
	f.ts.Check(err)
	f.lock = string(text)
	l, err := lockfile.Read(f.path("envpack.lock"))
	f.ts.Check(err)
	for _, p := range l.Packages {
		for _, file := range p.Files {
			f.files[file.SHA256] = "/files/" + file.Name
		}
	}
	for _, d := range l.Base.Debs {
		f.files[d.SHA256] = "/" + d.Archive + "/" + d.Path
	}
}

// whole are the hashes of the store's blobs, each of which must be whole; and so must a lock and an image be that are there.
func (f *faults) whole(what string) []string {
	var complete []string
	for _, root := range []string{".store/blobs/sha256", "image/blobs/sha256"} {
		err := filepath.WalkDir(f.path(root), func(name string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) || err == nil && d.IsDir() {
				return nil
			}
			if err != nil {
				return err
			}
			if len(d.Name()) != 64 { // one being written
				return nil
			}
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			sum := sha256.Sum256(data)
			if got := hex.EncodeToString(sum[:]); got != d.Name() {
				return fmt.Errorf("%s: %s has the hash %s", what, name, got)
			}
			if root[0] == '.' {
				complete = append(complete, d.Name())
			}
			return nil
		})
		f.ts.Check(err)
	}
	if text, err := os.ReadFile(f.path("envpack.lock")); err == nil {
		if unsealed, _, _ := strings.Cut(f.lock, "\n[[seal]]"); string(text) != f.lock && string(text) != unsealed {
			f.ts.Fatalf("%s: the lock is another, or half of one:\n%s", what, text)
		}
	}
	if text, err := os.ReadFile(f.path("image/index.json")); err == nil && !strings.Contains(string(text), f.digest) {
		f.ts.Fatalf("%s: the image is another:\n%s", what, text)
	}
	return complete
}

// kills makes, writes and pushes an image from nothing, kills the process at a random moment, and lets the next one go on: it must
// come to the same image, and ask for no file that was complete. N is how many times.
func (w *world) kills(ts *testscript.TestScript, args []string) {
	arguments(ts, args, "N")
	f := w.newFaults(ts)
	n := rounds(ts, args[0])
	build := func(round int) []string {
		return []string{"build", "-o", "oci:image", "--push", "--tag", fmt.Sprintf("%s/team/round%d", ts.Getenv("REGISTRY"), round)}
	}
	begin := time.Now()
	f.must("at first", build(0)...)
	took := time.Since(begin)
	f.learn()
	before, found, sealed := 0, 0, 0
	for round := 1; round <= n; round++ {
		f.remove(".store", "envpack.lock", "image")
		what := fmt.Sprintf("round %d", round)
		cmd, _, _ := f.command(build(round)...)
		ts.Check(cmd.Start())
		time.Sleep(time.Duration(f.random.Int64N(int64(took))))
		ts.Check(errors.Join(ignoreDone(cmd.Process.Kill())))
		if cmd.Wait() != nil {
			before++
		}
		complete := f.whole(what)
		found += len(complete)
		if _, err := os.Stat(f.path("envpack.lock")); err == nil {
			sealed++
		}
		f.packages.Forget()
		f.mu.Lock()
		f.asked = nil
		f.mu.Unlock()
		begin := time.Now()
		f.must(what, build(round)...)
		took = (took + time.Since(begin)) / 2 // the machine may have become busy, or less so
		f.whole(what)
		f.mu.Lock()
		asked := slices.Clone(f.asked)
		f.mu.Unlock()
		for _, r := range f.packages.Requests() {
			asked = append(asked, r.Path)
		}
		for _, sum := range complete {
			if path := f.files[sum]; path != "" && slices.Contains(asked, path) {
				ts.Fatalf("%s: %s was complete and is downloaded again", what, path)
			}
		}
		text, err := os.ReadFile(f.path("envpack.lock"))
		ts.Check(err)
		if string(text) != f.lock {
			ts.Fatalf("%s: the lock is another:\n%s", what, text)
		}
		if code, out, errs := f.run("cache", "verify"); code != 0 {
			ts.Fatalf("%s: cache verify: %s%s", what, out, errs)
		}
		if code, out, errs := f.run("inspect", "--files", fmt.Sprintf("%s/team/round%d", ts.Getenv("REGISTRY"), round)); code != 0 {
			ts.Fatalf("%s: what was pushed is not whole: %s%s", what, out, errs)
		}
	}
	ts.Logf("%d of %d were killed before their end; they left %d files complete, and %d locks", before, n, found, sealed)
	if before < n/2 {
		ts.Fatalf("only %d of %d were killed before their end", before, n)
	}
}

func ignoreDone(err error) error {
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// flipping has one bit of what a server sends be another.
type flipping struct {
	prefix string // of the path
	after  int    // so many answers
	bit    uint64
	path   string // whose answer it was
}

// flip writes the answer of a handler with a bit changed, if it is its turn.
func (w *world) flip(next http.HandlerFunc) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		turn := false
		if f := w.flipping; f != nil && f.path == "" && strings.HasPrefix(r.URL.Path, f.prefix) {
			f.after--
			turn = f.after < 0
		}
		w.mu.Unlock()
		if !turn {
			next(rw, r)
			return
		}
		answer := httptest.NewRecorder()
		next(answer, r)
		body := answer.Body.Bytes()
		if len(body) > 0 {
			w.mu.Lock()
			bit := w.flipping.bit % uint64(len(body)*8)
			body[bit/8] ^= 1 << (bit % 8)
			w.flipping.path = r.URL.Path
			w.mu.Unlock()
		}
		for name, values := range answer.Header() {
			rw.Header()[name] = values
		}
		rw.WriteHeader(answer.Code)
		rw.Write(body)
	}
}

// flipFile changes a bit of a file, and gives a function that undoes that.
func (f *faults) flipFile(name string) (bit int, undo func()) {
	data, err := os.ReadFile(name)
	f.ts.Check(err)
	whole := bytes.Clone(data)
	bit = f.random.IntN(len(data) * 8)
	data[bit/8] ^= 1 << (bit % 8)
	info, err := os.Stat(name)
	f.ts.Check(err)
	f.ts.Check(os.WriteFile(name, data, info.Mode().Perm()))
	return bit, func() {
		f.ts.Check(os.MkdirAll(filepath.Dir(name), 0o755))
		f.ts.Check(os.WriteFile(name, whole, 0o644))
	}
}

// pick is one of the files that match.
func (f *faults) pick(pattern string) string {
	files, err := filepath.Glob(f.path(pattern))
	f.ts.Check(err)
	if len(files) == 0 {
		f.ts.Fatalf("no file is called %s", pattern)
	}
	return files[f.random.IntN(len(files))]
}

// attempt builds with the lock as it is, into a folder: no other digest may come out, and nothing be written where none does.
func (f *faults) attempt(what string, args ...string) (ok bool) {
	f.remove("out")
	code, out, errs := f.run(append([]string{"build", "-o", "oci:out"}, args...)...)
	f.said = errs
	_, err := os.Stat(f.path("out/index.json"))
	switch {
	case code == 0 && out != f.digest:
		f.ts.Fatalf("%s: another image came out, %s\n%s", what, out, errs)
	case code != 0 && err == nil:
		f.ts.Fatalf("%s: exit status %d, and an image was written\n%s", what, code, errs)
	case code != 0 && !strings.HasPrefix(errs[strings.LastIndex("\n"+errs, "\nenvpack: "):], "envpack: "):
		f.ts.Fatalf("%s: exit status %d without an error\n%s", what, code, errs)
	case code == 0:
		if code, out, errs := f.run("inspect", "--files", "oci:out"); code != 0 {
			f.ts.Fatalf("%s: what was written is not whole: %s%s", what, out, errs)
		}
	}
	return code == 0
}

// flips changes a random bit in the store, the lock, a begun download, or what a server sends, and builds: the digest is right or
// there is an error; and the next build, with the lock and servers as they were, repairs the store. N is how many times; the prefixes
// are of paths whose answers are changed.
func (w *world) flips(ts *testscript.TestScript, args []string) {
	if len(args) < 2 {
		ts.Fatalf("want N PREFIX...")
	}
	f := w.newFaults(ts)
	f.served = args[1:]
	f.must("at first", "build", "-o", "oci:out")
	f.learn()
	kinds := []func(what string) string{f.flipStore, f.flipCold, f.flipNote, f.flipLock, f.flipPartial, f.flipAnswer}
	refused := 0
	for round := range rounds(ts, args[0]) {
		what := fmt.Sprintf("round %d", round)
		if f.flipKind(what, kinds[round%len(kinds)]) {
			refused++
		}
	}
	ts.Logf("%d were refused, all others repaired at once", refused)
}

// flipKind has something be changed, and everything right again afterwards.
func (f *faults) flipKind(what string, change func(what string) string) (refused bool) {
	what = change(what)
	refused = strings.HasPrefix(what, "refused ")
	f.mu.Lock()
	f.flipping = nil
	f.mu.Unlock()
	f.ts.Check(os.WriteFile(f.path("envpack.lock"), []byte(f.lock), 0o644))
	if !f.attempt(what+", then", "--locked") {
		f.ts.Fatalf("%s: the next build does not repair it\n%s", what, f.said)
	}
	// What no build needs is found by looking at everything.
	if code, _, _ := f.run("cache", "verify"); code != 0 {
		if code, out, errs := f.run("cache", "verify", "--remove"); code != 6 || out == "" {
			f.ts.Fatalf("%s: exit status %d: %s%s", what, code, out, errs)
		}
		if code, out, errs := f.run("cache", "verify"); code != 0 {
			f.ts.Fatalf("%s: not repaired: exit status %d: %s%s", what, code, out, errs)
		}
	}
	if strings.Contains(what, "/simple/") { // what an index said over plain http is believed as long as pages are
		f.remove(".store/memo/index-page")
	}
	if code, out, errs := f.run("lock", "--refresh"); code != 0 {
		f.ts.Fatalf("%s: locking again: exit status %d: %s%s", what, code, out, errs)
	}
	if text, err := os.ReadFile(f.path("envpack.lock")); err != nil || string(text) != f.lock {
		f.ts.Fatalf("%s: the lock became another: %v\n%s", what, err, text)
	}
	return refused
}

// tried says what was tried, and whether it was refused.
func tried(ok bool, what string) string {
	if !ok {
		return "refused " + what
	}
	return what
}

func (f *faults) flipStore(what string) string {
	name := f.pick(".store/blobs/sha256/*/*")
	bit, _ := f.flipFile(name)
	what = fmt.Sprintf("%s, bit %d of %s", what, bit, name)
	if !f.attempt(what, "--locked") {
		f.ts.Fatalf("%s: it was not repaired, though everything can be fetched again\n%s", what, f.said)
	}
	return what
}

// flipCold flips a bit of a blob where nothing is remembered, so that everything is read.
func (f *faults) flipCold(what string) string {
	f.remove(".store/memo")
	return f.flipStore(what)
}

func (f *faults) flipNote(what string) string {
	kind := f.pick(".store/memo/*")
	name := f.pick(filepath.Join(".store", "memo", filepath.Base(kind), "*", "*"))
	bit, _ := f.flipFile(name)
	what = fmt.Sprintf("%s, bit %d of %s", what, bit, name)
	if !f.attempt(what, "--locked") {
		f.ts.Fatalf("%s: a damaged note has to count as none\n%s", what, f.said)
	}
	return what
}

func (f *faults) flipLock(what string) string {
	bit, _ := f.flipFile(f.path("envpack.lock"))
	what = fmt.Sprintf("%s, bit %d of the lock, byte %q", what, bit, f.lock[max(0, bit/8-20):min(len(f.lock), bit/8+20)])
	return tried(f.attempt(what, "--locked"), what)
}

// flipPartial has half of a wheel in the store, with a bit flipped.
func (f *faults) flipPartial(what string) string {
	var sums []string
	for sum, file := range f.files {
		if strings.HasSuffix(file, ".whl") {
			sums = append(sums, sum)
		}
	}
	slices.Sort(sums)
	sum := sums[f.random.IntN(len(sums))]
	data, err := os.ReadFile(f.path(".store/blobs/sha256/" + sum[:2] + "/" + sum))
	f.ts.Check(err)
	f.remove(".store/blobs/sha256/"+sum[:2]+"/"+sum, ".store/memo/recipe")
	part := data[:1+f.random.IntN(len(data)-1)]
	bit := f.random.IntN(len(part) * 8)
	part[bit/8] ^= 1 << (bit % 8)
	f.ts.Check(os.MkdirAll(f.path(".store/partial"), 0o755))
	f.ts.Check(os.WriteFile(f.path(".store/partial/"+sum), part, 0o644))
	what = fmt.Sprintf("%s, bit %d of the %d bytes there are of %s", what, bit, len(part), f.files[sum])
	if !f.attempt(what, "--locked") {
		f.ts.Fatalf("%s: it was not repaired, though everything can be fetched again\n%s", what, f.said)
	}
	return what
}

// flipAnswer has a server send a wrong bit to a machine with an empty store. What promises hashes without being signed, the
// pages of an index and the tags of a registry, is only looked at where the lock has these already.
func (f *faults) flipAnswer(what string) string {
	prefix := f.served[f.random.IntN(len(f.served))]
	after := f.random.IntN(3)
	f.remove(".store")
	args := []string{"--locked"}
	if prefix != "/simple/" && prefix != "/v2/" && f.random.IntN(2) == 0 {
		f.remove("envpack.lock")
		args = nil
	}
	f.mu.Lock()
	f.flipping = &flipping{prefix: prefix, after: after, bit: f.random.Uint64()}
	f.mu.Unlock()
	ok := f.attempt(fmt.Sprintf("%s, below %s after %d answers", what, prefix, after), args...)
	f.mu.Lock()
	what = fmt.Sprintf("%s, a bit of what %s answered, %q", what, f.flipping.path, args)
	f.mu.Unlock()
	return tried(ok, what)
}
