package manifest

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/envpack/envpack/internal/diag"
)

// positions knows where the keys and values of a TOML document stand, which the decoder does not
// tell. Paths are like "project.dependencies[0]" and "index[1].url". The document must be valid:
// the decoder has read it before.
type positions struct {
	file   string
	lines  []string
	keys   map[string]span
	values map[string]span
}

// span is a stretch of bytes in the document.
type span struct{ from, to int }

// scanner walks over a valid TOML document.
type scanner struct {
	src    string
	at     int
	out    *positions
	tables map[string]int // how often an array of tables was opened
}

func findPositions(file, src string) *positions {
	p := &positions{file: file, lines: strings.Split(src, "\n"), keys: map[string]span{}, values: map[string]span{}}
	s := &scanner{src: src, out: p, tables: map[string]int{}}
	prefix := ""
	for {
		s.space(true)
		if s.at >= len(s.src) {
			return p
		}
		if s.src[s.at] == '[' {
			prefix = s.header()
		} else {
			s.pair(prefix)
		}
	}
}

// space skips blanks, and with lines set also line ends and comments.
func (s *scanner) space(lines bool) {
	for s.at < len(s.src) {
		switch c := s.src[s.at]; {
		case c == ' ' || c == '\t' || lines && (c == '\n' || c == '\r'):
			s.at++
		case c == '#' && lines:
			for s.at < len(s.src) && s.src[s.at] != '\n' {
				s.at++
			}
		case c == 0xef && strings.HasPrefix(s.src[s.at:], "\ufeff"):
			s.at += 3
		default:
			return
		}
	}
}

func (s *scanner) header() string {
	array := strings.HasPrefix(s.src[s.at:], "[[")
	s.at++
	if array {
		s.at++
	}
	path, where := s.key("", true)
	full := s.indexed(path)
	if array {
		n := s.tables[full]
		s.tables[full] = n + 1
		full = fmt.Sprintf("%s[%d]", full, n)
		s.at++
	}
	s.at++
	s.note(full, where)
	return full
}

// indexed puts the current index after each part of a header that is an array of tables.
func (s *scanner) indexed(path string) string {
	parts := strings.Split(path, ".")
	full := ""
	for i, part := range parts {
		full = join(full, part)
		if n := s.tables[full]; n > 0 && i < len(parts)-1 {
			full = fmt.Sprintf("%s[%d]", full, n-1)
		}
	}
	return full
}

func (s *scanner) note(path string, where span) {
	if _, there := s.out.keys[path]; !there {
		s.out.keys[path] = where
	}
}

func (s *scanner) pair(prefix string) {
	path, _ := s.key(prefix, false)
	s.space(false)
	if s.at < len(s.src) && s.src[s.at] == '=' {
		s.at++
	}
	s.space(false)
	s.value(path)
}

// key reads a dotted key and gives its path and place. What it begins with has a place as well.
func (s *scanner) key(prefix string, header bool) (string, span) {
	s.space(false)
	start, path, end := s.at, prefix, s.at
	for s.at < len(s.src) {
		part := ""
		if c := s.src[s.at]; c == '"' || c == '\'' {
			from := s.at
			s.text()
			part = strings.Trim(s.src[from:s.at], `"'`)
		} else {
			from := s.at
			for s.at < len(s.src) && isBare(s.src[s.at]) {
				s.at++
			}
			part = s.src[from:s.at]
			if part == "" {
				s.at++ // not possible in a valid document; never stand still
			}
		}
		path, end = join(path, part), s.at
		if where := (span{start, end}); header {
			s.note(s.indexed(path), where)
		} else {
			s.note(path, where)
		}
		s.space(false)
		if s.at >= len(s.src) || s.src[s.at] != '.' {
			break
		}
		s.at++
		s.space(false)
	}
	return path, span{start, end}
}

