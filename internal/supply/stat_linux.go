package supply

import (
	"fmt"
	"io/fs"
	"syscall"
)

// state is what the file system knows of a file's state that no program can set: which file it is, and when it was changed last. "": it
// does not say.
func state(info fs.FileInfo) string {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%d %d %d.%09d", s.Dev, s.Ino, s.Ctim.Sec, s.Ctim.Nsec)
}
