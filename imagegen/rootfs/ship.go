package rootfs

import (
	"path"
	"sort"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/diag"
)

// shipment is a packaged path on its way into the tree.
type shipment struct {
	pkg  string
	from string // the path as packaged, under the merged /usr
	e    *layer.Entry
}

// rank is when an entry is put in its place: links first, because the places of others go through
// them, then folders, then files, then hard links, which name files.
func (s *shipment) rank() int {
	switch s.e.Kind {
	case layer.Symlink:
		return 0
	case layer.Dir:
		return 1
	case layer.Hardlink:
		return 3
	}
	return 2
}

// runtimeFolders are where base-files' postinst puts links before any other package is unpacked,
// with what they lead to.
var runtimeFolders = []struct{ link, folder string }{{"var/run", "/run"}, {"var/lock", "/run/lock"}}

// ship puts all packaged paths in their places. A folder where another package has a link to a
// folder is that folder, as dpkg has it; nothing depends on the order of the packages.
func (t *tree) ship(all []*unpacked) error {
	t.dir("run", 0o755, 0)
	t.dir("run/lock", 0o1777, 0)
	for _, r := range runtimeFolders {
		t.symlink(r.link, r.folder)
	}
	var list []*shipment
	for _, d := range all {
		for _, e := range d.entries { // a copy: places and owners may change
			e.Path = t.merge(e.Path, e.Kind)
			if e.Kind == layer.Hardlink {
				e.Link = t.merge(path.Clean(e.Link), layer.File)
			}
			list = append(list, &shipment{d.Name, e.Path, &e})
		}
	}
	sort.SliceStable(list, func(i, j int) bool {
		a, b := list[i], list[j]
		if a.rank() != b.rank() {
			return a.rank() < b.rank()
		}
		if x, y := strings.Count(a.from, "/"), strings.Count(b.from, "/"); x != y {
			return x < y
		}
		return a.from < b.from
	})
	var through []*shipment // folders where a link is
	for _, s := range list {
		linked, err := t.place(s)
		if err != nil {
			return err
		}
		if linked {
			through = append(through, s)
		}
	}
	for _, s := range through {
		if e, _, ok := t.stat(s.e.Path); !ok || e.Kind != layer.Dir {
			return clash(t.owner[s.e.Path], s.pkg, s.e.Path).Hint("in the first it is a link that leads to no folder, in the second a folder")
		}
	}
	return nil
}

// place puts one entry where the links among its parents lead, and tells whether it is a folder for
// which a link stands. Folders are shared; the first package by name sets the mode, but for
// base-files, whose folders are the file system's own.
func (t *tree) place(s *shipment) (linked bool, err error) {
	e := s.e
	if e.Path, err = t.beyondLinks(e.Path); err != nil {
		return false, err
	}
	if e.Kind == layer.Hardlink {
		if e.Link, err = t.beyondLinks(e.Link); err != nil {
			return false, err
		}
	}
	old, there := t.nodes[e.Path]
	owner, ours := t.owner[e.Path], false
	if there {
		ours = owner == ""
	}
	switch {
	case !there:
	case old.Kind == layer.Dir && e.Kind == layer.Dir:
		if !ours && s.pkg != "base-files" {
			return false, nil
		}
	case old.Kind == layer.Symlink && e.Kind == layer.Dir:
		return true, nil
	case old.Kind == layer.Symlink && e.Kind == layer.Symlink && (ours || old.Link == e.Link):
	default:
		return false, clash(owner, s.pkg, e.Path)
	}
	t.nodes[e.Path], t.owner[e.Path] = e, s.pkg
	return false, nil
}

// beyondLinks is the place of a path whose parents may be links.
func (t *tree) beyondLinks(p string) (string, error) {
	parent, err := t.resolve(path.Dir(p))
	return path.Join(parent, path.Base(p)), err
}

// clash is the error about two packages with one path.
func clash(first, second, p string) *diag.Error {
	if first == "" {
		first = "base-files"
	}
	return diag.New(diag.Failure, "packages %s and %s both ship /%s", first, second, p).
		Hint("they cannot be installed together; take one of them, or what depends on it, out of the base")
}
