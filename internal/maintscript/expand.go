package maintscript

import (
	"path"
	"strconv"
	"strings"
)

// text expands a word to one string, as in an assignment: no splitting, no globbing.
func (w *walker) text(from word) Arg {
	var b strings.Builder
	known := true
	for _, p := range from {
		a := w.part(p)
		known = known && a.Known
		if b.Len()+len(a.Text) > maxText || !w.spend(len(a.Text)) {
			return Arg{Text: "*"}
		}
		b.WriteString(a.Text)
	}
	return Arg{b.String(), known}
}

// pattern expands a word whose quoted characters stand for themselves.
func (w *walker) pattern(from word) Arg {
	var b strings.Builder
	known := true
	for _, p := range from {
		a := w.part(p)
		known = known && a.Known
		if p.quoted {
			a.Text = escape.Replace(a.Text)
		}
		if b.Len()+len(a.Text) > maxText || !w.spend(len(a.Text)) {
			return Arg{Text: "*"}
		}
		b.WriteString(a.Text)
	}
	return Arg{b.String(), known}
}

var escape = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// matchPattern is the shell's, in which `*` matches slashes too.
func matchPattern(pattern, s string) bool {
	const slash = "\x01"
	pattern = strings.ReplaceAll(strings.ReplaceAll(pattern, "[!", "[^"), "/", slash)
	ok, err := path.Match(pattern, strings.ReplaceAll(s, "/", slash))
	return ok && err == nil
}

// fields expands the words of a command: unquoted expansions are split at blanks, and patterns are
// replaced by what they match.
func (w *walker) fields(words []word) []Arg {
	var all []Arg
	for _, from := range words {
		more := w.field(from)
		if len(all)+len(more) > maxWords || !w.spend(len(more)*variableSize) {
			return append(all, Arg{Text: "*"})
		}
		all = append(all, more...)
	}
	return all
}

func (w *walker) field(from word) []Arg {
	var all []Arg
	var now Arg
	now.Known = true
	open, globs := false, false
	var pattern strings.Builder
	finish := func() {
		if !open {
			return
		}
		if len(all) > maxWords { // which fields sees
			return
		}
		if globs && now.Known {
			from, below := pattern.String(), ""
			if !strings.HasPrefix(from, "/") && w.dir != "" {
				below = strings.TrimSuffix(w.dir, "/") + "/"
			}
			if found, ok := w.system.Glob(escape.Replace(below) + from); ok {
				for _, f := range found {
					all = append(all, Arg{strings.TrimPrefix(f, below), true})
				}
				if len(found) > 0 {
					now, open, globs = Arg{Known: true}, false, false
					pattern.Reset()
					return
				}
			} else {
				now.Known = false
			}
		}
		all = append(all, now)
		now, open, globs = Arg{Known: true}, false, false
		pattern.Reset()
	}
	add := func(s string, quoted bool) {
		open = true
		if len(now.Text)+len(s) > maxText || !w.spend(len(now.Text)+len(s)) {
			now.Text, now.Known, globs = "*", false, false
			return
		}
		now.Text += s
		if quoted {
			s = escape.Replace(s)
		} else if strings.ContainsAny(s, "*?") || strings.Contains(s, "[") && strings.Contains(s, "]") {
			globs = true
		}
		pattern.WriteString(s)
	}
	for _, p := range from {
		if p.kind == parameter && (p.text == "@" || p.text == "*" && !p.quoted) && p.op == "" {
			for i, a := range w.args {
				if !w.spend(len(a.Text)) {
					break
				}
				if i > 0 {
					finish()
				}
				add(a.Text, true)
				now.Known = now.Known && a.Known
			}
			continue
		}
		a := w.part(p)
		if !a.Known {
			now.Known = false
			add(a.Text, true)
			continue
		}
		if p.kind == literal || p.quoted {
			add(a.Text, p.quoted)
			continue
		}
		w.spend(4 * len(a.Text))
		pieces := strings.FieldsFunc(a.Text, func(c rune) bool { return c == ' ' || c == '\t' || c == '\n' })
		if a.Text != "" && strings.ContainsRune(" \t\n", rune(a.Text[0])) {
			finish()
		}
		for i, piece := range pieces {
			if i > 0 {
				finish()
			}
			add(piece, false)
		}
		if a.Text != "" && strings.ContainsRune(" \t\n", rune(a.Text[len(a.Text)-1])) {
			finish()
		}
	}
	finish()
	return all
}

func (w *walker) part(p part) Arg {
	switch p.kind {
	case literal:
		return Arg{p.text, true}
	case substitution:
		text, known := w.capture(p.body)
		if !known {
			return Arg{Text: "*"}
		}
		return Arg{text, true}
	case arithmetic:
		return Arg{Text: "*"}
	}
	return w.parameter(p)
}

// parameter expands $NAME and ${NAME op word}.
func (w *walker) parameter(p part) Arg {
	value, set := w.variable(p.text)
	if p.op == "" {
		return value
	}
	if !value.Known {
		w.text(p.arg)
		return Arg{Text: "*"}
	}
	full := set && (value.Text != "" || p.op[0] != ':')
	switch strings.TrimPrefix(p.op, ":") {
	case "-":
		if !full {
			return w.text(p.arg)
		}
		return value
	case "=":
		if !full {
			value = w.text(p.arg)
			w.vars[p.text] = value
		}
		return value
	case "+":
		if full {
			return w.text(p.arg)
		}
		return Arg{"", true}
	case "?":
		return value
	case "length":
		return Arg{strconv.Itoa(len(value.Text)), true}
	case "#", "##", "%", "%%":
		pattern := w.pattern(p.arg)
		// Each place of the value is tried, which reads what is before or behind it.
		if !pattern.Known || len(value.Text) > 4096 || !w.spend(len(value.Text)*(64+len(value.Text))) {
			return Arg{Text: "*"}
		}
		return Arg{cutPattern(value.Text, p.op, pattern.Text), true}
	}
	return Arg{Text: "*"}
}

// cutPattern removes the shortest or longest match at the beginning or the end.
func cutPattern(s, op, pattern string) string {
	n := len(s)
	for i := range n + 1 {
		at := i
		if op == "##" || op == "%%" {
			at = n - i
		}
		if op[0] == '#' && matchPattern(pattern, s[:at]) {
			return s[at:]
		}
		if op[0] == '%' && matchPattern(pattern, s[n-at:]) {
			return s[:n-at]
		}
	}
	return s
}

// variable gives a parameter's value and whether it is set.
func (w *walker) variable(name string) (Arg, bool) {
	switch name {
	case "?":
		switch w.status {
		case Yes:
			return Arg{"0", true}, true
		case No:
			return Arg{"1", true}, true
		}
		return Arg{Text: "*"}, true
	case "#":
		return Arg{strconv.Itoa(len(w.args)), true}, true
	case "$", "!", "-", "0":
		return Arg{Text: "*"}, true
	case "@", "*":
		all := Arg{Known: true}
		for i, a := range w.args {
			if i > 0 {
				all.Text += " "
			}
			if len(all.Text)+len(a.Text) > maxText || !w.spend(len(all.Text)+len(a.Text)) {
				return Arg{Text: "*"}, true
			}
			all.Text += a.Text
			all.Known = all.Known && a.Known
		}
		return all, len(w.args) > 0
	}
	if n, err := strconv.Atoi(name); err == nil {
		if n <= len(w.args) {
			return w.args[n-1], true
		}
		return Arg{"", true}, false
	}
	v, set := w.vars[name]
	if !set {
		v.Known = true
	}
	return v, set
}
