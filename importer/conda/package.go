package conda

import (
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/address"
	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// entry is a package that a file names, with the line that it stands in.
type entry struct {
	spec  Spec
	from  draft.Origin
	text  string // as it stands there
	group string // the group that its requirement belongs to
}

// packages says of each package what there is of it. later are the requirements that pip installs after conda, and that go
// before its packages where both are not possible.
type packages struct {
	facts *facts
	asOf  string // a day, "" if it is not known
	out   *draft.Draft
	all   bool              // the file names all that there was, and not what somebody wanted
	cuda  string            // the CUDA that the file asks for, "11.3"; "" if it says none
	taken map[string]*taken // by the normal name of the index's project, and group
	later map[string][]pep440.Set
}

// taken is a requirement that was written, so that another name for the same project is known as such.
type taken struct {
	text string
	set  pep440.Set
	by   string
	from draft.Origin
}

// read says what each entry is, in the order of the file.
func (p *packages) read(entries []entry) {
	p.taken = map[string]*taken{}
	p.findCUDA(entries)
	p.all = p.isExport(entries)
	// What is whole goes before its parts, whatever comes first in the file, but the lines stay in its order.
	order := make([]int, 0, len(entries))
	for _, parts := range []bool{false, true} {
		for i, e := range entries {
			if pr := p.facts.projects[e.spec.Name]; (pr != nil && pr.Part) == parts {
				order = append(order, i)
			}
		}
	}
	lines := make([][]draft.Line, len(entries))
	type placed struct {
		entry int
		req   draft.Requirement
	}
	var reqs []placed
	for _, i := range order {
		firstLine, firstReq := len(p.out.Lines), len(p.out.Requirements)
		p.one(entries[i])
		lines[i] = slices.Clone(p.out.Lines[firstLine:])
		for _, r := range p.out.Requirements[firstReq:] {
			reqs = append(reqs, placed{i, r})
		}
		p.out.Lines = p.out.Lines[:firstLine]
		p.out.Requirements = p.out.Requirements[:firstReq]
	}
	slices.SortStableFunc(reqs, func(a, b placed) int { return a.entry - b.entry })
	for _, r := range reqs {
		p.out.Requirements = append(p.out.Requirements, r.req)
	}
	for _, l := range lines {
		p.out.Lines = append(p.out.Lines, l...)
	}
}

// isExport tells whether entries are those of conda env export: nobody names five libraries in their versions by hand.
func (p *packages) isExport(entries []entry) bool {
	n := 0
	for _, e := range entries {
		if k, _, _ := p.facts.what(e.spec); k == ofNothing && e.spec.Version != "" {
			n++
		}
	}
	return n >= 5
}

// note says what became of an entry. What is left of them, the environment lacks.
func (p *packages) note(e entry, v draft.Verdict, format string, args ...any) {
	p.out.Lines = append(p.out.Lines, draft.Line{
		From: e.from, Text: shown(e.text), Verdict: v, Note: fmt.Sprintf(format, args...), Group: e.group, Needed: v == draft.Left,
	})
}

func (p *packages) one(e entry) {
	if e.spec.Name == "python" {
		p.python(e)
		return
	}
	switch k, why, sure := p.facts.what(e.spec); k {
	case ofIndex:
		p.requirement(e, sure)
	case ofCUDA:
		p.ofCUDA(e)
	case ofCPU:
		p.note(e, draft.Passed, "no [gpu] means no GPU; an [[index]] with name = \"pytorch\" takes builds of torch without CUDA, which are smaller")
	case ofSystem:
		p.system(e)
	case ofNothing:
		p.note(e, draft.Passed, "%s", why)
	case ofConda:
		p.note(e, draft.Left, "%s", why)
	}
}

func (p *packages) python(e entry) {
	b, err := ParseVersion(e.spec.Version)
	switch {
	case err != nil:
		p.note(e, draft.Left, "the version of Python cannot be read: %v", err)
		return
	case strings.Contains(e.spec.Build, "pypy"):
		p.note(e, draft.Left, "PyPy is no Python that images can have: they have CPython")
		return
	case b.Text == "":
		p.note(e, draft.Passed, "it names no version of Python")
		return
	}
	if m := fullPython().FindStringSubmatch(b.Text); m != nil {
		// A distribution has one release of each minor version, and conda's choice of another was seldom meant.
		b.Text = "==" + m[1] + ".*"
		b.Note = join(b.Note, fmt.Sprintf("it names %s; any release of %s will do, since a base has one of them", strings.TrimSuffix(m[0][2:], ".*"), m[1]))
	}
	verdict := draft.Taken
	if b.Note != "" {
		verdict = draft.Mapped
	}
	p.out.Pythons = append(p.out.Pythons, draft.Python{Specifier: b.Text, From: e.from, Comment: b.Note})
	p.note(e, verdict, "%s", join("Python "+b.Text, b.Note))
}

// fullPython is a version of Python with all its numbers.
var fullPython = pattern.New(`^==(\d+\.\d+)\.\d+(?:\.\*)?$`)

func (p *packages) system(e entry) {
	names := p.facts.System[e.spec.Name]
	comment := ""
	if v := strings.Trim(e.spec.Version, "=*."); v != "" && !strings.ContainsAny(v, "<>|!,~ ") {
		comment = fmt.Sprintf("conda had %s %s; the distribution has a version of its own", e.spec.Name, v)
	}
	for _, name := range names {
		p.out.System = append(p.out.System, draft.System{Package: name, From: e.from, Comment: comment})
	}
	p.note(e, draft.Mapped, "the distribution's %s", strings.Join(names, ", "))
}

// requirement is a package of Python.
func (p *packages) requirement(e entry, sure bool) {
	b, err := ParseVersion(e.spec.Version)
	var notes []string
	if err != nil {
		b = Bounds{Set: pep440.Full()}
		notes = append(notes, fmt.Sprintf("conda's %s %s: %v", e.spec.Name, e.spec.Version, err))
	} else if b.Note != "" {
		notes = append(notes, fmt.Sprintf("conda's %s %s: %s", e.spec.Name, e.spec.Version, b.Note))
	}
	name := p.facts.name(e.spec.Name)
	if pr := p.facts.projects[e.spec.Name]; pr != nil {
		if p.all && pr.Frozen != "" {
			p.note(e, draft.Passed, "%s", strings.ReplaceAll(pr.Frozen, "{}", pr.Index))
			return
		}
		c, ok := p.choose(pr, e.spec, b)
		if !ok {
			p.note(e, draft.Left, "%s", p.lacking(pr, b))
			return
		}
		name, b = c.name, c.bounds
		if c.note != "" {
			notes = append(notes, c.note)
		}
		for _, with := range pr.With {
			p.add(e, with, pep440.Full(), nil)
		}
	}
	if !sure && !p.facts.known(e.spec.Channel) {
		notes = append(notes, fmt.Sprintf("from the channel %s; the index's project of that name may be another", e.spec.Channel))
	}
	if e.spec.Extras != "" && !strings.Contains(name, "[") {
		name += "[" + e.spec.Extras + "]"
	}
	p.add(e, name+b.Text, b.Set, notes)
}

// add writes a requirement, if none of the same project is there.
func (p *packages) add(e entry, text string, set pep440.Set, notes []string) {
	name := text[:len(text)-len(strings.TrimLeft(text, nameChars+"[],"))]
	if _, err := pep508.Parse(text); err != nil {
		p.note(e, draft.Left, "the index has no project with such a name")
		return
	}
	key := e.group + " " + normal(name)
	for _, later := range p.later[normal(name)] {
		switch {
		case set.Disjoint(later):
			p.note(e, draft.Passed, "pip installs another %s after it", name)
			return
		case later.SubsetOf(set) && text == name:
			p.note(e, draft.Passed, "%s stands among pip's packages as well", name)
			return
		}
	}
	if t := p.taken[key]; t != nil {
		switch {
		case t.by == e.spec.Name && text == t.text:
			p.note(e, draft.Passed, "it stands at %s as well", t.from)
		case set.Disjoint(t.set):
			p.note(e, draft.Passed, "on the index it is one with %s (%s), which has another version", t.by, t.from)
		case t.set.SubsetOf(set):
			p.note(e, draft.Passed, "on the index it is one with %s (%s)", t.by, t.from)
		default: // both hold
			p.write(e, text, notes)
		}
		return
	}
	p.taken[key] = &taken{text: text, set: set, by: e.spec.Name, from: e.from}
	p.write(e, text, notes)
}

func (p *packages) write(e entry, text string, notes []string) {
	comment := strings.Join(notes, "; ")
	p.out.Requirements = append(p.out.Requirements, draft.Requirement{Text: text, From: e.from, Comment: comment, Group: e.group})
	verdict := draft.Mapped
	if text == strings.ReplaceAll(e.text, " ", "") {
		verdict = draft.Taken
	}
	say := text
	if comment != "" {
		say += ": " + comment
	}
	p.note(e, verdict, "%s", say)
}

// ofCUDA notes a package whose version is that of CUDA.
func (p *packages) ofCUDA(e entry) {
	if v := cudaOfVersion(e.spec.Version); v != "" && v != p.cuda && !strings.HasPrefix(p.cuda, v+".") {
		p.note(e, draft.Passed, "CUDA %s is asked for already", p.cuda)
		return
	}
	if len(p.out.CUDA) == 0 {
		p.note(e, draft.Passed, "no package is named that computes on GPUs; with [gpu] in the manifest the image would be one for them")
		return
	}
	if p.cuda == "" {
		p.note(e, draft.Mapped, "[gpu]: CUDA as wheels bring it")
		return
	}
	p.note(e, draft.Mapped, "[gpu]: CUDA as wheels bring it, where conda had %s", p.cuda)
}

// usesGPU tells whether a package is among the requirements whose builds on the index can be for GPUs. Without any, an image
// that has to run on GPUs could not be had.
func (p *packages) usesGPU(entries []entry) bool {
	for _, r := range p.out.Requirements { // of groups before this one
		if req, err := pep508.Parse(r.Text); err == nil && matches(p.facts.usersOfCUDA, req.Name) {
			return true
		}
	}
	for name := range p.later {
		if matches(p.facts.usersOfCUDA, name) {
			return true
		}
	}
	return slices.ContainsFunc(entries, func(e entry) bool {
		k, _, _ := p.facts.what(e.spec)
		name := p.facts.name(e.spec.Name)
		if pr := p.facts.projects[e.spec.Name]; pr != nil {
			name = pr.Index
		}
		return k == ofIndex && matches(p.facts.usersOfCUDA, normal(name))
	})
}

// findCUDA decides for which CUDA the environment is: what a package of the toolkit says, else what builds say. The manifest is not
// bound to it: conda's version is that of its own builds, and wheels of the same release are often for another.
func (p *packages) findCUDA(entries []entry) {
	var from draft.Origin
	source := ""
	say := func(e entry, version string) {
		if source == "" || p.cuda == "" && version != "" || strings.HasPrefix(version, p.cuda+".") {
			p.cuda, from, source = version, e.from, shown(e.text)
		}
	}
	for _, e := range entries {
		if slices.Contains(p.facts.CUDA.Version, e.spec.Name) {
			say(e, cudaOfVersion(e.spec.Version))
		}
	}
	for _, e := range entries {
		if b := e.spec.Build; p.cuda == "" && (strings.Contains(b, "cuda") || strings.Contains(b, "gpu") || cudaOfBuild(b) != "") {
			if k, _, _ := p.facts.what(e.spec); k == ofIndex {
				say(e, cudaOfBuild(b))
			}
		}
	}
	if source == "" || len(p.out.CUDA) > 0 || !p.usesGPU(entries) {
		return
	}
	comment := source
	if p.cuda != "" {
		comment += fmt.Sprintf("; wheels bring the CUDA that they were built with, and %q instead of auto holds them to that", p.cuda)
	}
	p.out.CUDA = append(p.out.CUDA, draft.CUDA{Version: "auto", From: from, Comment: comment})
}

var (
	cudaNumber = pattern.New(`^[=>~]*(\d+(?:\.\d+)?)`)
	cudaDotted = pattern.New(`cuda_?(\d+\.\d+)`)
	cudaPlain  = pattern.New(`cu(?:da)?_?(\d{2})(\d)(?:\D|$)`)
	cudaOld    = pattern.New(`cu(?:da)?_?([89])(\d)(?:\D|$)`)
)

// cudaOfVersion is the major and minor version in cudatoolkit=11.3.1, or "".
func cudaOfVersion(version string) string {
	if m := cudaNumber().FindStringSubmatch(version); m != nil {
		return m[1]
	}
	return ""
}

// cudaOfBuild is the version of CUDA in a build, as py3.8_cuda11.1_cudnn8.0.5_0, cuda112py38h3d13190_1 and py38_cu111 have it.
func cudaOfBuild(build string) string {
	if m := cudaDotted().FindStringSubmatch(build); m != nil {
		return m[1]
	}
	for _, re := range []func() []string{
		func() []string { return cudaPlain().FindStringSubmatch(build) },
		func() []string { return cudaOld().FindStringSubmatch(build) },
	} {
		if m := re(); m != nil {
			return m[1] + "." + m[2]
		}
	}
	return ""
}

var tokenForm = pattern.New(`/t/[^/\s]+`)

// shown is a text without credentials. Channels have them in their path, behind /t/.
func shown(text string) string { return tokenForm().ReplaceAllString(address.Shown(text), "/t/…") }
