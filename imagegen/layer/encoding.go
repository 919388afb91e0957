package layer

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/envpack/envpack/internal/deflate"
)

// A recipe in binary form, version 1. Numbers are unsigned varints (encoding/binary), signed ones
// zigzag varints.
//
//	"envpack recipe 1\n"
//	SHA-256 of the layer, SHA-256 of its tar, size of the layer
//	number of blobs; for each its SHA-256 and size
//	number of parts; for each
//	    length<<1, literal bytes
//	    length<<1|1, blob, signed distance of the offset from the end of the range before it, number of
//	        patches; for each the distance of its byte from the range's end, and the byte of bits to clear;
//	        or 3 in place of that number: the range lies in stored blocks
//	SHA-256 of all that precedes it
const recipeMagic = "envpack recipe 1\n"

const (
	maxPatches = 2 // what a spliced stream needs
	inBlocks   = maxPatches + 1
)

// MarshalBinary implements encoding.BinaryMarshaler.
func (r *Recipe) MarshalBinary() ([]byte, error) {
	var literals int
	for i := range r.ops {
		literals += len(r.ops[i].literal)
	}
	b := make([]byte, 0, literals+16*len(r.ops)+48*len(r.blobs)+256)
	b = append(b, recipeMagic...)
	for _, digest := range []string{r.Digest, r.DiffID} {
		sum, err := parseDigest(digest)
		if err != nil {
			return nil, fmt.Errorf("encoding a recipe: %w", err)
		}
		b = append(b, sum[:]...)
	}
	b = binary.AppendUvarint(b, uint64(r.Size))
	b = binary.AppendUvarint(b, uint64(len(r.blobs)))
	for _, ref := range r.blobs {
		b = append(b, ref.sum[:]...)
		b = binary.AppendUvarint(b, uint64(ref.size))
	}
	b = binary.AppendUvarint(b, uint64(len(r.ops)))
	var end int64
	for i := range r.ops {
		o := &r.ops[i]
		if o.literal != nil {
			b = binary.AppendUvarint(b, uint64(len(o.literal))<<1)
			b = append(b, o.literal...)
			continue
		}
		b = binary.AppendUvarint(b, uint64(o.n)<<1|1)
		b = binary.AppendUvarint(b, uint64(o.blob))
		b = binary.AppendVarint(b, o.offset-end)
		end = o.offset + o.n
		if o.blocks {
			b = binary.AppendUvarint(b, inBlocks)
			continue
		}
		b = binary.AppendUvarint(b, uint64(len(o.patch)))
		for _, p := range o.patch {
			b = binary.AppendUvarint(b, uint64(o.n-p.Offset))
			b = append(b, p.Clear)
		}
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...), nil
}

// ErrRecipe says that bytes are not a recipe: of an unknown version, cut off or changed.
var ErrRecipe = errors.New("not an intact layer recipe")

// UnmarshalBinary implements encoding.BinaryUnmarshaler. It keeps no part of data. Errors: [ErrRecipe],
// wrapped.
func (r *Recipe) UnmarshalBinary(data []byte) error {
	body := len(data) - sha256.Size
	if body < len(recipeMagic) || string(data[:len(recipeMagic)]) != recipeMagic {
		return fmt.Errorf("%w: it does not begin as version 1 does", ErrRecipe)
	}
	if sum := sha256.Sum256(data[:body]); !bytes.Equal(sum[:], data[body:]) {
		return fmt.Errorf("%w: its checksum is wrong", ErrRecipe)
	}
	d := &recipeReader{rest: data[len(recipeMagic):body]}
	var out Recipe
	out.Digest, out.DiffID = d.digest(), d.digest()
	out.Size = d.number()
	for n := d.count(sha256.Size + 1); n > 0 && d.ok(); n-- {
		var ref blobRef
		copy(ref.sum[:], d.bytes(sha256.Size))
		ref.size = d.number()
		out.blobs = append(out.blobs, ref)
	}
	n := d.count(2)
	out.ops = make([]op, 0, n)
	var total, end int64
	for ; n > 0 && d.ok(); n-- {
		o := d.op(out.blobs, &end)
		if o.size() > math.MaxInt64-total {
			d.failed = true
			break
		}
		total += o.size()
		out.ops = append(out.ops, o)
	}
	if !d.ok() || len(d.rest) != 0 || total != out.Size {
		return fmt.Errorf("%w: its parts make no sense", ErrRecipe)
	}
	*r = out
	return nil
}

// recipeReader reads parts of a recipe until one fails, and then nothing.
type recipeReader struct {
	rest   []byte
	failed bool
}

func (d *recipeReader) ok() bool { return !d.failed }

func (d *recipeReader) bytes(n int64) []byte {
	if d.failed || n < 0 || n > int64(len(d.rest)) {
		d.failed = true
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *recipeReader) digest() string {
	return digestPrefix + hex.EncodeToString(d.bytes(sha256.Size))
}

// number reads a number that an int64 can hold.
func (d *recipeReader) number() int64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 || v > math.MaxInt64 {
		d.failed = true
	}
	if d.failed {
		return 0
	}
	d.rest = d.rest[n:]
	return int64(v)
}

// count reads the number of things that take at least size bytes each.
func (d *recipeReader) count(size int) int64 {
	n := d.number()
	if n > int64(len(d.rest)/size) {
		d.failed = true
		return 0
	}
	return n
}

func (d *recipeReader) op(blobs []blobRef, end *int64) op {
	head := d.number()
	n := head >> 1
	if n == 0 {
		d.failed = true
		return op{}
	}
	if head&1 == 0 {
		return op{literal: bytes.Clone(d.bytes(n))}
	}
	o := op{n: n}
	blob := d.number()
	distance, size := binary.Varint(d.rest)
	if d.failed || size <= 0 || blob >= int64(len(blobs)) {
		d.failed = true
		return op{}
	}
	d.rest = d.rest[size:]
	o.blob, o.offset = int32(blob), *end+distance
	limit := blobs[blob].size
	if o.offset < 0 || o.n > limit || o.offset > limit-o.n {
		d.failed = true
		return op{}
	}
	*end = o.offset + o.n
	patches := d.number()
	if patches == inBlocks {
		o.blocks = true
		d.failed = d.failed || o.n > math.MaxInt64/2 // what its blocks take besides must be a number too
		return o
	}
	if patches > maxPatches {
		d.failed = true
		return op{}
	}
	for ; patches > 0; patches-- {
		back := d.number()
		clear := d.bytes(1)
		if d.failed || back < 1 || back > n {
			d.failed = true
			return op{}
		}
		o.patch = append(o.patch, deflate.BytePatch{Offset: n - back, Clear: clear[0]})
	}
	return o
}

const digestPrefix = "sha256:"

// parseDigest reads "sha256:" and 64 lower-case hexadecimal digits.
func parseDigest(s string) (sum [sha256.Size]byte, err error) {
	digits, ok := strings.CutPrefix(s, digestPrefix)
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil || len(raw) != len(sum) || strings.ToLower(digits) != digits {
		return sum, fmt.Errorf("%q is not a sha256 digest", s)
	}
	copy(sum[:], raw)
	return sum, nil
}
