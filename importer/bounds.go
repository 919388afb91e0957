package importer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/resolver/pep508"
)

// settleHashes moves requirements that have hashes to the file that can hold them.
func (c *composer) settleHashes() {
	c.m.Dependencies = slices.DeleteFunc(c.m.Dependencies, func(r draft.Requirement) bool {
		if len(r.Hashes) > 0 {
			c.m.Hashed = append(c.m.Hashed, r)
		}
		return len(r.Hashes) > 0
	})
	c.m.Constraints = c.boundable(c.m.Constraints, "constraint")
	c.m.Overrides = c.boundable(c.m.Overrides, "override")
}

// boundable leaves out what cannot stand in a table of bounds, and tells of it.
func (c *composer) boundable(list []draft.Requirement, what string) []draft.Requirement {
	return slices.DeleteFunc(list, func(r draft.Requirement) bool {
		req, err := pep508.Parse(r.Text)
		if err == nil && len(req.Extras) == 0 {
			if req.Marker == nil {
				return false
			}
			if holds, known := c.holds(req.Marker); known {
				return !holds
			}
		}
		for i := range c.m.Lines {
			if l := &c.m.Lines[i]; l.From == r.From && l.Verdict != draft.Left {
				l.Verdict, l.Note = draft.Left, "bounds in a manifest have no conditions and no extras"
			}
		}
		c.m.Warnings = append(c.m.Warnings, fmt.Sprintf("%s: the %s %s has a condition or extras, which bounds in a manifest cannot have; it is left out", r.From, what, r.Text))
		return true
	})
}

// holds evaluates a marker that is about the version of Python and what all images are alike in; known is false for any other.
func (c *composer) holds(m *pep508.Marker) (holds, known bool) {
	for _, variable := range []string{"platform_machine", "python_full_version", "platform_release", "platform_version", "implementation_version", "extra", "dependency_groups"} {
		if strings.Contains(m.String(), variable) {
			return false, false
		}
	}
	minor := minorForm().FindString(c.m.Python)
	if minor == "" {
		return false, false
	}
	holds, err := m.Evaluate(pep508.Environment{PythonVersion: minor, PythonFullVersion: minor + ".0", OSName: "posix", SysPlatform: "linux", PlatformSystem: "Linux",
		PlatformMachine: "x86_64", PlatformPythonImplementation: "CPython", ImplementationName: "cpython", ImplementationVersion: minor + ".0"})
	return holds, err == nil
}

// minorForm is a version of Python at the beginning of a text, if it says one.
var minorForm = pattern.New(`^3\.\d{1,2}`)

// labelled adds the index that versions with labels of PyTorch's come from.
func (c *composer) labelled(list []draft.Requirement) {
	for _, r := range list {
		req, err := pep508.Parse(r.Text)
		if err != nil || r.Group != "" && !slices.Contains(c.o.Groups, r.Group) {
			continue
		}
		for _, s := range req.Specifiers.All() {
			label := s.Version().Local()
			if !s.IsExact() || label == "" || !manifest.IsVariant(label) || !slices.Contains(manifest.Templates[0].Packages, req.Name) {
				continue
			}
			at := slices.IndexFunc(c.m.Indexes, func(i draft.Index) bool { return i.Name == manifest.Templates[0].Name })
			switch {
			case at < 0:
				c.m.Indexes = append(c.m.Indexes, draft.Index{Name: manifest.Templates[0].Name, Variant: label, From: r.From,
					Comment: fmt.Sprintf("the builds +%s are not on the usual index", label)})
			case c.m.Indexes[at].Variant == "":
				c.m.Indexes[at].Variant = label
			}
		}
	}
}
