package index

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/resolver/pep508"
)

// Source is an index and the packages that it is for.
type Source struct {
	Index *Index
	// Packages are the packages that come from this index and no other, by name or pattern
	// ("nvidia-*"). None: the index is asked for every package that is bound to none.
	Packages []string
	// Variants are indexes that may stand in place of Index, of which it is one; none: it has none.
	Variants map[string]*Index
}

// Set is the indexes of a resolution, in the order in which they are asked. A package comes from
// one index: the first that has it, among those that it is bound to if it is bound. Taking the best
// version of several would let anyone who can publish to one of them replace a package of another.
type Set struct {
	sources []Source
	byName  map[string]*Index
}

// NewSet makes a set.
//
// Errors: a pattern that is malformed; two indexes of one name.
func NewSet(sources ...Source) (*Set, error) {
	s := &Set{byName: map[string]*Index{}}
	for _, src := range sources {
		name := src.Index.Name()
		if s.byName[name] != nil {
			return nil, diag.New(diag.Manifest, "there are two indexes with the name %s", name)
		}
		s.byName[name] = src.Index
		bound := Source{Index: src.Index, Variants: src.Variants}
		for _, p := range src.Packages {
			if _, err := path.Match(p, ""); err != nil {
				return nil, diag.Wrap(err, diag.Manifest, "index %s: packages: %q", name, p).
					Hint("a pattern is a name in which * stands for any letters, such as nvidia-*")
			}
			bound.Packages = append(bound.Packages, pep508.NormalizeName(p))
		}
		s.sources = append(s.sources, bound)
	}
	return s, nil
}

// NoProjectError says that a package is in none of the indexes that it may come from. It is
// ErrNoProject.
type NoProjectError struct {
	Name    string
	Indexes []string // that were asked
	// Addresses are theirs, without credentials, in the same order.
	Addresses []string
	Bound     bool // the package is bound to them
}

// Error implements error.
func (e *NoProjectError) Error() string {
	switch {
	case len(e.Indexes) == 0:
		return fmt.Sprintf("no index is for %s", e.Name)
	case e.Bound:
		return fmt.Sprintf("%s is not in index %s, which it is bound to", e.Name, strings.Join(e.Indexes, ", "))
	case len(e.Indexes) == 1:
		return fmt.Sprintf("%s is not in index %s", e.Name, e.Indexes[0])
	}
	return fmt.Sprintf("%s is in none of the indexes %s", e.Name, strings.Join(e.Indexes, ", "))
}

// Is makes it an ErrNoProject.
func (e *NoProjectError) Is(target error) bool { return target == ErrNoProject }

// Project gives what the index that a package comes from has of it; IndexName says which that is.
//
// Errors: *NoProjectError; those of Index.Project. An index that fails ends the search, because the
// package might have come from it.
func (s *Set) Project(ctx context.Context, name string) (*Project, error) {
	name = pep508.NormalizeName(name)
	indexes, bound := s.forPackage(name)
	missing := &NoProjectError{Name: name, Bound: bound}
	for _, x := range indexes {
		p, err := x.Project(ctx, name)
		if err == nil || !errors.Is(err, ErrNoProject) {
			return p, x.placed(err)
		}
		missing.Indexes = append(missing.Indexes, x.Name())
		missing.Addresses = append(missing.Addresses, fetch.Redact(x.base.String()))
	}
	return nil, missing
}

// Unbound is the set without the bindings of a package by its name; what patterns bind stays bound. Both share their indexes.
func (s *Set) Unbound(name string) *Set {
	out := &Set{byName: s.byName}
	for _, src := range s.sources {
		left := slices.DeleteFunc(slices.Clone(src.Packages), func(p string) bool { return p == name })
		if len(left) > 0 || len(src.Packages) == 0 { // one that is for no package is not asked for others
			out.sources = append(out.sources, Source{src.Index, left, src.Variants})
		}
	}
	return out
}

// WithVariant is the set with a variant in place of the index of that name, which has it. Both share their indexes.
func (s *Set) WithVariant(name, variant string) *Set {
	out := &Set{byName: maps.Clone(s.byName)}
	for _, src := range s.sources {
		if x := src.Variants[variant]; x != nil && src.Index.Name() == name {
			src.Index, out.byName[name] = x, x
		}
		out.sources = append(out.sources, src)
	}
	return out
}

// forPackage gives the indexes that a package may come from, in order.
func (s *Set) forPackage(name string) (indexes []*Index, bound bool) {
	for _, src := range s.sources {
		for _, p := range src.Packages {
			if ok, _ := path.Match(p, name); ok {
				indexes = append(indexes, src.Index)
				break
			}
		}
	}
	if indexes != nil {
		return indexes, true
	}
	for _, src := range s.sources {
		if len(src.Packages) == 0 {
			indexes = append(indexes, src.Index)
		}
	}
	return indexes, false
}

// Index gives the index of that name; nil: there is none.
func (s *Set) Index(name string) *Index { return s.byName[name] }

// Variant gives the variant of the index of that name whose builds have a local label; else the index itself, nil if there is none.
func (s *Set) Variant(name, label string) *Index {
	for _, src := range s.sources {
		if x := src.Variants[label]; x != nil && src.Index.Name() == name {
			return x
		}
	}
	return s.byName[name]
}

// Metadata gives the metadata of a file of a project that this set gave. Errors are those of
// Index.Metadata.
func (s *Set) Metadata(ctx context.Context, p *Project, f File) (*Metadata, error) {
	x := s.byName[p.IndexName]
	if x == nil {
		return nil, fmt.Errorf("no index has the name %q", p.IndexName)
	}
	m, err := x.Metadata(ctx, f)
	return m, x.placed(err)
}

// placed says of an error where the index was named, unless it knows a better place.
func (x *Index) placed(err error) error {
	if err == nil || x.o.Pos.IsZero() || !diag.PositionOf(err).IsZero() {
		return err
	}
	return diag.Wrap(err, 0, "").At(x.o.Pos)
}
