package rootfs

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
)

// Both is a base and the system packages that stand on it.
type Both struct {
	Base   *Tree
	System []layer.Entry // what the system packages add to the base and change of it; none without them
	// Unread is that of the system packages.
	Unread map[string][]string
}

// AssembleBoth makes the tree of the base and, apart from it, what further packages add and change. The base is
// the same as without them, and the order of packages does not matter. Each package is unpacked once.
//
// Errors name the package and the path: a package that is no .deb or not the one that it is said to be, two packages that ship
// one path (which dpkg refuses too, whatever the content, unless it is a folder), and packages that take something of the base
// away.
func AssembleBoth(ctx context.Context, base, system []Deb, o Options) (*Both, error) {
	all, err := unpackAll(ctx, append(append([]Deb(nil), base...), system...), o)
	if err != nil {
		return nil, err
	}
	further := map[string]bool{}
	for _, d := range system {
		further[d.Name+":"+d.Architecture] = true
	}
	var below, above []*unpacked
	for _, u := range all {
		if further[u.Name+":"+u.Architecture] {
			above = append(above, u)
		} else {
			below = append(below, u)
		}
	}
	order := configureOrder(below)
	b := &Both{Unread: map[string][]string{}}
	if b.Base, err = assemble(below, order, o); err != nil || len(above) == 0 {
		return b, err
	}
	full, err := assemble(all, append(order, configureOrder(above)...), o)
	if err != nil {
		return nil, err
	}
	for _, u := range above {
		if unread := full.Unread[u.Name]; len(unread) > 0 {
			b.Unread[u.Name] = unread
		}
	}
	b.System, err = Difference(b.Base, full)
	return b, err
}

// Difference gives the entries of full that base has not, or has otherwise, with the folders that lead to
// them. What full lacks of base is an error: a layer above base that only adds cannot say it. A hard link whose file
// is not part of the difference is there as a file: a layer can only link to what it has itself.
func Difference(base, full *Tree) ([]layer.Entry, error) {
	old := map[string]*layer.Entry{}
	for i := range base.Entries {
		old[base.Entries[i].Path] = &base.Entries[i]
	}
	now := map[string]*layer.Entry{}
	differs := map[string]bool{}
	for i := range full.Entries {
		e := &full.Entries[i]
		now[e.Path] = e
		was, there := old[e.Path]
		if there {
			same, err := equal(base, full, was, e)
			if err != nil {
				return nil, fmt.Errorf("comparing /%s: %w", e.Path, err)
			}
			if same {
				continue
			}
			if was.Kind == layer.Dir && e.Kind != layer.Dir {
				return nil, fmt.Errorf("the system packages put something else in the place of the base's folder /%s", e.Path)
			}
		}
		differs[e.Path] = true
	}
	for _, p := range slices.Sorted(maps.Keys(old)) {
		if _, there := now[p]; !there {
			return nil, fmt.Errorf("the system packages take /%s of the base away", p)
		}
	}
	// A name of a file that has changed must change with it.
	for _, e := range full.Entries {
		if e.Kind == layer.Hardlink && differs[e.Link] {
			differs[e.Path] = true
		}
	}
	for _, p := range slices.Collect(maps.Keys(differs)) {
		for i := strings.LastIndexByte(p, '/'); i > 0; i = strings.LastIndexByte(p[:i], '/') {
			differs[p[:i]] = true
		}
	}
	var list []layer.Entry
	for _, e := range full.Entries {
		if !differs[e.Path] {
			continue
		}
		if e.Kind == layer.Hardlink && !differs[e.Link] {
			copied := *now[e.Link]
			copied.Path = e.Path
			e = copied
		}
		list = append(list, e)
	}
	return list, nil
}

// equal compares two entries, content included. Of what both have from the spool the place says it.
func equal(base, full *Tree, a, b *layer.Entry) (bool, error) {
	if a.Kind != b.Kind || a.Mode != b.Mode || a.UID != b.UID || a.GID != b.GID || a.Link != b.Link || a.Capability != b.Capability || layer.Size(a.Content) != layer.Size(b.Content) {
		return false, nil
	}
	if a.Kind != layer.File || layer.Size(a.Content) == 0 {
		return true, nil
	}
	x, inSpool := base.spooledAt[a.Path]
	if y, too := full.spooledAt[b.Path]; inSpool && too && x.spool == y.spool && x.offset == y.offset {
		return true, nil
	}
	old, err := contentBytes(a.Content)
	if err != nil {
		return false, err
	}
	now, err := contentBytes(b.Content)
	return bytes.Equal(old, now), err
}

func contentBytes(c layer.Content) ([]byte, error) {
	switch c := c.(type) {
	case layer.Bytes:
		return c, nil
	case layer.Opener:
		r, err := c.Open()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(r)
	}
	return nil, fmt.Errorf("content of the unknown kind %T", c)
}
