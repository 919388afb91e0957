package project

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/envpack/envpack/imagegen/publish/imagefile"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

// ownFiles never belong to a tree: the image may not depend on the file that holds its digest, and what
// the manifest says reaches the image by way of the lock.
var ownFiles = []string{"envpack.toml", "envpack.lock"}

// alwaysOut are names that are left out wherever they stand, unless git tracks them.
var alwaysOut = map[string]bool{
	".git": true, ".hg": true, ".svn": true,
	"__pycache__": true, ".mypy_cache": true, ".pytest_cache": true, ".ipynb_checkpoints": true,
	".venv": true, "venv": true, "node_modules": true,
}

func isAlwaysOut(name string) bool { return alwaysOut[name] || strings.HasSuffix(name, ".pyc") }

// Select chooses the files of the project in the folder root and hashes them.
//
// With patterns: the files, folders (with all that is in them) and globs (`*`, `?`, `[a-z]`, and `**` for
// any number of folders) that they name, ignored or not. Every pattern must match something. Without:
// what git tracks, if root lies in a repository that tracks files there, and of that what exists; else all but
// what .gitignore, .dockerignore and a repository's info/exclude leave out. With git, a warning names the files
// that are neither tracked nor ignored.
//
// Left out in each case: envpack.toml, envpack.lock and other locks in root itself, and the outputs, which are paths of
// files or folders that envpack writes. Left out unless git tracks them: caches, virtual environments,
// version control's folders (.git, __pycache__, .venv, node_modules and the like), compiled files (*.pyc).
// Left out, with a warning, where neither patterns nor git choose: images from earlier builds, which are folders
// that are OCI image layouts and *.tar files that are OCI or Docker archives.
//
// Errors have positions of no file but say the path: a pattern that matches nothing ([PatternError], exit code 3), a symbolic
// link that leads outside the project, a special file, a name that is not UTF-8, begins with .wh. or differs
// from another only by case, a checked-out submodule, an index that is damaged.
func Select(ctx context.Context, root string, patterns []string, outputs ...string) (*Tree, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("finding the project: %w", err)
	}
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		return nil, fmt.Errorf("finding the project: %w", err)
	}
	s := &selection{ctx: ctx, root: abs, tree: &Tree{}, chosen: map[string]uint32{}}
	for _, o := range outputs {
		if rel, ok := s.inside(o); ok {
			s.outputs = append(s.outputs, rel)
		}
	}
	if len(patterns) > 0 {
		s.tree.Source = Patterns
		if err = s.byPatterns(patterns); err == nil && runtime.GOOS == "windows" {
			err = s.recallModes()
		}
	} else {
		err = s.byDefault()
	}
	if err != nil {
		return nil, err
	}
	return s.finish()
}

// selection is a choice under way.
type selection struct {
	ctx     context.Context
	root    string
	outputs []string // slash-separated, relative to root
	tree    *Tree
	chosen  map[string]uint32   // path and the mode that git knows, 0 for none
	skip    func(p string) bool // of byFolder: not to be looked at. May be nil
	images  []string            // that byFolder left out
}

