package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// Policies are what the manifest says of single packages, whoever needs them. Names are normalised, and lists are
// sorted by name.
type Policies struct {
	Overrides []Requirement // bounds that stand in place of all others of the package
	Excluded  []Excluded
	Packages  []PackagePolicy
	Metadata  []Replacement // of one package in the manifest's order
	Ownership []Owner       // by path
}

// Excluded is a package that is never installed.
type Excluded struct {
	Name     string
	Pos      diag.Position
	Required []Requirement // of it, in requirements files and groups
}

// PackagePolicy is how versions of one package are chosen.
type PackagePolicy struct {
	Name        string
	Prereleases Prereleases // "": as for all packages
	// AsOf counts only with OwnAsOf; the zero value says then that the package has none.
	AsOf    AsOf
	OwnAsOf bool
	AsOfPos diag.Position // of its value
	Pos     diag.Position
}

// Replacement is metadata that stands in place of a package's own.
type Replacement struct {
	Name     string
	Versions pep440.Specifiers // that it is about; none: all
	// Requires replaces the requirements, with NewRequires; a replacement that has none says that there are none.
	Requires    []pep508.Requirement
	NewRequires bool
	Python      string // replaces Requires-Python, with NewPython; "": any
	NewPython   bool
	Extras      []string // replaces the names of the extras, normalised and sorted; nil: those that Requires mentions
	Pos         diag.Position
}

// Of is the replaced metadata of a version of a package, nil for none. The first that is about the version counts.
func (p *Policies) Of(name string, v pep440.Version) *Replacement {
	for i := range p.Metadata {
		if r := &p.Metadata[i]; r.Name == name && (r.Versions.Len() == 0 || r.Versions.Contains(v)) {
			return r
		}
	}
	return nil
}

// readBounds reads a table of package = "bounds".
func (d *document) readBounds(m *Manifest, table, what string) ([]Requirement, error) {
	var out []Requirement
	content := d.table(table)
	for _, name := range slices.Sorted(maps.Keys(content)) {
		at := d.path(table, name)
		normal, err := d.packageName(at, name)
		if err != nil {
			return nil, err
		}
		text := content[name].(string)
		if strings.HasPrefix(strings.TrimSpace(text), "@") && table == "constraints" {
			r, err := d.requirement(m, at, name+" "+text)
			if err != nil {
				return nil, err
			}
			out = append(out, r)
			continue
		}
		specs, err := pep440.ParseSpecifiers(text)
		if err != nil {
			return nil, d.noSpecifier(at, text, err, fmt.Sprintf("%s of %s", what, name))
		}
		out = append(out, Requirement{Requirement: pep508.Requirement{Name: normal, RawName: name, Specifiers: specs}, Pos: d.value(at)})
	}
	return out, nil
}

// packageName normalises the name that a key is.
func (d *document) packageName(at, name string) (string, error) {
	if !nameForm().MatchString(name) {
		return "", d.fail(d.key(at), "%q is no package name", name)
	}
	return pep508.NormalizeName(name), nil
}

func (d *document) noSpecifier(at, text string, err error, what string) *diag.Error {
	pos := d.value(at)
	if s := (*pep440.Error)(nil); errors.As(err, &s) {
		pos = d.inside(at, text, s.Offset)
	}
	return d.fail(pos, "%s: %q is no version specifier", what, text).Hint("as in <2 or >=1.24,!=1.25.0")
}

func (d *document) readConstraints(m *Manifest) (err error) {
	m.Constraints, err = d.readBounds(m, "constraints", "constraint")
	return err
}

