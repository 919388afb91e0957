package maintscript

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Finding is something of a script that nobody does in its place.
type Finding struct {
	Line    int    // from 1
	Command string // as far as its words are known; `*` stands for what is not
	Reason  string // why it is not done
}

// String is "line N: COMMAND (REASON)".
func (f Finding) String() string {
	return fmt.Sprintf("line %d: %s (%s)", f.Line, f.Command, f.Reason)
}

// maxScript is the longest script that is read, in bytes.
const maxScript = 1 << 20

// Read parses a script. One that is no POSIX shell script gives a Finding instead.
func Read(script string) (*Script, *Finding) {
	first, _, _ := strings.Cut(script, "\n")
	if !utf8.ValidString(first) || strings.HasPrefix(script, "\x7fELF") {
		return nil, &Finding{1, "a program", "it is no script"}
	}
	if language, ok := strings.CutPrefix(first, "#!"); ok {
		words := strings.Fields(language)
		if len(words) > 1 && strings.HasSuffix(words[0], "/env") {
			words = words[1:]
		}
		shell := ""
		if len(words) > 0 {
			shell = words[0][strings.LastIndexByte(words[0], '/')+1:]
		}
		if shell != "sh" && shell != "bash" && shell != "dash" {
			return nil, &Finding{1, first, "it is not a shell's script"}
		}
	}
	if len(script) > maxScript {
		return nil, &Finding{1, "the script", "it is too long to be read"}
	}
	list, err := parse(script)
	if err != nil {
		return nil, &Finding{err.line, "the script", "its syntax is not understood: " + err.what}
	}
	return &Script{list, generators(script)}, nil
}

// generators finds the parts that debhelper's programs add, debhelper's autoscript function: they stand
// between two comments, of which the first names the program. Without its end, nothing is such a part.
func generators(script string) map[int]string {
	found := map[int]string{}
	now, start := "", 0
	for i, line := range strings.Split(script, "\n") {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "# Automatically added by "); ok {
			now, _, _ = strings.Cut(strings.TrimSpace(name), "/")
			start = i
		} else if strings.HasPrefix(line, "# End automatically added section") && now != "" {
			for at := start; at <= i; at++ {
				found[at+1] = now
			}
			now = ""
		}
	}
	return found
}

// Unique leaves out what was found before: functions and branches are walked more than once.
func Unique(all []Finding) []Finding {
	var list []Finding
	type place struct {
		line    int
		command string
	}
	seen := map[place]bool{}
	for _, f := range all {
		if at := (place{f.Line, f.Command}); !seen[at] {
			seen[at] = true
			list = append(list, f)
		}
	}
	return list
}

// Finding is the finding about a call; without a reason, that of the command.
func (c Call) Finding(reason string) Finding {
	var words []string
	for _, a := range c.Args {
		word := a.Text
		if word == "" || strings.ContainsAny(word, " \t\n") {
			word = "'" + word + "'"
		}
		words = append(words, word)
	}
	command := strings.Join(words, " ")
	if c.Output != nil {
		command += " > " + c.Output.File.Text
	}
	if len(command) > 160 {
		command = command[:160] + "…"
	}
	if reason == "" {
		reason = "what it does is not known"
		if e := EffectOf(c); e == Reproducible {
			reason = "its words are not known without running it"
		} else if r, ok := unreproduced[c.Name()]; ok {
			reason = r
		}
	}
	return Finding{c.Line, strings.ToValidUTF8(strings.ReplaceAll(command, "\n", " "), "?"), reason}
}
