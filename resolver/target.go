package resolver

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep508"
	"github.com/envpack/envpack/resolver/tags"
)

// target is one environment with what is derived from it.
type target struct {
	lockfile.Target
	ranking *tags.Ranking
	markers pep508.Environment
}

// newTarget derives a target from what a lock says of it. Without an ABI it is that of the usual build; of the versions of
// the C library two numbers count. Errors: what is none, and an ABI of another Python.
func newTarget(of lockfile.Target) (*target, error) {
	major, minor, err := twoNumbers(of.Python)
	if err != nil {
		return nil, fmt.Errorf("python version %q: %w", of.Python, err)
	}
	t := tags.Target{Platform: of.Platform, Implementation: "cp", PythonMajor: major, PythonMinor: minor, FreeThreaded: of.FreeThreaded()}
	if of.Glibc != "" {
		t.Glibc, of.Glibc, err = libcOf("glibc", of.Glibc)
	}
	if of.Musl != "" && err == nil {
		t.Musl, of.Musl, err = libcOf("musl", of.Musl)
	}
	if err != nil {
		return nil, err
	}
	ranking, err := tags.NewRanking(t)
	if err != nil {
		return nil, err
	}
	abi := abiOf(of.Python, t.FreeThreaded)
	if of.ABI != "" && of.ABI != abi {
		return nil, fmt.Errorf("the ABI %q is none of Python %s", of.ABI, of.Python)
	}
	of.ABI = abi
	return &target{Target: of, ranking: ranking, markers: tags.MarkerEnvironment(t, of.Python)}, nil
}

// RankingOf is which wheels a target of a lock takes. Errors: what is no target.
func RankingOf(t lockfile.Target) (*tags.Ranking, error) {
	of, err := newTarget(t)
	if err != nil {
		return nil, err
	}
	return of.ranking, nil
}

// with is the target with another glibc.
func (t *target) with(glibc string) (*target, error) {
	other := t.Target
	other.Glibc, other.Musl = glibc, ""
	return newTarget(other)
}

// abiOf is a lock's ABI of a Python, "cp311"; of a free-threaded build "cp314t".
func abiOf(python string, freeThreaded bool) string {
	abi := "cp" + strings.ReplaceAll(lockfile.MinorOf(python), ".", "")
	if freeThreaded {
		abi += "t"
	}
	return abi
}

// libcOf reads a version of a C library, and gives its two numbers as text.
func libcOf(kind, version string) (tags.Libc, string, error) {
	major, minor, err := twoNumbers(version)
	if err != nil {
		return tags.Libc{}, "", fmt.Errorf("%s version %q: %w", kind, version, err)
	}
	l := tags.Libc{Major: major, Minor: minor}
	return l, l.String(), nil
}

// applies evaluates a requirement's marker for an extra, "" for none.
func (t *target) applies(m *pep508.Marker, extra string) (bool, error) {
	if m == nil {
		return true, nil
	}
	env := t.markers
	env.Extra = extra
	return m.Evaluate(env)
}

func twoNumbers(version string) (int, int, error) {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return 0, 0, fmt.Errorf("two numbers are wanted")
	}
	a, err := strconv.Atoi(parts[0])
	if err != nil {
		return 0, 0, err
	}
	b, err := strconv.Atoi(parts[1])
	return a, b, err
}
