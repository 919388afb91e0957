package project

import (
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
)

// repository is the git repository that a project lies in.
type repository struct {
	top    string // its top folder
	dir    string // where the index lies; of a worktree or submodule not top/.git
	common string // where configuration and info/exclude lie
	below  string // the project's folder relative to top, slash-separated; "." for top itself
}

// findRepository looks for the repository that root, an absolute path without symbolic links, lies in.
// It gives nil if there is none.
func findRepository(root string) (*repository, error) {
	for top := root; ; top = filepath.Dir(top) {
		dir, err := gitDir(top)
		if err != nil {
			return nil, err
		}
		if dir != "" {
			below, err := filepath.Rel(top, root)
			if err != nil {
				return nil, err
			}
			r := &repository{top: top, dir: dir, common: dir, below: filepath.ToSlash(below)}
			if text, err := os.ReadFile(filepath.Join(dir, "commondir")); err == nil {
				r.common = join(dir, strings.TrimSpace(string(text)))
			}
			return r, nil
		}
		if filepath.Dir(top) == top {
			return nil, nil
		}
	}
}

// gitDir is the folder that top/.git is or names (gitrepository-layout); "" if top is no repository's.
func gitDir(top string) (string, error) {
	dir := filepath.Join(top, ".git")
	info, err := os.Stat(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		return "", fmt.Errorf("looking for a git repository: %w", err)
	}
	if !info.IsDir() {
		text, err := os.ReadFile(dir)
		if err != nil {
			return "", fmt.Errorf("looking for a git repository: %w", err)
		}
		target, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir:")
		if !ok {
			return "", nil
		}
		dir = join(top, strings.TrimSpace(target))
	}
	if _, err := os.Stat(filepath.Join(dir, "HEAD")); err != nil {
		return "", nil // git does not take it for one either
	}
	return dir, nil
}

func join(base, p string) string {
	p = filepath.FromSlash(p)
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(base, p)
}

var sha256Repository = pattern.New(`(?im)^\s*objectformat\s*=\s*"?sha256"?\s*$`)

// trackedFiles are the entries of the index that lie in the project, relative to it.
func (r *repository) trackedFiles() ([]tracked, error) {
	name := filepath.Join(r.dir, "index")
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading what git tracks: %w", err)
	}
	nameSize := sha1.Size
	if config, err := os.ReadFile(filepath.Join(r.common, "config")); err == nil && sha256Repository().Match(config) {
		nameSize = sha256.Size
	}
	all, err := parseIndex(data, nameSize)
	if err != nil {
		e := diag.Wrap(err, diag.Failure, "reading what git tracks from %s", name)
		if errors.Is(err, errSplitIndex) {
			return nil, e.Hint("run `git update-index --no-split-index`, or name the project's files in [image] include")
		}
		return nil, e.Hint("run `git status`, which mends what it can, or name the project's files in [image] include")
	}
	prefix := r.below + "/"
	if r.below == "." {
		prefix = ""
	}
	var list []tracked
	for _, t := range all {
		if inside, ok := strings.CutPrefix(t.path, prefix); ok && inside != "" {
			list = append(list, tracked{strings.TrimSuffix(inside, "/"), t.mode})
		} else if t.mode == gitFolder && strings.HasPrefix(prefix, t.path) {
			// The whole project lies in a folder that the sparse index does not list.
			return nil, sparseError(r.below)
		}
	}
	return list, nil
}

func sparseError(folder string) error {
	return diag.New(diag.Failure, "git's index is sparse and does not list the files of %s", folder).
		Hint("run `git sparse-checkout add %s`, or name the project's files in [image] include", folder)
}
