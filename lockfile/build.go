package lockfile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Source is a source distribution that a wheel of the lock was built from.
type Source struct {
	Name     string    `toml:"name"`
	SHA256   string    `toml:"sha256"`
	Size     int64     `toml:"size"`
	Hashed   bool      `toml:"hashed"`   // as of [File]
	Uploaded time.Time `toml:"uploaded"` // as of [File]
}

// Build is an environment in which wheels were built when the lock was made, with what the manifest says of their build.
// Wheels with equal ones share it. It stands on the base of its target: what the distribution has there without being asked.
type Build struct {
	ID       string            `toml:"id"`     // [Build.Sum]
	Target   string            `toml:"target"` // platform
	Env      map[string]string `toml:"env"`
	Patches  []Patch           `toml:"patch"`   // in the order in which they are applied
	Added    []Addition        `toml:"added"`   // what no source declares
	Debs     []Deb             `toml:"deb"`     // beyond the target's base
	Packages []Package         `toml:"package"` // with a file each, and without edges
}

// Patch is a file that changes a source before it is built.
type Patch struct {
	Path   string `toml:"path"` // with slashes, relative to the project if it is not absolute
	SHA256 string `toml:"sha256"`
}

// Addition is a build requirement that no source declares.
type Addition struct {
	Name   string `toml:"name"`   // of a package, or with "deb:" before it of one of the distribution
	Reason string `toml:"reason"` // for people
}

// Sum is the ID of what the build has: half of the SHA-256 of its canonical encoding, without the ID, the reasons, and what says of
// files how and when they came, and of commits by which name.
func (b *Build) Sum() string {
	own := b.clone()
	own.ID = ""
	for i := range own.Added {
		own.Added[i].Reason = ""
	}
	for i := range own.Packages {
		p := &own.Packages[i]
		p.Revision = ""
		for j := range p.Files {
			p.Files[j].Hashed, p.Files[j].Uploaded = false, time.Time{}
		}
		for j := range p.Sources {
			p.Sources[j].Hashed, p.Sources[j].Uploaded = false, time.Time{}
		}
	}
	own.normalize()
	c := &codec{}
	c.build(&own)
	sum := sha256.Sum256(c.out.Bytes())
	return hex.EncodeToString(sum[:sha256.Size/2])
}

// Source is the package as it was before wheels were built of it: with its source in their place.
func (p Package) Source() Package {
	var files []File
	for _, f := range p.Files {
		switch {
		case f.Build == "":
			files = append(files, f)
		case len(p.Sources) == 0:
			p.Targets = append(slices.Clone(p.Targets), f.Targets...)
		default:
			s := p.Sources[0]
			i := slices.IndexFunc(files, func(o File) bool { return o.Name == s.Name })
			if i < 0 {
				files = append(files, File{Name: s.Name, SHA256: s.SHA256, Size: s.Size, Hashed: s.Hashed, Uploaded: s.Uploaded})
				i = len(files) - 1
			}
			files[i].Targets = append(slices.Clone(files[i].Targets), f.Targets...)
		}
	}
	p.Files, p.Sources = files, nil
	return p
}

// BuildOf finds a build by its ID, nil if there is none.
func (l *Lock) BuildOf(id string) *Build {
	for i := range l.Builds {
		if l.Builds[i].ID == id {
			return &l.Builds[i]
		}
	}
	return nil
}

// Environment is the environment of a build as a lock of one target: its base, the build's debs as system packages, and the
// build's packages. The builds of these, if some were built themselves, are in it. Errors: there is no build with that ID.
func (l *Lock) Environment(id string) (*Lock, error) {
	b := l.BuildOf(id)
	if b == nil {
		return nil, fmt.Errorf("the lock has no build %s", id)
	}
	own := b.clone()
	own.normalize()
	e := &Lock{
		Project:  Project{Name: "build"},
		Image:    Image{User: "root", Workdir: "/"},
		Packages: own.Packages,
		Base:     l.clone().Base,
	}
	for _, t := range l.Targets {
		if t.Platform == b.Target {
			e.Targets = []Target{t}
		}
	}
	only := []string{b.Target}
	e.Base.Releases = nil
	e.Base.Debs = slices.DeleteFunc(e.Base.Debs, func(d Deb) bool { return d.System || !slices.Contains(d.Targets, b.Target) })
	e.Base.Debs = append(e.Base.Debs, own.Debs...)
	for i := range e.Base.Debs {
		e.Base.Debs[i].Targets = only
	}
	for i := range own.Debs {
		e.Base.Debs[len(e.Base.Debs)-1-i].System = true
	}
	archives, used := map[string]bool{}, map[string]bool{}
	for _, d := range e.Base.Debs {
		archives[d.Archive] = true
	}
	e.Base.Archives = slices.DeleteFunc(e.Base.Archives, func(a Archive) bool { return !archives[a.Name] })
	e.Base.Images = slices.DeleteFunc(e.Base.Images, func(i BaseImage) bool { return i.Target != b.Target })
	e.Base.Interpreters = slices.DeleteFunc(e.Base.Interpreters, func(i Interpreter) bool { return i.Target != b.Target })
	for i := range e.Packages {
		used[e.Packages[i].Index] = true
		for j := range e.Packages[i].Files {
			e.Packages[i].Files[j].Targets = only
		}
	}
	e.Builds = l.buildsOf(e.Packages, "")
	for _, b := range e.Builds {
		for _, p := range b.Packages {
			used[p.Index] = true
		}
	}
	for _, x := range l.Indexes {
		if used[x.Name] {
			e.Indexes = append(e.Indexes, x)
		}
	}
	e.Normalize()
	return e, nil
}

