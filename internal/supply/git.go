package supply

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/internal/sdistfile"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/resolver/direct"
)

// gitMemo keeps what was read of a commit, by repository, commit and folder.
const gitMemo = "git-3"

var (
	fullCommit = pattern.New(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	someCommit = pattern.New(`^[0-9a-f]{4,64}$`)
)

// checkout is what was read of a commit.
type checkout struct {
	Files     sdistfile.Files
	Committed time.Time // when the commit was made
}

// repository reads a project in a repository as of the commit that its revision is now, or that the
// lock has of it. Nothing is checked out: the files that describe the project are read from git's objects, which
// git holds to the commit's hash.
func (s *Supply) repository(ctx context.Context, ref direct.Reference, known resolver.Known) (*resolver.Referenced, error) {
	commit := known.Commit
	if fullCommit().MatchString(ref.Revision) {
		commit = ref.Revision
	}
	read, ok := s.notedCheckout(ref, commit)
	if !ok {
		if s.Offline {
			return nil, diag.New(diag.Fetch, "the store has nothing of the repository %s, and --offline forbids to ask for it", ref.Git)
		}
		var err error
		if commit, read, err = s.askGit(ctx, ref, commit, known.AsOf); err != nil {
			return nil, err
		}
		note, err := json.Marshal(read)
		if err != nil {
			return nil, err
		}
		if err := s.Store.PutMemo(gitMemo, gitKey(ref, commit), note); err != nil {
			return nil, err
		}
	}
	if !known.AsOf.IsZero() && read.Committed.After(known.AsOf) {
		s.Warn(fmt.Sprintf("%s is of %s, after as-of: the commit that the repository %s has for it is taken all the same", cmp.Or(ref.Revision, commit), read.Committed.Format(time.DateOnly), ref.Git))
	}
	found, err := s.described(&ref, read.Files)
	if found == nil {
		return nil, err
	}
	found.Commit, found.Hashed = commit, commit != ref.Revision
	return found, err
}

func gitKey(ref direct.Reference, commit string) string {
	return ref.Git + "\x00" + commit + "\x00" + ref.Subdirectory
}

func (s *Supply) notedCheckout(ref direct.Reference, commit string) (read checkout, ok bool) {
	if commit == "" {
		return read, false
	}
	note, ok := s.Store.Memo(gitMemo, gitKey(ref, commit))
	return read, ok && json.Unmarshal(note, &read) == nil
}

// askGit fetches a commit, the revision's if it is not known, and reads the files that describe the project.
// Of a branch, with an instant, it is the last that was there then.
func (s *Supply) askGit(ctx context.Context, ref direct.Reference, commit string, asOf time.Time) (string, checkout, error) {
	program, err := exec.LookPath("git")
	if err != nil {
		return "", checkout{}, diag.New(diag.Failure, "the repository %s cannot be read: there is no program git", ref.Git).
			Hint("install git, or name an archive of the repository instead: NAME @ https://….tar.gz")
	}
	dir, err := os.MkdirTemp("", "envpack-git-")
	if err != nil {
		return "", checkout{}, diag.Wrap(err, diag.Failure, "making a temporary folder")
	}
	defer os.RemoveAll(dir)
	g := &git{program: program, dir: dir, address: ref.Git, bounds: s.GitBounds.orDefault()}
	branchOrTag := ""
	if commit == "" {
		if commit, branchOrTag, err = g.resolve(ctx, ref.Revision); err != nil {
			return "", checkout{}, err
		}
		if moving := branchOrTag == "HEAD" || strings.HasPrefix(branchOrTag, "refs/heads/"); moving && !asOf.IsZero() {
			if commit, err = g.lastBefore(ctx, branchOrTag, commit, asOf); err != nil {
				return "", checkout{}, err
			}
		}
	}
	full, read, err := g.commit(ctx, commit, branchOrTag, ref.Subdirectory)
	if diag.CodeOf(err) == diag.Fetch && ctx.Err() == nil && g.partial && !g.exceeded && !g.barred { // what was left out cannot be had by itself
		g.full = true
		full, read, err = g.commit(ctx, commit, branchOrTag, ref.Subdirectory)
	}
	return full, read, err
}

// commit makes a repository, fetches a commit into it and reads it; the commit may be the beginning of one.
func (g *git) commit(ctx context.Context, commit, branchOrTag, folder string) (full string, read checkout, err error) {
	// git makes a repository of SHA-1 unless it is told, and fetches nothing into it from one of SHA-256.
	if err := g.init(ctx, len(commit) == 64); err != nil {
		return "", read, err
	}
	if full = commit; fullCommit().MatchString(commit) {
		err = g.fetch(ctx, commit, branchOrTag)
	} else {
		full, err = g.abbreviated(ctx, commit)
	}
	if err != nil {
		return "", read, err
	}
	if read, err = g.read(ctx, full, folder); err == nil {
		read.Committed, err = g.committed(ctx, full)
	}
	return full, read, err
}

// resolve finds the commit that a branch, a tag or the beginning of a commit's hash is now; "" is the
// default branch. A tag goes before a branch, as in git. name is what is at that commit, "" if nothing is that has a name: then
// the commit is the revision, which may be the beginning of one.
func (g *git) resolve(ctx context.Context, revision string) (commit, name string, err error) {
	names := []string{"HEAD"}
	if revision != "" {
		names = []string{"refs/tags/" + revision + "^{}", "refs/tags/" + revision, "refs/heads/" + revision, revision}
	}
	out, err := g.run(ctx, append([]string{"ls-remote", "--quiet", "--", g.address}, names...)...)
	if err != nil {
		return "", "", err
	}
	found := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if sum, name, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && fullCommit().MatchString(sum) {
			found[name] = sum
		}
	}
	for _, name := range names {
		if sum := found[name]; sum != "" {
			return sum, strings.TrimSuffix(name, "^{}"), nil
		}
	}
	switch {
	case someCommit().MatchString(revision):
		return revision, "", nil
	case revision == "":
		return "", "", diag.New(diag.Fetch, "the repository %s is empty", g.address)
	}
	return "", "", g.noRevision(revision)
}

