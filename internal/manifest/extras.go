package manifest

import (
	"maps"
	"slices"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/pep508"
)

// readExtras adds what the project's own extras need: those that the manifest asks for, and those that requirements in the
// file name with the project's own name, as digits[gpu] (PyPA, pyproject.toml, optional-dependencies).
func (d *document) readExtras(m *Manifest, own *document) error {
	done := map[string]bool{}
	names, at := own.list("project", "extras")
	for i, name := range names {
		if err := d.extra(m, name, own.value(item(at, i)), done); err != nil {
			return err
		}
	}
	project, _ := d.root["project"].(map[string]any)
	self, _ := project["name"].(string)
	for self != "" {
		i := slices.IndexFunc(m.Requirements, func(r Requirement) bool {
			return r.Name == pep508.NormalizeName(self) && r.Pos.File == d.file && len(r.Extras) > 0 && r.Direct == nil && r.Marker == nil
		})
		if i < 0 {
			break
		}
		r := m.Requirements[i]
		m.Requirements = slices.Delete(m.Requirements, i, i+1)
		for _, name := range r.Extras {
			if err := d.extra(m, name, r.Pos, done); err != nil {
				return err
			}
		}
	}
	return nil
}

// extra adds the requirements of an extra, which may be the project itself for other extras, once.
func (d *document) extra(m *Manifest, name string, from diag.Position, done map[string]bool) error {
	if done[pep508.NormalizeName(name)] {
		return nil
	}
	done[pep508.NormalizeName(name)] = true
	project, _ := d.root["project"].(map[string]any)
	all, _ := project["optional-dependencies"].(map[string]any)
	names := slices.Sorted(maps.Keys(all))
	i := slices.IndexFunc(names, func(key string) bool { return pep508.NormalizeName(key) == pep508.NormalizeName(name) })
	if i < 0 {
		e := d.fail(from, "the project has no extra %q", name)
		if near := diag.Nearest(name, names); near != "" {
			e = e.Hint("did you mean %s?", near)
		}
		return e.Hint("[project.optional-dependencies] of %s has %s", d.file, orNothing(names))
	}
	at := "project.optional-dependencies." + names[i]
	list, ok := all[names[i]].([]any)
	if !ok {
		return d.fail(d.value(at), "extra %s must be a list, not %s", name, describe(all[names[i]]))
	}
	for i, entry := range list {
		text, ok := entry.(string)
		if !ok {
			return d.fail(d.value(item(at, i)), "an entry of an extra is a requirement, not %s", describe(entry))
		}
		r, err := d.requirement(m, item(at, i), text)
		if err != nil {
			return err
		}
		m.Requirements = append(m.Requirements, r)
	}
	return nil
}
