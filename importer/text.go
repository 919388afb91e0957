package importer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep508"
)

// HashedFile is the file beside the manifest that holds requirements with hashes, which a list of dependencies cannot.
const HashedFile = "requirements.hashed.txt"

// Text is the manifest. The same manifest gives the same text.
func (m *Manifest) Text() string {
	w := &writer{}
	w.line("# Made by `envpack import` of %s.", strings.Join(m.From, ", "))
	w.table("[project]")
	w.line("name = %s", lockfile.Quote(m.Name))
	w.commented("python = "+lockfile.Quote(m.Python), m.PythonNote)
	if m.AsOf != "" {
		w.line("as-of = %s", asOfText(m.AsOf))
	}
	references := slices.Clone(m.References)
	if len(m.Hashed) > 0 {
		references = append(references, HashedFile)
	}
	if len(references) > 0 {
		w.line("requirements = %s", list(references))
	}
	w.dependencies(m)
	for _, ix := range m.Indexes {
		w.index(ix)
	}
	w.bounds("[constraints]", m.Constraints)
	w.bounds("[overrides]", m.Overrides)
	w.policies(m.Policies)
	if m.CUDA != nil {
		w.table("[gpu]")
		w.commented("cuda = "+lockfile.Quote(m.CUDA.Version), m.CUDA.Comment)
	}
	w.system(m.System)
	w.image(m)
	return w.b.String()
}

// HashedText is the file that holds requirements with hashes; "" if there are none.
func (m *Manifest) HashedText() string {
	if len(m.Hashed) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Made by `envpack import` of %s.\n", strings.Join(m.From, ", "))
	for _, r := range m.Hashed {
		b.WriteString(r.Text)
		for _, h := range r.Hashes {
			b.WriteString(" \\\n    --hash=" + h)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

type writer struct{ b strings.Builder }

func (w *writer) line(format string, args ...any) { fmt.Fprintf(&w.b, format+"\n", args...) }

func (w *writer) table(head string) {
	if w.b.Len() > 0 {
		w.b.WriteByte('\n')
	}
	w.b.WriteString(head + "\n")
}

// commented writes a line with its reason behind it, or above where it would be long.
func (w *writer) commented(text, why string) {
	indent := text[:len(text)-len(strings.TrimLeft(text, " "))]
	switch why = plainText(why); {
	case why == "":
		w.line("%s", text)
	case len(text)+len(why) > 110:
		w.line("%s# %s", indent, why)
		w.line("%s", text)
	default:
		w.line("%s  # %s", text, why)
	}
}

// plainText is a text that can stand in a comment.
func plainText(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == 0xfffd {
			return ' '
		}
		return r
	}, s))
}

var day = pattern.New(`^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}Z)?$`)

// asOfText is a date or an instant as TOML has it, and else a string.
func asOfText(text string) string {
	if day().MatchString(text) {
		return text
	}
	return lockfile.Quote(text)
}

