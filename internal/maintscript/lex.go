package maintscript

import (
	"fmt"
	"strings"
)

// part is a piece of a word: literal text, a parameter or a command substitution.
type part struct {
	kind   partKind
	text   string // literal text; a parameter's name
	quoted bool
	op     string // of a parameter: "", "-", ":-", "=", ":=", "+", ":+", "?", ":?", "#", "##", "%", "%%", "length"
	arg    word
	body   []node // of a command substitution
}

type partKind byte

const (
	literal partKind = iota
	parameter
	substitution
	arithmetic
)

type word []part

// plain is the word's text if it is one unquoted literal, as reserved words must be.
func (w word) plain() string {
	if len(w) == 1 && w[0].kind == literal && !w[0].quoted {
		return w[0].text
	}
	return ""
}

// redirect is `[n]op word`, or a here-document with its text as the word.
type redirect struct {
	fd, op string
	target word
}

// reader is the text with a position. Errors are panics of type syntaxError, caught by parse.
type reader struct {
	text    string
	at      int
	line    int
	pending []*hereDoc // here-documents whose text starts on the next line
	depth   int
}

type hereDoc struct {
	end    string
	strip  bool
	quoted bool
	target *redirect
}

type syntaxError struct {
	line int
	what string
}

func (r *reader) fail(format string, args ...any) {
	panic(syntaxError{r.line, fmt.Sprintf(format, args...)})
}

func (r *reader) peek() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *reader) has(s string) bool { return strings.HasPrefix(r.text[r.at:], s) }

func (r *reader) next() byte {
	c := r.text[r.at]
	r.at++
	if c == '\n' {
		r.line++
	}
	return c
}

// blanks skips spaces, continued lines and comments, but not line ends.
func (r *reader) blanks() {
	for r.at < len(r.text) {
		switch {
		case r.peek() == ' ' || r.peek() == '\t' || r.peek() == '\r':
			r.at++
		case r.has("\\\n"):
			r.at += 2
			r.line++
		case r.peek() == '#':
			for r.at < len(r.text) && r.peek() != '\n' {
				r.at++
			}
		default:
			return
		}
	}
}

// newline takes one line end, and the here-documents that start behind it.
func (r *reader) newline() {
	r.next()
	for _, h := range r.pending {
		var b strings.Builder
		for {
			if r.at >= len(r.text) {
				r.fail("a here-document without its end %q", h.end)
			}
			line, _, _ := strings.Cut(r.text[r.at:], "\n")
			r.at = min(r.at+len(line)+1, len(r.text))
			r.line++
			if h.strip {
				line = strings.TrimLeft(line, "\t")
			}
			if line == h.end {
				break
			}
			b.WriteString(line + "\n")
		}
		if h.quoted {
			h.target.target = word{{kind: literal, text: b.String(), quoted: true}}
			continue
		}
		inner := &reader{text: b.String(), line: r.line, depth: r.depth + 1}
		h.target.target = inner.quotedParts(0)
	}
	r.pending = nil
}

const wordEnds = " \t\r\n;&|<>()"

// word reads one word; nil if none starts here.
func (r *reader) word() word {
	if r.depth > maxDepth {
		r.fail("nested too deeply")
	}
	var w word
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			w = append(w, part{kind: literal, text: text.String()})
			text.Reset()
		}
	}
	for r.at < len(r.text) {
		c := r.peek()
		switch {
		case strings.IndexByte(wordEnds, c) >= 0:
			flush()
			return w
		case r.has("\\\n"):
			r.at += 2
			r.line++
		case c == '\\' && r.at+1 < len(r.text):
			flush()
			r.at++
			w = append(w, part{kind: literal, text: string(r.next()), quoted: true})
		case c == '\'':
			flush()
			r.at++
			end := strings.IndexByte(r.text[r.at:], '\'')
			if end < 0 {
				r.fail("a quote without its end")
			}
			s := r.text[r.at : r.at+end]
			r.line += strings.Count(s, "\n")
			r.at += end + 1
			w = append(w, part{kind: literal, text: s, quoted: true})
		case c == '"':
			flush()
			r.at++
			w = append(w, r.quotedParts('"')...)
		case c == '$' || c == '`':
			flush()
			w = append(w, r.dollar(false))
		default:
			text.WriteByte(r.next())
		}
	}
	flush()
	return w
}

