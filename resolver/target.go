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

func newTarget(platform, python, glibc string) (*target, error) {
	major, minor, err := twoNumbers(python)
	if err != nil {
		return nil, fmt.Errorf("python version %q: %w", python, err)
	}
	libcMajor, libcMinor, err := twoNumbers(glibc)
	if err != nil {
		return nil, fmt.Errorf("glibc version %q: %w", glibc, err)
	}
	t := tags.Target{
		Platform: platform, Implementation: "cp", PythonMajor: major, PythonMinor: minor,
		Glibc: tags.Libc{Major: libcMajor, Minor: libcMinor},
	}
	ranking, err := tags.NewRanking(t)
	if err != nil {
		return nil, err
	}
	return &target{
		Target: lockfile.Target{
			Platform: platform, Python: python, ABI: fmt.Sprintf("cp%d%d", major, minor),
			Glibc: fmt.Sprintf("%d.%d", libcMajor, libcMinor),
		},
		ranking: ranking,
		markers: tags.MarkerEnvironment(t, python),
	}, nil
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
