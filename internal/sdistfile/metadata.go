// Package sdistfile reads what source distributions and project folders say of themselves without
// being built: name, version and dependencies.
//
// The first of these that decides is taken: PKG-INFO, if it says that its fields are final (PyPA,
// Core metadata, Dynamic); [project] in pyproject.toml, if it has the dependencies (PyPA, Declaring
// project metadata); and, as an assumption that a build may prove wrong, the requirements in a
// PKG-INFO, or those that setuptools left in an egg-info folder. Nothing is run, and no file is
// written: of an archive only named members are read, all else is skipped.
package sdistfile

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/internal/wheelfile"
)

// What metadata was read from, in [Metadata.From].
const (
	PKGInfo   = "PKG-INFO"
	PyProject = "pyproject.toml"
	EggInfo   = "egg-info"
)

// Metadata is what a project says of itself.
type Metadata struct {
	wheelfile.Metadata
	From    string // PKGInfo, PyProject or EggInfo
	Assumed bool   // a build may come to other dependencies
}

// DynamicError says that something is known only when the project is built.
type DynamicError struct {
	Project string // file name or path
	Reason  string // "its dependencies are known only when it is built: …"
}

// Error implements error.
func (e *DynamicError) Error() string { return e.Project + ": " + e.Reason }

// Files are a project's files that [Wanted] asks for, by path relative to its root.
type Files map[string][]byte

// Wanted tells whether a file of a project has a part in its metadata. The path is relative to the
// project's root.
func Wanted(name string) bool {
	switch name {
	case "PKG-INFO", "pyproject.toml":
		return true
	}
	dir, file := path.Split(name)
	return strings.HasSuffix(dir, ".egg-info/") && (file == "PKG-INFO" || file == "requires.txt") && strings.Count(name, "/") <= 4
}

// Interpret makes sense of a project's files. Project is what errors call it.
//
// Errors: *DynamicError where nothing says what it depends on or which version it is; others for
// files that make no sense.
func Interpret(project string, files Files) (*Metadata, error) {
	var info *wheelfile.Metadata
	if data, ok := files["PKG-INFO"]; ok {
		m, err := wheelfile.ParseMetadata(data)
		if err != nil {
			return nil, fmt.Errorf("its PKG-INFO %w", err)
		}
		if final(m) {
			return &Metadata{Metadata: *m, From: PKGInfo}, nil
		}
		info = m
	}
	why := "it has neither a PKG-INFO that says so, nor dependencies in [project] of pyproject.toml, nor an egg-info folder"
	if data, ok := files["pyproject.toml"]; ok {
		m, reason, err := fromPyProject(data)
		if err != nil {
			return nil, fmt.Errorf("its pyproject.toml: %w", err)
		}
		if m != nil {
			if m.Version == "" && info != nil {
				m.Version = info.Version
			}
			if m.Version == "" {
				return nil, &DynamicError{project, "its version is known only when it is built (it is dynamic in pyproject.toml)"}
			}
			return &Metadata{Metadata: *m, From: PyProject}, nil
		}
		if reason != "" {
			why = reason
		}
	}
	if info != nil && len(info.RequiresDist) > 0 {
		return &Metadata{Metadata: *info, From: PKGInfo, Assumed: true}, nil
	}
	if m, err := fromEggInfo(files, info); m != nil || err != nil {
		return m, err
	}
	return nil, &DynamicError{project, "its dependencies are known only when it is built: " + why}
}

// final tells whether no build changes what a PKG-INFO says of dependencies: from version 2.2 on,
// what is not listed in Dynamic is the same in every wheel (PyPA, Core metadata, Dynamic).
func final(m *wheelfile.Metadata) bool {
	major, minor, ok := strings.Cut(m.MetadataVersion, ".")
	a, err1 := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	if !ok || err1 != nil || err2 != nil || a != 2 || b < 2 {
		return false
	}
	return !slices.ContainsFunc(m.Dynamic, func(field string) bool {
		switch strings.ToLower(field) {
		case "requires-dist", "requires-python", "provides-extra":
			return true
		}
		return false
	})
}

var eggName = pattern.New(`[-_.]+`)

// fromEggInfo reads what setuptools wrote when it made the archive: requires.txt, which it leaves out
// where there is nothing to require. nil: there is no such folder.
func fromEggInfo(files Files, info *wheelfile.Metadata) (*Metadata, error) {
	var dirs []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		dir, file := path.Split(name)
		if file != "PKG-INFO" || dir == "" {
			continue
		}
		// A project may carry the folders of others.
		stem := strings.TrimSuffix(path.Base(dir), ".egg-info")
		if info == nil || plain(stem) == plain(info.Name) {
			dirs = append(dirs, dir)
		}
	}
	if len(dirs) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return strings.Count(a, "/") - strings.Count(b, "/") })
	own, err := wheelfile.ParseMetadata(files[dirs[0]+"PKG-INFO"])
	if err != nil {
		return nil, fmt.Errorf("its %sPKG-INFO %w", dirs[0], err)
	}
	m := *own
	if info != nil {
		m = *info
	}
	m.RequiresDist, m.ProvidesExtra = requires(string(files[dirs[0]+"requires.txt"]))
	return &Metadata{Metadata: m, From: EggInfo, Assumed: true}, nil
}

func plain(name string) string { return eggName().ReplaceAllString(strings.ToLower(name), "-") }

// requires reads requires.txt: requirements, and below headings such as [extra], [:marker] or
// [extra:marker] those that hold under a condition (setuptools' documentation, egg-info formats).
func requires(text string) (list, extras []string) {
	extra, marker := "", ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if inner, ok := strings.CutPrefix(line, "["); ok && strings.HasSuffix(line, "]") {
			extra, marker, _ = strings.Cut(strings.TrimSuffix(inner, "]"), ":")
			extra, marker = strings.TrimSpace(extra), strings.TrimSpace(marker)
			if extra != "" && !slices.Contains(extras, extra) {
				extras = append(extras, extra)
			}
			continue
		}
		list = append(list, underCondition(line, extra, marker))
	}
	return list, extras
}

// underCondition adds to a requirement, whose own marker stays, that it is of an extra and holds under
// a marker; each may be "".
func underCondition(requirement, extra, marker string) string {
	separator := ";"
	if strings.Contains(requirement, "@") {
		separator = " ;" // an address may have a semicolon
	}
	head, own, _ := strings.Cut(requirement, separator)
	var all []string
	for _, m := range []string{own, marker} {
		if m = strings.TrimSpace(m); m != "" {
			all = append(all, "("+m+")")
		}
	}
	if extra != "" {
		all = append(all, fmt.Sprintf("extra == %q", plain(extra)))
	}
	if len(all) == 0 {
		return strings.TrimSpace(requirement)
	}
	return strings.TrimSpace(head) + " ; " + strings.Join(all, " and ")
}
