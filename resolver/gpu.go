package resolver

import (
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/resolver/cuda"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
	"github.com/envpack/envpack/resolver/pubgrub"
)

// toolkit is CUDA as the solver sees it: a package whose versions are CUDA's major versions. Whatever is built for a major
// version depends on that version of it. So an image has one, whatever brings it; and one that the wanted
// driver does not run, or that gpu.cuda leaves out, is a version that cannot be used, from which the solver goes back as from
// any other. No project has a name with capitals.
var toolkit = pkg{name: "CUDA"}

// oldestCUDA and newestCUDA bound the major versions that the solver knows. Those that are newer than the table of drivers
// are there to be refused with a reason.
const oldestCUDA, newestCUDA = 7, 29

// gpu is what the manifest's [gpu] asks of versions; nil asks nothing. It does not change while it is solved.
type gpu struct {
	want  *manifest.GPU
	loose bool               // nothing is asked after all: to find out what would be
	found map[string]finding // by findingKey: what was read of wheels, which grows between solving and solving

	tabled   atomic.Bool // the table of frameworks left something out, which was not read
	untabled bool        // it leaves out nothing
}

// newGPU gives nil for a manifest without [gpu].
func newGPU(m *manifest.Manifest) *gpu {
	if m.GPU == nil {
		return nil
	}
	return &gpu{want: m.GPU, found: map[string]finding{}}
}

// release is CUDA as a release.
func (g *gpu) release() *release {
	r := &release{project: &index.Project{Name: toolkit.name, IndexName: DefaultIndex}}
	for major := newestCUDA; major >= oldestCUDA; major-- {
		c := &candidate{version: majorVersion(major)}
		c.once.Do(func() { c.settled = &settled{reason: g.refusal(major)} })
		r.candidates = append(r.candidates, c)
	}
	return r
}

func majorVersion(major int) pep440.Version { return pep440.MustParse(strconv.Itoa(major)) }

// builtFor is the reason of a dependency on CUDA: what is for one major version is told apart from what is for another.
type builtFor int

// refusal says why a major version of CUDA cannot be used; usable if it can.
func (g *gpu) refusal(major int) reason { return g.refusalOf(cuda.Version{Major: major, Minor: -1}) }

// refusalOf says why a version of CUDA cannot be used; usable if it can.
func (g *gpu) refusalOf(v cuda.Version) reason {
	if !g.want.CUDA.Contains(v) {
		return reason{otherCUDA, g.notWanted()}
	}
	for i, d := range g.want.Devices {
		if serves, oldest := cuda.Serves(v, d.Capability); !serves {
			return reason{noKernels, fmt.Sprintf("is for GPUs from %s on, and gpu.devices has %s%s", oldest.SM(), d, g.placeOf(i))}
		}
	}
	driver := g.want.MinDriver
	if driver.IsZero() {
		return reason{}
	}
	floor, known := cuda.Floor(v)
	switch {
	case !known:
		return reason{needsDriver, fmt.Sprintf("is not known to envpack, so neither is the driver that it needs; min-driver is %s%s", driver, at(g.want.MinDriverPos))}
	case !driver.Meets(floor):
		return reason{needsDriver, fmt.Sprintf("needs driver %s or newer, and min-driver is %s%s", floor, driver, at(g.want.MinDriverPos))}
	}
	return reason{}
}

// notWanted says which CUDA is wanted.
func (g *gpu) notWanted() string {
	return fmt.Sprintf("is not what is wanted: gpu.cuda is %s%s", g.want.CUDA, at(g.want.CUDAPos))
}

// at is a place in brackets, "" for none.
func at(pos diag.Position) string {
	if pos.IsZero() {
		return ""
	}
	return " (" + pos.String() + ")"
}

