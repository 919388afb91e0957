package lockfile

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// codec goes through the facts of a lock in the order of the file. It either writes them, or reads them from a file that
// is as it would write it; so both can only agree on what the file has. Each of its methods is about a line or table,
// which is not there if the value is zero.
type codec struct {
	out    bytes.Buffer
	broken []string // strings that are not UTF-8, which TOML cannot hold

	reading bool
	in      string // what is left to be read
	wrong   bool   // it is not what is written for any lock
}

// readCanonical reads a lock that is written as [Encode] does, in a small part of the time that any TOML takes. Where it
// is not ok, the text may still be a lock, and a TOML reader says what is wrong. Where it is ok, the text is TOML that
// says just this; its lists may be out of order.
func readCanonical(text string) (l *Lock, ok bool) {
	if !utf8.ValidString(text) {
		return nil, false
	}
	l = &Lock{}
	c := &codec{reading: true, in: text}
	c.lock(l)
	return l, c.in == "" && !c.wrong
}

// take passes over a text if it comes next.
func (c *codec) take(text string) bool {
	rest, ok := strings.CutPrefix(c.in, text)
	if ok {
		c.in = rest
	}
	return ok
}

// line passes over a line, and gives it without its end.
func (c *codec) line() string {
	line, rest, ok := strings.Cut(c.in, "\n")
	c.wrong = c.wrong || !ok
	c.in = rest
	return line
}

// value is what stands behind a key, if the key comes next.
func (c *codec) value(key string) (string, bool) {
	const is = " = "
	if !strings.HasPrefix(c.in, key) || !strings.HasPrefix(c.in[len(key):], is) {
		return "", false
	}
	c.in = c.in[len(key)+len(is):]
	return c.line(), true
}

func (c *codec) write(key, value string) {
	c.out.WriteString(key)
	c.out.WriteString(" = ")
	c.out.WriteString(value)
	c.out.WriteByte('\n')
}

// fixed is a text that is always there.
func (c *codec) fixed(text string) {
	if !c.reading {
		c.out.WriteString(text)
		return
	}
	c.wrong = !c.take(text) || c.wrong
}

// table begins a table that is always there.
func (c *codec) table(head string) {
	c.fixed("\n")
	c.fixed(head)
	c.fixed("\n")
}

// tables are a list of tables.
func tables[T any](c *codec, head string, list *[]T, each func(*T)) {
	if !c.reading {
		for i := range *list {
			c.table(head)
			each(&(*list)[i])
		}
		return
	}
	for head := "\n" + head + "\n"; c.take(head); {
		*list = append(*list, *new(T))
		each(&(*list)[len(*list)-1])
	}
}

func (c *codec) text(key string, s *string) {
	if !c.reading {
		if *s != "" {
			c.write(key, c.quote(*s))
		}
	} else if value, ok := c.value(key); ok {
		*s = c.unquote(value)
		c.wrong = c.wrong || *s == ""
	}
}

func (c *codec) number(key string, n *int64) {
	if !c.reading {
		if *n != 0 {
			c.write(key, strconv.FormatInt(*n, 10))
		}
	} else if value, ok := c.value(key); ok {
		*n, _ = strconv.ParseInt(value, 10, 64)
		c.wrong = c.wrong || *n == 0 || strconv.FormatInt(*n, 10) != value
	}
}

func (c *codec) flag(key string, on *bool) {
	if !c.reading {
		if *on {
			c.write(key, "true")
		}
	} else if value, ok := c.value(key); ok {
		*on = true
		c.wrong = c.wrong || value != "true"
	}
}

func (c *codec) time(key string, t *time.Time) {
	if !c.reading {
		if !t.IsZero() {
			c.write(key, t.Format(time.RFC3339))
		}
	} else if value, ok := c.value(key); ok {
		const form = "2006-01-02T15:04:05Z" // RFC 3339 in UTC
		var err error
		*t, err = time.Parse(form, value)
		c.wrong = c.wrong || err != nil || len(value) != len(form) || t.IsZero()
	}
}

