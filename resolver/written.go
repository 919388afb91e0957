package resolver

import (
	"slices"
	"strings"

	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// setOf are the versions that a requirement admits; how it was written is kept for explanations.
func (p *provider) setOf(r pep508.Requirement) pep440.Set {
	s := pep440.FromSpecifiers(r.Specifiers)
	if key := r.Name + "\x00" + s.Key(); r.Specifiers.Len() > 0 && p.written[key] == "" {
		p.written[key] = readable(r.Specifiers)
	}
	return s
}

// readable writes specifiers as people do: the lower bound first, exclusions last.
func readable(specs pep440.Specifiers) string {
	list := specs.All()
	slices.SortStableFunc(list, func(a, b pep440.Specifier) int {
		return slices.Index(reading, a.Op()) - slices.Index(reading, b.Op())
	})
	var out []string
	for _, s := range list {
		out = append(out, s.String())
	}
	return strings.Join(out, ",")
}

var reading = []pep440.Op{
	pep440.Arbitrary, pep440.Equal, pep440.Compatible, pep440.GreaterEqual, pep440.Greater, pep440.LessEqual, pep440.Less, pep440.NotEqual,
}
