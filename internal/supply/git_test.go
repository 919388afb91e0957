package supply

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/resolver/direct"
)

// newRepository is one with a pyproject.toml of version 1 and, besides, the files that are given.
func newRepository(t *testing.T, format string, files map[string]string) (dir string, git func(args ...string) string) {
	t.Helper()
	testenv.Tool(t, "git")
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	dir = t.TempDir()
	git = func(args ...string) string {
		t.Helper()
		out, err := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@b.example"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", "-b", "main", "--object-format="+format)
	all := map[string]string{"pyproject.toml": "[project]\nname = \"demo\"\nversion = \"1\"\n"}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git("add", ".")
	git("commit", "-q", "-m", "first")
	return dir, git
}

func fileURL(dir string) string { return "file://" + filepath.ToSlash(dir) }

func (s *Supply) ask(t *testing.T, address, revision string) (*resolver.Referenced, error) {
	t.Helper()
	return s.Reference(t.Context(), direct.Reference{Git: address, Revision: revision}, resolver.Known{})
}

// TestSHA256 reads repositories of git's newer format, by branch, tag, commit and the beginning of one.
func TestSHA256(t *testing.T) {
	dir, git := newRepository(t, "sha256", nil)
	git("tag", "-a", "-m", "annotated", "v1")
	commit := git("rev-parse", "HEAD")
	for _, revision := range []string{"", "main", "v1", commit, commit[:10]} {
		s := &Supply{Options: Options{Store: openStore(t)}}
		found, err := s.ask(t, fileURL(dir), revision)
		if err != nil || found.Commit != commit || len(commit) != 64 || found.Metadata.Version != "1" {
			t.Errorf("%q: %+v %v", revision, found, err)
		}
	}
}

// TestPartial leaves out what it does not read, where the server can, and holds to a bound what cannot be left out.
func TestPartial(t *testing.T) {
	dir, git := newRepository(t, "sha1", map[string]string{"model.bin": noise(8 << 20), "demo.egg-info/PKG-INFO": "Metadata-Version: 2.1\nName: demo\nVersion: 1\n"})
	bounded := func() *Supply {
		return &Supply{Options: Options{Store: openStore(t), GitBounds: GitBounds{Bytes: 2 << 20}}}
	}
	git("tag", "v1")
	git("config", "uploadpack.allowFilter", "true")
	git("config", "uploadpack.allowAnySHA1InWant", "true")
	commit := git("rev-parse", "HEAD")
	for _, revision := range []string{"v1", commit, commit[:12]} {
		if found, err := bounded().ask(t, fileURL(dir), revision); err != nil || found.Metadata.Version != "1" {
			t.Errorf("%s: %+v %v", revision, found, err)
		}
	}
	git("config", "uploadpack.allowFilter", "false")
	_, err := bounded().ask(t, fileURL(dir), "v1")
	if diag.CodeOf(err) != diag.Fetch || !strings.Contains(err.Error(), "has more than 2 MiB that git would fetch") || len(diag.HintsOf(err)) == 0 {
		t.Errorf("%v, hints %q", err, diag.HintsOf(err))
	}
	if found, err := (&Supply{Options: Options{Store: openStore(t)}}).ask(t, fileURL(dir), "v1"); err != nil || found.Metadata.Version != "1" {
		t.Errorf("%+v %v", found, err)
	}
}

// noise is text that does not compress.
func noise(n int) string {
	out := make([]byte, n)
	state := uint64(88172645463325252)
	for i := range out { // xorshift64
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		out[i] = byte(state)
	}
	return string(out)
}

// TestSilentRepository ends git when nobody answers it, with all that it has started.
func TestSilentRepository(t *testing.T) {
	newRepository(t, "sha1", nil) // that there is a git
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := &Supply{Options: Options{Store: openStore(t), GitBounds: GitBounds{Time: 300 * time.Millisecond}}}
	start := time.Now()
	_, err = s.ask(t, "git://"+l.Addr().String()+"/r", "v1")
	if diag.CodeOf(err) != diag.Fetch || !strings.Contains(err.Error(), "git ls-remote took longer than 300ms, and was ended") ||
		!strings.Contains(strings.Join(diag.HintsOf(err), "\n"), l.Addr().String()+" may be slow") {
		t.Errorf("%v, hints %q", err, diag.HintsOf(err))
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("after %s", took)
	}
}

