package manifest

import (
	"errors"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/pep508"
)

// requirementsReader reads requirements files in pip's format (pip's documentation, Requirements
// File Format).
type requirementsReader struct {
	m       *Manifest
	stack   []string        // files being read, to notice one that includes itself
	done    map[string]bool // files that were read; another time they add nothing
	read    []Requirement   // what was read, without constraints
	mustPin bool            // --require-hashes stands in one of the files
}

// file reads one requirements file, or one of constraints. from is where it was named.
func (r *requirementsReader) file(name string, constraints bool, from diag.Position) error {
	clean := filepath.Clean(name)
	if known(r.stack, clean) {
		return diag.New(diag.Manifest, "%s includes itself", name).At(from)
	}
	key := clean
	if constraints {
		key += "\x00constraints"
	}
	if r.done[key] {
		return nil
	}
	r.done[key] = true
	r.stack = append(r.stack, clean)
	defer func() { r.stack = r.stack[:len(r.stack)-1] }()
	text, err := readText(name)
	if err != nil {
		if !diag.PositionOf(err).IsZero() {
			return err // it is about a line of the file itself
		}
		e := diag.Wrap(err, diag.Manifest, "").At(from)
		return textFiles(e, filepath.Dir(name), filepath.Base(name), r.stack, err)
	}
	for _, l := range logicalLines(text) {
		if err := r.line(name, l, constraints); err != nil {
			return err
		}
	}
	return nil
}

// checkHashes holds what was read against --require-hashes.
func (r *requirementsReader) checkHashes() error {
	for _, req := range r.read {
		if r.mustPin && len(req.Hashes) == 0 {
			return diag.New(diag.Manifest, "%s has no --hash, which --require-hashes demands of every requirement", req.Name).At(req.Pos)
		}
	}
	return nil
}

var (
	hashOption = regexp.MustCompile(`\s--hash(?:=|\s+)(\S+)`)
	variable   = regexp.MustCompile(`\$\{[A-Z0-9_]+\}`)
	sha256Form = regexp.MustCompile(`^[0-9A-Fa-f]{64}$`)
)

func (r *requirementsReader) line(file string, l logical, constraints bool) error {
	text := strings.TrimSpace(l.text)
	indent := strings.Index(l.text, text)
	at := l.position(file, indent, len(text))
	if name := variable.FindStringIndex(l.text); name != nil {
		return diag.New(diag.Manifest, "%s: environment variables in requirements are refused", l.text[name[0]:name[1]]).
			At(l.position(file, name[0], name[1]-name[0])).Hint("write the value: the lock must not depend on the machine")
	}
	if e := conflict(l.text, at); e != nil {
		return e
	}
	if strings.HasPrefix(text, "-") {
		return r.option(file, text, at, constraints)
	}
	hashes, err := readHashes(file, l)
	if err != nil {
		return err
	}
	// Hashes become blanks, so that places stay right.
	l.text = hashOption.ReplaceAllStringFunc(l.text, func(s string) string { return strings.Repeat(" ", len(s)) })
	l.text = strings.TrimRight(l.text, " \t")
	return r.requirement(file, l, indent, hashes, constraints)
}

// readHashes gives the SHA-256 hashes of a requirement. pip takes a file that has any of the hashes,
// and the lock speaks of SHA-256: so others are left, as long as there is one of these.
func readHashes(file string, l logical) ([]string, error) {
	var hashes []string
	found := hashOption.FindAllStringSubmatchIndex(l.text, -1)
	for _, m := range found {
		algorithm, value, _ := strings.Cut(l.text[m[2]:m[3]], ":")
		switch {
		case algorithm == "sha256" && sha256Form.MatchString(value):
			hashes = append(hashes, strings.ToLower(value))
		case algorithm != "sha384" && algorithm != "sha512":
			return nil, diag.New(diag.Manifest, "--hash: sha256: and 64 hexadecimal digits are wanted").At(l.position(file, m[2], m[3]-m[2]))
		}
	}
	if len(found) > 0 && len(hashes) == 0 {
		m := found[0]
		return nil, diag.New(diag.Manifest, "none of the hashes is a SHA-256, the only kind that is supported yet").
			At(l.position(file, m[2], m[3]-m[2]))
	}
	return hashes, nil
}

func (r *requirementsReader) requirement(file string, l logical, indent int, hashes []string, constraints bool) error {
	text := l.text[min(indent, len(l.text)):]
	at := l.position(file, indent, len(text))
	if m := regexp.MustCompile(`\s(--[a-z-]*)`).FindStringSubmatchIndex(text); m != nil {
		name := text[m[2]:m[3]]
		there := l.position(file, indent+m[2], m[3]-m[2])
		if known(requirementOptions, name) {
			return notYet(diag.New(diag.Manifest, "option %s is not supported yet", name), name).At(there)
		}
		return diag.New(diag.Manifest, "unknown option %s", name).At(there).Hint("options that concern the whole file stand on a line of their own")
	}
	req, err := pep508.Parse(text)
	if (err != nil || req.URL == "") && looksLikePath(text) {
		got, err := r.m.bare(text, hashes, filepath.Dir(file), at)
		if err != nil {
			return err
		}
		return r.add(got, constraints)
	}
	if err != nil {
		if s := (*pep508.SyntaxError)(nil); errors.As(err, &s) {
			at = l.position(file, indent+s.Offset, 1)
		}
		return noRequirement(err, text).At(at)
	}
	got := Requirement{Requirement: req, Hashes: hashes, Pos: at}
	if req.URL != "" {
		if got, err = r.m.follow(req, hashes, filepath.Dir(file), at); err != nil {
			return err
		}
	}
	return r.add(got, constraints)
}

// add keeps what a line has.
func (r *requirementsReader) add(got Requirement, constraints bool) error {
	if !constraints {
		r.m.Requirements = append(r.m.Requirements, got)
		r.read = append(r.read, got)
		return nil
	}
	if len(got.Extras) > 0 {
		return diag.New(diag.Manifest, "%s: a constraint cannot have extras", got.Name).At(got.Pos)
	}
	r.m.Constraints = append(r.m.Constraints, got)
	return nil
}

// looksLikePath tells whether a line is an address and no name. What ends as an archive does is one, with or
// without a condition behind it.
func looksLikePath(text string) bool {
	text, _, _ = strings.Cut(text, ";")
	text = strings.TrimSpace(text)
	if m := extrasForm.FindStringSubmatch(text); m != nil {
		text = m[1]
	}
	for _, prefix := range []string{".", "/", "http://", "https://", "file:", "git+", "hg+", "svn+", "bzr+"} {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return strings.HasSuffix(text, ".whl") || strings.HasSuffix(text, ".tar.gz") || strings.HasSuffix(text, ".zip")
}
