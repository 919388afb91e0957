package imagegen

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/imagegen/install"
	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/lockfile"
)

// Elsewhere is what has layers besides the store, such as a registry.
type Elsewhere interface {
	// Layer gives the layer that is described, or nil if it is not there. Its bytes are read, and checked, when they
	// are wanted, for which ctx must not have ended.
	Layer(ctx context.Context, d layer.Descriptor) (v1.Layer, error)
}

// askedAtOnce is how many layers are looked for at once elsewhere: each is a question and a short answer.
const askedAtOnce = 8

// believe takes the seal for what the layers will be, if it is of this very lock, and looks elsewhere for those
// that the store cannot give.
//
// That it is of this lock is not taken for granted, since locks are merged and edited: the layer "lock" must be made of this
// lock's projection, which names every file of the image by its hash, and the environment's digest must be that of the
// image that the sealed layers make, unless the seal was only begun. What is not so is no error here: the layers are made then, and the seal is held against what
// comes out. What a registry has is the sealed layer, since it has its digest; that the sealed digest is what would be made
// of the files is what the machine says that sealed the lock.
func (w *work) believe(ctx context.Context) error {
	p := w.plan
	if w.Elsewhere == nil || p.seal == nil || len(p.Anew) > 0 {
		return nil
	}
	of, err := w.sealIsOfLock()
	if !of || err != nil {
		return err
	}
	w.sealed = map[string]lockfile.SealedLayer{}
	var wanted []lockfile.SealedLayer
	for _, l := range p.seal.Layers {
		w.sealed[l.Name] = l
		if l.Digest == "" || l.Kind == ParentFormat || l.Name == ProjectLayer && l.Inputs != p.projectInputs() || w.remembers(l.Inputs) {
			continue
		}
		wanted = append(wanted, l)
	}
	found := make([]v1.Layer, len(wanted))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(askedAtOnce)
	for i, l := range wanted {
		group.Go(func() (err error) {
			if err := ctx.Err(); err != nil {
				return err
			}
			found[i], err = w.Elsewhere.Layer(w.reading, layer.Descriptor{Digest: l.Digest, DiffID: l.DiffID, Size: l.Size})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	w.found = map[string]Layer{}
	for i, l := range wanted {
		if found[i] != nil {
			w.found[l.Inputs] = Layer{
				Layer: found[i], Name: l.Name, Kind: l.Kind, Inputs: l.Inputs, Digest: l.Digest, DiffID: l.DiffID, Size: l.Size, Elsewhere: true,
			}
		}
	}
	return nil
}

// sealIsOfLock tells whether the sealed layers are those of the lock, as far as that can be told without making them. Of an image
// below only manifest and config are needed, unless it has a user app of its own or folders that ours pass through with
// other modes: the digest tells.
func (w *work) sealIsOfLock() (bool, error) {
	p := w.plan
	in, _, err := p.projectionInputs()
	if err != nil {
		return false, err
	}
	if !slices.ContainsFunc(p.seal.Layers, func(l lockfile.SealedLayer) bool { return l.Name == lockLayer && l.Inputs == in }) {
		return false, nil
	}
	if !p.seal.Closed() {
		return true, nil
	}
	var layers []Layer
	for _, l := range p.seal.Layers {
		if l.Name == ProjectLayer {
			continue
		}
		sealed := Layer{Name: l.Name, Kind: l.Kind, Digest: l.Digest, DiffID: l.DiffID, Size: l.Size}
		if n := len(layers); l.Kind == ParentFormat && p.parent != nil && n < len(p.parent.Layers) {
			sealed.MediaType = p.parent.Layers[n].MediaType
		}
		layers = append(layers, sealed)
	}
	bare, err := assemble(p, layers)
	return err == nil && bare.digest() == p.seal.Environment, err
}

// remembers tells whether the store knows the layer with these inputs and has all that it is read from.
func (w *work) remembers(inputs string) bool {
	data, ok := w.Store.Memo(layerMemo, inputs)
	var r remembered
	if !ok || json.Unmarshal(data, &r) != nil {
		return false
	}
	if r.Kept {
		return w.Store.Has(hexOf(r.Digest))
	}
	recipe, ok := w.recipe(r.Digest)
	return ok && !slices.ContainsFunc(recipe.Blobs(), func(blob string) bool { return !w.Store.Has(blob) })
}

// sealedWheels are the layers of the wheels if the seal says what they are: those that neither the store has nor anybody else
// are made of their own wheels and those that the seal names beside them. Nothing is given where that is not possible: where a layer leaves files to
// another's wheels, and the seal does not name these, all must be looked at.
func (w *work) sealedWheels(ctx context.Context) ([]Layer, error) {
	groups := w.plan.groups
	layers := make([]Layer, len(groups))
	set := &wheelSet{}
	defer set.close()
	var missing []int
	for i, g := range groups {
		sealed, ok := w.sealed[g.Name]
		if !ok {
			return nil, nil
		}
		wheels := w.plan.wheels(g)
		l, ok, err := w.known(g.Name, WheelFormat, sealed.Inputs, func() error { return w.Supply.Wheels(ctx, wheels) })
		if err != nil {
			return nil, err
		}
		if layers[i] = l; ok {
			continue
		}
		if sealed.Digest != "" && w.wheelInputs(&wheelSet{}, wheels) != sealed.Inputs {
			return nil, nil
		}
		missing = append(missing, i)
		set.add(wheels)
		for _, wheel := range w.everyWheel().all {
			if slices.Contains(sealed.With, wheel.Package.Name) {
				set.add([]Wheel{wheel})
			}
		}
	}
	slices.SortStableFunc(set.all, byName)
	if len(missing) > 0 {
		// Of the paths that these wheels have in common with others it may be the others' to say whose they are.
		if err := w.open(ctx, set); errors.As(err, new(*install.ContestedError)) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
	}
	for _, i := range missing {
		if w.wheelInputs(set, w.plan.wheels(groups[i])) != w.sealed[groups[i].Name].Inputs {
			return nil, nil
		}
	}
	if err := w.makeWheels(ctx, set, missing, layers); err != nil {
		return nil, err
	}
	if w.newer == nil {
		w.newer = set.Newer
	}
	for _, i := range missing {
		if sealed := w.sealed[groups[i].Name].Digest; sealed != "" && layers[i].Digest != sealed {
			// Others may decide what its RECORD says; or the seal is wrong, and looking at all will tell.
			w.plan.Anew = append(w.plan.Anew, groups[i].Name)
			return nil, nil
		}
	}
	return layers, nil
}

// noted are the facts about RECORD files that the lock has of wheels whose layers nobody read here.
func (w *work) noted(layers []Layer) []lockfile.Choice {
	unread := map[string]bool{}
	for _, l := range layers {
		if !l.Elsewhere {
			continue
		}
		for _, g := range w.plan.groups {
			if g.Name != l.Name {
				continue
			}
			for _, wheel := range w.plan.wheels(g) {
				unread[wheel.File.Name] = true
			}
		}
	}
	var kept []lockfile.Choice
	for _, c := range w.plan.Lock.Choices {
		if c.Kind == lockfile.RecordChoice && c.Target == w.plan.Target.Platform && unread[c.Name] {
			kept = append(kept, c)
		}
	}
	return kept
}
