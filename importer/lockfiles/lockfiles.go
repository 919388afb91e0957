// Package lockfiles reads the locks of other tools as exact versions, with the hashes that they promise: poetry.lock, uv.lock, pdm.lock,
// pylock.toml and Pipfile.lock.
//
// Such a lock is for every platform and Python. What is needed on some only has the conditions under which something leads to it.
package lockfiles

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/address"
	"github.com/envpack/envpack/importer/document"
	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/resolver/direct"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// pin is a package of a lock.
type pin struct {
	name, version string
	extras        []string
	marker        string   // under which it is needed, as far as the lock says that itself
	groups        []string // that need it; "" is the project itself
	hashes        []string // sha256:…
	index         string   // address; "" for the usual one
	where         string   // address in place of a version, as pip writes it
	from          draft.Origin
	edges         []edge
	passed        string // why it is no part of an image; "" if it is
}

// edge is what a package needs.
type edge struct{ name, version, marker string }

// maxPins bounds the packages of a lock.
const maxPins = 20_000

// lock puts the packages of a lock into a draft.
type lock struct {
	d    *draft.Draft
	dir  string
	pins []*pin
}

var hashForm = pattern.New(`^(?i:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$`)

// hashed keeps the hashes that pip takes, in lower case.
func hashed(list []string) []string {
	var out []string
	for _, h := range list {
		if hashForm().MatchString(h) && !slices.Contains(out, strings.ToLower(h)) {
			out = append(out, strings.ToLower(h))
		}
	}
	slices.Sort(out)
	return out
}

// hashesOf are those of the files of a table's list.
func hashesOf(list []document.Table) []string {
	var out []string
	for _, f := range list {
		out = append(out, f.Text("hash"))
	}
	return hashed(out)
}

// write makes requirements of the packages.
func (l *lock) write() {
	bound := map[string][]string{}
	var indexes []draft.Index
	for _, p := range l.pins {
		if p.passed != "" {
			l.d.Note(p.from, p.name+" "+p.version, draft.Passed, "%s", p.passed)
			continue
		}
		if len(p.groups) == 0 {
			p.groups = []string{""}
		}
		text, note, ok := l.text(p)
		if !ok {
			continue
		}
		if p.index != "" {
			if ix, _, named, err := address.Index(p.index, address.Extra, p.from, nil); err != nil {
				l.d.Leave(p.from, p.name, "its index: %v", err)
			} else if named {
				key := ix.Name + " " + ix.URL + ix.Path + ix.Variant
				if _, there := bound[key]; !there {
					ix.Comment = ""
					indexes = append(indexes, ix)
				}
				bound[key] = append(bound[key], pep508.NormalizeName(p.name))
			}
		}
		group := p.groups[0]
		if slices.Contains(p.groups, "") {
			p.groups, group = []string{""}, ""
		}
		for _, g := range p.groups {
			l.d.Requirements = append(l.d.Requirements, draft.Requirement{Text: text, From: p.from, Group: g, Hashes: p.hashes})
		}
		v := draft.Taken
		if note != "" {
			v = draft.Mapped
		}
		l.d.Lines = append(l.d.Lines, draft.Line{From: p.from, Text: text, Verdict: v, Note: note, Group: group})
	}
	for _, ix := range indexes {
		list := bound[ix.Name+" "+ix.URL+ix.Path+ix.Variant]
		slices.Sort(list)
		ix.Packages = slices.Compact(list)
		l.d.Indexes = append(l.d.Indexes, ix)
	}
}

// text is the requirement for a package.
func (l *lock) text(p *pin) (text, note string, ok bool) {
	group := ""
	if len(p.groups) > 0 {
		group = p.groups[0]
	}
	leave := func(note string) (string, string, bool) {
		l.d.Lines = append(l.d.Lines, draft.Line{From: p.from, Text: p.name + " " + p.version, Verdict: draft.Left, Note: note, Group: group, Needed: true})
		return "", "", false
	}
	text = p.name
	if len(p.extras) > 0 {
		text += "[" + strings.Join(p.extras, ",") + "]"
	}
	switch {
	case p.where != "":
		ref, err := address.Refer(p.name, p.where, l.dir)
		if err != nil {
			return leave(err.Error())
		}
		if ref.Dir == "." {
			l.d.Note(p.from, p.name, draft.Passed, "the project itself")
			return "", "", false
		}
		if ref.Address == "" {
			return leave("it lies on another machine")
		}
		note = "its address"
		switch kind := ref.Kind; {
		case len(p.hashes) == 0:
		case kind != direct.Wheel && kind != direct.Sdist:
			note += "; its hashes are left out: it is no file"
		default:
			promised, ok := fragment(p.where, p.hashes)
			if !ok {
				note += fmt.Sprintf("; which of its %d hashes is that of the file does not show, and none is taken", len(p.hashes))
			} else if ref, err = address.Refer(p.name, promised, l.dir); err != nil {
				return leave(err.Error())
			}
		}
		text += " @ " + ref.Address
		p.hashes = nil // they stand in the address
	default:
		if _, err := pep440.Parse(p.version); err != nil {
			return leave(fmt.Sprintf("%q is no version", p.version))
		}
		text += "==" + p.version
	}
	if p.marker != "" {
		if p.where != "" {
			text += " "
		}
		text += "; " + p.marker
	}
	if _, err := pep508.Parse(text); err != nil {
		return leave("no requirement: " + text)
	}
	return text, note, true
}

