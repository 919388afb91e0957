package rootfs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/envpack/envpack/imagegen/layer"
)

// Difference gives the entries of full that base does not have, or has otherwise: what a layer on top of base
// holds so that both together are full. Errors: an entry of base that full does not have, since a layer of plain
// files cannot take one away.
func Difference(base, full *Tree) ([]layer.Entry, error) {
	below := make(map[string]*layer.Entry, len(base.Entries))
	for i := range base.Entries {
		below[base.Entries[i].Path] = &base.Entries[i]
	}
	var added []layer.Entry
	kept := 0
	for _, e := range full.Entries {
		old, there := below[e.Path]
		if !there {
			added = append(added, e)
			continue
		}
		kept++
		same, err := equal(old, &e)
		if err != nil {
			return nil, fmt.Errorf("/%s: %w", e.Path, err)
		}
		if !same {
			added = append(added, e)
		}
	}
	if kept == len(below) {
		return linked(added, full), nil
	}
	for _, e := range full.Entries {
		delete(below, e.Path)
	}
	for p := range below {
		return nil, fmt.Errorf("further packages would take away /%s, which the base has", p)
	}
	return added, nil
}

// linked adds the files that hard links among the entries name, since a link and its file belong into one layer.
func linked(entries []layer.Entry, full *Tree) []layer.Entry {
	named := map[string]bool{}
	for _, e := range entries {
		named[e.Path] = true
	}
	missing := map[string]bool{}
	for _, e := range entries {
		if e.Kind == layer.Hardlink && !named[e.Link] {
			missing[e.Link] = true
		}
	}
	if len(missing) == 0 {
		return entries
	}
	var all []layer.Entry
	for _, e := range full.Entries { // in their order
		if named[e.Path] || missing[e.Path] {
			all = append(all, e)
		}
	}
	return all
}

func equal(a, b *layer.Entry) (bool, error) {
	if a.Kind != b.Kind || a.Mode != b.Mode || a.UID != b.UID || a.GID != b.GID || a.Link != b.Link {
		return false, nil
	}
	if a.Kind != layer.File || layer.Size(a.Content) != layer.Size(b.Content) {
		return a.Kind != layer.File, nil
	}
	x, err := open(a.Content)
	if err != nil {
		return false, err
	}
	defer x.Close()
	y, err := open(b.Content)
	if err != nil {
		return false, err
	}
	defer y.Close()
	return sameBytes(x, y)
}

func open(c layer.Content) (io.ReadCloser, error) {
	switch c := c.(type) {
	case nil:
		return io.NopCloser(bytes.NewReader(nil)), nil
	case layer.Bytes:
		return io.NopCloser(bytes.NewReader(c)), nil
	case layer.Opener:
		return c.Open()
	}
	return nil, errors.New("not a file of the packages")
}

func sameBytes(x, y io.Reader) (bool, error) {
	const chunk = 64 << 10
	a, b := bufio.NewReaderSize(x, chunk), bufio.NewReaderSize(y, chunk)
	for {
		p, errA := a.Peek(1)
		q, errB := b.Peek(1)
		if len(p) == 0 || len(q) == 0 {
			if errA == io.EOF && errB == io.EOF {
				return true, nil
			}
			if errA != nil && errA != io.EOF {
				return false, errA
			}
			if errB != nil && errB != io.EOF {
				return false, errB
			}
			return false, nil
		}
		n := min(a.Buffered(), b.Buffered())
		p, _ = a.Peek(n)
		q, _ = b.Peek(n)
		if !bytes.Equal(p, q) {
			return false, nil
		}
		a.Discard(n)
		b.Discard(n)
	}
}
