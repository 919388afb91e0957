package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/envpack/envpack/imagegen/compare"
	"github.com/envpack/envpack/imagegen/inspect"
	"github.com/envpack/envpack/lockfile"
)

// diffText is the report of diff for people. What comes from images goes through printable.
type diffText struct {
	strings.Builder
	all   bool // no list is cut
	color bool
}

// Colours of lines, as ECMA-48 has them.
const (
	green, red, yellow, bold, plain = "\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[1m", "\x1b[0m"
)

func (t *diffText) line(format string, args ...any) {
	t.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

// heading begins a part.
func (t *diffText) heading(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if t.color {
		text = bold + text + plain
	}
	t.WriteString("\n" + text + "\n")
}

// signed is a line that begins with a sign of change.
func (t *diffText) signed(indent string, kind lockfile.ChangeKind, text string) {
	text = indent + string(kind) + " " + text
	if t.color {
		color := map[lockfile.ChangeKind]string{lockfile.Added: green, lockfile.Removed: red, lockfile.Changed: yellow}[kind]
		text = color + text + plain
	}
	t.WriteString(text + "\n")
}

// cut is how many of n items are shown; more says what is not.
func (t *diffText) cut(n int) int {
	if t.all || n <= shownLines+1 { // a line that says that there is one more would be no shorter
		return n
	}
	return shownLines
}

// more says how many are not shown, and how to see them, if that can be.
func (t *diffText) more(indent string, shown int, all int64) {
	how := "; --all shows them"
	if t.all {
		how = ""
	}
	if left := all - int64(shown); left > 0 {
		t.line("%s… and %d more%s", indent, left, how)
	}
}

func (t *diffText) comparisons(c *comparisons) {
	for i, r := range c.Images {
		if i > 0 {
			t.WriteString("\n")
		}
		t.report(r)
	}
	if len(c.OnlyOld)+len(c.OnlyNew) > 0 {
		t.heading("platforms")
		for _, p := range c.OnlyOld {
			t.signed("  ", lockfile.Removed, printable(p))
		}
		for _, p := range c.OnlyNew {
			t.signed("  ", lockfile.Added, printable(p))
		}
	}
}

func (t *diffText) report(r *compare.Report) {
	if r.Same {
		what, digest := "the same image", cmp.Or(r.Old.Digest, r.Old.ID)
		other := r.Old.Digest != "" && r.New.Digest != "" && r.Old.Digest != r.New.Digest
		switch locks := r.Old.Kind == "lock" && r.New.Kind == "lock"; {
		case locks && other: // they were sealed with other files of the project
			what, digest = "locks of the same environment", ""
		case locks:
			what = "locks of the same image"
		case other && r.Old.Kind == r.New.Kind:
			what, digest = "nothing differs but dates", ""
		}
		t.line("%s: %s", printable(r.Platform), strings.TrimSpace(what+" "+printable(digest)))
		t.notes(r.Notes)
		return
	}
	t.subject("old", r.Old)
	t.subject("new", r.New)
	t.meaning(r)
	t.layers(r)
	if r.Files != nil {
		t.files("files of the whole images", r.Files)
	}
	for i := range r.Layers {
		t.layer(&r.Layers[i], r)
	}
	t.bytes(r)
	t.values(r)
	t.notes(r.Notes)
}

func (t *diffText) subject(which string, s compare.Subject) {
	text := which + "  " + s.Name
	if s.Platform != "" {
		text += "  " + s.Platform
	}
	switch {
	case s.Kind == "lock" && s.Digest != "":
		text += "  lock sealed as " + s.Digest
	case s.Kind == "lock":
		text += "  lock without a seal"
	case s.Digest != "":
		text += "  " + s.Digest
	default:
		text += "  id " + s.ID
	}
	t.line("%s", printable(text))
}

// parts are the headings of the meaning, in their order, with the subjects that belong there.
var parts = []struct {
	heading  string
	subjects []string
}{
	{"packages", []string{"package", "choice", "index"}},
	{"base", []string{"base", "image", "archive", "interpreter", "target", "deb"}},
	{"data files", []string{"data"}},
	{"project's files", []string{"file"}},
	{"image", []string{"setting", "project"}},
}

func (t *diffText) meaning(r *compare.Report) {
	for _, part := range parts {
		var list []lockfile.Change
		for _, c := range r.Meaning {
			if slices.Contains(part.subjects, c.Subject) {
				list = append(list, c)
			}
		}
		if len(list) == 0 {
			continue
		}
		t.heading("%s", part.heading)
		n := t.cut(len(list))
		for _, c := range list[:n] {
			t.signed("  ", c.Kind, changeText(c))
		}
		t.more("  ", n, int64(len(list)))
	}
}

// changeText is a change without its sign.
func changeText(c lockfile.Change) string {
	if c.Subject == "file" { // the files of the layer say more
		was, _, _ := strings.Cut(c.Old, " ")
		is, _, _ := strings.Cut(c.New, " ")
		if was != is && was != "" && is != "" {
			c.Name += " (mode " + was + " → " + is + ")"
		}
		c.Old, c.New = "", ""
	}
	c.Old, c.New = brief(c.Old), brief(c.New)
	switch c.Subject {
	case "setting", "file", "deb", "data":
		c.Subject = "package" // the heading says what it is
	case "target":
		if c.Name == "Python" {
			c.Subject = "package"
		}
	}
	return strings.TrimSpace(strings.TrimPrefix(printable(c.String()), string(c.Kind)))
}

// brief shortens a digest and what is too long for a line.
func brief(s string) string {
	if hex, ok := strings.CutPrefix(s, "sha256:"); ok && len(hex) == 64 {
		return "sha256:" + hex[:12]
	}
	const longest = 120
	if r := []rune(s); len(r) > longest {
		return string(r[:longest-1]) + "…"
	}
	return s
}

func (t *diffText) layers(r *compare.Report) {
	var counts []string
	for _, m := range []compare.Match{compare.SameLayer, compare.Recompressed, compare.Changed, compare.Removed, compare.Added} {
		n := 0
		for _, p := range r.Layers {
			if p.Match == m {
				n++
			}
		}
		if n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, m))
		}
	}
	if len(counts) == 0 {
		return
	}
	t.heading("layers: %s", strings.Join(counts, ", "))
	rows := table{right: []bool{true, true, true, true}}
	rows.add("  old", "new", "old size", "new size", "", "contents")
	shown := 0
	for _, p := range r.Layers {
		if p.Match == compare.SameLayer {
			continue
		}
		if !t.all && shown == 4*shownLines {
			break
		}
		shown++
		x, y := layerCells(p.Old), layerCells(p.New)
		rows.add("  "+x[0], y[0], x[1], y[1], matchText(p), pairContents(p))
	}
	if shown > 0 {
		rows.write(&t.Builder)
	}
	t.more("  ", shown, int64(len(r.Layers)-sameLayers(r)))
}

