package undeclared

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
	"github.com/envpack/envpack/resolver/tags"
)

// Packages is what the index answers, as the resolver has it.
type Packages interface {
	Project(ctx context.Context, name string) (*index.Project, error)
	Metadata(ctx context.Context, p *index.Project, f index.File) (*index.Metadata, error)
}

// Index is the World of an index, for a Python on linux/amd64 and a day. It is safe for concurrent use.
type Index struct {
	packages Packages
	// files lists what is in a wheel or a source distribution.
	files   Lister
	ranking *tags.Ranking
	env     pep508.Environment
	python  pep440.Version
	until   time.Time // zero: now

	mu    sync.Mutex
	found map[string]*settled
	lists map[string][]string
}

// settled is what was found of a project's release.
type settled struct {
	release *Release
	project *index.Project
	file    index.File
}

// Lister lists what is in a file of a project; nothing for one that cannot be looked into.
type Lister func(ctx context.Context, p *index.Project, f index.File) ([]string, error)

// NewIndex is the World of packages for a minor version of Python ("3.8"). What was uploaded after until does not count; a zero
// until is no bound. The error is that of a Python that wheels have no tags for.
func NewIndex(packages Packages, files Lister, python string, until time.Time) (*Index, error) {
	parts := strings.SplitN(python, ".", 3)
	t := tags.Target{Platform: "linux/amd64", Glibc: tags.Libc{Major: 2, Minor: 36}}
	t.PythonMajor, _ = strconv.Atoi(parts[0])
	if len(parts) > 1 {
		t.PythonMinor, _ = strconv.Atoi(strings.TrimSuffix(parts[1], "t"))
	}
	ranking, err := tags.NewRanking(t)
	if err != nil {
		return nil, err
	}
	full := python
	if len(parts) == 2 { // the newest of a minor version is allowed by most
		full += ".99"
	}
	v, err := pep440.Parse(full)
	if err != nil {
		return nil, err
	}
	return &Index{packages: packages, files: files, ranking: ranking, env: tags.MarkerEnvironment(t, full), python: v, until: until,
		found: map[string]*settled{}, lists: map[string][]string{}}, nil
}

// Newest is the World's.
func (x *Index) Newest(ctx context.Context, req pep508.Requirement) (*Release, error) {
	s, err := x.settle(ctx, req)
	if s == nil {
		return nil, err
	}
	return s.release, err
}

