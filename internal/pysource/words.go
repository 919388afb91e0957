package pysource

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// operators of more than one character, the longest first.
var operators = []string{
	"**=", "//=", ">>=", "<<=", "...", "!=", "==", "<=", ">=", "<>", "->", ":=", "**", "//", "<<", ">>",
	"+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "@=",
}

func (s *Scanner) operator() (Token, error) {
	rest := s.src[s.pos:]
	for _, o := range operators {
		if strings.HasPrefix(rest, o) {
			return s.take(Operator, len(o)), nil
		}
	}
	c := rest[0]
	switch c {
	case '(', '[', '{':
		if len(s.closers) == maxDepth {
			return Token{}, s.fault("more than %d brackets stand in each other", maxDepth)
		}
		s.closers = append(s.closers, closer(c))
	case ')', ']', '}':
		n := len(s.closers)
		if n == 0 || s.closers[n-1] != c {
			return Token{}, s.fault("%q closes nothing", c)
		}
		s.closers = s.closers[:n-1]
	default:
		if !strings.ContainsRune("+-*/%@&|^~<>=.,:;`", rune(c)) {
			r, _ := utf8.DecodeRuneInString(rest)
			return Token{}, s.fault("%q is no part of Python", r)
		}
	}
	return s.take(Operator, 1), nil
}

func closer(c byte) byte {
	switch c {
	case '(':
		return ')'
	case '[':
		return ']'
	}
	return '}'
}

// number is the length of the number at pos, of either language.
func (s *Scanner) number() int {
	rest := s.src[s.pos:]
	digits := func(i int, set string) int {
		for i < len(rest) && (rest[i] == '_' || strings.IndexByte(set, rest[i]) >= 0) {
			i++
		}
		return i
	}
	const decimal = "0123456789"
	i := 0
	if len(rest) > 1 && rest[0] == '0' && strings.IndexByte("xXoObB", rest[1]) >= 0 {
		i = digits(2, decimal+"abcdefABCDEF")
	} else {
		i = digits(0, decimal)
		if i < len(rest) && rest[i] == '.' {
			i = digits(i+1, decimal)
		}
		if i < len(rest) && (rest[i] == 'e' || rest[i] == 'E') {
			k := i + 1
			if k < len(rest) && (rest[k] == '+' || rest[k] == '-') {
				k++
			}
			if end := digits(k, decimal); end > k {
				i = end
			}
		}
	}
	if i < len(rest) && strings.IndexByte("jJlL", rest[i]) >= 0 {
		i++
	}
	return i
}

// nameLength is that of the identifier that s begins with, 0 for none.
func nameLength(s string) int {
	for i := 0; i < len(s); {
		r, n := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(s[i:])
		}
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.In(r, unicode.Nd, unicode.Mn, unicode.Mc, unicode.Pc)) {
			return i
		}
		i += n
	}
	return len(s)
}