// readPolicies reads [overrides], [ownership], [metadata], and of [resolver] what is about single packages.
func (d *document) readPolicies(m *Manifest) (err error) {
	p := &m.Policies
	if p.Overrides, err = d.readBounds(m, "overrides", "override"); err != nil {
		return err
	}
	slices.SortStableFunc(p.Overrides, func(a, b Requirement) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(p.Overrides); i++ {
		if a, b := p.Overrides[i-1], p.Overrides[i]; a.Name == b.Name {
			return d.fail(second(a.Pos, b.Pos), "the override of %s stands twice, as %s and %s", a.Name, a.RawName, b.RawName)
		}
	}
	if err := d.readExcluded(p); err != nil {
		return err
	}
	if err := d.readPackagePolicies(p); err != nil {
		return err
	}
	if err := d.readOwnership(p); err != nil {
		return err
	}
	return d.readMetadata(m)
}

func (d *document) readExcluded(p *Policies) error {
	names, at := d.list("resolver", "exclude")
	for i, name := range names {
		here := d.value(item(at, i))
		if !nameForm().MatchString(name) {
			return d.fail(here, "resolver.exclude: %q is no package name", name)
		}
		p.Excluded = append(p.Excluded, Excluded{Name: pep508.NormalizeName(name), Pos: here})
	}
	slices.SortStableFunc(p.Excluded, func(a, b Excluded) int { return strings.Compare(a.Name, b.Name) })
	p.Excluded = slices.CompactFunc(p.Excluded, func(a, b Excluded) bool { return a.Name == b.Name })
	return nil
}

// checkExcluded refuses a requirement of the manifest of what is never installed. What other files require is left out: they are
// not edited.
func (m *Manifest) checkExcluded() error {
	for i := range m.Excluded {
		x := &m.Excluded[i]
		m.Requirements = slices.DeleteFunc(m.Requirements, func(r Requirement) bool {
			if r.Name != x.Name || r.Pos.File == m.File {
				return false
			}
			x.Required = append(x.Required, r)
			return true
		})
		for _, r := range m.Requirements {
			if r.Name == x.Name {
				return diag.New(diag.Manifest, "%s is required here, and resolver.exclude says that it is never installed", r.RawName).At(r.Pos).
					Hint("take it out of one of them; resolver.exclude has it at %s", x.Pos)
			}
		}
	}
	return nil
}

func (d *document) readPackagePolicies(p *Policies) error {
	all, _ := d.table("resolver")["packages"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		at := d.path("resolver", "packages", name)
		normal, err := d.packageName(at, name)
		if err != nil {
			return err
		}
		one := PackagePolicy{Name: normal, Pos: d.key(at)}
		table := all[name].(map[string]any)
		if text, ok := table["prereleases"].(string); ok {
			if one.Prereleases, err = d.prereleases(join(at, "prereleases"), "prereleases", text); err != nil {
				return err
			}
		}
		if value, ok := table["as-of"]; ok {
			one.OwnAsOf, one.AsOfPos = true, d.value(join(at, "as-of"))
			if value != "none" {
				var err *diag.Error
				if one.AsOf, err = d.asOf(join(at, "as-of"), "as-of of "+name, value); err != nil {
					return err.Hint("none says that as-of of the project does not count for this package")
				}
			}
		}
		p.Packages = append(p.Packages, one)
	}
	slices.SortStableFunc(p.Packages, func(a, b PackagePolicy) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(p.Packages); i++ {
		if a, b := p.Packages[i-1], p.Packages[i]; a.Name == b.Name {
			return d.fail(second(a.Pos, b.Pos), "[%s] stands twice, in two spellings", d.path("resolver", "packages", a.Name))
		}
	}
	return nil
}

// second is the place that comes second in its file.
func second(a, b diag.Position) diag.Position {
	if a.Line > b.Line || a.Line == b.Line && a.Col > b.Col {
		return a
	}
	return b
}

func (p *Policies) excludedNames() []string {
	var names []string
	for _, x := range p.Excluded {
		names = append(names, x.Name)
	}
	return names
}

// meaning gives texts for the hash: of policies "NAME prereleases POLICY as-of MOMENT", of replaced metadata
// "NAME SPECIFIERS requires [REQUIREMENTS] python SPECIFIERS extras [NAMES]", each without what is not said.
func (p *Policies) meaning() (policies, metadata []string) {
	for _, one := range p.Packages {
		text := one.Name
		if one.Prereleases != "" {
			text += " prereleases " + string(one.Prereleases)
		}
		if one.OwnAsOf {
			text += " as-of " + cmp.Or(one.AsOf.String(), "none")
		}
		policies = append(policies, text)
	}
	for _, r := range p.Metadata {
		metadata = append(metadata, r.Name+" "+cmp.Or(r.Versions.String(), "*")+" "+r.String())
	}
	return policies, metadata
}

// Parts are the parts of metadata that are replaced: "extras", "python", "requires".
func (r *Replacement) Parts() []string {
	var parts []string
	if r.Extras != nil {
		parts = append(parts, "extras")
	}
	if r.NewPython {
		parts = append(parts, "python")
	}
	if r.NewRequires {
		parts = append(parts, "requires")
	}
	return parts
}

// String is what the replacement says, in canonical form.
func (r *Replacement) String() string {
	var parts []string
	if r.NewRequires {
		var texts []string
		for _, q := range r.Requires {
			texts = append(texts, q.String())
		}
		parts = append(parts, "requires ["+strings.Join(unique(texts), ", ")+"]")
	}
	if r.NewPython {
		parts = append(parts, "python "+cmp.Or(r.Python, "*"))
	}
	if r.Extras != nil {
		parts = append(parts, "extras ["+strings.Join(r.Extras, ", ")+"]")
	}
	return strings.Join(parts, " ")
}
