package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// tellEffect says of what was edited where the lock is not what one would expect: a package that was removed and that others
// need, a constraint on a package that nothing needs.
func (e *edit) tellEffect(l *lockfile.Lock) {
	r := e.report()
	g := l.Graph()
	for _, text := range r.Removed {
		q, err := pep508.Parse(text)
		if err != nil || e.options.constraint || slices.ContainsFunc(r.Added, func(a string) bool { return strings.HasPrefix(a, q.RawName) }) {
			continue
		}
		var by []string
		for _, node := range g.Find(q.Name) {
			for _, edge := range g.In[node] {
				if from := g.Nodes[edge.From].Name; edge.From != 0 && !slices.Contains(by, from) {
					by = append(by, from)
				}
			}
		}
		if slices.Sort(by); len(by) > 0 {
			e.ui().Printf("%s", e.keepLock(fmt.Sprintf("%s stays in the lock, since %s; `envpack why %s` has all", q.Name, needs(by), q.Name)))
		}
	}
	for _, text := range r.Added {
		if q, err := pep508.Parse(text); err == nil && e.options.constraint && !hasPackage(l, q.Name) {
			e.ui().Warn("the constraint %s has no effect: nothing needs %s", text, q.Name)
		}
	}
}

// needs says who needs something.
func needs(by []string) string {
	if len(by) == 1 {
		return by[0] + " needs it"
	}
	return list(by) + " need it"
}

// locksFor are the locks in the project's folder that are for a group.
func (e *edit) locksFor(group string) []string {
	found, _ := filepath.Glob(filepath.Join(folderOf(e.options.dir), "*.lock"))
	return slices.DeleteFunc(found, func(path string) bool {
		s, there, err := selectionOf(path, true)
		return err != nil || !there || !slices.Contains(s.Groups, pep508.NormalizeName(group))
	})
}

// againstManifest adds to the error of an --upgrade-package that the manifest does not allow how it would.
func againstManifest(err error, m *manifest.Manifest, wanted []manifest.Requirement) error {
	for _, w := range wanted {
		for _, r := range slices.Concat(m.Requirements, m.Constraints, m.Overrides) {
			if r.Name != w.Name || !pep440.FromSpecifiers(r.Specifiers).Disjoint(pep440.FromSpecifiers(w.Specifiers)) {
				continue
			}
			return diag.Wrap(err, 0, "").Hint("--upgrade-package moves a package within what the manifest allows; change %s (%s) first", r.Requirement, r.Pos)
		}
	}
	return err
}
