package deflate

import (
	"math/bits"
	"slices"
)

// code is a Huffman code, bit-reversed for sending, and its length above it.
type code uint32

const codeLenShift = 16

func (c code) value() uint64 { return uint64(c & (1<<codeLenShift - 1)) }
func (c code) len() uint     { return uint(c >> codeLenShift) }

// huffman finds lengths of codes, none longer than limit, for symbols of these frequencies, as the
// tree of Huffman's algorithm gives them; what is too deep there is raised, and another code
// lengthened for it. Symbols of equal frequency are ordered by number, so the result is fixed. At
// least two codes are made, since not every decoder takes fewer. The sum of freqs must be below
// 2^31.
func huffman(freqs []uint32, limit int, lens []uint8) {
	var keys [maxLitSymbols]uint64 // frequency and symbol: no two are equal
	n := 0
	for sym, f := range freqs {
		lens[sym] = 0
		if f != 0 {
			keys[n] = uint64(f)<<16 | uint64(sym)
			n++
		}
	}
	if n < 2 {
		lens[0], lens[1] = 1, 1
		if n == 1 && keys[0]&0xffff > 1 {
			lens[1] = 0
			lens[keys[0]&0xffff] = 1
		}
		return
	}
	leaves := keys[:n]
	slices.Sort(leaves)

	// Nodes are made in ascending order of weight, so both leaves and nodes are queues.
	var weights [maxLitSymbols]uint32
	var parents [maxLitSymbols]uint16
	leaf, node := 0, 0
	for made := 0; made < n-1; made++ {
		for range 2 {
			if leaf < n && (node == made || uint32(leaves[leaf]>>16) <= weights[node]) {
				weights[made] += uint32(leaves[leaf] >> 16)
				leaf++
			} else {
				weights[made] += weights[node]
				parents[node] = uint16(made)
				node++
			}
		}
	}
	// From the root down, each node turns one leaf into two a step deeper.
	var counts [maxCodeLen + 2]int
	var depths [maxLitSymbols]uint8
	counts[1] = 2
	for node := n - 3; node >= 0; node-- {
		depth := int(depths[parents[node]]) + 1
		depths[node] = uint8(depth)
		if depth >= limit {
			for depth = limit - 1; counts[depth] == 0; depth-- {
			}
		}
		counts[depth]--
		counts[depth+1] += 2
	}
	rarest := 0
	for length := limit; length > 0; length-- {
		for range counts[length] {
			lens[leaves[rarest]&0xffff] = uint8(length)
			rarest++
		}
	}
}

// assign gives the codes for these lengths (RFC 1951, 3.2.2).
func assign(lens []uint8, codes []code) {
	var next [maxCodeLen + 2]uint16
	for _, l := range lens {
		next[l+1]++
	}
	next[1] = 0
	for l := 1; l <= maxCodeLen; l++ {
		next[l+1] = (next[l] + next[l+1]) << 1
	}
	for sym, l := range lens {
		if l == 0 {
			codes[sym] = 0
			continue
		}
		codes[sym] = code(bits.Reverse16(next[l])>>(16-l)) | code(l)<<codeLenShift
		next[l]++
	}
}
