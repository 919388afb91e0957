package deflate

import (
	"encoding/binary"
	"math/bits"
)

// The parameters of version 1. Each of them decides bytes.
const (
	hashBits  = 15
	minMatch  = 4
	maxMatch  = 258
	maxChain  = 12 // candidates looked at
	niceMatch = 64 // a match this long ends the search
	lazyMatch = 24 // a match this long is taken without looking for one a byte later
)

// segment encodes what is in buf and ends the block.
func (e *Encoder) segment(last bool) {
	var final uint64
	if last {
		final = 1
	} else if e.start == e.end {
		return
	}
	i, end := e.start, e.end
	for i < end {
		if e.ntokens >= maxTokens-maxMatch {
			e.writeBlock(i, 0)
		}
		length, distance := e.find(i, minMatch-1)
		if length < minMatch {
			e.literal(i)
			i++
			continue
		}
		inserted := i + 1
		for length < lazyMatch && e.ntokens < maxTokens-1 {
			l, d := e.find(i+1, length)
			inserted = i + 2
			if l <= length {
				break
			}
			e.literal(i)
			i++
			length, distance = l, d
		}
		e.match(length, distance)
		i += length
		for ; inserted < i; inserted++ {
			e.insert(inserted)
		}
	}
	e.start = end
	e.writeBlock(end, final)
}

func (e *Encoder) literal(i int) {
	b := e.buf[i]
	e.tokens[e.ntokens] = token(b)
	e.ntokens++
	e.litFreq[b]++
}

func (e *Encoder) match(length, distance int) {
	e.tokens[e.ntokens] = tokenMatch | token(length-3)<<16 | token(distance-1)
	e.ntokens++
	e.litFreq[257+int(lengthSymbols[length-3])]++
	e.distFreq[distSymbol(uint32(distance-1))]++
}

func hash(v uint32) uint32 { return v * 0x9e3779b1 >> (32 - hashBits) }

// insert remembers the position i.
func (e *Encoder) insert(i int) {
	if i+minMatch > e.end {
		return
	}
	h := &e.head[hash(binary.LittleEndian.Uint32(e.buf[i:]))]
	pos := uint32(i) + e.offset
	e.prev[pos%windowSize] = *h
	*h = pos
}

// find remembers the position i, and gives the longest match there that is longer than best, of
// equals the nearest, among the latest ones looked at; without one, a length of best.
func (e *Encoder) find(i, best int) (length, distance int) {
	if i+minMatch > e.end {
		return best, 0
	}
	v := binary.LittleEndian.Uint32(e.buf[i:])
	h := &e.head[hash(v)]
	pos := uint32(i) + e.offset
	candidate := *h
	e.prev[pos%windowSize] = candidate
	*h = pos
	limit := min(maxMatch, e.end-i)
	if best >= limit {
		return best, 0
	}
	for range maxChain {
		back := pos - candidate
		if back > windowSize {
			break
		}
		at := i - int(back)
		if binary.LittleEndian.Uint32(e.buf[at:]) == v && e.buf[at+best] == e.buf[i+best] {
			if l := e.common(at, i, limit); l > best {
				best, distance = l, int(back)
				if l >= niceMatch || l == limit {
					break
				}
			}
		}
		candidate = e.prev[candidate%windowSize]
	}
	return best, distance
}

// common is how many bytes are equal at a and b, at most limit.
func (e *Encoder) common(a, b, limit int) int {
	n := 0
	for n < limit {
		x := binary.LittleEndian.Uint64(e.buf[a+n:]) ^ binary.LittleEndian.Uint64(e.buf[b+n:])
		if x != 0 {
			n += bits.TrailingZeros64(x) / 8
			break
		}
		n += 8
	}
	return min(n, limit)
}