func isBare(c byte) bool {
	return c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func (s *scanner) value(path string) {
	start := s.at
	if s.at >= len(s.src) {
		return
	}
	switch s.src[s.at] {
	case '"', '\'':
		s.text()
	case '[':
		s.at++
		for i := 0; ; i++ {
			s.space(true)
			if s.at >= len(s.src) || s.src[s.at] == ']' {
				s.at++
				break
			}
			s.value(fmt.Sprintf("%s[%d]", path, i))
			s.space(true)
			if s.at < len(s.src) && s.src[s.at] == ',' {
				s.at++
			}
		}
	case '{':
		s.at++
		for {
			s.space(true)
			if s.at >= len(s.src) || s.src[s.at] == '}' {
				s.at++
				break
			}
			s.pair(path)
			s.space(true)
			if s.at < len(s.src) && s.src[s.at] == ',' {
				s.at++
			}
		}
	default:
		for s.at < len(s.src) && !strings.ContainsRune(",]}#\r\n", rune(s.src[s.at])) {
			s.at++
		}
	}
	end := min(s.at, len(s.src))
	for end > start && (s.src[end-1] == ' ' || s.src[end-1] == '\t') {
		end--
	}
	s.out.values[path] = span{start, end}
}

// text skips a string of any of the four kinds.
func (s *scanner) text() {
	quote := s.src[s.at : s.at+1]
	if long := strings.Repeat(quote, 3); strings.HasPrefix(s.src[s.at:], long) {
		s.at += 3
		for s.at < len(s.src) && !strings.HasPrefix(s.src[s.at:], long) {
			s.skip(quote)
		}
		s.at += 3
		for s.at < len(s.src) && s.src[s.at] == quote[0] {
			s.at++
		}
		return
	}
	s.at++
	for s.at < len(s.src) && s.src[s.at] != quote[0] && s.src[s.at] != '\n' {
		s.skip(quote)
	}
	s.at++
}

func (s *scanner) skip(quote string) {
	if quote == `"` && s.src[s.at] == '\\' {
		s.at++
	}
	s.at++
}

func join(prefix, part string) string {
	if prefix == "" {
		return part
	}
	return prefix + "." + part
}

// key is the place of a key, value that of its value; what has no place of its own has its parent's.
func (p *positions) key(path string) diag.Position {
	for path != "" {
		if where, ok := p.keys[path]; ok {
			return p.at(where)
		}
		// A key that is missing, or spelt with escapes: its table is the nearest place.
		cutAt := strings.LastIndexAny(path, ".[")
		path = path[:max(cutAt, 0)]
	}
	return diag.Position{File: p.file}
}

func (p *positions) value(path string) diag.Position {
	if where, ok := p.values[path]; ok {
		return p.at(where)
	}
	return p.key(path)
}

// inside is the place of a byte within the string that is the value of path. Strings with escapes
// or of several lines give the value's own place.
func (p *positions) inside(path, text string, offset int) diag.Position {
	where, ok := p.values[path]
	quoted := where.to-where.from == len(text)+2
	if !ok || !quoted || offset > len(text) {
		return p.value(path)
	}
	from := where.from + 1 + offset
	return p.at(span{from, max(from+1, where.to-1)})
}

// written is the text at a place.
func written(pos diag.Position) string {
	runes := []rune(pos.Source)
	from := min(max(pos.Col-1, 0), len(runes))
	return string(runes[from:min(from+pos.Width, len(runes))])
}

func (p *positions) at(where span) diag.Position {
	offset := where.from
	for i, line := range p.lines {
		if offset <= len(line) {
			text := strings.TrimSuffix(line, "\r")
			line, offset = text, min(offset, len(text)) // what is wrong with a line's end is behind its text
			width := min(where.to-where.from, len(line)-offset)
			return diag.Position{
				File: p.file, Line: i + 1, Col: utf8.RuneCountInString(line[:offset]) + 1,
				Width: max(utf8.RuneCountInString(line[offset:offset+max(width, 0)]), 1), Source: text,
			}
		}
		offset -= len(line) + 1
	}
	return diag.Position{File: p.file}
}
