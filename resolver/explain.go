package resolver

import (
	"errors"
	"fmt"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pubgrub"
)

// noProject is the solver's reason for a project that no index has.
type noProject struct{}

type noSolution = pubgrub.NoSolutionError[pkg, pep440.Set]

func asMetadataError(err error, target **index.MetadataError) bool { return errors.As(err, target) }

func manifestError(r manifest.Requirement, err error) error {
	return diag.Wrap(err, diag.Manifest, "requirement %s", r.Requirement).At(r.Pos)
}

// explain turns the solver's proof into an error for people.
func (p *provider) explain(e *noSolution) error {
	text := pubgrub.Explain(e, pubgrub.Formatter[pkg, pep440.Set]{
		Subject: describe, Object: describe, Fact: p.fact,
		Failure: "the requirements cannot be satisfied",
	})
	out := diag.New(diag.NoAnswer, "no set of packages satisfies the manifest for %s, Python %s:\n%s",
		p.target.Platform, p.target.Python, indent(text))
	for _, name := range sortedNames(p.missingIn(e.Root)) {
		if near, ok := importNames[name]; ok {
			_ = out.Hint("%s is what is imported; the package is called %s", name, near)
		}
	}
	if !p.asOf.IsZero() && strings.Contains(text, "was uploaded after") {
		_ = out.Hint("as-of hides what was uploaded later; a later date may have an answer")
	}
	return out
}

// describe names versions of a package: "torch 2.4.0", "numpy >=2", "any version of scipy".
func describe(q pkg, s pep440.Set) string {
	if q == root {
		return "the project"
	}
	if v, ok := s.Single(); ok {
		return q.String() + " " + v
	}
	if s.IsFull() {
		return q.String()
	}
	return q.String() + " " + s.String()
}

// fact words what the solver did not derive.
func (p *provider) fact(f *pubgrub.Incompatibility[pkg, pep440.Set]) string {
	switch f.Kind {
	case pubgrub.Unavailable:
		if why, ok := f.Reason.(string); ok {
			return describe(f.Package, f.Set) + " " + why
		}
	case pubgrub.NoVersions:
		if _, ok := f.Reason.(noProject); ok {
			return "there is no package " + f.Package.name + " in the index"
		}
		if f.Set.IsFull() {
			return "there is no version of " + f.Package.String()
		}
		return fmt.Sprintf("there is no version of %s that is %s", f.Package, f.Set)
	}
	return ""
}

// missingIn collects the projects that no index has and that the proof speaks of.
func (p *provider) missingIn(e *pubgrub.Incompatibility[pkg, pep440.Set]) map[string]bool {
	found := map[string]bool{}
	seen := map[*pubgrub.Incompatibility[pkg, pep440.Set]]bool{}
	stack := []*pubgrub.Incompatibility[pkg, pep440.Set]{e}
	for len(stack) > 0 {
		f := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if f == nil || seen[f] {
			continue
		}
		seen[f] = true
		if _, ok := f.Reason.(noProject); ok {
			found[f.Package.name] = true
		}
		stack = append(stack, f.Causes[0], f.Causes[1])
	}
	return found
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ")
}
