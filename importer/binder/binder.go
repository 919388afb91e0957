// Package binder reads the small files that say one thing of an environment each: those of Binder (apt.txt, runtime.txt,
// postBuild, start), .python-version of pyenv, tox.ini for the versions of Python in it, and shell scripts for what they install.
//
// It runs nothing.
package binder

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/shell"
	"github.com/envpack/envpack/importer/steps"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
)

const maxLines = 10000

// Is tells whether a file is one that [Reader.Read] reads, by its name in lower case and its content.
func Is(base string, data []byte) bool {
	switch base {
	case "apt.txt", "runtime.txt", "postbuild", ".python-version", "tox.ini":
		return true
	case "start":
		return bytes.HasPrefix(data, []byte("#!"))
	}
	return strings.HasSuffix(base, ".sh") || strings.HasSuffix(base, ".bash")
}

// Reader reads the files. Conda reads the environment files that scripts name.
type Reader struct {
	Conda steps.Read
}

// Read reads a file by its name. Errors are diag errors.
func (b Reader) Read(name string, data []byte, open func(name string) ([]byte, error)) (*draft.Draft, error) {
	if !utf8.Valid(data) {
		return nil, diag.New(diag.Manifest, "%s is not in UTF-8", name)
	}
	r := &reader{name: name, d: &draft.Draft{}}
	if bytes.Count(data, []byte("\n")) > maxLines {
		return nil, diag.New(diag.Manifest, "%s has more than %d lines", name, maxLines)
	}
	switch strings.ToLower(path.Base(name)) {
	case "apt.txt":
		return r.d, r.apt(string(data))
	case "runtime.txt":
		r.runtime(string(data))
	case ".python-version":
		r.pyenv(string(data))
	case "tox.ini":
		r.tox(string(data))
	case "start":
		r.d.Note(draft.Origin{File: name}, "start", draft.Left, "it runs when a container starts, before the command: let image.command do what it does")
	default:
		return r.d, b.script(r, string(data), open)
	}
	return r.d, nil
}

type reader struct {
	name string
	d    *draft.Draft
}

// lines gives what stands on lines, without comments and empty ones.
func (r *reader) lines(text string) func(func(draft.Origin, string) bool) {
	return func(yield func(draft.Origin, string) bool) {
		n := 0
		for line := range strings.Lines(text) {
			n++
			line, _, _ = strings.Cut(line, "#")
			if line = strings.TrimSpace(line); line != "" && !yield(draft.Origin{File: r.name, Line: n}, line) {
				return
			}
		}
	}
}

// apt reads packages of the distribution, which stand on lines or with spaces between them.
func (r *reader) apt(text string) error {
	s := &steps.Reader{Draft: r.d, File: r.name}
	for from, line := range r.lines(text) {
		c := shell.Command{Line: from.Line, Words: []shell.Word{{Text: "apt-get"}, {Text: "install"}}}
		for _, w := range strings.Fields(line) {
			c.Words = append(c.Words, shell.Word{Text: w, Line: from.Line})
		}
		if err := s.Run([]shell.Command{c}); err != nil {
			return err
		}
	}
	return nil
}

var (
	runtimeForm = pattern.New(`^python-([23]\.[0-9]+)(\.[0-9]+)?$`)
	pyenvForm   = pattern.New(`^(?:cpython-)?([23]\.[0-9]+)(\.[0-9]+)?([abc]|rc|t|$)`)
)

func (r *reader) python(from draft.Origin, text, minor, patch string) {
	p := draft.Python{Specifier: "==" + minor + ".*", From: from}
	note := ""
	if patch != "" {
		p.Comment = minor + patch + " there"
		note = "as Python " + minor
	}
	r.d.Pythons = append(r.d.Pythons, p)
	v := draft.Taken
	if note != "" {
		v = draft.Mapped
	}
	r.d.Note(from, text, v, "%s", note)
}

func (r *reader) runtime(text string) {
	for from, line := range r.lines(text) {
		if m := runtimeForm().FindStringSubmatch(line); m != nil {
			r.python(from, line, m[1], m[2])
			continue
		}
		r.d.Note(from, line, draft.Left, "it is no Python: python-3.8 would be one")
	}
}

// pyenv reads .python-version, of whose versions the first is that which python means.
func (r *reader) pyenv(text string) {
	first := true
	for from, line := range r.lines(text) {
		for _, w := range strings.Fields(line) {
			m := pyenvForm().FindStringSubmatch(w)
			switch {
			case m == nil:
				r.d.Note(from, w, draft.Left, "which Python this is does not show")
			case !first:
				r.d.Note(from, w, draft.Passed, "the first is what python means")
			default:
				r.python(from, w, m[1], m[2])
				first = false
			}
		}
	}
}

var toxEnv = pattern.New(`py(?:thon)?([23])\.?([0-9]{1,2})`)

// tox reads which versions of Python a project is tested with.
func (r *reader) tox(text string) {
	n, within := 0, false
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		key, _, assigned := strings.Cut(line, "=")
		if key = strings.TrimSpace(key); assigned && line[0] != ' ' && line[0] != '\t' {
			within = key == "envlist" || key == "env_list"
		} else if strings.HasPrefix(line, "[") {
			within = false
		}
		if !within {
			continue
		}
		list := line
		for range 4 { // py{36,37}, once for each brace
			open, shut := strings.IndexByte(list, '{'), strings.IndexByte(list, '}')
			if open < 0 || shut < open {
				break
			}
			start := strings.LastIndexAny(list[:open], " ,=\t") + 1
			var all []string
			for _, alternative := range strings.Split(list[open+1:shut], ",") {
				all = append(all, list[start:open]+strings.TrimSpace(alternative))
			}
			list = list[:start] + strings.Join(all, ",") + list[shut+1:]
		}
		var minors []int
		for _, m := range toxEnv().FindAllStringSubmatch(list, 50) {
			if minor, err := strconv.Atoi(m[2]); err == nil && m[1] == "3" {
				minors = append(minors, minor)
			}
		}
		if len(minors) == 0 {
			continue
		}
		from := draft.Origin{File: r.name, Line: n}
		low, high := slices.Min(minors), slices.Max(minors)
		spec := fmt.Sprintf(">=3.%d,<3.%d", low, high+1)
		if low == high {
			spec = fmt.Sprintf("==3.%d.*", low)
		}
		r.d.Pythons = append(r.d.Pythons, draft.Python{Specifier: spec, From: from, Comment: "what the project is tested with"})
		r.d.Note(from, strings.TrimSpace(line), draft.Mapped, "Python %s", spec)
	}
}

// script reads what a shell script installs.
func (b Reader) script(r *reader, text string, open func(name string) ([]byte, error)) error {
	s, err := shell.Parse(text, 1, nil)
	if err != nil {
		return diag.New(diag.Manifest, "%s cannot be read: %v", r.name, err)
	}
	if first, _, _ := strings.Cut(text, "\n"); strings.HasPrefix(first, "#!") && strings.Contains(first, "python") {
		r.d.Note(draft.Origin{File: r.name, Line: 1}, first, draft.Left, "it is a program: what it installs does not show")
		return nil
	}
	return (&steps.Reader{Draft: r.d, File: r.name, Conda: b.Conda, Open: open}).Run(s.Commands)
}
