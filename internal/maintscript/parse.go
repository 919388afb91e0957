package maintscript

import "strings"

// maxDepth bounds how deeply commands, words and calls nest.
const maxDepth = 60

// node is a command: one of the types below.
type node interface{}

type assignment struct {
	name  string
	value word
}

type simple struct {
	line      int
	assigns   []assignment
	words     []word
	redirects []*redirect

	behindAmpersand bool // `&>`, which is one operator in bash, and two in other shells
}

type (
	pipeline struct {
		negate bool
		nodes  []node
	}
	andOr struct {
		left, right node
		or          bool
	}
	ifNode struct {
		cond, then, other []node
	}
	caseNode struct {
		subject word
		items   []caseItem
	}
	caseItem struct {
		patterns []word
		body     []node
	}
	forNode struct {
		name  string
		words []word
		args  bool // no `in`: the arguments
		body  []node
	}
	whileNode struct {
		until      bool
		cond, body []node
	}
	function struct {
		name string
		body node
	}
	group struct {
		body      []node
		subshell  bool
		redirects []*redirect
	}
)

// parse reads a whole script.
func parse(script string) (list []node, err *syntaxError) {
	defer func() {
		if e := recover(); e != nil {
			syntax, ok := e.(syntaxError)
			if !ok {
				panic(e)
			}
			list, err = nil, &syntax
		}
	}()
	r := &reader{text: script, line: 1}
	list = r.list()
	if r.at < len(r.text) {
		r.fail("%q is unexpected", r.text[r.at:min(r.at+10, len(r.text))])
	}
	return list, nil
}

// separate skips blanks, line ends and semicolons between commands.
func (r *reader) separate() {
	for {
		r.blanks()
		switch {
		case r.peek() == '\n':
			r.newline()
		case r.peek() == ';' && !r.has(";;"), r.peek() == '&' && !r.has("&&"):
			r.at++
		default:
			return
		}
	}
}

func (r *reader) newlines() {
	for r.blanks(); r.peek() == '\n'; r.blanks() {
		r.newline()
	}
}

// list reads commands up to one of the ends, which stays unread, or the text's end.
func (r *reader) list(ends ...string) []node {
	if r.depth++; r.depth > maxDepth {
		r.fail("nested too deeply")
	}
	defer func() { r.depth-- }()
	var all []node
	for {
		r.separate()
		if r.at >= len(r.text) || r.peek() == ')' || r.has(";;") {
			return all
		}
		for _, end := range ends {
			if r.atWord(end) {
				return all
			}
		}
		all = append(all, r.andOr())
	}
}

// atWord tells whether a reserved word stands here.
func (r *reader) atWord(s string) bool {
	if !r.has(s) {
		return false
	}
	end := r.at + len(s)
	return s == ")" || end >= len(r.text) || strings.IndexByte(wordEnds, r.text[end]) >= 0
}

func (r *reader) expect(s string) {
	r.separate()
	if !r.atWord(s) {
		r.fail("%q is missing", s)
	}
	r.at += len(s)
}

func (r *reader) andOr() node {
	left := r.pipeline()
	for {
		r.blanks()
		or := r.has("||")
		if !or && !r.has("&&") {
			return left
		}
		r.at += 2
		r.newlines()
		left = andOr{left, r.pipeline(), or}
	}
}

func (r *reader) pipeline() node {
	p := pipeline{}
	for r.blanks(); r.atWord("!"); r.blanks() {
		r.at++
		p.negate = !p.negate
	}
	p.nodes = append(p.nodes, r.command())
	for r.blanks(); r.peek() == '|' && !r.has("||"); r.blanks() {
		r.at++
		r.newlines()
		p.nodes = append(p.nodes, r.command())
	}
	if len(p.nodes) == 1 && !p.negate {
		return p.nodes[0]
	}
	return p
}

func (r *reader) command() node {
	r.blanks()
	switch {
	case r.peek() == '(':
		r.at++
		body := r.list(")")
		r.expect(")")
		return r.redirected(body, true)
	case r.atWord("{"):
		r.at++
		body := r.list("}")
		r.expect("}")
		return r.redirected(body, false)
	case r.atWord("if"):
		r.at += 2
		return r.redirected([]node{r.ifRest()}, false)
	case r.atWord("case"):
		r.at += 4
		return r.redirected([]node{r.caseRest()}, false)
	case r.atWord("for"):
		r.at += 3
		return r.redirected([]node{r.forRest()}, false)
	case r.atWord("while"), r.atWord("until"):
		until := r.atWord("until")
		r.at += 5
		n := whileNode{until: until, cond: r.list("do")}
		n.body = r.doGroup()
		return r.redirected([]node{n}, false)
	}
	return r.simple()
}

