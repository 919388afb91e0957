package imagegen

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/imagegen/install"
	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/wheelfile"
	"github.com/envpack/envpack/lockfile"
)

// WheelFormat names the rules for layers of wheels.
const WheelFormat = "wheel/1"

// settleMemo keeps a settlement.
const settleMemo = "settlement"

// settlement is what is known of a set of wheels once all have been opened.
type settlement struct {
	Omit omissions
	Cede omissions `json:",omitempty"`
	// Shares are, by the SHA-256 of a wheel, those of the wheels with which it shares a path, sorted. nil: nobody noted them.
	Shares map[string][]string
	Idle   []string          `json:",omitempty"` // as in Image
	Newer  map[string]string `json:",omitempty"` // as in Image
}

// omissions are, by the SHA-256 of a wheel, paths that another wheel of the set has in its place: with the same bytes, or, those
// that it cedes, with others.
type omissions map[string][]string

// wheelSet is the wheels of the whole environment, opened when they are needed.
type wheelSet struct {
	settlement
	all       []Wheel
	installed map[string]*install.Installed // by SHA-256; empty until opened
	closers   []func() error
}

func (s *wheelSet) close() {
	for _, c := range s.closers {
		_ = c()
	}
}

// add puts wheels into the set that are not in it yet.
func (s *wheelSet) add(wheels []Wheel) {
	for _, wheel := range wheels {
		if !slices.ContainsFunc(s.all, func(have Wheel) bool {
			return have.File.SHA256 == wheel.File.SHA256 && have.File.Name == wheel.File.Name
		}) {
			s.all = append(s.all, wheel)
		}
	}
}

// wheelLayers makes the layers of the wheels, in the lock's order of groups.
func (w *work) wheelLayers(ctx context.Context) ([]Layer, error) {
	groups := w.plan.groups
	set := w.everyWheel()
	defer set.close()
	ensure := func() error { return w.Supply.Wheels(ctx, set.all) }

	anew := slices.ContainsFunc(groups, func(g lockfile.Group) bool { return w.plan.anew(g.Name) })
	settled := w.recall(set) && !anew
	w.newer, w.idle = set.Newer, set.Idle
	if w.sealed != nil {
		if layers, err := w.sealedWheels(ctx); layers != nil || err != nil {
			return layers, err
		}
	}
	if !settled {
		if err := w.settleAll(ctx, set); err != nil {
			return nil, err
		}
		w.newer, w.idle = set.Newer, set.Idle
	}

	layers := make([]Layer, len(groups))
	var missing []int
	for i, g := range groups {
		l, ok, err := w.known(g.Name, WheelFormat, w.wheelInputs(set, w.plan.wheels(g)), ensure)
		if err != nil {
			return nil, err
		}
		if layers[i] = l; !ok {
			missing = append(missing, i)
		}
	}
	return layers, w.makeWheels(ctx, set, missing, layers)
}

// everyWheel is the set of the plan's wheels, not opened.
func (w *work) everyWheel() *wheelSet {
	set := &wheelSet{}
	for _, g := range w.plan.groups {
		set.all = append(set.all, w.plan.wheels(g)...)
	}
	slices.SortStableFunc(set.all, byName)
	return set
}

// recall takes the settlement of a set that is remembered; it reports whether there is one.
func (w *work) recall(set *wheelSet) bool {
	data, ok := w.Store.Memo(settleMemo, set.key(w.plan))
	return ok && json.Unmarshal(data, &set.settlement) == nil
}

// settleAll opens the wheels of a set, and remembers the settlement.
func (w *work) settleAll(ctx context.Context, set *wheelSet) error {
	if err := w.open(ctx, set); err != nil {
		return err
	}
	data, err := json.Marshal(set.settlement)
	if err != nil {
		return err
	}
	return w.Store.PutMemo(settleMemo, set.key(w.plan), data)
}

