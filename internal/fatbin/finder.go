package fatbin

import (
	"encoding/binary"
	"fmt"
)

const (
	magic     = 0xBA55ED50
	align     = 8       // containers stand at multiples of it
	headSize  = 16      // of a container's header
	entrySize = 64      // of an entry's header without extension
	maxGuess  = 255     // no container had another version than 1 and a header of more than 16 bytes; later ones may
	maxExtend = 1 << 20 // bytes of an entry's header: options of the compiler, or headers of entries compressed as one

	maxContainers = 1 << 18 // of a library; TensorFlow's has 1,398
	maxGroups     = 1 << 10 // sets of codes in a library; that of PyTorch 1.4 has 15
	maxCodes      = 1 << 8  // codes of a container; CuPy has 13
	maxHeld       = 1 << 20 // codes of all containers
	maxFaults     = 1 << 10 // malformed ones; a library of cuDNN that has a compiler has one
)

// Finder finds the containers in a stream of a file's bytes from the first one on. The zero value is ready.
type Finder struct {
	// Limit is where the stream will end, 0 if that is not known: a container that claims to go on beyond is malformed.
	Limit int64

	at    int64 // place in the file of the next byte
	skip  int64 // bytes to pass over
	step  func(f *Finder, b []byte)
	want  int    // bytes that step needs; 0: searching
	piece []byte // what of them is there

	open    container // being read, where step is one of an entry
	codes   map[Code]int64
	found   []container
	sets    [][]Code
	numbers map[string]int // of sets, by text
	faults  []fault        // the first ones
	held    int            // codes of all containers
	full    bool           // there are more than are kept
}

// container is a whole one.
type container struct {
	from, to int64 // places in the file
	set      int   // which of the sets of codes it has; -1: it is empty
	sizes    []int64
}

// fault is a place where something begins as a container does and could not be read.
type fault struct {
	at  int64
	why string
}

// Write takes the next bytes of the file, which it does not keep.
func (f *Finder) Write(p []byte) {
	for len(p) > 0 {
		switch {
		case f.skip > 0:
			n := min(f.skip, int64(len(p)))
			p = p[n:]
			f.at += n
			f.skip -= n
		case f.want > 0:
			n := min(f.want-len(f.piece), len(p))
			f.piece = append(f.piece, p[:n]...)
			p = p[n:]
			f.at += int64(n)
			if len(f.piece) == f.want {
				step := f.step
				f.want = 0
				step(f, f.piece)
			}
		case f.at%align != 0:
			f.skip = align - f.at%align
		default:
			n := search(p)
			p = p[n:]
			f.at += int64(n)
			if len(p) > 0 {
				f.collect(align, (*Finder).word)
			}
		}
	}
}

// search is how many bytes there are before an aligned magic number, or before what is too short to tell.
func search(p []byte) int {
	n := 0
	for len(p)-n >= 64 {
		b := p[n : n+64 : n+64]
		if binary.LittleEndian.Uint32(b) == magic || binary.LittleEndian.Uint32(b[8:]) == magic ||
			binary.LittleEndian.Uint32(b[16:]) == magic || binary.LittleEndian.Uint32(b[24:]) == magic ||
			binary.LittleEndian.Uint32(b[32:]) == magic || binary.LittleEndian.Uint32(b[40:]) == magic ||
			binary.LittleEndian.Uint32(b[48:]) == magic || binary.LittleEndian.Uint32(b[56:]) == magic {
			break
		}
		n += 64
	}
	for ; len(p)-n >= align; n += align {
		if binary.LittleEndian.Uint32(p[n:]) == magic {
			break
		}
	}
	return n
}

// collect asks for bytes for the next step.
func (f *Finder) collect(n int, step func(f *Finder, b []byte)) {
	f.piece, f.want, f.step = f.piece[:0], n, step
}

// word looks at 8 aligned bytes, which may be any.
func (f *Finder) word(b []byte) {
	if binary.LittleEndian.Uint32(b) != magic {
		return
	}
	f.open = container{from: f.at - align}
	f.want, f.step = headSize, (*Finder).head // the rest of the header
}

// bad gives up the container that is being read.
func (f *Finder) bad(format string, args ...any) {
	if len(f.faults) == maxFaults {
		f.full = true
		return
	}
	f.faults = append(f.faults, fault{f.open.from, fmt.Sprintf(format, args...)})
}

func (f *Finder) head(b []byte) {
	version, size, rest := binary.LittleEndian.Uint16(b[4:]), binary.LittleEndian.Uint16(b[6:]), binary.LittleEndian.Uint64(b[8:])
	switch {
	case version > maxGuess || size < headSize || size > maxGuess || size%align != 0:
		// It is the number alone: code that handles containers has it too.
	case version != 1:
		f.bad("its version is %d, and not 1", version)
	case rest > maxBytes || rest%align != 0 || f.Limit > 0 && int64(rest) > f.Limit-f.open.from-int64(size):
		f.bad("it has %d bytes", rest)
	default:
		f.open.to = f.open.from + int64(size) + int64(rest)
		f.skip = int64(size) - headSize
		f.codes = map[Code]int64{}
		f.next(0)
	}
}

// next passes over a payload and goes on to the next entry, if there is one.
func (f *Finder) next(payload int64) {
	f.skip += payload
	if f.at+f.skip == f.open.to {
		f.close()
		return
	}
	f.collect(entrySize, (*Finder).entry)
}
