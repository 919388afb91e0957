package compare

import (
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/imagegen/layertar"
)

// source is a layer that can be read.
type source struct {
	layer  v1.Layer
	want   layertar.Promise
	number int // in the image, from 1
	budget *budget
}

func newSource(l v1.Layer, number int, b *budget) (source, error) {
	s := source{layer: l, number: number, budget: b}
	var err error
	if s.want.Digest, err = l.Digest(); err != nil {
		return s, fmt.Errorf("reading layer %d: %w", number, err)
	}
	if s.want.DiffID, err = l.DiffID(); err != nil {
		return s, fmt.Errorf("reading layer %d: %w", number, err)
	}
	if s.want.Size, err = l.Size(); err != nil {
		return s, fmt.Errorf("reading layer %d: %w", number, err)
	}
	s.want.What = fmt.Sprintf("layer %d (%s)", number, s.want.Digest)
	s.want.Limit = layertar.Limit(s.want.Size)
	return s, nil
}

// read indexes the layer. What was read before an error is kept.
func (s source) read(ctx context.Context, tap layertar.Tap, advance func(int64)) (*index, error) {
	x := newIndex(s.number, s.want.Limit, s.budget)
	err := layertar.WalkTapped(ctx, s.layer, s.want, tap, advance, func(e layertar.Entry) error { return x.add(s.want.What, e) })
	return x, err
}

// reading is what reading two layers at once gives.
type reading struct {
	old, now      *index
	plain, stored *lockstep
}

// readBoth reads two layers. If it is patient, a layer that is not what its digests say, or that cannot be read, is
// no error: its index says what is wrong.
func readBoth(ctx context.Context, old, now source, patient bool, advance func(int64)) (*reading, error) {
	r := &reading{plain: newLockstep(), stored: newLockstep()}
	group, both := errgroup.WithContext(ctx)
	for side, s := range []source{old, now} {
		group.Go(func() error {
			x, err := s.read(both, layertar.Tap{Stored: r.stored.tap(side), Plain: r.plain.tap(side)}, advance)
			if side == 0 {
				r.old = x
			} else {
				r.now = x
			}
			switch {
			case err == nil:
				r.stored.end(side)
				r.plain.end(side)
			case patient && both.Err() == nil:
				r.stored.end(side) // it was read to its end for its digest
				r.plain.giveUp(side)
				x.broken = err
			default:
				r.stored.giveUp(side)
				r.plain.giveUp(side)
				return of(side, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return r, nil
}