// carries adds to a version's dependencies the CUDA that it is for. A version that is for one which cannot be used, or for no
// GPU at all, is unavailable.
func (g *gpu) carries(d *deps, platform, name string, v pep440.Version, requires []pep508.Requirement) {
	if g == nil || g.loose {
		return
	}
	var names []string
	for _, r := range requires {
		names = append(names, r.Name)
	}
	p := cuda.Package{Name: name, Version: v.String(), Requires: names, Platform: platform}
	if why := g.fails(name, v.String()); why != "" {
		d.Unavailable = reason{noKernels, why}
		return
	}
	if why := g.unfit(platform, name, v.String()); why != "" {
		d.Unavailable = reason{noKernels, why}
		return
	}
	found, read := g.found[findingKey(platform, name, v.String())]
	if !read && !g.untabled { // else that goes before the table
		for i, device := range g.want.Devices {
			if lacks := cuda.TableLacks(p, device); lacks != "" {
				g.tabled.Store(true)
				d.Unavailable = reason{noKernels, g.lacks(i, lacks)}
				return
			}
		}
	}
	if found.major != 0 {
		d.Depends = append(d.Depends, dep{Package: toolkit, Set: pep440.Singleton(majorVersion(found.major)), Reason: builtFor(found.major)})
		return
	}
	switch b := cuda.Brings(p); {
	case b.Listed && slices.ContainsFunc(names, cuda.IsLibrary): // these say it themselves
	case b.Listed && cuda.Elsewhere(p) && !found.code: // by the table, until its wheel shows some, it computes on the processor
	case b.Role == cuda.Processor:
		d.Unavailable = reason{noGPUCode, b.Reason}
	case b.Version.Major < oldestCUDA || b.Version.Major > newestCUDA:
	case g.minor(b) != "":
		d.Unavailable = reason{otherCUDA, fmt.Sprintf("is for CUDA %s, which %s", b.Version, g.minor(b))}
	default:
		d.Depends = append(d.Depends, dep{Package: toolkit, Set: pep440.Singleton(majorVersion(b.Version.Major)), Reason: builtFor(b.Version.Major)})
	}
}

// minor says why the minor version of what a package brings is not wanted, "" if it is. That of libraries beside the runtime
// counts for itself, and not for the whole. What the table has a framework built with says the major version alone, since the libraries of
// a later minor version serve it as well.
func (g *gpu) minor(b cuda.Brought) string {
	if b.Version.Minor < 0 || b.Listed || !b.Runtime && b.Role != cuda.Framework || g.want.CUDA.Contains(b.Version) || !g.want.CUDA.Contains(cuda.Version{Major: b.Version.Major, Minor: -1}) {
		return ""
	}
	return g.notWanted()
}

// cudaExtra is how extras are called that bring CUDA's libraries: cuda, cuda12, cuda12-local, and-cuda, cu13, cudnn, ctk, gpu.
var cudaExtra = pattern.New(`^(?:and-)?(?:cuda|cudnn|cu[0-9]{2}|ctk|gpu|nvidia)`)

// wantsExtra tells whether a version that lacks an extra cannot be used: old versions of many projects do not have the one
// that brings CUDA, and would be found in place of newer ones whose CUDA is not wanted.
func (g *gpu) wantsExtra(extra string) bool {
	return g != nil && !g.loose && extra != "" && cudaExtra().MatchString(extra)
}

// refusal is why a version of CUDA that is needed cannot be used, if that is all that there is to say of it.
func (u *unmet) refusal() (text string, ok bool) {
	if u.name != toolkit.name || len(u.parts) != 1 || len(u.demands) > 0 {
		return "", false
	}
	why, ok := u.parts[0].fact.Reason.(reason)
	return why.detail, ok
}

// plainly names a package in place of one of its extras wherever that is as good: the libraries of CUDA are often extras of
// the package that names them, and which of these the solver came upon says nothing.
func plainly(facts []*step) []*step {
	if !slices.ContainsFunc(facts, func(f *step) bool { return f.Package == toolkit || f.Dep.Package == toolkit }) {
		return facts
	}
	for i, f := range facts {
		if f.Dep.Package.extra == "" {
			continue
		}
		bare := *f
		bare.Dep.Package.extra = ""
		bare.Terms = slices.Clone(f.Terms)
		for k := range bare.Terms {
			if bare.Terms[k].Package == f.Dep.Package {
				bare.Terms[k].Package = bare.Dep.Package
			}
		}
		all := slices.Clone(facts)
		if all[i] = &bare; pubgrub.Contradictory(root, all) {
			facts = all
		}
	}
	return facts
}

// mixed says, where a failure is that two packages are for different versions of CUDA, why that is one.
func mixed(facts []*step) []string {
	var sets []pep440.Set
	for _, f := range facts {
		if f.Dep.Package == toolkit && !slices.ContainsFunc(sets, f.Dep.Set.Equal) {
			sets = append(sets, f.Dep.Set)
		}
		if f.Package == toolkit {
			return nil // it is told of the driver
		}
	}
	if len(sets) < 2 {
		return nil
	}
	return []string{"The packages of an image are for one major version of CUDA, since their libraries are loaded into one process"}
}
