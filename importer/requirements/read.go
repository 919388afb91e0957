// Package requirements reads requirements files as pip reads them, and as it read them when they were written, into a draft.
//
// All of pip's format is read: nested files, constraints, options, hashes, addresses. What pip took once and takes no more is read
// by the rules of then (package spelling). A line that no pip ever read is left, and told of; what is wrong with the files
// themselves, as one that is not there, is an error.
//
// It is bounded: files, lines, and bytes of all files together.
package requirements

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/address"
	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/internal/reqfile"
)

// Bounds of what is read.
const (
	maxFiles = 100
	maxLines = 100_000
	maxBytes = 16 << 20
)

// Open gives a file of the project, by its path relative to that, with slashes.
type Open func(name string) ([]byte, error)

// Read reads a requirements file; name is its path relative to the project. Errors are diag errors: a file that cannot be
// decoded, one that includes itself, one that is named and not there.
func Read(name string, data []byte, open func(name string) ([]byte, error)) (*draft.Draft, error) {
	r := newReader(open)
	if err := r.file(name, data, false); err != nil {
		return nil, err
	}
	return r.d, nil
}

// Entry is a line of pip's format that stands in a file of another.
type Entry struct {
	Text string
	Line int // of the file that it stands in
}

// List reads lines of pip's format that stand in another file, as those below pip: in environment.yml. Paths are relative to that file.
func List(name string, entries []Entry, open func(name string) ([]byte, error)) (*draft.Draft, error) {
	r := newReader(open)
	for _, e := range entries {
		r.note(e.Text)
	}
	r.stack = []string{path.Clean(name)}
	for _, e := range entries {
		for _, l := range reqfile.Lines(strings.ReplaceAll(e.Text, "\n", " ")) {
			if err := r.line(name, l, e.Line-1, false); err != nil {
				return nil, err
			}
		}
	}
	return r.d, nil
}

type reader struct {
	d      *draft.Draft
	open   Open
	stack  []string        // files being read
	done   map[string]bool // those that were
	lines  int
	bytes  int
	labels []string       // local labels of PyTorch's packages
	seen   map[string]int // requirements by their text, and where they stand
	// onlyLinks: --no-index stands before the --find-links that it is about.
	onlyLinks bool
}

func newReader(open Open) *reader {
	return &reader{d: &draft.Draft{}, open: open, done: map[string]bool{}, seen: map[string]int{}}
}

var (
	labelForm = pattern.New(`(?im)^\s*torch[a-z]*\s*===?\s*[0-9][^\s;#+]*\+([a-z0-9.]+)`)
	// lostForm is what pip freeze writes of a project of which it does not know where it came from.
	lostForm = pattern.New(`^\s*#\s*Editable (?:install with no version control|Git install with no remote|\w+ install with no remote) \(([^)]+)\)`)
)

// note keeps the labels of a text's versions.
func (r *reader) note(text string) {
	for _, m := range labelForm().FindAllStringSubmatch(text, -1) {
		r.labels = append(r.labels, m[1])
	}
}

// file reads one file.
func (r *reader) file(name string, data []byte, constraints bool) error {
	name = path.Clean(name)
	if r.bytes += len(data); r.bytes > maxBytes {
		return diag.New(diag.Manifest, "more than %d MiB of requirements", maxBytes>>20).At(diag.Position{File: name})
	}
	if len(r.done) >= maxFiles {
		return diag.New(diag.Manifest, "more than %d requirements files name each other", maxFiles).At(diag.Position{File: name})
	}
	key := name
	if constraints {
		key += "\x00"
	}
	r.done[key] = true
	text, err := reqfile.Decode(name, data)
	if err != nil {
		return err
	}
	r.note(text)
	r.stack = append(r.stack, name)
	defer func() { r.stack = r.stack[:len(r.stack)-1] }()
	lost := map[int]string{}
	for i, line := range strings.Split(text, "\n") {
		if m := lostForm().FindStringSubmatch(line); m != nil {
			lost[i+1] = m[1]
		}
	}
	for _, l := range reqfile.Lines(text) {
		if what, ok := lost[l.First()-1]; ok && strings.HasPrefix(l.Text, "-e") {
			r.d.Leave(draft.Origin{File: name, Line: l.First()}, address.Shown(l.Text), "pip freeze did not know where %s came from; put the project into this one, or name its repository", what)
			continue
		}
		if err := r.line(name, l, 0, constraints); err != nil {
			return err
		}
	}
	return nil
}

