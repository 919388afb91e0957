package tomltext

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/envpack/envpack/internal/diag"
)

// Places knows where the keys and values of a TOML document stand, which the decoder does not
// tell. Paths are like "project.dependencies[0]" and "index[1].url".
type Places struct {
	file   string
	src    string
	lines  []string
	keys   map[string]span
	values map[string]span
	tables []table
}

// span is a stretch of bytes in the document.
type span struct{ from, to int }

// table is what stands below a header, up to the next one. The first has no header and no path.
type table struct {
	path string
	last int // the end of the header, or of the last value
}

// scanner walks over a valid TOML document.
type scanner struct {
	src    string
	at     int
	out    *Places
	tables map[string]int // how often an array of tables was opened
	// valueEnd is the end of the last value, without the blanks behind it.
	valueEnd int
}

// Find reads the document of a file. It must be valid: the decoder has read it before.
func Find(file, src string) *Places {
	p := &Places{
		file: file, src: src, lines: strings.Split(src, "\n"), keys: map[string]span{}, values: map[string]span{}, tables: []table{{}},
	}
	s := &scanner{src: src, out: p, tables: map[string]int{}}
	prefix := ""
	for {
		s.space(true)
		if s.at >= len(s.src) {
			return p
		}
		if s.src[s.at] == '[' {
			prefix = s.header()
			p.tables = append(p.tables, table{path: prefix, last: s.at})
		} else {
			s.pair(prefix)
			p.tables[len(p.tables)-1].last = s.valueEnd
		}
	}
}

// Lines knows the places of bytes only, of a text that need not be valid.
func Lines(file, src string) *Places { return &Places{file: file, lines: strings.Split(src, "\n")} }

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
		full = Join(full, part)
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
		path, end = Join(path, part), s.at
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
	s.valueEnd = end
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

// Join is the path of a key in a table.
func Join(prefix, part string) string {
	if prefix == "" {
		return part
	}
	return prefix + "." + part
}

// Has tells whether a key or value has a place of its own.
func (p *Places) Has(path string) bool {
	_, key := p.keys[path]
	_, value := p.values[path]
	return key || value
}

// Key is the place of a key; what has no place of its own has its parent's.
func (p *Places) Key(path string) diag.Position {
	for path != "" {
		if where, ok := p.keys[path]; ok {
			return p.At(where.from, where.to)
		}
		// A key that is missing, or spelt with escapes: its table is the nearest place.
		cutAt := strings.LastIndexAny(path, ".[")
		path = path[:max(cutAt, 0)]
	}
	return diag.Position{File: p.file}
}

// Value is the place of a key's value.
func (p *Places) Value(path string) diag.Position {
	if where, ok := p.values[path]; ok {
		return p.At(where.from, where.to)
	}
	return p.Key(path)
}

// Inside is the place of a byte within the string that is the value of path. Strings with escapes
// or of several lines give the value's own place.
func (p *Places) Inside(path, text string, offset int) diag.Position {
	where, ok := p.values[path]
	quoted := where.to-where.from == len(text)+2
	if !ok || !quoted || offset > len(text) {
		return p.Value(path)
	}
	from := where.from + 1 + offset
	return p.At(from, max(from+1, where.to-1))
}

// At is the place of a stretch of bytes. Offsets that a decoder gives for what it has no place for are below zero, and mean
// the beginning.
func (p *Places) At(from, to int) diag.Position {
	from, to = max(from, 0), max(to, 0)
	offset := from
	for i, line := range p.lines {
		if offset <= len(line) {
			text := strings.TrimSuffix(line, "\r")
			line, offset = text, min(offset, len(text)) // what is wrong with a line's end is behind its text
			width := min(to-from, len(line)-offset)
			return diag.Position{
				File: p.file, Line: i + 1, Col: utf8.RuneCountInString(line[:offset]) + 1,
				Width: max(utf8.RuneCountInString(line[offset:offset+max(width, 0)]), 1), Source: text,
			}
		}
		offset -= len(line) + 1
	}
	return diag.Position{File: p.file}
}
