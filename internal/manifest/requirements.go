package manifest

import (
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/pep508"
)

// requirementsReader reads requirements files in pip's format (pip's documentation, Requirements
// File Format).
type requirementsReader struct {
	m     *Manifest
	stack []string // files being read, to notice one that includes itself
}

// logical is a line after continuations were joined; columns are those of its first line.
type logical struct {
	text  string
	line  int
	first string
}

// file reads one requirements file, or one of constraints. from is where it was named.
func (r *requirementsReader) file(name string, constraints bool, from diag.Position) error {
	clean := filepath.Clean(name)
	for _, open := range r.stack {
		if open == clean {
			return diag.New(diag.Manifest, "%s includes itself", name).At(from)
		}
	}
	r.stack = append(r.stack, clean)
	defer func() { r.stack = r.stack[:len(r.stack)-1] }()
	text, err := readText(name)
	if err != nil {
		return diag.Wrap(err, diag.Manifest, "").At(from)
	}
	for _, l := range logicalLines(text) {
		if err := r.line(name, l, constraints); err != nil {
			return err
		}
	}
	return nil
}

// logicalLines joins lines that end in a backslash and takes comments away. A # begins a comment
// at the start of a line or after a blank.
func logicalLines(text string) []logical {
	var out []logical
	var open *logical
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		trimmed := strings.TrimLeft(line, " \t")
		if strings.HasPrefix(trimmed, "#") {
			if open == nil {
				continue
			}
			line = "" // a comment ends a continued line
		}
		continued := strings.HasSuffix(line, `\`)
		part := strings.TrimSuffix(line, `\`)
		if open == nil {
			open = &logical{line: i + 1, first: line}
		}
		open.text += part
		if continued {
			open.text += " "
			continue
		}
		out, open = append(out, *open), nil
	}
	if open != nil {
		out = append(out, *open)
	}
	for i := range out {
		out[i].text = strings.TrimRight(cutComment(out[i].text), " \t")
	}
	return out
}

func cutComment(s string) string {
	for i := 1; i < len(s); i++ {
		if s[i] == '#' && (s[i-1] == ' ' || s[i-1] == '\t') {
			return s[:i]
		}
	}
	return s
}

// position of a byte in the logical line; beyond its first physical line only the line is known.
func (l logical) position(file string, offset, width int) diag.Position {
	pos := diag.Position{File: file, Line: l.line}
	if offset <= len(l.first) {
		pos.Col, pos.Source = utf8.RuneCountInString(l.first[:offset])+1, l.first
		pos.Width = max(min(width, len(l.first)-offset), 1)
	}
	return pos
}

var (
	hashOption = regexp.MustCompile(`\s--hash[= ]\s*(\S+)`)
	variable   = regexp.MustCompile(`\$\{[A-Z0-9_]+\}`)
	option     = regexp.MustCompile(`^(--?[A-Za-z][a-z-]*)(?:[= ]\s*|)(.*)$`)
)

func (r *requirementsReader) line(file string, l logical, constraints bool) error {
	text := strings.TrimSpace(l.text)
	indent := len(l.text) - len(strings.TrimLeft(l.text, " \t"))
	at := l.position(file, indent, len(text))
	switch {
	case text == "":
		return nil
	case variable.MatchString(text):
		return diag.New(diag.Manifest, "%s: environment variables in requirements are refused", variable.FindString(text)).At(at).
			Hint("the lock must not depend on the machine; write the value")
	case strings.HasPrefix(text, "-"):
		return r.option(file, text, at)
	}
	var hashes []string
	for _, m := range hashOption.FindAllStringSubmatch(text, -1) {
		algorithm, value, _ := strings.Cut(m[1], ":")
		switch {
		case algorithm == "sha256" && sha256Form.MatchString(value):
			hashes = append(hashes, strings.ToLower(value))
		case algorithm == "sha384" || algorithm == "sha512":
			// The lock speaks of SHA-256; pip takes a file if any of its hashes fits.
		default:
			return diag.New(diag.Manifest, "--hash=%s: sha256: and 64 hexadecimal digits are wanted", m[1]).At(at)
		}
	}
	if hadHash := hashOption.MatchString(text); hadHash && len(hashes) == 0 {
		return diag.New(diag.Manifest, "none of the hashes is a SHA-256").At(at)
	}
	text = strings.TrimSpace(hashOption.ReplaceAllString(text, ""))
	return r.requirement(file, l, indent, text, hashes, constraints)
}

var sha256Form = regexp.MustCompile(`^[0-9A-Fa-f]{64}$`)

func (r *requirementsReader) requirement(file string, l logical, indent int, text string, hashes []string, constraints bool) error {
	at := l.position(file, indent, len(text))
	if i := strings.Index(text, " --"); i >= 0 {
		return diag.New(diag.Manifest, "option %s is not supported yet", strings.Fields(text[i:])[0]).At(l.position(file, indent+i+1, 2))
	}
	if looksLikePath(text) {
		return diag.New(diag.Manifest, "%s: paths and addresses are not supported yet", text).At(at).
			Hint("name a package that an index has")
	}
	req, err := pep508.Parse(text)
	if err != nil {
		if s := (*pep508.SyntaxError)(nil); errors.As(err, &s) {
			at = l.position(file, indent+s.Offset, 1)
		}
		return diag.New(diag.Manifest, "%v", err).At(at)
	}
	if req.URL != "" {
		return diag.New(diag.Manifest, "%s: direct references are not supported yet", req.Name).At(at)
	}
	got := Requirement{Requirement: req, Hashes: hashes, Pos: at}
	if !constraints {
		r.m.Requirements = append(r.m.Requirements, got)
		return nil
	}
	if len(req.Extras) > 0 {
		return diag.New(diag.Manifest, "%s: a constraint cannot have extras", req.Name).At(at)
	}
	r.m.Constraints = append(r.m.Constraints, got)
	return nil
}

func looksLikePath(text string) bool {
	for _, prefix := range []string{"./", "../", "/", "http://", "https://", "file:", "git+", "hg+", "svn+", "bzr+"} {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return strings.HasSuffix(text, ".whl") || strings.HasSuffix(text, ".tar.gz") || strings.HasSuffix(text, ".zip")
}

// option reads a line that is an option of pip's.
func (r *requirementsReader) option(file, text string, at diag.Position) error {
	m := option.FindStringSubmatch(text)
	if m == nil {
		return diag.New(diag.Manifest, "%s is neither requirement nor option", text).At(at)
	}
	name, value := m[1], strings.Trim(strings.TrimSpace(m[2]), `"'`)
	switch name {
	case "-r", "--requirement", "-c", "--constraint":
		if value == "" {
			return diag.New(diag.Manifest, "%s names no file", name).At(at)
		}
		return r.file(filepath.Join(filepath.Dir(file), value), strings.HasPrefix(strings.TrimLeft(name, "-"), "c"), at)
	case "--require-hashes", "--prefer-binary", "--no-cache-dir", "--disable-pip-version-check":
		return nil // true of every lock
	case "--only-binary":
		return nil // wheels are all that is installed
	case "--pre":
		return diag.New(diag.Manifest, "--pre is not read here").At(at).
			Hint(`write prereleases = "allow" below [resolver] in the manifest`)
	case "-i", "--index-url":
		return diag.New(diag.Manifest, "%s is not read here", name).At(at).
			Hint("write into the manifest:\n  [[index]]\n  name = \"main\"\n  url = %q\n  default = true", value)
	case "--extra-index-url", "-f", "--find-links":
		return diag.New(diag.Manifest, "%s is not read here: it would let any package come from two places", name).At(at).
			Hint("write into the manifest, with the packages that come from it:\n  [[index]]\n  name = \"extra\"\n  url = %q\n  packages = [\"…\"]", value)
	case "-e", "--editable":
		return diag.New(diag.Manifest, "%s: editable installs are not supported", value).At(at).
			Hint("the project's own files are part of the image; see include below [image]")
	}
	return diag.New(diag.Manifest, "option %s is not supported yet", name).At(at)
}
