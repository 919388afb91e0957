package deflate

import (
	"encoding/binary"
	"fmt"
	"io"
)

// bitWriter collects bits, the lowest first, and writes them out in large pieces. Between its
// methods fewer than 8 bits are left over.
type bitWriter struct {
	w     io.Writer
	err   error
	bits  uint64
	nbits uint
	n     int // bytes in buf
	buf   [32<<10 + 8]byte
}

func (b *bitWriter) reset(w io.Writer) {
	b.w, b.err, b.bits, b.nbits, b.n = w, nil, 0, 0, 0
}

// put appends the n low bits of v, of which no others are set; n is at most 56.
func (b *bitWriter) put(v uint64, n uint) {
	b.bits |= v << (b.nbits & 63)
	b.nbits += n
	if b.n > len(b.buf)-8 {
		b.flush()
	}
	binary.LittleEndian.PutUint64(b.buf[b.n:], b.bits)
	b.n += int(b.nbits >> 3)
	b.bits >>= b.nbits &^ 7 & 63
	b.nbits &= 7
}

// align fills the last byte with zero bits.
func (b *bitWriter) align() {
	b.put(0, -b.nbits&7)
}

// storedHeader begins a stored block of n bytes.
func (b *bitWriter) storedHeader(n int, final uint64) {
	b.put(final, 3)
	b.align()
	b.put(uint64(n)|uint64(^uint16(n))<<16, 32)
}

// raw appends whole bytes; the stream must be aligned.
func (b *bitWriter) raw(p []byte) {
	for len(p) > 0 {
		if b.n >= len(b.buf)-8 {
			b.flush()
		}
		n := copy(b.buf[b.n:len(b.buf)-8], p)
		b.n += n
		p = p[n:]
	}
}

// flush writes out all whole bytes. After an error nothing is written any more.
func (b *bitWriter) flush() {
	if b.n > 0 && b.err == nil {
		if _, err := b.w.Write(b.buf[:b.n]); err != nil {
			b.err = fmt.Errorf("writing the deflate stream: %w", err)
		}
	}
	b.n = 0
}
