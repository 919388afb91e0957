package deflate

import (
	"bytes"
	stdflate "compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"os"
	"testing"
)

// encode writes p in pieces, whose sizes next gives.
func encode(t testing.TB, e *Encoder, p []byte, next func() int) []byte {
	t.Helper()
	var b bytes.Buffer
	e.Reset(&b)
	for len(p) > 0 {
		n := min(max(next(), 0), len(p))
		if w, err := e.Write(p[:n]); w != n || err != nil {
			t.Fatal(w, err)
		}
		p = p[n:]
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func whole() int { return math.MaxInt }

func inflateStd(t testing.TB, raw []byte) []byte {
	t.Helper()
	r := bytes.NewReader(raw)
	p, err := io.ReadAll(stdflate.NewReader(r))
	if err != nil || r.Len() > 0 {
		t.Fatalf("%v, %d bytes left", err, r.Len())
	}
	return p
}

func header512() []byte {
	h := make([]byte, 512)
	copy(h, "opt/env/lib/python3.11/site-packages/numpy/__init__.py")
	copy(h[100:], "0000644\x000000000\x000000000\x0000000012345\x0014730133700\x00012345\x00 0")
	copy(h[257:], "ustar\x0000")
	return h
}

// frozen are the sizes and the first 8 bytes of the SHA-256 of what version 1 writes.
var frozen = []struct {
	size int
	sha  string
}{
	{2, "9b4fb24edd6d1d88"},      // empty
	{3, "59fced9a2ff83dab"},      // one byte
	{106, "60764e96ba499497"},    // header
	{3097, "abd2c2284f592b7c"},   // zeros
	{100025, "b8c60128abd9b75c"}, // noise
	{3348, "59fe4d4423335989"},   // skewed
	{2319, "bdb7157ac2445aea"},   // text
	{674663, "f2d801e38273b3b0"}, // mixed
}

// TestEncoderIsFrozen and frozen must never be changed for version 1: layers that exist have these bytes.
func TestEncoderIsFrozen(t *testing.T) {
	noise := make([]byte, 100_000)
	seed := uint32(1)
	for i := range noise {
		seed = seed*1664525 + 1013904223
		noise[i] = byte(seed >> 24)
	}
	var ramp []byte // frequencies like Fibonacci's numbers, for codes longer than allowed
	for i, a, b := 0, 1, 1; i < 24; i, a, b = i+1, b, a+b {
		ramp = append(ramp, bytes.Repeat([]byte{byte(i * 7)}, a)...)
	}
	shuffled := make([]byte, len(ramp))
	for i := range ramp {
		shuffled[i*7919%len(ramp)] = ramp[i]
	}
	tests := []struct {
		name string
		p    []byte
	}{
		{"empty", nil},
		{"one byte", []byte("a")},
		{"header", header512()},
		{"zeros", make([]byte, 3_000_000)},
		{"noise", noise},
		{"skewed", shuffled},
		{"text", sample(1, 10_000)},
		{"mixed", sample(2, 2_000_000)},
	}
	if EncoderVersion != 1 {
		t.Fatal("another version needs a table of its own beside this one")
	}
	e := new(Encoder)
	for i, tt := range tests {
		raw := encode(t, e, tt.p, whole)
		sum := sha256.Sum256(raw)
		want := frozen[i]
		if len(raw) != want.size || hex.EncodeToString(sum[:8]) != want.sha {
			t.Errorf("{%d, %q}, // %s", len(raw), hex.EncodeToString(sum[:8]), tt.name)
		}
		if !bytes.Equal(inflateStd(t, raw), tt.p) {
			t.Errorf("%s is not read back", tt.name)
		}
	}
}

func TestEncoderIgnoresWriteSizes(t *testing.T) {
	e := new(Encoder)
	for _, size := range []int{0, 1, 4, 1000, encBufSize - 1, encBufSize, encBufSize + 1, encBufSize + segmentSize, 1_500_000} {
		p := sample(uint64(size)+1, size)
		want := encode(t, e, p, whole)
		for _, n := range []int{1, 3, 512, 65536, segmentSize, encBufSize} {
			if n < 10 && size > 400_000 {
				continue
			}
			if got := encode(t, e, p, func() int { return n }); !bytes.Equal(got, want) {
				t.Errorf("size %d in writes of %d differs", size, n)
			}
		}
		seed := 1
		if got := encode(t, e, p, func() int { seed = seed * 7919 % 100_003; return seed - 1 }); !bytes.Equal(got, want) {
			t.Errorf("size %d in uneven writes differs", size)
		}
		if !bytes.Equal(inflateStd(t, want), p) {
			t.Errorf("size %d is not read back", size)
		}
	}
}

func TestEncoderIsSmallForHeaders(t *testing.T) {
	var b bytes.Buffer
	e := NewEncoder(&b)
	h := header512()
	for i := range 3 {
		before := b.Len()
		h[60] = byte('a' + i)
		e.Write(h)
		if err := e.Flush(); err != nil {
			t.Fatal(err)
		}
		limit := 160
		if i > 0 {
			limit = 32
		}
		if n := b.Len() - before; n > limit {
			t.Errorf("header %d takes %d bytes", i, n)
		}
		// A second flush has nothing to add.
		n := b.Len()
		if e.Flush(); b.Len() != n {
			t.Error("flushing nothing writes", b.Len()-n)
		}
	}
}

func TestEncoderErrors(t *testing.T) {
	fail := errors.New("full")
	e := NewEncoder(failingWriter{fail})
	e.Write(sample(1, 100_000))
	for _, err := range []error{e.Flush(), e.Flush(), e.Close(), e.Skip(nil)} {
		if !errors.Is(err, fail) {
			t.Error(err)
		}
	}
	if _, err := e.Write(nil); !errors.Is(err, fail) {
		t.Error(err)
	}
	e.Reset(io.Discard)
	e.Write([]byte("a"))
	if err := e.Skip([]byte("b")); err == nil {
		t.Error("skipping without a flush is accepted")
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if _, err := e.Write([]byte("a")); !errors.Is(err, errClosed) {
		t.Error(err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestEncoderAllocatesNothing(t *testing.T) {
	p := sample(4, 700_000)
	e := new(Encoder)
	if a := testing.AllocsPerRun(3, func() {
		e.Reset(io.Discard)
		e.Write(p)
		e.Flush()
		e.Skip(p[:1000])
		e.Write(p)
		e.Close()
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

func TestHuffmanIsCompleteAndLimited(t *testing.T) {
	freqs := make([]uint32, maxLitSymbols)
	lens := make([]uint8, maxLitSymbols)
	for _, limit := range []int{metaBits, maxCodeLen} {
		for n := 2; n <= 1<<limit && n <= len(freqs); n++ {
			clear(freqs)
			a, b := uint32(1), uint32(1)
			for i := range n {
				freqs[i*7%len(freqs)] = a
				if b < 1<<20 {
					a, b = b, a+b
				}
			}
			huffman(freqs, limit, lens)
			space := 0
			for sym, l := range lens {
				if int(l) > limit || (l == 0) != (freqs[sym] == 0) {
					t.Fatalf("limit %d, %d symbols: length %d", limit, n, l)
				}
				if l > 0 {
					space += 1 << (limit - int(l))
				}
			}
			if space != 1<<limit {
				t.Fatalf("limit %d, %d symbols: %d of %d is used", limit, n, space, 1<<limit)
			}
		}
	}
}

// FuzzEncoder reads back what was written with flushes and bytes from elsewhere between.
func FuzzEncoder(f *testing.F) {
	f.Add([]byte("some text, some text and some more text"), uint16(7))
	f.Add(sample(1, 3000), uint16(1000))
	e, d := new(Encoder), new(Decoder)
	f.Fuzz(func(t *testing.T, p []byte, piece uint16) {
		raw := encode(t, e, p, whole)
		if got := encode(t, e, p, func() int { return int(piece) + 1 }); !bytes.Equal(got, raw) {
			t.Fatal("the sizes of writes matter")
		}
		out, _, err := decode(t, d, raw, int64(len(p)))
		if err != nil || !bytes.Equal(out, p) || !bytes.Equal(inflateStd(t, raw), p) {
			t.Fatal("not read back:", err)
		}
		var b bytes.Buffer
		e.Reset(&b)
		for rest, i := p, 0; len(rest) > 0; i++ {
			n := min(len(rest), int(piece)+1)
			if i%3 == 2 {
				for part := rest[:n]; len(part) > 0; {
					n := min(len(part), maxStored)
					b.Write([]byte{0, byte(n), byte(n >> 8), ^byte(n), ^byte(n >> 8)})
					b.Write(part[:n])
					e.Skip(part[:n])
					part = part[n:]
				}
			} else {
				e.Write(rest[:n])
				e.Flush()
			}
			rest = rest[n:]
		}
		e.Close()
		if out, _, err := decode(t, d, b.Bytes(), int64(len(p))); err != nil || !bytes.Equal(out, p) {
			t.Fatal("not read back with flushes:", err)
		}
	})
}

// BenchmarkDeflate encodes the file that the variable DEFLATE_BENCH_FILE names.
func BenchmarkDeflate(b *testing.B) {
	name := os.Getenv("DEFLATE_BENCH_FILE")
	if name == "" {
		b.Skip("DEFLATE_BENCH_FILE names no file")
	}
	src, err := os.ReadFile(name)
	if err != nil {
		b.Fatal(err)
	}
	e := new(Encoder)
	var out counter
	b.SetBytes(int64(len(src)))
	done := perCPU(b)
	for range b.N {
		out = 0
		e.Reset(&out)
		if _, err := e.Write(src); err != nil {
			b.Fatal(err)
		}
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
	}
	done(int64(len(src)) * int64(b.N))
	b.ReportMetric(float64(out), "bytes-out")
}

// counter counts what is written.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
