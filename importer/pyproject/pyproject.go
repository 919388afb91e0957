// Package pyproject reads what a pyproject.toml says that a project requires: the standard table (PEP 621) with dependency
// groups (PEP 735), and the tables of Poetry, PDM, Flit, Hatch, setuptools and uv.
package pyproject

import (
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/document"
	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/requirements"
	"github.com/envpack/envpack/importer/setuptools"
	"github.com/envpack/envpack/importer/spelling"
	"github.com/envpack/envpack/resolver/pep508"
)

// Read reads a pyproject.toml. What is dynamic is read from where setuptools has it. Errors are diag errors: it is no TOML.
func Read(name string, data []byte, open func(name string) ([]byte, error)) (*draft.Draft, error) {
	doc, err := document.Parse(name, data)
	if err != nil {
		return nil, err
	}
	r := &reader{d: &draft.Draft{}, file: name, dir: path.Dir(name), open: open, tool: doc.Top.Table("tool")}
	project := doc.Top.Table("project")
	standard := project.Keys != nil
	if standard {
		r.project(project)
	}
	r.groups(doc.Top.Table("dependency-groups"))
	r.poetry(r.tool.Table("poetry"), standard && !dynamic(project, "dependencies"))
	r.pdm(r.tool.Table("pdm"))
	r.flit(r.tool.Table("flit"))
	r.hatch(r.tool.Table("hatch"))
	r.uv(r.tool.Table("uv"))
	if err := r.setuptools(project, standard); err != nil {
		return nil, err
	}
	r.itself()
	r.sources()
	r.paths(standard || r.tool.Has("poetry") || r.tool.Has("flit"))
	return r.d, nil
}

type reader struct {
	d       *draft.Draft
	file    string
	dir     string
	open    func(name string) ([]byte, error)
	tool    document.Table
	indexes []named             // that other tables name
	bound   map[string][]string // packages that come from an index, by its name
	root    string              // folder of the modules; "" if nothing says it
}

// named is an index under the name that the file gives it.
type named struct {
	name  string
	index draft.Index
}

func dynamic(project document.Table, key string) bool {
	return slices.ContainsFunc(project.Texts("dynamic"), func(i document.Item) bool { return i.Text == key })
}

// project reads the standard table.
func (r *reader) project(t document.Table) {
	r.d.Name = t.Text("name")
	if t.Has("requires-python") {
		r.python(t.Text("requires-python"), t.From("requires-python"), "requires-python = ")
	}
	for _, item := range t.Texts("dependencies") {
		r.requirement(item, "")
	}
	extras := t.Table("optional-dependencies")
	for _, extra := range extras.Sorted() {
		for _, item := range extras.Texts(extra) {
			r.requirement(item, pep508.NormalizeName(extra))
		}
	}
	r.scripts(t.Table("scripts"))
}

// scripts tells of programs that installing would make.
func (r *reader) scripts(t document.Table) {
	for _, name := range t.Sorted() {
		if object := t.Text(name); object != "" {
			module, _, _ := strings.Cut(object, ":")
			r.d.Note(t.From(name), name+" = "+object, draft.Left, "the project is not installed, and no such program made; python -m %s may do the same", module)
		}
	}
}

// python reads which Pythons are meant, as specifiers of PEP 440.
func (r *reader) python(text string, from draft.Origin, head string) {
	fixed, note, err := spelling.Bounds(text)
	if err != nil {
		r.d.Note(from, head+text, draft.Left, "%v", err)
		return
	}
	r.pythons(fixed, text, note, from, head)
}

func (r *reader) pythons(fixed, text, note string, from draft.Origin, head string) {
	if fixed != "" {
		r.d.Pythons = append(r.d.Pythons, draft.Python{Specifier: fixed, From: from})
	}
	v := draft.Taken
	if note != "" || fixed != text {
		v = draft.Mapped
		if note == "" {
			note = fixed
		}
	}
	r.d.Note(from, head+text, v, "%s", note)
}

// requirement reads a requirement as pip would.
func (r *reader) requirement(i document.Item, group string) {
	got, err := requirements.List(r.file, []requirements.Entry{{Text: i.Text, Line: i.From.Line}}, r.open)
	if err != nil {
		r.leave(i.From, i.Text, group, err.Error())
		return
	}
	for k := range got.Requirements {
		got.Requirements[k].Group = group
	}
	for k := range got.Lines {
		got.Lines[k].Group = group
	}
	r.d.Add(got)
}

func (r *reader) leave(from draft.Origin, text, group, note string) {
	r.d.Lines = append(r.d.Lines, draft.Line{From: from, Text: text, Verdict: draft.Left, Note: note, Group: group, Needed: true})
}

