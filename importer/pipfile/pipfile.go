// Package pipfile reads Pipenv's Pipfile (Pipenv's documentation, Pipfile & Pipfile.lock; pypa/pipfile).
package pipfile

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/address"
	"github.com/envpack/envpack/importer/document"
	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/lockfiles"
	"github.com/envpack/envpack/importer/spelling"
	"github.com/envpack/envpack/resolver/pep508"
)

// Read reads a Pipfile. Errors are diag errors: it is no TOML.
func Read(name string, data []byte, _ func(name string) ([]byte, error)) (*draft.Draft, error) {
	doc, err := document.Parse(name, data)
	if err != nil {
		return nil, err
	}
	r := &reader{d: &draft.Draft{}, dir: path.Dir(name), bound: map[string][]string{}}
	requires := doc.Top.Table("requires")
	for _, key := range []string{"python_full_version", "python_version"} {
		if v := requires.Text(key); v != "" {
			lockfiles.PipenvPython(r.d, v, requires.From(key))
			break
		}
	}
	for _, key := range doc.Top.Sorted() {
		group, is := map[string]string{"packages": "", "dev-packages": "dev"}[key]
		switch key {
		case "source", "requires", "pipenv", "pipfile":
			continue
		case "scripts":
			r.d.Note(doc.Top.From(key), "[scripts]", draft.Passed, "they are Pipenv's to run")
			continue
		}
		if !is {
			group = pep508.NormalizeName(key)
		}
		t := doc.Top.Table(key)
		for _, pkg := range t.Sorted() {
			r.entry(t, pkg, group)
		}
	}
	if t := doc.Top.Table("pipenv"); t.True("allow_prereleases") {
		r.d.Policies = append(r.d.Policies, draft.Policy{Key: "prereleases", From: t.From("allow_prereleases")})
		r.d.Note(t.From("allow_prereleases"), "allow_prereleases", draft.Mapped, "[resolver] prereleases")
	}
	r.sources(doc.Top.Tables("source"))
	return r.d, nil
}

type reader struct {
	d     *draft.Draft
	dir   string
	bound map[string][]string // packages by the name of their index
}

// sources reads the indexes: the first takes the place of the usual one, and the others are for what names them.
func (r *reader) sources(list []document.Table) {
	for i, s := range list {
		use := address.Main
		if i > 0 {
			use = address.Extra
		}
		name := s.Text("name")
		from := s.From("url")
		shown := strings.TrimSpace("source " + name + " " + address.Shown(s.Text("url")))
		if strings.Contains(s.Text("url"), "$") {
			r.d.Leave(from, shown, "a variable of the machine: write its value, without credentials")
			continue
		}
		ix, note, ok, err := address.Index(s.Text("url"), use, from, nil)
		switch bound := r.bound[name]; {
		case err != nil:
			r.d.Leave(from, shown, "%v", err)
		case !ok:
			r.d.Note(from, shown, draft.Passed, "%s", note)
		case i > 0 && len(bound) == 0:
			r.d.Note(from, shown, draft.Passed, "no package names it")
		default:
			if i > 0 {
				ix.Packages, ix.Comment = bound, ""
			}
			r.d.Indexes = append(r.d.Indexes, ix)
			r.d.Note(from, shown, draft.Mapped, "[[index]] %s", ix.Name)
		}
	}
}

func (r *reader) leave(from draft.Origin, text, group, note string) {
	r.d.Lines = append(r.d.Lines, draft.Line{From: from, Text: text, Verdict: draft.Left, Note: note, Group: group, Needed: true})
}

// markers are the keys of an entry that stand for a marker, as sys_platform = "== 'linux'".
var markers = []string{"os_name", "sys_platform", "platform_machine", "platform_python_implementation", "platform_release", "platform_system", "platform_version",
	"python_version", "python_full_version", "implementation_name", "implementation_version"}

// entry reads a package.
func (r *reader) entry(t document.Table, name, group string) {
	from := t.From(name)
	version := t.Text(name)
	one := t.Table(name)
	if one.Keys != nil {
		version = one.Text("version")
	}
	shown := strings.TrimSpace(name + " = " + version)
	text := name
	var extras []string
	for _, e := range one.Texts("extras") {
		extras = append(extras, pep508.NormalizeName(e.Text))
	}
	if len(extras) > 0 {
		text += "[" + strings.Join(extras, ",") + "]"
	}
	note, blank := "", ""
	if where := location(one); where != "" {
		ref, err := address.Refer(name, where, r.dir)
		switch {
		case err != nil:
			r.leave(from, name+" = "+address.Shown(where), group, err.Error())
			return
		case ref.Dir == ".":
			r.d.Paths = append(r.d.Paths, draft.Path{Dir: ".", Project: true, Extras: extras, From: from})
			r.d.Note(from, name, draft.Mapped, "the project itself: what it requires is taken, and its files are in the image")
			return
		case ref.Address == "":
			r.leave(from, name, group, "it lies on another machine")
			return
		}
		shown = name + " = " + address.Shown(where)
		text += " @ " + ref.Address
		note, blank = text, " "
	} else if version != "" && version != "*" {
		if strings.ContainsAny(version[:1], "0123456789") {
			version = "==" + version
		}
		fixed, why, err := spelling.Bounds(version)
		if err != nil {
			r.leave(from, shown, group, err.Error())
			return
		}
		text += fixed
		note = why
	}
	if index := one.Text("index"); index != "" {
		if n := pep508.NormalizeName(name); !slices.Contains(r.bound[index], n) {
			r.bound[index] = append(r.bound[index], n)
		}
	}
	var parts []string
	if m := one.Text("markers"); m != "" {
		parts = append(parts, m)
	}
	for _, key := range markers {
		if m := one.Text(key); m != "" {
			parts = append(parts, fmt.Sprintf("%s %s", key, m))
		}
	}
	if len(parts) > 0 {
		for i := range parts {
			if len(parts) > 1 {
				parts[i] = "(" + parts[i] + ")"
			}
		}
		text += blank + "; " + strings.Join(parts, " and ")
		note = text
	}
	if _, err := pep508.Parse(text); err != nil {
		r.leave(from, shown, group, "no requirement: "+text)
		return
	}
	r.d.Require(draft.Requirement{Text: text, From: from, Group: group}, shown, note)
}

// location is the address that an entry names, as pip writes it.
func location(t document.Table) string {
	for _, vcs := range []string{"git", "hg", "svn", "bzr"} {
		if v := t.Text(vcs); v != "" {
			v = vcs + "+" + strings.TrimPrefix(v, vcs+"+")
			if ref := t.Text("ref"); ref != "" {
				v += "@" + ref
			}
			if sub := t.Text("subdirectory"); sub != "" {
				v += "#subdirectory=" + sub
			}
			return v
		}
	}
	for _, key := range []string{"file", "url"} {
		if v := t.Text(key); v != "" {
			return v
		}
	}
	if v := t.Text("path"); v != "" {
		if !strings.HasPrefix(v, ".") && !path.IsAbs(v) {
			v = "./" + v
		}
		return v
	}
	return ""
}
