package maintscript

import "strings"

func (w *walker) forLoop(n forNode) Status {
	words := w.args
	if !n.args {
		words = w.fields(n.words)
	}
	status := Yes
	for _, x := range words {
		w.vars[n.name] = x
		if !x.Known { // any number of words
			certain := w.certain
			w.certain = false
			status = w.list(n.body)
			w.certain = certain
		} else {
			status = w.list(n.body)
		}
		if w.stop == continuing {
			w.stop = running
		}
		if w.stop == breaking {
			w.stop = running
			break
		}
		if w.stop != running || w.tired() {
			break
		}
	}
	return status
}

// whileLoop walks the body once, with all that it sets unknown: nothing is known of how often it runs.
func (w *walker) whileLoop(n whileNode) Status {
	if names, ok := w.reads(n); ok && w.stdin != nil && w.stdin.Known {
		return w.lines(names, w.stdin.Text, n.body)
	}
	certain := w.certain
	cond := w.list(n.cond)
	if n.until {
		cond = cond.not()
	}
	if cond == No || w.stop != running {
		return Yes
	}
	w.certain = false
	before := w.clone(w.vars)
	w.list(n.body)
	if w.stop == continuing {
		w.stop = running
	}
	w.vars = w.merged(before, w.vars)
	w.list(n.body)
	w.vars = w.merged(before, w.vars)
	w.certain = certain
	if w.stop == breaking || w.stop == continuing || w.stop == returning {
		w.stop = running
	}
	return Maybe
}

// reads tells whether a loop is `while read NAME…`.
func (w *walker) reads(n whileNode) ([]string, bool) {
	if n.until || len(n.cond) != 1 {
		return nil, false
	}
	c, ok := n.cond[0].(simple)
	if !ok || len(c.words) < 2 || c.words[0].plain() != "read" || len(c.redirects) > 0 || len(c.assigns) > 0 {
		return nil, false
	}
	return readNames(Call{Args: w.fields(c.words)}), true
}

// lines walks a loop's body for each line of known input.
func (w *walker) lines(names []string, text string, body []node) Status {
	stdin := w.stdin
	defer func() { w.stdin = stdin }()
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if text == "" {
			break
		}
		fields := strings.Fields(line)
		for i, name := range names {
			value := ""
			if i < len(fields) {
				value = fields[i]
			}
			if i == len(names)-1 && i < len(fields) {
				value = strings.Join(fields[i:], " ")
			}
			w.vars[name] = Arg{value, true}
		}
		w.stdin = nil
		w.list(body)
		if w.stop == continuing {
			w.stop = running
		}
		if w.stop != running || w.tired() {
			break
		}
	}
	if w.stop == breaking {
		w.stop = running
	}
	return Yes
}
