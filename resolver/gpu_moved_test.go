package resolver

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

// TestMovedTells holds that only what cannot be fetched keeps the lock from saying what [gpu] decided, and that this is told; any other error
// is one of the lock.
func TestMovedTells(t *testing.T) {
	bad := errors.New("the metadata makes no sense")
	for name, c := range map[string]struct {
		broken error
		fails  bool
		told   string
	}{
		"nothing wrong":     {},
		"cannot be fetched": {broken: diag.New(diag.Fetch, "the index is down"), told: "which versions [gpu] decided could not be found out, and the lock says of them what it said before: "},
		"another error":     {broken: bad, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := frameworks()
			w.add("label", "3.0+cu130", rel{requires: []string{"later"}})
			w.add("later", "1.0", rel{}) // read without [gpu] only
			if c.broken != nil {
				w.broken = map[string]error{"later-1.0-py3-none-any.whl": c.broken}
			}
			m := project("label")
			wanting(t, m, "", "535")
			var told []string
			l, err := lockWith(w, m, Options{Tell: func(text string) { told = append(told, text) }})
			if c.fails != (err != nil) || c.fails && !errors.Is(err, bad) {
				t.Fatal(err)
			}
			if err != nil {
				return
			}
			if got := chosen(l, amd64); got != "label 2.0+cu128" {
				t.Errorf("chosen: %s", got)
			}
			if all := strings.Join(told, "\n"); !strings.Contains(all, c.told) || c.told != "" && !strings.Contains(all, "the index is down") || c.told == "" && strings.Contains(all, "which versions") {
				t.Errorf("told: %s", all)
			}
			if said := slices.ContainsFunc(l.Choices, func(c lockfile.Choice) bool { return c.Kind == lockfile.CUDAChoice }); said != (c.broken == nil) {
				t.Errorf("choices: %v", l.Choices)
			}
		})
	}
}
