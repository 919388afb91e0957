package apt

import (
	"context"
	"maps"
	"slices"
)

// essentials are all packages that are essential: others use what is in them without depending on them (policy 3.8), in
// their scripts too. An image that nothing is installed into later does without; apt installs, and so wants them.
func essentials(indexes [][]candidate, installed []candidate, prefer map[string]string, dropped map[string]bool) ([]want, error) {
	u, err := newUniverse(indexes, installed, prefer, dropped)
	if err != nil {
		return nil, err
	}
	var wants []want
	for _, name := range slices.Sorted(maps.Keys(u.byName)) {
		if u.byName[name].essential == "yes" {
			wants = append(wants, want{alt: alternatives{{name: name}}, reason: "essential, which installed packages' scripts rely on"})
		}
	}
	return wants, nil
}

// stages resolves the base, and then what is added to it, with the base's packages as they are. Where
// an addition needs another version of a base package than the preferred one, that preference is given up for the base too.
// An addition that brings apt brings all that is essential.
func stages(ctx context.Context, indexes [][]candidate, installed []candidate, prefer map[string]string, wants, system []want) (base, added []*choice, err error) {
	dropped := map[string]bool{}
	for {
		if base, err = closure(ctx, indexes, installed, prefer, dropped, wants); err != nil || len(system) == 0 {
			return base, nil, err
		}
		there := slices.Clone(installed)
		place := map[string]int{}
		for i, c := range there {
			place[c.name] = i
		}
		ours := map[string]bool{}
		for _, b := range base {
			fixed := *b.candidate
			fixed.installed, ours[fixed.name] = true, true
			if i, ok := place[fixed.name]; ok {
				there[i] = fixed // the base replaces a version of the image
			} else {
				there = append(there, fixed)
			}
		}
		given := maps.Clone(dropped)
		for name := range ours {
			delete(given, name) // the base has settled it
		}
		if added, err = closure(ctx, indexes, there, prefer, given, system); err != nil {
			return nil, nil, err
		}
		if slices.ContainsFunc(added, func(c *choice) bool { return c.name == "apt" }) {
			more, err := essentials(indexes, there, prefer, given)
			if err != nil {
				return nil, nil, err
			}
			if added, err = closure(ctx, indexes, there, prefer, given, append(slices.Clone(system), more...)); err != nil {
				return nil, nil, err
			}
		}
		again := false
		for name := range given {
			if ours[name] && !dropped[name] {
				dropped[name], again = true, true
			}
		}
		if !again {
			return base, added, nil
		}
	}
}
