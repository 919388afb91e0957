package dockerfile

import (
	"encoding/json"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
)

const (
	maxSize         = 1 << 20
	maxInstructions = 2000
)

// instruction is one instruction of a Dockerfile.
type instruction struct {
	name  string // in capitals
	flags []string
	// args is the rest, in which lines that go on are held together by a backslash and the end of the line, as a shell reads
	// them, and comments between them are empty lines that go on.
	args  string
	line  int      // from 1
	heres []string // the texts of here-documents
}

var (
	escapeDirective = pattern.New(`(?i)^#\s*escape\s*=\s*(.)\s*$`)
	anyDirective    = pattern.New(`^#\s*[A-Za-z]+\s*=`)
	hereForm        = pattern.New(`<<(-?)(["']?)([A-Za-z_][A-Za-z0-9_]*)(["']?)`)
	// variableForm is a variable with a value, in the form without an equals sign or in that with one.
	variableForm = pattern.New(`^([A-Za-z_][A-Za-z0-9_]*) |\b([A-Za-z_][A-Za-z0-9_]*)["']?=[^ ]`)
	wordForm     = pattern.New(`^[A-Za-z]+$`)
)

// parse splits a Dockerfile into instructions (Docker's reference, "Format", "Here-documents", "Parser directives"). Errors are
// diag errors with positions.
func parse(name string, data []byte) ([]instruction, error) {
	if len(data) > maxSize {
		return nil, diag.New(diag.Manifest, "%s has more than %d KiB", name, maxSize>>10)
	}
	text := strings.TrimPrefix(strings.ReplaceAll(string(data), "\r\n", "\n"), "\uFEFF")
	lines := strings.Split(text, "\n")
	escape := byte('\\')
	for _, l := range lines {
		if !anyDirective().MatchString(l) {
			break
		}
		if m := escapeDirective().FindStringSubmatch(l); m != nil && m[1] == "`" {
			escape = '`'
		}
	}
	var list []instruction
	for i := 0; i < len(lines); {
		l := strings.TrimSpace(lines[i])
		if l == "" || l[0] == '#' {
			i++
			continue
		}
		in := instruction{line: i + 1}
		var b strings.Builder
		for {
			l := lines[i]
			i++
			trimmed := strings.TrimRight(l, " \t")
			bare := strings.TrimSpace(l)
			comment := b.Len() > 0 && (bare == "" || bare[0] == '#')
			switch {
			case comment && i < len(lines):
				b.WriteString("\\\n")
				continue
			case comment:
			case strings.HasSuffix(trimmed, string(escape)) && i < len(lines):
				b.WriteString(trimmed[:len(trimmed)-1] + "\\\n")
				continue
			default:
				b.WriteString(strings.TrimSuffix(trimmed, string(escape)))
			}
			break
		}
		whole := strings.TrimLeft(b.String(), " \t")
		end := strings.IndexAny(whole, " \t\\\n")
		if end < 0 {
			end = len(whole)
		}
		word := whole[:end]
		if !wordForm().MatchString(word) {
			return nil, diag.New(diag.Manifest, "%q is no instruction of a Dockerfile", strings.TrimSpace(first(whole))).
				At(diag.Position{File: name, Line: in.line, Col: 1, Source: lines[in.line-1]})
		}
		in.name, in.args = strings.ToUpper(word), strings.TrimLeft(whole[end:], " \t")
		in.takeFlags()
		if in.name == "RUN" || in.name == "COPY" || in.name == "ADD" {
			for _, m := range hereForm().FindAllStringSubmatch(in.args, 16) {
				var here []string
				for i < len(lines) {
					l := lines[i]
					i++
					if m[1] == "-" {
						l = strings.TrimLeft(l, "\t")
					}
					if l == m[3] {
						break
					}
					here = append(here, l)
				}
				in.heres = append(in.heres, strings.Join(here, "\n"))
			}
		}
		if len(list) == maxInstructions {
			return nil, diag.New(diag.Manifest, "%s has more than %d instructions", name, maxInstructions)
		}
		list = append(list, in)
	}
	return list, nil
}

func first(text string) string {
	l, _, _ := strings.Cut(text, "\n")
	if len(l) > 60 {
		l = l[:60] + "…"
	}
	return l
}

// takeFlags takes --from=… and the like from the front of what an instruction is given.
func (in *instruction) takeFlags() {
	for {
		rest := strings.TrimLeft(in.args, " \t\\\n")
		if !strings.HasPrefix(rest, "--") {
			return
		}
		end := strings.IndexAny(rest, " \t\\\n")
		if end < 0 {
			end = len(rest)
		}
		in.flags = append(in.flags, rest[:end])
		in.args = strings.TrimLeft(rest[end:], " \t")
	}
}

// flag gives the value of a flag.
func (in *instruction) flag(name string) string {
	for _, f := range in.flags {
		if v, ok := strings.CutPrefix(f, "--"+name+"="); ok {
			return v
		}
	}
	return ""
}

// words gives a JSON list of strings, which is the form that needs no shell.
func (in *instruction) words() ([]string, bool) {
	text := strings.TrimSpace(strings.ReplaceAll(in.args, "\\\n", ""))
	if !strings.HasPrefix(text, "[") {
		return nil, false
	}
	var list []string
	if json.Unmarshal([]byte(text), &list) != nil {
		return nil, false
	}
	return list, true
}

// plain is what an instruction is given, on one line.
func (in *instruction) plain() string {
	return strings.Join(strings.Fields(strings.ReplaceAll(in.args, "\\\n", " ")), " ")
}

func (in *instruction) shown() string {
	text := in.name + " " + in.plain()
	if in.name == "ENV" || in.name == "ARG" {
		for _, m := range variableForm().FindAllStringSubmatch(in.plain(), -1) {
			if name := m[1] + m[2]; diag.SecretVariable(name) { // where its value ends cannot be told in all cases
				return in.name + " " + name + "=…"
			}
		}
	}
	if r := []rune(text); len(r) > 120 {
		text = string(r[:119]) + "…"
	}
	return text
}
