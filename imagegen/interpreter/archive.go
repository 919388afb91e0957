package interpreter

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"

	"github.com/envpack/envpack/internal/decoder"
	"github.com/envpack/envpack/internal/elffile"
)

const (
	maxEntries = 200_000 // files; CPython with its test suite has 6,000
	maxTotal   = 4 << 30 // bytes unpacked; CPython with its test suite has 300 MB
	maxText    = 8 << 20 // bytes of a text that is rewritten; the Makefile has 150 KB
	maxLinks   = 40      // symlinks on the way to a file, as in Linux
)

// unpacked opens the archive by its first bytes.
func unpacked(r io.Reader) (io.ReadCloser, error) {
	raw := bufio.NewReaderSize(r, 64<<10)
	magic, err := raw.Peek(6)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte("\x1f\x8b")):
		return gzip.NewReader(raw)
	case bytes.HasPrefix(magic, []byte("\x28\xb5\x2f\xfd")):
		return decoder.Zstd(raw)
	case bytes.HasPrefix(magic, []byte("\xfd7zXZ\x00")):
		return decoder.XZ(raw)
	}
	return nil, errors.New("it is compressed by none of gzip, zstd and xz")
}

// node is a file of the archive.
type node struct {
	kind    byte // of archive/tar
	exec    bool
	link    string // of a symlink as it stands, of a hard link the path
	offset  int64  // in the spool
	size    int64
	text    []byte        // instead of the spool, of files that are read as text
	elf     *elffile.File // of ELF files
	ssl     string        // of ELF files with an OpenSSL in them, the folder of its settings
	dropped bool
}

// tree is an archive's files by their paths below the top folder, which is ".".
type tree struct {
	nodes map[string]*node
	order []string // paths as they came
	top   string   // the top folder's name
	spool Spool
	end   int64 // of what is in the spool
}

// read unpacks the tar into the tree. After its end only zeros may follow, and the stream is read to its own end, so
// that its checksum is checked.
func (t *tree) read(ctx context.Context, stream io.Reader) error {
	bounded := &bounded{stream, maxTotal}
	archive := tar.NewReader(bounded)
	for n := 0; ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if n == maxEntries {
			return fmt.Errorf("it has more than %d files", maxEntries)
		}
		if err := t.entry(h, archive); err != nil {
			return fmt.Errorf("%q: %w", h.Name, err)
		}
	}
	return onlyZeros(bounded)
}

// entry takes in one member.
func (t *tree) entry(h *tar.Header, content io.Reader) error {
	for key := range h.PAXRecords {
		switch key {
		case "path", "linkpath", "size", "uid", "gid", "uname", "gname", "mtime", "atime", "ctime":
		default:
			return fmt.Errorf("has the PAX record %q, which cannot be kept", key)
		}
	}
	p, err := t.inside(h.Name)
	if err != nil {
		return err
	}
	n := &node{kind: h.Typeflag, exec: h.Mode&0o100 != 0, size: h.Size, dropped: isDropped(p)}
	if err := t.add(p, n); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return nil
	case tar.TypeSymlink:
		n.link = h.Linkname
		if n.link == "" || n.link[0] == '/' || strings.ContainsRune(n.link, 0) || !utf8.ValidString(n.link) {
			return fmt.Errorf("is a symlink to %q, which is not a relative path", n.link)
		}
		return nil
	case tar.TypeLink:
		if n.link, err = t.inside(h.Linkname); err != nil {
			return fmt.Errorf("is a hard link to %q: %w", h.Linkname, err)
		}
		target := t.nodes[n.link]
		if target == nil || target == n || target.kind != tar.TypeReg {
			return fmt.Errorf("is a hard link to %q, which is no earlier file", h.Linkname)
		}
		if target.dropped && !n.dropped {
			return fmt.Errorf("is a hard link to %q, which is left out", h.Linkname)
		}
		return nil
	case tar.TypeReg:
		if n.dropped {
			return nil
		}
		return t.content(p, n, content)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return errors.New("is a device or a pipe")
	}
	return fmt.Errorf("is of the unknown kind %q", h.Typeflag)
}

