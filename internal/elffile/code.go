package elffile

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/envpack/envpack/internal/fatbin"
)

const (
	sectionSize = 64        // bytes of a section's header of ELF64
	maxSections = 4096      // linkers make some dozens
	maxNames    = 256 << 10 // bytes of the sections' names
)

// Walker is a file that can be read in order without being held.
type Walker interface {
	io.ReaderAt
	// Walk hands the bytes from one offset to another to f, in chunks that are valid until f returns.
	Walk(from, to int64, f func(p []byte) error) error
}

// table is what the ELF header says of the sections.
type table struct {
	offset uint64
	count  int
	names  int // which section has the names
}

// code finds code for GPUs in what is loaded and never written to.
func (r *reader) code(w Walker) error {
	var until uint64
	for _, l := range r.loads {
		if !l.writable && l.offset <= uint64(r.size) {
			until = max(until, l.offset+min(l.size, uint64(r.size)-l.offset))
		}
	}
	finder := &fatbin.Finder{Limit: int64(until)}
	err := w.Walk(0, int64(until), func(p []byte) error {
		finder.Write(p)
		return nil
	})
	if err != nil {
		return err
	}
	var sections []fatbin.Section
	var known bool
	if len(finder.Containers()) > 0 || finder.Doubtful() { // else the file need not be read to its end, where the sections' headers stand
		if sections, known, err = r.sections(finder); err != nil {
			return err
		}
	}
	found, err := finder.Summary(sections, known)
	if err != nil {
		r.file.CUDAFault = err.Error()
	}
	r.file.CUDA = found
	return nil
}

// sections finds the sections of code by their names, which are read only where they are needed: the one section that begins
// with a container is one of code, whatever its name. They are not known if there is no table of sections that makes sense.
func (r *reader) sections(finder *fatbin.Finder) (all []fatbin.Section, known bool, err error) {
	if r.table.count == 0 || r.table.count > maxSections || r.table.names >= r.table.count {
		return nil, false, nil
	}
	headers, err := r.span(r.table.offset, uint64(r.table.count)*sectionSize, maxSections*sectionSize, "")
	if err != nil {
		return nil, false, nil
	}
	if err := r.fetch([]*span{headers}); err != nil {
		return nil, false, err
	}
	le := binary.LittleEndian
	place := func(h []byte) (offset, size uint64) { return le.Uint64(h[24:]), le.Uint64(h[32:]) }
	begins := map[uint64]bool{}
	for _, p := range finder.Containers() {
		begins[uint64(p.Offset)] = true
	}
	for h := headers.data; len(h) > 0; h = h[sectionSize:] {
		if offset, size := place(h); begins[offset] && size > 0 && size <= uint64(r.size) {
			all = append(all, fatbin.Section{Offset: int64(offset), Size: int64(size)})
		}
	}
	if len(all) < 2 && !finder.Doubtful() {
		return all, len(all) > 0, nil
	}
	all = nil
	offset, size := place(headers.data[r.table.names*sectionSize:])
	names, err := r.span(offset, size, maxNames, "")
	if err != nil {
		return nil, false, nil
	}
	if err := r.fetch([]*span{names}); err != nil {
		return nil, false, err
	}
	for h := headers.data; len(h) > 0; h = h[sectionSize:] {
		at := le.Uint32(h)
		if uint64(at) >= size {
			continue
		}
		name, _, _ := bytes.Cut(names.data[at:], []byte{0})
		relocatable := string(name) == "__nv_relfatbin"
		if offset, size := place(h); (relocatable || string(name) == ".nv_fatbin") && offset <= uint64(r.size) && size <= uint64(r.size) {
			all = append(all, fatbin.Section{Offset: int64(offset), Size: int64(size), Relocatable: relocatable})
		}
	}
	return all, true, nil
}
