package pyproject

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/address"
	"github.com/envpack/envpack/importer/document"
	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/resolver/pep508"
)

// poetry reads Poetry's tables. enriches: the standard table has the dependencies, and Poetry's add where they come from.
func (r *reader) poetry(t document.Table, enriches bool) {
	if t.Keys == nil {
		return
	}
	if r.d.Name == "" {
		r.d.Name = t.Text("name")
	}
	r.poetryIndexes(t)
	extras := t.Table("extras")
	of := map[string][]string{} // the extras that need an optional dependency
	for _, extra := range extras.Sorted() {
		for _, item := range extras.Texts(extra) {
			if fields := strings.FieldsFunc(item.Text, func(c rune) bool { return c == '[' || c == ' ' || c == '(' }); len(fields) > 0 {
				name := pep508.NormalizeName(fields[0])
				of[name] = append(of[name], pep508.NormalizeName(extra))
			}
		}
	}
	dependencies := t.Table("dependencies")
	for _, name := range dependencies.Sorted() {
		r.poetryEntry(dependencies, name, []string{""}, of, enriches)
	}
	if dev := t.Table("dev-dependencies"); dev.Keys != nil {
		for _, name := range dev.Sorted() {
			r.poetryEntry(dev, name, []string{"dev"}, nil, false)
		}
	}
	groups := t.Table("group")
	for _, group := range groups.Sorted() {
		list := groups.Table(group, "dependencies")
		for _, name := range list.Sorted() {
			r.poetryEntry(list, name, []string{pep508.NormalizeName(group)}, nil, false)
		}
	}
	for _, p := range t.Tables("packages") {
		if from := p.Text("from"); from != "" && r.root == "" {
			r.root = from
		}
	}
	r.scripts(t.Table("scripts"))
}

func (r *reader) poetryIndexes(t document.Table) {
	for _, s := range t.Tables("source") {
		url := s.Text("url")
		priority := s.Text("priority")
		use := address.Extra
		if s.True("default") || priority == "default" {
			use = address.Main
		}
		if url == "" {
			r.d.Note(s.From(""), "source "+s.Text("name"), draft.Passed, "the usual index")
			continue
		}
		r.index(s.Text("name"), url, use, s.From("url"), priority == "explicit")
	}
}

// poetryEntry reads a dependency: a version, a table, or a list of tables for several conditions.
func (r *reader) poetryEntry(t document.Table, name string, groups []string, optional map[string][]string, enriches bool) {
	from := t.From(name)
	if version, ok := t.Keys[name].(string); ok {
		if pep508.NormalizeName(name) == "python" {
			r.poetryPython(version, from)
			return
		}
		if !enriches {
			r.poetryOne(name, document.Table{}, version, from, groups)
		}
		return
	}
	tables := t.Tables(name)
	if len(tables) == 0 {
		r.leave(from, name, groups[0], "it says nothing that is read")
		return
	}
	for _, one := range tables {
		if source := one.Text("source"); source != "" {
			r.bind(source, name)
		}
		if pep508.NormalizeName(name) == "python" {
			r.poetryPython(one.Text("version"), from)
			continue
		}
		if enriches {
			continue
		}
		into := groups
		if one.True("optional") && optional != nil {
			if into = optional[pep508.NormalizeName(name)]; len(into) == 0 {
				r.d.Note(from, name, draft.Passed, "it is optional, and no extra needs it")
				continue
			}
		}
		r.poetryOne(name, one, one.Text("version"), from, into)
	}
}

func (r *reader) poetryPython(version string, from draft.Origin) {
	fixed, note, err := bounds(version)
	if err != nil {
		r.d.Note(from, "python = "+version, draft.Left, "%v", err)
		return
	}
	r.pythons(fixed, version, note, from, "python = ")
}

