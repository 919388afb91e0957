package pubgrub

// Kind says where an Incompatibility comes from.
type Kind uint8

const (
	// Derived follows from two others, its Causes.
	Derived Kind = iota
	// Dependency: versions of Package depend on Dep.
	Dependency
	// Constraint: versions of Package allow no version of Dep.Package that is not in Dep.Set.
	Constraint
	// NoVersions: there is no version of Package in Set. Reason may say more.
	NoVersions
	// Unavailable: versions of Package in Set cannot be used, for Reason.
	Unavailable
)

// Term is a statement about one package. If Positive: a version in Set is selected. Otherwise: no version in
// Set is selected (another one is, or none).
type Term[P comparable, S any] struct {
	Package  P
	Positive bool
	Set      S
}

// Incompatibility is a set of terms that cannot all be true, together with the reason for that: a node of the
// derivation graph. It is read-only.
type Incompatibility[P comparable, S any] struct {
	Terms []Term[P, S]
	Kind  Kind

	// Package and Set, unless Derived, are the versions that the fact is about.
	Package P
	Set     S
	// Dep is for Dependency and Constraint.
	Dep Dep[P, S]
	// Reason is for NoVersions and Unavailable, opaque.
	Reason any

	// Causes is for Derived. The graph is acyclic; a node may be the cause of several others.
	Causes [2]*Incompatibility[P, S]
}

// NoSolutionError says that no set of versions satisfies all dependencies, and proves it.
type NoSolutionError[P comparable, S Algebra[S]] struct {
	// RootPackage is the package that was to be solved for.
	RootPackage P
	// Root is the conclusion of the proof: that RootPackage cannot be used.
	Root *Incompatibility[P, S]
}

// Error explains the failure in default words; see Explain for better ones.
func (e *NoSolutionError[P, S]) Error() string {
	return Explain(e, Formatter[P, S]{})
}