// at is the place of a line, for errors.
func at(name string, l reqfile.Line, shift int) diag.Position {
	p := l.Position(name, 0, len(l.Text))
	p.Line += shift
	return p
}

// line reads one line. shift is added to its number.
func (r *reader) line(name string, l reqfile.Line, shift int, constraints bool) error {
	if r.lines++; r.lines > maxLines {
		return diag.New(diag.Manifest, "more than %d lines of requirements", maxLines).At(at(name, l, shift))
	}
	for _, sign := range []string{"<<<<<<<", "|||||||", "=======", ">>>>>>>"} {
		if rest, ok := strings.CutPrefix(l.Text, sign); ok && (rest == "" || rest[0] == ' ') {
			return diag.New(diag.Manifest, "conflict markers that a merge left").At(at(name, l, shift)).Hint("settle them in an editor")
		}
	}
	from := draft.Origin{File: name, Line: l.First() + shift}
	if m := command().FindString(l.Text); m != "" {
		r.copied(item{text: l.Text[len(m):], shown: address.Shown(l.Text), from: from, constraint: constraints})
		return nil
	}
	behind := reqfile.OptionsAt(l.Text)
	if behind == 0 {
		return r.options(name, l, from, shift, constraints)
	}
	hashes, note, err := r.behind(name, l, behind, shift)
	if err != nil {
		return err
	}
	text := strings.TrimRightFunc(l.Text[:behind], reqfile.IsSpace)
	r.requirement(item{text: text, shown: address.Shown(text), from: from, hashes: hashes, note: note, constraint: constraints})
	return nil
}

// behind reads the options behind a requirement; note is about what is left out of them.
func (r *reader) behind(name string, l reqfile.Line, from, shift int) (hashes []string, note string, err error) {
	if from >= len(l.Text) {
		return nil, "", nil
	}
	options, bad := reqfile.Options(name, l, from)
	if bad != nil {
		return nil, "without " + address.Shown(l.Text[from:]) + ", which is about building it", nil
	}
	var out []string
	for _, o := range options {
		switch {
		case o.Name == "--hash" && hashForm().MatchString(o.Value):
			if h := strings.ToLower(o.Value); !slices.Contains(hashes, h) {
				hashes = append(hashes, h)
			}
		case o.Name == "--hash":
			where := l.Position(name, o.From, o.Size)
			where.Line += shift
			return nil, "", diag.New(diag.Manifest, "--hash wants sha256, sha384 or sha512, a colon, and its hexadecimal digits").At(where)
		case uses[o.Name] != nil: // which pip passes over in silence, and whoever wrote it meant
			r.index(o.Value, *uses[o.Name], draft.Origin{File: name, Line: l.First() + shift}, address.Shown(l.Text[o.From:o.From+o.Size]))
		default:
			out = append(out, address.Shown(l.Text[o.From:o.From+o.Size]))
		}
	}
	if len(out) > 0 {
		note = "without " + strings.Join(out, " ")
	}
	return hashes, note, nil
}

// uses are the options that name an index.
var uses = map[string]*address.Use{"--index-url": use(address.Main), "--extra-index-url": use(address.Extra), "--find-links": use(address.Links)}

func use(u address.Use) *address.Use { return &u }

var hashForm = pattern.New(`^(?i:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$`)

// include reads a file that another names.
func (r *reader) include(name, value string, where diag.Position, from draft.Origin, shown string, constraints bool) error {
	switch {
	case value == "":
		return diag.New(diag.Manifest, "-r and -c name a file").At(where)
	case strings.Contains(value, "://"):
		r.d.Leave(from, shown, "addresses are not followed: put the file into the project")
		return nil
	case path.IsAbs(value) || strings.Contains(value, "\\"):
		r.d.Leave(from, shown, "a path relative to %s is wanted, with slashes", path.Base(name))
		return nil
	}
	file := path.Join(path.Dir(name), value)
	for _, open := range r.stack {
		if open == file {
			return diag.New(diag.Manifest, "%s includes itself", file).At(where).Hint("leave this line out, or the one that leads back here")
		}
	}
	key := file
	if constraints {
		key += "\x00"
	}
	if r.done[key] {
		r.d.Note(from, shown, draft.Passed, "%s is read already", file)
		return nil
	}
	data, err := r.open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return diag.New(diag.Manifest, "%s does not exist", file).At(where).Hint("take the line out, or add the file")
	}
	if err != nil {
		return diag.Wrap(err, diag.Manifest, "").At(where)
	}
	r.d.Note(from, shown, draft.Taken, "")
	return r.file(file, data, constraints)
}
