package lockfile

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// places knows on which lines of a lock its facts stand. It reads the lines as [Encode] writes them;
// in a file that is otherwise TOML it may miss some, whose place is then unknown.
type places struct {
	lines   []string
	exact   map[string]place // "package[3].file[0].sha256", "package[3]"
	generic map[string]place // the same without indexes: the first of its kind
}

type place struct{ line, col int }

func locate(text string) *places {
	p := &places{lines: strings.Split(text, "\n"), exact: map[string]place{}, generic: map[string]place{}}
	counts := map[string]int{}
	var table, list string
	element := 0
	for i, line := range p.lines {
		trimmed := strings.TrimLeft(line, " \t")
		col := len(line) - len(trimmed) + 1
		switch {
		case strings.HasPrefix(trimmed, "[["):
			name, _, _ := strings.Cut(trimmed[2:], "]]")
			table = p.open(counts, name)
			p.add(table, i+1, col)
			list = ""
		case list != "" && strings.HasPrefix(trimmed, `"`):
			p.add(list+"["+strconv.Itoa(element)+"]", i+1, col)
			element++
		case list != "" && strings.HasPrefix(trimmed, "]"):
			list = ""
		case strings.HasPrefix(trimmed, "["):
			table, _, _ = strings.Cut(trimmed[1:], "]")
			p.add(table, i+1, col)
			list = ""
		default:
			key, value, ok := strings.Cut(line, " = ")
			if !ok {
				continue
			}
			path := strings.Trim(strings.TrimSpace(key), `"`)
			if table != "" {
				path = table + "." + path
			}
			at := utf8.RuneCountInString(key) + len(" = ") + 1
			p.add(path, i+1, at)
			if value == "[" {
				list, element = path, 0
			} else if strings.HasPrefix(value, `["`) {
				p.add(path+"[0]", i+1, at+1)
			}
		}
	}
	return p
}

// open counts a new element of a list of tables, and gives its path.
func (p *places) open(counts map[string]int, name string) string {
	parent, last := "", name
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		parent, last = name[:i], name[i+1:]
		if n := counts[parent]; n > 0 {
			parent += "[" + strconv.Itoa(n-1) + "]"
		}
		parent += "."
	}
	path := parent + last
	index := counts[path]
	counts[path]++
	counts[name] = index + 1
	return path + "[" + strconv.Itoa(index) + "]"
}

func (p *places) add(path string, line, col int) {
	at := place{line, col}
	if _, ok := p.exact[path]; !ok {
		p.exact[path] = at
	}
	if g := withoutIndexes(path); p.generic[g].line == 0 {
		p.generic[g] = at
	}
}

// of is the place of the fact, or of the nearest thing around it that has one.
func (p *places) of(path string) place {
	for path != "" {
		if at, ok := p.exact[path]; ok {
			return at
		}
		if at, ok := p.generic[path]; ok {
			return at
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return place{}
}

func (p *places) source(line int) string {
	if line < 1 || line > len(p.lines) {
		return ""
	}
	return p.lines[line-1]
}

func withoutIndexes(path string) string {
	var b strings.Builder
	for path != "" {
		before, after, ok := strings.Cut(path, "[")
		b.WriteString(before)
		if !ok {
			break
		}
		_, path, _ = strings.Cut(after, "]")
	}
	return b.String()
}
