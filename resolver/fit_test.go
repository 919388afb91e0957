package resolver

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/index"
)

// TestCheckFiles edits locks, as the lock's own reader would not notice.
func TestCheckFiles(t *testing.T) {
	w := newWorld()
	w.add("a", "1.0", rel{tags: []string{"cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_28_aarch64"}})
	for _, c := range []struct {
		name string
		edit func(l *lockfile.Lock, f *lockfile.File)
		want string
	}{
		{"as it was made", func(*lockfile.Lock, *lockfile.File) {}, ""},
		{"another platform", func(_ *lockfile.Lock, f *lockfile.File) {
			f.Name = "a-1.0-cp311-cp311-win_amd64.whl"
		}, "a-1.0-cp311-cp311-win_amd64.whl is for linux/a"},
		{"another Python", func(_ *lockfile.Lock, f *lockfile.File) {
			f.Name = strings.ReplaceAll(f.Name, "cp311", "cp312")
		}, "which cannot install it"},
		{"a newer C library", func(_ *lockfile.Lock, f *lockfile.File) {
			f.Name = strings.Replace(f.Name, "2_28", "2_99", 1)
		}, "which cannot install it"},
		{"the wrong target", func(l *lockfile.Lock, _ *lockfile.File) {
			files := l.Packages[0].Files
			files[0].Targets, files[1].Targets = files[1].Targets, files[0].Targets
		}, "which cannot install it"},
		{"no target of the lock", func(_ *lockfile.Lock, f *lockfile.File) { f.Targets = []string{"linux/riscv64"} }, "no target of the lock"},
		{"another package", func(_ *lockfile.Lock, f *lockfile.File) { f.Name = "b-1.0-py3-none-any.whl" }, "not of that package and version"},
		{"another version", func(_ *lockfile.Lock, f *lockfile.File) { f.Name = "a-1.1-py3-none-any.whl" }, "not of that package and version"},
		{"another source distribution", func(_ *lockfile.Lock, f *lockfile.File) { f.Name = "a-1.1.tar.gz" }, "not of that package and version"},
		{"a target without meaning", func(l *lockfile.Lock, _ *lockfile.File) { l.Targets[0].Glibc = "new" }, "the lock's target linux/amd64"},
	} {
		m := project("a")
		m.Platforms = []string{amd64, arm64}
		l := mustLock(t, w, m, Options{})
		c.edit(l, &l.Packages[0].Files[0])
		err := CheckFiles(l)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || diag.CodeOf(err) != diag.Failure) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestLeftOut holds what is told of files that cannot be understood, and of a date to come.
func TestLeftOut(t *testing.T) {
	w := newWorld()
	w.add("a", "1.0", rel{})
	w.add("a", "2.0", rel{})
	w.add("b", "1.0", rel{})
	p := w.projects["a"]
	for _, name := range []string{"a-1.5-py3.whl", "a-nightly-py3.whl", "a-2.1-py3.whl", "a-2.1.exe"} {
		p.Files = append(p.Files, index.File{Filename: name, Uploaded: published})
	}
	w.projects["b"].Unreadable = index.Unreadable{Count: 25, First: []index.Entry{{Name: "b-0.9-py3-none-any.whl", Reason: "it has no address"}}}
	m := project("a", "b")
	setAsOf(t, m, "2030-04-01T00:00:00Z")
	var got []string
	mustLock(t, w, m, Options{Warn: func(text string) { got = append(got, text) }})
	want := []string{
		"as-of is 2030-04-01T00:00:00Z, which is still to come: what is uploaded until then will change what is chosen",
		"1 file of a that the index lists could not be understood and was left out: a-2.1-py3.whl (it is not named as wheels are)",
		"24 files of b that the index lists could not be understood and were left out",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	got = nil
	mustLock(t, w, project("b<=1"), Options{Warn: func(text string) { got = append(got, text) }})
	if len(got) != 1 {
		t.Errorf("%q", got)
	}
}