// fragment adds hashes to an address as its fragment; ok is false where several are of one algorithm, of which one is the file's.
func fragment(where string, hashes []string) (promised string, ok bool) {
	parts := map[string]bool{}
	separator := "#"
	if strings.Contains(where, "://") && strings.Contains(where, "#") {
		separator = "&"
	}
	for _, h := range hashes {
		algorithm, digits, _ := strings.Cut(h, ":")
		if parts[algorithm] {
			return "", false
		}
		parts[algorithm] = true
		where += separator + algorithm + "=" + digits
		separator = "&"
	}
	return where, true
}

// maxConditions are how many ways to a package are told apart; of more, it is needed always.
const maxConditions = 6

// conditions finds under which markers each package is needed, starting from what the project needs. own is that; empty: what no
// other package needs.
func (l *lock) conditions(own []edge) {
	type state struct {
		always bool
		ways   []string
	}
	states := map[*pin]*state{}
	index := map[string][]*pin{}
	for _, p := range l.pins {
		states[p] = &state{}
		index[pep508.NormalizeName(p.name)] = append(index[pep508.NormalizeName(p.name)], p)
	}
	find := func(e edge) []*pin {
		list := index[pep508.NormalizeName(e.name)]
		if e.version == "" {
			return list
		}
		return slices.DeleteFunc(slices.Clone(list), func(p *pin) bool { return p.version != e.version })
	}
	var queue []*pin
	reach := func(p *pin, marker string) {
		s := states[p]
		switch {
		case s.always || slices.Contains(s.ways, marker):
			return
		case marker == "" || len(s.ways) == maxConditions:
			s.always, s.ways = true, nil
		default:
			s.ways = append(s.ways, marker)
		}
		queue = append(queue, p)
	}
	if len(own) == 0 {
		needed := map[*pin]bool{}
		for _, p := range l.pins {
			for _, e := range p.edges {
				for _, to := range find(e) {
					needed[to] = needed[to] || to != p
				}
			}
		}
		for _, p := range l.pins {
			if !needed[p] {
				reach(p, p.marker)
			}
		}
	}
	for _, e := range own {
		for _, p := range find(e) {
			reach(p, e.marker)
		}
	}
	for steps := 0; len(queue) > 0 && steps < 20*maxPins; steps++ {
		p := queue[0]
		queue = queue[1:]
		ways := states[p].ways
		if states[p].always {
			ways = []string{""}
		}
		for _, e := range p.edges {
			for _, to := range find(e) {
				for _, w := range ways {
					reach(to, and(w, e.marker))
				}
			}
		}
	}
	for _, p := range l.pins {
		s := states[p]
		switch {
		case s.always:
			p.marker = ""
		case len(s.ways) > 0:
			p.marker = simpler(s.ways)
		case len(own) > 0 && p.passed == "":
			p.passed = "the project does not need it"
		}
	}
}

func and(a, b string) string {
	switch {
	case a == "" || a == b:
		return b
	case b == "":
		return a
	}
	return group(a) + " and " + group(b)
}

func group(m string) string {
	if strings.Contains(m, " or ") {
		return "(" + m + ")"
	}
	return m
}

// simpler joins conditions of which one holds; "" if one always does.
func simpler(ways []string) string {
	var parts []string
	for i, w := range ways {
		if opposite(w) != "" && slices.Contains(ways, opposite(w)) {
			return ""
		}
		// A condition with more than another has adds nothing.
		if !slices.ContainsFunc(ways, func(o string) bool { return o != w && implies(w, o) }) && !slices.Contains(ways[:i], w) {
			parts = append(parts, w)
		}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	for i := range parts {
		parts[i] = group(parts[i])
	}
	return strings.Join(parts, " or ")
}

// implies tells whether all parts of a condition are among those of another.
func implies(more, less string) bool {
	have := strings.Split(more, " and ")
	for _, part := range strings.Split(less, " and ") {
		if strings.Contains(less, " or ") || !slices.Contains(have, part) {
			return false
		}
	}
	return true
}

// opposite is the condition that holds where another of one part does not; "" if that cannot be told.
func opposite(w string) string {
	if strings.Contains(w, " and ") || strings.Contains(w, " or ") {
		return ""
	}
	for _, pair := range [][2]string{{" < ", " >= "}, {" >= ", " < "}, {" > ", " <= "}, {" <= ", " > "}, {" == ", " != "}, {" != ", " == "}} {
		if strings.Contains(w, pair[0]) {
			return strings.Replace(w, pair[0], pair[1], 1)
		}
	}
	return ""
}

// needs are the edges of requirements as metadata has them.
func needs(list []document.Item) []edge {
	var out []edge
	for _, item := range list {
		req, err := pep508.Parse(item.Text)
		if err != nil {
			continue
		}
		e := edge{name: req.Name}
		if req.Marker != nil {
			e.marker = req.Marker.String()
		}
		out = append(out, e)
	}
	return out
}

// beside reads the edges of the project that a lock belongs to from the file beside it.
func beside(name, file string, open func(string) ([]byte, error), read func(string, []byte, func(string) ([]byte, error)) (*draft.Draft, error)) []edge {
	other := path.Join(path.Dir(name), file)
	data, err := open(other)
	if err != nil {
		return nil
	}
	d, err := read(other, data, open)
	if err != nil {
		return nil
	}
	var out []edge
	for _, r := range d.Requirements {
		req, err := pep508.Parse(r.Text)
		if err != nil {
			continue
		}
		e := edge{name: req.Name}
		if req.Marker != nil {
			e.marker = req.Marker.String()
		}
		out = append(out, e)
	}
	return out
}
