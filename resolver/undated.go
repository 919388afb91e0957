package resolver

import (
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
)

// checkDates refuses to choose where the choice depends on whether a file counts of which the index does not say when
// it was uploaded, and nobody has decided.
func (p *provider) checkDates(r *release, name string, s pep440.Set) error {
	asOf := p.policies.asOfOf(name)
	if asOf.IsZero() || r.missing != nil || r.project.Undated != "" {
		return nil
	}
	c := p.bestWhere(r, name, s, func(why reason) bool { return why.kind == usable || why.kind == undated })
	if c == nil || c.reason.kind != undated {
		return nil
	}
	return undatedError(r.project, c.reason.detail, asOf).At(p.undatedAt(r.project))
}

// undatedAt is the place that has to do with it: the table of the index, whose setting decides, else the date.
func (p *provider) undatedAt(project *index.Project) diag.Position {
	for _, i := range p.m.Indexes {
		if i.Name == project.IndexName {
			return i.Pos
		}
	}
	for _, one := range p.m.Policies.Packages {
		if one.Name == project.Name && one.OwnAsOf {
			return one.AsOfPos
		}
	}
	return p.m.Places.AsOf
}

func undatedError(p *index.Project, file string, asOf time.Time) *diag.Error {
	of, where := "the default index", "in the manifest:"
	lines := "\n    [[index]]\n    default = true\n    undated = %q"
	if p.IndexName != DefaultIndex {
		of, where, lines = "index "+p.IndexName, "in its [[index]]: ", "undated = %q"
	}
	return diag.New(diag.Manifest, "%s does not say when %s was uploaded, and as-of leaves out what is later than %s",
		of, file, asOf.Format(time.RFC3339)).
		Hint("decide it "+where+lines+" takes such files as if they had been there, \"skip\" leaves them out", "use")
}
