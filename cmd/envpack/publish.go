package main

import (
	"context"
	"errors"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/internal/diag"
)

// publish writes and pushes the artifact. A layer that does not come out of the store as it went
// in is repaired and written again, once.
func (b *building) publish(ctx context.Context, a *publish.Artifact, outputs []publish.Output, ref publish.Reference, push bool) error {
	for _, out := range outputs {
		write := func() error { return b.write(ctx, out, a, ref) }
		if out.Passes() { // what has gone through cannot be taken back
			if err := mismatched(write()); err != nil {
				return err
			}
			continue
		}
		if err := b.twice(ctx, write); err != nil {
			return err
		}
	}
	if !push {
		return nil
	}
	return b.twice(ctx, func() error { return b.push(ctx, ref, a) })
}

// twice does what reads layers, and once more if that failed because the store was damaged and the
// damage could be repaired.
func (b *building) twice(ctx context.Context, do func() error) error {
	err := do()
	if mayBeDamage(ctx, err) {
		repaired, rerr := b.repairAll(ctx)
		if rerr != nil {
			return rerr
		}
		if repaired {
			err = do()
		}
	}
	return mismatched(err)
}

// mismatched gives an error about a layer that is not what it was its exit code.
func mismatched(err error) error {
	var mismatch *layer.MismatchError
	if errors.As(err, &mismatch) {
		return diag.Wrap(err, diag.Mismatch, "")
	}
	return err
}

// repairAll fetches and makes again what is damaged of any platform.
func (b *building) repairAll(ctx context.Context) (bool, error) {
	repaired := false
	for _, other := range b.beside {
		did, err := other.repairAll(ctx)
		if err != nil {
			return false, err
		}
		repaired = repaired || did
	}
	for _, t := range b.lock.Targets {
		plan, err := imagegen.NewPlan(b.lock, t.Platform, b.tree)
		if err != nil {
			return false, err
		}
		if !b.repaired(ctx, plan) {
			continue
		}
		if _, err := b.builder.Build(ctx, plan); err != nil {
			return false, err
		}
		repaired = true
	}
	return repaired, nil
}

// writeAhead has the layers written into the first image layout among the outputs while they are made.
func (b *building) writeAhead(outputs []publish.Output) {
	for _, out := range outputs {
		if out.Form == publish.Layout {
			b.ahead = publish.NewAhead(out)
			b.builder.Draft = func() imagegen.Draft { return b.ahead.Begin() }
			return
		}
	}
}

// dropAhead removes layers of an image that was not written in the end.
func (b *building) dropAhead() {
	if b.ahead != nil {
		b.ahead.Close()
	}
}

func (b *building) write(ctx context.Context, out publish.Output, a *publish.Artifact, ref publish.Reference) error {
	o := publish.Options{Reference: ref, Stdout: b.stdout, Ahead: b.ahead}
	if out.Form == publish.DockerDaemon {
		var err error
		if o.Engine, err = dockerEngine(); err != nil {
			return err
		}
	}
	return b.phase("writing "+out.String(), func(progress func(done, total int64)) error {
		o.Progress = progress
		return publish.Write(ctx, out, a, o)
	})
}

func (b *building) push(ctx context.Context, ref publish.Reference, a *publish.Artifact) error {
	client, err := registryClient()
	if err != nil {
		return err
	}
	return b.phase("pushing "+ref.String(), func(progress func(done, total int64)) error {
		return publish.Push(ctx, ref, a, publish.PushOptions{Client: client, Progress: progress, Shelf: b.shelf})
	})
}

// phase shows what tells its progress in bytes.
func (s *session) phase(name string, do func(progress func(done, total int64)) error) error {
	phase := s.ui().Phase(name)
	err := do(func(done, total int64) {
		phase.Expect(total)
		phase.Set(done)
	})
	if err != nil {
		phase.Drop()
		return err
	}
	phase.Done()
	return nil
}
