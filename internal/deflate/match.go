package deflate

import (
	"encoding/binary"
	"math/bits"
)

// The parameters of version 1. Each of them decides bytes.
const (
	hashBits    = 16
	minMatch    = 4
	maxMatch    = 258
	maxChain    = 2  // candidates looked at
	niceMatch   = 24 // a match this long ends the search
	lazyMatch   = 10 // a match this long is taken without looking for one a byte later
	sparseMatch = 16 // in a match longer than this, only every third byte is remembered
	skipShift   = 6  // where nothing is found, one byte more in so many (log 2) is passed over
	maxSkip     = 16

	maxTokens = 24 << 10 // in one block
	// roundTokens is the most that one round of segment adds: the literals that a lazy match may
	// leave behind, or those passed over, and a match.
	roundTokens = 32
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
	findable := end - minMatch // the last position that can be looked up
	fruitless := i             // since when no match was found
	for i <= findable {
		if e.ntokens > maxTokens-roundTokens {
			e.writeBlock(i, 0)
		}
		length, distance := e.find(i, minMatch-1)
		if length < minMatch {
			step := min(1+(i-fruitless)>>skipShift, maxSkip, end-i)
			for ; step > 0; step-- {
				e.literal(i)
				i++
			}
			continue
		}
		next := i + 1 // not yet remembered
		for length < lazyMatch && next <= findable {
			l, d := e.find(next, length)
			next++
			if l <= length {
				break
			}
			e.literal(i)
			i++
			length, distance = l, d
		}
		e.match(length, distance)
		i += length
		stride := 1
		if length > sparseMatch {
			stride = 3
		}
		for stop := min(i, findable+1); next < stop; next += stride {
			e.insert(next)
		}
		fruitless = i
	}
	for ; i < end; i++ {
		if e.ntokens == maxTokens {
			e.writeBlock(i, 0)
		}
		e.literal(i)
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
	h := &e.head[hash(binary.LittleEndian.Uint32(e.buf[i:]))]
	e.prev[i%windowSize] = *h
	*h = uint16(i)
}

// find remembers the position i, and gives the longest match there that is longer than best, of
// equals the nearest, among the latest positions of the same hash; without one, a length of best.
// At least minMatch bytes must follow i.
//
// Positions are indexes into buf modulo 64 Ki, which sliding does not change. One that was never
// set, or is a multiple of 64 Ki behind, is a candidate like others: the bytes decide. The way
// along prev must lead backwards, so it ends.
func (e *Encoder) find(i, best int) (length, distance int) {
	v := binary.LittleEndian.Uint32(e.buf[i:])
	h := &e.head[hash(v)]
	candidate := *h
	e.prev[i%windowSize] = candidate
	*h = uint16(i)
	limit := min(maxMatch, e.end-i)
	if best >= limit {
		return best, 0
	}
	farthest := min(windowSize, i)
	last := e.buf[i+best]
	before := 0
	for range maxChain {
		back := int(uint16(i) - candidate)
		if back > farthest || back <= before {
			break
		}
		before = back
		at := i - back
		if e.buf[at+best] == last && binary.LittleEndian.Uint32(e.buf[at:]) == v {
			if l := e.common(at, i, limit); l > best {
				best, distance = l, back
				if l >= niceMatch || l == limit {
					break
				}
				last = e.buf[i+best]
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
