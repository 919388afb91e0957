package lockfiles

import (
	"path"
	"strings"

	"github.com/envpack/envpack/importer/document"
	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/pyproject"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile/pylock"
)

// Pylock reads a pylock.toml (PEP 751), which is held to the standard first.
func Pylock(name string, data []byte, _ func(name string) ([]byte, error)) (*draft.Draft, error) {
	if _, err := pylock.Parse(name, data); err != nil {
		return nil, diag.Wrap(err, diag.Manifest, "")
	}
	doc, err := document.Parse(name, data)
	if err != nil {
		return nil, err
	}
	l := &lock{d: &draft.Draft{}, dir: path.Dir(name)}
	if python := doc.Top.Text("requires-python"); python != "" {
		pyproject.Python(l.d, python, doc.Top.From("requires-python"))
	}
	packages := doc.Top.Tables("packages")
	if len(packages) > maxPins {
		return nil, diag.New(diag.Manifest, "%d packages are more than a lock can have", len(packages)).At(diag.Position{File: name})
	}
	for _, t := range packages {
		p := &pin{name: t.Text("name"), version: t.Text("version"), from: t.From(""), marker: t.Text("marker"), index: t.Text("index")}
		if strings.Contains(p.marker, "dependency_groups") || strings.Contains(p.marker, "extras") {
			p.passed = "it is for a group or an extra: " + p.marker
		}
		var list []string
		for _, f := range append(t.Tables("wheels"), t.Tables("sdist")...) {
			list = append(list, "sha256:"+f.Table("hashes").Text("sha256"))
		}
		p.hashes = hashed(list)
		switch {
		case t.Has("vcs"):
			v := t.Table("vcs")
			where := v.Text("url")
			if where == "" {
				where = "file://" + v.Text("path")
			}
			p.where = v.Text("type") + "+" + where + "@" + v.Text("commit-id")
			if sub := v.Text("subdirectory"); sub != "" {
				p.where += "#subdirectory=" + sub
			}
		case t.Has("directory"):
			p.where = "./" + strings.TrimPrefix(t.Table("directory").Text("path"), "./")
		case t.Has("archive"):
			a := t.Table("archive")
			if p.where = a.Text("url"); p.where == "" {
				p.where = "./" + strings.TrimPrefix(a.Text("path"), "./")
			}
			p.hashes = hashed([]string{"sha256:" + a.Table("hashes").Text("sha256")})
		}
		l.pins = append(l.pins, p)
	}
	l.write()
	return l.d, nil
}
