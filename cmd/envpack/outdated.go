package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/resolver/apt"
)

const outdatedLong = `Compares the lock with what the indexes and the distribution's archives have now, and lists what is
newer, within what the manifest allows. Packages of the base whose newer version is in the
distribution's security pocket are marked "security". Nothing is changed.

"envpack lock --upgrade-base" takes the base's newer versions, "envpack lock --upgrade" all.`

const outdatedExample = `  envpack outdated
  envpack outdated --base                 # the distribution's packages only
  envpack outdated --security --check     # in CI: fail if a security fix is missing`

type outdatedOptions struct {
	base     bool
	security bool
	check    bool
}

func newOutdated(s *session) *cobra.Command {
	var o outdatedOptions
	cmd := &cobra.Command{
		Use:     "outdated [DIR]",
		Short:   "List newer versions of what is locked, and which are security fixes",
		Long:    outdatedLong,
		Example: outdatedExample,
		Args:    atMostOneDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.outdated(cmd.Context(), dirOf(args), o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.base, "base", false, "only packages of the distribution")
	f.BoolVar(&o.security, "security", false, "only security fixes of the distribution's packages")
	f.BoolVar(&o.check, "check", false, "exit status 5 if anything is listed")
	return cmd
}

// newer is a package that has a newer version than the lock's.
type newer struct {
	Kind     string `json:"kind"` // "deb" or "python"
	Name     string `json:"name"`
	Locked   string `json:"locked"`
	Newest   string `json:"newest"`
	Security bool   `json:"security"`
}

func (s *session) outdated(ctx context.Context, dir string, o outdatedOptions) error {
	m, err := manifest.Load(dir)
	if err != nil {
		return err
	}
	old, err := readLock(m, filepath.Join(m.Dir, lockfile.Name))
	if err != nil {
		return err
	}
	if o.security && len(old.Base.Debs) > 0 && !slices.Contains(m.Pockets, "security") {
		s.ui().Warn("security fixes are not looked for: system.pockets in %s leaves them out", m.File)
	}
	st, err := s.openStore()
	if err != nil {
		return err
	}
	fixes := &fixes{found: map[string]string{}}
	// Not scanned, for newer wheels would have to be downloaded: libraries that they need anew are nothing newer.
	now, err := s.resolve(ctx, st, m, old, lockOptions{upgrade: true, stay: true, noScan: true, watch: fixes.watch})
	if err != nil {
		return err
	}
	if at := now.Base.AsOf; o.security && !at.IsZero() {
		s.ui().Warn("security fixes after %s are not looked for: system.as-of in %s leaves them out", at.Format(time.RFC3339), m.File)
	}
	var list []newer
	for _, n := range newerDebs(old, now, fixes.found) {
		if n.Security || !o.security {
			list = append(list, n)
		}
	}
	if !o.base && !o.security {
		list = append(list, newerPackages(old, now)...)
	}
	s.close()
	if err := s.printNewer(list); err != nil {
		return err
	}
	if o.check && len(list) > 0 {
		return diag.New(diag.Stale, "%s out of date", plural(len(list), "locked package")).
			Hint("`envpack lock --upgrade-base %s` takes the base's newer versions, `envpack lock --upgrade %s` all", m.Dir, m.Dir)
	}
	return nil
}

func (s *session) printNewer(list []newer) error {
	if s.json {
		if list == nil {
			list = []newer{}
		}
		return json.NewEncoder(s.stdout).Encode(map[string][]newer{"outdated": list})
	}
	if len(list) == 0 {
		s.ui().Printf("nothing newer")
		return nil
	}
	w := tabwriter.NewWriter(s.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PACKAGE\tLOCKED\tNEWEST\tKIND")
	for _, n := range list {
		kind := n.Kind
		if n.Security {
			kind += ", security"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", n.Name, n.Locked, n.Newest, kind)
	}
	return w.Flush()
}

// fixes notes the newest versions in security pockets.
type fixes struct {
	mu    sync.Mutex
	found map[string]string // by name
}

// watch is base with a look at what it answers.
func (f *fixes) watch(base resolver.BaseSource) resolver.BaseSource { return watched{base, f} }

type watched struct {
	resolver.BaseSource
	fixes *fixes
}

// Base implements resolver.BaseSource.
func (w watched) Base(ctx context.Context, want apt.Options) (*apt.Result, error) {
	r, err := w.BaseSource.Base(ctx, want)
	if err != nil {
		return nil, err
	}
	w.fixes.mu.Lock()
	defer w.fixes.mu.Unlock()
	for _, d := range r.Debs {
		if d.Security != "" {
			w.fixes.found[d.Name] = d.Security
		}
	}
	return r, nil
}

// newerDebs are the packages of the base that changed, by name; architectures that agree stand once. One is a
// security fix if the security pocket has something newer than the locked version: the newest may come
// from a later update, which has the fix too.
func newerDebs(old, now *lockfile.Lock, fixes map[string]string) []newer {
	type key struct{ name, architecture string }
	was := map[key]string{}
	for _, d := range old.Base.Debs {
		was[key{d.Name, d.Architecture}] = d.Version
	}
	var list []newer
	seen := map[newer]bool{}
	for _, d := range now.Base.Debs {
		before, ok := was[key{d.Name, d.Architecture}]
		fix := fixes[d.Name]
		n := newer{Kind: "deb", Name: d.Name, Locked: before, Newest: d.Version, Security: fix != "" && apt.CompareVersions(fix, before) > 0}
		if ok && apt.CompareVersions(d.Version, before) > 0 && !seen[n] {
			seen[n] = true
			list = append(list, n)
		}
	}
	return list
}

// newerPackages are the Python packages that would change.
func newerPackages(old, now *lockfile.Lock) []newer {
	was := map[string]string{}
	for _, p := range old.Packages {
		was[p.Name] = p.Version
	}
	var list []newer
	for _, p := range now.Packages {
		if before, ok := was[p.Name]; ok && before != p.Version {
			list = append(list, newer{Kind: "python", Name: p.Name, Locked: before, Newest: p.Version})
		}
	}
	return list
}
