package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer"
	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/undeclared"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/sdistfile"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/supply"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// askIndex finds out what only an index knows: which Python the pinned packages have wheels for, and which packages have what the
// project's files import and nothing declares.
func (s *session) askIndex(ctx context.Context, m *importer.Manifest, p *importer.Project, names []string, open importer.Open, options importer.Options, o importOptions) (*importer.Manifest, error) {
	usage := undeclared.Scan(undeclared.Tree{Names: names, Open: open})
	for _, u := range usage.Unread {
		p.Lines = append(p.Lines, draft.Line{From: draft.Origin{File: u.File}, Text: "imports", Verdict: draft.Left, Note: fmt.Sprintf("it cannot be read to its end: %v", u.Err)})
	}
	declared := declaredBy(m, p, options.Groups)
	guessed := o.python == "" && m.PythonNote != ""
	if len(usage.Uses) == 0 && !guessed {
		return m, nil
	}
	st, err := s.openStore(ctx)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	file := o.output
	if file == "-" {
		file = manifest.FileName
	}
	mf, err := manifest.Parse(file, m.Text())
	if err != nil {
		mf = &manifest.Manifest{} // what is wrong with it is told when it is written
	}
	sup, err := s.supplyFor(st, mf, fetching)
	if err != nil {
		return nil, err
	}
	defer sup.Close()
	paths := func(ctx context.Context, p *index.Project, f index.File) ([]string, error) {
		list, err := filesIn(ctx, st, sup, p, f)
		if err != nil {
			return nil, ctx.Err() // what cannot be looked into is not known to have anything
		}
		return list, nil
	}
	world := func(python string) (*undeclared.Index, error) {
		return undeclared.NewIndex(sup.Packages(), paths, python, until(o.asOf))
	}
	if guessed {
		if err := s.inferPython(ctx, m, declared, usage, world); err != nil {
			return nil, err
		}
		options.Python = m.Python
	}
	note := m.PythonNote
	found, err := s.undeclared(ctx, m, usage, declared, world, o)
	if err != nil {
		return nil, err
	}
	added := &draft.Draft{}
	for _, f := range found {
		s.account(f, added, o.project.addMissing)
	}
	files := slices.Clone(p.Files)
	if len(added.Lines) > 0 {
		files = append(files, &importer.File{Name: importsName, Draft: added})
	}
	again, err := importer.Compose(files, options)
	if err != nil {
		return nil, err
	}
	again.From = slices.DeleteFunc(again.From, func(f string) bool { return f == importsName })
	if len(again.From) == 0 {
		again.From = []string{"what its files import"}
	}
	if again.Python == m.Python {
		again.PythonNote = note
	}
	return again, nil
}

// addMissing adds to what was read of files what the Python files of the folder import that has the manifest.
func (s *session) addMissing(ctx context.Context, m *importer.Manifest, files []*importer.File, t *importTree, options importer.Options, o importOptions) (*importer.Manifest, error) {
	names, err := projectNames(t.dir)
	if err != nil {
		return nil, err
	}
	p := &importer.Project{Files: files}
	if m, err = s.askIndex(ctx, m, p, names, t.open, options, o); err != nil {
		return nil, err
	}
	m.Lines = append(m.Lines, p.Lines...)
	return m, nil
}

// maxLooked is how many bytes a source distribution has at most that is downloaded to be looked into.
const maxLooked = 64 << 20

// filesIn lists what is in a file of an index: of a wheel by its directory, for which it is not downloaded.
func filesIn(ctx context.Context, st *store.Store, sup *supply.Supply, p *index.Project, f index.File) ([]string, error) {
	if strings.HasSuffix(f.Filename, ".whl") {
		if _, local := index.LocalPath(f.URL); local {
			return nil, nil
		}
		dir, err := index.RemoteDirectory(ctx, sup.Fetch, f.URL, f.Filename, f.Size)
		if err != nil {
			return nil, err
		}
		var list []string
		for _, e := range dir.Entries {
			list = append(list, e.Name)
		}
		return list, nil
	}
	if f.Size > maxLooked || f.SHA256 == "" {
		return nil, nil
	}
	_, _ = sup.Packages().Metadata(ctx, p, f) // which brings the file into the store, whatever it says
	blob, err := st.Blob(f.SHA256)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	return sdistfile.Names(ctx, f.Filename, blob, blob.Size())
}

// importsName is where a manifest says that requirements come from which no file declares.
const importsName = "imported, and declared nowhere"

// declaredBy are the requirements that hold, those of files that stay what they are included.
func declaredBy(m *importer.Manifest, p *importer.Project, groups []string) []pep508.Requirement {
	var list []pep508.Requirement
	add := func(text string) {
		if r, err := pep508.Parse(text); err == nil && !slices.ContainsFunc(list, func(o pep508.Requirement) bool { return o.String() == r.String() }) {
			list = append(list, r)
		}
	}
	for _, d := range m.Dependencies {
		add(d.Text)
	}
	for _, d := range m.Hashed {
		add(d.Text)
	}
	for _, f := range p.Files {
		for _, r := range f.Draft.Requirements {
			if r.Group == "" || slices.Contains(groups, r.Group) {
				add(r.Text)
			}
		}
	}
	return list
}

