package resolver

import (
	"strings"

	"github.com/envpack/envpack/resolver/cuda"
	"github.com/envpack/envpack/resolver/pep440"
)

// ofLabels is the candidate to take of those that are the same release as c, which may be nil, and differ in a local label that
// says what they are built for. The order of versions says nothing of these: +cu92 sorts above +cu128.
func (p *provider) ofLabels(r *release, c *candidate, name string, s pep440.Set, ok func(reason) bool) *candidate {
	if c == nil || !c.version.IsLocal() {
		return c
	}
	best := c
	rank, built := p.policies.labelRank(c.version)
	if !built {
		return c
	}
	for i := r.position(c.version) + 1; i < len(r.candidates); i++ {
		other := r.candidates[i]
		if !other.version.Public().Equal(c.version.Public()) {
			break
		}
		n, built := p.policies.labelRank(other.version)
		if built && n > rank && s.Contains(other.version) && ok(p.unusable(r, other, name)) {
			best, rank = other, n
		}
	}
	return best
}

// labelRank orders the builds of one release, what is to be tried first the highest: with [gpu] that for the newest CUDA,
// without it the one that brings none. built is false for other labels.
func (p *policies) labelRank(v pep440.Version) (rank int, built bool) {
	label := v.Local()
	of := cuda.Brings(cuda.Package{Version: v.String()})
	switch {
	case of.Role == cuda.Framework:
		return 100*of.Version.Major + max(of.Version.Minor, 0), true
	case of.Role != cuda.Processor:
		return 0, false
	case p.gpu == nil && (label == "cpu" || strings.HasPrefix(label, "cpu.")):
		return 1 << 20, true
	}
	return 0, true // for other makers' GPUs, or for none where one is wanted
}