// poetryOne reads one dependency with its conditions.
func (r *reader) poetryOne(name string, t document.Table, version string, from draft.Origin, groups []string) {
	shown := name + " = " + version
	var extras []string
	for _, e := range t.Texts("extras") {
		extras = append(extras, pep508.NormalizeName(e.Text))
	}
	text := name
	if len(extras) > 0 {
		text += "[" + strings.Join(extras, ",") + "]"
	}
	note, comment := "", ""
	if where, ok := location(t); ok {
		ref, err := address.Refer(name, where, r.dir)
		switch {
		case err != nil:
			r.leave(from, name+" = "+address.Shown(where), groups[0], err.Error())
			return
		case ref.Version != "":
			text += "==" + ref.Version
		case ref.Forgotten:
		case ref.Dir == ".":
			r.d.Note(from, name, draft.Passed, "the project itself")
			return
		default:
			text += " @ " + ref.Address + " "
		}
		shown = name + " = " + address.Shown(where)
		note = ref.Note
		if note == "" {
			note = strings.TrimSpace(text)
		}
	} else {
		specifiers, decided, err := bounds(version)
		if err != nil {
			r.leave(from, shown, groups[0], err.Error())
			return
		}
		comment = decided
		if text += specifiers; specifiers != version {
			note = text
		}
	}
	marker, err := poetryMarker(t)
	if err != nil {
		r.leave(from, shown, groups[0], err.Error())
		return
	}
	if text = strings.TrimSpace(text); marker != "" {
		if strings.Contains(text, " @ ") {
			text += " "
		}
		text += "; " + marker
		note = text
	}
	if _, err := pep508.Parse(text); err != nil {
		r.leave(from, shown, groups[0], "no requirement: "+text)
		return
	}
	if t.True("allow-prereleases") {
		r.d.Policies = append(r.d.Policies, draft.Policy{Key: "prereleases", Package: pep508.NormalizeName(name), From: from})
	}
	for _, g := range groups {
		r.d.Requirements = append(r.d.Requirements, draft.Requirement{Text: text, From: from, Comment: comment, Group: g})
	}
	v := draft.Taken
	if note != "" {
		v = draft.Mapped
	}
	r.d.Lines = append(r.d.Lines, draft.Line{From: from, Text: shown, Verdict: v, Note: note, Group: groups[0]})
}

// location is the address that a table names, as pip writes it.
func location(t document.Table) (string, bool) {
	if git := t.Text("git"); git != "" {
		if !strings.HasPrefix(git, "git@") && !strings.Contains(git, "://") {
			git = "https://" + git
		}
		text := "git+" + git
		for _, key := range []string{"rev", "tag", "ref", "branch"} {
			if at := t.Text(key); at != "" {
				text += "@" + at
				break
			}
		}
		if sub := t.Text("subdirectory"); sub != "" {
			text += "#subdirectory=" + sub
		}
		return text, true
	}
	for _, key := range []string{"url", "file", "path"} {
		if v := t.Text(key); v != "" {
			if key != "url" && !strings.HasPrefix(v, ".") && !path.IsAbs(v) && !strings.Contains(v, "://") {
				v = "./" + v
			}
			if sub := t.Text("subdirectory"); sub != "" {
				v += "#subdirectory=" + sub
			}
			return v, true
		}
	}
	return "", false
}

// poetryMarker puts the conditions of a table together.
func poetryMarker(t document.Table) (string, error) {
	var parts []string
	if python := t.Text("python"); python != "" {
		specifiers, _, err := bounds(python)
		if err != nil {
			return "", err
		}
		if specifiers != "" {
			parts = append(parts, pythonMarker(specifiers))
		}
	}
	if platform := t.Text("platform"); platform != "" {
		parts = append(parts, fmt.Sprintf("sys_platform == %q", platform))
	}
	if marker := t.Text("markers"); marker != "" {
		if len(parts) > 0 {
			marker = "(" + marker + ")"
		}
		parts = append(parts, marker)
	}
	marker := strings.Join(parts, " and ")
	if marker == "" {
		return "", nil
	}
	if _, err := pep508.ParseMarker(marker); err != nil {
		return "", fmt.Errorf("the condition %s means nothing", marker)
	}
	return marker, nil
}

// index keeps an index under the name that the file gives it. explicit: it is asked for what is bound to it only.
func (r *reader) index(name, url string, use address.Use, from draft.Origin, explicit bool) {
	ix, note, ok, err := address.Index(url, use, from, nil)
	shown := strings.TrimSpace("source " + name + " " + address.Shown(url))
	switch {
	case err != nil:
		r.d.Leave(from, shown, "%v", err)
		return
	case !ok:
		r.d.Note(from, shown, draft.Passed, "%s", note)
		return
	}
	if ix.URL+ix.Path != "" && name != "" {
		ix.Name = address.Slug(name, ix.Name)
	}
	if explicit {
		ix.Comment = ""
	}
	r.indexes = append(r.indexes, named{name, ix})
	r.d.Note(from, shown, draft.Mapped, "[[index]] %s", ix.Name)
	if explicit {
		r.bind(name, "")
	}
}

// bind notes that a package comes from an index; "" only that others do not.
func (r *reader) bind(index, name string) {
	if r.bound == nil {
		r.bound = map[string][]string{}
	}
	if _, ok := r.bound[index]; !ok {
		r.bound[index] = nil
	}
	if name = pep508.NormalizeName(name); name != "" && !slices.Contains(r.bound[index], name) {
		r.bound[index] = append(r.bound[index], name)
	}
}

// sources gives the indexes the packages that are bound to them. One that only such come from, and that has none, is left out.
func (r *reader) sources() {
	for _, n := range r.indexes {
		bound, only := r.bound[n.name]
		if len(bound) > 0 {
			n.index.Packages, n.index.Main = bound, false
			n.index.Comment = ""
		} else if only {
			r.d.Note(n.index.From, n.name, draft.Passed, "nothing comes from there")
			continue
		}
		r.d.Indexes = append(r.d.Indexes, n.index)
	}
}