// TestNobodyIsAsked lets no program ask for a password, and says where one is looked for.
func TestNobodyIsAsked(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the programs are shell scripts")
	}
	newRepository(t, "sha1", nil)
	bin := t.TempDir()
	asked := filepath.Join(bin, "asked")
	script := func(name, text string) string {
		name = filepath.Join(bin, name)
		if err := os.WriteFile(name, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return name
	}
	t.Setenv("GIT_ASKPASS", script("askpass", "echo >"+asked))
	t.Setenv("SSH_ASKPASS", filepath.Join(bin, "askpass"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer server.Close()
	hint := func(err error) string { return strings.Join(diag.HintsOf(err), "\n") }
	s := &Supply{Options: Options{Store: openStore(t)}}
	_, err := s.ask(t, server.URL+"/r", "v1")
	if diag.CodeOf(err) != diag.Fetch || !strings.Contains(err.Error(), "terminal prompts disabled") || !strings.Contains(hint(err), "wants a user and a password, and nobody is asked: write them into ~/.netrc") {
		t.Errorf("%v, hints %q", err, hint(err))
	}
	if _, err := os.Stat(asked); err == nil {
		t.Error("a program was asked for the password")
	}

	// ssh gets no terminal and no askpass, and is told so, unless the user's settings say how it is called.
	script("ssh", `echo "$@" >`+asked+`; test -z "$SSH_ASKPASS" || echo askpass >&2; (true </dev/tty) 2>/dev/null && echo terminal >&2; echo "Host key verification failed." >&2; exit 255`)
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	_, err = s.ask(t, "ssh://git@git.example/r", "v1")
	if !strings.Contains(err.Error(), "Host key verification failed") || !strings.Contains(hint(err), "ssh does not know the key of git.example, or it changed: `ssh -T git.example` shows it") {
		t.Errorf("%v, hints %q", err, hint(err))
	}
	if out, _ := os.ReadFile(asked); !strings.Contains(string(out), "BatchMode=yes") {
		t.Errorf("ssh %s", out)
	}
	if strings.Contains(err.Error(), "askpass") || strings.Contains(err.Error(), "terminal") {
		t.Errorf("ssh could ask: %v", err)
	}
	t.Setenv("GIT_SSH_COMMAND", script("own", `echo own >`+asked+`; echo "git@git.example: Permission denied (publickey)." >&2; exit 255`))
	_, err = s.ask(t, "ssh://git@git.example/r", "v1")
	if out, _ := os.ReadFile(asked); string(out) != "own\n" || !strings.Contains(hint(err), "takes none of the keys that ssh offers: `ssh-add -l`") {
		t.Errorf("%v, %q, %s", err, hint(err), out)
	}
}

// TestBarred asks a repository that nobody may read once, and not for its whole history because it has not given a commit.
func TestBarred(t *testing.T) {
	newRepository(t, "sha1", nil)
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer server.Close()
	s := &Supply{Options: Options{Store: openStore(t)}}
	_, err := s.ask(t, server.URL+"/r", strings.Repeat("0123", 10))
	if diag.CodeOf(err) != diag.Fetch || !strings.Contains(err.Error(), "terminal prompts disabled") || asked != 1 {
		t.Errorf("%v, %d requests", err, asked)
	}
}

// TestLFS says what is not read of a repository: what lies in Git LFS.
func TestLFS(t *testing.T) {
	dir, _ := newRepository(t, "sha1", map[string]string{"py/pyproject.toml": "[project]\nname = \"py\"\nversion = \"2\"\n",
		"big/pyproject.toml": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"})
	s := &Supply{Options: Options{Store: openStore(t)}}
	ref := direct.Reference{Git: fileURL(dir), Revision: "main", Subdirectory: "py"}
	if found, err := s.Reference(t.Context(), ref, resolver.Known{}); err != nil || found.Metadata.Version != "2" {
		t.Errorf("%+v %v", found, err)
	}
	ref.Subdirectory = "big"
	_, err := s.Reference(t.Context(), ref, resolver.Known{})
	if diag.CodeOf(err) != diag.Fetch || !strings.Contains(err.Error(), "keeps pyproject.toml in Git LFS, which is not read") {
		t.Error(err)
	}
}

// TestNoHooks runs nothing that the user's settings have for events in repositories.
func TestNoHooks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the hook is a shell script")
	}
	dir, _ := newRepository(t, "sha1", nil)
	hooks := t.TempDir()
	if err := os.WriteFile(filepath.Join(hooks, "reference-transaction"), []byte("#!/bin/sh\necho >>"+filepath.Join(hooks, "ran")+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(hooks, "config")
	if err := os.WriteFile(config, []byte("[core]\n\thooksPath = "+hooks+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_CONFIG_GLOBAL", config)
	s := &Supply{Options: Options{Store: openStore(t)}}
	if _, err := s.ask(t, fileURL(dir), "main"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(hooks, "ran")); err == nil {
		t.Error("a hook ran")
	}
}
