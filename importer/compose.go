package importer

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/address"
	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/resolver/pep508"
)

// Options say what the manifest shall be like.
type Options struct {
	Name   string   // of the project, if no file says it; "" is "project"
	Python string   // in place of what the files say; "" is that
	AsOf   string   // a date as the manifest has it; "" for none
	Groups []string // dependency groups and extras of the files that are wanted, normalised
	// Open gives further files of the project, such as those of a project that -e names.
	Open Open
}

// Manifest is what comes of the files, before it is text.
type Manifest struct {
	From         []string // the files
	Name         string
	Python       string
	PythonNote   string // why that one, if it was not said
	Allowed      string // which Pythons the files allow, as specifiers; "": they do not say
	AsOf         string
	References   []string // requirements files that stay what they are
	Dependencies []draft.Requirement
	Hashed       []draft.Requirement // those that have hashes, which a file of their own holds
	Constraints  []draft.Requirement
	Overrides    []draft.Requirement
	Indexes      []draft.Index
	Policies     []draft.Policy
	System       []draft.System
	CUDA         *draft.CUDA
	Env          []draft.Setting
	Workdir      *draft.Setting
	Command      *draft.Setting
	Lines        []draft.Line // what became of each line
	Warnings     []string
}

// Count is how many lines had a verdict.
func (m *Manifest) Count(v draft.Verdict) int {
	n := 0
	for _, l := range m.Lines {
		if l.Verdict == v {
			n++
		}
	}
	return n
}

// Missing are the lines that the environment needs and that could not be taken.
func (m *Manifest) Missing() []draft.Line {
	var out []draft.Line
	for _, l := range m.Lines {
		if l.Verdict == draft.Left && l.Needed {
			out = append(out, l)
		}
	}
	return out
}

// Compose puts what was read together. Errors are diag errors: those of further files that are read for it, and groups that
// no file has.
func Compose(files []*File, o Options) (*Manifest, error) {
	c := &composer{o: o, m: &Manifest{AsOf: o.AsOf}, groups: map[string]bool{}}
	for _, f := range files {
		c.m.From = append(c.m.From, f.Name)
		if err := c.add(f); err != nil {
			return nil, err
		}
	}
	for _, g := range o.Groups {
		if !c.groups[g] {
			e := diag.New(diag.Usage, "no file has a group or an extra %s", g)
			if len(c.groups) > 0 {
				return nil, e.Hint("there is %s", strings.Join(sorted(c.groups), ", "))
			}
			return nil, e
		}
	}
	c.settleName()
	c.settlePython()
	c.settleIndexes()
	c.settleHashes()
	c.settlePaths()
	return c.m, nil
}

type composer struct {
	o       Options
	m       *Manifest
	groups  map[string]bool // that there are, and which of them are wanted says o
	pythons []draft.Python
	all     []draft.Requirement // what is asked for, wherever it is written
	paths   []string            // folders whose modules are to be found, in order
}