func list(items []string) string {
	quoted := make([]string, len(items))
	for i, s := range items {
		quoted[i] = lockfile.Quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// dependencies writes the list, with what was left in its place: what follows from files stands in their order.
func (w *writer) dependencies(m *Manifest) {
	missing := m.Missing()
	if len(m.Dependencies)+len(missing) == 0 {
		return
	}
	w.line("dependencies = [")
	var files []string
	for _, r := range m.Dependencies {
		if !slices.Contains(files, r.From.File) {
			files = append(files, r.From.File)
		}
	}
	last := ""
	for _, r := range m.Dependencies {
		if len(files) > 1 && r.From.File != last {
			w.line("    # %s", plainText(r.From.File))
			last = r.From.File
		}
		w.commented("    "+quote(r.Text)+",", r.Comment)
	}
	for _, l := range missing {
		w.line("    # not taken, %s: %s (%s)", plainText(l.From.String()), plainText(l.Text), plainText(l.Note))
	}
	w.line("]")
}

func (w *writer) index(ix draft.Index) {
	w.table("[[index]]")
	w.commented("name = "+lockfile.Quote(ix.Name), ix.Comment)
	switch {
	case ix.URL != "":
		w.line("url = %s", lockfile.Quote(ix.URL))
	case ix.Path != "":
		w.line("path = %s", lockfile.Quote(ix.Path))
	}
	if ix.Variant != "" {
		w.line("variant = %s", lockfile.Quote(ix.Variant))
	}
	if ix.Flat {
		w.line(`format = "flat"`)
	}
	if ix.Main {
		w.line("default = true")
	}
	if len(ix.Packages) > 0 && !ix.Main {
		w.line("packages = %s", list(ix.Packages))
	}
	if ix.Undated {
		w.commented(`undated = "use"`, "it need not say when files were uploaded, and the versions are exact")
	}
}

// bounds writes a table of bounds, of each package once.
func (w *writer) bounds(head string, list []draft.Requirement) {
	type entry struct{ name, bounds, comment string }
	var entries []entry
	for _, r := range list {
		req, err := pep508.Parse(r.Text)
		if err != nil {
			continue
		}
		text := req.Specifiers.String()
		if req.URL != "" {
			text = "@ " + req.URL
		}
		if i := slices.IndexFunc(entries, func(e entry) bool { return e.name == req.Name }); i >= 0 {
			if entries[i].bounds != text && text != "" && req.URL == "" {
				entries[i].bounds = strings.Trim(entries[i].bounds+","+text, ",")
			}
			continue
		}
		entries = append(entries, entry{req.Name, text, r.Comment})
	}
	if len(entries) == 0 {
		return
	}
	w.table(head)
	for _, e := range entries {
		w.commented(key(e.name)+" = "+lockfile.Quote(e.bounds), e.comment)
	}
}

// quote is a text as a TOML string, in the quotes that need no escapes.
func quote(s string) string {
	if strings.Contains(s, `"`) && !strings.ContainsFunc(s, func(r rune) bool { return r == '\'' || r < 0x20 || r == 0x7f || r == 0xfffd }) {
		return "'" + s + "'"
	}
	return lockfile.Quote(s)
}

var bareKey = pattern.New(`^[A-Za-z0-9_-]+$`)

func key(name string) string {
	if bareKey().MatchString(name) {
		return name
	}
	return lockfile.Quote(name)
}

func (w *writer) policies(policies []draft.Policy) {
	var general, no []string
	var single []draft.Policy
	comment := ""
	for _, p := range policies {
		switch {
		case p.Key == "no-binary" && !slices.Contains(no, p.Package):
			no = append(no, p.Package)
		case p.Key == "prereleases" && p.Package == "" && len(general) == 0:
			general, comment = []string{`prereleases = "allow"`}, p.Comment
		case p.Key == "prereleases" && p.Package != "":
			single = append(single, p)
		}
	}
	if len(general)+len(no) > 0 {
		w.table("[resolver]")
		for _, g := range general {
			w.commented(g, comment)
		}
		if len(no) > 0 {
			w.line("no-binary = %s", list(no))
		}
	}
	var done []string
	for _, p := range single {
		if slices.Contains(done, p.Package) {
			continue
		}
		done = append(done, p.Package)
		w.table("[resolver.packages." + key(p.Package) + "]")
		w.commented(`prereleases = "allow"`, p.Comment)
	}
}

func (w *writer) system(packages []draft.System) {
	var names []string
	commented := false
	for _, p := range packages {
		if !slices.Contains(names, p.Package) {
			names = append(names, p.Package)
			commented = commented || p.Comment != ""
		}
	}
	if len(names) == 0 {
		return
	}
	w.table("[system]")
	if !commented && len(names) <= 6 {
		w.line("packages = %s", list(names))
		return
	}
	w.line("packages = [")
	for _, name := range names {
		i := slices.IndexFunc(packages, func(p draft.System) bool { return p.Package == name })
		w.commented("    "+lockfile.Quote(name)+",", packages[i].Comment)
	}
	w.line("]")
}

func (w *writer) image(m *Manifest) {
	if m.Command != nil || m.Workdir != nil {
		w.table("[image]")
	}
	if m.Command != nil {
		w.line("command = %s", commandText(m.Command.Value))
	}
	if m.Workdir != nil {
		w.line("workdir = %s", lockfile.Quote(m.Workdir.Value))
	}
	var done []string
	for i := len(m.Env) - 1; i >= 0; i-- { // the last one counts
		if !slices.Contains(done, m.Env[i].Name) {
			done = append(done, m.Env[i].Name)
		}
	}
	if len(done) == 0 {
		return
	}
	w.table("[image.env]")
	for i, s := range m.Env {
		if !slices.ContainsFunc(m.Env[i+1:], func(o draft.Setting) bool { return o.Name == s.Name }) {
			w.line("%s = %s", key(s.Name), lockfile.Quote(s.Value))
		}
	}
}
