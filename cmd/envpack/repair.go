package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/linediff"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
)

// repairRounds are how often a manifest is repaired: what a build says of a package may show that there is no answer yet.
const repairRounds = 5

// repairing is a manifest with what was changed in it for an answer.
type repairing struct {
	*manifest.Amended                      // nil if nothing was
	list              []manifest.Amendment // in the order in which they were found
}

// repairJSON is a change as --json has it.
type repairJSON struct {
	File   string `json:"file"`
	Name   string `json:"name,omitempty"`
	Was    string `json:"was,omitempty"` // what was asked
	Is     string `json:"is"`            // what stands instead; "" for what is left out
	Reason string `json:"reason"`
}

// resolveRepairing makes a lock, and where the manifest has no answer, changes it in memory until it has one.
func (s *session) resolveRepairing(ctx context.Context, st *store.Store, dir string, m *manifest.Manifest, old *lockfile.Lock, o lockOptions) (*lockfile.Lock, *manifest.Manifest, *repairing, error) {
	done := &repairing{}
	o.failed = &resolver.FailedBuilds{}
	for round := 0; ; round++ {
		l, err := s.resolve(ctx, st, m, old, o)
		var none *resolver.Unanswered
		if err == nil || !errors.As(err, &none) || round == repairRounds {
			return l, m, done, err
		}
		if done.Amended == nil {
			done.Amended, err = manifest.Amend(dir, m.Selection, none.Repair)
		} else {
			done.Amended, err = done.Further(m.Selection, none.Repair)
		}
		if err != nil {
			return nil, m, done, err
		}
		done.list = append(done.list, none.Repair...)
		m = done.Manifest
	}
}

// write replaces the manifest, unless somebody changed it in the meantime.
func (r *repairing) write() error {
	if r == nil || r.Amended == nil {
		return nil
	}
	now, err := os.ReadFile(r.File)
	if err != nil {
		return diag.Wrap(err, diag.Failure, "repairing %s", r.File)
	}
	if string(now) != r.Original {
		return diag.New(diag.Failure, "%s was changed by somebody else in the meantime, and stays as it is now", r.File).Hint("the same command again goes by what it says now")
	}
	return writeWhole(r.File, []byte(r.Text), "")
}

// tellRepairs says what was changed in the manifest and why, or, if it is not written, what would be.
func (s *session) tellRepairs(r *repairing, dry bool) {
	if r == nil || r.Amended == nil {
		return
	}
	for _, a := range r.list {
		s.ui().Printf("%s: %s", r.File, a)
	}
	if dry {
		s.close()
		if !s.json {
			name := filepath.Base(r.File)
			fmt.Fprint(s.stdout, linediff.Unified("a/"+name, "b/"+name, r.Original, r.Text))
		}
		return
	}
	s.ui().Printf("%s: %s, each with its reason; look at them before you go on", r.File, plural(len(r.list), "repair"))
}

// asJSON are the changes for --json.
func (r *repairing) asJSON() []repairJSON {
	if r == nil || r.Amended == nil {
		return nil
	}
	var out []repairJSON
	for _, a := range r.list {
		out = append(out, repairJSON{File: r.File, Name: a.Name, Was: a.Was, Is: a.Is, Reason: a.Why})
	}
	return out
}
