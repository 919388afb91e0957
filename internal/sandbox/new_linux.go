package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// Sandbox runs commands apart from the machine. It is safe for concurrent use.
type Sandbox struct {
	bwrap string
	has   map[string]bool // bubblewrap's options that only some releases have
}

// options are those without which a sandbox would be less than the package promises, but for the second list.
var (
	options = []string{"--unshare-user", "--unshare-cgroup-try", "--cap-drop", "--new-session", "--die-with-parent",
		"--json-status-fd", "--block-fd", "--args", "--remount-ro", "--seccomp"}
	optional = []string{"--disable-userns", "--size", "--perms"}
)

// separate is what takes a command away from the machine, apart from what it sees of files.
var separate = []string{
	"--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
	"--uid", fmt.Sprint(UserID), "--gid", fmt.Sprint(GroupID), "--hostname", HostName,
	"--new-session", "--die-with-parent", "--cap-drop", "ALL",
}

// New finds bubblewrap and tries whether it may do what a sandbox needs. The error is an *[Unavailable].
func New() (*Sandbox, error) {
	path, err := exec.LookPath("bwrap")
	if err != nil {
		return nil, &Unavailable{
			Why:  "bwrap is not in the path",
			Hint: "install bubblewrap, which is the package's name in all distributions: apt-get install bubblewrap",
		}
	}
	help, err := exec.Command(path, "--help").CombinedOutput()
	if err != nil {
		return nil, &Unavailable{Why: fmt.Sprintf("%s --help: %v", path, err)}
	}
	s := &Sandbox{bwrap: path, has: map[string]bool{}}
	known := map[string]bool{}
	for _, word := range strings.Fields(string(help)) {
		known[word] = true
	}
	for _, o := range options {
		if !known[o] {
			return nil, &Unavailable{
				Why:  fmt.Sprintf("%s is too old: it has no %s", path, o),
				Hint: "install bubblewrap 0.4.0 or later; from 0.8.0 on it has all that is used here",
			}
		}
	}
	for _, o := range optional {
		s.has[o] = known[o]
	}
	if fd, err := unix.PidfdOpen(os.Getpid(), 0); err != nil {
		return nil, &Unavailable{Why: fmt.Sprintf("the kernel has no handles for processes (pidfd_open: %v)", err), Hint: "Linux 5.3 or later is needed"}
	} else {
		unix.Close(fd)
	}
	return s, s.try()
}

// try runs bubblewrap as a sandbox does, with the machine's own root.
func (s *Sandbox) try() error {
	args := append([]string(nil), separate...)
	if s.has["--disable-userns"] {
		args = append(args, "--disable-userns")
	}
	args = append(args, "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--", s.bwrap, "--version")
	cmd := exec.Command(s.bwrap, args...)
	cmd.Env = []string{}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	if err == nil {
		return nil
	}
	said := strings.TrimSpace(stderr.String())
	u := &Unavailable{Why: fmt.Sprintf("bwrap cannot make one: %s (%v)", said, err)}
	switch {
	case setTo("/proc/sys/kernel/unprivileged_userns_clone", "0"):
		u.Hint = "the kernel lets nobody but root make user namespaces: sysctl -w kernel.unprivileged_userns_clone=1"
	case setTo("/proc/sys/user/max_user_namespaces", "0"):
		u.Hint = "the kernel allows no user namespaces: sysctl -w user.max_user_namespaces=10000"
	case setTo("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"):
		u.Hint = "AppArmor keeps programs without a profile from using user namespaces: give bwrap one (it is in the package apparmor-profiles), or sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
	default:
		u.Hint = "in a container, its engine must let it make namespaces and mount /proc: podman with --security-opt seccomp=unconfined --security-opt unmask=ALL, docker with --security-opt seccomp=unconfined --security-opt systempaths=unconfined"
	}
	return u
}

// setTo tells whether a switch of the kernel is there and has a value.
func setTo(name, value string) bool {
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) || err != nil {
		return false
	}
	return strings.TrimSpace(string(data)) == value
}
