// Package readme reads what a README says of an environment: commands that install things, and versions that its prose names, as
// "Python 3.6, PyTorch 1.7.1 and CUDA 11.0". It is for repositories that have no file that says it, or not all of it.
//
// It guesses no more than what stands there: a version counts only behind a name that is known, and each finding has its line.
package readme

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"path"
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/shell"
	"github.com/envpack/envpack/importer/steps"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
)

const (
	maxSize  = 4 << 20
	maxLines = 50000
)

// Reader reads READMEs. Conda reads the environment files that they name.
type Reader struct {
	Conda steps.Read
}

// Is tells whether a file is a README, by its name in lower case.
func Is(base string) bool {
	name, end, _ := strings.Cut(base, ".")
	return (name == "readme" || name == "install" || name == "installation") && (end == "" || end == "md" || end == "rst" || end == "txt" || end == "markdown")
}

// Read reads a README. The error is a diag error.
func (r Reader) Read(name string, data []byte, open func(name string) ([]byte, error)) (*draft.Draft, error) {
	if len(data) > maxSize || bytes.Count(data, []byte("\n")) > maxLines {
		return nil, diag.New(diag.Manifest, "%s is longer than what is read of a README: %d MiB, %d lines", name, maxSize>>20, maxLines)
	}
	text := strings.ToValidUTF8(strings.ReplaceAll(string(data), "\r\n", "\n"), "\uFFFD")
	d := &draft.Draft{}
	p := &page{name: name, d: d, open: open, steps: &steps.Reader{Draft: d, File: name, Conda: r.Conda, Open: open, Prose: true}}
	for _, b := range blocks(text) {
		var err error
		switch {
		case b.code && b.language != "" && !shells[b.language]:
		case b.code:
			err = p.code(b)
		default:
			p.prose(b)
		}
		if err != nil {
			return nil, err
		}
	}
	return d, nil
}

// shells are languages of blocks of code that a shell reads.
var shells = map[string]bool{"bash": true, "sh": true, "shell": true, "console": true, "shell-session": true, "zsh": true, "cmd": true, "text": true, "none": true, "powershell": false, "bat": false, "commandline": true, "terminal": true, "plaintext": true, "pip": true, "conda": true, "bashrc": true, "setup": true, "train": true, "eval": true}

// block is a run of lines: code, or text for people.
type block struct {
	code     bool
	language string
	lines    []string
	at       int    // the first line's number
	heading  string // the last heading above, in lower case
}

var (
	fence   = pattern.New("^\\s{0,3}(?:>\\s?)*\\s*(?:[-*+]|[0-9]+[.)])?\\s*(```+|~~~+)\\s*\\{?\\.?([A-Za-z0-9_+-]*)")
	heading = pattern.New(`^\s{0,3}#{1,6}\s+(.*?)\s*#*\s*$`)
)

// blocks splits a text.
func blocks(text string) []block {
	var list []block
	current := block{at: 1}
	title := ""
	push := func(next block) {
		if len(current.lines) > 0 {
			list = append(list, current)
		}
		next.heading = title
		current = next
	}
	n := 0
	mark := ""
	blank, directive := true, false
	for line := range strings.SplitSeq(text, "\n") {
		n++
		if mark != "" {
			if t := strings.TrimLeft(strings.TrimSpace(line), "> "); strings.HasPrefix(t, mark) && strings.Trim(t, mark[:1]) == "" {
				mark = ""
				push(block{at: n + 1})
				continue
			}
			current.lines = append(current.lines, line)
			continue
		}
		if m := fence().FindStringSubmatch(line); m != nil {
			mark = m[1]
			push(block{code: true, language: strings.ToLower(m[2]), at: n + 1})
			continue
		}
		indented := strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t")
		switch {
		case current.code && (indented || strings.TrimSpace(line) == ""):
			current.lines = append(current.lines, line)
			continue
		case indented && (blank || directive) && !listed(current):
			push(block{code: true, at: n})
			current.lines = append(current.lines, line)
			continue
		case current.code:
			push(block{at: n})
		}
		if m := heading().FindStringSubmatch(line); m != nil {
			title = strings.ToLower(m[1])
			push(block{at: n})
		} else if t := strings.TrimSpace(line); len(t) > 2 && strings.Trim(t, t[:1]) == "" && strings.Contains("=-~^", t[:1]) && len(current.lines) > 0 {
			title = strings.ToLower(strings.TrimSpace(current.lines[len(current.lines)-1]))
			push(block{at: n})
		}
		blank = strings.TrimSpace(line) == ""
		if !blank {
			directive = strings.HasSuffix(strings.TrimSpace(line), "::") || strings.HasPrefix(strings.TrimSpace(line), ".. code")
		}
		current.lines = append(current.lines, line)
	}
	push(block{})
	return list
}

var item = pattern.New(`^\s*(?:[-*+]|[0-9]+[.)])\s`)

