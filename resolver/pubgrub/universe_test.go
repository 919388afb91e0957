package pubgrub_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/envpack/envpack/resolver/pubgrub"
)

type (
	set      = intervals
	dep      = pubgrub.Dep[string, set]
	deps     = pubgrub.Dependencies[string, set]
	solution = pubgrub.Solution[string, int]
	noSol    = pubgrub.NoSolutionError[string, set]
)

// universe is a provider that knows all packages; the newest version is tried first.
type universe struct {
	versions map[string][]int // ascending
	deps     map[string]map[int]deps

	exact    bool // record facts for single versions instead of cells
	priority func(p string, s set, st pubgrub.Stats) pubgrub.Priority
	exclude  bool // tell of unavailable versions while choosing
	// thresholds of the solver, if not zero
	swapAfter, farJump int
	asked              map[string]int
	pending            []string
}

func newUniverse() *universe {
	return &universe{versions: map[string][]int{}, deps: map[string]map[int]deps{}, asked: map[string]int{}}
}

func (u *universe) add(p string, v int, d deps) {
	if u.deps[p] == nil {
		u.deps[p] = map[int]deps{}
	}
	if _, ok := u.deps[p][v]; !ok {
		i, _ := slices.BinarySearch(u.versions[p], v)
		u.versions[p] = slices.Insert(u.versions[p], i, v)
	}
	u.deps[p][v] = d
}

func (u *universe) Prioritize(p string, s set, st pubgrub.Stats) pubgrub.Priority {
	if u.priority != nil {
		return u.priority(p, s, st)
	}
	switch {
	case st.Early:
		return 1
	case st.Late:
		return -1
	}
	return 0
}

func (u *universe) Choose(_ context.Context, p string, s set) (c pubgrub.Choice[int, set], err error) {
	for _, v := range slices.Backward(u.versions[p]) {
		if !s.Contains(v) {
			continue
		}
		if r := u.deps[p][v].Unavailable; r != nil && u.exclude {
			c.Exclude = append(c.Exclude, pubgrub.Exclusion[set]{Set: u.Cell(p, v), Reason: r})
			continue
		}
		c.Version, c.Found = v, true
		break
	}
	return c, nil
}

func (u *universe) Dependencies(_ context.Context, p string, v int) (deps, error) {
	u.asked[fmt.Sprint(p, " ", v)]++
	return u.deps[p][v], nil
}

func (u *universe) Singleton(_ string, v int) set { return between(v, v+1) }

func (u *universe) Cell(p string, v int) set {
	if u.exact {
		return between(v, v+1)
	}
	vs := u.versions[p]
	i, _ := slices.BinarySearch(vs, v)
	switch {
	case len(vs) == 1:
		return all
	case i == 0:
		return set{lowest, vs[1]}
	case i == len(vs)-1:
		return set{v}
	}
	return between(v, vs[i+1])
}

func (u *universe) Pending(_ context.Context, wanted []pubgrub.Want[string, set]) {
	for _, w := range wanted {
		u.pending = append(u.pending, w.Package)
	}
}

func (u *universe) solve() (*solution, error) {
	if u.swapAfter > 0 {
		return pubgrub.SolveTuned[string, int, set](context.Background(), u, "root", 0, u.swapAfter, u.farJump)
	}
	return pubgrub.Solve[string, int, set](context.Background(), u, "root", 0)
}

// parseSet reads ">=2,<5", "!=3", "=2" or, for all versions, nothing.
func parseSet(s string) (set, error) {
	out := all
	for part := range strings.SplitSeq(s, ",") {
		if part == "" {
			continue
		}
		op := strings.TrimRight(part, "0123456789")
		n, err := strconv.Atoi(part[len(op):])
		if err != nil {
			return nil, err
		}
		var one set
		switch op {
		case "=":
			one = between(n, n+1)
		case "!=":
			one = between(n, n+1).Complement()
		case ">=":
			one = set{n}
		case ">":
			one = set{n + 1}
		case "<":
			one = set{lowest, n}
		case "<=":
			one = set{lowest, n + 1}
		default:
			return nil, fmt.Errorf("unknown comparison %q", op)
		}
		out = out.Intersect(one)
	}
	return out, nil
}

// parseLine reads a line of the test language (see testdata/cases.txt) into u.
func (u *universe) parseLine(line string) error {
	head, body, ok := strings.Cut(line, ":")
	if !ok {
		return fmt.Errorf("no colon in %q", line)
	}
	name, versions, _ := strings.Cut(head, " ")
	var d deps
	if reason, ok := strings.CutPrefix(strings.TrimSpace(body), "!"); ok {
		d.Unavailable = reason
	} else {
		for word := range strings.FieldsSeq(body) {
			word, constraint := strings.CutPrefix(word, "~")
			at := strings.IndexAny(word+"=", "<>=!")
			s, err := parseSet(word[at:])
			if err != nil {
				return err
			}
			one := dep{Package: word[:at], Set: s}
			if constraint {
				d.Constrains = append(d.Constrains, one)
			} else {
				d.Depends = append(d.Depends, one)
			}
		}
	}
	if name == "root" {
		u.add(name, 0, d)
		return nil
	}
	for v := range strings.FieldsSeq(versions) {
		from, to, isRange := strings.Cut(v, "-")
		n, err := strconv.Atoi(from)
		if err != nil {
			return err
		}
		m := n
		if isRange {
			if m, err = strconv.Atoi(to); err != nil {
				return err
			}
		}
		for ; n <= m; n++ {
			u.add(name, n, d)
		}
	}
	return nil
}

func (u *universe) show(sol *solution) string {
	var words []string
	for _, s := range sol.Selected[1:] {
		words = append(words, fmt.Sprintf("%s=%d", s.Package, s.Version))
	}
	return strings.Join(words, " ")
}
