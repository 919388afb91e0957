package compare

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/envpack/envpack/imagegen/layertar"
	"github.com/envpack/envpack/internal/diag"
)

const (
	// entriesLimit and textLimit bound what is kept of all layers of one image: entries, and bytes of their names and
	// of attributes that no earlier entry has. The largest images that people make have a tenth of that.
	entriesLimit = 2_000_000
	textLimit    = 512 << 20
	// factLimit is the most bytes that are kept of a file that tells what is installed.
	factLimit = 32 << 20
)

// Whiteouts, as the OCI image specification has them (layer.md, Whiteouts).
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// index is what is kept of a layer: of each entry all but its content, of which there is the hash.
type index struct {
	layer   int // number in the image
	entries []entry
	byPath  map[string]named  // see effective
	end     int64             // where the last entry ends in the tar, without its padding
	facts   map[string][]byte // files that tell what is installed, by path
	abouts  map[about]*about
	budget  *budget
	room    int64 // bytes that files may still have: a sparse one may claim any number, and take none of the tar
	broken  error // why the layer could not be read on; what is here comes before that
}

// entry is one entry of a tar.
type entry struct {
	path             string // clean; "" is the root
	name             string // as it stands, if it is neither path nor, of a folder, path and a slash
	link             string
	about            *about
	size             int64
	sum              [sha256.Size]byte // of a file's content
	start, data, end int64             // in the tar: of the first header, of the content, and behind it
}

// about is what many entries have in common. It is comparable, so that each is kept once.
type about struct {
	kind         byte // tar's typeflag
	mode         int64
	uid, gid     int
	user, group  string
	modified     string // RFC 3339
	accessed     string
	changed      string
	major, minor int64
	format       tar.Format
	attributes   string // other records of PAX, each "KEY=VALUE" and NUL
}

// budget is what may still be kept of an image, whose layers may be read at once.
type budget struct{ entries, text atomic.Int64 }

func newBudget() *budget { return budgetOf(entriesLimit, textLimit) }

func budgetOf(entries, text int64) *budget {
	b := &budget{}
	b.entries.Store(entries)
	b.text.Store(text)
	return b
}

func newIndex(number int, limit int64, b *budget) *index {
	return &index{layer: number, room: limit, facts: map[string][]byte{}, abouts: map[about]*about{}, budget: b}
}

// factFiles tell what is installed: dpkg's database, and what distribution this is.
var factFiles = map[string]bool{dpkgStatus: true, "etc/os-release": true, "usr/lib/os-release": true}

const dpkgStatus = "var/lib/dpkg/status"

// add takes in an entry and hashes its content.
func (x *index) add(what string, e layertar.Entry) error {
	h := e.Header
	own := entry{path: layertar.Clean(h.Name), link: h.Linkname, size: h.Size, start: blocks(x.end), data: e.Offset}
	if h.Name != own.path && !(h.Typeflag == tar.TypeDir && h.Name == own.path+"/") {
		own.name = h.Name
	}
	a := about{
		kind: h.Typeflag, mode: h.Mode, uid: h.Uid, gid: h.Gid, user: h.Uname, group: h.Gname,
		modified: instant(h.ModTime), accessed: instant(h.AccessTime), changed: instant(h.ChangeTime),
		major: h.Devmajor, minor: h.Devminor, format: h.Format, attributes: attributes(h.PAXRecords),
	}
	text := int64(len(own.path) + len(own.name) + len(own.link))
	known := x.abouts[a]
	if known == nil {
		known = &a
		x.abouts[a] = known
		text += int64(len(a.user) + len(a.group) + len(a.attributes) + len(a.modified))
	}
	own.about = known
	if x.budget.entries.Add(-1) < 0 || x.budget.text.Add(-text) < 0 {
		return tooMany(what)
	}
	if x.room -= max(h.Size, 0); x.room < 0 {
		return diag.New(diag.Failure, "%s has sparse files of more bytes than a layer may unpack to, the last of them %s", what, own.path).
			Hint("it looks made to exhaust who reads it; do not run this image")
	}
	sum := sha256.New()
	if factFiles[own.path] && own.isFile() && h.Size <= factLimit {
		var kept bytes.Buffer
		if _, err := io.Copy(io.MultiWriter(sum, &kept), e.Content); err != nil {
			return err
		}
		x.facts[own.path] = kept.Bytes()
	} else if _, err := io.Copy(sum, e.Content); err != nil {
		return err
	}
	if own.isFile() {
		sum.Sum(own.sum[:0])
	}
	own.end = e.Position()
	x.end = own.end
	x.entries = append(x.entries, own)
	return nil
}

func (e *entry) isFile() bool {
	switch e.about.kind {
	case tar.TypeReg, '\x00', tar.TypeGNUSparse, tar.TypeCont:
		return true
	}
	return false
}

func (e *entry) isDir() bool { return e.about.kind == tar.TypeDir }

// removes tells whether the entry takes something away from the layers below, and what: a path, or what is in it.
func (e *entry) removes() (p string, contents, ok bool) {
	folder, base := path.Split(e.path)
	folder = strings.TrimSuffix(folder, "/")
	switch {
	case base == opaque:
		return folder, true, true
	case strings.HasPrefix(base, whiteout):
		return path.Join(folder, strings.TrimPrefix(base, whiteout)), false, true
	}
	return "", false, false
}

// blocks is the next offset that is a multiple of tar's block size.
func blocks(n int64) int64 { return (n + blockSize - 1) / blockSize * blockSize }

const blockSize = 512

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// basic are the records that only widen a field of the header.
var basic = map[string]bool{
	"path": true, "linkpath": true, "size": true, "uid": true, "gid": true, "uname": true, "gname": true,
	"mtime": true, "atime": true, "ctime": true,
}

func attributes(records map[string]string) string {
	if len(records) == 0 {
		return ""
	}
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(records)) {
		if !basic[k] {
			b.WriteString(k + "=" + records[k] + "\x00")
		}
	}
	return b.String()
}

// kindOf names a typeflag.
func kindOf(flag byte) string {
	switch flag {
	case tar.TypeReg, '\x00', tar.TypeCont:
		return "file"
	case tar.TypeDir:
		return "folder"
	case tar.TypeSymlink:
		return "symbolic link"
	case tar.TypeLink:
		return "hard link"
	case tar.TypeChar:
		return "character device"
	case tar.TypeBlock:
		return "block device"
	case tar.TypeFifo:
		return "pipe"
	case tar.TypeGNUSparse:
		return "sparse file"
	case tar.TypeXGlobalHeader:
		return "global header"
	}
	return fmt.Sprintf("type %q", string(rune(flag)))
}
