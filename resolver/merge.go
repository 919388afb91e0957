package resolver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// merge writes the answers of all targets into the lock: a package once per version, its files
// with the targets that install them, its edges with the targets in which they hold.
func merge(ctx context.Context, lock *lockfile.Lock, m *manifest.Manifest, all []*solved) error {
	var platforms []string
	for _, s := range all {
		platforms = append(platforms, s.target.Platform)
	}
	packages := map[string]*lockfile.Package{}
	edges := map[string]*edgeSet{"": {}}
	for _, s := range all {
		for _, r := range m.Requirements {
			ok, err := s.target.applies(r.Marker, "")
			if err != nil {
				return manifestError(r, err)
			}
			if bounded, wanted := s.provider.policies.bounds(r.Requirement); ok && wanted {
				edges[""].add(bounded, s.target.Platform)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(s.versions)) {
			if err := s.mergePackage(ctx, name, packages, edges); err != nil {
				return err
			}
		}
	}
	lock.Project.Requires = edges[""].list(platforms)
	for _, key := range slices.Sorted(maps.Keys(packages)) {
		p := packages[key]
		p.Requires = edges[key].list(targetsOf(p))
		lock.Packages = append(lock.Packages, *p)
	}
	return nil
}

func (s *solved) mergePackage(ctx context.Context, name string, packages map[string]*lockfile.Package, edges map[string]*edgeSet) error {
	version := s.versions[name]
	r, err := s.provider.release(ctx, name)
	if err != nil {
		return err
	}
	meta, err := s.provider.metadata(ctx, name, version)
	if err != nil {
		return fmt.Errorf("%s %s: %w", name, version, err)
	}
	from := r.origin()
	key := name + " " + version.String() + " " + from.Origin()
	p := packages[key]
	if p == nil {
		p = &from
		p.Name, p.Version = name, version.String()
		packages[key], edges[key] = p, &edgeSet{}
	}
	c := r.at(version)
	if err := s.addFiles(ctx, p, r, c); err != nil {
		return err
	}
	p.Yanked = p.Yanked || c.yanked
	for _, extra := range append([]string{""}, s.extras[name]...) {
		list, bad := s.provider.requirements(meta, extra)
		if bad.kind != usable {
			return fmt.Errorf("%s", bad.clause(name, key, false)) // the solver would not have chosen it
		}
		for _, req := range list {
			if req.Name != name {
				edges[key].add(req, s.target.Platform)
			}
		}
	}
	return nil
}

// addFiles adds to a package of the lock the file that the target installs, or the target itself where
// there is none: a folder or a repository.
func (s *solved) addFiles(ctx context.Context, p *lockfile.Package, r *release, c *candidate) error {
	if c.file.Filename == "" {
		p.Targets = append(p.Targets, s.target.Platform)
		return nil
	}
	file, err := s.fileOf(ctx, p.Name, r, c)
	if err != nil {
		return err
	}
	addFile(p, file, s.target.Platform)
	return nil
}

// fileOf is the file of a candidate as a lock has it, without targets.
func (s *solved) fileOf(ctx context.Context, name string, r *release, c *candidate) (lockfile.File, error) {
	file, err := s.learn(ctx, name, r, c)
	if err != nil {
		return lockfile.File{}, err
	}
	size := file.Size
	if from, ok := s.provider.packages.(sizer); ok && size < 0 {
		if size, err = from.Size(ctx, r.project, file); err != nil {
			return lockfile.File{}, err
		}
	}
	if size <= 0 {
		return lockfile.File{}, diag.New(diag.Fetch, "index %s does not say how large %s is, and a lock has to", r.project.IndexName, file.Filename)
	}
	return lockfile.File{Name: file.Filename, SHA256: file.SHA256, Size: size, Hashed: !r.vouched(c), Uploaded: file.Uploaded}, nil
}

// keepTimes takes over when a file was uploaded from the lock that is there, which may be nil, if the index does not say so any
// more: not every mirror does, and the date of an image is that of its newest file.
func keepTimes(lock, old *lockfile.Lock) {
	if old == nil {
		return
	}
	times := map[string]time.Time{}
	for _, p := range old.Packages {
		for _, f := range p.Files {
			times[f.Name+" "+f.SHA256] = f.Uploaded
		}
		for _, f := range p.Sources {
			times[f.Name+" "+f.SHA256] = f.Uploaded
		}
	}
	for i := range lock.Packages {
		files := lock.Packages[i].Files
		for j := range files {
			if f := &files[j]; f.Uploaded.IsZero() {
				f.Uploaded = times[f.Name+" "+f.SHA256]
			}
		}
		sources := lock.Packages[i].Sources
		for j := range sources {
			if f := &sources[j]; f.Uploaded.IsZero() {
				f.Uploaded = times[f.Name+" "+f.SHA256]
			}
		}
	}
}

// sizer is what Packages may be besides: it finds out the size in bytes of a file whose page has none.
type sizer interface {
	Size(ctx context.Context, p *index.Project, f index.File) (int64, error)
}

func addFile(p *lockfile.Package, f lockfile.File, platform string) {
	for i := range p.Files {
		if p.Files[i].Name == f.Name {
			p.Files[i].Targets = append(p.Files[i].Targets, platform)
			return
		}
	}
	f.Targets = []string{platform}
	p.Files = append(p.Files, f)
}

func targetsOf(p *lockfile.Package) []string {
	all := slices.Clone(p.Targets)
	for _, f := range p.Files {
		all = append(all, f.Targets...)
	}
	return all
}

// edgeSet collects a package's edges: by project and platform, what is asked of it.
type edgeSet struct {
	asked map[string]map[string]*edge
}

type edge struct {
	extras     map[string]bool
	specifiers []pep440.Specifier
}

func (e *edgeSet) add(r pep508.Requirement, platform string) {
	if e.asked == nil {
		e.asked = map[string]map[string]*edge{}
	}
	if e.asked[r.Name] == nil {
		e.asked[r.Name] = map[string]*edge{}
	}
	a := e.asked[r.Name][platform]
	if a == nil {
		a = &edge{extras: map[string]bool{}}
		e.asked[r.Name][platform] = a
	}
	for _, x := range r.Extras {
		a.extras[x] = true
	}
	a.specifiers = append(a.specifiers, r.Specifiers.All()...)
}

// list gives the edges; one that holds on all of the platforms names none. Platforms on which other extras or
// versions are asked for have edges of their own.
func (e *edgeSet) list(all []string) []lockfile.Dependency {
	var out []lockfile.Dependency
	for _, name := range slices.Sorted(maps.Keys(e.asked)) {
		groups := map[string]*lockfile.Dependency{}
		for _, platform := range slices.Sorted(maps.Keys(e.asked[name])) {
			a := e.asked[name][platform]
			d := lockfile.Dependency{Name: name, Extras: slices.Sorted(maps.Keys(a.extras)), Specifiers: inOrder(a.specifiers)}
			key := fmt.Sprint(d.Extras, d.Specifiers)
			if groups[key] == nil {
				groups[key] = &d
			}
			groups[key].Targets = append(groups[key].Targets, platform)
		}
		for _, key := range slices.Sorted(maps.Keys(groups)) {
			d := groups[key]
			if len(d.Targets) == len(all) {
				d.Targets = nil
			}
			out = append(out, *d)
		}
	}
	return out
}

// inOrder writes specifiers so that neither their order nor a repetition counts.
func inOrder(list []pep440.Specifier) string {
	texts := map[string]bool{}
	var out []string
	for _, op := range reading {
		var same []string
		for _, s := range list {
			if text := s.String(); s.Op() == op && !texts[text] {
				texts[text] = true
				same = append(same, text)
			}
		}
		slices.Sort(same)
		out = append(out, same...)
	}
	return strings.Join(out, ",")
}

// DefaultIndex is the name that the sources give the default index. In a lock it has none, so
// that a lock does not depend on where the default is.
const DefaultIndex = "default"

func indexName(name string) string {
	if name == DefaultIndex {
		return ""
	}
	return name
}
