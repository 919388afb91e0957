package pep508

import (
	"slices"
	"strings"

	"github.com/envpack/envpack/resolver/pep440"
)

// Marker is a condition on the environment.
type Marker struct {
	root group
}

// group is operands joined by "and", and those joined by "or".
type group [][]operand

// operand is a comparison, or a group in parentheses.
type operand struct {
	item  *item
	group group
}

// item is one comparison.
type item struct {
	left, right value
	op          string
	// Version specifier that op and right make, where one applies and right is a literal.
	spec *pep440.Specifier
}

// value is a variable or a literal.
type value struct {
	text     string // name or content
	variable bool
}

// variables are the names that a marker may use, and what old metadata called some of them.
var variables = map[string]string{
	"python_version":                 "python_version",
	"python_full_version":            "python_full_version",
	"os_name":                        "os_name",
	"sys_platform":                   "sys_platform",
	"platform_release":               "platform_release",
	"platform_system":                "platform_system",
	"platform_version":               "platform_version",
	"platform_machine":               "platform_machine",
	"platform_python_implementation": "platform_python_implementation",
	"implementation_name":            "implementation_name",
	"implementation_version":         "implementation_version",
	"extra":                          "extra",
	"extras":                         "extras",
	"dependency_groups":              "dependency_groups",
	"os.name":                        "os_name",
	"sys.platform":                   "sys_platform",
	"platform.version":               "platform_version",
	"platform.machine":               "platform_machine",
	"platform.python_implementation": "platform_python_implementation",
	"python_implementation":          "platform_python_implementation",
}

// ParseMarker reads a marker, such as
//
//	python_version >= "3.9" and (sys_platform == "linux" or extra == "test")
//
// The error is a [*SyntaxError].
func ParseMarker(s string) (*Marker, error) {
	p := parser{s: s}
	m, err := p.marker()
	if err != nil {
		return nil, err
	}
	if !p.end() {
		return nil, p.fail(`"and" or "or" or the end`)
	}
	return m, nil
}

func (p *parser) marker() (*Marker, error) {
	root, err := p.group()
	if err != nil {
		return nil, err
	}
	return &Marker{root: root}, nil
}

func (p *parser) group() (group, error) {
	first, err := p.operand()
	if err != nil {
		return nil, err
	}
	g := group{{first}}
	for {
		or := p.takeWord("or")
		if !or && !p.takeWord("and") {
			return g, nil
		}
		next, err := p.operand()
		if err != nil {
			return nil, err
		}
		if or {
			g = append(g, []operand{next})
		} else {
			g[len(g)-1] = append(g[len(g)-1], next)
		}
	}
}

func (p *parser) operand() (o operand, err error) {
	p.space()
	if p.take('(') {
		if p.depth++; p.depth > maxDepth {
			return o, p.fail("fewer nested parentheses")
		}
		if o.group, err = p.group(); err != nil {
			return o, err
		}
		if !p.take(')') {
			return o, p.fail(`"and" or "or" or ")"`)
		}
		p.depth--
	} else if o.item, err = p.item(); err != nil {
		return o, err
	}
	p.space()
	return o, nil
}

func (p *parser) item() (*item, error) {
	left, err := p.value()
	if err != nil {
		return nil, err
	}
	p.space()
	op, err := p.operator()
	if err != nil {
		return nil, err
	}
	p.space()
	right, err := p.value()
	if err != nil {
		return nil, err
	}
	return newItem(left, op, right), nil
}

// newItem normalises the names of extras and groups, so that equal markers look equal (PEP 685,
// PEP 735), and reads the version in advance.
func newItem(left value, op string, right value) *item {
	switch {
	case left.variable && left.text == "extra" && !right.variable:
		right.text = NormalizeName(right.text)
	case right.variable && isNames(right.text) && !left.variable:
		left.text = NormalizeName(left.text)
	}
	it := &item{left: left, op: op, right: right}
	if left.variable && isVersion(left.text) {
		it.spec = specifier(op, right.text)
	}
	return it
}

// specifier is the version specifier that an operator and a value make, nil if they make none.
func specifier(op, text string) *pep440.Specifier {
	if op == "in" || op == "not in" {
		return nil
	}
	spec, err := pep440.ParseSpecifier(op + text)
	if err != nil {
		return nil
	}
	return &spec
}

// isNames tells whether a variable holds names of extras or dependency groups.
func isNames(variable string) bool {
	return variable == "extra" || isSet(variable)
}

