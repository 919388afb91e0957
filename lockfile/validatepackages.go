package lockfile

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

func (v *validator) base() {
	b := v.lock.Base
	v.form("base.distro", b.Distro, oneWord, "a distribution such as debian:12, or none")
	if b.Distro == NoDistro {
		if len(b.Debs) > 0 || len(b.Releases) > 0 || len(b.Archives) > 0 || b.Codename != "" || !b.AsOf.IsZero() || b.Format != "" {
			v.fail("base.distro", "there is no base, yet it has packages, releases, archives, a codename, a date or a format")
		}
		v.interpreters(b.Interpreters)
		return
	}
	v.images(b)
	if b.Reference == "" || len(b.Releases) > 0 {
		v.form("base.codename", b.Codename, oneWord, "a codename")
	}
	v.instant("base.as-of", b.AsOf)
	v.form("base.format", b.Format, kindFormat, "a kind and its format, such as rootfs/1")
	for i, r := range b.Releases {
		at := fmt.Sprintf("base.release[%d].", i)
		v.form(at+"archive", r.Archive, oneWord, "an archive's name")
		v.form(at+"suite", r.Suite, oneWord, "a suite's name")
		v.hash(at+"inrelease", r.InRelease)
		v.instant(at+"date", r.Date)
		v.instant(at+"valid-until", r.ValidUntil)
		if r.Date.IsZero() {
			v.fail(at+"date", "is missing")
		}
		if len(r.Keys) == 0 {
			v.fail(at+"keys", "is missing: nothing is trusted that nobody signed")
		}
		for j, k := range r.Keys {
			v.form(fmt.Sprintf("%skeys[%d]", at, j), k, oneWord, "a fingerprint")
		}
	}
	v.archives(b.Archives)
	v.interpreters(b.Interpreters)
	v.onDistribution(b)
	seen := map[string]bool{}
	for i, d := range b.Debs {
		at := fmt.Sprintf("base.deb[%d].", i)
		v.deb(at, d)
		v.platforms(at+"targets", d.Targets, true)
		for _, t := range d.Targets {
			key := t + " " + d.Name + ":" + d.Architecture
			if seen[key] {
				v.fail(at+"name", "%s has %s twice", t, d.Name)
			}
			seen[key] = true
		}
	}
}

// deb holds what a package of the distribution has, apart from its targets, to its form.
func (v *validator) deb(at string, d Deb) {
	v.form(at+"name", d.Name, debName, "a package name of the distribution")
	v.form(at+"version", d.Version, oneWord, "a version")
	v.form(at+"architecture", d.Architecture, oneWord, "an architecture")
	v.form(at+"archive", d.Archive, oneWord, "an archive's name")
	if d.Path == "" || path.IsAbs(d.Path) || path.Clean(d.Path) != d.Path || strings.HasPrefix(d.Path, "../") {
		v.fail(at+"path", "%q is not a path in the archive", d.Path)
	}
	v.hash(at+"sha256", d.SHA256)
	v.size(at+"size", d.Size)
}

func (v *validator) archives(list []Archive) {
	names := map[string]bool{}
	for i, a := range list {
		at := fmt.Sprintf("base.archive[%d].", i)
		v.form(at+"name", a.Name, oneWord, "a name without blanks")
		if names[a.Name] {
			v.fail(at+"name", "%s stands twice", a.Name)
		}
		names[a.Name] = true
		v.address(at+"url", a.URL)
	}
}

// images holds the images to their form: one for each target, if the base is an image.
func (v *validator) images(b Base) {
	if b.Reference == "" && len(b.Images) > 0 {
		v.fail("base.reference", "is missing: the base has images")
	}
	if b.Reference != "" && len(b.Images) != len(v.lock.Targets) {
		v.fail("base.image", "there are %d images for %d targets", len(b.Images), len(v.lock.Targets))
	}
	seen := map[string]bool{}
	for i, x := range b.Images {
		at := fmt.Sprintf("base.image[%d].", i)
		if !v.targets[x.Target] || seen[x.Target] {
			v.fail(at+"target", "there is no target %q, or it has two images", x.Target)
		}
		seen[x.Target] = true
		v.digest(at+"digest", x.Digest)
		v.digest(at+"config", x.Config)
		v.instant(at+"created", x.Created)
		if x.Python != "" && (!path.IsAbs(x.Python) || path.Clean(x.Python) != x.Python) {
			v.fail(at+"python", "%q is not an absolute path in its shortest form", x.Python)
		}
		if x.UserID < 0 || x.UserID >= 1<<32-1 {
			v.fail(at+"user-id", "%d is no number of a user", x.UserID)
		}
		if len(x.Layers) == 0 {
			v.fail(at+"layer", "is missing: an image has layers")
		}
		for j, y := range x.Layers {
			at := fmt.Sprintf("base.image[%d].layer[%d].", i, j)
			v.digest(at+"digest", y.Digest)
			v.digest(at+"diff-id", y.DiffID)
			v.size(at+"size", y.Size)
			v.form(at+"media-type", y.MediaType, oneWord, "a media type")
		}
	}
}

