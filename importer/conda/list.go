package conda

import (
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/pep508"
)

// maxLines bounds what conda list may have written.
const maxLines = 100_000

// isList tells whether a text is what conda list --export or --explicit writes. Without its heading it is known by its lines, of
// which each is NAME=VERSION=BUILD, or NAME=VERSION if there are at least three: pip never took a single =.
func isList(data []byte) bool {
	lines, builds := 0, 0
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "@EXPLICIT", strings.HasPrefix(line, "# This file may be used to create an environment using:"),
			strings.HasPrefix(line, "# packages in environment at"):
			return true
		case line == "" || line[0] == '#':
			continue
		}
		parts := strings.Split(line, "=")
		if len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") || strings.ContainsAny(line, " <>;@!~") {
			return false
		}
		if lines++; len(parts) == 3 {
			builds++
		}
		if lines == 20 {
			break
		}
	}
	return builds > 0 || lines >= 3
}

// list reads what conda list writes: with --export lines NAME=VERSION=BUILD, with --explicit addresses below @EXPLICIT, and
// without either a table of name, version, build and channel. What pip had installed is marked pypi there.
func (r Reader) list(name string, data []byte) (*draft.Draft, error) {
	d := &draft.Draft{}
	var entries []entry
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		if number > maxLines {
			return nil, diag.New(diag.Manifest, "more than %d lines", maxLines).At(diag.Position{File: name, Line: number})
		}
		text := strings.TrimSpace(line)
		from := draft.Origin{File: name, Line: number}
		switch {
		case text == "" || text[0] == '#' || text == "@EXPLICIT":
			continue
		case isPackageFile(text):
		default:
			if f := strings.Fields(text); len(f) >= 3 && len(f) <= 4 && !strings.ContainsAny(f[0]+f[1], "=<>!~") {
				text = f[0] + "=" + f[1] + "=" + f[2]
				if len(f) == 4 {
					text = f[3] + "::" + text
				}
			}
		}
		s, err := ParseSpec(text)
		if err != nil {
			d.Leave(from, shown(strings.TrimSpace(line)), "conda does not read this: %v", err)
			continue
		}
		e := entry{spec: s, from: from, text: strings.TrimSpace(line)}
		if s.Channel == "pypi" || s.Build == "pypi_0" || s.Build == "<pip>" || strings.HasSuffix(s.Channel, "<pip>") {
			r.fromIndex(d, e)
			continue
		}
		entries = append(entries, e)
	}
	p := &packages{facts: table(), asOf: r.AsOf, out: d}
	p.read(entries)
	slices.SortStableFunc(d.Lines, func(a, b draft.Line) int { return a.From.Line - b.From.Line })
	slices.SortStableFunc(d.Requirements, func(a, b draft.Requirement) int { return a.From.Line - b.From.Line })
	return d, nil
}

// fromIndex takes what pip had installed into an environment of conda: its name is the index's.
func (r Reader) fromIndex(d *draft.Draft, e entry) {
	b, err := ParseVersion(e.spec.Version)
	if err == nil {
		_, err = pep508.Parse(e.spec.Name + b.Text)
	}
	if err != nil {
		d.Leave(e.from, e.text, "%v", err)
		return
	}
	d.Requirements = append(d.Requirements, draft.Requirement{Text: e.spec.Name + b.Text, From: e.from, Group: e.group})
	d.Note(e.from, e.text, draft.Mapped, "%s, which pip had installed", e.spec.Name+b.Text)
}
