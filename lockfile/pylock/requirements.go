package pylock

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/lockfile"
)

// RequirementsOptions say how a requirements file is written.
type RequirementsOptions struct {
	NoHashes     bool   // without --hash
	DefaultIndex string // name of the lock's index that stands in the default one's place; "" if none does
	// Folder gives the path of a folder of the project as it is to stand in the file; nil: as the lock has it.
	Folder func(path string) (string, error)
}

// made names what files were chosen for: "linux/amd64 with Python 3.11", "linux/amd64 with Python 3.14t and musl".
func made(t lockfile.Target) string {
	text := fmt.Sprintf("%s with Python %s", t.Platform, t.Minor())
	if t.Musl != "" {
		text += " and musl"
	}
	return text
}

// Requirements gives the lock as a requirements file of pip's format: every package by exact version, with the hashes of
// its files and a marker where not every target has it, after lines for the indexes that are not the default one. It is
// complete, so that pip may install it with --no-deps. Errors: a platform that markers cannot express; a package without
// a hash to name, unless NoHashes is set; an index that is a folder and not flat.
func Requirements(l *lockfile.Lock, o RequirementsOptions) ([]byte, error) {
	e := &exporter{lock: l, markers: map[string]string{}, indexes: map[string]string{}}
	var targets []string
	for _, t := range sortedTargets(l.Targets) {
		m, err := platformMarker(t.Platform)
		if err != nil {
			return nil, err
		}
		e.markers[t.Platform] = m
		targets = append(targets, made(t))
	}
	if len(targets) == 0 {
		return nil, fmt.Errorf("the lock has no target")
	}
	e.WriteString("# Made by `envpack export requirements`, for " + strings.Join(targets, " and ") + ".\n")
	for _, x := range l.Indexes {
		option := "--extra-index-url"
		if x.Name == o.DefaultIndex {
			option = "--index-url"
		}
		switch {
		case !slices.ContainsFunc(l.Packages, func(p lockfile.Package) bool { return p.Index == x.Name }) && option == "--extra-index-url":
		case x.URL == "" && x.Format != "flat":
			return nil, fmt.Errorf("index %s is a folder in the form of a simple index, which pip cannot be told to read", x.Name)
		case x.URL == "":
			folder := x.Path
			if o.Folder != nil {
				var err error
				if folder, err = o.Folder(folder); err != nil {
					return nil, err
				}
			}
			e.WriteString("--find-links " + folder + "\n")
		case x.Format == "flat":
			e.WriteString("--find-links " + x.URL + "\n")
		default:
			e.WriteString(option + " " + x.URL + "\n")
		}
	}
	for _, p := range slices.SortedFunc(slices.Values(l.Packages), comparePackages) {
		if err := e.requirement(p.Source(), o); err != nil {
			return nil, err
		}
	}
	return bytes.Clone(e.Bytes()), nil
}

func (e *exporter) requirement(p lockfile.Package, o RequirementsOptions) error {
	marker, err := e.marker(p)
	if err != nil {
		return err
	}
	switch {
	case p.Git != "":
		e.WriteString(p.Name + " @ git+" + p.Git + "@" + p.Commit)
	case p.URL != "":
		e.WriteString(p.Name + " @ " + p.URL)
	case p.Path != "":
		return fmt.Errorf("%s comes from %s, and a requirements file cannot name a path relative to itself", p.Name, p.Path)
	default:
		e.WriteString(p.Name + "==" + p.Version)
	}
	if p.Direct() && p.Subdirectory != "" {
		e.WriteString("#subdirectory=" + p.Subdirectory)
	}
	if marker != "" {
		e.WriteString(" ; " + marker)
	}
	if !o.NoHashes {
		if len(p.Files) == 0 {
			return fmt.Errorf("%s has no hash that pip would check; --no-hashes leaves the hashes of all out", p.Name)
		}
		hashes := map[string]bool{}
		for _, f := range p.Files {
			hashes[f.SHA256] = true
		}
		for _, h := range sortedKeys(hashes) {
			e.WriteString(" \\\n    --hash=sha256:" + h)
		}
	}
	e.WriteString("\n")
	return nil
}
