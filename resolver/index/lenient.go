package index

import (
	"regexp"
	"strings"

	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// A fix makes a specifier of published metadata readable that the specification does not allow.
// Most are those of uv (its lenient requirements), which came from metadata on the public index;
// pip had accepted all of it once.
type fix struct {
	pattern func() *regexp.Regexp
	with    string
}

var fixes = []fix{
	// ">=7.2.0<8.0.0": a comma is missing between two clauses.
	{pattern.New(`(\d)([<>=~^!])`), "$1,$2"},
	// "!=~5.0": two operators; != with a prefix is meant.
	{pattern.New(`!=\s*~\s*(\d+(?:\.\d+)*)`), "!=$1.*"},
	// ">=1.9.*": a prefix has no order; pip once read it without the star.
	{pattern.New(`(<=|>=|<|>)\s*(\d+(?:\.\d+)*)\.\*`), "$1$2"},
	// ">=3.": a dot too many. Where versions were compared part by part (packaging's LegacyVersion, until 22.0), it said nothing.
	{pattern.New(`((?:<=|>=|==|!=|<|>)\s*\d+(?:\.\d+)*)\.(\s*(?:[,)]|$))`), "$1$2"},
	// "!=3.0*": a dot is missing before the star.
	{pattern.New(`(\d+(?:\.\d+)+)\*`), "$1.*"},
	// ">=3.6,": a comma after which nothing comes.
	{pattern.New(`,\s*(\)?)\s*$`), "$1"},
	// ">dev": the first development release is meant.
	{pattern.New(`>dev`), ">0.0.0dev"},
	// ">=9.0.0a1.0": a part too many after a pre-release.
	{pattern.New(`(\d+(?:\.\d)*(?:a|b|rc|post|dev)\d+)\.0`), "$1"},
	// ">=2011k": pytz once numbered its releases with letters, and pandas up to 0.24 asks for it.
	{pattern.New(`(>=|>)\s*(\d+(?:\.\d+)*)[d-z]\b`), "$1$2"},
	// "<2011k": so are what is older and that year's first.
	{pattern.New(`(<=|<)\s*(\d+(?:\.\d+)*)[d-z]\b`), "<=$2"},
	// "==1.0.*.*": it was compared as a text, which no version has.
	{pattern.New(`==\s*(\d+(?:\.\d+)*(?:\.\*){2,})`), "===$1"},
	// ">='2.7'": quotes around the version.
	{pattern.New(`['"]`), ""},
}

// repair tries the fixes one after another, each on the result of those before, until parse takes
// the text. The error is that of the text as it was.
func repair[T any](text string, parse func(string) (T, error)) (T, error) {
	value, first := parse(text)
	if first == nil {
		return value, nil
	}
	for _, f := range fixes {
		fixed := f.pattern().ReplaceAllString(text, f.with)
		if fixed == text {
			continue
		}
		text = fixed
		if value, err := parse(text); err == nil {
			return value, nil
		}
	}
	// "(>=1.0": a parenthesis is missing, or one too many.
	if strings.Count(text, "(") != strings.Count(text, ")") {
		if value, err := parse(strings.NewReplacer("(", " ", ")", "").Replace(text)); err == nil {
			return value, nil
		}
	}
	return value, first
}

// beforeVersion is a requirement's name, whose digits are no version's, and its extras.
var beforeVersion = pattern.New(`^\s*[A-Za-z0-9._-]*\s*(?:\[[^\]]*\])?`)

// parseRequirement reads a Requires-Dist, with what is commonly wrong in them put right. Only the
// versions are: names, addresses and markers are left alone.
func parseRequirement(text string) (pep508.Requirement, error) {
	r, err := pep508.Parse(text)
	if err == nil || strings.Contains(text, "@") {
		return r, err
	}
	head, marker, conditional := strings.Cut(text, ";")
	name := beforeVersion().FindString(head)
	r, fixed := repair(head[len(name):], func(versions string) (pep508.Requirement, error) {
		return pep508.Parse(name + versions)
	})
	if fixed != nil || !conditional {
		if fixed != nil {
			return r, err
		}
		return r, nil
	}
	m, bad := pep508.ParseMarker(marker)
	if bad != nil {
		return r, err
	}
	r.Marker = m
	return r, nil
}

// ParseRequiresPython reads a Requires-Python as pages and metadata have it, with what is commonly
// wrong in them put right. "" admits every version.
func ParseRequiresPython(text string) (pep440.Specifiers, error) {
	return repair(text, pep440.ParseSpecifiers)
}
