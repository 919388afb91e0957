// Package undeclared finds what a project's own files import and nothing that it declares provides, and which packages have it.
//
// It runs nothing. What the project's files import is read off their source; what packages have, off their wheels' lists of files:
// a package is offered only if its wheel really has the module. Of the standard library and of the project's own modules nothing
// is asked.
package undeclared

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/modules"
	"github.com/envpack/envpack/importer/notebook"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/internal/pysource"
)

// Bounds of what is read of a project.
const (
	maxFiles = 20000
	maxBytes = 256 << 20 // of all files together
)

// Tree is a project's files.
type Tree struct {
	Names []string // relative to the project, with slashes, sorted
	Open  func(name string) ([]byte, error)
}

// Use is an import of a module by a file of the project.
type Use struct {
	File   string
	Line   int
	Module string   // with dots
	Names  []string // taken from it
	pysource.Context
	// Aside says that the file is no part of what the project does: a test, documentation, setup.py, somebody else's code.
	Aside Aside
	Near  string // where the project has a module of that name, though Python does not look there
}

// Aside is what a file is for that is no part of what the project does.
type Aside int

// The kinds of files.
const (
	Proper Aside = iota
	Test
	Tool     // documentation, setup.py, noxfile.py
	Vendored // somebody else's
)

// Unread is a file that could not be read to its end.
type Unread struct {
	File string
	Err  error
}

// Usage is what the files of a project import from elsewhere.
type Usage struct {
	Uses   []Use // in the order of files and lines; none of Python's own modules in all versions, none of the project's
	Files  int   // that were read
	Unread []Unread
	Two    *Place // a line that only Python 2 takes, if nothing needs Python 3
	Since  *Place // a line that needs a newer Python than 3.5
	Main   []string
}

// Place is a line that says something of Python's version.
type Place struct {
	File     string
	Evidence pysource.Evidence
}

var (
	skipped   = pattern.New(`(?i)(^|/)(\.[^/]+|node_modules|site-packages|dist-packages|venv|__pycache__|[^/]+\.egg-info)/`)
	tests     = pattern.New(`(?i)(^|/)(tests?|testing|unit_?tests?)/|(^|/)(test_[^/]*|[^/]*_tests?|conftest|tests?)\.py$`)
	tooling   = pattern.New(`(?i)(^|/)(docs?|documentation|doc_src|benchmarks?|ci|\.github)/|(^|/)(setup|noxfile|fabfile|tasks|dodo|versioneer|release|conf|wscript|hubconf_setup)\.py$`)
	vendoring = pattern.New(`(?i)(^|/)(third[_-]?party|3rdparty|vendor|vendors|vendored|external|externals|submodules|_vendor|deps)/`)
)

func asideOf(name string) Aside {
	switch {
	case vendoring().MatchString(name):
		return Vendored
	case tooling().MatchString(name):
		return Tool
	case tests().MatchString(name):
		return Test
	}
	return Proper
}

// Scan reads a project's files.
func Scan(t Tree) *Usage {
	s := &scanner{tree: t, usage: &Usage{}, own: newOwn(t)}
	total := 0
	var all []parsed
	for _, name := range t.Names {
		end := strings.ToLower(path.Ext(name))
		if end != ".py" && end != ".pyw" && end != ".ipynb" || skipped().MatchString(name) {
			continue
		}
		if s.usage.Files == maxFiles || total > maxBytes {
			break
		}
		data, err := t.Open(name)
		if err != nil {
			s.usage.Unread = append(s.usage.Unread, Unread{name, err})
			continue
		}
		s.usage.Files++
		total += len(data)
		if f := s.parse(name, end, data); f != nil {
			all = append(all, *f)
		}
	}
	for _, f := range all {
		s.own.learn(f)
	}
	for _, f := range all {
		s.file(f)
	}
	s.evidence(all)
	return s.usage
}

// parsed is what was read of a file.
type parsed struct {
	name  string
	file  *pysource.File
	lines []int // of a notebook: those of the file; nil: they are as they are
}

func (p parsed) line(n int) int {
	if p.lines != nil && n >= 1 && n <= len(p.lines) {
		return p.lines[n-1]
	}
	return n
}

type scanner struct {
	tree  Tree
	usage *Usage
	own   *own
}

