package resolver

import (
	"context"
	"errors"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/tags"
)

// Packages is where projects and the metadata of their files come from: package index. Both calls
// may come from many goroutines and should remember their answers.
type Packages interface {
	// Project gives the files of a project; index.ErrNoProject if no index has it.
	Project(ctx context.Context, name string) (*index.Project, error)
	Metadata(ctx context.Context, p *index.Project, f index.File) (*index.Metadata, error)
}

// candidate is one version of a project for one target. Which of its files is taken is found out
// when somebody asks, since most versions of most projects are never looked at.
type candidate struct {
	version pep440.Version
	at      int // its place among the versions of the project

	once sync.Once
	*settled
}

// settled is what becomes of a candidate.
type settled struct {
	file   index.File // meaningless if there is a reason
	reason reason     // why no file of the version can be installed; zero: one can
	yanked bool       // all files that could be installed are
}

// undecided is what becomes of it before anybody asked.
var undecided settled

// release is a project as a target sees it: its versions, newest first.
type release struct {
	project    *index.Project
	candidates []*candidate
	missing    *noProject // why there is no such project; nil: there is
	direct     *reference // where it comes from instead of an index; nil: it does not
	found      *Referenced
}

// isMissing tells whether no index has the project.
func (r *release) isMissing() bool { return r != nil && r.missing != nil }

// at finds a version, nil if there is none.
func (r *release) at(v pep440.Version) *candidate {
	if i := r.position(v); i >= 0 {
		return r.candidates[i]
	}
	return nil
}

func (r *release) position(v pep440.Version) int {
	i := sort.Search(len(r.candidates), func(i int) bool { return !v.Less(r.candidates[i].version) })
	if i < len(r.candidates) && r.candidates[i].version.Equal(v) {
		return i
	}
	return -1
}

// within are the candidates from the newest on that can be in the set.
func (r *release) within(s pep440.Set) []*candidate {
	return r.candidates[sort.Search(len(r.candidates), func(i int) bool { return !s.Below(r.candidates[i].version) }):]
}

// cell is the interval from a version to the next one that exists, usable or not. That of the oldest
// begins before it, so that together they are everything.
func (r *release) cell(i int) pep440.Set {
	var from, next pep440.Version
	if i < len(r.candidates)-1 {
		from = r.candidates[i].version
	}
	if i > 0 {
		next = r.candidates[i-1].version
	}
	return pep440.Between(from, next)
}

// catalogue keeps the releases of one target. A project is read once, however many goroutines ask.
type catalogue struct {
	target   *target
	python   pep440.Version
	packages Packages
	policies *policies
	hashes   map[string][]string      // by project, what the manifest's requirements allow; none: any file
	hashPos  map[string]diag.Position // by project, the place of the first of them
	sources  bool                     // source distributions are taken where no version has a wheel
	noBuild  bool                     // they were refused
	asIs     []string                 // those of these projects are taken, normalised
	workshop *workshop                // that builds them; nil: they are taken as they are
	sourced  map[string]bool          // projects of which the lock that is there has a source: these go by version alone
	noBinary []string                 // projects whose wheels are not taken

	wheelOnly func(name string) bool // projects whose source distributions are never taken

	references References
	direct     map[string]*reference // projects that are named by address
	earlier    Options               // what was locked before, and may move

	pythons sync.Map              // by Requires-Python, whether it allows the target's
	lost    atomic.Pointer[error] // of reading the store's copy of a page

	mu      sync.Mutex
	entries map[string]*entry
}

type entry struct {
	mu      sync.Mutex
	release *release
}

func newCatalogue(t *target, p Packages, policies *policies) (*catalogue, error) {
	python, err := pep440.Parse(t.Python)
	if err != nil {
		return nil, err
	}
	return &catalogue{target: t, python: python, packages: p, policies: policies, hashes: map[string][]string{}, hashPos: map[string]diag.Position{}, entries: map[string]*entry{}, direct: map[string]*reference{},
		wheelOnly: policies.m.WheelOnly}, nil
}

func (c *catalogue) entry(name string) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[name]
	if e == nil {
		e = &entry{}
		c.entries[name] = e
	}
	return e
}

