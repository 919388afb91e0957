package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/envpack/envpack/imagegen/compare"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/lockfile"
)

// files lists changes of files.
func (t *diffText) files(what string, f *compare.Files) {
	var counts []string
	for _, c := range []struct {
		n    int64
		name string
	}{{f.Added, "added"}, {f.Removed, "removed"}, {f.Changed, "changed"}, {f.Same, "same"}} {
		if c.n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", c.n, c.name))
		}
	}
	t.heading("%s: %s", what, strings.Join(counts, ", "))
	n := t.cut(len(f.List))
	for i := range f.List[:n] {
		t.file(&f.List[i])
	}
	t.more("  ", n, f.Added+f.Removed+f.Changed)
}

func (t *diffText) file(c *compare.FileChange) {
	p := printable(c.Path)
	if p == "" {
		p = "/"
	}
	switch c.Kind {
	case lockfile.Added:
		t.signed("  ", c.Kind, p+"  "+fileText(c.New))
		return
	case lockfile.Removed:
		t.signed("  ", c.Kind, p+"  "+fileText(c.Old))
		return
	}
	var what []string
	for _, w := range c.What {
		what = append(what, changedText(w, c.Old, c.New))
	}
	t.signed("  ", c.Kind, p+"  "+strings.Join(what, ", "))
	if d := c.Content; d != nil {
		t.difference("      ", d)
	}
}

func fileText(f *compare.File) string {
	text := f.Type
	switch {
	case f.Target != "":
		text += " to " + printable(f.Target)
	case f.SHA256 != "":
		text = size(f.Size)
	}
	if f.Mode != "0644" && f.Mode != "0755" && f.Target == "" {
		text += ", mode " + f.Mode
	}
	return text
}

// changedText says in what a file differs.
func changedText(what string, a, b *compare.File) string {
	arrow := func(x, y string) string { return what + " " + printable(brief(x)) + " → " + printable(brief(y)) }
	switch what {
	case "type":
		return arrow(a.Type, b.Type)
	case "size":
		if x, y := size(a.Size), size(b.Size); x != y {
			return arrow(x, y)
		}
		return fmt.Sprintf("size %d → %d", a.Size, b.Size)
	case "mode":
		return arrow(a.Mode, b.Mode)
	case "owner":
		return arrow(ownerText(a), ownerText(b))
	case "time":
		if a.Time != b.Time {
			return arrow(a.Time, b.Time)
		}
		return "time of access or change"
	case "target":
		return arrow(a.Target, b.Target)
	case "name":
		return arrow(strconv.Quote(a.Name), strconv.Quote(b.Name))
	case "device":
		return arrow(a.Device, b.Device)
	case "format":
		return arrow(a.Format, b.Format)
	case "times":
		return fmt.Sprintf("%d times → %d times", max(a.Times, 1), max(b.Times, 1))
	case "attributes":
		return attributeText(a.Attributes, b.Attributes)
	}
	return what
}

func ownerText(f *compare.File) string {
	text := fmt.Sprintf("%d:%d", f.UID, f.GID)
	if f.User != "" || f.Group != "" {
		text += " (" + f.User + ":" + f.Group + ")"
	}
	return text
}

// attributeText names the attributes that differ; their values are often binary.
func attributeText(a, b map[string]string) string {
	names := maps.Clone(a)
	if names == nil {
		names = map[string]string{}
	}
	maps.Copy(names, b)
	var list []string
	for _, k := range slices.Sorted(maps.Keys(names)) {
		x, was := a[k]
		y, is := b[k]
		switch {
		case !was:
			list = append(list, "+"+printable(k))
		case !is:
			list = append(list, "-"+printable(k))
		case x != y:
			list = append(list, printable(k))
		}
	}
	return "attributes " + strings.Join(list, " ")
}

// difference shows the first byte that differs.
func (t *diffText) difference(indent string, d *compare.Difference) {
	t.line("%s%s", indent, printable(placeText(d)))
	old, now := printable(d.Old), printable(d.New)
	if d.Hex {
		old, now = hexText(d.Old), hexText(d.New)
	}
	if d.Ends == "old" && d.Old == "" {
		old = "(the end)"
	}
	if d.Ends == "new" && d.New == "" {
		now = "(the end)"
	}
	t.signed(indent+"  ", lockfile.Removed, old)
	t.signed(indent+"  ", lockfile.Added, now)
}

