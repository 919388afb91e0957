package interpreter

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
)

const (
	// Prefix is the interpreter's folder in the image, as a path of an entry.
	Prefix = "opt/python"
	// Format names the rules by which an archive becomes a layer. Other rules are another format.
	Format = "python/1"
)

// Spool keeps the unpacked files until the layer is written: a temporary file, or memory.
type Spool interface {
	io.ReaderAt
	io.WriterAt
}

// Want is what an archive must be.
type Want struct {
	Version      string // "3.12.4", or "3.12" if the last number does not matter; "" if none does
	Architecture string // as Go and OCI name it: "amd64", "arm64"
	Spool        Spool  // its content before is overwritten from the start
}

// Interpreter is what an archive has.
type Interpreter struct {
	Version string // "3.12.4"
	Minor   string // "3.12"
	// FreeThreaded tells that it is the build without the global lock (PEP 703), whose program and folders have a t behind
	// the minor version.
	FreeThreaded bool
	// Musl tells that its C library is musl, not glibc.
	Musl bool
	// Entries make the layer. Contents lie in the Spool until it is written.
	Entries []layer.Entry
	// Needed are the shared libraries (their sonames, sorted) that files of the archive need and the archive does not
	// bring, those of the C library included.
	Needed []string
	// Users has for each of Needed the first file, by path in the image, that needs it.
	Users map[string]string
	// Glibc is the lowest version of the C library that has all that the files want: "2.17"; "" if they want nothing.
	Glibc string
	// CertFile is where an OpenSSL that the archive brings looks for certificates unless told otherwise:
	// "/etc/ssl/cert.pem". The distribution's own packages need not have it. "" if the archive brings none.
	CertFile string
	// BuiltFor is the folder whose name was replaced in texts: "/install".
	BuiltFor string
	// Dropped are the archive's paths that are not among the entries, below its top folder and sorted; of a folder
	// the folder alone.
	Dropped []string
}

// Name is the minor version as the program and the folders are named by it: "3.12", "3.14t".
func (i *Interpreter) Name() string {
	if i.FreeThreaded {
		return i.Minor + "t"
	}
	return i.Minor
}

// Read reads an archive of size bytes. Errors are [diag.Error]; those about another version, architecture or
// C library than wanted say so.
func Read(ctx context.Context, file io.ReaderAt, size int64, want Want) (*Interpreter, error) {
	stream, err := unpacked(io.NewSectionReader(file, 0, size))
	if err != nil {
		return nil, failure(err)
	}
	defer stream.Close()
	return read(ctx, stream, want)
}

// read reads an unpacked archive.
func read(ctx context.Context, stream io.Reader, want Want) (*Interpreter, error) {
	t := &tree{nodes: map[string]*node{}, spool: want.Spool}
	if err := t.read(ctx, stream); err != nil {
		return nil, failure(err)
	}
	for _, p := range t.order {
		if t.nodes[p].kind == tar.TypeSymlink {
			if _, _, err := t.resolve(p); err != nil {
				return nil, failure(fmt.Errorf("%q %w", p, err))
			}
		}
	}
	i := &Interpreter{Users: map[string]string{}}
	if err := t.recognise(i); err != nil {
		return nil, diag.Wrap(err, diag.Failure, "the interpreter archive has not the form of python-build-standalone's install_only archives").
			Hint("one top folder with bin/python3.N, lib/python3.N and include/python3.N is wanted")
	}
	if want.Version != "" && want.Version != i.Version && want.Version != i.Minor {
		return nil, diag.New(diag.Mismatch, "the interpreter archive has Python %s, and %s is wanted", i.Version, want.Version)
	}
	if err := t.binaries(i, want.Architecture); err != nil {
		return nil, err
	}
	t.rewrite(i.BuiltFor)
	t.links(i.Name())
	t.entries(i)
	return i, nil
}

