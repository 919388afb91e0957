package imagegen

import (
	"context"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/imagegen/install"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/lockfile"
)

// Supply brings files that the lock names into the store, each checked against its hash.
type Supply interface {
	Wheels(ctx context.Context, wheels []Wheel) error
	Debs(ctx context.Context, debs []lockfile.Deb) error
	// Image opens the image that another stands on, by its digest.
	Image(ctx context.Context, reference string, image lockfile.BaseImage) (v1.Image, error)
	// AptSources is the sources.list for a distribution's release; "" for none.
	AptSources(distro, codename, architecture string) string
	FetchInterpreter(ctx context.Context, i lockfile.Interpreter) error
	// Data brings files that the manifest names beside packages.
	Data(ctx context.Context, files []lockfile.DataFile) error
}

// Builder makes images. What it learns about a layer it keeps in the store, so that no layer is
// made twice.
type Builder struct {
	Store  *store.Store
	Supply Supply
	Jobs   int // layers made at once; 0: one a processor
	// Elsewhere may have layers that the lock's seal names, which then are not made, nor their files asked for. May be nil.
	Elsewhere Elsewhere
	// SameVersion tells whether two texts are one version: a wheel's own must be that of the lock. May be nil, and then none is compared.
	SameVersion func(a, b string) bool
	// Task is told of work that takes a while: a name and the bytes to come. What it returns is
	// called with bytes as they are done, from several goroutines. May be nil.
	Task func(name string, total int64) func(n int64)
	// Draft gives a place for the bytes of a layer that is made of ranges of wheels and not kept whole. May be nil.
	Draft func() Draft
}

// Draft takes the compressed bytes of a layer while it is made, for an output that would have to put them together again.
// It ends with Keep, which says their digest, or with Discard.
type Draft interface {
	io.Writer
	Keep(digest string)
	Discard()
}

// Image is an image with what there is to say of it.
type Image struct {
	v1.Image
	Platform    string
	Digest      string // of the manifest
	Environment string // the manifest digest that the image has without project files
	Project     string // hash of the project's files; "" for none
	Layers      []Layer
	Deviations  map[string][]install.Deviation // by wheel: where its RECORD is not right
	Unread      map[string][]string            // by package: what its scripts would do and nobody does in their place
	Newer       map[string]string              // by wheel: a Wheel-Version of which its specification asks to warn
	Idle        []string                       // choices of kind owner that decide nothing, by name

	noted []lockfile.Choice // as in [work.noted]
}

