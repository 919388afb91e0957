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
	// FreeThreaded tells that it is the build without the global lock (PEP 703).
	FreeThreaded bool
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
	threaded = "freethreaded-" // before one of them
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
		flavour, isThreaded := strings.CutPrefix(f[3], threaded)
		id := version.String() + f[2] + strings.TrimSuffix(f[3], flavour)
		hash, err := hex.DecodeString(f[4])
		switch {
		case len(f[1]) != 8 || strings.Trim(f[1], "0123456789") != "":
			return bad("the second is no day")
		case machine == "":
			return bad("the third is no known platform")
		case flavour != full && flavour != stripped:
			return bad("the fourth is no known flavour")
		case err != nil || len(hash) != 32:
			return bad("the fifth is no SHA-256")
		case seen[id]:
			return bad("is there twice")
		}
		seen[id] = true
		list = append(list, Archive{
			Version: version, Platform: f[2], Build: f[1], SHA256: f[4], Stripped: flavour == stripped, FreeThreaded: isThreaded,
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

// Find gives the newest archive for the platform whose version the set contains, of the usual build or of the free-threaded
// one. There is none: a [diag.NoAnswer] error that names what there is.
func Find(set pep440.Set, platform string, freeThreaded bool) (*Archive, error) {
	for _, a := range all() {
		if a.Platform == platform && a.FreeThreaded == freeThreaded && set.Contains(a.Version) {
			return &a, nil
		}
	}
	e := diag.New(diag.NoAnswer, "python-build-standalone has no archive of the wanted Python for %s", platform)
	minors := Minors(platform)
	if freeThreaded {
		minors = ThreadedMinors(platform)
	}
	if len(minors) > 0 {
		e.Hint("known to this envpack are Python %s", strings.Join(minors, ", "))
	}
	return nil, e.Hint("name an archive of your own by `python-archive` of [system]")
}

// Minors lists the minor versions that have archives for the platform, oldest first: "3.8", "3.9".
func Minors(platform string) []string { return minors(platform, false) }

// ThreadedMinors lists those that have archives of the free-threaded build: "3.13t".
func ThreadedMinors(platform string) []string {
	list := minors(platform, true)
	for i := range list {
		list[i] += "t"
	}
	return list
}

func minors(platform string, freeThreaded bool) []string {
	var list []string
	for _, a := range all() {
		if m := a.Minor(); a.Platform == platform && a.FreeThreaded == freeThreaded && !slices.Contains(list, m) {
			list = append(list, m)
		}
	}
	slices.Reverse(list)
	return list
}
