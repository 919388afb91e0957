package resolver

import (
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// randomCase makes a small index and a manifest for it, with all that can be in the way of a version.
func randomCase(r *rand.Rand) (*world, *manifest.Manifest) {
	w := newWorld()
	names := []string{"a", "b", "c", "d", "e"}[:2+r.Intn(4)]
	versions := []string{"1.0", "1.1", "2.0", "2.0.post1", "3.0rc1", "1.0+cpu"}
	requirement := func() string {
		text := names[r.Intn(len(names))]
		if r.Intn(20) == 0 {
			text = "missing"
		}
		if r.Intn(4) == 0 {
			text += "[x]"
		}
		if r.Intn(3) > 0 {
			text += []string{"==", ">=", "<", "<=", "!=", ">"}[r.Intn(6)] + versions[r.Intn(5)]
		}
		if r.Intn(6) == 0 {
			text += "; " + []string{"sys_platform == 'win32'", "python_version >= '3.8'", "platform_machine == 'aarch64'"}[r.Intn(3)]
		}
		return text
	}
	several := func(n int) []string {
		var out []string
		for range r.Intn(n) {
			out = append(out, requirement())
		}
		return out
	}
	for _, name := range names {
		for _, v := range versions {
			if r.Intn(2) == 0 {
				continue
			}
			one := rel{requires: several(3), yanked: r.Intn(10) == 0, noWheel: r.Intn(12) == 0, sdist: r.Intn(2) == 0}
			if r.Intn(2) == 0 {
				one.extras = map[string][]string{"x": several(3)}
				if r.Intn(4) == 0 {
					one.extras["y"], one.extras["x"] = several(2), append(one.extras["x"], name+"[y]")
				}
			}
			if r.Intn(10) == 0 {
				one.python = ">=3.12"
			}
			if r.Intn(8) == 0 {
				one.tags = []string{"cp311-cp311-manylinux_2_17_aarch64"}
			}
			w.add(name, v, one)
		}
	}
	m := project(append(several(3), requirement())...)
	if r.Intn(3) == 0 {
		m.Constraints = requirements(names[r.Intn(len(names))] + []string{"<", ">="}[r.Intn(2)] + versions[r.Intn(4)])
	}
	m.Prereleases = []manifest.Prereleases{manifest.IfNecessary, manifest.Allow, manifest.Disallow, manifest.Explicit}[r.Intn(4)]
	if r.Intn(3) == 0 {
		m.Platforms = []string{amd64, arm64}
	}
	return w, m
}

// bruteForce tells whether there is an answer for a platform, by trying every one.
func bruteForce(t *testing.T, w *world, m *manifest.Manifest, platform string) bool {
	target, err := newTarget(platform, "3.11.2", "2.36")
	if err != nil {
		t.Fatal(err)
	}
	applies := func(marker *pep508.Marker, extra string) bool {
		ok, err := target.applies(marker, extra)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	named, pinned := map[string]bool{}, map[string][]pep440.Specifiers{}
	for _, r := range append(append([]manifest.Requirement(nil), m.Requirements...), m.Constraints...) {
		if applies(r.Marker, "") {
			named[r.Name] = named[r.Name] || r.Specifiers.MentionsPrerelease()
			if r.Specifiers.IsExact() {
				pinned[r.Name] = append(pinned[r.Name], r.Specifiers)
			}
		}
	}
	suits := func(name string, f index.File, meta *index.Metadata) bool {
		v := pep440.MustParse(meta.Version)
		if f.Yanked {
			ok := false
			for _, p := range pinned[name] {
				ok = ok || p.Contains(v)
			}
			if !ok {
				return false
			}
		}
		if v.IsPrerelease() && (m.Prereleases == manifest.Disallow || m.Prereleases == manifest.Explicit && !named[name]) {
			return false
		}
		wheel := f.Filename[len(f.Filename)-4:] == ".whl"
		return wheel && f.RequiresPython != ">=3.12" && (platform == arm64 || f.Filename[len(f.Filename)-11:] != "aarch64.whl")
	}
	// need meets the requirements in the list, whatever was chosen before.
	type want struct {
		r     pep508.Requirement
		extra string
	}
	chosen := map[string]*index.Metadata{}
	var need func(todo []want, seen map[string]bool) bool
	need = func(todo []want, seen map[string]bool) bool {
		if len(todo) == 0 {
			return true
		}
		first, rest := todo[0], todo[1:]
		name := first.r.Name
		for _, c := range m.Constraints {
			if c.Name == name && applies(c.Marker, "") {
				first.r.Specifiers = first.r.Specifiers.And(c.Specifiers)
			}
		}
		try := func(meta *index.Metadata) bool {
			if !first.r.Specifiers.Contains(pep440.MustParse(meta.Version)) {
				return false
			}
			more, after := append([]want(nil), rest...), seen
			if key := name + "[" + first.extra + "]"; !seen[key] {
				after = map[string]bool{key: true}
				for k := range seen {
					after[k] = true
				}
				for _, q := range meta.Requires {
					if applies(q.Marker, first.extra) && (first.extra == "" || q.Marker.MentionsExtra()) {
						for _, x := range append([]string{""}, q.Extras...) {
							more = append(more, want{q, x})
						}
					}
				}
			}
			return need(more, after)
		}
		if meta := chosen[name]; meta != nil {
			return try(meta)
		}
		p := w.projects[name]
		if p == nil {
			return false
		}
		for _, f := range p.Files {
			meta := w.metadata[f.Filename]
			if !suits(name, f, meta) {
				continue
			}
			chosen[name] = meta
			ok := try(meta)
			delete(chosen, name)
			if ok {
				return true
			}
		}
		return false
	}
	var todo []want
	for _, r := range m.Requirements {
		if applies(r.Marker, "") {
			for _, x := range append([]string{""}, r.Extras...) {
				todo = append(todo, want{r.Requirement, x})
			}
		}
	}
	return need(todo, map[string]bool{})
}

// TestRandom compares Resolve with trying everything, on small indexes: an answer is right, there is
// one if and only if there is one, it does not depend on the order and the time of what the index says,
// nor on versions that are not part of it.
func TestRandom(t *testing.T) {
	n, answers := 300, 0
	if testing.Short() {
		n = 50
	}
	for seed := range n {
		r := rand.New(rand.NewSource(int64(seed)))
		w, m := randomCase(r)
		l, err := lockWith(w, m, Options{})
		want := true
		for _, platform := range m.Platforms {
			want = want && bruteForce(t, w, m, platform)
		}
		if err != nil && diag.CodeOf(err) != diag.NoAnswer || want != (err == nil) {
			t.Fatalf("seed %d: there is an answer: %v; %v", seed, want, err)
		}
		again, err2 := lockWith(w.shuffled(r), m, Options{})
		if fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Fatalf("seed %d: in another order: %v, and before: %v", seed, err2, err)
		}
		if err != nil {
			continue
		}
		answers++
		for _, platform := range m.Platforms {
			if err := holds(l, w, m, platform, "3.11.2"); err != nil {
				t.Fatalf("seed %d: %s: %v", seed, platform, err)
			}
		}
		if diff := cmp.Diff(string(lockfile.Encode(l)), string(lockfile.Encode(again))); diff != "" {
			t.Fatalf("seed %d: in another order: -first +second:\n%s", seed, diff)
		}
		kept, err := lockWith(without(w, l, r), m, Options{Previous: l})
		if err != nil {
			t.Fatalf("seed %d: with fewer versions: %v", seed, err)
		}
		if diff := cmp.Diff(string(lockfile.Encode(l)), string(lockfile.Encode(kept))); diff != "" {
			t.Fatalf("seed %d: with fewer versions: -before +after:\n%s", seed, diff)
		}
	}
	t.Logf("%d of %d had an answer", answers, n)
	if answers < n/5 || answers > n*9/10 {
		t.Errorf("%d of %d had an answer: the cases are too easy or too hard", answers, n)
	}
}

// without is the index without one version that the lock does not have.
func without(w *world, l *lockfile.Lock, r *rand.Rand) *world {
	used := map[string]bool{}
	for _, p := range l.Packages {
		for _, f := range p.Files {
			used[f.Name] = true
		}
	}
	out := w.shuffled(r)
	for _, name := range slices.Sorted(maps.Keys(out.projects)) {
		p := out.projects[name]
		for i, f := range p.Files {
			if !used[f.Filename] {
				p.Files = append(p.Files[:i], p.Files[i+1:]...)
				return out
			}
		}
	}
	return out
}
