package importer

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
	"github.com/envpack/envpack/templates"
)

// released is when each minor version of Python came out (PEP 494 and its successors).
var released = []struct{ minor, day string }{
	{"3.5", "2015-09-13"}, {"3.6", "2016-12-23"}, {"3.7", "2018-06-27"}, {"3.8", "2019-10-14"}, {"3.9", "2020-10-05"}, {"3.10", "2021-10-04"},
	{"3.11", "2022-10-24"}, {"3.12", "2023-10-02"}, {"3.13", "2024-10-07"}, {"3.14", "2025-10-07"},
}

var (
	dayForm   = pattern.New(`^\d{4}-\d{2}-\d{2}`)
	minorOnly = pattern.New(`^==(3\.\d{1,2})\.\*$`)
	fullOnly  = pattern.New(`^===?(3\.\d{1,2}\.\d{1,2})$`)
)

// settlePython chooses what the manifest says of Python: what was asked for, else what the files say, else what was usual then.
func (c *composer) settlePython() {
	m := c.m
	var said []string
	for _, p := range c.pythons {
		if p.Specifier != "" && !slices.Contains(said, p.Specifier) {
			said = append(said, p.Specifier)
		}
	}
	all := strings.Join(said, ",")
	specs, err := pep440.ParseSpecifiers(all)
	if err != nil {
		m.Warnings = append(m.Warnings, fmt.Sprintf("which Python is meant by %q cannot be told", all))
		specs, all, said = pep440.Specifiers{}, "", nil
	}
	m.Allowed = all
	if c.o.Python != "" {
		m.Python = c.o.Python
		if all != "" && !mayBe(specs, c.o.Python) {
			m.Warnings = append(m.Warnings, fmt.Sprintf("%s wants Python %s, and --python says %s", c.pythons[0].From, all, c.o.Python))
		}
		return
	}
	for _, one := range append([]string{all}, said...) { // of several files one may say which, and others what they allow
		if one = exactly(one); one != "" && mayBe(specs, one) {
			m.Python = one
			return
		}
	}
	if c.o.AsOf == "" || !dayForm().MatchString(c.o.AsOf) {
		if m.Python = all; all == "" {
			m.Python, m.PythonNote = templates.DefaultPython, "nothing says which"
		}
		return
	}
	m.Python, m.PythonNote = usual(specs, c.o.AsOf[:10]), "the usual one of then"
	if all != "" {
		m.PythonNote += "; " + c.pythons[0].From.String() + " allows " + all
	}
}

// exactly is the version that specifiers allow alone, as the manifest has it; "" if they allow several.
func exactly(specifier string) string {
	for _, form := range []func() string{
		func() string { return first(minorOnly().FindStringSubmatch(specifier)) },
		func() string { return first(fullOnly().FindStringSubmatch(specifier)) },
	} {
		if v := form(); v != "" {
			return v
		}
	}
	return ""
}

func first(match []string) string {
	if len(match) < 2 {
		return ""
	}
	return match[1]
}

// mayBe tells whether a version of Python, or one of a minor version, is among those that are allowed.
func mayBe(specs pep440.Specifiers, python string) bool {
	python = strings.TrimSuffix(python, "t")
	wanted := python
	if strings.Count(python, ".") == 1 {
		wanted = "==" + python + ".*"
	} else if strings.Count(python, ".") == 2 && !strings.ContainsAny(python, "<>=!~,") {
		wanted = "==" + python
	}
	own, err := pep440.ParseSpecifiers(wanted)
	return err != nil || !pep440.FromSpecifiers(own).Disjoint(pep440.FromSpecifiers(specs))
}

// yearBefore is the day a year earlier.
func yearBefore(day string) string {
	var y int
	_, _ = fmt.Sscanf(day[:4], "%d", &y)
	return fmt.Sprintf("%04d%s", y-1, day[4:])
}

// usual is the Python that most used on a day among those that are allowed: the newest that had been out for a year,
// which packages had wheels for by then; else the oldest that is allowed.
func usual(specs pep440.Specifiers, day string) string {
	best := ""
	for _, r := range released {
		if !mayBe(specs, r.minor) {
			continue
		}
		if best == "" || r.day <= yearBefore(day) {
			best = r.minor
		}
	}
	if best == "" {
		return templates.DefaultPython
	}
	return best
}

// settleIndexes gives indexes names of their own, and says what counts for files without a time.
func (c *composer) settleIndexes() {
	var out []draft.Index
	for _, ix := range c.m.Indexes {
		if slices.ContainsFunc(out, func(o draft.Index) bool {
			return o.Name == ix.Name && o.URL == ix.URL && o.Path == ix.Path && (o.Variant == ix.Variant || ix.URL+ix.Path == "")
		}) {
			continue
		}
		if ix.Main && slices.ContainsFunc(out, func(o draft.Index) bool { return o.Main }) {
			c.m.Warnings = append(c.m.Warnings, fmt.Sprintf("%s: a second index in place of the usual one, which is asked beside the first", ix.From))
			ix.Main = false
		}
		name := ix.Name
		for n := 2; slices.ContainsFunc(out, func(o draft.Index) bool { return o.Name == ix.Name }); n++ {
			ix.Name = fmt.Sprintf("%s-%d", name, n)
		}
		if len(ix.Packages) > 0 {
			ix.Packages = c.asked(ix.Packages)
		}
		ix.Undated = c.o.AsOf != "" && ix.Path == "" && c.exact(ix)
		out = append(out, ix)
	}
	c.m.Indexes = out
}

// asked are the packages of a list that are asked for, and all patterns; all of them if none is.
func (c *composer) asked(list []string) []string {
	var out []string
	for _, p := range list {
		if strings.Contains(p, "*") || slices.ContainsFunc(c.all, func(r draft.Requirement) bool {
			req, err := pep508.Parse(r.Text)
			return err == nil && req.Name == p
		}) {
			out = append(out, p)
		}
	}
	if !slices.ContainsFunc(out, func(p string) bool { return !strings.Contains(p, "*") }) {
		return list
	}
	return out
}

// exact tells whether all that is asked of an index is one version each, so that no time of upload decides anything.
func (c *composer) exact(ix draft.Index) bool {
	list := ix.Packages
	if len(list) == 0 && ix.URL+ix.Path == "" {
		list = manifest.TemplateOf(ix.Name).Packages
	}
	pinned := map[string]bool{}
	for _, r := range c.all {
		req, err := pep508.Parse(r.Text)
		if err == nil && slices.ContainsFunc(list, func(p string) bool { ok, err := path.Match(p, req.Name); return ok && err == nil }) {
			pinned[req.Name] = pinned[req.Name] || req.Specifiers.IsExact() || req.URL != ""
		}
	}
	for _, one := range pinned {
		if !one {
			return false
		}
	}
	return len(pinned) > 0
}
