package deflate

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

const (
	windowSize = 32 << 10  // how far back a match reaches
	chunkSize  = 128 << 10 // decoded bytes that are handed to the sink at once
	// outSlack is what one round of the inner loop may write past outLimit: six literals, a match
	// of 258 bytes, and the rest of the last 16 bytes copied.
	outSlack = 320
	outLimit = windowSize + chunkSize
	inSize   = 64 << 10
	// inSlack is what one round of the inner loop may read past ipLimit: two refills, of which
	// each moves ip by at most 8 and reads 8 bytes.
	inSlack = 24
	// overrun is how far ip may stand behind the end of the stream while bits of the stream are
	// still unused: the bit buffer holds less than 8 bytes.
	overrun = 8
	// Unseen is how many of the bytes read up to now the decoder may have to look at still when it reads the next: of a block that
	// begins before these it has told FinalBit.
	Unseen = inSlack + overrun
)

// Stream is what decoding learns about a stream.
type Stream struct {
	Size     int64  // decoded bytes
	CRC32    uint32 // of the decoded bytes (IEEE)
	FinalBit int64  // offset of the BFINAL bit of the last block
	EndBit   int64  // offset of the bit behind the last block
}

// part is what comes next in a stream.
type part uint8

const (
	header part = iota // of a block
	coded
	stored
	end
)

// Decoder inflates one stream after another. The zero value is ready for use; it is about 260 KiB
// large and allocates nothing. It is not safe for concurrent use.
type Decoder struct {
	src    io.Reader
	mem    []byte // the stream, when it is in memory
	rest   int64  // bytes of the stream that are not yet in `in`
	in     []byte // what is being read: mem, or buf
	base   int64  // offset in the stream of in[0]
	ip     int    // next byte of `in` to go into the bit buffer
	inEnd  int    // end of the stream's bytes in `in`
	ipMax  int    // the inner loop begins no round with ip beyond
	last   bool   // `in` ends with the stream, and zeros follow
	nbits  uint   // bits in the bit buffer
	bits   uint64 // the bit buffer; above nbits it repeats what stands at ip
	op     int    // next byte of out to be written
	passed int    // bytes of out that the sink has seen
	why    string // the fault found by the inner loop

	sink  func([]byte) error
	limit int64
	total int64
	crc   uint32

	// What remains when the sink stopped the decoder, which can go on from there.
	part  part
	final bool // the block is the last
	left  int  // bytes of a stored block that are still to be copied
	found Stream

	// before, which may be nil, is called at each block with the offset of its first bit. Then no CRC is computed.
	before func(bit int64)
	skip   uint // bits to pass over before the first block

	lit  litTable
	dist distTable
	lens [maxLitSymbols + maxDistSymbols]uint8
	// fixed tells that lit and dist hold the fixed codes.
	fixed bool

	buf [inSize + overrun + inSlack]byte
	out [outLimit + outSlack]byte
}

// Decode inflates the stream that is the next compressedSize bytes of src, and reads no more than
// those. sink gets the decoded bytes in chunks, each valid until it returns; it may be nil. Not
// more than limit bytes are passed to it.
//
// Errors: [ErrTruncated], [*CorruptError], [*TrailingError], [*LimitError], what src or sink
// returned, wrapped; io.ErrUnexpectedEOF, wrapped, when src ends early.
func (d *Decoder) Decode(src io.Reader, compressedSize, limit int64, sink func(p []byte) error) (Stream, error) {
	if compressedSize < 0 {
		return Stream{}, fmt.Errorf("inflating: compressed size %d is negative", compressedSize)
	}
	d.reset(limit, sink)
	d.src, d.rest = src, compressedSize
	d.in = d.buf[:]
	s, err := d.stream(compressedSize)
	d.src, d.sink = nil, nil
	return s, err
}

// DecodeBytes is Decode for a stream in memory.
func (d *Decoder) DecodeBytes(src []byte, limit int64, sink func(p []byte) error) (Stream, error) {
	d.reset(limit, sink)
	d.in = d.buf[:]
	if len(src) > inSize {
		d.mem, d.in = src, src
		d.inEnd, d.ipMax = len(src), len(src)-inSlack
	} else {
		copy(d.buf[:], src)
		d.setLast(len(src))
	}
	s, err := d.stream(int64(len(src)))
	d.mem, d.in, d.sink = nil, nil, nil
	return s, err
}

func (d *Decoder) reset(limit int64, sink func([]byte) error) {
	d.src, d.mem, d.in, d.rest, d.base = nil, nil, nil, 0, 0
	d.ip, d.inEnd, d.ipMax, d.last = 0, 0, -1, false
	d.bits, d.nbits = 0, 0
	d.op, d.passed, d.why = 0, 0, ""
	d.sink, d.limit, d.total, d.crc = sink, limit, 0, 0
	d.part, d.final, d.found, d.before, d.skip = header, false, Stream{}, nil, 0
}

// stream inflates all blocks, from where it stands.
func (d *Decoder) stream(size int64) (Stream, error) {
	for d.part != end {
		var err error
		switch d.part {
		case header:
			err = d.beginBlock()
		case coded:
			err = d.block()
		case stored:
			err = d.copyStored()
		}
		if err != nil {
			return d.found, err
		}
	}
	s := &d.found
	s.EndBit = d.position()
	if s.EndBit > size*8 {
		return *s, ErrTruncated
	}
	if err := d.flush(); err != nil {
		return *s, err
	}
	if last := (s.EndBit + 7) / 8; last != size {
		return *s, &TrailingError{End: last, Size: size}
	}
	s.Size, s.CRC32 = d.total, d.crc
	return *s, nil
}