// content keeps a file's bytes: in memory if they are to be read as text, else in the spool.
func (t *tree) content(p string, n *node, r io.Reader) error {
	head := make([]byte, min(4, n.size))
	if _, err := io.ReadFull(r, head); err != nil {
		return err
	}
	whole := io.MultiReader(bytes.NewReader(head), r)
	if isText(p, head) {
		if n.size > maxText {
			return fmt.Errorf("has %d bytes, and must be rewritten", n.size)
		}
		var err error
		n.text, err = io.ReadAll(whole)
		return err
	}
	n.offset = t.end
	isELF := string(head) == "\x7fELF"
	var marks finder
	if isELF {
		whole = io.TeeReader(whole, &marks)
	}
	written, err := io.Copy(io.NewOffsetWriter(t.spool, n.offset), whole)
	if err != nil {
		return err
	}
	t.end += written
	if !isELF {
		return nil
	}
	n.ssl = marks.dir
	if n.elf, err = elffile.Read(io.NewSectionReader(t.spool, n.offset, n.size), n.size); err != nil {
		return fmt.Errorf("reading as ELF: %w", err)
	}
	return nil
}

// inside is the path below the top folder, which the first member sets. Names that are not clean are refused:
// a tool that wrote one meant to mislead a reader.
func (t *tree) inside(name string) (string, error) {
	clean := strings.TrimSuffix(strings.TrimPrefix(name, "./"), "/")
	if clean == "" && t.top == "" && (name == "./" || name == ".") {
		return "", errors.New("the archive has no single top folder")
	}
	if clean == "" || clean[0] == '/' || clean != path.Clean(clean) || strings.ContainsRune(clean, 0) ||
		clean == "." || clean == ".." || strings.HasPrefix(clean, "../") {
		return "", errors.New("the name is absolute, leaves the archive or is not clean")
	}
	if !utf8.ValidString(clean) {
		return "", errors.New("the name is not UTF-8")
	}
	top, rest, below := strings.Cut(clean, "/")
	if t.top == "" {
		t.top = top
	}
	if top != t.top {
		return "", fmt.Errorf("is not in the top folder %q", t.top)
	}
	if !below {
		return ".", nil
	}
	return rest, nil
}

// add puts a node in its place: once, but for folders, and below nothing but folders.
func (t *tree) add(p string, n *node) error {
	if p == "." && n.kind != tar.TypeDir {
		return errors.New("is no folder, and at the top")
	}
	if old := t.nodes[p]; old != nil {
		if old.kind != tar.TypeDir || n.kind != tar.TypeDir {
			return errors.New("is there twice")
		}
		return nil
	}
	for dir := path.Dir(p); p != "."; dir = path.Dir(dir) {
		if parent := t.nodes[dir]; parent == nil {
			t.put(dir, &node{kind: tar.TypeDir, dropped: isDropped(dir)})
		} else if parent.kind != tar.TypeDir {
			return fmt.Errorf("is below %q, which is no folder", dir)
		}
		if dir == "." {
			break
		}
	}
	t.put(p, n)
	return nil
}

func (t *tree) put(p string, n *node) {
	t.nodes[p] = n
	t.order = append(t.order, p)
}

// resolve follows all symlinks of a path. node is nil if it leads to nothing; a way out of the top folder is an error.
func (t *tree) resolve(p string) (at string, n *node, err error) {
	rest, links := strings.Split(p, "/"), 0
	at = "."
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if at == "." {
				return "", nil, errors.New("leads out of the archive")
			}
			at = path.Dir(at)
			continue
		}
		at = path.Join(at, part)
		// Below what is missing nothing is found either, but ".." may still lead out.
		n := t.nodes[at]
		if n == nil || n.kind != tar.TypeSymlink {
			continue
		}
		if links++; links > maxLinks {
			return "", nil, errors.New("is a symlink without end")
		}
		rest = append(strings.Split(n.link, "/"), rest...)
		at = path.Dir(at)
	}
	n = t.nodes[at]
	if n != nil && n.kind == tar.TypeLink {
		at = n.link
		n = t.nodes[at]
	}
	return at, n, nil
}

// bounded fails, instead of ending, when more than left bytes come.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("it unpacks to more than %d bytes", int64(maxTotal))
	}
	return n, err
}

func onlyZeros(r io.Reader) error {
	buffer := make([]byte, 32<<10)
	for {
		n, err := r.Read(buffer)
		if len(bytes.Trim(buffer[:n], "\x00")) > 0 {
			return errors.New("bytes follow the end of the archive")
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
