package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/importer"
	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/resolver/pep508"
)

const importLong = `Reads the files that a project describes its environment with, and writes a manifest that asks for the same.
What became of each line is told on standard error: taken as it is, mapped to something else, left since it could not be
taken, or passed since it means nothing for an image. Nothing is run, and no index is asked.

Of a folder, or a repository by its address, the files are found: it is told which are read and why these. As-of is the day
of its commit, unless --as-of says another. The index is asked which Python the pinned packages have wheels for, if nothing
says which is meant, and which packages have what the project's Python files import and nothing declares: that is told, and
--add-missing adds it. A repository's files go to a folder of its name, with the manifest; with -o there is the manifest alone.`

const importExample = `  envpack import requirements.txt                       # writes envpack.toml
  envpack import requirements.txt --as-of 2019-05-07    # with packages as they were on that day
  envpack import setup.py --python 3.8 -o -             # prints the manifest
  envpack import .                                      # finds the files that say what the project needs
  envpack import https://git.example/lab/paper@v1.0     # a repository, as it was then
  envpack import . --add-missing                        # with what it imports and does not declare`

type importOptions struct {
	output string
	asOf   string
	python string
	groups []string
	force  bool

	project projectOptions
}

func newImport(s *session) *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:     "import PATH... | REPOSITORY[@COMMIT]",
		Short:   "Write a manifest from a repository, requirements files and those of other tools",
		Long:    importLong,
		Example: importExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return diag.New(diag.Usage, "import takes the files to read").Hint("as in envpack import requirements.txt")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.project.outputSet = cmd.Flags().Changed("output"); len(args) == 1 && isProject(args[0]) {
				return s.importProject(cmd.Context(), args[0], o)
			}
			return s.importFiles(cmd.Context(), args, o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.output, "output", "o", manifest.FileName, "the `FILE` to write; - prints it")
	f.StringVar(&o.asOf, "as-of", "", "take no package that was uploaded later: a `DATE`, an instant or an age, as project.as-of")
	f.StringVar(&o.python, "python", "", "the Python `VERSION`, in place of what the files say")
	f.StringSliceVar(&o.groups, "group", nil, "a dependency group or extra `NAME` of the files that is wanted too")
	f.BoolVar(&o.force, "force", false, "replace a manifest that is there")
	o.project.addTo(f)
	return cmd
}

var ageForm = pattern.New(`^[0-9]+ (hours?|days?|weeks?)$`)

