// Package decoder opens xz and Zstandard streams, so that all that are read side by side keep within a memory, whatever they ask for.
//
// A stream names the window that it needs, and its decoder allocates that: a few bytes can ask for 128 MiB, and as many streams are
// read at once as there are processors. Windows of at most 8 MiB, which is what xz, dpkg, Docker, podman and skopeo use, are free; of
// larger ones, streams of this process take turns.
package decoder

import (
	"bufio"
	"encoding/binary"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"
)

// Sizes in bytes. The largest window is that of zstd --ultra -22; xz -9 needs 64 MiB.
const (
	largest = 128 << 20
	usual   = 8 << 20
)

// turns is how many streams with larger windows than usual are open at once. It is more than two, since comparing two layers opens both.
var turns = make(chan struct{}, 4)

// Zstd opens a Zstandard stream. Where its first frame asks for a window of more than 8 MiB, it waits until few enough of such streams
// are open; then none of its frames may ask for more than 128 MiB, and else for more than 8 MiB. Close ends its turn.
//
// Errors: those of zstd, here or of reading.
func Zstd(r *bufio.Reader) (io.ReadCloser, error) {
	window, end := turn(zstdWindow(r))
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(uint64(window)))
	if err != nil {
		end()
		return nil, err
	}
	return &stream{d, func() {
		d.Close()
		end()
	}}, nil
}

// XZ opens an xz stream, as [Zstd] does; its first block says what it needs. Of two decoders in Go, the 120 packages of a Debian 12 base
// (193 MiB unpacked, one core) took therootcompany/xz 4.7 to 5.8 s and ulikunitz/xz 0.5.17 6.5 s.
func XZ(r *bufio.Reader) (io.ReadCloser, error) {
	window, end := turn(xzWindow(r))
	d, err := xz.NewReader(r, uint32(window))
	if err != nil {
		end()
		return nil, err
	}
	return &stream{d, end}, nil
}

// stream is an open decoder.
type stream struct {
	io.Reader
	end func()
}

func (s *stream) Close() error {
	s.end()
	return nil
}

// turn waits for its turn if the window is larger than usual, and gives the largest that is allowed.
func turn(window int64) (allowed int64, end func()) {
	if window <= usual {
		return usual, func() {}
	}
	turns <- struct{}{}
	return largest, sync.OnceFunc(func() { <-turns })
}

// zstdWindow is the window that the first frame asks for (RFC 8878, 3.1.1.1). Of a frame that is to be skipped, it is not known what
// follows.
func zstdWindow(r *bufio.Reader) int64 {
	begin, _ := r.Peek(zstd.HeaderMaxSize) // there may be fewer bytes; what is wrong with them, the decoder says
	var h zstd.Header
	if h.Decode(begin) != nil {
		return 0
	}
	if h.Skippable || h.WindowSize > largest {
		return largest
	}
	return int64(h.WindowSize)
}

// xzWindow is the dictionary that the first block's LZMA2 filter asks for (The .xz File Format 1.2.1, 3.1 and 5.3.1).
func xzWindow(r *bufio.Reader) int64 {
	const streamHeader, lzma2 = 12, 0x21
	begin, _ := r.Peek(streamHeader + 1024)
	if len(begin) < streamHeader+2 {
		return 0
	}
	block := begin[streamHeader:]
	block = block[:min(len(block), (int(block[0])+1)*4)]
	flags, rest := block[1], block[2:]
	number := func() uint64 {
		n, size := binary.Uvarint(rest)
		if size <= 0 {
			rest = nil
			return 0
		}
		rest = rest[size:]
		return n
	}
	for _, bit := range []byte{0x40, 0x80} { // the sizes of the block
		if flags&bit != 0 {
			number()
		}
	}
	for range flags&3 + 1 {
		id, size := number(), number()
		if size > uint64(len(rest)) {
			return 0
		}
		if id == lzma2 && size == 1 {
			bits := rest[0] & 0x3f
			return min(int64(2|bits&1)<<(bits/2+11), largest)
		}
		rest = rest[size:]
	}
	return 0
}
