package conda

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/envpack/envpack/resolver/pep440"
)

// Bounds are versions in the index's language.
type Bounds struct {
	Text string     // PEP 440's specifiers, "" for any version
	Set  pep440.Set // the versions that they contain
	Note string     // what was decided, where Text is not just what conda reads; "" otherwise
}

// maxDepth bounds how deep parentheses may go.
const maxDepth = 50

// ParseVersion reads conda's language of versions: 1.2 (exactly), 1.2* and 1.2.* (all of 1.2), >=1,<2, != and ~=, alternatives
// with |, parentheses. Where PEP 440 has no words for it, the bounds are narrower, never wider, and Note says how. What PEP 440
// cannot say at all, as an order of letters or a regular expression, is an error.
func ParseVersion(text string) (Bounds, error) {
	p := &versionParser{rest: strings.TrimSpace(text)}
	if p.rest == "" {
		return Bounds{Set: pep440.Full()}, nil
	}
	b, err := p.alternatives(0)
	if err == nil && p.rest != "" {
		err = fmt.Errorf("%q is not expected here", p.rest)
	}
	if err != nil {
		return Bounds{}, err
	}
	if b.Set.IsEmpty() {
		return Bounds{}, fmt.Errorf("no version is %s", text)
	}
	return b, nil
}

type versionParser struct{ rest string }

func (p *versionParser) next(c byte) bool {
	p.rest = strings.TrimLeft(p.rest, " ")
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *versionParser) alternatives(depth int) (Bounds, error) {
	first, err := p.all(depth)
	if err != nil {
		return Bounds{}, err
	}
	list := []Bounds{first}
	for p.next('|') {
		b, err := p.all(depth)
		if err != nil {
			return Bounds{}, err
		}
		list = append(list, b)
	}
	return anyOf(list), nil
}

func (p *versionParser) all(depth int) (Bounds, error) {
	b, err := p.one(depth)
	for err == nil {
		// A space alone between two bounds is what conda refuses, and everybody reads as a comma.
		comma := p.next(',')
		if !comma && (p.rest == "" || strings.IndexByte("<>=!~", p.rest[0]) < 0) {
			break
		}
		if comma && p.rest == "" {
			break
		}
		var c Bounds
		if c, err = p.one(depth); err == nil {
			b = both(b, c)
		}
	}
	return b, err
}

func (p *versionParser) one(depth int) (Bounds, error) {
	if p.next('(') {
		if depth == maxDepth {
			return Bounds{}, fmt.Errorf("more than %d parentheses in one another", maxDepth)
		}
		b, err := p.alternatives(depth + 1)
		if err == nil && !p.next(')') {
			err = fmt.Errorf("a parenthesis is not closed")
		}
		return b, err
	}
	op := ""
	for _, o := range []string{"===", "==", "!=", "<=", ">=", "~=", "=", "<", ">"} {
		if strings.HasPrefix(p.rest, o) {
			op, p.rest = o, strings.TrimLeft(p.rest[len(o):], " ")
			break
		}
	}
	end := strings.IndexAny(p.rest, " ,|()<>=!~")
	if end < 0 {
		end = len(p.rest)
	}
	version := p.rest[:end]
	p.rest = p.rest[end:]
	return relation(op, version)
}

// relation is an operator and a version.
func relation(op, version string) (Bounds, error) {
	if strings.ContainsAny(version, "^$") {
		return Bounds{}, fmt.Errorf("%q is a regular expression, which the index's versions do not have", version)
	}
	stem, star := strings.CutSuffix(version, "*")
	prefix := star || op == "="
	note := ""
	if i := strings.IndexByte(stem, '*'); i >= 0 {
		note = fmt.Sprintf("all versions that begin like %s", version)
		stem, prefix = stem[:i], true
	}
	stem = strings.TrimRight(stem, "*.")
	if stem == "" {
		if star && (op == "" || op == "=" || op == "==" || op == ">=") {
			return Bounds{Set: pep440.Full()}, nil
		}
		return Bounds{}, fmt.Errorf("a version is expected behind %q", op)
	}
	switch op {
	case "", "=", "==", "===":
		op = "=="
	case "!=":
	default: // conda passes over a star behind an order
		prefix = false
	}
	if prefix {
		stem += ".*"
	}
	return bounds(op+stem, note)
}

func bounds(text, note string) (Bounds, error) {
	list, err := pep440.ParseSpecifiers(text)
	if err != nil {
		return Bounds{}, fmt.Errorf("%s is no version of the index's", strings.TrimLeft(text, "=<>!~"))
	}
	return Bounds{Text: text, Set: pep440.FromSpecifiers(list), Note: note}, nil
}

// both is what two bounds have in common.
func both(a, b Bounds) Bounds {
	switch {
	case a.Text == "":
		return b
	case b.Text == "":
		return a
	}
	return Bounds{Text: a.Text + "," + b.Text, Set: a.Set.Intersect(b.Set), Note: join(a.Note, b.Note)}
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// anyOf is what one of the alternatives has. PEP 440 has no alternatives: those that another contains go, neighbours such as
// 3.6 and 3.7 become a range, and of the rest the last one that is not below another stays.
func anyOf(list []Bounds) Bounds {
	var kept []Bounds
	for i, b := range list {
		covered := false
		for j, c := range list {
			if i != j && b.Set.SubsetOf(c.Set) && (j < i || !c.Set.SubsetOf(b.Set)) {
				covered = true
			}
		}
		if !covered {
			kept = append(kept, b)
		}
	}
	if len(kept) == 1 {
		return kept[0]
	}
	if b, ok := rangeOf(kept); ok {
		return b
	}
	best := kept[0]
	for _, b := range kept[1:] {
		if b.newest().Compare(best.newest()) > 0 {
			best = b
		}
	}
	words := make([]string, len(kept))
	for i, b := range kept {
		words[i] = b.Text
	}
	best.Note = join(best.Note, "of the alternatives "+strings.Join(words, " and ")+" the newest")
	return best
}

// newest is the highest version that the bounds name, which says which of several are for newer ones.
func (b Bounds) newest() pep440.Version {
	list, _ := pep440.ParseSpecifiers(b.Text)
	var top pep440.Version
	for _, s := range list.All() {
		if top.IsZero() || top.Less(s.Version()) {
			top = s.Version()
		}
	}
	return top
}

// rangeOf joins prefixes that follow one another, as 3.6.*, 3.7.* and 3.8.* do.
func rangeOf(list []Bounds) (Bounds, bool) {
	var parent string
	var low, high, sum uint64
	for i, b := range list {
		stem, ok := strings.CutSuffix(strings.TrimPrefix(b.Text, "=="), ".*")
		if !ok || !strings.HasPrefix(b.Text, "==") {
			return Bounds{}, false
		}
		head, last := "", stem
		if j := strings.LastIndexByte(stem, '.'); j >= 0 {
			head, last = stem[:j+1], stem[j+1:]
		}
		n, err := strconv.ParseUint(last, 10, 32)
		if err != nil || i > 0 && head != parent {
			return Bounds{}, false
		}
		if i == 0 {
			parent, low, high = head, n, n
		}
		low, high, sum = min(low, n), max(high, n), sum+1
	}
	if high-low+1 != sum {
		return Bounds{}, false
	}
	b, err := bounds(fmt.Sprintf(">=%s%d,<%s%d", parent, low, parent, high+1), "")
	return b, err == nil
}
