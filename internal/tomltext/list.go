package tomltext

import (
	"fmt"
	"strings"
)

// list is an array: the offsets of its brackets, and its items in order.
type list struct {
	open, close int
	items       []item
}

// item is an element of an array. comma is the offset of the comma behind it, -1 if there is none.
type item struct {
	span
	comma int
}

// list finds the array that is the value at a path.
func (p *Places) list(path string) (list, bool) {
	where, ok := p.values[path]
	if !ok || p.src[where.from] != '[' {
		return list{}, false
	}
	l := list{open: where.from, close: where.to - 1}
	s := &scanner{src: p.src, at: where.from + 1, out: &Places{keys: map[string]span{}, values: map[string]span{}}}
	for {
		s.space(true)
		if s.at >= l.close {
			return l, true
		}
		from := s.at
		s.value("")
		it := item{span{from, s.valueEnd}, -1}
		s.space(true)
		if s.at < l.close && p.src[s.at] == ',' {
			it.comma = s.at
			s.at++
		}
		l.items = append(l.items, it)
	}
}

// end is behind the item and its comma.
func (i item) end() int { return max(i.to, i.comma+1) }

// Insert puts a string into the array at a path, before the item of that number, in the form of its neighbours: on a line
// of its own where they stand so, with their indentation and quotes, and with a comma behind it where the last item
// has one. Comments stay with the items beside which or below which they stand. ok is false if there is no such array.
func Insert(text, path string, at int, value string) (edited string, ok bool) {
	p := Find("", text)
	l, ok := p.list(path)
	if !ok || at < 0 || at > len(l.items) {
		return "", false
	}
	if len(l.items) == 0 {
		return insertFirst(text, l, value), true
	}
	near := l.items[max(at-1, 0)]
	quoted := quoteAs(text[near.from], value)
	switch {
	case at == 0 && ownLine(text, near.from) && strings.Contains(text[l.open:near.from], "\n"):
		line := lineEnd(text, l.open)
		return text[:line] + indentAt(text, near.from) + quoted + "," + newline(text) + text[line:], true
	case at == 0:
		return text[:near.from] + quoted + ", " + text[near.from:], true
	case !ownLine(text, near.from) || at < len(l.items) && !ownLine(text, l.items[at].from) || near.comma >= 0 && strings.Contains(text[near.to:near.comma], "\n"):
		return insertInline(text, l, at, quoted), true
	}
	comma := ""
	if at < len(l.items) || near.comma >= 0 {
		comma = ","
	}
	end, brk := near.end(), newline(text)
	if stop := strings.IndexByte(text[end:l.close], '\n'); stop >= 0 { // behind a comment on the line
		end += stop
		if brk = "\n"; strings.HasSuffix(text[:end], "\r") {
			end, brk = end-1, "\r\n"
		}
	}
	line := brk + indentAt(text, near.from) + quoted + comma
	if near.comma < 0 {
		return text[:near.to] + "," + text[near.to:end] + line + text[end:], true
	}
	return text[:end] + line + text[end:], true
}

func insertFirst(text string, l list, value string) string {
	quoted := quoteAs('"', value)
	line := lineStart(text, l.close)
	if line <= l.open || strings.TrimSpace(text[line:l.close]) != "" {
		return text[:l.open+1] + quoted + text[l.close:]
	}
	return text[:line] + text[line:l.close] + "    " + quoted + "," + newline(text) + text[line:]
}

func insertInline(text string, l list, at int, quoted string) string {
	if at < len(l.items) {
		next := l.items[at].from
		return text[:next] + quoted + ", " + text[next:]
	}
	last := l.items[at-1]
	if last.comma >= 0 {
		return text[:last.comma+1] + " " + quoted + "," + text[last.comma+1:]
	}
	return text[:last.to] + ", " + quoted + text[last.to:]
}

// Replace changes an item of the array at a path, in the quotes that it has.
func Replace(text, path string, i int, value string) (edited string, ok bool) {
	l, ok := Find("", text).list(path)
	if !ok || i < 0 || i >= len(l.items) {
		return "", false
	}
	it := l.items[i]
	return text[:it.from] + quoteAs(text[it.from], value) + text[it.to:], true
}

// Remove takes an item out of the array at a path. A line that had only the item goes with the comment behind it.
// The array ends with a comma afterwards if it did before.
func Remove(text, path string, i int) (edited string, ok bool) {
	l, ok := Find("", text).list(path)
	if !ok || i < 0 || i >= len(l.items) {
		return "", false
	}
	it, last := l.items[i], i == len(l.items)-1
	limit := l.close
	if !last {
		limit = l.items[i+1].from
	}
	from, to := it.from, it.end()
	stop := strings.IndexByte(text[to:limit], '\n')
	alone := ownLine(text, it.from) && stop >= 0 && !strings.Contains(text[it.to:to], "\n")
	if alone {
		from, to = lineStart(text, it.from), to+stop+1
	}
	if last && i > 0 && it.comma < 0 {
		before := l.items[i-1]
		if !alone && strings.TrimSpace(text[before.end():it.from]) == "" {
			return text[:before.to] + text[it.to:], true // with the blanks between them
		}
		return text[:before.comma] + text[before.comma+1:from] + text[to:], true
	}
	switch {
	case alone:
	case !last && strings.TrimSpace(text[to:limit]) == "" && stop < 0:
		to = limit
	case last && i > 0 && strings.TrimSpace(text[l.items[i-1].end():it.from]) == "":
		from = l.items[i-1].end() // its comma stays, and the item's goes
	case len(l.items) == 1 && strings.TrimSpace(text[l.open+1:from]+text[to:l.close]) == "":
		from, to = l.open+1, l.close
	}
	return text[:from] + text[to:], true
}

// Items is how many items the array at a path has.
func (p *Places) Items(path string) (n int, ok bool) {
	l, ok := p.list(path)
	return len(l.items), ok
}

// ItemPath is the path of an item of an array.
func ItemPath(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
