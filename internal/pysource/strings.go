package pysource

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// isPrefix tells whether letters may stand before a string: those of both languages, in any case and order (Python's grammar,
// "String and Bytes literals").
func isPrefix(s string) bool {
	switch strings.ToLower(s) {
	case "r", "b", "u", "f", "t", "br", "rb", "ur", "fr", "rf", "tr", "rt":
		return true
	}
	return false
}

// str reads the string whose prefix has n letters.
func (s *Scanner) str(n int) (Token, error) {
	length := 0
	if prefix := s.src[s.pos : s.pos+n]; strings.ContainsAny(prefix, "fFtT") {
		length = s.formatted(s.pos, 0)
	}
	if length == 0 { // also one with fields that no Python reads as such: it is a string all the same
		length = literal(s.src[s.pos:], n)
	}
	if length == 0 {
		return Token{}, s.fault("the string is not closed")
	}
	t := s.at(String, s.src[s.pos:s.pos+length])
	for i := s.pos; i < s.pos+length; {
		if e := lineEnd(s.src[i:]); e > 0 {
			i += e
			s.newLineAt(i)
			continue
		}
		i++
	}
	s.pos += length
	return t, nil
}

// quotes is what a string after its prefix is opened and closed by.
func quotes(s string) string {
	if strings.HasPrefix(s, `"""`) || strings.HasPrefix(s, `'''`) {
		return s[:3]
	}
	return s[:1]
}

// literal is the length of the string that s begins with, whose prefix has n letters; 0 if it does not end.
func literal(s string, n int) int {
	q := quotes(s[n:])
	for i := n + len(q); i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
			if i+1 < len(s) && s[i] == '\r' && s[i+1] == '\n' {
				i++
			}
		case len(q) == 1 && (c == '\n' || c == '\r'):
			return 0
		case strings.HasPrefix(s[i:], q):
			return i + len(q)
		}
	}
	return 0
}

// formatted is the length of the string with fields at pos, as Python 3.12 reads it: quotes of any kind may stand in a field. It
// is 0 if it is none, or if strings are wound up in each other more than a file's length allows.
func (s *Scanner) formatted(pos, depth int) int {
	if depth > 32 {
		return 0
	}
	i := pos
	for s.src[i] != '"' && s.src[i] != '\'' {
		i++
	}
	raw := strings.ContainsAny(s.src[pos:i], "rR")
	q := quotes(s.src[i:])
	i += len(q)
	for i < len(s.src) {
		if s.work++; s.work > 4*len(s.src)+1024 {
			return 0
		}
		c := s.src[i]
		switch {
		case strings.HasPrefix(s.src[i:], q):
			return i + len(q) - pos
		case c == '\\' && i+1 < len(s.src) && (!raw || s.src[i+1] != '{'):
			if strings.HasPrefix(s.src[i:], `\N{`) && !raw {
				end := strings.IndexByte(s.src[i:min(i+128, len(s.src))], '}')
				if end < 0 {
					return 0
				}
				i += end + 1
				continue
			}
			i++
			i += max(1, lineEnd(s.src[i:]))
			continue
		case len(q) == 1 && (c == '\n' || c == '\r'):
			return 0
		case strings.HasPrefix(s.src[i:], "{{"):
			i += 2
			continue
		case c == '{':
			n := s.field(i, depth)
			if n == 0 {
				return 0
			}
			i += n
			continue
		}
		i++
	}
	return 0
}

// field is the length of the field at pos, with its braces; 0 if it does not end.
func (s *Scanner) field(pos, depth int) int {
	open := 0
	for i := pos; i < len(s.src); {
		if s.work++; s.work > 4*len(s.src)+1024 {
			return 0
		}
		switch c := s.src[i]; {
		case c == '{' || c == '(' || c == '[':
			open++
		case c == ')' || c == ']':
			open--
		case c == '}':
			if open--; open == 0 {
				return i + 1 - pos
			}
		case c == ':' && open == 1: // a specification, where quotes are characters
			n := s.specification(i+1, depth)
			if n == 0 {
				return 0
			}
			return i + 1 + n - pos
		case c == '#':
			return 0 // a comment, which Python 3.12 allows where lines end: not worth telling from colours
		case c == '"' || c == '\'':
			start := i
			for start > pos && i-start < 2 && isPrefix(s.src[start-1:i]) {
				start--
			}
			n := 0
			if strings.ContainsAny(s.src[start:i], "fFtT") {
				n = s.formatted(start, depth+1)
			} else {
				n = literal(s.src[start:], i-start)
				s.work += n
			}
			if n == 0 {
				return 0
			}
			i = start + n
			continue
		}
		i++
	}
	return 0
}

// specification is the length of what stands after a field's colon, with the brace that ends it.
func (s *Scanner) specification(pos, depth int) int {
	if depth > 32 {
		return 0
	}
	for i := pos; i < len(s.src); {
		if s.work++; s.work > 4*len(s.src)+1024 {
			return 0
		}
		switch s.src[i] {
		case '}':
			return i + 1 - pos
		case '{':
			n := s.field(i, depth+1)
			if n == 0 {
				return 0
			}
			i += n
			continue
		case '\n', '\r':
			return 0
		}
		i++
	}
	return 0
}

// Prefix gives the letters before the quotes of a string token, in lower case.
func (t Token) Prefix() string {
	return strings.ToLower(t.Text[:strings.IndexAny(t.Text, `"'`)])
}

// Body gives what stands between the quotes of a string token, as written.
func (t Token) Body() string {
	s := t.Text[strings.IndexAny(t.Text, `"'`):]
	n := len(quotes(s))
	return s[n : len(s)-n]
}

// Formatted tells whether a string token has fields that a program fills in: an f-string or a t-string.
func (t Token) Formatted() bool { return strings.ContainsAny(t.Prefix(), "ft") }

// Value gives the text that a string token stands for. It is false for one with fields, and for characters by name (\N{…}).
func (t Token) Value() (string, bool) {
	if t.Kind != String || t.Formatted() {
		return "", false
	}
	if strings.Contains(t.Prefix(), "r") {
		return ends.Replace(t.Body()), true
	}
	return Unescape(t.Body())
}

// ends makes all ends of lines the one that Python sees.
var ends = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// Unescape gives the text that the inside of a string literal stands for, as written between its quotes.
func Unescape(body string) (string, bool) {
	body = ends.Replace(body)
	if !strings.Contains(body, `\`) {
		return body, true
	}
	var b strings.Builder
	for i := 0; i < len(body); {
		if body[i] != '\\' || i+1 == len(body) {
			b.WriteByte(body[i])
			i++
			continue
		}
		c := body[i+1]
		i += 2
		if at := strings.IndexByte("\n\\'\"abfnrtv", c); at >= 0 {
			if c != '\n' { // a line that goes on
				b.WriteByte("\n\\'\"\a\b\f\n\r\t\v"[at])
			}
			continue
		}
		digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
		switch {
		case c == 'N':
			return "", false
		case digits > 0:
			if i+digits > len(body) {
				return "", false
			}
			n, err := strconv.ParseUint(body[i:i+digits], 16, 32)
			if err != nil || n > utf8.MaxRune {
				return "", false
			}
			b.WriteRune(rune(n))
			i += digits
		case c >= '0' && c <= '7':
			n := rune(c - '0')
			for k := 0; k < 2 && i < len(body) && body[i] >= '0' && body[i] <= '7'; k++ {
				n = n*8 + rune(body[i]-'0')
				i++
			}
			b.WriteRune(n)
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String(), true
}
