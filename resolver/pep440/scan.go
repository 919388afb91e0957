package pep440

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// fields are the parts of a version: pieces of the text that it was read from, so that reading
// allocates nothing. Numbers are digits that may have leading zeros; none ("") is zero.
type fields struct {
	epoch   string
	release string // numbers and dots
	preN    string
	postN   string
	devN    string
	local   string // letters, digits and separators in any case; "" is no label
	pre     byte   // 'a', 'b', 'r' (release candidate), or 0 for none
	post    bool
	dev     bool
	prefix  bool // the text ended with ".*"
}

// form says which versions a place admits (PEP 440, Version specifiers).
type form struct {
	local  bool // a local label
	prefix bool // ".*" after the release
	dotted bool // at least two numbers in the release
}

var anyForm = form{local: true}

// scan reads the longest version at s[i:] and gives the offset behind it. It is not ok if there is
// none, and then the offset is that of the first byte that cannot be right.
//
// The grammar is that of PEP 440's Appendix B, greedy as its regular expression is: a separator
// behind "a" or "post" belongs to it though no number follows.
func scan(s string, i int, form form) (f fields, end int, ok bool) {
	if i < len(s) && lower(s[i]) == 'v' {
		i++
	}
	start := i
	if i = digits(s, i); i == start {
		return f, i, false
	}
	if i < len(s) && s[i] == '!' {
		f.epoch = s[start:i]
		start = i + 1
		if i = digits(s, start); i == start {
			return f, i, false
		}
	}
	dots := 0
	for i < len(s) && s[i] == '.' {
		next := digits(s, i+1)
		if next == i+1 {
			break
		}
		i = next
		dots++
	}
	f.release = s[start:i]
	if form.dotted && dots == 0 {
		return f, i, false
	}
	if form.prefix && strings.HasPrefix(s[i:], ".*") {
		f.prefix = true
		return f, i + 2, true
	}
	i = f.scanSuffix(s, i)
	if form.local && i < len(s) && s[i] == '+' {
		if next := localEnd(s, i+1); next > i+1 {
			f.local = s[i+1 : next]
			i = next
		}
	}
	return f, i, true
}

// scanSuffix reads the pre-, post- and development-release parts at s[i:], each if there.
func (f *fields) scanSuffix(s string, i int) int {
	if word, next := keyword(s, i, preWords); word >= 0 {
		f.pre = preWords[word].kind
		f.preN, i = optionalNumber(s, next)
	}
	if i+1 < len(s) && s[i] == '-' && isDigit(s[i+1]) {
		next := digits(s, i+1)
		f.post, f.postN, i = true, s[i+1:next], next
	} else if word, next := keyword(s, i, postWords); word >= 0 {
		f.post = true
		f.postN, i = optionalNumber(s, next)
	}
	if word, next := keyword(s, i, devWords); word >= 0 {
		f.dev = true
		f.devN, i = optionalNumber(s, next)
	}
	return i
}

type word struct {
	text string
	kind byte
}

// Of two words of which one begins the other, the longer comes first.
var (
	preWords = []word{
		{"alpha", 'a'}, {"a", 'a'}, {"beta", 'b'}, {"b", 'b'},
		{"preview", 'r'}, {"pre", 'r'}, {"c", 'r'}, {"rc", 'r'},
	}
	postWords = []word{{"post", 0}, {"rev", 0}, {"r", 0}}
	devWords  = []word{{"dev", 0}}
)

// keyword finds one of the words at s[i:], behind at most one separator. It gives the word's
// index, or -1, and the offset behind it.
func keyword(s string, i int, words []word) (index, end int) {
	if i < len(s) && isSeparator(s[i]) {
		i++
	}
	if i >= len(s) || !isLetter(s[i]) {
		return -1, i
	}
	for index := range words {
		if hasFold(s[i:], words[index].text) {
			return index, i + len(words[index].text)
		}
	}
	return -1, i
}

// optionalNumber reads a separator and a number, each if there.
func optionalNumber(s string, i int) (number string, end int) {
	if i < len(s) && isSeparator(s[i]) {
		i++
	}
	end = digits(s, i)
	return s[i:end], end
}

// localEnd is the offset behind the local label at s[i:]; i if there is none.
func localEnd(s string, i int) int {
	end := i
	for {
		start := i
		for i < len(s) && (isDigit(s[i]) || isLetter(s[i])) {
			i++
		}
		if i == start {
			return end
		}
		end = i
		if i == len(s) || !isSeparator(s[i]) {
			return end
		}
		i++
	}
}

// digits is the offset behind the digits at s[i:].
func digits(s string, i int) int {
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i
}

// hasFold tells whether s begins with the lower-case prefix, in any case.
func hasFold(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if lower(s[i]) != prefix[i] {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool     { return '0' <= c && c <= '9' }
func isLetter(c byte) bool    { return 'a' <= lower(c) && lower(c) <= 'z' }
func isSeparator(c byte) bool { return c == '.' || c == '-' || c == '_' }

// lower is c in lower case if it is an ASCII letter.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// trimSpace gives the bounds of s without the white space around it.
func trimSpace(s string) (start, end int) {
	start, end = skipSpace(s, 0), len(s)
	for end > start {
		r, size := utf8.DecodeLastRuneInString(s[start:end])
		if !isSpace(r) {
			break
		}
		end -= size
	}
	return start, end
}

// skipSpace is the offset behind the white space at s[i:].
func skipSpace(s string, i int) int {
	for i < len(s) {
		if c := s[i]; c > ' ' && c < utf8.RuneSelf {
			return i
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if !isSpace(r) {
			return i
		}
		i += size
	}
	return i
}

// isSpace is what Python's \s matches: Unicode's white space and the four ASCII separators.
func isSpace(r rune) bool { return unicode.IsSpace(r) || '\x1c' <= r && r <= '\x1f' }
