package main

import (
	"os"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/lockfile/pylock"
)

// preferred is a pylock.toml of another tool whose versions a new lock is to have.
type preferred struct {
	file     string
	document *pylock.Document
}

func readPreferred(file string) (*preferred, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, diag.Wrap(err, diag.Usage, "reading what --prefer names")
	}
	d, err := pylock.Parse(file, data)
	if err != nil {
		return nil, diag.Wrap(err, 0, "").Hint("--prefer takes a pylock.toml (PEP 751), as `uv export --format pylock.toml` and `pip lock` write it")
	}
	return &preferred{file, d}, nil
}

// before gives the lock that is there, which may be nil, the document's versions in place of its own.
func (p *preferred) before(s *session, old *lockfile.Lock, m *manifest.Manifest) *lockfile.Lock {
	l := lockfile.Lock{}
	if old != nil {
		l = *old
	}
	l.Seals = nil
	names := map[string]bool{}
	var packages []lockfile.Package
	for _, q := range p.document.Packages {
		if q.Version == "" || q.Source != "" {
			s.ui().Warn("%s: %s comes from no index (%s), and is not preferred", q.Pos, q.Name, q.Source)
			continue
		}
		names[q.Name] = true
		packages = append(packages, lockfile.Package{Name: q.Name, Version: q.Version, Files: []lockfile.File{{Targets: m.Platforms}}})
	}
	for _, q := range l.Packages {
		if !names[q.Name] {
			packages = append(packages, q)
		}
	}
	l.Packages = packages
	return &l
}

// hold compares the new lock with the document: a file that both have is the same file, and versions that are others
// are told.
func (p *preferred) hold(s *session, l *lockfile.Lock) error {
	hashes, versions := map[string]string{}, map[string][]string{}
	for _, q := range p.document.Packages {
		if q.Version != "" && q.Source == "" { // others were not preferred, which was said
			versions[q.Name] = append(versions[q.Name], q.Version)
		}
		for _, f := range q.Files {
			hashes[f.Name] = f.SHA256
		}
	}
	for _, q := range l.Packages {
		for _, f := range q.Files {
			if want := hashes[f.Name]; want != "" && want != f.SHA256 {
				return diag.New(diag.Mismatch, "%s is sha256:%s in %s, and the index has sha256:%s", f.Name, want, p.file, f.SHA256).
					Hint("somebody replaced the file, or the two come from different indexes; [[index]] in the manifest says which is meant")
			}
		}
		if have := versions[q.Name]; len(have) > 0 && !slices.Contains(have, q.Version) {
			s.ui().Printf("%s %s is not the %s of %s, which the manifest or another package rules out", q.Name, q.Version, strings.Join(have, ", "), p.file)
		}
	}
	return nil
}