// Build makes the image of a plan. Layers that the store knows are not made again and their
// files not asked for. The layers' bytes are read when the image is published, for which ctx must
// not have ended. It may be called from several goroutines.
//
// Of layers that are [Layer.Elsewhere] it is not known whether their files are what they should be: what there was to
// tell of these, told the build that sealed them.
//
// Errors: those of the supply, the store and Elsewhere; *install.ContestedError, in a diag error, for two wheels
// with different files at one path; a diag error for two packages of the base with one path;
// *wheelfile.Error and *layer.EntryError for files that are not what they say, which may come from
// damage in the store (see Repair).
func (b *Builder) Build(ctx context.Context, p *Plan) (*Image, error) {
	w := b.work(ctx, p)
	if p.parent != nil {
		if err := w.openParent(ctx); err != nil {
			return nil, err
		}
	}
	if err := w.believe(ctx); err != nil {
		return nil, err
	}
	if p.parent != nil && w.sealed == nil && w.Elsewhere != nil && p.seal != nil {
		// With what is found in the image below, the seal may be of this lock after all.
		if err := w.readParent(ctx); err != nil {
			return nil, err
		}
		if err := w.believe(ctx); err != nil {
			return nil, err
		}
	}
	group, both := errgroup.WithContext(ctx)
	var below []Layer
	group.Go(func() (err error) {
		below, err = w.below(both)
		return err
	})
	var wheels []Layer
	group.Go(func() (err error) {
		wheels, err = w.wheelLayers(both)
		return err
	})
	var data []Layer
	group.Go(func() (err error) {
		data, err = w.dataLayers(both)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := p.checkDataBelow(); err != nil {
		return nil, err
	}
	if err := w.checkDataOn(ctx, below); err != nil {
		return nil, err
	}
	env, err := w.environment(ctx)
	if err != nil {
		return nil, err
	}
	lock, err := w.projection(ctx)
	if err != nil {
		return nil, err
	}
	front := slices.Concat(below, []Layer{env}, wheels, data)
	project, err := w.project(ctx)
	if err != nil {
		return nil, err
	}
	return w.finish(front, project, lock)
}

// Unread makes the layers of the distribution's packages, which a later Build finds made, and says what their scripts
// would do and nobody does in their place, by package. Errors: those of Build.
func (b *Builder) Unread(ctx context.Context, p *Plan) (map[string][]string, error) {
	if p.parent != nil || p.Lock.Base.Distro == lockfile.NoDistro {
		return nil, nil
	}
	w := b.work(ctx, p)
	_, err := w.rootLayers(ctx)
	return w.unread, err
}

// Together finds out whether the wheels of a plan can be installed together, as a build would, and remembers the answer for
// it. It asks for no file: where the store lacks a wheel, it says nothing. Errors: as those of Build about wheels.
func (b *Builder) Together(ctx context.Context, p *Plan) error {
	w := b.work(ctx, p)
	set := w.everyWheel()
	defer set.close()
	for _, wheel := range set.all {
		if !b.Store.Has(wheel.File.SHA256) {
			return nil
		}
	}
	if w.recall(set) {
		return nil
	}
	return w.settleAll(ctx, set)
}

func (b *Builder) work(ctx context.Context, p *Plan) *work {
	own := *b
	if own.Jobs <= 0 {
		own.Jobs = runtime.GOMAXPROCS(0)
	}
	if own.Task == nil {
		own.Task = func(string, int64) func(int64) { return func(int64) {} }
	}
	if own.Draft == nil {
		own.Draft = func() Draft { return noDraft{} }
	}
	return &work{Builder: &own, plan: p, reading: ctx}
}

// finish puts the image together, with the project's layer and without.
func (w *work) finish(front, project []Layer, lock Layer) (*Image, error) {
	bare, err := assemble(w.plan, append(append([]Layer(nil), front...), lock))
	if err != nil {
		return nil, err
	}
	whole := bare
	layers := append(append(append([]Layer(nil), front...), project...), lock)
	if err := w.checkLayers(len(layers)); err != nil {
		return nil, err
	}
	if len(project) > 0 {
		if whole, err = assemble(w.plan, layers); err != nil {
			return nil, err
		}
	}
	img, err := whole.image()
	if err != nil {
		return nil, fmt.Errorf("putting the image together: %w", err)
	}
	image := &Image{
		Image: img, Platform: w.plan.Target.Platform, Digest: whole.digest(), Environment: bare.digest(), Layers: layers,
		Deviations: w.deviations, Unread: w.unread, Newer: w.newer, Idle: w.idle, noted: w.noted(layers),
	}
	if w.plan.Project != nil {
		image.Project = w.plan.Project.Hash()
	}
	return image, nil
}

// Seal is what the lock keeps of the image. That of an image that was made without a project has no digest
// beside the environment's, which is its own.
func (i *Image) Seal() lockfile.Seal {
	s := lockfile.Seal{Platform: i.Platform, Environment: i.Environment}
	if i.Project != "" {
		s.Project, s.Image = i.Project, i.Digest
	}
	for _, l := range i.Layers {
		s.Layers = append(s.Layers, lockfile.SealedLayer{
			Name: l.Name, Kind: l.Kind, Inputs: l.Inputs, Digest: l.Digest, DiffID: l.DiffID, Size: l.Size,
		})
	}
	return s
}

// Choices are the facts about RECORD files that the lock keeps beside the seal, those included that it has of wheels that were
// not read.
func (i *Image) Choices() []lockfile.Choice {
	all := slices.Clone(i.noted)
	for wheel, list := range i.Deviations {
		kinds := map[string]int{}
		for _, d := range list {
			kinds[string(d.Kind)]++
		}
		for _, kind := range slices.Sorted(maps.Keys(kinds)) {
			all = append(all, lockfile.Choice{
				Kind: lockfile.RecordChoice, Name: wheel, Value: kind, Target: i.Platform,
				Reason: fmt.Sprintf("RECORD is not what the wheel holds in %s; it was rewritten", places(kinds[kind])),
			})
		}
	}
	slices.SortStableFunc(all, func(a, b lockfile.Choice) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func places(n int) string {
	if n == 1 {
		return "1 place"
	}
	return fmt.Sprintf("%d places", n)
}

// Repair re-hashes the files in the store that the plan uses and removes those that are damaged, so
// that building again fetches them. It returns how many there were.
func (b *Builder) Repair(ctx context.Context, p *Plan) (int, error) {
	var sums []string
	if p.interpreter != nil {
		sums = append(sums, p.interpreter.SHA256)
	}
	for _, d := range slices.Concat(p.debs, p.system) {
		sums = append(sums, d.SHA256)
	}
	for _, g := range p.groups {
		for _, w := range p.wheels(g) {
			sums = append(sums, w.File.SHA256)
		}
	}
	for _, f := range p.data {
		sums = append(sums, f.SHA256)
	}
	if p.parent != nil {
		sums = append(sums, hexOf(p.parent.Digest), hexOf(p.parent.Config))
		for _, l := range p.parent.Layers {
			sums = append(sums, hexOf(l.Digest))
		}
	}
	damaged := 0
	for _, sum := range append(sums, b.keptBlobs(p)...) {
		if err := ctx.Err(); err != nil {
			return damaged, err
		}
		if b.Store.Has(sum) && b.Store.Verify(sum) != nil {
			damaged++
		}
	}
	return damaged, nil
}
