package sdistfile

import (
	"fmt"
	"maps"
	"slices"

	"github.com/BurntSushi/toml"

	"github.com/envpack/envpack/internal/wheelfile"
)

// fromPyProject reads [project] of a pyproject.toml. Without metadata and error, reason says what is
// dynamic in it; "" if it has no such table.
func fromPyProject(data []byte) (m *wheelfile.Metadata, reason string, err error) {
	var doc struct {
		Project *struct {
			Name     string              `toml:"name"`
			Version  string              `toml:"version"`
			Python   string              `toml:"requires-python"`
			Requires *[]string           `toml:"dependencies"`
			Extras   map[string][]string `toml:"optional-dependencies"`
			Dynamic  []string            `toml:"dynamic"`
		} `toml:"project"`
		Tool struct {
			Poetry map[string]any `toml:"poetry"`
		} `toml:"tool"`
	}
	if _, err := toml.Decode(string(data), &doc); err != nil {
		return nil, "", fmt.Errorf("not TOML: %w", err)
	}
	p := doc.Project
	if p == nil {
		return nil, "", nil
	}
	for _, field := range []string{"dependencies", "optional-dependencies", "requires-python"} {
		if slices.Contains(p.Dynamic, field) {
			return nil, field + " is dynamic in its pyproject.toml", nil
		}
	}
	// Poetry takes what [project] leaves out from its own table.
	if _, own := doc.Tool.Poetry["dependencies"]; own && p.Requires == nil {
		return nil, "its dependencies are in [tool.poetry] of pyproject.toml", nil
	}
	if p.Name == "" {
		return nil, "", fmt.Errorf("project.name is missing")
	}
	m = &wheelfile.Metadata{Name: p.Name, Version: p.Version, RequiresPython: p.Python}
	if p.Requires != nil {
		m.RequiresDist = append(m.RequiresDist, *p.Requires...)
	}
	for _, extra := range slices.Sorted(maps.Keys(p.Extras)) {
		m.ProvidesExtra = append(m.ProvidesExtra, extra)
		for _, r := range p.Extras[extra] {
			m.RequiresDist = append(m.RequiresDist, underCondition(r, extra, ""))
		}
	}
	return m, "", nil
}

// NameOf is the name in [project] of a pyproject.toml, "" if there is none.
func NameOf(pyproject []byte) string {
	var doc struct {
		Project struct {
			Name string `toml:"name"`
		} `toml:"project"`
	}
	if _, err := toml.Decode(string(pyproject), &doc); err != nil {
		return ""
	}
	return doc.Project.Name
}
