// Package unpack makes folders of layers, for programs to be run in them, as whoever runs envpack: without root.
//
// What only root can do is left out: every file is the user's, setuid and setgid bits and extended attributes are gone, and so are
// devices, pipes and sockets. Folders and files are readable, and folders writable, for the user in any case. Times of files are
// the layer's.
//
// A layer is unpacked by itself ([Layer]), and what layers make together is put together of hard links to its files ([Stack]):
// images that share layers share the disk. Nothing ever leads out of the folder: names are taken below it, symbolic links on the way
// of a name are followed in the layer, as if it were the root, and links are never followed by the system.
package unpack

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/envpack/envpack/imagegen/layertar"
	"github.com/envpack/envpack/imagegen/links"
	"github.com/envpack/envpack/internal/diag"
)

// Format names the rules by which folders are made of layers.
const Format = "unpack/1"

// maxEntries is how many names a layer may have. The largest that people make have a tenth.
const maxEntries = 4 << 20

// maxPath is how long a path may be: what Linux takes from a program at once (PATH_MAX).
const maxPath = 4095

// The names of whiteouts (OCI image specification, layer.md, Whiteouts): that of what is taken away, behind a prefix; and that
// which takes away all that lower layers have in a folder. Other names with two prefixes are of AUFS's own.
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// Contents is what is to be known of an unpacked layer beside the files in its folder.
type Contents struct {
	Bytes   int64  `json:"bytes"`              // of all files
	Gone    []Path `json:"gone,omitempty"`     // what lower layers lose
	Cleared []Path `json:"cleared,omitempty"`  // folders of which lower layers lose all
	Implied []Path `json:"implied,omitempty"`  // folders that no entry names: a link of a lower layer in their place stays
	Links   []Link `json:"links,omitempty"`    // to files of lower layers, sorted
	LeftOut []Path `json:"left_out,omitempty"` // devices, pipes and sockets
}

// Link is a hard link.
type Link struct {
	Path   Path `json:"path"`
	Target Path `json:"target"`
}

// Path is relative to the root, with slashes. In JSON, it keeps bytes that are no UTF-8.
type Path string

// MarshalText implements encoding.TextMarshaler.
func (p Path) MarshalText() ([]byte, error) { return []byte(strconv.QuoteToASCII(string(p))), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Path) UnmarshalText(text []byte) error {
	s, err := strconv.Unquote(string(text))
	*p = Path(s)
	return err
}

// node is what is at a path of the folder.
type node struct {
	kind  fs.FileMode // 0: a file; fs.ModeDir; fs.ModeSymlink
	link  string
	named bool  // by an entry
	size  int64 // of a file
}

// tree is a folder that is being filled. It knows all that is in it, and asks the system nothing.
type tree struct {
	dir    string
	at     map[string]node
	names  map[string][]string // in a folder; some may be gone, and some be there twice
	links  map[string]string   // hard links to what is not there
	buffer []byte
}

func newTree(dir string) *tree {
	return &tree{dir: dir, at: map[string]node{"": {kind: fs.ModeDir, named: true}}, names: map[string][]string{}, links: map[string]string{}, buffer: make([]byte, 1<<20)}
}

func (t *tree) file(p string) string { return filepath.Join(t.dir, filepath.FromSlash(p)) }

// put notes what is at a path now.
func (t *tree) put(p string, n node) {
	if _, there := t.at[p]; !there {
		folder, name := path.Split(p)
		folder = strings.TrimSuffix(folder, "/")
		t.names[folder] = append(t.names[folder], name)
	}
	t.at[p] = n
}

// target tells where links lead, for [links.Follow].
func (t *tree) target(p string) (string, bool) {
	n, ok := t.at[p]
	return n.link, ok && n.kind == fs.ModeSymlink
}

