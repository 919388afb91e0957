package parent

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
)

// Library is a shared library that the image's loader finds by its name.
type Library struct {
	Name string // what programs ask for: "libz.so.1"
	Path string // where it is found, with a leading slash
	// Cached tells that /etc/ld.so.cache names it, Flags and HWCap how (glibc's sysdeps/generic/dl-cache.h); else it lies
	// in a folder where the loader looks without being told.
	Cached bool
	Flags  uint32
	HWCap  uint64
	HWCaps string // the folder below glibc-hwcaps that HWCap means; "" for none
}

// linkerFlags are what the cache says of libraries for an architecture, where that is known.
var linkerFlags = map[string]uint32{"amd64": 0x0303, "arm64": 0x0a03}

// Libraries lists the libraries for the image's architecture: those of the linker's cache in its order, and then
// those that the loader finds without it. Errors: a cache that is none.
func (p *Parent) Libraries() ([]Library, error) {
	if p.Libc.Kind == Musl {
		return p.inFolders(p.muslFolders(), nil), nil
	}
	var list []Library
	all, err := p.LinkerCache()
	if err != nil {
		return nil, err
	}
	flags, known := linkerFlags[p.architecture()]
	for _, l := range all {
		if e, ok := p.Tree.Stat(l.Path); ok && e.Kind == layer.File && (!known || l.Flags == flags) {
			list = append(list, l)
		}
	}
	var folders []string
	for _, folder := range libFolders(p.architecture()) {
		if !strings.HasPrefix(folder, "usr/local/") {
			folders = append(folders, folder)
		}
	}
	return p.inFolders(folders, list), nil
}

// inFolders adds to a list the libraries in folders whose names are not in it.
func (p *Parent) inFolders(folders []string, list []Library) []Library {
	seen := map[string]bool{}
	for _, l := range list {
		seen[l.Name] = true
	}
	for _, folder := range folders {
		for _, name := range p.Tree.List(folder) {
			if seen[name] || !strings.Contains(name, ".so") {
				continue
			}
			if e, ok := p.Tree.Stat(folder + "/" + name); ok && e.Kind == layer.File {
				seen[name] = true
				list = append(list, Library{Name: name, Path: "/" + folder + "/" + name})
			}
		}
	}
	return list
}

// muslFolders are where musl's loader looks (ldso/dynlink.c, load_library): the folders of /etc/ld-musl-MACHINE.path, between
// which stand colons or line ends, or where there is none the usual three.
func (p *Parent) muslFolders() []string {
	machine := strings.TrimSuffix(strings.TrimPrefix(path.Base(p.Libc.Path), "ld-musl-"), ".so.1")
	text, ok := p.Tree.Read("etc/ld-musl-" + machine + ".path")
	if !ok {
		text = []byte("/lib:/usr/local/lib:/usr/lib")
	}
	var folders []string
	for _, f := range strings.FieldsFunc(string(text), func(r rune) bool { return r == ':' || r == '\n' }) {
		folders = append(folders, clean(f))
	}
	return folders
}

// LinkerCache lists all lines of /etc/ld.so.cache, in their order; none if there is no cache. Errors: a cache that is
// none.
func (p *Parent) LinkerCache() ([]Library, error) {
	text, ok := p.Tree.Read("etc/ld.so.cache")
	if !ok {
		return nil, nil
	}
	all, err := parseLinkerCache(text)
	if err != nil {
		return nil, fmt.Errorf("reading /etc/ld.so.cache of the image: %w", err)
	}
	return all, nil
}

// The two forms of the cache (glibc, sysdeps/generic/dl-cache.h). A file may have the old one and the new behind it,
// and then the new counts.
const (
	oldCacheMagic  = "ld.so-1.7.0\x00"
	newCacheMagic  = "glibc-ld.so.cache1.1"
	oldCacheHeader = len(oldCacheMagic) + 4
	oldCacheEntry  = 12 // flags, key, value
	newCacheHeader = 48 // magic, count, length of the strings, flags, extensions, unused
	newCacheEntry  = 24 // flags, key, value, OS version, hardware capabilities
)

