package resolver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep440"
)

// notBuilt says of which source a build failed.
type notBuilt struct {
	name    string
	version pep440.Version
	error
}

func (e *notBuilt) Unwrap() error { return e.error }

// FailedBuilds are the versions of which it turned out that they cannot be built. It is told and asked from many goroutines.
type FailedBuilds struct {
	mu   sync.Mutex
	list map[string]string // by project and version, why
}

// add notes the version whose build failed. It tells whether err is of one: not what fails for other reasons, as a download.
func (b *FailedBuilds) add(ctx context.Context, err error) (first *notBuilt, ok bool) {
	if ctx.Err() != nil || !errors.As(err, &first) || errors.As(err, new(*CannotBuild)) {
		return nil, false
	}
	var made *unmade
	var failed *BuildError
	if errors.As(err, &made) {
		failed = made.why
	}
	if failed == nil && diag.CodeOf(err) != diag.NoAnswer {
		return nil, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.list == nil {
		b.list = map[string]string{}
	}
	key := first.name + "\x00" + first.version.String()
	if _, there := b.list[key]; there {
		return first, false
	}
	b.list[key] = failureText(first, failed)
	return first, true
}

// of is why a version cannot be built, "" if nothing is known of it.
func (b *FailedBuilds) of(name string, v pep440.Version) string {
	if b == nil {
		return ""
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.list[name+"\x00"+v.String()]
}

// failureText is what failed in a line.
func failureText(first *notBuilt, failed *BuildError) string {
	text := first.error.Error()
	if failed != nil {
		text = failed.Error()
		// An exception whose text begins on the next line.
		if head := strings.TrimSpace(text); strings.HasSuffix(head, ":") {
			_, rest, found := strings.Cut(failed.Output, head)
			for line := range strings.SplitSeq(rest, "\n") {
				if line = strings.TrimSpace(line); found && line != "" {
					text = head + " " + line
					break
				}
			}
		}
	}
	text, _, _ = strings.Cut(text, "\n")
	return strings.TrimRight(strings.TrimSpace(text), ".:")
}

// note is add for the question that is asked; it tells what was noted. w is nil if nothing is built.
func (b *FailedBuilds) note(ctx context.Context, w *workshop, err error) bool {
	if err == nil || w == nil {
		return false
	}
	first, ok := b.add(ctx, err)
	if ok {
		w.tell(fmt.Sprintf("%s %s cannot be built (%s)", first.name, first.version, b.of(first.name, first.version)))
	}
	return ok
}

// markBroken says of a candidate that it cannot be built, if that is known.
func (c *catalogue) markBroken(name string, v *candidate) {
	if why := c.policies.broken.of(name, v.version); why != "" && isSource(v) {
		v.reason = reason{kind: cannotBuild, detail: why}
	}
}

// notBuilt says of which package a build failed.
func (p *provider) notBuilt(source lockfile.Package, err error) error {
	v, bad := pep440.Parse(source.Version)
	if bad != nil || source.Name == "" {
		return err
	}
	return &notBuilt{source.Name, v, err}
}

// shownLines are how many lines of a build's output an error shows.
const shownLines = 15

func lastLines(text string, n int) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
