package shell

import "strings"

type kind int

const (
	end kind = iota
	word
	operator
)

type token struct {
	kind    kind
	text    string
	unknown bool
	bare    bool // without quotes
	line    int
}

// lexer splits a script into words and operators. Redirections are passed over with their files, and here-documents with their text.
type lexer struct {
	src   string
	pos   int
	line  int
	vars  map[string]string
	heres []here
}

// here is a here-document whose text is still to come.
type here struct {
	delimiter string
	tabs      bool // leading tabs are no part of it
}

func (l *lexer) fault(what string) error { return &Error{l.line, what} }

func (l *lexer) peek(n int) byte {
	if l.pos+n < len(l.src) {
		return l.src[l.pos+n]
	}
	return 0
}

func (l *lexer) next() (token, error) {
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; {
		case c == ' ' || c == '\t' || c == '\r':
			l.pos++
		case c == '\\' && l.peek(1) == '\n':
			l.pos += 2
			l.line++
		case c == '\\' && l.peek(1) == '\r' && l.peek(2) == '\n':
			l.pos += 3
			l.line++
		case c == '#':
			for l.pos < len(l.src) && l.src[l.pos] != '\n' {
				l.pos++
			}
		case c == '\n':
			t := token{kind: operator, text: "\n", line: l.line}
			l.pos++
			l.line++
			l.skipHeres()
			return t, nil
		case c == '>' || c == '<' || c == '&' && l.peek(1) == '>':
			if err := l.redirection(); err != nil {
				return token{}, err
			}
		case strings.IndexByte("&|;()", c) >= 0:
			n := 1
			if two := l.src[l.pos:min(l.pos+2, len(l.src))]; two == "&&" || two == "||" || two == ";;" || two == "|&" {
				n = 2
			}
			t := token{kind: operator, text: l.src[l.pos : l.pos+n], line: l.line}
			l.pos += n
			return t, nil
		default:
			return l.word()
		}
	}
	return token{kind: end, line: l.line}, nil
}

// redirection passes over one, with the word behind it.
func (l *lexer) redirection() error {
	from := l.pos
	for l.pos < len(l.src) && strings.IndexByte("<>&|", l.src[l.pos]) >= 0 && l.pos-from < 3 {
		l.pos++
	}
	op := l.src[from:l.pos]
	if op == "<" && l.peek(0) == '(' || op == ">" && l.peek(0) == '(' { // a process in a file's place
		_, err := l.balanced('(', ')')
		return err
	}
	tabs := op == "<<" && l.peek(0) == '-'
	if tabs {
		l.pos++
	}
	for l.pos < len(l.src) && (l.src[l.pos] == ' ' || l.src[l.pos] == '\t') {
		l.pos++
	}
	if l.pos == len(l.src) || strings.IndexByte("\n;|()", l.src[l.pos]) >= 0 {
		return nil
	}
	t, err := l.word()
	if err == nil && op == "<<" {
		l.heres = append(l.heres, here{t.text, tabs})
	}
	return err
}

func (l *lexer) skipHeres() {
	for _, h := range l.heres {
		for l.pos < len(l.src) {
			text, _, _ := strings.Cut(l.src[l.pos:], "\n")
			l.pos = min(len(l.src), l.pos+len(text)+1)
			l.line++
			text = strings.TrimSuffix(text, "\r")
			if h.tabs {
				text = strings.TrimLeft(text, "\t")
			}
			if text == h.delimiter {
				break
			}
		}
	}
	l.heres = nil
}

