package main

import (
	"cmp"
	"context"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/supply"
	"github.com/envpack/envpack/lockfile"
)

// unbuilt names the packages of a lock that no wheel is there of, and where each comes from.
func unbuilt(l *lockfile.Lock) []string {
	var list []string
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
		list = append(list, p.Name+" "+p.Version+" ("+from+")")
	}
	return list
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
	list := unbuilt(l)
	if len(list) == 0 {
		return nil
	}
	return diag.New(diag.Failure, "no image can be made of a lock with %s not built:\n    %s",
		plural(len(list), "package")+" that "+isAre(len(list)), strings.Join(list, "\n    ")).At(diag.Position{File: path}).
		Hint("building source distributions is not supported yet; `envpack lock` without --no-build looks for versions that have wheels").
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
	changed, err := supply.Changed(ctx, l, m.Dir, store)
	if err != nil || len(changed) == 0 {
		return err
	}
	return diag.New(code, "%s is out of date: %s changed since it was made", path, strings.Join(changed, ", ")).
		Hint("`%s` brings it up to date", lockCommand(m, path))
}
