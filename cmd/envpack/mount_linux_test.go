package main

import (
	"fmt"
	"os"
	"syscall"
)

// mount puts an empty file system of so many bytes on dir. It needs root.
func mount(dir string, bytes int) (unmount func(), err error) {
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		return nil, os.NewSyscallError("mount", err)
	}
	return func() { syscall.Unmount(dir, syscall.MNT_DETACH) }, nil
}

// pause holds a process until resume, or a signal that kills it.
func pause(p *os.Process)  { p.Signal(syscall.SIGSTOP) }
func resume(p *os.Process) { p.Signal(syscall.SIGCONT) }
