package manifest

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/internal/reqfile"
	"github.com/envpack/envpack/resolver/pep508"
)

// requirementsReader reads requirements files in pip's format (pip's documentation, Requirements
// File Format).
type requirementsReader struct {
	m       *Manifest
	own     *document       // the manifest's
	stack   []string        // files being read, to notice one that includes itself
	done    map[string]bool // files that were read; another time they add nothing
	read    []Requirement   // what was read, without constraints
	mustPin bool            // --require-hashes stands in one of the files
	mayLack bool            // --no-require-hashes does
	formats formats
}

// file reads one requirements file, or one of constraints. from is where it was named.
func (r *requirementsReader) file(name string, constraints bool, from diag.Position) error {
	clean := filepath.Clean(name)
	if known(r.stack, clean) {
		return diag.New(diag.Manifest, "%s includes itself", name).At(from).Hint("leave this line out, or the one that leads back here")
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
	data, err := readBytes(name)
	var text string
	if err == nil {
		text, err = reqfile.Decode(name, data)
	}
	if err != nil {
		if !diag.PositionOf(err).IsZero() {
			return err // it is about a line of the file itself
		}
		e := diag.Wrap(err, diag.Manifest, "").At(from)
		return textFiles(e, filepath.Dir(name), filepath.Base(name), r.stack, err)
	}
	if !known(r.m.Files, name) {
		r.m.Files = append(r.m.Files, name)
	}
	for _, l := range reqfile.Lines(text) {
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
			e := diag.New(diag.Manifest, "%s has no --hash, which --require-hashes demands of every requirement", req.Name).At(req.Pos)
			if req.Direct != nil && req.Direct.Sums != "" {
				return e.Hint("the hash in the address is held, and is of a kind that somebody could make another file of: give a sha256")
			}
			return e
		}
	}
	return nil
}

var (
	emptyMarker = pattern.New(`\s*;\s*$`)
	// namedAddress is the beginning of a direct reference.
	namedAddress = pattern.New(`^[A-Za-z0-9._-]+\s*(\[[^\]]*\])?\s*@`)
	sha256Form   = pattern.New(`^[0-9A-Fa-f]{64}$`)
	variable     = pattern.New(`\$\{[A-Z0-9_]+\}`)
	hexForm      = pattern.New(`^[0-9A-Fa-f]+$`)
)

// hashDigits are how many hexadecimal digits the hashes have that pip takes.
var hashDigits = map[string]int{"sha256": 64, "sha384": 96, "sha512": 128}

func (r *requirementsReader) line(file string, l reqfile.Line, constraints bool) error {
	if name := variable().FindStringIndex(l.Text); name != nil {
		return diag.New(diag.Manifest, "%s: environment variables in requirements are refused", l.Text[name[0]:name[1]]).
			At(l.Position(file, name[0], name[1]-name[0])).Hint("write the value: the lock must not depend on the machine")
	}
	if e := conflict(l.Text, l.Position(file, 0, len(l.Text))); e != nil {
		return e
	}
	behind := reqfile.OptionsAt(l.Text)
	options, err := readOptions(file, l, behind)
	if err != nil {
		return err
	}
	place := func(o reqfile.Option) diag.Position { return l.Position(file, o.From, o.Size) }
	if behind > 0 {
		hashes, err := readHashes(file, l, options)
		if err != nil {
			return err
		}
		l.Text = strings.TrimRightFunc(l.Text[:behind], reqfile.IsSpace)
		return r.requirement(file, l, hashes, constraints)
	}
	for i, o := range options {
		if i > 0 && (o.Name == "--editable" || options[0].Name == "--editable") {
			return diag.New(diag.Manifest, "%s stands on the line of another option, where pip would pass over one of them", o.Name).At(place(o)).
				Hint("give it a line of its own")
		}
	}
	included := false
	for _, o := range options {
		if o.Name == "--requirement" || o.Name == "--constraint" {
			if included {
				return diag.New(diag.Manifest, "a line can name one file, and pip would pass over %s", o.Name).At(place(o)).Hint("give it a line of its own")
			}
			included = true
		}
		if err := r.option(file, o, place(o), constraints); err != nil {
			return err
		}
	}
	return nil
}

