package resolver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/cuda"
)

// moved finds out which packages are older, or not those that they would be, because of [gpu], by solving without it; and
// writes why into the lock: a choice for each that is itself for another CUDA, or needs what is. What only goes along
// with these is named there.
func (q *question) moved(ctx context.Context, lock *lockfile.Lock, done []*solved) error {
	if q.policies.gpu == nil {
		return nil
	}
	free := q.variant()
	free.policies.gpu = &gpu{want: q.m.GPU, loose: true, found: q.policies.gpu.found}
	free.options.Packages = slices.Clone(free.options.Packages)
	for _, s := range done { // what the lock has of them may be what [gpu] once led to
		free.options.Packages = append(free.options.Packages, slices.Collect(maps.Keys(s.versions))...)
	}
	choices, err := free.movedFrom(ctx, done, q)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	switch {
	case errors.As(err, new(*unsolved)): // without [gpu] there is no answer either, and nothing that would be
		choices = q.saidBefore(done)
	case diag.CodeOf(err) == diag.Fetch, errors.As(err, new(*needsBuild)): // the lock is right without the reasons, and nothing is built for them
		choices = q.saidBefore(done)
		q.options.Tell(fmt.Sprintf("which versions [gpu] decided could not be found out, and the lock says of them what it said before: %v", err))
	case err != nil:
		return err
	}
	lock.Choices = append(lock.Choices, choices...)
	return nil
}

// saidBefore are the reasons that the lock that is there has for versions which stay.
func (q *question) saidBefore(done []*solved) []lockfile.Choice {
	if q.options.Previous == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(q.options.Previous.Choices), func(c lockfile.Choice) bool {
		stays := slices.ContainsFunc(done, func(s *solved) bool {
			return s.target.Platform == c.Target && s.has(c.Name) && s.versions[c.Name].String() == c.Value
		})
		return c.Kind != lockfile.CUDAChoice || !stays
	})
}

// movedFrom compares the answers of the question without [gpu] with those of the one with it.
func (q *question) movedFrom(ctx context.Context, done []*solved, with *question) ([]lockfile.Choice, error) {
	without, err := q.answer(ctx)
	if err != nil {
		return nil, err
	}
	g := with.policies.gpu
	var upgraded []*solved // asked for where it is needed
	var choices []lockfile.Choice
	for i, s := range done {
		reasons, err := s.movedFrom(ctx, without[i], g)
		if err != nil {
			return nil, err
		}
		for _, name := range slices.Sorted(maps.Keys(reasons)) {
			if q.options.Previous != nil && !without[i].ruledOut(ctx, name, g) {
				if upgraded == nil {
					fresh := with.variant()
					fresh.options.Packages = q.options.Packages
					if upgraded, err = fresh.answer(ctx); err != nil {
						return nil, err
					}
				}
				if s.versions[name].Less(upgraded[i].versions[name]) {
					continue // the lock keeps what it had, as of every package
				}
			}
			choices = append(choices, lockfile.Choice{
				Kind: lockfile.CUDAChoice, Name: name, Value: s.versions[name].String(), Target: s.target.Platform, Reason: reasons[name],
			})
		}
	}
	return choices, nil
}

// movedFrom are the packages that have an older version than without [gpu] because that is for a CUDA which cannot be
// used, each with the reason.
func (s *solved) movedFrom(ctx context.Context, without *solved, g *gpu) (map[string]string, error) {
	var lowered []string
	for _, name := range slices.Sorted(maps.Keys(s.versions)) {
		if was, there := without.versions[name]; there && s.versions[name].Less(was) {
			lowered = append(lowered, name)
		}
	}
	reasons := map[string]string{}
	for _, name := range lowered {
		why, err := without.forOtherCUDA(ctx, name, s.cuda, g)
		if err != nil {
			return nil, err
		}
		if why != "" {
			reasons[name] = fmt.Sprintf("not %s, which %s", without.versions[name], why)
		}
	}
	var along []string
	for _, name := range lowered {
		if reasons[name] == "" && slices.ContainsFunc(s.provider.m.Requirements, func(r manifest.Requirement) bool { return r.Name == name }) {
			along = append(along, fmt.Sprintf("%s %s instead of %s", name, s.versions[name], without.versions[name]))
		}
	}
	if len(along) > 0 && len(reasons) > 0 {
		first := slices.Sorted(maps.Keys(reasons))[0]
		reasons[first] += "; with it " + strings.Join(along, ", ")
	}
	return reasons, nil
}

