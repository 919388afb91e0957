package layer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/internal/deflate"
	"github.com/envpack/envpack/internal/wheelfile"
)

const (
	chunkSize   = 256 << 10
	chunksAhead = 4 // chunks that wait for a hash
	batchBytes  = 64 << 10
	batchOps    = 256
	batchAhead  = 4
)

// pipeline hashes a layer while it is being made: the tar, the contents that have a stated hash,
// and the compressed parts, each in a goroutine of its own. Its methods are called from one other.
type pipeline struct {
	ctx    context.Context
	group  *errgroup.Group
	chunk  *chunk
	tars   chan *chunk
	checks chan *chunk // nil until an entry has a stated hash
	ops    chan []op
	batch  []op
	lit    []byte // literal bytes that are not in batch yet
	opts   Options
	entry  *Entry // whose content is being added, if its hash is stated

	blobs   []blobRef
	handles handles
	index   map[string]int32
	sums    sums
}

// handles is the blobs, for the goroutine that reads them again.
type handles struct {
	sync.Mutex
	list []Blob
}

// sums is what the goroutines find.
type sums struct {
	Descriptor
	deviations []Deviation
	blobs      []blobRef
	ops        []op
}

// chunk is bytes of the tar.
type chunk struct {
	buf   []byte
	spans []span
	refs  atomic.Int32
}

// span is a part of a chunk that is content of an entry; the last part of it, if ends.
type span struct {
	entry    *Entry
	from, to int
	ends     bool
}

var chunks = sync.Pool{New: func() any { return &chunk{buf: make([]byte, 0, chunkSize)} }}

func newChunk() *chunk {
	c := chunks.Get().(*chunk)
	c.buf, c.spans = c.buf[:0], c.spans[:0]
	return c
}

func (c *chunk) release() {
	if c.refs.Add(-1) == 0 {
		clear(c.spans[:cap(c.spans)])
		chunks.Put(c)
	}
}

func newPipeline(ctx context.Context, opts Options) *pipeline {
	group, ctx := errgroup.WithContext(ctx)
	p := &pipeline{
		ctx: ctx, group: group, opts: opts, chunk: newChunk(), index: map[string]int32{},
		tars: make(chan *chunk, chunksAhead), ops: make(chan []op, batchAhead),
	}
	group.Go(p.hashTar)
	group.Go(p.hashParts)
	return p
}

// begin says that what tar gets from now on is the content of e.
func (p *pipeline) begin(e *Entry) {
	p.entry = nil
	if e.Stated == nil {
		return
	}
	p.entry = e
	if p.checks == nil {
		p.checks = make(chan *chunk, chunksAhead)
		p.group.Go(p.hashContents)
	}
}

// end says that the content is complete.
func (p *pipeline) end() {
	if p.entry != nil {
		n := len(p.chunk.buf)
		p.chunk.spans = append(p.chunk.spans, span{entry: p.entry, from: n, to: n, ends: true})
		p.entry = nil
	}
}

