package maintscript

import "strings"

// filter is a program that only reads as long as all of its options are these.
type filter struct {
	plain  string // letters of options without a value
	valued string // letters of options with one
	long   string // names of long options, without their value
}

var filterOptions = map[string]filter{
	"sed":  {"nErsuz", "e", "quiet silent expression regexp-extended separate unbuffered null-data posix"},
	"sort": {"bdfghiMnRrVcCmsuz", "ktST", "ignore-leading-blanks dictionary-order ignore-case general-numeric-sort human-numeric-sort numeric-sort random-sort reverse version-sort check key merge stable field-separator unique zero-terminated parallel"},
	"uniq": {"cdDiuz", "fsw", "count repeated ignore-case unique zero-terminated skip-fields skip-chars check-chars"},
	"awk":  {"", "Fv", "field-separator assign"},
	"mawk": {"", "Fv", "field-separator assign"},
}

// findTests are the words of find(1) that test, print or steer; the others run, delete or write.
var findTests = " -name -iname -path -ipath -wholename -iwholename -regex -iregex -regextype -type -xtype -maxdepth -mindepth -depth -d -print -print0 -printf -ls -user -group -uid -gid -nouser -nogroup -perm -size -newer -anewer -cnewer -newermt -mtime -mmin -ctime -cmin -atime -amin -empty -prune -xdev -mount -not -a -o -and -or -H -L -P -links -lname -ilname -follow -daystart -readable -writable -executable -samefile -inum -true -false -noleaf -quit -ignore_readdir_race "

// filters tells whether a program that filters text or lists files is asked for no more than that.
func filters(c Call) bool {
	name := c.Name()
	if name == "find" {
		for _, w := range c.Words() {
			if strings.HasPrefix(w, "-") && !strings.Contains(findTests, " "+w+" ") && strings.Trim(w, "-0123456789") != "" {
				return false
			}
		}
		return true
	}
	programs, operands, ok := filterOptions[name].split(c.Words())
	if !ok {
		return false
	}
	if name == "uniq" {
		return len(operands) < 2 // the second is written
	}
	if name == "sort" {
		return true
	}
	if name != "sed" {
		programs = nil
	}
	if len(programs) == 0 && len(operands) > 0 {
		programs = operands[:1]
	}
	for _, p := range programs {
		if name == "sed" && !sedReads(p) || name != "sed" && !awkReads(p) {
			return false
		}
	}
	return len(programs) > 0
}

// split sorts words into the values of -e and --expression, and operands; false if an option is another one.
func (f filter) split(words []string) (programs, operands []string, ok bool) {
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "--":
			return programs, append(operands, words[i+1:]...), true
		case strings.HasPrefix(w, "--"):
			option, value, _ := strings.Cut(w[2:], "=")
			if !strings.Contains(" "+f.long+" ", " "+option+" ") {
				return nil, nil, false
			}
			if option == "expression" {
				programs = append(programs, value)
			}
		case len(w) > 1 && w[0] == '-':
			for at := 1; at < len(w); at++ {
				if strings.IndexByte(f.valued, w[at]) >= 0 {
					value := w[at+1:]
					if i++; value != "" {
						i--
					} else if i < len(words) {
						value = words[i]
					}
					if w[at] == 'e' {
						programs = append(programs, value)
					}
					break
				}
				if strings.IndexByte(f.plain, w[at]) < 0 {
					return nil, nil, false
				}
			}
		default:
			operands = append(operands, w)
		}
	}
	return programs, operands, true
}

// sedReads tells whether a program for sed has none of the commands and flags w, W and e. One that is not
// understood may have them.
func sedReads(program string) bool {
	s := &reader{text: program}
	for s.at < len(s.text) {
		if !s.sedCommand() {
			return false
		}
	}
	return true
}

func (r *reader) skip(set string) {
	for r.at < len(r.text) && strings.IndexByte(set, r.text[r.at]) >= 0 {
		r.at++
	}
}

