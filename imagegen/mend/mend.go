// Package mend finds the one byte by which data differs from what its SHA-256 promises.
//
// It tries them all, so it is for documents and small layers: manifests, configs, a lock. What it finds is proven by the
// hash. It knows nothing of what the data means.
package mend

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"hash"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// budget is the most bytes that are hashed in a search: some seconds on two cores.
const budget = 12 << 30

// Byte is a byte that was changed.
type Byte struct {
	Offset   int
	Now, Was byte
}

// Find gives the byte of data that was changed, and the data as it was. ok is false if no change of one byte explains
// the hash, if trying them would take too long, and if ctx ends. Changes of one bit are tried first, and inverted bytes:
// both are tried of more than can be tried of all.
//
// want is the SHA-256 in hexadecimal digits.
func Find(ctx context.Context, data []byte, want string) (found Byte, was []byte, ok bool) {
	digest, err := hex.DecodeString(want)
	if err != nil || len(digest) != sha256.Size || len(data) == 0 {
		return Byte{}, nil, false
	}
	sum := [sha256.Size]byte(digest)
	if sha256.Sum256(data) == sum {
		return Byte{}, nil, false
	}
	likely := []byte{1, 2, 4, 8, 16, 32, 64, 128, 0xff}
	var rest []byte
	for mask := 255; mask > 0; mask-- {
		if !slices.Contains(likely, byte(mask)) {
			rest = append(rest, byte(mask))
		}
	}
	for _, masks := range [][]byte{likely, rest} {
		// each try hashes what is behind the byte, half of the data on an average
		if int64(len(data))*int64(len(data)+128)/2*int64(len(masks)) > budget {
			return Byte{}, nil, false
		}
		if at, mask, ok := search(ctx, data, sum, masks); ok {
			was = bytes.Clone(data)
			was[at] ^= mask
			return Byte{at, data[at], was[at]}, was, true
		}
	}
	return Byte{}, nil, false
}

// search tries changes by masks at every place.
func search(ctx context.Context, data []byte, want [sha256.Size]byte, masks []byte) (at int, mask byte, ok bool) {
	const block = sha256.BlockSize
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type hit struct {
		at   int
		mask byte
	}
	hits := make(chan hit, 1)
	var group errgroup.Group
	workers := runtime.GOMAXPROCS(0)
	for first := range workers {
		group.Go(func() error {
			state := sha256.New() // of all blocks before the one that is changed
			tail := make([]byte, 0, len(data))
			for start := 0; start < len(data); start += block {
				if ctx.Err() != nil {
					return nil
				}
				if start/block%workers == first {
					tail = append(tail[:0], data[start:]...)
					if i, mask, ok := searchBlock(state, tail, want, masks); ok {
						select {
						case hits <- hit{start + i, mask}:
						default:
						}
						cancel()
						return nil
					}
				}
				state.Write(data[start:min(start+block, len(data))])
			}
			return nil
		})
	}
	_ = group.Wait()
	select {
	case h := <-hits:
		return h.at, h.mask, true
	default:
		return 0, 0, false
	}
}

// searchBlock changes the first block of the tail, behind what was hashed already.
func searchBlock(before hash.Hash, tail []byte, want [sha256.Size]byte, masks []byte) (int, byte, bool) {
	saved, err := before.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return 0, 0, false
	}
	h := sha256.New()
	restore := h.(encoding.BinaryUnmarshaler)
	var sum [sha256.Size]byte
	for i := range min(sha256.BlockSize, len(tail)) {
		for _, mask := range masks {
			tail[i] ^= mask
			if restore.UnmarshalBinary(saved) != nil {
				return 0, 0, false
			}
			h.Write(tail)
			h.Sum(sum[:0])
			if sum == want {
				return i, mask, true
			}
			tail[i] ^= mask
		}
	}
	return 0, 0, false
}
