package rootfs

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"maps"
	"math/bits"
	"path"
	"slices"
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

// linkerCache writes /etc/ld.so.cache as ldconfig would, but for its own version, which it puts in. The
// loader finds libraries without the cache, but ctypes.util.find_library does not.
func (t *tree) linkerCache(arch string, hwcaps bool) error {
	about, ok := linkerArchs[arch]
	if !ok {
		return fmt.Errorf("no linker cache is known for architecture %s", arch)
	}
	if !t.exists("etc/ld.so.conf") {
		return nil
	}
	all, _, err := t.linkerLibraries(about, hwcaps)
	if err != nil {
		return err
	}
	t.file("etc/ld.so.cache", 0o644, 0, encodeLinkerCache(all))
	return nil
}

// hwcapsFolder has folders of libraries for some processors, by level of the instruction set.
const hwcapsFolder = "glibc-hwcaps"

// knowsHWCaps tells whether the loader looks into glibc-hwcaps, which it does from glibc 2.33 on.
func (c *configuration) knowsHWCaps() bool {
	libc := c.all["libc6"]
	if libc == nil {
		return false
	}
	var major, minor int
	if _, err := fmt.Sscanf(libc.Version, "%d.%d", &major, &minor); err != nil {
		return false
	}
	return major > 2 || major == 2 && minor >= 33
}

// linkerLibraries finds the libraries whose files are in the spool, in the order of the folders, which it gives too;
// with hwcaps those of the folders glibc-hwcaps below them as well.
func (t *tree) linkerLibraries(about linkerArch, hwcaps bool) (all []library, folders []string, err error) {
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
		found, err := t.libraries(folder, real, "", about)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, found...)
		if !hwcaps {
			continue
		}
		for _, name := range t.hwcapsFolders(folder) {
			p := path.Join(folder, hwcapsFolder, name)
			_, real, _ := t.stat(p)
			if seen[real] {
				continue
			}
			seen[real] = true
			found, err := t.libraries(p, real, name, about)
			if err != nil {
				return nil, nil, err
			}
			all = append(all, found...)
		}
	}
	return all, folders, nil
}

// hwcapsFolders are the names of the folders in a folder's glibc-hwcaps: links are behind what they may lead to.
func (t *tree) hwcapsFolders(folder string) []string {
	_, at, ok := t.stat(path.Join(folder, hwcapsFolder))
	if !ok {
		return nil
	}
	var names, links []string
	for _, p := range t.paths(at) {
		if path.Dir(p) != at || strings.HasPrefix(path.Base(p), ".") {
			continue
		}
		if e, _, ok := t.stat(p); !ok || e.Kind != layer.Dir {
			continue
		}
		if t.nodes[p].Kind == layer.Symlink {
			links = append(links, path.Base(p))
		} else {
			names = append(names, path.Base(p))
		}
	}
	return append(names, links...)
}

// linkerCacheOnto adds libraries to an image's cache, if it has one and there are any.
func (t *tree) linkerCacheOnto(arch string, hwcaps bool, below []CachedLibrary) error {
	about, ok := linkerArchs[arch]
	if !ok {
		return fmt.Errorf("no linker cache is known for architecture %s", arch)
	}
	if !t.exists("etc/ld.so.conf") || !t.exists("etc/ld.so.cache") {
		return nil
	}
	for _, l := range below {
		hwcaps = hwcaps || l.HWCaps != ""
	}
	all, folders, err := t.linkerLibraries(about, hwcaps)
	if err != nil || len(all) == 0 {
		return err
	}
	fresh := map[string]bool{}
	for _, l := range all {
		fresh[l.path] = true
	}
	for _, l := range below {
		if fresh[l.Path] && l.Flags == about.flags {
			continue
		}
		line := library{name: l.Name, path: l.Path, flags: l.Flags, hwcap: l.HWCap, hwcaps: l.HWCaps}
		if l.HWCap&extendedHWCap != 0 {
			if l.HWCaps == "" {
				continue // for processors that the cache does not name
			}
			line.hwcap, line.level = 0, uint32(l.HWCap>>levelBits)&maxLevel
		}
		all = append(all, line)
	}
	rank := func(l library) int {
		folder := path.Dir(l.path)
		if l.hwcaps != "" {
			folder = path.Dir(path.Dir(folder))
		}
		at := slices.Index(folders, folder)
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
func (t *tree) libraries(folder, real, hwcaps string, about linkerArch) ([]library, error) {
	found := map[string]library{}
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
		soname, level, ok, err := sharedObject(e, about.machine)
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
		l := library{name: name, path: path.Join(folder, path.Base(at)), flags: about.flags}
		if hwcaps != "" {
			l.hwcaps, l.level = hwcaps, level
		}
		found[name] = l
	}
	var list []library
	for _, name := range slices.Sorted(maps.Keys(found)) {
		list = append(list, found[name])
	}
	return list, nil
}

// sharedObject reads the SONAME of a shared library for the machine, and the level of the instruction set that it
// needs; false for any other file.
func sharedObject(e *layer.Entry, machine elf.Machine) (soname string, level uint32, ok bool, err error) {
	content, ok := e.Content.(spooled)
	if !ok {
		return "", 0, false, nil
	}
	f, err := elf.NewFile(content.section())
	if err != nil {
		return "", 0, false, nil // a linker script, or not ELF at all
	}
	if f.Machine != machine || f.Type != elf.ET_DYN {
		return "", 0, false, nil
	}
	names, err := f.DynString(elf.DT_SONAME)
	if err != nil {
		return "", 0, false, err
	}
	if len(names) > 0 {
		soname = names[0]
	}
	return soname, levelNeeded(f), true, nil
}

// levelNeeded is the highest bit of what an x86-64 library says that it needs of the instruction set, as ldconfig
// notes it (x86-64 psABI, Program Property, GNU_PROPERTY_X86_ISA_1_NEEDED); 0 where it says nothing.
func levelNeeded(f *elf.File) uint32 {
	const programProperty, noteProperty, isaNeeded, maxNote = 0x6474e553, 5, 0xc0008002, 1 << 16
	if f.Machine != elf.EM_X86_64 {
		return 0
	}
	for _, p := range f.Progs {
		if p.Type != programProperty || p.Filesz > maxNote {
			continue
		}
		note := make([]byte, p.Filesz)
		if _, err := p.ReadAt(note, 0); err != nil {
			return 0
		}
		for len(note) >= 16 {
			size := binary.LittleEndian.Uint32(note[4:])
			isProperty := binary.LittleEndian.Uint32(note[8:]) == noteProperty && string(note[12:16]) == "GNU\x00"
			if note = note[16:]; !isProperty || uint64(size) > uint64(len(note)) {
				break
			}
			properties := note[:size]
			note = note[size:]
			for len(properties) >= 8 {
				kind, length := binary.LittleEndian.Uint32(properties), binary.LittleEndian.Uint32(properties[4:])
				if properties = properties[8:]; uint64(length) > uint64(len(properties)) {
					break
				}
				if kind == isaNeeded && length == 4 {
					return uint32(max(bits.Len32(binary.LittleEndian.Uint32(properties))-1, 0))
				}
				properties = properties[min(int(length+7)&^7, len(properties)):]
			}
		}
	}
	return 0
}
