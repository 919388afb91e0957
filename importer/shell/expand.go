package shell

import "strings"

// nameLength is that of the variable's name that s begins with.
func nameLength(s string) int {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return i
		}
	}
	return len(s)
}

// Expand puts variables into a text, as Dockerfiles have them: $NAME, ${NAME}, ${NAME:-default}, ${NAME:+text}. It is false if one
// is not known, or used in another way; the text then has it as written.
func Expand(text string, vars map[string]string) (string, bool) { return expand(text, vars, 0) }

func expand(text string, vars map[string]string, depth int) (string, bool) {
	if depth > 8 {
		return text, false
	}
	var b strings.Builder
	all := true
	for i := 0; i < len(text); {
		c := text[i]
		if c == '\\' && i+1 < len(text) && text[i+1] == '$' {
			b.WriteByte('$')
			i += 2
			continue
		}
		if c != '$' {
			b.WriteByte(c)
			i++
			continue
		}
		if i+1 < len(text) && text[i+1] == '{' {
			n := closing(text[i+1:])
			if n < 0 {
				return text, false
			}
			value, ok := parameter(text[i+2:i+1+n], vars, depth)
			if !ok {
				value, all = text[i:i+n+2], false
			}
			b.WriteString(value)
			i += n + 2
			continue
		}
		n := nameLength(text[i+1:])
		value, ok := vars[text[i+1:i+1+n]]
		if !ok {
			value, all = text[i:i+1+n], all && n == 0
		}
		b.WriteString(value)
		i += 1 + n
		if b.Len() > maxWord {
			return text, false
		}
	}
	return b.String(), all
}

// closing is where the brace that a text begins with is closed.
func closing(text string) int {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// parameter is the value of what stands in ${…}.
func parameter(inner string, vars map[string]string, depth int) (string, bool) {
	n := nameLength(inner)
	value, set := vars[inner[:n]]
	rest := inner[n:]
	if n == 0 {
		return "", false
	}
	if rest == "" {
		return value, set
	}
	colon := strings.HasPrefix(rest, ":")
	rest = strings.TrimPrefix(rest, ":")
	if rest == "" || colon && strings.IndexByte("-+=?", rest[0]) < 0 {
		return "", false
	}
	given := set && (!colon || value != "")
	switch rest[0] {
	case '-', '=':
		if given {
			return value, true
		}
		return expand(rest[1:], vars, depth+1)
	case '+':
		if given {
			return expand(rest[1:], vars, depth+1)
		}
		return "", true
	case '?':
		return value, given
	}
	return "", false
}
