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

// mountReadOnly puts dir onto itself without the right to write. It needs root.
func mountReadOnly(dir string) (unmount func(), err error) {
	if err := syscall.Mount(dir, dir, "", syscall.MS_BIND, ""); err != nil {
		return nil, os.NewSyscallError("mount", err)
	}
	unmount = func() { syscall.Unmount(dir, syscall.MNT_DETACH) }
	if err := syscall.Mount("", dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		unmount()
		return nil, os.NewSyscallError("mount", err)
	}
	return unmount, nil
}

// pause holds a process until resume, or a signal that kills it.
func pause(p *os.Process)  { p.Signal(syscall.SIGSTOP) }
func resume(p *os.Process) { p.Signal(syscall.SIGCONT) }
