package main

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/envpack/envpack/importer"
	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/internal/supply"
	"github.com/envpack/envpack/resolver/pep508"
)

// projectOptions are those of importing a whole project.
type projectOptions struct {
	files      []string // to read, in place of what is found
	addMissing bool
	outputSet  bool
}

func (o *projectOptions) addTo(f *pflag.FlagSet) {
	f.StringSliceVar(&o.files, "file", nil, "of a folder or repository, read this `FILE` in place of those that are found; may be repeated")
	f.BoolVar(&o.addMissing, "add-missing", false, "of a folder or repository, add packages that its files import and nothing declares, and those that only its README names")
}

// project is a folder or repository that is imported.
type projectPlace struct {
	dir      string         // on this machine
	name     string         // of the project
	commit   *supply.Commit // nil: of none
	detached bool           // the manifest is to lie elsewhere
	done     func()
}

// isProject tells whether an argument is a folder, or names a repository.
func isProject(arg string) bool {
	if info, err := os.Stat(arg); err == nil {
		return info.IsDir()
	}
	address, _ := splitRevision(arg)
	if _, ok := repositoryAddress(address); ok {
		return true
	}
	info, err := os.Stat(address)
	return address != arg && err == nil && info.IsDir()
}

// splitRevision splits REPOSITORY@COMMIT. A user's name before the host is none.
func splitRevision(arg string) (address, revision string) {
	i := strings.LastIndexByte(arg, '@')
	if i <= strings.LastIndexByte(arg, '/') && i >= 0 && !branchSlash(arg, i) || i < 0 {
		return arg, ""
	}
	if j := strings.Index(arg, "://"); j >= 0 && !strings.Contains(arg[j+3:i], "/") { // the user of a host
		return arg, ""
	}
	if scp().MatchString(arg) && !strings.Contains(arg[:i], ":") {
		return arg, ""
	}
	return arg[:i], arg[i+1:]
}

// branchSlash tells whether what stands behind an @ is a branch with slashes in it: the path before it is a repository's.
func branchSlash(arg string, i int) bool {
	_, ok := repositoryAddress(arg[:i])
	return ok && strings.Contains(strings.TrimPrefix(arg[:i], "https://"), "/")
}

var scp = pattern.New(`^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:[^/].*`)

// repositoryAddress is the address of a repository as git takes it; false for what is none.
func repositoryAddress(text string) (string, bool) {
	text = strings.TrimPrefix(text, "git+")
	if scp().MatchString(text) {
		at, rest, _ := strings.Cut(text, ":")
		return "ssh://" + at + "/" + rest, true
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", false
	}
	switch u.Scheme {
	case "https", "http", "ssh", "git":
		return strings.TrimSuffix(text, "/"), u.Host != "" && strings.Trim(u.Path, "/") != ""
	case "file":
		return text, u.Path != ""
	}
	return "", false
}

// importProject imports a folder or a repository.
func (s *session) importProject(ctx context.Context, arg string, o importOptions) error {
	if err := checkAsOf(o.asOf); err != nil {
		return err
	}
	place, err := s.openPlace(ctx, arg, &o)
	if err != nil {
		return err
	}
	defer place.done()
	if o.asOf == "" && place.commit != nil {
		o.asOf = place.commit.Committed.Format(time.DateOnly)
		s.ui().Printf("as-of %s: commit %s was made then", o.asOf, place.commit.Hash[:12])
	}
	t, err := openImportTree(place.dir)
	if err != nil {
		return err
	}
	names, err := projectNames(place.dir)
	if err != nil {
		return err
	}
	project, err := importer.ReadProject(importer.ProjectOptions{
		Names: names, Open: t.open, Files: o.project.files, AsOf: o.asOf, Documented: o.project.addMissing, Detached: place.detached,
	})
	if err != nil {
		return err
	}
	options := importer.Options{Name: place.name, Python: o.python, AsOf: o.asOf, Open: t.open}
	for _, g := range o.groups {
		options.Groups = append(options.Groups, pep508.NormalizeName(g))
	}
	m, err := importer.Compose(project.Files, options)
	if err != nil {
		return err
	}
	if len(project.Main) == 0 { // what is imported is all that says it
		o.project.addMissing = true
	}
	if m, err = s.askIndex(ctx, m, project, names, t.open, options, o); err != nil {
		return err
	}
	if len(project.Main) == 0 && len(m.Dependencies) == 0 && len(m.Missing()) == 0 {
		return diag.New(diag.Manifest, "%s has no file that says which packages it needs, and its Python files import none that are known", arg).
			Hint("--file FILE names one that has another name")
	}
	m.Lines = append(project.Lines, m.Lines...)
	root := place.dir
	if place.detached {
		root = filepath.Dir(o.output)
		m.Env = slices.DeleteFunc(m.Env, func(e draft.Setting) bool { return e.Name == "PYTHONPATH" })
	}
	return s.writeImported(m, root, o)
}

