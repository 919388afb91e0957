package resolver

import (
	"fmt"
	"maps"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

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

// moments are what a manifest can say of as-of, which only the reader of manifests makes.
var moments = func() map[string]manifest.AsOf {
	out := map[string]manifest.AsOf{"none": {}}
	for _, text := range []string{"2024-05-01", "2024-03-24", "7 days"} {
		dir, err := os.MkdirTemp("", "")
		if err != nil {
			panic(err)
		}
		file := filepath.Join(dir, manifest.FileName)
		if err := os.WriteFile(file, []byte("[project]\nname = 'x'\npython = '3.11'\nas-of = '"+text+"'\n"), 0o600); err != nil {
			panic(err)
		}
		m, err := manifest.Load(file, manifest.Selection{})
		if err != nil {
			panic(err)
		}
		out[text] = m.AsOf
		os.RemoveAll(dir)
	}
	return out
}()

// randomPolicies adds to a random case upload times, and what the manifest says of them and of single packages.
func randomPolicies(r *rand.Rand, w *world, m *manifest.Manifest) {
	names := slices.Sorted(maps.Keys(w.projects))
	for _, name := range names {
		w.projects[name].Undated = []index.Undated{index.UndatedSkip, index.UndatedUse}[r.Intn(2)]
		for i := range w.projects[name].Files {
			f := &w.projects[name].Files[i]
			f.Uploaded = []time.Time{published, published.AddDate(0, 0, 100), {}}[r.Intn(11)/5]
		}
	}
	if r.Intn(6) == 0 {
		m.AsOf = moments["2024-05-01"]
	}
	for range r.Intn(4) {
		name := append(names, "missing")[r.Intn(len(names)+1)]
		randomPolicy(r, m, name, func() string {
			text := append(names, "missing")[r.Intn(len(names)+1)]
			if r.Intn(4) == 0 {
				text += "[x]"
			}
			if r.Intn(2) == 0 {
				text += []string{"==1.0", ">=1.1", "<2", "!=2.0"}[r.Intn(4)]
			}
			return text + []string{"", "", "; extra == 'x'"}[r.Intn(3)]
		})
	}
}

// randomPolicy adds what the manifest says of one package.
func randomPolicy(r *rand.Rand, m *manifest.Manifest, name string, requirement func() string) {
	required := func(q manifest.Requirement) bool { return q.Name == name }
	switch r.Intn(4) {
	case 0:
		text := name + []string{"", "==1.0", "<2", ">=1.1", "==3.0rc1", "!=2.0"}[r.Intn(6)]
		if !slices.ContainsFunc(m.Overrides, required) {
			m.Overrides = append(m.Overrides, requirements(text)...)
		}
	case 1:
		twice := slices.ContainsFunc(m.Excluded, func(x manifest.Excluded) bool { return x.Name == name })
		if !twice && !slices.ContainsFunc(m.Requirements, required) {
			m.Excluded = append(m.Excluded, manifest.Excluded{Name: name})
		}
	case 2:
		one := manifest.PackagePolicy{Name: name, OwnAsOf: r.Intn(2) == 0}
		one.Prereleases = []manifest.Prereleases{"", manifest.IfNecessary, manifest.Allow, manifest.Disallow, manifest.Explicit}[r.Intn(5)]
		one.AsOf = moments[[]string{"none", "none", "2024-05-01", "2024-03-24"}[r.Intn(4)]]
		if !slices.ContainsFunc(m.Policies.Packages, func(p manifest.PackagePolicy) bool { return p.Name == name }) {
			m.Policies.Packages = append(m.Policies.Packages, one)
		}
	case 3:
		one := manifest.Replacement{Name: name, NewPython: r.Intn(2) == 0, NewRequires: r.Intn(2) == 0}
		one.Versions = pep440.MustParseSpecifiers([]string{"", "==1.0", ">=1.1"}[r.Intn(3)])
		for range r.Intn(3) {
			text := requirement()
			if one.NewRequires {
				one.Requires = append(one.Requires, requirements(text)[0].Requirement)
			}
		}
		m.Metadata = append(m.Metadata, one)
	}
}

// expanded is an index and a manifest without overrides, excluded packages and replaced metadata that have the same
// answers: overrides are constraints, and what they replace has no bounds.
func expanded(w *world, m *manifest.Manifest) (*world, *manifest.Manifest) {
	overridden := func(name string) bool {
		return slices.ContainsFunc(m.Overrides, func(o manifest.Requirement) bool { return o.Name == name })
	}
	excluded := func(name string) bool {
		return slices.ContainsFunc(m.Excluded, func(x manifest.Excluded) bool { return x.Name == name })
	}
	n, v := *m, newWorld()
	n.Requirements, n.Constraints = nil, slices.Clone(m.Overrides)
	for _, r := range m.Requirements {
		if overridden(r.Name) {
			r.Specifiers = pep440.Specifiers{}
		}
		n.Requirements = append(n.Requirements, r)
	}
	for _, r := range m.Constraints {
		if !overridden(r.Name) {
			n.Constraints = append(n.Constraints, r)
		}
	}
	for name, p := range w.projects {
		q := *p
		q.Files = nil
		for _, f := range p.Files {
			meta := *w.metadata[f.Filename]
			for _, r := range m.Metadata {
				if r.Name != name || r.Versions.Len() > 0 && !r.Versions.Contains(pep440.MustParse(meta.Version)) {
					continue
				}
				if r.NewRequires {
					meta.Requires = r.Requires
				}
				if r.NewPython {
					f.RequiresPython = r.Python
				}
				break
			}
			var requires []pep508.Requirement
			for _, r := range meta.Requires {
				if overridden(r.Name) {
					r.Specifiers = pep440.Specifiers{}
				}
				if !excluded(r.Name) {
					requires = append(requires, r)
				}
			}
			meta.Requires = requires
			v.metadata[f.Filename] = &meta
			q.Files = append(q.Files, f)
		}
		v.projects[name] = &q
	}
	return v, &n
}

// bruteForce tells whether there is an answer for a platform, by trying every one.
func bruteForce(t *testing.T, w *world, m *manifest.Manifest, platform string) bool {
	target, err := newTarget(lockfile.Target{Platform: platform, Python: "3.11.2", Glibc: "2.36"})
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
		policy, asOf := m.Prereleases, m.AsOf
		for _, one := range m.Policies.Packages {
			if one.Name == name && one.Prereleases != "" {
				policy = one.Prereleases
			}
			if one.Name == name && one.OwnAsOf {
				asOf = one.AsOf
			}
		}
		if v.IsPrerelease() && (policy == manifest.Disallow || policy == manifest.Explicit && !named[name]) {
			return false
		}
		if !asOf.IsZero() && (f.Uploaded.IsZero() && w.projects[name].Undated == index.UndatedSkip || f.Uploaded.After(asOf.Instant(published))) {
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
// nor, with a lock, on versions that are not part of it, nor, without one, on those that are older than its own or of
// packages that it does not have.
func TestRandom(t *testing.T) {
	n, answers, gone := 300, 0, 0
	if testing.Short() {
		n = 50
	}
	for seed := range n {
		r := rand.New(rand.NewSource(int64(seed)))
		w, m := randomCase(r)
		randomPolicies(r, w, m)
		l, err := lockWith(w, m, Options{})
		want := true
		plainWorld, plain := expanded(w, m)
		for _, platform := range m.Platforms {
			want = want && bruteForce(t, plainWorld, plain, platform)
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
			if err := holds(l, plainWorld, plain, platform, "3.11.2"); err != nil {
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
		bare, n := withoutOlder(w, l)
		gone += n
		fresh, err := lockWith(bare, m, Options{})
		if err != nil {
			t.Fatalf("seed %d: anew, without what is older: %v", seed, err)
		}
		if diff := cmp.Diff(string(lockfile.Encode(l)), string(lockfile.Encode(fresh))); diff != "" {
			t.Fatalf("seed %d: anew, without what is older: -before +after:\n%s", seed, diff)
		}
	}
	t.Logf("%d of %d had an answer; %d files were older", answers, n, gone)
	if answers < n/5 || answers > n*9/10 || gone < answers {
		t.Errorf("%d of %d had an answer, %d files were older: the cases are too easy or too hard", answers, n, gone)
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

// withoutOlder is the index without the versions that are older than all that the lock has of their package, and without
// those of packages that it does not have; and how many files these are.
func withoutOlder(w *world, l *lockfile.Lock) (*world, int) {
	oldest, used := map[string]pep440.Version{}, map[string]bool{}
	for _, p := range l.Packages {
		v := pep440.MustParse(p.Version)
		if o, ok := oldest[p.Name]; !ok || v.Compare(o) < 0 {
			oldest[p.Name] = v
		}
		used[p.Name+" "+p.Version] = true
	}
	out, gone := newWorld(), 0
	out.metadata = w.metadata
	for name, p := range w.projects {
		q := *p
		q.Files = nil
		for _, f := range p.Files {
			v := pep440.MustParse(w.metadata[f.Filename].Version)
			if least, ok := oldest[name]; ok && (v.Compare(least) > 0 || used[name+" "+v.String()]) {
				q.Files = append(q.Files, f)
			} else {
				gone++
			}
		}
		out.projects[name] = &q
	}
	return out, gone
}