func sameLayers(r *compare.Report) int {
	n := 0
	for _, p := range r.Layers {
		if p.Match == compare.SameLayer {
			n++
		}
	}
	return n
}

func layerCells(l *inspect.Layer) [2]string {
	if l == nil {
		return [2]string{}
	}
	return [2]string{strconv.Itoa(l.Number), size(l.Size)}
}

func pairContents(p compare.LayerPair) string {
	if p.Old == nil {
		return contentsOf(*p.New)
	}
	old := contentsOf(*p.Old)
	if p.New == nil {
		return old
	}
	switch now := contentsOf(*p.New); {
	case strings.HasPrefix(old, now): // of which less is known
		return old
	case strings.HasPrefix(now, old):
		return now
	default:
		return old + " → " + now
	}
}

// matchText says how two layers correspond, and how one is compressed otherwise.
func matchText(p compare.LayerPair) string {
	for _, d := range p.Bytes {
		if d.Place == "compression" {
			return string(p.Match) + " " + d.Old + " → " + d.New
		}
	}
	return string(p.Match)
}

// layer shows the files of two layers.
func (t *diffText) layer(p *compare.LayerPair, r *compare.Report) {
	if p.Files == nil && len(p.Notes) == 0 {
		return
	}
	name := layerName(p)
	if p.Files != nil && p.Files.Added+p.Files.Removed+p.Files.Changed > 0 {
		t.files("files of "+name, p.Files)
	} else if len(p.Notes) > 0 {
		t.heading("%s", name)
	}
	for _, n := range p.Notes {
		t.line("  %s", printable(n))
	}
}

func layerName(p *compare.LayerPair) string {
	switch {
	case p.Old == nil:
		return strings.TrimSpace(fmt.Sprintf("layer %d %s", p.New.Number, layerTitle(p.New)))
	case p.New == nil || p.Old.Number == p.New.Number:
		return strings.TrimSpace(fmt.Sprintf("layer %d %s", p.Old.Number, layerTitle(p.Old)))
	}
	return strings.TrimSpace(fmt.Sprintf("layer %d → %d %s", p.Old.Number, p.New.Number, layerTitle(p.New)))
}

// layerTitle is envpack's name of a layer, or the beginning of the command that made it.
func layerTitle(l *inspect.Layer) string {
	const longest = 40
	if l.Envpack {
		return printable(l.Contents)
	}
	if r := []rune(contentsOf(*l)); len(r) > longest {
		return string(r[:longest-1]) + "…"
	}
	return contentsOf(*l)
}

func (t *diffText) notes(notes []string) {
	for _, n := range notes {
		t.WriteString("\n")
		t.line("note: %s", printable(n))
	}
}