// release reads a project. A failure is not kept: whoever read ahead may have been told to stop,
// which says nothing about the next who asks.
func (c *catalogue) release(ctx context.Context, name string) (*release, error) {
	e := c.entry(name)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.release != nil {
		return e.release, nil
	}
	r, err := c.read(ctx, name)
	if err != nil {
		return nil, err
	}
	e.release = r
	return r, nil
}

func (c *catalogue) read(ctx context.Context, name string) (*release, error) {
	if name == toolkit.name {
		return c.policies.gpu.release(), nil
	}
	if ref := c.direct[name]; ref != nil {
		return c.directRelease(ctx, name, ref)
	}
	p, err := c.packages.Project(ctx, name)
	if errors.Is(err, index.ErrNoProject) {
		return &release{missing: missing(name, err)}, nil
	}
	if err != nil {
		return nil, err
	}
	r := &release{project: p, candidates: make([]*candidate, p.Files.Versions())}
	all := make([]candidate, len(r.candidates))
	for i := range all {
		all[i].version, all[i].at, all[i].settled = p.Files.Version(i), i, &undecided
		r.candidates[i] = &all[i]
	}
	return r, nil
}

// filesOf are the files of a candidate. What cannot be read any more counts as none here, and has whoever solves end
// with the error.
func (c *catalogue) filesOf(r *release, v *candidate) []index.File {
	files, err := r.project.Files.Of(v.at)
	if err != nil {
		c.lost.CompareAndSwap(nil, &err)
	}
	return files
}

// failed is the error of files that could not be read, nil if none was.
func (c *catalogue) failed() error {
	if err := c.lost.Load(); err != nil {
		return *err
	}
	return nil
}

// offered is a file with what its name says; of a source distribution, nothing.
type offered struct {
	index.File
	wheel tags.Wheel
	sdist bool
}

// of reads a file's name and tells whether it is that of a file of the project, or of a wheel variant.
func (f *offered) of(project string) (ok, variant bool) {
	if !strings.HasSuffix(f.Filename, ".whl") {
		name, _, err := tags.ParseSdist(f.Filename)
		f.sdist = err == nil && name == project
		return f.sdist, false
	}
	var err error
	f.wheel, err = tags.ParseWheel(f.Filename)
	return err == nil && f.wheel.Name == project, errors.Is(err, tags.ErrVariant)
}

// settle finds the best file of a version for the target, or why there is none. What can be in the
// way is tried in a fixed order, so that the reason does not depend on the order of the files.
func (c *catalogue) settle(name string, r *release, v *candidate) {
	v.once.Do(func() {
		v.settled = &settled{}
		files := c.filesOf(r, v)
		list, all := make([]offered, len(files)), make([]*offered, 0, len(files))
		variants := 0
		for i, f := range files {
			list[i].File = f
			if ok, variant := list[i].of(name); ok {
				all = append(all, &list[i])
			} else if variant {
				variants++
			}
		}
		slices.SortFunc(all, func(a, b *offered) int { return strings.Compare(a.Filename, b.Filename) })
		v.reason = c.narrow(name, r.project, v.version, &all)
		if v.reason.kind == noFiles && variants > 0 {
			v.reason = reason{kind: onlyVariants}
		}
		if v.reason.kind != usable {
			return
		}
		fresh := keep(all, func(f *offered) bool { return !f.Yanked })
		v.yanked = len(fresh) == 0
		if !v.yanked {
			all = fresh
		}
		v.file = c.bestOf(all)
		c.markBroken(name, v)
		if !c.policies.asOfOf(name).IsZero() && v.file.Uploaded.IsZero() && r.project.Undated == "" {
			v.reason = reason{kind: undated, detail: v.file.Filename}
		}
	})
}

// bestOf is the file that is taken of those that can be installed: the best wheel, else a source
// distribution. They are sorted by name, so that a .tar.gz goes before a .zip.
func (c *catalogue) bestOf(all []*offered) index.File {
	best := all[0]
	var wheels []tags.Wheel
	var files []*offered
	for _, f := range all {
		if !f.sdist {
			wheels, files = append(wheels, f.wheel), append(files, f)
		}
	}
	if len(wheels) > 1 {
		best = files[c.target.ranking.Best(wheels)]
	} else if len(wheels) == 1 {
		best = files[0]
	}
	return best.File
}

