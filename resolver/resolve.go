package resolver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pubgrub"
)

// Sources are what a lock is made from besides the manifest.
type Sources struct {
	Packages Packages
	Base     BaseSource
	Scan     Scanner // nil: nothing is read of wheels
	// References follows addresses; nil: a manifest with one cannot be locked.
	References References
	// Data finds out what data files have; nil: a manifest with one cannot be locked.
	Data DataSource
	// Builder makes wheels of what has none; nil: only wheels are taken.
	Builder Builder
}

// Options change how a lock is made.
type Options struct {
	Previous *lockfile.Lock // its versions are preferred; nil for none
	Upgrade  bool           // prefer nothing of Previous
	// UpgradeBase prefers nothing of Previous among the distribution's packages. The distribution stays.
	UpgradeBase bool
	// Repair looks for changes of the manifest that together give an answer where it has none: the error is then an
	// [Unanswered] one.
	Repair bool
	// Failed are builds that failed when a manifest was repaired before: nothing is built of these again. nil: none.
	Failed *FailedBuilds
	// NoBuild takes wheels alone.
	NoBuild bool
	// DeferBuilds takes what would be built, and records it as it is: another machine builds it.
	DeferBuilds bool
	// AsIs are projects, normalised, of which sources are taken without anything else.
	AsIs []string
	// NoScan does not read the wheels, for the libraries that they need and their code for GPUs: what Previous has found stays.
	NoScan     bool
	KeepData   bool     // keep what Previous has of data files even if Upgrade is set
	KeepDistro bool     // keep Previous' distribution even if Upgrade is set
	Packages   []string // projects for which nothing of Previous is preferred, normalised
	// Require are bounds for this lock alone, in the manner of constraints. Their position is no place in a file but
	// what asks for them, as a flag does.
	Require  []manifest.Requirement
	Now      time.Time
	Progress func(step string) // told what is under way; may be nil
	// Warn is told what is not wrong and should be known: a package that is archived or deprecated, a yanked version,
	// an extra that a package does not have, files that could not be understood, an as-of that is still to come. Each once. May be nil.
	Warn func(text string)
	// Tell is told what was decided on the way and why, which is neither wrong nor in the lock. Each once. May be nil.
	Tell func(text string)

	trial       bool     // a change is tried: nothing is built
	repairing   bool     // so, and what only a build tells is thought to need nothing; the lock that is made then builds it
	cudaImage   string   // the image that the base has to be, where the manifest names none
	cudaInstead []string // what would do without it, for people
	workshop    *workshop
}

// Resolve makes the lock for a manifest. Errors are diag errors: NoAnswer with an explanation when
// nothing satisfies the manifest, Manifest for what it asks wrongly, Fetch and Mismatch from the
// sources.
func Resolve(ctx context.Context, m *manifest.Manifest, src Sources, o Options) (*lockfile.Lock, error) {
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	o.Tell = once(o.Tell)
	o.cudaImage = keptImage(m, o)
	lock, err := attempt(ctx, m, src, o)
	if other := (*standing)(nil); errors.As(err, &other) && o.cudaImage == "" {
		warnUnkept(other.image, o.Warn)
		o.cudaImage, o.cudaInstead = other.image.Reference, other.instead
		lock, err = attempt(ctx, m, src, o)
	}
	return lock, err
}

// once tells nothing twice: a second attempt comes by what the first one did. nil tells nobody.
func once(tell func(string)) func(string) {
	told := map[string]bool{}
	return func(text string) {
		if tell != nil && !told[text] {
			told[text] = true
			tell(text)
		}
	}
}

// attempt makes the lock on the base that the manifest and the options say. Errors: *standing too.
func attempt(ctx context.Context, m *manifest.Manifest, src Sources, o Options) (*lockfile.Lock, error) {
	lock := newLock(m, o.Now)
	if o.Previous != nil && !o.Upgrade {
		keepAsOf(lock, m, o.Previous)
	}
	policies := newPolicies(m, lock, o)
	o.Progress("choosing the base")
	bases := newBases(m, src.Base, lock, o)
	targets, err := bases.base(ctx)
	if err != nil {
		return nil, err
	}
	bounded := *m
	bounded.Constraints = slices.Concat(m.Constraints, o.Require)
	if src.References != nil {
		src.References = &onceRead{References: src.References}
	}
	o.workshop = newWorkshop(&bounded, src, o, bases)
	ask := &question{m: &bounded, targets: targets, sources: src, policies: policies, options: o}
	done, err := ask.built(ctx, lock)
	if err != nil {
		return nil, ask.explain(ctx, err)
	}
	if err := learnAll(ctx, done, o.Progress); err != nil {
		return nil, err
	}
	if err := merge(ctx, lock, m, done); err != nil {
		return nil, err
	}
	if err := o.workshop.record(ctx, lock, done); err != nil {
		return nil, err
	}
	if err := ask.moved(ctx, lock, done); err != nil {
		return nil, err
	}
	keepTimes(lock, o.Previous)
	if err := lockData(ctx, lock, m, src.Data, o); err != nil {
		return nil, err
	}
	if err := noteAssumed(ctx, lock, done, o.Warn); err != nil {
		return nil, err
	}
	if err := policies.record(ctx, lock, done, o.Warn); err != nil {
		return nil, err
	}
	bases.wheels = &wheelRemedies{question: ask, done: done}
	if err := bases.cudaLibraries(ctx, targets, src.Scan); err != nil {
		return nil, err
	}
	if err := bases.addLibraries(ctx, targets, src.Scan); err != nil {
		return nil, err
	}
	if err := bases.addKernels(ctx, targets, src.Scan); err != nil {
		return nil, err
	}
	if err := bases.refuseDrivers(); err != nil {
		return nil, err
	}
	if err := bases.judgeGPU(ctx, targets, src.Scan); err != nil {
		return nil, err
	}
	tellUnwanted(m, lock, o.Previous, o.Tell)
	warnMixed(m, lock, o.Warn)
	warn(ctx, done, policies, o.Now, o.Warn)
	warnUnhashed(done, o.Warn)
	lockfile.ChooseLayers(lock, o.Previous)
	lock.Normalize()
	if o.Previous != nil {
		lockfile.KeepSeals(o.Previous, lock)
	}
	if err := lock.Validate(); err != nil {
		return nil, fmt.Errorf("the lock that was made is wrong, which is a mistake in envpack: %w", err)
	}
	return lock, nil
}

