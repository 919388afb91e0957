package imagegen

import (
	"context"
	"slices"

	"github.com/envpack/envpack/lockfile"
)

// Retain begins the seal of a plan's image with those layers of another lock's seal that are made of the same: a seal without
// the digests of an image, until a build closes it. Beside them it has the layer "lock", which says what lock it is
// of, and the inputs of layers of wheels that nobody has made yet, with the packages whose wheels are to be looked at for them.
// The choices are those of kind record about the wheels of layers that stay. Both are nil if nothing but small layers would stay.
//
// It makes no layer but the one of the lock and asks for no file: what only the files say, as which paths wheels share, it takes from the
// store, and where that does not have it, the layers stay away that depend on it. Errors: those of Build about an image below.
func (b *Builder) Retain(ctx context.Context, p *Plan, old *lockfile.Lock) (*lockfile.Seal, []lockfile.Choice, error) {
	was := old.SealOf(p.Target.Platform)
	if was == nil {
		return nil, nil, nil
	}
	w := b.work(ctx, p)
	if p.parent != nil {
		if err := w.openParent(ctx); err != nil || p.standing.facts == nil {
			return nil, nil, err
		}
	}
	now, with, err := w.expected(ctx)
	if err != nil {
		return nil, nil, err
	}
	seal := &lockfile.Seal{Platform: p.Target.Platform}
	worth := false
	has := map[string]bool{}
	for _, l := range was.Layers {
		// The project's files are whatever they will be: its layer stays, and is taken if they are the same.
		if l.Digest == "" || l.Name == lockLayer || l.Name != ProjectLayer && now[l.Name] != l.Inputs {
			continue
		}
		seal.Layers = append(seal.Layers, l)
		has[l.Name] = true
		worth = worth || l.Name != ProjectLayer && l.Kind != EnvironmentFormat && l.Kind != ParentFormat
	}
	if !worth {
		return nil, nil, nil
	}
	for _, g := range p.groups {
		if others, ok := with[g.Name]; ok && !has[g.Name] {
			seal.Layers = append(seal.Layers, lockfile.SealedLayer{Name: g.Name, Kind: WheelFormat, Inputs: now[g.Name], With: others})
		}
	}
	l, err := w.projection(ctx)
	if err != nil {
		return nil, nil, err
	}
	seal.Layers = append(seal.Layers, lockfile.SealedLayer{Name: l.Name, Kind: l.Kind, Inputs: l.Inputs, Digest: l.Digest, DiffID: l.DiffID, Size: l.Size})
	return seal, p.recordsOf(old, has), nil
}

// expected are the inputs of the plan's layers by name, but for those of the project and the lock, as far as they are known without
// asking for files; and for the layers of wheels, if that is known, which packages of other layers share a path with theirs.
func (w *work) expected(ctx context.Context) (all map[string]string, with map[string][]string, err error) {
	p := w.plan
	all, with = map[string]string{}, map[string][]string{}
	if p.parent != nil {
		for i, l := range p.parent.Layers {
			all[parentName(i)] = inputs(ParentFormat, "layer "+l.Digest)
		}
	}
	for name, in := range map[string]string{
		baseLayer: p.baseInputs(), systemLayer: p.systemInputs(), pythonLayer: p.pythonInputs(), userLayer: p.userInputs(), environmentLayer: p.environmentInputs(),
	} {
		if in != "" {
			all[name] = in
		}
	}
	for _, f := range p.data {
		all[dataName(f)] = p.dataInputs(f)
	}
	set := w.everyWheel()
	defer set.close()
	if !w.recall(set) || set.Shares == nil {
		for _, wheel := range set.all {
			if !w.Store.Has(wheel.File.SHA256) {
				return all, with, nil
			}
		}
		if err := w.settleAll(ctx, set); err != nil {
			return nil, nil, err
		}
	}
	for _, g := range p.groups {
		wheels := p.wheels(g)
		all[g.Name] = w.wheelInputs(set, wheels)
		var others []string
		for _, wheel := range wheels {
			for _, sum := range set.Shares[wheel.File.SHA256] {
				i := slices.IndexFunc(set.all, func(x Wheel) bool { return x.File.SHA256 == sum })
				if name := set.all[i].Package.Name; !slices.ContainsFunc(wheels, func(x Wheel) bool { return x.Package.Name == name }) {
					others = append(others, name)
				}
			}
		}
		slices.Sort(others)
		with[g.Name] = slices.Compact(others)
	}
	return all, with, nil
}

// recordsOf are another lock's choices of kind record about the wheels of layers.
func (p *Plan) recordsOf(old *lockfile.Lock, layers map[string]bool) []lockfile.Choice {
	wheels := map[string]bool{}
	for _, g := range p.groups {
		for _, wheel := range p.wheels(g) {
			wheels[wheel.File.Name] = layers[g.Name]
		}
	}
	var kept []lockfile.Choice
	for _, c := range old.Choices {
		if c.Kind == lockfile.RecordChoice && c.Target == p.Target.Platform && wheels[c.Name] {
			kept = append(kept, c)
		}
	}
	return kept
}
