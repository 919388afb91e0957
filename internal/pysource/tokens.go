package pysource

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxSize is how many bytes a source file may have, in its own encoding.
const MaxSize = 4 << 20

const (
	maxTokens = 1 << 20 // of Tokens
	maxDepth  = 200     // of brackets and of indentation; Python's own limits are 200 and 100
)

// Kind is what a token is.
type Kind uint8

// The kinds. Comments and lines without anything else give no token.
const (
	End      Kind = iota // of the file, after all dedents; Text is empty
	Newline              // the end of a logical line
	Indent               // before the first token of a deeper block
	Dedent               // before the first token after a block, one for each that ends
	Name                 // an identifier or keyword
	Number               // as written, 0x1F, 1_000, 10L, 1e-3, 2j
	String               // one literal, with prefix and quotes; neighbours are not joined
	Operator             // operators and delimiters, the longest that fits: "**=", "->", "`"
)

// Token is a piece of source. Line and Col count from 1, Col in characters; they are where it begins.
type Token struct {
	Kind Kind
	Text string
	Line int
	Col  int
}

// Is tells whether the token is this name or operator.
func (t Token) Is(text string) bool {
	return (t.Kind == Name || t.Kind == Operator) && t.Text == text
}

// SyntaxError is where a file stops being Python.
type SyntaxError struct {
	Line, Col int
	What      string // lower case: "the string is not closed"
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Col, e.What)
}

// Scanner gives the tokens of a file one after the other.
type Scanner struct {
	src     string
	pos     int
	line    int // of pos
	marked  int // a place before pos, on the same line, and its column
	col     int
	begun   bool   // the logical line has a token
	closers []byte // the brackets that are open
	indents []int  // widths of the blocks around, the outermost first
	pending int    // dedents to give
	work    int    // characters read twice, for strings with fields in them
	err     error
}

// NewScanner reads a file's bytes in the encoding that the file names. The error is a *SyntaxError.
func NewScanner(data []byte) (*Scanner, error) {
	if len(data) > MaxSize {
		return nil, &SyntaxError{1, 1, fmt.Sprintf("the file has more than %d MiB", MaxSize>>20)}
	}
	text, err := decode(data)
	if err != nil {
		return nil, err
	}
	return &Scanner{src: text, line: 1, col: 1}, nil
}

// Tokens gives all tokens of a file, the last of which is [End]. With an error come those before it.
func Tokens(data []byte) ([]Token, error) {
	s, err := NewScanner(data)
	if err != nil {
		return nil, err
	}
	var all []Token
	for {
		t, err := s.Next()
		if err != nil {
			return all, err
		}
		if len(all) == maxTokens {
			return all, &SyntaxError{t.Line, t.Col, fmt.Sprintf("the file has more than %d words and signs", maxTokens)}
		}
		all = append(all, t)
		if t.Kind == End {
			return all, nil
		}
	}
}

// Next gives the next token; after the last, End again and again. An error, a *SyntaxError, stays.
func (s *Scanner) Next() (Token, error) {
	if s.err != nil {
		return Token{}, s.err
	}
	t, err := s.next()
	s.err = err
	return t, err
}

func (s *Scanner) next() (Token, error) {
	if s.pending > 0 {
		s.pending--
		return s.at(Dedent, ""), nil
	}
	for {
		if !s.begun && len(s.closers) == 0 {
			t, moved, err := s.margin()
			if moved || err != nil {
				return t, err
			}
		}
		s.blanks()
		if s.pos == len(s.src) {
			return s.end()
		}
		if !s.newline() {
			s.begun = true
			return s.token()
		}
		t := s.at(Newline, "")
		s.nextLine()
		if len(s.closers) == 0 && s.begun {
			s.begun = false
			return t, nil
		}
	}
}

// end closes what is open.
func (s *Scanner) end() (Token, error) {
	switch {
	case len(s.closers) > 0:
		return Token{}, s.fault("%q is not there where the file ends", s.closers[len(s.closers)-1])
	case s.begun:
		s.begun = false
		return s.at(Newline, ""), nil
	case len(s.indents) > 0:
		s.indents = s.indents[:len(s.indents)-1]
		return s.at(Dedent, ""), nil
	}
	return s.at(End, ""), nil
}