// groups reads dependency groups, which may include each other.
func (r *reader) groups(t document.Table) {
	var read func(group, into string, seen []string)
	read = func(group, into string, seen []string) {
		key := ""
		for _, k := range t.Sorted() {
			if pep508.NormalizeName(k) == group {
				key = k
			}
		}
		if key == "" || slices.Contains(seen, group) || len(seen) > 50 {
			r.leave(t.From(""), "include-group = "+group, into, "there is no such group, or it includes itself")
			return
		}
		for _, item := range t.Texts(key) {
			r.requirement(item, into)
		}
		for _, include := range t.Tables(key) {
			if name := include.Text("include-group"); name != "" {
				read(pep508.NormalizeName(name), into, append(seen, group))
			}
		}
	}
	for _, group := range t.Sorted() {
		group = pep508.NormalizeName(group)
		read(group, group, nil)
	}
}

// setuptools reads what the standard table leaves to setuptools.
func (r *reader) setuptools(project document.Table, standard bool) error {
	t := r.tool.Table("setuptools")
	if where := t.Table("packages", "find").Texts("where"); len(where) > 0 {
		r.root = where[0].Text
	}
	if dir := t.Table("package-dir").Text(""); dir != "" {
		r.root = dir
	}
	d := t.Table("dynamic")
	found := false
	for _, item := range d.Table("dependencies").Texts("file") {
		found = true
		r.file2(item, "")
	}
	extras := d.Table("optional-dependencies")
	for _, extra := range extras.Sorted() {
		for _, item := range extras.Table(extra).Texts("file") {
			r.file2(item, pep508.NormalizeName(extra))
		}
	}
	if found || standard && !dynamic(project, "dependencies") || r.tool.Has("poetry") || r.tool.Has("flit") || r.tool.Table("pdm").Has("dependencies") {
		return nil
	}
	for _, one := range []struct {
		file string
		read func(string, []byte, func(string) ([]byte, error)) (*draft.Draft, error)
	}{{"setup.py", setuptools.Read}, {"setup.cfg", setuptools.ReadConfig}} {
		name := path.Join(r.dir, one.file)
		data, err := r.open(name)
		if err != nil {
			continue
		}
		got, err := one.read(name, data, r.open)
		if err != nil {
			return err
		}
		r.d.Add(got)
		return nil
	}
	if standard {
		r.leave(project.From("dynamic"), "dependencies", "", "they are dynamic, and nothing that is read says what they are")
	}
	return nil
}

// file2 reads a requirements file that a table names.
func (r *reader) file2(item document.Item, group string) {
	name := path.Join(r.dir, item.Text)
	data, err := r.open(name)
	if err != nil {
		r.leave(item.From, item.Text, group, "the file cannot be read: "+err.Error())
		return
	}
	got, err := requirements.Read(name, data, r.open)
	if err != nil {
		r.leave(item.From, item.Text, group, err.Error())
		return
	}
	for i := range got.Requirements {
		got.Requirements[i].Group = group
	}
	for i := range got.Lines {
		got.Lines[i].Group = group
	}
	r.d.Note(item.From, item.Text, draft.Taken, "")
	r.d.Add(got)
}

// itself puts what an extra of the project needs in the place of a requirement of the project with that extra, as all = ["demo[train]"].
func (r *reader) itself() {
	own := pep508.NormalizeName(r.d.Name)
	if own == "" {
		return
	}
	of := map[string][]draft.Requirement{}
	for _, q := range r.d.Requirements {
		of[q.Group] = append(of[q.Group], q)
	}
	var expand func(q draft.Requirement, group string, depth int) []draft.Requirement
	expand = func(q draft.Requirement, group string, depth int) []draft.Requirement {
		req, err := pep508.Parse(q.Text)
		if err != nil || req.Name != own || depth > 20 {
			q.Group = group
			return []draft.Requirement{q}
		}
		var out []draft.Requirement
		for _, extra := range req.Extras {
			for _, inner := range of[extra] {
				out = append(out, expand(inner, group, depth+1)...)
			}
		}
		return out
	}
	var all []draft.Requirement
	for _, q := range r.d.Requirements {
		for _, e := range expand(q, q.Group, 0) {
			if len(all) > 50_000 {
				return
			}
			if !slices.ContainsFunc(all, func(o draft.Requirement) bool { return o.Text == e.Text && o.Group == e.Group }) {
				all = append(all, e)
			}
		}
	}
	for i := range r.d.Lines {
		l := &r.d.Lines[i]
		if req, err := pep508.Parse(l.Text); err == nil && req.Name == own && l.Verdict == draft.Taken && len(req.Extras) > 0 {
			l.Verdict, l.Note = draft.Mapped, "what these extras need"
		}
	}
	r.d.Requirements = all
}

// paths finds the folder of the modules.
func (r *reader) paths(declared bool) {
	if !declared && r.root == "" || len(r.d.Paths) > 0 {
		return
	}
	root := r.root
	if root == "" {
		root = "."
		module := strings.ReplaceAll(pep508.NormalizeName(r.d.Name), "-", "_")
		if _, err := r.open(path.Join(r.dir, "src", module, "__init__.py")); err == nil && module != "" {
			root = "src"
		}
	}
	r.d.Paths = append(r.d.Paths, draft.Path{Dir: path.Join(r.dir, root), From: draft.Origin{File: r.file}})
}
