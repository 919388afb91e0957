package lockfiles

import (
	"path"
	"strings"

	"github.com/envpack/envpack/importer/document"
	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/pyproject"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/pep508"
)

// Poetry reads a poetry.lock, of lock-version 0 to 2. What the project itself needs is read from the pyproject.toml beside it, if there is one.
func Poetry(name string, data []byte, open func(name string) ([]byte, error)) (*draft.Draft, error) {
	doc, l, err := begin(name, data)
	if err != nil {
		return nil, err
	}
	metadata := doc.Top.Table("metadata")
	old := metadata.Table("files")
	hashes := metadata.Table("hashes")
	for _, t := range doc.Top.Tables("package") {
		p := &pin{name: t.Text("name"), version: t.Text("version"), from: t.From("")}
		p.hashes = hashesOf(t.Tables("files"))
		if len(p.hashes) == 0 {
			p.hashes = hashesOf(old.Tables(p.name))
		}
		if len(p.hashes) == 0 {
			var list []string
			for _, h := range hashes.Texts(p.name) {
				list = append(list, "sha256:"+h.Text)
			}
			p.hashes = hashed(list)
		}
		switch {
		case t.Text("category") == "dev":
			p.groups = []string{"dev"}
		case t.True("optional") && !t.Has("groups"):
			p.passed = "it is for an extra of the project; which shows only in pyproject.toml"
		}
		for _, g := range t.Texts("groups") {
			group := pep508.NormalizeName(g.Text)
			if group == "main" {
				group = ""
			}
			p.groups = append(p.groups, group)
		}
		if m := t.Text("markers"); m != "" {
			p.marker = m
		} else if by := t.Table("markers"); by.Text("main") != "" {
			p.marker = by.Text("main")
		}
		dependencies := t.Table("dependencies")
		for _, d := range dependencies.Sorted() {
			tables := dependencies.Tables(d)
			if len(tables) == 0 {
				p.edges = append(p.edges, edge{name: d})
			}
			for _, one := range tables {
				if !one.True("optional") {
					p.edges = append(p.edges, edge{name: d, marker: one.Text("markers")})
				}
			}
		}
		s := t.Table("source")
		switch url := s.Text("url"); s.Text("type") {
		case "legacy":
			p.index = url
		case "git":
			p.where = "git+" + strings.TrimPrefix(url, "git+") + "@" + s.Text("resolved_reference")
			if sub := s.Text("subdirectory"); sub != "" {
				p.where += "#subdirectory=" + sub
			}
		case "url":
			p.where = url
		case "directory", "file":
			p.where = "./" + strings.TrimPrefix(url, "./")
		}
		l.pins = append(l.pins, p)
	}
	if python := metadata.Text("python-versions"); python != "" {
		pyproject.Python(l.d, python, metadata.From("python-versions"))
	}
	if !strings.HasPrefix(metadata.Text("lock-version"), "2.1") { // later ones have markers of their own
		l.conditions(beside(name, "pyproject.toml", open, pyproject.Read))
	}
	l.write()
	return l.d, nil
}

// begin reads the document, and holds the number of packages to its bound.
func begin(name string, data []byte) (*document.Document, *lock, error) {
	doc, err := document.Parse(name, data)
	if err != nil {
		return nil, nil, err
	}
	if n := len(doc.Top.Tables("package")); n > maxPins {
		return nil, nil, diag.New(diag.Manifest, "%d packages are more than a lock can have", n).At(diag.Position{File: name})
	}
	return doc, &lock{d: &draft.Draft{}, dir: path.Dir(name)}, nil
}

// PDM reads a pdm.lock.
func PDM(name string, data []byte, open func(name string) ([]byte, error)) (*draft.Draft, error) {
	doc, l, err := begin(name, data)
	if err != nil {
		return nil, err
	}
	old := doc.Top.Table("metadata", "files")
	grouped := false
	for _, t := range doc.Top.Tables("package") {
		p := &pin{name: t.Text("name"), version: t.Text("version"), from: t.From(""), marker: t.Text("marker"), edges: needs(t.Texts("dependencies"))}
		for _, e := range t.Texts("extras") {
			p.extras = append(p.extras, pep508.NormalizeName(e.Text))
		}
		for _, g := range t.Texts("groups") {
			grouped = true
			group := pep508.NormalizeName(g.Text)
			if group == "default" {
				group = ""
			}
			p.groups = append(p.groups, group)
		}
		p.hashes = hashesOf(t.Tables("files"))
		if len(p.hashes) == 0 {
			p.hashes = hashesOf(old.Tables(p.name + " " + p.version))
		}
		switch {
		case t.Text("git") != "":
			p.where = "git+" + strings.TrimPrefix(t.Text("git"), "git+") + "@" + t.Text("revision")
			if sub := t.Text("subdirectory"); sub != "" {
				p.where += "#subdirectory=" + sub
			}
		case t.Text("url") != "":
			p.where = t.Text("url")
		case t.Text("path") != "":
			p.where = t.Text("path")
		}
		l.pins = append(l.pins, p)
	}
	if python := doc.Top.Table("metadata").Text("requires_python"); python != "" {
		pyproject.Python(l.d, python, doc.Top.Table("metadata").From("requires_python"))
	}
	if !grouped { // earlier ones say markers of edges only
		l.conditions(beside(name, "pyproject.toml", open, pyproject.Read))
	}
	l.write()
	return l.d, nil
}
