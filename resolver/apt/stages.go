package apt

import (
	"context"
	"maps"
	"slices"
)

// stages resolves the base, and then what is added to it, with the base's packages as they are. Where
// an addition needs another version of a base package than the preferred one, that preference is given up for the base too.
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
