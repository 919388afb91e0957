package pubgrub_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/envpack/envpack/resolver/pubgrub"
)

func needs(words ...any) (d deps) {
	for i := 0; i < len(words); i += 2 {
		d.Depends = append(d.Depends, dep{Package: words[i].(string), Set: words[i+1].(set)})
	}
	return d
}

// holes has a package of many versions, each of which needs the previous version of a neighbour, whose versions all lack something.
func holes(n int) *universe {
	u := newUniverse()
	u.add("root", 0, needs("foo", all))
	for v := range n {
		u.add("foo", v, needs("bar", all))
		u.add("bar", v, needs("baz", between(n+v, n+v+1)))
	}
	u.add("baz", 0, deps{})
	return u
}

// queens is the n-queens problem: a package is a row, a version a column.
func queens(n int) *universe {
	u := newUniverse()
	name := func(i int) string { return fmt.Sprintf("q%d", i) }
	var rows []any
	for i := range n {
		rows = append(rows, name(i), all)
		for v := range n {
			var d deps
			for k := range n {
				if k == i {
					continue
				}
				by := max(i-k, k-i)
				s := between(v, v+1).Union(between(v-by, v-by+1)).Union(between(v+by, v+by+1)).Complement()
				d.Depends = append(d.Depends, dep{Package: name(k), Set: s})
			}
			u.add(name(i), v, d)
		}
	}
	u.add("root", 0, needs(rows...))
	return u
}

// chain is n packages in a row, the last of which needs a version of the first that is not, or is, the newest.
func chain(n int, solvable bool) *universe {
	u := newUniverse()
	u.add("root", 0, needs("p0", all))
	for i := range n {
		for v := range 3 {
			u.add(fmt.Sprintf("p%d", i), v, needs(fmt.Sprintf("p%d", i+1), all))
		}
	}
	u.add(fmt.Sprintf("p%d", n), 0, needs("p0", between(9, 10)))
	if solvable {
		u.add(fmt.Sprintf("p%d", n), 0, needs("p0", between(1, 2)))
	}
	return u
}

// boto3 is two packages with thousands of versions, in lockstep, of which a third one excludes most.
func boto3(n int) *universe {
	u := newUniverse()
	u.add("root", 0, needs("boto3", all, "urllib3", set{2}, "s3fs", all))
	for v := range n {
		u.add("boto3", v, needs("botocore", between(v, v+6), "jmespath", all))
		d := needs("urllib3", set{lowest, 2}, "jmespath", all)
		if v < n/20 {
			d = needs("urllib3", all)
		}
		u.add("botocore", v, d)
	}
	u.add("s3fs", 0, needs("botocore", set{lowest, n}))
	u.add("jmespath", 0, deps{})
	for v := range 4 {
		u.add("urllib3", v, deps{})
	}
	return u
}

// boto3Apart is boto3 with dependencies that differ from version to version, so that none of them merge.
func boto3Apart(n int) *universe {
	u := boto3(n)
	for v := range n {
		u.deps["botocore"][v] = needs("urllib3", set{lowest, 2, 10 + v})
	}
	u.deps["botocore"][n/20] = deps{}
	return u
}

// wide is n packages of many versions with some dependencies each, and old versions needed here and there.
func wide(n, versions int) *universe {
	u := newUniverse()
	name := func(i int) string { return fmt.Sprintf("p%d", i%n) }
	u.add("root", 0, needs("p0", all, "p1", all))
	for i := range n {
		for v := range versions {
			d := needs(name(i+1), set{v / 2}, name(3*i+2), set{v / 3})
			if i%10 == 0 {
				d = needs(name(i+1), set{v / 2}, name(7*i+5), set{lowest, versions - versions/10 + v%7}, name(3*i+2), set{v / 3})
			}
			u.add(name(i), v, d)
		}
	}
	return u
}

func TestPathological(t *testing.T) {
	tests := []struct {
		name     string
		u        *universe
		solvable bool
		most     int // conflicts
	}{
		{"confusing with lots of holes", holes(300), false, 700},
		{"4 queens", queens(4), true, 20},
		{"3 queens", queens(3), false, 20},
		{"8 queens", queens(8), true, 300},
		{"12 queens", queens(12), true, 2000},
		{"chain", chain(5000, true), true, 15_000},
		{"chain without end", chain(5000, false), false, 15_000},
		{"boto3", boto3(3000), true, 6000},
		{"boto3 apart", boto3Apart(2000), true, 2100},
		{"wide", wide(1000, 200), true, 2000},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sol, err := test.u.solve()
			if !test.solvable {
				var failure *noSol
				if !errors.As(err, &failure) {
					t.Fatal(err)
				}
				if err := checkProof(failure, test.u); err != nil {
					t.Error(err)
				}
				text := failure.Error()
				if !strings.HasSuffix(text, "no solution exists.") {
					t.Error("no conclusion")
				}
				t.Logf("explained in %d lines of %d bytes", strings.Count(text, "\n")+1, len(text))
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := test.u.check(sol); err != nil {
				t.Error(err)
			}
			t.Logf("%+v", sol.Effort)
			if sol.Effort.Conflicts > test.most {
				t.Errorf("%d conflicts, want no more than %d", sol.Effort.Conflicts, test.most)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := pubgrub.Solve[string, int, set](ctx, queens(8), "root", 0)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func BenchmarkSolve(b *testing.B) {
	for _, test := range []struct {
		name string
		u    func() *universe
	}{
		{"holes-300", func() *universe { return holes(300) }},
		{"queens-8", func() *universe { return queens(8) }},
		{"queens-12", func() *universe { return queens(12) }},
		{"chain-5000", func() *universe { return chain(5000, true) }},
		{"boto3-3000", func() *universe { return boto3(3000) }},
		{"boto3apart-2000", func() *universe { return boto3Apart(2000) }},
		{"wide-1000x200", func() *universe { return wide(1000, 200) }},
		{"wide-1000x3000", func() *universe { return wide(1000, 3000) }},
	} {
		b.Run(test.name, func(b *testing.B) {
			u := test.u()
			b.ReportAllocs()
			for b.Loop() {
				_, err := u.solve()
				var failure *noSol
				if err != nil && !errors.As(err, &failure) {
					b.Fatal(err)
				}
			}
		})
	}
}
