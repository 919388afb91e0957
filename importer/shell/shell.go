// Package shell reads what a shell would run: the simple commands of a script, with their words, as far as these can be told
// without running anything. It is for what people write into Dockerfiles, READMEs and notebooks to install things.
//
// It runs nothing, expands no file names, and knows the output of no command: words that depend on such things are marked. Which
// branch of a condition is taken cannot be told either: commands in one are marked, too.
package shell

import (
	"fmt"
	"maps"
	"strings"
)

const (
	maxText     = 1 << 20 // bytes of a script
	maxCommands = 10000
	maxWord     = 64 << 10 // bytes of a word, after expansion
	maxNesting  = 100      // of parentheses and substitutions
)

// Command is a simple command.
type Command struct {
	Words       []Word
	Line        int  // where it begins, from 1
	Conditional bool // it is run only if something else fails, or in a branch or loop
	Piped       bool // it reads what the command before it writes
}

// Word is one of a command's words, with quotes taken away and variables put in.
type Word struct {
	Text    string
	Unknown bool // it has a part that only running tells; Text has it as written
	Line    int
}

// Text is the command as reports have it, on one line.
func (c Command) Text() string {
	var list []string
	for _, w := range c.Words {
		list = append(list, Quote(w.Text))
	}
	return strings.Join(list, " ")
}

// Quote writes a word so that a shell reads it as one.
func Quote(word string) string {
	if word != "" && !strings.ContainsAny(word, " \t\n'\"\\&|;()<>*?#`") {
		return word
	}
	if !strings.Contains(word, "'") {
		return "'" + word + "'"
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`").Replace(word) + `"`
}

// Error says where a script cannot be read.
type Error struct {
	Line int
	What string
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.What) }

// Script is what a text would run.
type Script struct {
	Commands []Command
	Vars     map[string]string // the variables at its end
}

// Parse reads a script that begins on the given line. vars are the variables that are set. The error is an *Error.
func Parse(text string, line int, vars map[string]string) (*Script, error) {
	if len(text) > maxText {
		return nil, &Error{line, fmt.Sprintf("the script has more than %d KiB", maxText>>10)}
	}
	p := &parser{lexer: lexer{src: text, line: line, vars: maps.Clone(vars)}, script: &Script{}}
	if p.vars == nil {
		p.vars = map[string]string{}
	}
	if err := p.parse(); err != nil {
		return nil, err
	}
	p.script.Vars = p.vars
	return p.script, nil
}

// parser puts words together to commands.
type parser struct {
	lexer
	script  *Script
	current Command
	depth   int  // of branches and loops
	or      bool // behind ||
	piped   bool
}

func (p *parser) parse() error {
	for {
		t, err := p.next()
		if err != nil {
			return err
		}
		if t.kind == word {
			p.word(t)
			continue
		}
		if err := p.end(); err != nil || t.kind == end {
			return err
		}
		switch t.text {
		case "||":
			p.or = true
		case "|", "|&":
			p.piped = true
		case ";", "\n", "&", ";;":
			p.or = false
		}
	}
}

// word adds a word, unless it is one of the shell's own at the beginning of a command.
func (p *parser) word(t token) {
	if len(p.current.Words) == 0 && t.bare {
		switch t.text {
		case "if", "while", "until":
			p.depth++
			return
		case "then", "do", "else", "elif", "!", "{", "}", "time", "function":
			return
		case "fi", "done", "esac":
			p.depth = max(0, p.depth-1)
			return
		case "for", "case", "select":
			p.depth++
		}
	}
	if len(p.current.Words) == 0 {
		p.current.Line = t.line
		p.current.Conditional = p.or || p.depth > 0
		p.current.Piped = p.piped
	}
	p.current.Words = append(p.current.Words, Word{t.text, t.unknown, t.line})
}

// end ends a command. Assignments are no part of it.
func (p *parser) end() error {
	c := p.current
	p.current, p.piped = Command{}, false
	if len(c.Words) == 0 {
		return nil
	}
	switch c.Words[0].Text {
	case "for", "select": // the loop's variable is several things
		if len(c.Words) > 1 {
			delete(p.vars, c.Words[1].Text)
		}
		return nil
	case "case":
		return nil
	case "export", "declare", "local", "readonly", "set", "unset":
		for _, w := range c.Words[1:] {
			p.assign(w, c.Conditional)
		}
	}
	n := 0
	for n < len(c.Words) && assignment(c.Words[n].Text) {
		n++
	}
	if n == len(c.Words) {
		for _, w := range c.Words {
			p.assign(w, c.Conditional)
		}
		return nil
	}
	c.Words = c.Words[n:]
	if len(p.script.Commands) == maxCommands {
		return &Error{c.Line, fmt.Sprintf("there are more than %d commands", maxCommands)}
	}
	p.script.Commands = append(p.script.Commands, c)
	return nil
}

func assignment(w string) bool {
	name, _, ok := strings.Cut(w, "=")
	return ok && nameLength(name) == len(name) && name != ""
}

// assign sets a variable, or forgets it if its value cannot be told.
func (p *parser) assign(w Word, conditional bool) {
	name, value, ok := strings.Cut(w.Text, "=")
	if !ok || !assignment(w.Text) {
		return
	}
	if w.Unknown || conditional {
		delete(p.vars, name)
		return
	}
	p.vars[name] = value
}