// quotedParts reads up to the closing quote, or to the end of the text if end is 0.
func (r *reader) quotedParts(end byte) word {
	w := word{{kind: literal, quoted: true}}
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			w = append(w, part{kind: literal, text: text.String(), quoted: true})
			text.Reset()
		}
	}
	for {
		if r.at >= len(r.text) {
			if end != 0 {
				r.fail("a quote without its end")
			}
			flush()
			return w
		}
		c := r.peek()
		switch {
		case end != 0 && c == end:
			r.at++
			flush()
			return w
		case c == '\\' && r.at+1 < len(r.text) && strings.IndexByte("$`\"\\\n", r.text[r.at+1]) >= 0:
			r.at++
			if c := r.next(); c != '\n' {
				text.WriteByte(c)
			}
		case c == '$' || c == '`':
			flush()
			w = append(w, r.dollar(true))
		default:
			text.WriteByte(r.next())
		}
	}
}

// dollar reads what `$` or a backquote starts.
func (r *reader) dollar(quoted bool) part {
	if r.next() == '`' {
		var b strings.Builder
		for {
			if r.at >= len(r.text) {
				r.fail("a backquote without its end")
			}
			c := r.next()
			if c == '`' {
				break
			}
			if c == '\\' && r.at < len(r.text) && strings.IndexByte("`$\\", r.peek()) >= 0 {
				c = r.next()
			}
			b.WriteByte(c)
		}
		inner := &reader{text: b.String(), line: r.line, depth: r.depth + 1}
		return part{kind: substitution, body: inner.list(), quoted: quoted}
	}
	switch c := r.peek(); {
	case r.has("(("):
		depth := 0
		for r.at < len(r.text) {
			switch r.next() {
			case '(':
				depth++
			case ')':
				depth--
			}
			if depth == 0 {
				return part{kind: arithmetic, quoted: quoted}
			}
		}
		r.fail("an arithmetic expansion without its end")
	case c == '(':
		r.at++
		r.depth++
		body := r.list(")")
		r.expect(")")
		r.depth--
		return part{kind: substitution, body: body, quoted: quoted}
	case c == '{':
		r.at++
		return r.braces(quoted)
	case isName(c, true):
		start := r.at
		for r.at < len(r.text) && isName(r.peek(), false) {
			r.at++
		}
		return part{kind: parameter, text: r.text[start:r.at], quoted: quoted}
	case c != 0 && strings.IndexByte("@*#?$!-0123456789", c) >= 0:
		r.at++
		return part{kind: parameter, text: string(c), quoted: quoted}
	}
	return part{kind: literal, text: "$", quoted: quoted}
}

// braces reads the rest of `${`.
func (r *reader) braces(quoted bool) part {
	p := part{kind: parameter, quoted: quoted}
	if r.peek() == '#' && !r.has("#}") {
		r.at++
		p.op = "length"
	}
	start := r.at
	for r.at < len(r.text) && isName(r.peek(), false) {
		r.at++
	}
	if r.at == start && r.at < len(r.text) && r.peek() != '}' {
		r.at++ // a special parameter
	}
	p.text = r.text[start:r.at]
	if r.peek() == '}' {
		r.at++
		return p
	}
	for _, op := range []string{":-", ":=", ":+", ":?", "##", "%%", "-", "=", "+", "?", "#", "%"} {
		if r.has(op) {
			r.at += len(op)
			p.op = op
			break
		}
	}
	if p.op == "" || p.op == "length" {
		p.op = "unknown" // of other shells
	}
	p.arg = r.inBraces()
	return p
}

// inBraces reads a word up to the closing brace; blanks belong to it.
func (r *reader) inBraces() word {
	if r.depth++; r.depth > maxDepth {
		r.fail("nested too deeply")
	}
	defer func() { r.depth-- }()
	var w word
	for {
		if r.at >= len(r.text) {
			r.fail("a parameter without its end")
		}
		switch c := r.peek(); {
		case c == '}':
			r.at++
			return w
		case c == '"':
			r.at++
			w = append(w, r.quotedParts('"')...)
		case c == '$' || c == '`':
			w = append(w, r.dollar(false))
		case c == '\\' && r.at+1 < len(r.text):
			r.at++
			w = append(w, part{kind: literal, text: string(r.next()), quoted: true})
		case c == '\'':
			r.at++
			end := strings.IndexByte(r.text[r.at:], '\'')
			if end < 0 {
				r.fail("a quote without its end")
			}
			w = append(w, part{kind: literal, text: r.text[r.at : r.at+end], quoted: true})
			r.line += strings.Count(r.text[r.at:r.at+end], "\n")
			r.at += end + 1
		default:
			w = append(w, part{kind: literal, text: string(r.next())})
		}
	}
}

func isName(c byte, first bool) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || !first && '0' <= c && c <= '9'
}
