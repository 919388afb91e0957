// Package interpreter knows the releases of python-build-standalone: relocatable archives of CPython for
// Linux with glibc, for those Python versions that a distribution does not have.
//
// The index is embedded and generated (README.md says from what); it names an archive by its path below the
// place of the project's releases and by its hash, and reaches nothing. It has final releases only, one build
// of each: the last that was known when it was made. What it does not know can still be named by the manifest.
//
// Invariant: every archive of the index has a hash.
package interpreter

import (
	_ "embed"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/pep440"
)

// Archive is one release for one platform: a tar.gz with the single top folder "python".
type Archive struct {
	Version  pep440.Version // "3.12.4"
	Platform string         // "linux/amd64"
	Build    string         // the day of the build, "20240726"; also the release's tag
	// Path is where the archive is below the folder of the project's releases, percent-encoded, with no
	// slash before it: "20240726/cpython-3.12.4%2B20240726-x86_64-….tar.gz".
	Path   string
	SHA256 string // 64 hexadecimal digits
	// Stripped tells that the binaries come without debug symbols.
	Stripped bool
}

// Minor is the version's first two numbers: "3.12".
func (a *Archive) Minor() string { return minor(a.Version) }

func minor(v pep440.Version) string {
	r := v.Release()
	return fmt.Sprintf("%d.%d", r[0], r[1])
}

//go:embed releases.txt
var releases string

// all is the index, newest versions first.
var all = sync.OnceValue(func() []Archive {
	list, err := parse(releases)
	if err != nil {
		panic(fmt.Sprintf("the embedded index of interpreters: %v", err)) // the tests read it
	}
	return list
})

// machines are the first parts of the names that compilers have for the platforms.
var machines = map[string]string{"linux/amd64": "x86_64", "linux/arm64": "aarch64"}

const (
	full     = "install_only"
	stripped = "install_only_stripped"
)

// parse reads lines of version, build, platform, flavour and SHA-256; '#' begins a comment.
func parse(text string) ([]Archive, error) {
	var list []Archive
	seen := map[string]bool{}
	for n, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		bad := func(what string) ([]Archive, error) { return nil, fmt.Errorf("line %d: %s: %q", n+1, what, line) }
		f := strings.Split(line, " ")
		if len(f) != 5 {
			return bad("has not five fields")
		}
		version, err := pep440.Parse(f[0])
		if err != nil || version.IsPrerelease() || len(version.Release()) != 3 {
			return bad("the first is no final version of three numbers")
		}
		machine := machines[f[2]]
		hash, err := hex.DecodeString(f[4])
		switch {
		case len(f[1]) != 8 || strings.Trim(f[1], "0123456789") != "":
			return bad("the second is no day")
		case machine == "":
			return bad("the third is no known platform")
		case f[3] != full && f[3] != stripped:
			return bad("the fourth is no known flavour")
		case err != nil || len(hash) != 32:
			return bad("the fifth is no SHA-256")
		case seen[f[0]+f[2]]:
			return bad("is there twice")
		}
		seen[f[0]+f[2]] = true
		list = append(list, Archive{
			Version: version, Platform: f[2], Build: f[1], SHA256: f[4], Stripped: f[3] == stripped,
			Path: fmt.Sprintf("%s/cpython-%s%%2B%s-%s-unknown-linux-gnu-%s.tar.gz", f[1], f[0], f[1], machine, f[3]),
		})
	}
	slices.SortFunc(list, func(a, b Archive) int {
		if c := b.Version.Compare(a.Version); c != 0 {
			return c
		}
		return strings.Compare(a.Platform, b.Platform)
	})
	return list, nil
}

// Find gives the newest archive for the platform whose version the set contains. There is none: a
// [diag.NoAnswer] error that names what there is.
func Find(set pep440.Set, platform string) (*Archive, error) {
	for _, a := range all() {
		if a.Platform == platform && set.Contains(a.Version) {
			return &a, nil
		}
	}
	e := diag.New(diag.NoAnswer, "python-build-standalone has no archive of the wanted Python for %s", platform)
	if minors := Minors(platform); len(minors) > 0 {
		e.Hint("known to this envpack are Python %s", strings.Join(minors, ", "))
	}
	return nil, e.Hint("name an archive of your own by `python-archive` of [system]")
}

// Minors lists the minor versions that have archives for the platform, oldest first: "3.8", "3.9".
func Minors(platform string) []string {
	var minors []string
	for _, a := range all() {
		if m := a.Minor(); a.Platform == platform && !slices.Contains(minors, m) {
			minors = append(minors, m)
		}
	}
	slices.Reverse(minors)
	return minors
}
