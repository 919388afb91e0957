package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep508"
)

// edit is a change of the manifest, with the lock that belongs to it. Nothing is written before both are known.
type edit struct {
	*session
	editor  *manifest.Editor
	options editOptions
	bound   func(*lockfile.Lock) error // gives requirements the bounds that the lock tells; may be nil
	report  func() editResult
}

// editResult is what add and remove print with --json.
type editResult struct {
	Manifest string   `json:"manifest"`
	Added    []string `json:"added"`
	Removed  []string `json:"removed"`
	Lock     *summary `json:"lock,omitempty"` // none with --no-lock
}

func (e *edit) run(ctx context.Context) error {
	m, err := e.editor.Manifest()
	if err != nil {
		return err
	}
	if e.options.noLock {
		if err := e.write(); err != nil {
			return err
		}
		return e.tell(nil, previous{}, "")
	}
	path := e.options.lock.path(e.options.dir)
	if recorded, there, err := selectionOf(path, false); err != nil {
		return err
	} else if there && !m.Selection.Equal(recorded) {
		return otherGroups(path, recorded, m).Hint("edit with --no-lock, and then lock: `%s`", lockCommand(m, path))
	}
	if err := writable(path); err != nil { // before the work, not after it
		return err
	}
	st, err := e.openStore(ctx)
	if err != nil {
		return err
	}
	old, err := e.readPrevious(path)
	if err != nil {
		return err
	}
	o := lockOptions{noScan: e.options.noScan, building: e.options.building}
	l := upToDate(m, path, o)
	if l == nil {
		if l, err = e.resolve(ctx, st, m, old.prefer, o); err != nil {
			if ctx.Err() != nil {
				return err
			}
			wrapped := diag.Wrap(err, 0, "").Hint("%s was not changed; --no-lock changes it all the same", e.editor.File())
			if slices.ContainsFunc(diag.HintsOf(err), func(h string) bool {
				return strings.Contains(h, "lock --no-build") || strings.Contains(h, "lock --defer-builds")
			}) {
				return wrapped.Hint("add and remove take --no-build and --defer-builds as lock does")
			}
			return wrapped
		}
		old.settle(e.session, l)
		if e.bound != nil {
			if err := e.bound(l); err != nil {
				return err
			}
			// The bounds are what was chosen, so that the answer is the same for the manifest with them.
			if m, err = e.editor.Manifest(); err != nil {
				return err
			}
			l.Project.Manifest = m.Hash()
		}
		if !o.noScan {
			if err := e.warnScripts(ctx, st, m, l); err != nil {
				return err
			}
		}
		if err := e.keepLayers(ctx, st, m, l, old); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.write(); err != nil {
		return err
	}
	if err := putLock(l, path); err != nil {
		return err
	}
	e.remark(m)
	e.tellEffect(l)
	return e.tell(l, old, path)
}

// write replaces the manifest by what it is to be, unless somebody changed it in the meantime.
func (e *edit) write() error {
	if !e.editor.Changed() {
		return nil
	}
	file := e.editor.File()
	now, err := os.ReadFile(file)
	if err != nil {
		return diag.Wrap(err, diag.Failure, "editing %s", file)
	}
	if string(now) != e.editor.Original() {
		return diag.New(diag.Failure, "%s was changed by somebody else in the meantime, and stays as it is now", file).Hint("the same command again goes by what it says now")
	}
	return writeWhole(file, []byte(e.editor.Text()), "")
}

// remark tells of a group that the image does not have.
func (e *edit) remark(m *manifest.Manifest) {
	if e.options.group == "" {
		return
	}
	for _, text := range e.report().Added {
		r, err := pep508.Parse(text)
		if err == nil && !slices.ContainsFunc(m.Requirements, func(have manifest.Requirement) bool { return have.Requirement.String() == r.String() }) {
			if s := e.options.recorded; !s.IsZero() {
				e.ui().Printf("the group %s is not in the image: %s is for %s", e.options.group, e.options.lock.path(e.options.dir), describeSelection(s))
				return
			}
			if locks := e.locksFor(e.options.group); len(locks) > 0 {
				e.ui().Printf("the group %s is not in this image: `envpack lock %s --lock %s` brings the lock that is for it up to date", e.options.group, shellWord(e.options.dir), shellWord(locks[0]))
				return
			}
			e.ui().Printf("the group %s is not in the image: project.groups in %s does not name it; a lock with it is made or brought up to date by `envpack lock --group %s --lock FILE`", e.options.group, m.File, e.options.group)
			return
		}
	}
}

// tell says what changed in the manifest, and in the lock if there is one.
func (e *edit) tell(l *lockfile.Lock, old previous, path string) error {
	r := e.report()
	if e.json {
		if l != nil {
			changes := []lockfile.Change{}
			if old.compare != nil {
				changes = append(changes, lockfile.Diff(old.compare, l)...)
			}
			s := lockSummary(l, changes, old.compare == nil)
			r.Lock = &s
		}
		return e.printJSON(r)
	}
	e.close() // edits are results, as the lock's changes below them are
	for _, text := range r.Removed {
		fmt.Fprintf(e.stdout, "%s: - %s\n", r.Manifest, text)
	}
	for _, text := range r.Added {
		fmt.Fprintf(e.stdout, "%s: + %s\n", r.Manifest, text)
	}
	if len(r.Removed)+len(r.Added) == 0 {
		e.ui().Printf("%s: nothing to change", r.Manifest)
	}
	if l == nil {
		return nil
	}
	return e.tellChanges(l, old, path, false)
}
