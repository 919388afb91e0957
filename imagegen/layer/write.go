package layer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/envpack/envpack/internal/deflate"
	"github.com/envpack/envpack/internal/wheelfile"
)

// Options say what else [Write] does.
type Options struct {
	// Output gets the compressed bytes, in one goroutine. nil: only the recipe keeps them.
	Output io.Writer
	// NoRecipe leaves out the recipe, whose literal bytes are all in memory: for layers that are not
	// made of blobs and are kept whole.
	NoRecipe bool
	// Progress is told of bytes of content, uncompressed, that have been read since it was told
	// last. It is called from the goroutine that called Write.
	Progress func(n int64)
}

// Result is a layer that was written.
type Result struct {
	Descriptor
	TarSize    int64
	Recipe     *Recipe     // nil with NoRecipe
	Deviations []Deviation // in order of their paths
}

// Deviation is content whose hash is not the stated one.
type Deviation struct {
	Path           string
	Stated, Actual wheelfile.Digest // of the same algorithm
}

// gzipHeader has no flags, no time, no hint at the effort, and an unknown operating system (RFC 1952, 2.3).
var gzipHeader = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}

// history is how far back deflate can refer.
const history = 32 << 10

// Write makes the layer of the entries, which may be in any order. Contents are read once, in order of
// path. All of size, CRC-32 and the exact end of deflate streams are checked.
//
// Errors: [*EntryError] for entries that make no layer and for contents that are not what the entry
// says; ctx's error; what Output returned, wrapped.
func Write(ctx context.Context, entries []Entry, opts Options) (*Result, error) {
	sorted, err := arrange(entries)
	if err != nil {
		return nil, fmt.Errorf("writing a layer: %w", err)
	}
	w := writers.Get().(*writer)
	defer writers.Put(w)
	w.reset(ctx, opts)
	result, err := w.run(sorted)
	if err != nil {
		return nil, fmt.Errorf("writing a layer: %w", err)
	}
	return result, nil
}

var writers = sync.Pool{New: func() any {
	return &writer{enc: deflate.NewEncoder(nil), buf: make([]byte, 64<<10), tail: make([]byte, 0, history)}
}}

// writer turns entries into parts of the layer and bytes of the tar, which the pipeline hashes.
type writer struct {
	*pipeline
	enc  *deflate.Encoder
	dec  deflate.Decoder
	opts Options
	head []byte
	buf  []byte
	tail []byte // the last bytes of spliced content
	held []byte // see splicer
	crc  uint32 // of the tar up to now
	size int64
}

func (w *writer) reset(ctx context.Context, opts Options) {
	w.opts = opts
	w.pipeline = newPipeline(ctx, opts)
	w.enc.Reset(literalWriter{w.pipeline})
	w.crc, w.size = 0, 0
}

// literalWriter takes what the encoder writes.
type literalWriter struct{ p *pipeline }

func (l literalWriter) Write(p []byte) (int, error) { return len(p), l.p.addLiteral(p) }

func (w *writer) run(entries []Entry) (*Result, error) {
	err := w.all(entries)
	sums, runErr := w.finish(err)
	w.pipeline = nil
	w.enc.Reset(nil) // which holds on to the pipeline
	if runErr != nil {
		return nil, runErr
	}
	r := &Result{Descriptor: sums.Descriptor, TarSize: w.size, Deviations: sums.deviations}
	if !w.opts.NoRecipe {
		r.Recipe = &Recipe{Descriptor: r.Descriptor, blobs: sums.blobs, ops: sums.ops}
	}
	return r, nil
}

func (w *writer) all(entries []Entry) error {
	if err := w.addLiteral(gzipHeader); err != nil {
		return err
	}
	for i := range entries {
		e := &entries[i]
		if err := w.ctx.Err(); err != nil {
			return err
		}
		w.head = appendHeader(w.head[:0], e, Size(e.Content))
		if err := w.plain(w.head); err != nil {
			return err
		}
		if e.Kind != File {
			continue
		}
		w.begin(e)
		if err := w.content(e.Content); err != nil {
			return &EntryError{Path: e.Path, Err: err}
		}
		w.end()
		if err := w.plain(zeros[:padding(Size(e.Content))]); err != nil {
			return err
		}
	}
	if err := w.plain(zeros[:2*blockSize]); err != nil {
		return err
	}
	if err := w.enc.Close(); err != nil {
		return err
	}
	var trailer [8]byte
	binary.LittleEndian.PutUint32(trailer[:], w.crc)
	binary.LittleEndian.PutUint32(trailer[4:], uint32(w.size))
	return w.addLiteral(trailer[:])
}

var zeros [2 * blockSize]byte

// plain adds bytes to the tar, through the encoder.
func (w *writer) plain(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	w.crc = crc32.Update(w.crc, crc32.IEEETable, p)
	w.size += int64(len(p))
	if err := w.addTar(p); err != nil {
		return err
	}
	_, err := w.enc.Write(p)
	return err
}

