package compare

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/envpack/envpack/imagegen/layertar"
)

// readings are the layers of two images that were read.
type readings struct {
	*comparison
	pairs *pairing
	// both has the layers that correspond and were read together, by layer of the old image. old and now have the
	// indexes of all that were read, by layer.
	both     map[int]*reading
	old, now map[int]*index
	advance  func(int64)

	done               bool // what follows is known: of whole images, or of the layers that differ
	oldFiles, newFiles map[string]named
	oldTexts, newTexts map[string][]byte
}

// all reads what has to be read, and says what it shows.
func (r *readings) all(ctx context.Context) error {
	r.both, r.old, r.now = map[int]*reading{}, map[int]*index{}, map[int]*index{}
	r.advance = func(int64) {}
	whole := !r.correspond()
	if total := r.cost(whole); total > 0 {
		r.advance = r.task("reading layers", total)
	}
	alone := r.disjoint() // then a pair can be forgotten when it was told of
	r.oldFiles, r.newFiles = map[string]named{}, map[string]named{}
	r.oldTexts, r.newTexts = map[string][]byte{}, map[string][]byte{}
	for i, j := range r.pairs.to {
		if j < 0 {
			continue
		}
		if err := r.pair(ctx, i, j); err != nil {
			return err
		}
		if alone {
			if err := r.tell(ctx, i, j); err != nil {
				return err
			}
			delete(r.both, i)
			delete(r.old, i)
			delete(r.now, j)
		}
	}
	r.done = true
	if alone {
		return nil
	}
	if !whole && r.mixed() {
		whole = true
		if total := r.cost(true) - r.cost(false); total > 0 {
			r.advance = r.task("reading the other layers", total)
		}
	}
	if whole {
		return r.whole(ctx)
	}
	for i, j := range r.pairs.to {
		if err := r.tell(ctx, i, j); err != nil {
			return err
		}
	}
	return nil
}

// correspond tells whether every layer that differs has a counterpart, or none of them has files of another.
func (r *readings) correspond() bool {
	if r.disjoint() {
		return true
	}
	if (r.comparison.old.lock == nil) != (r.comparison.now.lock == nil) || r.pairs.moved() {
		return false
	}
	return !slices.Contains(r.pairs.to, -1) && !slices.Contains(r.pairs.from, -1)
}

// disjoint tells whether all layers that differ are envpack's own, of which each has files that no other has.
func (r *readings) disjoint() bool {
	if r.comparison.old.lock == nil || r.comparison.now.lock == nil {
		return false
	}
	for _, p := range r.report.Layers {
		if p.Match == SameLayer || p.Match == Recompressed {
			continue
		}
		if p.Old != nil && !p.Old.Envpack || p.New != nil && !p.New.Envpack {
			return false
		}
	}
	return true
}

// mixed tells whether layers that were paired are not about the same files after all, or change files of others: then
// only whole images can be compared.
func (r *readings) mixed() bool {
	for i, both := range r.both {
		a, b := both.old.effective(), both.now.effective()
		common := 0
		for p := range a {
			if _, ok := b[p]; ok {
				common++
			}
			if n := a[p]; !r.sameRemoval(n, b) {
				return true
			}
		}
		for _, n := range b {
			if !r.sameRemoval(n, a) {
				return true
			}
		}
		if by := r.pairs.by[i]; (by == "position" || by == "command") && len(r.both) > 1 && 2*common < min(len(a), len(b)) {
			return true
		}
		if (both.old.facts[dpkgStatus] == nil) != (both.now.facts[dpkgStatus] == nil) {
			return true
		}
	}
	return false
}

// sameRemoval tells whether an entry is no whiteout, or one that the counterpart has too.
func (r *readings) sameRemoval(n named, other map[string]named) bool {
	if _, _, ok := n.removes(); !ok {
		return true
	}
	_, ok := other[n.path]
	return ok
}

// cost is how many bytes are read, as they are stored.
func (r *readings) cost(whole bool) int64 {
	var n int64
	for i, j := range r.pairs.to {
		size := r.pairs.old[i].Size
		switch {
		case j < 0 && whole:
			n += size
		case j < 0:
		case r.pairs.by[i] == "digest" || r.pairs.by[i] == "diff ID":
			if whole {
				n += size
			}
		default:
			n += size + r.pairs.now[j].Size
		}
	}
	for j, i := range r.pairs.from {
		if i < 0 && whole {
			n += r.pairs.now[j].Size
		}
	}
	return n
}

// pair reads two layers that correspond, if they differ.
func (r *readings) pair(ctx context.Context, i, j int) error {
	p := r.reported(i)
	if r.pairs.by[i] == "digest" {
		return nil
	}
	a, b, err := r.sources(i, j)
	if err != nil {
		return err
	}
	if r.pairs.by[i] == "diff ID" {
		return r.recompressed(ctx, p, a, b)
	}
	both, err := readBoth(ctx, a, b, false, r.advance)
	if err != nil {
		return err
	}
	r.both[i], r.old[i], r.now[j] = both, both.old, both.now
	return nil
}

// sources are a layer of the old image and one of the new.
func (r *readings) sources(i, j int) (a, b source, err error) {
	if a, err = r.comparison.old.source(i); err != nil {
		return a, b, err
	}
	b, err = r.comparison.now.source(j)
	return a, b, err
}

