package manifest

import (
	"fmt"
	"strings"

	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/resolver/pep440"
)

// allPlatforms are the platforms that images can be made for.
var allPlatforms = []string{"linux/amd64", "linux/arm64"}

// patternForm is a package name with * for any letters.
var patternForm = pattern.New(`^[A-Za-z0-9*]([A-Za-z0-9._*-]*[A-Za-z0-9*])?$`)

// allPockets are the parts of a distribution, in the order of their weight.
var allPockets = []string{"release", "security", "updates"}

// nameForm is a valid name of a distribution, PEP 508, Names.
var nameForm = pattern.New(`^(?i:[a-z0-9]|[a-z0-9][a-z0-9._-]*[a-z0-9])$`)

func choices(list []string) string { return strings.Join(list, ", ") }

var (
	minorForm = pattern.New(`^3\.\d{1,2}$`)
	fullForm  = pattern.New(`^3\.\d{1,2}\.\d{1,2}$`)
)

// parsePython reads a minor version, a full version, or specifiers. A t behind them asks for the free-threaded build, as
// pyenv and uv write it: "3.14t", ">=3.13,<3.15t".
func parsePython(text string) (Python, error) {
	trimmed := strings.TrimSpace(text)
	p := Python{Text: trimmed}
	if threaded().MatchString(trimmed) {
		p.FreeThreaded = true
		trimmed = p.version()
	}
	spec := trimmed
	switch {
	case minorForm().MatchString(trimmed):
		spec = "==" + trimmed + ".*"
	case fullForm().MatchString(trimmed):
		spec = "==" + trimmed
	case trimmed == "":
		return Python{}, fmt.Errorf("a version is wanted, as in 3.11, 3.11.2 or >=3.10,<3.13")
	}
	if version, ok := strings.CutSuffix(trimmed, "+freethreaded"); ok {
		return Python{}, fmt.Errorf("%q: the free-threaded build is written with a t, as in %st", text, version)
	}
	specs, err := pep440.ParseSpecifiers(spec)
	if v, verr := pep440.Parse(trimmed); verr == nil && v.Release()[0] < 3 {
		return Python{}, fmt.Errorf("%q: there is Python 3 only", text)
	}
	if err != nil {
		return Python{}, fmt.Errorf("%q is no version (3.11, 3.11.2) or specifier (>=3.10,<3.13)", text)
	}
	p.Specifiers = specs
	if p.FreeThreaded && pep440.FromSpecifiers(specs).Disjoint(sinceThreaded) {
		return Python{}, fmt.Errorf("%q: the first Python with a free-threaded build is 3.13", text)
	}
	return p, nil
}

// threaded finds the t of a free-threaded build.
var threaded = pattern.New(`[0-9]t$`)

// sinceThreaded are the versions that have such a build (PEP 703).
var sinceThreaded = pep440.FromSpecifiers(pep440.MustParseSpecifiers(">=3.13"))

var (
	envName   = pattern.New(`^[A-Za-z_][A-Za-z0-9_]*$`)
	portForm  = pattern.New(`^(\d{1,5})(?:/(tcp|udp|sctp))?$`)
	labelForm = pattern.New(`^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$`)
)

// checkTag holds a reference against the distribution specification, as registries and engines read
// it: what stands before the first slash is a registry only if it looks like a host.
func checkTag(tag string) bool {
	first, rest, slash := strings.Cut(tag, "/")
	repository := tag
	if slash && (strings.ContainsAny(first, ".:[") || first == "localhost") {
		repository = rest
	}
	if i := strings.LastIndexByte(repository, ':'); i >= 0 {
		repository = repository[:i]
	}
	return tagForm().MatchString(tag) && repository == strings.ToLower(repository) && len(repository) <= 255
}

// tagForm is the distribution specification's grammar of a reference without digest: an optional
// registry, the repository, an optional tag.
var tagForm = pattern.New(`^(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::\d{1,5})?/)?` +
	`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*` +
	`(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$`)
