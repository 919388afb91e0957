package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long the kernel may take to end processes that were killed.
const patience = 10 * time.Second

// Run runs c until it ends, ctx is done or a limit is exceeded. When it returns, no process of c is left.
//
// Errors: an *[ExitError]; a *[LimitError]; that of ctx; else one that says why there was nothing to run.
func (s *Sandbox) Run(ctx context.Context, c Command) error {
	if len(c.Args) == 0 {
		return errors.New("nothing to run in the sandbox")
	}
	// bwrap is told to end with its parent, which for the kernel is the thread that started it: it must live as long.
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		done <- s.run(ctx, c)
	}()
	return <-done
}

func (s *Sandbox) run(ctx context.Context, c Command) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	args, err := s.arguments(c)
	if err != nil {
		return err
	}
	w, err := newWatch(c)
	if err != nil {
		return err
	}
	if err := keepFiles(); err != nil {
		return fmt.Errorf("starting a sandbox: %w", err)
	}
	options, status, block, calls, closeAll, err := pipes()
	if err != nil {
		return fmt.Errorf("starting a sandbox: %w", err)
	}
	defer closeAll()

	early := &head{}
	cmd := exec.Command(s.bwrap, append([]string{"--args", "3", "--json-status-fd", "4", "--block-fd", "5", "--"}, c.Args...)...)
	cmd.Env = []string{}
	cmd.ExtraFiles = []*os.File{options.r, status.w, block.r, calls.r}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = patience
	if c.Stdin != nil {
		cmd.Stdin = struct{ io.Reader }{c.Stdin} // never a file of the machine itself
	}
	if c.Stdout != nil {
		cmd.Stdout = w.output(c.Stdout)
	}
	cmd.Stderr = w.output(io.MultiWriter(early, orDiscard(c.Stderr)))
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting a sandbox: %w", err)
	}
	options.r.Close()
	status.w.Close()
	block.r.Close()
	calls.r.Close()
	go func() {
		calls.w.Write(filter())
		calls.w.Close()
		io.WriteString(options.w, strings.Join(args, "\x00")+"\x00")
		options.w.Close()
	}()

	// What bwrap says: the process that is the first of the sandbox, and, if the command was reached, how it ended.
	said := json.NewDecoder(status.r)
	var first struct {
		Child int `json:"child-pid"`
	}
	if err := said.Decode(&first); err != nil || first.Child == 0 {
		cmd.Process.Kill()
		cmd.Wait()
		return fmt.Errorf("starting a sandbox: %s", early.text("bwrap said nothing"))
	}
	pid, err := unix.PidfdOpen(first.Child, 0)
	if err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		return fmt.Errorf("starting a sandbox: %s", early.text(err.Error()))
	}
	defer unix.Close(pid)
	if err := restrict(first.Child, c.Limits); err != nil {
		// It may have ended by now, because of what could not be mounted, and then bwrap has said so.
		cmd.Process.Kill()
		cmd.Wait()
		return fmt.Errorf("starting a sandbox: %s", early.text("limiting it: "+err.Error()))
	}
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Add(1)
	var why error
	go func() {
		defer watching.Done()
		if why = w.until(ctx, first.Child, stop); why != nil {
			unix.PidfdSendSignal(pid, unix.SIGKILL, nil, 0)
		}
	}()
	block.w.Write([]byte{1})
	block.w.Close()

	var last struct {
		Code *int `json:"exit-code"`
	}
	said.Decode(&last) // until bwrap has ended
	err = cmd.Wait()
	close(stop)
	watching.Wait()
	if gone := ended(pid); gone != nil {
		return gone
	}
	return verdict(ctx, why, w.exceeded(), last.Code, err, early)
}

// verdict is what came of a command.
func verdict(ctx context.Context, why, full error, code *int, waited error, early *head) error {
	switch {
	case why != nil:
		return why
	case full != nil:
		return full
	case ctx.Err() != nil:
		return ctx.Err()
	case code == nil:
		return fmt.Errorf("starting a sandbox: %s", early.text(fmt.Sprintf("bwrap: %v", waited)))
	case *code != 0:
		e := &ExitError{Code: *code}
		if *code > 128 && *code <= 128+64 {
			e.Signal = syscall.Signal(*code - 128)
		}
		return e
	}
	var exit *exec.ExitError
	if waited != nil && !errors.As(waited, &exit) {
		return fmt.Errorf("reading from a sandbox: %w", waited)
	}
	return nil
}

