package parent

import (
	"archive/tar"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
)

// Whiteouts, as the OCI image specification has them (layer.md, Whiteouts).
const (
	whiteout     = ".wh."
	whiteoutMeta = ".wh..wh." // what AUFS kept for itself
	opaque       = ".wh..wh..opq"
)

// The most names of an image, and the most bytes of all its names and link targets: several times what the largest
// images have.
const (
	maxNames     = 4 << 20
	maxNameBytes = 512 << 20
	maxPath      = 4096 // Linux' PATH_MAX
)

// applier puts layers over one another.
type applier struct {
	tree  *Tree
	layer int   // that is being applied, from 1
	names int   // that were put
	bytes int64 // of them
	texts int64 // bytes of the texts that were kept
	note  func(format string, args ...any)
}

// entry applies one entry of a layer (OCI image specification, layer.md, Applying Changesets).
func (a *applier) entry(h *tar.Header, r io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	if len(h.Name) > maxPath || len(h.Linkname) > maxPath {
		return fmt.Errorf("the name %.40q… is longer than a path may be", h.Name)
	}
	if strings.Contains(h.Name, "\x00") || strings.Contains(h.Linkname, "\x00") {
		return fmt.Errorf("the name %q has a NUL", h.Name)
	}
	p := clean(h.Name)
	folder, name := path.Split(p)
	a.names++
	a.bytes += int64(len(p)) + int64(len(h.Linkname))
	if a.names > maxNames || a.bytes > maxNameBytes {
		return fmt.Errorf("the image has more files than are supported")
	}
	switch {
	case p == "":
		if h.Typeflag == tar.TypeDir {
			a.tree.root.inode = inodeOf(h)
		}
		return nil
	case name == opaque:
		_, n, err := a.tree.walk(folder, true)
		if err == nil && n != nil {
			n.clear(a.layer)
		}
		return err
	case strings.HasPrefix(name, whiteoutMeta):
		return nil
	case strings.HasPrefix(name, whiteout):
		return a.remove(folder, strings.TrimPrefix(name, whiteout))
	}
	in, err := a.folder(folder)
	if err != nil {
		return err
	}
	i := inodeOf(h)
	switch h.Typeflag {
	case tar.TypeLink:
		_, target, err := a.tree.walk(h.Linkname, false)
		if err != nil {
			return err
		}
		if target == nil || target.kind == layer.Dir {
			return fmt.Errorf("/%s is a hard link to /%s, which is no file", p, clean(h.Linkname))
		}
		i = target.inode
	case tar.TypeReg, tar.TypeGNUSparse:
		where, _, err := a.tree.walk(folder, true)
		if err != nil {
			return err
		}
		if i.known, err = a.keep(path.Join(where, name), h.Size, r); err != nil {
			return fmt.Errorf("/%s: %w", p, err)
		}
	}
	if old := in.children[name]; old != nil && old.known != nil && old.inode != i {
		a.texts -= int64(len(old.known.Text))
	}
	in.put(name, i, a.layer)
	return nil
}

func inodeOf(h *tar.Header) *inode {
	i := &inode{kind: Other, mode: uint32(h.Mode) & 0o7777, uid: h.Uid, gid: h.Gid}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse:
		i.kind, i.size = layer.File, h.Size
	case tar.TypeDir:
		i.kind = layer.Dir
	case tar.TypeSymlink:
		i.kind, i.link, i.mode = layer.Symlink, h.Linkname, 0o777
	}
	return i
}

// folder finds the folder that an entry goes into, and makes what is missing of it. Where a layer names no folder
// but what is in it, and a layer below has a symlink there, engines differ; containerd follows the link, and so
// does this.
func (a *applier) folder(p string) (*node, error) {
	at, n, err := a.tree.walk(p, true)
	if err != nil {
		return nil, err
	}
	if c := clean(p); at != c {
		a.note("layer %d puts files into /%s without naming it as a folder, and a symlink leads from there to /%s: some engines replace the link", a.layer, c, at)
	}
	if n != nil {
		if n.kind != layer.Dir {
			return nil, fmt.Errorf("there are entries below /%s, which is no folder", at)
		}
		return n, nil
	}
	up, err := a.folder(path.Dir(at))
	if err != nil {
		return nil, err
	}
	up.put(path.Base(at), &inode{kind: layer.Dir, mode: 0o755}, a.layer)
	return up.children[path.Base(at)], nil
}

// remove takes away what the layers below have under the name.
func (a *applier) remove(folder, name string) error {
	if name == "" || name == "." || name == ".." {
		return fmt.Errorf("the whiteout %q in /%s names nothing", whiteout+name, clean(folder))
	}
	_, in, err := a.tree.walk(folder, true)
	if err != nil || in == nil {
		return err
	}
	if c := in.children[name]; c != nil && !c.prune(a.layer) {
		delete(in.children, name)
	}
	return nil
}

// clear takes away what layers below number have put into the folder.
func (n *node) clear(number int) {
	for name, c := range n.children {
		if !c.prune(number) {
			delete(n.children, name)
		}
	}
}

// prune clears n and tells whether it stays: because the layer itself named it, or something in it.
func (n *node) prune(number int) bool {
	n.clear(number)
	return n.layer == number || len(n.children) > 0
}
