package deflate

import "encoding/binary"

// token is a literal, or a match: bit 31, bits 16-23 the length less 3, bits 0-14 the distance
// less 1.
type token uint32

const tokenMatch token = 1 << 31

// lengthSymbols and distSymbols give the symbol of a length less 3, and of a distance less 1: below
// 256 at its own index, otherwise at 256 + (distance-1)/128.
var (
	lengthSymbols [256]uint8
	distSymbols   [512]uint8
)

func init() {
	for sym := range lengthBase {
		for l := int(lengthBase[sym]); l < int(lengthBase[sym])+1<<lengthExtra[sym] && l <= 258; l++ {
			lengthSymbols[l-3] = uint8(sym)
		}
	}
	for sym := range distBase {
		for d := int(distBase[sym]) - 1; d < int(distBase[sym])-1+1<<distExtra[sym]; d++ {
			if d < 256 {
				distSymbols[d] = uint8(sym)
			} else {
				distSymbols[256+d>>7] = uint8(sym)
			}
		}
	}
}

func distSymbol(distLess1 uint32) uint8 {
	if distLess1 < 256 {
		return distSymbols[distLess1]
	}
	return distSymbols[(256+distLess1>>7)&511]
}

// blockCodes are the codes of one block, and how a dynamic block sends them.
type blockCodes struct {
	lens     [maxLitSymbols + maxDistSymbols]uint8
	litLens  [maxLitSymbols]uint8
	distLens [maxDistSymbols]uint8
	lit      [maxLitSymbols]code
	dist     [maxDistSymbols]code

	nlit, ndist, nmeta int
	metaFreq           [19]uint32
	metaLens           [19]uint8
	meta               [19]code
	// runs are the code lengths as sent: the symbol, and above it its extra bits.
	runs  [maxLitSymbols + maxDistSymbols]uint16
	nruns int
}

// metaExtra is the number of extra bits of the symbols 16, 17 and 18.
var metaExtra = [19]uint8{16: 2, 17: 3, 18: 7}

// plan chooses the dynamic codes and gives the size of their description in bits.
func (c *blockCodes) plan(litFreq, distFreq []uint32) int {
	huffman(litFreq, maxCodeLen, c.litLens[:])
	huffman(distFreq, maxCodeLen, c.distLens[:])
	c.nlit, c.ndist = maxLitSymbols, maxDistSymbols
	for c.nlit > 257 && c.litLens[c.nlit-1] == 0 {
		c.nlit--
	}
	for c.ndist > 1 && c.distLens[c.ndist-1] == 0 {
		c.ndist--
	}
	copy(c.lens[:], c.litLens[:c.nlit])
	copy(c.lens[c.nlit:], c.distLens[:c.ndist])
	c.findRuns(c.lens[:c.nlit+c.ndist])
	huffman(c.metaFreq[:], metaBits, c.metaLens[:])
	c.nmeta = len(metaOrder)
	for c.nmeta > 4 && c.metaLens[metaOrder[c.nmeta-1]] == 0 {
		c.nmeta--
	}
	size := 5 + 5 + 4 + 3*c.nmeta
	for sym, f := range c.metaFreq {
		size += int(f) * int(c.metaLens[sym]+metaExtra[sym])
	}
	return size
}

// findRuns turns code lengths into the symbols that send them (RFC 1951, 3.2.7).
func (c *blockCodes) findRuns(lens []uint8) {
	c.nruns = 0
	c.metaFreq = [19]uint32{}
	add := func(sym uint8, extra int) {
		c.runs[c.nruns] = uint16(sym) | uint16(extra)<<8
		c.nruns++
		c.metaFreq[sym]++
	}
	for i := 0; i < len(lens); {
		value, n := lens[i], 1
		for i+n < len(lens) && lens[i+n] == value {
			n++
		}
		i += n
		if value != 0 {
			add(value, 0)
			n--
			for ; n >= 3; n -= min(n, 6) {
				add(16, min(n, 6)-3)
			}
		} else {
			for ; n >= 11; n -= min(n, 138) {
				add(18, min(n, 138)-11)
			}
			if n >= 3 {
				add(17, n-3)
				n = 0
			}
		}
		for ; n > 0; n-- {
			add(value, 0)
		}
	}
}

