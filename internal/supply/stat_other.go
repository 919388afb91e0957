//go:build !linux

package supply

import "io/fs"

// state is what the file system knows of a file's state that no program can set; "": it is not asked here, and files are read each
// time.
func state(fs.FileInfo) string { return "" }