// openPlace finds the folder, or brings the repository's files into one.
func (s *session) openPlace(ctx context.Context, arg string, o *importOptions) (*projectPlace, error) {
	if info, err := os.Stat(arg); err == nil && info.IsDir() {
		commit, err := supply.Head(ctx, arg)
		if err != nil {
			return nil, err
		}
		return s.settlePlace(&projectPlace{dir: arg, commit: commit, done: func() {}}, o)
	}
	text, revision := splitRevision(arg)
	address, ok := repositoryAddress(text)
	if !ok { // a local repository, at another commit than it is checked out at
		abs, err := filepath.Abs(text)
		if err != nil {
			return nil, diag.Wrap(err, diag.Failure, "")
		}
		address = "file://" + filepath.ToSlash(abs)
	}
	if u, err := url.Parse(address); err == nil && u.User != nil {
		if _, secret := u.User.Password(); secret {
			return nil, diag.New(diag.Usage, "the address of the repository holds a password").Hint("put it into ~/.netrc, or set up a credential helper of git")
		}
	}
	name := strings.TrimSuffix(path.Base(strings.TrimSuffix(text, "/")), ".git")
	p := &projectPlace{name: name, dir: name, done: func() {}}
	temporary := o.project.outputSet
	if temporary {
		dir, err := os.MkdirTemp("", "envpack-import-")
		if err != nil {
			return nil, diag.Wrap(err, diag.Failure, "making a temporary folder")
		}
		p.dir, p.detached, p.done = filepath.Join(dir, name), true, func() { _ = os.RemoveAll(dir) }
	} else if entries, err := os.ReadDir(p.dir); err == nil && len(entries) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, diag.New(diag.Usage, "the repository's files would go to %s, which is there already", p.dir).
			Hint("`envpack import %s` imports what is there, and -o FILE writes the manifest alone", p.dir)
	}
	if err := s.checkout(ctx, p, address, revision, *o); err != nil {
		p.done()
		return nil, err
	}
	if !temporary {
		s.ui().Printf("the files of %s at %s are in %s", address, p.commit.Hash[:12], p.dir)
		o.output = filepath.Join(p.dir, manifest.FileName)
	}
	return p, nil
}

func (s *session) checkout(ctx context.Context, p *projectPlace, address, revision string, o importOptions) error {
	st, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	m := &manifest.Manifest{}
	sup, err := s.supplyFor(st, m, fetching)
	if err != nil {
		return err
	}
	defer sup.Close()
	made := false
	if _, err := os.Lstat(p.dir); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(p.dir, 0o755); err != nil {
			return diag.Wrap(err, diag.Failure, "making the folder %s", p.dir)
		}
		made = true
	}
	p.commit, err = sup.Checkout(ctx, address, revision, until(o.asOf), p.dir)
	if err != nil {
		if made {
			_ = os.RemoveAll(p.dir)
		}
		if diag.CodeOf(err) == diag.Fetch {
			return diag.Wrap(err, 0, "").Hint("a checkout that is here already can be imported by its folder: envpack import DIR")
		}
		return err
	}
	if len(p.commit.LFS) > 0 {
		s.ui().Warn("the repository keeps %d files in Git LFS, as %s: placeholders are in their place", len(p.commit.LFS), p.commit.LFS[0])
	}
	return nil
}

// settlePlace says where the manifest of a folder goes.
func (s *session) settlePlace(p *projectPlace, o *importOptions) (*projectPlace, error) {
	abs, err := filepath.Abs(p.dir)
	if err != nil {
		return nil, diag.Wrap(err, diag.Failure, "finding the folder %s", p.dir)
	}
	p.name = filepath.Base(abs)
	switch {
	case !o.project.outputSet:
		o.output = filepath.Join(p.dir, manifest.FileName)
	case o.output != "-":
		out, err := filepath.Abs(filepath.Dir(o.output))
		p.detached = err != nil || out != abs
	}
	return p, nil
}

// until is the end of an as-of; zero for none, and for one that is an age.
func until(asOf string) time.Time {
	if t, err := time.Parse(time.RFC3339, asOf); err == nil {
		return t
	}
	if t, err := time.Parse(time.DateOnly, asOf); err == nil {
		return t.AddDate(0, 0, 1).Add(-time.Nanosecond)
	}
	return time.Time{}
}

const maxProjectFiles = 200_000

// projectNames lists a project's files, without what is never the project's own.
func projectNames(dir string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			if name != dir && (base == ".git" || base == "node_modules" || base == "__pycache__" || base == "site-packages" || base == ".venv" || base == "venv" || base == ".tox") {
				return fs.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if len(names) == maxProjectFiles {
			return diag.New(diag.Manifest, "%s has more than %d files", dir, maxProjectFiles).Hint("name the file that says what it needs, as envpack import %s", filepath.Join(dir, "requirements.txt"))
		}
		names = append(names, filepath.ToSlash(rel))
		return nil
	})
	if err != nil {
		return nil, diag.Wrap(err, diag.Failure, "looking through %s", dir)
	}
	slices.Sort(names)
	return names, nil
}

func checkAsOf(text string) error {
	if text != "" && !dateForm().MatchString(text) && !ageForm().MatchString(text) {
		return diag.New(diag.Usage, "--as-of %q is no date", text).Hint("as in 2019-05-07, 2019-05-07T12:00:00Z or \"7 days\"")
	}
	return nil
}
