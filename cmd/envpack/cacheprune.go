package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/inventory"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/ui"
)

const pruneLong = `Removes what was not used for a while, 30 days unless a flag says something else, what is over a size, or what no
layer is made of. What is damaged, or left by processes that were killed, goes in any case.

A file counts as used when a command used it, or a layer that is made of it. What a layer that stays is made of stays as well,
and so does what the locks of --keep-lock need. While another envpack uses the store, prune waits, and others wait for it.

--unreferenced restricts it to downloads of which no layer is made that the store has: distribution packages whose layer is there,
source distributions, and what ended half-way. Without an age and a size all of these go.`

const pruneExample = `  envpack cache prune                                  # what was not used for 30 days
  envpack cache prune --older-than 7d --dry-run        # what would go
  envpack cache prune --max-size 20GB                  # the longest unused, until 20 GB are left
  envpack cache prune --unreferenced --keep-lock . --keep-lock ../other/envpack.lock`

type pruneOptions struct {
	older        age
	max          byteSize
	unreferenced bool
	dryRun       bool
	keep         []string
}

func newCachePrune(s *session) *cobra.Command {
	o := pruneOptions{max: -1}
	cmd := &cobra.Command{
		Use:        "prune",
		Short:      "Remove what was not used for a while, or is over a size",
		SuggestFor: []string{"gc", "trim"},
		Long:       pruneLong,
		Example:    pruneExample,
		Args:       noArguments,
		RunE:       func(cmd *cobra.Command, _ []string) error { return s.cachePrune(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.Var(&o.older, "older-than", "remove what was not used for this long, an `AGE` as 30d, 2w or 12h")
	f.Var(&o.max, "max-size", "remove what was used longest ago, until this `SIZE` is left, as 20GB or 500MB")
	f.BoolVar(&o.unreferenced, "unreferenced", false, "only what no layer in the store is made of")
	f.StringArrayVar(&o.keep, "keep-lock", nil, "keep what this lock needs, a `FILE` or a project's folder; may be given several times")
	f.BoolVarP(&o.dryRun, "dry-run", "n", false, "say what would go, and remove nothing")
	completeFlag(cmd, "keep-lock", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveDefault
	})
	return cmd
}

// pruned is the result of prune and clean for --json.
type pruned struct {
	Dir     string         `json:"dir"`
	DryRun  bool           `json:"dry_run,omitempty"`
	Removed []amount       `json:"removed"`
	Files   int            `json:"removed_files"`
	Freed   int64          `json:"freed_bytes"`
	Kept    int            `json:"kept_files"`
	Left    int64          `json:"kept_bytes"`
	Why     map[string]int `json:"kept_because,omitempty"` // files by reason
}

func (s *session) cachePrune(ctx context.Context, o pruneOptions) error {
	var locks []namedLock
	for _, name := range o.keep {
		l, err := s.lockNamed(name)
		if err != nil {
			return err
		}
		locks = append(locks, l)
	}
	st, err := s.openExisting(ctx)
	if err != nil || st == nil {
		return s.nothingPruned(err, o.dryRun)
	}
	defer st.Close()
	if !o.dryRun {
		release, err := noStoreChange(ctx, s, st)
		if err != nil {
			return err
		}
		defer release()
	}
	v, err := take(ctx, st)
	if err != nil {
		return err
	}
	for _, l := range locks {
		blobs, memos := imagegen.Holdings(l.lock)
		v.Pin(l.path, blobs, memos)
	}
	p := inventory.Policy{Bytes: int64(o.max), Unreferenced: o.unreferenced}
	if o.older == 0 && o.max < 0 && !o.unreferenced {
		o.older = age(unusedDefault)
	}
	if o.older > 0 {
		p.Unused = time.Now().Add(-time.Duration(o.older))
	}
	c := v.Choose(p, !o.dryRun)
	if !o.dryRun {
		if err := removeAll(ctx, st, c.Go); err != nil {
			return err
		}
	}
	why := map[string]int{}
	for _, i := range c.Stay {
		switch {
		case i.Pinned != "":
			why["needed by "+i.Pinned]++
		case i.Class == store.Blobs && i.Needed > 0:
			why["a layer is made of it"]++
		}
	}
	if err := s.tellPruned(st, c, why, o.dryRun); err != nil {
		return err
	}
	if o.max >= 0 && c.Left > int64(o.max) {
		s.ui().Warn("%s are left, more than %s: what stays is needed", size(c.Left), size(int64(o.max)))
	}
	return nil
}

// removeAll removes what was chosen, notes first, so that none is left behind whose files are gone.
func removeAll(ctx context.Context, st *store.Store, items []*inventory.Item) error {
	items = slices.Clone(items)
	slices.SortStableFunc(items, func(a, b *inventory.Item) int { return int(b.Class) - int(a.Class) })
	for _, i := range items {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := st.RemoveEntry(i.Entry); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) nothingPruned(err error, dry bool) error {
	if err != nil || !s.json {
		return err
	}
	dir, err := s.storeDir()
	if err != nil {
		return err
	}
	return s.printJSON(pruned{Dir: dir, DryRun: dry, Removed: []amount{}})
}

// tellPruned says what went, or would go, and what stays and why.
func (s *session) tellPruned(st *store.Store, c inventory.Choice, why map[string]int, dry bool) error {
	list, total := amounts(c.Go)
	if s.json {
		return s.printJSON(pruned{
			Dir: st.Dir(), DryRun: dry, Removed: append([]amount{}, list...), Files: total.Files, Freed: c.Freed, Kept: len(c.Stay), Left: c.Left, Why: why,
		})
	}
	s.close()
	var b strings.Builder
	if dry {
		t := table{right: []bool{true}}
		for _, i := range c.Go {
			if i.Class == store.Memos || i.Class == store.Scratch {
				continue
			}
			t.add(size(i.Size), i.Used.Local().Format("2006-01-02"), titleOf(i))
		}
		t.write(&b)
	}
	t := table{right: []bool{true, true}}
	for _, a := range list {
		t.add(fmt.Sprint(a.Files), size(a.Bytes), a.Kind)
	}
	t.write(&b)
	verb := "removed"
	if dry {
		verb = "would remove"
	}
	fmt.Fprintf(&b, "%s %s, %s; %s left, %s\n", verb, plural(total.Files, "file"), size(c.Freed), plural(len(c.Stay), "file"), size(c.Left))
	for _, reason := range sortedKeys(why) {
		fmt.Fprintf(&b, "kept %s: %s\n", plural(why[reason], "file"), reason)
	}
	_, err := fmt.Fprint(s.stdout, b.String())
	return err
}

func newCacheClean(s *session) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "clean",
		Short: "Remove everything from the store",
		Long: `Removes everything from the store, begun downloads included. Later commands fetch and make again what they need. On a
terminal it asks first; else --yes must say so. While another envpack uses the store, it waits.`,
		Example: "  envpack cache clean\n  envpack cache clean --yes     # without asking, as in scripts",
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return s.cacheClean(cmd.Context(), yes) },
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

func (s *session) cacheClean(ctx context.Context, yes bool) error {
	st, err := s.openExisting(ctx)
	if err != nil || st == nil {
		return s.nothingPruned(err, false)
	}
	defer st.Close()
	if !yes {
		if yes, err = s.confirm(ctx, "remove everything from "+st.Dir()+"?"); err != nil {
			return err
		}
		if !yes {
			return diag.New(diag.Failure, "nothing was removed")
		}
	}
	release, err := noStoreChange(ctx, s, st)
	if err != nil {
		return err
	}
	defer release()
	v, err := inventory.Take(ctx, st, nil)
	if err != nil {
		return err
	}
	c := v.Choose(inventory.Policy{Bytes: 0}, true)
	if err := removeAll(ctx, st, c.Go); err != nil {
		return err
	}
	return s.tellPruned(st, c, nil, false)
}

// confirm asks on the terminal. Without one there is nobody to ask, and a flag has to say it.
func (s *session) confirm(ctx context.Context, question string) (bool, error) {
	in, ok := s.stdin.(*os.File)
	if !ok || s.json || !ui.For(in, os.Getenv).Terminal {
		return false, diag.New(diag.Usage, "%s Nobody can be asked: standard input is no terminal", question).Hint("--yes does it without asking")
	}
	s.close()
	fmt.Fprintf(s.stderr, "%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(in).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case text := <-answer:
		return text == "y" || text == "yes", nil
	}
}