func failure(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return diag.Wrap(err, diag.Failure, "reading the interpreter archive")
}

var (
	programName  = pattern.New(`^bin/python(3\.[0-9]+)(t?)$`)
	statedNumber = pattern.New(`(?m)^#define\s+PY_VERSION\s+"(3\.[0-9]+)(\.[0-9]+(?:(?:a|b|rc)[0-9]+)?)\+?"`)
)

// recognise finds the interpreter, its version and the folder for which it was built.
func (t *tree) recognise(i *Interpreter) error {
	for _, p := range t.order {
		m := programName().FindStringSubmatch(p)
		switch {
		case m == nil:
		case i.Minor != "" && i.Minor != m[1]:
			return fmt.Errorf("it has bin/python%s and %s", i.Minor, p)
		default: // a free-threaded build has both names
			i.Minor = m[1]
			i.FreeThreaded = i.FreeThreaded || m[2] != ""
		}
	}
	if i.Minor == "" {
		return errors.New("it has no bin/python3.N")
	}
	if _, n, _ := t.resolve("lib/python" + i.Name() + "/os.py"); n == nil || n.kind != tar.TypeReg {
		return fmt.Errorf("it has no lib/python%s/os.py", i.Name())
	}
	suffixes := []string{"", "m"} // 3.7 and older: PEP 3149
	if i.FreeThreaded {
		suffixes = []string{"t"}
	}
	for _, suffix := range suffixes {
		header := "include/python" + i.Minor + suffix + "/patchlevel.h"
		_, n, _ := t.resolve(header)
		if n == nil || n.text == nil {
			continue
		}
		m := statedNumber().FindSubmatch(n.text)
		if m == nil || string(m[1]) != i.Minor {
			return fmt.Errorf("%s tells no version of Python %s", header, i.Minor)
		}
		i.Version = i.Minor + string(m[2])
	}
	if i.Version == "" {
		return fmt.Errorf("it has no include/python%s/patchlevel.h, which tells the version", i.Name())
	}
	var err error
	i.BuiltFor, err = t.builtFor()
	return err
}

// links adds the names by which the interpreter is usually called.
func (t *tree) links(name string) {
	for _, l := range []struct{ name, target string }{{"bin/python3", "python" + name}, {"bin/python", "python3"}} {
		if t.nodes[l.name] == nil {
			t.put(l.name, &node{kind: tar.TypeSymlink, link: l.target})
		}
	}
}

// entries makes the layer's entries.
func (t *tree) entries(i *Interpreter) {
	list := make([]layer.Entry, 0, len(t.order)+2)
	for _, p := range t.order {
		n := t.nodes[p]
		if n.dropped {
			if !isDropped(path.Dir(p)) {
				i.Dropped = append(i.Dropped, p)
			}
			continue
		}
		e := layer.Entry{Path: path.Join(Prefix, p), Kind: layer.Kind(n.kind), Mode: 0o644}
		if n.kind == tar.TypeDir || n.exec {
			e.Mode = 0o755
		}
		switch n.kind {
		case tar.TypeSymlink:
			e.Mode, e.Link = 0o777, n.link
		case tar.TypeLink:
			e.Link = path.Join(Prefix, n.link)
		case tar.TypeReg:
			e.Content = t.contentOf(n)
		}
		list = append(list, e)
	}
	i.Entries = layer.WithParents(list)
	sort.Strings(i.Dropped)
}

func (t *tree) contentOf(n *node) layer.Content {
	switch {
	case n.size == 0:
		return nil
	case n.text != nil:
		return layer.Bytes(n.text)
	}
	spool, offset, size := t.spool, n.offset, n.size
	return layer.Opener{Length: size, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(spool, offset, size)), nil
	}}
}

// sorted are the ELF files' paths in order.
func (t *tree) sorted() []string {
	var list []string
	for p, n := range t.nodes {
		if n.elf != nil {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, strings.Compare)
	return list
}
