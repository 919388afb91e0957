package rootfs

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/envpack/envpack/internal/maintscript"
)

// maxSequence bounds what is counted out.
const maxSequence = 10_000

// sequence is seq(1) with whole numbers.
func sequence(words []string) (maintscript.Result, bool) {
	numbers := []int{1, 1, 0}
	var given []int
	for _, w := range words {
		n, err := strconv.Atoi(w)
		if err != nil {
			return maintscript.Result{}, false
		}
		given = append(given, n)
	}
	switch len(given) {
	case 1:
		numbers[2] = given[0]
	case 2:
		numbers[0], numbers[2] = given[0], given[1]
	case 3:
		copy(numbers, given)
	}
	first, step, last := numbers[0], numbers[1], numbers[2]
	if len(given) == 0 || len(given) > 3 || step == 0 || abs(last-first)/abs(step) > maxSequence {
		return maintscript.Result{}, false
	}
	var b strings.Builder
	for n := first; step > 0 && n <= last || step < 0 && n >= last; n += step {
		b.WriteString(strconv.Itoa(n) + "\n")
	}
	return maintscript.Result{Status: maintscript.Yes, Output: b.String(), Known: true}, true
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// same answers cmp(1) where it says nothing: files that are not there are not the same.
func (c *configuration) same(words []string) (maintscript.Result, bool) {
	o, files, ok := splitOptions(words, "", "s silent quiet")
	if !ok || len(files) != 2 || !absolute(files) || !has(o, "s", "silent", "quiet") {
		return maintscript.Result{}, false
	}
	result := maintscript.Result{Status: maintscript.No, Known: true}
	var texts []string
	for _, f := range files {
		if c.Stat(f, false).Kind == maintscript.Missing {
			return result, true
		}
		text, ok := c.Read(f)
		if !ok {
			return maintscript.Result{}, false
		}
		texts = append(texts, text)
	}
	if texts[0] == texts[1] {
		result.Status = maintscript.Yes
	}
	return result, true
}

// edit is a program for sed(1) of one command, `s/…/…/`, p or d, for the lines that an expression in front of it matches.
type edit struct {
	address     *regexp.Regexp
	command     byte
	match       *regexp.Regexp
	replacement string
	all, print  bool
}

// parseEdit reads one; false if it is another program.
func parseEdit(program string, extended bool) (e edit, ok bool) {
	compile := func(pattern, flags string) *regexp.Regexp {
		if !extended {
			pattern = basic(pattern)
		}
		re, err := regexp.Compile(flags + pattern)
		if err != nil || pattern == "" { // an empty one stands for the last that was used
			return nil
		}
		re.Longest()
		return re
	}
	program = strings.TrimSpace(program)
	if strings.HasPrefix(program, "/") {
		pattern, rest, found := cutUnescaped(program[1:], '/')
		if e.address = compile(pattern, ""); !found || e.address == nil {
			return e, false
		}
		program = strings.TrimSpace(rest)
	}
	if program == "p" || program == "d" {
		e.command = program[0]
		return e, true
	}
	if len(program) < 4 || program[0] != 's' || strings.IndexByte("\\\n", program[1]) >= 0 {
		return e, false
	}
	e.command = 's'
	pattern, rest, found := cutUnescaped(program[2:], program[1])
	replacement, flags, ended := cutUnescaped(rest, program[1])
	if !found || !ended || strings.Trim(flags, "gpiI") != "" {
		return e, false
	}
	e.all, e.print = strings.Contains(flags, "g"), strings.Contains(flags, "p")
	ignoreCase := ""
	if strings.ContainsAny(flags, "iI") {
		ignoreCase = "(?i)"
	}
	e.match = compile(pattern, ignoreCase)
	e.replacement, ok = expansion(replacement)
	return e, ok && e.match != nil
}

// cutUnescaped cuts at the first end that has no backslash before it; an escaped one is the character itself.
func cutUnescaped(s string, end byte) (before, after string, found bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			if s[i] != end {
				b.WriteByte('\\')
			}
		case s[i] == end:
			return b.String(), s[i+1:], true
		}
		b.WriteByte(s[i])
	}
	return b.String(), "", false
}

// expansion turns what stands for a match into the form of [regexp.Regexp.Expand].
func expansion(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '$':
			b.WriteString("$$")
		case c == '&':
			b.WriteString("${0}")
		case c == '\\' && i+1 < len(s):
			i++
			switch c := s[i]; {
			case c >= '0' && c <= '9':
				b.WriteString("${" + s[i:i+1] + "}")
			case c == 'n':
				b.WriteByte('\n')
			case c == 't':
				b.WriteByte('\t')
			case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z': // changes the case of what follows, and the like
				return "", false
			default:
				if c == '$' {
					b.WriteByte('$')
				}
				b.WriteByte(c)
			}
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}

// line gives what is printed for a line.
func (e edit) line(line string, quiet bool) string {
	text, end := strings.TrimSuffix(line, "\n"), ""
	if text != line {
		end = "\n"
	}
	out := ""
	applies := e.address == nil || e.address.MatchString(text)
	switch {
	case !applies:
	case e.command == 'd':
		return ""
	case e.command == 'p':
		out = text + "\n"
	case e.match.MatchString(text):
		text = e.replaced(text)
		if e.print {
			out = text + "\n"
		}
	}
	if !quiet {
		out += text + end
	}
	if end == "" {
		out = strings.TrimSuffix(out, "\n")
	}
	return out
}

func (e edit) replaced(text string) string {
	if e.all {
		return e.match.ReplaceAllString(text, e.replacement)
	}
	at := e.match.FindStringSubmatchIndex(text)
	return text[:at[0]] + string(e.match.ExpandString(nil, e.replacement, text, at)) + text[at[1]:]
}

// edited answers sed(1) of one simple command, where its input is known.
func (c *configuration) edited(call maintscript.Call) (maintscript.Result, bool) {
	words := call.Words()
	programs := 0
	for _, w := range words {
		if strings.HasPrefix(w, "--expression") || len(w) > 1 && w[0] == '-' && w[1] != '-' && strings.Contains(w, "e") {
			programs++
		}
	}
	o, operands, ok := splitOptions(words, "e expression", "n E r s u quiet silent regexp-extended")
	if !ok || programs > 1 {
		return maintscript.Result{}, false
	}
	program := o["e"] + o["expression"]
	if !has(o, "e", "expression") {
		if len(operands) == 0 {
			return maintscript.Result{}, false
		}
		program, operands = operands[0], operands[1:]
	}
	e, ok := parseEdit(program, has(o, "E", "r", "regexp-extended"))
	if !ok {
		return maintscript.Result{}, false
	}
	text := ""
	switch {
	case len(operands) > 1 || len(operands) == 0 && (call.Stdin == nil || !call.Stdin.Known):
		return maintscript.Result{}, false
	case len(operands) == 0:
		text = call.Stdin.Text
	default:
		if text, ok = c.Read(operands[0]); !ok || c.Stat(operands[0], false).Kind != maintscript.File {
			return maintscript.Result{}, false
		}
	}
	result := maintscript.Result{Status: maintscript.Yes, Known: true}
	for line := range strings.Lines(text) {
		result.Output += e.line(line, has(o, "n", "quiet", "silent"))
	}
	return result, true
}
