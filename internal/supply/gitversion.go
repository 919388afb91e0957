package supply

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/resolver/pep440"
)

// asksGit are the tools that read a project's version from the tags of its repository, as its files name them.
var asksGit = pattern.New(`setuptools[_-]scm|use_scm_version|hatch[_-]vcs|flit[_-]scm|vcs[_-]versioning|versioningit|poetry-dynamic-versioning|setuptools[_-]git[_-]versioning|source\s*=\s*"scm"|\bpbr\b`)

// versioned tells whether a project's version comes from its repository.
func (g *git) versioned(ctx context.Context, commit, folder string) bool {
	for _, name := range []string{"pyproject.toml", "setup.py", "setup.cfg"} {
		data, err := g.run(ctx, "cat-file", "blob", commit+":"+path.Join(folder, name))
		if err == nil && asksGit().Match(data) {
			return true
		}
	}
	return false
}

var (
	describedForm = pattern.New(`^(.*)-(\d+)-(g[0-9a-f]+)$`)
	// taggedForm takes the version out of a tag, as setuptools_scm does (its default tag_regex).
	taggedForm = pattern.New(`^(?:[\w-]+-)?[vV]?(\d+(?:\.\d+){0,2}[^+]*)(?:\+.*)?$`)
	lastNumber = pattern.New(`^(.*?)(\d+)$`)
)

// version is what such tools say of a commit in a clone of everything: the version of the tag that it has; else that of the last tag before
// it with its last number one higher, as a development version with the number of commits since then, and the commit's hash (the
// default scheme of setuptools_scm, guess-next-dev and node-and-date). The history comes without files and folders where the server
// can leave them out.
func (g *git) version(ctx context.Context, commit string) (string, error) {
	own := *g
	own.dir, own.made = filepath.Join(g.dir, "tags"), false
	if err := os.Mkdir(own.dir, 0o700); err != nil {
		return "", diag.Wrap(err, diag.Failure, "making a temporary folder")
	}
	defer os.RemoveAll(own.dir)
	if err := own.init(ctx, len(commit) == 64); err != nil {
		return "", err
	}
	if _, err := own.run(ctx, "fetch", "--quiet", "--no-auto-gc", "--filter=tree:0", origin, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"); err != nil {
		return "", err
	}
	if _, err := own.run(ctx, "rev-parse", "--quiet", "--verify", commit+"^{commit}"); err != nil {
		return "", ctx.Err() // no branch or tag has it, and nothing can be told
	}
	out, err := own.run(ctx, "describe", "--tags", "--long", "--match", "*[0-9]*", commit)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err == nil {
		if m := describedForm().FindStringSubmatch(strings.TrimSpace(string(out))); m != nil {
			if v := nextVersion(m[1], m[2], m[3]); v != "" {
				return v, nil
			}
		}
	}
	count, err := own.run(ctx, "rev-list", "--count", commit)
	if err != nil {
		return "", err
	}
	short, err := own.run(ctx, "rev-parse", "--short", commit)
	if err != nil {
		return "", err
	}
	return "0.1.dev" + strings.TrimSpace(string(count)) + "+g" + strings.TrimSpace(string(short)), nil
}

// nextVersion is the version of a commit so many after a tag; "" if the tag has none.
func nextVersion(tag, distance, node string) string {
	m := taggedForm().FindStringSubmatch(tag)
	if m == nil {
		return ""
	}
	v, err := pep440.Parse(m[1])
	if err != nil {
		return ""
	}
	base := v.String()
	if distance == "0" {
		return base
	}
	base, _, _ = strings.Cut(base, ".dev")
	parts := lastNumber().FindStringSubmatch(base)
	if parts == nil {
		return ""
	}
	n, err := strconv.Atoi(parts[2])
	if err != nil {
		return ""
	}
	return parts[1] + strconv.Itoa(n+1) + ".dev" + distance + "+" + node
}
