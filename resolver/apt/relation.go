package apt

import (
	"fmt"
	"strings"

	"github.com/envpack/envpack/internal/debversion"
)

// relation names a package, perhaps with bounds: "libc6 (>= 2.34)", "python3:any".
type relation struct {
	name      string
	qualifier string // architecture after a colon: "any", "native", "amd64"; mostly ""
	op        string // "<<", "<=", "=", ">=", ">>"; "" for any version
	version   string
}

func (r relation) String() string {
	s := r.name
	if r.qualifier != "" {
		s += ":" + r.qualifier
	}
	if r.op != "" {
		s += " (" + r.op + " " + r.version + ")"
	}
	return s
}

// alternatives are relations of which one suffices: "mawk | gawk".
type alternatives []relation

func (a alternatives) String() string {
	parts := make([]string, len(a))
	for i, r := range a {
		parts[i] = r.String()
	}
	return strings.Join(parts, " | ")
}

// parseRelations reads the value of a field like Depends (Debian policy 7.1) of a binary package, where
// restrictions to architectures or build profiles do not occur.
func parseRelations(text string) ([]alternatives, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var all []alternatives
	for _, group := range strings.Split(text, ",") {
		if strings.TrimSpace(group) == "" {
			continue // dpkg allows a comma at the end
		}
		var alt alternatives
		for _, one := range strings.Split(group, "|") {
			r, err := parseRelation(one)
			if err != nil {
				return nil, err
			}
			alt = append(alt, r)
		}
		all = append(all, alt)
	}
	return all, nil
}

func parseRelation(text string) (relation, error) {
	var r relation
	text = strings.TrimSpace(text)
	head, bound, bounded := strings.Cut(text, "(")
	r.name, r.qualifier, _ = strings.Cut(strings.TrimSpace(head), ":")
	if !isName(r.name) || strings.Trim(r.qualifier, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return r, fmt.Errorf("relation %q is not understood", text)
	}
	if !bounded {
		return r, nil
	}
	bound, rest, closed := strings.Cut(bound, ")")
	bound = strings.TrimSpace(bound)
	r.version = strings.TrimLeft(bound, "<>=")
	r.op = bound[:len(bound)-len(r.version)]
	r.version = strings.TrimSpace(r.version)
	switch r.op {
	case "<": // policy 7.1: the old forms mean "or equal"
		r.op = "<="
	case ">":
		r.op = ">="
	}
	switch r.op {
	case "<<", "<=", "=", ">=", ">>":
	default:
		return r, fmt.Errorf("relation %q is not understood", text)
	}
	if !closed || strings.TrimSpace(rest) != "" || r.version == "" || strings.ContainsAny(r.version, " \t\n") {
		return r, fmt.Errorf("relation %q is not understood", text)
	}
	return r, nil
}

// isName checks a package name (policy 5.6.7), leniently in case and underscores: virtual packages have both.
func isName(s string) bool {
	if s == "" || s[0] == '-' || s[0] == '.' || s[0] == '+' {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || strings.IndexByte("+-._", c) >= 0) {
			return false
		}
	}
	return true
}

// allows tells whether a version is within the relation's bounds.
func (r relation) allows(version string) bool {
	return r.op == "" || debversion.Holds(version, r.op, r.version)
}

// allowsProvided tells whether a relation is met by a provided name: one with bounds only by one with a
// version within them (policy 7.5).
func (r relation) allowsProvided(p relation) bool {
	return p.name == r.name && (r.op == "" || p.op == "=" && r.allows(p.version))
}
