package imagegen

import (
	"context"
	"fmt"
	"os"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/imagegen/rootfs"
)

// ontoInputs are those of the layer "system" on an image: packages, and what they are put onto.
func (p *Plan) ontoInputs() string {
	facts := []string{"architecture " + p.architecture(), "image " + p.parent.Digest}
	if p.Lock.Image.User == rootfs.AppUser {
		facts = append(facts, fmt.Sprintf("user %d", p.parent.UserID))
	}
	for _, d := range p.system {
		facts = append(facts, fmt.Sprintf("system %s %s %s %s", d.Name, d.Version, d.Architecture, d.SHA256))
	}
	return inputs(p.Lock.Base.Format, facts...)
}

// systemOnto is the layer of the packages that the image below lacks.
func (w *work) systemOnto(ctx context.Context) (Layer, error) {
	p := w.plan
	if err := w.checkFormat(); err != nil {
		return Layer{}, err
	}
	in := p.ontoInputs()
	if l, ok, err := w.known(systemLayer, rootfs.Format, in, nil); ok || err != nil {
		return l, err
	}
	if err := w.readParent(ctx); err != nil {
		return Layer{}, err
	}
	below, err := p.ontoWhat()
	if err != nil {
		return Layer{}, err
	}
	var sums []string
	for _, d := range p.system {
		sums = append(sums, d.SHA256)
	}
	if err := w.fetch(ctx, sums, func() error { return w.Supply.Debs(ctx, p.system) }); err != nil {
		return Layer{}, err
	}
	spool, err := w.Store.TempFile()
	if err != nil {
		return Layer{}, err
	}
	defer os.Remove(spool.Name())
	defer spool.Close()
	debs, closeAll, err := w.openDebs(p.system)
	defer closeAll()
	if err != nil {
		return Layer{}, err
	}
	made, err := rootfs.AssembleOnto(ctx, below, debs, rootfs.Options{Architecture: p.architecture(), Spool: spool, Parallel: w.Jobs})
	if err != nil {
		return Layer{}, fmt.Errorf("adding packages to %s: %w", p.Lock.Base.Reference, err)
	}
	return w.keep(ctx, systemLayer, rootfs.Format, in, made.Entries, made.Unread)
}

// ontoWhat is the image's file system, with the user that is added to it.
func (p *Plan) ontoWhat() (rootfs.Below, error) {
	facts := p.standing.facts
	below := rootfs.Below{Status: facts.Status, Parted: facts.Parted}
	lines, err := facts.LinkerCache()
	if err != nil {
		return below, err
	}
	for _, l := range lines {
		below.Libraries = append(below.Libraries, rootfs.CachedLibrary{Name: l.Name, Path: l.Path, Flags: l.Flags, HWCap: l.HWCap, HWCaps: l.HWCaps})
	}
	added := map[string]layer.Entry{}
	if p.Lock.Image.User == rootfs.AppUser {
		for _, e := range userEntries(facts.Tree, p.parent.UserID) {
			added[e.Path] = e
		}
	}
	for _, e := range facts.Tree.Entries() {
		if now, ok := added[e.Path]; ok {
			delete(added, e.Path)
			e = now
		}
		below.Entries = append(below.Entries, e)
	}
	for _, e := range added {
		below.Entries = append(below.Entries, e)
	}
	return below, nil
}
