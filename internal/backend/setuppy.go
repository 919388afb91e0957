package backend

import (
	"strings"

	"github.com/envpack/envpack/internal/pattern"
)

var (
	setupRequiresHere = pattern.New(`\bsetup_requires\s*=\s*`)
	configKey         = pattern.New(`(?m)^setup_requires\s*=(.*(?:\n[ \t]+\S.*)*)`)
	identifier        = pattern.New(`^[A-Za-z_]\w*`)
)

// setupRequires are the requirements of setup_requires, as far as they stand in setup.py as strings, in place or in a list that
// a name is given to, or in setup.cfg. What a program makes of them, the build backend tells when it is asked.
func setupRequires(setup, config string) []string {
	var list []string
	for _, at := range setupRequiresHere().FindAllStringIndex(setup, -1) {
		rest := setup[at[1]:]
		if name := identifier().FindString(rest); name != "" && !strings.HasPrefix(rest[len(name):], "(") {
			rest = assigned(setup, name)
		}
		found, ok := literals(rest)
		if ok {
			list = append(list, found...)
		}
	}
	if m := configKey().FindStringSubmatch(config); m != nil {
		separator := "\n"
		if !strings.Contains(m[1], separator) {
			separator = ";"
		}
		for line := range strings.SplitSeq(m[1], separator) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				list = append(list, line)
			}
		}
	}
	clean := list[:0]
	for _, r := range list {
		if nameOf(r) != "" {
			clean = append(clean, r)
		}
	}
	return clean
}

// assigned is the text after "NAME =" at the beginning of a line, if that stands there once.
func assigned(source, name string) string {
	rest, count := "", 0
	for at := 0; at < len(source); {
		line := source[at:]
		if after, ok := strings.CutPrefix(line, name); ok {
			if value, ok := strings.CutPrefix(strings.TrimLeft(after, " \t"), "="); ok && !strings.HasPrefix(value, "=") {
				rest, count = strings.TrimLeft(value, " \t"), count+1
			}
		}
		end := strings.IndexByte(line, '\n')
		if end < 0 {
			break
		}
		at += end + 1
	}
	if count != 1 {
		return ""
	}
	return rest
}

// literals reads a string, or a list or tuple of nothing but strings, at the beginning of a text; ok is false for all else, and
// where something is done with the list.
func literals(s string) (list []string, ok bool) {
	if s == "" {
		return nil, false
	}
	var closing byte
	switch s[0] {
	case '[':
		closing = ']'
	case '(':
		closing = ')'
	default:
		one, _, ok := literal(s)
		return []string{one}, ok
	}
	for s = blank(s[1:]); s != ""; {
		if s[0] == closing {
			rest := strings.TrimLeft(s[1:], " \t")
			return list, rest == "" || strings.ContainsRune(",)\n\r#;", rune(rest[0]))
		}
		one, rest, ok := literal(s)
		if !ok {
			return nil, false
		}
		list = append(list, one)
		switch s = blank(rest); {
		case s == "":
			return nil, false
		case s[0] == ',':
			s = blank(s[1:])
		case s[0] != closing:
			return nil, false
		}
	}
	return nil, false
}

// literal reads a plain string without escapes.
func literal(s string) (value, rest string, ok bool) {
	s = strings.TrimLeft(s, "ur")
	if s == "" || s[0] != '"' && s[0] != '\'' || strings.HasPrefix(s, `"""`) || strings.HasPrefix(s, `'''`) {
		return "", "", false
	}
	end := strings.IndexByte(s[1:], s[0])
	if end < 0 || strings.ContainsAny(s[1:1+end], "\\\n") {
		return "", "", false
	}
	return s[1 : 1+end], s[2+end:], true
}

// blank skips spaces, line ends and comments.
func blank(s string) string {
	for {
		s = strings.TrimLeft(s, " \t\r\n\\")
		if !strings.HasPrefix(s, "#") {
			return s
		}
		end := strings.IndexByte(s, '\n')
		if end < 0 {
			return ""
		}
		s = s[end:]
	}
}
