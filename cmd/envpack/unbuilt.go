package main

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/supply"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
)

// buildPolicy says which source distributions are taken and recorded as they are: with --no-build all, with --no-build=false
// none, else those of packages that the lock which is there has so. Locking so neither fails nor changes because a flag was
// not repeated, and takes no others so unasked.
type buildPolicy struct {
	all  bool // the flag's value
	said bool // the flag was given
}

func (p *buildPolicy) addTo(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&p.all, "no-build", false, "let source distributions in where there is no wheel, and record them without building them, where uv's --no-build refuses them (default: only of packages that the lock has so; --no-build=false: of none)")
}

// changed notes whether the flag was given.
func (p *buildPolicy) changed(cmd *cobra.Command) { p.said = cmd.Flags().Changed("no-build") }

// kept are the packages of a lock, or of nil, whose source distributions are taken without the flag.
func (p buildPolicy) kept(old *lockfile.Lock) []string {
	if p.said || old == nil {
		return nil
	}
	return resolver.Unbuilt(old)
}

// admits tells whether a lock can be one that is made so.
func (p buildPolicy) admits(l *lockfile.Lock) bool {
	return p.all || !p.said || len(resolver.Unbuilt(l)) == 0
}

// tellKept tells what a new lock has as it is because the one before had it so.
func (s *session) tellKept(l *lockfile.Lock, kept []string) {
	still := slices.DeleteFunc(resolver.Unbuilt(l), func(name string) bool { return !slices.Contains(kept, name) })
	if len(still) > 0 {
		s.ui().Printf("%s not built, as in the lock that was there: %s; --no-build=false looks for wheels",
			plural(len(still), "package")+" "+isAre(len(still)), list(still))
	}
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
		Hint("building source distributions is not supported yet; `envpack lock --no-build=false` tells whether other versions have wheels").
		Hint("a wheel that you build yourself can be named in its place: NAME @ ./wheels/….whl")
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
