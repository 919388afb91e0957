package hashpair

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

// noise gives bytes that depend on nothing but the seed.
func noise(seed uint64, n int) []byte {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	b := make([]byte, n)
	rand.NewChaCha8(key).Read(b)
	return b
}

// must holds a hash to what crypto/sha256 says of the same bytes, and looks whether it can go on after that.
func must(t *testing.T, what string, h *Hash, all []byte) {
	t.Helper()
	if want := sha256.Sum256(all); !bytes.Equal(h.Sum(nil), want[:]) {
		t.Fatalf("%s: %d bytes give %x, not %x", what, len(all), h.Sum(nil), want)
	}
}

// TestPaired fails where the assembly is there and not used, so that the other tests would not test it.
func TestPaired(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("pairs are hashed on amd64")
	}
	if !paired && supported() {
		t.Error("the processor has the instructions, and they are not used")
	}
}

// TestLengths has every pair of lengths up to 300, where everything happens that depends on the block's size.
func TestLengths(t *testing.T) {
	text, other := noise(1, 300), noise(2, 300)
	for n := range 301 {
		for m := range 301 {
			a, b := New(), New()
			write(a, text[:n], b, other[:m])
			must(t, "a", a, text[:n])
			must(t, "b", b, other[:m])
		}
	}
}

// write is Both without the size from which pairing is worth it.
func write(a *Hash, p []byte, b *Hash, q []byte) {
	if paired {
		p, q = pair(a, p, b, q)
	}
	Both(a, p, b, q)
}

// TestBegun has hashes of which a part of a block is hashed already, and bytes at every place of a word in memory.
func TestBegun(t *testing.T) {
	const n = 5 * sha256.BlockSize
	text, other := noise(3, 2*n), noise(4, 2*n)
	for i := range sha256.BlockSize + 1 {
		for j := range sha256.BlockSize + 1 {
			a, b := New(), New()
			a.Write(text[:i])
			b.Write(other[:j])
			write(a, text[i:n+j], b, other[j:n+i])
			must(t, "a", a, text[:n+j])
			must(t, "b", b, other[:n+i])
		}
	}
}

// TestSplits writes long streams in random parts, paired and alone in turn, with resets between.
func TestSplits(t *testing.T) {
	const size = 4 << 20
	random := rand.New(rand.NewPCG(5, 6))
	streams := [2][]byte{noise(7, size), noise(8, size)}
	hashes := [2]*Hash{New(), New()}
	var from, at [2]int
	length := func(i int) int {
		n := random.IntN(1 << (1 + random.IntN(17)))
		return min(n, size-at[i])
	}
	for at[0] < size || at[1] < size {
		i := random.IntN(2)
		k, n := 1-i, length(i)
		p := streams[i][at[i] : at[i]+n]
		switch random.IntN(4) {
		case 0:
			hashes[i].Write(p)
		case 1:
			must(t, fmt.Sprint("stream ", i), hashes[i], streams[i][from[i]:at[i]])
			hashes[i].Reset()
			from[i] = at[i]
			continue
		default:
			m := length(k)
			Both(hashes[i], p, hashes[k], streams[k][at[k]:at[k]+m])
			at[k] += m
		}
		at[i] += n
	}
	for i, h := range hashes {
		must(t, fmt.Sprint("stream ", i), h, streams[i][from[i]:])
	}
}

// TestBig hashes 64 MB and half as many, in the sizes in which layers come.
func TestBig(t *testing.T) {
	const chunk = 256 << 10
	text, other := noise(9, 64<<20), noise(10, 32<<20)
	a, b := New(), New()
	for at := 0; at < len(text); at += chunk {
		Both(a, text[at:at+chunk], b, other[at/2:at/2+chunk/2])
	}
	must(t, "a", a, text)
	must(t, "b", b, other)
}

func TestSame(t *testing.T) {
	text := noise(11, 3*worthApart)
	a := New()
	Both(a, text[:worthApart], a, text[worthApart:])
	must(t, "one hash twice", a, text)
	p, q := New(), New()
	Both(p, text, q, text)
	must(t, "the same bytes", p, text)
	must(t, "the same bytes", q, text)
}

// TestAllocates holds it to no garbage for each piece of a layer.
func TestAllocates(t *testing.T) {
	if !paired {
		t.Skip("two goroutines do allocate")
	}
	a, b, text := New(), New(), noise(12, 128<<10)
	if n := testing.AllocsPerRun(10, func() { Both(a, text, b, text[1:]) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzBoth is all of it against crypto/sha256: what is cut off before, the parts, and their order.
func FuzzBoth(f *testing.F) {
	f.Add([]byte("x"), uint16(0), uint16(0), uint8(1))
	f.Add(noise(13, 700), uint16(64), uint16(3), uint8(9))
	f.Fuzz(func(t *testing.T, text []byte, i, j uint16, times uint8) {
		p, q := text[min(int(i), len(text)):], text[min(int(j), len(text)):]
		a, b := New(), New()
		var one, other []byte
		for range times%8 + 1 {
			write(a, p, b, q)
			one, other = append(one, p...), append(other, q...)
			p, q = q, p
		}
		must(t, "a", a, one)
		must(t, "b", b, other)
	})
}

func BenchmarkHashes(b *testing.B) {
	const n = 256 << 10
	text, other := noise(14, n), noise(15, n)
	b.Run("one", func(b *testing.B) {
		h := New()
		b.SetBytes(n)
		for b.Loop() {
			h.Write(text)
		}
	})
	b.Run("two", func(b *testing.B) {
		x, y := New(), New()
		b.SetBytes(2 * n)
		for b.Loop() {
			Both(x, text, y, other)
		}
	})
}