func (c *codec) list(key string, list *[]string) {
	if !c.reading {
		c.writeList(key, *list)
		return
	}
	value, ok := c.value(key)
	if !ok {
		return
	}
	if value != "[" {
		inner, open := strings.CutPrefix(value, "[")
		inner, closed := strings.CutSuffix(inner, "]")
		c.wrong = c.wrong || !open || !closed
		*list = []string{c.unquote(inner)}
		return
	}
	for c.take("    ") {
		one, comma := strings.CutSuffix(c.line(), ",")
		c.wrong = c.wrong || !comma
		*list = append(*list, c.unquote(one))
	}
	c.wrong = !c.take("]\n") || c.wrong || len(*list) < 2
}

func (c *codec) writeList(key string, list []string) {
	switch len(list) {
	case 0:
	case 1:
		c.write(key, "["+c.quote(list[0])+"]")
	default:
		c.write(key, "[")
		for _, s := range list {
			c.out.WriteString("    ")
			c.out.WriteString(c.quote(s))
			c.out.WriteString(",\n")
		}
		c.out.WriteString("]\n")
	}
}

func (c *codec) edges(key string, edges *[]Dependency) {
	var list []string
	for _, d := range *edges {
		list = append(list, d.String())
	}
	c.list(key, &list)
	if !c.reading || len(list) == 0 {
		return
	}
	*edges = make([]Dependency, len(list))
	for i := range list {
		err := (*edges)[i].UnmarshalText([]byte(list[i]))
		c.wrong = c.wrong || err != nil
	}
}

// dict is a table of strings under keys of any kind.
func (c *codec) dict(head string, m *map[string]string) {
	if !c.reading {
		if len(*m) == 0 {
			return
		}
		c.table(head)
		for _, key := range slices.Sorted(maps.Keys(*m)) {
			c.write(c.key(key), c.quote((*m)[key]))
		}
		return
	}
	if !c.take("\n" + head + "\n") {
		return
	}
	*m = map[string]string{}
	for c.in != "" && c.in[0] != '\n' {
		key, value, ok := cutKey(c.line())
		if key != "" && key[0] == '"' {
			key = c.unquote(key)
		} else {
			ok = ok && isBare(key)
		}
		if _, twice := (*m)[key]; twice || !ok {
			c.wrong = true
		}
		(*m)[key] = c.unquote(value)
	}
	c.wrong = c.wrong || len(*m) == 0
}

// cutKey takes a line apart; a key in quotes may hold what otherwise ends it.
func cutKey(line string) (key, value string, ok bool) {
	end := 0
	if strings.HasPrefix(line, `"`) {
		for end = 1; end < len(line) && line[end] != '"'; end++ {
			if line[end] == '\\' {
				end++
			}
		}
	}
	i := strings.Index(line[min(end, len(line)):], " = ")
	if i < 0 {
		return "", "", false
	}
	return line[:end+i], line[end+i+len(" = "):], true
}

// key leaves the key bare where TOML allows it.
func (c *codec) key(key string) string {
	if isBare(key) {
		return key
	}
	return c.quote(key)
}

func isBare(key string) bool {
	return key != "" && strings.Trim(key, "-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// quote is Quote, which notes what no string of TOML can hold.
func (c *codec) quote(s string) string {
	if !utf8.ValidString(s) {
		c.broken = append(c.broken, s)
	}
	return Quote(s)
}

// unquote reads what Quote writes.
func (c *codec) unquote(text string) string {
	inner, open := strings.CutPrefix(text, `"`)
	inner, closed := strings.CutSuffix(inner, `"`)
	if open && closed && isPlain(inner) {
		return inner
	}
	var b strings.Builder
	for inner != "" {
		plain, escaped, _ := strings.Cut(inner, `\`)
		b.WriteString(plain)
		if inner = escaped; escaped == "" {
			break
		}
		letter := escaped[0]
		inner = escaped[1:]
		if i := strings.IndexByte("btnfr", letter); i >= 0 {
			letter = "\b\t\n\f\r"[i]
		} else if letter == 'u' {
			code, _ := strconv.ParseUint(inner[:min(4, len(inner))], 16, 8)
			letter, inner = byte(code), inner[min(4, len(inner)):]
		}
		b.WriteByte(letter)
	}
	s := b.String()
	c.wrong = c.wrong || Quote(s) != text
	return s
}

// isPlain tells whether a string has nothing but letters, digits and signs of ASCII that stand for themselves in quotes.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
