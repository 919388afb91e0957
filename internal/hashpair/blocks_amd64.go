//go:build !purego

package hashpair

// paired tells that blocks can be used.
var paired = hasInstructions() && known()

// hasInstructions tells whether the processor has all that blocks uses: SHA, SSSE3 and SSE4.1 (Intel's manual, volume 2A,
// CPUID). They need nothing of the operating system beyond what every program on amd64 has.
func hasInstructions() bool {
	const (
		ssse3 = 1 << 9  // leaf 1, ECX
		sse41 = 1 << 19 // leaf 1, ECX
		sha   = 1 << 29 // leaf 7, EBX
	)
	leaves, _, _, _ := cpuid(0, 0)
	if leaves < 7 {
		return false
	}
	_, _, ecx, _ := cpuid(1, 0)
	_, ebx, _, _ := cpuid(7, 0)
	return ecx&(ssse3|sse41) == ssse3|sse41 && ebx&sha != 0
}

//go:noescape
func cpuid(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32)

// blocks compresses n blocks at p into the state a, and n at q into b.
//
//go:noescape
func blocks(a, b *[8]uint32, p, q *byte, n int)
