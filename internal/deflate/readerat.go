package deflate

import (
	"errors"
	"fmt"
	"io"
	"sort"
)

const (
	// leastEvery is how many bytes there are at least between two points: less than a millisecond of inflating.
	leastEvery = 256 << 10
	maxPoints  = 128 // of 32 KiB each
)

// errEnough stops the decoder where it stands.
var errEnough = errors.New("enough")

// ReaderAt reads parts of what a stream inflates to. It inflates no further than to what it is asked for, goes on from where
// it stands when that lies ahead, and else from the nearest of up to 128 places that it remembers, with the 32 KiB before
// them, spread evenly over the stream. Parts in order cost one inflating of all up to the last; a part that lies before
// costs the inflating of a 128th of the stream more, of 256 KiB if that is more, and of the block that it lies in.
//
// No checksum is computed. The zero value is to be given a stream with Reset; it is about 260 KiB large, and takes up to
// 4 MiB more, which it keeps for the next stream. It is not safe for concurrent use.
type ReaderAt struct {
	d                Decoder
	src              io.ReaderAt
	compressed, size int64
	every            int64
	points           []point
	err              error // that ended inflating

	at, end int64 // what is still wanted
	to      func(p []byte) error
}

// point is a place where inflating can begin: a block's begin.
type point struct {
	bit, out int64  // offsets in the stream and in what it inflates to
	window   []byte // the last bytes before, at most 32 KiB
}

// Reset begins another stream: the first compressedSize bytes of src, which inflate to size bytes.
func (r *ReaderAt) Reset(src io.ReaderAt, compressedSize, size int64) {
	r.src, r.compressed, r.size, r.err = src, compressedSize, size, nil
	r.every = max(leastEvery, size/maxPoints)
	r.points = r.points[:0]
	r.start(point{})
}

// start makes the decoder ready at a point.
func (r *ReaderAt) start(p point) {
	d := &r.d
	d.reset(r.size, r.sink)
	first := p.bit / 8
	d.src, d.rest, d.base = io.NewSectionReader(r.src, first, r.compressed-first), r.compressed-first, first
	d.in = d.buf[:]
	d.op = copy(d.out[:], p.window)
	d.passed, d.total, d.skip = d.op, p.out, uint(p.bit%8)
	d.before = r.before
}

// before remembers the begin of a block, unless one is near that is remembered.
func (r *ReaderAt) before(bit int64) {
	d := &r.d
	out := d.total + int64(d.op-d.passed)
	n := len(r.points)
	last := int64(0)
	if n > 0 {
		last = r.points[n-1].out
	}
	if out-last < r.every {
		return
	}
	if n < cap(r.points) {
		r.points = r.points[:n+1]
	} else {
		r.points = append(r.points, point{})
	}
	p := &r.points[n]
	p.bit, p.out = bit, out
	p.window = append(p.window[:0], d.out[max(d.op-windowSize, 0):d.op]...)
}

// sink takes what is wanted of a chunk.
func (r *ReaderAt) sink(p []byte) error {
	if err := r.take(p, r.d.total-int64(len(p))); err != nil {
		return err
	}
	if r.at == r.end {
		return errEnough
	}
	return nil
}

// take hands on what is wanted of the bytes that stand at an offset, which is not behind what is wanted.
func (r *ReaderAt) take(p []byte, offset int64) error {
	from, to := r.at-offset, min(r.end-offset, int64(len(p)))
	if from >= to {
		return nil
	}
	r.at = offset + to
	return r.to(p[from:to])
}

// Walk hands the bytes from one offset to another to f, in chunks that are valid until f returns, and goes on as ReadAt does.
//
// Errors: those of [Decoder.Decode], also for a stream that inflates to less than its size, and f's. After one the stream can
// be read no more.
func (r *ReaderAt) Walk(from, to int64, f func(p []byte) error) error {
	if from < 0 || from > to || to > r.size {
		return fmt.Errorf("inflating: %d to %d is no part of %d bytes", from, to, r.size)
	}
	if r.err != nil || from == to {
		return r.err
	}
	r.at, r.end, r.to = from, to, f
	r.approach(from)
	d := &r.d
	if from < d.total {
		r.err = r.take(d.out[:d.op], d.total-int64(d.op))
	}
	if r.err == nil && r.at < to {
		s, err := d.stream(r.compressed)
		switch {
		case err == nil:
			r.err = fmt.Errorf("inflating: %d bytes, not %d: %w", s.Size, r.size, io.ErrUnexpectedEOF)
		case err != errEnough:
			r.err = err
		}
	}
	r.to = nil
	return r.err
}

// ReadAt implements io.ReaderAt, but for the concurrent use. Errors: those of Walk; io.EOF behind the size.
func (r *ReaderAt) ReadAt(b []byte, off int64) (int, error) {
	var short error
	if off >= r.size {
		b, off, short = nil, r.size, io.EOF
	} else if int64(len(b)) > r.size-off {
		b, short = b[:r.size-off], io.EOF
	}
	n := 0
	err := r.Walk(off, off+int64(len(b)), func(p []byte) error {
		n += copy(b[n:], p)
		return nil
	})
	if err == nil {
		err = short
	}
	return n, err
}

// approach moves the decoder to the nearest point before an offset, unless what it has or comes to is nearer.
func (r *ReaderAt) approach(off int64) {
	d := &r.d
	n := sort.Search(len(r.points), func(i int) bool { return r.points[i].out > off })
	nearest := point{}
	if n > 0 {
		nearest = r.points[n-1]
	}
	if off < d.total-int64(d.op) || nearest.out > d.total {
		r.start(nearest)
	}
}
