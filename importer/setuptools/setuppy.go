// Package setuptools reads what a setup.py or a setup.cfg says that a project requires. A setup.py is read and not run (package
// pyvalue): what cannot be told without running it is left, with its line.
package setuptools

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/requirements"
	"github.com/envpack/envpack/importer/spelling"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pysource"
	"github.com/envpack/envpack/internal/pyvalue"
	"github.com/envpack/envpack/resolver/pep508"
)

// Read reads a setup.py, with the setup.cfg beside it. Errors are diag errors: it is no Python.
func Read(name string, data []byte, open func(name string) ([]byte, error)) (*draft.Draft, error) {
	calls, err := pyvalue.Calls(name, data, "setup", open)
	var bad *pysource.SyntaxError
	if err != nil && len(calls) == 0 {
		e := diag.New(diag.Manifest, "not Python: %v", err)
		if errors.As(err, &bad) {
			e = diag.New(diag.Manifest, "not Python: %s", bad.What).At(diag.Position{File: name, Line: bad.Line, Col: bad.Col})
		}
		return nil, e
	}
	r := &reader{d: &draft.Draft{}, file: name, open: open}
	if len(calls) == 0 {
		r.d.Leave(draft.Origin{File: name}, "setup(…)", "no call of it is found, so that what the project requires does not show")
	}
	for _, c := range calls {
		r.call(c)
	}
	if cfg := path.Join(path.Dir(name), "setup.cfg"); len(r.d.Requirements) == 0 {
		if data, err := open(cfg); err == nil {
			other, err := ReadConfig(cfg, data, open)
			if err != nil {
				return nil, err
			}
			own := r.d.Paths
			if len(other.Paths) > 0 && len(own) == 1 && own[0].Dir == path.Dir(name) {
				r.d.Paths = nil
			}
			r.d.Add(other)
		}
	}
	return r.d, nil
}

type reader struct {
	d    *draft.Draft
	file string
	open func(name string) ([]byte, error)
}

func (r *reader) origin(line int) draft.Origin { return draft.Origin{File: r.file, Line: line} }

// call reads what one call of setup says.
func (r *reader) call(c pyvalue.Call) {
	here := r.origin(c.Line)
	if name, ok := c.Named["name"].(pyvalue.Str); ok && r.d.Name == "" {
		r.d.Name = name.S
	}
	for _, u := range c.Spread {
		r.d.Leave(r.origin(u.At.Line), "**…", "%s: what it gives to setup does not show", u.Why)
	}
	if v, ok := c.Named["python_requires"]; ok {
		r.python(v, here)
	}
	if v, ok := c.Named["install_requires"]; ok {
		r.list("install_requires", "", "", v, here)
	}
	switch extras := c.Named["extras_require"].(type) {
	case *pyvalue.Dict:
		for i, k := range extras.Keys {
			key, ok := k.(pyvalue.Str)
			if !ok {
				r.d.Note(here, "extras_require", draft.Left, "an extra whose name cannot be told")
				continue
			}
			extra, marker, _ := strings.Cut(key.S, ":")
			r.list("extras_require "+key.S, pep508.NormalizeName(extra), strings.TrimSpace(marker), extras.Vals[i], here)
		}
	case nil, pyvalue.None:
	default:
		r.d.Note(here, "extras_require", draft.Left, "%s", why(extras))
	}
	if v, ok := c.Named["tests_require"]; ok {
		r.list("tests_require", "tests", "", v, here)
	}
	for _, key := range []string{"setup_requires", "requires"} {
		if _, ok := c.Named[key]; ok {
			r.d.Note(here, key, draft.Passed, "%s", map[string]string{"setup_requires": "it is for building the project alone", "requires": "it names modules, and pip does not read it"}[key])
		}
	}
	if l, ok := c.Named["dependency_links"].(*pyvalue.List); ok && len(l.Items) > 0 {
		r.d.Note(here, "dependency_links", draft.Left, "pip reads them no more: write NAME @ ADDRESS where the package is required")
	}
	if l, ok := c.Named["ext_modules"].(*pyvalue.List); (ok && len(l.Items) > 0) || isUnknown(c.Named["ext_modules"]) {
		r.d.Leave(here, "ext_modules", "the project's own extension modules are not built; its files lie in the image as they are")
	}
	if v, ok := c.Named["entry_points"]; ok {
		r.scripts(v, here)
	}
	if b, ok := c.Named["pbr"].(pyvalue.Bool); ok && bool(b) {
		r.pbr(here)
	}
	r.paths(c)
}

