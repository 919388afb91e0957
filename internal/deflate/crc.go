package deflate

import "hash/crc32"

// zeroes[i] is what 2^i zero bytes after a message do to its CRC-32: x^(8*2^i) modulo the
// polynomial, bit-reversed as the CRC is.
var zeroes = func() (t [63]uint32) {
	t[0] = 1 << (31 - 8)
	for i := 1; i < len(t); i++ {
		t[i] = multiplyModulo(t[i-1], t[i-1])
	}
	return t
}()

// multiplyModulo multiplies two polynomials over GF(2) modulo that of CRC-32 (IEEE); the highest
// bit is the coefficient of x^0.
func multiplyModulo(a, b uint32) uint32 {
	var product uint32
	for ; a != 0; a <<= 1 {
		if a&(1<<31) != 0 {
			product ^= b
		}
		b = b>>1 ^ crc32.IEEE&-(b&1)
	}
	return product
}

// CombineCRC32 is the CRC-32 (IEEE) of two messages joined, from the CRC-32 of each and the size of
// the second in bytes, which must not be negative.
func CombineCRC32(crc1, crc2 uint32, len2 int64) uint32 {
	for i := 0; len2 > 0; i++ {
		if len2&1 != 0 {
			crc1 = multiplyModulo(zeroes[i], crc1)
		}
		len2 >>= 1
	}
	return crc1 ^ crc2
}
