package elffile

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/envpack/envpack/internal/fatbin"
)

// File is what the dynamic linker would know of an ELF file. A file without a dynamic section (an object file, a
// static program) has no more than its header's facts and the interpreter.
type File struct {
	Class   elf.Class // ELFCLASS32 or ELFCLASS64
	Data    elf.Data  // ELFDATA2LSB or ELFDATA2MSB
	Type    elf.Type
	Machine elf.Machine

	Interpreter string     // PT_INTERP: the linker that a program asks for
	Soname      string     // DT_SONAME
	Needed      []string   // DT_NEEDED, in order
	Rpath       string     // DT_RPATH; without effect where there is a Runpath (ld.so(8))
	Runpath     string     // DT_RUNPATH
	Versions    []Versions // DT_VERNEED, by library

	// CUDA is the code for GPUs, nil without any. Only [ReadCUDA] looks for it, in little-endian 64-bit files with a dynamic
	// section: what is linked statically opens no driver.
	CUDA *fatbin.Summary
	// CUDAFault says why CUDA is not known although there is some.
	CUDAFault string
}

// Versions are the interface versions that a file needs of one library, such as GLIBC_2.17 of libc.so.6.
type Versions struct {
	Library string   `json:"library"`
	Names   []string `json:"names"` // sorted bytewise, each once
}

// ErrNotELF says that a file does not begin with ELF's magic number.
var ErrNotELF = errors.New("not an ELF file")

const (
	maxHeaders  = 1024      // program headers; linkers make about a dozen
	maxDynamic  = 256 << 10 // bytes of the dynamic section
	maxString   = 4096      // bytes of a string with its NUL: PATH_MAX
	maxList     = 128 << 10 // bytes of a list of folders; TensorFlow's libraries have some kB, a folder for each part of CUDA
	maxVersions = 256 << 10 // bytes of the table of version needs
	maxStrings  = 1024      // strings of a file; PySide's largest have about a hundred
)

// Read reads a file of size bytes by ranges, in few passes: once forward to the dynamic section, which mostly stands near
// the end, and then twice from where the strings begin. Errors: ErrNotELF, what r returned, wrapped, or a description of
// what is malformed.
func Read(r io.ReaderAt, size int64) (*File, error) {
	return (&reader{r: r, size: size, file: &File{}}).read(nil)
}

// ReadCUDA does what Read does, and finds the code for GPUs, on the way to the dynamic section as a rule.
func ReadCUDA(r Walker, size int64) (*File, error) {
	return (&reader{r: r, size: size, file: &File{}}).read(r)
}

// span is a part of a file that is wanted.
type span struct {
	offset int64
	data   []byte // its length is what is wanted; filled by fetch
}

// reader is a file being read.
type reader struct {
	r     io.ReaderAt
	size  int64
	order binary.ByteOrder
	wide  bool // 64-bit
	loads []segment
	table table
	file  *File
}

// segment is a program header.
type segment struct {
	kind                  elf.ProgType
	offset, address, size uint64 // size is that in the file
	writable              bool
}

// fetch fills the spans, which lie within the file and may overlap, from the first to the last.
func (r *reader) fetch(spans []*span) error {
	slices.SortFunc(spans, func(a, b *span) int { return cmp.Compare(a.offset, b.offset) })
	for _, s := range spans {
		if n, err := r.r.ReadAt(s.data, s.offset); n < len(s.data) {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("reading %d bytes at %d: %w", len(s.data), s.offset, err)
		}
	}
	return nil
}

