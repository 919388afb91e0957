package lockfiles

import (
	"maps"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/document"
	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/pyproject"
	"github.com/envpack/envpack/resolver/pep508"
)

// UV reads a uv.lock.
func UV(name string, data []byte, _ func(name string) ([]byte, error)) (*draft.Draft, error) {
	doc, l, err := begin(name, data)
	if err != nil {
		return nil, err
	}
	var own []edge
	if python := doc.Top.Text("requires-python"); python != "" {
		pyproject.Python(l.d, python, doc.Top.From("requires-python"))
	}
	groups := map[string][]edge{}
	for _, t := range doc.Top.Tables("package") {
		p := &pin{name: t.Text("name"), version: t.Text("version"), from: t.From("")}
		p.edges = uvEdges(t.Tables("dependencies"))
		s := t.Table("source")
		root := s.Text("virtual") != "" || s.Text("editable") != "" || s.Text("directory") != ""
		where := s.Text("virtual") + s.Text("editable") + s.Text("directory")
		p.hashes = hashesOf(append(t.Tables("wheels"), t.Tables("sdist")...))
		switch {
		case root && (where == "." || s.Text("virtual") != ""):
			own = append(own, p.edges...)
			if l.d.Name == "" || where == "." {
				l.d.Name = p.name
			}
			for _, table := range []string{"optional-dependencies", "dev-dependencies"} {
				for _, g := range t.Table(table).Sorted() {
					groups[pep508.NormalizeName(g)] = append(groups[pep508.NormalizeName(g)], uvEdges(t.Table(table).Tables(g))...)
				}
			}
			p.passed = "the project itself"
		case root:
			p.where = "./" + strings.TrimPrefix(where, "./")
			own = append(own, edge{name: p.name})
		case s.Text("registry") != "":
			p.index = s.Text("registry")
		case s.Text("git") != "":
			p.where = uvGit(s.Text("git"))
		case s.Text("url") != "":
			p.where = s.Text("url")
		case s.Text("path") != "":
			p.where = "./" + strings.TrimPrefix(s.Text("path"), "./")
		}
		optional := t.Table("optional-dependencies")
		if p.passed == "" {
			for _, extra := range optional.Sorted() {
				p.edges = append(p.edges, uvEdges(optional.Tables(extra))...) // what was locked for extras is asked for by somebody
			}
		}
		l.pins = append(l.pins, p)
	}
	l.uvGroups(own, groups)
	l.write()
	return l.d, nil
}

// uvGroups finds which packages the project needs, and which its groups alone.
func (l *lock) uvGroups(own []edge, groups map[string][]edge) {
	if len(own) == 0 && len(groups) == 0 {
		l.conditions(nil)
		return
	}
	l.conditions(own)
	main := map[*pin]string{}
	for _, p := range l.pins {
		if p.passed == "" {
			main[p] = p.marker
		}
	}
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		edges := groups[g]
		for _, p := range l.pins {
			if p.passed == "the project does not need it" {
				p.passed = ""
			}
		}
		l.conditions(edges)
		for _, p := range l.pins {
			if _, is := main[p]; !is && p.passed == "" {
				p.groups = append(p.groups, g)
			}
		}
	}
	for _, p := range l.pins {
		if marker, is := main[p]; is {
			p.passed, p.marker, p.groups = "", marker, nil
		} else if len(p.groups) > 0 {
			p.passed = ""
		}
	}
}

func uvEdges(list []document.Table) []edge {
	var out []edge
	for _, t := range list {
		out = append(out, edge{t.Text("name"), t.Text("version"), t.Text("marker")})
	}
	return out
}

// uvGit is a repository as pip writes it: uv has ADDRESS?rev=NAME#COMMIT.
func uvGit(text string) string {
	address, commit, _ := strings.Cut(text, "#")
	address, query, _ := strings.Cut(address, "?")
	out := "git+" + address
	if commit != "" {
		out += "@" + commit
	}
	for _, part := range strings.Split(query, "&") {
		if sub, ok := strings.CutPrefix(part, "subdirectory="); ok {
			out += "#subdirectory=" + sub
		}
	}
	return out
}
