package apt

import (
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
)

// Archive is an archive of others than the distribution, as a line of sources.list(5) names it. Of a package that
// several archives have, the highest version is taken, as apt does without preferences, and of equal
// versions the distribution's.
type Archive struct {
	Name string // for messages and [Deb.Archive]; not a name of the distribution's archives
	URL  string // base URL
	// Suite is a folder below dists/, or, where it ends in a slash, below URL itself: a flat repository.
	Suite      string
	Components []string // none for a flat repository
	Keys       [][]byte // OpenPGP public keys that may sign it, armored or binary
	// Fingerprints, if any, are those of the primary keys that may sign; all of them must be in Keys.
	Fingerprints []string
}

// ArchiveError is about one of [Options.Extra].
type ArchiveError struct {
	Archive string // its name
	Err     error
}

// Error implements error.
func (e *ArchiveError) Error() string { return e.Err.Error() }

func (e *ArchiveError) Unwrap() error { return e.Err }

// about marks an error as one of the pocket's archive, if it is another's than the distribution's.
func (p pocket) about(err error) error {
	if err == nil || p.extra == nil {
		return err
	}
	return &ArchiveError{p.extra.Name, err}
}

// pocket checks the archive.
func (a *Archive) pocket() (pocket, error) {
	fail := func(format string, args ...any) (pocket, error) {
		return pocket{}, diag.New(diag.Manifest, "archive %q: "+format, append([]any{a.Name}, args...)...)
	}
	flat := strings.HasSuffix(a.Suite, "/")
	suite := strings.TrimSuffix(a.Suite, "/")
	switch {
	case a.Name == "" || a.URL == "":
		return fail("it needs a name and a URL")
	case slices.Contains([]string{"debian", "debian-security", "ubuntu", "ubuntu-security", "ubuntu-ports"}, a.Name):
		return fail("the name is that of a distribution's archive")
	case a.Suite == "":
		return fail("it needs a suite")
	case flat && len(a.Components) > 0:
		return fail("the suite %q ends in a slash, as a flat repository's, which has no components", a.Suite)
	case !flat && len(a.Components) == 0:
		return fail("the suite %q needs components", a.Suite)
	}
	for _, p := range append([]string{suite}, a.Components...) {
		if p != "" && p != "." && (path.Clean(p) != p || p[0] == '/' || p == ".." || strings.HasPrefix(p, "../") || strings.ContainsAny(p, " ?#%\\")) {
			return fail("%q is no name of a suite or component", p)
		}
	}
	return pocket{name: a.Name, archive: a.Name, suite: a.Suite, components: a.Components, extra: a}, nil
}

// folder is where the pocket's release file is, below the base URL, with a slash at the end if not empty.
func (p pocket) folder() string {
	if !strings.HasSuffix(p.suite, "/") {
		return "dists/" + p.suite + "/"
	}
	if f := path.Clean(strings.Trim(p.suite, "/")); f != "." {
		return f + "/"
	}
	return ""
}

// extras are the pockets of the caller's archives.
func extras(all []Archive) ([]pocket, error) {
	var pockets []pocket
	seen := map[string]string{}
	for i := range all {
		a := &all[i]
		p, err := a.pocket()
		if err != nil {
			return nil, &ArchiveError{a.Name, err}
		}
		if url, twice := seen[a.Name]; twice && url != a.URL {
			return nil, diag.New(diag.Manifest, "two archives are called %q", a.Name)
		}
		seen[a.Name] = a.URL
		pockets = append(pockets, p)
	}
	return pockets, nil
}
