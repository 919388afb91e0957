package rootfs

import (
	"io"

	"github.com/envpack/envpack/imagegen/layer"
)

// Spool keeps the unpacked files until the layer is written: a temporary file, or memory.
type Spool interface {
	io.ReaderAt
	io.WriterAt
}

// spooled is a file's place in the spool.
type spooled struct {
	layer.Opener
	spool  Spool
	offset int64
}

func (s spooled) section() *io.SectionReader {
	return io.NewSectionReader(s.spool, s.offset, s.Length)
}

func newSpooled(spool Spool, offset, length int64) spooled {
	s := spooled{spool: spool, offset: offset}
	s.Length = length
	s.Open = func() (io.ReadCloser, error) { return io.NopCloser(s.section()), nil }
	return s
}