// readOptions reads the options of a line from a byte on.
func readOptions(file string, l reqfile.Line, from int) ([]reqfile.Option, error) {
	options, err := reqfile.Options(file, l, from)
	var gone *reqfile.GoneError
	if errors.As(err, &gone) {
		return nil, notYet(diag.New(diag.Manifest, "%v", gone), gone.Name).At(gone.Pos)
	}
	return options, err
}

// readHashes gives the hashes that stand behind a requirement, as "sha256:…" in lower case. A file that has any of
// them is taken (pip's documentation, Secure installs).
func readHashes(file string, l reqfile.Line, options []reqfile.Option) (promised, error) {
	var out promised
	for _, o := range options {
		at := l.Position(file, o.From, o.Size)
		switch {
		case o.Name == "--config-settings" || o.Name == "--config-setting":
			at.Width = len(o.Name)
			return out, notYet(diag.New(diag.Manifest, "option %s is not supported yet", o.Name), o.Name).At(at)
		case o.Name != "--hash":
			return out, diag.New(diag.Manifest, "%s is not for a single requirement, and pip would pass over it", o.Name).At(at).
				Hint("options that concern the whole file stand on a line of their own")
		}
		if begin := strings.LastIndex(l.Text[o.From:o.From+o.Size], o.Value); begin >= 0 {
			at = l.Position(file, o.From+begin, len(o.Value))
		}
		algorithm, value, _ := strings.Cut(o.Value, ":")
		digits := hashDigits[algorithm]
		switch {
		case digits == 0:
			return out, diag.New(diag.Manifest, "--hash: sha256, sha384 or sha512 is wanted, and a colon before the digits").At(at).
				Hint("as in --hash=sha256: and 64 hexadecimal digits")
		case len(value) != digits || !hexForm().MatchString(value):
			return out, diag.New(diag.Manifest, "--hash: %s: and %d hexadecimal digits are wanted", algorithm, digits).At(at)
		}
		if out.hashes = append(out.hashes, algorithm+":"+strings.ToLower(value)); len(out.hashes) == 1 {
			out.at = at
		}
	}
	return out, nil
}

func (r *requirementsReader) requirement(file string, l reqfile.Line, hashes promised, constraints bool) error {
	text := l.Text
	at := l.Position(file, 0, len(text))
	if m := emptyMarker().FindStringIndex(text); m != nil { // which pip passes over
		text = text[:m[0]]
	} else if i := strings.IndexByte(text, ';'); i > 0 && namedAddress().MatchString(text[:i]) && text[i-1] != ' ' {
		text = text[:i] + " " + text[i:] // pip wants no blank before the marker
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
			at = l.Position(file, s.Offset, 1)
		}
		return noRequirement(err, text).At(at)
	}
	got := Requirement{Requirement: req, Hashes: hashes.hashes, HashPos: hashes.at, Pos: at}
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
		return diag.New(diag.Manifest, "%s: a constraint cannot have extras", got.Name).At(got.Pos).
			Hint("a requirement says the extras: %s[%s]", got.Name, strings.Join(got.Extras, ","))
	}
	r.m.Constraints = append(r.m.Constraints, got)
	return nil
}

// looksLikePath tells whether a line is an address and no name. What ends as an archive does is one, with or
// without a condition behind it.
func looksLikePath(text string) bool {
	text, _, _ = strings.Cut(text, ";")
	text = strings.TrimSpace(text)
	if m := extrasForm().FindStringSubmatch(text); m != nil {
		text = m[1]
	}
	if namedAddress().MatchString(text) {
		return false
	}
	for _, prefix := range []string{".", "/", "http://", "https://", "file:", "git+", "hg+", "svn+", "bzr+"} {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return strings.Contains(text, "/") || strings.HasSuffix(text, ".whl") || strings.HasSuffix(text, ".tar.gz") || strings.HasSuffix(text, ".zip")
}
