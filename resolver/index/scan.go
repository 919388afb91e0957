package index

import (
	"errors"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads JSON (RFC 8259) one value after another. i stands at the value's first byte.
type scanner struct {
	b     string
	i     int
	depth int
}

const maxDepth = 100

var errSyntax = errors.New("syntax error")

func (s *scanner) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\n' || s.b[s.i] == '\t' || s.b[s.i] == '\r') {
		s.i++
	}
}

// peek is the first byte of the next value; 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.i == len(s.b) {
		return 0
	}
	return s.b[s.i]
}

func (s *scanner) end() error {
	if s.peek(); s.i < len(s.b) {
		return errSyntax
	}
	return nil
}

func (s *scanner) object(member func(key string) error) error {
	return s.list('{', '}', func() error {
		key, err := s.string()
		if err != nil {
			return err
		}
		if s.peek() != ':' {
			return errSyntax
		}
		s.i++
		s.space()
		return member(key)
	})
}

func (s *scanner) objectOrSkip(member func(key string) error) error {
	if s.peek() != '{' {
		return s.skip()
	}
	return s.object(member)
}

func (s *scanner) array(element func() error) error { return s.list('[', ']', element) }

func (s *scanner) list(open, end byte, element func() error) error {
	if s.peek() != open {
		return errSyntax
	}
	if s.depth++; s.depth > maxDepth {
		return errors.New("nested too deeply")
	}
	defer func() { s.depth-- }()
	s.i++
	if s.peek() == end {
		s.i++
		return nil
	}
	for {
		s.space()
		if err := element(); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.i++
		case end:
			s.i++
			return nil
		default:
			return errSyntax
		}
	}
}

func (s *scanner) skip() error {
	switch c := s.peek(); c {
	case '{':
		return s.object(func(string) error { return s.skip() })
	case '[':
		return s.array(s.skip)
	case '"':
		_, _, err := s.raw()
		return err
	case 't', 'f', 'n':
		word := map[byte]string{'t': "true", 'f': "false", 'n': "null"}[c]
		if !strings.HasPrefix(s.b[s.i:], word) {
			return errSyntax
		}
		s.i += len(word)
		return nil
	}
	return s.number()
}

func (s *scanner) number() error {
	digits := func() bool {
		start := s.i
		for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
			s.i++
		}
		return s.i > start
	}
	is := func(set ...byte) bool {
		for _, c := range set {
			if s.i < len(s.b) && s.b[s.i] == c {
				s.i++
				return true
			}
		}
		return false
	}
	is('-')
	if !is('0') && !digits() || is('.') && !digits() {
		return errSyntax
	}
	if is('e', 'E') {
		is('+', '-')
		if !digits() {
			return errSyntax
		}
	}
	return nil
}

func (s *scanner) stringOrSkip() (string, error) {
	if s.peek() != '"' {
		return "", s.skip()
	}
	return s.string()
}

func (s *scanner) string() (string, error) {
	text, plain, err := s.raw()
	if err != nil || plain {
		return text, err
	}
	return unescape(text), nil
}

// ordinary are the bytes that stand for themselves in a string.
var ordinary = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// raw reads a string and gives what is between the quotes, and whether that is its value as it is.
func (s *scanner) raw() (text string, plain bool, err error) {
	if s.peek() != '"' {
		return "", false, errSyntax
	}
	start, i, plain := s.i+1, s.i+1, true
	for {
		for i < len(s.b) && ordinary[s.b[i]] {
			i++
		}
		s.i = i
		if i == len(s.b) {
			return "", false, errSyntax
		}
		switch c := s.b[i]; {
		case c == '"':
			s.i = i + 1
			return s.b[start:i], plain, nil
		case c < ' ':
			return "", false, errSyntax
		case c == '\\':
			if i++; i == len(s.b) {
				return "", false, errSyntax
			}
			switch s.b[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if _, ok := hex4(s.b[i+1:]); !ok {
					return "", false, errSyntax
				}
				i += 4
			default:
				return "", false, errSyntax
			}
		}
		plain = false
		i++
	}
}

func hex4(b string) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for i := range 4 {
		c := b[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescape gives the value of a string that raw has checked; what is no UTF-8 becomes U+FFFD.
func unescape(b string) string {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		if b[i] != '\\' {
			r, n := utf8.DecodeRuneInString(b[i:])
			out = utf8.AppendRune(out, r)
			i += n
			continue
		}
		c := b[i+1]
		i += 2
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, _ := hex4(b[i:])
			i += 4
			if utf16.IsSurrogate(r) {
				low, pair := rune(0), false
				if len(b)-i >= 6 && b[i] == '\\' && b[i+1] == 'u' {
					low, pair = hex4(b[i+2:])
				}
				if r = utf16.DecodeRune(r, low); pair && r != utf8.RuneError {
					i += 6
				} else {
					r = utf8.RuneError
				}
			}
			out = utf8.AppendRune(out, r)
			continue
		}
		out = append(out, c)
	}
	return string(out)
}
