package compare

import (
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/envpack/envpack/imagegen/inspect"
)

// Layer is a layer for [Layers].
type Layer struct {
	v1.Layer
	Number int // in its image, from 1
	Far    bool
}

// Layers reads two layers, whatever their digests say, and says how they differ. What is wrong with one of them is no
// error but a trouble of the pair; then the entries before it are compared no more, and the first bytes that differ
// are. Errors: of the context, and of layers that tell no digest.
func Layers(ctx context.Context, old, now Layer, o Options) (*LayerPair, error) {
	a, err := newSource(old.Layer, old.Number, newBudget())
	if err != nil {
		return nil, err
	}
	b, err := newSource(now.Layer, now.Number, newBudget())
	if err != nil {
		return nil, err
	}
	p := &LayerPair{Match: Changed, By: "caller", Old: a.describe(), New: b.describe()}
	r, err := readBoth(ctx, a, b, true, o.task("reading layers", a.want.Size+b.want.Size))
	if err != nil {
		return nil, err
	}
	if err := r.old.broken; err != nil {
		p.OldTrouble = err.Error()
	}
	if err := r.now.broken; err != nil {
		p.NewTrouble = err.Error()
	}
	if p.OldTrouble+p.NewTrouble == "" {
		switch {
		case !r.stored.found:
			p.Match = SameLayer
		case !r.plain.found:
			p.Match = Recompressed
		}
	}
	return p, r.fill(ctx, p, a, b, old.Far || now.Far, o)
}

func (s source) describe() *inspect.Layer {
	media, _ := s.layer.MediaType() // a layer that does not say is one of none
	return &inspect.Layer{
		Number: s.number, MediaType: string(media), Size: s.want.Size, Digest: s.want.Digest.String(), DiffID: s.want.DiffID.String(),
	}
}

// fill says of a pair what reading it gave.
func (r *reading) fill(ctx context.Context, p *LayerPair, a, b source, far bool, o Options) error {
	if !o.IgnoreTimes {
		if d := r.tarDifference(); d != nil {
			p.Bytes = append(p.Bytes, *d)
		}
		if d := r.stored.storedDifference(a.want.Size, b.want.Size); d != nil {
			p.Bytes = append(p.Bytes, *d)
		}
	}
	if p.OldTrouble+p.NewTrouble != "" {
		return nil
	}
	old, now := r.old.effective(), r.now.effective()
	p.Files = compareFiles(old, now, false, o)
	for _, note := range []string{orderNote(r.old, r.now), repeatNote("old", r.old, old), repeatNote("new", r.now, now), r.paddingNote(p)} {
		if note != "" {
			p.Notes = append(p.Notes, note)
		}
	}
	again := a.want.Size + b.want.Size
	if far && again > o.farLimit() && contentChanges(p.Files) > 0 && o.Contents > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("where files begin to differ was not looked for: %d bytes would be fetched once more", again))
		return nil
	}
	_, err := contentsRepeated(ctx, p.Files, a, b, r.old, r.now, o)
	return err
}

// paddingNote says that the tars differ although no entry does.
func (r *reading) paddingNote(p *LayerPair) string {
	f := p.Files
	if !r.plain.found || f.Added+f.Removed+f.Changed > 0 {
		return ""
	}
	return "the tars differ, but none of their entries: only in how or where these are written"
}
