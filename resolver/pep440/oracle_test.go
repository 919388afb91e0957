package pep440

import (
	"encoding/json"
	"testing"

	"github.com/envpack/envpack/internal/testenv"
)

func TestOracleVersions(t *testing.T) {
	var data struct {
		Valid   [][]json.RawMessage
		Invalid []string
	}
	testenv.Oracle(t, "versions", &data)
	type entry struct {
		v    Version
		rank int
	}
	var all []entry
	for _, raw := range data.Valid {
		var text, normal, public, local string
		var rank, kind int
		testenv.OracleRow(t, raw, &text, &normal, &rank, &kind, &public, &local)
		v, err := Parse(text)
		if err != nil {
			t.Errorf("Parse(%q): %v", text, err)
			continue
		}
		if v.String() != normal || v.Public().String() != public || v.Local() != local {
			t.Errorf("Parse(%q) = %s, public %s, local %q, want %s, %s, %q", text, v, v.Public(), v.Local(), normal, public, local)
		}
		got := 0
		for i, is := range []bool{v.IsPrerelease(), v.IsPostrelease(), v.IsDevrelease(), false} {
			if is {
				got |= 1 << i
			}
		}
		if got != kind || v.IsLocal() != (local != "") {
			t.Errorf("Parse(%q): kind %b, want %b", text, got, kind)
		}
		all = append(all, entry{v, rank})
	}
	for _, a := range all {
		for _, b := range all {
			if got, want := a.v.Compare(b.v), compare(a.rank, b.rank); got != want {
				t.Fatalf("Compare(%s, %s) = %d, want %d", a.v, b.v, got, want)
			}
		}
	}
	for _, text := range data.Invalid {
		if v, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) = %s, want an error", text, v)
		}
	}
	t.Logf("%d valid, %d invalid, %d comparisons", len(data.Valid), len(data.Invalid), len(all)*len(all))
}

func compare(a, b int) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

type specifierVectors struct {
	Versions []string
	Valid    [][]json.RawMessage
	Invalid  []string
}

func TestOracleSpecifiers(t *testing.T) {
	var data specifierVectors
	testenv.Oracle(t, "specifiers", &data)
	var versions []Version
	for _, text := range data.Versions {
		versions = append(versions, MustParse(text))
	}
	count := 0
	for _, raw := range data.Valid {
		var text, normal, bitmap string
		var pre bool
		testenv.OracleRow(t, raw, &text, &normal, &pre, &bitmap)
		s, err := ParseSpecifiers(text)
		if err != nil {
			t.Errorf("ParseSpecifiers(%q): %v", text, err)
			continue
		}
		if s.String() != normal {
			t.Errorf("ParseSpecifiers(%q) = %s, want %s", text, s, normal)
		}
		if s.MentionsPrerelease() != pre {
			t.Errorf("%q mentions a pre-release: %t, want %t", text, !pre, pre)
		}
		set, want := FromSpecifiers(s), testenv.OracleVerdicts(t, bitmap)
		for i, v := range versions {
			count++
			if got := s.Contains(v); got != want(i) {
				t.Errorf("%q contains %s: %t, want %t", text, v, got, want(i))
			}
			if got := set.Contains(v); got != want(i) && !spelling(s, v) {
				t.Errorf("the set of %q contains %s: %t, want %t", text, v, got, want(i))
			}
		}
	}
	for _, text := range data.Invalid {
		if s, err := ParseSpecifiers(text); err == nil {
			t.Errorf("ParseSpecifiers(%q) = %s, want an error", text, s)
		}
	}
	t.Logf("%d valid, %d invalid, %d verdicts", len(data.Valid), len(data.Invalid), count)
}

// spelling tells whether an === in s is v, but for its spelling: the exception that FromSpecifiers
// makes.
func spelling(s Specifiers, v Version) bool {
	for _, spec := range s.All() {
		if spec.Op() == Arbitrary && spec.Version().Equal(v) {
			return true
		}
	}
	return false
}

func TestOracleRelations(t *testing.T) {
	var data struct {
		Sets             []string
		Subset, Disjoint []string
		Unsatisfiable    string
	}
	testenv.Oracle(t, "relations", &data)
	var sets []Set
	for _, text := range data.Sets {
		sets = append(sets, FromSpecifiers(MustParseSpecifiers(text)))
	}
	unsatisfiable := testenv.OracleVerdicts(t, data.Unsatisfiable)
	for i, a := range sets {
		subset, disjoint := testenv.OracleVerdicts(t, data.Subset[i]), testenv.OracleVerdicts(t, data.Disjoint[i])
		if a.IsEmpty() != unsatisfiable(i) {
			t.Errorf("%q is empty: %t", data.Sets[i], a.IsEmpty())
		}
		for j, b := range sets {
			if got := a.SubsetOf(b); got != subset(j) {
				t.Errorf("%q is a subset of %q: %t, want %t", data.Sets[i], data.Sets[j], got, subset(j))
			}
			if got := a.Disjoint(b); got != disjoint(j) {
				t.Errorf("%q is disjoint from %q: %t, want %t", data.Sets[i], data.Sets[j], got, disjoint(j))
			}
		}
	}
	t.Logf("%d sets", len(sets))
}
