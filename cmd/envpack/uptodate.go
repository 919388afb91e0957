package main

import (
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
)

// upToDate is the lock if locking again would look for nothing new: nobody asks to move, the lock is whole and the
// manifest's, and what it was made of is not in a folder that could have changed. Else it is nil.
func upToDate(m *manifest.Manifest, path string, o lockOptions) *lockfile.Lock {
	if o.upgrade || o.upgradeBase || len(o.packages) > 0 || o.refresh || o.prefer != "" || localImage(m.System.Image) {
		return nil
	}
	l, err := readLock(m, path)
	if err != nil || l.Project.Unscanned && !o.noScan {
		return nil
	}
	for _, p := range l.Packages {
		if p.Path != "" {
			return nil
		}
	}
	for _, f := range l.Data {
		if f.Path != "" {
			return nil
		}
	}
	if !o.building.admits(l) {
		return nil
	}
	return l
}

// localImage tells whether an image to stand on is a folder or file, and no reference in a registry.
func localImage(reference string) bool {
	form, _, ok := strings.Cut(reference, ":")
	return ok && slices.Contains([]string{"oci", "oci-archive", "docker-archive"}, form)
}

// nothingChanged tells that the lock is the manifest's, as what was locked before: no index is asked and nothing written.
func (s *session) nothingChanged(l *lockfile.Lock, path string, dry bool) error {
	s.close()
	if s.json {
		out := lockSummary(l, []lockfile.Change{}, false)
		out.DryRun, out.smoked = dry, s.smoked
		return s.printJSON(out)
	}
	if dry {
		path += " (not written)"
	}
	s.ui().Printf("%s: nothing changed (%s)", path, lockCounts(l))
	return nil
}
