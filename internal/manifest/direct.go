package manifest

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/internal/sdistfile"
	"github.com/envpack/envpack/resolver/direct"
	"github.com/envpack/envpack/resolver/pep508"
	"github.com/envpack/envpack/resolver/tags"
)

// promised are the hashes that stand behind a requirement, and the place of the first.
type promised struct {
	hashes []string
	at     diag.Position
}

// follow makes a requirement of one that names an address. Relative paths begin in dir.
func (m *Manifest) follow(req pep508.Requirement, p promised, dir string, at diag.Position) (Requirement, error) {
	hashes := p.hashes
	ref, err := m.address(req.URL, dir, at)
	if err != nil {
		return Requirement{}, err
	}
	if ref.Kind() == direct.Wheel {
		w, err := tags.ParseWheel(ref.Filename())
		if err != nil {
			return Requirement{}, diag.Wrap(err, diag.Manifest, "").At(at)
		}
		if w.Name != req.Name {
			return Requirement{}, diag.New(diag.Manifest, "%s is asked for, and the wheel is of %s", req.Name, w.Name).At(at).Hint("%s @ … takes it under its own name", w.Name)
		}
	}
	if k := ref.Kind(); len(hashes) > 0 && (k == direct.Folder || k == direct.Repository) {
		return Requirement{}, diag.New(diag.Manifest, "--hash is for files, and %s is none", ref).At(at).Hint("take the --hash away")
	}
	where := p.at
	if _, fragment, _ := strings.Cut(req.URL, "#"); where.IsZero() && (ref.SHA256 != "" || ref.Sums != "") {
		where = narrowed(at, fragment)
	}
	if hashes, err = allHashes(hashes, ref, where); err != nil {
		return Requirement{}, err
	}
	req.URL = ref.String()
	return Requirement{Requirement: req, Hashes: hashes, HashPos: where, Pos: at, Direct: ref}, nil
}

// allHashes holds the hashes that an address promises and those of --hash to each other: of a kind that both give, the
// address's must be among them, and one that nobody can make another file of needs no other beside it.
func allHashes(hashes []string, ref *direct.Reference, at diag.Position) ([]string, error) {
	own := map[string]string{"sha256": ref.SHA256}
	for algorithm, sum := range ref.EachSum() {
		own[algorithm] = sum
	}
	for _, algorithm := range []string{"sha512", "sha384", "sha256"} {
		sum := algorithm + ":" + own[algorithm]
		if own[algorithm] == "" {
			continue
		}
		if slices.ContainsFunc(hashes, func(h string) bool { return strings.HasPrefix(h, algorithm+":") }) && !slices.Contains(hashes, sum) {
			return nil, diag.New(diag.Manifest, "the address promises another %s than --hash", algorithm).At(at).
				Hint("keep the one that is right")
		}
		if hashes == nil || algorithm == "sha256" {
			hashes = []string{sum}
		}
	}
	return hashes, nil
}

// narrowed is the place of a text on the line of a place, behind its beginning; the place itself if it is not there, as
// where it is written with escapes.
func narrowed(at diag.Position, text string) diag.Position {
	line := []rune(at.Source)
	from := min(max(at.Col-1, 0), len(line))
	before, _, found := strings.Cut(string(line[from:]), text)
	if !found || text == "" {
		return at
	}
	at.Col = from + utf8.RuneCountInString(before) + 1
	at.Width = utf8.RuneCountInString(text)
	return at
}

// address takes an address apart. An error does not show credentials.
func (m *Manifest) address(text, dir string, at diag.Position) (*direct.Reference, error) {
	project, err := filepath.Abs(m.Dir)
	if err != nil {
		return nil, diag.Wrap(err, diag.Failure, "finding the project's folder")
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, diag.Wrap(err, diag.Failure, "finding the folder of %s", at.File)
	}
	ref, err := direct.Parse(text, direct.Place{Project: project, Folder: dir})
	var bad *direct.Error
	var signed *direct.SignedError
	switch {
	case errors.As(err, &signed):
		return nil, diag.New(diag.Manifest, "%v", err).At(at).
			Hint("the lock would hand them on, and a signed address ends soon: name the address without them, and put a user and a password or token into ~/.netrc").
			Hint("or download the file, and name it by its path: NAME @ ./wheels/….whl")
	case errors.Is(err, direct.ErrCredentials):
		return nil, diag.New(diag.Manifest, "%v", err).At(at).Hint("put them into ~/.netrc, or where git finds them")
	case errors.As(err, &bad):
		e := diag.New(diag.Manifest, "%s", bad.Msg).At(at)
		if bad.Hint != "" {
			e = e.Hint("%s", bad.Hint)
		}
		return nil, e
	case err != nil:
		return nil, diag.Wrap(err, diag.Manifest, "").At(at)
	}
	if ref.Path == "." && ref.Subdirectory == "" {
		return nil, diag.New(diag.Manifest, "the project itself is not installed: its files lie in the image as they are").At(at).
			Hint("name the files that the program needs:\n    [image]\n    include = [\"…\"]")
	}
	return &ref, nil
}

// extrasForm are the extras behind a path or an address, as in ./demo[gpu].
var extrasForm = pattern.New(`^(.*[^\[])\[([A-Za-z0-9._ ,-]*)\]$`)

// addressEnd is a semicolon that ends an address: pip wants a blank behind it, and PEP 508 one before it.
var addressEnd = pattern.New(`; | ;`)

// bare makes a requirement of an address that stands without a name, as pip's requirements files may have it.
func (m *Manifest) bare(text string, hashes promised, dir string, at diag.Position) (Requirement, error) {
	address, condition, _ := strings.Cut(text, ";")
	if strings.Contains(text, "://") { // it may have a semicolon itself
		m := addressEnd().FindStringIndex(text + " ")
		if address, condition = text, ""; m != nil {
			address, condition = text[:m[0]], text[m[0]+2:]
		}
	}
	address = strings.TrimSpace(address)
	var req pep508.Requirement
	var err error
	if condition = strings.TrimSpace(condition); condition != "" {
		if req.Marker, err = pep508.ParseMarker(condition); err != nil {
			return Requirement{}, diag.New(diag.Manifest, "%s", whyNot(err)).At(at)
		}
	}
	if parts := extrasForm().FindStringSubmatch(address); parts != nil {
		named, err := pep508.Parse("x[" + parts[2] + "]")
		if err != nil {
			return Requirement{}, diag.New(diag.Manifest, "%s", whyNot(err)).At(at)
		}
		address, req.Extras = parts[1], named.Extras
	}
	ref, err := m.address(address, dir, at)
	if err != nil {
		return Requirement{}, err
	}
	req.RawName = ref.Name()
	if ref.Kind() == direct.Folder {
		req.RawName = m.nameIn(ref)
	}
	if !nameForm().MatchString(req.RawName) {
		return Requirement{}, diag.New(diag.Manifest, "which package this is does not show").At(at).
			Hint("write its name before the address: NAME @ %s", address)
	}
	req.Name, req.URL = pep508.NormalizeName(req.RawName), address
	return m.follow(req, hashes, dir, at)
}

// nameIn is the name that a folder's pyproject.toml has; "" if it does not say.
func (m *Manifest) nameIn(ref *direct.Reference) string {
	dir := filepath.FromSlash(ref.Path)
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(m.Dir, dir)
	}
	data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(ref.Subdirectory), PyProject))
	if err != nil {
		return ref.Egg
	}
	return sdistfile.NameOf(data)
}
