package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envpack/envpack/imagegen/compare"
	"github.com/envpack/envpack/imagegen/verify"
	"github.com/envpack/envpack/lockfile"
)

// verifyText is the report of verify for people. What comes from images goes through printable.
type verifyText struct{ diffText }

func (t *verifyText) result(v *verified) {
	for i, r := range v.Images {
		if i > 0 {
			t.WriteString("\n")
		}
		t.image(r)
	}
	if len(v.Findings) > 0 {
		t.heading("what names the images")
		t.findings(v.Findings)
	}
}

// lockNames say whose lock an image was held to.
var lockNames = map[string]string{"image": "the image's own", "file": "--lock", "project": "the project's"}

func (t *verifyText) image(r *verify.Report) {
	var facts table
	facts.add("image", printable(r.Name))
	for _, f := range [][2]string{{"platform", r.Platform}, {"digest", r.Digest}} {
		if f[1] != "" {
			facts.add(f[0], printable(f[1]))
		}
	}
	if r.Digest == "" && r.ID != "" {
		facts.add("id", printable(r.ID))
	}
	if len(r.Layers) > 0 {
		facts.add("size", fmt.Sprintf("%s in %s", size(r.Size), plural(len(r.Layers), "layer")))
	}
	if name := lockNames[r.Lock]; name != "" {
		facts.add("lock", name)
	}
	facts.write(&t.Builder)
	var checks table
	for _, c := range r.Checks {
		checks.add(c.Name, t.status(c.Status), printable(c.Text))
	}
	t.WriteString("\n")
	checks.write(&t.Builder)
	if len(r.Findings) > 0 {
		t.heading("not as it should be")
		t.findings(r.Findings)
	}
	if r.Difference != nil {
		t.WriteString("\n")
		t.report(r.Difference)
	}
	t.pairs(r)
	t.gaps(r.Unchecked)
	t.rules(r.Files)
	t.notes(r.Notes)
}

func (t *verifyText) status(s verify.Status) string {
	if !t.color {
		return string(s)
	}
	color := map[verify.Status]string{verify.OK: green, verify.Differs: red, verify.Unchecked: yellow}[s]
	return color + string(s) + plain
}

func (t *verifyText) findings(list []verify.Finding) {
	n := t.cut(len(list))
	for _, f := range list[:n] {
		t.line("  %s", printable(f.Text))
		if f.Pair != nil && len(f.Pair.Bytes) > 0 {
			for i := range f.Pair.Bytes {
				t.difference("    ", &f.Pair.Bytes[i])
			}
		} else if f.Byte != nil {
			t.place(f)
		}
		m := t.cut(len(f.Values))
		for _, v := range f.Values[:m] {
			t.line("    %s: %s → %s", printable(v.Document+" "+v.Path), printable(brief(cmp.Or(v.Old, "(none)"))), printable(brief(cmp.Or(v.New, "(none)"))))
		}
		t.more("    ", m, int64(len(f.Values)))
	}
	t.more("  ", n, int64(len(list)))
}

// place shows the byte of a document.
func (t *verifyText) place(f verify.Finding) {
	t.line("    byte %d of the %s", f.Byte.Offset, f.Document)
	for _, side := range []struct {
		kind lockfile.ChangeKind
		hex  string
		name string
	}{{lockfile.Removed, f.Byte.Old, "old"}, {lockfile.Added, f.Byte.New, "new"}} {
		text := hexText(side.hex)
		if f.Byte.Ends == side.name {
			text = "(the end)"
		}
		t.signed("      ", side.kind, text)
	}
}

// pairs shows the files of layers that differ.
func (t *verifyText) pairs(r *verify.Report) {
	for _, f := range r.Findings {
		if f.Pair != nil && f.Pair.Files != nil {
			t.layer(f.Pair, &compare.Report{})
		}
	}
}

func (t *verifyText) gaps(gaps []verify.Gap) {
	if len(gaps) == 0 {
		return
	}
	t.heading("not checked")
	n := t.cut(len(gaps))
	for _, g := range gaps[:n] {
		why, _, _ := strings.Cut(g.Why, "\n")
		t.line("  %s: %s", printable(g.What), printable(why))
	}
	t.more("  ", n, int64(len(gaps)))
}

// rules says which files are otherwise than in their packages, and why that is right.
func (t *verifyText) rules(f *verify.Files) {
	if f == nil || len(f.Changed)+len(f.Made)+len(f.Deviations) == 0 {
		return
	}
	if len(f.Changed)+len(f.Made) > 0 {
		t.heading("by rules of the base's format, which docs/format.md has in section 9")
		rows := table{right: []bool{false, true, true}}
		rows.add("  rule", "changed", "made")
		names := maps.Clone(f.Changed)
		if names == nil {
			names = map[string]int64{}
		}
		maps.Copy(names, f.Made)
		for _, name := range slices.Sorted(maps.Keys(names)) {
			rows.add("  "+name, fmt.Sprint(f.Changed[name]), fmt.Sprint(f.Made[name]))
		}
		rows.write(&t.Builder)
		if t.all {
			for _, r := range f.Rules {
				t.line("  /%s of %s: %s (%s)", printable(r.Path), printable(r.Package), r.Rule, list(r.What))
			}
		}
	}
	if len(f.Deviations) > 0 {
		t.heading("RECORD files that are not what the wheel holds")
		for _, wheel := range slices.Sorted(maps.Keys(f.Deviations)) {
			found := f.Deviations[wheel]
			n := t.cut(len(found))
			t.line("  %s", printable(wheel))
			for _, line := range found[:n] {
				t.line("    %s", printable(line))
			}
			t.more("    ", n, int64(len(found)))
		}
	}
}
