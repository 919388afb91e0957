package importer

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/conda"
	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/repository"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// ProjectOptions say how a whole project is read.
type ProjectOptions struct {
	Names []string // its files, relative to it, with slashes, sorted
	Open  Open
	Files []string // those to read, in place of what is found; empty: what is found
	AsOf  string   // a date as the manifest has it; "" for none
	// Documented: what a README says of packages is taken as well where a file says which there are.
	Documented bool
	// Detached: the manifest will not lie in the project, so that it cannot name files of it.
	Detached bool
}

// Project is what was read of one.
type Project struct {
	Files []*File      // as Compose takes them
	Lines []draft.Line // which files are read, and which not
	// Main are the files that say which packages there are.
	Main []string
}

// ReadProject finds the files that describe a project's environment, and reads them: those that say which packages there are, and
// of others what these do not say. Errors are those of reading, and one for a project that says nothing.
func ReadProject(o ProjectOptions) (*Project, error) {
	found := repository.Find(repository.Tree{Names: o.Names, Open: o.Open}, conda.Is)
	if len(o.Files) > 0 {
		if err := chosen(found, o); err != nil {
			return nil, err
		}
	}
	r := &projectReader{o: o, p: &Project{}, named: map[string]asked{}, read: map[string]bool{}}
	for _, c := range found.Main {
		r.p.Main = append(r.p.Main, c.Name)
		if err := r.main(c); err != nil {
			return nil, err
		}
	}
	for _, c := range found.Details {
		if err := r.detail(c); err != nil {
			return nil, err
		}
	}
	for _, c := range found.Others {
		if c.Kind != repository.Notebook && c.Kind != repository.Readme {
			r.p.Lines = append(r.p.Lines, draft.Line{From: draft.Origin{File: c.Name}, Text: "the file", Verdict: draft.Passed, Note: c.Why})
		}
	}
	return r.p, nil
}

// chosen puts the files that were asked for in the place of those that were found.
func chosen(found *repository.Found, o ProjectOptions) error {
	asked := func(c repository.Choice) bool { return slices.Contains(o.Files, c.Name) }
	for _, c := range found.Main {
		if !asked(c) {
			c.Why = o.Files[0] + " was asked for"
			found.Others = append(found.Others, c)
		}
	}
	found.Main = nil
	for _, f := range o.Files {
		if !slices.Contains(o.Names, f) {
			return diag.New(diag.Usage, "the project has no file %s", f)
		}
		found.Main = append(found.Main, repository.Choice{Name: f, Why: "it was asked for"})
	}
	found.Details = slices.DeleteFunc(found.Details, asked)
	found.Others = slices.DeleteFunc(found.Others, asked)
	return nil
}

type projectReader struct {
	o       ProjectOptions
	p       *Project
	named   map[string]asked // packages that are asked for, normalised
	own     string           // the project's own name, normalised
	pythons []draft.Python   // that count
	read    map[string]bool  // files of which there are lines
}

// asked is where a package is asked for first.
type asked struct {
	from    draft.Origin
	bounded bool // with versions
}

func (r *projectReader) open(c repository.Choice) (*File, error) {
	data, err := r.o.Open(c.Name)
	if err != nil {
		return nil, diag.Wrap(err, diag.Manifest, "")
	}
	f, err := ReadAsOf(c.Name, data, r.o.Open, r.o.AsOf)
	if err != nil {
		return nil, err
	}
	if r.o.Detached {
		f.byReference = false
	}
	r.p.Lines = append(r.p.Lines, draft.Line{From: draft.Origin{File: c.Name}, Text: "the file", Verdict: draft.Taken, Note: c.Why})
	return f, nil
}

func (r *projectReader) main(c repository.Choice) error {
	f, err := r.open(c)
	if err != nil {
		return err
	}
	d := f.Draft
	r.reconcile(d)
	if r.own == "" && d.Name != "" {
		r.own = pep508.NormalizeName(d.Name)
	}
	for _, q := range d.Requirements {
		r.name(q)
	}
	for _, l := range d.Lines {
		r.read[l.From.File] = true
	}
	r.p.Files = append(r.p.Files, f)
	return nil
}

func (r *projectReader) name(q draft.Requirement) {
	req, err := pep508.Parse(q.Text)
	if err != nil {
		return
	}
	a, ok := r.named[req.Name]
	if !ok {
		a.from = q.From
	}
	if bounded := len(req.Specifiers.All()) > 0 || req.URL != ""; bounded && !a.bounded {
		a.from, a.bounded = q.From, true
	}
	r.named[req.Name] = a
}

