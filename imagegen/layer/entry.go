package layer

import (
	"io"

	"github.com/envpack/envpack/internal/wheelfile"
)

// Kind is what an entry is in the file system.
type Kind byte

// The kinds of entry, as their tar type flags.
const (
	File     Kind = '0'
	Hardlink Kind = '1'
	Symlink  Kind = '2'
	Dir      Kind = '5'
)

// Entry is one file of a layer.
type Entry struct {
	Path    string // slash-separated, relative, clean; UTF-8
	Kind    Kind
	Mode    uint32 // permission bits with setuid 04000, setgid 02000 and sticky 01000; a Symlink's is written as 0777
	UID     int
	GID     int
	Link    string  // target of a Symlink as it stands, of a Hardlink as a Path in the layer
	Content Content // of a File; nil is an empty file
	// Capability is the value of a File's extended attribute security.capability, as the kernel keeps it
	// (vfs_cap_data); "" for none.
	Capability string
	// Stated is a hash that the content is said to have. If it has another, the layer is written all
	// the same, and the result tells of it as a [Deviation]. nil: nothing is said.
	Stated *wheelfile.Digest
}

// Content is the bytes of a file. It is one of [Bytes], [Opener], [Deflated], [Stored] and [Whole].
type Content interface{ size() int64 }

// Bytes is content in memory.
type Bytes []byte

// Opener is content that is read when the layer is written. Length is its size in bytes; a reader that
// gives more or fewer is an error.
type Opener struct {
	Length int64
	Open   func() (io.ReadCloser, error)
}

// Deflated is a raw deflate stream inside a blob, to be spliced into the layer as it is.
type Deflated struct {
	Blob       Blob
	Offset     int64 // of the stream in the blob
	Compressed int64 // its size
	Length     int64 // inflated size
	CRC32      uint32
}

// Stored is content that lies uncompressed inside a blob.
type Stored struct {
	Blob   Blob
	Offset int64
	Length int64
	CRC32  uint32
}

// Whole is all of a blob, written as Stored is.
type Whole struct{ Blob Blob }

// Blob is a file that the store keeps by its digest; recipes refer to it. That its bytes have the
// digest was checked when it entered the store, and is not checked here.
type Blob interface {
	io.ReaderAt
	Size() int64
	SHA256() string // 64 hexadecimal digits
}

func (b Bytes) size() int64    { return int64(len(b)) }
func (o Opener) size() int64   { return o.Length }
func (d Deflated) size() int64 { return d.Length }
func (s Stored) size() int64   { return s.Length }
func (w Whole) size() int64    { return w.Blob.Size() }

// Size is the number of bytes of a file's content; a nil content has none.
func Size(c Content) int64 {
	if c == nil {
		return 0
	}
	return c.size()
}
