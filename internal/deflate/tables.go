package deflate

import "math/bits"

const (
	maxCodeLen     = 15
	maxLitSymbols  = 286 // sent in a dynamic block; the fixed code has 288
	maxDistSymbols = 30  // the fixed code has 32
	endOfBlock     = 256

	litBits  = 11
	distBits = 8
	metaBits = 7

	// The sizes are powers of two, so that a mask proves an index to be inside. Needed are, by
	// zlib's enough.c, 2342 entries for 288 symbols with 11 bits at the root, and 402 for 32
	// symbols with 8 bits.
	litTableSize  = 4096
	distTableSize = 512
)

type (
	litTable  [litTableSize]entry
	distTable [distTableSize]entry
)

// entry is what a table says of the bits that come next:
//
//	bits 0-7   how many bits to use up: the code and its extra bits
//	bit  31    literals: bits 8-15 and 16-23 hold them, bits 24-25 their number, 1 or 2
//	bit  15    exceptional: nothing below applies
//	bits 8-11  length or distance: length of the code, without the extra bits
//	bits 16-30 length or distance: the base
//
// Exceptional entries: bit 14 points to a second table, which begins at the index in bits 16-30
// and takes as many bits as bits 8-11 say; bit 13 is the end of the block; neither, a fault.
type entry uint32

const (
	entryLiteral     entry = 1 << 31
	entryExceptional entry = 1 << 15
	entryPointer     entry = 1 << 14
	entryEnd         entry = 1 << 13
)

// litEntries, distEntries and metaEntries are the entries of the symbols, but for the length of
// their codes.
var (
	litEntries  [288]entry
	distEntries [32]entry
	metaEntries [19]entry
)

// The bases of lengths and distances and their extra bits (RFC 1951, 3.2.5).
var (
	lengthBase = [29]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59,
		67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra = [29]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4,
		5, 5, 5, 5, 0}
	distBase = [30]uint16{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513,
		769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distExtra = [30]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10,
		11, 11, 12, 12, 13, 13}
)

// metaOrder is the order in which the lengths of the code for code lengths are sent (RFC 1951,
// 3.2.7).
var metaOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

func init() {
	for i := range 256 {
		litEntries[i] = entryLiteral | 1<<24 | entry(i)<<8
	}
	litEntries[endOfBlock] = entryExceptional | entryEnd
	litEntries[286], litEntries[287] = entryExceptional, entryExceptional
	for i, base := range lengthBase {
		litEntries[257+i] = entry(base)<<16 | entry(lengthExtra[i])
	}
	distEntries[30], distEntries[31] = entryExceptional, entryExceptional
	for i, base := range distBase {
		distEntries[i] = entry(base)<<16 | entry(distExtra[i])
	}
	for i := range metaEntries {
		metaEntries[i] = entry(i) << 16
	}
}

// coded adds the length of the code, of which the last n bits are looked up here.
func (e entry) coded(n int) entry {
	if e&(entryLiteral|entryExceptional) != 0 {
		return e + entry(n)
	}
	return e + entry(n) + entry(n)<<8
}

// buildTable fills the table for a code given by its lengths. It is false when zlib refuses the
// code: over-subscribed, or incomplete and not a single code of one bit. No codes at all are
// accepted, and then any bits are a fault. In the code for code lengths (mayLack is false), neither
// exception is made.
func buildTable(table []entry, rootBits int, lens []uint8, symbols []entry, mayLack bool) bool {
	var counts, offsets [maxCodeLen + 2]int
	for _, l := range lens {
		counts[l&15]++
	}
	used := len(lens) - counts[0]
	counts[0] = 0
	space := 0 // in codes of 15 bits
	for l := 1; l <= maxCodeLen; l++ {
		offsets[l+1] = offsets[l] + counts[l]
		space += counts[l] << (maxCodeLen - l)
	}
	if space > 1<<maxCodeLen {
		return false
	}
	if space < 1<<maxCodeLen {
		if !mayLack || used > 1 || used == 1 && counts[1] == 0 {
			return false
		}
		return fillIncomplete(table[:1<<rootBits], lens, symbols)
	}
	var sorted [288]uint16
	for sym, l := range lens {
		if l != 0 {
			sorted[offsets[l]] = uint16(sym)
			offsets[l]++
		}
	}
	fillTable(table, rootBits, &counts, sorted[:used], symbols)
	return true
}

// fillIncomplete fills the table for at most one code, of one bit: 0 is its symbol, 1 is a fault.
func fillIncomplete(table []entry, lens []uint8, symbols []entry) bool {
	even := entryExceptional.coded(1)
	for sym, l := range lens {
		if l != 0 {
			even = symbols[sym].coded(1)
		}
	}
	for i := 0; i < len(table); i += 2 {
		table[i], table[i+1] = even, entryExceptional.coded(1)
	}
	return true
}

// fillTable goes through the codes in order, bit-reversed as they are sent. The root is filled for
// short codes first and doubled whenever the codes get longer. After Eric Biggers, libdeflate.
func fillTable(table []entry, rootBits int, counts *[maxCodeLen + 2]int, sorted []uint16, symbols []entry) {
	code, length, end := 0, 1, 2
	for counts[length] == 0 {
		length++
		end <<= 1
	}
	count := counts[length]
	next := 0
	for length <= rootBits {
		for ; count > 0; count-- {
			table[code] = symbols[sorted[next]].coded(length)
			next++
			if code == end-1 {
				for ; end < 1<<rootBits; end <<= 1 {
					copy(table[end:2*end], table[:end])
				}
				return
			}
			code = following(code, end)
		}
		for count == 0 {
			length++
			if length <= rootBits {
				copy(table[end:2*end], table[:end])
				end <<= 1
			}
			count = counts[length]
		}
	}
	// The remaining codes share second tables, each as large as the longest code in it needs.
	end = 1 << rootBits
	prefix, start := -1, 0
	for {
		if p := code & (1<<rootBits - 1); p != prefix {
			prefix, start = p, end
			width := length - rootBits
			for space := count; space < 1<<width; {
				width++
				space = space<<1 + counts[rootBits+width]
			}
			end = start + 1<<width
			table[prefix] = entryExceptional | entryPointer | entry(start)<<16 | entry(width)<<8 | entry(rootBits)
		}
		e := symbols[sorted[next]].coded(length - rootBits)
		next++
		for i := start + code>>rootBits; i < end; i += 1 << (length - rootBits) {
			table[i] = e
		}
		if code == 1<<length-1 {
			return
		}
		code = following(code, 1<<length)
		for count--; count == 0; count = counts[length] {
			length++
		}
	}
}

// following is the code after the given one, both bit-reversed, of the same length; end is 1 shifted
// by that length. The given one must not be the last.
func following(code, end int) int {
	bit := 1 << (bits.Len(uint(code^(end-1))) - 1)
	return code&(bit-1) | bit
}
