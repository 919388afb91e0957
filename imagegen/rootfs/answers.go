package rootfs

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/maintscript"
)

// basic turns a basic regular expression into Go's: `\(` and its like are what others write without `\`.
func basic(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\' && i+1 < len(pattern):
			i++
			if strings.IndexByte("(){}|+?", pattern[i]) >= 0 {
				b.WriteByte(pattern[i])
			} else {
				b.WriteString(`\` + pattern[i:i+1])
			}
		case strings.IndexByte("(){}|+?", c) >= 0:
			b.WriteString(`\` + string(c))
		case c == '[':
			end := strings.IndexByte(pattern[min(i+2, len(pattern)):], ']')
			if end < 0 {
				b.WriteByte(c)
				continue
			}
			b.WriteString(pattern[i : i+end+3])
			i += end + 2
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// grep answers where its input is known: grep(1) with one pattern.
func (c *configuration) grep(call maintscript.Call) (maintscript.Result, bool) {
	o, words, ok := splitOptions(call.Words(), "e regexp", "q s i v x w E F c l h H quiet silent no-messages ignore-case invert-match line-regexp extended-regexp fixed-strings word-regexp")
	if !ok || has(o, "c", "l", "H") {
		return maintscript.Result{}, false
	}
	if has(o, "e", "regexp") {
		words = append([]string{o["e"] + o["regexp"]}, words...)
	}
	if len(words) == 0 {
		return maintscript.Result{}, false
	}
	pattern := words[0]
	switch {
	case has(o, "F", "fixed-strings") || call.Name() == "fgrep":
		pattern = regexp.QuoteMeta(pattern)
	case !has(o, "E", "extended-regexp") && call.Name() != "egrep":
		pattern = basic(pattern)
	}
	if has(o, "x", "line-regexp") {
		pattern = "^(?:" + pattern + ")$"
	}
	if has(o, "w", "word-regexp") {
		pattern = `\b(?:` + pattern + `)\b`
	}
	if has(o, "i", "ignore-case") {
		pattern = "(?i)" + pattern
	}
	match, err := regexp.Compile(pattern)
	if err != nil {
		return maintscript.Result{}, false
	}
	var text string
	if len(words) == 1 {
		if call.Stdin == nil || !call.Stdin.Known {
			return maintscript.Result{}, false
		}
		text = call.Stdin.Text
	}
	for _, file := range words[min(1, len(words)):] {
		part, _ := c.Read(file)
		text += part
	}
	result := maintscript.Result{Status: maintscript.No, Known: true}
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if text != "" && match.MatchString(line) != has(o, "v", "invert-match") {
			result.Status = maintscript.Yes
			if !has(o, "q", "quiet", "silent") {
				result.Output += line + "\n"
			}
		}
	}
	return result, true
}

// packages answers questions about what is installed: all packages of the tree are.
func (c *configuration) packages(words []string, last string) (maintscript.Result, bool) {
	yes := maintscript.Result{Status: maintscript.Yes, Known: true}
	no := maintscript.Result{Status: maintscript.No, Known: true}
	name, _, _ := strings.Cut(last, ":")
	u := c.all[name]
	switch words[0] {
	case "--print-architecture":
		yes.Output = c.arch + "\n"
		return yes, true
	case "-S", "--search":
		if c.shippers == nil {
			c.shippers = map[string]string{}
			for _, u := range c.all {
				for _, p := range u.shipped {
					c.shippers["/"+p] = u.Name
				}
			}
		}
		if c.shippers[last] == "" {
			return no, true
		}
		return maintscript.Result{Status: maintscript.Yes}, true
	case "-L", "--listfiles":
		if u == nil || len(words) != 2 {
			return no, u == nil
		}
		yes.Output = u.list()
		return yes, true
	case "-f", "-W", "--show", "-s", "--status", "-l", "--list":
		if o, of, ok := splitOptions(words, "f showformat", "W show"); ok && u != nil && len(of) == 1 && o["f"]+o["showformat"] == "${Version}" {
			yes.Output = u.Version
			return yes, true
		}
		if u == nil && len(words) == 2 {
			return no, true
		}
		return maintscript.Result{Status: maintscript.Yes}, u != nil
	}
	return maintscript.Result{}, false
}

// question answers commands that only ask.
func (c *configuration) question(call maintscript.Call) (maintscript.Result, bool) {
	words := call.Words()
	if !call.Known() || len(words) == 0 && call.Name() != "mktemp" && call.Name() != "tempfile" {
		return maintscript.Result{}, false
	}
	last := ""
	if len(words) > 0 {
		last = words[len(words)-1]
	}
	yes := func(output string) (maintscript.Result, bool) {
		return maintscript.Result{Status: maintscript.Yes, Output: output, Known: true}, true
	}
	no := maintscript.Result{Status: maintscript.No, Known: true}
	switch call.Name() {
	case "mktemp", "tempfile":
		c.temporary++
		name := fmt.Sprintf("%s.%d", temporary, c.temporary)
		if contains(strings.Join(words, " "), "-d") {
			c.t.dir(name, 0o700, 0)
		} else {
			c.t.file(name, 0o600, 0, nil)
		}
		return yes("/" + name + "\n")
	case "dpkg-realpath":
		at, err := c.t.resolve(last)
		return maintscript.Result{Status: maintscript.Yes, Output: "/" + at + "\n", Known: err == nil}, true
	case "find":
		if e, _, ok := c.t.stat(words[0]); !ok || e.Kind == layer.Dir && len(c.t.paths(e.Path)) == 0 {
			return maintscript.Result{Known: true}, true // nothing is there to be found
		}
	case "ls":
		if !path.IsAbs(last) {
			break
		}
		if !c.t.exists(last) {
			return no, true
		}
		return maintscript.Result{Status: maintscript.Yes}, true
	case "stat":
		e, _, ok := c.t.stat(last)
		format := words[max(0, len(words)-2)]
		if at := strings.TrimLeft(format, "%"); ok && len(format) == 2 && strings.ContainsAny(at, "aug") {
			return yes(map[string]string{"a": strconv.FormatUint(uint64(e.Mode), 8), "u": strconv.Itoa(e.UID), "g": strconv.Itoa(e.GID)}[at] + "\n")
		}
	case "getent":
		file := map[string]string{"passwd": "etc/passwd", "group": "etc/group", "shadow": "etc/shadow", "gshadow": "etc/gshadow"}[words[0]]
		if file == "" || len(words) != 2 {
			return maintscript.Result{}, false
		}
		for _, fields := range c.t.table(file) {
			if fields[0] == last || len(fields) > 2 && fields[2] == last && strings.HasSuffix(words[0], "d") {
				return yes(strings.Join(fields, ":") + "\n")
			}
		}
		return no, true
	case "id":
		fields := c.t.table("etc/passwd").find(last)
		if fields == nil {
			return no, true
		}
		return maintscript.Result{Status: maintscript.Yes}, true
	case "readlink":
		if len(words) == 1 {
			if e, ok := c.t.get(last); ok && e.Kind == layer.Symlink {
				return yes(e.Link + "\n")
			}
			return no, true
		}
		if len(words) == 2 && (words[0] == "-f" || words[0] == "-e") && path.IsAbs(last) {
			at, err := c.t.resolve(last)
			return maintscript.Result{Status: maintscript.Yes, Output: "/" + at + "\n", Known: err == nil}, true
		}
	case "dpkg-statoverride":
		if words[0] == "--list" {
			if o, ok := c.overrides[last]; ok {
				return yes(o + " " + last + "\n")
			}
			return no, true
		}
	case "dpkg-divert":
		switch words[0] {
		case "--truename":
			for _, d := range c.diversions {
				if d.from == last {
					return yes(d.to + "\n")
				}
			}
			return yes(last + "\n")
		case "--listpackage":
			for _, d := range c.diversions {
				if d.from == last {
					return yes(d.by + "\n")
				}
			}
			return yes("")
		}
	case "cat":
		if text, ok := c.Read(last); ok && len(words) == 1 && call.Output == nil {
			return yes(text)
		}
	case "grep", "egrep", "fgrep":
		return c.grep(call)
	case "sed":
		return c.edited(call)
	case "seq":
		return sequence(words)
	case "cmp":
		return c.same(words)
	case "dpkg-query", "dpkg":
		return c.packages(words, last)
	}
	return maintscript.Result{}, false
}
