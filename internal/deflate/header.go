package deflate

// fixedLens are the lengths of the fixed codes (RFC 1951, 3.2.6).
var fixedLens = func() (lens [288]uint8) {
	for i := range lens {
		switch {
		case i < 144:
			lens[i] = 8
		case i < 256:
			lens[i] = 9
		case i < 280:
			lens[i] = 7
		default:
			lens[i] = 8
		}
	}
	return lens
}()

var fixedDistLens = func() (lens [32]uint8) {
	for i := range lens {
		lens[i] = 5
	}
	return lens
}()

const noEndOfBlock = "invalid code -- missing end-of-block"

// fixedTables makes lit and dist those of the fixed codes.
func (d *Decoder) fixedTables() {
	if d.fixed {
		return
	}
	buildTable(d.lit[:], litBits, fixedLens[:], litEntries[:], true)
	buildTable(d.dist[:], distBits, fixedDistLens[:], distEntries[:], true)
	d.fixed = true
}

// dynamicTables reads the codes at the head of a dynamic block (RFC 1951, 3.2.7).
func (d *Decoder) dynamicTables() error {
	if err := d.refill(); err != nil {
		return err
	}
	nlit, ndist, nmeta := int(d.take(5))+257, int(d.take(5))+1, int(d.take(4))+4
	if nlit > maxLitSymbols || ndist > maxDistSymbols {
		return d.corrupt("too many length or distance symbols")
	}
	var metaLens [19]uint8
	for i, sym := range metaOrder[:nmeta] {
		if i%16 == 0 {
			if err := d.refill(); err != nil {
				return err
			}
		}
		metaLens[sym] = uint8(d.take(3))
	}
	if metaLens == [19]uint8{} {
		// zlib reads a zero with each bit, and then finds fault with those.
		for n := nlit + ndist; n > 0; n -= 32 {
			if err := d.refill(); err != nil {
				return err
			}
			d.take(uint(min(n, 32)))
		}
		return d.corrupt(noEndOfBlock)
	}
	var meta [1 << metaBits]entry
	if !buildTable(meta[:], metaBits, metaLens[:], metaEntries[:], false) {
		return d.corrupt("invalid code lengths set")
	}
	lens := d.lens[:nlit+ndist]
	for i := 0; i < len(lens); {
		if d.nbits < 14 {
			if err := d.refill(); err != nil {
				return err
			}
		}
		e := meta[d.bits&(1<<metaBits-1)]
		d.take(uint(e & 63))
		sym := uint8(e >> 16)
		if sym < 16 {
			lens[i] = sym
			i++
			continue
		}
		var value uint8
		var n int
		switch sym {
		case 16:
			if i == 0 {
				return d.corrupt("invalid bit length repeat")
			}
			value, n = lens[i-1], 3+int(d.take(2))
		case 17:
			n = 3 + int(d.take(3))
		default:
			n = 11 + int(d.take(7))
		}
		if i+n > len(lens) {
			return d.corrupt("invalid bit length repeat")
		}
		for ; n > 0; n-- {
			lens[i] = value
			i++
		}
	}
	if lens[endOfBlock] == 0 {
		return d.corrupt(noEndOfBlock)
	}
	d.fixed = false
	if !buildTable(d.lit[:], litBits, lens[:nlit], litEntries[:], true) {
		return d.corrupt("invalid literal/lengths set")
	}
	if !buildTable(d.dist[:], distBits, lens[nlit:], distEntries[:], true) {
		return d.corrupt("invalid distances set")
	}
	return nil
}
