package main

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/supply"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
)

// buildPolicy says what becomes of packages that have no wheel which fits: they are built, unless a flag says otherwise.
type buildPolicy struct {
	refuse bool // --no-build: they are not taken
	defers bool // --defer-builds: they are recorded as they are, and built by a later lock elsewhere
}

func (p *buildPolicy) addTo(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&p.refuse, "no-build", false, "build nothing: take versions that have a wheel, and no folder or repository")
	cmd.Flags().BoolVar(&p.defers, "defer-builds", false, "build nothing: record what has to be built as it is, and have \"envpack lock\" on another machine build it")
}

// check refuses flags that contradict each other.
func (p buildPolicy) check() error {
	if p.refuse && p.defers {
		return diag.New(diag.Usage, "--no-build takes nothing that has to be built, and --defer-builds records it: give one of them")
	}
	return nil
}

// admits tells whether a lock can be one that is made so.
func (p buildPolicy) admits(l *lockfile.Lock) bool {
	switch {
	case p.defers:
		return true
	case len(resolver.Unbuilt(l)) > 0:
		return false
	}
	return !p.refuse || len(l.Builds) == 0
}

// unbuilt names the packages of a lock that no wheel is there of, and where each comes from.
func unbuilt(l *lockfile.Lock) []string {
	var names []string
	for _, p := range l.Packages {
		if p.Built() {
			continue
		}
		from := cmp.Or(p.Path, p.URL)
		switch {
		case p.Git != "":
			from = p.Origin()
		case from == "":
			from = p.Files[0].Name
		}
		names = append(names, p.Name+" "+p.Version+" ("+from+")")
	}
	return names
}

// holdCurrent holds a lock to the manifest and to the files of this machine. Errors: of code Stale; those of reading.
func (s *session) holdCurrent(ctx context.Context, m *manifest.Manifest, path string) error {
	l, err := readLock(m, path)
	if err != nil {
		return err
	}
	store, err := s.storeDir()
	if err != nil {
		return err
	}
	return holdLocal(ctx, l, m, path, store, diag.Stale)
}

// buildable tells whether an image can be made of a lock, as far as its packages and the files of this machine go.
func buildable(ctx context.Context, l *lockfile.Lock, m *manifest.Manifest, path, store string) error {
	if err := refuseUnbuilt(l, path); err != nil {
		return err
	}
	return holdLocal(ctx, l, m, path, store, diag.Mismatch)
}

// refuseUnbuilt is the error of a build that needs packages which are not built.
func refuseUnbuilt(l *lockfile.Lock, path string) error {
	names := unbuilt(l)
	if len(names) == 0 {
		return nil
	}
	return diag.New(diag.Failure, "no image can be made of a lock with %s not built:\n    %s",
		plural(len(names), "package")+" that "+isAre(len(names)), strings.Join(names, "\n    ")).At(diag.Position{File: path}).
		Hint("`envpack lock` builds %s, on Linux of that architecture; `envpack lock --no-build` looks for versions that have wheels", itThem(len(names))).
		Hint("a wheel that you build yourself can be named in its place: NAME @ ./wheels/….whl")
}

func itThem(n int) string {
	if n == 1 {
		return "it"
	}
	return "them"
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// holdLocal holds the files and folders of this machine that a lock names by path to their hashes. The store, a folder,
// is never part of a folder. A build would not notice: it
// takes from the store what the lock means, and whoever made a wheel anew expects the new one in the image.
//
// Errors: of the code, if one changed; those of reading.
func holdLocal(ctx context.Context, l *lockfile.Lock, m *manifest.Manifest, path, store string, code diag.Code) error {
	changed, err := supply.Changed(ctx, l, m.Dir, store, time.Now)
	if err != nil || len(changed) == 0 {
		return err
	}
	return diag.New(code, "%s is out of date: %s changed since it was made", path, strings.Join(changed, ", ")).
		Hint("`%s` brings it up to date", lockCommand(m, path))
}

// builderBy is whoever builds sources with what a supply brings, nil if it does not.
func builderBy(sup any) resolver.Builder {
	b, _ := sup.(resolver.Builder)
	return b
}
