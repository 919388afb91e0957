package importer

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/binder"
	"github.com/envpack/envpack/importer/conda"
	"github.com/envpack/envpack/importer/dockerfile"
	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/lockfiles"
	"github.com/envpack/envpack/importer/notebook"
	"github.com/envpack/envpack/importer/pipfile"
	"github.com/envpack/envpack/importer/pyproject"
	"github.com/envpack/envpack/importer/readme"
	"github.com/envpack/envpack/importer/requirements"
	"github.com/envpack/envpack/importer/setuptools"
	"github.com/envpack/envpack/internal/diag"
)

// Open gives a file of the project, by its path relative to that, with slashes. It fails with fs.ErrNotExist for one that is not there.
type Open = func(name string) ([]byte, error)

// reader reads one form.
type reader = func(name string, data []byte, open Open) (*draft.Draft, error)

// format is a kind of file that is read.
type format struct {
	name  string // as messages have it
	match func(base string, data []byte) bool
	read  reader
	// byReference: the manifest can name such a file, and so leave it the truth.
	byReference bool
	// readAt is in place of read for what depends on the day (2006-01-02, "" for the present).
	readAt func(day string) reader
}

// formats are those that there are. The first that matches is taken.
var formats = []format{
	{name: "a Dockerfile", match: named("dockerfile", "dockerfile.*", "*.dockerfile", "containerfile"),
		readAt: func(day string) reader { return dockerfile.Reader{Conda: conda.Reader{AsOf: day}.Read}.Read }},
	{name: "Binder's and pyenv's files, tox.ini or a shell script", match: binder.Is,
		readAt: func(day string) reader { return binder.Reader{Conda: conda.Reader{AsOf: day}.Read}.Read }},
	{name: "a README", match: func(base string, _ []byte) bool { return readme.Is(base) },
		readAt: func(day string) reader { return readme.Reader{Conda: conda.Reader{AsOf: day}.Read}.Read }},
	{name: "a notebook", match: named("*.ipynb"),
		readAt: func(day string) reader { return notebook.Reader{Conda: conda.Reader{AsOf: day}.Read}.Read }},
	{name: "conda's or pixi's file", match: conda.Is, readAt: func(day string) reader { return conda.Reader{AsOf: day}.Read }},
	{name: "Pipfile", match: named("pipfile"), read: pipfile.Read},
	{name: "Pipfile.lock", match: named("pipfile.lock"), read: lockfiles.Pipenv},
	{name: "poetry.lock", match: named("poetry.lock"), read: lockfiles.Poetry},
	{name: "uv.lock", match: named("uv.lock"), read: lockfiles.UV},
	{name: "pdm.lock", match: named("pdm.lock"), read: lockfiles.PDM},
	{name: "pylock.toml", match: named("pylock.toml", "pylock.*.toml"), read: lockfiles.Pylock},
	{name: "pyproject.toml", match: named("pyproject.toml"), read: pyproject.Read, readAt: withPixi},
	{name: "setup.py", match: named("setup.py"), read: setuptools.Read},
	{name: "setup.cfg", match: named("setup.cfg"), read: setuptools.ReadConfig},
	{name: "a requirements file", match: isRequirements, read: requirements.Read, byReference: true},
}

// withPixi reads a pyproject.toml with the tables of pixi that it may have.
func withPixi(day string) reader {
	return func(name string, data []byte, open Open) (*draft.Draft, error) {
		d, err := pyproject.Read(name, data, open)
		if err != nil || !bytes.Contains(data, []byte("tool.pixi")) {
			return d, err
		}
		pixi, err := conda.Reader{AsOf: day}.Read(name, data, open)
		if err != nil {
			return nil, err
		}
		d.Add(pixi)
		slices.SortStableFunc(d.Lines, func(a, b draft.Line) int {
			if a.From.File != b.From.File {
				return 0
			}
			return a.From.Line - b.From.Line
		})
		return d, nil
	}
}

// named matches files by their names; * stands for any letters.
func named(patterns ...string) func(string, []byte) bool {
	return func(base string, _ []byte) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			ok, err := path.Match(p, base)
			return ok && err == nil
		})
	}
}

// isRequirements takes what is called so, and any text without another meaning.
func isRequirements(base string, data []byte) bool {
	end := path.Ext(base)
	return (end == ".txt" || end == ".in" || end == ".pip" || end == "" && strings.Contains(base, "require")) && !bytes.Contains(data, []byte("@EXPLICIT"))
}

// formatOf finds how a file is read; nil for none.
func formatOf(name string, data []byte) *format {
	base := strings.ToLower(path.Base(name))
	for i := range formats {
		if formats[i].match(base, data) {
			return &formats[i]
		}
	}
	return nil
}

// File is what was read of one file.
type File struct {
	Name        string // relative to the project, with slashes
	Draft       *draft.Draft
	byReference bool
}

// ReadAsOf reads a file by its form, as of a date, an instant or an age as the manifest has it; the present counts for an age.
// Errors are diag errors: those of the form, or one that no form fits.
func ReadAsOf(name string, data []byte, open Open, asOf string) (*File, error) {
	f := formatOf(name, data)
	if f == nil {
		var known []string
		for _, f := range formats {
			known = append(known, f.name)
		}
		return nil, diag.New(diag.Manifest, "%s is of no form that is read", name).Hint("read are %s", strings.Join(known, ", "))
	}
	read := f.read
	if f.readAt != nil {
		read = f.readAt(dayForm().FindString(asOf))
	}
	d, err := read(name, data, open)
	if err != nil {
		if diag.PositionOf(err).IsZero() && diag.CodeOf(err) == diag.Failure {
			err = diag.Wrap(fmt.Errorf("%s: %w", name, err), diag.Manifest, "")
		}
		return nil, err
	}
	return &File{Name: name, Draft: d, byReference: f.byReference}, nil
}
