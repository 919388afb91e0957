package project

import (
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/envpack/envpack/internal/diag"
)

// PatternError is about a pattern that cannot be used.
type PatternError struct {
	Pattern string // as it was given
	Err     error
}

// Error implements error.
func (e *PatternError) Error() string { return e.Err.Error() }

func (e *PatternError) Unwrap() error { return e.Err }

// byPatterns takes in what each pattern names.
func (s *selection) byPatterns(patterns []string) error {
	for _, given := range patterns {
		if err := s.byGiven(given); err != nil {
			return err
		}
	}
	return nil
}

// byGiven takes in what one pattern names, as it was given. Errors: [PatternError]; those of reading.
func (s *selection) byGiven(given string) error {
	clean := path.Clean(given)
	bad := func(hint, why string) error {
		e := diag.New(diag.Manifest, "the pattern %q in [image] include %s", given, why)
		if hint != "" {
			_ = e.Hint("%s", hint)
		}
		return &PatternError{given, e}
	}
	switch {
	case given == "":
		return bad("", "is empty")
	case path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../"):
		return bad("patterns are relative to the manifest's folder", "leads out of the project")
	case !ourPatterns.wellFormed(clean):
		return bad("", "has a bracket that is not closed or a backslash at its end")
	}
	matched, left, err := s.byPattern(clean)
	switch {
	case err != nil || matched:
		return err
	case left:
		return bad("envpack.toml, envpack.lock, outputs, caches and virtual environments are left out", "names only files that are never part of an image")
	}
	return bad("patterns are relative to the manifest's folder, with / between folders, and case matters", "matches no file")
}

// byPattern takes in what one pattern names. It tells whether that is anything, and if not, whether
// there were files that are always left out.
func (s *selection) byPattern(pattern string) (matched, left bool, err error) {
	// Only the folder that every match must lie in is read.
	start := "."
	parts := strings.Split(pattern, "/")
	for len(parts) > 0 && literal(parts[0]) && parts[0] != "." {
		exists, err := s.exists(start, parts[0])
		if err != nil || !exists {
			return false, false, err
		}
		if start = path.Join(start, parts[0]); s.out(start) || isAlwaysOut(parts[0]) {
			return false, true, nil
		}
		parts = parts[1:]
	}
	if len(parts) == 0 || pattern == "." {
		info, err := os.Lstat(s.host(start))
		if err != nil {
			return false, false, fmt.Errorf("reading the project: %w", err)
		}
		if !info.IsDir() {
			s.chosen[start] = 0
			return true, false, nil
		}
		return s.takeIn(start, func(string) bool { return true })
	}
	info, err := os.Lstat(s.host(start))
	if err != nil || !info.IsDir() {
		return false, false, err
	}
	// A pattern that matches a folder takes in all of it.
	return s.takeIn(start, func(p string) bool {
		for ; p != "."; p = path.Dir(p) {
			if ourPatterns.matchPath(pattern, p) {
				return true
			}
		}
		return false
	})
}

// exists tells whether the folder has an entry of just this name: some file systems find it in
// any case, and then the image would depend on the machine. The folder may not be a link.
func (s *selection) exists(folder, name string) (bool, error) {
	info, err := os.Lstat(s.host(folder))
	if err != nil || !info.IsDir() {
		return false, nil
	}
	entries, err := os.ReadDir(s.host(folder))
	if err != nil {
		return false, fmt.Errorf("reading the project: %w", err)
	}
	for _, e := range entries {
		if e.Name() == name {
			return true, nil
		}
	}
	return false, nil
}

// takeIn chooses the files below the folder that are wanted.
func (s *selection) takeIn(folder string, wanted func(p string) bool) (matched, left bool, err error) {
	if err := s.ctx.Err(); err != nil {
		return false, false, err
	}
	entries, err := os.ReadDir(s.host(folder))
	if err != nil {
		return false, false, fmt.Errorf("reading the project: %w", err)
	}
	for _, e := range entries {
		p := path.Join(folder, e.Name())
		switch {
		case s.out(p) || isAlwaysOut(e.Name()):
			left = left || wanted(p)
		case e.IsDir():
			m, l, err := s.takeIn(p, wanted)
			if err != nil {
				return false, false, err
			}
			matched, left = matched || m, left || l
		case wanted(p):
			s.chosen[p] = 0
			matched = true
		}
	}
	return matched, left, nil
}

// recallModes takes the modes of chosen files from git, if it tracks them, for systems whose files have none.
// Patterns do not need git, so an index that cannot be used is a warning here.
func (s *selection) recallModes() error {
	repo, err := findRepository(s.root)
	if err != nil {
		return err
	}
	if repo == nil {
		return nil
	}
	list, err := repo.trackedFiles()
	if err != nil {
		s.tree.Warnings = append(s.tree.Warnings, fmt.Sprintf("no file is executable, because git's modes are not known: %v", err))
		return nil
	}
	for _, t := range list {
		if _, chosen := s.chosen[t.path]; chosen {
			s.chosen[t.path] = t.mode
		}
	}
	return nil
}