// placeText says where a difference is.
func placeText(d *compare.Difference) string {
	at := fmt.Sprintf("byte %d", d.Offset)
	switch d.Of {
	case "content":
		if d.Line > 0 {
			return fmt.Sprintf("from line %d on (%s)", d.Line, at)
		}
		return "from " + at + " on"
	case "stored":
		text := "as stored, "
		text += at + ": " + d.Place
		if d.Field != "" {
			text += ", " + d.Field
		}
		if d.Block > 0 {
			text += fmt.Sprintf(", block %d, from byte %d of the tar on", d.Block, d.Decoded)
		}
		if d.Path != "" {
			text += " (" + d.Path + ")"
		}
		return text
	}
	text := "in the tar, " + at + ": "
	switch d.Place {
	case "content":
		text += fmt.Sprintf("byte %d of the content", d.At)
		if d.Line > 0 {
			text += fmt.Sprintf(", line %d", d.Line)
		}
	case "entry":
		return text + "another entry"
	case "end":
		return text + "behind the last entry"
	default:
		text += d.Place
		if d.Field != "" {
			text += " field " + d.Field
		}
	}
	return text + " of " + d.Path
}

func hexText(s string) string {
	if s == "" {
		return ""
	}
	return "hex " + s
}

// bytes shows for each layer where its tar begins to differ, or else the layer as it is stored. Layers of which there
// is the same to say are told together.
func (t *diffText) bytes(r *compare.Report) {
	type group struct {
		layers []string
		text   string
	}
	var groups []group
	for i := range r.Layers {
		p := &r.Layers[i]
		text := t.differences(p)
		switch last := len(groups) - 1; {
		case text == "":
		case last >= 0 && groups[last].text == text:
			groups[last].layers = append(groups[last].layers, layerName(p))
		default:
			groups = append(groups, group{[]string{layerName(p)}, text})
		}
	}
	if len(groups) == 0 {
		return
	}
	t.heading("first bytes that differ")
	n := t.cut(len(groups))
	for _, g := range groups[:n] {
		m := len(g.layers)
		if !t.all && m > 3 {
			t.line("  %s, … %s: %d layers", g.layers[0], g.layers[m-1], m)
		} else {
			t.line("  %s", list(g.layers))
		}
		t.WriteString(g.text)
	}
	t.more("  ", n, int64(len(groups)))
}

// differences are those of a layer. How it is compressed is of interest where the tar is the same.
func (t *diffText) differences(p *compare.LayerPair) string {
	own := &diffText{all: t.all, color: t.color}
	for i := range p.Bytes {
		d := &p.Bytes[i]
		if d.Of == "stored" && (p.Match != compare.Recompressed && !t.all || d.Place == "compression") {
			continue // the table of layers says how they are compressed
		}
		own.difference("    ", d)
	}
	return own.String()
}

// Values that were told of before: how the image runs, and, where layers differ, what the manifest and the config say of
// layers.
var (
	toldRuns = pattern.New(`^(manifest (annotations|config\.(digest|size))|` +
		`config (created|architecture|os|variant|config\.(User|ExposedPorts|Env|Entrypoint|Cmd|Volumes|WorkingDir|Labels)))\b`)
	toldLayers = pattern.New(`^(manifest layers|config (rootfs|history))\b`)
)

// values shows the differences of manifest and config.
func (t *diffText) values(r *compare.Report) {
	values := r.Values
	layers := sameLayers(r) < len(r.Layers)
	var list []compare.Value
	for _, v := range values {
		where := v.Document + " " + v.Path
		if t.all || v.Form || !toldRuns().MatchString(where) && !(layers && toldLayers().MatchString(where)) {
			list = append(list, v)
		}
	}
	if len(list) == 0 {
		return
	}
	text := plural(len(list), "difference")
	if hidden := len(values) - len(list); hidden > 0 {
		text += fmt.Sprintf(" and %d that follow from what is above", hidden)
	}
	t.heading("manifest and config: %s", text)
	n := t.cut(len(list))
	for _, v := range list[:n] {
		where := v.Document
		if v.Path != "" {
			where += " " + v.Path
		}
		if v.Form {
			where += " (the same values, written otherwise)"
		}
		t.line("  %s: %s → %s", printable(where), printable(brief(cmp.Or(v.Old, "(none)"))), printable(brief(cmp.Or(v.New, "(none)"))))
	}
	t.more("  ", n, int64(len(list)))
}
