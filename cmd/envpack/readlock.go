package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
)

// readLock reads the lock of a manifest and holds it to the manifest.
func readLock(m *manifest.Manifest, path string) (*lockfile.Lock, error) {
	l, err := readWhole(path, lockCommand(m, path))
	if err != nil {
		return nil, err
	}
	return l, holdManifest(l, m, path)
}

// readWhole reads a lock, whatever the manifest says; command makes one where there is none. Errors: of code Stale without
// a lock and for one with a merge's conflicts, else those of [lockError].
func readWhole(path, command string) (*lockfile.Lock, error) {
	l, err := lockfile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missingLock(path, command)
	}
	if err != nil {
		return nil, lockError(err)
	}
	return l, holdFiles(l, path)
}

func missingLock(path, command string) error {
	return diag.New(diag.Stale, "%s does not exist", path).Hint("`%s` makes it", command)
}

// holdManifest holds a lock to the manifest. Errors: of code Stale if another lock would be made now, of code Failure if
// the lock was edited.
func holdManifest(l *lockfile.Lock, m *manifest.Manifest, path string) error {
	if l.Project.Manifest != m.Hash() {
		return diag.New(diag.Stale, "%s is out of date: %s changed since it was made", path, m.Written()).
			Hint("`%s` brings it up to date", lockCommand(m, path))
	}
	for _, p := range l.Packages {
		if !p.Built() && !p.Direct() && m.WheelOnly(p.Name) {
			return diag.New(diag.Stale, "%s is out of date: it has the source distribution of %s, which --only-binary refuses", path, p.Name).
				Hint("`%s` brings it up to date", lockCommand(m, path))
		}
	}
	if err := resolver.CheckBounds(l); diag.CodeOf(err) == diag.Stale {
		return diag.Wrap(err, diag.Stale, "%s fits together no more, as after a merge", path).
			Hint("`%s` brings it up to date", lockCommand(m, path))
	} else if err != nil {
		return err
	}
	var e *diag.Error
	if err := resolver.CheckManifest(l, m); diag.CodeOf(err) == diag.Stale && errors.As(err, &e) {
		return diag.New(diag.Stale, "%s is out of date: %s", path, e.What).At(e.Pos).Hint("`%s` brings it up to date", lockCommand(m, path))
	} else if err != nil {
		return err
	}
	return holdImage(l, m, path)
}

// holdImage holds the lock's copy of [image], [gpu] and the platforms to the manifest, which the hash
// says it was made from.
func holdImage(l *lockfile.Lock, m *manifest.Manifest, path string) error {
	want := lockfile.Lock{Image: resolver.Image(m, l.GPU)}
	want.Normalize()
	var platforms []string
	for _, t := range l.Targets {
		platforms = append(platforms, t.Platform)
	}
	what := ""
	switch {
	case !reflect.DeepEqual(want.Image, l.Image):
		what = "[image]"
	case !slices.Equal(platforms, m.Platforms):
		what = "[[target]]"
	case !sameData(l, m):
		what = "[[file]]"
	case !resolver.SameGPU(l, m):
		what = "[gpu]"
	default:
		return nil
	}
	return diag.New(diag.Failure, "%s is not what the manifest says", what).At(diag.Position{File: path}).Hint("%s", editedHint)
}

// sameData tells whether a lock's data files are the manifest's.
func sameData(l *lockfile.Lock, m *manifest.Manifest) bool {
	want := lockfile.Lock{Data: resolver.Data(m)}
	want.Normalize()
	return slices.EqualFunc(l.Data, want.Data, func(have, want lockfile.DataFile) bool {
		if have.Size = 0; want.Hashed {
			have.SHA256 = ""
		}
		return reflect.DeepEqual(have, want)
	})
}

// holdFiles holds the lock's files to what their names say. The lock's own reader knows nothing of names.
func holdFiles(l *lockfile.Lock, path string) error {
	var e *diag.Error
	if err := resolver.CheckFiles(l); errors.As(err, &e) {
		return e.At(diag.Position{File: path}).Hint("%s", editedHint)
	} else if err != nil {
		return err
	}
	return nil
}

const editedHint = "a lock is not to be edited; `envpack lock` writes it anew and keeps the versions that it has"

func parseError(err error) *lockfile.ParseError {
	var p *lockfile.ParseError
	if errors.As(err, &p) {
		return p
	}
	return nil
}

// conflict is what is wrong with a lock that has a merge's conflicts. Only `lock` settles them: what a build would choose
// nobody has seen.
type conflict string

func (c conflict) Error() string { return string(c) }

// lockError gives the error of a lock's file its place and a hint.
func lockError(err error) error {
	p := parseError(err)
	if p == nil {
		return diag.Wrap(err, diag.Failure, "reading the lock")
	}
	e := diag.New(diag.Failure, "%s", p.Msg)
	if p.Conflict { // neither side of a merge is the lock of what the manifest is now
		e = diag.Wrap(conflict(p.Msg), diag.Stale, "")
	}
	e = e.At(diag.Position{File: p.File, Line: p.Line, Col: p.Col, Source: p.Source})
	switch {
	case p.Newer:
		return e.Hint("use the envpack that wrote it, or a newer one")
	case p.Unknown:
		return e.Hint("a newer envpack may have written it: use that one; `envpack lock` writes the lock anew without it")
	case p.Edited:
		return e.Hint("%s", editedHint)
	case p.Conflict:
		return e.Hint("`envpack lock %s` settles them: it prefers the versions of both sides and writes a clean lock", shellWord(filepath.Dir(p.File)))
	}
	return e.Hint("`envpack lock` writes it anew; the version in the repository's history may be intact")
}