func (s *session) importFiles(ctx context.Context, args []string, o importOptions) error {
	if len(o.project.files) > 0 {
		return diag.New(diag.Usage, "--file is for a folder or a repository, and %s is neither", args[0]).Hint("as in envpack import . --file %s", args[0])
	}
	if err := checkAsOf(o.asOf); err != nil {
		return err
	}
	root := "."
	if o.output != "-" {
		root = filepath.Dir(o.output)
	}
	t, err := openImportTree(root)
	if err != nil {
		return err
	}
	var files []*importer.File
	for _, arg := range args {
		name, data, err := t.named(arg)
		if err != nil {
			return err
		}
		f, err := importer.ReadAsOf(name, data, t.open, o.asOf)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	options := importer.Options{Name: filepath.Base(t.dir), Python: o.python, AsOf: o.asOf, Open: t.open}
	for _, g := range o.groups {
		options.Groups = append(options.Groups, pep508.NormalizeName(g))
	}
	m, err := importer.Compose(files, options)
	if err != nil {
		return err
	}
	if o.project.addMissing {
		if m, err = s.addMissing(ctx, m, files, t, options, o); err != nil {
			return err
		}
	}
	return s.writeImported(m, root, o)
}

var dateForm = pattern.New(`^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?$`)

// writeImported writes a manifest and tells what became of everything.
func (s *session) writeImported(m *importer.Manifest, root string, o importOptions) error {
	text, hashed := m.Text(), m.HashedText()
	file := o.output
	if file == "-" {
		file = filepath.Join(root, manifest.FileName)
	}
	check := *m
	check.Hashed = nil // that file is not written yet
	if _, err := manifest.Parse(file, check.Text()); err != nil {
		e := diag.Wrap(err, diag.Manifest, "what was read makes no manifest")
		if o.python == "" {
			return e.Hint("--python says which Python is meant")
		}
		return e
	}
	s.tellImported(m)
	if o.output == "-" {
		if hashed != "" {
			s.ui().Warn("%s has hashes, which a manifest cannot: with -o FILE they are written into %s beside it", m.From[0], importer.HashedFile)
		}
		if s.json {
			return s.printJSON(importResult(m, "", text))
		}
		s.close()
		_, err := io.WriteString(s.stdout, text)
		return err
	}
	if err := replaceable(file, text, o.force, "--force replaces it, -o FILE writes another, -o - prints the new one"); err != nil {
		return err
	}
	if hashed != "" {
		beside := filepath.Join(root, importer.HashedFile)
		if err := replaceable(beside, hashed, o.force, "--force replaces it, and -o DIR/"+manifest.FileName+" writes both into another folder"); err != nil {
			return err
		}
		if err := writeWhole(beside, []byte(hashed), ""); err != nil {
			return err
		}
	}
	if err := writeWhole(file, []byte(text), ""); err != nil {
		return err
	}
	if s.json {
		return s.printJSON(importResult(m, file, ""))
	}
	s.ui().Printf("wrote %s: %d taken, %d mapped, %d left, %d passed; `envpack lock%s` pins what it asks for",
		file, m.Count(draft.Taken), m.Count(draft.Mapped), m.Count(draft.Left), m.Count(draft.Passed), lockOperand(file))
	return nil
}

// lockOperand is what lock has to be given for a manifest.
func lockOperand(file string) string {
	switch {
	case file == manifest.FileName:
		return ""
	case filepath.Base(file) == manifest.FileName:
		return " " + shellWord(filepath.Dir(file))
	}
	return " " + shellWord(file)
}

// replaceable fails where a file would be lost.
func replaceable(file, text string, force bool, hint string) error {
	old, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && (force || string(old) == text) {
		return nil
	}
	if err != nil {
		return diag.Wrap(err, diag.Failure, "reading %s", file)
	}
	return diag.New(diag.Usage, "%s is there already, and says something else", file).Hint("%s", hint)
}

// tellImported tells what became of each line.
func (s *session) tellImported(m *importer.Manifest) {
	for _, l := range m.Lines {
		text := l.From.String() + ": " + l.Verdict.String() + ": " + l.Text
		if l.Note != "" {
			text += " (" + l.Note + ")"
		}
		if !s.json {
			s.ui().Printf("%s", text)
		}
	}
	for _, w := range m.Warnings {
		s.ui().Warn("%s", w)
	}
	for _, l := range m.Missing() {
		s.ui().Warn("%s: %s is not in the manifest: %s", l.From, l.Text, l.Note)
	}
}

// imported is what import prints with --json.
type imported struct {
	Manifest string         `json:"manifest,omitempty"` // that was written
	Text     string         `json:"text,omitempty"`     // with -o -
	Files    []string       `json:"files"`
	Python   string         `json:"python"`
	AsOf     string         `json:"as_of,omitempty"`
	Taken    int            `json:"taken"`
	Mapped   int            `json:"mapped"`
	Left     int            `json:"left"`
	Passed   int            `json:"passed"`
	Lines    []importedLine `json:"lines"`
}

type importedLine struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	Text    string `json:"text"`
	Verdict string `json:"verdict"`
	Note    string `json:"note,omitempty"`
	Needed  bool   `json:"needed,omitempty"` // it was left, and the environment lacks it
}