// redirected adds the redirections behind a compound command.
func (r *reader) redirected(body []node, subshell bool) node {
	g := group{body: body, subshell: subshell}
	for r.blanks(); ; r.blanks() {
		to := r.redirect()
		if to == nil {
			break
		}
		g.redirects = append(g.redirects, to)
	}
	if len(body) == 1 && !subshell && len(g.redirects) == 0 {
		return body[0]
	}
	return g
}

func (r *reader) ifRest() node {
	n := ifNode{cond: r.list("then")}
	r.expect("then")
	n.then = r.list("elif", "else", "fi")
	switch {
	case r.atWord("elif"):
		r.at += 4
		n.other = []node{r.ifRest()}
		return n
	case r.atWord("else"):
		r.at += 4
		n.other = r.list("fi")
	}
	r.expect("fi")
	return n
}

func (r *reader) caseRest() node {
	r.newlines()
	n := caseNode{subject: r.word()}
	r.separate()
	r.expect("in")
	for {
		r.separate()
		if r.atWord("esac") {
			r.at += 4
			return n
		}
		if r.peek() == '(' {
			r.at++
		}
		var item caseItem
		for {
			r.blanks()
			w := r.word()
			if w == nil {
				r.fail("a pattern is missing")
			}
			item.patterns = append(item.patterns, w)
			r.blanks()
			if r.peek() != '|' {
				break
			}
			r.at++
		}
		r.expect(")")
		item.body = r.list("esac")
		n.items = append(n.items, item)
		if r.has(";;") {
			r.at += 2
		}
	}
}

func (r *reader) forRest() node {
	r.blanks()
	n := forNode{name: r.word().plain(), args: true}
	if n.name == "" {
		r.fail("the variable of a for loop is missing")
	}
	r.separate()
	if r.atWord("in") {
		r.at += 2
		n.args = false
		for r.blanks(); ; r.blanks() {
			w := r.word()
			if w == nil {
				break
			}
			n.words = append(n.words, w)
		}
	}
	n.body = r.doGroup()
	return n
}

func (r *reader) doGroup() []node {
	r.expect("do")
	body := r.list("done")
	r.expect("done")
	return body
}

func (r *reader) simple() node {
	c := simple{line: r.line, behindAmpersand: r.at > 0 && r.text[r.at-1] == '&' && r.peek() == '>'}
	for {
		r.blanks()
		if to := r.redirect(); to != nil {
			c.redirects = append(c.redirects, to)
			continue
		}
		w := r.word()
		if w == nil {
			break
		}
		if name, value, ok := assigned(w); ok && len(c.words) == 0 {
			c.assigns = append(c.assigns, assignment{name, value})
			continue
		}
		if name := w.plain(); name != "" && len(c.words) == 0 {
			if r.blanks(); r.has("(") {
				r.at++
				r.expect(")")
				r.newlines()
				return function{name, r.command()}
			}
		}
		c.words = append(c.words, w)
	}
	if len(c.words) == 0 && len(c.assigns) == 0 && len(c.redirects) == 0 {
		r.fail("a command is missing")
	}
	return c
}

// assigned splits NAME=VALUE.
func assigned(w word) (string, word, bool) {
	if len(w) == 0 || w[0].kind != literal || w[0].quoted {
		return "", nil, false
	}
	name, value, ok := strings.Cut(w[0].text, "=")
	if !ok || name == "" {
		return "", nil, false
	}
	for i := range len(name) {
		if !isName(name[i], i == 0) {
			return "", nil, false
		}
	}
	rest := word{}
	if value != "" {
		rest = append(rest, part{kind: literal, text: value})
	}
	return name, append(rest, w[1:]...), true
}

// redirect reads `[n]<word` and its like; nil if none starts here.
func (r *reader) redirect() *redirect {
	at := r.at
	for at < len(r.text) && r.text[at] >= '0' && r.text[at] <= '9' {
		at++
	}
	if at >= len(r.text) || r.text[at] != '<' && r.text[at] != '>' {
		return nil
	}
	to := &redirect{fd: r.text[r.at:at]}
	r.at = at
	for _, op := range []string{"<<-", "<<", "<>", "<&", ">>", ">&", ">|", "<", ">"} {
		if r.has(op) {
			to.op = op
			r.at += len(op)
			break
		}
	}
	r.blanks()
	w := r.word()
	if w == nil {
		r.fail("the file of a redirection is missing")
	}
	to.target = w
	if strings.HasPrefix(to.op, "<<") {
		h := &hereDoc{strip: to.op == "<<-", target: to}
		for _, p := range w {
			h.end += p.text
			h.quoted = h.quoted || p.quoted
		}
		r.pending = append(r.pending, h)
	}
	return to
}
