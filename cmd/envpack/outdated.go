package main

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/resolver/apt"
)

const outdatedLong = `Compares the lock with what the indexes and the distribution's archives have now, and lists what is
newer: the version that a new lock would take, and for Python packages the newest that the index has,
with the reason for which a new lock would not take that. Packages of the base whose newer version is
in the distribution's security pocket are marked "security". Nothing is changed.

"envpack lock --upgrade-base" takes the base's newer versions, "envpack lock --upgrade" all, and
"envpack why" tells more of one package. With --check, or --exit-code, the exit status is 5 if a new
lock would take anything newer.`

const outdatedExample = `  envpack outdated
  envpack outdated --base                 # the distribution's packages only
  envpack outdated --security --check     # in CI: fail if a security fix is missing`

type outdatedOptions struct {
	lockFlags
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
			return s.outdated(cmd.Context(), dirOf(cmd, args), o)
		},
	}
	o.addTo(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.base, "base", false, "only packages of the distribution")
	f.BoolVar(&o.security, "security", false, "only security fixes of the distribution's packages")
	f.BoolVar(&o.check, "check", false, "exit status 5 if a new lock would take anything newer that is listed")
	f.BoolVar(&o.check, "exit-code", false, "the same as --check")
	return cmd
}

// newer is a package that has a newer version than the lock's.
type newer struct {
	Kind     string `json:"kind"` // "deb" or "python"
	Name     string `json:"name"`
	Locked   string `json:"locked"`
	Allowed  string `json:"allowed"` // that a new lock takes; "": it does without
	Newest   string `json:"newest"`  // that there is
	Security bool   `json:"security"`
	Reason   string `json:"reason,omitempty"` // why a new lock does not take the newest
	// Platforms are those that this is about; none: all.
	Platforms []string `json:"platforms,omitempty"`
}

// moves tells whether a new lock has another version.
func (n newer) moves() bool { return n.Allowed != n.Locked }

func (s *session) outdated(ctx context.Context, dir string, o outdatedOptions) error {
	p, err := o.openCurrent(dir)
	if err != nil {
		return err
	}
	m, old := p.m, p.lock
	if o.security && len(old.Base.Debs) > 0 && !slices.Contains(m.Pockets, "security") {
		s.ui().Warn("security fixes are not looked for: system.pockets in %s leaves them out", m.File)
	}
	st, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	fixes := &fixes{found: map[string]string{}}
	// Not scanned, for newer wheels would have to be downloaded: libraries that they need anew are nothing newer.
	var ahead []resolver.Ahead
	now, err := s.resolve(ctx, st, m, old, lockOptions{
		upgrade: true, stay: true, files: true, noScan: true, untold: true, building: buildPolicy{defers: true},
		watch: fixes.watch,
		then: func(l *lockfile.Lock, packages resolver.Packages) (err error) {
			if !o.base && !o.security {
				ahead, err = resolver.NewestOf(ctx, m, l, packages)
			}
			return err
		},
	})
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
		list = append(list, newerPackages(old, now, ahead)...)
	}
	s.close()
	if err := s.printNewer(list); err != nil {
		return err
	}
	n := 0
	for _, each := range list {
		if each.moves() {
			n++
		}
	}
	if o.check && n > 0 {
		return diag.New(diag.Stale, "%s out of date", plural(n, "locked package")).
			Hint("`envpack lock --upgrade-base %s` takes the base's newer versions, `envpack lock --upgrade %s` all", shellWord(m.Dir), shellWord(m.Dir))
	}
	return nil
}

