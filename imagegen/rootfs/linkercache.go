package rootfs

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"maps"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
)

// linkerArch is what the linker's cache says of a library of one architecture: the flags word of
// glibc's sysdeps/generic/ldconfig.h, and the folders that are searched without being configured.
type linkerArch struct {
	machine elf.Machine
	flags   uint32
	trusted []string
}

var linkerArchs = map[string]linkerArch{
	"amd64": {elf.EM_X86_64, 0x0303, []string{"/lib", "/usr/lib"}},
	"arm64": {elf.EM_AARCH64, 0x0a03, []string{"/lib", "/usr/lib"}},
}

// library is one line of the cache.
type library struct {
	name, path string
	flags      uint32
	hwcap      uint64
}

// linkerCache writes /etc/ld.so.cache as ldconfig would, but for its own version, which it puts in,
// and the folders glibc-hwcaps, without which the loader takes the libraries for any processor. The
// loader finds libraries without the cache, but ctypes.util.find_library does not.
func (t *tree) linkerCache(arch string) error {
	about, ok := linkerArchs[arch]
	if !ok {
		return fmt.Errorf("no linker cache is known for architecture %s", arch)
	}
	if !t.exists("etc/ld.so.conf") {
		return nil
	}
	all, _, err := t.linkerLibraries(about)
	if err != nil {
		return err
	}
	t.file("etc/ld.so.cache", 0o644, 0, encodeLinkerCache(all))
	return nil
}

// linkerLibraries finds the libraries whose files are in the spool, in the order of the folders, which it gives too.
func (t *tree) linkerLibraries(about linkerArch) (all []library, folders []string, err error) {
	folders, err = t.linkerFolders("etc/ld.so.conf", 0)
	if err != nil {
		return nil, nil, err
	}
	folders = append(folders, about.trusted...)
	seen := map[string]bool{}
	for _, folder := range folders {
		e, real, ok := t.stat(folder)
		if !ok || e.Kind != layer.Dir || seen[real] {
			continue
		}
		seen[real] = true
		found, err := t.libraries(folder, real, about.machine)
		if err != nil {
			return nil, nil, err
		}
		for i := range found {
			found[i].flags = about.flags
		}
		all = append(all, found...)
	}
	return all, folders, nil
}

// extendedHWCap marks lines of the cache for folders glibc-hwcaps, whose meaning stands apart from them
// (dl-cache.h, DL_CACHE_HWCAP_EXTENSION).
const extendedHWCap = 1 << 62

// linkerCacheOnto adds libraries to an image's cache, if it has one and there are any. Lines for folders
// glibc-hwcaps are left out, as linkerCache leaves them out.
func (t *tree) linkerCacheOnto(arch string, below []CachedLibrary) error {
	about, ok := linkerArchs[arch]
	if !ok {
		return fmt.Errorf("no linker cache is known for architecture %s", arch)
	}
	if !t.exists("etc/ld.so.conf") || !t.exists("etc/ld.so.cache") {
		return nil
	}
	all, folders, err := t.linkerLibraries(about)
	if err != nil || len(all) == 0 {
		return err
	}
	fresh := map[string]bool{}
	for _, l := range all {
		fresh[l.path] = true
	}
	for _, l := range below {
		if l.HWCap&extendedHWCap == 0 && !(fresh[l.Path] && l.Flags == about.flags) {
			all = append(all, library{l.Name, l.Path, l.Flags, l.HWCap})
		}
	}
	rank := func(l library) int {
		at := slices.Index(folders, path.Dir(l.path))
		if at < 0 {
			return len(folders)
		}
		return at
	}
	slices.SortStableFunc(all, func(a, b library) int { return rank(a) - rank(b) })
	t.replace("etc/ld.so.cache", encodeLinkerCache(all))
	return nil
}

