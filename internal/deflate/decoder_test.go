package deflate

import (
	"bytes"
	stdflate "compress/flate"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"os"
	"testing"
	"testing/iotest"
)

// sample is deterministic data of several kinds: text, binary, runs, noise.
func sample(seed uint64, size int) []byte {
	words := []string{"the ", "import ", "return nil\n", "package", "0x00", "/usr/lib/", "\x7fELF", "\x00\x00\x00\x00", "é"}
	out := make([]byte, 0, size+64)
	next := func(n uint64) uint64 {
		seed = seed*6364136223846793005 + 1442695040888963407
		return (seed >> 33) % n
	}
	for len(out) < size {
		switch kind, n := next(8), int(next(600)); {
		case kind < 4:
			for range n / 8 {
				out = append(out, words[next(uint64(len(words)))]...)
			}
		case kind < 5:
			out = append(out, bytes.Repeat([]byte{byte(next(256))}, n)...)
		case kind < 6:
			for range n {
				out = append(out, byte(next(256)))
			}
		default:
			if len(out) > 0 {
				from := int(next(uint64(len(out))))
				out = append(out, out[from:min(len(out), from+n)]...)
			}
		}
	}
	return out[:size]
}

func stdDeflate(t testing.TB, p []byte, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := stdflate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(p)
	w.Close()
	return b.Bytes()
}

// decode uses both ways in, and fails unless they agree.
func decode(t testing.TB, d *Decoder, raw []byte, limit int64) ([]byte, Stream, error) {
	t.Helper()
	var out, out2 []byte
	s, err := d.DecodeBytes(raw, limit, func(p []byte) error { out = append(out, p...); return nil })
	src := bytes.NewReader(append(bytes.Clone(raw), "more"...))
	s2, err2 := d.Decode(src, int64(len(raw)), limit, func(p []byte) error { out2 = append(out2, p...); return nil })
	if s != s2 || !bytes.Equal(out, out2) || (err == nil) != (err2 == nil) || err != nil && err.Error() != err2.Error() {
		t.Fatalf("DecodeBytes: %+v, %v; Decode: %+v, %v", s, err, s2, err2)
	}
	if src.Len() < 4 {
		t.Fatal("more was read than the stream")
	}
	if int64(len(out)) > limit {
		t.Fatalf("%d bytes came out with a limit of %d", len(out), limit)
	}
	return out, s, err
}

// zlibVector is a stream and what zlib says of it; see testdata/vectors.py.
type zlibVector struct {
	Name, Hex, Verdict string
	Size               int64
	CRC                uint32
}

func zlibVectors(t testing.TB) (vectors []zlibVector) {
	t.Helper()
	data, err := os.ReadFile("testdata/zlib.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	return vectors
}

// zlibStreams are those of the vectors that are whole, most of them as zlib made them.
func zlibStreams(t testing.TB) (streams [][]byte) {
	t.Helper()
	for _, v := range zlibVectors(t) {
		if raw, err := hex.DecodeString(v.Hex); err == nil && v.Verdict == "ok" {
			streams = append(streams, raw)
		}
	}
	return streams
}

func TestDecodeAsZlibDoes(t *testing.T) {
	d := new(Decoder)
	for _, v := range zlibVectors(t) {
		raw, err := hex.DecodeString(v.Hex)
		if err != nil {
			t.Fatal(err)
		}
		_, s, err := decode(t, d, raw, math.MaxInt64)
		got := verdict(err)
		if corrupt := (*CorruptError)(nil); errors.As(err, &corrupt) && (corrupt.Bit <= 0 || corrupt.Bit > int64(len(raw))*8) {
			t.Errorf("%s: bit %d of %d", v.Name, corrupt.Bit, len(raw)*8)
		}
		if got != v.Verdict {
			t.Errorf("%s: %q, zlib says %q", v.Name, got, v.Verdict)
		}
		if got == "ok" && (s.Size != v.Size || s.CRC32 != v.CRC) {
			t.Errorf("%s: %+v, want %d bytes, %08x", v.Name, s, v.Size, v.CRC)
		}
	}
}

func TestDecodeLarge(t *testing.T) {
	d := new(Decoder)
	for _, size := range []int{0, 1, 65535, 65536, 300_000, 3_000_000} {
		p := sample(uint64(size), size)
		for level := -2; level <= 9; level++ {
			raw := stdDeflate(t, p, level)
			out, s, err := decode(t, d, raw, int64(size))
			if err != nil || !bytes.Equal(out, p) {
				t.Fatalf("size %d, level %d: %v", size, level, err)
			}
			if s.Size != int64(size) || s.CRC32 != crc32.ChecksumIEEE(p) || (s.EndBit+7)/8 != int64(len(raw)) {
				t.Fatalf("size %d, level %d: %+v", size, level, s)
			}
			if raw[s.FinalBit/8]>>(s.FinalBit%8)&1 != 1 {
				t.Fatalf("size %d, level %d: bit %d is not set", size, level, s.FinalBit)
			}
		}
	}
}

func TestDecodeInSmallReads(t *testing.T) {
	p := sample(3, 400_000)
	raw := stdDeflate(t, p, 6)
	for _, r := range []io.Reader{iotest.OneByteReader(bytes.NewReader(raw)), iotest.DataErrReader(bytes.NewReader(raw))} {
		s, err := new(Decoder).Decode(r, int64(len(raw)), math.MaxInt64, nil)
		if err != nil || s.CRC32 != crc32.ChecksumIEEE(p) {
			t.Fatal(s, err)
		}
	}
}

func TestDecodeCutOff(t *testing.T) {
	d := new(Decoder)
	for _, size := range []int{2_000, 200_000} {
		for level := 0; level <= 9; level += 3 {
			raw := stdDeflate(t, sample(5, size), level)
			for n := 0; n < len(raw); n += 1 + len(raw)/500 {
				if _, _, err := decode(t, d, raw[:n], math.MaxInt64); !errors.Is(err, ErrTruncated) {
					t.Fatalf("size %d, level %d: %d of %d bytes: %v", size, level, n, len(raw), err)
				}
			}
			_, err := d.Decode(bytes.NewReader(raw[:len(raw)/2]), int64(len(raw)), math.MaxInt64, nil)
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatal(err)
			}
		}
	}
}

