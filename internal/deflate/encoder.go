package deflate

import (
	"errors"
	"io"
)

// EncoderVersion names what [Encoder] writes. It goes into whatever records how bytes were made.
const EncoderVersion = 1

const (
	segmentSize = 256 << 10
	encBufSize  = windowSize + segmentSize
)

var errClosed = errors.New("deflating: the encoder is closed")

// Encoder writes a DEFLATE stream, version [EncoderVersion]. It must be Reset before use, takes
// about 900 KiB and allocates nothing after that. It is not safe for concurrent use.
//
// The bytes written are a function of the bytes given between one call of Flush, Skip or Close and
// the next, and of those calls.
type Encoder struct {
	w   io.Writer
	err error

	// buf holds up to a window of encoded bytes, and from start to end those to be encoded.
	buf        [encBufSize + 8]byte
	start, end int

	head [1 << hashBits]uint16
	prev [windowSize]uint16

	tokens     [maxTokens]token
	ntokens    int
	blockStart int // index of the first byte that the tokens stand for
	litFreq    [maxLitSymbols]uint32
	distFreq   [maxDistSymbols]uint32
	codes      blockCodes

	out bitWriter
}

// NewEncoder gives an encoder that writes to w.
func NewEncoder(w io.Writer) *Encoder {
	e := new(Encoder)
	e.Reset(w)
	return e
}

// Reset begins a new stream, written to w.
func (e *Encoder) Reset(w io.Writer) {
	e.w, e.err = w, nil
	e.start, e.end, e.blockStart = 0, 0, 0
	clear(e.head[:])
	e.prev[0] = 0 // the only position that a chain can reach without having been set
	e.clearBlock()
	e.out.reset(w)
}

// Write gives bytes to be encoded. How a sequence of bytes is divided among writes makes no
// difference to the stream.
func (e *Encoder) Write(p []byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	written := 0
	for {
		n := copy(e.buf[e.end:encBufSize], p)
		e.end += n
		written += n
		p = p[n:]
		if len(p) == 0 {
			return written, nil
		}
		e.segment(false)
		e.slide()
		if e.err = e.out.err; e.err != nil {
			return written, e.err
		}
	}
}

// Flush writes all that was given, in blocks that are not the last, and makes the stream end on a
// byte, by an empty stored block unless it does so anyway. Other blocks can be put there: see Skip.
func (e *Encoder) Flush() error {
	if e.err != nil {
		return e.err
	}
	e.segment(false)
	if e.out.nbits != 0 {
		e.out.storedHeader(0, 0)
	}
	return e.drain()
}

// Skip says that the stream goes on, after a Flush, with blocks from elsewhere that decode to p. What
// is written later can then refer to what was written before. Calls for consecutive parts of the
// bytes are the same as one call for all of them.
func (e *Encoder) Skip(p []byte) error {
	if e.err != nil {
		return e.err
	}
	if e.start != e.end || e.out.nbits != 0 {
		return errors.New("deflating: blocks from elsewhere without a flush before them")
	}
	for len(p) > 0 {
		if e.end == encBufSize {
			e.slide()
		}
		n := copy(e.buf[e.end:encBufSize], p)
		e.end += n
		e.start, e.blockStart = e.end, e.end
		p = p[n:]
	}
	return nil
}

// Close writes all that was given and ends the stream. The encoder is of no use then until Reset.
func (e *Encoder) Close() error {
	if e.err != nil {
		return e.err
	}
	e.segment(true)
	e.out.align()
	if err := e.drain(); err != nil {
		return err
	}
	e.err = errClosed
	return nil
}

func (e *Encoder) drain() error {
	e.out.flush()
	if e.out.err != nil {
		e.err = e.out.err
	}
	return e.err
}

// slide makes room for a segment, once buf is full and encoded.
func (e *Encoder) slide() {
	copy(e.buf[:windowSize], e.buf[encBufSize-windowSize:encBufSize])
	e.start, e.end, e.blockStart = windowSize, windowSize, windowSize
}

func (e *Encoder) clearBlock() {
	e.ntokens = 0
	e.litFreq = [maxLitSymbols]uint32{}
	e.distFreq = [maxDistSymbols]uint32{}
}
