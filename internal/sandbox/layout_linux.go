package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// layout is the arguments for bwrap that lay out what a command sees: its root, its own /proc, /dev and /tmp, and the mounts.
//
// The root is not bound as a whole, since a target that it lacks could then not be made: it is an empty folder in memory in
// which what the root has is bound, and so is each folder of the root in which a target is missing. In the end it is
// read-only as well.
func (s *Sandbox) layout(c Command) ([]string, error) {
	targets := []string{"/proc", "/dev", "/tmp"}
	own := map[string]bool{}
	for _, m := range c.Mounts {
		if !path.IsAbs(m.Target) || path.Clean(m.Target) != m.Target || m.Target == "/" || strings.ContainsRune(m.Target, 0) {
			return nil, fmt.Errorf("%q is no place for a mount: an absolute path below / is needed", m.Target)
		}
		for _, kernel := range []string{"/proc", "/dev"} {
			if m.Target == kernel || strings.HasPrefix(m.Target, kernel+"/") {
				return nil, fmt.Errorf("%s is no place for a mount: %s is the sandbox's own", m.Target, kernel)
			}
		}
		if own[m.Target] {
			return nil, fmt.Errorf("two mounts are at %s", m.Target)
		}
		own[m.Target] = true
		targets = append(targets, m.Target)
	}
	args, err := spread(c.Root, "/", targets, nil)
	if err != nil {
		return nil, err
	}
	args = append(args, "--proc", "/proc", "--dev", "/dev")
	args = append(args, s.memory(c.Limits, "/dev/shm")...)
	args = append(args, "--remount-ro", "/dev")
	if !own["/tmp"] {
		args = append(args, s.memory(c.Limits, "/tmp")...)
	}
	for _, m := range c.Mounts {
		switch {
		case m.Source == "":
			args = append(args, s.memory(c.Limits, m.Target)...)
		case m.Writable:
			args = append(args, "--bind", m.Source, m.Target)
		default:
			args = append(args, "--ro-bind", m.Source, m.Target)
		}
	}
	return append(args, "--remount-ro", "/"), nil
}

// memory makes an empty folder in memory.
func (s *Sandbox) memory(l Limits, target string) []string {
	var args []string
	if s.has["--perms"] {
		args = append(args, "--perms", "1777")
	}
	if limit := inMemory(l); limit > 0 && s.has["--size"] {
		args = append(args, "--size", fmt.Sprint(limit))
	}
	return append(args, "--tmpfs", target)
}

// inMemory is how much a folder in memory may hold; 0: no limit.
func inMemory(l Limits) int64 {
	if l.Memory > 0 && (l.Disk == 0 || l.Memory < l.Disk) {
		return l.Memory
	}
	return l.Disk
}

// spread makes the folder dir of the sandbox of what is in it below root, and leaves out the targets, which are mounted later.
func spread(root, dir string, targets, args []string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(root, dir))
	if err != nil {
		return nil, fmt.Errorf("laying out the root: %w", err)
	}
	for _, e := range entries {
		inside := path.Join(dir, e.Name())
		outside := filepath.Join(root, inside)
		if slices.Contains(targets, inside) {
			// What is there is hidden, and may be a symbolic link, through which nothing is to be mounted.
			continue
		}
		switch e.Type() {
		case fs.ModeDir:
			missing, err := lacks(root, inside, targets)
			if err != nil {
				return nil, err
			}
			if !missing {
				args = append(args, "--ro-bind", outside, inside)
				break
			}
			args = append(args, "--dir", inside)
			if args, err = spread(root, inside, targets, args); err != nil {
				return nil, err
			}
		case fs.ModeSymlink:
			link, err := os.Readlink(outside)
			if err != nil {
				return nil, fmt.Errorf("laying out the root: %w", err)
			}
			for _, t := range targets {
				if strings.HasPrefix(t, inside+"/") {
					return nil, fmt.Errorf("%s is no place for a mount: %s is a symbolic link to %s in the root", t, inside, link)
				}
			}
			args = append(args, "--symlink", link, inside)
		case 0:
			args = append(args, "--ro-bind", outside, inside)
		}
	}
	return args, nil
}

// lacks tells whether a target below the folder dir is not a folder there, or lies behind a symbolic link.
func lacks(root, dir string, targets []string) (bool, error) {
	for _, t := range targets {
		rest, below := strings.CutPrefix(t, dir+"/")
		if !below {
			continue
		}
		at := filepath.Join(root, dir)
		for _, name := range strings.Split(rest, "/") {
			at = filepath.Join(at, name)
			info, err := os.Lstat(at)
			if errors.Is(err, fs.ErrNotExist) {
				return true, nil
			}
			if err != nil {
				return false, fmt.Errorf("laying out the root: %w", err)
			}
			if !info.IsDir() {
				return true, nil
			}
		}
	}
	return false, nil
}
