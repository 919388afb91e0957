// Package pep508 is Python's dependency specifiers: requirements, environment markers and their
// evaluation.
//
// It follows PEP 508 and the dependency-specifiers specification that succeeded it, with the
// amendment of January 2026, as pypa/packaging 26.2 and later implement it; where the text leaves
// something open, packaging decides. It evaluates markers against one given environment and does
// not reason about markers (no algebra, no simplification). It reads requirements, not
// requirements files. Parsed values are immutable and safe for concurrent use.
package pep508

import (
	"slices"
	"strings"

	"github.com/envpack/envpack/resolver/pep440"
)

// Requirement is one dependency.
type Requirement struct {
	Name       string   // normalised, see NormalizeName
	RawName    string   // as written
	Extras     []string // normalised, sorted, each once
	Specifiers pep440.Specifiers
	URL        string  // of a direct reference, as written; Specifiers is then empty
	Marker     *Marker // nil for none
}

// Parse reads a requirement such as
//
//	requests[security]>=2.8.1,==2.8.* ; python_version < "3"
//	pip @ https://files.example/pip-24.0-py3-none-any.whl ; sys_platform == "linux"
//
// White space around it is allowed, specifiers may be in parentheses, as they were in old
// metadata. The URL is not looked into; it ends at white space, so a marker behind it needs a
// space before its semicolon. The error is a [*SyntaxError].
func Parse(s string) (Requirement, error) {
	p := parser{s: s}
	r, err := p.requirement()
	if err != nil {
		return Requirement{}, err
	}
	return r, nil
}

func (p *parser) requirement() (r Requirement, err error) {
	p.space()
	name, ok := p.identifier()
	if !ok {
		return r, p.fail("the name of a package")
	}
	r.RawName, r.Name = name, NormalizeName(name)
	p.space()
	if r.Extras, err = p.extras(); err != nil {
		return r, err
	}
	p.space()
	behind := `"@" or a version specifier or ";"`
	if p.take('@') {
		if r.URL, err = p.url(); err != nil {
			return r, err
		}
		behind = `";" (with white space before it)`
	} else {
		if r.Specifiers, err = p.specifiers(); err != nil {
			return r, err
		}
		if r.Specifiers.Len() > 0 {
			behind = `"," or ";"`
		}
		p.space()
	}
	if p.end() {
		return r, nil
	}
	if !p.take(';') {
		return r, p.fail(behind + " or the end")
	}
	if r.Marker, err = p.marker(); err != nil {
		return r, err
	}
	if !p.end() {
		return r, p.fail(`"and" or "or" or the end`)
	}
	return r, nil
}

func (p *parser) url() (string, error) {
	p.space()
	start := p.i
	for !p.end() && p.s[p.i] != ' ' && p.s[p.i] != '\t' {
		p.i++
	}
	if p.i == start {
		return "", p.fail("a URL")
	}
	url := p.s[start:p.i]
	p.space()
	return url, nil
}

func (p *parser) extras() ([]string, error) {
	if !p.take('[') {
		return nil, nil
	}
	p.space()
	var extras []string
	if name, ok := p.identifier(); ok {
		extras = append(extras, NormalizeName(name))
		for p.space(); p.take(','); p.space() {
			p.space()
			if name, ok = p.identifier(); !ok {
				return nil, p.fail("the name of an extra")
			}
			extras = append(extras, NormalizeName(name))
		}
	}
	if !p.take(']') {
		if len(extras) == 0 {
			return nil, p.fail(`the name of an extra or "]"`)
		}
		return nil, p.fail(`"," or "]"`)
	}
	slices.Sort(extras)
	return slices.Compact(extras), nil
}

func (p *parser) specifiers() (pep440.Specifiers, error) {
	parenthesised := p.take('(')
	p.space()
	start, end := p.i, p.i
	for {
		length, ok := pep440.ScanSpecifier(p.s[p.i:])
		if !ok {
			// A comma may be the last thing. Where a clause has begun it cannot be meant to end.
			if length > 0 {
				p.i += length
				return pep440.Specifiers{}, p.fail("a version that goes with the operator")
			}
			break
		}
		p.i += length
		end = p.i
		if err := p.suffix(); err != nil {
			return pep440.Specifiers{}, err
		}
		p.space()
		if !p.take(',') {
			break
		}
		p.space()
	}
	if parenthesised && !p.take(')') {
		return pep440.Specifiers{}, p.fail(`a version specifier or "," or ")"`)
	}
	// What follows === may itself have commas, so that this can fail still.
	specifiers, err := pep440.ParseSpecifiers(p.s[start:end])
	if err != nil {
		p.i = start
		return pep440.Specifiers{}, p.fail("version specifiers")
	}
	return specifiers, nil
}

// suffix fails for what often follows a version wrongly.
func (p *parser) suffix() error {
	switch rest := p.s[p.i:]; {
	case strings.HasPrefix(rest, ".*"):
		return p.fail(`the end of the version (".*" goes with == and != only, behind a plain release)`)
	case strings.HasPrefix(rest, "+"):
		return p.fail("the end of the version (a local label goes with == and != only)")
	}
	return nil
}

// String is the requirement in normal form.
func (r Requirement) String() string {
	var b strings.Builder
	b.WriteString(readable(r.Name))
	for i, extra := range r.Extras {
		b.WriteByte("[,"[min(i, 1)])
		b.WriteString(readable(extra))
	}
	if len(r.Extras) > 0 {
		b.WriteByte(']')
	}
	b.WriteString(r.Specifiers.String())
	if r.URL != "" {
		b.WriteString(" @ " + r.URL)
		if r.Marker != nil {
			b.WriteByte(' ')
		}
	}
	if r.Marker != nil {
		b.WriteString("; " + r.Marker.String())
	}
	return b.String()
}

// readable is a normalised name in a form that Parse reads as that name. It differs only for a name
// that ends with an underscore, which the grammar lets stand where it lets no hyphen.
func readable(name string) string {
	if stem, ok := strings.CutSuffix(name, "-"); ok {
		return stem + "_"
	}
	return name
}

// MarshalText is String.
func (r Requirement) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is Parse.
func (r *Requirement) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}

// NormalizeName is the form of a package's or extra's name in which names are compared (PEP 503,
// PEP 685): lower case, each run of ".", "-" and "_" one hyphen.
func NormalizeName(name string) string {
	if mayBeNormal(name) {
		return name
	}
	var b strings.Builder
	b.Grow(len(name))
	separator := false
	for _, r := range strings.ToLower(name) {
		if r == '-' || r == '_' || r == '.' {
			if !separator {
				b.WriteByte('-')
			}
			separator = true
			continue
		}
		separator = false
		b.WriteRune(r)
	}
	return b.String()
}

// IsNormal tells whether a text is the normalised name of a package or extra (PyPA, Names and normalization).
func IsNormal(name string) bool {
	return name != "" && name[len(name)-1] != '-' && mayBeNormal(name)
}

// mayBeNormal tells whether a text is its own normal form, as long as it is a name.
func mayBeNormal(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case c == '-' && i > 0 && name[i-1] != '-':
		default:
			return false
		}
	}
	return true
}
