package deflate

import "encoding/binary"

// What ended the inner loop.
const (
	blockPaused = iota // more input or room for output is needed
	blockEnded
	blockBroken
)

// periods are the least multiples of distances below 8 that are 8 or more.
var periods = [8]uint8{0, 8, 8, 9, 8, 10, 12, 14}

// inflate decodes symbols until the block ends, or input or room runs short. It is entered with at
// least 56 bits in the bit buffer.
func (d *Decoder) inflate() int {
	in, ipMax := d.in, d.ipMax
	out := &d.out
	lit, dist := &d.lit, &d.dist
	ip, op := d.ip, d.op
	bits, nbits := d.bits, d.nbits
	status := blockPaused

	for {
		e := lit[bits&(1<<litBits-1)]
		if e&entryLiteral != 0 {
			bits >>= e & 63
			nbits -= uint(e & 63)
			binary.LittleEndian.PutUint16(out[op:], uint16(e>>8))
			op += int(e>>24) & 3
			e = lit[bits&(1<<litBits-1)]
			if e&entryLiteral != 0 {
				bits >>= e & 63
				nbits -= uint(e & 63)
				binary.LittleEndian.PutUint16(out[op:], uint16(e>>8))
				op += int(e>>24) & 3
				e = lit[bits&(1<<litBits-1)]
				if e&entryLiteral != 0 {
					bits >>= e & 63
					nbits -= uint(e & 63)
					binary.LittleEndian.PutUint16(out[op:], uint16(e>>8))
					op += int(e>>24) & 3
					goto refill
				}
			}
		}
		if e&entryExceptional != 0 {
			if e&entryPointer != 0 {
				bits >>= litBits
				nbits -= litBits
				e = lit[(uint64(e>>16)+bits&(1<<(e>>8&15)-1))&(litTableSize-1)]
				if e&entryLiteral != 0 {
					bits >>= e & 63
					nbits -= uint(e & 63)
					out[op] = byte(e >> 8)
					op++
					goto refill
				}
			}
			if e&entryExceptional != 0 {
				bits >>= e & 63
				nbits -= uint(e & 63)
				status = blockEnded
				if e&entryEnd == 0 {
					status = blockBroken
					d.why = "invalid literal/length code"
				}
				break
			}
		}
		{
			length := int(e>>16) + int(bits&(1<<(e&63)-1)>>(e>>8&15))
			bits >>= e & 63
			nbits -= uint(e & 63)
			if nbits < 48 {
				bits |= binary.LittleEndian.Uint64(in[ip:]) << (nbits & 63)
				ip += int((63 - nbits) >> 3)
				nbits |= 56
			}
			e = dist[bits&(1<<distBits-1)]
			if e&entryExceptional != 0 {
				if e&entryPointer != 0 {
					bits >>= distBits
					nbits -= distBits
					e = dist[(uint64(e>>16)+bits&(1<<(e>>8&15)-1))&(distTableSize-1)]
				}
				if e&entryExceptional != 0 {
					bits >>= e & 63
					nbits -= uint(e & 63)
					status = blockBroken
					d.why = "invalid distance code"
					break
				}
			}
			distance := int(e>>16) + int(bits&(1<<(e&63)-1)>>(e>>8&15))
			bits >>= e & 63
			nbits -= uint(e & 63)
			src := op - distance
			if src < 0 {
				status = blockBroken
				d.why = "invalid distance too far back"
				break
			}
			end := op + length
			if distance >= 16 {
				for {
					*(*[16]byte)(out[op:]) = *(*[16]byte)(out[src:])
					op += 16
					src += 16
					if op >= end {
						break
					}
				}
			} else if distance >= 8 {
				for {
					binary.LittleEndian.PutUint64(out[op:], binary.LittleEndian.Uint64(out[src:]))
					op += 8
					src += 8
					if op >= end {
						break
					}
				}
			} else {
				// One period of at least 8 bytes is written byte by byte; from there on it is
				// far enough back to be copied in words.
				period := int(periods[distance&7])
				for start := op; op < start+period; op++ {
					out[op] = out[src]
					src++
				}
				for ; op < end; op += 8 {
					binary.LittleEndian.PutUint64(out[op:], binary.LittleEndian.Uint64(out[op-period:]))
				}
			}
			op = end
		}
	refill:
		if ip > ipMax || op >= outLimit {
			break
		}
		bits |= binary.LittleEndian.Uint64(in[ip:]) << (nbits & 63)
		ip += int((63 - nbits) >> 3)
		nbits |= 56
	}
	d.ip, d.op = ip, op
	d.bits, d.nbits = bits, nbits
	return status
}