// isSet tells whether a variable holds any number of names.
func isSet(variable string) bool {
	return variable == "extras" || variable == "dependency_groups"
}

// isVersion tells whether a variable is compared as a version, where that is possible.
func isVersion(variable string) bool {
	switch variable {
	case "implementation_version", "platform_release", "python_full_version", "python_version":
		return true
	}
	return false
}

func (p *parser) operator() (string, error) {
	if p.takeWord("in") {
		return "in", nil
	}
	if p.takeWord("not") {
		if before := p.i; before < len(p.s) {
			if p.space(); p.i > before && p.takeWord("in") {
				return "not in", nil
			}
		}
		return "", p.fail(`"in" (behind "not" and white space)`)
	}
	for _, op := range [...]string{"===", "==", "~=", "!=", "<=", ">=", "<", ">"} {
		if strings.HasPrefix(p.s[p.i:], op) {
			p.i += len(op)
			return op, nil
		}
	}
	return "", p.fail("an operator: <=, <, !=, ==, >=, >, ~=, ===, in, not in")
}

func (p *parser) value() (value, error) {
	const expected = "the name of a marker variable or a quoted string"
	if p.end() {
		return value{}, p.fail(expected)
	}
	if quote := p.s[p.i]; quote == '"' || quote == '\'' {
		length := strings.IndexByte(p.s[p.i+1:], quote)
		if length < 0 {
			return value{}, p.fail("a quoted string that ends")
		}
		text, ok := unquote(p.s[p.i+1 : p.i+1+length])
		if !ok {
			return value{}, p.fail("a quoted string as Python writes them")
		}
		p.i += length + 2
		return value{text: text}, nil
	}
	end := p.i
	for end < len(p.s) && (isWordByte(p.s[end]) || p.s[end] == '.') {
		end++
	}
	name, ok := variables[p.s[p.i:end]]
	if !ok || p.wordAt(end) || p.i > 0 && isWordByte(p.s[p.i-1]) {
		return value{}, p.fail(expected)
	}
	p.i = end
	return value{text: name, variable: true}, nil
}

// MentionsExtra tells whether the marker depends on the extra that is asked for.
func (m *Marker) MentionsExtra() bool {
	return m != nil && m.root.mentions("extra")
}

// Extras are the names of extras that the marker compares with, normalised and sorted, each once.
func (m *Marker) Extras() []string {
	var names []string
	if m != nil {
		m.root.extras(&names)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (g group) extras(names *[]string) {
	for _, all := range g {
		for _, o := range all {
			if o.item == nil {
				o.group.extras(names)
				continue
			}
			for _, pair := range [...][2]value{{o.item.left, o.item.right}, {o.item.right, o.item.left}} {
				if pair[0].variable && pair[0].text == "extra" && !pair[1].variable {
					*names = append(*names, NormalizeName(pair[1].text))
				}
			}
		}
	}
}

// Mentions tells whether the marker uses the variable, named as in the specification.
func (m *Marker) Mentions(variable string) bool {
	return m != nil && m.root.mentions(variable)
}

func (g group) mentions(variable string) bool {
	for _, all := range g {
		for _, o := range all {
			if o.item == nil {
				if o.group.mentions(variable) {
					return true
				}
				continue
			}
			for _, v := range [...]value{o.item.left, o.item.right} {
				if v.variable && v.text == variable {
					return true
				}
			}
		}
	}
	return false
}

// String is the marker in normal form: the variables' present names, double quotes, single
// blanks, no parentheses around single comparisons. It is "" for nil.
func (m *Marker) String() string {
	if m == nil {
		return ""
	}
	var b strings.Builder
	m.root.write(&b, true)
	return b.String()
}

func (g group) write(b *strings.Builder, outermost bool) {
	if len(g) == 1 && len(g[0]) == 1 {
		g[0][0].write(b, outermost)
		return
	}
	if !outermost {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	for i, all := range g {
		if i > 0 {
			b.WriteString(" or ")
		}
		for k, o := range all {
			if k > 0 {
				b.WriteString(" and ")
			}
			o.write(b, false)
		}
	}
}

func (o operand) write(b *strings.Builder, outermost bool) {
	if o.item == nil {
		o.group.write(b, outermost)
		return
	}
	b.WriteString(o.item.left.String() + " " + o.item.op + " " + o.item.right.String())
}

func (v value) String() string {
	if v.variable {
		return v.text
	}
	return quote(v.text)
}
