package supply

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/sdistfile"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/resolver/direct"
)

// gitMemo keeps the files that describe a project, by repository, commit and folder.
const gitMemo = "git-1"

// maxOutput bounds what is read of git's answers.
const maxOutput = 64 << 20

var (
	fullCommit = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	someCommit = regexp.MustCompile(`^[0-9a-f]{4,64}$`)
)

// repository reads a project in a repository as of the commit that its revision is now, or that the
// lock has of it. Nothing is checked out: the files that describe the project are read from git's objects, which
// git holds to the commit's hash.
func (s *Supply) repository(ctx context.Context, ref direct.Reference, known resolver.Known) (*resolver.Referenced, error) {
	commit := known.Commit
	if fullCommit.MatchString(ref.Revision) {
		commit = ref.Revision
	}
	files, ok := s.notedFiles(ref, commit)
	if !ok {
		if s.Offline {
			return nil, diag.New(diag.Fetch, "the store has nothing of the repository %s, and --offline forbids to ask for it", ref.Git)
		}
		var err error
		if commit, files, err = s.askGit(ctx, ref, commit); err != nil {
			return nil, err
		}
		note, err := json.Marshal(files)
		if err != nil {
			return nil, err
		}
		if err := s.Store.PutMemo(gitMemo, gitKey(ref, commit), note); err != nil {
			return nil, err
		}
	}
	found, err := s.described(&ref, files)
	if err != nil {
		return nil, err
	}
	found.Commit, found.Hashed = commit, commit != ref.Revision
	return found, nil
}

func gitKey(ref direct.Reference, commit string) string {
	return ref.Git + "\x00" + commit + "\x00" + ref.Subdirectory
}

func (s *Supply) notedFiles(ref direct.Reference, commit string) (files sdistfile.Files, ok bool) {
	if commit == "" {
		return nil, false
	}
	note, ok := s.Store.Memo(gitMemo, gitKey(ref, commit))
	return files, ok && json.Unmarshal(note, &files) == nil
}

// askGit fetches a commit, the revision's if it is not known, and reads the files that describe the project.
func (s *Supply) askGit(ctx context.Context, ref direct.Reference, commit string) (string, sdistfile.Files, error) {
	program, err := exec.LookPath("git")
	if err != nil {
		return "", nil, diag.New(diag.Failure, "the repository %s cannot be read: there is no program git", ref.Git).
			Hint("install git, or name an archive of the repository instead: NAME @ https://….tar.gz")
	}
	dir, err := os.MkdirTemp("", "envpack-git-")
	if err != nil {
		return "", nil, diag.Wrap(err, diag.Failure, "making a temporary folder")
	}
	defer os.RemoveAll(dir)
	g := &git{program: program, dir: dir, address: ref.Git}
	if _, err := g.run(ctx, "init", "--quiet", "--bare", "."); err != nil {
		return "", nil, err
	}
	if commit == "" {
		if commit, err = g.resolve(ctx, ref.Revision); err != nil {
			return "", nil, err
		}
	}
	if err := g.fetch(ctx, commit); err != nil {
		return "", nil, err
	}
	files, err := g.files(ctx, commit, ref.Subdirectory)
	return commit, files, err
}

// git is a repository of no files that objects are fetched into.
type git struct {
	program, dir, address string
	whole                 bool // all branches and tags were fetched
}

// command does not ask a person, nor read the settings of a repository that it is run in.
func (g *git) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, g.program, args...)
	cmd.Dir = g.dir
	for _, v := range cmd.Environ() {
		switch name, _, _ := strings.Cut(v, "="); name {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE":
		default:
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "GIT_TERMINAL_PROMPT=0", "LC_ALL=C", "GIT_DIR="+g.dir)
	return cmd
}

func (g *git) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := g.command(ctx, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &limited{w: &stderr, left: 64 << 10}
	out := &limited{w: &bytes.Buffer{}, left: maxOutput}
	cmd.Stdout = out
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case out.left < 0:
		return nil, diag.New(diag.Fetch, "the repository %s: git answers more than is read", g.address)
	case err != nil:
		if text := strings.Join(strings.Fields(diag.Redact(stderr.String())), " "); text != "" {
			return nil, diag.New(diag.Fetch, "the repository %s: git %s: %s", g.address, args[0], text)
		}
		return nil, diag.Wrap(err, diag.Fetch, "the repository %s: git %s", g.address, args[0])
	}
	return out.w.(*bytes.Buffer).Bytes(), nil
}

