package lockfile

import (
	"fmt"
	"strings"
)

// buildsOf tells by what was built in what it was.
func buildsOf(l *Lock) map[string]string {
	m := map[string]string{}
	for _, p := range l.Packages {
		for _, f := range p.Files {
			b := l.BuildOf(f.Build)
			if b == nil {
				continue
			}
			name := "of " + p.Name + " " + p.Version
			if len(l.Targets) > 1 {
				name += " (" + strings.Join(f.Targets, ", ") + ")"
			}
			var parts []string
			for _, q := range b.Packages {
				parts = append(parts, q.Name+" "+q.Version)
			}
			switch n := len(b.Debs); n {
			case 0:
			case 1:
				parts = append(parts, "1 package of the distribution")
			default:
				parts = append(parts, fmt.Sprintf("%d packages of the distribution", n))
			}
			m[name] = strings.Join(parts, ", ") + " (" + b.ID[:min(8, len(b.ID))] + ")"
		}
	}
	return m
}
