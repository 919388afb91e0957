package manifest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/reqfile"
	"github.com/envpack/envpack/internal/tomltext"
	"github.com/envpack/envpack/resolver/pep508"
)

// List is one of the places where a manifest declares requirements: its dependencies, a dependency group, or its
// constraints.
type List struct {
	Group       string // name of a dependency group; "" is none
	Constraints bool
}

// String names the list for people.
func (l List) String() string {
	switch {
	case l.Constraints:
		return "[constraints]"
	case l.Group != "":
		return "dependency group " + l.Group
	}
	return "the dependencies"
}

// Editor changes the requirements of a manifest in its text, and nothing else in it. It writes nothing: Manifest is
// what the manifest would be, Text what its file would hold.
type Editor struct {
	main      string // the manifest's file
	file      string // the file that is edited: main, or the pyproject.toml beside it
	path      string // of the list, as in "project.dependencies"
	list      List
	selection Selection
	bom       bool
	text      string
	was       string // all the file's bytes
	before    *Manifest
	changed   bool
}

// Edit opens a project's manifest, as [Load] finds it, to change one list. The selection is what [Editor.Manifest]
// has. Errors: those of Load; Usage for a group
// that has no file to stand in; Manifest for a file that is not UTF-8.
func Edit(path string, list List, s Selection) (*Editor, error) {
	m, err := Load(path, s)
	if err != nil {
		return nil, err
	}
	e := &Editor{main: m.File, file: m.File, list: list, before: m, selection: s}
	own := filepath.Base(m.File) == PyProject
	switch {
	case list.Constraints && own:
		e.path = "tool.envpack.constraints"
	case list.Constraints:
		e.path = "constraints"
	case list.Group != "":
		if !nameForm().MatchString(list.Group) {
			return nil, diag.New(diag.Usage, "group %q: letters, digits, and . _ - between them", list.Group)
		}
		if e.file = filepath.Join(m.Dir, PyProject); !exists(e.file) {
			return nil, diag.New(diag.Usage, "there is no %s beside %s, and dependency groups have no other place (PEP 735)", PyProject, m.File).
				Hint("a %s that has only the table [dependency-groups] will do", PyProject)
		}
	default:
		e.path = "project.dependencies"
	}
	data, err := os.ReadFile(e.file)
	if err != nil {
		return nil, missing(e.file, err)
	}
	e.was = string(data)
	e.text, e.bom = strings.CutPrefix(e.was, "\ufeff")
	if reqfile.FromUTF16(data) != string(data) {
		return nil, diag.New(diag.Manifest, "%s is in UTF-16, and is read but not edited", e.file).Hint("save it as UTF-8")
	}
	if list.Group != "" && !list.Constraints {
		e.path = e.groupPath()
	}
	return e, nil
}

// groupPath is the path of the group, under the name that it has in the file.
func (e *Editor) groupPath() string {
	groups := e.Groups()
	if i := slices.IndexFunc(groups, e.isGroup); i >= 0 {
		return "dependency-groups." + groups[i]
	}
	return "dependency-groups." + e.list.Group
}

// Groups are the dependency groups that the file has.
func (e *Editor) Groups() []string {
	all, _ := e.root()["dependency-groups"].(map[string]any)
	return slices.Sorted(maps.Keys(all))
}

func (e *Editor) isGroup(name string) bool {
	return pep508.NormalizeName(name) == pep508.NormalizeName(e.list.Group)
}

// NewGroup tells of an addition that will make its dependency group.
func (e *Editor) NewGroup() bool {
	return e.list.Group != "" && !slices.ContainsFunc(e.Groups(), e.isGroup)
}

// File is the file that is edited.
func (e *Editor) File() string { return e.file }

// Text is what the file is to hold.
func (e *Editor) Text() string {
	if e.bom {
		return "\ufeff" + e.text
	}
	return e.text
}

// Changed tells whether the text is another one than the file's.
func (e *Editor) Changed() bool { return e.changed }

// Original is what the file held when it was opened.
func (e *Editor) Original() string { return e.was }

// Manifest is the manifest with the changes. Errors are those of [Load].
func (e *Editor) Manifest() (*Manifest, error) {
	if e.file == e.main {
		return parseBeside(e.main, e.text, nil, e.selection)
	}
	text, err := readText(e.main)
	if err != nil {
		return nil, err
	}
	return parseBeside(e.main, text, &e.text, e.selection)
}

func (e *Editor) root() map[string]any { return decodedText(e.text) }

// decodedText is nil if the text is no TOML.
func decodedText(text string) map[string]any {
	var root map[string]any
	if _, err := toml.Decode(text, &root); err != nil {
		return nil
	}
	return root
}