// limited takes what comes, and drops what is too much.
type limited struct {
	w    io.Writer
	left int64
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= int64(len(p)); l.left >= 0 {
		return l.w.Write(p)
	}
	return len(p), nil
}

// resolve finds the commit that a branch, a tag or the beginning of a commit's hash is now; "" is the
// default branch. A tag goes before a branch, as in git.
func (g *git) resolve(ctx context.Context, revision string) (string, error) {
	names := []string{"HEAD"}
	if revision != "" {
		names = []string{"refs/tags/" + revision + "^{}", "refs/tags/" + revision, "refs/heads/" + revision, revision}
	}
	out, err := g.run(ctx, append([]string{"ls-remote", "--quiet", "--", g.address}, names...)...)
	if err != nil {
		return "", err
	}
	found := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if sum, name, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && fullCommit.MatchString(sum) {
			found[name] = sum
		}
	}
	for _, name := range names {
		if sum := found[name]; sum != "" {
			return sum, nil
		}
	}
	if someCommit.MatchString(revision) {
		if err := g.fetchAll(ctx); err != nil {
			return "", err
		}
		if out, err := g.run(ctx, "rev-parse", "--quiet", "--verify", revision+"^{commit}"); err == nil {
			return strings.TrimSpace(string(out)), nil
		}
	}
	if revision == "" {
		return "", diag.New(diag.Fetch, "the repository %s is empty", g.address)
	}
	return "", diag.New(diag.Manifest, "the repository %s has no branch, tag or commit %s", g.address, revision)
}

// fetch brings a commit. Servers need not give one that no branch or tag is at; then all is fetched.
func (g *git) fetch(ctx context.Context, commit string) error {
	if g.whole {
		return nil
	}
	if _, err := g.run(ctx, "fetch", "--quiet", "--no-auto-gc", "--depth=1", "--no-tags", "--", g.address, commit); err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	if err := g.fetchAll(ctx); err != nil {
		return err
	}
	if _, err := g.run(ctx, "cat-file", "-e", commit+"^{commit}"); err != nil {
		return diag.New(diag.Fetch, "the repository %s has no commit %s any more", g.address, commit).
			Hint("`envpack lock --upgrade` takes what the revision is now")
	}
	return nil
}

func (g *git) fetchAll(ctx context.Context) error {
	// Tidying goes on in the background, in a folder that will be removed.
	_, err := g.run(ctx, "fetch", "--quiet", "--no-auto-gc", "--", g.address, "+refs/*:refs/envpack/*")
	g.whole = err == nil
	return err
}

// files reads the files that describe the project in a folder of a commit.
func (g *git) files(ctx context.Context, commit, folder string) (sdistfile.Files, error) {
	out, err := g.run(ctx, "ls-tree", "-r", "-z", "--full-tree", commit)
	if err != nil {
		return nil, err
	}
	files := sdistfile.Files{}
	inside := folder == ""
	for _, entry := range strings.Split(string(out), "\x00") {
		head, path, _ := strings.Cut(entry, "\t")
		fields := strings.Fields(head) // mode, type, object
		name, ok := path, true
		if folder != "" {
			name, ok = strings.CutPrefix(path, folder+"/")
		}
		inside = inside || ok && path != ""
		if !ok || len(fields) != 3 || !strings.HasPrefix(fields[0], "100") || !sdistfile.Wanted(name) {
			continue
		}
		if files[name], err = g.run(ctx, "cat-file", "blob", fields[2]); err != nil {
			return nil, err
		}
		if len(files[name]) > maxProjectFile || len(files) > 100 {
			return nil, diag.New(diag.Fetch, "the repository %s: %s has more bytes than metadata can have", g.address, path)
		}
	}
	if !inside {
		return nil, diag.New(diag.Manifest, "the repository %s has no folder %s at commit %s", g.address, folder, commit)
	}
	return files, nil
}
