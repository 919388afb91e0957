package testenv

import (
	"debug/elf"
	"encoding/binary"
)

// ELF describes a shared library or program for 64-bit machines: nothing that could run, but what the dynamic linker
// reads of it.
type ELF struct {
	Machine elf.Machine // default x86-64
	Loader  string      // of a program: "/lib64/ld-linux-x86-64.so.2"
	Soname  string
	Needed  []string // sonames
	Runpath string   // "$ORIGIN/../lib"
	// Sections stand before the dynamic section, as linkers put what is only read; with them there is a table of
	// sections at the end.
	Sections []ELFSection
	Apart    int // bytes between the sections' names and their table
}

// ELFSection is a section by its name.
type ELFSection struct {
	Name string
	Data []byte
}

// Bytes is the file: one segment over all of it, at an address equal to its offset.
func (f ELF) Bytes() []byte {
	const header, entry = 64, 56
	le := binary.LittleEndian
	strings := []byte{0}
	at := func(s string) uint64 {
		n := len(strings)
		strings = append(append(strings, s...), 0)
		return uint64(n)
	}
	var tags [][2]uint64
	for _, n := range f.Needed {
		tags = append(tags, [2]uint64{uint64(elf.DT_NEEDED), at(n)})
	}
	if f.Soname != "" {
		tags = append(tags, [2]uint64{uint64(elf.DT_SONAME), at(f.Soname)})
	}
	if f.Runpath != "" {
		tags = append(tags, [2]uint64{uint64(elf.DT_RUNPATH), at(f.Runpath)})
	}
	segments := 2
	if f.Loader != "" {
		segments++
	}
	loaderAt := header + segments*entry
	stringsAt := loaderAt + len(f.Loader) + 1
	sectionsAt := stringsAt + len(strings)
	if len(f.Sections) > 0 { // without them, the bytes are those that golden digests know
		sectionsAt = (sectionsAt + 7) &^ 7
	}
	dynamicAt := sectionsAt
	for _, s := range f.Sections {
		dynamicAt += len(padded(s.Data))
	}
	tags = append(tags, [2]uint64{uint64(elf.DT_STRTAB), uint64(stringsAt)}, [2]uint64{uint64(elf.DT_STRSZ), uint64(len(strings))}, [2]uint64{})
	dynamic := 16 * len(tags)
	out := make([]byte, dynamicAt+dynamic)
	copy(out, "\x7fELF\x02\x01\x01")
	machine := f.Machine
	if machine == 0 {
		machine = elf.EM_X86_64
	}
	le.PutUint16(out[16:], uint16(elf.ET_DYN))
	le.PutUint16(out[18:], uint16(machine))
	le.PutUint32(out[20:], 1)
	le.PutUint64(out[32:], header)
	le.PutUint16(out[52:], header)
	le.PutUint16(out[54:], entry)
	le.PutUint16(out[56:], uint16(segments))
	segment := func(i int, kind elf.ProgType, offset, size int) {
		p := out[header+i*entry:]
		le.PutUint32(p, uint32(kind))
		le.PutUint64(p[8:], uint64(offset))
		le.PutUint64(p[16:], uint64(offset))
		le.PutUint64(p[32:], uint64(size))
		le.PutUint64(p[40:], uint64(size))
	}
	segment(0, elf.PT_LOAD, 0, len(out))
	segment(1, elf.PT_DYNAMIC, dynamicAt, dynamic)
	if f.Loader != "" {
		segment(2, elf.PT_INTERP, loaderAt, len(f.Loader)+1)
	}
	copy(out[loaderAt:], f.Loader)
	copy(out[stringsAt:], strings)
	for i, t := range tags {
		le.PutUint64(out[dynamicAt+16*i:], t[0])
		le.PutUint64(out[dynamicAt+16*i+8:], t[1])
	}
	if len(f.Sections) == 0 {
		return out
	}
	return f.table(out, sectionsAt)
}

// table adds the sections and their table.
func (f ELF) table(out []byte, at int) []byte {
	const header = 64
	le := binary.LittleEndian
	names := []byte("\x00.shstrtab\x00")
	headers := make([]byte, header, header*(len(f.Sections)+2))
	add := func(name, kind, at, size int) {
		h := make([]byte, header)
		le.PutUint32(h, uint32(name))
		le.PutUint32(h[4:], uint32(kind))
		le.PutUint64(h[24:], uint64(at))
		le.PutUint64(h[32:], uint64(size))
		headers = append(headers, h...)
	}
	for _, s := range f.Sections {
		add(len(names), int(elf.SHT_PROGBITS), at, len(s.Data))
		names = append(append(names, s.Name...), 0)
		at += copy(out[at:], padded(s.Data))
	}
	add(1, int(elf.SHT_STRTAB), len(out), len(names))
	out = append(out, padded(names)...)
	out = append(out, make([]byte, f.Apart)...)
	le.PutUint64(out[40:], uint64(len(out)))
	le.PutUint16(out[58:], header)
	le.PutUint16(out[60:], uint16(len(f.Sections)+2))
	le.PutUint16(out[62:], uint16(len(f.Sections)+1))
	return append(out, headers...)
}
