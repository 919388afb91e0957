package layer

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/internal/deflate"
)

const (
	chunkSize   = 256 << 10
	chunksAhead = 4 // chunks that wait for the goroutine that hashes, or for the output
)

// pipeline hashes a layer while it is being made: one goroutine hashes the tar, the contents that have a stated hash, and the
// layer's own bytes, which another writes before that if there is an output. Its methods are called from one other.
type pipeline struct {
	ctx   context.Context
	group *errgroup.Group
	opts  Options

	tar   *chunk
	tars  chan *chunk
	entry *Entry // whose content is being added, if its hash is stated

	out   *chunk
	outs  chan *chunk
	parts chan *chunk // outs, when the output has them

	lit   []byte // literal bytes that are not in sums.ops yet
	index map[string]int32
	sums  sums
}

// sums is what is found out.
type sums struct {
	Descriptor
	deviations []Deviation
	blobs      []blobRef
	ops        []op
}

// chunk is bytes of the tar, or of the layer.
type chunk struct {
	buf   []byte
	spans []span // of the tar alone
	users int    // strands that have bytes of it
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

// fill adds as many of the bytes as there is room for.
func (c *chunk) fill(b []byte) int {
	n := min(len(b), chunkSize-len(c.buf))
	c.buf = append(c.buf, b[:n]...)
	return n
}

func (c *chunk) release() {
	if c.users--; c.users == 0 {
		clear(c.spans[:cap(c.spans)])
		chunks.Put(c)
	}
}

func newPipeline(ctx context.Context, opts Options) *pipeline {
	group, ctx := errgroup.WithContext(ctx)
	p := &pipeline{
		ctx: ctx, group: group, opts: opts, tar: newChunk(), out: newChunk(), index: map[string]int32{},
		tars: make(chan *chunk, chunksAhead), parts: make(chan *chunk, chunksAhead),
	}
	p.outs = p.parts
	if opts.Output != nil {
		p.outs = make(chan *chunk, chunksAhead)
		group.Go(p.write)
	}
	group.Go(p.hash)
	return p
}

// begin says that what addTar gets from now on is the content of e.
func (p *pipeline) begin(e *Entry) {
	p.entry = nil
	if e.Stated != nil {
		p.entry = e
	}
}

// end says that the content is complete.
func (p *pipeline) end() {
	if p.entry != nil {
		n := len(p.tar.buf)
		p.tar.spans = append(p.tar.spans, span{entry: p.entry, from: n, to: n, ends: true})
		p.entry = nil
	}
}

// addTar adds bytes to the tar.
func (p *pipeline) addTar(b []byte) error {
	for len(b) > 0 {
		c := p.tar
		from := len(c.buf)
		n := c.fill(b)
		b = b[n:]
		if p.entry != nil {
			c.spans = append(c.spans, span{entry: p.entry, from: from, to: from + n})
		}
		if len(c.buf) == chunkSize {
			p.tar = newChunk()
			if err := p.send(p.tars, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// addPart adds bytes to the layer, of which addLiteral, addRange or addBlocks says what they are.
func (p *pipeline) addPart(b []byte) error {
	p.sums.Size += int64(len(b))
	for len(b) > 0 {
		c := p.out
		b = b[c.fill(b):]
		if len(c.buf) == chunkSize {
			p.out = newChunk()
			if err := p.send(p.outs, c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *pipeline) send(to chan *chunk, c *chunk) error {
	select {
	case to <- c:
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

// addLiteral adds literal bytes to the layer.
func (p *pipeline) addLiteral(b []byte) error {
	if !p.opts.NoRecipe {
		p.lit = append(p.lit, b...)
	}
	return p.addPart(b)
}

func (p *pipeline) endLiteral() {
	if len(p.lit) > 0 {
		p.sums.ops = append(p.sums.ops, op{literal: bytes.Clone(p.lit)})
		p.lit = p.lit[:0]
	}
}

// addRange says that what addPart got last is a part of a blob, with some bits cleared.
func (p *pipeline) addRange(b Blob, offset, n int64, patch []deflate.BytePatch) error {
	return p.add(b, op{offset: offset, n: n, patch: patch})
}

// addBlocks says that what addPart got last is a part of a blob, in stored blocks.
func (p *pipeline) addBlocks(b Blob, offset, n int64) error {
	return p.add(b, op{blocks: true, offset: offset, n: n})
}

func (p *pipeline) add(b Blob, o op) error {
	if p.opts.NoRecipe {
		return nil
	}
	p.endLiteral()
	name := b.SHA256()
	i, ok := p.index[name]
	if !ok {
		sum, err := parseDigest(digestPrefix + name)
		if err != nil {
			return err
		}
		i = int32(len(p.sums.blobs))
		p.index[name] = i
		p.sums.blobs = append(p.sums.blobs, blobRef{sum: sum, size: b.Size()})
	}
	o.blob = i
	p.sums.ops = append(p.sums.ops, o)
	return nil
}

// finish waits for the hashes; err is what the making of the layer ended with.
func (p *pipeline) finish(err error) (*sums, error) {
	p.endLiteral()
	if err == nil {
		err = p.send(p.tars, p.tar)
	}
	if err == nil {
		err = p.send(p.outs, p.out)
	}
	if err != nil {
		// What is first returned in the group is what Wait gives; a goroutine that failed is the cause.
		p.group.Go(func() error { return err })
	}
	close(p.tars)
	close(p.outs)
	if err := p.group.Wait(); err != nil {
		return nil, err
	}
	return &p.sums, nil
}

// write gives the output the layer, before that is hashed.
func (p *pipeline) write() error {
	defer close(p.parts)
	for c := range p.outs {
		if _, err := p.opts.Output.Write(c.buf); err != nil {
			return fmt.Errorf("writing the compressed bytes: %w", err)
		}
		if err := p.send(p.parts, c); err != nil {
			return err
		}
	}
	return nil
}