// tar adds bytes to the tar.
func (p *pipeline) tar(b []byte) error {
	for len(b) > 0 {
		c := p.chunk
		from := len(c.buf)
		n := min(len(b), chunkSize-from)
		c.buf = append(c.buf, b[:n]...)
		b = b[n:]
		if p.entry != nil {
			c.spans = append(c.spans, span{entry: p.entry, from: from, to: from + n})
		}
		if len(c.buf) == chunkSize {
			if err := p.sendChunk(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *pipeline) sendChunk() error {
	c := p.chunk
	p.chunk = newChunk()
	to := []chan *chunk{p.tars}
	if len(c.spans) > 0 {
		to = append(to, p.checks)
	}
	c.refs.Store(int32(len(to)))
	for _, ch := range to {
		select {
		case ch <- c:
		case <-p.ctx.Done():
			return p.ctx.Err()
		}
	}
	return nil
}

// literal adds literal bytes to the layer.
func (p *pipeline) literal(b []byte) error {
	p.lit = append(p.lit, b...)
	if len(p.lit) >= batchBytes {
		p.endLiteral()
		return p.sendBatch()
	}
	return nil
}

func (p *pipeline) endLiteral() {
	if len(p.lit) > 0 {
		p.add(op{literal: bytes.Clone(p.lit)})
		p.lit = p.lit[:0]
	}
}

// blobRange adds a part of a blob to the layer.
func (p *pipeline) blobRange(b Blob, offset, n int64, patch []deflate.BytePatch) error {
	p.endLiteral()
	i, err := p.blob(b)
	if err != nil {
		return err
	}
	p.add(op{blob: i, offset: offset, n: n, patch: patch})
	if len(p.batch) >= batchOps {
		return p.sendBatch()
	}
	return nil
}

// blobBlocks adds a part of a blob to the layer, in stored blocks. It can be large, so that it is passed on at once.
func (p *pipeline) blobBlocks(b Blob, offset, n int64) error {
	p.endLiteral()
	i, err := p.blob(b)
	if err != nil {
		return err
	}
	p.add(op{blob: i, blocks: true, offset: offset, n: n})
	if n >= chunkSize || len(p.batch) >= batchOps {
		return p.sendBatch()
	}
	return nil
}

func (p *pipeline) add(o op) {
	p.batch = append(p.batch, o)
	if !p.opts.NoRecipe {
		p.sums.ops = append(p.sums.ops, o)
	}
}

func (p *pipeline) blob(b Blob) (int32, error) {
	name := b.SHA256()
	if i, ok := p.index[name]; ok {
		return i, nil
	}
	sum, err := parseDigest(digestPrefix + name)
	if err != nil {
		return 0, err
	}
	i := int32(len(p.blobs))
	p.index[name] = i
	p.blobs = append(p.blobs, blobRef{sum: sum, size: b.Size()})
	p.handles.Lock()
	p.handles.list = append(p.handles.list, b)
	p.handles.Unlock()
	return i, nil
}

func (p *pipeline) sendBatch() error {
	batch := p.batch
	p.batch = nil
	select {
	case p.ops <- batch:
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

// finish waits for the hashes; err is what the making of the layer ended with.
func (p *pipeline) finish(err error) (*sums, error) {
	if err == nil {
		err = p.sendChunk()
	}
	if err == nil {
		p.endLiteral()
		err = p.sendBatch()
	}
	if err != nil {
		// What is first returned in the group is what Wait gives; a goroutine that failed is the cause.
		p.group.Go(func() error { return err })
	}
	close(p.tars)
	close(p.ops)
	if p.checks != nil {
		close(p.checks)
	}
	if err := p.group.Wait(); err != nil {
		return nil, err
	}
	p.sums.blobs = p.blobs
	return &p.sums, nil
}

func (p *pipeline) hashTar() error {
	h := sha256.New()
	for c := range p.tars {
		h.Write(c.buf)
		c.release()
	}
	p.sums.DiffID = digestPrefix + hex.EncodeToString(h.Sum(nil))
	return nil
}

func (p *pipeline) hashContents() error {
	hashes := map[string]hash.Hash{}
	for c := range p.checks {
		for _, s := range c.spans {
			algorithm := s.entry.Stated.Algorithm
			h := hashes[algorithm]
			if h == nil {
				h = wheelfile.NewHash(algorithm)
				hashes[algorithm] = h
			}
			h.Write(c.buf[s.from:s.to])
			if !s.ends {
				continue
			}
			if sum := h.Sum(nil); !bytes.Equal(sum, s.entry.Stated.Sum) {
				p.sums.deviations = append(p.sums.deviations, Deviation{
					Path: s.entry.Path, Stated: *s.entry.Stated, Actual: wheelfile.Digest{Algorithm: algorithm, Sum: sum},
				})
			}
			h.Reset()
		}
		c.release()
	}
	return nil
}

func (p *pipeline) hashParts() error {
	h := sha256.New()
	var w io.Writer = h
	if p.opts.Output != nil {
		w = io.MultiWriter(h, p.opts.Output)
	}
	buf := make([]byte, 128<<10)
	for batch := range p.ops {
		for i := range batch {
			n, err := p.copyPart(w, &batch[i], buf)
			if err != nil {
				return fmt.Errorf("hashing the layer: %w", err)
			}
			p.sums.Size += n
		}
	}
	p.sums.Digest = digestPrefix + hex.EncodeToString(h.Sum(nil))
	return nil
}

func (p *pipeline) copyPart(w io.Writer, o *op, buf []byte) (int64, error) {
	if o.literal != nil {
		_, err := w.Write(o.literal)
		return int64(len(o.literal)), err
	}
	p.handles.Lock()
	blob := p.handles.list[o.blob]
	p.handles.Unlock()
	for at := int64(0); at < o.size(); {
		if err := p.ctx.Err(); err != nil {
			return at, err
		}
		part := buf[:min(o.size()-at, int64(len(buf)))]
		if err := o.read(blob, part, at); err != nil {
			return at, fmt.Errorf("reading blob %s again: %w", blob.SHA256(), err)
		}
		if _, err := w.Write(part); err != nil {
			return at, err
		}
		at += int64(len(part))
	}
	return o.size(), nil
}
