//go:build unix

package supply

import (
	"os/exec"
	"syscall"
)

// alone gives a command a session of its own. It has no terminal then that it, or what it starts, could ask a person on, and
// all of them are ended together.
func alone(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
