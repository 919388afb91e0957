package wheelfile

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/envpack/envpack/internal/deflate"
)

var decoders = sync.Pool{New: func() any { return new(deflate.Decoder) }}

// Span is the part of the file that holds the member, its headers included: up to the next member.
// One range request for it is enough to read the member.
func (d *Directory) Span(e Entry) (offset, length int64) {
	lo, hi := 0, len(d.byPos)
	for lo < hi {
		mid := (lo + hi) / 2
		if d.Entries[d.byPos[mid]].HeaderOffset <= e.HeaderOffset {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	next := d.start
	if lo < len(d.byPos) {
		next = d.Entries[d.byPos[lo]].HeaderOffset
	}
	return e.HeaderOffset, next - e.HeaderOffset
}

// ReadFile inflates a member of at most limit bytes and checks its local header, size and CRC. With a
// small member it reads the file once, all of the member's span.
//
// Errors: [*Error], wrapping [ErrNotFound] where the wheel has no such member.
func (d *Directory) ReadFile(name string, limit int64) ([]byte, error) {
	e, ok := d.Find(name)
	if !ok {
		return nil, &Error{Wheel: d.Wheel, Member: name, Err: ErrNotFound}
	}
	if e.Size > limit {
		return nil, d.fault(name, "%d bytes are more than %d", e.Size, limit)
	}
	out := make([]byte, 0, e.Size)
	err := d.Inflate(e, func(p []byte) error {
		out = append(out, p...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ErrStop, returned by the sink of [Directory.Inflate], ends it without error and without the checks
// that need the rest.
var ErrStop = errors.New("stop")

// wholeSpan is the largest span that is read at once.
const wholeSpan = 1 << 20

// Inflate hands the content of a member to sink in chunks, each valid until sink returns, and checks
// local header, size and CRC. The checks of size and CRC end it: until then, nothing is proven.
func (d *Directory) Inflate(e Entry, sink func(p []byte) error) error {
	if err := d.inflate(e, sink); err != nil && !errors.Is(err, ErrStop) {
		return &Error{Wheel: d.Wheel, Member: e.Name, Err: err}
	}
	return nil
}

func (d *Directory) inflate(e Entry, sink func(p []byte) error) error {
	src, err := d.compressed(&e)
	if err != nil {
		return err
	}
	if e.Method == Stored {
		return copyStored(e, src, sink)
	}
	dec := decoders.Get().(*deflate.Decoder)
	defer decoders.Put(dec)
	s, err := dec.Decode(src, e.CompressedSize, e.Size, sink)
	if err != nil {
		return err
	}
	return verify(e, s.Size, s.CRC32)
}

// compressed are the compressed bytes of a member, whose local header is checked. Those of a small one are read at once.
func (d *Directory) compressed(e *Entry) (*io.SectionReader, error) {
	r := d.r
	if offset, length := d.Span(*e); e.DataOffset == 0 {
		within := d
		if length <= wholeSpan {
			span := memory{make([]byte, length), offset}
			if err := d.read(span.data, offset); err != nil {
				return nil, fmt.Errorf("reading the member: %w", err)
			}
			r = span
			within = d.From(span)
		}
		if _, err := within.checkLocal(e, offset+length, nil); err != nil {
			return nil, err
		}
	}
	return io.NewSectionReader(r, e.DataOffset, e.CompressedSize), nil
}

func copyStored(e Entry, src io.Reader, sink func([]byte) error) error {
	buf := make([]byte, min(e.Size, 64<<10))
	var size int64
	var crc uint32
	for size < e.Size {
		n, err := src.Read(buf)
		crc = crc32.Update(crc, crc32.IEEETable, buf[:n])
		size += int64(n)
		if n > 0 {
			if err := sink(buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("reading the member: %w", err)
		}
	}
	return verify(e, size, crc)
}

func verify(e Entry, size int64, crc uint32) error {
	if size != e.Size {
		return fmt.Errorf("has %d bytes, not %d as the directory says", size, e.Size)
	}
	if crc != e.CRC32 {
		return fmt.Errorf("has CRC-32 %08x, not %08x as the directory says", crc, e.CRC32)
	}
	return nil
}

// memory is a part of a file.
type memory struct {
	data []byte
	at   int64
}

func (m memory) ReadAt(p []byte, off int64) (int, error) {
	if off < m.at || off-m.at > int64(len(m.data)) {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, m.data[off-m.at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
