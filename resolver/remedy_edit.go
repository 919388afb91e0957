package resolver

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/resolver/pep440"
)

// edit replaces the text at a place.
type edit struct {
	pos      diag.Position
	old, new string
}

func (e edit) change(text string) diag.Change {
	return diag.Change{File: e.pos.File, Line: e.pos.Line, Column: e.pos.Col, Old: e.old, New: e.new, Description: text}
}

// quoted is the text of a TOML string at a place, with its quotes; not ok if it is none, or of several lines or with escapes.
func quoted(pos diag.Position) (text, quote string, ok bool) {
	all := written(pos)
	if len(all) < 2 {
		return "", "", false
	}
	quote, text = all[:1], all[1:len(all)-1]
	ok = (quote == `"` || quote == "'") && strings.HasSuffix(all, quote) && !strings.ContainsAny(text, `\`+quote)
	return text, quote, ok
}

// requirementForm takes a requirement apart: name and extras, specifiers, marker.
var requirementForm = pattern.New(`^([A-Za-z0-9._-]+\s*(?:\[[^\]]*\])?)(\s*\(?[^;@()]*\)?)(\s*;.*)?$`)

// respecify is the edit that gives a requirement other specifiers, with how both are written; not ok if its text is not
// understood.
func respecify(r *manifest.Requirement, specs string) (e edit, was, is string, ok bool) {
	e.pos = r.Pos
	text, quote, isTOML := quoted(r.Pos)
	if !isTOML {
		text, quote = written(r.Pos), ""
	}
	if isTOML && !strings.HasPrefix(strings.ToLower(text), strings.ToLower(r.RawName)) { // of [constraints]: specifiers alone
		e.old, e.new = quote+text+quote, quote+specs+quote
		return e, r.RawName + strings.TrimSpace(text), r.RawName + specs, true
	}
	m := requirementForm().FindStringSubmatch(text)
	if m == nil || r.Pos.IsZero() {
		return e, "", "", false
	}
	e.old, e.new = quote+text+quote, quote+m[1]+specs+m[3]+quote
	return e, strings.TrimSpace(m[1] + m[2]), m[1] + specs, true
}

// rename is the edit that gives a requirement another name.
func rename(r *manifest.Requirement, name string) (e edit, ok bool) {
	text, quote, isTOML := quoted(r.Pos)
	if !isTOML {
		text, quote = written(r.Pos), ""
	}
	if r.Pos.IsZero() || !strings.HasPrefix(text, r.RawName) {
		return e, false
	}
	return edit{r.Pos, quote + text + quote, quote + name + strings.TrimPrefix(text, r.RawName) + quote}, true
}

// keyBefore is what stands before the value of a key that has the line for itself.
var keyBefore = pattern.New(`^\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)\s*=\s*$`)

// remove is the edit that takes an entry of a list, a line of a requirements file or a key of [constraints] out.
func remove(pos diag.Position, listed bool) (e edit, ok bool) {
	old := written(pos)
	runes := []rune(pos.Source)
	if pos.IsZero() || old == "" || pos.Col-1+pos.Width > len(runes) {
		return e, false
	}
	before, behind := string(runes[:pos.Col-1]), string(runes[pos.Col-1+pos.Width:])
	_, _, isTOML := quoted(pos)
	switch {
	case listed && isTOML:
		if rest := strings.TrimLeft(behind, " \t"); strings.HasPrefix(rest, ",") {
			rest = strings.TrimLeft(rest[1:], " \t")
			old += strings.TrimSuffix(behind, rest)
		}
	case isTOML && keyBefore().MatchString(before):
		pos.Col, old = 1, before+old
	case isTOML || strings.TrimSpace(before) != "":
		return e, false
	}
	return edit{pos, old, ""}, true
}

// addDistro is the edit that names a distribution where the manifest names none; not ok if its tables have no heads.
func addDistro(p manifest.Places, name string) (e edit, ok bool) {
	line := fmt.Sprintf("distro = %q", name)
	if at := p.System; !at.IsZero() {
		head := strings.TrimSpace(at.Source)
		at.Col = len([]rune(at.Source)) + 1
		return edit{at, "", "\n" + line}, strings.HasPrefix(head, "[") && strings.HasSuffix(head, "]")
	}
	at := p.Project
	head, end, ok := strings.Cut(strings.TrimSpace(at.Source), "project]")
	at.Col = 1
	return edit{at, "", head + "system]\n" + line + "\n\n"}, ok && strings.HasPrefix(head, "[") && end == ""
}

// loosened are specifiers that admit a version, changed as little as possible: bounds that rule it out move as far as they
// must, by the numbers that they have ("<2" becomes "<3"), exclusions go.
func loosened(specs pep440.Specifiers, v pep440.Version) string {
	var out []string
	for text := range strings.SplitSeq(readable(specs), ",") {
		s, err := pep440.ParseSpecifier(text)
		if err != nil || s.Contains(v) {
			out = append(out, text)
			continue
		}
		switch n := len(s.Version().Release()); s.Op() {
		case pep440.Less:
			out = append(out, "<"+cutTo(v, n, 1))
		case pep440.GreaterEqual:
			out = append(out, ">="+cutTo(v, max(n, 2), 0))
		case pep440.LessEqual, pep440.Arbitrary:
			out = append(out, s.Op().String()+v.String())
		case pep440.Greater:
			out = append(out, ">="+v.String())
		case pep440.Compatible:
			out = append(out, "~="+cutTo(v, n, 0))
		case pep440.Equal:
			if strings.HasSuffix(text, ".*") {
				out = append(out, "=="+cutTo(v, n, 0)+".*")
			} else {
				out = append(out, "=="+v.String())
			}
		}
	}
	return strings.Join(out, ",")
}

// cutTo is the beginning of a version's release number with n components, of which the last is raised.
func cutTo(v pep440.Version, n int, raise uint64) string {
	release := v.Release()
	var parts []string
	for i := range n {
		number := uint64(0)
		if i < len(release) {
			number = release[i]
		}
		if i == n-1 {
			number += raise
		}
		parts = append(parts, strconv.FormatUint(number, 10))
	}
	text := strings.Join(parts, ".")
	if v.Epoch() > 0 {
		text = fmt.Sprintf("%d!%s", v.Epoch(), text)
	}
	return text
}
