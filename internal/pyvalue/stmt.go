package pyvalue

import (
	"github.com/envpack/envpack/internal/pysource"
)

// stmt is a statement. What kind it is says what the other fields hold; one that is not understood is "pass".
type stmt struct {
	kind    string // expr, assign, augment, if, for, with, try, def, return, import, pass, break, continue, raise
	name    string // of a function, a module, or the operator of an augmented assignment
	line    int
	targets []*expr
	x       *expr
	body    []stmt
	more    []stmt // else; of try the handlers
	final   []stmt // of try: else and finally
	params  []parameter
}

type parameter struct {
	name string
	x    *expr // default; nil for none
}

// parse reads a module.
func parse(file string, data []byte) ([]stmt, error) {
	tokens, err := pysource.Tokens(data)
	if len(tokens) == 0 && err != nil {
		return nil, err
	}
	if n := len(tokens); n == 0 || tokens[n-1].Kind != pysource.End {
		tokens = append(tokens, pysource.Token{Kind: pysource.End})
	}
	p := &parser{file: file, t: tokens}
	return p.block(pysource.End), err
}

// block reads statements until a token of a kind, which is taken.
func (p *parser) block(end pysource.Kind) []stmt {
	var out []stmt
	for {
		t := p.peek()
		switch {
		case t.Kind == pysource.End:
			return out
		case t.Kind == end:
			p.i++
			return out
		case t.Kind == pysource.Newline || t.Kind == pysource.Dedent || t.Is(";"):
			p.i++
			continue
		case t.Kind == pysource.Indent:
			p.i++
			out = append(out, p.block(pysource.Dedent)...)
			continue
		}
		out = append(out, p.statement())
	}
}

// suite reads what follows a colon: a block, or statements on the same line.
func (p *parser) suite() []stmt {
	p.need(":")
	if p.peek().Kind != pysource.Newline {
		var out []stmt
		for p.peek().Kind != pysource.Newline && p.peek().Kind != pysource.End {
			if !p.take(";") {
				out = append(out, p.statement())
			}
		}
		return out
	}
	p.i++
	if p.peek().Kind != pysource.Indent {
		return nil
	}
	p.i++
	return p.block(pysource.Dedent)
}

// statement reads one; one that is not understood is passed over up to the end of its line.
func (p *parser) statement() (s stmt) {
	from, depth := p.i, p.depth
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		if _, ok := r.(failure); !ok {
			panic(r)
		}
		p.depth = depth
		s = stmt{kind: "pass", line: p.t[from].Line}
		p.i = max(p.i, from+1)
		for p.peek().Kind != pysource.Newline && p.peek().Kind != pysource.End && !(p.is(";") && p.i > from) {
			p.i++
		}
		p.skipBlock()
	}()
	defer p.enter()()
	t := p.peek()
	s = stmt{line: t.Line}
	if t.Is("async") || t.Is("@") { // a decorator is passed over with its line
		if t.Is("@") {
			panic(failure{t.Line})
		}
		p.i++
		t = p.peek()
	}
	if t.Kind == pysource.Name {
		if read := statements[t.Text]; read != nil {
			p.i++
			read(p, &s)
			return s
		}
	}
	p.simple(&s)
	return s
}

// skipBlock passes over the block of a statement that was not understood.
func (p *parser) skipBlock() {
	if p.i+1 >= len(p.t) || p.peek().Kind != pysource.Newline || p.t[p.i+1].Kind != pysource.Indent {
		return
	}
	open := 0
	for p.i++; p.i < len(p.t); p.i++ {
		switch p.t[p.i].Kind {
		case pysource.Indent:
			open++
		case pysource.Dedent:
			if open--; open == 0 {
				p.i++
				return
			}
		}
	}
}

var statements map[string]func(*parser, *stmt)

func init() {
	pass := func(p *parser, s *stmt) { panic(failure{s.line}) }
	statements = map[string]func(*parser, *stmt){
		"if": ifStatement, "while": func(p *parser, s *stmt) { s.kind = "pass"; p.expression(true); p.suite() },
		"for": forStatement, "with": withStatement, "try": tryStatement, "def": defStatement, "class": classStatement,
		"return": func(p *parser, s *stmt) {
			s.kind = "return"
			if p.peek().Kind != pysource.Newline && !p.is(";") {
				s.x = p.expression(true)
			}
		},
		"yield": func(p *parser, s *stmt) {
			if s.kind = "yield"; p.take("from") {
				s.kind = "yield from"
			}
			s.x = p.expression(true)
		},
		"import": importStatement, "from": importStatement, "raise": pass, "del": pass, "global": pass, "nonlocal": pass, "assert": pass,
		"pass": func(_ *parser, s *stmt) { s.kind = "pass" }, "break": func(_ *parser, s *stmt) { s.kind = "break" },
		"continue": func(_ *parser, s *stmt) { s.kind = "continue" },
		"else":     pass, "elif": pass, "except": pass, "finally": pass,
	}
}

