package layer

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// New makes a layer of which only the digests are known. open is called when its bytes are wanted,
// and not for a layer that a registry already has; it may be called several times. What is read is
// checked: the stream ends with a [*MismatchError] instead of io.EOF if the bytes are not those of d.
//
// Errors: a digest of d that is none.
func New(d Descriptor, open func() (io.ReadCloser, error)) (v1.Layer, error) {
	l := &lazy{d: d, open: open}
	for h, digest := range map[*v1.Hash]string{&l.digest: d.Digest, &l.diffID: d.DiffID} { // which may be equal
		if _, err := parseDigest(digest); err != nil {
			return nil, fmt.Errorf("describing a layer: %w", err)
		}
		*h = v1.Hash{Algorithm: "sha256", Hex: digest[len(digestPrefix):]}
	}
	return l, nil
}

type lazy struct {
	d              Descriptor
	digest, diffID v1.Hash
	open           func() (io.ReadCloser, error)
}

// Digest implements v1.Layer.
func (l *lazy) Digest() (v1.Hash, error) { return l.digest, nil }

// DiffID implements v1.Layer.
func (l *lazy) DiffID() (v1.Hash, error) { return l.diffID, nil }

// Size implements v1.Layer.
func (l *lazy) Size() (int64, error) { return l.d.Size, nil }

// MediaType implements v1.Layer.
func (l *lazy) MediaType() (types.MediaType, error) { return types.OCILayer, nil }

// Compressed implements v1.Layer.
func (l *lazy) Compressed() (io.ReadCloser, error) {
	r, err := l.open()
	if err != nil {
		return nil, fmt.Errorf("opening layer %s: %w", l.d.Digest, err)
	}
	if ChecksItself(r, l.d.Digest, l.d.Size) {
		return r, nil
	}
	return &checked{r: r, close: r.Close, hash: sha256.New(), want: Descriptor{Digest: l.d.Digest, Size: l.d.Size}}, nil
}

// ChecksItself tells whether a layer's stream ends with an error instead of io.EOF if its bytes have not this digest and
// size, so that who reads it to the end need not hash it again.
func ChecksItself(r io.Reader, digest string, size int64) bool {
	switch r := r.(type) {
	case *stream:
		return r.recipe.Digest == digest && r.recipe.Size == size
	case *checked:
		return r.want.Digest == digest && r.want.Size == size
	}
	return false
}

// Uncompressed implements v1.Layer.
func (l *lazy) Uncompressed() (io.ReadCloser, error) {
	r, err := l.Compressed()
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("opening layer %s: %w", l.d.Digest, err)
	}
	return &checked{r: z, close: r.Close, hash: sha256.New(), want: Descriptor{DiffID: l.d.DiffID}}, nil
}

// checked is a stream that must be the one wanted.
type checked struct {
	r     io.Reader
	close func() error
	hash  hash.Hash
	total int64
	want  Descriptor // DiffID alone, or Digest and Size
}

// Read implements io.Reader.
func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.hash.Write(p[:n])
	c.total += int64(n)
	if err != io.EOF {
		return n, err
	}
	sum := digestPrefix + hex.EncodeToString(c.hash.Sum(nil))
	got := Descriptor{Digest: sum, Size: c.total}
	if c.want.Digest == "" {
		got = Descriptor{DiffID: sum}
	}
	if got != c.want {
		return n, &MismatchError{Want: c.want, Got: got}
	}
	return n, io.EOF
}

// Close implements io.Closer.
func (c *checked) Close() error { return c.close() }
