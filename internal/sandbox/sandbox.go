// Package sandbox runs a command in a folder as its root file system, apart from the machine: what builds source
// distributions and tries images is code of strangers.
//
// The command sees the folder read-only, folders that are mounted, its own /proc, /dev and an empty /tmp, and nothing else of
// the machine: no network but a loopback of its own, no other process, no environment but what is given. It has no
// capabilities and can gain none, is the user 1000 of the group 1000 on the machine "sandbox", and has no terminal. When it
// ends, or whoever runs it does, all its processes end, before Run returns.
//
// Bubblewrap does it, with user namespaces: nothing needs root. Limits of memory, processes and disk are kept by looking, 20
// times a second, and by limits of single processes; what exceeds them is killed. They protect a machine from mistakes and
// from the usual attacks. Memory that no process has in its address space (memfd_create(2)) is not counted; it is the sandbox that
// the kernel ends first where memory runs out. The kernel is the machine's: against holes of it there is no protection here.
//
// The package knows nothing of images, Python or builds.
package sandbox

import (
	"fmt"
	"io"
	"runtime"
	"syscall"
	"time"

	"github.com/envpack/envpack/internal/diag"
)

// Who and where a command is, in every sandbox.
const (
	UserID   = 1000
	GroupID  = 1000
	HostName = "sandbox"
)

// Mount is a folder or file that a command sees beside its root.
type Mount struct {
	Source   string // a folder or file of the machine; "": an empty folder in memory, which is writable
	Target   string // absolute path in the sandbox; need not be there in the root. Later mounts may be below earlier ones
	Writable bool
}

// Limits are of a whole sandbox. Zero is no limit.
type Limits struct {
	Time      time.Duration
	Memory    int64 // bytes of all processes and of the folders in memory
	Disk      int64 // bytes that writable mounts grow by, and output has; no single file may be longer
	Processes int   // at a time
}

// Command is what is run.
type Command struct {
	Root           string // the folder that is its root file system, which stays as it is
	Mounts         []Mount
	Args           []string // the program, by its path in the sandbox, or its name in PATH of Env; and its arguments
	Dir            string   // where it starts, in the sandbox; "": /
	Env            []string // NAME=VALUE; all that it gets
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Limits         Limits
}

// ExitError says that the command ran and did not end well.
type ExitError struct {
	Code   int            // 1 to 255; what shells say of a signal too: 128 and its number
	Signal syscall.Signal // what ended it, as far as its code says; 0: it ended by itself
}

// Error implements error.
func (e *ExitError) Error() string {
	if e.Signal != 0 {
		return fmt.Sprintf("ended by signal %d (%v)", int(e.Signal), e.Signal)
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

// LimitError says that the command was ended because it exceeded a limit.
type LimitError struct {
	What  string // "time", "memory", "disk" or "processes"
	Limit string // as people read it: "10m0s", "4.0 GiB", "512"
}

// Error implements error.
func (e *LimitError) Error() string {
	return fmt.Sprintf("exceeded the limit of %s: %s", e.What, e.Limit)
}

// Unavailable says that this machine has no sandbox.
type Unavailable struct {
	Why  string
	Hint string // what to do; "": nothing is known
}

// Error implements error.
func (e *Unavailable) Error() string { return "there is no sandbox here: " + e.Why }

// Unwrap has the hint printed where the error is.
func (e *Unavailable) Unwrap() error {
	if e.Hint == "" {
		return nil
	}
	return (&diag.Error{}).Hint("%s", e.Hint)
}

// Runs says whether this machine runs programs of a platform such as "linux/arm64" at all. The error is an *Unavailable.
func Runs(platform string) error {
	here := runtime.GOOS + "/" + runtime.GOARCH
	if platform == here {
		return nil
	}
	return &Unavailable{
		Why:  fmt.Sprintf("programs for %s do not run on %s", platform, here),
		Hint: fmt.Sprintf("lock on a machine with %s, or take the wheels that one has built from its cache repository", platform),
	}
}

// size is a number of bytes as people read it.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d bytes", n)
}
