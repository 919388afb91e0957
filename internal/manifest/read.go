package manifest

import (
	"errors"
	"fmt"
	"path/filepath"
	"sort"
	"strconv"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// read fills m from a document that keeps the schema.
func (d *document) read(m *Manifest) error {
	for _, step := range []func(*Manifest) error{
		d.readProject, d.readSystem, d.readImage, d.readIndexes, d.readResolver, d.readConstraints, d.readPolicies, d.readBuilds, d.readData, d.readGPU, d.readSmoke,
	} {
		if err := step(m); err != nil {
			return err
		}
	}
	if err := m.readFiles(d); err != nil {
		return err
	}
	return m.checkExcluded()
}

func (d *document) table(name string) map[string]any {
	t, _ := d.root[name].(map[string]any)
	return t
}

func (d *document) str(table, key string) (value, at string, ok bool) {
	at = d.path(table, key)
	value, ok = d.table(table)[key].(string)
	return value, at, ok
}

func (d *document) list(table, key string) (items []string, at string) {
	at = d.path(table, key)
	list, _ := d.table(table)[key].([]any)
	for _, item := range list {
		items = append(items, item.(string))
	}
	return items, at
}

func (d *document) readProject(m *Manifest) error {
	m.Places.Project = d.key(d.path("project"))
	if d.table("system") != nil {
		m.Places.System = d.key(d.path("system"))
	}
	if d.prefix == "" {
		name, at, ok := d.str("project", "name")
		if !ok {
			return d.fail(d.key("project"), "project.name is missing").Hint(`add name = "…" to [project]`)
		}
		if !nameForm().MatchString(name) {
			return d.fail(d.value(at), "project.name %q: letters, digits, and . _ - between them", name)
		}
		m.Name = name
		if err := d.readDependencies(m, "project", "dependencies"); err != nil {
			return err
		}
		if err := d.siblingGroups(m); err != nil {
			return err
		}
	}
	if text, at, ok := d.str("project", "python"); ok {
		python, err := parsePython(text)
		if err != nil {
			return d.fail(d.value(at), "project.python: %v", err)
		}
		python.Pos = d.value(at)
		if err := d.agree(python, m.Python); err != nil {
			return err
		}
		python.Specifiers = python.Specifiers.And(m.Python.Specifiers)
		m.Python = python
	} else if m.Python.Text == "" {
		return d.fail(d.key(d.path("project")), "project.python is missing").Hint(`add python = "3.11" to [%s]`, d.path("project"))
	}
	platforms, at := d.list("project", "platforms")
	for i, p := range platforms {
		if !known(allPlatforms, p) {
			return d.fail(d.value(item(at, i)), "platform %q: there is %s", p, choices(allPlatforms))
		}
		if m.Places.Platforms == nil {
			m.Places.Platforms = map[string]diag.Position{}
		}
		m.Places.Platforms[p] = d.value(item(at, i))
	}
	m.Platforms = unique(platforms)
	if len(m.Platforms) == 0 {
		m.Platforms = []string{"linux/amd64"}
	}
	var err error
	if _, there := d.table("project")["as-of"]; there {
		m.Places.AsOf = d.value(d.path("project", "as-of"))
	}
	m.AsOf, err = d.readAsOf("project")
	return err
}

// agree holds project.python against a requires-python: it must leave a version.
func (d *document) agree(python, requires Python) error {
	if pep440.FromSpecifiers(python.Specifiers).IsEmpty() {
		return d.fail(python.Pos, "no version of Python is allowed by project.python %q", python.Text)
	}
	if pep440.FromSpecifiers(python.Specifiers).Disjoint(pep440.FromSpecifiers(requires.Specifiers)) {
		return d.fail(python.Pos, "project.python %q has no version that requires-python %q allows", python.Text, requires.Text)
	}
	return nil
}

// readAsOf reads the key as-of of a table. Without one it is zero.
func (d *document) readAsOf(table string) (AsOf, error) {
	value := d.table(table)["as-of"]
	if value == nil {
		return AsOf{}, nil
	}
	asOf, err := d.asOf(d.path(table, "as-of"), table+".as-of", value)
	if err != nil {
		return AsOf{}, err
	}
	return asOf, nil
}

// asOf reads a date, an instant or a duration, which may be a string or of TOML's own types.
func (d *document) asOf(at, name string, value any) (AsOf, *diag.Error) {
	var text string
	switch v := value.(type) {
	case string:
		text = v
	case time.Time:
		switch v.Location().String() {
		case "date-local":
			text = v.Format("2006-01-02")
		case "datetime-local", "time-local":
			return AsOf{}, d.fail(d.value(at), "%s needs a time zone", name).Hint("end it with Z for UTC")
		default:
			text = v.Format(time.RFC3339)
		}
	default:
		return AsOf{}, d.fail(d.value(at), "%s must be %s, not %s", name, aMoment, describe(v))
	}
	asOf, err := parseAsOf(text)
	if err != nil {
		return AsOf{}, d.fail(d.value(at), "%s: %v", name, err)
	}
	return asOf, nil
}

func (d *document) readDependencies(m *Manifest, table, key string) error {
	items, at := d.list(table, key)
	for i, text := range items {
		r, err := d.requirement(m, item(at, i), text)
		if err != nil {
			return err
		}
		m.Requirements = append(m.Requirements, r)
	}
	return nil
}

// requirement parses a PEP 508 string that is the value at a path.
func (d *document) requirement(m *Manifest, at, text string) (Requirement, error) {
	r, err := pep508.Parse(text)
	if err != nil {
		pos := d.value(at)
		if s := (*pep508.SyntaxError)(nil); errors.As(err, &s) {
			pos = d.inside(at, text, s.Offset)
		}
		return Requirement{}, noRequirement(err, text).At(pos)
	}
	if r.URL != "" {
		return m.follow(r, promised{}, filepath.Dir(d.file), d.value(at))
	}
	return Requirement{Requirement: r, Pos: d.value(at)}, nil
}

// whyNot says why a text is no requirement. Where that shows is said by the place.
func whyNot(err error) string {
	s := (*pep508.SyntaxError)(nil)
	if !errors.As(err, &s) {
		return err.Error()
	}
	found := "the end"
	if s.Offset < len(s.Input) {
		found = strconv.Quote(s.Input[s.Offset:])
	}
	return fmt.Sprintf("not a requirement: expected %s, found %s", s.Expected, found)
}

func (d *document) readResolver(m *Manifest) error {
	names, at := d.list("resolver", "no-binary")
	for i, name := range names {
		if !nameForm().MatchString(name) {
			return d.fail(d.value(item(at, i)), "%q is no package name", name)
		}
		m.NoBinary = append(m.NoBinary, pep508.NormalizeName(name))
	}
	m.NoBinary = unique(m.NoBinary)
	m.Prereleases = IfNecessary
	text, at, ok := d.str("resolver", "prereleases")
	if !ok {
		return nil
	}
	var err error
	m.Places.Prereleases = d.value(at)
	m.Prereleases, err = d.prereleases(at, "resolver.prereleases", text)
	return err
}

func (d *document) prereleases(at, name, text string) (Prereleases, error) {
	all := []string{string(IfNecessary), string(Allow), string(Disallow), string(Explicit)}
	if !known(all, text) {
		return "", d.fail(d.value(at), "%s %q: there is %s", name, text, choices(all))
	}
	return Prereleases(text), nil
}

// readFiles adds what the requirements files say.
func (m *Manifest) readFiles(d *document) error {
	files, at := d.list("project", "requirements")
	r := &requirementsReader{m: m, own: d, done: map[string]bool{}, formats: formats{own: m.NoBinary}}
	for i, name := range files {
		if filepath.IsAbs(name) || name == "" {
			return d.fail(d.value(item(at, i)), "requirements file %q: a path relative to the project is wanted", name)
		}
		if err := r.file(filepath.Join(m.Dir, name), false, d.value(item(at, i))); err != nil {
			return err
		}
	}
	r.formats.finish(m)
	return r.checkHashes()
}

func item(at string, i int) string { return fmt.Sprintf("%s[%d]", at, i) }

func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !known(out, s) {
			out = append(out, s)
		}
	}
	sort.Strings(out)
	return out
}

func known(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
