package parent

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/pattern"
)

// content is what is kept of a file.
type content struct {
	Text     []byte   `json:"text,omitempty"`     // all of it
	ELF      *elfHead `json:"elf,omitempty"`      // of a binary that was looked at
	Versions []string `json:"versions,omitempty"` // texts in a binary that could be a version of Python 3
	Glibc    string   `json:"glibc,omitempty"`    // the version in a binary that says it is the GNU C library
	Musl     []string `json:"musl,omitempty"`     // texts in a binary that says it is musl, which could be its version
	isMusl   bool
}

// The most bytes of a text that is kept, and of all of them.
const (
	textLimit  = 32 << 20
	textsLimit = 512 << 20
)

const dpkgFolder = "var/lib/dpkg/"

// texts are the files that are kept whole, by path.
var texts = map[string]bool{
	"etc/os-release": true, "usr/lib/os-release": true,
	"etc/passwd": true, "etc/group": true, "etc/shadow": true, "etc/gshadow": true,
	"etc/ld.so.cache": true, "etc/ld.so.conf": true,
	dpkgFolder + "status": true, dpkgFolder + "diversions": true, dpkgFolder + "statoverride": true,
	dpkgFolder + "arch": true, dpkgFolder + "info/format": true,
	// What packages' scripts ask for when they add users and shells.
	"usr/sbin/adduser": true, "etc/shells": true,
}

var (
	textFolders = map[string]bool{dpkgFolder + "status.d": true, dpkgFolder + "alternatives": true, dpkgFolder + "triggers": true, "etc/ld.so.conf.d": true,
		// What pam-auth-update reads and writes.
		"usr/share/pam-configs": true, "usr/share/pam": true, "etc/pam.d": true, "var/lib/pam": true}
	headerFile = pattern.New(`(^|/)include/python3\.[0-9]+[mt]?/patchlevel\.h$`)
	binaries   = pattern.New(`^(python(3(\.[0-9]+[mt]?)?)?|libpython3\.[0-9]+[mt]?\.so[.0-9]*|libc\.so\.6|libc-2\.[0-9]+\.so|` +
		`ld-musl-[a-z0-9_]+\.so\.1|libc\.musl-[a-z0-9_]+\.so\.1|libc\.so)$`) // of musl the loader is the library; its names lead to one another
	muslPath = pattern.New(`^etc/ld-musl-[a-z0-9_]+\.path$`)
)

func keepText(p string) bool {
	folder, name := path.Split(p)
	return texts[p] || textFolders[strings.TrimSuffix(folder, "/")] ||
		folder == dpkgFolder+"info/" && strings.HasSuffix(name, ".list") || // which package has which file
		name == "pyvenv.cfg" || headerFile().MatchString(p) || muslPath().MatchString(p)
}

// keep reads a file of a layer as far as it matters.
func (a *applier) keep(p string, size int64, r io.Reader) (*content, error) {
	switch {
	case keepText(p):
		if size > textLimit || a.texts+size > textsLimit {
			return nil, fmt.Errorf("%d bytes are more than is read of such files", size)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		a.texts += int64(len(text))
		return &content{Text: text}, nil
	case binaries().MatchString(path.Base(p)):
		return scan(r)
	}
	return nil, nil
}

const (
	scanBuffer  = 256 << 10
	scanOverlap = 256 // the longest text that is looked for
	maxVersions = 32

	maxVersionText = 48
)

// scan streams a binary and keeps what it says of itself.
func scan(r io.Reader) (*content, error) {
	c := &content{}
	buf := make([]byte, scanBuffer)
	n, err := io.ReadFull(r, buf)
	c.ELF = parseELF(buf[:min(n, elfHeadSize)])
	if c.ELF == nil { // a script: nothing in it counts
		return c, scanEnd(err)
	}
	for first := true; ; first = false {
		last := err != nil
		c.look(buf[:n], first, last)
		if last {
			if !c.isMusl {
				c.Musl = nil
			}
			return c, scanEnd(err)
		}
		kept := copy(buf, buf[n-scanOverlap:n])
		n, err = io.ReadFull(r, buf[kept:])
		n += kept
	}
}

func scanEnd(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil
	}
	return err
}

// glibcBanner is what the GNU C library says of itself when it is run, in all releases since 2.0.
var glibcBanner = pattern.New(`^GNU C Library [^\n\x00]{0,200}release version ([0-9]+\.[0-9]+)`)

// What musl says of itself when its loader is run (ldso/dynlink.c), and its version, which it prints with that
// (src/internal/version.c): of a release "1.2.5".
var (
	muslBanner  = "musl libc ("
	muslVersion = pattern.New(`^1\.[0-9]{1,2}\.[0-9]{1,3}(-git-[0-9]+-g[0-9a-f]+)?\x00`)
)

// look finds texts in a part of a binary. What begins in the last scanOverlap bytes but one is left to the next part,
// in which it is seen whole and with the byte before it, unless this is the last.
func (c *content) look(b []byte, first, last bool) {
	start, end := 1, len(b)
	if first {
		start = 0
	}
	if !last {
		end -= scanOverlap - 1
	}
	for at := range each(b, "3.", start, end) {
		if v := versionAt(b, at); v != "" && len(c.Versions) < maxVersions && !slices.Contains(c.Versions, v) {
			c.Versions = append(c.Versions, v)
		}
	}
	for at := range each(b, "GNU C Library ", start, end) {
		m := glibcBanner().FindSubmatch(b[at:min(len(b), at+scanOverlap)])
		if m != nil && c.Glibc == "" {
			c.Glibc = string(m[1])
		}
	}
	for range each(b, muslBanner, start, end) {
		c.isMusl = true
	}
	for at := range each(b, "1.", start, end) {
		if v := textAt(b, at, muslVersion()); v != "" && len(c.Musl) < maxVersions && !slices.Contains(c.Musl, v) {
			c.Musl = append(c.Musl, v)
		}
	}
}

// each finds where the text begins in b[start:end].
func each(b []byte, text string, start, end int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for at := start; at < end; at++ {
			i := bytes.Index(b[at:], []byte(text))
			if i < 0 || at+i >= end {
				return
			}
			at += i
			if !yield(at) {
				return
			}
		}
	}
}

// versionText is a version of Python 3 at the end of a C string. Linkers let a string share the end of a longer one,
// as of /usr/local/lib/3.12.1, so anything but a digit or a dot may stand before it.
var versionText = pattern.New(`^3\.[0-9]{1,2}\.[0-9]{1,2}((a|b|rc)[0-9]{1,2})?\+?\x00`)

func versionAt(b []byte, at int) string { return textAt(b, at, versionText()) }

// textAt is the C string of the form at a place, without its end. A number or a dot before it makes it part of another.
func textAt(b []byte, at int, form *regexp.Regexp) string {
	if at > 0 && (b[at-1] == '.' || b[at-1] >= '0' && b[at-1] <= '9') {
		return ""
	}
	m := form.Find(b[at:min(len(b), at+maxVersionText)])
	if m == nil {
		return ""
	}
	return string(m[:len(m)-1])
}
