package pysource

import "strings"

// evidence notes what only some versions of Python take.
func (r *reader) evidence(t []Token) {
	since := func(python, what string, line int) {
		if e := r.file.Since; e == nil || older(e.Python, python) {
			r.file.Since = &Evidence{python, what, line}
		}
	}
	two := func(what string, line int) {
		if r.file.Two == nil {
			r.file.Two = &Evidence{What: what, Line: line}
		}
	}
	for i, k := range t {
		next := Token{}
		if i+1 < len(t) {
			next = t[i+1]
		}
		switch {
		case k.Kind == String && strings.Contains(k.Prefix(), "f"):
			since("3.6", "an f-string", k.Line)
		case k.Kind == String && k.Prefix() == "ur":
			two("a string that begins with ur", k.Line)
		case k.Is(":="):
			since("3.8", "the operator :=", k.Line)
		case k.Is("`"):
			two("backquotes", k.Line)
		case k.Is("<>"):
			two("the operator <>", k.Line)
		case k.Kind == Number && oldNumber(k.Text):
			two("the number "+k.Text, k.Line)
		case k.Kind == Name && (k.Text == "print" || k.Text == "exec") && begins(t, i) && next.Line == k.Line &&
			(next.Kind == String || next.Kind == Number || next.Kind == Name && !operatorWords[next.Text] || k.Text == "print" && next.Is(">>")):
			two("the statement "+k.Text, k.Line)
		}
	}
	switch {
	case len(t) == 1:
	case t[0].Is("except"):
		depth := 0
		for _, k := range t {
			switch {
			case k.Is("("):
				depth++
			case k.Is(")"):
				depth--
			case k.Is(",") && depth == 0 && t[len(t)-1].Is(":") && !has(t, "as"):
				two("except with a comma", k.Line)
			}
		}
		if t[1].Is("*") {
			since("3.11", "except*", t[0].Line)
		}
	case t[0].Is("async"), t[0].Is("await") && t[1].Kind == Name:
		since("3.5", "the statement "+t[0].Text, t[0].Line)
	case t[0].Is("from") && t[1].Is("__future__") && has(t, "annotations"):
		since("3.7", "from __future__ import annotations", t[0].Line)
	case t[0].Is("match") && t[1].Kind != Operator && t[len(t)-1].Is(":") && !operatorWords[t[1].Text]:
		since("3.10", "the statement match", t[0].Line)
	case t[0].Is("type") && t[1].Kind == Name && len(t) > 3 && t[2].Is("="):
		since("3.12", "the statement type", t[0].Line)
	case len(t) > 3 && t[0].Kind == Name && t[1].Is(":") && t[2].Kind == Name && !compound[t[0].Text] && t[0].Text != "lambda":
		since("3.6", "an annotation of a variable", t[0].Line)
	}
}

// begins tells whether a statement begins at i.
func begins(t []Token, i int) bool {
	return i == 0 || t[i-1].Is(";") || t[i-1].Is(":")
}

// operatorWords may stand behind a name in an expression.
var operatorWords = map[string]bool{"in": true, "is": true, "and": true, "or": true, "not": true, "if": true, "else": true, "for": true, "as": true}

// oldNumber tells whether only Python 2 takes a number: 0777, 10L.
func oldNumber(text string) bool {
	if c := text[len(text)-1]; c == 'l' || c == 'L' {
		return true
	}
	return len(text) > 1 && text[0] == '0' && strings.Trim(text, "01234567") == "" && strings.Trim(text, "0") != ""
}

// older compares minor versions, "3.6" and "3.10".
func older(a, b string) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}
