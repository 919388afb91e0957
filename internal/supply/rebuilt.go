package supply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
)

// Shelf may have wheels that others built.
type Shelf interface {
	// Wheel brings a wheel into the store if it is there, and tells whether it was. What it brings is held to the hash.
	Wheel(ctx context.Context, f lockfile.File) (bool, error)
}

// takeBuilt brings a wheel that was built when the lock was made: from the store; from where others keep what they built; or by
// building it again in the environment that the lock has. It has to be the same, whichever way.
//
// Errors, as diag errors: of code Mismatch, if another wheel comes out; those of building.
func (s *Supply) takeBuilt(ctx context.Context, w imagegen.Wheel) error {
	if s.Store.Has(w.File.SHA256) {
		return nil
	}
	what := fmt.Sprintf("wheel %s, which was built when the lock was made", w.File.Name)
	if s.Shelf != nil {
		there, err := s.Shelf.Wheel(ctx, w.File)
		if err != nil {
			return diag.Wrap(err, 0, "%s", what)
		}
		if there {
			return nil
		}
	}
	lock := s.Lock
	if outer, ok := ctx.Value(withinKey{}).(*within); ok {
		lock = outer.environment // which has the builds of its own packages, also while there is no lock yet
	}
	if lock == nil {
		return diag.New(diag.Fetch, "%s: the store does not have it", what)
	}
	order, err := orderOf(lock, w)
	if err != nil {
		return diag.Wrap(err, diag.Failure, "%s", what)
	}
	s.Tell(fmt.Sprintf("%s is built again: the store does not have it", w.File.Name))
	built, err := s.build(ctx, order, w.File.SHA256)
	switch cannot, failed := (*resolver.CannotBuild)(nil), (*resolver.BuildError)(nil); {
	case errors.As(err, &cannot):
		e := diag.New(diag.Fetch, "%s: the store does not have it, and %v", what, cannot)
		if cannot.Hint != "" {
			_ = e.Hint("%s", cannot.Hint)
		}
		return e.Hint("`envpack cache export` on a machine that has built it takes it along, and `envpack cache import` brings it here")
	case errors.As(err, &failed):
		return diag.New(diag.Failure, "%s: building it again fails, where it did not before: %s\n%s", what, failed.Error(), lastLines(failed.Output, 20))
	case err != nil:
		return diag.Wrap(err, 0, "%s", what)
	}
	if built.Wheel.SHA256 != w.File.SHA256 {
		return differs(w, built.Wheel)
	}
	return nil
}

// differs is the error of a wheel that came out as another one. Everything that goes into it is the same, by hash, so it is the build
// that makes something new each time, or looks at the machine.
func differs(w imagegen.Wheel, got lockfile.File) error {
	p := w.Package
	e := diag.New(diag.Mismatch, "%s %s was built again, in the environment that the lock has, and is not the wheel that the lock has: %s has the SHA-256 %s, and %s had %s",
		p.Name, p.Version, got.Name, got.SHA256, w.File.Name, w.File.SHA256)
	if got.Name != w.File.Name {
		return e.Hint("its name differs already: the build looks at the machine, such as its processor; a variable in [build.%s.env] may keep it from that", p.Name)
	}
	return e.Hint("its build makes something new each time, as dates, paths of temporary files or random names are, or looks at the processor: a patch or a variable in [build.%s] may keep it from that", p.Name).
		Hint("`envpack lock --upgrade-package %s` takes the wheel that was built now; the machine that made the lock may still have the other", p.Name)
}

// orderOf is the order that a wheel of the lock was made by.
func orderOf(lock *lockfile.Lock, w imagegen.Wheel) (resolver.BuildOrder, error) {
	b := lock.BuildOf(w.File.Build)
	if b == nil {
		return resolver.BuildOrder{}, fmt.Errorf("the lock has no build %s", w.File.Build)
	}
	environment, err := lock.Environment(b.ID)
	if err != nil {
		return resolver.BuildOrder{}, err
	}
	p := w.Package
	p.Files, p.Requires, p.Targets = nil, nil, nil
	return resolver.BuildOrder{
		Package: p, Environment: environment, Hook: resolver.WheelHook,
		Settings: resolver.BuildSettings{Env: maps.Clone(b.Env), Patches: slices.Clone(b.Patches)},
	}, nil
}

// lastLines are the last n lines of a text.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