// delimited skips to behind the next unescaped end; in sed, one in brackets does not count in an expression.
func (r *reader) delimited(end byte, brackets bool) bool {
	for r.at < len(r.text) {
		c := r.next()
		switch {
		case c == end:
			return true
		case c == '\\' && r.at < len(r.text):
			r.at++
		case c == '[' && brackets:
			start := r.at
			r.skip("^")
			if r.peek() == ']' {
				r.at++
			}
			for r.at < len(r.text) && r.peek() != ']' {
				r.at++
			}
			if r.at >= len(r.text) {
				r.at = start
			}
		}
	}
	return false
}

func (r *reader) sedCommand() bool {
	r.skip(" \t\n;{}0123456789$,~+!IM")
	if r.at >= len(r.text) {
		return true
	}
	switch c := r.next(); c {
	case '/':
		return r.delimited('/', true)
	case '\\':
		return r.at < len(r.text) && r.delimited(r.next(), true)
	case 's', 'y':
		if r.at >= len(r.text) {
			return false
		}
		end := r.next()
		if !r.delimited(end, true) || !r.delimited(end, false) {
			return false
		}
		r.skip("gpiImM0123456789")
		return r.at >= len(r.text) || strings.IndexByte(" \t\n;}#", r.peek()) >= 0
	case 'b', 't', 'T', ':', 'r', 'R', '#', 'a', 'i', 'c':
		for r.at < len(r.text) && r.peek() != '\n' && (r.peek() != ';' || strings.IndexByte("btT", c) < 0) {
			if r.next() == '\\' && r.at < len(r.text) {
				r.at++
			}
		}
		return true
	default:
		return strings.IndexByte("dDgGhHnNpPxz=FqQlL", c) >= 0
	}
}

// awkReads tells whether a program for awk starts nothing and prints into no file.
func awkReads(program string) bool {
	r := &reader{text: program}
	before := byte(0) // the last byte that is no blank
	printing := false
	for r.at < len(r.text) {
		c := r.next()
		switch {
		case c == '"':
			if !r.delimited('"', false) {
				return false
			}
		case c == '/' && (before == 0 || strings.IndexByte("(,{};!~&|", before) >= 0):
			if !r.delimited('/', true) {
				return false
			}
		case c == '|' && r.peek() == '|':
			r.at++
		case c == '|':
			return false
		case isName(c, true):
			start := r.at - 1
			for isName(r.peek(), false) {
				r.at++
			}
			switch r.text[start:r.at] {
			case "system":
				return false
			case "print", "printf":
				printing = true
			}
		case c == ';' || c == '}' || c == '\n':
			printing = false
		case c == '>' && printing && !strings.HasPrefix(strings.TrimLeft(r.text[r.at:], " >"), `"/dev/std`):
			return false
		}
		if c != ' ' && c != '\t' {
			before = c
		}
	}
	return true
}

// startOptions are the options of programs that start another: those without and with a value.
var startOptions = map[string][2]string{
	"env": {"i0", "uC"}, "xargs": {"0rtx", "nIdPLsEa"}, "nice": {"", "n"}, "ionice": {"t", "cn"}, "nohup": {}, "setsid": {"w", ""},
}

// effectOfStarted judges a call by the command that it starts.
func effectOfStarted(c Call) Effect {
	options, words := startOptions[c.Name()], c.Args[1:]
	for len(words) > 0 {
		w := words[0].Text
		switch {
		case c.Name() == "env" && (w == "-" || strings.Contains(w, "=") && w[0] != '-'):
		case w == "--null" || w == "--no-run-if-empty":
		case len(w) < 2 || w[0] != '-':
			c.Args = words
			if c.Args[0].Known && EffectOf(c) == Harmless {
				return Harmless
			}
			return Harmful // nobody carries it out in this form
		default:
			for at := 1; at < len(w); at++ {
				if strings.IndexByte(options[1], w[at]) >= 0 {
					if at == len(w)-1 && len(words) > 1 {
						words = words[1:]
					}
					break
				}
				if strings.IndexByte(options[0], w[at]) < 0 {
					return Harmful
				}
			}
		}
		words = words[1:]
	}
	if deviceOutput(c.Output) {
		return Harmless
	}
	return Harmful
}