// margin reads the indentation of lines until one that says something, and compares it.
func (s *Scanner) margin() (t Token, moved bool, err error) {
	for {
		width := 0
		for s.pos < len(s.src) {
			switch s.src[s.pos] {
			case ' ':
				width++
			case '\t': // to the next multiple of eight, as both languages count
				width = width&^7 + 8
			case '\f':
				width = 0
			default:
				goto text
			}
			s.pos++
		}
	text:
		s.comment()
		if s.pos == len(s.src) {
			return Token{}, false, nil
		}
		if s.newline() {
			s.nextLine()
			continue
		}
		return s.compare(width)
	}
}

func (s *Scanner) compare(width int) (t Token, moved bool, err error) {
	here, n := 0, len(s.indents)
	if n > 0 {
		here = s.indents[n-1]
	}
	s.begun = true
	switch {
	case width > here:
		if n == maxDepth {
			return Token{}, false, s.fault("more than %d blocks stand in each other", maxDepth)
		}
		s.indents = append(s.indents, width)
		return s.at(Indent, ""), true, nil
	case width == here:
		return Token{}, false, nil
	}
	for n > 0 && s.indents[n-1] > width {
		n--
	}
	if n > 0 && s.indents[n-1] != width || n == 0 && width != 0 {
		return Token{}, false, s.fault("the line is indented like none of the blocks around it")
	}
	s.pending = len(s.indents) - n - 1
	s.indents = s.indents[:n]
	return s.at(Dedent, ""), true, nil
}

// blanks passes over what stands between tokens of a line: spaces, comments, and the ends of lines that are continued.
func (s *Scanner) blanks() {
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case ' ', '\t', '\f':
			s.pos++
		case '#':
			s.comment()
		case '\\':
			n := lineEnd(s.src[s.pos+1:])
			if n == 0 {
				return
			}
			s.pos += 1 + n
			s.newLineAt(s.pos)
		default:
			return
		}
	}
}

func (s *Scanner) comment() {
	if s.pos < len(s.src) && s.src[s.pos] == '#' {
		if n := strings.IndexAny(s.src[s.pos:], "\r\n"); n >= 0 {
			s.pos += n
		} else {
			s.pos = len(s.src)
		}
	}
}

// token reads a token at a character that is none of white space.
func (s *Scanner) token() (Token, error) {
	c := s.src[s.pos]
	next := byte(0)
	if s.pos+1 < len(s.src) {
		next = s.src[s.pos+1]
	}
	switch {
	case c >= '0' && c <= '9', c == '.' && next >= '0' && next <= '9':
		return s.take(Number, s.number()), nil
	case c == '"' || c == '\'':
		return s.str(0)
	}
	if n := nameLength(s.src[s.pos:]); n > 0 {
		if n <= 3 && isPrefix(s.src[s.pos:s.pos+n]) && s.pos+n < len(s.src) && (s.src[s.pos+n] == '"' || s.src[s.pos+n] == '\'') {
			return s.str(n)
		}
		return s.take(Name, n), nil
	}
	return s.operator()
}

// take makes a token of the next n bytes, which have no end of a line.
func (s *Scanner) take(k Kind, n int) Token {
	t := s.at(k, s.src[s.pos:s.pos+n])
	s.pos += n
	return t
}

// at is a token at the place reached.
func (s *Scanner) at(k Kind, text string) Token {
	s.col += utf8.RuneCountInString(s.src[s.marked:s.pos])
	s.marked = s.pos
	return Token{k, text, s.line, s.col}
}

func (s *Scanner) fault(format string, args ...any) *SyntaxError {
	t := s.at(End, "")
	return &SyntaxError{t.Line, t.Col, fmt.Sprintf(format, args...)}
}

// newline tells whether a line ends at pos.
func (s *Scanner) newline() bool { return s.src[s.pos] == '\n' || s.src[s.pos] == '\r' }

func (s *Scanner) nextLine() {
	s.pos += lineEnd(s.src[s.pos:])
	s.newLineAt(s.pos)
}

func (s *Scanner) newLineAt(pos int) { s.line, s.marked, s.col = s.line+1, pos, 1 }

// lineEnd is the length of the end of a line that s begins with, 0 for none.
func lineEnd(s string) int {
	switch {
	case strings.HasPrefix(s, "\r\n"):
		return 2
	case s != "" && (s[0] == '\n' || s[0] == '\r'):
		return 1
	}
	return 0
}
