package requirements

import (
	"fmt"
	"path"
	"strings"

	"github.com/envpack/envpack/importer/address"
	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/spelling"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/resolver/direct"
	"github.com/envpack/envpack/resolver/pep508"
)

// item is a requirement as a line has it.
type item struct {
	text       string
	shown      string // the line, for the report
	from       draft.Origin
	hashes     []string
	note       string
	editable   bool
	constraint bool
}

var (
	emptyMarker = pattern.New(`\s*;\s*$`)
	// command is how a line begins that was copied from a shell or a notebook.
	command    = pattern.New(`^[!%$>]?\s*(?:sudo\s+)?(?:python[0-9.]*\s+-m\s+)?pip[0-9.]*\s+install\s+`)
	namedForm  = pattern.New(`^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*@\s*(\S.*)$`)
	conclusion = pattern.New(`\s;\s*|;\s+`) // a marker behind an address
)

// copied reads what stands behind pip install in a line that was copied from elsewhere: requirements with blanks between them.
func (r *reader) copied(i item) {
	i.note = "what follows pip install"
	for _, word := range strings.Fields(i.text) {
		word = strings.Trim(word, `"'`)
		if strings.HasPrefix(word, "-") {
			if word != "-U" && word != "--upgrade" && word != "-q" && word != "--quiet" && word != "--user" && word != "--no-cache-dir" {
				r.d.Note(i.from, word, draft.Left, "an option on a line that was copied: write it on a line of its own")
			}
			continue
		}
		one := i
		one.text = word
		r.requirement(one)
	}
}

// requirement reads a requirement.
func (r *reader) requirement(i item) {
	text := emptyMarker().ReplaceAllString(i.text, "")
	if variableForm().MatchString(text) {
		r.d.Leave(i.from, i.shown, "a variable of the machine: write its value, without credentials")
		return
	}
	if m := namedForm().FindStringSubmatch(text); m != nil {
		r.reference(i, m[1], m[2], m[3])
		return
	}
	if i.editable || address.Looks(text) {
		r.reference(i, "", "", text)
		return
	}
	req, fixed, note, err := spelling.Requirement(text)
	if err != nil {
		r.unread(i, err)
		return
	}
	i.note = join(i.note, note)
	switch req.Name {
	case "python": // there is no such package
		r.d.Pythons = append(r.d.Pythons, draft.Python{Specifier: req.Specifiers.String(), From: i.from})
		r.d.Note(i.from, i.shown, draft.Mapped, "it says which Python")
		return
	case "pkg-resources": // Debian's own, which its pip freeze lists
		r.d.Note(i.from, i.shown, draft.Passed, "no index has it: the pip of Debian and Ubuntu lists it by mistake")
		return
	}
	comment := ""
	if note != "" {
		comment = note
	}
	r.add(i, draft.Requirement{Text: fixed, Comment: comment})
}

// unread leaves a line that is no requirement.
func (r *reader) unread(i item, err error) {
	why := err.Error()
	if j := strings.Index(why, " (at byte"); j > 0 {
		why = why[:j]
	}
	r.d.Leave(i.from, i.shown, "no requirement: %s", why)
}

// add keeps a requirement and its line.
func (r *reader) add(i item, req draft.Requirement) {
	req.From, req.Hashes = i.from, i.hashes
	if i.constraint {
		r.d.Constraints = append(r.d.Constraints, req)
		v := draft.Taken
		if i.note != "" {
			v = draft.Mapped
		}
		r.d.Note(i.from, i.shown, v, "%s", i.note)
		return
	}
	if line, twice := r.seen[req.Text]; twice {
		r.d.Note(i.from, i.shown, draft.Passed, "it stands already on line %d", line)
		return
	}
	r.seen[req.Text] = i.from.Line
	r.d.Require(req, i.shown, i.note)
}

// reference reads an address, with a name or without.
func (r *reader) reference(i item, name, extras, text string) {
	marker := ""
	if m := conclusion().FindStringIndex(text); m != nil {
		marker = strings.TrimSpace(text[m[1]:])
		text = text[:m[0]]
	}
	ref, err := address.Refer(name, text, path.Dir(i.from.File))
	if err != nil {
		r.d.Leave(i.from, i.shown, "%s", err.Error())
		return
	}
	i.note = join(i.note, ref.Note)
	if extras == "" && len(ref.Extras) > 0 {
		extras = "[" + strings.Join(ref.Extras, ",") + "]"
	}
	if marker != "" {
		marker = "; " + marker
	}
	switch {
	case ref.Forgotten:
		i.note = join(i.note, "any version")
		r.add(i, draft.Requirement{Text: ref.Name + extras + marker, Comment: "conda's build of it, whose version does not show"})
		return
	case ref.Version != "":
		r.add(i, draft.Requirement{Text: ref.Name + extras + "==" + ref.Version + marker, Comment: ref.Note})
		return
	case ref.Dir == ".":
		r.d.Paths = append(r.d.Paths, draft.Path{Dir: ".", Project: true, Extras: ref.Extras, From: i.from})
		r.d.Note(i.from, i.shown, draft.Mapped, "the project itself: what it requires is taken, and its files are in the image")
		return
	case ref.Dir != "" && ref.Name == "":
		r.d.Paths = append(r.d.Paths, draft.Path{Dir: ref.Dir, Project: true, Extras: ref.Extras, From: i.from})
		r.d.Note(i.from, i.shown, draft.Mapped, "a project below this one: what it requires is taken, and its files are in the image")
		return
	case ref.Name == "":
		r.d.Leave(i.from, i.shown, "which package this is does not show: write NAME @ before the address")
		return
	}
	req := draft.Requirement{Text: ref.Name + extras + " @ " + ref.Address}
	if marker != "" {
		req.Text += " " + marker
	}
	if _, err := pep508.Parse(req.Text); err != nil {
		r.unread(i, err)
		return
	}
	if ref.Guessed {
		req.Comment = "named after its address"
		i.note = join(i.note, "named "+ref.Name+" after its address")
	} else if name == "" || i.editable {
		i.note = join(i.note, "written NAME @ address")
	}
	if ref.Kind == direct.Repository && !address.Pinned(ref.Address) {
		req.Comment = join(req.Comment, "no commit is named: the lock pins one")
	}
	r.add(i, req)
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return fmt.Sprintf("%s; %s", a, b)
}
