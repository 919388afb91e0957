package deflate

import (
	"bytes"
	stdflate "compress/flate"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
	"os"
	"os/exec"
	"testing"

	kgzip "github.com/klauspost/compress/gzip"
)

// spliced makes one gzip member of encoder output and streams of others in turn.
func spliced(t *testing.T, seed uint64, parts int) (member, plain []byte) {
	var b bytes.Buffer
	b.Write([]byte{31, 139, 8, 0, 0, 0, 0, 0, 0, 255})
	e := NewEncoder(&b)
	d := new(Decoder)
	foreign := zlibStreams(t)
	var crc uint32
	for i := range parts {
		seed = seed*6364136223846793005 + 1442695040888963407
		size := int(seed>>33) % 3000
		if seed>>60 == 0 {
			size *= 50
		}
		p := sample(seed, size)
		h := header512()
		copy(h[50:], p)
		e.Write(h)
		if err := e.Flush(); err != nil {
			t.Fatal(err)
		}
		raw := stdDeflate(t, p, int(seed>>40)%12-2)
		switch seed >> 50 % 4 {
		case 0:
			raw = flushed(t, p)
		case 1:
			raw = encode(t, new(Encoder), p, whole)
		case 2:
			raw = bytes.Clone(foreign[seed>>52%uint64(len(foreign))])
			p = inflateStd(t, raw)
		}
		s, err := d.DecodeBytes(raw, math.MaxInt64, nil)
		if err != nil {
			t.Fatal(err)
		}
		patch := Splice(s)
		// In two parts, as a reader of ranges would meet them.
		cut := len(raw) * (i % 4) / 3
		patch.Apply(raw[:cut], 0)
		patch.Apply(raw[cut:], int64(cut))
		b.Write(raw)
		b.Write(patch.Suffix)
		if err := e.Skip(p); err != nil {
			t.Fatal(err)
		}
		crc = CombineCRC32(crc, crc32.ChecksumIEEE(h), int64(len(h)))
		crc = CombineCRC32(crc, s.CRC32, s.Size)
		plain = append(append(plain, h...), p...)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	member = binary.LittleEndian.AppendUint32(b.Bytes(), crc)
	return binary.LittleEndian.AppendUint32(member, uint32(len(plain))), plain
}

// flushed is a stream of several blocks, with empty stored ones and an empty last one.
func flushed(t *testing.T, p []byte) []byte {
	var b bytes.Buffer
	w, err := stdflate.NewWriter(&b, 5)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(p[:len(p)/2])
	w.Flush()
	w.Write(p[len(p)/2:])
	w.Flush()
	w.Close()
	return b.Bytes()
}

func TestSplicedMembersAreReadByAll(t *testing.T) {
	readers := map[string]func(member []byte) ([]byte, error){
		"standard library": func(member []byte) ([]byte, error) {
			r, err := gzip.NewReader(bytes.NewReader(member))
			if err != nil {
				return nil, err
			}
			return io.ReadAll(r)
		},
		"klauspost": func(member []byte) ([]byte, error) {
			r, err := kgzip.NewReader(bytes.NewReader(member))
			if err != nil {
				return nil, err
			}
			return io.ReadAll(r)
		},
	}
	for _, argv := range [][]string{
		{"gzip", "-dc"},
		{"pigz", "-dc"},
		{"python3", "-c", "import sys,zlib; d=zlib.decompressobj(31); o=d.decompress(sys.stdin.buffer.read()); assert d.eof and not d.unused_data; sys.stdout.buffer.write(o)"},
	} {
		if _, err := exec.LookPath(argv[0]); err != nil {
			if os.Getenv("ENVPACK_TEST") == "all" {
				t.Errorf("%s is not installed", argv[0])
			}
			continue
		}
		readers[argv[0]] = func(member []byte) ([]byte, error) {
			cmd := exec.Command(argv[0], argv[1:]...)
			cmd.Stdin = bytes.NewReader(member)
			return cmd.Output()
		}
	}
	for seed := range uint64(6) {
		member, plain := spliced(t, seed, 60)
		for name, read := range readers {
			if got, err := read(member); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("seed %d, %s: %v, %d bytes of %d", seed, name, err, len(got), len(plain))
			}
		}
	}
}

func TestSpliceAtEveryBit(t *testing.T) {
	seen := map[int64]bool{}
	d := new(Decoder)
	streams := zlibStreams(t)
	for i := range 100 {
		streams = append(streams, encode(t, new(Encoder), sample(uint64(i), i), whole))
	}
	for _, raw := range streams {
		s, err := d.DecodeBytes(raw, math.MaxInt64, nil)
		if err != nil {
			t.Fatal(err)
		}
		seen[s.EndBit%8] = true
		if n := s.EndBit % 8; n != 0 {
			raw[len(raw)-1] |= 0xff << n // padding may hold anything
		}
		p := Splice(s)
		for j := 1; j < len(p.Bytes); j++ {
			if p.Bytes[j].Offset <= p.Bytes[j-1].Offset {
				t.Fatalf("%+v", p)
			}
		}
		p.Apply(raw, 0)
		raw = append(append(raw, p.Suffix...), 3, 0)
		s2, err := d.DecodeBytes(raw, math.MaxInt64, nil)
		if err != nil || s2.Size != s.Size || s2.CRC32 != s.CRC32 || s2.EndBit != int64(len(raw)-2)*8+10 {
			t.Fatalf("%+v became %+v: %v", s, s2, err)
		}
	}
	if len(seen) != 8 {
		t.Errorf("only ends at %v were tried", seen)
	}
}

func TestCombineCRC32(t *testing.T) {
	p := sample(11, 1<<20)
	for _, cut := range []int{0, 1, 2, 3, 255, 65536, 1<<20 - 1, 1 << 20} {
		got := CombineCRC32(crc32.ChecksumIEEE(p[:cut]), crc32.ChecksumIEEE(p[cut:]), int64(len(p)-cut))
		if want := crc32.ChecksumIEEE(p); got != want {
			t.Errorf("cut at %d: %08x, want %08x", cut, got, want)
		}
	}
	// 2^40 zero bytes, from halves.
	whole := crc32.ChecksumIEEE([]byte{0})
	for i := range 40 {
		whole = CombineCRC32(whole, whole, 1<<i)
	}
	parts := CombineCRC32(CombineCRC32(0, whole, 1<<40), 0, 0)
	if parts != whole {
		t.Errorf("%08x, want %08x", parts, whole)
	}
}

func BenchmarkCombineCRC32(b *testing.B) {
	for i := range b.N {
		CombineCRC32(uint32(i), 1, 1<<30-1)
	}
}
