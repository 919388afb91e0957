package pep508

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SyntaxError says where a requirement or a marker stops making sense.
type SyntaxError struct {
	Input    string
	Offset   int    // in bytes
	Expected string // what could have stood there
}

func (e *SyntaxError) Error() string {
	found := "the end"
	if e.Offset < len(e.Input) {
		rest := e.Input[e.Offset:]
		if len(rest) > 20 {
			rest = strings.ToValidUTF8(rest[:20], "") + "..."
		}
		found = fmt.Sprintf("%q", rest)
	}
	return fmt.Sprintf("expected %s, found %s (at byte %d of %q)", e.Expected, found, e.Offset, e.Input)
}

// maxDepth is how many parentheses may be open in a marker. The specification has no limit; no
// real marker comes near this one, which keeps hostile input from exhausting the stack.
const maxDepth = 200

// parser reads s from byte i on.
type parser struct {
	s     string
	i     int
	depth int
}

func (p *parser) fail(expected string) error {
	return &SyntaxError{Input: p.s, Offset: p.i, Expected: expected}
}

func (p *parser) end() bool { return p.i == len(p.s) }

// space skips blanks and tabs, the only white space of the grammar.
func (p *parser) space() {
	for !p.end() && (p.s[p.i] == ' ' || p.s[p.i] == '\t') {
		p.i++
	}
}

// take skips c if it is next.
func (p *parser) take(c byte) bool {
	if p.end() || p.s[p.i] != c {
		return false
	}
	p.i++
	return true
}

// takeWord skips the word if it is next and stands alone.
func (p *parser) takeWord(word string) bool {
	if !strings.HasPrefix(p.s[p.i:], word) || p.i > 0 && isWordByte(p.s[p.i-1]) || p.wordAt(p.i+len(word)) {
		return false
	}
	p.i += len(word)
	return true
}

// identifier reads the name of a package or an extra: letters, digits, and between them dots,
// hyphens and underscores; an underscore may be last.
func (p *parser) identifier() (string, bool) {
	start, end := p.i, p.i
	for i := p.i; i < len(p.s); i++ {
		c := p.s[i]
		if !isWordByte(c) && (i == start || c != '-' && c != '.') || c == '_' && i == start {
			break
		}
		if isWordByte(c) && !p.wordAt(i+1) {
			end = i + 1
		}
	}
	p.i = end
	return p.s[start:end], end > start
}

// wordAt tells whether a letter, digit or underscore of any script is at s[i:].
func (p *parser) wordAt(i int) bool {
	if i >= len(p.s) {
		return false
	}
	if c := p.s[i]; c < utf8.RuneSelf {
		return isWordByte(c)
	}
	r, _ := utf8.DecodeRuneInString(p.s[i:])
	return unicode.IsLetter(r) || unicode.IsNumber(r)
}

func isWordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}
