package supply

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/resolver/direct"
)

func openStore(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func TestNoGit(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	s := &Supply{Options: Options{Store: openStore(t)}}
	_, err := s.Reference(t.Context(), direct.Reference{Git: "https://git.example/r"}, resolver.Known{})
	if err == nil || !strings.Contains(err.Error(), "there is no program git") || len(diag.HintsOf(err)) == 0 {
		t.Errorf("%v, hints %q", err, diag.HintsOf(err))
	}
}

// TestRevisions holds what names of revisions mean: tags before branches, annotated tags the commit that they are of,
// the beginning of a hash, and a commit that nothing is at any more.
func TestRevisions(t *testing.T) {
	testenv.Tool(t, "git")
	dir := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@b.example"}, args...)...)
		cmd.Env = append(cmd.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	commit := func(version string) string {
		t.Helper()
		text := "[project]\nname = \"demo\"\nversion = \"" + version + "\"\n"
		if err := os.WriteFile(filepath.Join(dir, "pyproject.toml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		git("add", ".")
		git("commit", "-q", "-m", version)
		return git("rev-parse", "HEAD")
	}
	git("init", "-q", "-b", "main")
	first := commit("1")
	git("tag", "-a", "-m", "annotated", "v1")
	second := commit("2")
	git("branch", "both", first)
	git("tag", "both", second)
	lost := commit("3")
	git("reset", "-q", "--hard", second)
	git("checkout", "-q", "-b", "team/topic")
	third := commit("4")
	git("checkout", "-q", "main")

	s := &Supply{Options: Options{Store: openStore(t)}}
	for revision, want := range map[string][2]string{
		"": {second, "2"}, "main": {second, "2"}, "v1": {first, "1"}, "both": {second, "2"}, "team/topic": {third, "4"},
		first: {first, "1"}, first[:9]: {first, "1"}, "refs/heads/both": {first, "1"},
	} {
		found, err := s.Reference(t.Context(), direct.Reference{Git: "file://" + filepath.ToSlash(dir), Revision: revision}, resolver.Known{})
		if err != nil || found.Commit != want[0] || found.Metadata.Version != want[1] {
			t.Errorf("%q is %+v, %v, want %v", revision, found, err, want)
		}
	}
	for _, revision := range []string{"none", "v1^", "0000000000000000000000000000000000000000"} {
		if found, err := s.Reference(t.Context(), direct.Reference{Git: "file://" + filepath.ToSlash(dir), Revision: revision}, resolver.Known{}); err == nil {
			t.Errorf("%q is %+v", revision, found)
		}
	}
	// What the lock has stays, though the branch moved; what was read is known offline.
	known := resolver.Known{Commit: first}
	ref := direct.Reference{Git: "file://" + filepath.ToSlash(dir), Revision: "main"}
	s.Offline = true
	if found, err := s.Reference(t.Context(), ref, known); err != nil || found.Commit != first || found.Metadata.Version != "1" {
		t.Errorf("%+v, %v", found, err)
	}
	if _, err := s.Reference(t.Context(), direct.Reference{Git: ref.Git, Revision: lost}, resolver.Known{}); diag.CodeOf(err) != diag.Fetch {
		t.Errorf("offline, what was not read: %v", err)
	}
}

// TestPromisedAnew: where an address promises another file than the lock has of it, what it promises counts.
func TestPromisedAnew(t *testing.T) {
	name, old := testenv.Wheel("demo", "1.0", testenv.WheelOptions{})
	_, now := testenv.Wheel("demo", "1.0", testenv.WheelOptions{Files: map[string]string{"demo/more.py": ""}})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(now) }))
	defer server.Close()
	hash := func(data []byte) string { sum := sha256.Sum256(data); return hex.EncodeToString(sum[:]) }
	strong, weak := sha512.Sum512(now), md5.Sum(now)
	known := resolver.Known{SHA256: hash(old)}
	for sums, there := range map[string]bool{
		"sha512=" + hex.EncodeToString(strong[:]): false,
		"md5=" + hex.EncodeToString(weak[:]):      true,
	} {
		for _, there := range []bool{there, true} {
			s := &Supply{Options: Options{Store: openStore(t), Fetch: fetch.New(fetch.Options{})}}
			if there { // in the store
				if err := s.Store.Put(t.Context(), bytes.NewReader(old), known.SHA256, -1); err != nil {
					t.Fatal(err)
				}
			}
			found, err := s.Reference(t.Context(), direct.Reference{URL: server.URL + "/" + name, Sums: sums}, known)
			if err != nil || found.File.SHA256 != hash(now) {
				t.Errorf("%s, in the store %t: %+v %v", sums, there, found, err)
			}
		}
	}
	// Of a promise that somebody could make another file of, the lock's hash is held as well.
	s := &Supply{Options: Options{Store: openStore(t), Fetch: fetch.New(fetch.Options{})}}
	_, err := s.Reference(t.Context(), direct.Reference{URL: server.URL + "/" + name, Sums: "md5=" + hex.EncodeToString(weak[:])}, known)
	if diag.CodeOf(err) != diag.Mismatch || !strings.Contains(err.Error(), "the lock has another hash of it") {
		t.Error(err)
	}
}