// makeWheels makes the layers of some groups, of wheels that are all in the set.
func (w *work) makeWheels(ctx context.Context, set *wheelSet, missing []int, layers []Layer) error {
	if len(missing) == 0 {
		return nil
	}
	groups := w.plan.groups
	if err := w.open(ctx, set); err != nil {
		return err
	}
	// The largest first, so that no core is left with it at the end.
	slices.SortStableFunc(missing, func(a, b int) int { return cmp.Compare(w.groupSize(b), w.groupSize(a)) })
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(w.Jobs)
	for _, i := range missing {
		group.Go(func() (err error) {
			layers[i], err = w.wheelLayer(ctx, groups[i].Name, set, w.plan.wheels(groups[i]))
			return err
		})
	}
	return group.Wait()
}

func (w *work) groupSize(i int) int64 {
	var n int64
	for _, wheel := range w.plan.wheels(w.plan.groups[i]) {
		n += wheel.File.Size
	}
	return n
}

func (s *wheelSet) key(p *Plan) string {
	facts := []string{"python " + p.Target.Minor(), "prefix " + Prefix}
	for _, wheel := range s.all {
		facts = append(facts, "wheel "+wheel.File.Name+" "+wheel.File.SHA256)
	}
	for _, o := range p.owners() {
		facts = append(facts, "owner "+o.path+" "+o.name)
	}
	return inputs(WheelFormat, facts...)
}

func (w *work) wheelInputs(set *wheelSet, wheels []Wheel) string {
	facts := []string{"python " + w.plan.Target.Minor(), "prefix " + Prefix}
	for _, wheel := range wheels {
		facts = append(facts, "wheel "+wheel.File.Name+" "+wheel.File.SHA256)
		for _, path := range set.Omit[wheel.File.SHA256] {
			facts = append(facts, "omit "+path)
		}
		for _, path := range set.Cede[wheel.File.SHA256] {
			facts = append(facts, "cede "+path)
		}
	}
	return inputs(WheelFormat, facts...)
}

// open reads every wheel's directory and plans its installation.
func (w *work) open(ctx context.Context, set *wheelSet) error {
	if len(set.installed) > 0 || len(set.all) == 0 {
		return nil
	}
	var sums []string
	for _, wheel := range set.all {
		sums = append(sums, wheel.File.SHA256)
	}
	if err := w.fetch(ctx, sums, func() error { return w.Supply.Wheels(ctx, set.all) }); err != nil {
		return err
	}
	layout := install.Layout{Python: w.plan.Target.Minor(), Prefix: Prefix}
	list := make([]*install.Installed, len(set.all))
	closers := make([]func() error, len(set.all))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(w.Jobs)
	for i, wheel := range set.all {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			blob, err := w.Store.Blob(wheel.File.SHA256)
			if err != nil {
				return err
			}
			closers[i] = blob.Close
			file, err := wheelfile.Open(wheel.File.Name, blob, blob.Size())
			if err != nil {
				return err
			}
			if list[i], err = install.Plan(file, blob, layout); err != nil {
				return err
			}
			return w.holdVersion(wheel, list[i])
		})
	}
	err := group.Wait()
	for _, c := range closers {
		if c != nil {
			set.closers = append(set.closers, c)
		}
	}
	if err != nil {
		return err
	}
	return w.settle(set, list)
}

// holdVersion holds what a wheel says that it is to what the lock says. A file's name can be changed with the lock.
func (w *work) holdVersion(wheel Wheel, in *install.Installed) error {
	p := wheel.Package
	if w.SameVersion == nil || in.Name == p.Name && (w.SameVersion(in.Version, p.Version) || w.SameVersion(in.Folder, p.Version)) {
		return nil
	}
	return diag.New(diag.Mismatch, "%s is %s %s by what is in it, and the lock says %s %s", wheel.File.Name, in.Name, in.Version, p.Name, p.Version).
		Hint("a lock is not to be edited; `envpack lock --refresh` asks the index which file that version has")
}

func pathsOf(entries []layer.Entry) []string {
	paths := make([]string, len(entries))
	for i, e := range entries {
		paths[i] = e.Path
	}
	return paths
}