// detail reads a file of which something counts besides.
func (r *projectReader) detail(c repository.Choice) error {
	f, err := r.open(c)
	if err != nil {
		return err
	}
	d := f.Draft
	prose := c.Kind == repository.Readme
	if base := strings.ToLower(path.Base(c.Name)); base == "tox.ini" && len(r.pythons) > 0 {
		dropPythons(d, func(draft.Python) string { return r.pythons[0].From.String() + " says which Python" })
	}
	r.reconcile(d)
	// Files that were read already are not read twice.
	d.Lines = slices.DeleteFunc(d.Lines, func(l draft.Line) bool { return l.From.File != c.Name && r.read[l.From.File] })
	d.Requirements = slices.DeleteFunc(d.Requirements, func(q draft.Requirement) bool {
		if q.From.File != c.Name && r.read[q.From.File] {
			return true
		}
		req, err := pep508.Parse(q.Text)
		before, named := r.named[req.Name]
		bounded := err == nil && (len(req.Specifiers.All()) > 0 || req.URL != "")
		switch {
		case err == nil && req.Name == r.own:
			pass(d, q.From, q.Text, "it is the project itself")
			return true
		case err == nil && named && (before.bounded || !bounded):
			pass(d, q.From, q.Text, before.from.String()+" says which")
			return true
		case prose && !r.o.Documented:
			note := r.p.Main[0] + " says which packages there are; --add-missing takes it too"
			if named {
				note = before.from.String() + " says no version; --add-missing takes this one"
			}
			pass(d, q.From, q.Text, note)
			return true
		}
		r.name(q)
		return false
	})
	for _, l := range d.Lines {
		r.read[l.From.File] = true
	}
	if prose && !r.o.Documented {
		r.modest(d)
	}
	r.p.Files = append(r.p.Files, f)
	return nil
}

// modest leaves of what a README says what is no package.
func (r *projectReader) modest(d *draft.Draft) {
	const note = "the README alone says so; --add-missing takes it"
	for _, s := range d.System {
		pass(d, s.From, s.Package, note)
	}
	for _, c := range d.CUDA {
		pass(d, c.From, "", note)
	}
	for _, i := range d.Indexes {
		pass(d, i.From, "", note)
	}
	d.System, d.CUDA, d.Indexes, d.Policies, d.Constraints = nil, nil, nil, nil, nil
	for i := range d.Paths { // the project is installed: its modules are found, and the file says what it requires
		d.Paths[i].Project = false
	}
	for i := range d.Lines {
		if l := &d.Lines[i]; l.Verdict == draft.Left && l.Needed {
			l.Needed = false
		}
	}
}

// pass says of the line of something that it is not taken after all. A line may have become several things.
func pass(d *draft.Draft, from draft.Origin, text, note string) {
	for i := range d.Lines {
		l := &d.Lines[i]
		if l.From != from || l.Verdict != draft.Taken && l.Verdict != draft.Mapped {
			continue
		}
		parts := strings.Split(l.Note, ", ")
		switch {
		case l.Text == text || l.Note == text || text == "" && len(parts) == 1:
			l.Verdict, l.Note = draft.Passed, note
		case len(parts) > 1 && slices.Contains(parts, text):
			l.Note += "; " + text + ": " + note
		}
	}
}

// reconcile takes away what a file says of Python if a file before it says otherwise.
func (r *projectReader) reconcile(d *draft.Draft) {
	dropPythons(d, func(p draft.Python) string {
		specs, err := pep440.ParseSpecifiers(p.Specifier)
		if err != nil {
			return ""
		}
		set := pep440.FromSpecifiers(specs)
		for _, before := range r.pythons {
			s, err := pep440.ParseSpecifiers(before.Specifier)
			if err == nil && set.Disjoint(pep440.FromSpecifiers(s)) {
				return fmt.Sprintf("%s says %s, and goes before it", before.From, before.Specifier)
			}
		}
		r.pythons = append(r.pythons, p)
		return ""
	})
}

// dropPythons takes away those for which there is a reason.
func dropPythons(d *draft.Draft, why func(draft.Python) string) {
	d.Pythons = slices.DeleteFunc(d.Pythons, func(p draft.Python) bool {
		note := why(p)
		if note == "" {
			return false
		}
		found := false
		for i := range d.Lines {
			if l := &d.Lines[i]; l.From == p.From && strings.Contains(l.Note, "Python ") && l.Verdict == draft.Mapped {
				l.Verdict, l.Note, found = draft.Passed, note, true
			}
		}
		if !found {
			d.Note(p.From, "Python "+p.Specifier, draft.Passed, "%s", note)
		}
		return true
	})
}
