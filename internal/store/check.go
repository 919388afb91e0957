package store

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/hashpair"
)

// Check makes sure, once for each blob, that its content is what its name says: it hashes those that this Store has neither
// written nor checked before, in so many goroutines, each of them two at a time. What is derived from blobs and believed later is to be
// derived from checked ones.
//
// Errors: those of [Store.Verify], which removes a damaged blob; a damaged one keeps none of the others from being checked. That of ctx.
func (s *Store) Check(ctx context.Context, jobs int, shas ...string) error {
	c := &check{s: s}
	for _, sha := range shas {
		b, err := s.Blob(sha)
		if err != nil {
			return err
		}
		if !s.isChecked(sha) {
			c.left = append(c.left, b)
		}
	}
	// The largest first, so that at the end there are small ones to share.
	slices.SortFunc(c.left, func(a, b *Blob) int { return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.sha256, b.sha256)) })
	c.left = slices.CompactFunc(c.left, func(a, b *Blob) bool { return a.sha256 == b.sha256 })
	group, ctx := errgroup.WithContext(ctx)
	for range min(jobs, (len(c.left)+1)/2) {
		group.Go(func() error { return c.work(ctx) })
	}
	return cmp.Or(group.Wait(), c.damage)
}

func (s *Store) isChecked(sha string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.checked[sha]
}

func (s *Store) noteChecked(sha string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.checked == nil {
		s.checked = map[string]bool{}
	}
	s.checked[sha] = true
}

// check is one call of Check.
type check struct {
	s *Store

	mu     sync.Mutex
	left   []*Blob
	damage error // the first
}

// next gives a blob that nobody checks yet; nil if there is none.
func (c *check) next() *Blob {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.left) == 0 {
		return nil
	}
	b := c.left[0]
	c.left = c.left[1:]
	return b
}

// end compares a hash with the blob's name.
func (c *check) end(b *Blob, got string) error {
	err := c.s.judge(b.sha256, got)
	if damage := (*DamageError)(nil); errors.As(err, &damage) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.damage = cmp.Or(c.damage, err)
		return nil
	}
	if err == nil {
		c.s.noteChecked(b.sha256)
	}
	return err
}

// work checks blobs until there is none left, two at a time.
func (c *check) work(ctx context.Context) error {
	lanes := [2]lane{newLane(), newLane()}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		for i := range lanes {
			if err := lanes[i].fill(c); err != nil {
				return err
			}
		}
		a, b := &lanes[0], &lanes[1]
		if a.blob == nil {
			a, b = b, a
		}
		if a.blob == nil {
			return nil
		}
		n, m := len(a.read), 0
		if b.blob != nil {
			n = min(n, len(b.read))
			m = n
		}
		hashpair.Both(a.sum, a.read[:n], b.sum, b.read[:m])
		a.read, b.read = a.read[n:], b.read[m:]
	}
}

// lane is a blob that is being hashed.
type lane struct {
	sum  *hashpair.Hash
	blob *Blob // nil: none
	at   int64 // that was read
	buf  []byte
	read []byte // that was not hashed yet
}

func newLane() lane { return lane{sum: hashpair.New(), buf: make([]byte, 256<<10)} }

// fill reads some more, of the next blob where one has come to its end.
func (l *lane) fill(c *check) error {
	for len(l.read) == 0 {
		if l.blob == nil {
			if l.blob, l.at = c.next(), 0; l.blob == nil {
				return nil
			}
			l.sum.Reset()
		}
		n, err := l.blob.ReadAt(l.buf[:min(l.blob.size-l.at, int64(len(l.buf)))], l.at)
		if err != nil && err != io.EOF { // an early end is damage
			return diag.Wrap(err, diag.Failure, "verifying blob %s", l.blob.sha256)
		}
		l.read, l.at = l.buf[:n], l.at+int64(n)
		if n == 0 {
			if err := c.end(l.blob, hex.EncodeToString(l.sum.Sum(nil))); err != nil {
				return err
			}
			l.blob = nil
		}
	}
	return nil
}
