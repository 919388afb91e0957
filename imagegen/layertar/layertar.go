// Package layertar reads the tar of an image's layer, and holds the layer to what manifest and config promise
// of it while it does.
//
// It streams, with bounded memory, whatever the layer's compression is (gzip, Zstandard, none): the first bytes
// decide, not the media type. It says nothing of what the entries mean; whiteouts are for whoever reads them.
package layertar

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"

	"github.com/envpack/envpack/internal/decoder"
	"github.com/envpack/envpack/internal/diag"
)

// Promise is what manifest and config say of a layer.
type Promise struct {
	What           string // for errors: "layer 3 (sha256:…)"
	Digest, DiffID v1.Hash
	Size           int64 // bytes, as stored
	Limit          int64 // bytes that it may unpack to, and that its files may have, holes included
}

// Limit is how much a layer may unpack to that has size bytes compressed: the larger of 1 GiB and 100 times as
// much. Deflate reaches 1000 times, and nothing that people put into images comes near 100.
func Limit(size int64) int64 {
	const least, times = 1 << 30, 100
	if size > (1<<62)/times {
		return 1 << 62
	}
	return max(least, size*times)
}

const damaged = "the image is damaged or was tampered with; get it again"

// Walk streams the layer through visit, entry by entry, and then checks that it was what was promised. advance is
// told of stored bytes as they are read, and may be nil. An error that comes of other bytes than were promised says
// so, not what decoding made of them.
//
// Errors are diag errors: 6 for what is not as promised, 1 for a layer that cannot be read although its digest is
// right or that unpacks to more than it may; or they are those of the layer's source and of visit.
func Walk(ctx context.Context, l v1.Layer, want Promise, advance func(int64), visit func(*tar.Header, io.Reader) error) error {
	return WalkTapped(ctx, l, want, Tap{}, advance, func(e Entry) error { return visit(e.Header, e.Content) })
}

// Tap sees a layer's bytes in order, as they are read and before anything is made of them. Either may be nil; what
// they are given is valid until they return.
type Tap struct {
	Stored func([]byte) // the layer as it is stored
	Plain  func([]byte) // its tar
}

// Entry is an entry of a layer's tar.
type Entry struct {
	Header  *tar.Header
	Content io.Reader
	Offset  int64 // in the tar, of the content: behind all headers of the entry
	// Position is how far the tar has been read, in bytes: when all of Content was read, the end of the content, even
	// of one that is stored sparsely.
	Position func() int64
}

// WalkTapped is [Walk] for those who look at the bytes as well.
func WalkTapped(ctx context.Context, l v1.Layer, want Promise, tap Tap, advance func(int64), visit func(Entry) error) error {
	rc, err := l.Compressed()
	if err != nil {
		return fmt.Errorf("opening %s: %w", want.What, err)
	}
	defer rc.Close()
	stored := &meter{ctx: ctx, r: rc, hash: sha256.New(), limit: want.Size, advance: advance, tap: tap.Stored}
	plain := &meter{ctx: ctx, hash: sha256.New(), limit: want.Limit, tap: tap.Plain}
	err = unpack(stored, plain, visit)
	if cerr := ctx.Err(); cerr != nil {
		return fmt.Errorf("reading %s: %w", want.What, cerr)
	}
	if plain.over {
		return diag.New(diag.Failure, "%s has %d bytes and unpacks to more than %d", want.What, want.Size, want.Limit).
			Hint("it looks made to exhaust who reads it; do not run this image")
	}
	if err != nil && !stored.over {
		_, _ = io.Copy(io.Discard, stored) // for the digest; its own error is kept
	}
	if err := stored.hold(want); err != nil {
		return err
	}
	var own *diag.Error
	switch {
	case errors.As(err, &own):
		return err
	case err != nil:
		return diag.Wrap(err, diag.Failure, "%s is no readable layer", want.What).Hint("its digest is right, so the image was made so")
	case plain.sum() != want.DiffID.Hex:
		return diag.New(diag.Mismatch, "%s unpacks to a tar with the digest sha256:%s, and the config says %s", want.What, plain.sum(), want.DiffID).Hint(damaged)
	}
	return nil
}

