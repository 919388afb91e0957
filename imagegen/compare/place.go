package compare

import (
	"archive/tar"
	"bytes"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// excerpt is how many bytes of what differs are shown.
const excerpt = 24

// field is a part of a tar header.
type field struct {
	name     string
	from, to int
}

// ustar are the fields of a header block (POSIX.1-2017, pax, ustar Interchange Format). Old GNU headers have other
// things where prefix is.
var ustar = []field{
	{"name", 0, 100}, {"mode", 100, 108}, {"uid", 108, 116}, {"gid", 116, 124}, {"size", 124, 136}, {"mtime", 136, 148},
	{"chksum", 148, 156}, {"typeflag", 156, 157}, {"linkname", 157, 257}, {"magic", 257, 263}, {"version", 263, 265},
	{"uname", 265, 297}, {"gname", 297, 329}, {"devmajor", 329, 337}, {"devminor", 337, 345}, {"prefix", 345, 500},
	{"padding", 500, 512},
}

// tarDifference names the first byte in which the tars differ; nil if they do not.
func (r *reading) tarDifference() *Difference {
	l := r.plain
	if !l.found {
		return nil
	}
	d := &Difference{Of: "tar", Offset: l.equal, Ends: l.ends()}
	a, b := r.old.at(d.Offset), r.now.at(d.Offset)
	e := a
	if e == nil {
		e = b
	}
	if e == nil && (r.old.broken != nil || r.now.broken != nil) { // a header that cannot be read
		start := blocks(max(r.old.end, r.now.end))
		e = &entry{about: &about{}, start: start, data: start + blockSize, end: start + blockSize}
	}
	if a == nil && r.old.broken != nil {
		a = e
	}
	if b == nil && r.now.broken != nil {
		b = e
	}
	switch {
	case e == nil || d.Offset >= blocks(e.end):
		d.Place = "end"
		l.bytes(d)
	case d.Offset < e.data:
		r.header(d, a, b, e)
	case d.Offset < e.end:
		d.Place, d.Path, d.At = "content", e.path, d.Offset-e.data
		l.text(d)
	default:
		d.Place, d.Path = "padding", e.path
		l.bytes(d)
	}
	return d
}

// at finds the entry that an offset belongs to: its headers, content or padding. nil: the offset is behind the last.
func (x *index) at(offset int64) *entry {
	i, _ := slices.BinarySearchFunc(x.entries, offset, func(e entry, at int64) int {
		if blocks(e.end) <= at {
			return -1
		}
		return 1
	})
	if i == len(x.entries) {
		return nil
	}
	return &x.entries[i]
}

// header names the place of a byte in the headers of an entry. a and b are the entries of both sides there, e one of
// them.
func (r *reading) header(d *Difference, a, b, e *entry) {
	l := r.plain
	d.Path = e.path
	in := d.Offset - e.start
	last := e.data - blockSize - e.start
	switch {
	case a == nil || b == nil:
		d.Place, d.Field = "entry", ""
		d.Old, d.New = entryText(a), entryText(b)
		return
	case a.path == b.path && a.data != b.data: // only one has an extended header, or a longer one
		d.Place, d.At = "extended header", in
		d.Field, d.Old, d.New = firstRecord(a, b)
		if d.Field == "" {
			l.bytes(d)
		}
		return
	case in < last && in >= blockSize:
		d.Place, d.At = "extended header", in
		if k, x, y := firstRecord(a, b); k != "" {
			d.Field, d.Old, d.New = k, x, y
			return
		}
		l.bytes(d)
		return
	}
	if in < last { // the header of the extended header
		d.Place = "extended header"
	} else {
		d.Place, in = "header", in-last
	}
	for _, f := range ustar {
		if in >= int64(f.to) {
			continue
		}
		old, now := l.part(0, int(in)-f.from, f.to-f.from), l.part(1, int(in)-f.from, f.to-f.from)
		if d.Field == "" || old != now {
			d.Field, d.Old, d.New = f.name, old, now
		}
		if d.Field != "chksum" { // which stands before some of the fields that it is the sum of
			break
		}
	}
	if a.path != b.path { // other entries altogether
		d.Place, d.Old, d.New = "entry", entryText(a), entryText(b)
		d.Field = ""
	}
}

func entryText(e *entry) string {
	if e == nil {
		return "the end"
	}
	return kindOf(e.about.kind) + " " + e.path
}

// firstRecord is the first PAX record in which two entries differ.
func firstRecord(a, b *entry) (key, old, now string) {
	x, y := records(a), records(b)
	names := maps.Clone(x)
	maps.Copy(names, y)
	for _, k := range slices.Sorted(maps.Keys(names)) {
		if x[k] != y[k] {
			return k, x[k], y[k]
		}
	}
	return "", "", ""
}

func records(e *entry) map[string]string {
	m := map[string]string{}
	for r := range strings.SplitSeq(e.about.attributes, "\x00") {
		if k, v, ok := strings.Cut(r, "="); ok {
			m[k] = v
		}
	}
	m["path"], m["linkpath"], m["mtime"] = e.path, e.link, e.about.modified
	m["size"] = strconv.FormatInt(e.size, 10)
	m["uid"], m["gid"] = strconv.Itoa(e.about.uid), strconv.Itoa(e.about.gid)
	m["uname"], m["gname"] = e.about.user, e.about.group
	if e.about.kind == tar.TypeXGlobalHeader {
		delete(m, "path")
	}
	return m
}

// ends says which side has no more bytes: "old", "new" or "".
func (l *lockstep) ends() string {
	switch {
	case len(l.sides[0].after) == 0:
		return "old"
	case len(l.sides[1].after) == 0:
		return "new"
	}
	return ""
}

// part is what a side has in size bytes that begin so many before the difference, or, if that is negative, behind it:
// as text without NUL at its end.
func (l *lockstep) part(side, before, size int) string {
	after := l.sides[side].after
	skip := min(max(-before, 0), len(after))
	before = min(max(before, 0), len(l.tail))
	data := append(slices.Clone(l.tail[len(l.tail)-before:]), after[skip:]...)
	return readable(strings.TrimRight(string(data[:min(size, len(data))]), "\x00 "))
}

// readable leaves a text as it is and makes other bytes visible.
func readable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return s
	}
	quoted := strconv.Quote(s)
	return quoted[1 : len(quoted)-1]
}

