package supply

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/resolver/direct"
)

// TestCommitFiles unpacks a commit with a submodule in it, as git keeps the files, and a second time from the store.
func TestCommitFiles(t *testing.T) {
	inner, _ := newRepository(t, "sha1", map[string]string{"deep/x.c": "int x;\n"})
	dir, git := newRepository(t, "sha1", map[string]string{
		".gitattributes": "*.txt text eol=crlf\n*.bin filter=lfs\n", "a.txt": "one\ntwo\n", "build.sh": "#!/bin/sh\n",
	})
	git("-c", "protocol.file.allow=always", "submodule", "add", "-q", "--name", "an other", fileURL(inner), "third party/x")
	git("update-index", "--chmod=+x", "build.sh")
	if err := os.Symlink("a.txt", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	git("add", "link")
	t.Setenv("GIT_COMMITTER_DATE", "2020-02-03T04:05:06Z")
	git("commit", "-q", "-m", "second")
	s := &Supply{Options: Options{Store: openStore(t), Task: func(string, int64) func(int64) { return func(int64) {} }}}
	p := lockfile.Package{Name: "demo", Git: fileURL(dir), Revision: "main", Commit: git("rev-parse", "HEAD")}
	for range 2 {
		into := t.TempDir()
		root, newest, err := s.unpackSource(t.Context(), p, into)
		if err != nil || !newest.Equal(time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)) {
			t.Fatalf("%v, %v", newest, err)
		}
		for name, want := range map[string]string{"a.txt": "one\ntwo\n", "link": "one\ntwo\n", "third party/x/deep/x.c": "int x;\n", "build.sh": "#!/bin/sh\n"} {
			if got, err := os.ReadFile(filepath.Join(into, root, name)); err != nil || string(got) != want {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
		if info, err := os.Stat(filepath.Join(into, root, "build.sh")); err != nil || info.Mode()&0o100 == 0 {
			t.Errorf("%v, %v", info, err)
		}
		s.Offline = true
	}
	s.Offline = false
	p.Subdirectory = "none"
	if _, _, err := s.unpackSource(t.Context(), p, t.TempDir()); diag.CodeOf(err) != diag.Manifest {
		t.Error(err)
	}
}

func TestCommitWithLFS(t *testing.T) {
	dir, git := newRepository(t, "sha1", map[string]string{"data/model.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", "py/setup.py": ""})
	s := &Supply{Options: Options{Store: openStore(t), Task: func(string, int64) func(int64) { return func(int64) {} }}}
	p := lockfile.Package{Name: "demo", Git: fileURL(dir), Commit: git("rev-parse", "HEAD")}
	_, _, err := s.unpackSource(t.Context(), p, t.TempDir())
	if diag.CodeOf(err) != diag.Fetch || !strings.Contains(err.Error(), "keeps data/model.bin in Git LFS") {
		t.Error(err)
	}
	p.Subdirectory = "py"
	if _, _, err := s.unpackSource(t.Context(), p, t.TempDir()); err != nil {
		t.Error(err)
	}
}

func TestSubmoduleAddress(t *testing.T) {
	for _, test := range []struct{ parent, address, want string }{
		{"https://git.example/a/b.git", "../c.git", "https://git.example/a/c.git"},
		{"https://git.example/a/b.git", "./c.git", "https://git.example/a/b.git/c.git"},
		{"https://git.example/a/b.git", "https://other.example/x", "https://other.example/x"},
		{"https://git.example/a/b.git", "git@other.example:x/y.git", "ssh://git@other.example/x/y.git"},
		{"ssh://git@git.example/a/b", "../c", "ssh://git@git.example/a/c"},
		{"file:///srv/a", "file:///srv/b", "file:///srv/b"},
		{"file:///srv/a", "../b", "file:///srv/b"},
		{"file:///srv/a", "./b", "file:///srv/a/b"},
		{"file:///srv/a", "file:///srv/a/../a/b", "file:///srv/a/../a/b"},
		{"file:///srv/a", "file:///home/me/b", ""},
		{"file:///srv/a", "file:///srv", ""},
		{"file:///srv/a", "../../home/me/b", ""},
		{"file:///srv/a", "file:///srv/../home/b", ""},
		{"file:///srv/a", "file:///srv/%2e%2e/home/b", ""},
		{"file:///srv/a", "file://srv/home/b", ""},
		{"file:///srv/a", "file:///srv/b?/../../home", ""},
		{"file:///a", "file:///home/me/b", ""},
		{"https://git.example/a/b.git", "file:///etc", ""},
		{"https://git.example/a/b.git", "/etc", ""},
		{"https://git.example/a/b.git", "http://other.example/x", ""},
		{"https://git.example/a/b.git", "ext::sh -c touch", ""},
		{"https://git.example/a", "--upload-pack=x", ""},
		{"https://git.example/a", "../../../..", ""},
	} {
		got, err := submoduleAddress(test.parent, test.address)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s of %s: %q, %v", test.address, test.parent, got, err)
		}
	}
}

// TestSubmoduleBehindLink follows what a link beside the repository leads to.
func TestSubmoduleBehindLink(t *testing.T) {
	here, other := t.TempDir(), filepath.Join(t.TempDir(), "private")
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"a", "b"} {
		if err := os.Mkdir(filepath.Join(here, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(other, filepath.Join(here, "a", "link")); err != nil {
		t.Skip(err)
	}
	parent := fileURL(filepath.Join(here, "a"))
	if got, err := submoduleAddress(parent, "./link"); err == nil || !strings.Contains(err.Error(), "leads to another place of this machine") {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := submoduleAddress(parent, "../b"); err != nil {
		t.Error(err)
	}
}

// TestRevisionIsNoOption fetches a commit that is not there, at a revision that git would read as an option.
func TestRevisionIsNoOption(t *testing.T) {
	dir, _ := newRepository(t, "sha1", nil)
	mark := filepath.Join(t.TempDir(), "ran")
	s := &Supply{Options: Options{Store: openStore(t), Task: func(string, int64) func(int64) { return func(int64) {} }}}
	p := lockfile.Package{Name: "demo", Git: fileURL(dir), Revision: "--upload-pack=touch " + mark + ";", Commit: strings.Repeat("1", 40)}
	_, _, err := s.unpackSource(t.Context(), p, t.TempDir())
	if diag.CodeOf(err) != diag.Manifest || !strings.Contains(err.Error(), "has no branch, tag or commit --upload-pack") {
		t.Error(err)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("a program ran")
	}
}

// TestBranchAsOf takes of a branch what it was at a moment: by its first parents, whatever was merged later.
func TestBranchAsOf(t *testing.T) {
	dir, git := newRepository(t, "sha1", nil)
	commits := map[string]string{}
	commit := func(name, date string, args ...string) {
		t.Helper()
		t.Setenv("GIT_COMMITTER_DATE", date)
		if args == nil {
			args = []string{"commit", "-q", "--allow-empty", "-m", name}
		}
		git(args...)
		commits[name] = git("rev-parse", "HEAD")
	}
	commit("first", "2019-01-01T00:00:00Z", "commit", "-q", "--amend", "--no-edit")
	commit("second", "2020-01-01T00:00:00Z")
	git("checkout", "-q", "-b", "side", commits["first"])
	commit("side", "2020-06-01T00:00:00Z")
	git("checkout", "-q", "main")
	commit("merge", "2021-01-01T00:00:00Z", "merge", "-q", "--no-ff", "-m", "merge", "side")
	commit("third", "2022-01-01T00:00:00Z")
	git("tag", "v3")
	var warned []string
	ask := func(revision, date string) (*resolver.Referenced, error) {
		at, err := time.Parse(time.DateOnly, date)
		if err != nil {
			t.Fatal(err)
		}
		warned = nil
		s := &Supply{Options: Options{Store: openStore(t), Warn: func(text string) { warned = append(warned, text) }}}
		return s.Reference(t.Context(), direct.Reference{Git: fileURL(dir), Revision: revision}, resolver.Known{AsOf: at})
	}
	for _, allowed := range []string{"true", "false"} { // leaving out files and folders
		git("config", "uploadpack.allowFilter", allowed)
		for _, test := range []struct{ revision, date, want string }{
			{"main", "2023-01-01", "third"}, {"main", "2021-06-01", "merge"}, {"main", "2020-12-01", "second"}, {"", "2019-06-01", "first"},
			{"side", "2020-12-01", "side"},
		} {
			found, err := ask(test.revision, test.date)
			if err != nil || found.Commit != commits[test.want] || warned != nil {
				t.Errorf("%s at %s: %+v, %v, %q", test.revision, test.date, found, err, warned)
			}
		}
	}
	if _, err := ask("main", "2018-01-01"); diag.CodeOf(err) != diag.NoAnswer || !strings.Contains(err.Error(), "the branch main has no commit from before 2018-01-01") {
		t.Error(err)
	}
	for _, revision := range []string{"v3", commits["third"]} {
		if found, err := ask(revision, "2020-06-01"); err != nil || found.Commit != commits["third"] || len(warned) != 1 || !strings.Contains(warned[0], "is of 2022-01-01, after as-of") {
			t.Errorf("%s: %+v, %v, %q", revision, found, err, warned)
		}
	}
}

// TestVersionOfCommit says what setuptools_scm says in a clone.
func TestVersionOfCommit(t *testing.T) {
	dir, git := newRepository(t, "sha1", map[string]string{"pyproject.toml": "[build-system]\nrequires = [\"setuptools_scm\"]\n", "plain/setup.py": ""})
	s := &Supply{Options: Options{Store: openStore(t), Task: func(string, int64) func(int64) { return func(int64) {} }}}
	version := func(folder string) string {
		t.Helper()
		v, err := s.sourceVersion(t.Context(), lockfile.Package{Name: "demo", Git: fileURL(dir), Commit: git("rev-parse", "HEAD"), Subdirectory: folder})
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(v, git("rev-parse", "--short", "HEAD"), "HASH")
	}
	if got := version(""); got != "0.1.dev1+gHASH" {
		t.Error(got)
	}
	git("commit", "-q", "--allow-empty", "-m", "second")
	git("tag", "nightly")
	git("tag", "v1.2.0")
	if got := version(""); got != "1.2.0" {
		t.Error(got)
	}
	git("commit", "-q", "--allow-empty", "-m", "third")
	git("commit", "-q", "--allow-empty", "-m", "fourth")
	if got := version(""); got != "1.2.1.dev2+gHASH" {
		t.Error(got)
	}
	if got := version("plain"); got != "" {
		t.Error(got)
	}
	for _, test := range [][4]string{{"v2.0rc1", "3", "gabc", "2.0rc2.dev3+gabc"}, {"release-1.4", "0", "gabc", "1.4"}, {"x", "1", "gabc", ""}, {"2024.05.1+x", "1", "gabc", "2024.5.2.dev1+gabc"}} {
		if got := nextVersion(test[0], test[1], test[2]); got != test[3] {
			t.Errorf("%s: %s", test[0], got)
		}
	}
}
