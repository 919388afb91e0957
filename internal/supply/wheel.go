package supply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/resolver/index"
)

// WheelURL finds the address of a locked file: what the lock itself says, a path as a file: URL, else the index's
// file of that name and hash. Of a package without files it is that of its folder. An index's
// page from the cache may be older than the lock; where it lacks the file, the index is asked.
//
// Errors, as diag errors: of code Mismatch where the file was replaced by another; of code Fetch
// where the index has it no more, is not configured, or cannot be asked.
func (s *Supply) WheelURL(ctx context.Context, p lockfile.Package, f lockfile.File) (string, error) {
	if p.URL != "" {
		return p.URL, nil
	}
	if p.Path != "" {
		path, err := filepath.Abs(s.local(p.Path))
		return index.LocalURL(path), err
	}
	addresses, err := s.wheelURLs(ctx, p, f)
	if err != nil {
		return "", err
	}
	return addresses[0], nil
}

// wheelURLs are WheelURL's address and those of further files of the name of which the index gives no hash.
func (s *Supply) wheelURLs(ctx context.Context, p lockfile.Package, f lockfile.File) ([]string, error) {
	name := cmp.Or(p.Index, resolver.DefaultIndex)
	x := s.indexOf(p)
	if x == nil {
		return nil, diag.New(diag.Fetch, "the lock takes %s from the index %q, which is not configured", p.Name, name).
			Hint("lock again, so that the lock and the manifest name the same indexes: `envpack lock`")
	}
	addresses, err := wheelURLs(ctx, x.Project, p, f)
	if errors.As(err, new(*missingError)) {
		return s.renewedURLs(ctx, p, f)
	}
	return addresses, explain(err)
}

// indexOf is the index that a package of the lock comes from, nil if it is not configured. While a lock is made, an index that has
// several variants is the one whose label the version has.
func (s *Supply) indexOf(p lockfile.Package) *index.Index {
	_, label, _ := strings.Cut(p.Version, "+")
	return s.set.Variant(cmp.Or(p.Index, resolver.DefaultIndex), label)
}

// renewedURLs are wheelURLs by a page that is asked for anew. The index is known to be configured.
func (s *Supply) renewedURLs(ctx context.Context, p lockfile.Package, f lockfile.File) ([]string, error) {
	addresses, err := wheelURLs(ctx, s.indexOf(p).Renewed, p, f)
	return addresses, explain(err)
}

// missingError says that an index's page lacks a locked file.
type missingError struct {
	pkg      lockfile.Package
	file     lockfile.File
	replaced string // SHA-256 of the file that has its name now; "": there is none
}

// Error implements error.
func (e *missingError) Error() string {
	if e.replaced != "" {
		return fmt.Sprintf("%s: the lock has the SHA-256 %s, the index now %s", e.file.Name, e.file.SHA256, e.replaced)
	}
	return fmt.Sprintf("the index has no file %s any more", e.file.Name)
}

// explain says what to do about a missing file; other errors stay as they are.
func explain(err error) error {
	var e *missingError
	if !errors.As(err, &e) {
		return err
	}
	if e.replaced != "" {
		return diag.New(diag.Mismatch, "%s", e).
			Hint("the file was replaced in the index; if that is expected, lock it again: `envpack lock --upgrade-package %s`", e.pkg.Name)
	}
	return diag.New(diag.Fetch, "%s", e).Hint("`envpack lock --upgrade-package %s` chooses another", e.pkg.Name)
}

// wheelURLs looks for the wheel in what ask gives: first the file of that hash, then those without one, which
// may be it. Errors: *missingError; those of ask.
func wheelURLs(ctx context.Context, ask func(context.Context, string) (*index.Project, error), p lockfile.Package, f lockfile.File) ([]string, error) {
	missing := &missingError{pkg: p, file: f}
	project, err := ask(ctx, p.Name)
	if errors.Is(err, index.ErrNoProject) {
		return nil, missing
	}
	if err != nil {
		return nil, err
	}
	var same, perhaps []string
	files, err := project.Files.Named(f.Name)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		switch {
		case file.SHA256 == f.SHA256:
			same = append(same, file.URL)
		case file.SHA256 == "":
			perhaps = append(perhaps, file.URL)
		default:
			missing.replaced = file.SHA256
		}
	}
	if addresses := append(same, perhaps...); len(addresses) > 0 {
		return addresses, nil
	}
	return nil, missing
}