func importResult(m *importer.Manifest, file, text string) imported {
	r := imported{Manifest: file, Text: text, Files: m.From, Python: m.Python, AsOf: m.AsOf, Lines: []importedLine{},
		Taken: m.Count(draft.Taken), Mapped: m.Count(draft.Mapped), Left: m.Count(draft.Left), Passed: m.Count(draft.Passed)}
	for _, l := range m.Lines {
		r.Lines = append(r.Lines, importedLine{l.From.File, l.From.Line, l.Text, l.Verdict.String(), l.Note, l.Needed})
	}
	return r
}

// importTree is the project's folder, of which files are read.
type importTree struct {
	dir   string   // absolute
	roots []string // folders that files may be read of: that one, and those of named files
}

func openImportTree(dir string) (*importTree, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, diag.Wrap(err, diag.Failure, "finding the project's folder")
	}
	return &importTree{dir: abs, roots: []string{abs}}, nil
}

// maxImported bounds a file that is read.
const maxImported = 32 << 20

// named reads a file of the command line, and gives its name as the manifest has it.
func (t *importTree) named(arg string) (string, []byte, error) {
	info, err := os.Stat(arg)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil, diag.New(diag.Usage, "%s does not exist", arg)
	case err != nil:
		return "", nil, diag.Wrap(err, diag.Failure, "")
	case info.IsDir():
		return "", nil, diag.New(diag.Usage, "%s is a folder", arg).Hint("name the file in it that says what the project needs, as %s", filepath.Join(arg, "requirements.txt"))
	case !info.Mode().IsRegular(): // opening a pipe would wait
		return "", nil, diag.New(diag.Manifest, "%s is not a regular file", arg)
	}
	abs, err := filepath.Abs(arg)
	if err != nil {
		return "", nil, diag.Wrap(err, diag.Failure, "")
	}
	rel, err := filepath.Rel(t.dir, abs)
	if err != nil {
		return "", nil, diag.Wrap(err, diag.Usage, "%s lies nowhere beside the manifest", arg)
	}
	t.roots = append(t.roots, filepath.Dir(abs))
	f, err := os.Open(arg)
	if err != nil {
		return "", nil, diag.Wrap(err, diag.Failure, "")
	}
	defer f.Close()
	data, err := readImported(f, arg)
	return filepath.ToSlash(rel), data, err
}

// open gives a file that another names; none outside of the project's folders is read, links included.
func (t *importTree) open(name string) ([]byte, error) {
	abs := filepath.Join(t.dir, filepath.FromSlash(name))
	for _, dir := range t.roots {
		rel, err := filepath.Rel(dir, abs)
		if err != nil || !filepath.IsLocal(rel) {
			continue
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			return nil, err
		}
		defer root.Close()
		info, err := root.Stat(rel)
		if err == nil && !info.Mode().IsRegular() { // opening a pipe would wait
			return nil, diag.New(diag.Manifest, "%s is not a regular file", name)
		}
		var f *os.File
		if err == nil {
			f, err = root.Open(rel)
		}
		var bad *fs.PathError
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fs.ErrNotExist
		case err != nil && strings.Contains(err.Error(), "path escapes"):
			return nil, diag.New(diag.Manifest, "%s is a link that leads out of the project", name).Hint("put the file itself there")
		case errors.As(err, &bad):
			return nil, diag.Wrap(bad.Err, diag.Manifest, "%s", name)
		case err != nil:
			return nil, diag.Wrap(err, diag.Manifest, "%s", name)
		}
		defer f.Close()
		return readImported(f, name)
	}
	return nil, diag.New(diag.Manifest, "%s lies outside of the project", name).
		Hint("run the command in a folder that has both, with -o %s there", manifest.FileName)
}

func readImported(f *os.File, name string) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, diag.Wrap(err, diag.Failure, "")
	}
	if !info.Mode().IsRegular() {
		return nil, diag.New(diag.Manifest, "%s is not a regular file", name)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxImported+1))
	if err != nil {
		return nil, diag.Wrap(err, diag.Failure, "reading %s", name)
	}
	if len(data) > maxImported {
		return nil, diag.New(diag.Manifest, "%s has more than %d MiB", name, maxImported>>20)
	}
	return data, nil
}
