package manifest

import (
	"strings"
	"unicode/utf8"

	"github.com/envpack/envpack/internal/diag"
)

// logical is a line of a requirements file after continuations were joined.
type logical struct {
	text  string
	parts []part
}

// part is where a piece of a logical line came from.
type part struct {
	from   int // where it begins in the logical line, in bytes
	line   int // counts from 1
	source string
}

// logicalLines joins lines that end in a backslash and takes comments away, as pip does: a # begins
// a comment at the start of a line or after a blank, and a line that is a comment ends a continued
// one. Empty lines are left out.
func logicalLines(text string) []logical {
	var out []logical
	var open *logical
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		content := line
		if strings.HasPrefix(strings.TrimLeft(line, " \t"), "#") {
			content = ""
		}
		if open == nil {
			open = &logical{}
		}
		open.parts = append(open.parts, part{len(open.text), i + 1, line})
		joined := strings.TrimSuffix(content, `\`)
		open.text += joined
		if joined != content {
			continue
		}
		out, open = append(out, *open), nil
	}
	if open != nil {
		out = append(out, *open)
	}
	kept := out[:0]
	for _, l := range out {
		l.text = strings.TrimRight(cutComment(l.text), " \t\f\v")
		if strings.TrimSpace(l.text) != "" {
			kept = append(kept, l)
		}
	}
	return kept
}

func cutComment(s string) string {
	for i := 1; i < len(s); i++ {
		if s[i] == '#' && (s[i-1] == ' ' || s[i-1] == '\t') {
			return s[:i]
		}
	}
	return s
}

// position is the place of some bytes of the logical line; it ends with the physical line.
func (l logical) position(file string, offset, width int) diag.Position {
	p := l.parts[0]
	for _, next := range l.parts[1:] {
		if next.from <= offset {
			p = next
		}
	}
	from := min(max(offset-p.from, 0), len(p.source))
	to := min(from+max(width, 0), len(p.source))
	pos := diag.Position{
		File: file, Line: p.line, Col: utf8.RuneCountInString(p.source[:from]) + 1,
		Width: max(utf8.RuneCountInString(strings.TrimRight(p.source[from:to], ` \`)), 1), Source: p.source,
	}
	return pos
}
