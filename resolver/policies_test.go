package resolver

import (
	"strings"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// TestPolicies holds what single policies do, and what the lock and the warnings say of them.
func TestPolicies(t *testing.T) {
	for _, c := range []struct {
		name     string
		requires []string
		change   func(w *world, m *manifest.Manifest)
		want     string
		says     []string // choices
		warns    []string
	}{
		{"an override of a dependency", []string{"a"}, func(w *world, m *manifest.Manifest) {
			w.add("a", "3.0", rel{requires: []string{"b>=3"}})
			m.Overrides = requirements("b<2")
		}, "a 3.0, b 1.0", []string{"override b <2: [overrides], in place of >=3 of a 3.0"}, nil},
		{"an override of the project's own requirement", []string{"a==1.0"}, func(_ *world, m *manifest.Manifest) {
			m.Overrides = requirements("a==2.0")
		}, "a 2.0, b 2.0", []string{"override a ==2.0: [overrides], in place of ==1.0 of the project"}, nil},
		{"an override of a constraint", []string{"a"}, func(_ *world, m *manifest.Manifest) {
			m.Constraints, m.Overrides = requirements("b<2"), requirements("b")
		}, "a 2.0, b 2.0", []string{"override b any: [overrides], in place of <2 of the constraints"}, nil},
		{"an override keeps extras and markers", []string{"c[x]==7", "a==9; sys_platform == 'win32'"}, func(w *world, m *manifest.Manifest) {
			w.add("c", "1.0", rel{extras: map[string][]string{"x": {"b"}}})
			m.Overrides = requirements("c", "a<2")
		}, "b 2.0, c 1.0", []string{"override c any: [overrides], in place of ==7 of the project"}, []string{"the override of a has no effect: nothing needs it"}},
		{"an override that pins takes a yanked version", []string{"a"}, func(w *world, m *manifest.Manifest) {
			w.add("b", "3.0", rel{yanked: true})
			m.Overrides = requirements("b==3.0")
		}, "a 2.0, b 3.0", []string{"override b ==3.0: [overrides] says so; nothing says otherwise"},
			[]string{"b 3.0 was yanked by its authors; it is taken because the manifest pins it"}},
		{"a pin that is replaced takes none", []string{"b==3.0"}, func(w *world, m *manifest.Manifest) {
			w.add("b", "3.0", rel{yanked: true})
			m.Overrides = requirements("b>=2")
		}, "b 2.0", []string{"override b >=2: [overrides], in place of ==3.0 of the project"}, nil},
		{"an override in place of an address", []string{"c"}, func(w *world, m *manifest.Manifest) {
			w.add("c", "1.0", rel{requires: []string{"b @ https://files.example/b-9.0-py3-none-any.whl"}})
			m.Overrides = requirements("b")
		}, "b 2.0, c 1.0", []string{"override b any: [overrides], in place of https://files.example/b-9.0-py3-none-any.whl of c 1.0"}, nil},
		{"an excluded package", []string{"a"}, func(_ *world, m *manifest.Manifest) {
			m.Excluded = []manifest.Excluded{{Name: "b"}, {Name: "c"}}
		}, "a 2.0", []string{"exclude b : resolver.exclude; otherwise needed by a 2.0"}, []string{"excluding c has no effect: nothing needs it"}},
		{"requirements that are replaced are not read", []string{"a"}, func(w *world, m *manifest.Manifest) {
			w.broken["a-2.0-py3-none-any.whl"] = &index.MetadataError{}
			m.Metadata = []manifest.Replacement{{Name: "a", NewRequires: true, Requires: requirementsOf("b<2")}}
		}, "a 2.0, b 1.0", []string{"metadata a requires: [metadata], of 2.0: requires [b<2]"}, nil},
		{"an extra of replaced requirements", []string{"a[x]"}, func(_ *world, m *manifest.Manifest) {
			m.Metadata = []manifest.Replacement{{Name: "a", NewRequires: true, Requires: requirementsOf("b<2; extra == 'X'")}}
		}, "a 2.0, b 1.0", []string{"metadata a requires: [metadata], of 2.0: requires [b<2; extra == \"x\"]"}, nil},
		{"Requires-Python that is replaced", []string{"c"}, func(w *world, m *manifest.Manifest) {
			w.add("c", "1.0", rel{python: ">=3.12", requires: []string{"b"}})
			m.Metadata = []manifest.Replacement{{Name: "c", NewPython: true, Python: ">=3.11"}}
		}, "b 2.0, c 1.0", []string{"metadata c python: [metadata], of 1.0: python >=3.11"}, nil},
		{"Requires-Python that is made narrower", []string{"a"}, func(_ *world, m *manifest.Manifest) {
			m.Metadata = []manifest.Replacement{{Name: "a", Versions: pep440.MustParseSpecifiers("==2.0"), NewPython: true, Python: ">=3.12"}}
		}, "a 1.0, b 2.0", nil, []string{"the metadata of a has no effect: it is about ==2.0, and another version was chosen"}},
		{"pre-releases of one package", []string{"a"}, func(w *world, m *manifest.Manifest) {
			w.add("a", "3.0rc1", rel{})
			w.add("b", "3.0rc1", rel{})
			m.Policies.Packages = []manifest.PackagePolicy{{Name: "b", Prereleases: manifest.Allow}, {Name: "c", Prereleases: manifest.Allow}}
		}, "a 2.0, b 3.0rc1", nil, []string{"the policy for c has no effect: nothing needs it"}},
		{"no as-of for one package", []string{"a"}, func(w *world, m *manifest.Manifest) {
			later := published.AddDate(0, 1, 0)
			w.add("a", "3.0", rel{uploaded: later, requires: []string{"b"}})
			w.add("b", "3.0", rel{uploaded: later})
			m.AsOf = moments["2024-03-24"]
			m.Policies.Packages = []manifest.PackagePolicy{{Name: "a", OwnAsOf: true}, {Name: "b", OwnAsOf: true, AsOf: moments["2024-05-01"]}}
		}, "a 3.0, b 3.0", []string{"as-of a none: resolver.packages", "as-of b 2024-05-01T23:59:59Z: resolver.packages"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, m := few(), project(c.requires...)
			c.change(w, m)
			var warnings []string
			l := mustLock(t, w, m, Options{Warn: func(text string) { warnings = append(warnings, text) }})
			if got := chosen(l, amd64); got != c.want {
				t.Errorf("chosen %s, want %s", got, c.want)
			}
			var says []string
			for _, x := range l.Choices {
				if x.Kind != "python" {
					says = append(says, x.Kind+" "+x.Name+" "+x.Value+": "+x.Reason)
				}
			}
			if got, want := strings.Join(says, "\n"), strings.Join(c.says, "\n"); got != want {
				t.Errorf("the lock says\n%s\nwant\n%s", got, want)
			}
			if got, want := strings.Join(warnings, "\n"), strings.Join(c.warns, "\n"); got != want {
				t.Errorf("warned\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func requirementsOf(list ...string) (out []pep508.Requirement) {
	for _, r := range requirements(list...) {
		out = append(out, r.Requirement)
	}
	return out
}

// TestPackageAsOfStays holds that locking again later does not move what a duration of one package meant.
func TestPackageAsOfStays(t *testing.T) {
	w, m := few(), project("a")
	m.Policies.Packages = []manifest.PackagePolicy{{Name: "a", OwnAsOf: true, AsOf: moments["7 days"]}}
	l := mustLock(t, w, m, Options{})
	value := func(l *lockfile.Lock) string {
		for _, c := range l.Choices {
			if c.Kind == lockfile.AsOfChoice {
				return c.Value
			}
		}
		return ""
	}
	first := value(l)
	if want := published.AddDate(1, 0, -7).Format(time.RFC3339); first != want {
		t.Fatalf("as-of %q, want %q", first, want)
	}
	for _, at := range []string{"2025-01-02T03:04:05Z", first} {
		l.Choices = []lockfile.Choice{{Kind: lockfile.AsOfChoice, Name: "a", Value: at}}
		if got := value(mustLock(t, w, m, Options{Previous: l})); got != at {
			t.Errorf("locked again: as-of %q, was %q", got, at)
		}
	}
	if got := value(mustLock(t, w, m, Options{Previous: l, Upgrade: true})); got != first {
		t.Errorf("upgraded: as-of %q, want %q", got, first)
	}
}
