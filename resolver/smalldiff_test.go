package resolver

import (
	"strings"
	"testing"

	"github.com/envpack/envpack/lockfile"
)

// TestSmallDiff publishes a new version of each package of a lock in turn, and moves to it: only lines of that package
// change, none of others and none of their order; back again, the lock is what it was.
func TestSmallDiff(t *testing.T) {
	both := []string{"cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-manylinux_2_17_aarch64"}
	torch := rel{
		tags: both, requires: []string{"numpy>=1,<9", "sympy", "cuda; platform_machine == 'x86_64'"},
		extras: map[string][]string{"all": {"mpmath"}},
	}
	publish := func() *world {
		w := newWorld()
		w.add("torch", "2.1", torch)
		w.add("cuda", "12.0", rel{tags: both[:1]})
		w.add("numpy", "1.0", rel{tags: both})
		w.add("sympy", "1.2", rel{requires: []string{"mpmath>=1.1", "numpy"}})
		w.add("mpmath", "1.3", rel{})
		w.add("web", "1.0", rel{requires: []string{"torch[all]"}, extras: map[string][]string{"x": {"mpmath<9"}}})
		return w
	}
	// next is the newer version of each, which asks for the same.
	next := map[string]func(w *world){
		"torch":  func(w *world) { w.add("torch", "2.2", torch) },
		"cuda":   func(w *world) { w.add("cuda", "13.0", rel{tags: both[:1]}) },
		"numpy":  func(w *world) { w.add("numpy", "1.1", rel{tags: both}) },
		"sympy":  func(w *world) { w.add("sympy", "1.10", rel{requires: []string{"mpmath>=1.1", "numpy"}}) },
		"mpmath": func(w *world) { w.add("mpmath", "1.4", rel{}) },
		"web": func(w *world) {
			w.add("web", "1.1", rel{requires: []string{"torch[all]"}, extras: map[string][]string{"x": {"mpmath<9"}}})
		},
	}
	m := project("web[x]>=1", "numpy")
	m.Platforms = []string{amd64, arm64}
	first := mustLock(t, publish(), m, Options{})
	before := strings.Split(string(lockfile.Encode(first)), "\n[[package]]\n")
	if len(first.Packages) != len(next) {
		t.Fatalf("%d packages", len(first.Packages))
	}
	for name, add := range next {
		w := publish()
		add(w)
		if kept := mustLock(t, w, m, Options{Previous: first}); string(lockfile.Encode(kept)) != strings.Join(before, "\n[[package]]\n") {
			t.Errorf("%s: what is published moves a lock", name)
		}
		moved := mustLock(t, w, m, Options{Previous: first, Packages: []string{name}})
		after := strings.Split(string(lockfile.Encode(moved)), "\n[[package]]\n")
		if len(after) != len(before) {
			t.Fatalf("%s: %d packages, were %d", name, len(after), len(before))
		}
		changed := ""
		for i := range after {
			if after[i] == before[i] {
				continue
			}
			changed += firstLine(after[i])
			was, is := strings.Split(before[i], "\n"), strings.Split(after[i], "\n")
			if len(was) != len(is) {
				t.Fatalf("%s: -%s\n+%s", name, before[i], after[i])
			}
			for j := range is { // the version, and of each file name and hash
				key, _, _ := strings.Cut(is[j], " = ")
				if is[j] != was[j] && key != "version" && key != "name" && key != "sha256" {
					t.Errorf("%s: -%s +%s", name, was[j], is[j])
				}
			}
		}
		if want := `name = "` + name + `"`; changed != want {
			t.Errorf("%s: there are changes of %s", name, changed)
		}
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// TestKeepTimes: an index that does not say when files were uploaded gives the same lock as the one that did, for the same files.
func TestKeepTimes(t *testing.T) {
	m := project("a", "b")
	publish := func(r rel) *world {
		w := newWorld()
		w.add("a", "1.0", r)
		w.add("b", "1.0", rel{})
		return w
	}
	first := mustLock(t, publish(rel{}), m, Options{})
	again := mustLock(t, publish(rel{noTime: true}), m, Options{Previous: first})
	if a, b := string(lockfile.Encode(first)), string(lockfile.Encode(again)); a != b || !strings.Contains(a, "uploaded") {
		t.Errorf("%s\nbecame\n%s", a, b)
	}
	for i := range first.Packages[0].Files {
		first.Packages[0].Files[i].SHA256 = strings.Repeat("0", 64)
	}
	if other := mustLock(t, publish(rel{noTime: true}), m, Options{Previous: first}); !other.Packages[0].Files[0].Uploaded.IsZero() {
		t.Error("another file has the time of the one before")
	}
}
