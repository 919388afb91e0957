package verify

import (
	"context"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/imagegen/compare"
	"github.com/envpack/envpack/imagegen/inspect"
	"github.com/envpack/envpack/imagegen/layertar"
	"github.com/envpack/envpack/internal/diag"
)

// Digests reads every layer and holds it to its digest, its size and the digest of its tar. Layers that are known to be
// those of rebuilt, which may be nil, need not be unpacked for that, unless the verification is deep. Errors: of the
// context; of a deep one, an image of more entries than are kept.
func (v *Verification) Digests(ctx context.Context, rebuilt *imagegen.Rebuilt) error {
	v.asBuilt = rebuilt != nil && len(rebuilt.Parts) == len(v.layers)
	wrong := make([]error, len(v.layers))
	if v.Deep && rebuilt != nil {
		var err error
		if v.tree, wrong, err = compare.Scan(ctx, v.layers, v.Jobs, compare.Options{Task: v.Task}); err != nil {
			return v.explain(err)
		}
	} else if err := v.hash(ctx, rebuilt, wrong); err != nil {
		return err
	}
	for i, err := range wrong {
		l := &v.Report.Layers[i]
		switch own := (*diag.Error)(nil); {
		case err == nil:
		case errors.As(err, &own) && diag.CodeOf(err) != diag.Fetch:
			l.State = Damaged
			v.Report.find(Finding{Check: "digests", Text: diagText(err), Layer: l.Number, Name: l.Contents})
			if v.asBuilt && rebuilt.Parts[i].Digest == l.Digest {
				continue // which says where
			}
			if err := v.locate(ctx, i); err != nil {
				return err
			}
		default:
			l.State = Unread
			err = v.explain(err)
			v.Report.Unchecked = append(v.Report.Unchecked, Gap{Check: "digests", What: v.called(i), Why: diagText(err), Layer: l.Number, Err: err})
		}
	}
	text := fmt.Sprintf("manifest, config and %s are as their digests say", plural(len(v.layers), "layer"))
	if v.noManifest {
		text = fmt.Sprintf("config and the tars of %s are as their digests say; the archive has no manifest", plural(len(v.layers), "layer"))
	}
	switch status := v.Report.statusOf("digests"); status {
	case OK:
		v.Report.check("digests", status, text)
	default:
		text = "not all documents are as their digests say"
		if n := count(v.Report.Layers, Damaged, Unread); n > 0 {
			text = fmt.Sprintf("%d of %s: not as digests say, or not to be read", n, plural(len(v.layers), "layer"))
		}
		v.Report.check("digests", status, text)
	}
	return nil
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func count(layers []Layer, states ...string) int {
	n := 0
	for _, l := range layers {
		for _, s := range states {
			if l.State == s {
				n++
			}
		}
	}
	return n
}

// hash reads all layers, several at once.
func (v *Verification) hash(ctx context.Context, rebuilt *imagegen.Rebuilt, wrong []error) error {
	var total int64
	for _, w := range v.wants {
		total += w.Size
	}
	advance := func(int64) {}
	if v.Task != nil {
		advance = v.Task("reading layers", total)
	}
	group, all := errgroup.WithContext(ctx)
	group.SetLimit(max(v.Jobs, 1))
	for i, l := range v.layers {
		group.Go(func() error {
			if v.asBuilt && v.sameAs(i, rebuilt.Parts[i]) {
				wrong[i] = layertar.Stored(all, l, v.wants[i], nil, advance)
			} else {
				wrong[i] = layertar.WalkTapped(all, l, v.wants[i], layertar.Tap{}, advance, func(layertar.Entry) error { return nil })
			}
			return all.Err()
		})
	}
	return group.Wait()
}

// sameAs tells whether manifest and config say of a layer that it is the one that was made again: then it is, if it has
// its digest.
func (v *Verification) sameAs(i int, p imagegen.Part) bool {
	l := v.Report.Layers[i]
	return p.Err == nil && p.Digest == l.Digest && p.DiffID == l.DiffID && p.Size == l.Size
}

// diagText is an error's own text.
func diagText(err error) string { return err.Error() }

// Layers compares the image's layers with those that were made again, byte for byte. It comes behind Digests. Errors: of
// the context.
func (v *Verification) Layers(ctx context.Context, rebuilt *imagegen.Rebuilt) error {
	if !v.asBuilt {
		return v.otherLayers(ctx, rebuilt)
	}
	var others []int
	for i, p := range rebuilt.Parts {
		l := &v.Report.Layers[i]
		switch {
		case p.Err != nil:
			v.gap("layers", i, "was not made again: "+p.Reason(), p.Err)
			continue
		case l.State == Unread:
			v.gap("layers", i, "could not be read", nil)
			continue
		case l.State == Damaged:
			if p.Digest != l.Digest {
				v.gap("layers", i, "is damaged, and the lock makes another one", nil)
				continue
			}
			if err := v.pair(ctx, i, p.Layer.Layer, p.Name, "digests"); err != nil {
				return err
			}
		case v.sameAs(i, p):
			l.State, v.trusted[i] = Same, true
		case p.DiffID == l.DiffID:
			l.State, v.trusted[i] = Recompressed, true
		case p.Unsure:
			v.gap("layers", i, "differs from the one that was made again, which may be for wheels that could not be had", nil)
			continue
		default:
			l.State = Other
			others = append(others, i)
		}
	}
	if len(others) > 0 {
		if err := v.differing(ctx, rebuilt, others); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("%d of %d made again, and the same", count(v.Report.Layers, Same, Recompressed), len(v.layers))
	if n := count(v.Report.Layers, Recompressed); n > 0 {
		text += fmt.Sprintf(": the tars of %d, which are stored otherwise", n)
	}
	status := v.Report.statusOf("layers")
	if status == OK && v.Report.statusOf("digests") == Differs {
		status = Differs
	}
	v.Report.check("layers", status, text)
	return nil
}

// gap notes a layer that could not be checked.
func (v *Verification) gap(check string, i int, why string, err error) {
	v.Report.Unchecked = append(v.Report.Unchecked, Gap{Check: check, What: v.called(i), Why: why, Layer: i + 1, Err: err})
}

// pair compares a layer with the one that was made again, and puts into the finding about it where they differ.
func (v *Verification) pair(ctx context.Context, i int, right v1.Layer, name, check string) error {
	pair, err := compare.Layers(ctx, compare.Layer{Layer: right, Number: i + 1}, compare.Layer{Layer: v.layers[i], Number: i + 1},
		compare.Options{Contents: v.Contents, Task: v.Task})
	if err != nil {
		return v.explain(err)
	}
	for _, l := range []*inspect.Layer{pair.Old, pair.New} {
		l.Contents, l.Envpack = name, v.Report.Layers[i].Envpack
	}
	f := v.finding(check, i)
	f.Pair = pair
	for _, d := range pair.Bytes {
		if d.Of == "tar" && f.Path == "" {
			f.Path = d.Path
		}
		if d.Of == "stored" {
			f.Byte = &d
		}
	}
	return nil
}

// locateLimit is how large, in bytes, a layer may be to be searched for the byte that was changed.
const locateLimit = 1 << 20

// locate says of a damaged layer where it is damaged, although there is nothing to compare it with: the byte, if one
// changed byte explains it, or how far it can be read.
func (v *Verification) locate(ctx context.Context, i int) error {
	want := v.wants[i]
	if was, ok := v.sound(ctx, i).(inMemory); ok {
		return v.pair(ctx, i, was, v.Report.Layers[i].Contents, "digests")
	}
	last, n := "", 0
	err := layertar.WalkTapped(ctx, v.layers[i], want, layertar.Tap{}, nil, func(e layertar.Entry) error {
		last = layertar.Clean(e.Header.Name)
		n++
		return nil
	})
	if cerr := ctx.Err(); cerr != nil {
		return cerr
	}
	if f := v.finding("digests", i); err != nil && n > 0 {
		f.Text += fmt.Sprintf("; %d entries of it can be read, the last of them %s", n, last)
	}
	return nil
}

// finding is the one about a layer, which is made if there is none.
func (v *Verification) finding(check string, i int) *Finding {
	for k := range v.Report.Findings {
		if f := &v.Report.Findings[k]; f.Check == check && f.Layer == i+1 {
			return f
		}
	}
	l := v.Report.Layers[i]
	v.Report.find(Finding{Check: check, Layer: i + 1, Name: l.Contents, Text: v.called(i) + " is not the one that the lock makes"})
	return &v.Report.Findings[len(v.Report.Findings)-1]
}

// differing says how layers differ that are as their digests say.
func (v *Verification) differing(ctx context.Context, rebuilt *imagegen.Rebuilt, others []int) error {
	for _, i := range others {
		p := rebuilt.Parts[i]
		f := v.finding("layers", i)
		f.Text = fmt.Sprintf("%s is not the one that the lock makes, which is %s", v.called(i), p.Digest)
		if err := v.pair(ctx, i, p.Layer.Layer, p.Name, "layers"); err != nil {
			return err
		}
	}
	return nil
}

// otherLayers compares an image that has not the layers that its lock makes.
func (v *Verification) otherLayers(ctx context.Context, rebuilt *imagegen.Rebuilt) error {
	v.Report.find(Finding{Check: "layers", Text: fmt.Sprintf("the image has %d layers, and its lock makes %d", len(v.layers), len(rebuilt.Parts))})
	known := map[string]bool{}
	for _, p := range rebuilt.Parts {
		if p.Err == nil {
			known[p.Digest] = true
		}
	}
	same := 0
	for i := range v.Report.Layers {
		if l := &v.Report.Layers[i]; l.State == Intact && known[l.Digest] {
			l.State = Same
			same++
		}
	}
	v.Report.check("layers", Differs, fmt.Sprintf("%d of %d are among those that the lock makes", same, len(v.layers)))
	if rebuilt.Image == nil || v.Report.statusOf("digests") != OK {
		return nil
	}
	difference, err := compare.Images(ctx, compare.Side{Name: "as the lock makes it", Image: rebuilt.Image.Image}, compare.Side{Name: v.Report.Name, Image: v.image},
		compare.Options{Contents: v.Contents, Task: v.Task})
	if err != nil {
		return v.explain(err)
	}
	v.Report.Difference = difference
	return nil
}
