package manifest

import (
	"maps"
	"slices"
	"strings"

	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// readMetadata reads [metadata]: a table, or a list of tables for several versions, below each package's name.
func (d *document) readMetadata(m *Manifest) error {
	p := &m.Policies
	all := d.table("metadata")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		at := d.path("metadata", name)
		normal, err := d.packageName(at, name)
		if err != nil {
			return err
		}
		list, several := tables(all[name])
		if !several {
			one, _ := all[name].(map[string]any)
			list = []map[string]any{one}
		}
		for i, table := range list {
			here := at
			if several {
				here = item(at, i)
			}
			r := Replacement{Name: normal, Pos: d.key(here)}
			if err := d.replacement(m, &r, here, name, table); err != nil {
				return err
			}
			if slices.ContainsFunc(p.Metadata, func(other Replacement) bool { return other.Name == normal && other.Versions.Len() == 0 }) {
				return d.fail(d.key(here), "metadata of %s: another table is about every version of it", name).
					Hint("say with version which versions each is about, as in version = \"==1.2\"")
			}
			p.Metadata = append(p.Metadata, r)
		}
	}
	slices.SortStableFunc(p.Metadata, func(a, b Replacement) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

func (d *document) replacement(m *Manifest, r *Replacement, at, name string, table map[string]any) error {
	if text, ok := table["version"].(string); ok {
		at := join(at, "version")
		specs, err := pep440.ParseSpecifiers(text)
		if err != nil {
			return d.noSpecifier(at, text, err, "metadata of "+name)
		}
		r.Versions = specs
	}
	if text, ok := table["python"].(string); ok {
		at := join(at, "python")
		specs, err := pep440.ParseSpecifiers(text)
		if err != nil {
			return d.noSpecifier(at, text, err, "metadata of "+name)
		}
		r.Python, r.NewPython = specs.String(), true
	}
	if list, ok := table["requires"].([]any); ok {
		r.NewRequires = true
		for i, text := range list {
			q, err := d.requirement(m, item(join(at, "requires"), i), text.(string))
			if err != nil {
				return err
			}
			r.Requires = append(r.Requires, q.Requirement)
		}
	}
	if list, ok := table["extras"].([]any); ok {
		r.Extras = []string{}
		for i, extra := range list {
			if !nameForm().MatchString(extra.(string)) {
				return d.fail(d.value(item(join(at, "extras"), i)), "metadata of %s: %q is no name of an extra", name, extra)
			}
			r.Extras = append(r.Extras, pep508.NormalizeName(extra.(string)))
		}
		slices.Sort(r.Extras)
		r.Extras = slices.Compact(r.Extras)
	}
	if !r.NewRequires && !r.NewPython {
		return d.fail(d.key(at), "metadata of %s: it replaces nothing", name).
			Hint("requires = [\"…\"] replaces what the package needs, python = \"…\" its Requires-Python")
	}
	return nil
}