// split parts the list's path into that of its table and its own key, which may have dots.
func (e *Editor) split() (table, key string) {
	if key, ok := strings.CutPrefix(e.path, "dependency-groups."); ok {
		return "dependency-groups", key
	}
	i := strings.LastIndexByte(e.path, '.')
	return e.path[:max(i, 0)], e.path[i+1:]
}

// container is the table of a path in a decoded document, made if create is set; nil without one.
func container(root map[string]any, path string, create bool) map[string]any {
	for _, part := range strings.Split(path, ".") {
		if part == "" {
			continue
		}
		next, ok := root[part].(map[string]any)
		if !ok {
			if _, other := root[part]; other || !create {
				return nil
			}
			next = map[string]any{}
			root[part] = next
		}
		root = next
	}
	return root
}

// items are the list's elements: strings, and in groups tables that include another. ok is false if there is no list.
func (e *Editor) items() (items []any, ok bool) {
	table, key := e.split()
	items, ok = container(e.root(), table, false)[key].([]any)
	return items, ok
}

// take replaces the text by another, if the decoder sees just the change in it that expect makes to what there was.
func (e *Editor) take(text string, ok bool, expect func(root map[string]any), manually string) error {
	want, got := e.root(), decodedText(text)
	if want != nil && got != nil && ok {
		expect(want)
		ok = reflect.DeepEqual(normalForm(want), normalForm(got))
	}
	if !ok || want == nil || got == nil {
		return diag.New(diag.Manifest, "%s is written in a way that is not edited", e.list).
			At(tomltext.Find(e.file, e.text).Key(e.path)).Hint("edit it yourself: %s", manually)
	}
	e.changed = e.changed || text != e.text
	e.text = text
	return nil
}

// normalForm makes empty lists equal, of which the decoder knows two kinds.
func normalForm(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			v[key] = normalForm(value)
		}
	case []any:
		if len(v) == 0 {
			return []any{}
		}
		for i := range v {
			v[i] = normalForm(v[i])
		}
	case []map[string]any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = normalForm(v[i])
		}
		return out
	}
	return v
}

// Declared is a requirement as it stands somewhere in the manifest, and where: a list, or another file.
type Declared struct {
	Name string
	Pos  diag.Position
}

// Elsewhere are the requirements of a project that other files and lists have, as far as the manifest reads them.
func (e *Editor) Elsewhere(name string) []Declared {
	var found []Declared
	for _, r := range slices.Concat(e.before.Requirements, e.before.Constraints) {
		if r.Name == name {
			found = append(found, Declared{r.Name, r.Pos})
		}
	}
	return found
}

// Names are those of the list's requirements, as written, sorted.
func (e *Editor) Names() []string {
	var names []string
	if e.list.Constraints {
		table, key := e.split()
		all, _ := container(e.root(), table, false)[key].(map[string]any)
		return slices.Sorted(maps.Keys(all))
	}
	items, _ := e.items()
	for _, it := range items {
		if text, ok := it.(string); ok {
			if r, err := pep508.Parse(text); err == nil && !slices.Contains(names, r.RawName) {
				names = append(names, r.RawName)
			}
		}
	}
	slices.Sort(names)
	return names
}

// absent is the error of a requirement that is not in the list.
func (e *Editor) absent(name string) error {
	err := diag.New(diag.Usage, "there is no requirement %s in %s", name, e.list).At(diag.Position{File: e.file})
	for _, d := range e.Elsewhere(pep508.NormalizeName(name)) {
		if base := filepath.Base(d.Pos.File); base != FileName && base != PyProject {
			_ = err.Hint("it stands in %s, which envpack does not edit", d.Pos)
		} else {
			_ = err.Hint("it stands in %s; --group and --constraint say which list is meant", d.Pos)
		}
	}
	for _, group := range e.Groups() {
		if e.NewGroup() {
			break // that is what is wrong
		}
		content, _ := container(e.root(), "dependency-groups", false)[group].([]any)
		has := slices.ContainsFunc(content, func(item any) bool {
			r, ok := requirementOf(item)
			return ok && r.Name == pep508.NormalizeName(name)
		})
		if has {
			_ = err.Hint("it stands in the group %s: --group %s", group, group)
		}
	}
	if len(err.Hints) > 0 {
		return err
	}
	if e.NewGroup() {
		return err.Hint("there is no such group; there is %s", orNothing(e.Groups()))
	}
	if near := diag.Nearest(name, e.Names()); near != "" {
		return err.Hint("did you mean %s?", near)
	}
	return err.Hint("there is %s", orNothing(e.Names()))
}

func orNothing(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return fmt.Sprint(strings.Join(names, ", "))
}
