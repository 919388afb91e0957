package sandbox

import (
	"bytes"
	"encoding/binary"
	"runtime"

	"golang.org/x/sys/unix"
)

// refused are calls of the kernel that no build or import needs: keys are no namespace's, so that those of the user could be read;
// and the others have been ways out of sandboxes again and again.
var refused = []uint32{
	unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
}

// machines are the processors that a filter is made for, as the kernel numbers them.
var machines = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}

// filter is the program (seccomp(2)) by which the kernel answers the refused calls as if it did not have them, and likewise all calls in
// the way of another processor. Empty: none is made for this one.
func filter() []byte {
	machine, ok := machines[runtime.GOARCH]
	if !ok {
		return nil
	}
	const (
		number, arch = 0, 4       // offsets in struct seccomp_data
		x32          = 0x40000000 // the bit of calls by another convention of the same processor
		no           = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	)
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	give := func(what uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: what} }
	program := []unix.SockFilter{
		load(arch), {Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: machine, Jt: 1}, give(no),
		load(number), {Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: x32, Jf: 1}, give(no),
	}
	for _, call := range refused {
		program = append(program, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: call, Jf: 1}, give(no))
	}
	program = append(program, give(unix.SECCOMP_RET_ALLOW))
	var text bytes.Buffer
	for _, f := range program {
		_ = binary.Write(&text, binary.NativeEndian, f) // into memory
	}
	return text.Bytes()
}
