package pyvalue

import (
	"strconv"
	"strings"

	"github.com/envpack/envpack/internal/pysource"
)

// expr is an expression. What op it is says what the other fields hold.
type expr struct {
	op   string // literal, name, list, dict, call, attr, index, slice, comp, dictcomp, lambda, format, if, not, and, or, cmp, star, or an operator
	name string // of a name, an attribute, an operator of a comparison
	val  Value
	kids []*expr
	args []argument
	line int
	fors []clause // of a comprehension
	keys []string // parameters of a lambda
}

// argument of a call: name "" for one by position, "*" and "**" for those that are spread.
type argument struct {
	name string
	x    *expr
}

// clause is a for of a comprehension.
type clause struct {
	target *expr
	in     *expr
	ifs    []*expr
}

// failure ends the parsing of a statement; it is recovered where statements are read.
type failure struct{ line int }

// parser reads tokens.
type parser struct {
	file  string
	t     []pysource.Token
	i     int
	depth int
}

const maxDepth = 120

func (p *parser) peek() pysource.Token { return p.t[min(p.i, len(p.t)-1)] }

func (p *parser) next() pysource.Token {
	t := p.peek()
	p.i++
	return t
}

func (p *parser) is(text string) bool { return p.peek().Is(text) }

func (p *parser) take(text string) bool {
	if p.is(text) {
		p.i++
		return true
	}
	return false
}

func (p *parser) need(text string) {
	if !p.take(text) {
		panic(failure{p.peek().Line})
	}
}

func (p *parser) enter() func() {
	if p.depth++; p.depth > maxDepth {
		panic(failure{p.peek().Line})
	}
	return func() { p.depth-- }
}

// expression reads a whole expression: with a tuple's commas if they may be there.
func (p *parser) expression(tuple bool) *expr {
	first := p.test()
	if !tuple || !p.is(",") {
		return first
	}
	e := &expr{op: "list", kids: []*expr{first}, line: first.line}
	for p.take(",") {
		if p.ends() {
			break
		}
		e.kids = append(e.kids, p.test())
	}
	return e
}

// ends tells whether nothing of an expression can follow.
func (p *parser) ends() bool {
	t := p.peek()
	if t.Kind == pysource.Newline || t.Kind == pysource.End || t.Kind == pysource.Dedent {
		return true
	}
	for _, s := range []string{")", "]", "}", "=", ";", ":", "in"} {
		if t.Is(s) {
			return true
		}
	}
	return false
}

func (p *parser) test() *expr {
	defer p.enter()()
	line := p.peek().Line
	if p.take("*") {
		return &expr{op: "star", kids: []*expr{p.test()}, line: line}
	}
	if p.take("lambda") {
		e := &expr{op: "lambda", line: line}
		for !p.is(":") {
			t := p.next()
			if t.Kind != pysource.Name {
				panic(failure{t.Line})
			}
			if e.keys = append(e.keys, t.Text); !p.take(",") {
				break
			}
		}
		p.need(":")
		e.kids = []*expr{p.test()}
		return e
	}
	x := p.binary(0)
	if p.is(":=") {
		p.next()
		return p.test()
	}
	if p.take("if") {
		cond := p.binary(0)
		p.need("else")
		return &expr{op: "if", kids: []*expr{x, cond, p.test()}, line: line}
	}
	return x
}

// levels are the operators of two operands, those that bind least first.
var levels = [][]string{{"or"}, {"and"}, {"not"}, {"<", ">", "==", ">=", "<=", "!=", "<>", "in", "is"}, {"|"}, {"^"}, {"&"}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "//", "%", "@"}}

func (p *parser) binary(level int) *expr {
	defer p.enter()()
	if level == len(levels) {
		return p.unary()
	}
	line := p.peek().Line
	if level == 2 { // not
		if p.take("not") {
			return &expr{op: "not", kids: []*expr{p.binary(level)}, line: line}
		}
		return p.binary(level + 1)
	}
	x := p.binary(level + 1)
	for {
		op, ok := p.operator(level)
		if !ok {
			return x
		}
		kind := op
		if level == 3 {
			kind = "cmp"
		}
		x = &expr{op: kind, name: op, kids: []*expr{x, p.binary(level + 1)}, line: line}
	}
}

// operator takes an operator of a level.
func (p *parser) operator(level int) (string, bool) {
	t := p.peek()
	if level == 3 && t.Is("not") && p.i+1 < len(p.t) && p.t[p.i+1].Is("in") {
		p.i += 2
		return "not in", true
	}
	for _, op := range levels[level] {
		if !t.Is(op) {
			continue
		}
		p.i++
		if op == "is" && p.take("not") {
			return "is not", true
		}
		return op, true
	}
	return "", false
}