// beginBlock reads the header of a block.
func (d *Decoder) beginBlock() error {
	if err := d.refill(); err != nil {
		return err
	}
	if d.skip > 0 {
		d.take(d.skip)
		d.skip = 0
		if err := d.refill(); err != nil {
			return err
		}
	}
	d.found.FinalBit = d.position()
	if d.before != nil {
		d.before(d.found.FinalBit)
	}
	bits := d.take(3)
	d.final, d.part = bits&1 != 0, coded
	switch bits >> 1 {
	case 0:
		d.part = stored
		return d.beginStored()
	case 1:
		d.fixedTables()
		return nil
	case 2:
		return d.dynamicTables()
	}
	return d.corrupt("invalid block type")
}

// endBlock goes on behind a block.
func (d *Decoder) endBlock() {
	if d.part = header; d.final {
		d.part = end
	}
}

// FinalBit gives, while a stream is decoded, what [Stream].FinalBit will be, once the last block has begun.
func (d *Decoder) FinalBit() (bit int64, known bool) { return d.found.FinalBit, d.final }

// position is the offset of the next unused bit.
func (d *Decoder) position() int64 {
	return (d.base+int64(d.ip))*8 - int64(d.nbits)
}

// corrupt is the error for a fault in the bits before the current position, unless those are
// already past the end: then nothing is known but that the stream is cut off.
func (d *Decoder) corrupt(why string) error {
	bit := d.position()
	if d.last && bit > (d.base+int64(d.inEnd))*8 {
		return ErrTruncated
	}
	return &CorruptError{Bit: bit, Why: why}
}

// take removes n bits, which must be there.
func (d *Decoder) take(n uint) uint32 {
	v := uint32(d.bits & (1<<n - 1))
	d.bits >>= n
	d.nbits -= n
	return v
}

// refill makes at least 56 bits available, past the end of the stream zeros. It is ErrTruncated to
// have used bits past the end.
func (d *Decoder) refill() error {
	if d.ip > d.ipMax {
		if err := d.more(); err != nil {
			return err
		}
	}
	d.bits |= binary.LittleEndian.Uint64(d.in[d.ip:]) << (d.nbits & 63)
	d.ip += int((63 - d.nbits) >> 3)
	d.nbits |= 56
	return nil
}

// more gets the next input.
func (d *Decoder) more() error {
	if d.last {
		return ErrTruncated
	}
	// The bytes in the bit buffer are kept too: a stored block goes back to them.
	from := max(d.ip-8, 0)
	n := copy(d.buf[:], d.in[from:d.inEnd])
	d.base += int64(from)
	d.in, d.ip = d.buf[:], d.ip-from
	if d.mem != nil {
		d.setLast(n)
		return nil
	}
	read := int(min(int64(inSize-n), d.rest))
	if _, err := io.ReadFull(d.src, d.buf[n:n+read]); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("reading the deflate stream: %w", err)
	}
	d.rest -= int64(read)
	if d.rest == 0 {
		d.setLast(n + read)
		return nil
	}
	d.inEnd, d.ipMax = n+read, n+read-inSlack
	return nil
}

// setLast says that buf holds the end of the stream, in its first n bytes.
func (d *Decoder) setLast(n int) {
	clear(d.buf[n : n+overrun+inSlack])
	d.inEnd, d.ipMax, d.last = n, n+overrun, true
}

// flush hands what is decoded to the sink and keeps the window.
func (d *Decoder) flush() error {
	p := d.out[d.passed:d.op]
	if int64(len(p)) > d.limit-d.total {
		return &LimitError{Limit: d.limit}
	}
	if d.before == nil {
		d.crc = crc32.Update(d.crc, crc32.IEEETable, p)
	}
	d.total += int64(len(p))
	d.passed = d.op
	if d.sink != nil && len(p) > 0 {
		if err := d.sink(p); err == errEnough {
			return err
		} else if err != nil {
			return fmt.Errorf("passing on inflated bytes: %w", err)
		}
	}
	if d.op > windowSize {
		copy(d.out[:windowSize], d.out[d.op-windowSize:d.op])
		d.op = windowSize
	}
	d.passed = d.op
	return nil
}

// beginStored reads the lengths of a stored block (RFC 1951, 3.2.4).
func (d *Decoder) beginStored() error {
	d.take(d.nbits & 7)
	if err := d.refill(); err != nil {
		return err
	}
	n, inverse := d.take(16), d.take(16)
	if n != inverse^0xffff {
		return d.corrupt("invalid stored block lengths")
	}
	d.ip -= int(d.nbits >> 3)
	d.bits, d.nbits = 0, 0
	d.left = int(n)
	return nil
}

// copyStored copies the rest of a stored block.
func (d *Decoder) copyStored() error {
	for d.left > 0 {
		if d.op >= outLimit {
			if err := d.flush(); err != nil {
				return err
			}
		}
		if d.ip >= d.inEnd {
			if err := d.more(); err != nil {
				return err
			}
		}
		c := copy(d.out[d.op:outLimit], d.in[d.ip:min(d.ip+d.left, d.inEnd)])
		d.op += c
		d.ip += c
		d.left -= c
	}
	d.endBlock()
	return nil
}

// block inflates the rest of a block of Huffman codes.
func (d *Decoder) block() error {
	for {
		// First what can be stopped, so that going on is no second refill.
		if d.op >= outLimit {
			if err := d.flush(); err != nil {
				return err
			}
		}
		if err := d.refill(); err != nil {
			return err
		}
		switch d.inflate() {
		case blockEnded:
			d.endBlock()
			return nil
		case blockBroken:
			return d.corrupt(d.why)
		}
	}
}
