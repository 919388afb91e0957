package resolver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envpack/envpack/lockfile"
)

// Unbuilt are the projects of a lock of which it has no wheel, each once.
func Unbuilt(l *lockfile.Lock) []string {
	var names []string
	for _, p := range l.Packages {
		if !p.Built() && !slices.Contains(names, p.Name) {
			names = append(names, p.Name)
		}
	}
	return names
}

// noteAssumed writes into the lock of which source distributions the dependencies were assumed: a build
// may come to others than the archive has.
func noteAssumed(ctx context.Context, lock *lockfile.Lock, done []*solved, tell func(string)) error {
	type assumption struct{ name, version, from string }
	platforms := map[assumption][]string{}
	for _, s := range done {
		for _, name := range slices.Sorted(maps.Keys(s.versions)) {
			meta, err := s.provider.metadata(ctx, name, s.versions[name])
			if err != nil {
				return err
			}
			if meta.Assumed != "" {
				a := assumption{name, s.versions[name].String(), meta.Assumed}
				platforms[a] = append(platforms[a], s.target.Platform)
			}
		}
	}
	for _, a := range slices.SortedFunc(maps.Keys(platforms), func(x, y assumption) int { return strings.Compare(x.name+" "+x.version, y.name+" "+y.version) }) {
		on := platforms[a]
		c := lockfile.Choice{
			Kind: lockfile.AssumedChoice, Name: a.name, Value: a.from,
			Reason: fmt.Sprintf("%s %s does not say that its dependencies are final; a build may come to others", a.name, a.version),
		}
		tell(fmt.Sprintf("%s %s does not say what it depends on without being built; what its %s says is assumed", a.name, a.version, a.from))
		if len(on) == len(done) {
			lock.Choices = append(lock.Choices, c)
			continue
		}
		for _, c.Target = range on {
			lock.Choices = append(lock.Choices, c)
		}
	}
	return nil
}