// reported is the report's pair of a layer of the old image.
func (r *readings) reported(i int) *LayerPair {
	for k := range r.report.Layers {
		if p := &r.report.Layers[k]; p.Old != nil && p.Old.Number == i+1 {
			return p
		}
	}
	return nil
}

func (r *readings) far() bool { return r.comparison.old.Far || r.comparison.now.Far }

// recompressed says how two layers of the same tar are stored otherwise.
func (r *readings) recompressed(ctx context.Context, p *LayerPair, a, b source) error {
	x, err := compressionOf(a)
	if err != nil {
		return of(0, err)
	}
	y, err := compressionOf(b)
	switch {
	case err != nil:
		return of(1, err)
	case x != y:
		p.Bytes = []Difference{{Of: "stored", Place: "compression", Old: x, New: y}}
		return nil
	case r.far() && a.want.Size+b.want.Size > r.farLimit():
		p.Notes = append(p.Notes, fmt.Sprintf("where the compressed bytes begin to differ was not looked for: %d bytes would be fetched", a.want.Size+b.want.Size))
		return nil
	}
	advance, done := r.further("comparing stored layers", a.want.Size+b.want.Size)
	defer done()
	step, err := storedBoth(ctx, a, b, advance)
	if err != nil {
		return err
	}
	if d := step.storedDifference(a.want.Size, b.want.Size); d != nil {
		if err := inDeflate(ctx, d, a); err != nil {
			return of(0, err)
		}
		p.Bytes = []Difference{*d}
	}
	return nil
}

// compressionOf looks at a layer's first bytes.
func compressionOf(s source) (string, error) {
	rc, err := s.layer.Compressed()
	if err != nil {
		return "", fmt.Errorf("opening %s: %w", s.want.What, err)
	}
	defer rc.Close()
	head := make([]byte, 4)
	n, err := io.ReadFull(rc, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return "", fmt.Errorf("reading %s: %w", s.want.What, err)
	}
	return compression(head[:n]), nil
}

// tell says of two layers by themselves how they differ, if they were read.
func (r *readings) tell(ctx context.Context, i, j int) error {
	both := r.both[i]
	if both == nil {
		return nil
	}
	a, b, err := r.sources(i, j)
	if err != nil {
		return err
	}
	if err := both.fill(ctx, r.reported(i), a, b, r.far(), r.Options); err != nil {
		return err
	}
	if r.comparison.old.lock == nil || r.comparison.now.lock == nil { // else the locks tell
		collect(both.old, r.oldFiles, r.oldTexts)
		collect(both.now, r.newFiles, r.newTexts)
	}
	return nil
}

func collect(x *index, files map[string]named, texts map[string][]byte) {
	for p, n := range x.effective() {
		files[p] = n
	}
	for p, t := range x.facts {
		texts[p] = t
	}
}

// whole reads the layers that were not read yet, and compares the images' files.
func (r *readings) whole(ctx context.Context) error {
	for i := range r.pairs.old {
		j := r.pairs.to[i]
		if r.old[i] != nil {
			continue
		}
		s, err := r.comparison.old.source(i)
		if err != nil {
			return err
		}
		x, err := s.read(ctx, layertar.Tap{}, r.advance)
		if err != nil {
			return of(0, err)
		}
		r.old[i] = x
		if j >= 0 { // the same tar
			again := *x
			again.layer, again.byPath = j+1, nil
			r.now[j] = &again
		}
	}
	for j := range r.pairs.now {
		if r.now[j] != nil {
			continue
		}
		s, err := r.comparison.now.source(j)
		if err != nil {
			return err
		}
		if r.now[j], err = s.read(ctx, layertar.Tap{}, r.advance); err != nil {
			return of(1, err)
		}
	}
	r.oldFiles, r.oldTexts = merged(inOrderOf(r.old, len(r.pairs.old)))
	r.newFiles, r.newTexts = merged(inOrderOf(r.now, len(r.pairs.now)))
	r.report.Files = compareFiles(r.oldFiles, r.newFiles, true, r.Options)
	for i, both := range r.both {
		p := r.reported(i)
		if d := both.tarDifference(); d != nil && !r.IgnoreTimes {
			p.Bytes = append(p.Bytes, *d)
		}
	}
	return r.wholeContents(ctx)
}

func inOrderOf(layers map[int]*index, n int) []*index {
	list := make([]*index, n)
	for i, x := range layers {
		list[i] = x
	}
	return list
}

// wholeContents finds where changed files begin to differ, by the two layers that have them.
func (r *readings) wholeContents(ctx context.Context) error {
	left := r.Contents
	seen := map[[2]int]bool{}
	for k := range r.report.Files.List {
		c := &r.report.Files.List[k]
		if left <= 0 || !c.changedContent() {
			continue
		}
		at := [2]int{c.Old.Layer - 1, c.New.Layer - 1}
		if seen[at] {
			continue
		}
		seen[at] = true
		a, b, err := r.sources(at[0], at[1])
		if err != nil {
			return err
		}
		if r.far() && a.want.Size+b.want.Size > r.farLimit() {
			r.note("where files of layer %d begin to differ from those of layer %d was not looked for: %d bytes would be fetched once more", at[0]+1, at[1]+1, a.want.Size+b.want.Size)
			continue
		}
		o := r.Options
		o.Contents = left
		n, err := contentsRepeated(ctx, r.report.Files, a, b, r.old[at[0]], r.now[at[1]], o)
		if err != nil {
			return err
		}
		left -= n
	}
	return nil
}
