package lockfile

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// How packages are spread over layers. Beside them an image has at most six: base, python, system, environment,
// project and lock. So it has no more than 98, and one for each data file; engines take about 120.
const (
	Bins         = 32       // layers that small packages share
	MaxOwnLayers = 60       // packages with a layer of their own
	OwnFrom      = 16 << 20 // bytes of a wheel from which on its package gets a layer of its own
	OwnUntil     = 8 << 20  // bytes of a wheel below which its package loses it
)

// Group is the packages of one layer.
type Group struct {
	Name     string // of the layer: "torch 2.15.0" or "wheels 07"
	Own      bool   // it is one package's own
	Packages []Package
}

// Groups are the layers of the packages that the platform installs: those that have one of their own, by
// name, then the bins that are not empty, by number. The files of each package are those of the platform.
func (l *Lock) Groups(platform string) []Group {
	var own []Group
	var bins [Bins]Group
	for _, p := range l.Packages {
		p, ok := p.on(platform)
		switch {
		case !ok || !p.Built(): // what is not built has no layer
		case p.OwnLayer:
			own = append(own, Group{Name: p.Name + " " + p.Version, Own: true, Packages: []Package{p}})
		default:
			b := &bins[Bin(p.Name)]
			b.Packages = append(b.Packages, p)
		}
	}
	slices.SortFunc(own, func(a, b Group) int { return strings.Compare(a.Packages[0].Name, b.Packages[0].Name) })
	groups := own
	for i, b := range bins {
		if len(b.Packages) > 0 {
			b.Name = fmt.Sprintf("wheels %02d", i)
			slices.SortFunc(b.Packages, func(a, b Package) int { return strings.Compare(a.Name, b.Name) })
			groups = append(groups, b)
		}
	}
	return groups
}

// Bin is the number of the bin that a package without a layer of its own belongs to: the SHA-256 of its
// normalised name modulo [Bins]. It depends on nothing else, so no other package ever moves it.
func Bin(name string) int {
	sum := sha256.Sum256([]byte(name))
	return int(sum[len(sum)-1]) % Bins
}

// on is the package with only the platform's files; false if it is not installed there.
func (p Package) on(platform string) (Package, bool) {
	var files []File
	for _, f := range p.Files {
		if slices.Contains(f.Targets, platform) {
			files = append(files, f)
		}
	}
	p.Files = files
	if slices.Contains(p.Targets, platform) {
		p.Targets = []string{platform}
		return p, true
	}
	return p, len(files) > 0
}

// ChooseLayers decides which packages get a layer of their own. One whose largest wheel has [OwnFrom]
// bytes or more does; one that had it in the old lock, in whatever version, keeps it down to [OwnUntil],
// so that a package near the limit does not move back and forth. If those are more than [MaxOwnLayers],
// the largest win, by name where they are equal. The old lock may be nil.
func ChooseLayers(l, old *Lock) {
	had := map[string]bool{}
	if old != nil {
		for _, p := range old.Packages {
			had[p.Name] = had[p.Name] || p.OwnLayer
		}
	}
	type candidate struct {
		p    *Package
		size int64
	}
	var list []candidate
	for i := range l.Packages {
		p := &l.Packages[i]
		p.OwnLayer = false
		var size int64
		for _, f := range p.Files {
			if f.IsWheel() {
				size = max(size, f.Size)
			}
		}
		if size >= OwnFrom || had[p.Name] && size >= OwnUntil {
			list = append(list, candidate{p, size})
		}
	}
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.size, a.size), strings.Compare(a.p.Name, b.p.Name), strings.Compare(a.p.Version, b.p.Version))
	})
	for _, c := range list[:min(len(list), MaxOwnLayers)] {
		c.p.OwnLayer = true
	}
}