// writeBlock writes the tokens and clears them, or the bytes they stand for, whichever is shortest;
// of equals the simpler.
func (e *Encoder) writeBlock(end int, final uint64) {
	raw := e.buf[e.blockStart:end]
	e.blockStart = end
	e.litFreq[endOfBlock]++
	c := &e.codes
	dynamic := 3 + c.plan(e.litFreq[:], e.distFreq[:])
	fixed := 3
	for sym, f := range e.litFreq {
		dynamic += int(f) * int(c.litLens[sym])
		fixed += int(f) * int(fixedLens[sym])
	}
	extra := 0
	for i, f := range e.litFreq[257:] {
		extra += int(f) * int(lengthExtra[i])
	}
	for i, f := range e.distFreq {
		dynamic += int(f) * int(c.distLens[i])
		fixed += int(f) * 5
		extra += int(f) * int(distExtra[i])
	}
	dynamic += extra
	fixed += extra
	out := &e.out
	switch best := min(dynamic, fixed); {
	case e.storedBits(len(raw)) <= best:
		e.writeStored(raw, final)
	case fixed <= best:
		out.put(final|1<<1, 3)
		e.writeTokens(&fixedLitCodes, &fixedDistCodes)
	default:
		out.put(final|2<<1, 3)
		e.writeCodes()
		assign(c.litLens[:], c.lit[:])
		assign(c.distLens[:], c.dist[:])
		e.writeTokens(&c.lit, &c.dist)
	}
	e.clearBlock()
}

// storedBits is the size of n bytes stored.
func (e *Encoder) storedBits(n int) int {
	first := int(e.out.nbits+3+7)&^7 - int(e.out.nbits)
	blocks := max(1, (n+maxStored-1)/maxStored)
	return first + 32 + (blocks-1)*40 + n*8
}

const maxStored = 65535

func (e *Encoder) writeStored(p []byte, final uint64) {
	for {
		n := min(len(p), maxStored)
		last := final
		if n < len(p) {
			last = 0
		}
		e.out.storedHeader(n, last)
		e.out.raw(p[:n])
		p = p[n:]
		if len(p) == 0 {
			return
		}
	}
}

// writeCodes writes the description of dynamic codes.
func (e *Encoder) writeCodes() {
	c, out := &e.codes, &e.out
	out.put(uint64(c.nlit-257)|uint64(c.ndist-1)<<5|uint64(c.nmeta-4)<<10, 14)
	for _, sym := range metaOrder[:c.nmeta] {
		out.put(uint64(c.metaLens[sym]), 3)
	}
	assign(c.metaLens[:], c.meta[:])
	for _, run := range c.runs[:c.nruns] {
		sym := run & 0xff
		m := c.meta[sym]
		out.put(m.value()|uint64(run>>8)<<m.len(), m.len()+uint(metaExtra[sym]))
	}
}

var (
	fixedLitCodes  [maxLitSymbols]code
	fixedDistCodes [maxDistSymbols]code
)

func init() {
	var lit [288]code
	assign(fixedLens[:], lit[:])
	copy(fixedLitCodes[:], lit[:])
	var dist [32]code
	assign(fixedDistLens[:], dist[:])
	copy(fixedDistCodes[:], dist[:])
}

// writeTokens writes the body of a block.
func (e *Encoder) writeTokens(lit *[maxLitSymbols]code, dist *[maxDistSymbols]code) {
	out := &e.out
	bits, nbits, at := out.bits, out.nbits, out.n
	for _, t := range e.tokens[:e.ntokens] {
		if at > len(out.buf)-8 {
			out.n = at
			out.flush()
			at = 0
		}
		if t&tokenMatch == 0 {
			c := lit[t&0xff]
			bits |= c.value() << (nbits & 63)
			nbits += c.len()
		} else {
			length := uint32(t>>16) & 0xff
			sym := lengthSymbols[length]
			c := lit[257+int(sym)]
			v, n := c.value(), c.len()
			v |= uint64(length+3-uint32(lengthBase[sym])) << (n & 63)
			n += uint(lengthExtra[sym])
			distance := uint32(t) & 0x7fff
			sym = distSymbol(distance)
			c = dist[sym]
			v |= c.value() << (n & 63)
			n += c.len()
			v |= uint64(distance+1-uint32(distBase[sym])) << (n & 63)
			n += uint(distExtra[sym])
			bits |= v << (nbits & 63)
			nbits += n
		}
		binary.LittleEndian.PutUint64(out.buf[at:], bits)
		at += int(nbits >> 3)
		bits >>= nbits &^ 7 & 63
		nbits &= 7
	}
	out.bits, out.nbits, out.n = bits, nbits, at
	c := lit[endOfBlock]
	out.put(c.value(), c.len())
}
