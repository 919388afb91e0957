package pubgrub

import "context"

// Algebra is what the solver needs of a set of versions, apart from membership.
//
// Sets are values: no method changes its receiver or argument. They form a Boolean algebra, and Equal must be true for
// any two sets with the same members, however they were computed: the solver tells progress by it.
type Algebra[S any] interface {
	Union(S) S
	Intersect(S) S
	Complement() S
	IsEmpty() bool
	Equal(S) bool
	SubsetOf(S) bool
	Disjoint(S) bool
	String() string
}

// Set is a set of versions of type V.
type Set[S, V any] interface {
	Algebra[S]
	Contains(V) bool
}

// Provider tells the solver about packages. The solver calls it from one goroutine.
//
// Answers must not depend on when they are asked for: a package's versions, and a version's dependencies, are the same
// during the whole of a Solve.
type Provider[P comparable, V any, S Set[S, V]] interface {
	// Prioritize ranks an undecided package of which a version in s is needed. The package with the highest priority is
	// decided next; among equals, the one that was seen first. The answer is kept until s or st changes.
	Prioritize(p P, s S, st Stats) Priority

	// Choose picks a version of p in s: the one to try first. If none is usable, Choice.Found is false.
	Choose(ctx context.Context, p P, s S) (Choice[V, S], error)

	// Dependencies says what version v of p, which Choose has picked, depends on.
	// It is asked at most once for a version.
	Dependencies(ctx context.Context, p P, v V) (Dependencies[P, S], error)

	// Singleton is the set {v}. For every version u of p but v, it does not contain u.
	Singleton(p P, v V) S
}

// Celler is a Provider that knows which versions are neighbours.
//
// Cell is a set that contains v and no other version of p that exists; normally the interval from v, inclusive, to the
// next version, exclusive. Facts about v are recorded for its cell, so that equal facts about neighbours become one
// about an interval: "a >=1.0, <2.0 depends on b" instead of a list of versions. Without this method the cell is the
// singleton.
type Celler[P comparable, V any, S Set[S, V]] interface {
	Cell(p P, v V) S
}

// Prefetcher is a Provider that likes to be told early what it will be asked about.
//
// Pending is called before each decision with the packages that are undecided and have become so, or whose set has
// changed, since the last call; in the order in which they were first seen. It should return at once and must not keep the
// slice.
type Prefetcher[P comparable, S any] interface {
	Pending(ctx context.Context, wanted []Want[P, S])
}

// Want is a package of which some version in Set is needed.
type Want[P comparable, S any] struct {
	Package P
	Set     S
}

// Priority ranks undecided packages; higher is decided earlier.
type Priority int64

// Stats says how a package has fared so far. See doc.go, Conflicting packages.
type Stats struct {
	// Affected counts the conflicts that struck when the package had been, or was about to be, decided.
	Affected int
	// Culprit counts the conflicts that struck other packages because of an earlier decision on this one.
	Culprit int
	// Early is set once the package was struck by the same other package again and again: it should be decided before it.
	Early bool
	// Late is set once the package was the culprit of another again and again: it should be decided after it.
	// Early and Late are never both set.
	Late bool
}

// Choice is a Provider's answer to Choose.
type Choice[V, S any] struct {
	Version V
	Found   bool

	// Reason says, if not Found, why there is none ("only pre-releases match"). It is handed to the Formatter in a
	// fact of kind NoVersions; the solver does not look at it. May be nil.
	Reason any

	// Exclude names versions that turned out to be unusable while choosing, with the reason for each set ("needs Python
	// >=3.12"). They become facts of kind Unavailable. Whatever of s is not in Exclude has no version at all if not Found.
	// A Version that is Found must not be in any of them.
	Exclude []Exclusion[S]
}

// Exclusion is a set of versions that cannot be used, for a reason that is opaque to the solver.
type Exclusion[S any] struct {
	Set    S
	Reason any
}

// Dependencies is a Provider's answer to Dependencies.
type Dependencies[P comparable, S any] struct {
	// Depends are the packages needed, each in a set. A package may occur several times; all must hold.
	Depends []Dep[P, S]

	// Constrains are packages that are not needed, but have to be in a set if something else needs them.
	Constrains []Dep[P, S]

	// Unavailable, if not nil, is why the version cannot be used after all ("metadata is broken"). It becomes a fact of
	// kind Unavailable, and Depends and Constrains are ignored.
	Unavailable any
}

// Dep is a dependency on, or a constraint of, some versions of a package.
type Dep[P comparable, S any] struct {
	Package P
	Set     S

	// Reason is handed to the Formatter, e.g. the place in a file; the solver does not look at it. Dependencies of
	// several versions are merged into one fact only if Set is equal; the fact keeps the Reason of the first. May be nil.
	Reason any
}

// Selected is a package with the version that was chosen.
type Selected[P comparable, V any] struct {
	Package P
	Version V
}

// Solution is a set of versions that satisfies all dependencies, in the order in which they were decided.
type Solution[P comparable, V any] struct {
	// Selected has the root, which comes first, and everything that it depends on, directly or not; nothing else.
	Selected []Selected[P, V]
	Effort   Effort
}

// Effort counts what a Solve did.
type Effort struct {
	Decisions         int // versions tried
	Conflicts         int // conflicts resolved, those avoided by looking ahead included
	Swaps             int // pairs of packages whose priorities were swapped
	Incompatibilities int // facts known in the end
}