func (g *git) noRevision(revision string) error {
	return diag.New(diag.Manifest, "the repository %s has no branch, tag or commit %s", g.address, revision).
		Hint("`git ls-remote %s` lists branches and tags", g.address)
}

// abbreviated finds the commit whose hash begins so, which needs the whole history.
func (g *git) abbreviated(ctx context.Context, beginning string) (string, error) {
	if err := g.fetchAll(ctx, "+refs/*:refs/envpack/*"); err != nil {
		if ctx.Err() == nil && strings.Contains(err.Error(), "mismatched algorithms") { // only now does it show
			if err = g.init(ctx, true); err == nil {
				err = g.fetchAll(ctx, "+refs/*:refs/envpack/*")
			}
		}
		if err != nil {
			return "", err
		}
	}
	out, err := g.run(ctx, "rev-parse", "--quiet", "--verify", beginning+"^{commit}")
	if err != nil && ctx.Err() == nil {
		return "", g.noRevision(beginning)
	}
	return strings.TrimSpace(string(out)), err
}

// fetch brings a commit, and no more than that of the history. Servers need not give one that no branch or tag is at, and some
// give none by its hash: then what is at its name is asked for, and at last the history.
func (g *git) fetch(ctx context.Context, commit, name string) error {
	if strings.HasPrefix(name, "-") { // git takes options in every place
		return g.noRevision(name)
	}
	shallow := func(what string) error {
		if err := g.ask(ctx, "--depth=1", "--no-tags", origin, what); err != nil {
			return err
		}
		_, err := g.run(ctx, "cat-file", "-e", commit+"^{commit}")
		return err
	}
	ways := []func() error{func() error { return shallow(commit) }}
	if name != "" {
		ways = append(ways, func() error { return shallow(name) })
	}
	for _, refs := range []string{"+refs/heads/*:refs/envpack/heads/*", "+refs/*:refs/envpack/*"} {
		ways = append(ways, func() error {
			if err := g.fetchAll(ctx, refs); err != nil {
				return err
			}
			_, err := g.run(ctx, "cat-file", "-e", commit+"^{commit}")
			return err
		})
	}
	for i, way := range ways {
		err := way()
		switch {
		case err == nil || ctx.Err() != nil || g.exceeded || g.barred:
			return err
		case i < len(ways)-1:
		case g.whole:
			return diag.New(diag.Fetch, "the repository %s has no commit %s any more", g.address, commit).
				Hint("`envpack lock --upgrade` takes what the revision is now")
		default:
			return err
		}
	}
	return nil
}

// fetchAll brings the history of what is at some names, without the contents of files where the server can leave them out.
func (g *git) fetchAll(ctx context.Context, refs string) error {
	err := g.ask(ctx, origin, refs)
	g.whole = err == nil
	return err
}

// ask is a fetch.
func (g *git) ask(ctx context.Context, args ...string) error {
	// Tidying goes on in the background, in a folder that will be removed.
	command := []string{"fetch", "--quiet", "--no-auto-gc"}
	if !g.full {
		command = append(command, "--filter=blob:none")
	}
	_, err := g.run(ctx, append(command, args...)...)
	return err
}

// read reads the files that describe the project in a folder of a commit.
func (g *git) read(ctx context.Context, commit, folder string) (checkout, error) {
	out, err := g.run(ctx, "ls-tree", "-r", "-z", "--full-tree", commit)
	if err != nil {
		return checkout{}, err
	}
	read := checkout{Files: sdistfile.Files{}}
	wanted := map[string]string{} // objects by name
	inside := folder == ""
	for _, entry := range strings.Split(string(out), "\x00") {
		head, path, _ := strings.Cut(entry, "\t")
		fields := strings.Fields(head) // mode, type, object
		name, ok := path, true
		if folder != "" {
			name, ok = strings.CutPrefix(path, folder+"/")
		}
		inside = inside || ok && path != ""
		switch {
		case !ok || len(fields) != 3:
		case strings.HasPrefix(fields[0], "100") && sdistfile.Wanted(name):
			wanted[name] = fields[2]
		}
	}
	if !inside {
		return checkout{}, diag.New(diag.Manifest, "the repository %s has no folder %s at commit %s", g.address, folder, commit)
	}
	if len(wanted) > 100 {
		return checkout{}, diag.New(diag.Fetch, "the repository %s has %d files of metadata, more than a project can have", g.address, len(wanted))
	}
	g.bring(ctx, wanted)
	for name, object := range wanted {
		data, err := g.run(ctx, "cat-file", "blob", object)
		if err != nil {
			g.partial = !g.full
			return checkout{}, err
		}
		if len(data) > maxProjectFile {
			return checkout{}, diag.New(diag.Fetch, "the repository %s: %s has more bytes than metadata can have", g.address, name)
		}
		if strings.HasPrefix(string(data), lfsPointer) {
			return checkout{}, diag.New(diag.Fetch, "the repository %s keeps %s in Git LFS, which is not read", g.address, name).
				Hint("a file that describes the project has to lie in the repository itself; or name a wheel in its place")
		}
		read.Files[name] = data
	}
	return read, nil
}

// lfsPointer begins a file that stands for one in Git LFS (Git LFS, specification, The Pointer).
const lfsPointer = "version https://git-lfs.github.com/spec/"