func sorted(set map[string]bool) []string {
	var list []string
	for name := range set {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// add puts one file in.
func (c *composer) add(f *File) error {
	d := f.Draft
	c.o.settlePlaceholders(d)
	if f.byReference && plain(d) {
		c.m.References = append(c.m.References, f.Name)
		c.m.Lines = append(c.m.Lines, d.Lines...)
		// What it asks for is looked at all the same, for labels.
		c.all = append(c.all, d.Requirements...)
		c.labelled(d.Requirements)
		return nil
	}
	return c.take(d, false, nil)
}

// plain tells whether a file can stay what it is: all of it is taken as it stands.
func plain(d *draft.Draft) bool {
	if len(d.Requirements) == 0 || len(d.Indexes)+len(d.Policies)+len(d.Pythons)+len(d.Paths) > 0 {
		return false
	}
	return !slices.ContainsFunc(d.Lines, func(l draft.Line) bool { return l.Verdict != draft.Taken })
}

// take puts a draft in. Of a project that another names, within are the extras that are wanted of it.
func (c *composer) take(d *draft.Draft, nested bool, within []string) error {
	if c.m.Name == "" && !nested {
		c.m.Name = d.Name
	}
	wanted := func(group string) bool {
		if group == "" {
			return true
		}
		if !nested {
			c.groups[group] = true
			return slices.Contains(c.o.Groups, group)
		}
		return slices.Contains(within, group)
	}
	for _, r := range d.Requirements {
		if wanted(r.Group) && c.pins(r) {
			continue
		}
		if wanted(r.Group) && !slices.ContainsFunc(c.m.Dependencies, func(o draft.Requirement) bool { return o.Text == r.Text }) {
			c.m.Dependencies = append(c.m.Dependencies, r)
			c.all = append(c.all, r)
		}
	}
	type place struct {
		from draft.Origin
		text string
	}
	taken := map[place]bool{} // also by another group that needs them
	for _, r := range d.Requirements {
		taken[place{r.From, r.Text}] = taken[place{r.From, r.Text}] || wanted(r.Group)
	}
	for _, l := range d.Lines {
		if l.Group != "" && !wanted(l.Group) && !taken[place{l.From, l.Text}] && (l.Verdict == draft.Taken || l.Verdict == draft.Mapped || l.Verdict == draft.Left && l.Needed) {
			l.Verdict, l.Needed = draft.Passed, false
			l.Note = fmt.Sprintf("of %s, which is not asked for", l.Group)
			if !nested {
				l.Note += "; --group " + l.Group + " takes it"
			}
		}
		c.m.Lines = append(c.m.Lines, l)
	}
	c.pythons = append(c.pythons, d.Pythons...)
	c.m.Constraints = append(c.m.Constraints, d.Constraints...)
	c.m.Overrides = append(c.m.Overrides, d.Overrides...)
	c.m.Indexes = append(c.m.Indexes, d.Indexes...)
	c.labelled(d.Requirements)
	c.m.Policies = append(c.m.Policies, d.Policies...)
	c.m.System = append(c.m.System, d.System...)
	c.m.Env = append(c.m.Env, d.Env...)
	for i := range d.CUDA {
		if c.m.CUDA == nil {
			c.m.CUDA = &d.CUDA[i]
		} else if c.m.CUDA.Version != d.CUDA[i].Version {
			c.m.Warnings = append(c.m.Warnings, fmt.Sprintf("%s asks for CUDA %s and %s for %s: the first is taken", c.m.CUDA.From, c.m.CUDA.Version, d.CUDA[i].From, d.CUDA[i].Version))
		}
	}
	if c.m.Workdir == nil {
		c.m.Workdir = d.Workdir
	}
	if c.m.Command == nil {
		c.m.Command = d.Command
	}
	for _, p := range d.Paths {
		if !p.Project {
			c.path(p.Dir)
			continue
		}
		if err := c.project(p.Dir, p); err != nil {
			return err
		}
	}
	return nil
}

// pins puts the commit of a lock in the place of the branch or tag that the file has which the lock belongs to.
func (c *composer) pins(r draft.Requirement) bool {
	req, err := pep508.Parse(r.Text)
	if err != nil || !address.Pinned(req.URL) {
		return false
	}
	repository := func(u string) string {
		u, _, _ = strings.Cut(u, "#")
		if i := strings.LastIndexByte(u, '@'); i > strings.LastIndexByte(u, '/') {
			u = u[:i]
		}
		return strings.TrimSuffix(u, ".git")
	}
	for i := range c.m.Dependencies {
		old := &c.m.Dependencies[i]
		other, err := pep508.Parse(old.Text)
		if err != nil || other.Name != req.Name || other.URL == "" || repository(other.URL) != repository(req.URL) || old.From.File == r.From.File {
			continue
		}
		old.Text = strings.Replace(old.Text, other.URL, req.URL, 1)
		old.Comment = ""
		return true
	}
	return false
}

func (c *composer) path(dir string) {
	if dir = path.Clean(dir); !slices.Contains(c.paths, dir) {
		c.paths = append(c.paths, dir)
	}
}

// projectFiles are the files that say what a project requires, the first that does.
var projectFiles = []string{"pyproject.toml", "setup.cfg", "setup.py"}

// project reads what a project in a folder requires: -e . and the like.
func (c *composer) project(dir string, p draft.Path) error {
	before := len(c.paths)
	found := false
	for _, name := range projectFiles {
		name = path.Join(dir, name)
		if slices.Contains(c.m.From, name) { // it is read by itself
			found = true
			continue
		}
		data, err := c.o.Open(name)
		if err != nil {
			continue
		}
		f := formatOf(name, data)
		if f == nil || found || path.Base(name) == "setup.cfg" && c.has(path.Join(dir, "setup.py")) { // which reads it
			continue
		}
		d, err := f.read(name, data, c.o.Open)
		if err != nil {
			return err
		}
		found = true
		if c.m.Name == "" && dir == "." {
			c.m.Name = d.Name
		}
		c.o.settlePlaceholders(d)
		inside := *d
		inside.Paths = slices.DeleteFunc(slices.Clone(d.Paths), func(p draft.Path) bool { return p.Project })
		if err := c.take(&inside, true, p.Extras); err != nil {
			return err
		}
		c.m.From = append(c.m.From, name)
	}
	if !found {
		l := draft.Line{From: p.From, Text: "-e " + p.Dir}
		at := slices.IndexFunc(c.m.Lines, func(o draft.Line) bool { return o.From == p.From })
		if at < 0 {
			at = len(c.m.Lines)
			c.m.Lines = append(c.m.Lines, l)
		}
		c.m.Lines[at].Verdict, c.m.Lines[at].Needed = draft.Left, true
		c.m.Lines[at].Note = fmt.Sprintf("the folder has none of %s, so that what it requires does not show; its files are in the image", strings.Join(projectFiles, ", "))
	}
	if len(c.paths) == before {
		c.path(dir)
	}
	return nil
}

// has tells whether the project has a file.
func (c *composer) has(name string) bool {
	_, err := c.o.Open(name)
	return err == nil
}

var notInName = pattern.New(`[^A-Za-z0-9._-]+`)

func (c *composer) settleName() {
	for _, name := range []string{c.m.Name, c.o.Name, "project"} {
		if name = strings.Trim(notInName().ReplaceAllString(name, "-"), ".-_"); name != "" {
			c.m.Name = name
			return
		}
	}
}

// settlePaths lets modules of the project's folders be found.
func (c *composer) settlePaths() {
	if len(c.paths) == 0 || slices.ContainsFunc(c.m.Env, func(s draft.Setting) bool { return s.Name == "PYTHONPATH" }) {
		return
	}
	base := "/app"
	if c.m.Workdir != nil {
		base = c.m.Workdir.Value
	}
	var list []string
	for _, p := range c.paths {
		list = append(list, path.Join(base, p))
	}
	c.m.Env = append(c.m.Env, draft.Setting{Name: "PYTHONPATH", Value: strings.Join(list, ":")})
}
