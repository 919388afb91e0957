package pep508

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// unquote reads what is between the quotes of a string literal of Python, as packaging does. Names
// of characters (\N{...}) and halves of surrogate pairs are not understood.
func unquote(s string) (string, bool) {
	if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\n\r") {
		return "", false
	}
	if !strings.Contains(s, `\`) {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			i++
			continue
		}
		if i++; i == len(s) {
			return "", false // the backslash would make the closing quote part of the string
		}
		r, size, ok := escape(s[i:])
		switch {
		case !ok:
			return "", false
		case size == 0: // no escape: Python keeps the backslash
			b.WriteByte('\\')
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String(), true
}

var simpleEscapes = map[byte]rune{
	'\\': '\\', '\'': '\'', '"': '"',
	'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v',
}

// escape reads what follows a backslash. The size is 0 if that is no escape.
func escape(s string) (r rune, size int, ok bool) {
	if r, ok := simpleEscapes[s[0]]; ok {
		return r, 1, true
	}
	switch c := s[0]; {
	case '0' <= c && c <= '7':
		size = 1
		for size < 3 && size < len(s) && '0' <= s[size] && s[size] <= '7' {
			size++
		}
		n, err := strconv.ParseUint(s[:size], 8, 32)
		return rune(n), size, err == nil
	case c == 'x':
		return hexEscape(s, 2)
	case c == 'u':
		return hexEscape(s, 4)
	case c == 'U':
		return hexEscape(s, 8)
	case c == 'N':
		return 0, 0, false
	}
	return 0, 0, true
}

func hexEscape(s string, digits int) (r rune, size int, ok bool) {
	if len(s) < 1+digits {
		return 0, 0, false
	}
	n, err := strconv.ParseUint(s[1:1+digits], 16, 32)
	if err != nil || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
		return 0, 0, false
	}
	return rune(n), 1 + digits, true
}

// quote is the literal that unquote reads as s, in double quotes if that needs no escapes.
func quote(s string) string {
	mark := byte('"')
	if strings.Contains(s, `"`) && !strings.Contains(s, `'`) {
		mark = '\''
	}
	var b strings.Builder
	b.WriteByte(mark)
	for _, r := range s {
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case r == rune(mark) || r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r) // the grammar allows no quote inside, escaped or not
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte(mark)
	return b.String()
}