// listed tells whether a block ends with an item of a list, whose lines that go on are indented as code is.
func listed(b block) bool {
	for i := len(b.lines) - 1; i >= 0; i-- {
		if strings.TrimSpace(b.lines[i]) == "" {
			continue
		}
		return item().MatchString(b.lines[i])
	}
	return false
}

// page is a README that is being read.
type page struct {
	name  string
	d     *draft.Draft
	open  func(string) ([]byte, error)
	steps *steps.Reader
}

var prompt = pattern.New(`^\s*(?:>\s)?(?:\([A-Za-z0-9_.-]+\)\s*)?(?:[\w.@:~/-]*[$%#>]\s+|\$)?`)

// code reads a block of commands.
func (p *page) code(b block) error {
	var text strings.Builder
	for _, l := range b.lines {
		if strings.HasPrefix(strings.TrimSpace(l), "#") {
			l = ""
		} else {
			l = l[len(prompt().FindString(l)):]
		}
		text.WriteString(l + "\n")
	}
	script, err := shell.Parse(text.String(), b.at, nil)
	if err != nil {
		for i, l := range strings.Split(text.String(), "\n") { // what can be read of it, line by line
			if one, err := shell.Parse(l, b.at+i, nil); err == nil {
				if err := p.run(one.Commands); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return p.run(script.Commands)
}

func (p *page) run(commands []shell.Command) error {
	for _, c := range commands {
		p.suggest(c)
		if err := p.steps.Run([]shell.Command{c}); err != nil { // a file that is named, and wrong, is no error of the README
			p.d.Note(draft.Origin{File: p.name, Line: c.Line}, c.Text(), draft.Left, "%v", err)
		}
	}
	return nil
}

// suggest takes the first command that runs a program of the project, if it has no word that is to be replaced.
func (p *page) suggest(c shell.Command) {
	if p.d.Command != nil || c.Piped || c.Conditional || p.open == nil {
		return
	}
	var words []string
	for _, w := range c.Words {
		if w.Unknown || replaceable().MatchString(w.Text) {
			return
		}
		words = append(words, w.Text)
	}
	if len(words) < 2 || !pythonName().MatchString(path.Base(words[0])) {
		return
	}
	script := ""
	for _, w := range words[1:] {
		if strings.HasSuffix(w, ".py") {
			script = path.Clean(w)
			break
		}
	}
	if script == "" || path.Base(script) == "setup.py" || !fs.ValidPath(script) || strings.Contains(c.Text(), "--help") {
		return
	}
	if _, err := p.open(script); err != nil {
		return
	}
	words[0] = "python"
	raw, _ := json.Marshal(words)
	p.d.Command = &draft.Setting{Name: "command", Value: string(raw), From: draft.Origin{File: p.name, Line: c.Line}}
	p.d.Note(p.d.Command.From, c.Text(), draft.Taken, "image.command")
}

var (
	pythonName  = pattern.New(`^python([23](\.[0-9]+)?)?$`)
	replaceable = pattern.New(`(?i)[<>{}\[\]*|]|\.\.\.|path[/_]?to|your[_-]|/path|^\$|xxx|/data/|/home/|^~`)
)

// inline is a command between backquotes in text.
var inline = pattern.New("`+\\s*((?:[$!%]\\s*)?(?:sudo )?(?:python3? -m )?(?:pip3?|conda|mamba|apt-get|apt) (?:install|create|env)[^`]*)`+")

// prose reads text for people: commands in it, and versions behind names.
func (p *page) prose(b block) {
	for i, line := range b.lines {
		at := b.at + i
		for _, m := range inline().FindAllStringSubmatch(line, 20) {
			if s, err := shell.Parse(strings.TrimLeft(m[1], "$!% "), at, nil); err == nil {
				_ = p.steps.Run(s.Commands) // what is wrong with a file that text names is no error of the README
			}
		}
		p.versions(b, at, inline().ReplaceAllString(line, " "))
	}
}

var (
	picture = pattern.New(`!\[[^\]]*\]\([^)]*\)`)
	address = pattern.New(`<[/A-Za-z!][^>]{0,500}>|https?://\S+`)
	link    = pattern.New(`\[([^\]]*)\]\([^)]*\)`)
)

// plain is a line without links, pictures and marks.
func plain(line string) string {
	if len(line) > 4000 {
		line = line[:4000]
	}
	line = link().ReplaceAllString(picture().ReplaceAllString(line, " "), "$1")
	line = address().ReplaceAllString(line, " ")
	if t := strings.TrimLeft(line, " \t"); strings.HasPrefix(t, "* ") {
		line = "-" + t[1:]
	}
	return strings.NewReplacer("`", " ", "*", " ", "~=", "~=", "&gt;", ">", "&lt;", "<", "≥", ">=", "≤", "<=", "\\", "").Replace(line)
}