// narrow leaves the files that the target can install; if there are none, it says why.
func (c *catalogue) narrow(name string, p *index.Project, version pep440.Version, all *[]*offered) reason {
	if len(*all) == 0 {
		return reason{kind: noFiles}
	}
	if asOf := c.policies.asOfOf(name); !asOf.IsZero() {
		if p.Undated == index.UndatedSkip {
			if *all = keep(*all, func(f *offered) bool { return !f.Uploaded.IsZero() }); len(*all) == 0 {
				return reason{kind: noUploadTime}
			}
		}
		// As-of is a whole second, all of which counts.
		*all = keep(*all, func(f *offered) bool { return !f.Uploaded.Truncate(time.Second).After(asOf) })
		if len(*all) == 0 {
			return reason{kind: afterAsOf, detail: asOf.Format(time.RFC3339)}
		}
	}
	replaced := c.policies.m.Policies.Of(name, version)
	requiresPython := func(f *offered) string {
		if replaced != nil && replaced.NewPython {
			return replaced.Python
		}
		return f.RequiresPython
	}
	first := (*all)[0]
	if *all = keep(*all, func(f *offered) bool { return c.pythonAllowed(requiresPython(f)) }); len(*all) == 0 {
		return reason{kind: needsPython, detail: requiresPython(first)}
	}
	if slices.Contains(c.noBinary, name) {
		if *all = keep(*all, func(f *offered) bool { return f.sdist }); len(*all) == 0 {
			return reason{kind: onlyWheels}
		}
	}
	if takes := c.takesSource(name); !takes || c.wheelOnly(name) {
		if *all = keep(*all, func(f *offered) bool { return !f.sdist }); len(*all) == 0 {
			if takes {
				return reason{kind: onlySource}
			}
			return reason{kind: onlySdist}
		}
	}
	fits := func(f *offered) bool { _, ok := c.target.ranking.Rank(f.wheel); return ok || f.sdist }
	if *all = keep(*all, fits); len(*all) == 0 {
		return reason{kind: noWheel}
	}
	if hashes := c.hashes[name]; len(hashes) > 0 {
		known := keep(*all, func(f *offered) bool { return judge(hashes, f.File) == allowed })
		if len(known) == 0 { // those of which the index gives none may have it; they are held to it when they are read
			known = keep(*all, func(f *offered) bool { return judge(hashes, f.File) == unread })
		}
		if *all = known; len(*all) == 0 {
			return reason{kind: otherHash}
		}
	}
	return reason{}
}

// takesSource tells whether source distributions of a project are taken.
func (c *catalogue) takesSource(name string) bool { return c.sources || slices.Contains(c.asIs, name) }

func keep(list []*offered, ok func(*offered) bool) []*offered {
	out := make([]*offered, 0, len(list))
	for _, f := range list {
		if ok(f) {
			out = append(out, f)
		}
	}
	return out
}

// pythonAllowed judges Requires-Python for a fixed interpreter: lower bounds and exclusions count,
// upper bounds by themselves do not, since most of them are guesses about the future.
func (c *catalogue) pythonAllowed(requires string) bool {
	if requires == "" {
		return true
	}
	if known, ok := c.pythons.Load(requires); ok { // projects say much the same of it
		return known.(bool)
	}
	allowed := c.judgePython(requires)
	c.pythons.Store(requires, allowed)
	return allowed
}

func (c *catalogue) judgePython(requires string) bool {
	specs, err := index.ParseRequiresPython(requires)
	if err != nil {
		return true // a wheel's tags still decide
	}
	for _, s := range specs.All() {
		switch s.Op() {
		case pep440.Less, pep440.LessEqual:
			continue
		case pep440.Compatible:
			if c.python.Less(s.Version()) {
				return false
			}
		default:
			if !s.Contains(c.python) {
				return false
			}
		}
	}
	return true
}

// wheelsOf are the wheels of a version that a date does not hide, for messages.
func (c *catalogue) wheelsOf(r *release, v *candidate) []tags.Wheel {
	var out []tags.Wheel
	for _, f := range c.filesOf(r, v) {
		if asOf := c.policies.asOfOf(r.project.Name); !asOf.IsZero() && f.Uploaded.Truncate(time.Second).After(asOf) {
			continue
		}
		if w, err := tags.ParseWheel(f.Filename); err == nil {
			out = append(out, w)
		}
	}
	slices.SortFunc(out, func(a, b tags.Wheel) int { return strings.Compare(a.Filename, b.Filename) })
	return out
}
