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

// pyproject reads a manifest in pyproject.toml: name, dependencies and requires-python from
// [project] (PEP 621), groups from [dependency-groups] (PEP 735), the rest from [tool.envpack].
func (d *document) pyproject(m *Manifest, root map[string]any) error {
	tool, _ := root["tool"].(map[string]any)
	own, ok := tool["envpack"].(map[string]any)
	if !ok {
		return d.fail(diag.Position{File: d.file}, "no table [tool.envpack]").Hint("`envpack init` prints the lines to add")
	}
	d.prefix = "tool.envpack"
	standard := &document{positions: d.positions, root: root}
	if err := standard.readStandard(m); err != nil {
		return err
	}
	d.root = own
	if project, ok := own["project"].(map[string]any); ok {
		for _, key := range []string{"name", "dependencies"} {
			if _, there := project[key]; there {
				return d.fail(d.key(d.path("project", key)), "%s belongs into the standard [project] table", key)
			}
		}
	}
	if err := d.check(); err != nil {
		return err
	}
	if err := standard.readGroups(m, d); err != nil {
		return err
	}
	if err := d.read(m); err != nil {
		return err
	}
	for _, r := range m.Requirements { // those of requirements files as well
		if r.Name == pep508.NormalizeName(m.Name) {
			return diag.New(diag.Manifest, "%s is the project itself, whose own extras are not supported yet", r.Requirement).At(r.Pos).
				Hint("an index may have a package of that name, which is not meant here; name what the extra holds, or put it into a dependency group")
		}
	}
	return nil
}

// readStandard reads the [project] table of PEP 621, as far as it is about an environment.
func (d *document) readStandard(m *Manifest) error {
	project, ok := d.root["project"].(map[string]any)
	if !ok {
		return d.projectAdvice(d.fail(d.key("tool.envpack"), "no [project] table, which names the project and its dependencies"))
	}
	name, _ := project["name"].(string)
	if !nameForm.MatchString(name) {
		return d.fail(d.value("project.name"), "project.name %q: letters, digits, and . _ - between them", name)
	}
	m.Name = name
	if problem := first(d.checkKind("project.dependencies", "project.dependencies", aList, orEmpty(project["dependencies"]))); problem != nil {
		return problem
	}
	if dynamic, ok := project["dynamic"].([]any); ok {
		for i, key := range dynamic {
			if key == "dependencies" {
				return d.fail(d.value(item("project.dynamic", i)), "dynamic dependencies are not supported yet").
					Hint("list them in [project], or in a requirements file named below [tool.envpack.project]")
			}
		}
	}
	if value, there := project["requires-python"]; there {
		if problem := first(d.checkKind("project.requires-python", "project.requires-python", aString, value)); problem != nil {
			return problem
		}
		requires := value.(string)
		python, err := parsePython(requires)
		if err != nil {
			return d.fail(d.value("project.requires-python"), "project.requires-python: %v", err)
		}
		python.Pos = d.value("project.requires-python")
		m.Python = python
	}
	return d.readDependencies(m, "project", "dependencies")
}

func orEmpty(v any) any {
	if v == nil {
		return []any{}
	}
	return v
}

// readGroups adds the dependency groups that the manifest asks for.
func (d *document) readGroups(m *Manifest, own *document) error {
	groups, at := own.list("project", "groups")
	done := map[string]bool{}
	for i, name := range groups {
		if err := d.group(m, name, own.value(item(at, i)), nil, done); err != nil {
			return err
		}
	}
	return nil
}

// group adds a dependency group and those that it includes, each once. open are the groups that
// include it.
func (d *document) group(m *Manifest, name string, from diag.Position, open []string, done map[string]bool) error {
	all, _ := d.root["dependency-groups"].(map[string]any)
	wanted := pep508.NormalizeName(name)
	if known(open, wanted) {
		return d.fail(from, "dependency group %s includes itself", name)
	}
	if done[wanted] {
		return nil
	}
	done[wanted] = true
	var found []string
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if pep508.NormalizeName(key) == wanted {
			found = append(found, key)
		}
	}
	switch len(found) {
	case 0:
		e := d.fail(from, "no dependency group %q", name)
		if near := nearest(name, slices.Sorted(maps.Keys(all))); near != "" {
			return e.Hint("did you mean %s?", near)
		}
		return e
	case 1:
	default:
		return d.fail(from, "dependency group %q stands twice, as %s and %s", name, found[0], found[1])
	}
	at := "dependency-groups." + found[0]
	list, ok := all[found[0]].([]any)
	if !ok {
		return d.fail(d.value(at), "dependency group %s must be a list, not %s", name, describe(all[found[0]]))
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

// siblingGroups reads the groups that an envpack.toml asks for out of the pyproject.toml beside it,
// the standard's only place for them.
func (d *document) siblingGroups(m *Manifest) error {
	groups, at := d.list("project", "groups")
	if len(groups) == 0 {
		return nil
	}
	file := filepath.Join(m.Dir, PyProject)
	if !exists(file) {
		return d.fail(d.value(at), "project.groups: there is no %s beside %s to define dependency groups", PyProject, FileName)
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
	return (&document{positions: findPositions(file, text), root: root}).readGroups(m, d)
}
