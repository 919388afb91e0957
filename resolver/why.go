package resolver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// Why is what keeps a package of a lock at its version on one platform.
type Why struct {
	Platform string  `json:"platform"`
	Locked   string  `json:"locked"`
	Newest   string  `json:"newest"` // that the index has, whether it can be used or not
	Bounds   []Bound `json:"bounds"` // what the manifest and the lock's packages ask of its version
	// Takes is the version that locking again takes if this package alone may move, and Moves what moves with it.
	Takes string  `json:"takes"`
	Moves []Move  `json:"moves,omitempty"`
	Newer []Newer `json:"newer"` // versions above the locked one, newest first
	// Gone tells that the index does not have the locked version any more.
	Gone bool `json:"gone,omitempty"`
}

// Bound is a requirement on a package.
type Bound struct {
	By    string        `json:"by"`    // "scipy 1.17.1"; "" for the manifest, and the project's name where a lock says it that is out of date
	Text  string        `json:"text"`  // "numpy<2.7,>=1.26"
	Kind  string        `json:"kind"`  // "requirement", "constraint", "override", or "metadata": what the manifest has a package ask
	Where string        `json:"where"` // file:line:column in the manifest; "" for what a package says itself
	Pos   diag.Position `json:"-"`
	set   pep440.Set
}

// Move is a package whose version changes.
type Move struct {
	Name string `json:"name"`
	Old  string `json:"old"` // "": it was not there
	New  string `json:"new"` // "": it is there no more
}

// The kinds of Newer, besides those of what makes a version unusable.
const (
	KindPreference = "preference" // nothing but the lock's preference for what it has
	KindMoves      = "moves"      // others would have to move
	KindWithout    = "without"    // others would have to move to where nothing needs the package
	KindConflict   = "conflict"   // there is no solution with it
	KindPrerelease = "pre-release"
	KindUntried    = "untried"
)

// Newer are versions that are not taken for one reason.
type Newer struct {
	Versions []string `json:"versions"` // newest first
	Kind     string   `json:"kind"`
	Reason   string   `json:"reason"`
	Bounds   []Bound  `json:"bounds,omitempty"` // those of the lock that exclude the versions
	// Proof is why there is no solution with the newest of the versions: sentences, one a line.
	Proof string `json:"proof,omitempty"`
	// Takes is the version that can be had with what Moves says.
	Takes string `json:"takes,omitempty"`
	Moves []Move `json:"moves,omitempty"`
}