// difference is what a has and b, a part of it in the same order, has not.
func difference(a, b []string) []string {
	var gone []string
	j := 0
	for _, path := range a {
		if j < len(b) && b[j] == path {
			j++
			continue
		}
		gone = append(gone, path)
	}
	return gone
}

// wheelLayer writes the layer of one group. Where a RECORD turns out to be false, the layer is
// written again with a right one.
func (w *work) wheelLayer(ctx context.Context, name string, set *wheelSet, wheels []Wheel) (Layer, error) {
	in := w.wheelInputs(set, wheels)
	for attempt := 0; ; attempt++ {
		var entries []layer.Entry
		for _, wheel := range wheels {
			entries = append(entries, set.installed[wheel.File.SHA256].Entries()...)
		}
		result, draft, err := w.write(ctx, title(name, wheels), entries)
		if err != nil {
			return Layer{}, fmt.Errorf("layer %s: %w", name, set.blame(err, wheels))
		}
		amended := false
		for _, wheel := range wheels {
			amended = set.installed[wheel.File.SHA256].Amend(result.Deviations) || amended
		}
		if amended {
			draft.Discard()
		} else {
			draft.Keep(result.Digest)
		}
		if amended && attempt == 0 {
			continue
		}
		if amended {
			return Layer{}, fmt.Errorf("layer %s: the wheels' contents changed while they were read", title(name, wheels))
		}
		recipe, err := result.Recipe.MarshalBinary()
		if err != nil {
			return Layer{}, err
		}
		if err := w.Store.PutMemo(recipeMemo, result.Digest, recipe); err != nil {
			return Layer{}, err
		}
		r := remembered{Descriptor: result.Descriptor}
		for _, wheel := range wheels {
			if list := set.installed[wheel.File.SHA256].Deviations; len(list) > 0 {
				if r.Deviations == nil {
					r.Deviations = map[string][]install.Deviation{}
				}
				r.Deviations[wheel.File.Name] = list
			}
		}
		return w.remember(name, WheelFormat, in, r)
	}
}

// write writes a layer to nothing but a draft, which is not ended yet unless there is an error.
func (w *work) write(ctx context.Context, title string, entries []layer.Entry) (*layer.Result, Draft, error) {
	draft := w.Draft()
	opts := layer.Options{Output: draft, Progress: w.Task("layer "+title, contentSize(entries))}
	result, err := layer.Write(ctx, layer.WithParents(entries), opts)
	if err != nil {
		draft.Discard()
	}
	return result, draft, err
}

// noDraft is where nobody wants a layer's bytes.
type noDraft struct{}

func (noDraft) Write(p []byte) (int, error) { return len(p), nil }
func (noDraft) Keep(string)                 {}
func (noDraft) Discard()                    {}

// blame names the wheel whose file cannot be written.
func (s *wheelSet) blame(err error, wheels []Wheel) error {
	var entry *layer.EntryError
	var file *fs.PathError // a failure of the machine's, which no wheel is to blame for
	if !errors.As(err, &entry) || errors.As(err, &file) || errors.Is(err, context.Canceled) {
		return err
	}
	for _, wheel := range wheels {
		if slices.Contains(pathsOf(s.installed[wheel.File.SHA256].Entries()), entry.Path) {
			return &wheelfile.Error{Wheel: wheel.File.Name, Err: err}
		}
	}
	return err
}

// title is a layer's name, and what is in it unless the name says so.
func title(name string, wheels []Wheel) string {
	if len(wheels) == 1 && wheels[0].Package.OwnLayer {
		return name
	}
	const shown = 2
	var names []string
	for i, wheel := range wheels {
		if i == shown && len(wheels) > shown+1 { // for a last one, "…" is hardly shorter
			names = append(names, "…")
			break
		}
		names = append(names, wheel.Package.Name)
	}
	return fmt.Sprintf("%s (%s)", name, strings.Join(names, ", "))
}
