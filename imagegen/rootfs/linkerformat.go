package rootfs

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// library is one line of the cache.
type library struct {
	name, path string
	flags      uint32
	hwcap      uint64 // of folders before glibc 2.33
	// hwcaps is the folder below glibc-hwcaps that it lies in, "" for others, and level the instruction set level that its
	// file says it needs, as the number of a bit (dl-cache.h, DL_CACHE_HWCAP_ISA_LEVEL_MASK).
	hwcaps string
	level  uint32
}

// extendedHWCap marks lines of the cache for folders glibc-hwcaps, whose names stand apart from them (dl-cache.h,
// DL_CACHE_HWCAP_EXTENSION). The level is in the bits from 32 on, ten of them, and the number of the name below.
const extendedHWCap, levelBits, maxLevel = 1 << 62, 32, 1<<10 - 1

// before is the order of the lines, that of ldconfig's compare: the loader takes the first that it can use.
func (l library) before(other library) int {
	if order := compareLibraries(other.name, l.name); order != 0 {
		return order
	}
	if order := cmp.Compare(int32(other.flags), int32(l.flags)); order != 0 {
		return order
	}
	if (l.hwcaps == "") != (other.hwcaps == "") {
		if l.hwcaps != "" {
			return -1
		}
		return 1
	}
	return cmp.Compare(l.hwcaps, other.hwcaps)
}

// encodeLinkerCache writes glibc's format "glibc-ld.so.cache1.1" (sysdeps/generic/dl-cache.h), little-endian. Of its
// extensions it has the names of folders glibc-hwcaps, where there are some, and none that says who made it.
func encodeLinkerCache(all []library) []byte {
	slices.SortStableFunc(all, library.before)
	const header, entry = 48, 24
	var strs bytes.Buffer
	at := map[string]uint32{}
	base := uint32(header + entry*len(all))
	place := func(s string) uint32 {
		if off, ok := at[s]; ok {
			return off
		}
		off := base + uint32(strs.Len())
		strs.WriteString(s)
		strs.WriteByte(0)
		at[s] = off
		return off
	}
	var folders []string
	for _, l := range all {
		if l.hwcaps != "" {
			folders = append(folders, l.hwcaps)
		}
	}
	slices.Sort(folders)
	folders = slices.Compact(folders)
	var entries []byte
	for _, l := range all {
		if number, found := slices.BinarySearch(folders, l.hwcaps); found {
			l.hwcap = extendedHWCap | uint64(l.level)<<levelBits | uint64(number)
		}
		entries = binary.LittleEndian.AppendUint32(entries, l.flags)
		entries = binary.LittleEndian.AppendUint32(entries, place(l.name))
		entries = binary.LittleEndian.AppendUint32(entries, place(l.path))
		entries = append(entries, 0, 0, 0, 0) // osversion
		entries = binary.LittleEndian.AppendUint64(entries, l.hwcap)
	}
	var names []byte
	for _, f := range folders {
		names = binary.LittleEndian.AppendUint32(names, place(f))
	}
	out := []byte("glibc-ld.so.cache1.1")
	out = binary.LittleEndian.AppendUint32(out, uint32(len(all)))
	out = binary.LittleEndian.AppendUint32(out, uint32(strs.Len()))
	out = append(out, 2, 0, 0, 0) // cache_file_new_flags_endian_little
	out = append(out, make([]byte, header-len(out))...)
	out = append(out, entries...)
	out = append(out, strs.Bytes()...)
	if len(folders) == 0 {
		return out
	}
	out = append(out, make([]byte, -len(out)&3)...)
	binary.LittleEndian.PutUint32(out[32:], uint32(len(out)))
	const magic, sections, hwcapsSection, size = 0xeaa42174, 1, 1, 8 + 16 // cache_extension, one cache_extension_section
	for _, n := range []uint32{magic, sections, hwcapsSection, 0, uint32(len(out) + size), uint32(len(names))} {
		out = binary.LittleEndian.AppendUint32(out, n)
	}
	return append(out, names...)
}

// compareLibraries is glibc's _dl_cache_libcmp: runs of digits compare as numbers, a digit after
// any other character. The loader searches the cache by it, so it must be exact.
func compareLibraries(a, b string) int {
	digit := func(s string, i int) bool { return i < len(s) && s[i] >= '0' && s[i] <= '9' }
	i, j := 0, 0
	for i < len(a) {
		if digit(a, i) {
			if !digit(b, j) {
				return 1
			}
			var x, y int32 // C's int, which long numbers overflow
			for ; digit(a, i); i++ {
				x = x*10 + int32(a[i]-'0')
			}
			for ; digit(b, j); j++ {
				y = y*10 + int32(b[j]-'0')
			}
			if x != y {
				return int(x - y)
			}
			continue
		}
		if digit(b, j) {
			return -1
		}
		var c byte
		if j < len(b) {
			c = b[j]
		}
		if a[i] != c {
			return int(a[i]) - int(c)
		}
		i++
		j++
	}
	if j < len(b) {
		return -int(b[j])
	}
	return 0
}
