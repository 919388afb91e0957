package importer

import (
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// placeholder is a name on the index of which the newest release says only that another is meant, and cannot be installed.
type placeholder struct {
	name    string
	since   string // the day from which on there is such a release; "" for always
	bound   string // specifiers of the releases that can be installed; "" if there are none
	instead string
	why     string
}

// placeholders are those that there are.
//
// sklearn: its page, "sklearn PyPI package deprecation": 0.0.post1 of 2022-12-01 and later ones fail when they are built; 0.0 requires
// scikit-learn and does nothing else.
// pytorch: 0.1.2 of 2016 and 1.0.2 of 2019 fail when they are built, saying that the package is called torch.
// tensorflow-gpu: its page, "tensorflow-gpu has been removed": 2.12.0 of 2022-12-20 fails when it is built.
var placeholders = []placeholder{
	{"sklearn", "2022-12-01", "==0.0", "scikit-learn", "sklearn stands for scikit-learn, and no later release of it can be built"},
	{"pytorch", "", "", "torch", "pytorch on the index stands for torch, and cannot be built"},
	{"tensorflow-gpu", "2022-12-20", "<2.12", "tensorflow", "later releases of tensorflow-gpu stand for tensorflow, and cannot be built"},
}

// settled is the requirement in place of one of a placeholder, as of a day ("" for the present); ok is false for any other.
func settled(r draft.Requirement, day string) (text, why string, ok bool) {
	req, err := pep508.Parse(r.Text)
	if err != nil || req.URL != "" {
		return "", "", false
	}
	for _, p := range placeholders {
		if p.name != req.Name || day != "" && day < p.since {
			continue
		}
		text := req.RawName
		if len(req.Extras) > 0 {
			text += "[" + strings.Join(req.Extras, ",") + "]"
		}
		bound := pep440.FromSpecifiers(pep440.MustParseSpecifiers(p.bound))
		asked := pep440.FromSpecifiers(req.Specifiers)
		switch {
		case p.bound == "" || asked.Disjoint(bound):
			text = p.instead
			if p.name == "tensorflow-gpu" { // which had the same versions
				text += req.Specifiers.String()
			}
		case asked.SubsetOf(bound):
			return "", "", false
		default:
			text += strings.TrimPrefix(req.Specifiers.String()+","+p.bound, ",")
		}
		if req.Marker != nil {
			text += "; " + req.Marker.String()
		}
		return text, p.why, true
	}
	return "", "", false
}

// settlePlaceholders does that with all of a draft, and says so on their lines.
func (o Options) settlePlaceholders(d *draft.Draft) {
	day := dayForm().FindString(o.AsOf)
	for i := range d.Requirements {
		r := &d.Requirements[i]
		text, why, ok := settled(*r, day)
		if !ok {
			continue
		}
		name := strings.ToLower(r.Text[:strings.IndexAny(r.Text+" ", " =<>!~;[(")])
		for k := range d.Lines {
			if l := &d.Lines[k]; l.From == r.From && strings.HasPrefix(strings.ToLower(l.Text), name) {
				l.Verdict, l.Note = draft.Mapped, text+": "+why
			}
		}
		r.Text, r.Comment = text, why
	}
}
