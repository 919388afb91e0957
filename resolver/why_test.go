package resolver

import (
	"context"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// whyText is an explanation in lines.
func whyText(all []*Why) string {
	var b strings.Builder
	for _, w := range all {
		if len(all) > 1 {
			fmt.Fprintf(&b, "%s: ", w.Platform)
		}
		fmt.Fprintf(&b, "%s, newest %s, takes %s%s\n", w.Locked, w.Newest, w.Takes, movesText(w.Moves))
		for _, n := range w.Newer {
			fmt.Fprintf(&b, "%s: %s: %s%s\n", strings.Join(n.Versions, " "), n.Kind, n.Reason, movesText(n.Moves))
			if (n.Proof != "") != (n.Kind == KindConflict) {
				b.WriteString("with or without a proof\n")
			}
		}
	}
	return b.String()
}

func movesText(moves []Move) string {
	var b strings.Builder
	for _, m := range moves {
		fmt.Fprintf(&b, " (%s %s → %s)", m.Name, m.Old, m.New)
	}
	return b.String()
}

func TestExplainVersion(t *testing.T) {
	late := published.AddDate(0, 6, 0)
	for _, c := range []struct {
		name     string
		requires []string
		change   func(w *world, m *manifest.Manifest) // before the lock
		then     func(w *world)                       // after it
		want     string
	}{
		{"the newest", []string{"x"}, nil, nil, "1.0, newest 1.0, takes 1.0\n"},
		{"the lock's preference", []string{"x"}, nil, func(w *world) { w.add("x", "1.1", rel{}); w.add("x", "2.0", rel{}) },
			"1.0, newest 2.0, takes 2.0\n2.0 1.1: preference: the lock keeps 1.0\n"},
		{"the manifest", []string{"x<2"}, nil, func(w *world) { w.add("x", "2.0", rel{}); w.add("x", "2.1", rel{}) },
			"1.0, newest 2.1, takes 1.0\n2.1 2.0: conflict: envpack.toml:4 asks for x<2\n"},
		{"a constraint", []string{"x"}, func(_ *world, m *manifest.Manifest) { m.Constraints = requirements("x<2") }, func(w *world) { w.add("x", "2.0", rel{}) },
			"1.0, newest 2.0, takes 1.0\n2.0: conflict:  constrains x<2\n"},
		{"an override", []string{"x<2", "y"}, func(w *world, m *manifest.Manifest) {
			w.add("y", "1.0", rel{requires: []string{"x<1"}})
			m.Overrides = requirements("x<3")
		}, func(w *world) { w.add("x", "2.0", rel{}); w.add("x", "3.0", rel{}) },
			"1.0, newest 3.0, takes 2.0\n3.0: conflict:  overrides all bounds with x<3\n2.0: preference: the lock keeps 1.0\n"},
		{"the policy of a package", []string{"x"}, func(_ *world, m *manifest.Manifest) {
			m.Policies.Packages = []manifest.PackagePolicy{{Name: "x", Prereleases: manifest.Allow}}
		}, func(w *world) { w.add("x", "2.0rc1", rel{}) }, "1.0, newest 2.0rc1, takes 2.0rc1\n2.0rc1: preference: the lock keeps 1.0\n"},
		{"another package", []string{"x", "y"}, func(w *world, _ *manifest.Manifest) { w.add("y", "1.0", rel{requires: []string{"x<2"}}) },
			func(w *world) { w.add("x", "2.0", rel{}) },
			"1.0, newest 2.0, takes 1.0\n2.0: conflict: y 1.0 needs x<2\n"},
		{"another package that would move", []string{"x", "y"}, func(w *world, _ *manifest.Manifest) { w.add("y", "1.0", rel{requires: []string{"x<2"}}) },
			func(w *world) { w.add("x", "2.0", rel{}); w.add("y", "1.1", rel{requires: []string{"x>=2"}}) },
			"1.0, newest 2.0, takes 2.0 (y 1.0 → 1.1)\n2.0: preference: the lock keeps 1.0\n"},
		{"another package that would go back", []string{"y", "x"}, func(w *world, _ *manifest.Manifest) { w.add("y", "1.0", rel{requires: []string{"x<2"}}) },
			func(w *world) {
				w.add("x", "2.0", rel{})
				w.add("x", "2.1", rel{requires: []string{"z>=2"}})
				w.add("y", "0.9", rel{})
				w.add("z", "1.0", rel{})
			},
			"1.0, newest 2.1, takes 1.0\n" +
				"2.1: conflict: y 1.0 needs x<2\n" +
				"2.0: moves: y 1.0 needs x<2; others would have to move (y 1.0 → 0.9)\n"},
		{"only where nothing needs it", []string{"y"}, func(w *world, _ *manifest.Manifest) { w.add("y", "1.0", rel{requires: []string{"x<2"}}) },
			func(w *world) { w.add("x", "2.0", rel{}); w.add("y", "0.9", rel{}) },
			"1.0, newest 2.0, takes 1.0\n2.0: without: y 1.0 needs x<2; only where others move so that nothing needs x (y 1.0 → 0.9)\n"},
		{"its own requirements", []string{"x", "y<2"}, func(w *world, _ *manifest.Manifest) { w.add("y", "1.0", rel{}) },
			func(w *world) { w.add("y", "2.0", rel{}); w.add("x", "2.0", rel{requires: []string{"y>=2"}}) },
			"1.0, newest 2.0, takes 1.0\n2.0: conflict: there is no solution with it\n"},
		{"what cannot be used", []string{"x"}, func(_ *world, m *manifest.Manifest) { setAsOf(t, m, published.AddDate(0, 1, 0).Format(time.RFC3339)) },
			func(w *world) {
				w.add("x", "1.1", rel{yanked: true})
				w.add("x", "1.2", rel{noWheel: true, sdist: true})
				w.add("x", "1.3", rel{python: ">=3.12"})
				w.add("x", "1.4", rel{tags: []string{"cp311-cp311-manylinux_2_39_x86_64"}})
				w.add("x", "1.5rc1", rel{})
				w.add("x", "1.6", rel{uploaded: late})
				w.add("x", "1.7", rel{uploaded: late})
				w.add("x", "1.8", rel{tags: []string{"py3-none-any-cuda13"}})
			}, "1.0, newest 1.8, takes 1.0\n" +
				"1.8: variant: has only wheel variants (PEP 825), which envpack does not install\n" +
				"1.7 1.6: as-of: was uploaded after 2024-04-24T00:00:00Z (as-of)\n" +
				"1.5rc1: pre-release: a pre-release, which is taken only where no final release will do ([resolver] prereleases)\n" +
				"1.4: wheel: has no wheel for Python 3.11 on linux/amd64 (the wheels need glibc 2.39 or later, and the target has 2.36)\n" +
				"1.3: python: needs Python >=3.12 (the target has 3.11.2)\n" +
				"1.2: source: has only a source distribution\n" +
				"1.1: yanked: was yanked by its authors\n"},
		{"a post-release and a local version", []string{"x==1.0"}, nil, func(w *world) { w.add("x", "1.0+cpu", rel{}); w.add("x", "1.0.post1", rel{}) },
			"1.0, newest 1.0.post1, takes 1.0+cpu\n1.0.post1: conflict: envpack.toml:4 asks for x==1.0\n" +
				"1.0+cpu: preference: the lock keeps 1.0\n"},
		{"gone", []string{"x"}, nil, func(w *world) { w.projects["x"].Files = nil; w.add("x", "0.9", rel{}) }, "1.0, newest 1.0, takes 0.9\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld()
			w.add("x", "1.0", rel{})
			m := project(c.requires...)
			for i := range m.Requirements {
				m.Requirements[i].Pos = diag.Position{File: "envpack.toml", Line: 4 + i}
			}
			if c.change != nil {
				c.change(w, m)
			}
			l := mustLock(t, w, m, Options{})
			if c.then != nil {
				c.then(w)
			}
			all, err := ExplainVersion(context.Background(), m, l, "x", Sources{Packages: w})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, whyText(all)); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestExplanationsAreTrue holds explanations for random indexes to what trying every set of packages finds.
func TestExplanationsAreTrue(t *testing.T) {
	cases := 250
	if testenv.All() {
		cases = 3000
	}
	kinds := map[string]int{}
	for seed := range cases {
		r := rand.New(rand.NewSource(int64(seed)))
		w, m := randomCase(r)
		for _, name := range slices.Sorted(maps.Keys(w.projects)) { // a part of the index first, so that the lock is behind
			p := w.projects[name]
			if len(p.Files) > 0 {
				n := 1 + r.Intn(len(p.Files))
				p.Files = p.Files[:n:n]
			}
		}
		rest, _ := randomCase(rand.New(rand.NewSource(int64(seed)))) // the same again
		l, err := lockWith(w, m, Options{})
		if err != nil {
			continue
		}
		w = rest
		if _, err := lockWith(w, m, Options{Previous: l}); err != nil {
			continue
		}
		for _, p := range l.Packages {
			all, err := ExplainVersion(context.Background(), m, l, p.Name, Sources{Packages: w})
			if err != nil {
				t.Fatalf("seed %d: %s: %v", seed, p.Name, err)
			}
			free := mustLock(t, w, m, Options{Previous: l, Packages: []string{p.Name}})
			for _, why := range all {
				if got := installedOn(free, p.Name, why.Platform); got == nil && why.Takes != "" || got != nil && got.Version != why.Takes {
					t.Errorf("seed %d: %s on %s takes %v, and the explanation says %q", seed, p.Name, why.Platform, got, why.Takes)
				}
				for _, n := range why.Newer {
					kinds[n.Kind]++
					holds := func(version string) bool {
						bounded := *m
						exact, err := pep508.Parse(p.Name + "===" + version)
						if err != nil {
							t.Fatal(err)
						}
						bounded.Constraints = append(slices.Clone(m.Constraints), manifest.Requirement{Requirement: exact})
						return !slices.ContainsFunc(m.Platforms, func(p string) bool { return !bruteForce(t, w, &bounded, p) })
					}
					bounded := func(version string) *lockfile.Package {
						l := mustLock(t, w, m, Options{Previous: l, Packages: []string{p.Name}, Require: requirements(p.Name + "==" + version)})
						return installedOn(l, p.Name, why.Platform)
					}
					switch n.Kind {
					case KindMoves:
						if got := bounded(n.Takes); got == nil || got.Version != n.Takes {
							t.Errorf("seed %d: %s==%s gives %v", seed, p.Name, n.Takes, got)
						}
					case KindWithout:
						for _, v := range n.Versions {
							if got := bounded(v); got != nil {
								t.Errorf("seed %d: %s==%s gives %v", seed, p.Name, v, got)
							}
						}
					case KindConflict:
						for _, v := range n.Versions {
							if holds(v) {
								t.Errorf("seed %d: %s %s can be had on %s, although %s", seed, p.Name, v, why.Platform, n.Reason)
							}
						}
						if n.Proof == "" {
							t.Errorf("seed %d: %s %s: no proof", seed, p.Name, n.Versions)
						}
						for _, b := range n.Bounds {
							for _, v := range n.Versions {
								if b.set.Contains(pep440.MustParse(v)) {
									t.Errorf("seed %d: %s admits %s", seed, b, v)
								}
							}
						}
					}
				}
			}
		}
	}
	for _, kind := range []string{KindMoves, KindConflict, KindPreference, KindPrerelease, "yanked", "python", "wheel", "source"} {
		if kinds[kind] == 0 {
			t.Errorf("no case has %s: %v", kind, kinds)
		}
	}
}
