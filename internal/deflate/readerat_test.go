package deflate

import (
	"bytes"
	"errors"
	"io"
	"math/rand"
	"testing"
)

// counting counts the bytes that are read.
type counting struct {
	r io.ReaderAt
	n int64
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.r.ReadAt(p, off)
	c.n += int64(n)
	return n, err
}

func TestReaderAt(t *testing.T) {
	r := new(ReaderAt)
	random := rand.New(rand.NewSource(1))
	for _, size := range []int{0, 1, 1000, chunkSize, chunkSize + windowSize, 300_000, 5_000_000} {
		p := sample(uint64(size), size)
		for _, level := range []int{-2, 0, 1, 6, 9} {
			raw := stdDeflate(t, p, level)
			r.Reset(bytes.NewReader(raw), int64(len(raw)), int64(size))
			check := func(off, n int) {
				t.Helper()
				b := make([]byte, n)
				got, err := r.ReadAt(b, int64(off))
				want := p[min(off, size):min(off+n, size)]
				if !bytes.Equal(b[:got], want) || (err == io.EOF) != (off+n > size || off >= size) || err != nil && err != io.EOF {
					t.Fatalf("size %d, level %d: %d of %d bytes at %d: %v", size, level, got, n, off, err)
				}
			}
			check(size, 1)
			if random.Intn(2) == 0 {
				check(max(size-10, 0), 10) // all points are made on the way
			}
			for range 100 {
				check(random.Intn(size+1), random.Intn(10)*random.Intn(1000))
			}
			check(0, size+1)
			check(0, size)
		}
	}
}

// TestReaderAtGoesBackShortly: what lies before costs little, and what lies ahead of a point that is known nothing between.
func TestReaderAtGoesBackShortly(t *testing.T) {
	const size = 8 << 20
	p := sample(7, size)
	raw := stdDeflate(t, p, 6)
	src := &counting{r: bytes.NewReader(raw)}
	r := new(ReaderAt)
	r.Reset(src, int64(len(raw)), size)
	b := make([]byte, 100)
	read := func(off int64) int64 {
		t.Helper()
		before := src.n
		if _, err := r.ReadAt(b, off); err != nil || !bytes.Equal(b, p[off:off+100]) {
			t.Fatalf("at %d: %v", off, err)
		}
		return src.n - before
	}
	if n := read(1000); n > 2*inSize {
		t.Errorf("the begin: %d bytes read", n)
	}
	if n := read(size - 100); n > int64(len(raw)) {
		t.Errorf("the end: %d bytes read of %d", n, len(raw))
	}
	const near = 3 * leastEvery // of what is inflated; the data is much smaller
	if n := read(4 << 20); n > near {
		t.Errorf("back: %d bytes read", n)
	}
	if n := read(4<<20 - 5000); n != 0 {
		t.Errorf("what it has: %d bytes read", n)
	}
	if n := read(7 << 20); n > near {
		t.Errorf("far ahead again: %d bytes read", n)
	}
}

func TestReaderAtFaults(t *testing.T) {
	p := sample(11, 1<<20)
	raw := stdDeflate(t, p, 6)
	r := new(ReaderAt)
	b := make([]byte, 100)
	for name, c := range map[string]struct {
		raw  []byte
		size int64
		err  error
	}{
		"cut":          {raw[:len(raw)/2], 1 << 20, ErrTruncated},
		"short":        {raw, 1<<20 + 1000, io.ErrUnexpectedEOF},
		"source fails": {raw, 1 << 20, io.ErrUnexpectedEOF},
	} {
		n := int64(len(c.raw))
		if name == "source fails" {
			c.raw = c.raw[:len(c.raw)/2]
		}
		r.Reset(bytes.NewReader(c.raw), n, c.size)
		if _, err := r.ReadAt(b, 1000); err != nil || !bytes.Equal(b, p[1000:1100]) {
			t.Errorf("%s: the begin: %v", name, err)
		}
		for range 2 {
			if _, err := r.ReadAt(b, c.size-100); !errors.Is(err, c.err) {
				t.Errorf("%s: %v, want %v", name, err, c.err)
			}
		}
		if _, err := r.ReadAt(b, 1000); !errors.Is(err, c.err) {
			t.Errorf("%s: the begin after the fault: %v", name, err)
		}
	}
	r.Reset(bytes.NewReader(raw), int64(len(raw)), 1000)
	if _, err := r.ReadAt(b, 900); !errors.As(err, new(*LimitError)) {
		t.Errorf("too long: %v", err)
	}
	if _, err := r.ReadAt(b, -1); err == nil {
		t.Error("a negative offset is accepted")
	}
}

func FuzzReaderAt(f *testing.F) {
	for _, raw := range zlibStreams(f) {
		f.Add(raw, uint32(3))
	}
	d, r := new(Decoder), new(ReaderAt)
	f.Fuzz(func(t *testing.T, raw []byte, seed uint32) {
		const limit = 1 << 20
		var all []byte
		s, err := d.DecodeBytes(raw, limit, func(p []byte) error { all = append(all, p...); return nil })
		if err != nil {
			s.Size = limit
		}
		r.Reset(bytes.NewReader(raw), int64(len(raw)), s.Size)
		random := rand.New(rand.NewSource(int64(seed)))
		for range 8 {
			off, n := random.Intn(len(all)+1), random.Intn(1+random.Intn(len(all)+1))
			b := make([]byte, n)
			got, err2 := r.ReadAt(b, int64(off))
			if err == nil && (err2 == io.EOF) != (off+n > len(all) || off == len(all)) || err == nil && err2 != nil && err2 != io.EOF {
				t.Fatalf("%d bytes at %d of %d: %v", n, off, len(all), err2)
			}
			if off+got > len(all) || !bytes.Equal(b[:got], all[off:off+got]) {
				t.Fatalf("%d of %d bytes at %d differ", got, n, off)
			}
		}
	})
}
