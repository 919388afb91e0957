package compare

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/envpack/envpack/imagegen/layertar"
)

// scanLimit is the largest offset of a difference in a deflate stream whose block is looked for: the blocks before it
// have to be decoded, bit by bit.
const scanLimit = 64 << 20

// blockAt says in which block of a deflate stream (RFC 1951) a byte is, counted from 1, and how many bytes the stream
// decodes to before what that byte is needed for. The stream follows the first skip bytes of r, and offset counts from
// those. ok is false if the stream ends before, or is none.
func blockAt(r io.Reader, skip, offset int64) (block int, decoded int64, ok bool) {
	b := bufio.NewReaderSize(r, 1<<16)
	if _, err := io.CopyN(io.Discard, b, skip); err != nil {
		return 0, 0, false
	}
	s := &blocks1951{r: b, stop: offset - skip}
	err := s.run()
	return s.block, s.out, errors.Is(err, errThere)
}

var (
	errThere   = errors.New("the byte is reached")
	errCorrupt = errors.New("this is no deflate data")
)

// blocks1951 reads a deflate stream for its structure: what it decodes to is counted, and not kept.
type blocks1951 struct {
	r      io.ByteReader
	read   int64 // bytes
	stop   int64 // offset of the byte at which reading ends with errThere
	hold   uint32
	held   uint // bits in hold
	block  int
	out    int64
	lit    huffman
	dist   huffman
	length [320]uint8
}

// bits takes the next bits, the first as the lowest.
func (s *blocks1951) bits(n uint) (uint32, error) {
	for s.held < n {
		if s.read == s.stop {
			return 0, errThere
		}
		c, err := s.r.ReadByte()
		if err != nil {
			return 0, err
		}
		s.hold |= uint32(c) << s.held
		s.held += 8
		s.read++
	}
	v := s.hold & (1<<n - 1)
	s.hold >>= n
	s.held -= n
	return v, nil
}

func (s *blocks1951) run() error {
	for {
		s.block++
		head, err := s.bits(3)
		if err != nil {
			return err
		}
		switch head >> 1 {
		case 0:
			err = s.storedBlock()
		case 1:
			for i := range s.length[:288] {
				s.length[i] = fixedLength(i)
			}
			s.lit.build(s.length[:288])
			for i := range s.length[:30] {
				s.length[i] = 5
			}
			s.dist.build(s.length[:30])
			err = s.codes()
		case 2:
			if err = s.tables(); err == nil {
				err = s.codes()
			}
		default:
			err = errCorrupt
		}
		if err != nil {
			return err
		}
		if head&1 != 0 {
			return io.EOF
		}
	}
}

// fixedLength are the lengths of the codes of RFC 1951, 3.2.6.
func fixedLength(symbol int) uint8 {
	switch {
	case symbol < 144:
		return 8
	case symbol < 256:
		return 9
	case symbol < 280:
		return 7
	}
	return 8
}

func (s *blocks1951) storedBlock() error {
	s.hold, s.held = 0, 0
	n, err := s.bits(16)
	if err != nil {
		return err
	}
	if _, err := s.bits(16); err != nil {
		return err
	}
	for range n {
		if _, err := s.bits(8); err != nil {
			return err
		}
		s.out++
	}
	return nil
}

// Lengths and distances of RFC 1951, 3.2.5; the order of 3.2.7.
var (
	lengthBase  = [29]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra = [29]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	codeOrder   = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
)

// codes reads symbols to the end of the block.
func (s *blocks1951) codes() error {
	for {
		symbol, err := s.symbol(&s.lit)
		switch {
		case err != nil:
			return err
		case symbol < 256:
			s.out++
			continue
		case symbol == 256:
			return nil
		case symbol > 285:
			return errCorrupt
		}
		more, err := s.bits(uint(lengthExtra[symbol-257]))
		if err != nil {
			return err
		}
		d, err := s.symbol(&s.dist)
		if err != nil {
			return err
		}
		if d > 29 {
			return errCorrupt
		}
		if _, err := s.bits(uint(max(d/2-1, 0))); err != nil {
			return err
		}
		s.out += int64(lengthBase[symbol-257]) + int64(more)
	}
}

// tables reads the codes of a block with codes of its own.
func (s *blocks1951) tables() error {
	sizes, err := s.bits(14)
	if err != nil {
		return err
	}
	lit, dist, codes := int(sizes&31)+257, int(sizes>>5&31)+1, int(sizes>>10)+4
	clear(s.length[:19])
	for _, at := range codeOrder[:codes] {
		n, err := s.bits(3)
		if err != nil {
			return err
		}
		s.length[at] = uint8(n)
	}
	s.lit.build(s.length[:19])
	for i := 0; i < lit+dist; {
		symbol, err := s.symbol(&s.lit)
		if err != nil {
			return err
		}
		if symbol < 16 {
			s.length[i] = uint8(symbol)
			i++
			continue
		}
		extra, base, value := uint(2), 3, uint8(0)
		switch symbol {
		case 16:
			if i == 0 {
				return errCorrupt
			}
			value = s.length[i-1]
		case 17:
			extra = 3
		default:
			extra, base = 7, 11
		}
		n, err := s.bits(extra)
		if err != nil {
			return err
		}
		for range base + int(n) {
			if i == lit+dist {
				return errCorrupt
			}
			s.length[i] = value
			i++
		}
	}
	s.lit.build(s.length[:lit])
	s.dist.build(s.length[lit : lit+dist])
	return nil
}

// huffman is a canonical code: how many symbols have each length, and the symbols in the order of their codes.
type huffman struct {
	count   [16]uint16
	symbols [320]uint16
}

func (h *huffman) build(lengths []uint8) {
	clear(h.count[:])
	for _, n := range lengths {
		h.count[n]++
	}
	var at [17]uint16
	for n := 1; n < 16; n++ {
		at[n+1] = at[n] + h.count[n]
	}
	for symbol, n := range lengths {
		if n > 0 {
			h.symbols[at[n]] = uint16(symbol)
			at[n]++
		}
	}
}

// symbol reads one, bit by bit: a code of some length is one of those of that length if it is no prefix of a longer.
func (s *blocks1951) symbol(h *huffman) (int, error) {
	code, first, index := 0, 0, 0
	for n := 1; n < 16; n++ {
		bit, err := s.bits(1)
		if err != nil {
			return 0, err
		}
		code |= int(bit)
		count := int(h.count[n])
		if code-count < first {
			return int(h.symbols[index+code-first]), nil
		}
		index += count
		first = (first + count) << 1
		code <<= 1
	}
	return 0, errCorrupt
}

// inDeflate adds to a difference of compressed data its block, and what that decodes to.
func inDeflate(ctx context.Context, d *Difference, s source) error {
	if d == nil || d.Place != "deflate data" || d.At == 0 && d.Offset > 10 || d.Offset > scanLimit {
		return nil
	}
	rc, err := s.layer.Compressed()
	if err != nil {
		return err
	}
	block, decoded, ok := blockAt(rc, d.Offset-d.At, d.Offset)
	_ = rc.Close() // it was read as far as was wanted
	if !ok {
		return nil
	}
	d.Block, d.Decoded = block, decoded
	err = layertar.WalkTapped(ctx, s.layer, s.want, layertar.Tap{}, nil, func(e layertar.Entry) error {
		d.Path = layertar.Clean(e.Header.Name)
		if e.Offset+e.Header.Size > decoded {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	d.Path = "" // it is behind the last entry
	return err
}
