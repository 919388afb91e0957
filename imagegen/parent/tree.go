package parent

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/imagegen/layertar"
	"github.com/envpack/envpack/imagegen/links"
)

// Other is the kind of an entry that is neither file, folder nor link: a device or a pipe.
const Other layer.Kind = 'x'

// Entry is one name in the image's file system. A hard link is a File like every other name of its content.
type Entry struct {
	Path string     `json:"path"` // relative, clean; "" is the root
	Kind layer.Kind `json:"kind"` // File, Dir, Symlink or Other
	Mode uint32     `json:"mode"` // as of layer.Entry
	UID  int        `json:"uid,omitempty"`
	GID  int        `json:"gid,omitempty"`
	Size int64      `json:"size,omitempty"` // bytes of a File
	Link string     `json:"link,omitempty"` // target of a Symlink, as it stands
}

// Tree is the file system that the layers make together. Paths may have a leading slash.
type Tree struct{ root *node }

// node is a name. Hard links share the inode.
type node struct {
	*inode
	children map[string]*node // of a folder
	layer    int              // that named it last
}

// inode is what a name stands for.
type inode struct {
	kind  layer.Kind
	mode  uint32
	uid   int
	gid   int
	size  int64
	link  string
	known *content // what was kept of a file; may be nil
}

func newTree() *Tree {
	return &Tree{&node{inode: &inode{kind: layer.Dir, mode: 0o755}, children: map[string]*node{}}}
}

// clean gives the path relative to the root, which is "". What leads above the root stays at it.
func clean(p string) string { return layertar.Clean(p) }

// walk follows the symlinks in p, save for the last name unless all is set, and gives the path without any and
// what is there: nil if nothing is.
func (t *Tree) walk(p string, all bool) (string, *node, error) {
	at, err := links.Follow(p, all, func(p string) (string, bool) {
		if n := t.at(p); n != nil && n.kind == layer.Symlink {
			return n.link, true
		}
		return "", false
	})
	if err != nil {
		return "", nil, err
	}
	return at, t.at(at), nil
}

// at is what is at a path without symlinks in it; nil: nothing.
func (t *Tree) at(p string) *node {
	n := t.root
	for left, more := p, p != ""; more && n != nil; {
		var name string
		name, left, more = strings.Cut(left, "/")
		n = n.children[name]
	}
	return n
}

func (n *node) entry(p string) Entry {
	return Entry{Path: p, Kind: n.kind, Mode: n.mode, UID: n.uid, GID: n.gid, Size: n.size, Link: n.link}
}

// Lstat finds the entry at p itself; symlinks in its parents are followed. The entry's path has none in its parents.
func (t *Tree) Lstat(p string) (Entry, bool) {
	at, n, err := t.walk(p, false)
	if err != nil || n == nil {
		return Entry{}, false
	}
	return n.entry(at), true
}

// Stat finds what p leads to, all symlinks followed. The entry's path is where that is.
func (t *Tree) Stat(p string) (Entry, bool) {
	at, n, err := t.walk(p, true)
	if err != nil || n == nil {
		return Entry{}, false
	}
	return n.entry(at), true
}

// Read gives the text of a file that was kept: those that [Read] names. Symlinks are followed.
func (t *Tree) Read(p string) ([]byte, bool) {
	c := t.content(p)
	if c == nil || c.Text == nil {
		return nil, false
	}
	return c.Text, true
}

func (t *Tree) content(p string) *content {
	_, n, err := t.walk(p, true)
	if err != nil || n == nil || n.kind != layer.File {
		return nil
	}
	return n.known
}

// List gives the names in a folder, sorted; symlinks that lead to it are followed.
func (t *Tree) List(folder string) []string {
	_, n, err := t.walk(folder, true)
	if err != nil || n == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(n.children))
}

// All gives every entry but the root, folders before what is in them, siblings sorted.
func (t *Tree) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		t.root.each("", func(p string, n *node) bool { return yield(n.entry(p)) })
	}
}

// Entries gives the tree as entries of a layer, in the order of [Tree.All]. The content of a file that was not kept
// has a size, and cannot be opened; entries of the kind Other cannot be written. They are what a layer above is
// compared with, not what one is made of.
func (t *Tree) Entries() []layer.Entry {
	var list []layer.Entry
	t.root.each("", func(p string, n *node) bool {
		e := layer.Entry{Path: p, Kind: n.kind, Mode: n.mode, UID: n.uid, GID: n.gid, Link: n.link}
		switch {
		case n.kind != layer.File:
		case n.known != nil && n.known.Text != nil:
			e.Content = layer.Bytes(n.known.Text)
		default:
			e.Content = layer.Opener{Length: n.size, Open: func() (io.ReadCloser, error) {
				return nil, fmt.Errorf("/%s is in the image that is stood upon, and its content was not kept", p)
			}}
		}
		list = append(list, e)
		return true
	})
	return list
}

func (n *node) each(p string, visit func(string, *node) bool) bool {
	for _, name := range slices.Sorted(maps.Keys(n.children)) {
		c := n.children[name]
		at := path.Join(p, name)
		if !visit(at, c) || !c.each(at, visit) {
			return false
		}
	}
	return true
}

// stored is a Tree as JSON. Names that are no UTF-8 are lost in JSON, so a path is kept as bytes.
type stored struct {
	Path []byte `json:"name"`
	Link []byte `json:"target,omitempty"`
	Entry
	Content *content `json:"content,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (t *Tree) MarshalJSON() ([]byte, error) {
	list := []stored{t.root.stored("")}
	t.root.each("", func(p string, n *node) bool {
		list = append(list, n.stored(p))
		return true
	})
	return json.Marshal(list)
}

func (n *node) stored(p string) stored {
	s := stored{Path: []byte(p), Link: []byte(n.link), Entry: n.entry(p), Content: n.known}
	s.Entry.Path, s.Entry.Link = "", ""
	return s
}

// UnmarshalJSON implements json.Unmarshaler. Errors: text that MarshalJSON did not give.
func (t *Tree) UnmarshalJSON(data []byte) error {
	var list []stored
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	fresh := newTree()
	for _, s := range list {
		e := s.Entry
		i := &inode{e.Kind, e.Mode, e.UID, e.GID, e.Size, string(s.Link), s.Content}
		p := string(s.Path)
		if p == "" {
			fresh.root.inode = i
			continue
		}
		folder, name := path.Split(p)
		_, in, err := fresh.walk(folder, true)
		if err != nil || in == nil || in.kind != layer.Dir {
			return fmt.Errorf("%q is in no folder", p)
		}
		in.put(name, i, 0)
	}
	*t = *fresh
	return nil
}

// put makes name stand for i. A folder that is there keeps what is in it.
func (n *node) put(name string, i *inode, layerNumber int) {
	c := &node{inode: i, layer: layerNumber}
	if i.kind == layer.Dir {
		c.children = map[string]*node{}
		if old := n.children[name]; old != nil && old.kind == layer.Dir {
			c.children = old.children
		}
	}
	n.children[name] = c
}
