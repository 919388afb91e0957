// Package project selects the files of a project that belong into its image.
//
// It reads the project's folder, git's index and ignore files, and nothing else: no configuration of
// the user or the machine, no date, no owner, no permission but the executable bit, so that equal files give
// an equal [Tree.Hash] everywhere. It does not run git. It writes nothing.
package project

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/diag"
)

// Source is how a tree's files were chosen.
type Source string

// The ways to choose files.
const (
	Patterns Source = "patterns" // those that the manifest names
	Git      Source = "git"      // those that git tracks
	Folder   Source = "folder"   // all but ignored ones
)

// Tree is the selected files of a project. It holds their hashes; contents are read again when a
// layer is written, and an error if they have changed.
type Tree struct {
	Source   Source
	Warnings []string // what was left out that someone may miss, one sentence each
	files    []file   // sorted by path
}

type file struct {
	path string // slash-separated, relative to the project
	host string // where it lies on this machine
	// part says that the content is size bytes of what lies there, from offset on.
	part   bool
	offset int64
	kind   kind
	size   int64
	sum    [sha256.Size]byte // of the content, or of the link's target
	link   string
}

type kind string

const (
	plain      kind = "file"
	executable kind = "exec"
	symlink    kind = "link"
)

// Hash identifies the tree: 64 hexadecimal digits of the SHA-256 of the line "envpack-project/1" and, for
// each file in bytewise order of the paths,
//
//	KIND SP SHA256 SP PATH NUL
//
// where KIND is file, exec (a file that its owner may execute) or link, and SHA256 is that of the content, of
// a link that of its target, in hexadecimal digits.
func (t *Tree) Hash() string {
	h := sha256.New()
	io.WriteString(h, "envpack-project/1\n")
	for _, f := range t.files {
		fmt.Fprintf(h, "%s %x %s\x00", f.kind, f.sum, f.path)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Paths are the selected files, slash-separated and relative to the project, in bytewise order.
func (t *Tree) Paths() []string {
	list := make([]string, len(t.files))
	for i, f := range t.files {
		list[i] = f.path
	}
	return list
}

// Size is the sum of the files' sizes in bytes.
func (t *Tree) Size() int64 {
	var n int64
	for _, f := range t.files {
		n += f.size
	}
	return n
}

// Entries are the files as they lie in the image, below workdir (an absolute slash-separated path), in
// bytewise order: owned by root, 0644 or 0755, links 0777. Folders are not among them. The content's
// reader gives an error if the file is not the one that was selected.
func (t *Tree) Entries(workdir string) []layer.Entry {
	entries := make([]layer.Entry, len(t.files))
	for i, f := range t.files {
		e := layer.Entry{Path: strings.TrimPrefix(path.Join("/", workdir, f.path), "/"), Kind: layer.File, Mode: 0o644}
		switch f.kind {
		case symlink:
			e.Kind, e.Mode, e.Link = layer.Symlink, 0o777, f.link
		case executable:
			e.Mode = 0o755
			fallthrough
		default:
			e.Content = layer.Opener{Length: f.size, Open: f.open}
		}
		entries[i] = e
	}
	return entries
}

func (f file) open() (io.ReadCloser, error) {
	r, err := os.Open(f.host)
	if err != nil {
		return nil, fmt.Errorf("reading a project file: %w", err)
	}
	if !f.part {
		return &checked{file: f, r: r, hash: sha256.New()}, nil
	}
	return &checked{file: f, r: &section{io.NewSectionReader(r, f.offset, f.size), r}, hash: sha256.New()}, nil
}

// section is a part of an open file.
type section struct {
	io.Reader
	io.Closer
}

// checked reads a file and holds back its last bytes unless all of them are those that were selected.
type checked struct {
	file file
	r    io.ReadCloser
	hash hash.Hash
	read int64
}

func (c *checked) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := c.r.Read(p)
	c.hash.Write(p[:n])
	c.read += int64(n)
	if c.read > c.file.size || err == io.EOF && c.read < c.file.size {
		return 0, c.file.changed()
	}
	if c.read == c.file.size && [sha256.Size]byte(c.hash.Sum(nil)) != c.file.sum {
		return 0, c.file.changed()
	}
	return n, err
}

func (c *checked) Close() error { return c.r.Close() }

func (f file) changed() error {
	return diag.New(diag.Failure, "%s changed while the image was built", filepath.FromSlash(f.path)).
		Hint("build again when nothing writes to the project's files")
}
