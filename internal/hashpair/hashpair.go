// Package hashpair feeds two SHA-256 hashes at once.
//
// A hash is a chain: each step waits for the one before. Where the processor has instructions for SHA-256 (on amd64, SHA-NI), it
// spends half of its time on that waiting, and the steps of a second hash fit into it: two streams take as long as one.
//
// Whatever the processor and the build tags, the sums are those of crypto/sha256, which does all but the long runs of whole
// blocks. The package knows nothing of where the bytes come from, and keeps none of them.
package hashpair

import (
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"hash"
	"runtime"
)

// Hash is one SHA-256. It is not safe for concurrent use.
type Hash struct {
	hash.Hash
	state [stateSize]byte // in between, for what crypto/sha256 says of its own
}

// New gives a Hash of nothing yet.
func New() *Hash { return &Hash{Hash: sha256.New()} }

const (
	// worthPairing is from how many bytes on the way there and back costs less than is won: about 0.3 µs.
	worthPairing = 1 << 10
	// worthApart is from how many bytes on a second goroutine takes one of two hashes where they cannot be paired.
	worthApart = 32 << 10
)

// Both writes p to a and q to b. As many bytes as the shorter of them has are hashed at once, which is a single processor's work where
// that can hash in pairs, and else that of two goroutines. Where a is b, it gets p before q.
func Both(a *Hash, p []byte, b *Hash, q []byte) {
	n := min(len(p), len(q))
	switch {
	case a == b:
	case paired && n >= worthPairing:
		p, q = pair(a, p, b, q)
	case !paired && n >= worthApart && runtime.GOMAXPROCS(0) > 1:
		done := make(chan struct{})
		go func() {
			defer close(done)
			a.Write(p)
		}()
		b.Write(q)
		<-done
		return
	}
	a.Write(p)
	b.Write(q)
}

// pair hashes the blocks that both have, and gives what is left of p and q.
func pair(a *Hash, p []byte, b *Hash, q []byte) ([]byte, []byte) {
	p, q = a.align(p), b.align(q)
	n := min(len(p), len(q)) / sha256.BlockSize
	if n == 0 {
		return p, q
	}
	x, y := a.load(), b.load()
	blocks(&x, &y, &p[0], &q[0], n)
	done := n * sha256.BlockSize
	a.save(x, done)
	b.save(y, done)
	return p[done:], q[done:]
}

// What crypto/sha256 says of its state: a name, the eight words, a block that is not full, and the number of bytes. Releases
// of Go take what earlier ones gave (package hash, Compatibility); whether this one gives it, known finds out.
const (
	stateMagic = "sha\x03"
	stateWords = len(stateMagic)
	stateBlock = stateWords + sha256.Size
	stateCount = stateBlock + sha256.BlockSize
	stateSize  = stateCount + 8
)

// describe has the hash's state in h.state.
func (h *Hash) describe() bool {
	s, ok := h.Hash.(encoding.BinaryAppender)
	if !ok {
		return false
	}
	data, err := s.AppendBinary(h.state[:0])
	return err == nil && len(data) == stateSize && string(data[:stateWords]) == stateMagic
}

// align writes as many bytes as the hash's begun block lacks, and gives the others. h.state is then up to date, unless there are none.
func (h *Hash) align(p []byte) []byte {
	h.describe()
	begun := int(binary.BigEndian.Uint64(h.state[stateCount:]) % sha256.BlockSize)
	if begun == 0 {
		return p
	}
	n := min(sha256.BlockSize-begun, len(p))
	h.Write(p[:n])
	h.describe()
	return p[n:]
}

func (h *Hash) load() (words [8]uint32) {
	for i := range words {
		words[i] = binary.BigEndian.Uint32(h.state[stateWords+4*i:])
	}
	return words
}

// save is what is to come of n bytes of whole blocks more.
func (h *Hash) save(words [8]uint32, n int) {
	for i, w := range words {
		binary.BigEndian.PutUint32(h.state[stateWords+4*i:], w)
	}
	count := h.state[stateCount:]
	binary.BigEndian.PutUint64(count, binary.BigEndian.Uint64(count)+uint64(n))
	if err := h.Hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(h.state[:]); err != nil {
		panic("hashpair: crypto/sha256 does not take its own state: " + err.Error()) // known took care of it
	}
}

// known tells whether crypto/sha256 says of its state what it is taken for here, by hashing a little both ways.
func known() bool {
	var text [3*sha256.BlockSize + 7]byte
	for i := range text {
		text[i] = byte(i)
	}
	a, b := New(), New()
	b.Write(text[:1])
	if !a.describe() || !b.describe() {
		return false
	}
	if s, ok := a.Hash.(encoding.BinaryUnmarshaler); !ok || s.UnmarshalBinary(a.state[:]) != nil {
		return false
	}
	p, q := pair(a, text[:], b, text[1:])
	a.Write(p)
	b.Write(q)
	want := sha256.Sum256(text[:])
	return [sha256.Size]byte(a.Sum(nil)) == want && [sha256.Size]byte(b.Sum(nil)) == want
}