// ruledOut tells whether what the package of the answer without [gpu] is for cannot be used at all, whatever other packages are for.
func (s *solved) ruledOut(ctx context.Context, name string, g *gpu) bool {
	why, err := s.forOtherCUDA(ctx, name, 0, g)
	return err == nil && why != ""
}

// forOtherCUDA says how a package of the answer is for a major version of CUDA that is not the one wanted; "" if it is not.
func (s *solved) forOtherCUDA(ctx context.Context, name string, wanted int, g *gpu) (string, error) {
	list, err := s.needs(ctx, name)
	if err != nil {
		return "", err
	}
	if why := g.without(s.target.Platform, name, s.versions[name].String(), list); why != "" {
		return why, nil
	}
	platform := s.target.Platform
	own := cuda.Brings(cuda.Package{Name: name, Version: s.versions[name].String(), Requires: list, Platform: platform})
	if own.Role == cuda.Library {
		return "", nil // whatever needs it is what people know
	}
	for _, r := range list {
		v, there := s.versions[r]
		if !there {
			continue
		}
		more, err := s.needs(ctx, r)
		if err != nil {
			return "", err
		}
		if b := cuda.Brings(cuda.Package{Name: r, Version: v.String(), Requires: more, Platform: platform}); g.refuses(b, wanted) != "" && b.Role == cuda.Library {
			return fmt.Sprintf("needs %s %s, for CUDA %s, which %s", r, v, b.Version, g.refuses(b, wanted)), nil
		}
	}
	if why := g.refuses(own, wanted); why != "" {
		return fmt.Sprintf("is for CUDA %s, which %s", own.Version, why), nil
	}
	return "", nil
}

// without says that a version has no code for a wanted GPU; "" if it has, or nothing is known.
func (g *gpu) without(platform, name, version string, requires []string) string {
	if why := g.fails(name, version); why != "" {
		return why
	}
	if why := g.unfit(platform, name, version); why != "" {
		return why
	}
	for i, d := range g.want.Devices {
		if lacks := cuda.TableLacks(cuda.Package{Name: name, Version: version, Requires: requires, Platform: platform}, d); lacks != "" {
			return g.lacks(i, lacks)
		}
	}
	return ""
}

// needs are the names of what a package of the answer requires, with the extras that are chosen.
func (s *solved) needs(ctx context.Context, name string) ([]string, error) {
	meta, err := s.provider.metadata(ctx, name, s.versions[name])
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", name, s.versions[name], err)
	}
	var names []string
	for _, extra := range append([]string{""}, s.extras[name]...) {
		list, _ := s.provider.requirements(meta, extra)
		for _, r := range list {
			names = append(names, r.Name)
		}
	}
	return names, nil
}

// refuses says why what a package brings cannot be used beside the wanted major version, "" if it can.
func (g *gpu) refuses(b cuda.Brought, wanted int) string {
	major := b.Version.Major
	if major < oldestCUDA || major > newestCUDA {
		return ""
	}
	if why := g.refusal(major); why.kind != usable {
		return why.detail
	}
	if why := g.minor(b); why != "" {
		return why
	}
	if wanted != 0 && major != wanted {
		return fmt.Sprintf("does not go with CUDA %d of other packages", wanted)
	}
	return ""
}
