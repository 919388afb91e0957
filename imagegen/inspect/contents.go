package inspect

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/lockfile"
)

// The most bytes that are kept of a file, and the most packages of an image.
const (
	osReleaseLimit = 64 << 10
	lockLimit      = 32 << 20
	packagesLimit  = 100_000
)

// Whiteouts, as the OCI image specification has them (layer.md, Whiteouts).
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// contents gathers what tells of the environment, over the layers from the lowest on.
type contents struct {
	lock      []byte
	osRelease map[string][]byte      // by path
	packages  map[string]distPackage // by the path of the .dist-info folder
	number    int                    // of the layer that is being read
	tooMany   bool
}

// distPackage is what the path of a .dist-info folder tells.
type distPackage struct {
	name, version, python string
	layer                 int // that has it
}

// layer begins the next layer.
func (c *contents) layer() { c.number++ }

// distInfo finds installed packages by their metadata: .dist-info folders in site-packages, or Debian's
// dist-packages, itself. Copies that a package carries for its own use are not installed.
var distInfo = pattern.New(`(?:^|/)(?:site|dist)-packages/([^/]+)-([^/-]+)\.dist-info/METADATA$`)

// pythonFolder tells the interpreter's minor version by where its packages are.
var pythonFolder = pattern.New(`(?:^|/)python(\d+\.\d+t?)/(?:site|dist)-packages/`)

func (c *contents) entry(p string, h *tar.Header, content io.Reader) error {
	folder, base := path.Split(p)
	folder = strings.TrimSuffix(folder, "/")
	switch {
	case base == opaque:
		c.remove(folder, false)
		return nil
	case strings.HasPrefix(base, whiteout):
		c.remove(path.Join(folder, strings.TrimPrefix(base, whiteout)), true)
		return nil
	}
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	switch p {
	case "etc/os-release", "usr/lib/os-release":
		data, err := io.ReadAll(io.LimitReader(content, osReleaseLimit))
		if err != nil {
			return err
		}
		if c.osRelease == nil {
			c.osRelease = map[string][]byte{}
		}
		c.osRelease[p] = data
	case lockPath:
		data, err := io.ReadAll(io.LimitReader(content, lockLimit+1))
		if err != nil {
			return err
		}
		if len(data) > lockLimit {
			return fmt.Errorf("%s is larger than %d bytes", lockPath, lockLimit)
		}
		c.lock = data
	default:
		c.dist(p)
	}
	return nil
}

func (c *contents) dist(p string) {
	if !strings.HasSuffix(p, ".dist-info/METADATA") {
		return
	}
	d := distPackage{layer: c.number}
	var ok bool
	if d.name, d.version, d.python, ok = installed(p); !ok {
		return
	}
	if c.packages == nil {
		c.packages = map[string]distPackage{}
	}
	folder := path.Dir(p)
	if _, ok := c.packages[folder]; !ok && len(c.packages) >= packagesLimit {
		c.tooMany = true
		return
	}
	c.packages[folder] = d
}

// Installed tells what Python package an installed file is the metadata of: its normalised name, its version, and the
// interpreter's minor version, "" where the path does not say. ok is false for every other file.
func Installed(p string) (name, version, python string, ok bool) {
	if !strings.HasSuffix(p, ".dist-info/METADATA") {
		return "", "", "", false
	}
	name, version, python, ok = installed(p)
	return normalise(name), version, python, ok
}

func installed(p string) (name, version, python string, ok bool) {
	m := distInfo().FindStringSubmatch(p)
	if m == nil {
		return "", "", "", false
	}
	if v := pythonFolder().FindStringSubmatch(p); v != nil {
		python = v[1]
	}
	return m[1], m[2], python, true
}

// remove takes away what lower layers have at the path, if itself, and below it. What the same layer has
// there stays, in whatever order it comes.
func (c *contents) remove(p string, itself bool) {
	gone := func(q string) bool { return p == "" || itself && q == p || strings.HasPrefix(q, p+"/") }
	for q, d := range c.packages {
		if d.layer < c.number && gone(q) {
			delete(c.packages, q)
		}
	}
	for q := range c.osRelease {
		if gone(q) {
			delete(c.osRelease, q)
		}
	}
	if gone(lockPath) {
		c.lock = nil
	}
}

