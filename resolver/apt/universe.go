package apt

import (
	"fmt"
	"sort"
)

// universe is what there is to choose from: of each name one candidate, as apt has it, and who provides
// which name.
type universe struct {
	byName    map[string]*candidate
	newest    map[string]*candidate // where byName holds another version, kept by preference
	providers map[string][]provider
}

type provider struct {
	by    *candidate
	gives relation
}

// newUniverse chooses the candidates. Indexes come in the order of pockets: of equal versions the first
// counts. What is in the image, or preferred and still there, goes before the newest, unless it is in dropped.
func newUniverse(indexes [][]candidate, installed []candidate, prefer map[string]string, dropped map[string]bool) (*universe, error) {
	total := 0
	for _, index := range indexes {
		total += len(index)
	}
	newest := make(map[string]*candidate, total)
	kept := map[string]*candidate{}
	for _, index := range indexes {
		for i := range index {
			c := &index[i]
			if old := newest[c.name]; old == nil || CompareVersions(c.version, old.version) > 0 {
				newest[c.name] = c
			}
			if prefer[c.name] == c.version && kept[c.name] == nil && !dropped[c.name] {
				kept[c.name] = c
			}
		}
	}
	for i := range installed {
		if c := &installed[i]; !dropped[c.name] {
			kept[c.name] = c
		}
	}
	u := &universe{byName: newest, newest: map[string]*candidate{}, providers: map[string][]provider{}}
	for name, c := range kept {
		if n := newest[name]; n != nil && n.version != c.version {
			u.newest[name] = n
		}
		newest[name] = c
	}
	return u, u.index()
}

// index collects the provided names. Providers are ranked by priority, then by name, as apt ranks them.
func (u *universe) index() error {
	for _, c := range u.byName {
		if c.provides == "" {
			continue
		}
		all, err := parseRelations(c.provides)
		if err != nil {
			return fmt.Errorf("package %s %s, field Provides: %w", c.name, c.version, err)
		}
		for _, alt := range all {
			u.providers[alt[0].name] = append(u.providers[alt[0].name], provider{c, alt[0]})
		}
	}
	for _, list := range u.providers {
		sort.Slice(list, func(i, j int) bool {
			a, b := list[i].by, list[j].by
			if x, y := rank(a.priority), rank(b.priority); x != y {
				return x < y
			}
			if a.name != b.name {
				return a.name < b.name
			}
			return list[i].gives.version < list[j].gives.version
		})
	}
	return nil
}

// rank orders priorities (policy 2.5); an unknown one is last.
func rank(priority string) int {
	for i, p := range []string{"required", "important", "standard", "optional"} {
		if p == priority {
			return i
		}
	}
	return 4
}

// satisfying lists who meets the relation, the package of that name first, then its providers by rank.
func (u *universe) satisfying(r relation) []*candidate {
	var found []*candidate
	if c := u.byName[r.name]; c != nil && r.metBy(c) {
		found = append(found, c)
	}
	for _, p := range u.providers[r.name] {
		if r.allowsProvided(p.gives) && r.ofArchitecture(p.by) {
			found = append(found, p.by)
		}
	}
	return found
}

// metBy tells whether the package itself, not by what it provides, meets the relation.
func (r relation) metBy(c *candidate) bool {
	return c.name == r.name && r.allows(c.version) && r.ofArchitecture(c)
}

// ofArchitecture minds the qualifier: there is only one architecture, so "any" and "native" mean it.
func (r relation) ofArchitecture(c *candidate) bool {
	switch r.qualifier {
	case "", "any", "native", c.architecture:
		return true
	}
	return false
}