func (w *writer) content(c Content) error {
	switch c := c.(type) {
	case nil:
		return nil
	case Bytes:
		w.progress(len(c))
		return w.plain(c)
	case Opener:
		return w.opener(c)
	case Deflated:
		return w.deflated(c)
	case Stored:
		crc, err := w.stored(c.Blob, c.Offset, c.Length)
		if err != nil {
			return err
		}
		return w.verify(c.Length, c.Length, crc, c.CRC32)
	case Whole:
		n := c.Blob.Size()
		crc, err := w.stored(c.Blob, 0, n)
		if err != nil {
			return err
		}
		return w.verify(n, n, crc, crc)
	}
	return fmt.Errorf("content of type %T is unknown", c)
}

func (w *writer) progress(n int) {
	if w.opts.Progress != nil && n > 0 {
		w.opts.Progress(int64(n))
	}
}

func (w *writer) opener(c Opener) (err error) {
	r, err := c.Open()
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := r.Close(); err == nil {
			err = closeErr
		}
	}()
	left := c.Length
	for {
		n, err := r.Read(w.buf)
		if int64(n) > left {
			return fmt.Errorf("has more than the %d bytes that were announced", c.Length)
		}
		left -= int64(n)
		if err := w.plain(w.buf[:n]); err != nil {
			return err
		}
		w.progress(n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if left > 0 {
		return fmt.Errorf("has %d bytes, not %d as announced", c.Length-left, c.Length)
	}
	return nil
}

// deflated splices a stream in. One that inflates to nothing is only checked.
func (w *writer) deflated(c Deflated) error {
	if c.Length > 0 {
		if err := w.enc.Flush(); err != nil {
			return err
		}
	}
	w.tail = w.tail[:0]
	var seen int64
	var src io.Reader = io.NewSectionReader(c.Blob, c.Offset, c.Compressed)
	splice := splicer{w: w, src: src, held: w.held[:0]}
	if c.Length > 0 {
		src = &splice
	}
	s, err := w.dec.Decode(src, c.Compressed, c.Length, func(p []byte) error {
		w.keep(p, c.Length-seen)
		seen += int64(len(p))
		w.progress(len(p))
		return w.addTar(p)
	})
	if err != nil {
		return err
	}
	if err := w.verify(s.Size, c.Length, s.CRC32, c.CRC32); err != nil || c.Length == 0 {
		return err
	}
	patch := deflate.Splice(s)
	if err := splice.end(patch); err != nil {
		return err
	}
	w.held = splice.held
	if err := w.addRange(c.Blob, c.Offset, c.Compressed, patch.Bytes); err != nil {
		return err
	}
	if err := w.addLiteral(patch.Suffix); err != nil {
		return err
	}
	return w.enc.Skip(w.tail)
}

// stored puts a part of a blob into stored blocks, and gives its CRC-32, by which it is to be verified.
func (w *writer) stored(b Blob, offset, length int64) (crc uint32, err error) {
	if length == 0 {
		return 0, nil
	}
	if err := w.enc.Flush(); err != nil {
		return 0, err
	}
	w.tail = w.tail[:0]
	for at := int64(0); at < length; {
		p := w.buf[:min(length-at, maxStored)]
		if err := readFull(b, p, offset+at); err != nil {
			return 0, err
		}
		w.keep(p, length-at)
		crc = crc32.Update(crc, crc32.IEEETable, p)
		w.progress(len(p))
		if err := w.addTar(p); err != nil {
			return 0, err
		}
		head := headOfBlock(len(p))
		if err := w.addPart(head[:]); err != nil {
			return 0, err
		}
		if err := w.addPart(p); err != nil {
			return 0, err
		}
		if err := w.ctx.Err(); err != nil {
			return 0, err
		}
		at += int64(len(p))
	}
	if err := w.addBlocks(b, offset, length); err != nil {
		return 0, err
	}
	return crc, w.enc.Skip(w.tail)
}

// keep remembers of p what is among the last bytes of a content of which, with p, left bytes remain. What
// is further back, the encoder cannot refer to.
func (w *writer) keep(p []byte, left int64) {
	if from := left - history; from < int64(len(p)) {
		w.tail = append(w.tail, p[max(from, 0):]...)
	}
}

// verify checks spliced content and counts it as part of the tar.
func (w *writer) verify(size, wantSize int64, crc, wantCRC uint32) error {
	if size != wantSize {
		return fmt.Errorf("inflates to %d bytes, not %d", size, wantSize)
	}
	if crc != wantCRC {
		return fmt.Errorf("has CRC-32 %08x, not %08x", crc, wantCRC)
	}
	w.crc = deflate.CombineCRC32(w.crc, crc, size)
	w.size += size
	return nil
}