// environment tells base and Python, by the lock if there is one, else by the files.
func (r *reader) environment() {
	if r.seen.lock != nil && r.fromLock() {
		r.compare()
		return
	}
	r.report.Base = BaseOf(r.seen.osRelease)
	if python := r.seen.python(); python != nil {
		r.report.Python = python
	}
	for _, e := range r.report.Config.Env { // of Docker's official Python images
		if version, ok := strings.CutPrefix(e, "PYTHON_VERSION="); ok && version != "" {
			if r.report.Python == nil {
				r.report.Python = &Python{Packages: []Package{}, Source: "environment"}
			}
			r.report.Python.Version = version
		}
	}
	if r.seen.tooMany {
		r.note("there are more than %d Python packages; the others are not listed", packagesLimit)
	}
}

// fromLock tells whether the lock could be read.
func (r *reader) fromLock() bool {
	l, err := lockfile.Parse(lockPath, r.seen.lock)
	if err != nil {
		var parse *lockfile.ParseError
		if errors.As(err, &parse) && (parse.Newer || parse.Unknown) {
			r.note("the lock in the image is not understood: %v", err)
		} else {
			r.note("the lock in the image is not one that envpack wrote: %v", err)
		}
		return false
	}
	i := slices.IndexFunc(l.Targets, func(t lockfile.Target) bool { return t.Platform == r.report.Platform })
	if i < 0 {
		r.note("the lock in the image is not for %s", r.report.Platform)
		return false
	}
	r.report.Lock = l
	r.report.Base = &Base{Distro: l.Base.Distro, Codename: l.Base.Codename, Debs: len(l.Base.Debs), Source: "lock"}
	if images := l.Base.Images; len(images) == 1 { // a lock in an image has the platform's only
		r.report.Base.Image = l.Base.Reference + "@" + images[0].Digest
	}
	python := &Python{Version: l.Targets[i].Version(), Packages: []Package{}, Source: "lock"}
	in := map[string][]string{} // packages by layer
	for _, g := range l.Groups(r.report.Platform) {
		for _, p := range g.Packages {
			in[g.Name] = append(in[g.Name], p.Name+" "+p.Version)
			entry := Package{Name: p.Name, Version: p.Version}
			for _, f := range p.Files {
				entry.Wheel = f.Name
			}
			python.Packages = append(python.Packages, entry)
		}
	}
	slices.SortFunc(python.Packages, func(a, b Package) int { return strings.Compare(a.Name, b.Name) })
	r.report.Python = python
	for i, layer := range r.report.Layers {
		if layer.Envpack {
			r.report.Layers[i].Packages = in[layer.Contents]
		}
	}
	return true
}

// compare notes packages of the environment that only the lock or only the files have.
func (r *reader) compare() {
	if !r.opts.Files {
		return
	}
	installed := map[string]bool{}
	for p, d := range r.seen.packages {
		if strings.HasPrefix(p, "opt/env/") {
			installed[normalise(d.name)] = true
		}
	}
	for _, p := range r.report.Python.Packages {
		if !installed[p.Name] {
			r.note("%s is in the lock and not in the files", p.Name)
		}
		delete(installed, p.Name)
	}
	var more []string
	for name := range installed {
		more = append(more, name)
	}
	slices.Sort(more)
	for _, name := range more {
		r.note("%s is in the files and not in the lock", name)
	}
}

var separators = pattern.New(`[-_.]+`)

// normalise is the name as PEP 503 compares names.
func normalise(name string) string {
	return strings.ToLower(separators().ReplaceAllString(name, "-"))
}

func (c *contents) python() *Python {
	if len(c.packages) == 0 {
		return nil
	}
	p := &Python{Source: "files"}
	versions := map[string]bool{}
	for at, d := range c.packages {
		p.Packages = append(p.Packages, Package{Name: normalise(d.name), Version: d.version, Path: at})
		if d.python != "" {
			versions[d.python] = true
		}
	}
	slices.SortFunc(p.Packages, func(a, b Package) int {
		if n := strings.Compare(a.Name, b.Name); n != 0 {
			return n
		}
		return strings.Compare(a.Path, b.Path)
	})
	if len(versions) == 1 {
		for v := range versions {
			p.Version = v
		}
	}
	return p
}

// BaseOf reads os-release, given by its path, of which etc's is the one that counts (os-release(5)). It is nil where
// there is none that says what it is.
func BaseOf(files map[string][]byte) *Base {
	for _, p := range []string{"etc/os-release", "usr/lib/os-release"} {
		values := map[string]string{}
		for line := range strings.SplitSeq(string(files[p]), "\n") {
			key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
			if ok && !strings.HasPrefix(key, "#") {
				values[key] = strings.Trim(value, `"'`)
			}
		}
		if id := values["ID"]; id != "" {
			b := &Base{Distro: id, Codename: values["VERSION_CODENAME"], Source: "os-release"}
			if v := values["VERSION_ID"]; v != "" {
				b.Distro += ":" + v
			}
			return b
		}
	}
	return nil
}
