package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/lockfile"
)

// warnScripts makes the base's layers of a lock, which a build would make next, to tell what the packages' scripts
// would do and nobody does in their place, and whether the wheels can be installed together.
func (s *session) warnScripts(ctx context.Context, st *store.Store, m *manifest.Manifest, l *lockfile.Lock) error {
	b := &building{session: s, m: m, lock: l}
	sup, err := s.openSupply(st, sources.Options{Indexes: m.Indexes, Codename: l.Base.Codename}, b.supplyOptions(), fetching)
	if err != nil {
		return err
	}
	defer sup.Close()
	builder := &imagegen.Builder{Store: st, Supply: sup, Task: s.task}
	for _, t := range l.Targets {
		plan, err := imagegen.NewPlan(l, t.Platform, nil)
		if err != nil {
			return err
		}
		unread, err := builder.Unread(ctx, plan)
		if ctx.Err() == nil && diag.CodeOf(err) == diag.Fetch {
			s.ui().Warn("what the scripts of the base's packages would do was not looked at: %v", err)
			return nil
		}
		if err != nil {
			return advise(err)
		}
		s.warnUnread(unread)
		if len(unbuilt(l)) > 0 {
			continue // no image can be made of it
		}
		if err := builder.Together(ctx, plan); ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil {
			s.warnContested(advise(err))
		}
	}
	return nil
}

// warnContested tells that a build of the lock would fail with an error, and what can be done.
func (s *session) warnContested(err error) {
	text := fmt.Sprintf("no image can be made of this lock: %v", err)
	for _, h := range diag.HintsOf(err) {
		text += "\nhint: " + h
	}
	s.warnOnce(s.keepLock(text))
}

// shownUnread is how many commands of a package's scripts a warning has; with --json it has all.
const shownUnread = 5

// warnUnread tells what nobody does in place of packages' scripts, a warning for each package, once.
func (s *session) warnUnread(unread map[string][]string) {
	for _, pkg := range slices.Sorted(maps.Keys(unread)) {
		list := unread[pkg]
		if n := len(list) - shownUnread; n > 0 && !s.json {
			list = append(slices.Clone(list[:shownUnread]), fmt.Sprintf("and %d more (--json has all)", n))
		}
		text := " " + list[0]
		if len(list) > 1 {
			text = "\n    " + strings.Join(list, "\n    ")
		}
		s.warnOnce(fmt.Sprintf("package %s: nobody does in the image what its script says:%s", pkg, text))
	}
}