// bytes gives the difference some bytes of both sides.
func (l *lockstep) bytes(d *Difference) {
	d.Hex = true
	d.Old, d.New = hexOf(l.sides[0].after), hexOf(l.sides[1].after)
}

func hexOf(b []byte) string { return hex.EncodeToString(b[:min(len(b), excerpt)]) }

// text gives the difference the line that differs, if both sides are text there, else some bytes.
func (l *lockstep) text(d *Difference) {
	from := 0
	if i := bytes.LastIndexByte(l.tail, '\n'); i >= 0 {
		from = i + 1
	}
	cut := from == 0 && len(l.tail) == around // the line's beginning was not kept
	var lines [2]string
	for side := range l.sides {
		data := append(slices.Clone(l.tail[from:]), l.sides[side].after...)
		line, _, whole := bytes.Cut(data, []byte("\n"))
		text, ok := lineText(line, len(l.tail)-from, cut, !whole && len(l.sides[side].after) == around)
		if !ok {
			l.bytes(d)
			return
		}
		lines[side] = text
	}
	d.Line = l.lines + 1
	d.Old, d.New = lines[0], lines[1]
}

// What is shown of a line before and behind the byte that differs.
const (
	lineBefore = 60
	lineBehind = 100
)

// lineText is the part of a line that is around a byte, and whether it is text. open says that the line begins before
// what is there, unfinished that it goes on behind it.
func lineText(line []byte, at int, open, unfinished bool) (string, bool) {
	from, to := 0, len(line)
	if at > lineBefore {
		from, open = at-lineBefore, true
	}
	if to > at+lineBehind {
		to, unfinished = at+lineBehind, true
	}
	part := line[from:to]
	for i := 0; open && i < utf8.UTFMax-1 && len(part) > 0 && !utf8.RuneStart(part[0]); i++ {
		part = part[1:]
	}
	for i := 0; unfinished && i < utf8.UTFMax-1 && len(part) > 0; i++ {
		if r, n := utf8.DecodeLastRune(part); r != utf8.RuneError || n != 1 {
			break
		}
		part = part[:len(part)-1]
	}
	text := strings.TrimSuffix(string(part), "\r")
	odd := func(r rune) bool {
		return r == utf8.RuneError || r < ' ' && r != '\t' && r != '\f' && r != 0x1b || r == 0x7f
	}
	if strings.ContainsFunc(text, odd) {
		return "", false
	}
	if open {
		text = "…" + text
	}
	if unfinished {
		text += "…"
	}
	return text, true
}