// buildsOf are the builds that files of the packages were made in, with those of their own packages; only those for the platform, if
// it is not "".
func (l *Lock) buildsOf(packages []Package, platform string) []Build {
	var list []Build
	seen := map[string]bool{}
	var add func([]Package)
	add = func(packages []Package) {
		for _, p := range packages {
			for _, f := range p.Files {
				b := l.BuildOf(f.Build)
				if f.Build == "" || seen[f.Build] || b == nil || platform != "" && b.Target != platform {
					continue
				}
				seen[f.Build] = true
				list = append(list, b.clone())
				add(b.Packages)
			}
		}
	}
	add(packages)
	return list
}

// AddBuild gives the lock a build, whose ID it sets, unless it has an equal one. It gives the ID.
func (l *Lock) AddBuild(b Build) string {
	b = b.clone()
	b.normalize()
	b.ID = b.Sum()
	if l.BuildOf(b.ID) == nil {
		l.Builds = append(l.Builds, b)
	}
	return b.ID
}

func (c *codec) build(b *Build) {
	c.text("id", &b.ID)
	c.text("target", &b.Target)
	c.dict("[build.env]", &b.Env)
	tables(c, "[[build.patch]]", &b.Patches, func(p *Patch) {
		c.text("path", &p.Path)
		c.text("sha256", &p.SHA256)
	})
	tables(c, "[[build.added]]", &b.Added, func(a *Addition) {
		c.text("name", &a.Name)
		c.text("reason", &a.Reason)
	})
	tables(c, "[[build.deb]]", &b.Debs, c.deb)
	tables(c, "[[build.package]]", &b.Packages, func(p *Package) { c.pkg("build.package", p) })
}

// normalize leaves out what is the same for all that a build has: its target.
func (b *Build) normalize() {
	if len(b.Env) == 0 {
		b.Env = nil
	}
	b.Patches = orNil(b.Patches)
	b.Added = sorted(b.Added, func(x, y Addition) int { return strings.Compare(x.Name, y.Name) })
	for i := range b.Debs {
		b.Debs[i].Targets, b.Debs[i].System = nil, false
	}
	b.Debs = sorted(b.Debs, Deb.compare)
	for i := range b.Packages {
		p := &b.Packages[i]
		p.normalize()
		p.Requires, p.OwnLayer, p.Targets = nil, false, nil
		for j := range p.Files {
			p.Files[j].Targets, p.Files[j].Kernels = nil, nil
		}
	}
	b.Packages = sorted(b.Packages, Package.compare)
}

func (b *Build) clone() Build {
	c := *b
	c.Env = map[string]string{}
	for name, value := range b.Env {
		c.Env[name] = value
	}
	c.Patches, c.Added, c.Debs = slices.Clone(b.Patches), slices.Clone(b.Added), slices.Clone(b.Debs)
	for i := range c.Debs {
		c.Debs[i].Targets = slices.Clone(c.Debs[i].Targets)
	}
	c.Packages = clonePackages(b.Packages)
	return c
}

func clonePackages(list []Package) []Package {
	list = slices.Clone(list)
	for i := range list {
		p := &list[i]
		p.Requires = cloneEdges(p.Requires)
		p.Targets = slices.Clone(p.Targets)
		p.Files = slices.Clone(p.Files)
		for j := range p.Files {
			p.Files[j].Targets = slices.Clone(p.Files[j].Targets)
			p.Files[j].Kernels = slices.Clone(p.Files[j].Kernels)
		}
		p.Sources = slices.Clone(p.Sources)
	}
	return list
}