// linkerFolders reads ld.so.conf and what it includes, in order.
func (t *tree) linkerFolders(conf string, depth int) ([]string, error) {
	if depth > 8 {
		return nil, fmt.Errorf("/%s: includes nest too deeply", conf)
	}
	data, err := t.read(conf)
	if err != nil {
		return nil, err
	}
	var folders []string
	for _, line := range strings.Split(string(data), "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "hwcap":
		case words[0] == "include":
			for _, pattern := range words[1:] {
				if !path.IsAbs(pattern) {
					pattern = path.Join("/", path.Dir(conf), pattern)
				}
				for _, p := range t.paths(path.Dir(pattern)) {
					if ok, _ := path.Match(clean(pattern), p); !ok {
						continue
					}
					more, err := t.linkerFolders(p, depth+1)
					if err != nil {
						return nil, err
					}
					folders = append(folders, more...)
				}
			}
		default:
			for _, w := range words {
				w, _, _ = strings.Cut(w, "=")
				folders = append(folders, w)
			}
		}
	}
	return folders, nil
}

// libraries finds the shared libraries of one folder. A development link (libx.so, where the SONAME
// begins so) stands for itself, any other file or link for the library's SONAME, as in ldconfig's
// search_dir.
func (t *tree) libraries(folder, real string, machine elf.Machine) ([]library, error) {
	found := map[string]string{}
	for _, p := range t.paths(real) {
		base := path.Base(p)
		if path.Dir(p) != real || !strings.Contains(base, ".so") ||
			!strings.HasPrefix(base, "lib") && !strings.HasPrefix(base, "ld-") {
			continue
		}
		e, _, ok := t.stat(p)
		if !ok || e.Kind != layer.File {
			continue
		}
		soname, ok, err := sharedObject(e, machine)
		if err != nil {
			return nil, fmt.Errorf("/%s: %w", p, err)
		}
		if !ok {
			continue
		}
		name := soname
		if name == "" || t.nodes[p].Kind == layer.Symlink && strings.HasSuffix(base, ".so") && strings.HasPrefix(name, base) {
			name = base
		}
		at := path.Join(real, name)
		if !t.exists(at) {
			at = p
		}
		found[name] = path.Join(folder, path.Base(at))
	}
	var list []library
	for _, name := range slices.Sorted(maps.Keys(found)) {
		list = append(list, library{name: name, path: found[name]})
	}
	return list, nil
}

// sharedObject reads the SONAME of a shared library for the machine; false for any other file.
func sharedObject(e *layer.Entry, machine elf.Machine) (string, bool, error) {
	content, ok := e.Content.(spooled)
	if !ok {
		return "", false, nil
	}
	f, err := elf.NewFile(content.section())
	if err != nil {
		return "", false, nil // a linker script, or not ELF at all
	}
	if f.Machine != machine || f.Type != elf.ET_DYN {
		return "", false, nil
	}
	names, err := f.DynString(elf.DT_SONAME)
	if err != nil {
		return "", false, err
	}
	if len(names) == 0 {
		return "", true, nil
	}
	return names[0], true, nil
}

// encodeLinkerCache writes glibc's format "glibc-ld.so.cache1.1" (sysdeps/generic/dl-cache.h),
// little-endian, without extensions.
func encodeLinkerCache(all []library) []byte {
	sort.SliceStable(all, func(i, j int) bool { return compareLibraries(all[i].name, all[j].name) > 0 })
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
	var entries []byte
	for _, l := range all {
		entries = binary.LittleEndian.AppendUint32(entries, l.flags)
		entries = binary.LittleEndian.AppendUint32(entries, place(l.name))
		entries = binary.LittleEndian.AppendUint32(entries, place(l.path))
		entries = append(entries, 0, 0, 0, 0) // osversion
		entries = binary.LittleEndian.AppendUint64(entries, l.hwcap)
	}
	out := []byte("glibc-ld.so.cache1.1")
	out = binary.LittleEndian.AppendUint32(out, uint32(len(all)))
	out = binary.LittleEndian.AppendUint32(out, uint32(strs.Len()))
	out = append(out, 2, 0, 0, 0) // cache_file_new_flags_endian_little
	out = append(out, make([]byte, header-len(out))...)
	out = append(out, entries...)
	return append(out, strs.Bytes()...)
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
