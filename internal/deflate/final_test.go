package deflate

import (
	"bytes"
	"io"
	"math"
	"testing"
)

// longBlock is a stream of a stored block with n bytes, and a last one with the fixed codes of m letters (RFC 1951, 3.2.6).
func longBlock(n, m int) []byte {
	raw := append([]byte{0, byte(n), byte(n >> 8), ^byte(n), ^byte(n >> 8)}, bytes.Repeat([]byte("-"), n)...)
	bits, count := uint64(0b011), 3
	add := func(code uint64, length int) { // codes begin with their highest bit
		for i := length - 1; i >= 0; i-- {
			bits |= code >> i & 1 << count
			if count++; count == 8 {
				raw, bits, count = append(raw, byte(bits)), 0, 0
			}
		}
	}
	for i := range m {
		add(0x30+uint64('a'+i%26), 8)
	}
	add(0, 7)
	if count > 0 {
		raw = append(raw, byte(bits))
	}
	return raw
}

// reads is a source that looks at the decoder each time that it is read.
type reads struct {
	io.Reader
	d     *Decoder
	total int64
	check func(total int64)
}

func (r *reads) Read(p []byte) (int, error) {
	r.check(r.total)
	n, err := io.ReadFull(r.Reader, p)
	r.total += int64(n)
	return n, err
}

// TestFinalBit has last blocks that begin around the place where the decoder reads more, and holds to Unseen what it does not know then.
func TestFinalBit(t *testing.T) {
	late := 0
	for n := inSize - 120; n <= inSize-1; n++ {
		raw := longBlock(n, 3*inSize)
		d := new(Decoder)
		type seen struct {
			total, bit int64
			known      bool
		}
		var all []seen
		src := &reads{Reader: bytes.NewReader(raw), d: d, check: func(total int64) {
			bit, known := d.FinalBit()
			all = append(all, seen{total, bit, known})
		}}
		s, err := d.Decode(src, int64(len(raw)), math.MaxInt64, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range all {
			if x.known && x.bit != s.FinalBit {
				t.Errorf("%d bytes before the block: bit %d, not %d", n, x.bit, s.FinalBit)
			}
			if !x.known && s.FinalBit < (x.total-Unseen)*8 {
				t.Errorf("%d bytes before the block: it begins at bit %d, which is not known when %d bytes were read", n, s.FinalBit, x.total)
			}
			if !x.known && s.FinalBit < x.total*8 {
				late++
			}
		}
		if bit, known := d.FinalBit(); !known || bit != s.FinalBit {
			t.Errorf("after the end: %d, %v", bit, known)
		}
	}
	if late == 0 {
		t.Error("no block began where the decoder had read and not looked")
	}
}
