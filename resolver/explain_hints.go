package resolver

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/resolver/apt"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pubgrub"
	"github.com/envpack/envpack/resolver/tags"
)

// hints are what a person can do about a failure, each once. placed tells that the explanation names the places of the
// requirements that take part, and solved that changes were found that give an answer: then only what they do not say.
func (p *provider) hints(facts []*step, placed, solved bool) []string {
	var out []string
	for _, f := range facts {
		_, missing := f.Reason.(*noProject)
		why, _ := f.Reason.(reason)
		if !solved || missing || why.kind == noGPUCode || f.Kind == pubgrub.NoVersions && localLabel(f, facts) != "" {
			out = append(out, p.hintsOf(f, facts)...)
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	if line := takingPart(facts, len(out) == 0); line != "" && !placed && !solved {
		out = append(out, line)
	}
	return out
}

// hintsOf are those about one fact.
func (p *provider) hintsOf(f *step, facts []*step) []string {
	if f.Kind != pubgrub.Unavailable && f.Kind != pubgrub.NoVersions {
		return nil
	}
	name := f.Package.name
	why, _ := f.Reason.(reason)
	gone, isMissing := f.Reason.(*noProject)
	// Some names of modules were taken by empty source distributions.
	if other := importNames[name]; other != "" && (isMissing || why.kind == onlySdist) {
		return []string{fmt.Sprintf("%s is what is imported; the package is called %s", name, other)}
	}
	switch {
	case isMissing:
		return gone.hints(name, slices.ContainsFunc(p.m.Requirements, func(r manifest.Requirement) bool { return r.Name == name }))
	case f.Kind == pubgrub.NoVersions:
		if label := localLabel(f, facts); label != "" {
			return []string{p.labelHint(name, label)}
		}
		return p.versionsHint(name)
	case why.kind == noGPUCode:
		return p.buildsHint(name)
	case why.kind == noWheel || why.kind == needsPython:
		return p.pythonHints(name, f.Set)
	}
	if h := why.hint(); h != "" {
		return []string{h}
	}
	return nil
}

// hints tell where else to look for a project; written tells whether the manifest itself names it.
func (n *noProject) hints(name string, written bool) []string {
	first := fmt.Sprintf("if another index has %s, name it in the manifest:%s", name, indexLines("extra", "https://…/simple/", name))
	if n.bound {
		first = "see the packages of that [[index]]: they come from it and no other"
	}
	if written {
		first = fmt.Sprintf("check how %s is spelled; %s", name, first)
	}
	out := []string{first}
	for _, address := range n.addresses {
		if u, err := url.Parse(address); err == nil && n.bound && (u.Scheme == "file" || strings.Trim(u.Path, "/") != "" && path.Base(u.Path) != "simple") {
			out = append(out, "if all files are in one folder or page there, its [[index]] has format = \"flat\"")
		}
		if u, err := url.Parse(address); err == nil && u.Scheme != "file" && path.Base(u.Path) != "simple" && (!n.bound || strings.Trim(u.Path, "/") == "") {
			out = append(out, fmt.Sprintf("the address of an index usually ends in /simple/, and %s does not", address))
		}
	}
	return out
}

func indexLines(name, address string, packages ...string) string {
	quoted := make([]string, len(packages))
	for i, p := range packages {
		quoted[i] = fmt.Sprintf("%q", p)
	}
	return fmt.Sprintf("\n    [[index]]\n    name = %q\n    url = %q\n    packages = [%s]", name, address, strings.Join(quoted, ", "))
}

// localLabel is the local label (PEP 440, Local version identifiers) of the versions that there are not,
// as the manifest wrote it or as the only version of the set has it.
func localLabel(f *step, facts []*step) string {
	for _, other := range facts {
		if r, ok := other.Dep.Reason.(*manifest.Requirement); ok && r.Name == f.Package.name {
			if label := labelOf(r); label != "" {
				return label
			}
		}
	}
	if text, ok := f.Set.Single(); ok {
		if v, err := pep440.Parse(text); err == nil {
			return v.Local()
		}
	}
	return ""
}

// buildsHint says which index has builds for CUDA of what the one that was asked has for processors alone.
func (p *provider) buildsHint(name string) []string {
	t := manifest.TemplateFor([]string{name})
	if t == nil || slices.ContainsFunc(p.m.Indexes, func(i manifest.Index) bool { return i.Binds(name) }) {
		return nil
	}
	return []string{fmt.Sprintf("builds of %s for each CUDA are on the framework's own index, which envpack knows by name and did not ask; write into the manifest:\n    [[index]]\n    name = %q", name, t.Name)}
}

func labelOf(r *manifest.Requirement) string {
	for _, s := range r.Specifiers.All() {
		if (s.Op() == pep440.Equal || s.Op() == pep440.Arbitrary) && s.Version().IsLocal() {
			return s.Version().Local()
		}
	}
	return ""
}

// labelHint says where versions with a local label are, for all packages that the manifest wants with it.
func (p *provider) labelHint(name, label string) string {
	packages := []string{name}
	for i := range p.m.Requirements {
		if r := &p.m.Requirements[i]; labelOf(r) == label && !slices.Contains(packages, r.Name) {
			packages = append(packages, r.Name)
		}
	}
	if r := p.met[name]; r != nil && r.project != nil && indexName(r.project.IndexName) != "" {
		return fmt.Sprintf("index %s has no version of %s with the label +%s: name the index that has, or leave the label out", r.project.IndexName, name, label)
	}
	if t := manifest.TemplateFor(packages); t != nil && manifest.IsVariant(label) {
		return fmt.Sprintf("versions with a local label (+%s) are published on the framework's own index, which envpack knows by name; write into the manifest:\n    [[index]]\n    name = %q\n    variant = %q",
			label, t.Name, label)
	}
	return fmt.Sprintf("versions with a local label (+%s) are published on the framework's own index, not on the default one; name it in the manifest:%s",
		label, indexLines(label, "https://…/whl/"+label, packages...))
}

// shownVersions are how many versions a hint names.
const shownVersions = 5

func (p *provider) versionsHint(name string) []string {
	r := p.met[name]
	if r != nil && r.direct != nil {
		return []string{fmt.Sprintf("name another file at %s, or loosen what asks for another version", r.direct.pos)}
	}
	if r == nil || len(r.candidates) == 0 {
		return []string{"the index knows " + name + " without any version; another version or index cannot be proposed"}
	}
	var names []string
	for _, c := range r.candidates[:min(len(r.candidates), shownVersions)] {
		names = append(names, c.version.String())
	}
	text := fmt.Sprintf("the newest versions of %s are %s", name, strings.Join(names, ", "))
	if len(r.candidates) <= shownVersions {
		text = fmt.Sprintf("the versions of %s are %s", name, strings.Join(names, ", "))
	}
	if len(names) == 1 {
		text = fmt.Sprintf("the only version of %s is %s", name, names[0])
	}
	return []string{text}
}

// pythonHints say which Pythons versions of a package have wheels for, and which of its versions would do
// for this one.
func (p *provider) pythonHints(name string, s pep440.Set) []string {
	r := p.met[name]
	if r == nil {
		return nil
	}
	var out []string
	if version, minors := p.pythonsFor(r, s); len(minors) > 0 {
		out = append(out, fmt.Sprintf("%s %s has wheels for Python %s", name, version, strings.Join(minors, ", ")))
	}
	if version := p.onGlibc(r, s); version != "" {
		out = append(out, fmt.Sprintf("%s %s has a wheel for glibc: where the C library is glibc, as on Debian and Ubuntu, it can be used", name, version))
	}
	if p.onlyGlibc(r, s) {
		out = append(out, "a newer distribution has a newer glibc: distro in [system] takes "+strings.Join(p.newEnough(r, s), ", "))
	}
	if c := p.best(r, name, pep440.Full().Minus(s)); c != nil {
		out = append(out, fmt.Sprintf("%s %s can be used with Python %s", name, c.version, p.target.Minor()))
	}
	return out
}

// onlyGlibc tells whether the newest version of a set lacks nothing but a newer C library.
func (p *provider) onlyGlibc(r *release, s pep440.Set) bool {
	newest := newestIn(r, s)
	if p.target.Glibc == "" {
		return false
	}
	t, err := p.target.with("2.999")
	if err != nil || newest == nil {
		return false
	}
	return slices.ContainsFunc(p.wheelsOf(r, newest), func(w tags.Wheel) bool { _, fits := t.ranking.Rank(w); return fits })
}

// onGlibc is the newest version of a set, if it can be used with glibc in place of the target's musl; else "".
func (p *provider) onGlibc(r *release, s pep440.Set) string {
	newest := newestIn(r, s)
	if p.target.Musl == "" || newest == nil {
		return ""
	}
	t, err := p.target.with("2.999")
	if err != nil || !slices.ContainsFunc(p.wheelsOf(r, newest), func(w tags.Wheel) bool { _, fits := t.ranking.Rank(w); return fits }) {
		return ""
	}
	return newest.version.String()
}

// newEnough are the distributions with a glibc for which the newest version of a set has a wheel.
func (p *provider) newEnough(r *release, s pep440.Set) []string {
	var out []string
	for _, d := range apt.Distributions() {
		t, err := p.target.with(likely[d.Name].glibc)
		if err != nil { // it is not known which it has
			continue
		}
		if slices.ContainsFunc(p.wheelsOf(r, newestIn(r, s)), func(w tags.Wheel) bool { _, fits := t.ranking.Rank(w); return fits }) {
			out = append(out, d.Name)
		}
	}
	return out
}

// minorsFor are the Pythons that some version of a set can be used with.
func (p *provider) minorsFor(r *release, s pep440.Set) []string {
	var out []string
	for _, c := range r.candidates {
		if s.Contains(c.version) {
			_, minors := p.pythonsFor(r, pep440.Singleton(c.version))
			out = append(out, minors...)
		}
	}
	slices.SortFunc(out, compareMinors)
	return slices.Compact(out)
}

// pythonsFor is the newest version of a set that some other Python can use on the target's platform, and
// which can, oldest first.
func (p *provider) pythonsFor(r *release, s pep440.Set) (version string, minors []string) {
	rankings := map[string]*tags.Ranking{}
	for _, minor := range otherPythons(p.target) {
		other := p.target.Target
		plain, threaded := strings.CutSuffix(minor, "t")
		other.Python, other.ABI = plain, abiOf(plain, threaded)
		if t, err := newTarget(other); err == nil {
			rankings[minor] = t.ranking
		}
	}
	for _, c := range r.candidates {
		if !s.Contains(c.version) {
			continue
		}
		for minor, ranking := range rankings {
			python, err := pep440.Parse(strings.TrimSuffix(minor, "t"))
			if err != nil {
				continue
			}
			other := &catalogue{python: python}
			if slices.ContainsFunc(p.filesOf(r, c), func(f index.File) bool {
				w, err := tags.ParseWheel(f.Filename)
				if err != nil || !p.inTime(r.project.Name, f) || !other.pythonAllowed(f.RequiresPython) {
					return false
				}
				_, fits := ranking.Rank(w)
				return fits
			}) {
				minors = append(minors, minor)
			}
		}
		if len(minors) > 0 {
			slices.SortFunc(minors, compareMinors)
			return c.version.String(), minors
		}
	}
	return "", nil
}

// inTime tells whether as-of admits a file.
func (c *catalogue) inTime(project string, f index.File) bool {
	asOf := c.policies.asOfOf(project)
	return asOf.IsZero() || !f.Uploaded.IsZero() && !f.Uploaded.Truncate(1e9).After(asOf)
}

// takingPart names the requirements of the manifest that a failure is due to: several always, a single
// one, which the error shows, only if nothing else was said.
func takingPart(facts []*step, alone bool) string {
	type line struct {
		pos  diag.Position
		text string
	}
	var lines []line
	for _, f := range facts {
		r, ok := f.Dep.Reason.(*manifest.Requirement)
		if !ok || r.Pos.IsZero() {
			continue
		}
		l := line{r.Pos, fmt.Sprintf("    %s: %s", r.Pos, r.Requirement)}
		if !slices.ContainsFunc(lines, func(other line) bool { return other.text == l.text }) {
			lines = append(lines, l)
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int {
		if c := strings.Compare(a.pos.File, b.pos.File); c != 0 {
			return c
		}
		if a.pos.Line != b.pos.Line {
			return a.pos.Line - b.pos.Line
		}
		return a.pos.Col - b.pos.Col
	})
	switch {
	case len(lines) > 1:
		text := "change or loosen one of these requirements, which take part:"
		for _, l := range lines {
			text += "\n" + l.text
		}
		return text
	case len(lines) == 1 && alone:
		return "ask for other versions, or another package:\n" + lines[0].text
	}
	return ""
}