// word reads a word, with what quotes and variables make of it.
func (l *lexer) word() (token, error) {
	t := token{kind: word, line: l.line, bare: true}
	var b strings.Builder
	for l.pos < len(l.src) {
		if b.Len() > maxWord {
			return t, l.fault("a word is longer than what is read")
		}
		c := l.src[l.pos]
		switch {
		case strings.IndexByte(" \t\r\n&|;()<>", c) >= 0:
			if (c == '<' || c == '>') && b.Len() > 0 && strings.Trim(b.String(), "0123456789") == "" && t.bare { // 2>file
				b.Reset()
				if err := l.redirection(); err != nil {
					return t, err
				}
				return l.next()
			}
			t.text = b.String()
			return t, nil
		case c == '\\':
			if n := l.newline(1); n > 0 {
				l.pos += 1 + n
				l.line++
				continue
			}
			t.bare = false
			if l.pos++; l.pos < len(l.src) {
				b.WriteByte(l.src[l.pos])
				l.pos++
			}
		case c == '\'':
			t.bare = false
			n := strings.IndexByte(l.src[l.pos+1:], '\'')
			if n < 0 {
				return t, l.fault("a quote is not closed")
			}
			text := l.src[l.pos+1 : l.pos+1+n]
			l.line += strings.Count(text, "\n")
			b.WriteString(text)
			l.pos += n + 2
		case c == '"':
			t.bare = false
			if err := l.quoted(&b, &t); err != nil {
				return t, err
			}
		case c == '$' || c == '`':
			t.bare = false
			if err := l.expansion(&b, &t); err != nil {
				return t, err
			}
		default:
			b.WriteByte(c)
			l.pos++
		}
	}
	t.text = b.String()
	return t, nil
}

// newline is the length of the end of a line n bytes on.
func (l *lexer) newline(n int) int {
	switch {
	case l.peek(n) == '\n':
		return 1
	case l.peek(n) == '\r' && l.peek(n+1) == '\n':
		return 2
	}
	return 0
}

func (l *lexer) quoted(b *strings.Builder, t *token) error {
	for l.pos++; l.pos < len(l.src); {
		switch c := l.src[l.pos]; {
		case c == '"':
			l.pos++
			return nil
		case c == '\\':
			if n := l.newline(1); n > 0 {
				l.pos += 1 + n
				l.line++
				continue
			}
			if next := l.peek(1); strings.IndexByte("$`\"\\", next) < 0 {
				b.WriteByte('\\')
			}
			if l.pos++; l.pos < len(l.src) {
				b.WriteByte(l.src[l.pos])
				l.pos++
			}
		case c == '$' || c == '`':
			if err := l.expansion(b, t); err != nil {
				return err
			}
		default:
			if c == '\n' {
				l.line++
			}
			b.WriteByte(c)
			l.pos++
		}
		if b.Len() > maxWord {
			return l.fault("a word is longer than what is read")
		}
	}
	return l.fault("a quote is not closed")
}

// expansion puts a variable's value in. What only running tells stays as written.
func (l *lexer) expansion(b *strings.Builder, t *token) error {
	from := l.pos
	keep := func() {
		t.unknown = true
		b.WriteString(l.src[from:l.pos])
	}
	if l.src[l.pos] == '`' {
		n := strings.IndexByte(l.src[l.pos+1:], '`')
		if n < 0 {
			return l.fault("a backquote is not closed")
		}
		l.line += strings.Count(l.src[l.pos:l.pos+n+2], "\n")
		l.pos += n + 2
		keep()
		return nil
	}
	switch l.pos++; {
	case l.peek(0) == '(':
		if _, err := l.balanced('(', ')'); err != nil {
			return err
		}
		keep()
	case l.peek(0) == '{':
		inner, err := l.balanced('{', '}')
		if err != nil {
			return err
		}
		value, ok := Expand("${"+inner+"}", l.vars)
		if !ok {
			keep()
			return nil
		}
		b.WriteString(value)
	default:
		n := nameLength(l.src[l.pos:])
		if n == 0 {
			if c := l.peek(0); c != 0 && strings.IndexByte("0123456789@*#?-$!", c) >= 0 {
				l.pos++
				keep()
				return nil
			}
			b.WriteByte('$')
			return nil
		}
		l.pos += n
		value, ok := l.vars[l.src[from+1:l.pos]]
		if !ok {
			keep()
			return nil
		}
		b.WriteString(value)
	}
	return nil
}

// balanced passes over what stands in brackets at pos, quotes and all, and gives it.
func (l *lexer) balanced(open, shut byte) (string, error) {
	depth, from := 0, l.pos
	var quote byte
	for ; l.pos < len(l.src); l.pos++ {
		switch c := l.src[l.pos]; {
		case c == '\n':
			l.line++
		case c == '\\' && quote != '\'':
			if l.pos++; l.peek(0) == '\n' {
				l.line++
			}
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == open:
			if depth++; depth > maxNesting {
				return "", l.fault("brackets stand too deep in each other")
			}
		case c == shut:
			if depth--; depth == 0 {
				l.pos++
				return l.src[from+1 : l.pos-1], nil
			}
		}
	}
	return "", l.fault("a bracket is not closed")
}