// ended waits until the first process of a sandbox, and so all of them, are gone: bwrap ends before them.
func ended(pid int) error {
	unix.PidfdSendSignal(pid, unix.SIGKILL, nil, 0)
	polled := []unix.PollFd{{Fd: int32(pid), Events: unix.POLLIN}}
	for range 100 {
		n, err := unix.Poll(polled, int(patience.Milliseconds()/100))
		if n > 0 {
			return nil
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("waiting for the end of a sandbox: %w", err)
		}
	}
	return fmt.Errorf("processes of the sandbox did not end within %v of being killed", patience)
}

// arguments are the options for bwrap.
func (s *Sandbox) arguments(c Command) ([]string, error) {
	args := append([]string(nil), separate...)
	if s.has["--disable-userns"] {
		args = append(args, "--disable-userns")
	}
	laid, err := s.layout(c)
	if err != nil {
		return nil, err
	}
	args = append(args, laid...)
	dir := c.Dir
	if dir == "" {
		dir = "/"
	}
	args = append(args, "--chdir", dir)
	if len(filter()) > 0 {
		args = append(args, "--seccomp", "6")
	}
	for _, e := range c.Env {
		name, value, ok := strings.Cut(e, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("%q sets no variable of the environment", e)
		}
		args = append(args, "--setenv", name, value)
	}
	for _, a := range args {
		if strings.ContainsRune(a, 0) {
			return nil, fmt.Errorf("%q has a byte 0, which no argument can have", a)
		}
	}
	return args, nil
}

// keepFiles has no file that this process was started with passed on: a folder among them would be a way out of the
// sandbox. What Go opens is never passed on.
func keepFiles() error {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, f := range open {
		if n, err := strconv.Atoi(f.Name()); err == nil && n > 2 {
			unix.CloseOnExec(n)
		}
	}
	return nil
}

// restrict sets the limits of single processes, which all of the sandbox inherit from the first.
func restrict(pid int, l Limits) error {
	set := func(resource int, limit uint64) error {
		return unix.Prlimit(pid, resource, &unix.Rlimit{Cur: limit, Max: limit}, nil)
	}
	err := set(unix.RLIMIT_CORE, 0)
	if err == nil && l.Disk > 0 {
		err = set(unix.RLIMIT_FSIZE, uint64(l.Disk))
	}
	if err == nil && l.Memory > 0 {
		// Libraries reserve more than they use, such as stacks of threads.
		err = set(unix.RLIMIT_DATA, 2*uint64(l.Memory)+2<<30)
	}
	if err != nil {
		return err
	}
	// Where the kernel is out of memory, it is to end the sandbox and not what runs it. It is no more than a wish.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("1000"), 0)
	return nil
}

// pipe is a pipe, of which both ends are files of this process.
type pipe struct{ r, w *os.File }

// pipes makes those that bwrap is spoken to by.
func pipes() (options, status, block, calls pipe, closeAll func(), err error) {
	all := []*pipe{&options, &status, &block, &calls}
	closeAll = func() {
		for _, p := range all {
			p.r.Close()
			p.w.Close()
		}
	}
	for _, p := range all {
		if p.r, p.w, err = os.Pipe(); err != nil {
			closeAll()
			return
		}
	}
	return
}

// head keeps the beginning of what is written, for where the command was not reached and bwrap says why.
type head struct{ kept bytes.Buffer }

func (h *head) Write(p []byte) (int, error) {
	if room := 2048 - h.kept.Len(); room > 0 {
		h.kept.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// text is what was kept in one line, or a text for where nothing was.
func (h *head) text(none string) string {
	if said := strings.TrimSpace(h.kept.String()); said != "" {
		return strings.ReplaceAll(said, "\n", "; ")
	}
	return none
}

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}