// Image is what the manifest says of the image's configuration, as a lock has it, with the variables that follow from the
// lock's [gpu], which may be nil.
func Image(m *manifest.Manifest, gpu *lockfile.GPU) lockfile.Image {
	env := m.Image.Env
	if ours := gpuEnv(gpu); ours != nil {
		maps.Copy(ours, env)
		env = ours
	}
	return lockfile.Image{
		Command: m.Image.Command, Env: env, Ports: m.Image.Ports, Volumes: m.Image.Volumes,
		User: m.Image.User, Workdir: m.Image.Workdir, Labels: m.Image.Labels, Include: m.Image.Include,
	}
}

// newLock has what the manifest alone decides.
func newLock(m *manifest.Manifest, now time.Time) *lockfile.Lock {
	lock := &lockfile.Lock{
		Project: lockfile.Project{Name: m.Name, Manifest: m.Hash(), Groups: m.Selection.Groups, WithoutGroups: m.Selection.Without, AsOf: m.AsOf.Instant(now)},
		Image:   Image(m, nil),
		GPU:     gpuOf(m),
	}
	for _, i := range m.Indexes {
		x := lockfile.Index{Name: i.Name, URL: i.URL, Path: i.Path}
		if i.Flat {
			x.Format = lockfile.FlatIndex
		}
		lock.Indexes = append(lock.Indexes, x)
	}
	return lock
}

// keepAsOf keeps the instant that "7 days" meant when the lock was made, as long as the manifest
// says the same: locking again must not move it.
func keepAsOf(lock *lockfile.Lock, m *manifest.Manifest, old *lockfile.Lock) {
	if !m.AsOf.IsZero() && !old.Project.AsOf.IsZero() && old.Project.Manifest == lock.Project.Manifest {
		lock.Project.AsOf = old.Project.AsOf
	}
}

// solved is the answer for one target.
type solved struct {
	target   *target
	provider *provider
	versions map[string]pep440.Version
	extras   map[string][]string // by project, sorted
	cuda     int                 // the major version that the packages are for; 0: none, or without [gpu]
	edges    map[string][]string // by project, what it needs; nil before something is built
}

func solve(ctx context.Context, m *manifest.Manifest, t *target, src Sources, policies *policies, prefer preferences, o Options) (*solved, error) {
	catalogue, err := newCatalogue(t, src.Packages, policies)
	if err != nil {
		return nil, err
	}
	catalogue.asIs, catalogue.noBinary, catalogue.workshop = o.AsIs, m.NoBinary, o.workshop
	catalogue.sourced = sourcedIn(o.Previous)
	catalogue.sources, catalogue.noBuild = o.workshop != nil && !o.workshop.aside || o.DeferBuilds, o.NoBuild
	catalogue.references, catalogue.earlier = src.References, o
	if err := catalogue.hold(m); err != nil {
		return nil, err
	}
	if err := catalogue.follow(ctx, m); err != nil {
		return nil, err
	}
	provider, err := newProvider(catalogue, m, prefer)
	if err != nil {
		return nil, err
	}
	solving, stop := context.WithCancel(ctx)
	solution, err := pubgrub.Solve(solving, pubgrub.Provider[pkg, pep440.Version, pep440.Set](provider), root, rootVersion)
	stop() // what was read ahead in vain
	provider.ahead.stop()
	if e := (*noSolution)(nil); errors.As(err, &e) {
		return nil, &unsolved{t, provider, e}
	}
	if err != nil {
		return nil, diag.Wrap(err, 0, "resolving packages for %s", t.Platform)
	}
	s := &solved{target: t, provider: provider, versions: map[string]pep440.Version{}, extras: map[string][]string{}}
	for _, chosen := range solution.Selected {
		switch q := chosen.Package; {
		case q == root:
		case q == toolkit:
			s.cuda = int(chosen.Version.Release()[0])
		case q.extra == "":
			s.versions[q.name] = chosen.Version
		default:
			s.extras[q.name] = append(s.extras[q.name], q.extra)
		}
	}
	for name := range s.extras {
		sort.Strings(s.extras[name])
	}
	return s, nil
}
