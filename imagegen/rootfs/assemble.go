package rootfs

import (
	"context"
	"fmt"
	"io"
	"path"
	"sort"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/debfile"
)

// Deb is one binary package. Its bytes were checked against the lock by whoever opened it.
type Deb struct {
	Name         string
	Version      string
	Architecture string
	File         io.ReaderAt
	Size         int64
}

// Options say what the tree is for.
type Options struct {
	Architecture string // "amd64", "arm64"
	Python       string // minor version of the interpreter, "3.11"; "" for none
	Spool        Spool
	Parallel     int // packages unpacked at once; at least 1
	Progress     func(bytes int64)
}

// unpacked is a package whose files are in the spool.
type unpacked struct {
	Deb
	control   string
	members   map[string][]byte // control members besides control: scripts, md5sums, …
	multiArch string
	shipped   []string // paths as packaged, in archive order
	entries   []layer.Entry
}

// Tree is what Assemble makes.
type Tree struct {
	Entries []layer.Entry // sorted, with every parent folder
	// Unread are calls of update-alternatives that only a shell could read, by package.
	Unread map[string][]string
}

// Assemble unpacks the packages and does what their maintainer scripts would have done. The order
// of debs does not matter. Errors name the package and the path: a package that is no .deb or not
// the one that it is said to be, two packages that ship one path (which dpkg refuses too, whatever
// the content, unless it is a folder).
func Assemble(ctx context.Context, debs []Deb, o Options) (*Tree, error) {
	debs = append([]Deb(nil), debs...)
	sort.SliceStable(debs, func(i, j int) bool {
		if debs[i].Name != debs[j].Name {
			return debs[i].Name < debs[j].Name
		}
		return debs[i].Architecture < debs[j].Architecture
	})
	all, err := unpackAll(ctx, debs, o)
	if err != nil {
		return nil, err
	}
	t := newTree()
	if err := t.ship(all); err != nil {
		return nil, err
	}
	t.linkMerged()
	result := &Tree{Unread: map[string][]string{}}
	if err := t.configure(all, o, result); err != nil {
		return nil, fmt.Errorf("assembling the root file system: %w", err)
	}
	result.Entries = t.entries()
	return result, nil
}

// configure is what the maintainer scripts would do, in the order in which it builds on itself.
func (t *tree) configure(all []*unpacked, o Options, result *Tree) error {
	if err := t.defaults(); err != nil {
		return err
	}
	if err := t.accounts(); err != nil {
		return err
	}
	var choices []alternative
	for _, d := range all {
		found, unread := parseAlternatives(string(d.members["postinst"]))
		choices = append(choices, found...)
		if len(unread) > 0 {
			result.Unread[d.Name] = unread
		}
	}
	t.alternatives(choices)
	if err := t.trust(); err != nil {
		return err
	}
	t.python(o.Python)
	if err := t.linkerCache(o.Architecture); err != nil {
		return err
	}
	return t.database(all, o.Architecture)
}

func unpackAll(ctx context.Context, debs []Deb, o Options) ([]*unpacked, error) {
	all := make([]*unpacked, len(debs))
	var next atomic.Int64 // the spool's first free byte
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(o.Parallel, 1))
	for i, d := range debs {
		group.Go(func() error {
			u, err := unpack(ctx, d, o, &next)
			if err != nil {
				return fmt.Errorf("package %s %s: %w", d.Name, d.Version, err)
			}
			all[i] = u
			return nil
		})
	}
	return all, group.Wait()
}

func unpack(ctx context.Context, d Deb, o Options, next *atomic.Int64) (*unpacked, error) {
	file, err := debfile.Open(d.File, d.Size)
	if err != nil {
		return nil, err
	}
	u := &unpacked{Deb: d}
	if err := u.readControl(file); err != nil {
		return nil, err
	}
	err = file.Data(func(e debfile.Entry, content io.Reader) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return u.take(e, content, o, next)
	})
	return u, err
}

// take puts one packaged file in its place, under the merged /usr.
func (u *unpacked) take(e debfile.Entry, content io.Reader, o Options, next *atomic.Int64) error {
	if e.Path == "" || e.Path == "." {
		return nil
	}
	u.shipped = append(u.shipped, e.Path)
	kind := layer.Kind(e.Kind)
	entry := layer.Entry{
		Path: merge(e.Path, kind),
		Kind: kind,
		Mode: e.Mode,
		UID:  e.UID,
		GID:  e.GID,
	}
	switch kind {
	case layer.Hardlink:
		entry.Link = merge(path.Clean(e.Link), layer.File)
	case layer.Symlink:
		entry.Link, entry.Mode = e.Link, 0o777
	case layer.File:
		at := next.Add(e.Size) - e.Size
		n, err := io.Copy(&spoolWriter{o.Spool, at}, content)
		if err != nil {
			return fmt.Errorf("/%s: %w", e.Path, err)
		}
		if n != e.Size {
			return fmt.Errorf("/%s: %d bytes of %d", e.Path, n, e.Size)
		}
		entry.Content = newSpooled(o.Spool, at, n)
		if o.Progress != nil {
			o.Progress(n)
		}
	}
	u.entries = append(u.entries, entry)
	return nil
}
