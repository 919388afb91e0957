package project

import (
	"context"
	"crypto/sha256"
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
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/internal/diag"
)

// readers is how many files are hashed at once.
const readers = 8

// finish judges the names, and reads every chosen file.
func (s *selection) finish() (*Tree, error) {
	paths := slices.Sorted(maps.Keys(s.chosen))
	if err := judgeNames(paths); err != nil {
		return nil, err
	}
	files := make([]file, len(paths))
	group, ctx := errgroup.WithContext(s.ctx)
	group.SetLimit(readers)
	for i, p := range paths {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			var err error
			files[i], err = s.read(p, s.chosen[p])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	s.tree.files = files
	return s.tree, nil
}

// judgeNames refuses paths that not every file system or engine can hold. Paths are sorted.
func judgeNames(paths []string) error {
	folded := map[string]string{}
	for _, p := range paths {
		if !utf8.ValidString(p) {
			return diag.New(diag.Failure, "the name of the project file %q is not UTF-8", p).
				Hint("rename it, or leave it out of [image] include")
		}
		for part := p; part != "."; part = path.Dir(part) {
			if strings.HasPrefix(path.Base(part), ".wh.") {
				return diag.New(diag.Failure, "the project file %s cannot be in an image: names that begin with .wh. mark deleted files there", p).
					Hint("rename it, or leave it out of [image] include")
			}
			key := strings.ToLower(part)
			other, known := folded[key]
			if known && other != part {
				return diag.New(diag.Failure, "the project has both %s and %s, which differ only by case", other, part).
					Hint("some systems cannot hold both; rename one, or name the project's files in [image] include")
			}
			if known {
				break // and so are the folders above
			}
			folded[key] = part
		}
	}
	return nil
}

// read is the chosen file as it is now. The mode is git's; it counts on systems whose files do not have an
// executable bit or may stand for links.
func (s *selection) read(p string, mode uint32) (file, error) {
	f := file{path: p, host: s.host(p), kind: plain}
	info, err := os.Lstat(f.host)
	if err != nil {
		return f, fmt.Errorf("reading the project: %w", err)
	}
	noModes := runtime.GOOS == "windows"
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(f.host)
		if err != nil {
			return f, fmt.Errorf("reading the project: %w", err)
		}
		return f.asLink(filepath.ToSlash(target))
	case !info.Mode().IsRegular():
		return f, diag.New(diag.Failure, "%s is %s, which cannot be in an image", p, describe(info.Mode())).
			Hint("leave it out of the project, or name the project's files in [image] include")
	case noModes && mode == gitLink:
		target, err := os.ReadFile(f.host)
		if err != nil {
			return f, fmt.Errorf("reading the project: %w", err)
		}
		return f.asLink(string(target))
	case noModes && mode == gitExecutable, !noModes && info.Mode().Perm()&0o100 != 0:
		f.kind = executable
	}
	r, err := os.Open(f.host)
	if err != nil {
		return f, fmt.Errorf("reading the project: %w", err)
	}
	defer r.Close()
	h := sha256.New()
	if f.size, err = io.Copy(h, contextReader{s.ctx, r}); err != nil {
		return f, fmt.Errorf("reading %s: %w", p, err)
	}
	if f.size != info.Size() {
		return f, f.changed()
	}
	f.sum = [sha256.Size]byte(h.Sum(nil))
	return f, nil
}

// contextReader stops when the context ends: a project may hold files of many gigabytes.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// asLink keeps a link as it is, if it stays inside the project wherever that is.
func (f file) asLink(target string) (file, error) {
	bad := func(why string) (file, error) {
		return f, diag.New(diag.Failure, "the symbolic link %s leads to %q, %s", f.path, target, why).
			Hint("copy what it leads to into the project, or leave the link out of [image] include")
	}
	switch {
	case target == "" || !utf8.ValidString(target):
		return bad("which is not a path that an image can hold")
	case path.IsAbs(target) || filepath.IsAbs(filepath.FromSlash(target)):
		return bad("an absolute path of this machine")
	}
	if inside := path.Join(path.Dir(f.path), target); inside == ".." || strings.HasPrefix(inside, "../") {
		return bad("outside the project")
	}
	f.kind, f.link, f.sum = symlink, target, sha256.Sum256([]byte(target))
	return f, nil
}

func describe(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "a special file"
}
