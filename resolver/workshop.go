package resolver

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/sdistfile"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/index"
)

// workshop has wheels built of what has none, while a lock is made: of its packages, and of those that their builds need.
type workshop struct {
	builder Builder // nil: what the lock has is kept, and the rest left to be built elsewhere
	m       *manifest.Manifest
	sources Sources
	options Options // of the lock
	bases   *bases  // of the lock

	mu    sync.Mutex
	aside bool // only what the lock has as sources is taken so

	made  map[string]*made           // by platform and source
	waits map[string]map[string]bool // by a source that is being built, those that its builds wait for
	told  []string                   // what there is to tell, in no order

	shopping sync.Mutex
	lacked   map[string][]lockfile.Addition // by platform and source, packages of the distribution that its builds turned out to need; under mu
	debs     map[string][]lockfile.Deb      // by platform and names, packages of the distribution with what they need
}

// made is what is known of a source for one platform.
type made struct {
	mu       sync.Mutex // held while it is built
	metadata *index.Metadata
	wheel    *lockfile.File // that was built; its Build is the ID of the one below
	build    lockfile.Build
	inner    []lockfile.Build // in which packages of that were built
	kept     bool             // the lock had it
	looked   bool             // for it in the lock
}

// buildsAtOnce is for how many sources requirements of their builds are resolved at a time. The builder has turns of its own.
const buildsAtOnce = 3

// newWorkshop is nil if only wheels are taken.
func newWorkshop(m *manifest.Manifest, src Sources, o Options, b *bases) *workshop {
	if o.NoBuild || src.Builder == nil && !o.DeferBuilds {
		return nil
	}
	builder := src.Builder
	if o.DeferBuilds {
		builder = nil
	}
	return &workshop{builder: builder, m: m, sources: src, options: o, bases: b, made: map[string]*made{}, waits: map[string]map[string]bool{}, debs: map[string][]lockfile.Deb{}, lacked: map[string][]lockfile.Addition{}}
}

// building is a source that is being built, and what it is built for: a build requirement may have to be built itself.
type building struct {
	key, name string
	by        *building
}

type buildingKey struct{}

// isSource tells whether the file of a candidate is no wheel: a source distribution, or a folder or repository, which has none.
func isSource(c *candidate) bool { return !strings.HasSuffix(c.file.Filename, ".whl") }

// sourceOf is a candidate that is a source, as a builder takes it.
func (p *provider) sourceOf(ctx context.Context, name string, r *release, c *candidate) (lockfile.Package, error) {
	from := r.origin()
	from.Name, from.Version = name, c.version.String()
	if c.file.Filename == "" {
		return from, nil
	}
	f, err := (&solved{target: p.target, provider: p}).fileOf(ctx, name, r, c)
	if err != nil {
		return from, err
	}
	from.Sources = []lockfile.Source{{Name: f.Name, SHA256: f.SHA256, Size: f.Size, Hashed: f.Hashed, Uploaded: f.Uploaded}}
	return from, nil
}

// sourceKey tells sources apart by what they are.
func sourceKey(p lockfile.Package) string {
	key := p.Name + "\x00" + p.Tree + p.Commit + "\x00" + p.Subdirectory
	for _, s := range p.Sources {
		key += "\x00" + s.SHA256
	}
	return key
}

// of is what is known of a source.
func (w *workshop) of(t *target, p lockfile.Package) *made {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := t.Platform + "\x00" + sourceKey(p)
	m := w.made[key]
	if m == nil {
		m = &made{}
		w.made[key] = m
	}
	return m
}

// enter takes what is known of a source to build it, which leave gives back. Errors: it is being built already, for the sake of itself.
func (w *workshop) enter(ctx context.Context, t *target, p lockfile.Package) (within context.Context, m *made, leave func(), err error) {
	by, _ := ctx.Value(buildingKey{}).(*building)
	own := &building{key: t.Platform + "\x00" + sourceKey(p), name: strings.TrimSpace(p.Name + " " + p.Version), by: by}
	m = w.of(t, p)
	if by != nil {
		if w.wait(by.key, own.key, true) {
			return nil, nil, nil, diag.New(diag.NoAnswer, "%s is needed to build itself: building it takes %s", own.name, by.name).
				Hint("a version that has a wheel ends the circle: it may be bounded in [build.%s]", p.Name)
		}
	}
	m.mu.Lock()
	leave = func() {
		m.mu.Unlock()
		if by != nil {
			w.wait(by.key, own.key, false)
		}
	}
	return context.WithValue(ctx, buildingKey{}, own), m, leave, nil
}

// wait notes that the build of a source waits for another, or does so no more. circle tells that it would wait for itself.
func (w *workshop) wait(who, what string, on bool) (circle bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !on {
		delete(w.waits[who], what)
		return false
	}
	seen := map[string]bool{}
	var leads func(string) bool
	leads = func(at string) bool {
		if at == who {
			return true
		}
		if seen[at] {
			return false
		}
		seen[at] = true
		for next := range w.waits[at] {
			if leads(next) {
				return true
			}
		}
		return false
	}
	if leads(what) {
		return true
	}
	if w.waits[who] == nil {
		w.waits[who] = map[string]bool{}
	}
	w.waits[who][what] = true
	return false
}

// metadata is that of a source: of the wheel that was built of it, else what it says of itself, else what its build says. It is
// called for what the solver has chosen, and not ahead of it.
func (w *workshop) metadata(ctx context.Context, p *provider, name string, r *release, c *candidate) (*index.Metadata, error) {
	source, err := p.sourceOf(ctx, name, r, c)
	if err != nil {
		return nil, err
	}
	return p.metadataBy(r, c, func() (*index.Metadata, error) {
		ctx, m, leave, err := w.enter(ctx, p.target, source)
		if err != nil {
			return nil, err
		}
		defer leave()
		if m.metadata == nil {
			if err := w.keep(ctx, p, source, m); err != nil {
				return nil, err
			}
		}
		if m.metadata != nil {
			return m.metadata, nil
		}
		own, err := p.ownMetadata(ctx, r, c.file)
		if dynamic := (*sdistfile.DynamicError)(nil); !errors.As(err, &dynamic) {
			return own, err
		}
		if p.earlier.trial && w.builder != nil {
			return nil, err
		}
		if w.builder == nil {
			// What another version needed is nearer to it than nothing.
			for _, version := range []string{source.Version, ""} {
				if was := p.earlier.locked(name, version, p.target.Platform); was != nil {
					return metadataOfLocked(was, p.target.Platform), nil
				}
			}
			return nil, err
		}
		return w.ask(ctx, p, source, m)
	})
}

// ask has a build say what a source needs.
func (w *workshop) ask(ctx context.Context, p *provider, source lockfile.Package, m *made) (*index.Metadata, error) {
	j := &job{workshop: w, provider: p, source: source, hook: MetadataHook}
	built, err := j.run(ctx)
	if err != nil {
		return nil, p.notBuilt(source, err)
	}
	said := *built.Metadata
	said.Assumed = byHook
	m.metadata = &said
	return m.metadata, nil
}

// byHook is where metadata are from that a build's hook gave: the wheel counts.
const byHook = "build"

// progress tells what is under way.
func (w *workshop) progress(step string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.options.Progress(step)
}

// tell notes texts for people; builds end in any order.
func (w *workshop) tell(texts ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, texts...)
}

// report tells what was noted.
func (w *workshop) report() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.told)
	for _, text := range slices.Compact(w.told) {
		if text != "" {
			w.options.Tell(text)
		}
	}
	w.told = nil
}
