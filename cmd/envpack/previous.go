package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
)

// previous is the lock that is there, before another is made.
type previous struct {
	prefer  *lockfile.Lock    // whose versions are preferred; nil for none
	compare *lockfile.Lock    // what changes are told against; nil: all is new
	sides   [2]*lockfile.Side // of a merge that left conflicts; nil without one
	repairs []repairJSON      // of the manifest, for which the new lock is
}

// readPrevious reads the lock that is there for its versions. One that cannot be read in full
// gives what it has, with a warning, since it is about to be written anew.
func (s *session) readPrevious(path string) (previous, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return previous{}, nil
	}
	if err != nil {
		return previous{}, diag.Wrap(err, diag.Failure, "reading the lock")
	}
	l, err := lockfile.Parse(path, data)
	if err == nil {
		return previous{prefer: l, compare: l}, nil
	}
	switch p := parseError(err); {
	case p != nil && p.Newer:
		return previous{}, lockError(err)
	case p != nil && p.Conflict:
		return s.readSides(path, data, p)
	}
	wrong := fmt.Sprintf("%s is not as envpack wrote it", path)
	if p := parseError(err); p != nil && p.Unknown {
		wrong = fmt.Sprintf("%v: a newer envpack may have written it", err)
	}
	if l, err = lockfile.ParseLoose(path, data); err != nil {
		s.ui().Warn("%v; the lock is made anew, without the versions that it had", err)
		return previous{}, nil
	}
	s.ui().Warn("%s; the versions of the lock are preferred, and the rest is written anew", wrong)
	return previous{prefer: l, compare: l}, nil
}

// readSides reads both sides of a lock that a merge left with conflicts.
func (s *session) readSides(path string, data []byte, p *lockfile.ParseError) (previous, error) {
	ours, theirs, _ := lockfile.Sides(path, data)
	old := previous{prefer: resolver.Union(ours.Lock, theirs.Lock), compare: ours.Lock, sides: [2]*lockfile.Side{&ours, &theirs}}
	s.ui().Printf("%s:%d: a merge left conflicts; the versions of both sides are preferred, the newer where they differ", path, p.Line)
	for i, side := range old.sides {
		if !side.Whole {
			s.ui().Warn("%s: the side %s is no lock in itself; of it %s could be read", path, sideName(i, side), plural(len(side.Lock.Packages), "package"))
		}
	}
	return old, nil
}

func sideName(i int, side *lockfile.Side) string {
	if side.Label != "" {
		return side.Label
	}
	return [2]string{"ours", "theirs"}[i]
}

// locks are the locks that there were: one, or both sides of a merge.
func (old previous) locks() []*lockfile.Lock {
	switch {
	case old.sides[0] != nil:
		return []*lockfile.Lock{old.sides[0].Lock, old.sides[1].Lock}
	case old.compare != nil:
		return []*lockfile.Lock{old.compare}
	}
	return nil
}

// settle gives the new lock what of a merge's sides still holds, and tells what became of the packages in which
// they differ.
func (old previous) settle(s *session, l *lockfile.Lock) {
	if old.sides[0] == nil {
		return
	}
	for _, side := range old.sides {
		lockfile.KeepSeals(side.Lock, l)
	}
	a, b, now := joinedVersions(old.sides[0].Lock), joinedVersions(old.sides[1].Lock), joinedVersions(l)
	var names []string
	for name := range a {
		names = append(names, name)
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if a[name] == b[name] {
			continue
		}
		s.ui().Printf("  %s: %s in %s, %s in %s; %s", name, orNone(a[name]), sideName(0, old.sides[0]),
			orNone(b[name]), sideName(1, old.sides[1]), taken(now[name]))
	}
}

func orNone(versions string) string {
	if versions == "" {
		return "none"
	}
	return versions
}

func taken(versions string) string {
	if versions == "" {
		return "not needed"
	}
	return fmt.Sprintf("took %s", versions)
}

// joinedVersions are the versions of each package, joined where platforms have different ones.
func joinedVersions(l *lockfile.Lock) map[string]string {
	all := map[string][]string{}
	for _, p := range l.Packages {
		if !slices.Contains(all[p.Name], p.Version) {
			all[p.Name] = append(all[p.Name], p.Version)
		}
	}
	joined := map[string]string{}
	for name, versions := range all {
		joined[name] = strings.Join(versions, ", ")
	}
	return joined
}
