package manifest

import (
	"path/filepath"
	"slices"

	"github.com/envpack/envpack/resolver/pep508"
)

// workspace is the pyproject.toml at the root of uv's workspace that the project in a folder is a member of; nil if it is of none
// (uv's documentation, Using workspaces). uv takes sources and settings from there.
func (d *document) workspace(dir string) *document {
	if d.uv()["workspace"] != nil {
		return nil
	}
	from, err := filepath.Abs(dir)
	if err != nil {
		return nil
	}
	for at := filepath.Dir(from); at != filepath.Dir(at); at = filepath.Dir(at) {
		file := filepath.Join(dir, relative(from, at), PyProject)
		if !exists(file) {
			continue
		}
		text, err := readText(file)
		if err != nil {
			continue // whose it is nobody can tell
		}
		root, err := ReadTOML(file)
		if err != nil {
			continue
		}
		top := &document{positions: findPositions(file, text), root: root}
		if slices.Contains(top.members(), from) {
			return top
		}
	}
	return nil
}

// members are the folders of the workspace whose root this is, absolute.
func (d *document) members() []string {
	workspace, _ := d.uv()["workspace"].(map[string]any)
	patterns, _ := workspace["members"].([]any)
	root, err := filepath.Abs(filepath.Dir(d.file))
	if err != nil {
		return nil
	}
	var out []string
	for _, p := range patterns {
		text, _ := p.(string)
		found, _ := filepath.Glob(filepath.Join(escaped(root), filepath.FromSlash(text), PyProject))
		for _, f := range found {
			out = append(out, filepath.Dir(f))
		}
	}
	return out
}

// member is the folder of the member that is called so, absolute, "" without one. The root is a member as well.
func (d *document) member(name string) string {
	root, err := filepath.Abs(filepath.Dir(d.file))
	if err != nil {
		return ""
	}
	for _, folder := range append(d.members(), root) {
		content, err := ReadTOML(filepath.Join(folder, PyProject))
		project, _ := content["project"].(map[string]any)
		if own, _ := project["name"].(string); err == nil && pep508.NormalizeName(own) == name {
			return folder
		}
	}
	return ""
}

// relative is a folder as seen from another, the folder itself if there is no way between them.
func relative(from, to string) string {
	a, errA := filepath.Abs(from)
	b, errB := filepath.Abs(to)
	rel, err := filepath.Rel(a, b)
	if errA != nil || errB != nil || err != nil {
		return to
	}
	return rel
}
