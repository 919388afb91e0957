package rootfs

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
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
	AptSources   string // the sources.list of a root that has apt; "" for none
	Spool        Spool
	Parallel     int               // packages unpacked at once; at least 1
	Progress     func(bytes int64) // told the size of each package that is unpacked; may be nil
}

// unpacked is a package whose files are in the spool.
type unpacked struct {
	Deb
	control   string
	members   map[string][]byte // control members besides control: scripts, md5sums, …
	multiArch string
	depends   []string // names, of Pre-Depends and Depends, each alternative
	provides  []string
	shipped   []string // paths as packaged, in archive order
	entries   []layer.Entry
}

// Tree is what Assemble makes.
type Tree struct {
	Entries []layer.Entry // sorted, with every parent folder
	// Unread are what packages' scripts would do and nobody does in their place, by package: the script, the
	// line and the command, with the reason.
	Unread map[string][]string

	spooledAt map[string]spooled // files whose content is in the spool, by path
}

// assemble makes a tree of packages, sorted by name and configured in the given order.
func assemble(all, order []*unpacked, o Options) (*Tree, error) {
	t := newTree()
	var err error
	if t.unmerged, err = isUnmerged(all); err != nil {
		return nil, err
	}
	if err := t.ship(all); err != nil {
		return nil, err
	}
	t.linkMerged()
	result := &Tree{Unread: map[string][]string{}, spooledAt: map[string]spooled{}}
	if err := t.configure(all, order, o, result); err != nil {
		return nil, fmt.Errorf("assembling the root file system: %w", err)
	}
	result.Entries = t.entries(result.spooledAt)
	return result, nil
}

// configure is what the maintainer scripts would do, in the order in which it builds on itself.
func (t *tree) configure(all, order []*unpacked, o Options, result *Tree) error {
	t.baseFolders()
	if err := t.accounts(); err != nil {
		return err
	}
	c := &configuration{t: t, arch: o.Architecture, all: map[string]*unpacked{}}
	for _, d := range all {
		c.all[d.Name] = d
	}
	for _, d := range order {
		if err := c.configure(d, result.Unread); err != nil {
			return err
		}
	}
	baseFiles := c.all["base-files"]
	greeting := baseFiles == nil || baseFiles.members["postinst"] == nil || strings.Contains(string(baseFiles.members["postinst"]), "/etc/motd")
	if err := t.defaults(greeting); err != nil {
		return err
	}
	t.alternatives(c.alternatives)
	if err := t.trust(); err != nil {
		return err
	}
	if o.AptSources != "" && t.exists("usr/bin/apt-get") {
		t.fileIfMissing("etc/apt/sources.list", 0o644, 0, []byte(o.AptSources)) // the installer's, of no package
	}
	t.python(o.Python)
	if err := t.linkerCache(o.Architecture, c.knowsHWCaps()); err != nil {
		return err
	}
	c.records()
	c.tidy()
	return t.database(all, o.Architecture)
}

// configure does what the scripts of one package say, and notes what is left.
func (c *configuration) configure(d *unpacked, left map[string][]string) error {
	before := len(c.alternatives)
	unread, err := c.scripts(d)
	if err != nil {
		return fmt.Errorf("package %s: %w", d.Name, err)
	}
	if c.unread { // a plain reading finds what stands behind conditions that are not known
		found, left := parseAlternatives(string(d.members["postinst"]))
		c.alternatives = append(c.alternatives[:before], found...)
		if len(left) == 0 {
			unread = slices.DeleteFunc(unread, func(s string) bool { return strings.Contains(s, ": update-alternatives ") })
		}
	}
	if len(unread) > 0 {
		left[d.Name] = unread
	}
	return nil
}

// PackageError is about a package that cannot be read, or could not be put where its files are kept.
type PackageError struct {
	Name, Version string
	Err           error
}

// Error implements error.
func (e *PackageError) Error() string {
	return fmt.Sprintf("package %s %s: %v", e.Name, e.Version, e.Err)
}

// Unwrap gives what is wrong with it.
func (e *PackageError) Unwrap() error { return e.Err }

func unpackAll(ctx context.Context, debs []Deb, o Options) ([]*unpacked, error) {
	debs = append([]Deb(nil), debs...)
	sort.SliceStable(debs, func(i, j int) bool {
		if debs[i].Name != debs[j].Name {
			return debs[i].Name < debs[j].Name
		}
		return debs[i].Architecture < debs[j].Architecture
	})
	all := make([]*unpacked, len(debs))
	var next atomic.Int64 // the spool's first free byte
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(o.Parallel, 1))
	for i, d := range debs {
		group.Go(func() error {
			u, err := unpack(ctx, d, o, &next)
			if err != nil {
				return &PackageError{d.Name, d.Version, err}
			}
			all[i] = u
			if o.Progress != nil {
				o.Progress(d.Size)
			}
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

// take spools one packaged file.
func (u *unpacked) take(e debfile.Entry, content io.Reader, o Options, next *atomic.Int64) error {
	if e.Path == "" || e.Path == "." {
		return nil
	}
	u.shipped = append(u.shipped, e.Path)
	kind := layer.Kind(e.Kind)
	entry := layer.Entry{
		Path: e.Path,
		Kind: kind,
		Mode: e.Mode,
		UID:  e.UID,
		GID:  e.GID,
	}
	switch kind {
	case layer.Hardlink:
		entry.Link = e.Link
	case layer.Symlink:
		entry.Link, entry.Mode = e.Link, 0o777
	case layer.File:
		at := next.Add(e.Size) - e.Size
		n, err := io.Copy(io.NewOffsetWriter(o.Spool, at), content)
		if err != nil {
			return fmt.Errorf("/%s: %w", e.Path, err)
		}
		if n != e.Size {
			return fmt.Errorf("/%s: %d bytes of %d", e.Path, n, e.Size)
		}
		entry.Content = newSpooled(o.Spool, at, n)
	}
	u.entries = append(u.entries, entry)
	return nil
}