func TestDecodeLimit(t *testing.T) {
	raw := stdDeflate(t, make([]byte, 10<<20), 9)
	d := new(Decoder)
	for _, limit := range []int64{0, 1, 100_000, 10<<20 - 1} {
		_, _, err := decode(t, d, raw, limit)
		var le *LimitError
		if !errors.As(err, &le) || le.Limit != limit {
			t.Fatalf("limit %d: %v", limit, err)
		}
	}
	if _, _, err := decode(t, d, raw, 10<<20); err != nil {
		t.Fatal(err)
	}
}

func TestDecodeSinkFails(t *testing.T) {
	fail := errors.New("full")
	_, err := new(Decoder).DecodeBytes(stdDeflate(t, make([]byte, 1<<20), 1), math.MaxInt64, func([]byte) error { return fail })
	if !errors.Is(err, fail) {
		t.Fatal(err)
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	raw := stdDeflate(t, sample(9, 500_000), 6)
	d := new(Decoder)
	r := bytes.NewReader(raw)
	n := 0
	sink := func(p []byte) error { n += len(p); return nil }
	if a := testing.AllocsPerRun(5, func() {
		r.Reset(raw)
		d.Decode(r, int64(len(raw)), math.MaxInt64, sink)
		d.DecodeBytes(raw, math.MaxInt64, sink)
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

// FuzzDecode compares with the standard library, which accepts more: it takes blocks without an end
// of block, and reports truncation for some faults. What we accept it must accept alike.
func FuzzDecode(f *testing.F) {
	for level := -2; level <= 9; level++ {
		f.Add(stdDeflate(f, sample(uint64(level+2), 700), level))
	}
	d := new(Decoder)
	f.Fuzz(func(t *testing.T, raw []byte) {
		const limit = 1 << 20
		out, s, err := decode(t, d, raw, limit)
		r := bytes.NewReader(raw)
		want, stdErr := io.ReadAll(io.LimitReader(stdflate.NewReader(r), limit+1))
		var trailing *TrailingError
		var le *LimitError
		var corrupt *CorruptError
		switch {
		case errors.As(err, &le):
			if len(want) <= limit {
				t.Fatalf("%v, but %d bytes came out: %v", err, len(want), stdErr)
			}
		case err == nil || errors.As(err, &trailing):
			if stdErr != nil || !bytes.Equal(out, want) {
				t.Fatalf("accepted as %+v; the standard library: %v", s, stdErr)
			}
			if end := len(raw) - r.Len(); trailing != nil && trailing.End != int64(end) {
				t.Fatalf("%v; the standard library read %d", err, end)
			}
		case errors.As(err, &corrupt) && corrupt.Why == "invalid code -- missing end-of-block":
		case stdErr == nil:
			t.Fatalf("refused: %v; the standard library accepts it", err)
		}
	})
}
