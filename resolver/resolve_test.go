package resolver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/index"
)

const amd64, arm64 = "linux/amd64", "linux/arm64"

// few is an index with two versions of a and b.
func few() *world {
	w := newWorld()
	w.add("a", "1.0", rel{requires: []string{"b"}})
	w.add("a", "2.0", rel{requires: []string{"b"}})
	w.add("b", "1.0", rel{})
	w.add("b", "2.0", rel{})
	return w
}

func TestChoice(t *testing.T) {
	for _, c := range []struct {
		name     string
		requires []string
		change   func(w *world, m *manifest.Manifest, o *Options)
		want     string
	}{
		{"the newest", []string{"a"}, nil, "a 2.0, b 2.0"},
		{"a constraint", []string{"a"}, func(_ *world, m *manifest.Manifest, _ *Options) { m.Constraints = requirements("b<2", "unused<1") }, "a 2.0, b 1.0"},
		{"a constraint for elsewhere", []string{"a"}, func(_ *world, m *manifest.Manifest, _ *Options) {
			m.Constraints = requirements("b<2; sys_platform == 'win32'")
		}, "a 2.0, b 2.0"},
		{"a requirement for elsewhere", []string{"b", "a; sys_platform == 'win32'"}, nil, "b 2.0"},
		{"a loop", []string{"a"}, func(w *world, _ *manifest.Manifest, _ *Options) { w.add("b", "3.0", rel{requires: []string{"a"}}) }, "a 2.0, b 3.0"},
		{"a loop with bounds", []string{"a"}, func(w *world, _ *manifest.Manifest, _ *Options) {
			w.add("b", "3.0", rel{requires: []string{"a<2"}})
		}, "a 2.0, b 2.0"},
		{"a version of itself", []string{"c"}, func(w *world, _ *manifest.Manifest, _ *Options) {
			w.add("c", "1.0", rel{requires: []string{"c"}})
			w.add("c", "2.0", rel{requires: []string{"c==1.0"}})
		}, "c 1.0"},
		{"an extra", []string{"c[x]"}, func(w *world, _ *manifest.Manifest, _ *Options) {
			w.add("c", "1.0", rel{extras: map[string][]string{"x": {"a"}, "y": {"nothing"}}})
		}, "a 2.0, b 2.0, c 1.0"},
		{"an extra of extras", []string{"c[all]"}, func(w *world, _ *manifest.Manifest, _ *Options) {
			w.add("c", "1.0", rel{extras: map[string][]string{"x": {"a"}, "y": {"b<2"}, "all": {"c[x]", "c[y]"}}})
		}, "a 2.0, b 1.0, c 1.0"},
		{"an extra of extras, with bounds", []string{"c[all]"}, func(w *world, _ *manifest.Manifest, _ *Options) {
			w.add("c", "1.0", rel{extras: map[string][]string{"x": {"a"}, "all": {"c[x]>=1"}}})
			w.add("c", "2.0", rel{extras: map[string][]string{"x": {"a"}, "all": {"c[x]<2"}}})
		}, "a 2.0, b 2.0, c 1.0"},
		{"extras that need each other", []string{"c[x]"}, func(w *world, _ *manifest.Manifest, _ *Options) {
			w.add("c", "1.0", rel{extras: map[string][]string{"x": {"c[y]"}, "y": {"c[x]", "b"}}})
		}, "b 2.0, c 1.0"},
		{"extras that need each other over another package", []string{"c[x]"}, func(w *world, _ *manifest.Manifest, _ *Options) {
			w.add("c", "1.0", rel{extras: map[string][]string{"x": {"d[y]", "b"}}})
			w.add("d", "1.0", rel{extras: map[string][]string{"y": {"c[x]"}}})
		}, "b 2.0, c 1.0, d 1.0"},
		{"extras that need each other, with bounds", []string{"c[x]"}, func(w *world, _ *manifest.Manifest, _ *Options) {
			w.add("c", "1.0", rel{extras: map[string][]string{"x": {"d[y]", "b"}}})
			w.add("c", "2.0", rel{extras: map[string][]string{"x": {"d[y]"}}})
			w.add("d", "1.0", rel{extras: map[string][]string{"y": {"c[x]<2"}}})
		}, "b 2.0, c 1.0, d 1.0"},
		{"an extra of all that is one of them", []string{"c[all]"}, func(w *world, _ *manifest.Manifest, _ *Options) {
			w.add("c", "1.0", rel{extras: map[string][]string{"all": {"c[x]"}, "x": {"c[all]", "c[x]", "b<2"}}})
		}, "b 1.0, c 1.0"},
		{"an extra elsewhere in the tree", []string{"c", "d"}, func(w *world, _ *manifest.Manifest, _ *Options) {
			w.add("c", "1.0", rel{extras: map[string][]string{"x": {"b"}}})
			w.add("c", "2.0", rel{extras: map[string][]string{"x": {"a", "b>9"}}})
			w.add("d", "1.0", rel{requires: []string{"c[x]"}})
		}, "b 2.0, c 1.0, d 1.0"},
		{"upper bounds of Requires-Python, and what is none", []string{"c", "d"}, func(w *world, _ *manifest.Manifest, _ *Options) {
			for i, python := range []string{"", ">=3.8,<3.11", ">=3.8,!=3.11.2", "~=3.12", ">3.11.2"} {
				w.add("c", fmt.Sprintf("%d.0", i+1), rel{python: python})
			}
			for i, python := range []string{"", ">=3.8,<=3.10", "<4,!=3.11.*", "==3.11.4", "!=3.11.2,<3.11"} {
				w.add("d", fmt.Sprintf("%d.0", i+1), rel{python: python})
			}
		}, "c 2.0, d 2.0"},
		{"exact exclusions and prefixes of Requires-Python", []string{"c"}, func(w *world, _ *manifest.Manifest, _ *Options) {
			w.add("c", "1.0", rel{})
			w.add("c", "2.0", rel{python: "!=3.0.*,!=3.11.1,==3.11.*,<3.11"})
			w.add("c", "3.0", rel{python: "===3.11"})
		}, "c 2.0"},
		{"markers with the full version of Python", []string{"c"}, func(w *world, _ *manifest.Manifest, _ *Options) {
			w.add("c", "1.0", rel{requires: []string{"a<2; python_full_version <= '3.11.2'", "b<2; python_full_version > '3.11.2'", "b; python_full_version == '3.11.*'"}})
		}, "a 1.0, b 2.0, c 1.0"},
		{"a marker of a constraint", []string{"a", "b"}, func(w *world, m *manifest.Manifest, _ *Options) {
			for i, text := range []string{"a<2; python_full_version < '3.11.2'", "b<2; python_full_version >= '3.11.2'"} {
				m.Constraints = append(m.Constraints, project(text).Requirements...)
				m.Constraints[i].Pos.Line = 9
			}
			w.add("a", "2.0", rel{})
		}, "a 2.0, b 1.0"},
		{"Requires-Python in the metadata alone", []string{"c"}, func(w *world, _ *manifest.Manifest, _ *Options) {
			w.add("c", "1.0", rel{})
			w.add("c", "2.0", rel{python: ">=3.12"})
			for i := range w.projects["c"].Files {
				w.projects["c"].Files[i].RequiresPython = ""
			}
		}, "c 1.0"},
		{"metadata that is wrong", []string{"a"}, func(w *world, _ *manifest.Manifest, _ *Options) {
			w.broken["a-2.0-py3-none-any.whl"] = &index.MetadataError{File: "a-2.0-py3-none-any.whl", Err: errors.New("no name")}
		}, "a 1.0, b 2.0"},
		{"a dependency on an address", []string{"a"}, func(w *world, _ *manifest.Manifest, _ *Options) {
			w.add("a", "3.0", rel{requires: []string{"b @ https://files.example/b.whl"}})
		}, "a 2.0, b 2.0"},
		{"a marker without meaning", []string{"a"}, func(w *world, _ *manifest.Manifest, _ *Options) {
			w.add("a", "3.0", rel{requires: []string{"b; 'x' in extras"}})
		}, "a 2.0, b 2.0"},
		{"as-of, to the second", []string{"a"}, func(w *world, m *manifest.Manifest, o *Options) {
			setAsOf(t, m, "2024-03-24T00:00:00Z")
			w.add("a", "3.0", rel{uploaded: published.Add(999 * time.Millisecond)})
			w.add("a", "4.0", rel{uploaded: published.Add(time.Second)})
		}, "a 3.0"},
		{"a file without a hash", []string{"b"}, func(w *world, _ *manifest.Manifest, _ *Options) { w.add("b", "3.0", rel{noHash: true}) }, "b 3.0"},
		{"a file without a hash, of which one is wanted", []string{"b"}, func(w *world, m *manifest.Manifest, _ *Options) {
			w.add("b", "3.0", rel{noHash: true})
			m.Requirements[0].Hashes = []string{"sha256:" + hashOf("b-3.0-py3-none-any.whl")}
		}, "b 3.0"},
		{"a file without a hash beside one that is wanted", []string{"b"}, func(w *world, m *manifest.Manifest, _ *Options) {
			w.add("b", "3.0", rel{noHash: true, tags: []string{"cp311-none-any"}})
			w.add("b", "3.0", rel{})
			m.Requirements[0].Hashes = []string{"sha256:" + hashOf("b-3.0-py3-none-any.whl")}
		}, "b 3.0"},
		{"as-of, newer files without times skipped", []string{"a"}, func(w *world, m *manifest.Manifest, o *Options) {
			setAsOf(t, m, "2024-03-24T00:00:00Z")
			w.add("a", "5.0", rel{noTime: true})
			w.projects["a"].Undated = index.UndatedSkip
		}, "a 2.0, b 2.0"},
		{"as-of, newer files without times used", []string{"a"}, func(w *world, m *manifest.Manifest, o *Options) {
			setAsOf(t, m, "2024-03-24T00:00:00Z")
			w.add("a", "5.0", rel{noTime: true})
			w.add("a", "6.0", rel{uploaded: published.Add(time.Hour)})
			w.projects["a"].Undated = index.UndatedUse
		}, "a 5.0"},
		{"as-of, files without times that do not matter", []string{"a"}, func(w *world, m *manifest.Manifest, o *Options) {
			setAsOf(t, m, "2024-03-24T00:00:00Z")
			w.add("a", "0.5", rel{noTime: true})
			w.add("a", "2.0", rel{noTime: true, tags: []string{"cp312-cp312-win32"}, sdist: true})
			w.add("a", "5.0rc1", rel{noTime: true})
		}, "a 2.0, b 2.0"},
		{"wheel variants", []string{"a"}, func(w *world, m *manifest.Manifest, o *Options) {
			w.add("a", "5.0", rel{tags: []string{"py3-none-any-cuda13"}})
			w.add("a", "2.0", rel{tags: []string{"py3-none-any-cuda13"}})
		}, "a 2.0, b 2.0"},
		{"hashes", []string{"b"}, func(_ *world, m *manifest.Manifest, _ *Options) {
			m.Requirements[0].Hashes = []string{"sha256:" + hashOf("b-1.0-py3-none-any.whl"), "sha256:" + hashOf("b-1.0.tar.gz")}
		}, "b 1.0"},
		{"hashes of a dependency in a constraint", []string{"a"}, func(_ *world, m *manifest.Manifest, _ *Options) {
			m.Constraints = requirements("b")
			m.Constraints[0].Hashes = []string{"sha256:" + hashOf("b-1.0-py3-none-any.whl")}
		}, "a 2.0, b 1.0"},
		{"a yanked version", []string{"b"}, func(w *world, _ *manifest.Manifest, _ *Options) { w.add("b", "3.0", rel{yanked: true}) }, "b 2.0"},
		{"a yanked version, pinned", []string{"b==3.0"}, func(w *world, _ *manifest.Manifest, _ *Options) { w.add("b", "3.0", rel{yanked: true}) }, "b 3.0"},
		{"a yanked version, pinned by a constraint", []string{"a"}, func(w *world, m *manifest.Manifest, _ *Options) {
			m.Constraints = requirements("b==3.0")
			w.add("b", "3.0", rel{yanked: true})
		}, "a 2.0, b 3.0"},
		{"a yanked version, pinned by a package", []string{"c"}, func(w *world, _ *manifest.Manifest, _ *Options) {
			w.add("b", "3.0", rel{yanked: true})
			w.add("c", "1.0", rel{requires: []string{"b"}})
			w.add("c", "2.0", rel{requires: []string{"b==3.0"}})
		}, "b 2.0, c 1.0"},
		{"a pre-release", []string{"b"}, func(w *world, _ *manifest.Manifest, _ *Options) { w.add("b", "3.0rc1", rel{}) }, "b 2.0"},
		{"a pre-release, where nothing else will do", []string{"b>2"}, func(w *world, _ *manifest.Manifest, _ *Options) { w.add("b", "3.0rc1", rel{}) }, "b 3.0rc1"},
		{"a pre-release, where nothing else will do for a dependency", []string{"c"}, func(w *world, _ *manifest.Manifest, _ *Options) {
			w.add("b", "3.0rc1", rel{})
			w.add("c", "1.0", rel{requires: []string{"b>2"}})
		}, "b 3.0rc1, c 1.0"},
		{"a pre-release that is named, beside a final release", []string{"b>=1.0rc1"}, func(w *world, _ *manifest.Manifest, _ *Options) { w.add("b", "3.0rc1", rel{}) }, "b 2.0"},
		{"a pre-release, allowed", []string{"b"}, func(w *world, m *manifest.Manifest, _ *Options) {
			m.Prereleases = manifest.Allow
			w.add("b", "3.0rc1", rel{})
		}, "b 3.0rc1"},
		{"a pre-release, explicit", []string{"b>=2.5rc1", "c"}, func(w *world, m *manifest.Manifest, _ *Options) {
			m.Prereleases = manifest.Explicit
			w.add("b", "3.0rc1", rel{})
			w.add("c", "1.0", rel{})
			w.add("c", "1.1rc1", rel{})
		}, "b 3.0rc1, c 1.0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, m, o := few(), project(c.requires...), Options{}
			if c.change != nil {
				c.change(w, m, &o)
			}
			if got := chosen(mustLock(t, w, m, o), amd64); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestUndated holds the failure where nobody has decided about files without a time of upload.
func TestUndated(t *testing.T) {
	for _, c := range []struct{ of, hint string }{
		{DefaultIndex, "decide it in the manifest:\n    [[index]]\n    default = true\n    undated = \"use\" takes such files as if they had been there, \"skip\" leaves them out"},
		{"corp", "decide it in its [[index]]: undated = \"use\" takes such files as if they had been there, \"skip\" leaves them out"},
	} {
		w, m := few(), project("a")
		setAsOf(t, m, "2024-03-24T00:00:00Z")
		w.add("a", "5.0", rel{noTime: true})
		w.projects["a"].IndexName = c.of
		if c.of != DefaultIndex {
			m.Indexes = []manifest.Index{{Name: c.of, URL: "https://packages.example/simple/"}}
		}
		_, err := lockWith(w, m, Options{})
		want := "index does not say when a-5.0-py3-none-any.whl was uploaded, and as-of leaves out what is later than 2024-03-24T00:00:00Z"
		if c.of != DefaultIndex {
			want = strings.Replace(want, "index does", "index corp does", 1)
		}
		if diag.CodeOf(err) != diag.Manifest || !strings.Contains(err.Error(), want) {
			t.Errorf("%v", err)
		}
		if d := cmp.Diff([]string{c.hint}, diag.HintsOf(err)); d != "" {
			t.Error(d)
		}
	}
}

// TestUnhashed holds what a lock says of a file whose hash was not given, and what is told.
func TestUnhashed(t *testing.T) {
	w, m := few(), project("b")
	w.add("b", "3.0", rel{noHash: true})
	w.projects["b"].Files[len(w.projects["b"].Files)-1].URL = "http://files.example/b-3.0-py3-none-any.whl"
	var told []string
	l, err := lockWith(w, m, Options{Warn: func(text string) { told = append(told, text) }})
	if err != nil {
		t.Fatal(err)
	}
	if f := l.Packages[0].Files[0]; !f.Hashed || f.SHA256 != hashOf(f.Name) {
		t.Errorf("%+v", f)
	}
	want := []string{"index default gives no hash of b-3.0-py3-none-any.whl, which came over plain http: what the lock says of it is what the network gave"}
	if d := cmp.Diff(want, told); d != "" {
		t.Error(d)
	}
	m.Requirements[0].Hashes = []string{"sha256:" + hashOf("another")}
	if _, err := lockWith(w, m, Options{}); diag.CodeOf(err) != diag.Mismatch {
		t.Errorf("%v", err)
	}
	w.projects["b"].Files[len(w.projects["b"].Files)-1].Sum = "sha512=x"
	m.Requirements[0].Hashes = nil
	if l, err = lockWith(w, m, Options{}); err != nil || l.Packages[0].Files[0].Hashed {
		t.Errorf("a file with a SHA-512: %v", err)
	}
}

// setAsOf reads as-of as a manifest has it.
func setAsOf(t *testing.T, m *manifest.Manifest, instant string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), manifest.FileName)
	text := "[project]\nname = \"demo\"\npython = \"3.11\"\nas-of = " + instant + "\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	read, err := manifest.Load(path, manifest.Selection{})
	if err != nil {
		t.Fatal(err)
	}
	m.AsOf = read.AsOf
}

func TestPrevious(t *testing.T) {
	previous := mustLock(t, few(), project("a<2", "b<2"), Options{})
	for _, c := range []struct {
		name   string
		change func(w *world, o *Options)
		want   string
	}{
		{"kept", nil, "a 1.0, b 1.0"},
		{"upgraded", func(_ *world, o *Options) { o.Upgrade = true }, "a 2.0, b 2.0"},
		{"one upgraded", func(_ *world, o *Options) { o.Packages = []string{"a"} }, "a 2.0, b 1.0"},
		{"yanked since", func(w *world, _ *Options) { w.projects["b"].Files[0].Yanked = true }, "a 1.0, b 1.0"},
		{"yanked since, and upgraded", func(w *world, o *Options) {
			w.projects["a"].Files[0].Yanked, o.Packages = true, []string{"a"}
			w.projects["a"].Files[1].Yanked = true
			w.add("a", "0.5", rel{})
		}, "a 0.5"},
		{"gone since", func(w *world, _ *Options) { w.projects["b"].Files = w.projects["b"].Files[1:] }, "a 1.0, b 2.0"},
		{"without a hash since", func(w *world, _ *Options) { w.projects["a"].Files[0].SHA256 = "" }, "a 1.0, b 1.0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, o := few(), Options{Previous: previous}
			if c.change != nil {
				c.change(w, &o)
			}
			if got := chosen(mustLock(t, w, project("a"), o), amd64); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestTargets: targets agree where they can, keep their own versions where they cannot, and locking
// again changes nothing.
func TestTargets(t *testing.T) {
	w := newWorld()
	both := []string{"cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_28_aarch64"}
	w.add("torch", "1.0", rel{tags: both})
	w.add("torch", "2.0", rel{tags: both[:1], requires: []string{"cuda ; platform_machine == 'x86_64'"}})
	w.add("cuda", "12.0", rel{tags: both[:1]})
	w.add("numpy", "1.0", rel{tags: both})
	w.add("numpy", "2.0", rel{tags: both[1:]})
	w.add("six", "1.0", rel{})
	m := project("torch", "numpy", "six")
	m.Platforms = []string{amd64, arm64}
	l := mustLock(t, w, m, Options{})
	if got, want := chosen(l, amd64), "cuda 12.0, numpy 1.0, six 1.0, torch 2.0"; got != want {
		t.Errorf("amd64: got %s, want %s", got, want)
	}
	if got, want := chosen(l, arm64), "numpy 1.0, six 1.0, torch 1.0"; got != want {
		t.Errorf("arm64: got %s, want %s", got, want)
	}
	w.add("torch", "1.5", rel{tags: both})
	w.add("six", "2.0", rel{})
	again := mustLock(t, w, m, Options{Previous: l})
	if diff := cmp.Diff(string(lockfile.Encode(l)), string(lockfile.Encode(again))); diff != "" {
		t.Errorf("locked again: -first +second:\n%s", diff)
	}
}

// TestEdges: the edges of a lock name the extras and platforms for which they hold.
func TestEdges(t *testing.T) {
	w := few()
	w.add("c", "1.0", rel{
		requires: []string{"a; platform_machine == 'aarch64'"},
		extras:   map[string][]string{"x": {"b"}, "all": {"c[x]"}},
	})
	m := project("c[all]")
	m.Platforms = []string{amd64, arm64}
	l := mustLock(t, w, m, Options{})
	var got []string
	for _, d := range l.Project.Requires {
		got = append(got, "project → "+d.String())
	}
	for _, p := range l.Packages {
		for _, d := range p.Requires {
			got = append(got, p.Name+" → "+d.String())
		}
	}
	want := []string{"project → c[all]", "a → b", "c → a; linux/arm64", "c → b"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestFilesThatDisagree: each platform gets what the file says that it installs, whatever the version's other files say.
func TestFilesThatDisagree(t *testing.T) {
	const x86, arm = "cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_28_aarch64"
	w := few()
	w.add("c", "1.0", rel{tags: []string{x86}, requires: []string{"b<2", "missing; extra == 'y'"}, extras: map[string][]string{"x": {"a"}}})
	w.add("c", "1.0", rel{tags: []string{arm}, requires: []string{"b>=2"}, extras: map[string][]string{"x": {}}})
	w.add("c", "1.0", rel{requires: []string{"missing"}}) // pure, and worse for both
	w.add("c", "2.0", rel{tags: []string{x86}, requires: []string{"b>2"}})
	w.add("c", "2.0", rel{tags: []string{arm}})
	m := project("c[x]")
	m.Platforms = []string{amd64, arm64}
	for range 2 { // the same again in another order
		l := mustLock(t, w, m, Options{})
		if got, want := chosen(l, amd64), "a 2.0, b 1.0, c 1.0"; got != want {
			t.Errorf("amd64: got %s, want %s", got, want)
		}
		if got, want := chosen(l, arm64), "b 2.0, c 1.0"; got != want {
			t.Errorf("arm64: got %s, want %s", got, want)
		}
		var edges []string
		for _, p := range l.Packages {
			for _, d := range p.Requires {
				edges = append(edges, p.Name+" → "+d.String())
			}
		}
		want := []string{"a → b", "c → a; linux/amd64", "c → b<2; linux/amd64", "c → b>=2; linux/arm64"}
		if diff := cmp.Diff(want, edges); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		slices.Reverse(w.projects["c"].Files)
	}
}

// TestFiles: of a version's wheels the best for the target is taken, one that is not yanked first,
// whatever their order.
func TestFiles(t *testing.T) {
	w := newWorld()
	w.add("a", "1.0", rel{tags: []string{"py3-none-any", "cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-manylinux_2_28_x86_64", "cp312-cp312-win_amd64"}, sdist: true})
	file := func() string { return mustLock(t, w, project("a"), Options{}).Packages[0].Files[0].Name }
	if got, want := file(), "a-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for i := range w.projects["a"].Files {
		w.projects["a"].Files[i].Yanked = i != 0
	}
	slices.Reverse(w.projects["a"].Files)
	if got, want := file(), "a-1.0-py3-none-any.whl"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	w.add("a", "2.0.0", rel{tags: []string{"py3-none-any"}})
	w.add("a", "2.0", rel{tags: []string{"py2-none-any"}})
	w.add("a", "3.0", rel{})
	w.projects["a"].Files[len(w.projects["a"].Files)-1].Filename = "other-3.0-py3-none-any.whl" // not of this project
	if got, want := file(), "a-2.0.0-py3-none-any.whl"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWarnings(t *testing.T) {
	w := few()
	w.add("b", "3.0", rel{yanked: true})
	w.projects["b"].Files[2].YankedReason = "broken on\nARM"
	w.projects["a"].Status, w.projects["a"].StatusReason = "archived", "use b"
	w.add("c", "1.0", rel{extras: map[string][]string{"x": {}, "z": {}}})
	m := project("a[gone]", "b==3.0", "c[x,y]")
	m.Platforms = []string{amd64, arm64}
	var got []string
	mustLock(t, w, m, Options{Warn: func(text string) { got = append(got, text) }})
	want := []string{
		"a is marked as archived in the index: use b",
		"a 2.0 has no extra gone; it has none",
		"b 3.0 was yanked by its authors; it is taken because the manifest pins it: broken on ARM",
		"c 1.0 has no extra y; it has x, z",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestErrors(t *testing.T) {
	failure := diag.New(diag.Fetch, "connection refused")
	for _, c := range []struct {
		name     string
		requires []string
		change   func(w *world, m *manifest.Manifest)
		code     diag.Code
		want     string
	}{
		{"an index that fails for metadata", []string{"a"}, func(w *world, _ *manifest.Manifest) {
			w.broken["a-2.0-py3-none-any.whl"] = failure
		}, diag.Fetch, "connection refused"},
		{"a marker without meaning", []string{"a; 'x' in extras"}, nil, diag.Manifest, "requirement a"},
		{"a file without size", []string{"c"}, func(w *world, _ *manifest.Manifest) { w.add("c", "1.0", rel{noSize: true}) }, diag.Fetch, "how large"},
		{"another Python", nil, func(_ *world, m *manifest.Manifest) {
			m.Python = manifest.Python{Text: "3.12", Specifiers: requirements("x==3.12.*")[0].Specifiers}
		}, diag.Manifest, `no base has a Python that "3.12" allows`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, m := few(), project(c.requires...)
			if c.change != nil {
				c.change(w, m)
			}
			_, err := lockWith(w, m, Options{})
			if diag.CodeOf(err) != c.code || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("code %d: %v", diag.CodeOf(err), err)
			}
		})
	}
}

// TestCancel: a cancelled lock ends soon, and says so.
func TestCancel(t *testing.T) {
	w := few()
	w.wait["b"] = time.Minute
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err := Resolve(ctx, project("a"), Sources{Packages: w, Base: fakeBase{"3.11.2"}}, Options{Now: published})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

// TestReleaseAfterCancel: that reading ahead was told to stop says nothing about the next who asks.
func TestReleaseAfterCancel(t *testing.T) {
	w := few()
	w.wait["a"] = 5 * time.Millisecond
	target, err := newTarget(lockfile.Target{Platform: amd64, Python: "3.11.2", Glibc: "2.36"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCatalogue(target, w, &policies{m: &manifest.Manifest{}})
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.release(gone, "a"); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	r, err := c.release(context.Background(), "a")
	if err != nil || len(r.candidates) != 2 {
		t.Fatal(r, err)
	}
}

// TestReadAhead: what is read ahead in vain does not hold up the answer.
func TestReadAhead(t *testing.T) {
	w := few()
	w.add("c", "1.0", rel{})
	w.add("c", "2.0", rel{requires: []string{"slow", "b<0"}})
	w.wait["slow"] = time.Minute
	if got := chosen(mustLock(t, w, project("c"), Options{}), amd64); got != "c 1.0" {
		t.Error(got)
	}
}

// TestExtraFollowsProject: an extra of a project that is decided takes its version at once. Else
// the metadata of all newer versions would be read.
func TestExtraFollowsProject(t *testing.T) {
	w := few()
	for _, v := range strings.Fields("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20") {
		w.add("c", v, rel{extras: map[string][]string{"x": {"b"}}})
	}
	w.add("d", "1.0", rel{requires: []string{"c[x]"}})
	if got, want := chosen(mustLock(t, w, project("c==2", "d"), Options{}), amd64), "b 2.0, c 2, d 1.0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if w.read["c"] > 10 {
		t.Errorf("metadata of c was read %d times", w.read["c"])
	}
}

// measured is an index that can ask how large a file is.
type measured struct{ *world }

func (m measured) Size(context.Context, *index.Project, index.File) (int64, error) { return 77, nil }

func TestSizeOfFiles(t *testing.T) {
	w := newWorld()
	w.add("c", "1.0", rel{noSize: true})
	l, err := Resolve(context.Background(), project("c"), Sources{Packages: measured{w}, Base: fakeBase{"3.11.2"}}, Options{Now: published})
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Packages[0].Files[0].Size; got != 77 {
		t.Errorf("%d bytes", got)
	}
}
