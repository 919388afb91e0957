package elffile

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// byteOrder is what both byte orders are.
type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// image describes an ELF file for tests.
type image struct {
	wide        bool
	order       byteOrder
	needed      []string
	soname      string
	rpath       string
	runpath     string
	interpreter string
	versions    []Versions
	padding     int  // bytes between the headers and the rest
	late        bool // the dynamic section stands before its strings, as in patched files
}

// build writes the file: one segment over all of it, at an address other than its offset.
func (m image) build() []byte {
	const base = 0x10000
	order := m.order
	if order == nil {
		order = binary.LittleEndian
	}
	header, entry, dyn := 52, 32, 8
	if m.wide {
		header, entry, dyn = 64, 56, 16
	}
	headers := 2
	if m.interpreter != "" {
		headers++
	}
	var strs bytes.Buffer
	strs.WriteByte(0)
	at := func(s string) uint64 {
		n := strs.Len()
		strs.WriteString(s)
		strs.WriteByte(0)
		return uint64(n)
	}
	type tag struct {
		tag   elf.DynTag
		value uint64
	}
	var tags []tag
	for _, n := range m.needed {
		tags = append(tags, tag{elf.DT_NEEDED, at(n)})
	}
	for _, s := range []struct {
		tag  elf.DynTag
		text string
	}{{elf.DT_SONAME, m.soname}, {elf.DT_RPATH, m.rpath}, {elf.DT_RUNPATH, m.runpath}} {
		if s.text != "" {
			tags = append(tags, tag{s.tag, at(s.text)})
		}
	}
	var versions []byte
	for i, v := range m.versions {
		next := 16 + 16*len(v.Names)
		if i == len(m.versions)-1 {
			next = 0
		}
		versions = order.AppendUint16(versions, 1)
		versions = order.AppendUint16(versions, uint16(len(v.Names)))
		versions = order.AppendUint32(versions, uint32(at(v.Library)))
		versions = order.AppendUint32(versions, 16)
		versions = order.AppendUint32(versions, uint32(next))
		for j, name := range v.Names {
			aux := 16
			if j == len(v.Names)-1 {
				aux = 0
			}
			versions = append(versions, make([]byte, 8)...)
			versions = order.AppendUint32(versions, uint32(at(name)))
			versions = order.AppendUint32(versions, uint32(aux))
		}
	}
	count := len(tags) + 3
	if len(m.versions) > 0 {
		count += 2
	}
	start := header + headers*entry + m.padding
	interpreter := append([]byte(m.interpreter), 0)
	atDynamic, atStrings := start+len(interpreter), 0
	atVersions := 0
	if m.late {
		atVersions = atDynamic + count*dyn
		atStrings = atVersions + len(versions)
	} else {
		atStrings = start + len(interpreter)
		atVersions = atStrings + strs.Len()
		atDynamic = atVersions + len(versions)
	}
	tags = append(tags, tag{elf.DT_STRTAB, base + uint64(atStrings)}, tag{elf.DT_STRSZ, uint64(strs.Len())})
	if len(m.versions) > 0 {
		tags = append(tags, tag{elf.DT_VERNEED, base + uint64(atVersions)}, tag{elf.DT_VERNEEDNUM, uint64(len(m.versions))})
	}
	tags = append(tags, tag{elf.DT_NULL, 0})
	size := max(atDynamic+count*dyn, atStrings+strs.Len(), atVersions+len(versions))
	out := make([]byte, size)
	copy(out, elf.ELFMAG)
	class, data := elf.ELFCLASS32, elf.ELFDATA2LSB
	if m.wide {
		class = elf.ELFCLASS64
	}
	if order == byteOrder(binary.BigEndian) {
		data = elf.ELFDATA2MSB
	}
	out[4], out[5], out[6] = byte(class), byte(data), 1
	order.PutUint16(out[16:], uint16(elf.ET_DYN))
	order.PutUint16(out[18:], uint16(elf.EM_X86_64))
	if m.wide {
		order.PutUint64(out[32:], uint64(header))
		order.PutUint16(out[54:], uint16(entry))
		order.PutUint16(out[56:], uint16(headers))
	} else {
		order.PutUint32(out[28:], uint32(header))
		order.PutUint16(out[42:], uint16(entry))
		order.PutUint16(out[44:], uint16(headers))
	}
	program := func(i int, kind elf.ProgType, offset, size int) {
		p := out[header+i*entry:]
		order.PutUint32(p, uint32(kind))
		if m.wide {
			order.PutUint64(p[8:], uint64(offset))
			order.PutUint64(p[16:], base+uint64(offset))
			order.PutUint64(p[32:], uint64(size))
		} else {
			order.PutUint32(p[4:], uint32(offset))
			order.PutUint32(p[8:], base+uint32(offset))
			order.PutUint32(p[16:], uint32(size))
		}
	}
	program(0, elf.PT_LOAD, 0, size)
	program(1, elf.PT_DYNAMIC, atDynamic, count*dyn)
	if m.interpreter != "" {
		program(2, elf.PT_INTERP, start, len(interpreter))
		copy(out[start:], interpreter)
	}
	for i, t := range tags {
		p := out[atDynamic+i*dyn:]
		if m.wide {
			order.PutUint64(p, uint64(t.tag))
			order.PutUint64(p[8:], t.value)
		} else {
			order.PutUint32(p, uint32(t.tag))
			order.PutUint32(p[4:], uint32(t.value))
		}
	}
	copy(out[atStrings:], strs.Bytes())
	copy(out[atVersions:], versions)
	return out
}