func (s *session) printNewer(list []newer) error {
	if s.json {
		if list == nil {
			list = []newer{}
		}
		return s.printJSON(map[string][]newer{"outdated": list})
	}
	if len(list) == 0 {
		s.ui().Printf("nothing newer")
		return nil
	}
	notes := sharedReasons(list)
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PACKAGE\tLOCKED\tNEW LOCK\tNEWEST\tKIND\tREMARK")
	for _, n := range list {
		kind := n.Kind
		if n.Security {
			kind += ", security"
		}
		name, remark := n.Name, reasonLine(n.Reason)
		if i := slices.Index(notes, n.Reason); i >= 0 {
			remark = fmt.Sprintf("[%d]", i+1)
		}
		if len(n.Platforms) > 0 {
			name += " (" + strings.Join(n.Platforms, ", ") + ")"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", name, n.Locked, cmp.Or(n.Allowed, "none"), n.Newest, kind, remark)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for i, reason := range notes {
		fmt.Fprintf(&text, "[%d] %s\n", i+1, reasonLine(reason))
	}
	for line := range strings.Lines(text.String()) {
		if _, err := fmt.Fprintln(s.stdout, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// sharedBy is how many lines share a reason that stands below them, once.
const sharedBy = 3

// sharedReasons are the reasons that many lines share, in the order of the lines.
func sharedReasons(list []newer) []string {
	count := map[string]int{}
	var shared []string
	for _, n := range list {
		if count[n.Reason]++; n.Reason != "" && count[n.Reason] == 1 {
			shared = append(shared, n.Reason)
		}
	}
	return slices.DeleteFunc(shared, func(reason string) bool { return count[reason] < sharedBy })
}

// reasonLine is a reason in one line.
func reasonLine(reason string) string { return diag.Clean(strings.ReplaceAll(reason, "\n", " ")) }

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
	seen := map[string]bool{}
	for _, d := range now.Base.Debs {
		before, ok := was[key{d.Name, d.Architecture}]
		fix := fixes[d.Name]
		n := newer{Kind: "deb", Name: d.Name, Locked: before, Allowed: d.Version, Newest: d.Version, Security: fix != "" && apt.CompareVersions(fix, before) > 0}
		if ok && apt.CompareVersions(d.Version, before) > 0 && !seen[n.Name+" "+before+" "+d.Version] {
			seen[n.Name+" "+before+" "+d.Version] = true
			list = append(list, n)
		}
	}
	return list
}

// newerPackages are the Python packages that would change, and those of which the index has newer versions than a new
// lock would take. Platforms that agree share a line.
func newerPackages(old, now *lockfile.Lock, ahead []resolver.Ahead) []newer {
	var list []newer
	for _, t := range old.Targets {
		is := versionsOn(now, t.Platform)
		for _, p := range old.Packages {
			if !slices.Contains(p.Platforms(), t.Platform) {
				continue
			}
			n := newer{Kind: "python", Name: p.Name, Locked: p.Version, Allowed: is[p.Name]}
			n.Newest = cmp.Or(n.Allowed, n.Locked)
			for _, a := range ahead {
				if a.Name == p.Name && a.Platform == t.Platform {
					n.Newest, n.Reason = a.Newest, a.Reason
				}
			}
			if !n.moves() && n.Newest == n.Locked {
				continue
			}
			i := slices.IndexFunc(list, func(o newer) bool {
				o.Platforms = nil
				return reflect.DeepEqual(o, n)
			})
			if i < 0 {
				i, list = len(list), append(list, n)
			}
			list[i].Platforms = append(list[i].Platforms, t.Platform)
		}
	}
	for i, n := range list {
		several := slices.IndexFunc(list, func(o newer) bool { return o.Name == n.Name }) != i || i+1 < len(list) &&
			slices.ContainsFunc(list[i+1:], func(o newer) bool { return o.Name == n.Name })
		if !several {
			list[i].Platforms = nil
		}
	}
	slices.SortStableFunc(list, func(a, b newer) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// versionsOn are the versions of a lock's packages on a platform.
func versionsOn(l *lockfile.Lock, platform string) map[string]string {
	m := map[string]string{}
	for _, p := range l.Packages {
		if slices.Contains(p.Platforms(), platform) {
			m[p.Name] = p.Version
		}
	}
	return m
}
