package project

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// language is how patterns are read: by characters, or by bytes as git does, for which `?` is half an é.
type language struct{ bytes bool }

var (
	gitPatterns = language{bytes: true}
	ourPatterns = language{}
)

func (l language) decode(s string) (rune, int) {
	if l.bytes && s != "" {
		return rune(s[0]), 1
	}
	return utf8.DecodeRuneInString(s)
}

// matchPath tells whether a pattern of gitignore's language matches a slash-separated path: `*` and `?` do
// not match a slash, `**` as a whole component matches any number of components, one at least if
// it is the last. A malformed pattern matches nothing.
func (l language) matchPath(pattern, path string) bool {
	parts, ok := l.split(pattern)
	return ok && l.matchParts(parts, strings.Split(path, "/"))
}

// split divides a pattern at its slashes, save those in brackets, which git does not take for separators
// though they match nothing. It fails for a malformed pattern.
func (l language) split(pattern string) (parts []string, ok bool) {
	start := 0
	for p := 0; p < len(pattern); {
		switch {
		case pattern[p] == '/':
			parts = append(parts, pattern[start:p])
			p++
			start = p
			continue
		case strings.HasPrefix(pattern[p:], `\/`): // an escaped slash is one
			parts = append(parts, pattern[start:p])
			p += 2
			start = p
			continue
		case pattern[p] == '*':
			p++
			continue
		}
		_, width := l.matchOne(pattern[p:], 'x')
		if width == 0 || pattern[p] == '\\' && width == 1 {
			return nil, false
		}
		p += width
	}
	return append(parts, pattern[start:]), true
}

func (l language) matchParts(pattern, path []string) bool {
	// reach[j]: the components of the pattern so far can match path[:j].
	reach := make([]bool, len(path)+1)
	reach[0] = true
	for i, part := range pattern {
		next := make([]bool, len(path)+1)
		last := i == len(pattern)-1
		if part == "**" {
			any := false
			for j := range reach {
				if last {
					next[j] = any
					any = any || reach[j]
				} else {
					any = any || reach[j]
					next[j] = any
				}
			}
		} else {
			for j, p := range path {
				next[j+1] = reach[j] && l.matchName(part, p)
			}
		}
		reach = next
	}
	return reach[len(path)]
}

// matchName matches one component of a path: fnmatch(3), with POSIX classes.
func (l language) matchName(pattern, name string) bool {
	star, from := -1, 0 // where to go on after the last `*`, should what follows not match
	p, n := 0, 0
	for n < len(name) {
		if p < len(pattern) && pattern[p] == '*' {
			star, from = p+1, n
			p++
			continue
		}
		r, size := l.decode(name[n:])
		if ok, width := l.matchOne(pattern[p:], r); ok {
			p += width
			n += size
			continue
		}
		if star < 0 {
			return false
		}
		_, size = l.decode(name[from:])
		from += size
		p, n = star, from
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// matchOne matches a character against the first item of the pattern, of the given width.
func (l language) matchOne(pattern string, r rune) (ok bool, width int) {
	if pattern == "" {
		return false, 0
	}
	switch pattern[0] {
	case '?':
		return true, 1
	case '[':
		return l.matchBracket(pattern, r)
	case '\\':
		c, size := l.decode(pattern[1:])
		return size > 0 && c == r, 1 + size
	}
	c, size := l.decode(pattern)
	return c == r, size
}

// matchBracket matches a bracket expression; one that is not closed matches nothing.
func (l language) matchBracket(pattern string, r rune) (ok bool, width int) {
	p := 1
	negated := p < len(pattern) && (pattern[p] == '!' || pattern[p] == '^')
	if negated {
		p++
	}
	found := false
	for first := true; ; first = false {
		if p >= len(pattern) {
			return false, 0
		}
		if pattern[p] == ']' && !first {
			return found != negated, p + 1
		}
		if strings.HasPrefix(pattern[p:], "[:") {
			name, _, closed := strings.Cut(pattern[p+2:], "]")
			if !closed {
				return false, 0
			}
			if name, isClass := strings.CutSuffix(name, ":"); isClass { // else git takes the bracket for itself, as in [[:] and [[:a]
				is, known := classes[name]
				if !known {
					return false, 0
				}
				found = found || is(r)
				p += len("[:") + len(name) + len(":]")
				continue
			}
		}
		low, size := l.bracketRune(pattern[p:])
		if size == 0 {
			return false, 0
		}
		p += size
		high := low
		if strings.HasPrefix(pattern[p:], "-") && p+1 < len(pattern) && pattern[p+1] != ']' {
			high, size = l.bracketRune(pattern[p+1:])
			if size == 0 {
				return false, 0
			}
			p += 1 + size
		}
		found = found || r == low || low <= r && r <= high // git looks at the lower end by itself
	}
}

func (l language) bracketRune(pattern string) (rune, int) {
	if pattern[0] == '\\' {
		r, size := l.decode(pattern[1:])
		if size == 0 {
			return 0, 0
		}
		return r, 1 + size
	}
	return l.decode(pattern)
}

var classes = map[string]func(rune) bool{
	"alnum":  func(r rune) bool { return r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r)) },
	"alpha":  func(r rune) bool { return r < 128 && unicode.IsLetter(r) },
	"blank":  func(r rune) bool { return r == ' ' || r == '\t' },
	"cntrl":  func(r rune) bool { return r < 32 || r == 127 },
	"digit":  func(r rune) bool { return '0' <= r && r <= '9' },
	"graph":  func(r rune) bool { return 32 < r && r < 127 },
	"lower":  func(r rune) bool { return 'a' <= r && r <= 'z' },
	"print":  func(r rune) bool { return 32 <= r && r < 127 },
	"punct":  func(r rune) bool { return r < 127 && (unicode.IsPunct(r) || unicode.IsSymbol(r)) },
	"space":  func(r rune) bool { return r == ' ' || '\t' <= r && r <= '\r' },
	"upper":  func(r rune) bool { return 'A' <= r && r <= 'Z' },
	"xdigit": func(r rune) bool { return strings.ContainsRune("0123456789abcdefABCDEF", r) },
}

// literal tells whether the pattern has no wildcard, so that it names one path.
func literal(pattern string) bool { return !strings.ContainsAny(pattern, `*?[\`) }

// wellFormed tells whether every bracket is closed and no escape stands at the end.
func (l language) wellFormed(pattern string) bool {
	_, ok := l.split(pattern)
	return ok
}
