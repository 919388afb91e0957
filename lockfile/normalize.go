package lockfile

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Normalize brings the lock into its canonical order, in place: what [Encode] writes and [Parse]
// returns. Strings compare bytewise, in this order of importance:
//
//   - requirements and edges by name, extras, platforms; doubles are dropped
//   - targets, those of the GPU too, by platform; indexes and archives by name; releases by archive, suite, hash; images
//     and interpreters by platform
//   - debs by name, architecture, version, archive, path
//   - packages by name, version, index, url, path, git, commit, subdirectory; their files by name and build, and kernels of
//     these by library; their sources by name
//   - data files by to, url, path, hash
//   - builds by ID; what was added to them by name, their debs and packages as those of the lock
//   - choices by kind, name, target, value; seals by platform
//   - every list of platforms, extras, keys, ports, volumes, include patterns and devices by itself, doubles
//     dropped
//
// The command, the patches of a build, the layers of images and seals and the code of kernels keep their order, which has a meaning. Times become UTC and
// lose what is below a second. Empty lists and maps become nil.
func (l *Lock) Normalize() {
	l.Project.AsOf = wholeUTC(l.Project.AsOf)
	l.Project.Groups = sortedSet(l.Project.Groups)
	l.Project.WithoutGroups = sortedSet(l.Project.WithoutGroups)
	l.Project.Requires = normalizeEdges(l.Project.Requires)

	l.Image.Command = orNil(l.Image.Command)
	l.Image.Ports = sortedSet(l.Image.Ports)
	l.Image.Volumes = sortedSet(l.Image.Volumes)
	l.Image.Include = sortedSet(l.Image.Include)
	if len(l.Image.Env) == 0 {
		l.Image.Env = nil
	}
	if len(l.Image.Labels) == 0 {
		l.Image.Labels = nil
	}

	l.GPU.normalize()
	l.Targets = sorted(l.Targets, func(a, b Target) int { return strings.Compare(a.Platform, b.Platform) })
	l.Indexes = sorted(l.Indexes, func(a, b Index) int { return strings.Compare(a.Name, b.Name) })
	l.Base.normalize()

	for i := range l.Packages {
		l.Packages[i].normalize()
	}
	l.Packages = sorted(l.Packages, Package.compare)
	for i := range l.Builds {
		l.Builds[i].normalize()
	}
	l.Builds = sorted(l.Builds, func(a, b Build) int { return strings.Compare(a.ID, b.ID) })
	for i := range l.Data {
		l.Data[i].Targets = sortedSet(l.Data[i].Targets)
	}
	l.Data = sorted(l.Data, func(a, b DataFile) int {
		return cmp.Or(strings.Compare(a.To, b.To), strings.Compare(a.URL, b.URL), strings.Compare(a.Path, b.Path), strings.Compare(a.SHA256, b.SHA256))
	})
	l.Choices = sorted(l.Choices, func(a, b Choice) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name),
			strings.Compare(a.Target, b.Target), strings.Compare(a.Value, b.Value))
	})
	for i := range l.Seals {
		l.Seals[i].Layers = orNil(l.Seals[i].Layers)
		for j := range l.Seals[i].Layers {
			l.Seals[i].Layers[j].With = sortedSet(l.Seals[i].Layers[j].With)
		}
	}
	l.Seals = sorted(l.Seals, func(a, b Seal) int { return strings.Compare(a.Platform, b.Platform) })
}

func (b *Base) normalize() {
	b.AsOf = wholeUTC(b.AsOf)
	for i := range b.Releases {
		r := &b.Releases[i]
		r.Date, r.ValidUntil = wholeUTC(r.Date), wholeUTC(r.ValidUntil)
		r.Keys = sortedSet(r.Keys)
	}
	b.Releases = sorted(b.Releases, func(x, y Release) int {
		return cmp.Or(strings.Compare(x.Archive, y.Archive), strings.Compare(x.Suite, y.Suite), strings.Compare(x.InRelease, y.InRelease))
	})
	b.Archives = sorted(b.Archives, func(x, y Archive) int { return strings.Compare(x.Name, y.Name) })
	for i := range b.Images {
		b.Images[i].Created = wholeUTC(b.Images[i].Created)
		b.Images[i].Layers = orNil(b.Images[i].Layers)
	}
	b.Images = sorted(b.Images, func(x, y BaseImage) int { return strings.Compare(x.Target, y.Target) })
	b.Interpreters = sorted(b.Interpreters, func(x, y Interpreter) int { return strings.Compare(x.Target, y.Target) })
	for i := range b.Debs {
		b.Debs[i].Targets = sortedSet(b.Debs[i].Targets)
	}
	b.Debs = sorted(b.Debs, Deb.compare)
}