func isUnknown(v pyvalue.Value) bool {
	_, ok := v.(pyvalue.Unknown)
	return ok
}

// why says why a value cannot be used.
func why(v pyvalue.Value) string {
	if u, ok := v.(pyvalue.Unknown); ok {
		return fmt.Sprintf("what it is shows only when the file is run: %s", u.Why)
	}
	return "it is no list of texts"
}

func (r *reader) python(v pyvalue.Value, here draft.Origin) {
	s, ok := v.(pyvalue.Str)
	if !ok {
		r.d.Note(here, "python_requires", draft.Left, "%s", why(v))
		return
	}
	from := draft.Origin{File: s.At.File, Line: s.At.Line}
	r.d.Lines = append(r.d.Lines, pythonLine(r.d, from, "python_requires="+s.S, s.S))
}

// pythonLine adds which Pythons are meant, and gives the line about it.
func pythonLine(d *draft.Draft, from draft.Origin, text, specifier string) draft.Line {
	fixed, note, err := spelling.Bounds(specifier)
	if err != nil {
		return draft.Line{From: from, Text: text, Verdict: draft.Left, Note: err.Error()}
	}
	if fixed != "" {
		d.Pythons = append(d.Pythons, draft.Python{Specifier: fixed, From: from})
	}
	v := draft.Taken
	if note != "" {
		v = draft.Mapped
	}
	return draft.Line{From: from, Text: text, Verdict: v, Note: note}
}

// list reads a list of requirements, or a text with one on each line.
func (r *reader) list(key, group, marker string, v pyvalue.Value, here draft.Origin) {
	switch v := v.(type) {
	case pyvalue.None:
	case pyvalue.Str:
		for i, line := range strings.Split(v.S, "\n") {
			one := v
			one.S, one.At.Line = line, v.At.Line+i
			r.one(one, group, marker)
		}
	case *pyvalue.List:
		for _, item := range v.Items {
			switch item := item.(type) {
			case pyvalue.Str:
				r.one(item, group, marker)
			case *pyvalue.List:
				r.list(key, group, marker, item, here)
			default:
				from := here
				if u, ok := item.(pyvalue.Unknown); ok && u.At.Line > 0 {
					from = draft.Origin{File: u.At.File, Line: u.At.Line}
				}
				r.leave(from, "one of "+key, group, why(item))
			}
		}
	default:
		from := here
		if u, ok := v.(pyvalue.Unknown); ok && u.At.Line > 0 {
			from = draft.Origin{File: u.At.File, Line: u.At.Line}
		}
		r.leave(from, key, group, why(v))
	}
}

func (r *reader) leave(from draft.Origin, text, group, note string) {
	r.d.Lines = append(r.d.Lines, draft.Line{From: from, Text: text, Verdict: draft.Left, Note: note, Group: group, Needed: true})
}

// one reads one requirement.
func (r *reader) one(s pyvalue.Str, group, marker string) {
	text := strings.TrimSpace(s.S)
	if text == "" || strings.HasPrefix(text, "#") {
		return
	}
	if s.Marker != "" {
		marker = both(marker, s.Marker)
	}
	add(r.d, requirements.Entry{Text: text, Line: s.At.Line}, s.At.File, group, marker, s.Doubt, r.open)
}

func both(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return "(" + a + ") and (" + b + ")"
}

