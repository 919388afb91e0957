package supply

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/testenv"
)

// TestHead reads the commit of a checkout whose settings would run a program wherever git lets them.
func TestHead(t *testing.T) {
	testenv.Tool(t, "git")
	dir := t.TempDir()
	ctx := context.Background()
	if head, err := Head(ctx, dir); head != nil || err != nil {
		t.Errorf("of no checkout: %v, %v", head, err)
	}
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@b.example"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE=2021-10-05T23:30:00-0200", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "--quiet")
	if head, err := Head(ctx, dir); head != nil || err != nil {
		t.Errorf("before the first commit: %v, %v", head, err)
	}
	git("commit", "--quiet", "--allow-empty", "-m", "x")
	mark := filepath.Join(dir, "ran")
	script := filepath.Join(dir, "run.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\ntouch '"+mark+"'\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, setting := range []string{"core.fsmonitor", "gpg.program", "core.sshCommand", "core.pager", "pager.cat-file", "core.editor", "diff.external", "core.hooksPath"} {
		git("config", setting, script)
	}
	git("config", "log.showSignature", "true")
	head, err := Head(ctx, dir)
	if err != nil || head == nil || len(head.Hash) != 40 {
		t.Fatalf("%+v, %v", head, err)
	}
	if want := time.Date(2021, 10, 6, 1, 30, 0, 0, time.UTC); !head.Committed.Equal(want) {
		t.Errorf("made %s, want %s", head.Committed, want)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("a program of the checkout's settings ran")
	}
	inner := filepath.Join(dir, "inner")
	if err := os.Mkdir(inner, 0o700); err != nil {
		t.Fatal(err)
	}
	if head, err := Head(ctx, inner); head != nil || err != nil {
		t.Errorf("of a folder in a checkout: %v, %v", head, err)
	}
}

// TestHeadFetchesNothing reads a checkout whose commit is missing, so that git would fetch it by a program of the settings.
func TestHeadFetchesNothing(t *testing.T) {
	dir, git := newRepository(t, "sha1", nil)
	mark := filepath.Join(dir, "ran")
	script := filepath.Join(dir, "run.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\ntouch '"+mark+"'\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, setting := range [][2]string{
		{"core.repositoryformatversion", "1"}, {"extensions.partialClone", "origin"}, {"remote.origin.promisor", "true"},
		{"remote.origin.url", fileURL(dir)}, {"remote.origin.uploadpack", script},
	} {
		git("config", setting[0], setting[1])
	}
	if err := os.WriteFile(filepath.Join(dir, ".git", "HEAD"), []byte(strings.Repeat("1", 40)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if head, err := Head(t.Context(), dir); head != nil {
		t.Errorf("%+v, %v", head, err)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("a program of the checkout's settings ran")
	}
}
