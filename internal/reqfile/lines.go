package reqfile

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/envpack/envpack/internal/diag"
)

// Line is a line of a requirements file after continuations were joined, without comment and without white
// space around it.
type Line struct {
	Text  string
	parts []part
}

// part is where a piece of a logical line came from.
type part struct {
	from   int // where it begins in the logical line, in bytes
	skip   int // bytes of the source before that
	line   int // counts from 1
	source string
}

// Lines joins lines that end in a backslash and takes comments away, as pip does (its req_file module): a #
// begins a comment at the start of a line or after white space, and a line that is a comment ends a continued one.
// Empty lines are left out.
func Lines(text string) []Line {
	var out []Line
	var open *Line
	end := func() {
		open.trim()
		if open.Text != "" {
			out = append(out, *open)
		}
		open = nil
	}
	for i, line := range splitLines(text) {
		content, skip := line, 0
		continued := strings.HasSuffix(line, `\`)
		switch {
		case strings.HasPrefix(strings.TrimLeftFunc(line, IsSpace), "#"):
			content, continued = "", false
		case continued: // pip takes all backslashes at both ends
			content = strings.TrimLeft(line, `\`)
			skip = len(line) - len(content)
			content = strings.TrimRight(content, `\`)
		}
		if open == nil {
			open = &Line{}
		}
		open.parts = append(open.parts, part{len(open.Text), skip, i + 1, line})
		open.Text += content
		if !continued {
			end()
		}
	}
	if open != nil {
		end()
	}
	return out
}

// splitLines splits where Python's str.splitlines does, as pip reads requirements files.
func splitLines(text string) []string {
	var out []string
	from := 0
	for i, r := range text {
		switch {
		case i < from: // the second half of a line end
		case r == '\r' && strings.HasPrefix(text[i:], "\r\n"):
			out, from = append(out, text[from:i]), i+2
		case r == '\n' || r == '\r' || r == '\v' || r == '\f' || r >= 0x1c && r <= 0x1e || r == 0x85 || r == 0x2028 || r == 0x2029:
			out, from = append(out, text[from:i]), i+utf8.RuneLen(r)
		}
	}
	if from < len(text) {
		out = append(out, text[from:])
	}
	return out
}

// IsSpace tells what is white space for Python's str.strip and regular expressions.
func IsSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// trim takes the comment away, and white space at both ends.
func (l *Line) trim() {
	for i := range len(l.Text) {
		if l.Text[i] == '#' && (i == 0 || strings.TrimRightFunc(l.Text[:i], IsSpace) != l.Text[:i]) {
			l.Text = l.Text[:i]
			break
		}
	}
	l.Text = strings.TrimRightFunc(l.Text, IsSpace)
	indent := len(l.Text) - len(strings.TrimLeftFunc(l.Text, IsSpace))
	l.Text = l.Text[indent:]
	for i := range l.parts {
		l.parts[i].from -= indent
	}
}

// Position is the place of some bytes of the logical line; it ends with the physical line.
func (l Line) Position(file string, offset, width int) diag.Position {
	p := l.parts[0]
	for _, next := range l.parts[1:] {
		if next.from <= offset {
			p = next
		}
	}
	from := min(max(offset-p.from+p.skip, 0), len(p.source))
	to := min(from+max(width, 0), len(p.source))
	return diag.Position{
		File: file, Line: p.line, Col: utf8.RuneCountInString(p.source[:from]) + 1,
		Width: max(utf8.RuneCountInString(strings.TrimRight(p.source[from:to], ` \`)), 1), Source: p.source,
	}
}

// First is the number of the first line of the file that it is made of, from 1.
func (l Line) First() int { return l.parts[0].line }
