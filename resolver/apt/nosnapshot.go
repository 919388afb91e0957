package apt

import (
	"fmt"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/diag"
)

// noSnapshot says that the state of one suite as of an instant could not be read.
type noSnapshot struct {
	pocket pocket
	asOf   time.Time
	family string // of the distribution
	err    error
	now    present // what the archive has instead
}

// Error implements error.
func (e *noSnapshot) Error() string { return e.err.Error() }

func (e *noSnapshot) Unwrap() error { return e.err }

// snapshotsError is the error of all suites of which there are no snapshots; nil for none. What it advises is enough for all of
// them, and does not depend on which failed first.
func snapshotsError(lacking []*noSnapshot) error {
	var all []*noSnapshot
	for _, e := range lacking {
		if e != nil {
			all = append(all, e)
		}
	}
	if len(all) == 0 {
		return nil
	}
	var suites []string
	var since time.Time
	var useless error // why the archive itself does not help
	dated := true     // of all it is known since when they are as they are
	needed := false   // of a pocket that no manifest leaves out
	for _, e := range all {
		suites = append(suites, fmt.Sprintf("archive %s, suite %s", e.pocket.archive, e.pocket.suite))
		needed = needed || e.pocket.name == "release"
		dated = dated && !e.now.since.IsZero()
		if useless == nil {
			useless = e.now.err
		}
		if e.now.since.After(since) {
			since = e.now.since
		}
	}
	first := all[0]
	out := diag.Wrap(first.err, diag.Fetch, "%s: system.as-of needs a snapshot of %s", strings.Join(suites, "; "), first.asOf.Format(timeForm))
	if useless != nil {
		_ = out.Hint("the archive itself does not help: %v", useless)
	} else if dated {
		_ = out.Hint("an as-of from %s on needs none, since the archives have not changed after that", since.Format(timeForm))
	}
	if !needed {
		_ = out.Hint(`pockets = ["release"] below [system] leaves out what is lacking, and its fixes with it`)
	}
	_ = out.Hint("a mirror of the snapshot service is named by --apt-mirror %s-snapshot=URL, or as %s-snapshot in envpack's configuration", first.family, first.family)
	return &SnapshotError{out}
}

// family is that of a distribution: "debian" of "debian:12".
func family(distro string) string {
	name, _, _ := strings.Cut(distro, ":")
	return name
}
