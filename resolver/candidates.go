package resolver

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"sync"
	"time"

	"github.com/envpack/envpack/internal/manifest"
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

// candidate is one version of a project for one target.
type candidate struct {
	version pep440.Version
	file    index.File // meaningless if unusable
	// unusable says why no file of the version can be installed, as a clause that follows the
	// version: "has no wheel for …". It is "" for a version that can.
	unusable string
	yanked   bool
}

// release is a project as a target sees it: its versions, newest first.
type release struct {
	project    *index.Project
	candidates []candidate
	missing    bool // no index has the project
}

// catalogue keeps the releases of one target. A project is read once, however many goroutines ask.
type catalogue struct {
	target   *target
	packages Packages
	asOf     time.Time
	hashes   map[string][]string // by project, from the requirements; none: any file

	mu      sync.Mutex
	entries map[string]*entry
}

type entry struct {
	once    sync.Once
	release *release
	err     error
}

func newCatalogue(t *target, p Packages, asOf time.Time, requirements []manifest.Requirement) *catalogue {
	c := &catalogue{target: t, packages: p, asOf: asOf, hashes: map[string][]string{}, entries: map[string]*entry{}}
	for _, r := range requirements {
		c.hashes[r.Name] = append(c.hashes[r.Name], r.Hashes...)
	}
	return c
}

func (c *catalogue) release(ctx context.Context, name string) (*release, error) {
	c.mu.Lock()
	e := c.entries[name]
	if e == nil {
		e = &entry{}
		c.entries[name] = e
	}
	c.mu.Unlock()
	e.once.Do(func() { e.release, e.err = c.read(ctx, name) })
	return e.release, e.err
}

func (c *catalogue) read(ctx context.Context, name string) (*release, error) {
	p, err := c.packages.Project(ctx, name)
	if errors.Is(err, index.ErrNoProject) {
		return &release{missing: true}, nil
	}
	if err != nil {
		return nil, err
	}
	type version struct {
		version pep440.Version
		files   []index.File
		wheels  []tags.Wheel
		sdist   bool
	}
	versions := map[string]*version{}
	at := func(v pep440.Version) *version {
		key := v.Key()
		if versions[key] == nil {
			versions[key] = &version{version: v}
		}
		return versions[key]
	}
	for _, f := range p.Files {
		if w, err := tags.ParseWheel(f.Filename); err == nil {
			v := at(w.Version)
			v.files, v.wheels = append(v.files, f), append(v.wheels, w)
		} else if _, sv, serr := tags.ParseSdist(f.Filename); serr == nil {
			at(sv).sdist = true
		}
	}
	r := &release{project: p}
	for _, v := range versions {
		r.candidates = append(r.candidates, c.choose(name, v.version, v.files, v.wheels, v.sdist))
	}
	sort.Slice(r.candidates, func(i, j int) bool {
		return r.candidates[j].version.Less(r.candidates[i].version)
	})
	return r, nil
}

// choose finds the best file of one version for the target, or says why there is none.
func (c *catalogue) choose(name string, v pep440.Version, files []index.File, wheels []tags.Wheel, sdist bool) candidate {
	result := candidate{version: v}
	var fitting []tags.Wheel
	var from []index.File
	reason := ""
	for i, f := range files {
		switch {
		case !c.asOf.IsZero() && f.Uploaded.IsZero():
			reason = "has no file whose time of upload is known"
		case !c.asOf.IsZero() && f.Uploaded.After(c.asOf):
			reason = "was uploaded after " + c.asOf.Format(time.RFC3339)
		case f.SHA256 == "":
			reason = "has no file with a SHA-256 in the index"
		case len(c.hashes[name]) > 0 && !contains(c.hashes[name], f.SHA256):
			reason = "has no file with a hash that the requirements allow"
		case !c.pythonAllowed(f.RequiresPython):
			reason = "needs Python " + f.RequiresPython
		default:
			fitting, from = append(fitting, wheels[i]), append(from, f)
		}
	}
	best := c.target.ranking.Best(fitting)
	switch {
	case best >= 0:
		result.file, result.yanked = from[best], from[best].Yanked
	case len(fitting) > 0:
		result.unusable = fmt.Sprintf("has no wheel for Python %s on %s: %s", c.target.Python, c.target.Platform, c.target.ranking.Explain(fitting))
	case reason != "":
		result.unusable = reason
	case sdist:
		result.unusable = "has only a source distribution, which would have to be built"
	default:
		result.unusable = "has no files"
	}
	return result
}

// pythonAllowed judges Requires-Python for a fixed interpreter: lower bounds and exclusions count,
// upper bounds by themselves do not, since most of them are guesses about the future.
func (c *catalogue) pythonAllowed(requires string) bool {
	if requires == "" {
		return true
	}
	specs, err := index.ParseRequiresPython(requires)
	if err != nil {
		return true // a wheel's tags still decide
	}
	python, err := pep440.Parse(c.target.Python)
	if err != nil {
		return false
	}
	for _, s := range specs.All() {
		switch s.Op().String() {
		case "<", "<=":
			continue
		case "~=":
			if python.Less(s.Version()) {
				return false
			}
		default:
			if !s.Contains(python) {
				return false
			}
		}
	}
	return true
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
