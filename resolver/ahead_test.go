package resolver

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/manifest"
)

func TestNewestOf(t *testing.T) {
	for _, c := range []struct {
		name     string
		requires []string
		policy   manifest.Prereleases
		change   func(w *world)
		want     []Ahead
	}{
		{"nothing", []string{"x"}, "", func(w *world) { w.add("x", "2.0", rel{}) }, nil},
		{"yanked, and a pre-release", []string{"x"}, manifest.IfNecessary, func(w *world) {
			w.add("x", "2.0", rel{yanked: true})
			w.add("x", "2.1rc1", rel{})
		}, nil},
		{"a pre-release that counts like any", []string{"x<2"}, manifest.Allow, func(w *world) { w.add("x", "2.1rc1", rel{}) },
			[]Ahead{{amd64, "x", "2.1rc1", " asks for x<2"}}},
		{"it cannot be used", []string{"x"}, manifest.IfNecessary, func(w *world) { w.add("x", "2.0", rel{python: ">=3.13"}) },
			[]Ahead{{amd64, "x", "2.0", "needs Python >=3.13"}}},
		{"a bound", []string{"x", "y"}, manifest.IfNecessary, func(w *world) {
			w.add("x", "2.0", rel{})
			w.add("y", "1.0", rel{requires: []string{"x<2"}})
		}, []Ahead{{amd64, "x", "2.0", "y 1.0 needs x<2"}}},
		{"a bound of an extra", []string{"x", "y[e]"}, manifest.IfNecessary, func(w *world) {
			w.add("x", "2.0", rel{})
			w.add("y", "1.0", rel{extras: map[string][]string{"e": {"x<2"}, "other": {"x<1"}}})
		}, []Ahead{{amd64, "x", "2.0", "y 1.0 needs x<2"}}},
		{"its own requirements", []string{"x", "y<2"}, manifest.IfNecessary, func(w *world) {
			w.add("x", "2.0", rel{requires: []string{"y>=2"}})
			w.add("y", "1.0", rel{})
		}, []Ahead{{amd64, "x", "2.0", "it does not go with the rest: `envpack why x` tells"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld()
			w.add("x", "1.0", rel{})
			c.change(w)
			m := project(c.requires...)
			if c.policy != "" {
				m.Prereleases = c.policy
			}
			got, err := NewestOf(context.Background(), m, mustLock(t, w, m, Options{}), w)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}
