package parent

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// cacheOf writes a cache of the new form with pairs of names and paths, of which those before foreign are amd64's.
func cacheOf(foreign int, pairs ...string) []byte {
	order := binary.LittleEndian
	b := append([]byte(newCacheMagic), make([]byte, newCacheHeader-len(newCacheMagic))...)
	order.PutUint32(b[len(newCacheMagic):], uint32(len(pairs)/2))
	b[len(newCacheMagic)+8] = 2
	b = append(b, make([]byte, len(pairs)/2*newCacheEntry)...)
	for i, s := range pairs {
		entry := b[newCacheHeader+i/2*newCacheEntry:]
		flags := uint32(0x0303)
		if i/2 >= foreign {
			flags = 0x0003
		}
		order.PutUint32(entry, flags)
		order.PutUint32(entry[4+i%2*4:], uint32(len(b)))
		b = append(b, s+"\x00"...)
	}
	return b
}

// oldCacheOf writes the old form.
func oldCacheOf(name, path string) []byte {
	order := binary.LittleEndian
	b := append([]byte(oldCacheMagic), make([]byte, 4+oldCacheEntry)...)
	order.PutUint32(b[len(oldCacheMagic):], 1)
	order.PutUint32(b[oldCacheHeader:], 0x0303)
	order.PutUint32(b[oldCacheHeader+8:], uint32(len(name)+1))
	return append(b, name+"\x00"+path+"\x00"...)
}

func TestLibraries(t *testing.T) {
	files := debian("3.11", "3.11.2")
	files = append(files, file{"usr/local/lib/libx.so.1", ""}, file{"usr/lib/libz.so.1.2", ""}, file{"usr/lib/libz.so.1 -> libz.so.1.2", ""}, file{"usr/lib/libold.so.1", ""},
		file{"usr/lib/i386-linux-gnu/libz.so.1", ""}, file{"usr/lib/libgone.so -> nothing", ""},
		file{"etc/ld.so.cache", string(cacheOf(3, "libz.so.1", "/lib/libz.so.1", "libx.so.1", "/usr/local/lib/libx.so.1", "libgone.so.1", "/lib/libgone.so.1", "libz.so.1", "/lib/i386-linux-gnu/libz.so.1"))})
	got, err := read(t, gzipped(t, files...)).Libraries()
	if err != nil {
		t.Fatal(err)
	}
	want := []Library{
		{"libz.so.1", "/lib/libz.so.1", true, 0x0303, 0, ""}, {"libx.so.1", "/usr/local/lib/libx.so.1", true, 0x0303, 0, ""},
		{Name: "libc.so.6", Path: "/lib/x86_64-linux-gnu/libc.so.6"}, {Name: "libold.so.1", Path: "/lib/libold.so.1"}, {Name: "libz.so.1.2", Path: "/lib/libz.so.1.2"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLinkerCache(t *testing.T) {
	old := oldCacheOf("libz.so.1", "/lib/libz.so.1")
	both := append([]byte(oldCacheMagic), 0, 0, 0, 0)
	both = append(both, cacheOf(1, "libz.so.1", "/lib/libz.so.1")...)
	for name, b := range map[string][]byte{"old": old, "both": both, "new": cacheOf(1, "libz.so.1", "/lib/libz.so.1")} {
		got, err := parseLinkerCache(b)
		if diff := cmp.Diff([]Library{{"libz.so.1", "/lib/libz.so.1", true, 0x0303, 0, ""}}, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
		for n := range b {
			if _, err := parseLinkerCache(b[:n]); err == nil && !(name == "both" && n < len(oldCacheMagic)+4+len(newCacheMagic)) {
				t.Errorf("%s: %d bytes of it pass", name, n)
			}
		}
	}
}

// extended adds an extension with the names of folders to a cache.
func extended(b []byte, names ...string) []byte {
	order := binary.LittleEndian
	var offsets []uint32
	for _, n := range names {
		offsets = append(offsets, uint32(len(b)))
		b = append(b, n+"\x00"...)
	}
	b = append(b, make([]byte, -len(b)&3)...)
	at := len(b)
	order.PutUint32(b[newCacheHeader-16:], uint32(at))
	for _, n := range []uint32{0xeaa42174, 2, 0, 0, uint32(at + 40), 0, 1, 0, uint32(at + 40), uint32(4 * len(names))} {
		b = order.AppendUint32(b, n)
	}
	for _, o := range offsets {
		b = order.AppendUint32(b, o)
	}
	return b
}

func TestLinkerCacheOfProcessors(t *testing.T) {
	const hwcap = hwcapExtension | 2<<32 | 1
	b := cacheOf(2, "libz.so.1", "/lib/glibc-hwcaps/x86-64-v3/libz.so.1", "libz.so.1", "/lib/libz.so.1")
	binary.LittleEndian.PutUint64(b[newCacheHeader+16:], hwcap)
	whole := extended(b, "x86-64-v2", "x86-64-v3")
	want := []Library{{"libz.so.1", "/lib/glibc-hwcaps/x86-64-v3/libz.so.1", true, 0x0303, hwcap, "x86-64-v3"}, {"libz.so.1", "/lib/libz.so.1", true, 0x0303, 0, ""}}
	got, err := parseLinkerCache(whole)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	// Without its extension, or with a damaged one, nobody knows the folder.
	want[0].HWCaps = ""
	damaged := extended(b, "x86-64-v2", "x86-64-v3")
	damaged[len(damaged)-4*2-40]++
	for name, b := range map[string][]byte{"none": b, "cut off": whole[:len(whole)-40], "damaged": damaged, "one name": extended(b, "x86-64-v2")} {
		if name == "none" {
			binary.LittleEndian.PutUint32(b[newCacheHeader-16:], 0)
		}
		got, err := parseLinkerCache(b)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
}

func FuzzLinkerCache(f *testing.F) {
	f.Add(cacheOf(1, "libz.so.1", "/lib/libz.so.1"))
	f.Add(oldCacheOf("libz.so.1", "/lib/libz.so.1"))
	f.Add(extended(cacheOf(1, "libz.so.1", "/lib/libz.so.1"), "x86-64-v3"))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := parseLinkerCache(b)
		if err == nil && len(list) > len(b)/oldCacheEntry {
			t.Errorf("%d entries in %d bytes", len(list), len(b))
		}
	})
}
