package supply

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/diag"
)

// committed is when a commit was made, by who put it where it is: its committer's date.
func (g *git) committed(ctx context.Context, commit string) (time.Time, error) {
	out, err := g.run(ctx, "show", "--no-patch", "--no-show-signature", "--format=%ct", commit)
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		return time.Time{}, diag.New(diag.Fetch, "the repository %s: the time of commit %s is %.40q", g.address, commit, out)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// lastBefore is the commit that a branch was at, at a moment: going back from what it is now, always to the first parent, the
// first whose committer's date is not after that. What was merged later, or pushed with an older date, nobody can tell apart.
// The history comes without files and folders where the server can leave them out.
func (g *git) lastBefore(ctx context.Context, branch, tip string, moment time.Time) (string, error) {
	own := *g
	own.dir, own.made = filepath.Join(g.dir, "history"), false
	if err := os.Mkdir(own.dir, 0o700); err != nil {
		return "", diag.Wrap(err, diag.Failure, "making a temporary folder")
	}
	defer os.RemoveAll(own.dir)
	if err := own.init(ctx, len(tip) == 64); err != nil {
		return "", err
	}
	if err := own.ask(ctx, "--depth=1", "--no-tags", origin, branch); err != nil {
		return "", err
	}
	// The branch may have moved on since it was asked for.
	out, err := own.run(ctx, "rev-parse", "--verify", "FETCH_HEAD^{commit}")
	if err != nil {
		return "", err
	}
	tip = strings.TrimSpace(string(out))
	newest, err := own.committed(ctx, tip)
	if err != nil || !newest.After(moment) {
		return tip, err
	}
	if _, err := own.run(ctx, "fetch", "--quiet", "--no-auto-gc", "--no-tags", "--unshallow", "--filter=tree:0", origin, branch); err != nil {
		return "", err
	}
	out, err = own.run(ctx, "log", "--first-parent", "--no-show-signature", "--format=%H %ct", tip)
	if err != nil {
		return "", err
	}
	first := ""
	for line := range strings.Lines(string(out)) {
		commit, stamp, _ := strings.Cut(strings.TrimSpace(line), " ")
		seconds, err := strconv.ParseInt(stamp, 10, 64)
		if err != nil {
			return "", diag.New(diag.Fetch, "the repository %s: the time of commit %s is %.40q", g.address, commit, stamp)
		}
		at := time.Unix(seconds, 0).UTC()
		if !at.After(moment) {
			return commit, nil
		}
		first = at.Format(time.DateOnly)
	}
	name := strings.TrimPrefix(branch, "refs/heads/")
	if name == "HEAD" {
		name = "its default branch"
	} else {
		name = "the branch " + name
	}
	return "", diag.New(diag.NoAnswer, "the repository %s: %s has no commit from before %s", g.address, name, moment.Format(time.RFC3339)).
		Hint("its first is of %s: name a later as-of, or the commit that is meant", first)
}