// ExplainVersion says for each platform that installs a package why it has its version, and what keeps
// every newer one out. That a version can be taken, or cannot, is found out by solving with it. The lock must be
// of the manifest. Errors are those of the index.
func ExplainVersion(ctx context.Context, m *manifest.Manifest, lock *lockfile.Lock, name string, src Sources) ([]*Why, error) {
	if src.References != nil {
		src.References = &onceRead{References: src.References}
	}
	src.Packages = asLocked(src.Packages, lock)
	x := &examiner{m: m, lock: lock, name: name, src: src}
	free, err := x.free(ctx)
	if err != nil {
		return nil, err
	}
	var all []*Why
	for i, t := range lock.Targets {
		locked := installedOn(lock, name, t.Platform)
		if locked == nil {
			continue
		}
		w, err := x.examine(ctx, free[i], locked)
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

func installedOn(lock *lockfile.Lock, name, platform string) *lockfile.Package {
	for i := range lock.Packages {
		if p := &lock.Packages[i]; p.Name == name && slices.Contains(targetsOf(p), platform) {
			return p
		}
	}
	return nil
}

type examiner struct {
	m    *manifest.Manifest
	lock *lockfile.Lock
	name string
	src  Sources
}

// options are those of `lock --upgrade-package NAME`.
func (x *examiner) options() Options {
	keeper := Options{Previous: x.lock}
	o := Options{Previous: x.lock, Packages: []string{x.name}, AsIs: slices.Sorted(maps.Keys(sourcedIn(x.lock)))}
	o.workshop = &workshop{m: x.m, options: keeper, bases: &bases{lock: x.lock}, made: map[string]*made{}, waits: map[string]map[string]bool{}, aside: true}
	return o
}

// free solves every target as locking again does that lets the package move, in the same order: targets prefer each
// other's versions.
func (x *examiner) free(ctx context.Context) ([]*solved, error) {
	var done []*solved
	for _, locked := range x.lock.Targets {
		s, err := x.solve(ctx, x.m, locked, done)
		if u := (*unsolved)(nil); errors.As(err, &u) {
			return nil, u.explain(ctx)
		}
		if err != nil {
			return nil, err
		}
		done = append(done, s)
	}
	return done, nil
}

// supposition is the place of a bound that nobody has asked for, tried to find out what it would come to.
var supposition = diag.Position{File: "supposed"}

// with solves as locking again does that bounds the package, every target in the lock's order. It gives the answer for one of
// them, in which the package may be no more; or the proof that there is no answer for one of the targets, which can be
// another.
func (x *examiner) with(ctx context.Context, platform, spec string) (*solved, string, error) {
	r, err := pep508.Parse(x.name + spec)
	if err != nil {
		return nil, "", fmt.Errorf("%s%s: %w", x.name, spec, err)
	}
	bounded := *x.m
	bounded.Constraints = append(slices.Clone(x.m.Constraints), manifest.Requirement{Requirement: r, Pos: supposition})
	var done []*solved
	var wanted *solved
	for _, locked := range x.lock.Targets {
		s, err := x.solve(ctx, &bounded, locked, done)
		if u := (*unsolved)(nil); errors.As(err, &u) {
			_, proof, _ := strings.Cut(u.explain(ctx).What, "\n")
			if proof = dedent(proof); locked.Platform != platform {
				proof = "On " + locked.Platform + ":\n" + proof
			}
			return nil, proof, nil
		}
		if err != nil {
			return nil, "", err
		}
		if done = append(done, s); locked.Platform == platform {
			wanted = s
		}
	}
	return wanted, "", nil
}

func (x *examiner) solve(ctx context.Context, m *manifest.Manifest, on lockfile.Target, done []*solved) (*solved, error) {
	t, err := newTarget(on)
	if err != nil {
		return nil, err
	}
	o := x.options()
	return solve(ctx, m, t, x.src, newPolicies(m, x.lock, o), newPreferences(o, t, done), o)
}

// dedent takes the indentation away that all lines have.
func dedent(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	least := len(text)
	for _, line := range lines {
		least = min(least, len(line)-len(strings.TrimLeft(line, " ")))
	}
	for i := range lines {
		lines[i] = lines[i][least:]
	}
	return strings.Join(lines, "\n")
}

func (x *examiner) examine(ctx context.Context, free *solved, locked *lockfile.Package) (*Why, error) {
	t := free.target
	w := &Why{Platform: t.Platform, Locked: locked.Version, Newest: locked.Version, Takes: locked.Version, Newer: []Newer{}}
	var err error
	if w.Bounds, err = x.bounds(ctx, free); err != nil {
		return nil, err
	}
	if locked.Direct() {
		return w, nil // no index was asked
	}
	from, err := pep440.Parse(locked.Version)
	if err != nil {
		return nil, err
	}
	r, err := free.provider.release(ctx, x.name)
	if err != nil {
		return nil, err
	}
	w.Gone = r.at(from) == nil
	if len(r.candidates) > 0 && from.Less(r.candidates[0].version) {
		w.Newest = r.candidates[0].version.String()
	}
	takes := free.versions[x.name]
	if takes.IsZero() {
		w.Takes = ""
	} else if !takes.Equal(from) {
		w.Takes = takes.String()
	}
	if w.Takes != w.Locked {
		w.Moves = x.moves(free)
	}
	g := &grouping{}
	var open []pep440.Version
	for i, c := range r.candidates {
		if !from.Less(c.version) {
			break
		}
		switch why := free.provider.unusable(r, c, x.name); {
		case why.kind != usable:
			n := x.unusable(free.provider, r, i, why)
			n.Reason = strings.TrimSuffix(n.Reason, " (as-of)") + x.decidedBy(why, free.target)
			g.add("unusable "+fmt.Sprint(why), c.version, n)
		case free.provider.late(c, x.name) && !takes.Equal(c.version):
			g.add("pre-release", c.version, Newer{Kind: KindPrerelease,
				Reason: "a pre-release, which is taken only where no final release will do ([resolver] prereleases)"})
		case !takes.IsZero() && !takes.Less(c.version):
			g.add("preference", c.version, Newer{Kind: KindPreference, Reason: "the lock keeps " + w.Locked})
		default:
			open = append(open, c.version)
		}
	}
	if err := free.provider.failed(); err != nil { // what could not be read counted as having no files
		return nil, err
	}
	if err := x.conflicts(ctx, w, open, g); err != nil {
		return nil, err
	}
	w.Newer = g.list()
	return w, nil
}

// unusableKinds are the names of reasons, for programs.
var unusableKinds = map[reasonKind]string{
	noFiles: "files", noUploadTime: "as-of", afterAsOf: "as-of", needsPython: "python", onlySdist: "source", onlySource: "source", onlyWheels: "wheels", noWheel: "wheel",
	undated: "as-of", onlyVariants: "variant", otherHash: "hash", wasYanked: "yanked", isPrerelease: KindPrerelease, badMetadata: "metadata",
	needsAddress: "address", badRequirement: "metadata", quarantined: "quarantined", noGPUCode: "cuda", noExtra: "extra", needsDriver: "driver", noKernels: "gpu", otherCUDA: "cuda",
}

// unusable says why a version cannot be used whatever else is chosen.
func (x *examiner) unusable(p *provider, r *release, i int, why reason) Newer {
	c := r.candidates[i]
	versions := x.name + " " + c.version.String()
	text := why.clause(x.name, versions, false)
	if why.kind == noWheel {
		text = p.noWheelClause(x.name, versions, false, r, c)
	}
	kind, ok := unusableKinds[why.kind]
	if !ok {
		kind = "unusable"
	}
	return Newer{Kind: kind, Reason: strings.TrimPrefix(text, versions+" ")}
}

// decidedBy says in brackets what of the manifest decides that a version cannot be used, "" if nothing does.
func (x *examiner) decidedBy(why reason, t *target) string {
	var what []string
	var at diag.Position
	switch why.kind {
	case afterAsOf:
		what, at = []string{"as-of"}, x.m.AsOfPlace(x.name)
	case needsPython:
		what, at = []string{"the target has " + t.Python}, x.m.Python.Pos
	}
	if !at.IsZero() {
		what = append(what, at.String())
	}
	if len(what) == 0 {
		return ""
	}
	return " (" + strings.Join(what, ", ") + ")"
}

// moves are what changes from the lock to a solution on its platform, without the package itself.
func (x *examiner) moves(s *solved) []Move {
	var list []Move
	seen := map[string]bool{x.name: true}
	for _, p := range x.lock.Packages {
		if seen[p.Name] || !slices.Contains(targetsOf(&p), s.target.Platform) {
			continue
		}
		seen[p.Name] = true
		switch v, there := s.versions[p.Name]; {
		case !there:
			list = append(list, Move{p.Name, p.Version, ""})
		case v.String() != p.Version:
			list = append(list, Move{p.Name, p.Version, v.String()})
		}
	}
	for name, v := range s.versions {
		if !seen[name] {
			list = append(list, Move{name, "", v.String()})
		}
	}
	slices.SortFunc(list, func(a, b Move) int { return strings.Compare(a.Name, b.Name) })
	return list
}
