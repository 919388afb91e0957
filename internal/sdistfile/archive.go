package sdistfile

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strings"
)

// Bounds of what is read of an archive.
const (
	maxMembers = 200_000
	maxMember  = 16 << 20 // bytes of a member that is read
	maxRead    = 64 << 20 // bytes of all that are
	maxTar     = 4 << 30  // bytes of an unpacked tar

	maxDirectory = 32 << 20 // bytes of a zip's directory
)

// Read reads the metadata of a source distribution, a .tar.gz or .zip of one folder; subdirectory is
// where in it the project is, "" for its root.
//
// Errors: those of [Interpret]; an archive that is damaged, or goes beyond what is read.
func Read(ctx context.Context, name string, r io.ReaderAt, size int64, subdirectory string) (*Metadata, error) {
	a := &archive{ctx: ctx, name: name, subdirectory: subdirectory, roots: map[string]Files{}}
	var err error
	if strings.HasSuffix(name, ".zip") {
		err = a.zip(r, size)
	} else {
		err = a.tar(io.NewSectionReader(r, 0, size))
	}
	if err != nil {
		return nil, err
	}
	if a.done != nil {
		return a.done, nil
	}
	switch len(a.roots) {
	case 0:
		if subdirectory != "" && !a.entered {
			return nil, fmt.Errorf("it has no folder %s", subdirectory)
		}
		return Interpret(name, nil)
	case 1:
		for _, files := range a.roots {
			return Interpret(name, files)
		}
	}
	return nil, fmt.Errorf("it has several folders, where a source distribution has one")
}

// archive is one that is being read.
type archive struct {
	ctx          context.Context
	name         string
	subdirectory string
	roots        map[string]Files // by the archive's top folder
	entered      bool             // the subdirectory is there
	members      int
	read         int64
	done         *Metadata // read, with nothing left that could change it
}

// inside gives the top folder that a member is in and its path below the project's root; ok tells
// whether it is wanted.
func (a *archive) inside(member string) (top, name string, ok bool) {
	top, name, found := strings.Cut(path.Clean(member), "/")
	if !found || top == ".." || top == "" {
		return "", "", false
	}
	if a.subdirectory != "" {
		if name, found = strings.CutPrefix(name, a.subdirectory+"/"); !found {
			return "", "", false
		}
		a.entered = true
	}
	return top, name, Wanted(name)
}

// count bounds the number of members, and tells whether to go on.
func (a *archive) count() error {
	if a.members++; a.members > maxMembers {
		return fmt.Errorf("it has more than %d members", maxMembers)
	}
	if a.members%1000 == 0 {
		return a.ctx.Err()
	}
	return nil
}

func (a *archive) take(member string, r io.Reader) error {
	top, name, ok := a.inside(member)
	if !ok {
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(r, maxMember+1))
	if err != nil {
		return fmt.Errorf("reading %s: %w", member, err)
	}
	a.read += int64(len(data))
	if len(data) > maxMember || a.read > maxRead {
		return fmt.Errorf("%s has more bytes than metadata can have", member)
	}
	if a.roots[top] == nil {
		a.roots[top] = Files{}
	}
	a.roots[top][name] = data
	if name == "PKG-INFO" {
		if m, err := Interpret(a.name, Files{name: data}); err == nil && !m.Assumed {
			a.done = m // it is final, whatever follows
		}
	}
	return nil
}

func (a *archive) tar(r io.Reader) error {
	unzip, err := gzip.NewReader(r)
	if err != nil {
		return fmt.Errorf("not a gzip file: %w", err)
	}
	bounded := &bound{r: unzip, left: maxTar, ctx: a.ctx}
	t := tar.NewReader(bounded)
	for a.done == nil {
		h, err := t.Next()
		switch {
		case bounded.err != nil:
			return bounded.err
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.Is(err, tar.ErrInsecurePath):
			return fmt.Errorf("not a readable tar: %w", err)
		}
		if err := a.count(); err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if err := a.take(h.Name, t); err != nil {
			if bounded.err != nil {
				return bounded.err
			}
			return err
		}
	}
	return nil
}

// bound ends a stream that is too long, or that nobody waits for any more.
type bound struct {
	r    io.Reader
	left int64
	ctx  context.Context
	err  error
}

func (b *bound) Read(p []byte) (int, error) {
	if b.err = b.ctx.Err(); b.err != nil {
		return 0, b.err
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		b.err = fmt.Errorf("it unpacks to more than %d bytes", int64(maxTar))
		return 0, b.err
	}
	return n, err
}

func (a *archive) zip(r io.ReaderAt, size int64) error {
	if err := FewMembers(r, size); err != nil {
		return err
	}
	z, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return fmt.Errorf("not a readable zip: %w", err)
	}
	slices.SortStableFunc(z.File, func(x, y *zip.File) int { return strings.Compare(x.Name, y.Name) })
	for _, f := range z.File {
		if err := a.count(); err != nil {
			return err
		}
		if _, _, ok := a.inside(f.Name); !ok || !f.Mode().IsRegular() {
			continue
		}
		m, err := f.Open()
		if err != nil {
			return fmt.Errorf("reading %s: %w", f.Name, err)
		}
		err = a.take(f.Name, m)
		m.Close()
		if err != nil || a.done != nil {
			return err
		}
	}
	return nil
}

// endRecord is the length of a zip's end of central directory record without its comment, which has at most 65,535
// bytes (APPNOTE 4.3.16).
const endRecord = 22

// FewMembers refuses a zip with so many members that its directory alone fills the memory: one of the
// form for more than 65,534, which no source distribution needs, or with a directory that does not end
// where it says. The library reads on from where it begins, however many members and bytes it has.
func FewMembers(r io.ReaderAt, size int64) error {
	tail := make([]byte, min(size, endRecord+65535))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	le := binary.LittleEndian
	for i := len(tail) - endRecord; i >= 0; i-- {
		if string(tail[i:i+4]) != "PK\x05\x06" {
			continue
		}
		members, length, offset := le.Uint16(tail[i+10:]), int64(le.Uint32(tail[i+12:])), int64(le.Uint32(tail[i+16:]))
		switch {
		case members == math.MaxUint16 || offset == math.MaxUint32 || length > maxDirectory:
			return fmt.Errorf("it has more members than are read")
		case offset+length != size-int64(len(tail)-i):
			return fmt.Errorf("not a readable zip: its directory does not end where it says")
		}
		return nil
	}
	return fmt.Errorf("not a zip")
}
