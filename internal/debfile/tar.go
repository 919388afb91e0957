package debfile

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"

	"github.com/envpack/envpack/internal/decoder"
)

// walk visits the tar archive in the member, unpacked to at most limit bytes. After the archive's end
// only zeros may follow, and the compressed stream is read to its end, so that its checksum is checked.
func (m member) walk(limit int64, visit func(*tar.Header, io.Reader) error) error {
	stream, err := m.unpacked()
	if err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	defer stream.Close()
	bounded := &bounded{r: stream, left: limit}
	archive := tar.NewReader(bounded)
	for n := 0; ; n++ {
		h, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		if n == maxEntries {
			return fmt.Errorf("%s: more than %d files", m.name, maxEntries)
		}
		if err := checkHeader(h); err != nil {
			return fmt.Errorf("%s: %q %w", m.name, h.Name, err)
		}
		if err := visit(h, archive); err != nil {
			return fmt.Errorf("%s: %q: %w", m.name, h.Name, err)
		}
	}
	if err := onlyZeros(bounded); err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	return nil
}

// unpacked opens the member's content by the compression that its name states.
func (m member) unpacked() (io.ReadCloser, error) {
	raw := bufio.NewReaderSize(m.open(), 64<<10)
	switch path.Ext(m.name) {
	case ".tar":
		return io.NopCloser(raw), nil
	case ".xz":
		return decoder.XZ(raw)
	case ".gz":
		return gzip.NewReader(raw)
	case ".zst":
		return decoder.Zstd(raw)
	}
	return nil, errors.New("compression is not one of none, .gz, .xz, .zst")
}

// checkHeader refuses what has no place in an image's layer. PAX records that only restate a header
// field are known; any other, an extended attribute above all, would be lost.
func checkHeader(h *tar.Header) error {
	for key := range h.PAXRecords {
		switch key {
		case "path", "linkpath", "size", "uid", "gid", "uname", "gname", "mtime", "atime", "ctime":
			continue
		}
		if strings.Contains(key, "xattr.") || strings.Contains(key, ".acl.") {
			return fmt.Errorf("has the extended attribute %q, which cannot be kept", key)
		}
		return fmt.Errorf("has the unknown PAX record %q", key)
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeLink, tar.TypeSymlink, tar.TypeDir:
		return nil
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return errors.New("is a device or a pipe, which cannot be kept")
	}
	return fmt.Errorf("is of the unknown kind %q", h.Typeflag)
}

func entryOf(h *tar.Header) (Entry, error) {
	name, err := cleanName(h.Name)
	if err != nil {
		return Entry{}, err
	}
	if h.Uid < 0 || h.Gid < 0 || h.Uid > math.MaxInt32 || h.Gid > math.MaxInt32 {
		return Entry{}, fmt.Errorf("owner %d:%d", h.Uid, h.Gid)
	}
	e := Entry{Path: name, Kind: h.Typeflag, Mode: uint32(h.Mode & 0o7777), UID: h.Uid, GID: h.Gid}
	switch h.Typeflag {
	case tar.TypeReg:
		e.Size = h.Size
	case tar.TypeSymlink:
		if h.Linkname == "" || strings.ContainsRune(h.Linkname, 0) || !utf8.ValidString(h.Linkname) {
			return Entry{}, fmt.Errorf("links to %q", h.Linkname)
		}
		e.Link = h.Linkname
	case tar.TypeLink:
		if e.Link, err = cleanName(h.Linkname); err != nil {
			return Entry{}, fmt.Errorf("links to %q: %w", h.Linkname, err)
		}
	}
	if name == "." && e.Kind != tar.TypeDir {
		return Entry{}, errors.New("is the root but no folder")
	}
	return e, nil
}

// cleanName is the name without "./" before and "/" behind. Names that are not clean otherwise are
// refused: a tool that wrote one meant to mislead a reader.
func cleanName(name string) (string, error) {
	clean := strings.TrimSuffix(strings.TrimPrefix(name, "./"), "/")
	if clean == "" && (name == "./" || name == ".") {
		return ".", nil
	}
	if clean == "" || clean[0] == '/' || clean != path.Clean(clean) || strings.ContainsRune(clean, 0) ||
		clean == ".." || strings.HasPrefix(clean, "../") {
		return "", errors.New("the name is absolute, leaves the tree or is not clean")
	}
	if !utf8.ValidString(clean) {
		return "", errors.New("the name is not UTF-8")
	}
	if strings.HasPrefix(clean, ".wh.") || strings.Contains(clean, "/.wh.") {
		return "", errors.New("the name begins with .wh., which takes files away in an image's layer")
	}
	return clean, nil
}

// paths are the files of one package so far.
type paths struct{ kinds map[string]byte }

const implied = 'd' // a folder that was named only as another's parent

func newPaths() *paths { return &paths{map[string]byte{".": implied}} }

// add refuses a path that is there already, but for folders, one below what is no folder, and a hard
// link to what is no earlier file.
func (p *paths) add(e Entry) error {
	old, there := p.kinds[e.Path]
	isDir := e.Kind == tar.TypeDir
	if there && !(isDir && (old == tar.TypeDir || old == implied)) {
		return errors.New("is there twice")
	}
	if e.Kind == tar.TypeLink {
		if k := p.kinds[e.Link]; k != tar.TypeReg && k != tar.TypeLink {
			return fmt.Errorf("is a hard link to %q, which is no earlier file", e.Link)
		}
	}
	for dir := path.Dir(e.Path); dir != "."; dir = path.Dir(dir) {
		k, known := p.kinds[dir]
		if !known {
			p.kinds[dir] = implied
			continue
		}
		if k != tar.TypeDir && k != implied {
			return fmt.Errorf("is below %q, which is no folder", dir)
		}
		break
	}
	p.kinds[e.Path] = e.Kind
	return nil
}

// bounded fails, instead of ending, when more than left bytes come.
type bounded struct {
	r    io.Reader
	left int64
}

var errTooLarge = errors.New("unpacks to more bytes than a package may have")

func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

func onlyZeros(r io.Reader) error {
	buffer := make([]byte, 32<<10)
	for {
		n, err := r.Read(buffer)
		for _, c := range buffer[:n] {
			if c != 0 {
				return errors.New("bytes follow the end of the archive")
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