// read reads the file, and w for code unless it is nil.
func (r *reader) read(w Walker) (*File, error) {
	headers, err := r.header()
	if err != nil {
		return nil, err
	}
	var dynamic, interpreter *span
	for _, h := range headers {
		switch h.kind {
		case elf.PT_LOAD:
			r.loads = append(r.loads, h)
		case elf.PT_DYNAMIC:
			if dynamic == nil {
				dynamic, err = r.span(h.offset, h.size, maxDynamic, "the dynamic section")
			}
		case elf.PT_INTERP:
			if interpreter == nil {
				interpreter, err = r.span(h.offset, h.size, maxString, "the interpreter's path")
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if interpreter != nil {
		if err := r.fetch([]*span{interpreter}); err != nil {
			return nil, err
		}
		if r.file.Interpreter, err = text(interpreter.data); err != nil {
			return nil, fmt.Errorf("the interpreter's path: %w", err)
		}
	}
	if dynamic == nil {
		return r.file, nil
	}
	if w != nil && r.wide && r.file.Data == elf.ELFDATA2LSB {
		if err := r.code(w); err != nil {
			return nil, err
		}
	}
	if err := r.fetch([]*span{dynamic}); err != nil {
		return nil, err
	}
	if err := r.dynamic(dynamic.data); err != nil {
		return nil, err
	}
	return r.file, nil
}

// header reads the ELF header and the program headers (System V ABI, chapters 4 and 5).
func (r *reader) header() ([]segment, error) {
	first := &span{data: make([]byte, min(r.size, 64))}
	if len(first.data) < 4 {
		return nil, ErrNotELF
	}
	if err := r.fetch([]*span{first}); err != nil {
		return nil, err
	}
	b := first.data
	if string(b[:4]) != elf.ELFMAG {
		return nil, ErrNotELF
	}
	if len(b) < 52 {
		return nil, errors.New("the ELF header is cut off")
	}
	f := r.file
	f.Class, f.Data = elf.Class(b[elf.EI_CLASS]), elf.Data(b[elf.EI_DATA])
	switch f.Data {
	case elf.ELFDATA2LSB:
		r.order = binary.LittleEndian
	case elf.ELFDATA2MSB:
		r.order = binary.BigEndian
	default:
		return nil, fmt.Errorf("the byte order %d is unknown", b[elf.EI_DATA])
	}
	f.Type, f.Machine = elf.Type(r.order.Uint16(b[16:])), elf.Machine(r.order.Uint16(b[18:]))
	var offset uint64
	var size, count, entry int
	switch f.Class {
	case elf.ELFCLASS32:
		offset, size, count, entry = uint64(r.order.Uint32(b[28:])), int(r.order.Uint16(b[42:])), int(r.order.Uint16(b[44:])), 32
	case elf.ELFCLASS64:
		if len(b) < 64 {
			return nil, errors.New("the ELF header is cut off")
		}
		r.wide = true
		offset, size, count, entry = r.order.Uint64(b[32:]), int(r.order.Uint16(b[54:])), int(r.order.Uint16(b[56:])), 56
		if r.order.Uint16(b[58:]) == sectionSize {
			r.table = table{r.order.Uint64(b[40:]), int(r.order.Uint16(b[60:])), int(r.order.Uint16(b[62:]))}
		}
	default:
		return nil, fmt.Errorf("the class %d is unknown", b[elf.EI_CLASS])
	}
	if count == 0 {
		return nil, nil
	}
	if size != entry || count > maxHeaders {
		return nil, fmt.Errorf("it has %d program headers of %d bytes", count, size)
	}
	table, err := r.span(offset, uint64(count*entry), maxHeaders*56, "the program headers")
	if err != nil {
		return nil, err
	}
	if err := r.fetch([]*span{table}); err != nil {
		return nil, err
	}
	headers := make([]segment, count)
	for i := range headers {
		p := table.data[i*entry:]
		h := &headers[i]
		h.kind = elf.ProgType(r.order.Uint32(p))
		if r.wide {
			h.writable = elf.ProgFlag(r.order.Uint32(p[4:]))&elf.PF_W != 0
			h.offset, h.address, h.size = r.order.Uint64(p[8:]), r.order.Uint64(p[16:]), r.order.Uint64(p[32:])
		} else {
			h.offset, h.address, h.size = uint64(r.order.Uint32(p[4:])), uint64(r.order.Uint32(p[8:])), uint64(r.order.Uint32(p[16:]))
		}
	}
	return headers, nil
}

// span is a part of the file that must lie within it and be no longer than limit.
func (r *reader) span(offset, size, limit uint64, what string) (*span, error) {
	end := uint64(r.size)
	if size > limit {
		return nil, fmt.Errorf("%s of %d bytes is too large", what, size)
	}
	if offset > end || size > end-offset {
		return nil, fmt.Errorf("%s (%d bytes at %d) is not within the file of %d bytes", what, size, offset, end)
	}
	return &span{int64(offset), make([]byte, size)}, nil
}

// locate finds where in the file an address is, and how many bytes of its segment follow there.
func (r *reader) locate(address uint64) (offset, rest uint64, ok bool) {
	for _, l := range r.loads {
		if address >= l.address && address-l.address < l.size && l.offset <= uint64(r.size) {
			in := address - l.address
			rest = min(l.size, uint64(r.size)-l.offset)
			if in >= rest {
				return 0, 0, false
			}
			return l.offset + in, rest - in, true
		}
	}
	return 0, 0, false
}

// text is the string at the beginning of b.
func text(b []byte) (string, error) {
	n := bytes.IndexByte(b, 0)
	if n < 0 {
		return "", fmt.Errorf("a string has no end within %d bytes", len(b))
	}
	for _, c := range b[:n] {
		if c < 0x20 || c == 0x7f {
			return "", fmt.Errorf("the string %q has control characters", b[:min(n, 100)])
		}
	}
	return string(b[:n]), nil
}

// sorted gives the elements in bytewise order, each once.
func sorted(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}
