package layer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/envpack/envpack/internal/deflate"
)

// Recipe is what a layer's compressed bytes consist of: literal bytes and patched ranges of blobs.
type Recipe struct {
	// Descriptor is what the layer is: opening the recipe gives these bytes or an error.
	Descriptor
	blobs []blobRef
	ops   []op
}

// Descriptor identifies a layer.
type Descriptor struct {
	Digest string // "sha256:…" of the compressed bytes
	DiffID string // "sha256:…" of the tar
	Size   int64  // of the compressed bytes
}

type blobRef struct {
	sum  [sha256.Size]byte
	size int64
}

// op is one part of a layer: literal bytes, or else n bytes of a blob, with some bits cleared or in stored blocks.
type op struct {
	literal []byte
	blob    int32
	blocks  bool // in stored blocks
	offset  int64
	n       int64
	patch   []deflate.BytePatch // offsets count from offset
}

func (o *op) size() int64 {
	if o.literal != nil {
		return int64(len(o.literal))
	}
	if o.blocks {
		return o.n + blockHead*((o.n+maxStored-1)/maxStored)
	}
	return o.n
}

// Blobs lists the SHA-256 digests, as hexadecimal digits, of the blobs that the recipe needs, sorted.
func (r *Recipe) Blobs() []string {
	names := make([]string, len(r.blobs))
	for i, b := range r.blobs {
		names[i] = hex.EncodeToString(b.sum[:])
	}
	slices.Sort(names)
	return names
}

// MismatchError says that a layer's bytes are not those that were promised.
type MismatchError struct {
	Want, Got Descriptor // empty where it was not looked at
}

// Error implements error.
func (e *MismatchError) Error() string {
	switch {
	case e.Want.Digest != e.Got.Digest:
		return fmt.Sprintf("layer %s of %d bytes came out as %s of %d bytes", e.Want.Digest, e.Want.Size, e.Got.Digest, e.Got.Size)
	case e.Want.Size != e.Got.Size:
		return fmt.Sprintf("layer %s has %d bytes, not %d", e.Want.Digest, e.Got.Size, e.Want.Size)
	}
	return fmt.Sprintf("layer %s unpacks to %s, not %s", e.Want.Digest, e.Got.DiffID, e.Want.DiffID)
}

// Open streams the layer's compressed bytes. The blobs are asked of get by digest, all before Open
// returns; those that are io.Closers are closed with the stream. What came out is known to be right
// only when the stream has ended with io.EOF: the end is a [*MismatchError] instead if digest or size
// differ. Cancelling ctx ends the stream with ctx's error.
func (r *Recipe) Open(ctx context.Context, get func(sha256 string) (Blob, error)) (io.ReadCloser, error) {
	s := &stream{ctx: ctx, recipe: r, hash: sha256.New()}
	for _, ref := range r.blobs {
		name := hex.EncodeToString(ref.sum[:])
		blob, err := get(name)
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("opening blob %s of layer %s: %w", name, r.Digest, err)
		}
		s.blobs = append(s.blobs, blob)
		if blob.Size() != ref.size {
			s.Close()
			return nil, fmt.Errorf("opening blob %s of layer %s: it has %d bytes, not %d", name, r.Digest, blob.Size(), ref.size)
		}
	}
	return s, nil
}

// stream is a recipe being read.
type stream struct {
	ctx    context.Context
	recipe *Recipe
	blobs  []Blob
	hash   hash.Hash
	total  int64
	next   int   // op
	at     int64 // in the op
	err    error
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	if len(p) == 0 || s.err != nil {
		return 0, s.err
	}
	if s.err = s.ctx.Err(); s.err != nil {
		return 0, s.err
	}
	n := 0
	for n < len(p) && s.next < len(s.recipe.ops) {
		o := &s.recipe.ops[s.next]
		part := p[n:min(int64(len(p)), int64(n)+o.size()-s.at)]
		if o.literal != nil {
			copy(part, o.literal[s.at:])
		} else if err := o.read(s.blobs[o.blob], part, s.at); err != nil {
			s.err = fmt.Errorf("reading blob %x of layer %s: %w", s.recipe.blobs[o.blob].sum, s.recipe.Digest, err)
			return 0, s.err
		}
		n += len(part)
		if s.at += int64(len(part)); s.at == o.size() {
			s.next, s.at = s.next+1, 0
		}
	}
	s.hash.Write(p[:n])
	s.total += int64(n)
	if n > 0 {
		return n, nil
	}
	s.err = io.EOF
	got := Descriptor{Digest: "sha256:" + hex.EncodeToString(s.hash.Sum(nil)), Size: s.total}
	if got.Digest != s.recipe.Digest || got.Size != s.recipe.Size {
		s.err = &MismatchError{Want: s.recipe.Descriptor, Got: got}
	}
	return 0, s.err
}

// Close implements io.Closer.
func (s *stream) Close() error {
	var first error
	for _, b := range s.blobs {
		if c, ok := b.(io.Closer); ok {
			if err := c.Close(); err != nil && first == nil {
				first = err
			}
		}
	}
	s.blobs = nil
	if s.err == nil {
		s.err = fmt.Errorf("reading layer %s: it is closed", s.recipe.Digest)
	}
	return first
}

// read fills p with the op's bytes from at on.
func (o *op) read(b Blob, p []byte, at int64) error {
	if o.blocks {
		return o.readBlocks(b, p, at)
	}
	if err := readFull(b, p, o.offset+at); err != nil {
		return err
	}
	if len(o.patch) > 0 {
		deflate.Patch{Bytes: o.patch}.Apply(p, at)
	}
	return nil
}
