package resolver

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pubgrub"
	"github.com/envpack/envpack/resolver/tags"
)

// misread is a file of a project that was left out since it could not be understood, and might be
// a wheel.
type misread struct {
	name, reason string
	variant      bool           // it is well known not to be understood
	version      pep440.Version // zero if that is not understood either
}

// misread gives those that the project has; more of them have not even a name.
func (r *release) misread() (list []misread, more int) {
	u := r.project.Unreadable
	more = u.Count - len(u.First)
	for _, e := range u.First {
		if e.Name == "" || strings.HasSuffix(e.Name, ".whl") {
			list = append(list, misread{name: e.Name, reason: e.Reason})
		}
	}
	for _, filename := range r.project.Files.Misnamed() {
		_, err := tags.ParseWheel(filename)
		switch {
		case errors.Is(err, tags.ErrVariant):
			list = append(list, misread{name: filename, variant: true})
		case err != nil:
			list = append(list, misread{name: filename, reason: "it is not named as wheels are"})
		default:
			list = append(list, misread{name: filename, reason: "its name is that of another package"})
		}
	}
	for i := range list {
		if text, ok := index.VersionText(list[i].name); ok {
			list[i].version, _ = pep440.Parse(text)
		}
	}
	return list, more
}

// misreadText is a sentence about files that were left out, "" if none could matter.
func (r *release) misreadText(matters func(misread) bool) string {
	if r == nil || r.project == nil {
		return ""
	}
	list, more := r.misread()
	list = slices.DeleteFunc(list, func(m misread) bool { return !matters(m) })
	variants := 0
	list = slices.DeleteFunc(list, func(m misread) bool {
		if m.variant {
			variants++
		}
		return m.variant
	})
	text := ""
	if variants > 0 {
		text = fmt.Sprintf("%s of %s that the index lists %s (PEP 825), which envpack leaves out", files(variants), r.project.Name,
			map[bool]string{true: "is a wheel variant", false: "are wheel variants"}[variants == 1])
	}
	count := len(list) + more
	if count == 0 {
		return text
	}
	if text != "" {
		text += "; "
	}
	slices.SortStableFunc(list, func(a, b misread) int { return strings.Compare(a.name, b.name) })
	var named []string
	for _, m := range list[:min(len(list), 3)] {
		if m.name == "" {
			m.name = "one without a name"
		}
		named = append(named, fmt.Sprintf("%s (%s)", m.name, m.reason))
	}
	if rest := count - len(named); rest > 0 && len(named) > 0 {
		named = append(named, fmt.Sprintf("%d more", rest))
	}
	were := "was"
	if count > 1 {
		were = "were"
	}
	text += fmt.Sprintf("%s of %s that the index lists could not be understood and %s left out", files(count), r.project.Name, were)
	if len(named) > 0 {
		text += ": " + strings.Join(named, ", ")
	}
	return text
}

func files(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}

// misreadIn tells of the files that a failure may be due to: those of the versions that all
// that depends on the project asks for, if it lacks any that can be used.
func (p *provider) misreadIn(facts []*step) []string {
	wanted, lacking := map[string][]pep440.Set{}, map[string]bool{}
	for _, f := range facts {
		switch f.Kind {
		case pubgrub.Dependency:
			wanted[f.Dep.Package.name] = append(wanted[f.Dep.Package.name], f.Dep.Set)
		case pubgrub.Unavailable, pubgrub.NoVersions:
			lacking[f.Package.name] = true
		}
	}
	var out []string
	for name, sets := range wanted {
		text := p.met[name].misreadText(func(m misread) bool {
			return lacking[name] && (m.version.IsZero() || !slices.ContainsFunc(sets, func(s pep440.Set) bool { return !s.Contains(m.version) }))
		})
		if text != "" {
			out = append(out, text)
		}
	}
	slices.Sort(out)
	return out
}
