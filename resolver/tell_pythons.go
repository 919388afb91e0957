package resolver

import (
	"strings"

	"github.com/envpack/envpack/resolver/pep440"
)

// pythonNeed are versions of a project that say the same of the Pythons that they need.
type pythonNeed struct {
	python string // Requires-Python
	set    pep440.Set
}

// addPython notes which Pythons versions of a part need, if that is why they cannot be used.
func (p *part) addPython(why reason, s pep440.Set) {
	if why.kind != needsPython {
		return
	}
	for i := range p.pythons {
		if p.pythons[i].python == why.detail {
			p.pythons[i].set = p.pythons[i].set.Union(s)
			return
		}
	}
	p.pythons = append(p.pythons, pythonNeed{why.detail, s})
}

// shownNeeds are how many different needs are told; of more, the two of the newest versions and that of the oldest.
const shownNeeds = 3

// pythons words that versions of a project need Pythons that are not the same for all.
func (t *teller) pythons(name string, needs []pythonNeed) string {
	var texts []string
	for i, need := range needs {
		if len(needs) > shownNeeds && i > 1 && i < len(needs)-1 {
			if i == 2 {
				texts = append(texts, "…")
			}
			continue
		}
		versions, _ := t.p.versions(pkg{name: name}, need.set)
		if verb := " needs Python "; i == 0 {
			versions += verb
		} else {
			versions += " needs "
		}
		texts = append(texts, versions+need.python)
	}
	last := len(texts) - 1
	return strings.Join(texts[:last], ", ") + ", and " + texts[last]
}
