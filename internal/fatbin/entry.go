package fatbin

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
)

const (
	joined Kind = 256 // several entries, compressed as one

	flagOnly   = 0x100000
	flagFamily = 0x200000
)

// entry reads an entry's header.
func (f *Finder) entry(b []byte) {
	kind, size, payload := Kind(binary.LittleEndian.Uint16(b)), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint64(b[8:])
	left := f.open.to - f.at // behind these 64 bytes
	extra := int64(size) - entrySize
	if version := binary.LittleEndian.Uint16(b[2:]); version != 0x101 {
		f.bad("an entry's version is %#x, and not 0x101", version)
		return
	}
	if extra < 0 || extra > maxExtend || extra%align != 0 || payload%align != 0 || extra > left || payload > uint64(left-extra) {
		f.bad("an entry has a header of %d bytes and a payload of %d", size, payload)
		return
	}
	if rest := left - extra - int64(payload); rest > 0 && rest < entrySize {
		f.bad("%d bytes are left behind an entry", rest)
		return
	}
	if kind != joined {
		code, ok := f.code(kind, b)
		if !ok {
			return
		}
		f.add(code, int64(size)+int64(payload))
		f.skip = extra
		f.next(int64(payload))
		return
	}
	if binary.LittleEndian.Uint32(b[20:]) != entrySize || extra < 8 {
		f.bad("an entry of several names none")
		return
	}
	f.collect(int(extra), func(f *Finder, b []byte) {
		if f.several(b, int64(size)+int64(payload)) {
			f.next(int64(payload))
		}
	})
}

// code reads what an entry's header, or that of an entry among several, says of its code.
func (f *Finder) code(kind Kind, b []byte) (Code, bool) {
	arch, flags := binary.LittleEndian.Uint32(b[28:]), binary.LittleEndian.Uint64(b[40:])
	if arch == 0 || arch > maxArch || flags&flagOnly != 0 && flags&flagFamily != 0 {
		f.bad("an entry is for the architecture %d with flags %#x", arch, flags)
		return Code{}, false
	}
	c := Code{Kind: kind, Arch: Arch{Number: int(arch)}}
	switch {
	case flags&flagOnly != 0:
		c.Arch.Suffix = 'a'
	case flags&flagFamily != 0:
		c.Arch.Suffix = 'f'
	}
	if kind != PTX {
		return c, true
	}
	c.PTX = Version{Major: int(binary.LittleEndian.Uint16(b[26:])), Minor: int(binary.LittleEndian.Uint16(b[24:]))}
	if c.PTX.Major > maxVersion || c.PTX.Minor > maxVersion {
		f.bad("an entry has PTX of version %s", c.PTX)
		return Code{}, false
	}
	if c.PTX.Major == 0 {
		c.PTX = Version{}
	}
	return c, true
}

// several reads the headers of entries that were compressed as one; size is that of all of them in the file, of which
// each gets the share that it has of the inflated data.
func (f *Finder) several(b []byte, size int64) bool {
	count, length := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	if length < 8 || int64(length) > int64(len(b)) || int64(count)*entrySize > int64(length) {
		f.bad("an entry of %d has a table of %d bytes", count, length)
		return false
	}
	type part struct {
		code Code
		size uint64
	}
	var parts []part
	var total uint64
	for b = b[8:length]; count > 0; count-- {
		if len(b) < entrySize {
			f.bad("the table of an entry of several ends early")
			return false
		}
		kind := Kind(binary.LittleEndian.Uint16(b))
		code, ok := f.code(kind, b)
		if !ok {
			return false
		}
		p := part{code, binary.LittleEndian.Uint64(b[8:])}
		if kind == joined || p.size > maxBytes>>20 {
			f.bad("an entry of several has one of kind %d with %d bytes", kind, p.size)
			return false
		}
		parts = append(parts, p)
		total += p.size
		next := uint64(entrySize)
		if at := binary.LittleEndian.Uint32(b[20:]); at != 0 {
			// The extension: place and length of the compiler's options, which end with a NUL.
			if at != entrySize || len(b) < entrySize+8 || binary.LittleEndian.Uint32(b[64:]) != entrySize+8 {
				f.bad("an entry of several has an unknown extension")
				return false
			}
			next += 8 + (uint64(binary.LittleEndian.Uint32(b[68:]))+align)/align*align
		}
		if next > uint64(len(b)) {
			f.bad("the table of an entry of several ends early")
			return false
		}
		b = b[next:]
	}
	left := size
	for i, p := range parts {
		share := left
		if i < len(parts)-1 {
			hi, lo := bits.Mul64(uint64(size), p.size)
			n, _ := bits.Div64(hi, lo, max(total, 1))
			share = int64(n)
		}
		f.add(p.code, share)
		left -= share
	}
	return true
}

func (f *Finder) add(c Code, size int64) { f.codes[c] += size }

// close ends a container.
func (f *Finder) close() {
	c := f.open
	if f.held += len(f.codes); len(f.codes) > maxCodes || len(f.found) >= maxContainers || f.held > maxHeld {
		f.full = true
		return
	}
	c.set = -1
	if len(f.codes) > 0 {
		codes := make([]Code, 0, len(f.codes))
		for code := range f.codes {
			codes = append(codes, code)
		}
		slices.SortFunc(codes, Code.Compare)
		var text strings.Builder
		for _, code := range codes {
			c.sizes = append(c.sizes, f.codes[code])
			text.WriteString(code.String())
			text.WriteByte(' ')
		}
		n, ok := f.numbers[text.String()]
		if !ok {
			if n = len(f.sets); n >= maxGroups {
				f.full = true
				return
			}
			if f.numbers == nil {
				f.numbers = map[string]int{}
			}
			f.numbers[text.String()] = n
			f.sets = append(f.sets, codes)
		}
		c.set = n
	}
	f.found = append(f.found, c)
}
