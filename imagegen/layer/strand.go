package layer

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"hash"
	"slices"

	"github.com/envpack/envpack/internal/hashpair"
	"github.com/envpack/envpack/internal/wheelfile"
)

// waitingBytes is how many bytes may wait for those of another strand, to be hashed together with them.
const waitingBytes = 4 * chunkSize

// strand is a stream of bytes that wait to be hashed.
type strand struct {
	sum     *hashpair.Hash
	pieces  []piece // none at the front is empty
	waiting int     // bytes
}

// piece is a part of a strand.
type piece struct {
	bytes []byte
	ends  *Entry // whose content ends with it
	last  *chunk // of which the strand has nothing after it
}

// hasher hashes the tar, the contents that state a SHA-256, and the layer, two at a time. It takes those of which most is waiting: so
// the layer, which is mostly half as long as each of the others, goes with one of them, and little is left to be hashed alone.
type hasher struct {
	tar, contents, parts strand
	others               map[string]hash.Hash // of contents that state another hash, by algorithm
	deviations           []Deviation
}

// hash hashes what comes from the channels, until these are closed.
func (p *pipeline) hash() error {
	h := &hasher{others: map[string]hash.Hash{}}
	for _, s := range []*strand{&h.tar, &h.contents, &h.parts} {
		s.sum = hashpair.New()
	}
	tars, parts := p.tars, p.parts
	for tars != nil || parts != nil {
		if a, b := h.longest(); b.waiting > 0 || a.waiting >= waitingBytes {
			h.step(a, b)
			continue
		}
		select {
		case c, ok := <-tars:
			if !ok {
				tars = nil
				continue
			}
			h.addTar(c)
		case c, ok := <-parts:
			if !ok {
				parts = nil
				continue
			}
			c.users = 1
			h.add(&h.parts, piece{bytes: c.buf, last: c})
		}
	}
	for {
		a, b := h.longest()
		if a.waiting == 0 {
			break
		}
		h.step(a, b)
	}
	p.sums.DiffID = digestPrefix + hex.EncodeToString(h.tar.sum.Sum(nil))
	p.sums.Digest = digestPrefix + hex.EncodeToString(h.parts.sum.Sum(nil))
	slices.SortStableFunc(h.deviations, func(a, b Deviation) int { return cmp.Compare(a.Path, b.Path) })
	p.sums.deviations = h.deviations
	return nil
}

// addTar adds a part of the tar, and what is content of it.
func (h *hasher) addTar(c *chunk) {
	c.users = 1
	last := -1 // span that waits
	for i, s := range c.spans {
		if s.entry.Stated.Algorithm == wheelfile.SHA256 {
			c.users, last = 2, i
		}
	}
	for i, s := range c.spans {
		content := piece{bytes: c.buf[s.from:s.to]}
		if s.ends {
			content.ends = s.entry
		}
		if algorithm := s.entry.Stated.Algorithm; algorithm != wheelfile.SHA256 {
			other := h.others[algorithm]
			if other == nil {
				other = wheelfile.NewHash(algorithm)
				h.others[algorithm] = other
			}
			other.Write(content.bytes)
			h.finish(content, other)
			continue
		}
		if i == last {
			content.last = c
		}
		h.add(&h.contents, content)
	}
	h.add(&h.tar, piece{bytes: c.buf, last: c})
}

func (h *hasher) add(s *strand, p piece) {
	s.pieces = append(s.pieces, p)
	s.waiting += len(p.bytes)
	h.take(s, 0)
}

// longest gives the two strands of which most waits, the longer first.
func (h *hasher) longest() (a, b *strand) {
	a, b = &h.tar, &h.contents
	if a.waiting < b.waiting {
		a, b = b, a
	}
	switch c := &h.parts; {
	case c.waiting > a.waiting:
		return c, a
	case c.waiting > b.waiting:
		return a, c
	}
	return a, b
}

// step hashes as much of the first pieces as both have.
func (h *hasher) step(a, b *strand) {
	if b.waiting == 0 {
		a.sum.Write(a.pieces[0].bytes)
		h.take(a, len(a.pieces[0].bytes))
		return
	}
	p, q := a.pieces[0].bytes, b.pieces[0].bytes
	n := min(len(p), len(q))
	hashpair.Both(a.sum, p[:n], b.sum, q[:n])
	h.take(a, n)
	h.take(b, n)
}

// take removes n bytes that were hashed from a strand, and the pieces that have none left.
func (h *hasher) take(s *strand, n int) {
	s.waiting -= n
	s.pieces[0].bytes = s.pieces[0].bytes[n:]
	done := 0
	for ; done < len(s.pieces) && len(s.pieces[done].bytes) == 0; done++ {
		p := s.pieces[done]
		h.finish(p, s.sum)
		if p.last != nil {
			p.last.release()
		}
	}
	clear(s.pieces[:done])
	s.pieces = s.pieces[done:]
}

// finish compares the hash of a content that ends with the piece.
func (h *hasher) finish(p piece, sum hash.Hash) {
	if p.ends == nil {
		return
	}
	stated := *p.ends.Stated
	if actual := sum.Sum(nil); !bytes.Equal(actual, stated.Sum) {
		h.deviations = append(h.deviations, Deviation{
			Path: p.ends.Path, Stated: stated, Actual: wheelfile.Digest{Algorithm: stated.Algorithm, Sum: actual},
		})
	}
	sum.Reset()
}
