package pyvalue

import (
	"strings"

	"github.com/envpack/envpack/internal/pysource"
)

// text reads neighbouring strings, which are one.
func (p *parser) text() *expr {
	first := p.peek()
	e := &expr{op: "format", line: first.Line}
	for p.peek().Kind == pysource.String {
		t := p.next()
		if !t.Formatted() {
			s, ok := t.Value()
			if !ok {
				s = t.Body()
			}
			e.kids = append(e.kids, &expr{op: "literal", val: Str{S: s, At: Place{p.file, t.Line}}, line: t.Line})
			continue
		}
		e.kids = append(e.kids, p.fields(t)...)
	}
	if len(e.kids) == 1 && e.kids[0].op == "literal" {
		return e.kids[0]
	}
	return e
}

// fields reads the parts of a string that a program fills in.
func (p *parser) fields(t pysource.Token) []*expr {
	body := t.Body()
	raw := strings.Contains(t.Prefix(), "r")
	at := Place{p.file, t.Line}
	var out []*expr
	literal := func(s string) {
		if !raw {
			if v, ok := pysource.Unescape(s); ok {
				s = v
			}
		}
		out = append(out, &expr{op: "literal", val: Str{S: s, At: at}, line: t.Line})
	}
	var b strings.Builder
	for i := 0; i < len(body); i++ {
		c := body[i]
		if (c == '{' || c == '}') && i+1 < len(body) && body[i+1] == c {
			b.WriteByte(c)
			i++
			continue
		}
		if c != '{' {
			b.WriteByte(c)
			continue
		}
		literal(b.String())
		b.Reset()
		end := i + 1
		for open := 1; end < len(body); end++ {
			if strings.IndexByte("{[(", body[end]) >= 0 {
				open++
			} else if strings.IndexByte("}])", body[end]) >= 0 {
				if open--; open == 0 {
					break
				}
			}
		}
		out = append(out, p.field(body[min(i+1, len(body)):min(end, len(body))], t))
		i = end
	}
	literal(b.String())
	return out
}

// field reads the expression of a field, without conversion and specification.
func (p *parser) field(text string, t pysource.Token) (e *expr) {
	e = &expr{op: "literal", val: unknown(Place{p.file, t.Line}, "the field {%s}", text), line: t.Line}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(failure); !ok {
				panic(r)
			}
		}
	}()
	tokens, err := pysource.Tokens([]byte("(" + strings.TrimSpace(text) + ")"))
	if err != nil {
		return e
	}
	for i := range tokens {
		tokens[i].Line = t.Line
	}
	inner := &parser{file: p.file, t: tokens, depth: p.depth + 1}
	inner.need("(")
	x := inner.test()
	if inner.is(")") || inner.is("=") {
		return x
	}
	return e
}

// group reads what is in parentheses or brackets.
func (p *parser) group(end string, line int) *expr {
	e := &expr{op: "list", line: line}
	for !p.take(end) {
		if p.is("yield") {
			panic(failure{line})
		}
		x := p.test()
		if p.is("for") || p.is("async") {
			x = p.comprehension(x, nil)
			p.need(end)
			return x
		}
		e.kids = append(e.kids, x)
		if !p.take(",") {
			p.need(end)
			if end == ")" && len(e.kids) == 1 {
				return e.kids[0]
			}
			break
		}
	}
	return e
}

func (p *parser) braces(line int) *expr {
	e := &expr{op: "dict", line: line}
	for !p.take("}") {
		if p.take("**") {
			e.kids = append(e.kids, nil, p.test())
		} else {
			key := p.test()
			if p.take(":") {
				value := p.test()
				if p.is("for") {
					x := p.comprehension(key, value)
					p.need("}")
					return x
				}
				e.kids = append(e.kids, key, value)
			} else {
				if p.is("for") {
					x := p.comprehension(key, nil)
					p.need("}")
					return x
				}
				e.op = "list"
				e.kids = append(e.kids, key)
			}
		}
		if !p.take(",") {
			p.need("}")
			break
		}
	}
	return e
}