// inside is the path relative to the project, if it lies there.
func (s *selection) inside(p string) (string, bool) {
	abs, err := filepath.Abs(p)
	if err != nil {
		return "", false
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil {
		abs = filepath.Join(dir, filepath.Base(abs))
	}
	rel, err := filepath.Rel(s.root, abs)
	if err != nil || !filepath.IsLocal(rel) || rel == "." {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// out tells whether the path never belongs to the tree.
func (s *selection) out(p string) bool {
	if slices.Contains(ownFiles, p) || s.isLock(p) {
		return true
	}
	for _, o := range s.outputs {
		if p == o || strings.HasPrefix(p, o+"/") {
			return true
		}
	}
	return false
}

// isLock tells whether a file at the project's top is a lock by another name: it has digests of images, and an image
// may not depend on what they are.
func (s *selection) isLock(p string) bool {
	if strings.Contains(p, "/") {
		return false
	}
	if info, err := os.Lstat(s.host(p)); err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(s.host(p))
	if err != nil {
		return false // whoever reads it says so
	}
	defer f.Close()
	head := make([]byte, len(lockfile.Mark))
	n, _ := io.ReadFull(f, head)
	return string(head[:n]) == lockfile.Mark
}

func (s *selection) host(p string) string { return filepath.Join(s.root, filepath.FromSlash(p)) }

func (s *selection) byDefault() error {
	repo, err := findRepository(s.root)
	if err != nil {
		return err
	}
	if repo != nil {
		list, err := repo.trackedFiles()
		if err != nil {
			return err
		}
		if len(list) > 0 {
			s.tree.Source = Git
			if err := s.byGit(list); err != nil {
				return err
			}
			return s.warnOfUntracked(repo, list)
		}
	}
	s.tree.Source = Folder
	if err := s.byFolder(repo); err != nil {
		return err
	}
	if len(s.images) > 0 {
		s.tree.Warnings = append(s.tree.Warnings, "not in the image, because they are images themselves: "+shorten(s.images, ""))
	}
	return nil
}

func (s *selection) byGit(list []tracked) error {
	folders := map[string]bool{".": true} // whether a folder is one, and no link to one
	var isFolder func(p string) bool
	isFolder = func(p string) bool {
		is, known := folders[p]
		if !known {
			info, err := os.Lstat(s.host(p))
			is = err == nil && info.IsDir() && isFolder(path.Dir(p))
			folders[p] = is
		}
		return is
	}
	for _, t := range list {
		if s.out(t.path) || !isFolder(path.Dir(t.path)) {
			continue
		}
		info, err := os.Lstat(s.host(t.path))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted, or left out by a sparse checkout
		}
		if err != nil {
			return fmt.Errorf("reading the project: %w", err)
		}
		switch {
		case t.mode == gitSubmodule:
			entries, err := os.ReadDir(s.host(t.path))
			if err == nil && len(entries) > 0 {
				return diag.New(diag.Failure, "%s is a git submodule, whose files git does not track here", t.path).
					Hint("name the project's files in [image] include; a folder's name takes in all of it")
			}
			s.tree.Warnings = append(s.tree.Warnings, fmt.Sprintf("the submodule %s is not checked out, so its files are not in the image", t.path))
		case t.mode == gitFolder:
			return sparseError(t.path)
		case info.IsDir():
			// A tracked file was replaced by a folder, of which nothing is tracked.
		default:
			s.chosen[t.path] = t.mode
		}
	}
	return nil
}

// shownNames is how many files a warning names.
const shownNames = 5

// warnOfUntracked says which files are not in the image only because nobody has told git of them yet:
// the program that someone has just written is often among them.
func (s *selection) warnOfUntracked(repo *repository, list []tracked) error {
	known := map[string]bool{}
	for _, t := range list {
		known[t.path] = true
	}
	all := &selection{ctx: s.ctx, root: s.root, outputs: s.outputs, chosen: map[string]uint32{}, skip: func(p string) bool {
		if known[p] {
			return true
		}
		_, err := os.Lstat(filepath.Join(s.host(p), ".git")) // a repository of its own
		return err == nil
	}}
	err := all.byFolder(repo)
	if errors.Is(err, fs.ErrPermission) {
		s.tree.Warnings = append(s.tree.Warnings, "not all files that git does not track could be looked at")
	} else if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(all.chosen))
	if len(names) == 0 {
		return nil
	}
	s.tree.Warnings = append(s.tree.Warnings, "not in the image, because git does not track it: "+shorten(names, ", as `git ls-files --others --exclude-standard` lists them"))
	return nil
}

// shorten names the first few; rest says where the others are to be seen.
func shorten(names []string, rest string) string {
	shown := strings.Join(names[:min(len(names), shownNames)], ", ")
	if more := len(names) - shownNames; more > 0 {
		shown += fmt.Sprintf(" and %d more%s", more, rest)
	}
	return shown
}

func (s *selection) byFolder(repo *repository) error {
	top, below := s.root, "."
	var ignores gitIgnores
	var err error
	if repo != nil {
		top, below = repo.top, repo.below
		if ignores, err = ignores.load(filepath.Join(repo.common, "info", "exclude"), "."); err != nil {
			return err
		}
		if below != "." {
			parts := strings.Split(below, "/")
			for i := range parts {
				if ignores, err = ignores.enter(top, path.Join(append([]string{"."}, parts[:i]...)...)); err != nil {
					return err
				}
			}
		}
	}
	data, err := readIfRegular(filepath.Join(s.root, ".dockerignore"))
	if err != nil {
		return err
	}
	w := &walker{selection: s, top: top, below: below, docker: parseDockerIgnore(data)}
	return w.walk(".", ignores)
}

// walker takes in a folder with all but what is ignored.
type walker struct {
	*selection
	top, below string // the folder that ignore files are relative to, and where the project lies in it
	docker     dockerIgnore
}

func (w *walker) walk(folder string, ignores gitIgnores) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	ignores, err := ignores.enter(w.top, path.Join(w.below, folder))
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(w.host(folder))
	if err != nil {
		return fmt.Errorf("reading the project: %w", err)
	}
	for _, e := range entries {
		p := path.Join(folder, e.Name())
		ignored := w.docker.ignored(p)
		if w.out(p) || isAlwaysOut(e.Name()) || w.skip != nil && w.skip(p) || ignores.ignored(path.Join(w.below, p), e.IsDir()) {
			continue
		}
		switch {
		case e.IsDir():
			if ignored && !w.docker.exceptions {
				continue
			}
			if imagefile.IsLayout(w.host(p)) {
				w.images = append(w.images, p)
				continue
			}
			if err := w.walk(p, ignores); err != nil {
				return err
			}
		case !ignored:
			if e.Type().IsRegular() && strings.HasSuffix(e.Name(), ".tar") {
				is, err := imagefile.IsArchive(w.host(p))
				if err != nil {
					return fmt.Errorf("reading the project: %w", err)
				}
				if is {
					w.images = append(w.images, p)
					continue
				}
			}
			w.chosen[p] = 0
		}
	}
	return nil
}
