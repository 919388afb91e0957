package project

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// File is a file of a tree that was not selected from a folder but is there already, as in an image's layer.
type File struct {
	Path       string // slash-separated, relative to the project, clean
	Link       string // target of a symbolic link; "" for a file, of which the rest is
	Executable bool
	Host       string            // file on this machine that has the content
	Offset     int64             // where that begins there
	Size       int64             // of it, in bytes
	Sum        [sha256.Size]byte // likewise
}

// FromFiles makes a tree of files that were selected before. Errors: two files at one path, and a link that no project
// may have.
func FromFiles(files []File) (*Tree, error) {
	t := &Tree{Source: Folder}
	for _, given := range files {
		f := file{path: given.Path, host: given.Host, kind: plain, offset: given.Offset, size: given.Size, sum: given.Sum, part: true}
		if given.Executable {
			f.kind = executable
		}
		if given.Link != "" {
			var err error
			if f, err = f.asLink(given.Link); err != nil {
				return nil, err
			}
		}
		t.files = append(t.files, f)
	}
	slices.SortFunc(t.files, func(a, b file) int { return strings.Compare(a.path, b.path) })
	for i := 1; i < len(t.files); i++ {
		if t.files[i].path == t.files[i-1].path {
			return nil, fmt.Errorf("%s is there twice", t.files[i].path)
		}
	}
	return t, nil
}
