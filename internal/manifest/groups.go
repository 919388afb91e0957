package manifest

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/BurntSushi/toml"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/pep508"
)

// Selection is a choice of dependency groups in place of the manifest's. The zero value is the manifest's own.
// Names are normalised, sorted, each once, in a manifest that was loaded.
type Selection struct {
	Groups  []string // in place of project.groups; none: those
	Without []string // that are left out of these. What other groups include of them stays
}

// IsZero tells whether the manifest's own groups are meant.
func (s Selection) IsZero() bool { return len(s.Groups)+len(s.Without) == 0 }

// Equal compares normalised selections.
func (s Selection) Equal(o Selection) bool {
	return slices.Equal(s.Groups, o.Groups) && slices.Equal(s.Without, o.Without)
}

// readGroups adds the dependency groups that the manifest, or the selection in its place, asks for.
func (d *document) readGroups(m *Manifest, own *document) error {
	groups, at := own.list("project", "groups")
	place := func(i int) diag.Position { return own.value(item(at, i)) }
	if len(m.Selection.Groups) > 0 {
		groups, place = m.Selection.Groups, func(int) diag.Position { return diag.Position{} }
	}
	without := normalized(m.Selection.Without)
	for _, name := range without {
		if _, _, err := d.findGroup(name, diag.Position{}); err != nil {
			return err
		}
	}
	done := map[string]bool{}
	for i, name := range groups {
		if known(without, pep508.NormalizeName(name)) {
			continue
		}
		if err := d.group(m, name, place(i), nil, done); err != nil {
			return err
		}
	}
	return nil
}

// settle makes a selection that means the manifest's own groups the zero one, so that it is written nowhere.
func (d *document) settle(s Selection) Selection {
	own, _ := d.list("project", "groups")
	own = normalized(own)
	s.Groups, s.Without = normalized(s.Groups), normalized(s.Without)
	if slices.Equal(s.Groups, own) {
		s.Groups = nil
	}
	among := s.Groups
	if len(among) == 0 {
		among = own
	}
	s.Without = slices.DeleteFunc(s.Without, func(name string) bool { return !known(among, name) })
	if len(s.Without) == 0 {
		s.Without = nil
	}
	return s
}

func normalized(names []string) []string {
	var out []string
	for _, name := range names {
		out = append(out, pep508.NormalizeName(name))
	}
	return unique(out)
}

// findGroup gives the group of a name, and how the file spells it.
func (d *document) findGroup(name string, from diag.Position) (any, string, error) {
	all, _ := d.root["dependency-groups"].(map[string]any)
	var found []string
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if pep508.NormalizeName(key) == pep508.NormalizeName(name) {
			found = append(found, key)
		}
	}
	switch len(found) {
	case 0:
		e := d.fail(from, "no dependency group %q", name)
		if from.IsZero() {
			e = d.fail(from, "%s has no dependency group %q", d.file, name)
		}
		names := slices.Sorted(maps.Keys(all))
		if near := diag.Nearest(name, names); near != "" {
			e = e.Hint("did you mean %s?", near)
		}
		return nil, "", e.Hint("[dependency-groups] of %s has %s", d.file, orNothing(names))
	case 1:
		return all[found[0]], found[0], nil
	}
	return nil, "", d.fail(from, "dependency group %q stands twice, as %s and %s", name, found[0], found[1])
}

// group adds a dependency group and those that it includes, each once. open are the groups that
// include it.
func (d *document) group(m *Manifest, name string, from diag.Position, open []string, done map[string]bool) error {
	wanted := pep508.NormalizeName(name)
	if known(open, wanted) {
		return d.fail(from, "dependency group %s includes itself", name)
	}
	if done[wanted] {
		return nil
	}
	done[wanted] = true
	content, key, err := d.findGroup(name, from)
	if err != nil {
		return err
	}
	at := "dependency-groups." + key
	list, ok := content.([]any)
	if !ok {
		return d.fail(d.value(at), "dependency group %s must be a list, not %s", name, describe(content))
	}
	for i, entry := range list {
		here := fmt.Sprintf("%s[%d]", at, i)
		switch entry := entry.(type) {
		case string:
			r, err := d.requirement(m, here, entry)
			if err != nil {
				return err
			}
			m.Requirements = append(m.Requirements, r)
		case map[string]any:
			include, ok := entry["include-group"].(string)
			if !ok || len(entry) != 1 {
				return d.fail(d.value(here), "an entry of a dependency group is a requirement or { include-group = \"…\" }")
			}
			if err := d.group(m, include, d.value(here), append(open, wanted), done); err != nil {
				return err
			}
		default:
			return d.fail(d.value(here), "an entry of a dependency group is a requirement or { include-group = \"…\" }, not %s", describe(entry))
		}
	}
	return nil
}

// siblingGroups reads the groups and extras that an envpack.toml asks for out of the pyproject.toml beside it,
// the standards' only place for them.
func (d *document) siblingGroups(m *Manifest) error {
	groups, at := d.list("project", "groups")
	extras, extrasAt := d.list("project", "extras")
	if len(groups)+len(extras) == 0 && m.Selection.IsZero() {
		return nil
	}
	file := filepath.Join(m.Dir, PyProject)
	if !exists(file) {
		pos, what, kind := d.value(at), "project.groups", "dependency groups"
		if len(groups) == 0 {
			pos, what, kind = d.value(extrasAt), "project.extras", "extras"
		}
		if !m.Selection.IsZero() {
			pos, what, kind = diag.Position{}, "dependency group "+slices.Concat(m.Selection.Groups, m.Selection.Without)[0], "dependency groups"
		}
		return d.fail(pos, "%s: there is no %s beside %s to define %s", what, PyProject, FileName, kind)
	}
	text := ""
	var err error
	if d.sibling != nil {
		text = *d.sibling
	} else if text, err = readText(file); err != nil {
		return err
	}
	var root map[string]any
	if _, err := toml.Decode(text, &root); err != nil {
		return syntax(file, text, err)
	}
	m.Files = append(m.Files, file)
	d.others = &document{positions: findPositions(file, text), root: root}
	if err := d.others.readGroups(m, d); err != nil {
		return err
	}
	return d.others.readExtras(m, d)
}

// GroupNames are the dependency groups of the project in a folder, sorted, as they are written. Nil if that cannot be told.
func GroupNames(dir string) []string {
	root, err := ReadTOML(filepath.Join(dir, PyProject))
	if err != nil {
		return nil
	}
	all, _ := root["dependency-groups"].(map[string]any)
	return slices.Sorted(maps.Keys(all))
}