// onDistribution fails for targets that no assembled base can have: distributions package neither musl as their C library nor
// free-threaded interpreters.
func (v *validator) onDistribution(b Base) {
	if b.Reference != "" {
		return
	}
	for i, t := range v.lock.Targets {
		own := slices.ContainsFunc(b.Interpreters, func(x Interpreter) bool { return x.Target == t.Platform })
		switch at := fmt.Sprintf("target[%d].", i); {
		case t.Musl != "":
			v.fail(at+"musl", "the base is %s, whose C library is glibc", b.Distro)
		case t.FreeThreaded() && !own:
			v.fail(at+"abi", "%q is a free-threaded build, of which %s has none, and there is no interpreter", t.ABI, b.Distro)
		}
	}
}

func (v *validator) interpreters(list []Interpreter) {
	targets := map[string]bool{}
	for i, x := range list {
		at := fmt.Sprintf("base.interpreter[%d].", i)
		v.platforms(at+"target", []string{x.Target}, true)
		if targets[x.Target] {
			v.fail(at+"target", "%s has two interpreters", x.Target)
		}
		targets[x.Target] = true
		for _, t := range v.lock.Targets {
			if t.Platform == x.Target && t.Python != x.Version {
				v.fail(at+"version", "%q is not the Python of %s, which is %s", x.Version, x.Target, t.Python)
			}
		}
		if x.Archive != "" {
			v.form(at+"archive", x.Archive, oneWord, "an archive's name")
		}
		if x.Path == "" {
			v.fail(at+"path", "is missing")
		}
		v.hash(at+"sha256", x.SHA256)
		v.size(at+"size", x.Size)
	}
}

func (v *validator) packages() {
	files := map[string]bool{}
	for i, p := range v.lock.Packages {
		at := fmt.Sprintf("package[%d].", i)
		v.form(at+"name", p.Name, pythonName, "a normalised package name")
		v.form(at+"version", p.Version, oneWord, "a version")
		if p.Index != "" && !v.indexes[p.Index] {
			v.fail(at+"index", "there is no index %q", p.Index)
		}
		v.origin(at, p)
		for k, t := range p.Targets {
			v.install(fmt.Sprintf("%stargets[%d]", at, k), t, p.Name)
		}
		for j, f := range p.Files {
			at := fmt.Sprintf("package[%d].file[%d].", i, j)
			if key := p.Origin() + "\x00" + f.Name + "\x00" + f.Build; files[key] {
				v.fail(at+"name", "%s stands twice", f.Name)
			} else {
				files[key] = true
			}
			v.file(at, p, f)
			v.platforms(at+"targets", f.Targets, true)
			for k, t := range f.Targets {
				v.install(fmt.Sprintf("%stargets[%d]", at, k), t, p.Name)
			}
		}
	}
	for i, p := range v.lock.Packages {
		v.sources(fmt.Sprintf("package[%d].", i), p)
	}
	all := make([]string, 0, len(v.lock.Targets))
	for _, t := range v.lock.Targets {
		all = append(all, t.Platform)
	}
	v.edges("project.requires", v.lock.Project.Requires, all)
	for i, p := range v.lock.Packages {
		v.edges(fmt.Sprintf("package[%d].requires", i), p.Requires, p.platforms())
	}
}

// install notes that a target uses a package, once.
func (v *validator) install(at, target, name string) {
	key := target + " " + name
	if v.installed[key] {
		v.fail(at, "%s has a second file or version of %s", target, name)
	}
	v.installed[key] = true
}

// edges holds the edges of something that is installed on the platforms of from.
func (v *validator) edges(at string, edges []Dependency, from []string) {
	for i, d := range edges {
		at := fmt.Sprintf("%s[%d]", at, i)
		v.form(at, d.Name, pythonName, "a normalised package name")
		for _, x := range d.Extras {
			v.form(at, x, pythonName, "a normalised name of an extra")
		}
		if d.Specifiers != "" {
			v.form(at, d.Specifiers, specifiers, "specifiers of a version")
		}
		v.platforms(at, d.Targets, false)
		holds := from
		if len(d.Targets) > 0 {
			holds = d.Targets
		}
		for _, t := range holds {
			if !slices.Contains(from, t) {
				v.fail(at, "the edge to %s holds on %s, where its origin is not installed", d.Name, t)
			}
			if !v.installed[t+" "+d.Name] {
				v.fail(at, "%s is not installed on %s", d.Name, t)
			}
		}
	}
}

// platforms are those that install the package, in no order.
func (p *Package) platforms() []string {
	list := slices.Clone(p.Targets)
	for _, f := range p.Files {
		list = append(list, f.Targets...)
	}
	return list
}
