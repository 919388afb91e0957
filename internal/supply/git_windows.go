package supply

import (
	"os/exec"
	"syscall"
)

// alone takes a command's console away, on which it could ask a person.
func alone(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: 0x08000000} // CREATE_NO_WINDOW
}
