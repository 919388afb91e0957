package tomltext

import (
	"strings"

	"github.com/envpack/envpack/lockfile"
)

// SetKey gives a key of a table a value that is TOML, on a line behind the table's last. A table that has no header
// yet gets one, at the end. The key must be new.
func SetKey(text, path, key, value string) string {
	line := quoteKey(key) + " = " + value + newline(text)
	for _, t := range Find("", text).tables {
		if t.path != path || path == "" {
			continue
		}
		end := lineEnd(text, t.last)
		if !strings.HasSuffix(text[:end], "\n") {
			line = newline(text) + strings.TrimRight(line, "\r\n")
		}
		return text[:end] + indentAt(text, lineStart(text, t.last)) + line + text[end:]
	}
	head := ""
	if text != "" {
		if !strings.HasSuffix(text, "\n") {
			head = newline(text)
		}
		head += newline(text)
	}
	return text + head + "[" + path + "]" + newline(text) + line
}

// SetString replaces the string that is the value at a path, in the quotes that it has.
func SetString(text, path, value string) (edited string, ok bool) {
	where, ok := Find("", text).values[path]
	if !ok {
		return "", false
	}
	return text[:where.from] + quoteAs(text[where.from], value) + text[where.to:], true
}

// RemoveKey takes the lines of a key and its value away, and a comment behind the value. ok is false if the key does
// not begin a line.
func RemoveKey(text, path string) (edited string, ok bool) {
	p := Find("", text)
	key, ok := p.keys[path]
	value, has := p.values[path]
	if !ok || !has || !ownLine(text, key.from) {
		return "", false
	}
	return text[:lineStart(text, key.from)] + text[lineEnd(text, value.to):], true
}

// quoteAs makes a string of TOML: a literal one where the neighbours are or it spares escapes, else a basic one.
func quoteAs(quote byte, value string) string {
	basic := lockfile.Quote(value)
	escaped := basic != `"`+value+`"`
	control := strings.ContainsFunc(value, func(r rune) bool { return r < 0x20 || r == 0x7f })
	if (quote == '\'' || escaped) && !strings.Contains(value, "'") && !control {
		return "'" + value + "'"
	}
	return basic
}

// QuoteString makes a string of TOML, without escapes where that can be.
func QuoteString(value string) string { return quoteAs('"', value) }

func quoteKey(key string) string {
	if key != "" && strings.IndexFunc(key, func(r rune) bool { return r >= 0x80 || !isBare(byte(r)) }) < 0 {
		return key
	}
	return lockfile.Quote(key)
}

func lineStart(text string, at int) int { return strings.LastIndexByte(text[:at], '\n') + 1 }

// lineEnd is behind the line's end.
func lineEnd(text string, at int) int {
	if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(text)
}

// ownLine tells whether only blanks stand before a place in its line.
func ownLine(text string, at int) bool {
	return strings.Trim(text[lineStart(text, at):at], " \t") == ""
}

// indentAt are the blanks that a line begins with.
func indentAt(text string, at int) string {
	line := text[lineStart(text, at):]
	return line[:len(line)-len(strings.TrimLeft(line, " \t"))]
}

// newline is how the text's lines end.
func newline(text string) string {
	if strings.Contains(text, "\r\n") {
		return "\r\n"
	}
	return "\n"
}

// DropEmpty takes the header of a table away under which nothing stands, with the empty line before it. One with a comment at
// it, behind it or below it stays.
func DropEmpty(text, path string) string {
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		if strings.TrimSpace(line) != "["+path+"]" {
			continue
		}
		end := i + 1
		for end < len(lines) && strings.TrimSpace(lines[end]) == "" {
			end++
		}
		above := i
		for above > 0 && strings.TrimSpace(lines[above-1]) == "" {
			above--
		}
		if end < len(lines) && !strings.HasPrefix(strings.TrimSpace(lines[end]), "[") || above == i && i > 0 && strings.HasPrefix(strings.TrimSpace(lines[i-1]), "#") {
			return text
		}
		if end == len(lines) {
			return strings.Join(lines[:above], "")
		}
		return strings.Join(lines[:i], "") + strings.Join(lines[end:], "")
	}
	return text
}