func (p *parser) unary() *expr {
	defer p.enter()()
	line := p.peek().Line
	for _, op := range []string{"-", "+", "~"} {
		if p.take(op) {
			return &expr{op: "unary" + op, kids: []*expr{p.unary()}, line: line}
		}
	}
	if p.is("await") {
		panic(failure{line})
	}
	x := p.trailers(p.atom())
	if p.take("**") {
		return &expr{op: "**", kids: []*expr{x, p.unary()}, line: line}
	}
	return x
}

func (p *parser) trailers(x *expr) *expr {
	for {
		line := p.peek().Line
		switch {
		case p.take("."):
			t := p.next()
			if t.Kind != pysource.Name {
				panic(failure{t.Line})
			}
			x = &expr{op: "attr", name: t.Text, kids: []*expr{x}, line: line}
		case p.take("("):
			x = &expr{op: "call", kids: []*expr{x}, args: p.arguments(), line: x.line}
		case p.take("["):
			x = p.subscript(x, line)
		default:
			return x
		}
	}
}

func (p *parser) subscript(x *expr, line int) *expr {
	var parts [3]*expr
	n, slice := 0, false
	for !p.is("]") {
		switch {
		case p.take(":"):
			slice = true
			if n++; n > 2 {
				panic(failure{line})
			}
		case parts[n] == nil:
			parts[n] = p.expression(true)
		default:
			panic(failure{line})
		}
	}
	p.need("]")
	if !slice {
		if parts[0] == nil {
			panic(failure{line})
		}
		return &expr{op: "index", kids: []*expr{x, parts[0]}, line: line}
	}
	return &expr{op: "slice", kids: []*expr{x, parts[0], parts[1], parts[2]}, line: line}
}

func (p *parser) arguments() []argument {
	var args []argument
	for !p.take(")") {
		switch {
		case p.take("**"):
			args = append(args, argument{"**", p.test()})
		case p.take("*"):
			args = append(args, argument{"*", p.test()})
		case p.peek().Kind == pysource.Name && p.i+1 < len(p.t) && p.t[p.i+1].Is("="):
			name := p.next().Text
			p.next()
			args = append(args, argument{name, p.test()})
		default:
			x := p.test()
			if p.is("for") || p.is("async") {
				x = p.comprehension(x, nil)
			}
			args = append(args, argument{"", x})
		}
		if !p.take(",") {
			p.need(")")
			break
		}
	}
	return args
}

// comprehension reads what follows the first expression of one.
func (p *parser) comprehension(x, value *expr) *expr {
	e := &expr{op: "comp", kids: []*expr{x}, line: x.line}
	if value != nil {
		e.op, e.kids = "dictcomp", []*expr{x, value}
	}
	for p.take("for") {
		c := clause{target: p.targets()}
		p.need("in")
		c.in = p.binary(0)
		for p.take("if") {
			c.ifs = append(c.ifs, p.binary(0))
		}
		e.fors = append(e.fors, c)
	}
	if len(e.fors) == 0 {
		panic(failure{x.line})
	}
	return e
}

// targets reads names that are assigned to, before an in.
func (p *parser) targets() *expr {
	one := func() *expr { return p.trailers(p.atom()) }
	first := one()
	if !p.is(",") {
		return first
	}
	e := &expr{op: "list", kids: []*expr{first}, line: first.line}
	for p.take(",") {
		if p.is("in") {
			break
		}
		e.kids = append(e.kids, one())
	}
	return e
}

func (p *parser) atom() *expr {
	t := p.next()
	e := &expr{op: "literal", line: t.Line}
	switch {
	case t.Kind == pysource.String:
		p.i--
		return p.text()
	case t.Kind == pysource.Number:
		n, err := strconv.ParseInt(strings.TrimRight(strings.ReplaceAll(t.Text, "_", ""), "lL"), 0, 64)
		if err != nil {
			e.val = unknown(Place{p.file, t.Line}, "the number %s", t.Text)
			return e
		}
		e.val = Int(n)
	case t.Is("True"):
		e.val = Bool(true)
	case t.Is("False"):
		e.val = Bool(false)
	case t.Is("None"):
		e.val = None{}
	case t.Is("..."):
		e.val = None{}
	case t.Kind == pysource.Name:
		e.op, e.name = "name", t.Text
	case t.Is("("):
		return p.group(")", t.Line)
	case t.Is("["):
		return p.group("]", t.Line)
	case t.Is("{"):
		return p.braces(t.Line)
	default:
		panic(failure{t.Line})
	}
	return e
}
