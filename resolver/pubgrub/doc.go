// Package pubgrub finds versions of packages that satisfy each other's dependencies, or explains why there are none.
//
// It is an implementation of the PubGrub algorithm after the description in prose that comes with Dart's pub
// (doc/solver.md there), generic over packages, versions and sets of versions. It does no I/O, knows nothing of Python and
// takes nothing from the clock or from chance: the same answers of the Provider give the same result. It reads a problem
// from the Provider bit by bit, as needed; what a good version is, and in which order packages should be decided, is the
// Provider's business too.
//
// What follows is the specification. Solve holds to it in these files: term.go and partial.go (terms, facts, the partial
// solution), solver.go (main loop, propagation), conflict.go (learning, backjumps, swaps), decide.go (decisions, facts from
// the provider), and for failures explain.go, words.go, simplify.go and inference.go.
//
// # Terms
//
// A term is a statement about a package. The positive term "a S" is true if a version of a in the set S is selected. The
// negative term "not a S" is true if no such version is: if another version is selected, or none. So "not a ∅" is always
// true. A set of terms satisfies a term if it is true whenever they are; it contradicts the term if that is false
// whenever they are true; otherwise the term is inconclusive. All terms of one package can be joined into one:
//
//	a S and a T              is  a (S ∩ T)
//	a S and not a T          is  a (S \ T)
//	not a S and not a T      is  not a (S ∪ T)
//
// and "or" is the negation of "and" of the negations.
//
// # Incompatibilities
//
// An incompatibility is a set of terms, one a package at most, that must not all be true. Those that come from outside
// are called facts:
//
//	a S depends on b T       {a S, not b T}
//	a S allows only b T      {a S, b (complement of T)}     a constraint: b is not needed
//	no version of a is in S  {a S}
//	a S cannot be used       {a S}                          for a reason that only the provider understands
//
// Others are derived from two that are known, their causes, by resolution: from {t, q…} and {u, r…}, where t and u are
// about the same package, follows {t or u, q…, r…}. A term that is always true is left out. Positive terms about the root are
// left out of derived ones as well, unless nothing else would be left, because the root is always selected.
//
// Facts about a version are recorded for its cell (see Celler), and if a dependency is the same for several versions it is
// one fact about the union of their cells. The older, narrower fact is dropped. Both are true of all versions that exist,
// so it makes no difference to what can be solved; but it lets the solver reason about many versions at once.
//
// # Partial solution
//
// The partial solution is a list of assignments. A decision selects a version of a package; a derivation is a term
// that must be true, because of an incompatibility, its cause, all of whose other terms are satisfied. An assignment's level
// is the number of decisions up to and including it. The root is decided first and opens level 1, which is never undone.
// For each package the conjunction of its assignments is kept after each of them; as it only narrows, the first
// assignment that satisfies a term is found by bisection.
//
// # Main loop
//
// Propagate. For each package about which something changed, look at the incompatibilities with a term about it, newest
// first. If all terms but one are satisfied and this one is inconclusive, its negation is a derivation. If all are
// satisfied there is a conflict. An incompatibility with a contradicted term is marked, and is skipped until backtracking
// undoes the assignments of that level.
//
// Decide. When nothing more follows, take, of all packages with a positive term and no decision, the one with the
// highest priority. If there is none, the decisions are the solution. Let the provider choose a version. If it finds none,
// add that as a fact; versions that it excludes are facts too. Otherwise add the facts of that version, the first time that it
// is chosen. If the version would satisfy all terms of an incompatibility at once, do not decide it: propagation will
// rule it out without going back. Otherwise decide it. Go on with propagation.
//
// # Conflicts
//
// Given an incompatibility that is satisfied, find the satisfier: the earliest assignment after which it is. And the
// previous level: the lowest one to which one can go back such that the incompatibility would be satisfied there, together with
// the satisfier alone. The satisfier may need other assignments of its own package for its term to be satisfied: these count.
//
// If the incompatibility has no terms, or just one about the root, there is no solution. If the satisfier is a decision, or
// the previous level is lower than the satisfier's, go back to the previous level; something new follows from the
// incompatibility there. Otherwise replace it by what follows from it and from the satisfier's cause, and begin again. What
// was derived last is kept.
//
// A backjump over more than 100 levels removes only the satisfier's level instead. The same follows there, as all other
// terms are satisfied; and the decisions between, which have nothing to do with the conflict, are not made again.
//
// # Conflicting packages
//
// A conflict is put down to two packages: it affects the one whose decision opened the satisfier's level, and the culprit is
// the one that opened the previous level. A version that is ruled out before being decided affects its own package, and
// culprits are the other packages of the fact that rules it out, and not whoever narrowed them: of a's dependency on b that does
// not fit, that is b, although it may have been c that left b no other version. What is asked for first, and so decided
// early, would be blamed otherwise for all that comes later, and lose its newest version to it. The root is never a culprit. When the same pair has had
// five conflicts, the affected package is marked Early and the culprit Late, and the solver goes back to before the culprit's
// decision. Both counts and marks are told to Prioritize, which should heed them: it may be that the culprit had been decided
// for a version to which the affected package has thousands of futile alternatives.
//
// # Termination
//
// There are finitely many sets, generated from those in facts, and nothing that was learnt is forgotten. Each conflict
// leaves more assigned at a lower level than before, and each pair of packages is swapped only once. So every problem with
// finitely many packages and versions comes to an end: with a solution if there is one, since incompatibilities
// are always true, and with a proof if there is none. This needs Set to obey the laws of a Boolean algebra, with Equal sets for
// equal members; Solve panics or may not end otherwise.
//
// # Explanations
//
// The proof of a failure is a graph of incompatibilities whose leaves are facts. Explain first unites facts that say the same of
// different versions. It also unites dependencies of different versions on different versions of the same package, which
// loses something, whenever the rest of the proof still follows: "every version of a depends on b >=1,<9, and there is no such
// version". Then it writes a sentence for each node, causes first, two steps of a chain in one sentence; a node that is used
// more than once gets a number.
package pubgrub
