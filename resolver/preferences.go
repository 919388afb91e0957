package resolver

import (
	"slices"

	"github.com/envpack/envpack/resolver/pep440"
)

// preferences are the versions to try before the newest, by project: that of the old lock for the
// target, those of the targets that are solved, and the old lock's for other targets. In this order,
// so that locking again changes nothing.
type preferences struct {
	versions map[string][]pep440.Version
	old      map[string][]pep440.Version // those of the old lock, which may be yanked
}

func newPreferences(o Options, t *target, done []*solved) preferences {
	p := preferences{versions: map[string][]pep440.Version{}, old: map[string][]pep440.Version{}}
	own, other := map[string][]pep440.Version{}, map[string][]pep440.Version{}
	if o.Previous != nil && !o.Upgrade {
		for _, q := range o.Previous.Packages {
			v, err := pep440.Parse(q.Version)
			if err != nil || slices.Contains(o.Packages, q.Name) {
				continue
			}
			p.old[q.Name] = append(p.old[q.Name], v)
			if slices.Contains(targetsOf(&q), t.Platform) {
				own[q.Name] = append(own[q.Name], v)
			} else {
				other[q.Name] = append(other[q.Name], v)
			}
		}
	}
	p.add(own)
	for _, s := range done {
		for name, v := range s.versions {
			p.versions[name] = append(p.versions[name], v)
		}
	}
	p.add(other)
	return p
}

// add appends versions, the newest first.
func (p *preferences) add(list map[string][]pep440.Version) {
	for name, versions := range list {
		slices.SortFunc(versions, func(a, b pep440.Version) int { return b.Compare(a) })
		p.versions[name] = append(p.versions[name], versions...)
	}
}

// of are the versions of a project to try, the first first.
func (p *preferences) of(name string) []pep440.Version { return p.versions[name] }

// kept tells whether the old lock has the version.
func (p *preferences) kept(name string, v pep440.Version) bool {
	return slices.ContainsFunc(p.old[name], v.Equal)
}
