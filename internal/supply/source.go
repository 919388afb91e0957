package supply

import (
	"context"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/envpack/envpack/imagegen/project"
	"github.com/envpack/envpack/internal/backend"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

// undatedSource is the time of the files of a folder: theirs say when somebody had them, and not what they are.
var undatedSource = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// sourceID is what a package's source is, whatever place it comes from.
func sourceID(p lockfile.Package) string {
	id := "folder " + p.Tree
	switch {
	case len(p.Sources) > 0:
		id = "file " + p.Sources[0].Name + " " + p.Sources[0].SHA256
	case p.Git != "":
		id = "commit " + p.Git + " " + p.Commit // of which the submodules may have addresses relative to the repository's
	}
	return id + "\n" + p.Subdirectory
}

// unpackSource brings a package's source into an empty folder. root is where the project is in it, with slashes, and newest the
// time of its newest file.
func (s *Supply) unpackSource(ctx context.Context, p lockfile.Package, dir string) (root string, newest time.Time, err error) {
	switch {
	case len(p.Sources) > 0:
		root, newest, err = s.unpackFile(ctx, p, dir)
	case p.Git != "":
		root, newest, err = s.unpackCommit(ctx, p, dir)
	case p.Path != "":
		root, newest, err = s.copyFolder(ctx, p, dir)
	default:
		err = diag.New(diag.Failure, "%s %s has no source to be built from", p.Name, p.Version)
	}
	if err != nil || p.Subdirectory == "" {
		return root, newest, err
	}
	root = path.Join(root, p.Subdirectory)
	unpacked, err := os.OpenRoot(dir)
	if err != nil {
		return "", newest, err
	}
	defer unpacked.Close()
	if info, err := unpacked.Stat(root); err != nil || !info.IsDir() {
		return "", newest, diag.New(diag.Manifest, "%s has no folder %s", p.Origin(), p.Subdirectory)
	}
	return root, newest, nil
}

// unpackFile unpacks a source distribution, which is brought into the store first.
func (s *Supply) unpackFile(ctx context.Context, p lockfile.Package, dir string) (string, time.Time, error) {
	src := p.Sources[0]
	if err := s.takeSource(ctx, p, src); err != nil {
		return "", time.Time{}, err
	}
	if err := s.Store.Check(ctx, 1, src.SHA256); err != nil {
		return "", time.Time{}, err
	}
	blob, err := s.Store.Blob(src.SHA256)
	if err != nil {
		return "", time.Time{}, err
	}
	defer blob.Close()
	return backend.Unpack(ctx, src.Name, blob, blob.Size(), dir)
}

// takeSource brings a source distribution into the store.
func (s *Supply) takeSource(ctx context.Context, p lockfile.Package, src lockfile.Source) error {
	if s.Store.Has(src.SHA256) {
		return nil
	}
	file := lockfile.File{Name: src.Name, SHA256: src.SHA256, Size: src.Size}
	if p.Path != "" {
		name := s.local(p.Path)
		sum, err := hashOf(ctx, name)
		if err != nil {
			return err
		}
		if sum != src.SHA256 {
			return diag.New(diag.Mismatch, "%s changed: it has the SHA-256 %s, and the lock %s", p.Path, sum, src.SHA256).
				Hint("`envpack lock` takes it as it is now")
		}
		return s.keep(ctx, name, sum)
	}
	again := "`envpack lock --upgrade-package " + p.Name + "` chooses another"
	j := job{
		sha256: src.SHA256, size: src.Size, what: "source " + src.Name, either: true,
		find: func(ctx context.Context) ([]string, error) { return s.wheelURLs(ctx, p, file) },
		anew: func(ctx context.Context) ([]string, error) { return s.renewedURLs(ctx, p, file) },
		gone: []string{"the index has it no more; " + again},
	}
	if p.URL != "" {
		j.find, j.anew = func(context.Context) ([]string, error) { return at(p.URL, nil) }, nil
		j.gone, j.replaced = []string{"it is not there any more; " + again}, "the file was replaced; if that is expected, "+again
	}
	return s.bring(ctx, "source", []job{j})
}

// copyFolder copies the files of a project's folder that count for its hash.
func (s *Supply) copyFolder(ctx context.Context, p lockfile.Package, dir string) (string, time.Time, error) {
	tree, err := project.Select(ctx, s.local(p.Path), nil, s.Store.Dir())
	if err != nil {
		return "", time.Time{}, diag.Wrap(err, 0, "reading the folder %s", p.Path)
	}
	if p.Tree != "" && tree.Hash() != p.Tree {
		return "", time.Time{}, diag.New(diag.Mismatch, "the folder %s changed since it was locked", p.Path).Hint("`envpack lock` takes it as it is now")
	}
	into, err := os.OpenRoot(dir)
	if err != nil {
		return "", time.Time{}, err
	}
	defer into.Close()
	for _, name := range tree.Paths() {
		if err := ctx.Err(); err != nil {
			return "", time.Time{}, err
		}
		if err := copyInto(into, path.Join(p.Name, name), filepath.Join(s.local(p.Path), filepath.FromSlash(name))); err != nil {
			return "", time.Time{}, diag.Wrap(err, diag.Failure, "copying the folder %s", p.Path)
		}
	}
	return p.Name, undatedSource, nil
}

// copyInto copies a file or link, of which two things count: what it has, and whether it can be run.
func copyInto(into *os.Root, name, from string) error {
	if err := into.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if info.Mode()&os.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return into.Symlink(target, name)
	}
	mode := os.FileMode(0o644)
	if info.Mode()&0o100 != 0 {
		mode = 0o755
	}
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	f, err := into.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return into.Chtimes(name, undatedSource, undatedSource)
}

// patch applies what the manifest has changed in a source, whose project root is in dir.
func (s *Supply) patch(ctx context.Context, p lockfile.Package, patches []lockfile.Patch, dir, root string, modified time.Time) error {
	unpacked, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer unpacked.Close()
	project, err := unpacked.OpenRoot(root)
	if err != nil {
		return err
	}
	defer project.Close()
	for _, patch := range patches {
		name := s.local(patch.Path)
		sum, err := hashOf(ctx, name)
		if err != nil {
			return err
		}
		if sum != patch.SHA256 {
			return diag.New(diag.Mismatch, "%s changed: it has the SHA-256 %s, and the lock %s", patch.Path, sum, patch.SHA256).
				Hint("`envpack lock` takes it as it is now")
		}
		info, err := os.Stat(name)
		if err != nil {
			return diag.Wrap(err, diag.Manifest, "")
		}
		if info.Size() > maxProjectFile {
			return diag.New(diag.Manifest, "the patch %s has more than %d bytes", patch.Path, maxProjectFile)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return diag.Wrap(err, diag.Manifest, "")
		}
		if err := backend.Patch(project, data, modified); err != nil {
			what := strings.TrimSpace(p.Name + " " + p.Version)
			return diag.Wrap(err, diag.Manifest, "the patch %s does not fit %s", patch.Path, what).
				Hint("patches are applied to the source as it is in %s", p.Origin())
		}
	}
	return nil
}