func (d Deb) compare(o Deb) int {
	return cmp.Or(strings.Compare(d.Name, o.Name), strings.Compare(d.Architecture, o.Architecture),
		strings.Compare(d.Version, o.Version), strings.Compare(d.Archive, o.Archive), strings.Compare(d.Path, o.Path))
}

func (p Package) compare(o Package) int {
	return cmp.Or(strings.Compare(p.Name, o.Name), strings.Compare(p.Version, o.Version), strings.Compare(p.Index, o.Index),
		strings.Compare(p.URL, o.URL), strings.Compare(p.Path, o.Path), strings.Compare(p.Git, o.Git),
		strings.Compare(p.Commit, o.Commit), strings.Compare(p.Subdirectory, o.Subdirectory))
}

func (p *Package) normalize() {
	p.Requires = normalizeEdges(p.Requires)
	p.Targets = sortedSet(p.Targets)
	for i := range p.Files {
		p.Files[i].Uploaded = wholeUTC(p.Files[i].Uploaded)
		p.Files[i].Targets = sortedSet(p.Files[i].Targets)
		p.Files[i].Kernels = normalizeKernels(p.Files[i].Kernels)
	}
	p.Files = sorted(p.Files, func(a, b File) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Build, b.Build))
	})
	for i := range p.Sources {
		p.Sources[i].Uploaded = wholeUTC(p.Sources[i].Uploaded)
	}
	p.Sources = sorted(p.Sources, func(a, b Source) int { return strings.Compare(a.Name, b.Name) })
}

func normalizeEdges(edges []Dependency) []Dependency {
	for i := range edges {
		edges[i].Extras = sortedSet(edges[i].Extras)
		edges[i].Targets = sortedSet(edges[i].Targets)
	}
	edges = sorted(edges, Dependency.compare)
	return slices.CompactFunc(edges, func(a, b Dependency) bool { return a.compare(b) == 0 })
}

func sorted[T any](list []T, compare func(a, b T) int) []T {
	slices.SortStableFunc(list, compare)
	return orNil(list)
}

func sortedSet(list []string) []string {
	slices.Sort(list)
	return orNil(slices.Compact(list))
}

func orNil[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

func wholeUTC(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}

// clone is a copy that shares nothing which Normalize changes.
func (l *Lock) clone() *Lock {
	c := *l
	c.Project.Groups, c.Project.WithoutGroups = slices.Clone(l.Project.Groups), slices.Clone(l.Project.WithoutGroups)
	c.Project.Requires = cloneEdges(l.Project.Requires)
	c.Image.Ports = slices.Clone(l.Image.Ports)
	c.Image.Volumes = slices.Clone(l.Image.Volumes)
	c.Image.Include = slices.Clone(l.Image.Include)
	c.GPU = l.GPU.clone()
	c.Targets = slices.Clone(l.Targets)
	c.Indexes = slices.Clone(l.Indexes)
	c.Base.Releases = slices.Clone(l.Base.Releases)
	for i := range c.Base.Releases {
		c.Base.Releases[i].Keys = slices.Clone(c.Base.Releases[i].Keys)
	}
	c.Base.Debs = slices.Clone(l.Base.Debs)
	for i := range c.Base.Debs {
		c.Base.Debs[i].Targets = slices.Clone(c.Base.Debs[i].Targets)
	}
	c.Packages = clonePackages(l.Packages)
	c.Builds = slices.Clone(l.Builds)
	for i := range c.Builds {
		c.Builds[i] = l.Builds[i].clone()
	}
	c.Base.Archives = slices.Clone(l.Base.Archives)
	c.Base.Images = slices.Clone(l.Base.Images)
	c.Base.Interpreters = slices.Clone(l.Base.Interpreters)
	c.Data = slices.Clone(l.Data)
	for i := range c.Data {
		c.Data[i].Targets = slices.Clone(c.Data[i].Targets)
	}
	c.Choices = slices.Clone(l.Choices)
	c.Seals = slices.Clone(l.Seals)
	for i := range c.Seals {
		c.Seals[i].Layers = slices.Clone(c.Seals[i].Layers)
		for j := range c.Seals[i].Layers {
			c.Seals[i].Layers[j].With = slices.Clone(c.Seals[i].Layers[j].With)
		}
	}
	return &c
}

func cloneEdges(edges []Dependency) []Dependency {
	edges = slices.Clone(edges)
	for i := range edges {
		edges[i].Extras = slices.Clone(edges[i].Extras)
		edges[i].Targets = slices.Clone(edges[i].Targets)
	}
	return edges
}