// parseLinkerCache reads /etc/ld.so.cache of a machine with this byte order: the little one, as all that are
// supported.
func parseLinkerCache(b []byte) ([]Library, error) {
	if bytes.HasPrefix(b, []byte(oldCacheMagic)) {
		if len(b) < oldCacheHeader {
			return nil, fmt.Errorf("it is cut off")
		}
		count := int64(binary.LittleEndian.Uint32(b[len(oldCacheMagic):]))
		end := int64(oldCacheHeader) + count*int64(oldCacheEntry)
		if end > int64(len(b)) {
			return nil, fmt.Errorf("it is cut off")
		}
		if behind := (end + 7) &^ 7; behind < int64(len(b)) && bytes.HasPrefix(b[behind:], []byte(newCacheMagic)) {
			return parseNewCache(b[behind:])
		}
		return cacheEntries(b[oldCacheHeader:end], oldCacheEntry, b[end:])
	}
	if bytes.HasPrefix(b, []byte(newCacheMagic)) {
		return parseNewCache(b)
	}
	return nil, fmt.Errorf("it is no cache of glibc's")
}

func parseNewCache(b []byte) ([]Library, error) {
	if len(b) < newCacheHeader {
		return nil, fmt.Errorf("it is cut off")
	}
	if order := b[len(newCacheMagic)+8] & 3; order != 0 && order != 2 {
		return nil, fmt.Errorf("it is of a machine with another byte order")
	}
	count := int64(binary.LittleEndian.Uint32(b[len(newCacheMagic):]))
	end := int64(newCacheHeader) + count*int64(newCacheEntry)
	if end > int64(len(b)) {
		return nil, fmt.Errorf("it is cut off")
	}
	list, err := cacheEntries(b[newCacheHeader:end], newCacheEntry, b)
	if err != nil {
		return nil, err
	}
	names, err := cacheHWCaps(b)
	if err != nil {
		return nil, err
	}
	for i, l := range list {
		if number := l.HWCap & 0xffffffff; l.HWCap&hwcapExtension != 0 && number < uint64(len(names)) {
			list[i].HWCaps = names[number]
		}
	}
	return list, nil
}

// hwcapExtension marks the lines whose folder is named in an extension of the cache (DL_CACHE_HWCAP_EXTENSION).
const hwcapExtension = 1 << 62

// cacheHWCaps reads the names of folders glibc-hwcaps of the cache's extension, if it has one. A loader that finds an
// extension damaged goes without, and so do we.
func cacheHWCaps(b []byte) ([]string, error) {
	const magic, hwcaps, head, section = 0xeaa42174, 1, 8, 16
	at := int64(binary.LittleEndian.Uint32(b[newCacheHeader-16:]))
	number := func(at int64) int64 { return int64(binary.LittleEndian.Uint32(b[at:])) }
	size := int64(len(b))
	if at == 0 || at+head > size || number(at) != magic || at+head+number(at+4)*section > size {
		return nil, nil
	}
	var names []string
	for s := at + head; s < at+head+number(at+4)*section; s += section {
		from, length := number(s+8), number(s+12)
		if number(s) != hwcaps || from+length > size {
			continue
		}
		for ; length >= 4; from, length = from+4, length-4 {
			name, err := cacheText(b, number(from))
			if err != nil {
				return nil, err
			}
			names = append(names, name)
		}
	}
	return names, nil
}

// cacheText is the text at an offset.
func cacheText(texts []byte, offset int64) (string, error) {
	if offset >= int64(len(texts)) {
		return "", fmt.Errorf("it is cut off")
	}
	text, _, ok := bytes.Cut(texts[offset:min(int64(len(texts)), offset+maxPath)], []byte{0})
	if !ok {
		return "", fmt.Errorf("a name in it is not ended")
	}
	return string(text), nil
}

// cacheEntries reads entries whose offsets lead into texts.
func cacheEntries(b []byte, size int, texts []byte) ([]Library, error) {
	var list []Library
	for ; len(b) >= size; b = b[size:] {
		l := Library{Cached: true, Flags: binary.LittleEndian.Uint32(b)}
		if size == newCacheEntry {
			l.HWCap = binary.LittleEndian.Uint64(b[16:])
		}
		for at, to := range map[int]*string{4: &l.Name, 8: &l.Path} {
			text, err := cacheText(texts, int64(binary.LittleEndian.Uint32(b[at:])))
			if err != nil {
				return nil, err
			}
			*to = text
		}
		list = append(list, l)
	}
	return list, nil
}