func (x *Index) settle(ctx context.Context, req pep508.Requirement) (*settled, error) {
	key := req.Name + " " + req.Specifiers.String()
	x.mu.Lock()
	s, ok := x.found[key]
	x.mu.Unlock()
	if ok {
		return s, nil
	}
	p, err := x.packages.Project(ctx, req.Name)
	if errors.Is(err, index.ErrNoProject) {
		err, p = nil, nil
	}
	if err != nil {
		return nil, err
	}
	if p != nil {
		if s, err = x.choose(p, req); err != nil {
			return nil, err
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.found[key] = s
	if s != nil {
		x.found[s.release.Name+"=="+s.release.Version] = s
	}
	return s, nil
}

// choose takes the newest release with a wheel for the target, else the newest with a source distribution. Releases before their
// time and pre-releases go last.
func (x *Index) choose(p *index.Project, req pep508.Requirement) (*settled, error) {
	set := pep440.FromSpecifiers(req.Specifiers)
	var source, early *settled
	for i := range p.Files.Versions() {
		v := p.Files.Version(i)
		if !set.Contains(v) {
			continue
		}
		files, err := p.Files.Of(i)
		if err != nil {
			return nil, err
		}
		files = slices.DeleteFunc(files, func(f index.File) bool { return !x.usable(f) })
		if len(files) == 0 {
			continue
		}
		var wheels []tags.Wheel
		var own []index.File
		for _, f := range files {
			if w, err := tags.ParseWheel(f.Filename); err == nil {
				wheels, own = append(wheels, w), append(own, f)
			}
		}
		s := &settled{release: &Release{Name: p.Name, Version: v.String()}, project: p, file: files[0]}
		if best := x.ranking.Best(wheels); best >= 0 {
			s.release.Wheel, s.file = true, own[best]
		} else if at := slices.IndexFunc(files, func(f index.File) bool { return !strings.HasSuffix(f.Filename, ".whl") }); at >= 0 {
			s.file = files[at]
		} else {
			continue
		}
		switch {
		case v.IsPrerelease():
			if early == nil {
				early = s
			}
		case s.release.Wheel:
			return s, nil
		case source == nil:
			source = s
		}
	}
	if source != nil {
		return source, nil
	}
	return early, nil
}

// usable tells whether a file counts on the day, for the Python.
func (x *Index) usable(f index.File) bool {
	if f.Yanked || !x.until.IsZero() && (f.Uploaded.IsZero() || f.Uploaded.After(x.until)) {
		return false
	}
	if f.RequiresPython == "" {
		return true
	}
	specs, err := index.ParseRequiresPython(f.RequiresPython)
	return err != nil || pep440.FromSpecifiers(specs).Contains(x.python)
}

// Requires is the World's. A release whose requirements cannot be told has none.
func (x *Index) Requires(ctx context.Context, r *Release, extras []string) ([]pep508.Requirement, error) {
	x.mu.Lock()
	s := x.found[r.Name+"=="+r.Version]
	x.mu.Unlock()
	if s == nil {
		return nil, nil
	}
	m, err := x.packages.Metadata(ctx, s.project, s.file)
	if err != nil {
		return nil, ctx.Err()
	}
	var list []pep508.Requirement
	for _, q := range m.Requires {
		wanted := false
		for _, e := range append([]string{""}, extras...) {
			env := x.env
			env.Extra = e
			holds, err := q.Marker.Evaluate(env)
			wanted = wanted || holds && err == nil
		}
		if wanted {
			list = append(list, q)
		}
	}
	return list, nil
}

// Paths is the World's. A file that cannot be looked into has none. Of a source distribution the folders that projects keep their
// packages in are left out of the paths.
func (x *Index) Paths(ctx context.Context, r *Release) ([]string, error) {
	key := r.Name + "==" + r.Version
	x.mu.Lock()
	s, list := x.found[key], x.lists[key]
	x.mu.Unlock()
	if s == nil || list != nil {
		return list, nil
	}
	list, err := x.files(ctx, s.project, s.file)
	if err != nil {
		return nil, err
	}
	if !r.Wheel {
		for i, p := range list {
			for _, dir := range []string{"src/", "lib/", "python/", "Lib/"} {
				if rest, ok := strings.CutPrefix(p, dir); ok {
					list[i] = rest
				}
			}
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.lists[key] = list
	return list, nil
}

// Minors are the minor versions of Python 3 ("3.6") that a release which is asked for exactly has wheels for on the day, of any
// platform's but for Linux first; nil if that says nothing: it has wheels for any, or none.
func (x *Index) Minors(ctx context.Context, req pep508.Requirement) ([]string, error) {
	p, err := x.packages.Project(ctx, req.Name)
	if err != nil {
		if errors.Is(err, index.ErrNoProject) {
			return nil, nil
		}
		return nil, err
	}
	set := pep440.FromSpecifiers(req.Specifiers)
	var minors []string
	for i := range p.Files.Versions() {
		if !set.Contains(p.Files.Version(i)) {
			continue
		}
		files, err := p.Files.Of(i)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			w, err := tags.ParseWheel(f.Filename)
			if err != nil || !x.until.IsZero() && f.Uploaded.After(x.until) {
				continue
			}
			linux := slices.ContainsFunc(w.Platforms, func(p string) bool {
				return strings.Contains(p, "linux") && strings.Contains(p, "x86_64") || p == "any"
			})
			for _, t := range w.Pythons {
				if t == "py3" || slices.Contains(w.ABIs, "abi3") {
					return nil, nil
				}
				if minor, ok := strings.CutPrefix(t, "cp3"); ok && minor != "" && linux && !slices.Contains(minors, "3."+minor) {
					minors = append(minors, "3."+minor)
				}
			}
		}
	}
	return minors, nil
}
