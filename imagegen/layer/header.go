package layer

import (
	"strconv"
	"strings"
)

const (
	blockSize = 512
	// Mtime is the modification time of every entry: 1980-01-01T00:00:00Z, the earliest that zip tools
	// can hold.
	Mtime = 315532800

	maxName    = 100       // USTAR name and linkname (POSIX.1-2017, pax, ustar Interchange Format)
	maxPrefix  = 155       // USTAR prefix
	maxSize    = 1<<33 - 1 // eleven octal digits
	paxName    = "pax_header"
	symlinkAll = 0o777
)

// capabilityKey is the record of the extended attribute security.capability, as GNU tar, libarchive and the engines
// name it (OCI image specification, File Attributes).
const capabilityKey = "SCHILY.xattr.security.capability"

// appendHeader appends the tar header of an entry with size bytes of content: one block, after those of
// a PAX header if USTAR cannot hold path, link, size or attributes.
func appendHeader(dst []byte, e *Entry, size int64) []byte {
	name := e.Path
	if e.Kind == Dir {
		name += "/"
	}
	var records []string // in order of their keys
	if e.Capability != "" {
		records = append(records, paxRecord(capabilityKey, e.Capability))
	}
	link := e.Link
	if len(link) > maxName || !isASCII(link) {
		records = append(records, paxRecord("linkpath", link))
		link = shorten(link)
	}
	prefix, base, ok := split(name)
	if !ok {
		records = append(records, paxRecord("path", name))
		prefix, base = "", shorten(name)
	}
	field := size
	if size > maxSize {
		records = append(records, paxRecord("size", strconv.FormatInt(size, 10)))
		field = 0
	}
	if len(records) > 0 {
		body := strings.Join(records, "")
		dst = appendBlock(dst, header{name: paxName, mode: 0o644, size: int64(len(body)), kind: 'x'})
		dst = append(dst, body...)
		dst = append(dst, make([]byte, padding(int64(len(body))))...)
	}
	mode := int64(e.Mode)
	if e.Kind == Symlink {
		mode = symlinkAll
	}
	return appendBlock(dst, header{
		name: base, prefix: prefix, mode: mode, uid: int64(e.UID), gid: int64(e.GID), size: field, kind: byte(e.Kind), link: link,
	})
}

// split divides a name into USTAR's prefix and name, at the last slash that is possible. A name that
// fits is not divided.
func split(name string) (prefix, base string, ok bool) {
	if !isASCII(name) {
		return "", "", false
	}
	if len(name) <= maxName {
		return "", name, true
	}
	// The slash itself is in neither part, and the last part must not be empty.
	at := strings.LastIndexByte(name[:min(maxPrefix+1, len(name)-1)], '/')
	if at <= 0 || len(name)-at-1 > maxName {
		return "", "", false
	}
	return name[:at], name[at+1:], true
}

// shorten is what stands in a USTAR field whose value is in a PAX record: no reader that knows PAX
// looks at it.
func shorten(s string) string {
	b := []byte(s[:min(len(s), maxName)])
	for i, c := range b {
		if c >= 0x80 {
			b[i] = '_'
		}
	}
	return string(b)
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// paxRecord is "LENGTH KEY=VALUE\n", where the length counts itself (POSIX.1-2017, pax Extended Header).
func paxRecord(key, value string) string {
	rest := len(" ") + len(key) + len("=") + len(value) + len("\n")
	n := rest
	for {
		total := rest + len(strconv.Itoa(n))
		if total == n {
			return strconv.Itoa(n) + " " + key + "=" + value + "\n"
		}
		n = total
	}
}

// header is the fields of a USTAR header that are not the same in all.
type header struct {
	name, prefix, link   string
	mode, uid, gid, size int64
	kind                 byte
}

// appendBlock appends a USTAR header block. All numbers fit.
func appendBlock(dst []byte, h header) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, blockSize)...)
	b := dst[at:]
	copy(b[0:100], h.name)
	octal(b[100:108], h.mode)
	octal(b[108:116], h.uid)
	octal(b[116:124], h.gid)
	octal(b[124:136], h.size)
	octal(b[136:148], Mtime)
	b[156] = h.kind
	copy(b[157:257], h.link)
	copy(b[257:265], "ustar\x0000")
	octal(b[329:337], 0)
	octal(b[337:345], 0)
	copy(b[345:500], h.prefix)
	copy(b[148:156], "        ")
	sum := int64(0)
	for _, c := range b {
		sum += int64(c)
	}
	octal(b[148:155], sum) // and the space stays
	return dst
}

// octal fills a field with digits and a NUL at its end.
func octal(field []byte, v int64) {
	n := len(field) - 1
	for i := n - 1; i >= 0; i-- {
		field[i] = byte('0' + v&7)
		v >>= 3
	}
	field[n] = 0
}

// padding is the number of zeros behind n bytes of content.
func padding(n int64) int64 { return -n & (blockSize - 1) }