// add reads a requirement as pip would, and puts it into a group and under a marker.
func add(d *draft.Draft, e requirements.Entry, file, group, marker, doubt string, open func(string) ([]byte, error)) {
	got, err := requirements.List(file, []requirements.Entry{e}, open)
	if err != nil {
		d.Lines = append(d.Lines, draft.Line{From: draft.Origin{File: file, Line: e.Line}, Text: e.Text, Verdict: draft.Left, Note: err.Error(), Group: group, Needed: true})
		return
	}
	for i := range got.Requirements {
		q := &got.Requirements[i]
		if q.Group == "" {
			q.Group = group
		}
		if doubt != "" {
			q.Comment = strings.TrimPrefix(q.Comment+"; only if "+doubt, "; ")
		}
		if marker == "" {
			continue
		}
		if req, err := pep508.Parse(q.Text); err == nil {
			if req.Marker != nil {
				q.Text = strings.TrimSpace(q.Text[:strings.LastIndex(q.Text, ";")]) + "; " + both(strings.TrimSpace(q.Text[strings.LastIndex(q.Text, ";")+1:]), marker)
			} else {
				blank := ""
				if req.URL != "" {
					blank = " "
				}
				q.Text = strings.TrimRight(q.Text, "; ") + blank + "; " + marker
			}
		}
	}
	for i := range got.Lines {
		l := &got.Lines[i]
		if l.Group == "" {
			l.Group = group
		}
		if (marker != "" || doubt != "") && l.Verdict == draft.Taken {
			l.Verdict = draft.Mapped
			if l.Note = "; " + marker; marker == "" {
				l.Note = "only if " + doubt + ": it is taken"
			}
			l.Note = strings.TrimPrefix(l.Note, "; ")
		}
	}
	d.Add(got)
}

// scripts tells of programs that installing would make.
func (r *reader) scripts(v pyvalue.Value, here draft.Origin) {
	d, ok := v.(*pyvalue.Dict)
	if !ok {
		return
	}
	l, ok := func() (*pyvalue.List, bool) {
		v, _ := d.Get("console_scripts")
		l, ok := v.(*pyvalue.List)
		return l, ok
	}()
	if !ok {
		return
	}
	for _, item := range l.Items {
		if s, ok := item.(pyvalue.Str); ok {
			script(r.d, draft.Origin{File: s.At.File, Line: s.At.Line}, s.S)
		}
	}
}

// script tells of a program "name = module:function" that is not made.
func script(d *draft.Draft, from draft.Origin, text string) {
	_, object, _ := strings.Cut(text, "=")
	module, _, _ := strings.Cut(strings.TrimSpace(object), ":")
	d.Note(from, text, draft.Left, "the project is not installed, and no such program made; python -m %s may do the same", module)
}

// pbr reads the file that pbr takes requirements from.
func (r *reader) pbr(here draft.Origin) {
	name := path.Join(path.Dir(r.file), "requirements.txt")
	data, err := r.open(name)
	if err != nil {
		r.d.Note(here, "pbr=True", draft.Passed, "%s is not there", name)
		return
	}
	got, err := requirements.Read(name, data, r.open)
	if err != nil {
		r.d.Leave(here, "pbr=True", "%v", err)
		return
	}
	r.d.Note(here, "pbr=True", draft.Taken, "")
	r.d.Add(got)
}

// paths finds where the modules of the project are.
func (r *reader) paths(c pyvalue.Call) {
	dir := path.Dir(r.file)
	root := dir
	if d, ok := c.Named["package_dir"].(*pyvalue.Dict); ok {
		if s, ok := d.Get(""); ok {
			if where, ok := s.(pyvalue.Str); ok {
				root = path.Join(dir, where.S)
			}
		}
	} else if l, ok := c.Named["packages"].(*pyvalue.List); ok {
		for _, item := range l.Items {
			if s, ok := item.(pyvalue.Str); ok {
				if where, found := strings.CutPrefix(s.S, "find_packages:"); found {
					root = path.Join(dir, where)
				}
			}
		}
	}
	p := draft.Path{Dir: root, From: r.origin(c.Line)}
	if !slices.ContainsFunc(r.d.Paths, func(o draft.Path) bool { return o.Dir == p.Dir }) {
		r.d.Paths = append(r.d.Paths, p)
	}
}
