package deflate

// BytePatch changes one byte of a stream: b becomes b &^ Clear. All that splicing changes are ones
// that become zeros.
type BytePatch struct {
	Offset int64 // in the stream
	Clear  byte
}

// Patch is what makes a stream one that other blocks can follow.
type Patch struct {
	// Bytes are the bytes to change, in ascending order of offsets, without two of one offset:
	// at most two.
	Bytes []BytePatch
	// Suffix is to be put behind the stream: the rest of an empty stored block, which ends on a
	// byte.
	Suffix []byte
}

// storedSuffix ends an empty stored block, of which the first three bits were padding before.
var storedSuffix = []byte{0, 0, 0, 0xff, 0xff}

// Splice gives the changes that make the last block not final and fill its last byte with the head
// of an empty stored block. With them the stream is decoded to the same bytes and then goes on at
// the byte behind the suffix, where the head of the next block must follow. The changes hold for
// the whole stream, which ends in the byte that has the bit before s.EndBit.
func Splice(s Stream) Patch {
	var p Patch
	p.Bytes = append(p.Bytes, ClearFinal(s.FinalBit))
	padding := (8 - s.EndBit%8) % 8
	if padding > 0 {
		clear := byte(0xff) << (8 - padding)
		last := s.EndBit / 8
		if last == p.Bytes[0].Offset {
			p.Bytes[0].Clear |= clear
		} else {
			p.Bytes = append(p.Bytes, BytePatch{Offset: last, Clear: clear})
		}
	}
	p.Suffix = storedSuffix
	if padding >= 3 {
		p.Suffix = storedSuffix[1:]
	}
	return p
}

// ClearFinal is the change that makes the block whose BFINAL bit is there not final.
func ClearFinal(bit int64) BytePatch { return BytePatch{Offset: bit / 8, Clear: 1 << (bit % 8)} }

// Apply changes what p contains of the stream, when p is the part that begins at offset from.
func (p Patch) Apply(part []byte, from int64) {
	for _, b := range p.Bytes {
		if b.Offset >= from && b.Offset-from < int64(len(part)) {
			part[b.Offset-from] &^= b.Clear
		}
	}
}
