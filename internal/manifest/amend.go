package manifest

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/tomltext"
)

// Amendment is a change of what a manifest says, with the reason for it. [Amend] writes it.
type Amendment struct {
	Kind AmendmentKind
	Name string // of the package that it is about, normalised; "" if it is about none
	// Pos is the place of Old in the manifest's own file, of an [Edited] one; Old does not go beyond the line.
	Pos      diag.Position
	Old, New string
	Value    string // what is written of other kinds: specifiers, a date, a policy
	Was, Is  string // what was asked and what stands instead, as people write it; Is is "" for what is left out
	Why      string // a clause
}

// AmendmentKind says where an amendment is written.
type AmendmentKind int

// The kinds.
const (
	Edited         AmendmentKind = iota // what stands at Pos
	Overridden                          // [overrides] NAME = VALUE
	LeftOut                             // [resolver] exclude
	OwnDate                             // [resolver.packages.NAME] as-of
	OwnPrereleases                      // [resolver.packages.NAME] prereleases
)

// String says in a line what stands instead of what, and why.
func (a Amendment) String() string {
	text := a.Is
	switch {
	case a.Is == "":
		text = "without " + a.Was
	case a.Was != "":
		text += " instead of " + a.Was
	}
	if a.Why != "" {
		text += ": " + a.Why
	}
	return text
}

// Amended is a manifest with amendments. It is written by nobody yet.
type Amended struct {
	File     string // the manifest's
	Original string // all that it holds
	Text     string // what it is to hold
	Manifest *Manifest
}

// Amend makes amendments of the manifest at a path, as [Load] finds it, each with a comment above it that says what was asked, and
// why something else stands there. All else of the text stays. Errors: those of Load; Manifest where the
// text is written in a way that is not edited.
func Amend(path string, s Selection, list []Amendment) (*Amended, error) {
	m, err := Load(path, s)
	if err != nil {
		return nil, err
	}
	original, err := readText(m.File)
	if err != nil {
		return nil, err
	}
	return amend(m, original, s, list)
}

// Further makes more amendments of it.
func (a *Amended) Further(s Selection, list []Amendment) (*Amended, error) {
	more, err := amend(a.Manifest, a.Text, s, list)
	if err != nil {
		return nil, err
	}
	more.Original = a.Original
	return more, nil
}

func amend(m *Manifest, original string, s Selection, list []Amendment) (*Amended, error) {
	text, bom := strings.CutPrefix(original, "\ufeff")
	prefix := ""
	if filepath.Base(m.File) == PyProject {
		prefix = "tool.envpack."
	}
	edits := slices.DeleteFunc(slices.Clone(list), func(a Amendment) bool { return a.Kind != Edited })
	slices.SortStableFunc(edits, func(a, b Amendment) int { // from the end on, so that places stay true
		return cmp.Or(b.Pos.Line-a.Pos.Line, b.Pos.Col-a.Pos.Col)
	})
	lines := strings.SplitAfter(text, "\n")
	for i, a := range edits {
		if err := editLine(lines, a); err != nil {
			return nil, err
		}
		if i+1 == len(edits) || edits[i+1].Pos.Line != a.Pos.Line {
			commentLine(lines, a.Pos.Line, edits)
		}
	}
	text = strings.Join(lines, "")
	for _, a := range list {
		var err error
		if text, err = amendTable(text, prefix, m.File, a); err != nil {
			return nil, err
		}
	}
	if bom {
		text = "\ufeff" + text
	}
	out := &Amended{File: m.File, Original: original, Text: text}
	var err error
	if out.Manifest, err = parseBeside(m.File, text, nil, s); err != nil {
		return nil, diag.Wrap(err, 0, "%s cannot be changed by `lock --repair`, since it would not be understood then", m.File)
	}
	return out, nil
}

// editLine makes the change of an amendment in its line.
func editLine(lines []string, a Amendment) error {
	notThere := diag.New(diag.Manifest, "%q is not there any more", a.Old).At(a.Pos)
	if a.Pos.Line < 1 || a.Pos.Line > len(lines) {
		return notThere
	}
	runes := []rune(lines[a.Pos.Line-1])
	from, old := a.Pos.Col-1, []rune(a.Old)
	if from < 0 || from+len(old) > len(runes) || string(runes[from:from+len(old)]) != a.Old {
		return notThere
	}
	lines[a.Pos.Line-1] = string(runes[:from]) + a.New + string(runes[from+len(old):])
	return nil
}

// commentLine puts comments about the edits of a line above it; a line of which nothing is left goes.
func commentLine(lines []string, line int, edits []Amendment) {
	text := lines[line-1]
	indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
	if strings.TrimSpace(text) == "" {
		text = ""
	}
	brk := "\n"
	if strings.Contains(strings.Join(lines, ""), "\r\n") {
		brk = "\r\n"
	}
	var above strings.Builder
	for _, a := range slices.Backward(edits) {
		if a.Pos.Line == line {
			for _, c := range a.comment() {
				above.WriteString(indent + c + brk)
			}
		}
	}
	lines[line-1] = above.String() + text
}

// commentWidth is how long the lines of comments are, unless a word is longer.
const commentWidth = 110

// comment says what was asked, and why something else stands here.
func (a Amendment) comment() []string {
	text := "repaired: "
	switch {
	case a.Was == "":
	case a.Is == "":
		text += "left out is " + a.Was + "; "
	default:
		text += "asked for was " + a.Was + "; "
	}
	words := strings.Fields(text + a.Why)
	var out []string
	line := "#"
	for _, w := range words {
		if len(line)+1+len(w) > commentWidth && line != "#" {
			out, line = append(out, line), "#"
		}
		line += " " + w
	}
	return append(out, line)
}

// amendTable writes an amendment that stands in a table of its own.
func amendTable(text, prefix, file string, a Amendment) (string, error) {
	set := func(table, key, value string) (string, error) {
		table = prefix + table
		path := tomltext.Join(table, key)
		places := tomltext.Find("", text)
		if places.Has(path) {
			edited, ok := tomltext.SetString(text, path, a.Value)
			if !ok {
				return "", notEdited(file, text, path, key+" = "+value)
			}
			text = edited
		} else {
			text = tomltext.SetKey(text, table, key, value)
		}
		edited, ok := tomltext.Comment(text, path, a.comment())
		if !ok {
			return "", notEdited(file, text, path, key+" = "+value)
		}
		return edited, nil
	}
	switch a.Kind {
	case Overridden:
		return set("overrides", a.Name, tomltext.QuoteString(a.Value))
	case OwnDate:
		return set("resolver.packages."+a.Name, "as-of", a.Value)
	case OwnPrereleases:
		return set("resolver.packages."+a.Name, "prereleases", tomltext.QuoteString(a.Value))
	case LeftOut:
		path := prefix + "resolver.exclude"
		if n, there := tomltext.Find("", text).Items(path); there {
			edited, ok := tomltext.Insert(text, path, n, a.Name)
			if !ok {
				return "", notEdited(file, text, path, a.Name)
			}
			text = edited
		} else {
			text = tomltext.SetKey(text, prefix+"resolver", "exclude", "["+tomltext.QuoteString(a.Name)+"]")
		}
		edited, ok := tomltext.Comment(text, path, a.comment())
		if !ok {
			return "", notEdited(file, text, path, a.Name)
		}
		return edited, nil
	}
	return text, nil
}

func notEdited(file, text, path, manually string) error {
	return diag.New(diag.Manifest, "%s is written in a way that is not edited", path).
		At(tomltext.Find(file, text).Key(path)).Hint("edit it yourself: %s", fmt.Sprint(manually))
}
