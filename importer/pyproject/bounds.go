package pyproject

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/spelling"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/resolver/pep440"
)

// alternative is one of several ranges, as specifiers: what bounds it from below and from above, and all of it.
type alternative struct{ lower, upper, all string }

var (
	orForm     = pattern.New(`\s*\|\|?\s*`)
	andForm    = pattern.New(`\s*,\s*|\s+`)
	spacedForm = pattern.New(`(\^|~=?|[<>=!]=?)\s+`)
	clauseForm = pattern.New(`^(\^|~=|~|==|!=|<=|>=|<|>|=)?v?([0-9][0-9A-Za-z.!+-]*?(?:\.[*xX])*|\*)$`)
)

// bounds are Poetry's version constraints as specifiers of PEP 440, "" for any version. note says what was decided, "" for nothing
// (Poetry's documentation, Dependency specification).
func bounds(text string) (specifiers, note string, err error) {
	var list []alternative
	for _, part := range orForm().Split(strings.TrimSpace(text), -1) {
		a, err := oneOf(part)
		if err != nil {
			return "", "", err
		}
		if _, err := pep440.ParseSpecifiers(a.all); err != nil {
			return "", "", fmt.Errorf("%q are no bounds of versions", text)
		}
		list = append(list, a)
	}
	if len(list) == 1 {
		return list[0].all, "", nil
	}
	if joined, ok := touching(list); ok {
		return joined, "", nil
	}
	newest := list[0]
	for _, a := range list[1:] {
		if higher(a, newest) {
			newest = a
		}
	}
	return newest.all, fmt.Sprintf("of %s the newest", text), nil
}

// touching joins ranges of which each ends where the next begins, or above that.
func touching(list []alternative) (string, bool) {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b alternative) int {
		if higher(b, a) {
			return -1
		}
		return 1
	})
	upper := list[0].upper
	for i, a := range list {
		if a.all != strings.Trim(a.lower+","+a.upper, ",") || i > 0 && !strings.HasPrefix(a.lower, ">=") {
			return "", false
		}
		if i == 0 || upper == "" {
			continue
		}
		end, err1 := pep440.Parse(strings.TrimLeft(upper, "<="))
		begin, err2 := pep440.Parse(strings.TrimPrefix(a.lower, ">="))
		if err1 != nil || err2 != nil || end.Less(begin) {
			return "", false
		}
		if next, err := pep440.Parse(strings.TrimLeft(a.upper, "<=")); err != nil || end.Less(next) {
			upper = a.upper
		}
	}
	return strings.Trim(list[0].lower+","+upper, ","), true
}

// higher tells whether a range begins above another.
func higher(a, b alternative) bool {
	v, err1 := pep440.Parse(strings.TrimLeft(a.lower, ">=~"))
	w, err2 := pep440.Parse(strings.TrimLeft(b.lower, ">=~"))
	return err1 == nil && (err2 != nil || w.Less(v))
}

// oneOf is a range of clauses that all hold.
func oneOf(text string) (alternative, error) {
	text = strings.TrimSpace(spacedForm().ReplaceAllString(text, "$1"))
	var a alternative
	var all []string
	if text == "" || text == "*" {
		return a, nil
	}
	for _, clause := range andForm().Split(text, -1) {
		if clause == "" {
			continue
		}
		low, high, err := oneClause(clause)
		if err != nil {
			return a, err
		}
		if low != "" {
			all = append(all, low)
			if !strings.HasPrefix(low, "!=") {
				a.lower = low
			}
		}
		if high != "" {
			all = append(all, high)
			a.upper = high
		}
	}
	a.all = strings.Join(all, ",")
	return a, nil
}

// oneClause is a clause as what bounds it from below and from above.
func oneClause(clause string) (low, high string, err error) {
	m := clauseForm().FindStringSubmatch(clause)
	if m == nil {
		fixed, _, err := spelling.Bounds(clause)
		return fixed, "", err
	}
	op, version := m[1], m[2]
	if version == "*" {
		return "", "", nil
	}
	short := version
	star := false
	for strings.HasSuffix(short, ".*") || strings.HasSuffix(short, ".x") || strings.HasSuffix(short, ".X") {
		short, star = short[:len(short)-2], true
	}
	v, bad := pep440.Parse(short)
	if bad != nil {
		return "", "", fmt.Errorf("%q is no version", version)
	}
	release := v.Release()
	switch op {
	case "^":
		keep := len(release) - 1
		for i, n := range release {
			if n > 0 {
				keep = i
				break
			}
		}
		return ">=" + short, "<" + next(release, keep), nil
	case "~":
		return ">=" + short, "<" + next(release, min(1, len(release)-1)), nil
	case "", "=", "==", "!=":
		if op == "" || op == "=" {
			op = "=="
		}
		if star && op == "==" {
			return ">=" + short, "<" + next(release, len(release)-1), nil
		}
		if star {
			short += ".*"
		}
		return op + short, "", nil
	case "<", "<=":
		return "", op + short, nil
	}
	return op + short, "", nil
}

// next is a release in which a part is raised by one, and what follows is left out: 1.2.3 at 1 is 1.3.
func next(release []uint64, at int) string {
	var parts []string
	for i := range at + 1 {
		n := release[i]
		if i == at {
			n++
		}
		parts = append(parts, strconv.FormatUint(n, 10))
	}
	if len(parts) == 1 {
		parts = append(parts, "0")
	}
	return strings.Join(parts, ".")
}

// pythonMarker is the environment marker for bounds of Python.
func pythonMarker(specifiers string) string {
	var parts []string
	for clause := range strings.SplitSeq(specifiers, ",") {
		for _, op := range []string{"==", "!=", ">=", "<=", "~=", ">", "<"} {
			version, ok := strings.CutPrefix(strings.TrimSpace(clause), op)
			if !ok {
				continue
			}
			name := "python_version"
			if strings.Count(strings.TrimSuffix(version, ".*"), ".") > 1 {
				name = "python_full_version"
			}
			parts = append(parts, fmt.Sprintf("%s %s %q", name, op, version))
			break
		}
	}
	return strings.Join(parts, " and ")
}

// Python notes which Pythons a lock of Poetry's, PDM's or uv's is for, in Poetry's form or that of PEP 440.
func Python(d *draft.Draft, text string, from draft.Origin) {
	r := &reader{d: d}
	r.poetryPython(text, from)
}
