package rootfs

import (
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/imagegen/links"
)

// tree is a file system in the making. Keys are clean relative paths without a leading slash.
type tree struct {
	nodes map[string]*layer.Entry
	owner map[string]string // package that shipped the path; "" for what we made
	// unmerged says that /bin, /lib and /sbin are folders of their own.
	unmerged bool
}

func newTree() *tree {
	return &tree{nodes: map[string]*layer.Entry{}, owner: map[string]string{}}
}

// get finds the entry at p itself, symlinks in its parents followed.
func (t *tree) get(p string) (*layer.Entry, bool) {
	parent, err := t.resolve(path.Dir(clean(p)))
	if err != nil {
		return nil, false
	}
	e, ok := t.nodes[path.Join(parent, path.Base(p))]
	return e, ok
}

// stat finds what p leads to, all symlinks followed, and where that is.
func (t *tree) stat(p string) (*layer.Entry, string, bool) {
	at, err := t.resolve(p)
	if err != nil {
		return nil, "", false
	}
	e, ok := t.nodes[at]
	if ok && e.Kind == layer.Hardlink {
		e, ok = t.nodes[e.Link]
	}
	return e, at, ok
}

func (t *tree) exists(p string) bool {
	_, _, ok := t.stat(p)
	return ok
}

// resolve follows the symlinks in p and gives the path without any. What is missing is taken as
// a plain name, so that a path to be made can be resolved too.
func (t *tree) resolve(p string) (string, error) {
	return links.Follow(p, true, func(p string) (string, bool) {
		e, ok := t.nodes[p]
		if !ok || e.Kind != layer.Symlink {
			return "", false
		}
		return e.Link, true
	})
}

// clean gives the key for an absolute or relative path; the root is "".
func clean(p string) string {
	p = strings.TrimPrefix(path.Clean("/"+p), "/")
	return p
}

func (t *tree) put(e layer.Entry) {
	at, err := t.resolve(path.Dir(e.Path))
	if err == nil {
		e.Path = path.Join(at, path.Base(e.Path))
	}
	t.nodes[e.Path] = &e
}

// dir makes a folder and its missing parents; one that is there keeps what it has.
func (t *tree) dir(p string, mode uint32, gid int) {
	if t.exists(p) {
		return
	}
	if parent := path.Dir(clean(p)); parent != "." {
		t.dir(parent, 0o755, 0)
	}
	t.put(layer.Entry{Path: clean(p), Kind: layer.Dir, Mode: mode, GID: gid})
}

// file writes a file, over an older one too.
func (t *tree) file(p string, mode uint32, gid int, data []byte) {
	if parent := path.Dir(clean(p)); parent != "." {
		t.dir(parent, 0o755, 0)
	}
	t.put(layer.Entry{Path: clean(p), Kind: layer.File, Mode: mode, GID: gid, Content: layer.Bytes(data)})
}

// fileIfMissing writes a file unless the path leads to something.
func (t *tree) fileIfMissing(p string, mode uint32, gid int, data []byte) {
	if !t.exists(p) {
		t.file(p, mode, gid, data)
	}
}

// symlink makes a link unless something stands at p.
func (t *tree) symlink(p, target string) {
	if _, there := t.get(p); there {
		return
	}
	if parent := path.Dir(clean(p)); parent != "." {
		t.dir(parent, 0o755, 0)
	}
	t.put(layer.Entry{Path: clean(p), Kind: layer.Symlink, Mode: 0o777, Link: target})
}

// copyFile copies one file of the tree to a path where nothing is yet.
func (t *tree) copyFile(from, to string) error {
	if !t.exists(from) || t.exists(to) {
		return nil
	}
	data, err := t.read(from)
	if err != nil {
		return err
	}
	t.file(to, 0o644, 0, data)
	return nil
}

// maxText bounds the files that are read whole: scripts, tables, certificates.
const maxText = 16 << 20

// read gives the content of the file that p leads to.
func (t *tree) read(p string) ([]byte, error) {
	e, _, ok := t.stat(p)
	if !ok {
		return nil, fmt.Errorf("/%s: no such file in the packages", clean(p))
	}
	switch c := e.Content.(type) {
	case nil:
		return nil, nil
	case layer.Bytes:
		return c, nil
	case spooled:
		if c.Length > maxText {
			return nil, fmt.Errorf("/%s: %d bytes are too many", clean(p), c.Length)
		}
		r, err := c.Open()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(r)
	}
	return nil, fmt.Errorf("/%s: not a regular file", clean(p))
}

// paths lists what lies below a folder, sorted bytewise, the folder itself not included.
func (t *tree) paths(folder string) []string {
	prefix := clean(folder) + "/"
	var found []string
	for p := range t.nodes {
		if strings.HasPrefix(p, prefix) {
			found = append(found, p)
		}
	}
	sort.Strings(found)
	return found
}

// entries gives the whole tree, sorted, with every parent, and notes which files are in the spool.
func (t *tree) entries(spooledAt map[string]spooled) []layer.Entry {
	for _, p := range slices.Sorted(maps.Keys(t.nodes)) {
		if parent := path.Dir(p); parent != "." {
			t.dir(parent, 0o755, 0)
		}
	}
	all := make([]layer.Entry, 0, len(t.nodes))
	for _, p := range slices.Sorted(maps.Keys(t.nodes)) {
		e := *t.nodes[p]
		if s, ok := e.Content.(spooled); ok {
			e.Content = s.Opener
			spooledAt[p] = s
		}
		all = append(all, e)
	}
	return all
}
