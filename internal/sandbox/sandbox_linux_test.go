package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/testenv"
	"golang.org/x/sys/unix"
)

// root makes a root file system whose programs are the machine's, and the mount that it takes.
func root(t *testing.T) (string, Mount) {
	t.Helper()
	testenv.Tool(t, "bwrap")
	dir := t.TempDir()
	for _, name := range []string{"bin", "lib", "lib64", "sbin"} {
		if err := os.Symlink("usr/"+name, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"etc/os-release": "of the image\n", "opt/env/lib/x.py": "x\n"} {
		write(t, filepath.Join(dir, name), text)
	}
	return dir, Mount{Source: "/usr", Target: "/usr"}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// sh runs a script of the shell, and gives what it printed.
func sh(t *testing.T, script string, change func(*Command)) (string, error) {
	t.Helper()
	dir, usr := root(t)
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	var out, said bytes.Buffer // each has a pipe of its own
	c := Command{
		Root: dir, Mounts: []Mount{usr}, Args: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"},
		Stdout: &out, Stderr: &said, Limits: Limits{Time: time.Minute, Memory: 1 << 30, Disk: 64 << 20, Processes: 100},
	}
	if change != nil {
		change(&c)
	}
	err = s.Run(t.Context(), c)
	return out.String() + said.String(), err
}

func TestSees(t *testing.T) {
	t.Setenv("ENVPACK_TEST_SECRET", "hunter2")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	secret := filepath.Join(t.TempDir(), "secret")
	write(t, secret, "hunter2")
	// What this process was given, programs that it starts would get too.
	for range 3 {
		given, err := unix.Open("/", unix.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(given)
	}

	for _, test := range []struct{ name, script, want string }{
		{"its own root", "cat /etc/os-release /opt/env/lib/x.py; ls -m /", "of the image\nx\nbin, dev, etc, lib, lib64, opt, proc, sbin, tmp, usr\n"},
		{"nobody's rights", "id -u; id -g; grep CapEff /proc/self/status; grep NoNewPrivs /proc/self/status", "1000\n1000\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\n"},
		{"a name of its own", "cat /proc/sys/kernel/hostname", "sandbox\n"},
		{"no environment", "env -u A | sort", "PATH=/usr/bin:/bin\nPWD=/\n"},
		{"values as they are", "printf %s \"$A\"", "a b=c\nd"},
		{"no file of the machine", "cat " + secret + " || ls " + filepath.Dir(secret), fmt.Sprintf("cat: %s: No such file or directory\nls: cannot access '%s': No such file or directory\n", secret, filepath.Dir(secret))},
		{"no process of the machine", "set -- /proc/[0-9]*; test $# -le 3 && echo few; test -e /proc/1/environ && cat /proc/1/environ | wc -c", "few\n0\n"},
		{"no file that was open", "ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 "},
		{"no network", "grep -c eth /proc/net/dev; cat /proc/net/route | wc -l; bash -c 'echo > /dev/tcp/127.0.0.1/" + fmt.Sprint(listener.Addr().(*net.TCPAddr).Port) + "' 2>&1 | grep -o refused | sort -u", "0\n1\nrefused\n"},
		{"no terminal", "cat < /dev/tty 2>&1 | grep -o 'such device'; ps -o tty= -p $$ 2>/dev/null || true", ""},
		{"nothing to write", "for f in /x /usr/x /etc/os-release /opt/env/x /dev/x /opt/x; do (echo > $f) 2>/dev/null && echo $f; done; echo y > /tmp/x && cat /tmp/x", "y\n"},
		{"no user namespace", "unshare -U true 2>/dev/null && echo yes || echo no", "no\n"},
		{"memory that is shared", "echo x > /dev/shm/x && cat /dev/shm/x", "x\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := sh(t, test.script, func(c *Command) { c.Env = append(c.Env, "A=a b=c\nd") })
			if err != nil && !strings.Contains(test.script, secret) {
				t.Fatal(err, got)
			}
			if test.name == "no terminal" {
				if strings.Contains(got, "pts") {
					t.Errorf("has a terminal: %s", got)
				}
				return
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestCalls makes calls of the kernel that are refused, and one that is not.
func TestCalls(t *testing.T) {
	python := "/usr/bin/python3"
	if _, err := os.Stat(python); err != nil && testenv.All() {
		t.Fatal(err)
	} else if err != nil || len(filter()) == 0 {
		t.Skip("needs python3 in /usr, and a processor that there is a filter for")
	}
	script := "import ctypes, sys\nc = ctypes.CDLL(None, use_errno=True)\nfor n in sys.argv[1:]:\n    c.syscall(int(n), 0, 0, 0, 0, 0)\n    print(ctypes.get_errno())\n"
	args := []string{python, "-c", script}
	want := ""
	for _, n := range refused {
		args = append(args, fmt.Sprint(n))
		want += fmt.Sprintln(int(unix.ENOSYS))
	}
	args = append(args, fmt.Sprint(unix.SYS_CLOSE))
	got, err := sh(t, "", func(c *Command) { c.Args = args })
	if err != nil || strings.TrimSuffix(got, "0\n") != want && got != want+fmt.Sprintln(int(unix.ENOSYS)) {
		t.Errorf("%v: got %q", err, got)
	}
}

func TestMounts(t *testing.T) {
	out, in := t.TempDir(), t.TempDir()
	write(t, filepath.Join(in, "sub/file"), "read me")
	mounts := []Mount{
		{Source: out, Target: "/build/out", Writable: true},
		{Source: in, Target: "/opt/env/in"},
		{Source: filepath.Join(in, "sub/file"), Target: "/etc/file"},
		{Target: "/opt/scratch"},
	}
	got, err := sh(t, "pwd; cat /opt/env/in/sub/file /etc/file /opt/env/lib/x.py /etc/os-release; echo done > x; cp x /opt/scratch; touch /opt/env/in/y /etc/y /opt/y", func(c *Command) {
		c.Mounts = append(c.Mounts, mounts...)
		c.Dir = "/build/out"
	})
	var exit *ExitError
	if !errors.As(err, &exit) || strings.Count(got, "Read-only file system") != 3 {
		t.Errorf("%v: %s", err, got)
	}
	if !strings.HasPrefix(got, "/build/out\nread meread mex\nof the image\n") {
		t.Errorf("got %q", got)
	}
	if data, err := os.ReadFile(filepath.Join(out, "x")); err != nil || string(data) != "done\n" {
		t.Errorf("%q, %v", data, err)
	}
	if entries, _ := os.ReadDir(in); len(entries) != 1 {
		t.Error("the folder that is only read was changed", entries)
	}

	for _, test := range []struct{ target, want string }{
		{"relative", "no place for a mount"},
		{"/", "no place for a mount"},
		{"/a/../b", "no place for a mount"},
		{"/proc/sys", "the sandbox's own"},
		{"/dev", "the sandbox's own"},
		{"/lib/python", "/lib is a symbolic link to usr/lib"},
		{"/usr", "two mounts"},
	} {
		_, err := sh(t, "true", func(c *Command) { c.Mounts = append(c.Mounts, Mount{Source: in, Target: test.target}) })
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.target, err)
		}
	}
	if _, err := sh(t, "true", func(c *Command) { c.Mounts = append(c.Mounts, Mount{Source: in + "/none", Target: "/x"}) }); err == nil || !strings.Contains(err.Error(), in+"/none") {
		t.Errorf("a source that is not there: %v", err)
	}
}

// TestLinksOfRoot has a root that would lead mounts out of it.
func TestLinksOfRoot(t *testing.T) {
	victim := t.TempDir()
	got, err := sh(t, "echo x > /tmp/x; cat /tmp/x; echo y > /out/y; cat /out/y", func(c *Command) {
		for _, name := range []string{"tmp", "proc", "dev", "out"} {
			if err := os.Symlink(victim, filepath.Join(c.Root, name)); err != nil {
				t.Fatal(err)
			}
		}
		c.Mounts = append(c.Mounts, Mount{Target: "/out"})
	})
	if err != nil || got != "x\ny\n" {
		t.Errorf("%q, %v", got, err)
	}
	if entries, _ := os.ReadDir(victim); len(entries) > 0 {
		t.Error("written outside:", entries)
	}
}

func TestEnds(t *testing.T) {
	for _, test := range []struct {
		script string
		code   int
		signal syscall.Signal
		said   string
	}{
		{"exit 3", 3, 0, "exit status 3"},
		{"kill -SEGV $$", 139, syscall.SIGSEGV, "ended by signal 11 (segmentation fault)"},
		{"exit 255", 255, 0, "exit status 255"},
	} {
		_, err := sh(t, test.script, nil)
		var exit *ExitError
		if !errors.As(err, &exit) || exit.Code != test.code || exit.Signal != test.signal || exit.Error() != test.said {
			t.Errorf("%s: %v", test.script, err)
		}
	}
	if _, err := sh(t, "true", func(c *Command) { c.Dir = "/none" }); err == nil || !strings.Contains(err.Error(), "/none") {
		t.Errorf("a folder that is not there: %v", err)
	}
	got, err := sh(t, "cat", func(c *Command) { c.Stdin = strings.NewReader("given") })
	if err != nil || got != "given" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestLimits(t *testing.T) {
	out := t.TempDir()
	for _, test := range []struct {
		name, script, want string
		change             func(*Limits)
	}{
		{"time", "sleep 60", "time: 300ms", func(l *Limits) { l.Time = 300 * time.Millisecond }},
		{"a time that catches signals", "trap '' TERM INT HUP; sleep 60 & sleep 60", "time: 300ms", func(l *Limits) { l.Time = 300 * time.Millisecond }},
		{"memory of one", "tail /dev/zero", "memory: 100.0 MiB", func(l *Limits) { l.Memory = 100 << 20 }},
		{"memory of many", "for i in 1 2 3 4 5 6; do (x=$(head -c 30000000 /dev/zero | tr '\\0' a); sleep 20; :) & done; wait", "memory: 100.0 MiB", func(l *Limits) { l.Memory = 100 << 20 }},
		{"memory that is a folder", "head -c 90000000 /dev/zero > /tmp/a; head -c 90000000 /dev/zero > /dev/shm/a; sleep 20", "memory: 100.0 MiB", func(l *Limits) { l.Memory, l.Disk = 100<<20, 0 }},
		{"processes", "for i in $(seq 100); do sleep 30 & done; wait", "processes: 40", func(l *Limits) { l.Processes = 40 }},
		{"disk of many files", "i=0; while true; do i=$((i+1)); head -c 1000000 /dev/zero > /out/$i; done", "disk: 20.0 MiB", func(l *Limits) { l.Disk = 20 << 20 }},
		{"disk of empty files", "cd /out; while true; do i=$((i+1)); > e$i; done", "disk: 2.0 MiB", func(l *Limits) { l.Disk = 2 << 20 }},
		{"output", "cat /dev/zero", "disk: 1.0 MiB", func(l *Limits) { l.Disk = 1 << 20 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			began := time.Now()
			got, err := sh(t, test.script, func(c *Command) {
				c.Mounts = append(c.Mounts, Mount{Source: out, Target: "/out", Writable: true})
				test.change(&c.Limits)
			})
			var limit *LimitError
			if !errors.As(err, &limit) || limit.Error() != "exceeded the limit of "+test.want {
				t.Errorf("%v: %.200s", err, got)
			}
			if len(got) > 1<<20 {
				t.Errorf("%d bytes of output", len(got))
			}
			if d := time.Since(began); d > 20*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
	// One file ends by the kernel's limit.
	got, err := sh(t, "head -c 100000000 /dev/zero > /out/one", func(c *Command) {
		c.Mounts = append(c.Mounts, Mount{Source: out, Target: "/out", Writable: true})
		c.Limits.Disk = 10 << 20
	})
	if info, _ := os.Stat(filepath.Join(out, "one")); err == nil || info.Size() > 10<<20 {
		t.Errorf("%v %s", err, got)
	}
}

// TestNothingIsLeft looks for processes that a command leaves behind, in whichever way it ends.
func TestNothingIsLeft(t *testing.T) {
	for _, test := range []struct {
		name, script string
		cancel       bool
	}{
		{"ends", "setsid sh -c 'sleep 1000; echo late' >/dev/null 2>&1 & echo started", false},
		{"fails", "(sleep 1000 &) ; echo started; exit 1", false},
		{"interrupted", "sleep 1000 & echo started; wait", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			mark := fmt.Sprintf("ENVPACK_TEST_MARK=%d-%s", os.Getpid(), test.name)
			dir, usr := root(t)
			s, err := New()
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			started := &waiter{want: "started", seen: make(chan struct{})}
			if test.cancel {
				go func() { <-started.seen; cancel() }()
			}
			err = s.Run(ctx, Command{Root: dir, Mounts: []Mount{usr}, Args: []string{"/bin/sh", "-c", test.script}, Env: []string{mark, "PATH=/usr/bin"}, Stdout: started})
			if test.cancel && !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			if left := withMark(t, mark); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

type waiter struct {
	want string
	seen chan struct{}
	done bool
}

func (w *waiter) Write(p []byte) (int, error) {
	if !w.done && strings.Contains(string(p), w.want) {
		w.done = true
		close(w.seen)
	}
	return len(p), nil
}

// withMark are the command lines of processes that have a variable of the environment.
func withMark(t *testing.T, mark string) []string {
	t.Helper()
	var found []string
	names, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, _ := os.ReadFile(name)
		if slices.Contains(strings.Split(string(data), "\x00"), mark) {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(name), "cmdline"))
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

func TestUnavailable(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := New()
	var u *Unavailable
	if !errors.As(err, &u) || !strings.Contains(u.Hint, "bubblewrap") {
		t.Errorf("got %v", err)
	}
	if hints := diag.HintsOf(fmt.Errorf("building x: %w", err)); len(hints) != 1 || hints[0] != u.Hint {
		t.Errorf("hints %q", hints)
	}
	if Runs("linux/amd64") == nil && Runs("linux/arm64") == nil {
		t.Error("both run here")
	}
}
