package imagegen

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/envpack/envpack/imagegen/project"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

// Plan says what the image of one platform is made of. It is pure: making it reads nothing.
type Plan struct {
	Lock    *lockfile.Lock
	Target  lockfile.Target
	Project *project.Tree // nil: the environment alone
	// ProjectErr says why the project's files, which the image has, cannot be had; only [Builder.Rebuild] goes on then.
	ProjectErr error
	Created    time.Time
	// Anew are names of layers that are to be made although the store remembers them, for when it may do so
	// wrongly: what it notes is as right as the envpack that noted it.
	Anew []string
	// Fresh says the same of all layers.
	Fresh bool

	debs        []lockfile.Deb // of the base
	system      []lockfile.Deb // wanted besides
	interpreter *lockfile.Interpreter
	parent      *lockfile.BaseImage
	standing    *standing // parent, opened by Build
	seal        *lockfile.Seal
	groups      []lockfile.Group
	data        []lockfile.DataFile
}

// NewPlan selects from the lock what belongs to the platform. tree may be nil. Errors: a platform
// that the lock does not have; a file of the project where a data file is to lie.
func NewPlan(lock *lockfile.Lock, platform string, tree *project.Tree) (*Plan, error) {
	p := &Plan{Lock: lock, Project: tree, Created: lock.Created(platform)}
	for _, t := range lock.Targets {
		if t.Platform == platform {
			p.Target = t
		}
	}
	if p.Target.Platform == "" {
		return nil, diag.New(diag.Usage, "the lock has no platform %s, only %s", platform, strings.Join(platforms(lock), ", ")).
			Hint("list it in platforms in the manifest, and lock again: `envpack lock`")
	}
	for _, d := range lock.Base.Debs {
		switch {
		case !slices.Contains(d.Targets, platform):
		case d.System:
			p.system = append(p.system, d)
		default:
			p.debs = append(p.debs, d)
		}
	}
	for _, i := range lock.Base.Images {
		if i.Target == platform {
			p.parent = &i
		}
	}
	for _, i := range lock.Base.Interpreters {
		if i.Target == platform {
			p.interpreter = &i
		}
	}
	p.seal = lock.SealOf(platform)
	p.groups, p.data = lock.Groups(platform), lock.DataOn(platform)
	return p, checkData(p.data, tree, lock.Image.Workdir)
}

// anew tells whether a layer is to be made whatever the store remembers.
func (p *Plan) anew(name string) bool { return p.Fresh || slices.Contains(p.Anew, name) }

func platforms(lock *lockfile.Lock) []string {
	var names []string
	for _, t := range lock.Targets {
		names = append(names, t.Platform)
	}
	return names
}

// architecture is the platform's second half, which Debian and OCI name alike.
func (p *Plan) architecture() string {
	_, arch, _ := strings.Cut(p.Target.Platform, "/")
	return arch
}

// wheels are the files of a group for the plan's platform.
func (p *Plan) wheels(g lockfile.Group) []Wheel {
	var list []Wheel
	for _, pkg := range g.Packages {
		for _, f := range pkg.Files {
			if slices.Contains(f.Targets, p.Target.Platform) {
				list = append(list, Wheel{Package: pkg, File: f})
			}
		}
	}
	slices.SortStableFunc(list, byName)
	return list
}

// Wheel is one wheel of the lock.
type Wheel struct {
	Package lockfile.Package
	File    lockfile.File
}

func byName(a, b Wheel) int { return strings.Compare(a.Package.Name, b.Package.Name) }

// inputs hashes what a layer is made of: one fact a line, as docs/format.md lists them per kind.
func inputs(kind string, facts ...string) string {
	h := sha256.New()
	fmt.Fprintln(h, kind)
	for _, f := range facts {
		fmt.Fprintln(h, f)
	}
	return hex.EncodeToString(h.Sum(nil))
}
