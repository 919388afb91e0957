package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	look     = 50 * time.Millisecond
	lookDisk = 250 * time.Millisecond
	entry    = 4096 // bytes that every file counts at least: names take space too
)

// watch holds a sandbox to its limits.
type watch struct {
	limits  Limits
	folders []string // writable, of the machine
	memory  []string // in memory, in the sandbox
	before  int64    // bytes that folders had
	written atomic.Int64
	writing sync.Mutex // standard output and error may have one writer
}

func newWatch(c Command) (*watch, error) {
	w := &watch{limits: c.Limits, memory: []string{"/tmp", "/dev/shm"}}
	for _, m := range c.Mounts {
		switch {
		case m.Source == "" && m.Target != "/tmp":
			w.memory = append(w.memory, m.Target)
		case m.Source != "" && m.Writable:
			w.folders = append(w.folders, m.Source)
		}
	}
	if w.limits.Disk > 0 {
		var err error
		if w.before, err = w.onDisk(); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// until looks at the sandbox whose first process is pid until stop is closed. The error says why it must be ended.
func (w *watch) until(ctx context.Context, pid int, stop <-chan struct{}) error {
	var late <-chan time.Time
	if w.limits.Time > 0 {
		timer := time.NewTimer(w.limits.Time)
		defer timer.Stop()
		late = timer.C
	}
	tick := time.NewTicker(look)
	defer tick.Stop()
	measured := make(chan error, 1)
	if w.limits.Disk > 0 {
		go w.measure(stop, measured)
	}
	for {
		select {
		case <-stop:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-late:
			return &LimitError{What: "time", Limit: w.limits.Time.String()}
		case err := <-measured:
			return err
		case <-tick.C:
			if err := w.exceeded(); err != nil {
				return err
			}
			if err := w.processes(pid); err != nil {
				return err
			}
		}
	}
}

// measure looks at what is on the disk. That takes time where there are many files, and so it rests four times as long.
func (w *watch) measure(stop <-chan struct{}, found chan<- error) {
	rest := lookDisk
	for {
		select {
		case <-stop:
			return
		case <-time.After(rest):
		}
		began := time.Now()
		n, err := w.onDisk()
		if err != nil {
			found <- err
			return
		}
		if n-w.before > w.limits.Disk {
			found <- w.full()
			return
		}
		rest = max(lookDisk, 4*time.Since(began))
	}
}

func (w *watch) full() error { return &LimitError{What: "disk", Limit: size(w.limits.Disk)} }

// exceeded is the error for too much output.
func (w *watch) exceeded() error {
	if w.limits.Disk > 0 && w.written.Load() > w.limits.Disk {
		return w.full()
	}
	return nil
}

// output counts what goes to to, and passes on no more than the limit of the disk.
func (w *watch) output(to io.Writer) io.Writer { return &counted{w, to} }

type counted struct {
	watch *watch
	to    io.Writer
}

func (c *counted) Write(p []byte) (int, error) {
	c.watch.writing.Lock()
	defer c.watch.writing.Unlock()
	before := c.watch.written.Add(int64(len(p))) - int64(len(p))
	if limit := c.watch.limits.Disk; limit > 0 && before+int64(len(p)) > limit {
		if room := limit - before; room > 0 {
			c.to.Write(p[:room])
		}
		return len(p), nil // what is killed must not wait for it
	}
	return c.to.Write(p)
}

// onDisk is how many bytes the writable folders have. A file with several names counts once.
func (w *watch) onDisk() (int64, error) {
	var sum int64
	type file struct{ dev, ino uint64 }
	seen := map[file]bool{}
	for _, folder := range w.folders {
		err := filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
			if err == nil {
				var info fs.FileInfo
				if info, err = d.Info(); err == nil {
					stat := info.Sys().(*syscall.Stat_t)
					id := file{uint64(stat.Dev), stat.Ino}
					if stat.Nlink > 1 && !d.IsDir() {
						if seen[id] {
							return nil
						}
						seen[id] = true
					}
					sum += max(stat.Blocks*512, entry)
				}
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		})
		if err != nil {
			return 0, fmt.Errorf("measuring what the sandbox wrote: %w", err)
		}
	}
	return sum, nil
}

// processes holds the sandbox to its limits of memory and processes. What cannot be read is about to end, or has not begun.
func (w *watch) processes(pid int) error {
	if w.limits.Memory == 0 && w.limits.Processes == 0 {
		return nil
	}
	inside := "/proc/" + strconv.Itoa(pid) + "/root"
	if here, err := os.Stat("/"); err != nil {
		return err
	} else if there, err := os.Stat(inside + "/"); err != nil || os.SameFile(here, there) {
		return nil // it has the machine's root still
	}
	proc, err := os.Open(inside + "/proc")
	if err != nil {
		return nil
	}
	names, _ := proc.Readdirnames(-1)
	proc.Close()
	var pids []string
	for _, name := range names {
		if n, err := strconv.Atoi(name); err == nil && n > 1 { // 1 is bwrap's own
			pids = append(pids, inside+"/proc/"+name)
		}
	}
	if l := w.limits.Processes; l > 0 && len(pids) > l {
		return &LimitError{What: "processes", Limit: strconv.Itoa(l)}
	}
	l := w.limits.Memory
	if l == 0 {
		return nil
	}
	used := w.inMemory(inside)
	if used > l || used+sum(pids, resident) > l && used+sum(pids, own) > l {
		return &LimitError{What: "memory", Limit: size(l)}
	}
	return nil
}

// inMemory is how many bytes the folders in memory have.
func (w *watch) inMemory(inside string) int64 {
	var sum int64
	for _, dir := range w.memory {
		var st unix.Statfs_t
		if unix.Statfs(inside+dir, &st) == nil && st.Type == unix.TMPFS_MAGIC {
			sum += int64(st.Blocks-st.Bfree) * int64(st.Bsize)
		}
	}
	return sum
}

func sum(pids []string, of func(string) int64) int64 {
	var n int64
	for _, p := range pids {
		n += of(p)
	}
	return n
}

// resident is the memory that a process has, with what it shares with others, which makes the sum of several too large.
func resident(process string) int64 {
	data, err := os.ReadFile(process + "/statm")
	fields := strings.Fields(string(data))
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// own is a process's share of the memory that is of no file: what the kernel could not do without writing it somewhere. To
// find it out takes the kernel longer.
func own(process string) int64 {
	data, err := os.ReadFile(process + "/smaps_rollup")
	if err != nil {
		return resident(process)
	}
	var sum int64
	for line := range strings.Lines(string(data)) {
		name, rest, _ := strings.Cut(line, ":")
		if name == "Pss_Anon" || name == "Pss_Shmem" {
			kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			sum += kb << 10
		}
	}
	return sum
}