// Stored reads the layer as it is stored, without unpacking it, and holds it to its digest and size. Errors: those of
// [Walk].
func Stored(ctx context.Context, l v1.Layer, want Promise, tap func([]byte), advance func(int64)) error {
	rc, err := l.Compressed()
	if err != nil {
		return fmt.Errorf("opening %s: %w", want.What, err)
	}
	defer rc.Close()
	stored := &meter{ctx: ctx, r: rc, hash: sha256.New(), limit: want.Size, advance: advance, tap: tap}
	_, _ = io.Copy(io.Discard, stored) // its error is kept
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("reading %s: %w", want.What, err)
	}
	return stored.hold(want)
}

// hold holds the stored bytes that were read to what was promised of them.
func (m *meter) hold(want Promise) error {
	var own *diag.Error
	switch {
	case m.over:
		return diag.New(diag.Mismatch, "%s should have %d bytes and has more", want.What, want.Size).Hint(damaged)
	case m.n == want.Size && m.sum() != want.Digest.Hex:
		return diag.New(diag.Mismatch, "%s has the digest sha256:%s", want.What, m.sum()).Hint(damaged)
	case errors.As(m.err, &own):
		return m.err
	case m.err != nil:
		return fmt.Errorf("reading %s: %w", want.What, m.err)
	case m.n < want.Size:
		return diag.New(diag.Mismatch, "%s should have %d bytes and ends after %d", want.What, want.Size, m.n).Hint(damaged)
	}
	return nil
}

// Clean is the path of an entry without "./", a slash before or behind, or parts that lead upwards; "" is the root.
func Clean(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

// unpack reads a layer to its end. It fills plain's reader.
func unpack(stored, plain *meter, visit func(Entry) error) error {
	buffered := bufio.NewReaderSize(stored, 1<<16)
	start, err := buffered.Peek(4)
	if err != nil && err != io.EOF {
		return err
	}
	switch {
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return err
		}
		plain.r = z
	case bytes.Equal(start, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := decoder.Zstd(buffered)
		if err != nil {
			return err
		}
		defer z.Close()
		plain.r = z
	default:
		plain.r = buffered
	}
	t := &filled{Reader: tar.NewReader(plain), plain: plain}
	position := func() int64 { return plain.n }
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := visit(Entry{h, t, plain.n, position}); err != nil { // tar's reader reads no byte ahead
			return err
		}
	}
	// What follows the end of the tar belongs to both digests.
	if _, err := io.Copy(io.Discard, plain); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, buffered)
	return err
}

// filled reads the contents of a tar's entries. Holes of sparse files take no bytes of the tar, and count for its limit as other
// bytes do: one could have exabytes of them.
type filled struct {
	*tar.Reader
	plain *meter
	n     int64
}

func (f *filled) Read(p []byte) (int, error) {
	if err := f.plain.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := f.Reader.Read(p)
	if f.n += int64(n); f.n > f.plain.limit {
		f.plain.over = true
		return 0, errOver
	}
	return n, err
}

var errOver = errors.New("there is more than there should be")

// meter hashes and counts what is read through it, and stops at the limit and at the end of the context.
type meter struct {
	ctx     context.Context
	r       io.Reader
	hash    hash.Hash
	n       int64
	limit   int64
	over    bool
	err     error // of r, other than its end
	advance func(int64)
	tap     func([]byte)
}

func (m *meter) Read(p []byte) (int, error) {
	if m.over {
		return 0, errOver
	}
	if m.err != nil {
		return 0, m.err
	}
	if err := m.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.r.Read(p)
	if m.over = int64(n) > m.limit-m.n; m.over {
		return 0, errOver
	}
	m.n += int64(n)
	m.hash.Write(p[:n])
	if m.tap != nil {
		m.tap(p[:n])
	}
	if m.advance != nil {
		m.advance(int64(n))
	}
	if err != nil && err != io.EOF {
		m.err = err
	}
	return n, err
}

func (m *meter) sum() string { return fmt.Sprintf("%x", m.hash.Sum(nil)) }