// undeclared finds what nothing provides. Where no index can be asked, facts alone tell.
func (s *session) undeclared(ctx context.Context, m *importer.Manifest, usage *undeclared.Usage, declared []pep508.Requirement, world func(string) (*undeclared.Index, error), o importOptions) ([]undeclared.Module, error) {
	python := minorOf(m.Python)
	options := undeclared.Options{Python: python, Declared: declared, Own: pep508.NormalizeName(m.Name), Warn: func(err error) { s.warnOnce(err.Error()) }}
	var w undeclared.World
	x, err := world(python)
	if err == nil {
		w = x
	}
	var found []undeclared.Module
	if err == nil {
		found, err = undeclared.Find(ctx, usage, options, w)
	}
	if err == nil || ctx.Err() != nil {
		return found, err
	}
	if o.project.addMissing {
		return nil, err
	}
	s.ui().Warn("what the project imports was not compared with what packages have: %v", err)
	return undeclared.Find(ctx, usage, options, nil)
}

// account says what became of a module that nothing provides.
func (s *session) account(f undeclared.Module, d *draft.Draft, add bool) {
	u := f.Uses[0]
	from := draft.Origin{File: u.File, Line: u.Line}
	what := "import " + f.Name
	pack := f.Package
	if f.Package != "" && f.Version != "" {
		pack += " " + f.Version
	}
	switch {
	case !f.Needed && !f.Tests || f.Tests && testTools[f.Package]:
		note := "the program goes on without"
		if u.Aside == undeclared.Tool || u.Aside == undeclared.Test {
			note = "it is no part of what the project does"
		} else if u.Aside == undeclared.Vendored {
			note = "somebody else's code imports it"
		} else if u.Conditional && !u.Optional {
			note = "it is imported under a condition"
		}
		if f.Package != "" {
			note += "; " + pack + " has it"
		}
		d.Note(from, what, draft.Passed, "%s", note)
	case f.Package == "":
		d.Leave(from, what, "%s", f.Why)
	case !add:
		d.Leave(from, what, "nothing declares it: %s has it; --add-missing adds that", pack)
	case !f.Checked:
		d.Leave(from, what, "nothing declares it, and %s: add %s if that is it", f.Why, f.Package)
	default:
		d.Requirements = append(d.Requirements, draft.Requirement{Text: f.Package, From: draft.Origin{File: importsName}, Comment: fmt.Sprintf("%s, %s", what, from)})
		d.Note(from, what, draft.Mapped, "%s, since %s", f.Package, f.Why)
	}
}

// testTools run tests, and are no part of what tests need of an environment.
var testTools = map[string]bool{"pytest": true, "nose": true, "mock": true, "hypothesis": true, "parameterized": true, "coverage": true, "tox": true, "pytest-cov": true, "ddt": true}

// minorOf is the minor version that a manifest's Python means, as far as that can be told without a base.
func minorOf(python string) string {
	for _, m := range []string{"3.13", "3.12", "3.11", "3.10", "3.9", "3.8", "3.7", "3.6", "3.5"} {
		if strings.TrimSuffix(python, "t") == m || strings.HasPrefix(python, m+".") || strings.Contains(python, "=="+m+".") {
			return m
		}
	}
	for _, m := range []string{"3.12", "3.11", "3.10", "3.9", "3.8", "3.7", "3.6", "3.13"} {
		if importer.Allows(python, m) {
			return m
		}
	}
	return "3.11"
}

// inferPython chooses a Python that nothing states: the usual one of the day among those that the pinned packages have wheels for.
func (s *session) inferPython(ctx context.Context, m *importer.Manifest, declared []pep508.Requirement, usage *undeclared.Usage, world func(string) (*undeclared.Index, error)) error {
	if usage.Two != nil {
		s.ui().Warn("%s:%d has %s, which only Python 2 takes: an image has Python 3", usage.Two.File, usage.Two.Evidence.Line, usage.Two.Evidence.What)
	}
	x, err := world(minorOf(m.Python))
	if err != nil {
		return err
	}
	var common []string
	by := ""
	for _, r := range declared {
		if !slices.ContainsFunc(r.Specifiers.All(), func(sp pep440.Specifier) bool { return sp.IsExact() }) || r.URL != "" {
			continue
		}
		minors, err := x.Minors(ctx, r)
		if err != nil {
			if diag.CodeOf(err) == diag.Fetch && ctx.Err() == nil {
				s.warnOnce(fmt.Sprintf("which Pythons %s has wheels for was not found out: %v", r.Name, err))
				continue
			}
			return err
		}
		if len(minors) == 0 {
			continue
		}
		both := slices.DeleteFunc(slices.Clone(minors), func(v string) bool { return common != nil && !slices.Contains(common, v) })
		if len(both) == 0 {
			continue // contradicting pins are the lock's to explain
		}
		if common == nil || len(both) < len(common) {
			by = r.Name + r.Specifiers.String()
		}
		common = both
	}
	if since := usage.Since; since != nil {
		common = slices.DeleteFunc(common, func(v string) bool { return importer.Older(v, since.Evidence.Python) })
	}
	if m.Allowed != "" {
		common = slices.DeleteFunc(common, func(v string) bool { return !importer.Allows(m.Allowed, v) })
	}
	if len(common) == 0 || slices.Contains(common, minorOf(m.Python)) {
		return nil
	}
	if python := importer.Usual(common, m.AsOf); python != "" {
		m.Python, m.PythonNote = python, by+" has wheels for it, and not for "+m.Python
	}
	return nil
}