func ifStatement(p *parser, s *stmt) {
	s.kind = "if"
	s.x = p.expression(false)
	s.body = p.suite()
	line := p.peek().Line
	switch {
	case p.take("elif"):
		inner := stmt{line: line}
		ifStatement(p, &inner)
		s.more = []stmt{inner}
	case p.take("else"):
		s.more = p.suite()
	}
}

func forStatement(p *parser, s *stmt) {
	s.kind = "for"
	s.targets = []*expr{p.targets()}
	p.need("in")
	s.x = p.expression(true)
	s.body = p.suite()
	if p.take("else") {
		s.more = p.suite()
	}
}

func withStatement(p *parser, s *stmt) {
	s.kind = "with"
	closing := p.take("(")
	for {
		inner := stmt{kind: "assign", line: p.peek().Line, x: p.test()}
		if p.take("as") {
			inner.targets = []*expr{p.targets()}
		}
		s.final = append(s.final, inner)
		if !p.take(",") {
			break
		}
	}
	if closing {
		p.need(")")
	}
	s.body = p.suite()
}

func tryStatement(p *parser, s *stmt) {
	s.kind = "try"
	s.body = p.suite()
	for p.take("except") {
		for !p.is(":") && p.peek().Kind != pysource.Newline && p.peek().Kind != pysource.End {
			p.i++
		}
		s.more = append(s.more, p.suite()...)
	}
	if p.take("else") {
		s.final = append(s.final, p.suite()...)
	}
	if p.take("finally") {
		s.final = append(s.final, p.suite()...)
	}
}

func defStatement(p *parser, s *stmt) {
	s.kind = "def"
	s.name = p.next().Text
	p.need("(")
	for !p.take(")") {
		if p.take("*") || p.take("/") {
			if p.peek().Kind == pysource.Name {
				s.params = append(s.params, parameter{name: "*" + p.next().Text})
			}
		} else if p.take("**") {
			s.params = append(s.params, parameter{name: "**" + p.next().Text})
		} else {
			param := parameter{name: p.next().Text}
			if p.take(":") {
				p.test()
			}
			if p.take("=") {
				param.x = p.test()
			}
			s.params = append(s.params, param)
		}
		if !p.take(",") {
			p.need(")")
			break
		}
	}
	if p.take("->") {
		p.test()
	}
	s.body = p.suite()
}

// classStatement passes over a class: what is in it is no matter of values.
func classStatement(p *parser, s *stmt) {
	s.kind = "pass"
	for !p.is(":") && p.peek().Kind != pysource.Newline && p.peek().Kind != pysource.End {
		p.i++
	}
	p.suite()
}

// importStatement reads which modules are imported; from gives the module.
func importStatement(p *parser, s *stmt) {
	s.kind = "import"
	for p.peek().Kind == pysource.Name || p.is(".") {
		if t := p.next(); t.Is("import") || t.Is("as") {
			break
		} else {
			s.name += t.Text
		}
	}
	for p.peek().Kind != pysource.Newline && p.peek().Kind != pysource.End && !p.is(";") {
		p.i++
	}
}

// augments are the operators of augmented assignments.
var augments = map[string]string{"+=": "+", "-=": "-", "*=": "*", "/=": "/", "%=": "%", "|=": "|", "&=": "&"}

// simple reads an expression or an assignment.
func (p *parser) simple(s *stmt) {
	s.kind = "expr"
	s.x = p.expression(true)
	if p.take(":") { // an annotation
		p.test()
		if !p.is("=") {
			s.kind = "pass"
			return
		}
	}
	if op := augments[p.peek().Text]; op != "" && p.peek().Kind == pysource.Operator {
		p.i++
		s.kind, s.name, s.targets = "augment", op, []*expr{s.x}
		s.x = p.expression(true)
	}
	for p.take("=") {
		s.kind, s.targets = "assign", append(s.targets, s.x)
		s.x = p.expression(true)
	}
	if t := p.peek(); t.Kind != pysource.Newline && t.Kind != pysource.End && !t.Is(";") {
		panic(failure{t.Line})
	}
}