// Layer unpacks a layer into the folder dir, which is empty. advance is told of stored bytes as they are read, and may be nil.
//
// Errors: those of [layertar.Walk]; diag errors of entries that are at no place that can be; those of the file system.
func Layer(ctx context.Context, l v1.Layer, want layertar.Promise, dir string, advance func(int64)) (*Contents, error) {
	t := newTree(dir)
	c := &Contents{}
	err := layertar.Walk(ctx, l, want, advance, func(h *tar.Header, r io.Reader) error {
		if len(t.at) > maxEntries {
			return diag.New(diag.Failure, "%s has more than %d names", want.What, maxEntries)
		}
		if err := t.entry(c, h, r); err != nil {
			var system *fs.PathError
			var linking *os.LinkError
			if errors.As(err, &system) || errors.As(err, &linking) {
				return diag.Wrap(err, diag.Failure, "unpacking %s", want.What)
			}
			return diag.Wrap(err, diag.Failure, "unpacking %s: /%s", want.What, layertar.Clean(h.Name)).
				Hint("its digest is right, so the image was made so")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for p, n := range t.at {
		if n.kind == fs.ModeDir && !n.named {
			c.Implied = append(c.Implied, Path(p))
		}
		c.Bytes += n.size
	}
	slices.Sort(c.Implied)
	for _, p := range slices.Sorted(maps.Keys(t.links)) {
		c.Links = append(c.Links, Link{Path(p), Path(t.links[p])})
	}
	return c, nil
}

func (t *tree) entry(c *Contents, h *tar.Header, r io.Reader) error {
	name := layertar.Clean(h.Name)
	if name == "" { // the root, which is there
		return nil
	}
	if len(name) > maxPath {
		return fmt.Errorf("a path of %d bytes", len(name))
	}
	folder, base := path.Split(name)
	at, err := t.folder(folder)
	if err != nil {
		return err
	}
	p := path.Join(at, base)
	switch {
	case base == opaque:
		c.Cleared = append(c.Cleared, Path(at))
		return nil
	case strings.HasPrefix(base, whiteout+whiteout):
		return nil
	case strings.HasPrefix(base, whiteout):
		gone := strings.TrimPrefix(base, whiteout)
		if gone == "" || gone == "." || gone == ".." {
			return errors.New("a whiteout of no name")
		}
		c.Gone = append(c.Gone, Path(path.Join(at, gone)))
		return nil
	}
	if h.Typeflag == tar.TypeDir {
		return t.putDir(p, h.FileInfo().Mode(), true)
	}
	if err := t.free(p); err != nil {
		return err
	}
	delete(t.links, p)
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, '\x00', tar.TypeCont:
		return t.putFile(p, h, r)
	case tar.TypeSymlink:
		return t.putSymlink(p, h.Linkname)
	case tar.TypeLink:
		target, err := links.Follow(h.Linkname, false, t.target)
		if err != nil {
			return err
		}
		n, ok := t.at[target]
		switch {
		case target == p:
			return errors.New("a hard link to itself")
		case !ok:
			t.links[p] = target // Stack finds it, or says that nobody has it
			return nil
		case n.kind == fs.ModeDir:
			return fmt.Errorf("a hard link to /%s, a folder", target)
		case n.kind == fs.ModeSymlink:
			return t.putSymlink(p, n.link)
		}
		if err := hardLink(t.file(target), t.file(p), t.buffer); err != nil {
			return err
		}
		t.put(p, node{named: true})
		return nil
	}
	c.LeftOut = append(c.LeftOut, Path(p)) // only root could make it
	return nil
}

// folder gives a folder without the symbolic links on its way, and makes it if it is not there.
func (t *tree) folder(p string) (string, error) {
	at, err := links.Follow(p, true, t.target)
	if err != nil {
		return "", err
	}
	if n, ok := t.at[at]; ok {
		if n.kind != fs.ModeDir {
			return "", fmt.Errorf("/%s is no folder", at)
		}
		return at, nil
	}
	// Follow has followed all links that are there, so that what is missing has none among it.
	above, _ := path.Split(at)
	if _, err := t.folder(above); err != nil {
		return "", err
	}
	return at, t.putDir(at, 0o755, false)
}

// free takes away what is at p.
func (t *tree) free(p string) error {
	n, ok := t.at[p]
	if !ok {
		return nil
	}
	t.forget(p)
	if n.kind != fs.ModeDir {
		return os.Remove(t.file(p))
	}
	return os.RemoveAll(t.file(p))
}

// forget notes that nothing is at p any more.
func (t *tree) forget(p string) {
	delete(t.at, p)
	for _, name := range t.names[p] {
		if inside := path.Join(p, name); t.has(inside) {
			t.forget(inside)
		}
	}
	delete(t.names, p)
}

func (t *tree) has(p string) bool {
	_, ok := t.at[p]
	return ok
}

func (t *tree) putDir(p string, mode fs.FileMode, named bool) error {
	n, ok := t.at[p]
	if ok && n.kind != fs.ModeDir {
		if err := t.free(p); err != nil {
			return err
		}
		ok = false
	}
	if !ok {
		if err := os.Mkdir(t.file(p), 0o777); err != nil {
			return err
		}
	}
	t.put(p, node{kind: fs.ModeDir, named: named || ok && n.named})
	return os.Chmod(t.file(p), dirMode(mode))
}

// dirMode is the mode that a folder gets: the sticky bit is for /tmp.
func dirMode(mode fs.FileMode) fs.FileMode { return mode&(fs.ModePerm|fs.ModeSticky) | 0o700 }

func (t *tree) putFile(p string, h *tar.Header, r io.Reader) error {
	f, err := os.OpenFile(t.file(p), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	t.put(p, node{named: true, size: h.Size})
	if _, err := io.CopyBuffer(struct{ io.Writer }{f}, r, t.buffer); err != nil {
		return err
	}
	if err := f.Chmod(h.FileInfo().Mode()&fs.ModePerm | 0o400); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Chtimes(t.file(p), h.ModTime, h.ModTime)
}

func (t *tree) putSymlink(p, link string) error {
	if err := os.Symlink(link, t.file(p)); err != nil {
		return err
	}
	t.put(p, node{kind: fs.ModeSymlink, link: link, named: true})
	return nil
}

// hardLink gives a file a second name, or makes a copy where the file system has no further names for it.
func hardLink(from, to string, buffer []byte) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{in}, buffer); err != nil {
		return err
	}
	if err := out.Chmod(info.Mode()); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}