func (s *scanner) parse(name, end string, data []byte) *parsed {
	p := &parsed{name: name}
	if end == ".ipynb" {
		nb, err := notebook.Parse(name, data)
		if err != nil {
			s.usage.Unread = append(s.usage.Unread, Unread{name, err})
			return nil
		}
		if nb.Language != "" && !strings.Contains(strings.ToLower(nb.Language), "python") {
			return nil
		}
		data, p.lines = nb.Code()
	}
	f, err := pysource.Imports(data)
	if err != nil {
		s.usage.Unread = append(s.usage.Unread, Unread{name, err})
	}
	p.file = f
	return p
}

// file notes what a file imports from elsewhere.
func (s *scanner) file(p parsed) {
	aside := asideOf(p.name)
	if p.file.Entry > 0 && aside == Proper {
		s.usage.Main = append(s.usage.Main, p.name)
	}
	seen := map[string]bool{}
	for _, i := range p.file.Imports {
		if i.Level > 0 || i.Typing || i.Module == "" {
			continue
		}
		if modules.Standard(i.Module, "2.7") && modules.Standard(i.Module, "3.9") && modules.Standard(i.Module, "3.14") || s.own.has(i.Module, p.name) {
			continue
		}
		key := i.Module
		if i.Optional {
			key += "?"
		}
		if seen[key] && len(i.Names) == 0 {
			continue
		}
		seen[key] = true
		s.usage.Uses = append(s.usage.Uses, Use{File: p.name, Line: p.line(i.Line), Module: i.Module, Names: i.Names, Context: i.Context, Aside: aside, Near: s.own.near(i.Module)})
	}
}

// evidence finds what says most of Python's version.
func (s *scanner) evidence(all []parsed) {
	twos, threes := 0, 0
	for _, p := range all {
		if asideOf(p.name) == Vendored {
			continue
		}
		if e := p.file.Since; e != nil {
			threes++
			e.Line = p.line(e.Line)
			if s.usage.Since == nil || compareMinor(e.Python, s.usage.Since.Evidence.Python) > 0 {
				s.usage.Since = &Place{p.name, *e}
			}
		}
		if e := p.file.Two; e != nil {
			twos++
			e.Line = p.line(e.Line)
			if s.usage.Two == nil {
				s.usage.Two = &Place{p.name, *e}
			}
		}
	}
	if threes > 0 || twos*4 < len(all) { // a file or two that nobody has run since
		s.usage.Two = nil
	}
}

// compareMinor compares "3.9" and "3.10".
func compareMinor(a, b string) int {
	return cmp.Or(len(a)-len(b), strings.Compare(a, b))
}

// groups puts uses together by the module that a package has to have: the first part of the name, or more of it where several
// packages share that.
func groups(uses []Use) (names []string, by map[string][]Use) {
	by = map[string][]Use{}
	add := func(name string, u Use) {
		if by[name] == nil {
			names = append(names, name)
		}
		by[name] = append(by[name], u)
	}
	for _, u := range uses {
		top, _, dotted := strings.Cut(u.Module, ".")
		if !shared[top] {
			add(top, u)
			continue
		}
		if !dotted { // from google import protobuf
			for _, n := range u.Names {
				v := u
				v.Module, v.Names = top+"."+n, nil
				add(group(v.Module), v)
			}
			continue
		}
		if group(u.Module) == top+".cloud" {
			for _, n := range u.Names {
				v := u
				v.Module, v.Names = u.Module+"."+n, nil
				add(group(v.Module), v)
			}
			continue
		}
		add(group(u.Module), u)
	}
	slices.Sort(names)
	return names, by
}

// shared are first parts of names that several packages have.
var shared = map[string]bool{"google": true, "azure": true, "ruamel": true, "zope": true, "backports": true, "jaraco": true, "sphinxcontrib": true, "mpl_toolkits": false, "snowflake": true, "mysql": true, "opentelemetry": true, "nvidia": true, "aws_cdk": true}

// group is as much of a name as tells which package it is of.
func group(module string) string {
	parts := strings.Split(module, ".")
	n := 2
	if len(parts) > 2 && parts[0] == "google" && parts[1] == "cloud" {
		n = 3
	}
	return strings.Join(parts[:min(n, len(parts))], ".")
}
