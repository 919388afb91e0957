package compare

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/imagegen/layertar"
)

// How a layer may be stored.
const (
	gzipStored = "gzip"
	zstdStored = "Zstandard"
	tarStored  = "no compression"
)

// storedBoth reads two layers as they are stored, which unpack to the same.
func storedBoth(ctx context.Context, a, b source, advance func(int64)) (*lockstep, error) {
	step := newLockstep()
	group, both := errgroup.WithContext(ctx)
	for side, s := range []source{a, b} {
		group.Go(func() error {
			if err := layertar.Stored(both, s.layer, s.want, step.tap(side), advance); err != nil {
				step.giveUp(side)
				return of(side, err)
			}
			step.end(side)
			return nil
		})
	}
	return step, group.Wait()
}

// storedDifference names the first byte in which two layers as they are stored differ; nil if they do not. The sizes
// are those of the layers, in bytes.
func (l *lockstep) storedDifference(old, now int64) *Difference {
	if !l.found {
		return nil
	}
	d := &Difference{Of: "stored", Offset: l.equal, Ends: l.ends()}
	l.bytes(d)
	if a, b := compression(l.head(0)), compression(l.head(1)); a != b {
		d.Place, d.Old, d.New, d.Hex = "compression", a, b, false
		return d
	}
	switch compression(l.head(0)) {
	case gzipStored:
		l.gzipPlace(d, gzipHeader(l.head(0)), old, now)
	case zstdStored:
		d.Place = "Zstandard data"
	default:
		return nil // it is the tar, of which more can be said
	}
	return d
}

// head is what a side begins with.
func (l *lockstep) head(side int) []byte {
	b := bytes.Clone(l.first)
	if l.equal <= around {
		b = append(b, l.sides[side].after...)
	}
	return b
}

func compression(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return gzipStored
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return zstdStored
	}
	return tarStored
}

// gzipFields are those of every gzip header (RFC 1952, 2.3).
var gzipFields = []field{
	{"ID", 0, 2}, {"compression method", 2, 3}, {"flags", 3, 4}, {"MTIME", 4, 8}, {"XFL", 8, 9}, {"OS", 9, 10},
}

// gzipHeader is the length of a gzip header; 0 if it is not all there.
func gzipHeader(b []byte) int {
	const extra, name, comment, crc = 4, 8, 16, 2
	if len(b) < 10 {
		return 0
	}
	flags, n := b[3], 10
	if flags&extra != 0 {
		if len(b) < n+2 {
			return 0
		}
		n += 2 + int(binary.LittleEndian.Uint16(b[n:]))
	}
	for _, flag := range []byte{name, comment} {
		if flags&flag == 0 {
			continue
		}
		if n > len(b) {
			return 0
		}
		end := bytes.IndexByte(b[n:], 0)
		if end < 0 {
			return 0
		}
		n += end + 1
	}
	if flags&crc != 0 {
		n += 2
	}
	return n
}

// gzipPlace names a place in a gzip member whose header has so many bytes; 0: it is not known, and the place is behind
// it. That there is one member only is not sure, so what may be the trailer of a last one is told apart by its size.
func (l *lockstep) gzipPlace(d *Difference, header int, old, now int64) {
	at := int(min(d.Offset, 1<<30))
	switch end := min(old, now); {
	case at < 10 && header > 0:
		d.Place = "gzip header"
		for _, f := range gzipFields {
			if at >= f.from && at < f.to {
				d.Field = f.name
			}
		}
		if d.Field == "MTIME" {
			d.Old, d.New, d.Hex = l.gzipTime(0), l.gzipTime(1), false
		}
	case at < header:
		d.Place, d.At = "gzip header", d.Offset
		d.Field = "name, comment or extra field"
	case old == now && d.Offset >= end-8:
		d.Place, d.Field = "gzip trailer", "CRC-32"
		if d.Offset >= end-4 {
			d.Field = "ISIZE"
		}
	default:
		d.Place = "deflate data"
		if header > 0 {
			d.At = d.Offset - int64(header)
		}
	}
}

func (l *lockstep) gzipTime(side int) string {
	head := l.head(side)
	if len(head) < 8 {
		return ""
	}
	return fmt.Sprint(binary.LittleEndian.Uint32(head[4:8]))
}
