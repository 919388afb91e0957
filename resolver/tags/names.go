package tags

import (
	"strings"
	"unicode"
)

// isProject tells whether a wheel's name may begin with s: letters, digits, dots and single
// underscores (PEP 427, Escaping and Unicode; any script, as packaging allows).
func isProject(s string) bool {
	if s == "" || strings.Contains(s, "__") {
		return false
	}
	for _, r := range s {
		if r != '_' && r != '.' && !unicode.IsLetter(r) && !unicode.IsNumber(r) {
			return false
		}
	}
	return true
}

// isIdentifier tells whether s could be a name in a Python program.
func isIdentifier(s string) bool {
	for i, r := range s {
		if r == '_' || unicode.IsLetter(r) || i > 0 && unicode.IsDigit(r) {
			continue
		}
		return false
	}
	return s != ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
