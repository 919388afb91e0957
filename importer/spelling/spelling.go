// Package spelling reads requirements as pip read them once: what the rules of today refuse, and releases of pip up to 24.0 took
// by the rules for versions from before PEP 440, becomes a requirement that means the same.
//
// It reads no addresses, and guesses no names and no versions. What no pip ever took, and can mean one thing only (numpy=1.0,
// a missing comma), is read as that. Each change is told.
package spelling

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// form is a requirement with whatever bounds, and without its marker.
var form = pattern.New(`^([A-Za-z0-9][A-Za-z0-9._-]*?)\s*(\[[^\]]*\])?\s*(\(.*\)|[=<>!~^\s].*|)$`)

// Requirement reads a requirement. fixed is how it is written today, text itself if nothing had to be changed, and note says
// what was; it is "" then.
//
// The error is that of [pep508.Parse], or says which bounds mean nothing.
func Requirement(text string) (req pep508.Requirement, fixed, note string, err error) {
	if req, err = pep508.Parse(text); err == nil {
		return req, text, "", nil
	}
	strict := err
	clean := plain(text)
	var notes []string
	if clean != text {
		notes = append(notes, "odd characters are taken out")
	}
	body, marker, hasMarker := strings.Cut(clean, ";")
	m := form().FindStringSubmatch(strings.TrimSpace(body))
	if m == nil {
		return pep508.Requirement{}, "", "", strict
	}
	bounds := strings.TrimSpace(m[3])
	if inner, ok := strings.CutPrefix(bounds, "("); ok {
		if bounds, ok = strings.CutSuffix(inner, ")"); !ok {
			return pep508.Requirement{}, "", "", strict
		}
	}
	bounds, why, err := Bounds(bounds)
	if err != nil {
		return pep508.Requirement{}, "", "", err
	}
	if why != "" {
		notes = append(notes, why)
	}
	fixed = m[1] + strings.ReplaceAll(m[2], " ", "") + bounds
	if hasMarker && strings.TrimSpace(marker) != "" {
		fixed += "; " + strings.TrimSpace(marker)
	}
	if req, err = pep508.Parse(fixed); err != nil {
		return pep508.Requirement{}, "", "", strict
	}
	if len(notes) == 0 {
		notes = []string{"it is written " + fixed + " today"}
	}
	return req, fixed, strings.Join(notes, "; "), nil
}

// plain replaces what word processors and web pages put in the place of blanks and quotes.
func plain(text string) string {
	text = strings.NewReplacer("“", `"`, "”", `"`, "‘", "'", "’", "'", "＝", "=", "，", ",", "≥", ">=", "≤", "<=").Replace(text)
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\u200b' || r == '\u200c' || r == '\u200d' || r == '\ufeff' || r == '\u2060':
			return -1
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, text))
}

// clause is an operator with a version, or either alone.
var clause = pattern.New(`^\s*(===|[=<>!~^]*)\s*([^\s,;<>=!~^]*)`)

// emptyClause is where two commas stand side by side, or one at the beginning.
var emptyClause = pattern.New(`^\s*,|,\s*,`)

// buildForm is a version with a build, as conda list --export has it.
var buildForm = pattern.New(`^={1,2}\s*([0-9][^=<>!~,\s]*)=([A-Za-z0-9_.]+)$`)

// operators are those that people write for the ones that there are. What is not here is none.
var operators = map[string]string{
	"==": "==", "!=": "!=", "<=": "<=", ">=": ">=", "<": "<", ">": ">", "~=": "~=", "===": "===",
	"=": "==", "=>": ">=", "=<": "<=", "<>": "!=", "=~": "~=", "": "==",
}

// Bounds reads the specifiers of a requirement or of Requires-Python, "" for any version. note says what was changed, "" for
// nothing. It fails for bounds that mean nothing.
func Bounds(text string) (fixed, note string, err error) {
	if _, err := pep440.ParseSpecifiers(text); err == nil && !emptyClause().MatchString(text) {
		return strings.TrimSpace(text), "", nil
	}
	rest := plain(text)
	var list []string
	var notes []string
	if m := buildForm().FindStringSubmatch(rest); m != nil {
		rest = "==" + m[1]
		notes = append(notes, fmt.Sprintf("%s is conda's, and read as ==%s", text, m[1]))
	}
	for rest = strings.TrimLeft(rest, " ,"); rest != ""; rest = strings.TrimLeft(rest, " ,") {
		m := clause().FindStringSubmatch(rest)
		if m == nil || m[0] == "" || m[2] == "" {
			return "", "", fmt.Errorf("%q are no bounds of versions", text)
		}
		if rest = rest[len(m[0]):]; m[1] == "" && (len(list) > 0 || strings.Trim(rest, " ,") != "" || !strings.ContainsAny(m[2][:1], "0123456789*")) {
			return "", "", fmt.Errorf("%q are no bounds of versions", text)
		}
		one, why, err := bound(m[1], m[2])
		if err != nil {
			return "", "", err
		}
		if one != "" {
			list = append(list, one)
		}
		if why != "" {
			notes = append(notes, why)
		}
	}
	fixed = strings.Join(list, ",")
	if _, err := pep440.ParseSpecifiers(fixed); err != nil {
		return "", "", fmt.Errorf("%q are no bounds of versions", text)
	}
	if len(notes) == 0 {
		notes = []string{fmt.Sprintf("%s is written %s", strings.TrimSpace(text), fixed)}
	}
	return fixed, strings.Join(notes, "; "), nil
}

// bound is one operator with a version as it is written today; "" for one that allows all.
func bound(op, version string) (fixed, note string, err error) {
	meant, known := operators[op]
	if !known {
		return "", "", fmt.Errorf("%q is no operator", op)
	}
	say := func(form string, args ...any) string {
		return fmt.Sprintf("%s is read as %s", op+version, fmt.Sprintf(form, args...))
	}
	if version == "*" && (meant == "==" || meant == ">=" || meant == "~=") {
		return "", say("any version"), nil
	}
	if _, err := pep440.ParseSpecifier(meant + version); err == nil {
		if meant == op {
			return op + version, "", nil
		}
		return meant + version, say("%s", meant+version), nil
	}
	short := strings.TrimRight(version, ".")
	star := false
	for strings.HasSuffix(short, ".*") {
		short, star = strings.TrimSuffix(short, ".*"), true
	}
	public, local, _ := strings.Cut(short, "+")
	v, bad := pep440.Parse(short)
	switch {
	case bad != nil && meant == "==" && !star && !strings.ContainsAny(version, "*()"): // compared as text, as once
		return "===" + version, say("===%s: it is no version of PEP 440, and is compared as text", version), nil
	case bad != nil:
		return "", "", fmt.Errorf("%q is no version", version)
	case star && (meant == "==" || meant == "!="):
		return meant + short + ".*", say("%s%s.*", meant, short), nil
	case star && (meant == ">=" || meant == ">"): // 1.7.0 and what follows are above 1.7.*, by the rules of then
		return ">=" + short, say(">=%s, as pip did", short), nil
	case star && (meant == "<" || meant == "<="):
		return "<" + short, say("<%s, as pip did", short), nil
	case local != "" && meant != "==" && meant != "!=" && v.IsLocal():
		return meant + public, say("%s%s: a label goes with == and != only", meant, public), nil
	case !star && meant != "~=" && meant != "===":
		return meant + short, say("%s%s, as pip did", meant, short), nil
	}
	return "", "", fmt.Errorf("%q means nothing", op+version)
}
