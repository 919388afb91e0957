package manifest

import (
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/pep508"
)

// pyproject reads a manifest in pyproject.toml: name, dependencies and requires-python from
// [project] (PEP 621), groups from [dependency-groups] (PEP 735), the rest from [tool.envpack].
func (d *document) pyproject(m *Manifest, root map[string]any) error {
	tool, _ := root["tool"].(map[string]any)
	own, ok := tool["envpack"].(map[string]any)
	if !ok {
		e := d.fail(diag.Position{File: d.file}, "no table [tool.envpack]")
		if isNamed(root) {
			return e.Hint(initPrints, d.file)
		}
		return e.Hint("`envpack init` writes %s beside it", FileName)
	}
	d.prefix = "tool.envpack"
	standard := &document{positions: d.positions, root: root}
	d.others = standard
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
	if err := standard.readExtras(m, d); err != nil {
		return err
	}
	if err := m.checkExcluded(); err != nil { // what extras need as well
		return err
	}
	for _, r := range m.Requirements { // those of requirements files as well
		if r.Name == pep508.NormalizeName(m.Name) {
			return diag.New(diag.Manifest, "%s is the project itself, which is not installed", r.Requirement).At(r.Pos).
				Hint("an index may have a package of that name, which is not meant here; what extras of the project need is asked for with extras = [\"…\"] below [tool.envpack.project]")
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
	if !nameForm().MatchString(name) {
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
		if python.FreeThreaded {
			return d.fail(d.value("project.requires-python"), "project.requires-python %q: it says versions, and none of a build", requires).
				Hint("ask for the free-threaded build below [tool.envpack.project]: python = %q", requires)
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
