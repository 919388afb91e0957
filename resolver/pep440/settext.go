package pep440

import "strings"

// place is a cut, read: where it lies as seen from a version.
type place struct {
	fields
	behind bool // just behind that very version, before its local labels
	posts  bool // behind all its post-releases
}

// describe reads a cut's position.
func describe(c cut) place {
	var p place
	key := c.pos
	if key == "" {
		key = leastKey
	}
	p.epoch, key = readNumber(key)
	var numbers []string
	for key[0] != endRelease {
		var number string
		number, key = readNumber(key)
		numbers = append(numbers, number)
	}
	for len(numbers) < max(c.width, 1) {
		numbers = append(numbers, "0")
	}
	p.release = strings.Join(numbers, ".")
	pre := key[1]
	key = key[2:]
	switch pre {
	case preAlpha, preBeta, preRC:
		p.pre = "abr"[pre-preAlpha]
		p.preN, key = readNumber(key)
	case preDevOnly:
		p.dev = true // read below
	}
	switch key[0] {
	case postAfter:
		p.posts = true
		return p
	case postSome:
		p.post = true
		p.postN, key = readNumber(key[1:])
	default:
		key = key[1:]
	}
	if p.dev = key[0] == devSome; p.dev {
		p.devN, key = readNumber(key[1:])
	} else {
		key = key[1:]
	}
	p.local, p.behind = readLocal(key)
	return p
}

// readLocal reads a key's end: the label, and whether the place is just behind it.
func readLocal(key string) (label string, behind bool) {
	var parts []string
	for key != "" && key[0] != justBehind[0] {
		var part string
		if key[0] == localNumber {
			part, key = readNumber(key[1:])
		} else {
			part, key, _ = strings.Cut(key[1:], string(rune(endText)))
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "."), key != ""
}

func (f fields) text() string { return string(f.appendText(nil)) }

// isFirstDev tells whether the place is just before a version X.dev0 such that no version lies
// between it and the one that dropDev gives.
func (p place) isFirstDev() bool { return !p.behind && !p.posts && p.dev && p.devN == "0" }

// lower is the place as a lower bound.
func (p place) lower() string {
	switch {
	case p.behind || p.posts:
		return ">" + p.text()
	case p.isFirstDev() && p.post:
		return ">" + p.before()
	}
	return ">=" + p.text()
}

// upper is the place as an upper bound.
func (p place) upper() string {
	switch {
	case p.behind || p.posts:
		return "<=" + p.text()
	case p.isFirstDev() && p.post:
		return "<=" + p.before()
	case p.isFirstDev() && p.pre == 0:
		return "<" + p.base().text()
	}
	return "<" + p.text()
}

// before is, for a place at X.postN.dev0, the version whose local versions end there.
func (p place) before() string {
	f := p.fields
	f.dev, f.devN = false, ""
	if f.postN == "0" {
		f.post, f.postN = false, ""
	} else {
		f.postN = decrement(f.postN)
	}
	return f.text()
}

// String is the set for people, written as specifiers are: ">=1.0,<2.0,!=1.5 | ==3.0.*", "*" for
// all versions and "none" for the empty set. Some sets that differ only in the pre-releases, post-
// releases or local versions of a bound look alike: such bounds have no short name. Use Key to
// tell sets apart.
func (s Set) String() string {
	switch {
	case s.IsEmpty():
		return "none"
	case s.IsFull():
		return "*"
	}
	var b strings.Builder
	for i := 0; i < len(s.cuts); {
		if i > 0 {
			b.WriteString(" | ")
		}
		i = s.writeGroup(&b, i)
	}
	return b.String()
}

// writeGroup writes the interval that begins at cut i and those that follow behind holes which
// have a name (!=1.5), and gives the index of the next cut.
func (s Set) writeGroup(b *strings.Builder, i int) int {
	var clauses, holes []string
	from := s.cuts[i]
	for i++; i+1 < len(s.cuts); i += 2 {
		hole, ok := name(s.cuts[i], s.cuts[i+1])
		if !ok {
			break
		}
		holes = append(holes, "!="+hole)
	}
	if i < len(s.cuts) && len(holes) == 0 {
		if only, ok := name(from, s.cuts[i]); ok {
			b.WriteString("==" + only)
			return i + 1
		}
	}
	if from.pos != "" {
		clauses = append(clauses, describe(from).lower())
	}
	if i < len(s.cuts) {
		clauses = append(clauses, describe(s.cuts[i]).upper())
	}
	b.WriteString(strings.Join(append(clauses, holes...), ","))
	return i + 1
}

// name is what == must be followed by to stand for the versions between two cuts, if that can be.
func name(from, to cut) (string, bool) {
	if from.pos == "" {
		from.pos = leastKey
	}
	p := describe(from)
	if p.behind || p.posts {
		return "", false
	}
	if isSingle(from.pos, to.pos) || p.local == "" && to.pos == p.next().key() {
		return p.text(), true
	}
	if base := p.base(); p.isFirstDev() && p.pre == 0 && !p.post {
		// The prefix may need more numbers than are kept: ==1.0.* is not ==1.*.
		for range 2 {
			if to.pos == base.nextRelease().firstDev().key() {
				return base.text() + ".*", true
			}
			base.release += ".0"
		}
	}
	return "", false
}
