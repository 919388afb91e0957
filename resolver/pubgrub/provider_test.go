package pubgrub_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/resolver/pubgrub"
)

// faulty is a universe with answers replaced.
type faulty struct {
	*universe
	choose  func(p string, s set) (pubgrub.Choice[int, set], error)
	depsErr error
}

func (f *faulty) Choose(ctx context.Context, p string, s set) (pubgrub.Choice[int, set], error) {
	if f.choose != nil {
		return f.choose(p, s)
	}
	return f.universe.Choose(ctx, p, s)
}

func (f *faulty) Dependencies(ctx context.Context, p string, v int) (deps, error) {
	if f.depsErr != nil && p != "root" {
		return deps{}, f.depsErr
	}
	return f.universe.Dependencies(ctx, p, v)
}

func TestProviderFaults(t *testing.T) {
	offline := errors.New("offline")
	tests := []struct {
		name string
		f    faulty
		want string
		is   error
	}{
		{
			name: "choose fails",
			f: faulty{choose: func(string, set) (pubgrub.Choice[int, set], error) {
				return pubgrub.Choice[int, set]{}, offline
			}},
			want: "choosing a version of a: offline", is: offline,
		},
		{
			name: "dependencies fail",
			f:    faulty{depsErr: offline},
			want: "reading the dependencies of a 1: offline", is: offline,
		},
		{
			name: "chosen outside of the set",
			f: faulty{choose: func(string, set) (pubgrub.Choice[int, set], error) {
				return pubgrub.Choice[int, set]{Version: 7, Found: true}, nil
			}},
			want: "choosing a version of a: 7 is not in <2",
		},
		{
			name: "chosen and excluded",
			f: faulty{choose: func(_ string, s set) (pubgrub.Choice[int, set], error) {
				return pubgrub.Choice[int, set]{Version: 1, Found: true, Exclude: []pubgrub.Exclusion[set]{{Set: s}}}, nil
			}},
			want: "choosing a version of a: 1 was chosen and excluded",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			u := newUniverse()
			u.add("root", 0, needs("a", set{lowest, 2}))
			u.add("a", 1, deps{})
			test.f.universe = u
			_, err := pubgrub.Solve[string, int, set](context.Background(), &test.f, "root", 0)
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("%v is not %v", err, test.is)
			}
		})
	}
}

func TestPendingIsToldBeforeBeingAsked(t *testing.T) {
	u := newUniverse()
	u.add("root", 0, needs("a", all, "b", all))
	u.add("a", 1, needs("c", all))
	u.add("b", 1, needs("c", set{1}))
	u.add("c", 1, deps{})
	if _, err := u.solve(); err != nil {
		t.Fatal(err)
	}
	// c once when a is decided, and again when b narrows it.
	if diff := cmp.Diff([]string{"a", "b", "c", "c"}, u.pending); diff != "" {
		t.Error(diff)
	}
}

func TestPriorityDecidesFirst(t *testing.T) {
	u := newUniverse()
	u.add("root", 0, needs("a", all, "b", all, "c", all))
	for _, p := range []string{"a", "b", "c"} {
		u.add(p, 1, deps{})
	}
	u.priority = func(p string, _ set, _ pubgrub.Stats) pubgrub.Priority {
		if p == "b" {
			return 1
		}
		return 0
	}
	sol, err := u.solve()
	if err != nil {
		t.Fatal(err)
	}
	if got := u.show(sol); got != "b=1 a=1 c=1" {
		t.Error(got)
	}
}

// The newest culprit leaves no version of victim; there are many versions of victim to try before that is certain, unless
// victim is decided first.
func TestSwapSavesTrying(t *testing.T) {
	const n = 500
	build := func() *universe {
		u := newUniverse()
		u.add("root", 0, needs("culprit", all, "victim", all))
		u.add("culprit", 1, deps{})
		u.add("culprit", 2, deps{})
		for v := range n {
			// Different for each version, so that they cannot be one fact.
			u.add("victim", v, needs("culprit", set{lowest, 2, 10 + v}))
		}
		return u
	}
	u := build()
	sol, err := u.solve()
	if err != nil {
		t.Fatal(err)
	}
	if got := u.show(sol); got != "victim=499 culprit=1" || sol.Effort.Swaps != 1 || len(u.asked) > 10 {
		t.Errorf("%s after %+v, asking for %d versions", got, sol.Effort, len(u.asked))
	}
	u = build()
	u.priority = func(string, set, pubgrub.Stats) pubgrub.Priority { return 0 }
	if _, err = u.solve(); err != nil {
		t.Fatal(err)
	}
	if len(u.asked) < n {
		t.Errorf("without heeding marks only %d versions were asked for", len(u.asked))
	}
}

func TestFormatter(t *testing.T) {
	u := newUniverse()
	u.exclude = true
	u.add("root", 0, needs("a", all))
	u.add("a", 1, deps{Unavailable: "3.12"})
	u.add("a", 2, needs("b", set{3}))
	u.add("b", 1, deps{})
	_, err := u.solve()
	var failure *noSol
	if !errors.As(err, &failure) {
		t.Fatal(err)
	}
	got := pubgrub.Explain(failure, pubgrub.Formatter[string, set]{
		Subject: func(p string, s set) string { return naming(p, s, "all of ") },
		Object:  func(p string, s set) string { return naming(p, s, "") },
		Fact: func(f *pubgrub.Incompatibility[string, set]) string {
			switch f.Kind {
			case pubgrub.Unavailable:
				return fmt.Sprintf("%s needs Python %v", naming(f.Package, f.Set, ""), f.Reason)
			case pubgrub.NoVersions:
				return fmt.Sprintf("only %s %d is available", f.Package, slices.Max(u.versions[f.Package]))
			}
			return ""
		},
		Failure: "your project cannot be resolved",
	})
	want := strings.TrimSpace(`
Because a >=2 depends on b >=3 and only b 1 is available, a >=2 cannot be used.
So, because a <2 needs Python 3.12 and your project depends on a, your project cannot be resolved.`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
