package supply

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/backend"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

// Commit is a commit of a repository.
type Commit struct {
	Hash      string
	Committed time.Time // when it was made, in UTC
	LFS       []string  // files that the repository keeps in Git LFS, of which it has placeholders alone
}

// Checkout brings the files of a repository into a folder, which is made: those of a commit, a branch or a tag, with the
// submodules that they have. Of a branch, the default one if revision is "", and with a moment, it is the last commit before that.
// The folder has the files alone, and nothing of git's.
//
// Errors: diag errors of finding and fetching.
func (s *Supply) Checkout(ctx context.Context, address, revision string, asOf time.Time, dir string) (*Commit, error) {
	hash, err := s.commitOf(ctx, address, revision, asOf)
	if err != nil {
		return nil, err
	}
	note, err := s.commitFiles(ctx, lockfile.Package{Git: address, Commit: hash, Revision: revision})
	if err != nil {
		return nil, err
	}
	blob, err := s.Store.Blob(note.SHA256)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	root, at, err := backend.Unpack(ctx, commitFolder+".tar", blob, blob.Size(), dir)
	if err != nil {
		return nil, diag.Wrap(err, 0, "the repository %s", address)
	}
	if root != "." { // the files lie in a folder of their own there
		if err := lift(filepath.Join(dir, root), dir); err != nil {
			return nil, diag.Wrap(err, diag.Failure, "moving files to %s", dir)
		}
	}
	return &Commit{Hash: hash, Committed: at.UTC(), LFS: note.LFS}, nil
}

// lift moves what is in a folder of dir into dir itself.
func lift(root, dir string) error {
	aside := dir + ".part"
	if err := os.Rename(root, aside); err != nil {
		return err
	}
	defer os.RemoveAll(aside)
	entries, err := os.ReadDir(aside)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Rename(filepath.Join(aside, e.Name()), filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// commitOf finds the commit that a revision is.
func (s *Supply) commitOf(ctx context.Context, address, revision string, asOf time.Time) (string, error) {
	if fullCommit().MatchString(revision) {
		return revision, nil
	}
	if s.Offline {
		return "", diag.New(diag.Fetch, "which commit %s of the repository %s is cannot be told, since --offline forbids to ask for it", revision, address).
			Hint("name the commit by its full hash: the store may have its files")
	}
	g, done, err := s.newGit(address)
	if err != nil {
		return "", err
	}
	defer done()
	commit, name, err := g.resolve(ctx, revision)
	if err != nil || fullCommit().MatchString(commit) && (asOf.IsZero() || name != "HEAD" && !strings.HasPrefix(name, "refs/heads/")) {
		return commit, err
	}
	if !fullCommit().MatchString(commit) {
		if err := g.init(ctx, false); err != nil {
			return "", err
		}
		return g.abbreviated(ctx, commit)
	}
	return g.lastBefore(ctx, name, commit, asOf)
}

// newGit makes a temporary place for a repository; done removes it.
func (s *Supply) newGit(address string) (g *git, done func(), err error) {
	program, err := exec.LookPath("git")
	if err != nil {
		return nil, nil, diag.New(diag.Failure, "the repository %s cannot be read: there is no program git", address).
			Hint("install git, or name a folder that has the files")
	}
	dir, err := os.MkdirTemp("", "envpack-git-")
	if err != nil {
		return nil, nil, diag.Wrap(err, diag.Failure, "making a temporary folder")
	}
	return &git{program: program, dir: dir, address: address, bounds: s.GitBounds.orDefault()}, func() { _ = os.RemoveAll(dir) }, nil
}

// Head is the commit that a folder is a checkout of; nil if it is none: folders above do not count. Of the folder's own settings of
// git none is followed that would run something, and nothing that it lacks is fetched.
func Head(ctx context.Context, dir string) (*Commit, error) {
	if _, err := os.Lstat(filepath.Join(dir, ".git")); err != nil {
		return nil, nil
	}
	program, err := exec.LookPath("git")
	if err != nil {
		return nil, diag.New(diag.Failure, "%s is a checkout of git, and there is no program git", dir).Hint("install git, or say which day it is of by --as-of")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, diag.Wrap(err, diag.Failure, "")
	}
	g := &git{program: program, dir: abs, address: dir, bounds: GitBounds{}.orDefault(), foreign: true}
	hash, err := g.run(ctx, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
	if err != nil {
		if ctx.Err() != nil || strings.Contains(err.Error(), "ownership") {
			return nil, err
		}
		return nil, nil // nothing is committed yet
	}
	raw, err := g.run(ctx, "cat-file", "commit", strings.TrimSpace(string(hash)))
	if err != nil {
		return nil, err
	}
	at, err := committer(string(raw))
	if err != nil {
		return nil, diag.Wrap(err, diag.Failure, "%s", dir)
	}
	return &Commit{Hash: strings.TrimSpace(string(hash)), Committed: at}, nil
}

// committer reads when a commit was made off its object.
func committer(raw string) (time.Time, error) {
	for line := range strings.Lines(raw) {
		if line = strings.TrimRight(line, "\n"); line == "" {
			break
		}
		if _, ok := strings.CutPrefix(line, "committer "); ok {
			fields := strings.Fields(line[strings.LastIndexByte(line, '>')+1:])
			if len(fields) == 2 {
				if seconds, err := strconv.ParseInt(fields[0], 10, 64); err == nil {
					return time.Unix(seconds, 0).UTC(), nil
				}
			}
		}
	}
	return time.Time{}, diag.New(diag.Failure, "its commit does not say when it was made")
}
